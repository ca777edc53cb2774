//! The news that is owed for one alert: it burns, or it came and went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Episode, News, Transition};
use crate::message::Past;
use crate::metric::Unit;
use crate::rule::{Level, Limit};
use crate::snapshot::{Key, Keyed, Value};

/// The debt of one alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    pub key: Key,
    /// It burns, and people do not know its present state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Open>,
    /// It came and went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Over>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    pub since: Timestamp,
    /// People know that it began: they were told before the hold.
    pub is_known: bool,
    /// The number that people know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_value: Option<f64>,
    /// When it was told last, before the hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
    /// How often it was told again before the hold.
    #[serde(default)]
    pub reminders: u32,
    /// Whether a reminder was due since then.
    #[serde(default)]
    pub is_reminder_due: bool,
    #[serde(flatten)]
    pub worst: Worst,
}

/// Episodes of one alert that are over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Over {
    pub since: Timestamp,
    pub ended: Timestamp,
    pub times: u64,
    /// Whether people know that one of them began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_known: bool,
    #[serde(flatten)]
    pub worst: Worst,
}

/// An alert at its worst, in one episode or in several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Worst {
    pub value: Value,
    pub limit: Limit,
    pub level: Level,
}

impl Open {
    /// The number of its reminders, once it is told at the end of a hold.
    pub fn told_again(&self) -> u32 {
        if self.is_known { self.reminders.saturating_add(u32::from(self.is_reminder_due)) } else { 0 }
    }
}

impl Over {
    /// The news of these episodes.
    pub fn past(self, key: &Key) -> Past {
        let Over { since, ended, times, is_known, worst: Worst { mut value, limit, level } } = self;
        if let Value::Event(detail) = &mut value {
            detail.times = times;
        }
        let episode = Episode { level, well_since: Some(ended), ..Episode::default() };
        let (key, news) = (key.clone(), News::Recovered);
        Past { transition: Transition { key, news, value, limit, since, episode }, ended, times, is_known }
    }
}

impl Worst {
    pub fn of(transition: &Transition) -> Worst {
        let Transition { value, limit, episode, .. } = transition;
        let mut worst = Worst { value: value.clone(), limit: limit.clone(), level: episode.level };
        worst.rise_to(transition);
        worst
    }

    /// The worst number since the episode began counts, whether it was news or not, beside the limit that it is over.
    pub fn rise_to(&mut self, Transition { key, episode, .. }: &Transition) {
        if let (Value::Usage { percent: number, .. } | Value::Number(number), Some(peak)) = (&self.value, episode.peak)
        {
            let (unit, number) = (key.metric.unit, *number);
            let worst = unit.worse(number, peak);
            if worst != number {
                self.value = Value::Number(worst);
            }
            if let Some(critical) = episode.critical_limit.filter(|limit| unit.reaches(worst, *limit)) {
                self.limit = Limit::Threshold(critical);
            }
        }
        self.level = self.level.max(episode.level);
    }

    /// Of words the later one counts.
    pub fn take_in(&mut self, other: Worst, unit: Unit) {
        let is_worse = match (self.value.number(), other.value.number()) {
            (Some(before), Some(number)) => unit.worse(before, number) == number,
            _ => true,
        };
        let level = self.level.max(other.level);
        if self.level < other.level || is_worse {
            *self = other;
        }
        self.level = level;
    }
}

impl Keyed for Entry {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Entry {
    pub fn new(key: &Key) -> Entry {
        Entry { key: key.clone(), open: None, over: None }
    }

    pub fn is_owed(&self) -> bool {
        self.open.is_some() || self.over.is_some()
    }

    /// The higher one of all its news.
    pub fn level(&self) -> Level {
        let open = self.open.as_ref().map(|open| open.worst.level);
        open.max(self.over.as_ref().map(|over| over.worst.level)).unwrap_or_default()
    }

    /// When the first of its news began.
    pub fn since(&self) -> Timestamp {
        let [over, open] = [self.over.as_ref().map(|over| over.since), self.open.as_ref().map(|open| open.since)];
        over.into_iter().chain(open).min().unwrap_or_default()
    }

    /// The last instant of its news that is known.
    pub fn last(&self) -> Timestamp {
        let [over, open] = [self.over.as_ref().map(|over| over.ended), self.open.as_ref().map(|open| open.since)];
        over.max(open).unwrap_or_default()
    }

    /// More episodes are over.
    pub fn ends(&mut self, more: Over) {
        let Over { since, ended, times, is_known, worst } = more;
        let over = self.over.get_or_insert_with(|| Over { since, ended, times: 0, is_known, worst: worst.clone() });
        (over.ended, over.times) = (over.ended.max(ended), over.times.saturating_add(times));
        over.is_known |= is_known;
        over.worst.take_in(worst, self.key.metric.unit);
    }
}
