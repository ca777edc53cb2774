//! Errors that go on: said when they begin, when they change and when they end, not each time.
//!
//! Pure: it tells what changed, and its callers log it in their own words.

use std::collections::VecDeque;

use crate::text::beginning;

/// How many subjects may be in error at once. Beyond it the one that began first is forgotten, and said again
/// if it still goes on.
const SUBJECTS_MAX: usize = 256;

/// How much of an error is remembered. Two that differ only beyond it count as one.
const ERROR_BYTES_MAX: usize = 512;

/// What a report changed.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Began,
    Changed,
    Ended,
}

/// What is in error, and how.
#[derive(Debug, Default)]
pub struct Ongoing {
    errors: VecDeque<(String, String)>,
}

impl Ongoing {
    /// Takes in how `subject` (a collector, a channel, a file) fares now, and tells what is new about it, if anything.
    #[must_use]
    pub fn report(&mut self, subject: &str, error: Option<&str>) -> Option<Change> {
        let known = self.errors.iter().position(|(name, _)| name == subject);
        match (known, error.map(|error| beginning(error, ERROR_BYTES_MAX))) {
            (None, None) => None,
            (None, Some(error)) => {
                if self.errors.len() == SUBJECTS_MAX {
                    self.errors.pop_front();
                }
                self.errors.push_back((subject.to_owned(), error.to_owned()));
                Some(Change::Began)
            }
            (Some(at), None) => {
                self.errors.remove(at);
                Some(Change::Ended)
            }
            (Some(at), Some(error)) if self.errors[at].1 == error => None,
            (Some(at), Some(error)) => {
                error.clone_into(&mut self.errors[at].1);
                Some(Change::Changed)
            }
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
    fn the_oldest_of_too_many_subjects_is_forgotten() {
        let mut ongoing = Ongoing::default();
        for subject in 0..=SUBJECTS_MAX {
            assert_eq!(ongoing.report(&subject.to_string(), Some("gone")), Some(Change::Began));
        }
        assert_eq!(ongoing.errors.len(), SUBJECTS_MAX);
        assert_eq!(ongoing.report("1", Some("gone")), None);
        assert_eq!(ongoing.report("0", Some("gone")), Some(Change::Began));
    }

    #[test]
    fn a_long_error_is_remembered_in_part_and_still_known_again() {
        let mut ongoing = Ongoing::default();
        let long = format!("x{}", "内".repeat(ERROR_BYTES_MAX));
        assert_eq!(ongoing.report("docker", Some(&long)), Some(Change::Began));
        assert_eq!(ongoing.report("docker", Some(&long)), None);
        assert!(ongoing.errors[0].1.len() <= ERROR_BYTES_MAX);
    }
}
