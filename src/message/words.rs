//! The words of both languages. The layouts around them are the same.

use serde::{Deserialize, Serialize};

use crate::alert::MessageCounts;
use crate::metric::Label;
use crate::text::{are, counted, were};

/// The language of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "zh")]
    Chinese,
    #[serde(rename = "en")]
    English,
}

/// One language's words.
#[derive(Debug)]
pub struct Words {
    pub alert_title: &'static str,
    pub docker_title: &'static str,
    pub critical_title: &'static str,
    pub event_title: &'static str,
    pub critical_event_title: &'static str,
    pub docker_critical_title: &'static str,
    pub recovery_title: &'static str,
    pub report_title: &'static str,
    pub test_title: &'static str,
    pub test_line: &'static str,
    pub time: &'static str,
    pub report_time: &'static str,
    pub threshold: &'static str,
    pub expected: &'static str,
    pub back_to_normal: &'static str,
    pub unknown: &'static str,
    pub container: &'static str,
    pub system: &'static str,
    pub network: &'static str,
    pub docker: &'static str,
    pub docker_unavailable: &'static str,
    pub docker_available: &'static str,
    pub alerts: &'static str,
    /// Between the parts of one line.
    pub comma: &'static str,
    pub language: Language,
}

const CHINESE: Words = Words {
    alert_title: "⚠️ VPS 告警",
    docker_title: "🐳 Docker 告警",
    critical_title: "🚨 VPS 严重告警",
    event_title: "🔔 VPS 事件",
    critical_event_title: "🚨 VPS 严重事件",
    docker_critical_title: "🚨 Docker 严重告警",
    recovery_title: "✅ VPS 恢复",
    report_title: "📊 VPS 状态报告",
    test_title: "🔔 VPS 测试",
    test_line: "✉️ 收到此消息，说明通知渠道工作正常",
    time: "⏰ 时间",
    report_time: "⏰ 报告时间",
    threshold: "阈值",
    expected: "期望",
    back_to_normal: "已恢复正常",
    unknown: "未知",
    container: "📦 容器",
    system: "🖥️ 系统状态",
    network: "🌐 网络状态",
    docker: "🐳 Docker 容器",
    docker_unavailable: "⚠️ Docker 服务不可用",
    docker_available: "✅ Docker 服务已恢复正常",
    alerts: "🚨 告警",
    comma: "，",
    language: Language::Chinese,
};

const ENGLISH: Words = Words {
    alert_title: "⚠️ VPS Alert",
    docker_title: "🐳 Docker Alert",
    critical_title: "🚨 VPS Critical",
    event_title: "🔔 VPS Event",
    critical_event_title: "🚨 VPS Critical Event",
    docker_critical_title: "🚨 Docker Critical",
    recovery_title: "✅ VPS Recovery",
    report_title: "📊 VPS Status Report",
    test_title: "🔔 VPS Test",
    test_line: "✉️ You can read this, so this channel works",
    time: "⏰ Time",
    report_time: "⏰ Report time",
    threshold: "threshold",
    expected: "expected",
    back_to_normal: "back to normal",
    unknown: "unknown",
    container: "📦 Container",
    system: "🖥️ System",
    network: "🌐 Network",
    docker: "🐳 Docker containers",
    docker_unavailable: "⚠️ Docker is not available",
    docker_available: "✅ Docker is available again",
    alerts: "🚨 Alerts",
    comma: ", ",
    language: Language::English,
};

impl Language {
    pub const fn words(self) -> &'static Words {
        match self {
            Language::Chinese => &CHINESE,
            Language::English => &ENGLISH,
        }
    }
}

