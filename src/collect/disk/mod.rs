//! Disk use, per path, as `df` counts it: the share of the space, and that of the inodes.
//!
//! A path whose file system answers at once is asked directly, when the check ends. One that may hang (a network mount, a
//! dying device) is asked by a process of its own, from the start of the check on, so that neither the other paths nor the
//! loop wait for it.

mod keys;
mod shares;
mod state;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::{Collector, MISSED_FOR, Progress, SYSTEM, Source, Switch};
use crate::clock::{Boot, Now};
use crate::host::{Access, FoundDisk, Host, Probe, WriteState};
use crate::metric::{self, Metric};
use crate::settings::doc;
use crate::snapshot::{Failure, Snapshot};
use crate::worker::{FileSystem, STATVFS_DEADLINE};

pub use state::DISK_STATE;

use shares::{take_inodes, take_usage};
use state::Words;

pub const SOURCE: &Source = &Source {
    name: "disk",
    group: SYSTEM,
    switch: Switch::On(doc("磁盘的空间、inode 与只读状态", "space and inodes of disks, and disks that turn read-only")),
    metrics: &[metric::DISK, metric::INODES, DISK_STATE],
    read: |section, _| keys::read(section),
};

/// A path, and its quantities beside the space.
#[derive(Clone, Debug)]
struct Watch {
    path: Rc<str>,
    reads_inodes: bool,
    reads_state: bool,
    presence: Presence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// Asked for, there or not.
    Named,
    Found,
    /// It was found before, and is in sight no more.
    Missing,
}

/// The quantities of the disks that are found.
#[derive(Clone, Debug)]
struct Found {
    reads_inodes: bool,
    reads_state: bool,
    /// All of them, and the derived ones.
    metrics: Vec<&'static Metric>,
}

struct Disk {
    /// The named ones; in a check the found ones behind them.
    paths: Vec<Watch>,
    named: usize,
    /// `None`: none is looked for.
    found: Option<Found>,
    /// Disks that were found and are missing, and since when.
    missing: Vec<(Rc<str>, Boot)>,
    words: Words,
    /// The state of each path in this check; `None`: none is asked yet.
    states: Option<Vec<State>>,
    /// The last check asked one that may hang: the next one asks from its start on.
    may_hang: bool,
    began: Boot,
}

enum State {
    Asked(Rc<Probe>),
    Answered(Result<FileSystem, String>),
}

/// A disk that is found is at least as large.
const LEAST_FOUND_BYTES: u64 = 512 << 20;

const MISSING: &str = "it was found by `auto`, and is not mounted any more or something is mounted over it: \
                       mount it again, or it is left out after a day";

/// The pause before the next look for a process's answer: short at first, as most answer at once.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LONGEST_LOOK: Duration = Duration::from_millis(100);

const _: () = assert!(FIRST_LOOK.as_millis() < LONGEST_LOOK.as_millis());
const _: () = assert!(LONGEST_LOOK.as_millis() < STATVFS_DEADLINE.as_millis());

impl Disk {
    fn new(paths: Vec<Watch>, found: Option<Found>) -> Disk {
        let named = paths.len();
        let words = Words::default();
        let began = Boot::from_micros(0);
        Disk { paths, named, found, missing: Vec::new(), words, states: None, may_hang: true, began }
    }

    /// Asks all paths.
    fn look(&mut self, host: &mut Host, now: Boot) {
        host.mounts.refresh();
        host.mounts.look_at_errors(now);
        self.find(host, now);
        host.mounts.keep_only(self.paths.iter().map(|watch| &watch.path));
        self.began = now;
        let states: Vec<State> = self.paths.iter().map(|watch| Disk::ask(watch, host, now)).collect();
        self.may_hang = states.iter().any(|state| matches!(state, State::Asked(_)));
        self.states = Some(states);
    }

