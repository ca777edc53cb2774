//! Things that happened before: of some kinds only a first one is news.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::snapshot::Key;

/// So many are remembered; the oldest are forgotten first.
const MAX_KNOWN: usize = 1000;

/// When each key last happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Known {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    key: Key,
    last: Timestamp,
}

impl Known {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes in that it happened at `at`; whether it is news: it did not happen in the time before, or (`None`) not at this
    /// instant.
    pub fn take_in(&mut self, key: &Key, at: Timestamp, known_for: Option<Duration>) -> bool {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == *key) else {
            if self.entries.len() >= MAX_KNOWN
                && let Some((oldest, _)) = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.last)
            {
                self.entries.swap_remove(oldest);
            }
            self.entries.push(Entry { key: key.clone(), last: at });
            return true;
        };
        let known_for = SignedDuration::try_from(known_for.unwrap_or_default()).unwrap_or_default();
        let is_news = at > entry.last && at.duration_since(entry.last) >= known_for;
        entry.last = entry.last.max(at);
        is_news
    }

    /// Corrects values that no agent wrote; returns how many there were.
    pub fn correct(&mut self, now: Timestamp) -> usize {
        let before = self.entries.len();
        self.entries.truncate(MAX_KNOWN);
        let late = self.entries.iter_mut().filter(|entry| entry.last > now);
        before - before.min(MAX_KNOWN) + late.map(|entry| entry.last = now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn one_is_news_again_after_its_time_and_the_same_instant_is_never() {
        let month = Some(Duration::from_secs(1000));
        let key = Key::new(metric::MEMORY, "root ← 192.0.2.1");
        let mut known = Known::default();
        let news = [0, 0, 999, 1998, 2998, 4000].map(|second| known.take_in(&key, at(second), month));
        assert_eq!(news, [true, false, false, false, true, true]);
        let mut known = Known::default();
        assert_eq!([0, 0, 1, 0].map(|second| known.take_in(&key, at(second), None)), [true, false, true, false]);
    }

    #[test]
    fn thousands_are_bounded_and_the_oldest_is_forgotten() {
        let mut known = Known::default();
        let key = |number: i64| Key::new(metric::MEMORY, format!("{number}"));
        for number in 0..5000 {
            assert!(known.take_in(&key(number), at(number), None));
        }
        assert_eq!(known.entries.len(), MAX_KNOWN);
        assert!(!known.take_in(&key(4500), at(4500), None) && known.take_in(&key(0), at(6000), None));
        known.entries[0].last = at(9000);
        assert_eq!(known.correct(at(7000)), 1);
    }
}
