//! Changes of an alert: which of them are told, and the reason for each.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::seconds_between;
use crate::rule::{Level, Limit};
use crate::snapshot::{Key, Value};

/// A change of one alert, and its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    pub key: Key,
    pub news: News,
    pub value: Value,
    pub limit: Limit,
    /// When the alert began.
    pub since: Timestamp,
    pub episode: Episode,
}

/// The alert from its beginning to this change, as it is told to people.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Episode {
    /// People know of it.
    pub is_told: bool,
    pub level: Level,
    /// How often it came back within a day of its recovery.
    pub returns: u32,
    /// The number that people know: the one in its last message before this one.
    pub told_before: Option<f64>,
    /// The worst number since it began.
    pub peak: Option<f64>,
    /// How long it must be below its limit before it is over.
    pub settling: Duration,
    /// More than one check found it, or it had to settle.
    pub is_lasting: bool,
    /// Since when it is below its limit.
    pub well_since: Option<Timestamp>,
    /// When its last message before this one was made, since it began.
    pub last_told: Option<Timestamp>,
    /// How often it was told again since it began, this time included.
    pub reminders: u32,
    /// Whether its critical level was told since it began.
    pub is_critical_told: bool,
    /// The limit that was told then, of a number.
    pub critical_limit: Option<f64>,
}

/// The reason for a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It began: told.
    Fired,
    /// It is over its critical limit for the first time since it began: told.
    Critical,
    /// It is half-way worse than the value that was told: told.
    Worse,
    /// It lasts, and is due to be told again: told.
    Reminded,
    /// It began, and is told once it has lasted for its `for` or its grace.
    Pending,
    /// It began again inside its cooldown: not told, unless it lasts.
    HeldBack,
    /// It came back before, and is below its limit: it must stay so for a while.
    Settling,
    /// An alert that was told is over: told.
    Recovered,
    /// It is over, and its firing was never told: not told either.
    RecoveredUntold,
    /// It is over, and `send_recovery` is off.
    RecoveredMuted,
    /// Its key is not watched any more: not told.
    Dropped,
    /// It is no condition that lasts: told once.
    Happened,
}

impl News {
    /// The state in the log.
    pub const fn name(self) -> &'static str {
        match self {
            News::Fired | News::Critical | News::Worse | News::Reminded => "firing",
            News::Pending => "pending",
            News::HeldBack => "held_back",
            News::Settling => "settling",
            News::Recovered | News::RecoveredUntold | News::RecoveredMuted => "recovered",
            News::Dropped => "dropped",
            News::Happened => "happened",
        }
    }

    /// Whether a firing message is due.
    pub const fn is_firing_message(self) -> bool {
        matches!(self, News::Fired | News::Critical | News::Worse | News::Reminded)
    }

    /// Whether a recovery message is due.
    pub const fn is_recovery_message(self) -> bool {
        matches!(self, News::Recovered)
    }
}

impl Transition {
    /// From the alert's beginning until it was well, or until now.
    pub fn lasted_seconds(&self, now: Timestamp) -> u64 {
        seconds_between(self.since, self.episode.well_since.unwrap_or(now))
    }

    /// The reason in the log.
    pub const fn reason(&self) -> &'static str {
        match self.news {
            News::Fired if self.episode.returns > 0 => "came_back",
            News::Fired => "began",
            News::Critical => "critical",
            News::Worse => "worse",
            News::Reminded => "repeat",
            News::Pending => "inside_for",
            News::HeldBack => "inside_cooldown",
            News::Settling if self.episode.returns > 0 => "came_back",
            News::Settling => "may_come_back",
            News::Recovered => "told_before",
            News::RecoveredUntold => "never_told",
            News::RecoveredMuted => "send_recovery_off",
            News::Dropped => "not_watched",
            News::Happened => "once",
        }
    }
}

/// The number of messages of each kind that alerts caused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCounts {
    pub alerts: u64,
    pub recoveries: u64,
}

impl MessageCounts {
    /// Counts the `transitions` that were told.
    pub fn count(&mut self, transitions: &[Transition]) {
        let told = |is: fn(News) -> bool| transitions.iter().filter(|t| is(t.news)).count() as u64;
        self.alerts += told(News::is_firing_message);
        self.recoveries += told(News::is_recovery_message);
    }
}
