//! Things that happen once: when is each told?
//!
//! One is told at once. More of one quantity within a minute of that are gathered, and more of one key within ten minutes
//! are counted: a loop of kills, or a script that logs in, is no flood. They are bounded, because they are in the state.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Episode, News, Transition};
use crate::bounds::keep;
use crate::clock::{Boot, Now};
use crate::rule::{Level, Limit};
use crate::snapshot::{EventDetail, Key, Occurrence, Value};

/// After a message, more of its quantity are gathered for so long.
const GATHERED_FOR: Duration = Duration::from_secs(60);

/// After a message, more of the same key are counted for so long.
const COUNTED_FOR: Duration = Duration::from_secs(10 * 60);

const _: () = assert!(GATHERED_FOR.as_secs() < COUNTED_FOR.as_secs(), "an entry is kept for the longer one");

/// So many keys are remembered; of a quantity's others only the newest is told, with their number.
const MAX_KEYS: usize = 64;

/// The events that were told within the last minutes, and those that wait.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Events {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    key: Key,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Boot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
}

/// Occurrences of one key that are not told yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    first: Timestamp,
    last: Timestamp,
    /// Of the last one; how often all happened.
    detail: EventDetail,
}

impl Events {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes in what happened: [`Events::tell`] tells it.
    pub fn take_in(&mut self, occurrences: impl IntoIterator<Item = Occurrence>) {
        for Occurrence { key, at, mut detail } in occurrences {
            let entry = self.entry(key);
            let before = entry.waiting.take();
            detail.times = detail.times.saturating_add(before.as_ref().map_or(0, |before| before.detail.times));
            detail.is_critical |= before.as_ref().is_some_and(|before| before.detail.is_critical);
            let (first, last) = before.map_or((at, at), |before| (before.first.min(at), before.last.max(at)));
            entry.waiting = Some(Waiting { first, last, detail });
        }
    }

    /// When the first one that waits is to be told.
    pub fn due(&self) -> Option<Boot> {
        self.waiting().map(|entry| self.due_of(entry)).min()
    }

    /// Takes out those that are to be told now. An agent that ends after one check (`is_last`) lets none wait.
    #[inline(never)]
    pub fn tell(&mut self, now: Now, is_last: bool) -> Vec<Transition> {
        let is_due = |entry: &Entry| is_last || self.due_of(entry) <= now.boot;
        let due: Vec<bool> = self.entries.iter().map(|entry| entry.waiting.is_some() && is_due(entry)).collect();
        let mut told = Vec::new();
        for (entry, _) in self.entries.iter_mut().zip(due).filter(|(_, is_due)| *is_due) {
            let Some(waiting) = entry.waiting.take() else { continue };
            entry.told = Some(now.boot);
            told.push(waiting.transition(&entry.key));
        }
        self.entries.retain(|entry| {
            let is_recent = |told: Boot| now.boot - told < COUNTED_FOR;
            entry.waiting.is_some() || entry.told.is_some_and(is_recent)
        });
        told
    }

    /// Moves every instant to the clock of another start of the machine.
    pub fn shift(&mut self, micros: i64) {
        self.entries.iter_mut().filter_map(|entry| entry.told.as_mut()).for_each(|told| *told = told.shifted(micros));
    }

    /// Corrects values that no agent wrote; returns how many there were.
    pub fn correct(&mut self, now: Now) -> usize {
        let before = self.entries.len();
        // Room for one of each quantity without a target.
        self.entries.truncate(2 * MAX_KEYS);
        let cut = before - self.entries.len();
        let correct = |entry: &mut Entry| {
            let told = entry.told.as_mut().map_or(0, |told| keep(told, Boot::EARLIEST..=now.boot));
            told + entry.waiting.as_mut().map_or(0, |waiting| waiting.detail.correct())
        };
        cut + self.entries.iter_mut().map(correct).sum::<usize>()
    }

    fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.waiting.is_some())
    }

    fn due_of(&self, entry: &Entry) -> Boot {
        let alike = self.entries.iter().filter(|other| other.key.metric == entry.key.metric);
        let gathered = alike.filter_map(|other| other.told).max().map(|told| told.after(GATHERED_FOR));
        let counted = entry.told.map(|told| told.after(COUNTED_FOR));
        gathered.max(counted).unwrap_or(Boot::EARLIEST)
    }

    fn entry(&mut self, mut key: Key) -> &mut Entry {
        let place = |entries: &[Entry], key: &Key| entries.iter().position(|entry| entry.key == *key);
        let mut found = place(&self.entries, &key);
        if found.is_none() && self.entries.len() >= MAX_KEYS {
            key = Key::new(key.metric, "");
            found = place(&self.entries, &key);
        }
        let place = found.unwrap_or_else(|| {
            self.entries.push(Entry { key, told: None, waiting: None });
            self.entries.len() - 1
        });
        &mut self.entries[place]
    }
}

impl Waiting {
    fn transition(self, key: &Key) -> Transition {
        let level = if self.detail.is_critical { Level::Critical } else { Level::Warning };
        Transition {
            key: key.clone(),
            news: News::Happened,
            value: Value::Event(Box::new(self.detail)),
            limit: Limit::None,
            since: self.first,
            episode: Episode { level, well_since: Some(self.last), ..Episode::default() },
        }
    }
}
