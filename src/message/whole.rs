//! A message as one thing, for channels to programs: how much it matters, and its identity.

use serde::{Deserialize, Serialize};

use super::{Fact, Kind, Message, Span};
use crate::rule::Level;
use crate::text;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is over.
    Good,
    Info,
    Warning,
    Critical,
}

impl Severity {
    /// The level in the words of most receivers, who have no word for good news.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Good | Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Severity {
        match level {
            Level::Warning => Severity::Warning,
            Level::Critical => Severity::Critical,
        }
    }
}

/// Facts of a message as a whole, for its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    pub severity: Severity,
    pub id: u64,
}

/// In the words of most receivers.
pub const fn status(is_resolved: bool) -> &'static str {
    if is_resolved { "resolved" } else { "firing" }
}

impl Message {
    /// Of news about alerts the worst one that is not over.
    pub fn severity(&self) -> Severity {
        if let Some(whole) = self.whole {
            return whole.severity;
        }
        let worst =
            self.facts.iter().filter(|fact| fact.ended.is_none() && fact.key().is_some()).map(Fact::level).max();
        match self.kind {
            Kind::Recovery => Severity::Good,
            Kind::Report | Kind::Test => Severity::Info,
            Kind::Digest | Kind::Held => worst.map_or(Severity::Info, Severity::from),
            Kind::Alert | Kind::DockerAlert | Kind::Event | Kind::Notice => {
                worst.map_or(Severity::Warning, Severity::from)
            }
        }
    }

    /// Whether it tells that alerts are over.
    pub fn is_resolved(&self) -> bool {
        self.kind == Kind::Recovery
    }

    /// Its identity: news of the same alerts has the same number, each other message its own.
    pub fn id(&self) -> u64 {
        if let Some(whole) = self.whole {
            return whole.id;
        }
        let host = self.host();
        // In any order.
        let alerts = self.alerts().filter_map(|fact| fact.id(host)).reduce(u64::wrapping_add);
        alerts.unwrap_or_else(|| {
            let text = format!("{host} {} {}", self.kind.name(), self.created.as_microsecond());
            text::fingerprint(text.as_bytes())
        })
    }

