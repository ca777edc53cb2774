//! One check after another, as far as collectors make it.

use super::{Absence, Collector, Configured, LOOKED_FOR_EVERY, MISSED_FOR, Progress, Source};
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
    /// The kernel has nothing for it, and is looked at again then.
    look_again: Option<Boot>,
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
            look_again: None,
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
                if slot.rests(host, now.boot) {
                    slot.unwatch(&mut self.snapshot);
                    slot.due = None;
                    continue;
                }
                (slot.due, slot.awaits_bus) = match slot.collector.collect(host, now, &mut self.snapshot) {
                    Progress::Done => {
                        host.see(slot.source.name, now.boot);
                        (None, false)
                    }
                    Progress::Absent(absence) => {
                        slot.take_absence(&absence, host, now.boot, &mut self.snapshot);
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
    /// The host had its quantities of late: a daemon that is started again, or a module that is loaded again, must not end
    /// an alert.
    fn was_seen(&self, host: &Host, now: Boot) -> bool {
        let is_of_late = |(source, seen): &(&str, Boot)| *source == self.source.name && now - *seen < MISSED_FOR;
        host.seen.iter().any(is_of_late)
    }

    /// A file that is not there costs nothing until it is looked for again.
    fn rests(&self, host: &Host, now: Boot) -> bool {
        self.look_again.is_some_and(|again| now < again) && !self.was_seen(host, now)
    }

    fn unwatch(&self, into: &mut Snapshot) {
        self.source.metrics.iter().for_each(|metric| into.unwatch(metric, ""));
    }

    /// This host has none of its quantities.
    fn take_absence(&mut self, absence: &Absence, host: &Host, now: Boot, into: &mut Snapshot) {
        let is_judged = *absence != Absence::Yet;
        let is_missed = self.was_seen(host, now) || self.is_required && is_judged;
        if !is_missed {
            self.look_again = matches!(absence, Absence::Of(_)).then(|| now.after(LOOKED_FOR_EVERY));
            return self.unwatch(into);
        }
        let metrics = self.source.metrics;
        // One that is watched only where it has something to tell is unknown, too.
        if let Some(first) = metrics.first()
            && !into.watched_keys().any(|key| metrics.contains(&key.metric))
        {
            into.watch(first, "");
        }
        if is_judged {
            into.failures.push(self.source.failure(absence.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::bus::fake::{FakeBus, body};
    use crate::collect::{SOURCES, Switch, read};
    use crate::settings;

    /// The check of one source on a machine that tells nothing, and with its kernel's own files in a container.
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

    #[test]
    fn what_was_there_and_is_gone_is_unknown_for_a_day_and_at_once_known_when_it_is_back() {
        let sources = settings::defaults(|document| read(document, SOURCES, Duration::MAX));
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::new(Some(folder.path()));
        let mut check = Check::new(&sources, &host);
        let optional = [
            ("memory_pressure", "pressure/memory", "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
            ("open_files", "sys/fs/file-nr", "900\t0\t1000\n"),
            ("conntrack", "sys/net/netfilter/nf_conntrack_count", "5\n"),
        ];
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("sys/net/netfilter/nf_conntrack_max", "10\n");
        // Per look: how many of these are read, unknown, and watched at all.
        let mut look = |hours: i64| {
            let now =
                |seconds| Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis((hours * 3600 + seconds) * 1000) };
            check.begin(&mut host, now(0).boot);
            let snapshot = (0..60).find_map(|second| check.advance(&mut host, now(second))).expect("an end");
            let is_one = |name: &str| optional.iter().any(|(of, ..)| *of == name);
            [
                snapshot.readings.iter().filter(|reading| is_one(reading.key.metric.name)).count(),
                snapshot.failures.iter().filter(|failure| is_one(failure.collector)).count(),
                snapshot.watched_keys().filter(|key| is_one(key.metric.name)).count(),
            ]
        };
        assert_eq!(look(0), [0, 0, 0], "they never were there");
        optional.iter().for_each(|(_, file, text)| write(file, text));
        assert_eq!(look(1), [3, 0, 3]);
        optional.iter().for_each(|(_, file, _)| std::fs::remove_file(folder.path().join(file)).unwrap());
        assert_eq!(look(2), [0, 3, 3]);
        optional.iter().for_each(|(_, file, text)| write(file, text));
        assert_eq!(look(3), [3, 0, 3]);
        optional.iter().for_each(|(_, file, _)| std::fs::remove_file(folder.path().join(file)).unwrap());
        assert_eq!(look(26), [0, 3, 3]);
        assert_eq!(look(27), [0, 0, 0], "somebody took them away on purpose");
    }

    /// A table of open files, of which there is a file or not; whether it is read and whether it is missed.
    struct Table {
        folder: tempfile::TempDir,
        host: Host,
        check: Check,
    }

    impl Table {
        fn new(keys: &str) -> Table {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(folder.path().join("sys/fs")).unwrap();
            let host = Host::new(Some(folder.path()));
            let check = Table::check(keys, &host);
            Table { folder, host, check }
        }

        fn check(keys: &str, host: &Host) -> Check {
            let text = format!("system: {{open_files: {{{keys}}}}}");
            let open_files: Vec<_> = SOURCES.iter().copied().filter(|source| source.name == "open_files").collect();
            let sources = settings::read("c", text.as_bytes(), |document| read(document, &open_files, Duration::MAX));
            Check::new(&sources.unwrap().value, host)
        }

        fn exists(&self, exists: bool) {
            let path = self.folder.path().join("sys/fs/file-nr");
            if exists {
                std::fs::write(path, "900\t0\t1000\n").unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }

        fn look(&mut self, seconds: i64) -> (bool, bool) {
            let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(seconds * 1000) };
            self.check.begin(&mut self.host, now.boot);
            let found = self.check.advance(&mut self.host, now).unwrap();
            (!found.readings.is_empty(), !found.failures.is_empty())
        }
    }

    #[test]
    fn a_file_that_never_was_there_is_looked_for_once_an_hour_and_one_that_is_asked_for_each_time() {
        let mut table = Table::new("");
        assert_eq!(table.look(0), (false, false));
        table.exists(true);
        assert_eq!((table.look(3599), table.look(3600)), ((false, false), (true, false)));
        table.exists(false);
        assert_eq!(table.look(3601), (false, true));
        table.exists(true);
        assert_eq!(table.look(3602), (true, false));
        let mut table = Table::new("enabled: true");
        assert_eq!(table.look(0), (false, true));
        table.exists(true);
        assert_eq!(table.look(1), (true, false));
    }

    #[test]
    fn a_clock_that_is_not_judged_after_the_machines_start_keeps_its_alert_and_is_no_failure() {
        let clock: Vec<_> = SOURCES.iter().copied().filter(|source| source.name == "clock_sync").collect();
        let sources = settings::defaults(|document| read(document, &clock, Duration::MAX));
        for (is_remembered, required) in [(false, false), (false, true), (true, false)] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("uptime"), "60.00 1.00\n").unwrap();
            let (mut fake, mut host) = (FakeBus::listening(), Host::new(Some(folder.path())));
            host.bus = fake.client();
            let mut check = Check::new(&sources, &host);
            check.slots[0].is_required = required;
            if is_remembered {
                host.see("clock_sync", Boot::from_millis(0));
            }
            let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(60_000) };
            check.begin(&mut host, now.boot);
            let found = loop {
                if let Some(found) = check.advance(&mut host, now) {
                    break found;
                }
                for (serial, call) in fake.calls() {
                    if call.member == "Get" {
                        let no = body(|body| {
                            body.signature("b");
                            body.number(0);
                        });
                        fake.reply(serial, "v", &no);
                    }
                }
                host.bus.advance(now.boot);
                check.wake(now.boot);
            };
            let is_watched = found.watched_keys().count() == 1;
            assert_eq!((is_watched, found.readings.len(), found.failures.len()), (is_remembered, 0, 0));
        }
    }

    #[test]
    fn the_next_configurations_check_misses_it_as_well_and_so_does_another_check_of_the_host() {
        let mut table = Table::new("");
        table.exists(true);
        assert_eq!(table.look(0), (true, false));
        table.exists(false);
        let mut other = std::mem::replace(&mut table.check, Table::check("threshold: 95", &table.host));
        assert_eq!(
            (table.look(60), table.look(86_399), table.look(86_400)),
            ((false, true), (false, true), (false, false))
        );
        // The other misses a find of this one, though it was about to look in an hour.
        table.exists(true);
        std::mem::swap(&mut table.check, &mut other);
        assert_eq!(table.look(86_401), (true, false));
        table.exists(false);
        std::mem::swap(&mut table.check, &mut other);
        assert_eq!(table.look(86_402), (false, true));
    }
}
