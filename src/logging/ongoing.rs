//! Errors that last: reported when they begin, when they change and when they end, not each time.
//!
//! Pure: it returns the change, and its callers log it in their own words.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};

/// The bound of subjects in error: more than an engine can name in one reply. One beyond it is neither remembered nor
/// reported.
const SUBJECTS_MAX: usize = 128 * 1024;

/// The change that a report made.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Began,
    Changed,
    Ended,
}

/// The subjects in error, each with its error. Only hashes are kept, so that 100,000 of them are cheap.
#[derive(Debug, Default)]
pub struct Ongoing {
    errors: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Ongoing {
    /// Takes in the present condition of `subject` (a collector, a channel, a file), and returns the change, if there
    /// is one.
    #[must_use]
    pub fn report(&mut self, subject: &str, error: Option<&str>) -> Option<Change> {
        let has_room = self.errors.len() < SUBJECTS_MAX;
        let known = self.errors.entry(self.hasher.hash_one(subject));
        match (known, error.map(|error| self.hasher.hash_one(error))) {
            (Entry::Vacant(place), Some(error)) if has_room => {
                place.insert(error);
                Some(Change::Began)
            }
            (Entry::Vacant(_), _) => None,
            (Entry::Occupied(known), None) => {
                known.remove();
                // Memory that was needed once is not needed for ever.
                if self.errors.is_empty() {
                    self.errors.shrink_to_fit();
                }
                Some(Change::Ended)
            }
            (Entry::Occupied(mut known), Some(error)) => (known.insert(error) != error).then_some(Change::Changed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_when_it_begins_changes_and_ends() {
        let mut ongoing = Ongoing::default();
        assert_eq!(ongoing.report("docker", None), None);
        assert_eq!(ongoing.report("docker", Some("no socket")), Some(Change::Began));
        assert_eq!(ongoing.report("docker", Some("no socket")), None);
        assert_eq!(ongoing.report("docker", Some("timed out")), Some(Change::Changed));
        assert_eq!(ongoing.report("docker", Some("timed out")), None);
        assert_eq!(ongoing.report("docker", None), Some(Change::Ended));
        assert_eq!(ongoing.report("docker", None), None);
        assert_eq!(ongoing.report("docker", Some("timed out")), Some(Change::Began));
    }

    #[test]
    fn subjects_do_not_know_each_other() {
        let mut ongoing = Ongoing::default();
        assert_eq!(ongoing.report("docker", Some("gone")), Some(Change::Began));
        assert_eq!(ongoing.report("memory", Some("gone")), Some(Change::Began));
        assert_eq!(ongoing.report("docker", None), Some(Change::Ended));
        assert_eq!(ongoing.report("memory", Some("gone")), None);
    }

    #[test]
    fn however_many_are_in_error_each_is_told_once() {
        let mut ongoing = Ongoing::default();
        let subjects: Vec<String> = (0..40_000).map(|number| format!("docker({number})")).collect();
        for change in [Some(Change::Began), None, None] {
            assert!(subjects.iter().all(|subject| ongoing.report(subject, Some("gone")) == change));
        }
        assert!(subjects.iter().all(|subject| ongoing.report(subject, None) == Some(Change::Ended)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut ongoing = Ongoing::default();
        let told = (0..2 * SUBJECTS_MAX).filter(|n| ongoing.report(&n.to_string(), Some("gone")).is_some()).count();
        assert_eq!((told, ongoing.errors.len()), (SUBJECTS_MAX, SUBJECTS_MAX));
    }
}
