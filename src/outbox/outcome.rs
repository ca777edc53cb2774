//! The outcome of an attempt to deliver a message, in the words that every channel shares.

use std::time::Duration;

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
    /// The channel will never take this message; it may take those behind it.
    MessageRefused {
        reason: String,
    },
    /// The channel takes nothing until its configuration changes.
    ChannelRefused {
        reason: String,
    },
}

impl Outcome {
    /// The same outcome with another wording of its reason.
    #[must_use]
    pub fn map_reason(mut self, map: impl FnOnce(&str) -> String) -> Outcome {
        match &mut self {
            Outcome::Delivered => {}
            Outcome::Retry { reason }
            | Outcome::Rejected { reason }
            | Outcome::Throttled { reason, .. }
            | Outcome::MessageRefused { reason }
            | Outcome::ChannelRefused { reason } => *reason = map(reason),
        }
        self
    }
}
