//! One check after another, as far as collectors make it.

use super::{Collector, Configured, Progress};
use crate::clock::{Boot, Now};
use crate::host::Host;
use crate::snapshot::{Snapshot, Watched};

/// One check after another: the collectors, and the progress of the check under way.
///
/// The sampling windows of all collectors run side by side, so a check takes as long as its longest one.
pub struct Check {
    slots: Vec<Slot>,
    /// The readings that all collectors are to make.
    watched: Vec<Watched>,
    snapshot: Snapshot,
}

struct Slot {
    collector: Box<dyn Collector>,
    /// When the collector is to be called next; `None` when it is done.
    due: Option<Boot>,
    /// It is to be called earlier if the system bus has news.
    awaits_bus: bool,
}

impl Check {
    pub fn new(sources: &[Configured], host: &Host) -> Check {
        let watched: Vec<Watched> = sources.iter().flat_map(Configured::watched).collect();
        let collectors = sources.iter().filter_map(|source| source.open(&watched, host));
        let slots = collectors.map(|collector| Slot { collector, due: None, awaits_bus: false }).collect();
        Check { slots, watched, snapshot: Snapshot::default() }
    }

    /// Takes the first readings.
    pub fn begin(&mut self, host: &mut Host, now: Boot) {
        let readings = Vec::with_capacity(self.watched.len());
        self.snapshot = Snapshot { watched: self.watched.clone(), readings, ..Snapshot::default() };
        let mut end = now;
        for slot in &mut self.slots {
            let due = now.after(slot.collector.begin(host, now));
            slot.due = Some(due);
            end = end.max(due);
        }
        // Collectors without a window measure at the end, together with the one that has the longest.
        for slot in &mut self.slots {
            slot.due = slot.due.map(|due| if due == now { end } else { due });
        }
    }

    /// When [`Check::advance`] has something to do; `None` when no check is under way.
    pub fn next_due(&self) -> Option<Boot> {
        self.slots.iter().filter_map(|slot| slot.due).min()
    }

    /// The system bus has news: those who wait for it go on.
    pub fn wake(&mut self, now: Boot) {
        self.slots.iter_mut().filter(|slot| slot.awaits_bus).for_each(|slot| slot.due = Some(now));
    }

    /// Collects due readings, and returns the snapshot once it is complete, in the order of lines in a message.
    pub fn advance(&mut self, host: &mut Host, now: Now) -> Option<Snapshot> {
        for slot in &mut self.slots {
            if slot.due.is_some_and(|due| due <= now.boot) {
                (slot.due, slot.awaits_bus) = match slot.collector.collect(host, now, &mut self.snapshot) {
                    Progress::Done => (None, false),
                    Progress::Again(due) => (Some(due), false),
                    Progress::Awaits(due) => (Some(due), true),
                };
            }
        }
        if self.next_due().is_some() {
            return None;
        }
        let mut snapshot = std::mem::take(&mut self.snapshot);
        snapshot.in_order();
        Some(snapshot)
    }
}
