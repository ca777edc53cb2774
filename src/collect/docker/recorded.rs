//! Turns a recorded word into a container's reading: the configuration decides whatever the word alone does not tell.

use std::rc::Rc;

use super::ENGINE_EXPECTED;
use super::config::{DockerConfig, Expected};
use super::health;
use super::judge;
use super::names::Watch;
use crate::docker::Labels;
use crate::metric;
use crate::snapshot::{Cause, ContainerWord, Key};

/// Judges recorded words.
#[derive(Debug)]
pub struct RecordedWords(Watch);

impl RecordedWords {
    pub fn new(config: &DockerConfig) -> RecordedWords {
        RecordedWords(Watch::new(&config.containers, &config.exclude))
    }

    /// The reading of `key` with this word. An `exited` is well if it is expected: no word tells the exit code.
    pub fn reading(&self, key: &Key, word: &Rc<str>) -> ContainerWord {
        let place = self.0.place_of(&key.target, &Labels::default());
        let entry = place.as_ref().and_then(|place| self.0.entry(place));
        let is_state = key.metric == metric::CONTAINER_STATE;
        let expected = match entry {
            _ if key.metric == metric::DOCKER_ENGINE => ENGINE_EXPECTED,
            _ if !is_state => health::EXPECTED,
            entry => entry.map_or(Expected::Running, |entry| entry.expected).word(),
        };
        let judged = ContainerWord::new(word.clone(), expected);
        let well = match &**word {
            "starting" if !is_state => None,
            "running" if is_state => Some(true),
            _ => judged.well,
        };
        let is_removed = is_state && **word == *judge::REMOVED;
        ContainerWord {
            well,
            on_purpose: is_state && well == Some(false) && judge::is_on_purpose(word),
            causes: if is_removed { vec![Cause::Removed] } else { Vec::new() },
            is_critical: entry.is_some_and(|entry| entry.critical),
            ..judged
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::docker::Entry;

    #[test]
    fn a_word_is_judged_by_what_the_configuration_expects() {
        let entry = |name, expected, critical| Entry { expected, critical, ..Entry::new(name) };
        let containers = vec![entry("backup", Expected::Exited, false), entry("db*", Expected::Running, true)];
        let words = RecordedWords::new(&DockerConfig { containers, ..DockerConfig::default() });
        let reading = |metric, name, word: &str| words.reading(&Key::new(metric, name), &word.into());
        for (metric, name, word, well) in [
            (metric::CONTAINER_STATE, "web", "running", Some(true)),
            (metric::CONTAINER_STATE, "web", "exited", Some(false)),
            (metric::CONTAINER_STATE, "backup", "exited", Some(true)),
            (metric::CONTAINER_STATE, "backup", "running", Some(true)),
            (metric::CONTAINER_HEALTH, "web", "starting", None),
            (metric::CONTAINER_HEALTH, "web", "unhealthy", Some(false)),
            (metric::DOCKER_ENGINE, "Docker", "available", Some(true)),
            (metric::DOCKER_ENGINE, "Docker", "unavailable", Some(false)),
        ] {
            assert_eq!(reading(metric, name, word).well, well, "{name} {word}");
        }
        assert!(reading(metric::CONTAINER_STATE, "db-1", "exited").is_critical);
        assert!(!reading(metric::CONTAINER_STATE, "db-1", "exited").on_purpose);
        assert!(reading(metric::CONTAINER_STATE, "db-1", "removed").on_purpose);
    }
}
