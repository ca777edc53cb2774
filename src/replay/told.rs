//! A message that would have been sent: as a JSON line, and as people see it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use super::KINDS;
use crate::alert::{News, Transition};
use crate::core::{limit, rfc3339, value_json};
use crate::message::{self, Kind, Message, Past, Released, Style};
use crate::notify::Channel;
use crate::text;

/// One message, by its content.
#[derive(Debug)]
pub struct Told {
    pub kind: Kind,
    pub time: Timestamp,
    transitions: Vec<Transition>,
    /// Alerts that came and went in quiet hours.
    over: Vec<Past>,
}

impl Told {
    /// The messages of one check.
    pub(super) fn all(released: Released, transitions: &[Transition], time: Timestamp) -> Vec<Told> {
        if released.is_empty() && transitions.is_empty() {
            return Vec::new();
        }
        let Released { burning, over, .. } = released;
        let of = |kind| transitions.iter().filter(|t| message::kind(t) == Some(kind)).cloned().collect();
        let mut told = KINDS.map(|kind| Told { kind, time, transitions: of(kind), over: Vec::new() });
        if let Some(held) = told.iter_mut().find(|told| told.kind == Kind::Held) {
            (held.transitions, held.over) = (burning, over);
        }
        told.into_iter().filter(|told| !told.transitions.is_empty() || !told.over.is_empty()).collect()
    }

    /// The message as the terminal shows it.
    pub fn text(&self, style: &Style) -> String {
        if self.kind == Kind::Held {
            let alerts = Released { burning: self.transitions.clone(), over: self.over.clone(), unlisted: None };
            let held = message::held(&alerts, &Released::default(), style, self.time);
            return format!("{}\n", Channel::terminal().text(&held));
        }
        let alerts = message::alerts(&self.transitions, style, self.time);
        let recovery = message::recovery(&self.transitions, style, self.time);
        let shown = |message: Message| format!("{}\n", Channel::terminal().text(&message));
        alerts.into_iter().chain(recovery).map(shown).collect()
    }

    /// One JSON object in one line.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn json(&self, style: &Style) -> serde_json::Result<String> {
        let over = self.over.iter().map(|past| &past.transition);
        let alerts = self.transitions.iter().chain(over).map(|t| ToldAlert::new(t, style)).collect();
        let document = Document { time: rfc3339(self.time, &style.zone), kind: self.kind.name(), alerts };
        Ok(format!("{}\n", text::json(&serde_json::to_string(&document)?)))
    }
}

/// Fields may be added, never renamed or retyped.
#[derive(Serialize)]
struct Document<'a> {
    time: String,
    kind: &'static str,
    alerts: Vec<ToldAlert<'a>>,
}

#[derive(Serialize)]
struct ToldAlert<'a> {
    metric: &'static str,
    target: &'a str,
    value: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    level: &'static str,
    news: &'static str,
    since: String,
    returns: u32,
}

impl<'a> ToldAlert<'a> {
    fn new(transition: &'a Transition, style: &Style) -> ToldAlert<'a> {
        let Transition { key, value, episode, .. } = transition;
        let (threshold, expected) = limit(&transition.limit);
        ToldAlert {
            metric: key.metric.name,
            target: &key.target,
            value: value_json(key.metric, value),
            threshold,
            expected,
            level: episode.level.name(),
            news: match transition.news {
                News::Fired => "fired",
                News::Reminded => "reminded",
                News::Critical | News::Worse => "worse",
                other => other.name(),
            },
            since: rfc3339(transition.since, &style.zone),
            returns: episode.returns,
        }
    }
}
