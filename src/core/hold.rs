//! News that is told now, and news that is held: the one place where transitions become messages asks here.
//!
//! Held news is told by the first check after its hold. That check begins when the hold ends, so that it tells the
//! alerts that burn then.

use jiff::Timestamp;

use super::Core;
use crate::alert::Transition;
use crate::clock::{Boot, Now};
use crate::hold::{Holds, Sorted};
use crate::message::Released;
use crate::store::State;

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

    /// Takes out the news that was held until now: of alerts, and of keys that could not be measured.
    pub(super) fn release(&mut self, holds: &Holds, now: Now) -> Option<[Released; 2]> {
        let State { held, held_unknown, .. } = self.state.get();
        if ![held, held_unknown].into_iter().any(|held| held.is_due(holds)) {
            return None;
        }
        let policy = &self.config.policy;
        let state = self.state.change();
        let alerts = state.held.release(holds, &mut state.alerts, now, policy);
        let unmeasured = state.held_unknown.release(holds, &mut state.unknown, now, policy);
        let both = [&alerts, &unmeasured];
        let count = |of: fn(&Released) -> usize| both.into_iter().map(of).sum::<usize>();
        let unlisted: u64 = both.into_iter().filter_map(|released| released.unlisted).map(|others| others.count).sum();
        let (burning, over) = (count(|released| released.burning.len()), count(|released| released.over.len()));
        log::info!("held state=told burning={burning} over={over} unlisted={unlisted}");
        Some([alerts, unmeasured])
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
        let State { held, held_unknown, .. } = self.state.get();
        let due = [held, held_unknown].into_iter().filter_map(|held| held.due(&holds, now.wall)).min();
        self.hold_end = HoldEnd { due, found_by: revision };
    }

    /// When to check because a hold ends, by the wall clock's present time.
    pub(super) fn hold_ends(&self, now: Now) -> Option<Boot> {
        let left = self.hold_end.due?.as_microsecond().saturating_sub(now.wall.as_microsecond());
        // Rounded up: a check too early would find nothing.
        Some(if left > 0 { now.boot.shifted(left + 1) } else { now.boot })
    }
}
