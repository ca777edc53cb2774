//! The memory of disks, which outlives the process; and disks that moved.

use super::Core;
use crate::host::{KnownMounts, MountsChange};
use crate::text;

impl Core {
    /// A disk that moved to another mount point is the same disk: its alerts, their held news and its growth go on there.
    pub(super) fn mounts_changed(&mut self, change: MountsChange) {
        let state = self.state.change();
        let moves = &change.moves;
        if !moves.is_empty() {
            moves
                .iter()
                .for_each(|(from, to)| log::info!("disk moved from={} to={}", text::in_log(from), text::in_log(to)));
            state.alerts.retarget(moves);
            state.unknown.retarget(moves);
            state.held.retarget(moves);
            state.held_unknown.retarget(moves);
            state.forecasts.retarget(moves);
        }
        let KnownMounts { points, writable, found, ids, missing, errors } = change.known;
        (state.mounts, state.writable, state.found_disks) = (points, writable, found);
        (state.disk_ids, state.missing_disks, state.disk_errors) = (ids, missing, errors);
    }
}
