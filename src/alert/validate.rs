//! Checks the alerts of a state file: corrects instants that no agent wrote, and forgets alerts beyond the bound.

use std::time::Duration;

use jiff::Timestamp;

use super::{Alert, Alerts, MessageCounts, Phase};
use crate::bounds::{MAX_COUNT, keep};
use crate::clock::{Boot, Now};
use crate::snapshot::Key;

/// No alert waits longer than this before it is told.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

impl Alerts {
    /// Corrects values that cannot be true at `now`; returns how many there were.
    pub fn correct(&mut self, now: Now) -> usize {
        let corrected = |alert: &mut Alert| {
            let past = alert.instants().map(|instant| keep(instant, Boot::EARLIEST..=now.boot)).sum::<usize>();
            let longest = Duration::ZERO..=LONGEST_WAIT;
            past + match &mut alert.phase {
                Phase::Clear => 0,
                Phase::Pending(pending) => keep(&mut pending.wait, longest),
                Phase::Firing(firing) => keep(&mut firing.wait, longest),
            }
        };
        self.alerts.values_mut().map(corrected).sum()
    }

    /// Forgets the alerts that are over; returns how many there were.
    pub fn forget_over(&mut self) -> usize {
        let before = self.alerts.len();
        self.alerts.retain(|_, alert| !alert.is_clear());
        before - self.alerts.len()
    }

    /// Forgets half of all alerts, rounded up: first those that nobody was told of, then the oldest. Returns how many.
    pub fn forget_half(&mut self) -> usize {
        let mut keys: Vec<(bool, Timestamp, Key)> =
            self.alerts.values().map(|alert| (alert.is_told(), alert.since(), alert.key.clone())).collect();
        keys.sort_unstable();
        keys.truncate(keys.len().div_ceil(2));
        keys.iter().for_each(|(.., key)| drop(self.alerts.remove(key)));
        keys.len()
    }
}

impl MessageCounts {
    /// Corrects counts that are near a number's end; returns how many there were.
    pub fn correct(&mut self) -> usize {
        keep(&mut self.alerts, 0..=MAX_COUNT) + keep(&mut self.recoveries, 0..=MAX_COUNT)
    }
}
