//! The outcome of an attempt to deliver a message, in the words that every channel shares.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The result of one attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// A passing fault: try this message again, first soon, then with growing pauses.
    Retry {
        reason: String,
    },
    /// The channel itself answered that it does not take this message, but not that it never will.
    Rejected {
        reason: String,
    },
    /// The channel takes nothing for a while; not counted against the message.
    Throttled {
        reason: String,
        hold: Duration,
    },
    /// The channel does not take this message as it is marked up, but may take it plain: see
    /// [`Entry::is_plain`](super::Entry::is_plain). A plain one is refused by this.
    FormRefused {
        reason: String,
    },
    /// The destination has another address at its vendor by now: the message is sent there at once, and so are all
    /// others.
    Moved {
        reason: String,
        moved: Moved,
    },
    /// The channel will never take this message; it may take those behind it.
    MessageRefused {
        reason: String,
    },
    /// The channel takes nothing until its configuration changes.
    ChannelRefused {
        reason: String,
    },
}

/// A destination's address at its vendor: the one that the configuration has, and the one that it has by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub from: String,
    pub to: String,
}

impl Outcome {
    /// Why it was not delivered; empty if it was.
    pub fn reason(&self) -> &str {
        match self {
            Outcome::Delivered => "",
            Outcome::Retry { reason }
            | Outcome::Rejected { reason }
            | Outcome::Throttled { reason, .. }
            | Outcome::FormRefused { reason }
            | Outcome::Moved { reason, .. }
            | Outcome::MessageRefused { reason }
            | Outcome::ChannelRefused { reason } => reason,
        }
    }

    /// The same outcome with another wording of its reason.
    #[must_use]
    pub fn map_reason(mut self, map: impl FnOnce(&str) -> String) -> Outcome {
        match &mut self {
            Outcome::Delivered => {}
            Outcome::Retry { reason }
            | Outcome::Rejected { reason }
            | Outcome::Throttled { reason, .. }
            | Outcome::FormRefused { reason }
            | Outcome::Moved { reason, .. }
            | Outcome::MessageRefused { reason }
            | Outcome::ChannelRefused { reason } => *reason = map(reason),
        }
        self
    }
}
