//! The memory of disks, which outlives the process; and disks that moved.

use super::Core;
use crate::host::{KnownMounts, MountsChange};
use crate::text;

impl Core {
    /// A disk that moved to another mount point is the same disk: its alerts, their held news and its growth go on there.
    pub(super) fn mounts_changed(&mut self, change: MountsChange) {
        let state = self.state.change();
        for (from, to) in &change.moves {
            log::info!("disk moved from={} to={}", text::in_log(from), text::in_log(to));
            state.alerts.retarget(from, to);
            state.unknown.retarget(from, to);
            state.held.retarget(from, to);
            state.held_unknown.retarget(from, to);
            state.forecasts.retarget(from, to);
        }
        let KnownMounts { points, writable, found, ids, errors } = change.known;
        (state.mounts, state.writable, state.found_disks) = (points, writable, found);
        (state.disk_ids, state.disk_errors) = (ids, errors);
    }
}
