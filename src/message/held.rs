//! The one message at the end of a hold: alerts that burn now, keys that cannot be measured, and a line for each of both
//! that came and went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::{alert_lines, facts, in_order, recovery_lines};
use super::episode::Wording;
use super::{Fact, Kind, Language, Line, Message, Style, containers, digest, event, unknown};
use crate::alert::Transition;
use crate::rule::Level;
use crate::snapshot::Value;

/// An alert that came and went while its news was held.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Its worst state since the first time.
    pub transition: Transition,
    /// When it was last over.
    pub ended: Timestamp,
    /// How often it came and went.
    pub times: u64,
    /// Whether people were told that it began, before the hold.
    pub is_known: bool,
}

/// The news at the end of a hold, in the order of keys.
#[derive(Clone, Debug, Default)]
pub struct Released {
    pub burning: Vec<Transition>,
    pub over: Vec<Past>,
    pub unlisted: Option<Unlisted>,
}

/// Alerts with held news of which only the number is known: a state file had no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unlisted {
    pub since: Timestamp,
    pub last: Timestamp,
    pub count: u64,
}

impl Released {
    pub fn is_empty(&self) -> bool {
        self.burning.is_empty() && self.over.is_empty() && self.unlisted.is_none()
    }
}

impl Unlisted {
    /// Those, and one more.
    pub fn and_one(those: Option<Unlisted>, since: Timestamp, last: Timestamp) -> Unlisted {
        let those = those.unwrap_or(Unlisted { since, last, count: 0 });
        Unlisted { since: those.since.min(since), last: those.last.max(last), count: those.count.saturating_add(1) }
    }
}

/// The held news: of alerts, and of keys that could not be measured.
pub fn held(alerts: &Released, unmeasured: &Released, style: &Style, now: Timestamp) -> Message {
    let wording = Wording::new(style, now);
    let (of_docker, of_host): (Vec<&Transition>, Vec<&Transition>) =
        alerts.burning.iter().partition(|transition| transition.key.metric.is_of_docker());
    let of_host = in_order(of_host);
    let unlisted = [alerts, unmeasured].into_iter().filter_map(|released| released.unlisted);
    let unlisted: Vec<Fact> =
        unlisted.map(|Unlisted { since, last, count }| Fact::unlisted(count, since, last)).collect();
    let over = alerts.over.iter().map(|past| past.fact(wording));
    let over: Vec<Fact> = over.chain(unmeasured.over.iter().map(|past| unknown::past(past, wording.words))).collect();

    // The number first: it is known of no other line.
    let mut lines: Vec<Line> = unlisted.iter().map(|fact| digest::line(fact, style)).collect();
    lines.extend(alert_lines(&of_host, wording.of_held()));
    lines.extend(unmeasured.burning.iter().map(|transition| unknown::cannot(transition, wording.words, now)));
    lines.extend(containers::alert_lines(&of_docker, wording.of_held()));
    lines.extend(over.iter().map(|fact| digest::line(fact, style)));

    let is_critical = alerts.burning.iter().any(|transition| transition.episode.level == Level::Critical);
    let mut message = style.message(Kind::Held, style.language.held_title(is_critical), lines, now);
    message.facts = facts(&of_host, None, |t| alert_lines(&[t], wording.without_past()));
    message.facts.extend(unknown::facts(unmeasured.burning.iter(), wording.words, now));
    message.facts.extend(facts(&of_docker, None, |t| containers::alert_lines(&[t], wording.without_past())));
    message.facts.extend(over);
    message.facts.extend(unlisted);
    message
}

impl Past {
    fn fact(&self, wording: Wording<'_>) -> Fact {
        let wording = wording.without_past();
        let transition = &self.transition;
        if let Value::Event(_) = transition.value {
            return event::fact(transition, wording);
        }
        let is_of_docker = transition.key.metric.is_of_docker();
        let lines: Vec<Line> = match &transition.value {
            // For an alert that was told before the hold, only the end is known.
            Value::Container(word) if word.well == Some(true) => recovery_lines(&[transition], wording),
            Value::Container(_) if is_of_docker => containers::alert_lines(&[transition], wording),
            Value::Forecast(forecast) if forecast.hours.is_none() => recovery_lines(&[transition], wording),
            _ => alert_lines(&[transition], wording),
        };
        let mut fact = Fact::of_alert(transition, lines, Some(self.ended));
        fact.times = self.times;
        fact
    }
}

