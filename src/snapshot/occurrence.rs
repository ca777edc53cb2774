//! Things that happen once, and are no condition that could pass: a process that the kernel killed, a reboot, a login.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Key;
use crate::bounds::{MAX_COUNT, keep};
use crate::text;

/// The most pieces of a text.
const MAX_PARTS: usize = 16;

/// A text from outside is cut here: the state holds it until it is told.
const MAX_FOREIGN_BYTES: usize = 200;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    pub key: Key,
    pub at: Timestamp,
    pub detail: EventDetail,
}

/// The facts beside its key and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventDetail {
    /// Its text, behind the label and the target.
    #[serde(default)]
    pub parts: Vec<Part>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_critical: bool,
    /// How often it happened.
    #[serde(default)]
    pub times: u64,
}

/// A piece of a text: our own words in both languages, or a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Own { zh: Cow<'static, str>, en: Cow<'static, str> },
    Foreign(String),
    Bytes(u64),
    Seconds(u64),
    At(Timestamp),
}

impl EventDetail {
    /// A warning that happened once.
    pub fn new(parts: Vec<Part>) -> EventDetail {
        EventDetail { parts, is_critical: false, times: 1 }
    }

    pub fn critical(parts: Vec<Part>) -> EventDetail {
        EventDetail { is_critical: true, ..EventDetail::new(parts) }
    }

    /// Corrects values that no agent wrote; returns how many there were.
    pub fn correct(&mut self) -> usize {
        let parts = self.parts.len();
        self.parts.truncate(MAX_PARTS);
        let number = |part: &mut Part| match part {
            Part::Bytes(number) | Part::Seconds(number) => keep(number, 0..=u64::MAX / 2),
            Part::Foreign(text) if text.len() > MAX_FOREIGN_BYTES => {
                text.truncate(text::beginning(text, MAX_FOREIGN_BYTES).len());
                1
            }
            _ => 0,
        };
        let numbers = self.parts.iter_mut().map(number).sum::<usize>();
        parts - self.parts.len() + numbers + keep(&mut self.times, 1..=MAX_COUNT)
    }
}

impl Part {
    pub const fn own(zh: &'static str, en: &'static str) -> Part {
        Part::Own { zh: Cow::Borrowed(zh), en: Cow::Borrowed(en) }
    }

    /// `2 个容器`, `1 container`
    pub fn counted(count: u64, zh: &'static str, en: &'static str) -> Part {
        Part::Own { zh: format!("{count} {zh}").into(), en: text::counted(count, en).into() }
    }

    /// A text from outside; its beginning, if it is long.
    pub fn foreign(text: &str) -> Part {
        Part::Foreign(text::beginning(text, MAX_FOREIGN_BYTES).to_owned())
    }
}
