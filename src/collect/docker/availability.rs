//! Decides whether the engine's own absence, and its return, are reported.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::config::{AlertUnavailable, DockerConfig, Enabled};
use super::inventory::Inventory;
use crate::clock::{Boot, Now};

/// An engine that restarts is back within this time, with an update of its packages too.
const GONE_FOR: Duration = Duration::from_secs(60);

/// After its return, an engine whose absence was told is reported as present for this long: the alert is over once the
/// engine has been well for a while, a day at the longest.
const BACK_FOR: SignedDuration = SignedDuration::from_hours(3 * 24);

/// The engine's presence, as far as it is known.
#[derive(Debug, Default)]
pub struct Availability {
    /// Since when it does not answer.
    gone_since: Option<Boot>,
    /// Its absence was told.
    told: bool,
    answered: bool,
}

/// The report on the engine's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Available,
    Unavailable,
    /// It may be back in a moment.
    Unknown,
    Nothing,
}

impl Availability {
    /// Whether an engine is expected: the configuration says so, or names containers, or one was there. On `auto` a host
    /// without Docker is not woken again and again, and gets no message that it has none.
    pub fn is_expected(&self, config: &DockerConfig, inventory: &Inventory) -> bool {
        let was_there = self.answered || inventory.recall().is_some_and(|memory| memory.engine_was_there);
        let is_wanted = match config.alert_unavailable {
            AlertUnavailable::Auto => inventory.watch().names_any(),
            AlertUnavailable::Always => true,
            AlertUnavailable::Never => false,
        };
        match config.enabled {
            Enabled::Never => false,
            Enabled::Always => true,
            Enabled::Auto => was_there || is_wanted,
        }
    }

    pub fn is_gone(&self) -> bool {
        self.gone_since.is_some()
    }

    /// It answered.
    pub fn answered(&mut self, config: &DockerConfig, inventory: &mut Inventory, now: Now) -> Presence {
        inventory.remember(|memory| &mut memory.engine_was_there, true);
        (self.answered, self.told) = (true, false);
        let gone = |inventory: &Inventory| inventory.recall().and_then(|memory| memory.engine_gone);
        if self.gone_since.take().is_some() && gone(inventory).is_some() {
            inventory.remember(|memory| &mut memory.engine_gone, Some(now.wall));
        }
        let is_back = |gone: Timestamp| now.wall.duration_since(gone) < BACK_FOR;
        match config.alert_unavailable {
            AlertUnavailable::Always => Presence::Available,
            AlertUnavailable::Auto if gone(inventory).is_some_and(is_back) => Presence::Available,
            AlertUnavailable::Auto | AlertUnavailable::Never => Presence::Nothing,
        }
    }

    /// An engine that is expected did not answer.
    pub fn gone(&mut self, config: &DockerConfig, inventory: &mut Inventory, now: Now) -> Presence {
        let since = *self.gone_since.get_or_insert(now.boot);
        let is_told = match config.alert_unavailable {
            AlertUnavailable::Never => return Presence::Nothing,
            AlertUnavailable::Always => self.answered || inventory.remembers(),
            AlertUnavailable::Auto if !inventory.remembers() => return Presence::Nothing,
            AlertUnavailable::Auto => {
                let concerns_somebody = inventory.watch().names_any() || inventory.has_seen_any();
                concerns_somebody && now.boot - since >= GONE_FOR
            }
        };
        if !is_told {
            return Presence::Unknown;
        }
        if !std::mem::replace(&mut self.told, true) {
            inventory.remember(|memory| &mut memory.engine_gone, Some(now.wall));
        }
        Presence::Unavailable
    }
}
