//! One check after another, as far as collectors make it.

use super::{Absence, Collector, Configured, Progress, Source};
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
    source: &'static Source,
    /// The configuration asks for it.
    is_required: bool,
    collector: Box<dyn Collector>,
    /// When the collector is to be called next; `None` when it is done.
    due: Option<Boot>,
    /// It is to be called earlier if the system bus has news.
    awaits_bus: bool,
}

impl Check {
    pub fn new(sources: &[Configured], host: &Host) -> Check {
        let watched: Vec<Watched> = sources.iter().flat_map(Configured::watched).collect();
        let slot = |Configured { source, is_required, .. }: &Configured, collector| Slot {
            source,
            is_required: *is_required,
            collector,
            due: None,
            awaits_bus: false,
        };
        let slots = sources.iter().filter_map(|source| Some(slot(source, source.open(&watched, host)?))).collect();
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
                    Progress::Absent(absence) => {
                        slot.take_absence(&absence, &mut self.snapshot);
                        (None, false)
                    }
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

impl Slot {
    /// This host has none of its quantities.
    fn take_absence(&self, absence: &Absence, into: &mut Snapshot) {
        let metrics = self.source.metrics;
        if !self.is_required {
            return metrics.iter().for_each(|metric| into.unwatch(metric, ""));
        }
        // One that is watched only where it has something to tell is unknown, too.
        if let Some(first) = metrics.first()
            && !into.watched_keys().any(|key| metrics.contains(&key.metric))
        {
            into.watch(first, "");
        }
        into.failures.push(self.source.failure(absence.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::collect::{SOURCES, Switch, read};
    use crate::settings;

    /// What a check finds of one source on a machine that tells nothing, and with its kernel's own files in a container.
    fn on_a_host_without_it(source: &'static Source, keys: &str) -> Snapshot {
        let (name, group) = (source.name, source.group.key);
        let text =
            if source.is_its_group() { format!("{name}: {keys}") } else { format!("{group}: {{{name}: {keys}}}") };
        let sources = settings::read("c", text.as_bytes(), |document| read(document, &[source], Duration::MAX));
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::new(Some(folder.path()));
        host.shares_its_kernel = true;
        let mut check = Check::new(&sources.unwrap().value, &host);
        let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(0) };
        check.begin(&mut host, now.boot);
        check.advance(&mut host, now).unwrap()
    }

    #[test]
    fn what_is_asked_for_and_cannot_be_measured_is_a_failure_with_its_reason_and_by_default_it_is_quietly_off() {
        let optional = SOURCES.iter().filter(|source| !matches!(source.switch, Switch::On(_)));
        let mut seen = 0;
        for source in optional {
            let found = on_a_host_without_it(source, "{enabled: true}");
            let [failure] = &found.failures[..] else { panic!("{}: {found:?}", source.name) };
            assert!(failure.collector == source.name && failure.error.len() > 10, "{failure:?}");
            let is_unknown = found.watched_keys().any(|key| failure.explains(key));
            assert!(is_unknown && found.readings.is_empty(), "{}: {found:?}", source.name);
            let found = on_a_host_without_it(source, "{}");
            assert!(found.failures.is_empty() && found.watched_keys().count() == 0, "{}: {found:?}", source.name);
            seen += 1;
        }
        assert!(seen >= 12, "{seen} sources");
    }
}
