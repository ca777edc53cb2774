//! The monthly quota of traffic: each look adds to its count, which is saved now and then.

use super::Core;
use crate::clock::Now;
use crate::message::volume;
use crate::quota::{Change, Derived, Ledger};
use crate::snapshot::Snapshot;

impl Core {
    /// Counts the traffic of a measurement, and adds the reading of it.
    pub(super) fn count_traffic(&mut self, snapshot: &mut Snapshot, now: Now) {
        if snapshot.totals.is_none() && self.state.get().quota.is_empty() {
            return;
        }
        let Some(plan) = self.config.plan.quota() else {
            if !self.state.get().quota.is_empty() {
                self.state.change().quota = Ledger::default();
            }
            return;
        };
        let ledger = &mut self.state.update().quota;
        let Some(Derived { change, corrected, is_correction_ahead }) =
            ledger.derive(snapshot, plan, &self.config.style.zone, &self.mode.boot_id, now)
        else {
            return;
        };
        if let Some([before, after]) = corrected.map(|used| used.map(|bytes| volume(bytes, plan.limit.is_binary))) {
            log::info!("quota=corrected before={before} after={after}");
        }
        match change {
            Change::Nothing => {}
            Change::Grown => self.state.save_in_the_end(),
            Change::News => drop(self.state.change()),
        }
        let error = is_correction_ahead.then_some("network.quota.used_at is in the future");
        self.log_ongoing("correction of the quota", error, "the provider's number is taken once its time has come");
    }
}