    /// Whether it tells of the beginning or of the end of its alerts.
    pub fn status(&self) -> &'static str {
        status(self.is_resolved())
    }

    /// The identity of one of its alerts, or of all of it, as receivers see it.
    pub fn id_text(&self, alert: Option<&Fact>) -> String {
        let of_alert = alert.and_then(|alert| alert.id(self.host()));
        format!("{:016x}", of_alert.unwrap_or_else(|| self.id()))
    }

    /// The same for each attempt at it, or at a part of it, and for nothing else.
    pub fn event_id(&self, alert: Option<&Fact>) -> String {
        let status = status(alert.map_or_else(|| self.is_resolved(), |alert| alert.ended.is_some()));
        let part = self.part.map(|(number, _)| format!(":{number}")).unwrap_or_default();
        format!("{}:{status}:{}{part}", self.id_text(alert), self.created.as_millisecond())
    }

    /// The news about single alerts and events.
    pub fn alerts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.iter().filter(|fact| fact.key().is_some())
    }

    /// The name of the host, as the title has it.
    pub fn host(&self) -> &str {
        let foreign = |span| if let Span::Foreign(text) = span { Some(text) } else { None };
        self.title.spans().find_map(foreign).unwrap_or_default()
    }

    pub fn whole(&self) -> Whole {
        Whole { severity: self.severity(), id: self.id() }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::alert::{Episode, News, Transition};
    use crate::message::{Style, alerts, digest, recovery, test};
    use crate::metric;
    use crate::rule::Limit;
    use crate::snapshot::{EventDetail, Key, Value};

    fn style(host: &str) -> Style {
        Style { language: Default::default(), host: host.to_owned(), zone: TimeZone::UTC }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + second).unwrap()
    }

    fn transition(target: &str, news: News, level: Level) -> Transition {
        let (value, limit) = match news {
            News::Happened => (Value::Event(Box::new(EventDetail::new(Vec::new()))), Limit::None),
            _ => (Value::Number(91.25), Limit::Threshold(80.0)),
        };
        let episode = Episode { level, ..Episode::default() };
        Transition { key: Key::new(metric::DISK, target), news, value, limit, since: at(0), episode }
    }

    fn alert(target: &str, news: News, level: Level, second: i64) -> Message {
        alerts(&[transition(target, news, level)], &style("web-1"), at(second)).remove(0)
    }

    #[test]
    fn an_alert_is_the_same_one_from_its_first_message_to_its_recovery_and_on_each_host_another() {
        let first = alert("/", News::Fired, Level::Warning, 0);
        let worse = alert("/", News::Critical, Level::Critical, 60);
        let over = recovery(&[transition("/", News::Recovered, Level::Critical)], &style("web-1"), at(90)).unwrap();
        assert_eq!((first.id(), first.id()), (worse.id(), over.id()));
        let severities = [&first, &worse, &over].map(Message::severity);
        assert_eq!(severities, [Severity::Warning, Severity::Critical, Severity::Good]);
        assert_eq!([first.is_resolved(), over.is_resolved()], [false, true]);
        assert_ne!(first.id(), alert("/data", News::Fired, Level::Warning, 0).id());
        let elsewhere = alerts(&[transition("/", News::Fired, Level::Warning)], &style("web-2"), at(0)).remove(0);
        assert_ne!(first.id(), elsewhere.id());
        assert_eq!((first.host(), elsewhere.host()), ("web-1", "web-2"));
    }

    #[test]
    fn two_alerts_together_are_known_in_any_order_and_a_message_about_none_is_its_own() {
        let [one, other] = ["/", "/data"].map(|target| transition(target, News::Fired, Level::Warning));
        let of = |transitions: &[Transition]| alerts(transitions, &style("web-1"), at(0)).remove(0).id();
        assert_eq!(of(&[one.clone(), other.clone()]), of(&[other, one]));
        let tests = [0, 1].map(|second| test(&style("web-1"), at(second)));
        assert_ne!(tests[0].id(), tests[1].id());
        assert_eq!((tests[0].severity(), tests[0].alerts().count()), (Severity::Info, 0));
    }

    #[test]
    fn the_values_of_alerts_and_events_survive_the_state_and_a_digest() {
        let event = alert("unit", News::Happened, Level::Critical, 0);
        let alert = alert("/", News::Critical, Level::Critical, 0);
        assert_eq!(event.severity(), Severity::Critical);
        let saved = serde_json::to_value(&alert.facts[0]).unwrap();
        assert_eq!(saved["detail"], json!({"level": "critical", "value": "91.2%", "limit": "80%"}));
        let page = digest(vec![alert.clone(), event.clone()], &style("web-1"), at(600)).remove(0);
        for message in [alert, event, page] {
            let read: Message = serde_json::from_value(serde_json::to_value(&message).unwrap()).unwrap();
            assert_eq!(read, message);
            assert_eq!((read.severity(), read.id()), (Severity::Critical, message.id()));
            assert!(read.alerts().all(|fact| fact.key().is_some_and(|key| key.metric == metric::DISK)));
        }
    }

    #[test]
    fn a_message_of_an_older_state_has_a_level_and_an_id_too() {
        let mut old = serde_json::to_value(alert("/", News::Critical, Level::Critical, 0)).unwrap();
        old["facts"][0]["detail"] = Json::Null;
        let old: Message = serde_json::from_value(old).unwrap();
        assert_eq!(old.severity(), Severity::Warning);
        assert_eq!(old.id(), alert("/", News::Fired, Level::Warning, 0).id());
        let forged = json!({"value": ["", "a\nb"], "level": "warning"});
        let forged: crate::message::Detail = serde_json::from_value(forged).unwrap();
        assert_eq!(forged.value, "a b");
    }
}
