//! The result of one check: the keys that it watched, the readings, and the reasons for missing ones. No opinion and no
//! I/O.
//!
//! Unknown is not a list of its own: a key that is watched and has no reading is unknown. A failure explains, and decides
//! nothing.

pub mod by_key;
mod condition;
mod failure;
mod occurrence;
mod traffic;

use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::clock::Boot;
use crate::metric::Metric;

pub use by_key::Keyed;
pub use condition::{Cause, ContainerWord, Restarted};
pub use failure::Failure;
pub use occurrence::{EventDetail, Occurrence, Part};
pub use traffic::{Direction, InterfaceTotals, Quota, Total, Totals};

/// The subject of a reading, a finding and an alert: one metric of one target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    pub metric: &'static Metric,
    /// A disk's path or a container's name; empty for a quantity that a host has once.
    pub target: Rc<str>,
}

impl Key {
    pub fn new(metric: &'static Metric, target: impl Into<Rc<str>>) -> Key {
        let target = target.into();
        if target.is_empty() { Key::whole(metric) } else { Key { metric, target } }
    }

    /// Of a quantity that a host has once. It takes no memory of its own.
    pub fn whole(metric: &'static Metric) -> Key {
        thread_local! {
            static NO_TARGET: Rc<str> = "".into();
        }
        Key { metric, target: NO_TARGET.with(Rc::clone) }
    }
}

/// `memory`, or `disk(/data)` where there is a target.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.target.is_empty() {
            write!(f, "{}", self.metric)
        } else {
            write!(f, "{}({})", self.metric, self.target)
        }
    }
}

/// A measured value in full precision: rounding is for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A share of a capacity: memory, swap, disk.
    Usage { percent: f64, used_bytes: u64, total_bytes: u64 },
    /// In the unit of its quantity. Version 1 of the state had a name for each unit.
    #[serde(alias = "percent", alias = "mbps", alias = "count")]
    Number(f64),
    /// When a share that grows is full.
    Forecast(Box<Forecast>),
    /// The use of a monthly quota.
    Quota(Box<Quota>),
    /// The state or health of a container, or the engine's presence. Thousands of readings share one.
    Container(Rc<ContainerWord>),
    /// Something that happened.
    Event(Box<EventDetail>),
}

/// When a share that grows is full, by its growth until now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The hours by which it is judged, and that a day's growth bears out; `None`: it does not grow, or hardly.
    pub eta_hours: Option<f64>,
    /// The hours that are told, which may be fewer: by the growth of the last hours.
    pub hours: Option<f64>,
    /// The share now.
    pub percent: f64,
    /// Its growth within a day, in percentage points.
    pub day_points: f64,
}

impl Value {
    /// The number that a limit applies to; a condition has none.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Usage { percent: number, .. } | Value::Number(number) => Some(*number),
            Value::Forecast(forecast) => forecast.hours,
            Value::Quota(quota) => Some(quota.percent),
            Value::Container(_) | Value::Event(_) => None,
        }
    }

    /// Of a share of a capacity: the bytes that may still be used: fewer than the free ones where a part is reserved (on a
    /// disk, for root). The share is that of the used bytes in used and left ones.
    pub fn left_bytes(&self) -> Option<u64> {
        match *self {
            Value::Usage { total_bytes: 0, .. } => None,
            Value::Usage { percent, total_bytes, .. } if percent <= 0.0 => Some(total_bytes),
            Value::Usage { percent, used_bytes, .. } => {
                Some((used_bytes as f64 * (100.0 - percent).max(0.0) / percent).round() as u64)
            }
            _ => None,
        }
    }

    /// Whether it is a forecast that nothing comes to its end: nobody needs to read that.
    pub fn is_no_end(&self) -> bool {
        matches!(self, Value::Forecast(forecast) if forecast.hours.is_none())
    }

    /// Whether it is told once and not repeated while it lasts: a removal does not pass, and used traffic does not come back.
    pub fn is_told_once(&self) -> bool {
        match self {
            Value::Container(word) => {
                word.causes.iter().any(|cause| matches!(cause, Cause::Removed | Cause::RebootNeeded { .. }))
            }
            Value::Quota(_) => true,
            _ => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub key: Key,
    pub value: Value,
    /// Of a rate, whose value is that of a short sample: its mean since the check before, where that is known.
    pub mean: Option<f64>,
    /// The key whose limits it has, if not its own: a container's may be those of its service.
    pub limits_of: Option<Box<Key>>,
    /// The reason why the value differs from other tools' values; one line, for `check`.
    pub note: Option<Box<str>>,
}

impl Reading {
    pub fn new(key: Key, value: Value) -> Reading {
        Reading { key, value, mean: None, limits_of: None, note: None }
    }
}

/// A key, or a group of keys, that the configuration watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    One(Key),
    /// A quantity, for every target that has it.
    Every(&'static Metric),
}

impl Watched {
    pub fn covers(&self, key: &Key) -> bool {
        match self {
            Watched::One(one) => one == key,
            Watched::Every(metric) => *metric == key.metric,
        }
    }
}

/// A quantity whose targets in trouble were read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub metric: &'static Metric,
    pub at: Boot,
}