    /// Asks file systems that answer at once, and begins to ask the others. A path's destination is looked up right
    /// before.
    fn ask(watch: &Watch, host: &mut Host, now: Boot) -> State {
        let (path, is_found) = (&watch.path, watch.presence == Presence::Found);
        if watch.presence == Presence::Missing {
            return State::Answered(Err(MISSING.to_owned()));
        }
        let access = host.mounts.ask(path);
        // Whether a found one is large enough to be watched is not known yet.
        if access.is_ok() && (!is_found || host.mounts.holds_found(path)) {
            host.mounts.hold(path, is_found, watch.reads_state);
        }
        match access {
            Ok(Access::Directly) => {
                State::Answered((host.ask_file_system)(Path::new(&**path)).map_err(|error| error.to_string()))
            }
            Ok(Access::Apart { mount }) => State::Asked(host.probes.ask(Path::new(&**path), mount, now)),
            Err(unmounted) => State::Answered(Err(unmounted.to_string())),
        }
    }

    /// Adds the disks of this host that are not named. One that is missing is unknown for a day.
    fn find(&mut self, host: &Host, now: Boot) {
        self.paths.truncate(self.named);
        let Some(found) = &self.found else { return };
        let named: Vec<Rc<str>> = self.paths.iter().map(|watch| Rc::clone(&watch.path)).collect();
        let disks = host.mounts.disks(&named);
        self.missing.retain(|(missing, _)| disks.iter().any(|disk| disk.is_missing && disk.path == *missing));
        for FoundDisk { path, is_missing } in disks {
            if is_missing {
                match self.missing.iter().find(|(missing, _)| *missing == path) {
                    Some((_, since)) if now - *since >= MISSED_FOR => continue,
                    Some(_) => {}
                    None => self.missing.push((Rc::clone(&path), now)),
                }
            }
            let Found { reads_inodes, reads_state, .. } = *found;
            let presence = if is_missing { Presence::Missing } else { Presence::Found };
            self.paths.push(Watch { path, reads_inodes, reads_state, presence });
        }
    }

    fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.states.iter().flatten().filter_map(|state| match state {
            State::Asked(probe) => Some(&**probe),
            State::Answered(_) => None,
        })
    }
}

impl Collector for Disk {
    fn begin(&mut self, host: &mut Host, now: Boot) -> Duration {
        self.states = None;
        if self.may_hang {
            self.look(host, now);
            host.probes.advance(&host.worker, now);
        }
        // Most answers are there when the check ends. Only if there are too few children is there something to do
        // before.
        if self.probes().any(Probe::is_waiting) { FIRST_LOOK } else { Duration::ZERO }
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        if self.states.is_none() {
            self.look(host, now.boot);
        }
        host.probes.advance(&host.worker, now.boot);
        if self.probes().any(|probe| probe.answer().is_none()) {
            let is_waiting = self.probes().any(Probe::is_waiting);
            // Twice as long as it has waited so far, unless others are to be asked next.
            let pause = if is_waiting { FIRST_LOOK } else { (now.boot - self.began).clamp(FIRST_LOOK, LONGEST_LOOK) };
            return Progress::Again(now.boot.after(pause));
        }
        for (watch, state) in self.paths.iter().zip(self.states.take().unwrap_or_default()) {
            let answer = match state {
                State::Answered(answer) => answer,
                State::Asked(probe) => match probe.answer() {
                    Some(answer) => answer.map_err(|error| error.to_string()),
                    None => continue,
                },
            };
            if let (Presence::Found | Presence::Missing, Some(found)) = (watch.presence, &self.found) {
                if answer.as_ref().is_ok_and(|file_system| is_too_small(*file_system)) {
                    continue;
                }
                if answer.is_ok() {
                    host.mounts.hold(&watch.path, true, watch.reads_state);
                }
                found.metrics.iter().for_each(|metric| into.watch(metric, Rc::clone(&watch.path)));
            }
            take(watch, answer, &self.words, host, into);
        }
        Progress::Done
    }
}

/// Adds the readings of a path, or the reason why there are none.
fn take(watch: &Watch, answer: Result<FileSystem, String>, words: &Words, host: &Host, into: &mut Snapshot) {
    let path = &watch.path;
    match answer {
        Ok(file_system) => {
            take_usage(path, file_system, into);
            if watch.reads_inodes {
                take_inodes(path, file_system, into);
            }
            if watch.reads_state {
                words.take(path, host, into);
            }
        }
        Err(error) => {
            // One that fails may not even tell its size.
            if host.mounts.write_state(path) == Some(WriteState::Failing) {
                words.take(path, host, into);
            }
            into.failures.push(failure(path, SOURCE.metrics, &error));
        }
    }
}

