//! The one message at the end of a hold: alerts that burn now, and a line for each alert that came and went.

use jiff::Timestamp;

use super::alert::{alert_lines, facts, in_order, recovery_lines};
use super::episode::Wording;
use super::{Fact, Kind, Language, Line, Message, Style, containers, digest};
use crate::alert::Transition;
use crate::rule::Level;
use crate::snapshot::Value;

/// An alert that came and went while its news was held.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// As it was when it was worst, since the first time.
    pub transition: Transition,
    /// When it was over, the last time.
    pub ended: Timestamp,
    /// How often it came and went.
    pub times: u64,
}

/// The held news: alerts that burn, and those that came and went.
pub fn held(burning: &[Transition], over: &[Past], style: &Style, now: Timestamp) -> Message {
    let wording = Wording::new(style, now);
    let (of_docker, of_host): (Vec<&Transition>, Vec<&Transition>) =
        burning.iter().partition(|transition| transition.key.metric.is_of_docker());
    let of_host = in_order(of_host);
    let mut lines = alert_lines(&of_host, wording.of_held());
    lines.extend(containers::alert_lines(&of_docker, wording.of_held()));
    let over: Vec<Fact> = over.iter().map(|past| past.fact(wording)).collect();
    lines.extend(over.iter().map(|fact| digest::line(fact, style)));

    let is_critical = burning.iter().any(|transition| transition.episode.level == Level::Critical);
    let mut message = style.message(Kind::Held, style.language.held_title(is_critical), lines, now);
    message.facts = facts(&of_host, None, |t| alert_lines(&[t], wording.without_past()));
    message.facts.extend(facts(&of_docker, None, |t| containers::alert_lines(&[t], wording.without_past())));
    message.facts.extend(over);
    message
}

impl Past {
    fn fact(&self, wording: Wording<'_>) -> Fact {
        let wording = wording.without_past();
        let transition = &self.transition;
        let lines: Vec<Line> = match &transition.value {
            // Of one that was told before the hold only the end is known.
            Value::Container(word) if word.well == Some(true) => recovery_lines(&[transition], wording),
            Value::Container(_) => containers::alert_lines(&[transition], wording),
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
