//! `general`: settings for the agent as a whole.

use std::time::Duration;

use jiff::tz::TimeZone;
use log::LevelFilter;
use serde::{Serialize, Serializer};

use crate::message::Language;
use crate::settings::{self, Section, doc, duration_text, seconds, time_zone_name};

/// `general`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GeneralConfig {
    /// The host's name in messages; empty: the system's.
    pub hostname: String,
    #[serde(serialize_with = "seconds")]
    pub check_interval: Duration,
    /// The pause between two messages of one alert.
    #[serde(serialize_with = "seconds")]
    pub alert_cooldown: Duration,
    pub send_recovery: bool,
    /// The time from its last message until a lasting alert is told again; empty: never.
    #[serde(serialize_with = "durations_or_never")]
    pub alert_repeat: Vec<Duration>,
    /// How long an alert that came back must be below its limit until it is over.
    #[serde(serialize_with = "durations_or_never")]
    pub alert_settle: Vec<Duration>,
    /// How many causes an alert names.
    pub causes: usize,
    /// Whether a picture of the last hours follows an alert.
    pub alert_picture: bool,
    #[serde(serialize_with = "level_name")]
    pub log_level: LevelFilter,
    pub language: Language,
    /// The zone of the times that people read; `None`: the system's.
    #[serde(serialize_with = "time_zone_name")]
    pub timezone: Option<TimeZone>,
}

const LEVELS: [(&str, LevelFilter); 4] = [
    ("DEBUG", LevelFilter::Debug),
    ("INFO", LevelFilter::Info),
    ("WARNING", LevelFilter::Warn),
    ("ERROR", LevelFilter::Error),
];

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Written in place of a duration: never.
const NEVER: &str = "never";

impl Default for GeneralConfig {
    fn default() -> GeneralConfig {
        settings::defaults(GeneralConfig::read)
    }
}

impl GeneralConfig {
    pub fn read(section: &mut Section<'_>) -> GeneralConfig {
        GeneralConfig {
            hostname: section
                .text("hostname", doc("消息中的主机名，留空则自动获取", "host name in messages; empty: the system's")),
            check_interval: section.duration(
                "check_interval",
                Duration::from_secs(900),
                Duration::from_secs(1)..=DAY,
                doc("检查间隔（秒）", "time between checks"),
            ),
            alert_cooldown: section.duration(
                "alert_cooldown",
                Duration::from_secs(300),
                Duration::ZERO..=30 * DAY,
                doc("同一告警两次消息之间的冷却时间（秒）", "least time between messages of one alert"),
            ),
            send_recovery: section.boolean(
                "send_recovery",
                true,
                doc("是否发送恢复通知", "send a message when an alert is over"),
            ),
            alert_repeat: section.durations(
                "alert_repeat",
                &[HOUR, DAY],
                Duration::ZERO..=30 * DAY,
                Some(NEVER),
                doc(
                    "告警持续时隔多久再次通知，依次取用，最后一个此后一直沿用；0：冷却结束后每次检查都通知",
                    "time after which a lasting alert is told again, one after the other, the last one for ever; 0: at each check after the cooldown",
                ),
            ),
            alert_settle: section.durations(
                "alert_settle",
                &[HOUR, DAY],
                Duration::ZERO..=30 * DAY,
                None,
                doc(
                    "一天内反复出现的告警须连续正常多久才报恢复，第 n 次反复取第 n 个；0：立即报恢复",
                    "an alert that came back within a day recovers after so long below its limit; the n-th return takes the n-th; 0: at once",
                ),
            ),
            causes: section.integer(
                "causes",
                3,
                0..=10,
                doc(
                    "CPU、内存、Swap 告警下最多列出几个占用最多的服务或容器；0：不列出",
                    "how many of the units and containers that hold or burn most an alert of CPU, memory or swap names; 0: none",
                ),
            ) as usize,
            alert_picture: section.boolean(
                "alert_picture",
                false,
                doc(
                    "告警之后是否附上该指标最近 6 小时的图片（渠道支持时；需要 `history`）",
                    "send a picture of the quantity's last 6 hours after an alert, where the channel takes one; it needs `history`",
                ),
            ),
            log_level: section.choice(
                "log_level",
                LevelFilter::Info,
                &LEVELS,
                doc("日志级别", "lowest level that is logged"),
            ),
            language: section.choice(
                "language",
                Language::default(),
                &[("zh", Language::Chinese), ("en", Language::English)],
                doc("消息语言", "language of messages"),
            ),
            timezone: section.time_zone(
                "timezone",
                doc(
                    "消息中时间的时区，如 Asia/Shanghai，留空则用系统时区",
                    "time zone of messages, such as Asia/Shanghai; empty: the system's",
                ),
            ),
        }
    }
}

/// The forms that people write: `never`, one duration, or a list.
fn durations_or_never<S: Serializer>(durations: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    match durations {
        [] => serializer.serialize_str(NEVER),
        [one] => seconds(one, serializer),
        several => serializer.collect_seq(several.iter().map(|duration| duration_text(*duration))),
    }
}

fn level_name<S: Serializer>(level: &LevelFilter, serializer: S) -> Result<S::Ok, S::Error> {
    let name = LEVELS.iter().find(|(_, of_name)| of_name == level).map_or("INFO", |(name, _)| *name);
    serializer.serialize_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GeneralConfig, String> {
        let read = settings::read("c", text.as_bytes(), GeneralConfig::read);
        read.map(|read| read.value).map_err(|problems| problems.list[0].message.clone())
    }

    #[test]
    fn levels_and_languages_are_words_in_any_case() {
        let config = read("log_level: warning\nlanguage: EN\n").unwrap();
        assert_eq!((config.log_level, config.language), (LevelFilter::Warn, Language::English));
        assert_eq!(read("log_level: TRACE\n").unwrap_err(), "log_level: `TRACE` is none of the values");
    }

    #[test]
    fn intervals_have_ranges() {
        assert_eq!(read("check_interval: 1d\nalert_cooldown: 0\n").unwrap().check_interval, DAY);
        assert_eq!(read("check_interval: 0.5\n").unwrap_err(), "check_interval: 0.5 is out of range");
        assert_eq!(read("alert_cooldown: 31d\n").unwrap_err(), "alert_cooldown: 31d is out of range");
    }

    #[test]
    fn a_time_zone_is_an_iana_name() {
        assert_eq!(read("timezone: ''\n").unwrap().timezone, None);
        let zone = read("timezone: asia/shanghai\n").unwrap().timezone.unwrap();
        assert_eq!(zone.iana_name(), Some("Asia/Shanghai"));
        assert_eq!(read("timezone: Nowhere\n").unwrap_err(), "timezone: there is no time zone `Nowhere`");
    }
}