/// A boot partition, a stick: not worth a line of its own.
fn is_too_small(file_system: FileSystem) -> bool {
    file_system.blocks.saturating_mul(file_system.block_bytes) < LEAST_FOUND_BYTES
}

fn failure(path: &Rc<str>, metrics: &'static [&'static Metric], error: &str) -> Failure {
    Failure { collector: SOURCE.name, metrics, target: Some(Rc::clone(path)), error: format!("{path}: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::host::Mounts;
    use crate::snapshot::{Key, Value};
    use crate::worker::StatvfsError;

    const DATA: FileSystem = FileSystem {
        block_bytes: 4096,
        blocks: 1000,
        blocks_free: 500,
        blocks_available: 300,
        files: 200,
        files_free: 50,
    };

    const NO_INODES: FileSystem =
        FileSystem { block_bytes: 4096, blocks: 0, blocks_free: 0, blocks_available: 0, files: 0, files_free: 0 };

    fn answer(path: &Path) -> Result<FileSystem, StatvfsError> {
        match path.to_str() {
            Some("/") => {
                Ok(FileSystem { block_bytes: 1024, blocks: 100, blocks_free: 40, blocks_available: 40, ..NO_INODES })
            }
            Some("/no/data") => Ok(DATA),
            // A directory on the same file system, with a quota of its own.
            Some("/no/data/quota") => Ok(FileSystem { blocks: 100, blocks_free: 1, blocks_available: 1, ..DATA }),
            Some("/no/proc") => Ok(NO_INODES),
            _ => Err(StatvfsError("No such file or directory".to_owned())),
        }
    }

    /// A check of paths on a host that has one local file system.
    fn check(paths: &[&str]) -> Snapshot {
        check_of(paths, true)
    }

    fn check_of(paths: &[&str], inodes: bool) -> Snapshot {
        let mut host = Host::new(None);
        host.ask_file_system = answer;
        let list = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(list.path(), "1 1 254:0 / / rw - ext4 /dev/vda rw\n").unwrap();
        host.mounts = Mounts::listed_in(list.path());
        let watch = |path: &&str| Watch {
            path: (*path).into(),
            reads_inodes: inodes,
            reads_state: false,
            presence: Presence::Named,
        };
        let mut disk = Disk::new(paths.iter().map(watch).collect(), None);
        let mut snapshot = Snapshot::default();
        for path in paths {
            snapshot.watch(metric::DISK, *path);
            snapshot.watch(metric::INODES, *path);
        }
        assert_eq!(disk.begin(&mut host, clock::boot_now()), Duration::ZERO);
        assert_eq!(disk.collect(&mut host, clock::now(), &mut snapshot), Progress::Done);
        snapshot
    }

    #[test]
    fn the_share_is_of_what_ordinary_users_can_have_and_the_total_is_the_whole_size() {
        let snapshot = check(&["/no/data"]);
        let used_bytes = 500 * 4096;
        assert_eq!(snapshot.readings[0].value, Value::Usage { percent: 62.5, used_bytes, total_bytes: 1000 * 4096 });
    }

    #[test]
    fn each_path_is_asked_and_shows_its_own_numbers() {
        let snapshot = check(&["/no/data", "/", "/no/data/quota"]);
        let disks = snapshot.readings.iter().filter(|reading| reading.key.metric == metric::DISK);
        let percents = disks.map(|reading| match reading.value {
            Value::Usage { percent, .. } => (&*reading.key.target, percent),
            _ => panic!("{reading:?}"),
        });
        assert_eq!(percents.collect::<Vec<_>>(), [("/no/data", 62.5), ("/", 60.0), ("/no/data/quota", 99.0)]);
    }

    #[test]
    fn a_local_disk_is_read_when_a_check_ends_and_one_that_may_hang_is_asked_from_the_start_on() {
        let mut host = Host::new(None);
        let list = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(list.path(), "1 1 254:0 / / rw - ext4 /dev/vda rw\n2 1 0:9 / /nfs rw - nfs4 server:/ rw\n")
            .unwrap();
        host.mounts = Mounts::listed_in(list.path());
        let watch = |path: &str| Watch {
            path: path.into(),
            reads_inodes: false,
            reads_state: false,
            presence: Presence::Named,
        };
        let mut local = Disk::new(vec![watch("/")], None);
        let mut both = Disk::new(vec![watch("/"), watch("/nfs")], None);
        for is_first in [true, false] {
            host.ask_file_system = |_| Ok(FileSystem { blocks_free: 0, blocks_available: 0, ..DATA });
            let now = clock::boot_now();
            local.begin(&mut host, now);
            both.begin(&mut host, now);
            assert_eq!((local.states.is_some(), both.states.is_some()), (is_first, true));
            host.ask_file_system = |_| Ok(DATA);
            let mut snapshot = Snapshot::default();
            assert_eq!(local.collect(&mut host, clock::now(), &mut snapshot), Progress::Done);
            let percent = if is_first { 100.0 } else { 62.5 };
            assert_eq!(snapshot.readings[0].value.number(), Some(percent));
        }
    }

    #[test]
    fn a_path_that_fails_is_a_failure_of_that_path_alone() {
        let snapshot = check(&["/gone", "/", "/no/proc"]);
        assert_eq!(snapshot.readings.len(), 1);
        let errors: Vec<_> = snapshot.failures.iter().map(|failure| failure.error.as_str()).collect();
        assert_eq!(
            errors,
            [
                "/gone: No such file or directory",
                "/no/proc: this file system has no size (/proc and the like have none)"
            ]
        );
        assert_eq!(snapshot.failures[0].target.as_deref(), Some("/gone"));
    }

    #[test]
    fn a_disk_on_which_the_agents_own_write_failed_is_told_of_even_if_it_tells_no_size() {
        let mut host = Host::new(None);
        host.ask_file_system = answer;
        let list = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(list.path(), "1 1 254:0 / / rw - ext4 /dev/vda rw\n2 1 8:1 / /no rw - xfs /dev/sda1 rw\n")
            .unwrap();
        host.mounts = Mounts::listed_in(list.path());
        let watch =
            |path: &str| Watch { path: path.into(), reads_inodes: false, reads_state: true, presence: Presence::Named };
        let mut disk = Disk::new(vec![watch("/"), watch("/gone")], None);
        let word = |value: &Value| match value {
            Value::Container(word) => word.word.to_string(),
            _ => panic!("{value:?}"),
        };
        let mut states = |has_failed: bool, folder: &str| {
            host.mounts.refresh();
            host.mounts.written(Path::new(folder), has_failed);
            let mut snapshot = Snapshot::default();
            disk.begin(&mut host, clock::boot_now());
            assert_eq!(disk.collect(&mut host, clock::now(), &mut snapshot), Progress::Done);
            let states = snapshot.readings.iter().filter(|reading| reading.key.metric == DISK_STATE);
            states.map(|reading| (reading.key.target.to_string(), word(&reading.value))).collect::<Vec<_>>()
        };
        let state = |path: &str, word: &str| (path.to_owned(), word.to_owned());
        assert_eq!(states(true, "/var/lib"), [state("/", "write-error"), state("/gone", "write-error")]);
        assert_eq!(states(true, "/no"), [state("/", "writable")]);
        assert_eq!(states(false, "/var/lib"), [state("/", "writable")]);
    }

    fn inodes(snapshot: &Snapshot) -> Vec<(&str, Option<f64>)> {
        let inodes = snapshot.readings.iter().filter(|reading| reading.key.metric == metric::INODES);
        inodes.map(|reading| (&*reading.key.target, reading.value.number())).collect()
    }

    #[test]
    fn a_file_system_without_inodes_has_no_such_reading_and_one_that_fails_is_unknown() {
        let snapshot = check(&["/", "/no/data", "/gone"]);
        assert_eq!(inodes(&snapshot), [("/no/data", Some(75.0))]);
        let watched = snapshot.watched_keys().filter(|key| key.metric == metric::INODES);
        assert_eq!(watched.map(|key| &*key.target).collect::<Vec<_>>(), ["/no/data", "/gone"]);
        assert!(snapshot.failures[0].explains(&Key::new(metric::INODES, "/gone")));
        assert_eq!(inodes(&check_of(&["/no/data"], false)), []);
    }
}
