//! The facts in messages, as values: a digest can be made from them when there are too many messages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Line;
use super::format::{size, with_word};
use crate::alert::Transition;
use crate::rule::{Level, Limit};
use crate::snapshot::{Key, Value};
use crate::text;

/// One thing that a message tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub about: About,
    /// The thing in one line of at most `MAX_LINE_BYTES`, without its times.
    pub line: Line,
    pub began: Timestamp,
    /// When an alert was over; `None`: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The number of such things that it stands for.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u64,
    /// Among those that are not listed, the open episodes ([`Fact::episode`]): later facts about them are not counted
    /// as new ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<u64>,
    /// Among those that a message does not list, the episodes whose end it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<u64>,
    /// Of an alert or an event: its values, for a channel to programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<Detail>>,
}

/// The values of an alert, or of something that happened once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    #[serde(default)]
    pub level: Level,
    /// The same in every language; empty of an event.
    #[serde(default, skip_serializing_if = "Line::is_empty")]
    pub value: Line,
    /// The threshold, or the expected state; empty: there is none.
    #[serde(default, skip_serializing_if = "Line::is_empty")]
    pub limit: Line,
    /// The subject of an event. That of an alert is in [`About`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

impl Detail {
    fn of(transition: &Transition) -> Detail {
        let metric = transition.key.metric;
        let is_event = matches!(transition.value, Value::Event(_));
        let value = if is_event { Line::default() } else { with_word(metric, &transition.value, Line::foreign) };
        let limit = match &transition.limit {
            Limit::None => Line::default(),
            Limit::Threshold(limit) => metric.unit.show_limit(*limit).into(),
            Limit::LeftBytes(least) => size(*least).into(),
            Limit::Expected(word) => Line::foreign(word),
        };
        Detail {
            level: transition.episode.level,
            value: value.beginning(MAX_LINE_BYTES),
            limit: limit.beginning(MAX_LINE_BYTES),
            key: is_event.then(|| transition.key.clone()),
        }
    }

    fn bytes(&self) -> usize {
        32 + self.value.len() + self.limit.len() + self.key.as_ref().map_or(0, |key| 32 + key.target.len())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// One episode of an alert, known by its key and by when it began.
    Alert(Key),
    /// A message without an alert.
    Other,
    /// Everything that is no longer listed one by one.
    Unlisted,
}

/// The bound of a fact's line; nobody reads longer names.
pub const MAX_LINE_BYTES: usize = 160;

/// An episode that is not listed is remembered as 40 bits, so that one among 50,000 is mistaken for another once in a
/// thousand times.
const EPISODE_BITS: u32 = 40;

impl Fact {
    fn new(about: About, line: Line, began: Timestamp, ended: Option<Timestamp>) -> Fact {
        let line = line.beginning(MAX_LINE_BYTES);
        Fact { about, line, began, ended, times: 1, open: Vec::new(), over: Vec::new(), detail: None }
    }

    /// The fact in a transition's message, which tells it in `lines`.
    pub fn of_alert(transition: &Transition, lines: Vec<Line>, ended: Option<Timestamp>) -> Fact {
        let detail = Some(Box::new(Detail::of(transition)));
        let about = About::Alert(transition.key.clone());
        Fact { detail, ..Fact::new(about, Line::join(lines, " "), transition.since, ended) }
    }

    /// The fact about something that happened once, which is told in `line`.
    pub fn of_event(transition: &Transition, line: Line) -> Fact {
        Fact { detail: Some(Box::new(Detail::of(transition))), ..Fact::other(line, transition.since) }
    }

    pub fn other(line: Line, at: Timestamp) -> Fact {
        Fact::new(About::Other, line, at, None)
    }

    /// The alerts that a message does not list, as one fact; `None` if it lists all.
    pub fn of_others(transitions: &[&Transition], ended: Option<Timestamp>) -> Option<Fact> {
        let began = transitions.iter().map(|transition| transition.since).min()?;
        let mut fact = Fact::new(About::Unlisted, Line::default(), began, ended);
        fact.times = transitions.len() as u64;
        let episodes = transitions.iter().map(|transition| episode(&transition.key, transition.since)).collect();
        *(if ended.is_some() { &mut fact.over } else { &mut fact.open }) = episodes;
        Some(fact)
    }

    /// So many things, of which no more is known.
    pub fn unlisted(count: u64, began: Timestamp, last: Timestamp) -> Fact {
        Fact { times: count, ..Fact::new(About::Unlisted, Line::default(), began, Some(last)) }
    }

    /// The one episode of an alert that it is about, as a number.
    pub fn episode(&self) -> Option<u64> {
        match &self.about {
            About::Alert(key) if self.times == 1 => Some(episode(key, self.began)),
            _ => None,
        }
    }

    /// Its approximate size in the state.
    pub fn bytes(&self) -> usize {
        let target = if let About::Alert(key) = &self.about { key.target.len() } else { 0 };
        let detail = self.detail.as_ref().map_or(0, |detail| detail.bytes());
        128 + self.line.len() + target + detail + 14 * (self.open.len() + self.over.len())
    }

    /// The one quantity, and its target, that it is about.
    pub fn key(&self) -> Option<&Key> {
        match &self.about {
            About::Alert(key) => Some(key),
            _ => self.detail.as_ref()?.key.as_ref(),
        }
    }

    /// Identifies the alert on `host` from its beginning to its end, or the event; `None`: it is about no single one.
    pub fn id(&self, host: &str) -> Option<u64> {
        let key = self.key()?;
        let text = format!("{host} {} {} {}", key.metric, self.began.as_microsecond(), key.target);
        Some(text::fingerprint(text.as_bytes()))
    }

    pub fn level(&self) -> Level {
        self.detail.as_ref().map_or(Level::Warning, |detail| detail.level)
    }

    /// An alert that is not over.
    pub fn is_open(&self) -> bool {
        matches!(self.about, About::Alert(_)) && self.ended.is_none()
    }

    /// Whether both are about one episode of one alert.
    pub fn is_same_episode(&self, other: &Fact) -> bool {
        matches!(self.about, About::Alert(_)) && self.about == other.about && self.began == other.began
    }

    /// Takes in a later fact of the same episode. The worst state counts for more than the recovery.
    pub fn follow(&mut self, later: Fact) {
        let level = self.level().max(later.level());
        if later.is_open() {
            self.line = later.line;
            self.detail = later.detail;
        }
        if let Some(detail) = &mut self.detail {
            detail.level = level;
        }
        self.ended = later.ended.or(self.ended);
        self.times = self.times.max(later.times);
    }

    /// The last moment that it tells.
    pub fn last(&self) -> Timestamp {
        self.ended.unwrap_or(self.began)
    }

    /// Stands for another fact too.
    pub fn absorb(&mut self, other: &Fact) {
        self.ended = Some(self.last().max(other.last()));
        self.began = self.began.min(other.began);
        self.times = self.times.saturating_add(other.times);
    }
}

/// One episode of an alert, as a number.
pub fn episode(key: &Key, began: Timestamp) -> u64 {
    let text = format!("{} {} {}", key.metric, began.as_microsecond(), key.target);
    let number = text::fingerprint(text.as_bytes());
    // Folded, as the algorithm's authors advise for fewer bits.
    (number >> EPISODE_BITS ^ number) & ((1 << EPISODE_BITS) - 1)
}

const fn once() -> u64 {
    1
}

fn is_once(times: &u64) -> bool {
    *times == 1
}
