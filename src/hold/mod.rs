//! Quiet hours: is the news of an alert held back now, and until when? And the held news, until its end.
//!
//! Pure: keys, levels and the time go in, an instant comes out. The state machine, the messages' channels and their outboxes
//! know nothing of it: there is one place where transitions become messages, and that one asks here.

mod days;
mod held;
mod quiet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::alert::Transition;
use crate::message::{self, Kind};
use crate::rule::Level;
use crate::snapshot::Key;

pub use held::{Held, HeldStatus, Released, Sorted};
pub use quiet::{LetThrough, MAX_WINDOWS, QuietHours, Window};

/// The holds that there are at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Holds {
    /// When the quiet hours end for a warning, and for a critical alert; `None`: there are none now.
    quiet: [Option<Timestamp>; 2],
}

impl Holds {
    pub fn new(quiet_hours: &QuietHours, now: Timestamp, zone: &TimeZone) -> Holds {
        Holds { quiet: [Level::Warning, Level::Critical].map(|level| quiet_hours.until(level, now, zone)) }
    }

    /// Until when the news of an alert is held, if that is of this level; `None`: it is not.
    pub fn until(&self, _key: &Key, level: Level) -> Option<Timestamp> {
        self.quiet[usize::from(level == Level::Critical)]
    }

    /// Until when a message of it is held; `None`: it is told now, or nothing is told of it.
    pub fn of(&self, transition: &Transition) -> Option<Timestamp> {
        let level = match message::kind(transition)? {
            // Whoever was woken by it wants to know its end.
            Kind::Recovery if transition.episode.is_critical_told => Level::Critical,
            Kind::Recovery => Level::Warning,
            _ => transition.episode.level,
        };
        self.until(&transition.key, level)
    }

    /// Whether nothing is held, whatever it is.
    pub fn is_none(&self) -> bool {
        self.quiet == [None, None]
    }
}
