//! One message that waits, and its attempts so far.

use serde::{Deserialize, Serialize};

use crate::bounds::is_zero;
use crate::clock::Boot;
use crate::message::{Message, Picture};

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub message: Message,
    /// Since when it waits; for a digest, since when its oldest message waited.
    pub queued: Boot,
    /// Attempts that failed.
    pub attempts: u32,
    /// Not before this instant; `None`: as soon as its turn comes.
    pub not_before: Option<Boot>,
    pub last_error: Option<String>,
    /// How often the channel itself rejected it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejections: u32,
    /// The number of its delivered jobs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jobs_done: u32,
    /// Since when others go first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_since: Option<Boot>,
    /// The channel refused its markup: it is sent without.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_plain: bool,
    /// The names of the other channels that were given this message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// To be drawn into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Entry {
    pub(super) fn new(message: Message, queued: Boot) -> Entry {
        Entry {
            message,
            queued,
            attempts: 0,
            not_before: None,
            last_error: None,
            rejections: 0,
            jobs_done: 0,
            rejected_since: None,
            is_plain: false,
            also: Vec::new(),
            picture: None,
        }
    }

    pub(super) fn fail(&mut self, reason: &str, not_before: Boot) {
        self.attempts = self.attempts.saturating_add(1);
        self.not_before = Some(not_before);
        self.last_error = Some(reason.to_owned());
    }
}