impl Language {
    const fn held_title(self, is_critical: bool) -> &'static str {
        match (self, is_critical) {
            (Language::Chinese, false) => "🔔 VPS 静默期间的告警",
            (Language::Chinese, true) => "🚨 VPS 静默期间的严重告警",
            (Language::English, false) => "🔔 VPS Alerts Held Back",
            (Language::English, true) => "🚨 VPS Critical, Held Back",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::{self, TimeZone};

    use super::*;
    use crate::alert::{Episode, News};
    use crate::message::Escape;
    use crate::metric::{self, Metric};
    use crate::rule::Limit;
    use crate::snapshot::{Cause, ContainerWord, Forecast, Key};

    fn time(text: &str) -> Timestamp {
        format!("2026-02-0{text}:00+08:00").parse().unwrap()
    }

    fn of(metric: &'static Metric, target: &str, value: Value, since: &str, episode: Episode) -> Transition {
        let limit = match &value {
            Value::Container(word) => Limit::Expected(word.expected.clone()),
            _ => Limit::Threshold(80.0),
        };
        Transition { key: Key::new(metric, target), news: News::Fired, value, limit, since: time(since), episode }
    }

    fn exited(target: &str, since: &str) -> Transition {
        let causes = vec![Cause::ExitCode(3)];
        let word = ContainerWord { causes, well: Some(false), ..ContainerWord::new("exited", "running") };
        of(metric::CONTAINER_STATE, target, Value::from(word), since, Episode::default())
    }

    fn told(burning: &[Transition], over: &[Past], language: Language) -> Vec<String> {
        let style = Style { language, host: "web-1".to_owned(), zone: TimeZone::fixed(tz::offset(8)) };
        let alerts = Released { burning: burning.to_vec(), over: over.to_vec(), unlisted: None };
        let text = held(&alerts, &Released::default(), &style, time("5T07:30")).text(&Escape::NONE);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_burns_comes_first_with_its_beginning_and_each_that_is_over_is_a_line() {
        let peak = |peak| Episode { peak: Some(peak), ..Episode::default() };
        let settling = Episode {
            well_since: Some(time("5T06:10")),
            settling: Duration::from_secs(3600),
            returns: 1,
            ..peak(97.5)
        };
        let burning = [
            exited("db", "5T06:30"),
            of(metric::SWAP, "", Value::Number(70.0), "4T23:30", settling),
            of(metric::MEMORY, "", Value::Number(85.0), "4T23:10", peak(91.25)),
        ];
        let back = Value::from(ContainerWord { well: Some(true), ..ContainerWord::new("running", "running") });
        let known = of(metric::CONTAINER_STATE, "cache", back, "4T22:00", Episode::default());
        let over = [
            Past { transition: exited("web", "5T03:20"), ended: time("5T03:50"), times: 1, is_known: false },
            Past { transition: known, ended: time("5T01:00"), times: 1, is_known: false },
            Past {
                transition: of(metric::CPU, "", Value::Number(99.0), "5T00:00", Episode::default()),
                ended: time("5T04:00"),
                times: 12,
                is_known: false,
            },
        ];
        assert_eq!(
            told(&burning, &over, Language::Chinese),
            [
                "🔔 VPS 静默期间的告警 [web-1]",
                "━━━━━━━━━━━━━━━━",
                "📊 内存使用率: 85.0% (阈值: 80%)",
                "⏳ 02-04 23:10 起，已持续 8 小时 20 分，最高 91.2%",
                "🔄 Swap 使用率: 70.0% (阈值: 80%)",
                "⏳ 02-04 23:30 起，最高 97.5%，06:10 起正常，连续正常 1 小时后才报恢复",
                "📦 容器: db",
                "❌ 状态: exited (期望: running)",
                "💥 退出码: 3",
                "⏳ 06:30 起，已持续 1 小时",
                "🟢 2026-02-05 03:20:00 → 2026-02-05 03:50:00 (30 分钟): 📦 容器: web ❌ 状态: exited (期望: running) 💥 退出码: 3",
                "🟢 2026-02-04 22:00:00 → 2026-02-05 01:00:00 (3 小时): 📦 容器: cache ✅ 状态: running (已恢复正常)",
                "🟢 2026-02-05 00:00:00 → 2026-02-05 04:00:00 (共 12 次): 🔥 CPU 使用率: 99.0% (阈值: 80%)",
                "⏰ 时间: 2026-02-05 07:30:00",
            ]
        );
        let english = told(&burning[2..], &over[2..], Language::English);
        assert_eq!(english[3], "⏳ since 02-04 23:10, for 8 h 20 min, at most 91.2%");
        let critical = Transition { episode: Episode { level: Level::Critical, ..peak(97.0) }, ..burning[2].clone() };
        assert_eq!(
            told(std::slice::from_ref(&critical), &[], Language::English)[0],
            "🚨 VPS Critical, Held Back [web-1]"
        );
        assert_eq!(told(&[critical], &[], Language::Chinese)[0], "🚨 VPS 静默期间的严重告警 [web-1]");
    }

    #[test]
    fn a_unit_is_no_container_and_a_forecast_that_settles_has_its_growth_alone() {
        const UNITS: &Metric = &Metric { name: "unit_state", is_named_by_its_target: true, ..Metric::BASE };
        let word = ContainerWord { well: Some(false), ..ContainerWord::new("failed", "active") };
        let unit = of(UNITS, "web.service", Value::from(word), "5T03:20", Episode::default());
        let forecast = Forecast { eta_hours: None, hours: None, percent: 61.25, day_points: -0.01 };
        let forecast = Value::Forecast(Box::new(forecast));
        let settling = Episode { well_since: Some(time("5T06:10")), peak: Some(7.0), ..Episode::default() };
        let forecast = of(metric::DISK_FORECAST, "/", forecast, "5T03:20", settling);
        let over = [Past { transition: unit.clone(), ended: time("5T03:50"), times: 2, is_known: false }];
        let lines = told(&[unit, forecast], &over, Language::Chinese);
        assert_eq!(lines[2], "⏳ 磁盘预测(/): 现 61.2%，近 24 小时 +0.0%");
        assert_eq!(lines[4], "❌ web.service: failed");
        assert_eq!(lines[6], "🟢 2026-02-05 03:20:00 → 2026-02-05 03:50:00 (共 2 次): ❌ web.service: failed");
    }

    /// The worst share is known, and how much was left then is not.
    #[test]
    fn of_a_past_alert_for_the_space_that_is_left_no_space_is_made_up() {
        let value = Value::Number(97.5);
        let transition = of(metric::DISK, "/backup", value, "5T03:20", Episode::default());
        let transition = Transition { limit: Limit::LeftBytes(5 << 30), ..transition };
        let over = [Past { transition, ended: time("5T03:50"), times: 1, is_known: false }];
        let line = |language| told(&[], &over, language)[2].rsplit_once(": ").unwrap().1.to_owned();
        assert_eq!(line(Language::English), "97.5% (less than 5GB left)");
        assert_eq!(line(Language::Chinese), "97.5% (剩余低于 5GB)");
    }

    #[test]
    fn four_containers_and_more_are_a_line_each_and_forty_thousand_are_bounded() {
        let many: Vec<Transition> = (0..40_000).map(|number| exited(&format!("c{number}"), "5T06:30")).collect();
        let four = told(&many[..4], &[], Language::English);
        assert_eq!(four[2], "❌ c0: exited (expected: running), exit code 3, since 06:30, for 1 h");
        let all = told(&many, &[], Language::English);
        assert!(all.len() < 1010 && all[all.len() - 2].starts_with("… and "), "{:?}", all.len());
    }
}
