//! News that is told now, and news that is held: the one place where transitions become messages asks here.
//!
//! Held news is told by the first check after its hold. That check begins when the hold ends, so that it tells the
//! alerts that burn then.

use jiff::Timestamp;

use super::Core;
use crate::alert::Transition;
use crate::clock::{Boot, Now};
use crate::hold::{HeldStatus, Holds, Released, Sorted};

/// When the first of the held news is due, as found last.
#[derive(Debug, Default)]
pub(super) struct HoldEnd {
    due: Option<Timestamp>,
    /// The revision of the state at that time; `None`: look anew.
    found_by: Option<u64>,
}

impl HoldEnd {
    /// The configuration or the clock has changed.
    pub fn forget(&mut self) {
        self.found_by = None;
    }
}

impl Core {
    pub(super) fn holds(&self, now: Now) -> Holds {
        Holds::new(&self.config.quiet_hours, &self.state.get().silences, now, &self.config.style.zone)
    }

    /// Separates news that is told now from held news.
    pub(super) fn hold_back<'a>(&mut self, transitions: &'a [Transition], holds: &Holds, now: Now) -> Sorted<'a> {
        if transitions.is_empty() || (holds.is_none() && self.state.get().held.is_empty()) {
            return Sorted { told: transitions.into(), ended: Vec::new() };
        }
        let policy = &self.config.policy;
        let state = self.state.change();
        state.held.sort(transitions, holds, &mut state.alerts, now, policy)
    }

    /// Takes out the news that was held until now.
    pub(super) fn release(&mut self, holds: &Holds, now: Now) -> Released {
        let goes_on = |held: HeldStatus<'_>| holds.until(held.key, held.level).is_some();
        if self.state.get().held.iter().all(goes_on) {
            return Released::default();
        }
        let policy = &self.config.policy;
        let state = self.state.change();
        let released = state.held.release(holds, &mut state.alerts, now, policy);
        log::info!("held state=told burning={} over={}", released.burning.len(), released.over.len());
        released
    }

    /// Finds out when the first of the held news is due, if that may have changed.
    pub(super) fn look_at_holds(&mut self, now: Now) {
        self.end_silences(now.boot);
        let revision = Some(self.state.revision());
        let has_come = self.hold_end.due.is_some_and(|due| due <= now.wall);
        if self.hold_end.found_by == revision && !has_come {
            return;
        }
        let holds = self.holds(now);
        let due = self.state.get().held.iter().map(|held| holds.until(held.key, held.level).unwrap_or(now.wall)).min();
        self.hold_end = HoldEnd { due, found_by: revision };
    }

    /// When to check because a hold ends, by the wall clock's present time.
    pub(super) fn hold_ends(&self, now: Now) -> Option<Boot> {
        let left = self.hold_end.due?.as_microsecond().saturating_sub(now.wall.as_microsecond());
        // Rounded up: a check too early would find nothing.
        Some(if left > 0 { now.boot.shifted(left + 1) } else { now.boot })
    }
}
