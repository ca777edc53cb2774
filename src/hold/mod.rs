//! Quiet hours and silences: is the news of an alert held back now, and until when? And the held news, until its end.
//!
//! Pure: keys, levels and the time go in, an instant comes out. The state machine, the messages' channels and their outboxes
//! know nothing of it: there is one place where transitions become messages, and that one asks here.

mod days;
mod debt;
mod held;
mod quiet;
mod silence;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::alert::Transition;
use crate::clock::Now;
use crate::message::{self, Kind};
use crate::outbox::on_the_wall;
use crate::rule::Level;
use crate::snapshot::Key;

pub use held::{Held, HeldStatus, Sorted};
pub use quiet::{LetThrough, MAX_WINDOWS, QuietHours, Window};
pub use silence::{
    ALL, LONGEST, MAX_SILENCES, MAX_TARGET_BYTES, MAX_WHY_BYTES, Names, Silence, Silences, name as target_of,
};

/// The holds that there are at one instant.
#[derive(Clone, Debug)]
pub struct Holds {
    /// When the quiet hours end for a warning, and for a critical alert; `None`: there are none now.
    quiet: [Option<Timestamp>; 2],
    /// The silences that last, each with its end by the wall clock of now.
    silences: Vec<(Silence, Timestamp)>,
    /// By which both are found later.
    quiet_hours: QuietHours,
    zone: TimeZone,
}

impl Holds {
    pub fn new(quiet_hours: &QuietHours, silences: &Silences, now: Now, zone: &TimeZone) -> Holds {
        let lasting = silences.lasting(now.boot);
        Holds {
            quiet: [Level::Warning, Level::Critical].map(|level| quiet_hours.until(level, now.wall, zone)),
            silences: lasting.map(|silence| (silence.clone(), on_the_wall(silence.until, now))).collect(),
            quiet_hours: quiet_hours.clone(),
            zone: zone.clone(),
        }
    }

    /// Until when the news of an alert is held, if that is of this level; `None`: it is not. Where one hold ends in
    /// another, it goes on. A silence holds every level.
    pub fn until(&self, key: &Key, level: Level) -> Option<Timestamp> {
        let quiet = self.quiet[usize::from(level == Level::Critical)];
        if self.silences.is_empty() {
            return quiet;
        }
        let names = Names::new(key);
        let silences = self.silences.iter().filter(|(silence, _)| silence.covers(&names)).map(|(_, until)| *until);
        let Some(silent) = silences.max() else { return quiet };
        let until = quiet.map_or(silent, |quiet| quiet.max(silent));
        Some(self.quiet_hours.until(level, until, &self.zone).unwrap_or(until))
    }

    /// Until when a message of it is held; `None`: it is told now, or there is none.
    pub fn of(&self, transition: &Transition) -> Option<Timestamp> {
        self.until(&transition.key, level_of(transition)?)
    }

    /// Whether nothing at all is held.
    pub fn is_none(&self) -> bool {
        self.quiet == [None, None] && self.silences.is_empty()
    }
}

/// The level that a message about a transition counts as; `None`: there is none.
pub fn level_of(transition: &Transition) -> Option<Level> {
    match message::kind(transition)? {
        // People who were woken by it want to know its end.
        Kind::Recovery if transition.episode.is_critical_told => Some(Level::Critical),
        Kind::Recovery => Some(Level::Warning),
        _ => Some(transition.episode.level),
    }
}