/// The result of one check, readings in the order of lines in a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The keys that were to be read: one without a reading is unknown, and its alerts stay as they are. Containers that
    /// have a reading are watched without being named here, as there may be thousands.
    pub watched: Vec<Watched>,
    pub readings: Vec<Reading>,
    pub failures: Vec<Failure>,
    /// Quantities of which every target in trouble was read: any other target is well.
    pub listed: Vec<Listed>,
    /// Things that happened since the look before.
    pub happened: Vec<Occurrence>,
    /// Targets that are not measured now and not gone either: their alerts stay as they are.
    pub resting: Vec<Rc<str>>,
    /// The counters of which a monthly quota is made.
    pub totals: Option<Totals>,
}

impl Snapshot {
    /// The keys that are watched by name.
    pub fn watched_keys(&self) -> impl Iterator<Item = &Key> + Clone {
        self.watched.iter().filter_map(|watched| match watched {
            Watched::One(key) => Some(key),
            Watched::Every(_) => None,
        })
    }

    /// Whether a quantity is watched for every target that has it.
    pub fn watches_every(&self, metric: &Metric) -> bool {
        self.watched.iter().any(|watched| matches!(watched, Watched::Every(every) if *every == metric))
    }

    /// Adds the findings of another look, which may be thousands of readings.
    pub fn append(&mut self, mut other: Snapshot) {
        if other == Snapshot::default() {
            return;
        }
        if !other.readings.is_empty() {
            other.readings.splice(0..0, std::mem::take(&mut self.readings));
            self.readings = other.readings;
        }
        self.failures.extend(other.failures);
        self.listed.extend(other.listed);
        self.happened.extend(other.happened);
        self.watched.extend(other.watched);
        self.resting.extend(other.resting);
        self.totals = self.totals.take().or(other.totals);
    }

    pub fn watch(&mut self, metric: &'static Metric, target: impl Into<Rc<str>>) {
        self.watched.push(Watched::One(Key::new(metric, target)));
    }

    /// Puts the readings in the order of lines in a message.
    pub fn in_order(&mut self) {
        // A sort takes memory, and there may be tens of thousands.
        if !self.readings.is_sorted_by_key(|reading| reading.key.metric.order) {
            self.readings.sort_by_key(|reading| reading.key.metric.order);
        }
    }

    /// There is no such quantity of this target: it is not watched, rather than unknown.
    pub fn unwatch(&mut self, metric: &'static Metric, target: &str) {
        let is_it =
            |watched: &Watched| matches!(watched, Watched::One(key) if key.metric == metric && &*key.target == target);
        self.watched.retain(|watched| !is_it(watched));
    }

    /// Adds a reading of a quantity that a host has once.
    pub fn push_whole(&mut self, metric: &'static Metric, value: Value) {
        self.readings.push(Reading::new(Key::whole(metric), value));
    }

    /// Adds a reading of a rate: its value in a short sample, and its mean since the check before.
    pub fn push_rate(&mut self, metric: &'static Metric, now: f64, mean: Option<f64>) {
        self.readings.push(Reading { mean, ..Reading::new(Key::whole(metric), Value::Number(now)) });
    }

    pub fn push(&mut self, metric: &'static Metric, target: impl Into<Rc<str>>, value: Value) {
        self.readings.push(Reading::new(Key::new(metric, target), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_state_version_1_are_read() {
        for (json, number) in
            [(r#"{"percent":85.2}"#, 85.2), (r#"{"mbps":120.5}"#, 120.5), (r#"{"count":1520}"#, 1520.0)]
        {
            assert_eq!(serde_json::from_str::<Value>(json).unwrap(), Value::Number(number));
        }
        assert_eq!(serde_json::to_string(&Value::Number(1.0)).unwrap(), r#"{"number":1.0}"#);
    }

    #[test]
    fn the_bytes_that_are_left_are_those_that_the_share_is_of() {
        // 100 GB, of which 5 are root's: df shows 62 used and 33 available.
        let (used_bytes, total_bytes) = (62 << 30, 100 << 30);
        let value = Value::Usage { percent: 62.0 / 95.0 * 100.0, used_bytes, total_bytes };
        assert_eq!(value.left_bytes(), Some(33 << 30));
        let more_than_may_be = Value::Usage { percent: 102.0, used_bytes, total_bytes };
        assert_eq!(more_than_may_be.left_bytes(), Some(0));
        assert_eq!(Value::Usage { percent: 0.0, used_bytes: 0, total_bytes }.left_bytes(), Some(total_bytes));
        assert_eq!(Value::Usage { percent: 0.0, used_bytes: 0, total_bytes: 0 }.left_bytes(), None);
        assert_eq!(Value::Number(5.0).left_bytes(), None);
    }
}