impl Words {
    /// A quantity's label in this language.
    pub const fn label(&self, text: &Label) -> &'static str {
        match self.language {
            Language::Chinese => text.zh,
            Language::English => text.en,
        }
    }

    /// The mark in the title of a message that could not be delivered for a while.
    pub fn delayed(&self, seconds: u64) -> String {
        let duration = self.duration(seconds);
        match self.language {
            Language::Chinese => format!("(延迟 {duration})"),
            Language::English => format!("({duration} late)"),
        }
    }

    /// Earlier messages could not be delivered at all.
    pub fn set_aside(&self, count: u32) -> String {
        match self.language {
            Language::Chinese => format!("📭 此前有 {count} 条消息被拒收，已搁置，详见日志"),
            Language::English => {
                let messages = counted(count, "earlier message");
                format!("📭 {messages} {} refused and set aside, see the log", were(count))
            }
        }
    }

    /// The mark in the title of a late report.
    pub fn late(&self, due: &str) -> String {
        match self.language {
            Language::Chinese => format!("(补发 {due})"),
            Language::English => format!("(late, due {due})"),
        }
    }

    /// How often something happened.
    pub fn times(&self, count: u64) -> String {
        match self.language {
            Language::Chinese => format!("共 {count} 次"),
            Language::English => counted(count, "time"),
        }
    }

    /// How long an alert has lasted.
    pub fn lasting(&self, duration: &str) -> String {
        match self.language {
            Language::Chinese => format!("已持续 {duration}"),
            Language::English => format!("for {duration}"),
        }
    }

    /// The number of messages since the last report.
    pub fn since_report(&self, counts: MessageCounts) -> String {
        let MessageCounts { alerts, recoveries } = counts;
        match self.language {
            Language::Chinese => format!("  • 上次报告以来: 告警 {alerts} 次, 恢复 {recoveries} 次"),
            Language::English => {
                let (alerts, recoveries) = (counted(alerts, "alert"), counted(recoveries, "recovery"));
                format!("  • Since the last report: {alerts}, {recoveries}")
            }
        }
    }

    /// The silences that last, in a report.
    pub fn silences(&self, count: usize, until: &str) -> String {
        match self.language {
            Language::Chinese => format!("🔕 {count} 项静默至 {until}"),
            Language::English => format!("🔕 {} until {until}", counted(count, "silence")),
        }
    }

    /// The number of a container's restarts, in a report.
    pub fn restarts(&self, times: u64) -> String {
        match self.language {
            Language::Chinese => format!("重启 {times} 次"),
            Language::English => counted(times, "restart"),
        }
    }

    /// The time since a container's start, in a report.
    pub fn started_ago(&self, duration: &str) -> String {
        match self.language {
            Language::Chinese => format!("{duration}前启动"),
            Language::English => format!("started {duration} ago"),
        }
    }

    /// The number of healthy containers that are not listed.
    pub fn others_well(&self, count: usize) -> String {
        match self.language {
            Language::Chinese => format!("  … 另有 {count} 个正常"),
            Language::English => format!("  … and {count} more that {} well", are(count)),
        }
    }

    /// The number of unlisted containers that did not run when they were first seen.
    pub fn others_as_found(&self, count: usize) -> String {
        match self.language {
            Language::Chinese => format!("  … 另有 {count} 个早已停止"),
            Language::English => format!("  … and {count} more that {} stopped before", were(count)),
        }
    }

    /// The number of lines that are left out.
    pub fn more(&self, count: usize) -> String {
        match self.language {
            Language::Chinese => format!("… 另有 {count} 项，详见 vps-monitor status"),
            Language::English => format!("… and {count} more, see `vps-monitor status`"),
        }
    }

    /// A duration in its two largest units; below a minute, in seconds.
    pub fn duration(&self, seconds: u64) -> String {
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        match self.language {
            Language::Chinese => match (days, hours, minutes) {
                (0, 0, 0) => format!("{seconds} 秒"),
                (0, 0, minutes) => format!("{minutes} 分钟"),
                (0, hours, 0) => format!("{hours} 小时"),
                (0, hours, minutes) => format!("{hours} 小时 {minutes} 分"),
                (days, 0, _) => format!("{days} 天"),
                (days, hours, _) => format!("{days} 天 {hours} 小时"),
            },
            Language::English => match (days, hours, minutes) {
                (0, 0, 0) => format!("{seconds} s"),
                (0, 0, minutes) => format!("{minutes} min"),
                (0, hours, 0) => format!("{hours} h"),
                (0, hours, minutes) => format!("{hours} h {minutes} min"),
                (days, 0, _) => counted(days, "day"),
                (days, hours, _) => format!("{days} d {hours} h"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_is_in_the_singular() {
        let words = Language::English.words();
        let told = [
            words.since_report(MessageCounts { alerts: 1, recoveries: 1 }),
            words.set_aside(1),
            words.times(1),
            words.silences(1, "03:00"),
            words.restarts(1),
            words.others_well(1),
            words.others_as_found(1),
            words.duration(86_400),
        ];
        let expected = [
            "  • Since the last report: 1 alert, 1 recovery",
            "📭 1 earlier message was refused and set aside, see the log",
            "1 time",
            "🔕 1 silence until 03:00",
            "1 restart",
            "  … and 1 more that is well",
            "  … and 1 more that was stopped before",
            "1 day",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        for (seconds, chinese, english) in [
            (0, "0 秒", "0 s"),
            (59, "59 秒", "59 s"),
            (61, "1 分钟", "1 min"),
            (3600, "1 小时", "1 h"),
            (7505, "2 小时 5 分", "2 h 5 min"),
            (86_400 + 59, "1 天", "1 day"),
            (3 * 86_400 + 7200 + 60, "3 天 2 小时", "3 d 2 h"),
        ] {
            assert_eq!(CHINESE.duration(seconds), chinese);
            assert_eq!(ENGLISH.duration(seconds), english);
        }
    }
}
