//! What a look changes with an alert, and the reason, for messages and for the log.

use jiff::Timestamp;

use crate::rule::Limit;
use crate::snapshot::{Key, Value};

/// What changed with one alert, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    pub key: Key,
    pub news: News,
    pub value: Value,
    pub limit: Limit,
    /// When the alert began to fire.
    pub since: Timestamp,
}

/// The reason for a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It began to fire: told.
    Fired,
    /// It fires still (or again), and its cooldown is over: told.
    Reminded,
    /// It began to fire, and is told once its grace is over, unless it is well by then.
    Pending,
    /// It began to fire again inside its cooldown: not told, unless it lasts.
    HeldBack,
    /// What was told is over: told.
    Recovered,
    /// It is over, and its firing was never told: not told either.
    RecoveredUntold,
    /// It is over, and `send_recovery` is off.
    RecoveredMuted,
    /// What it was about is not watched any more: not told.
    Dropped,
}

impl News {
    /// The word for it in the log.
    pub const fn name(self) -> &'static str {
        match self {
            News::Fired | News::Reminded => "firing",
            News::Pending => "pending",
            News::HeldBack => "held_back",
            News::Recovered | News::RecoveredUntold | News::RecoveredMuted => "recovered",
            News::Dropped => "dropped",
        }
    }

    /// Why, in the log.
    pub const fn reason(self) -> &'static str {
        match self {
            News::Fired => "began",
            News::Reminded => "cooldown_over",
            News::Pending => "inside_grace",
            News::HeldBack => "inside_cooldown",
            News::Recovered => "told_before",
            News::RecoveredUntold => "never_told",
            News::RecoveredMuted => "send_recovery_off",
            News::Dropped => "not_watched",
        }
    }

    /// Whether a firing message is due.
    pub const fn is_firing_message(self) -> bool {
        matches!(self, News::Fired | News::Reminded)
    }

    /// Whether a recovery message is due.
    pub const fn is_recovery_message(self) -> bool {
        matches!(self, News::Recovered)
    }
}
