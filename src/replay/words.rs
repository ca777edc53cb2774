//! Recorded words: the state of a container, of a disk, of a unit. A word alone does not tell whether it is well.

use std::collections::HashSet;
use std::rc::Rc;

use super::csv::shown;
use crate::collect::docker::{DockerConfig, RecordedWords};
use crate::core::ReadingDocument;
use crate::metric::ExpectedWord;
use crate::rule::{Level, Verdict};
use crate::snapshot::{ContainerWord, Key};

/// The meaning of words.
pub struct Words {
    of_containers: RecordedWords,
    /// The conditions of the host that were as expected once.
    were_expected: HashSet<Key>,
}

impl Words {
    pub fn new(config: &DockerConfig) -> Words {
        Words { of_containers: RecordedWords::new(config), were_expected: HashSet::new() }
    }

    /// Judges a word by the configuration, or by its quantity; `None`: that does not tell which word is expected.
    pub fn read(&mut self, key: &Key, word: &str) -> Result<Option<ContainerWord>, String> {
        if let Ok(share) = word.parse::<f64>() {
            return Ok(Some(self.of_a_share(key, share)));
        }
        let word = bounded(word)?;
        if key.metric.is_of_docker() {
            return Ok(Some(self.of_containers.reading(key, &word)));
        }
        let Some(ExpectedWord { word: expected, is_critical, may_begin_otherwise }) = key.metric.expected else {
            return Ok(None);
        };
        if *word == *expected && may_begin_otherwise {
            self.were_expected.insert(key.clone());
        }
        let is_as_found = may_begin_otherwise && !self.were_expected.contains(key);
        let expected: Rc<str> = if is_as_found { word.clone() } else { expected.into() };
        Ok(Some(ContainerWord { is_critical, ..ContainerWord::new(word, expected) }))
    }

    /// The agent's own history has no words: 1 is well, and the less the longer it was not, within a summary.
    fn of_a_share(&self, key: &Key, share: f64) -> ContainerWord {
        let is_well = share >= 1.0;
        let expected: Rc<str> = key.metric.expected.map_or(WELL, |expected| expected.word).into();
        let word = if is_well { expected.clone() } else { NOT_WELL.into() };
        let is_critical = !is_well && key.metric.expected.is_some_and(|expected| expected.is_critical);
        ContainerWord { well: Some(is_well), is_critical, ..ContainerWord::new(word, expected) }
    }

    /// The recorder knew more than the word: whether that is well.
    pub fn judged(&self, key: &Key, word: &str, reading: &ReadingDocument) -> Result<ContainerWord, String> {
        let judged = self.of_containers.reading(key, &bounded(word)?);
        let breach = Verdict::Breach(Default::default());
        let well = match &reading.verdict {
            verdict if verdict == Verdict::Clear.name() => Some(true),
            verdict if verdict == breach.name() => Some(false),
            _ => None,
        };
        let expected = reading.expected.as_deref().map_or(judged.expected, Rc::from);
        let is_critical = judged.is_critical || reading.level.as_deref() == Some(Level::Critical.name());
        Ok(ContainerWord { well, expected, is_critical, ..judged })
    }
}

/// The words of conditions that were recorded without one.
const WELL: &str = "well";
const NOT_WELL: &str = "not well";

/// Engines have words of a few letters.
const MAX_WORD_BYTES: usize = 255;

fn bounded(word: &str) -> Result<Rc<str>, String> {
    if word.len() > MAX_WORD_BYTES {
        return Err(format!("the word `{}…` is longer than {MAX_WORD_BYTES} bytes", shown(word)));
    }
    Ok(word.into())
}
