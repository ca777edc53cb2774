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
use crate::clock::{self, Boot, Now};
use crate::host::{Access, FoundDisk, Host, Probe, Sight, WriteState};
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
    /// Of a disk that was found; `None`: the path is named, and asked for, there or not.
    sight: Option<Sight>,
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
        Disk { paths, named, found, words, states: None, may_hang: true, began }
    }

    /// Asks all paths.
    fn look(&mut self, host: &mut Host, now: Boot) {
        host.mounts.refresh();
        host.mounts.look_at_errors(now);
        self.find(host);
        // While the list of mounts cannot be read, nothing is forgotten.
        if host.mounts.unreadable().is_none() {
            host.mounts.keep_only(self.paths.iter().map(|watch| &watch.path));
        }
        self.began = now;
        let states: Vec<State> = self.paths.iter().map(|watch| Disk::ask(watch, host, now)).collect();
        self.may_hang = states.iter().any(|state| matches!(state, State::Asked(_)));
        self.states = Some(states);
    }

    /// Asks file systems that answer at once, and begins to ask the others. A path's destination is looked up right
    /// before.
    fn ask(watch: &Watch, host: &mut Host, now: Boot) -> State {
        let (path, is_found) = (&watch.path, watch.sight == Some(Sight::There));
        match host.mounts.unreadable() {
            // The file system around it would be measured.
            Some(reason) if watch.sight == Some(Sight::Missing) || host.mounts.has_own_disk(path) => {
                return State::Answered(Err(reason.to_owned()));
            }
            None if matches!(watch.sight, Some(Sight::Missing | Sight::Asleep)) => {
                return State::Answered(Err(MISSING.to_owned()));
            }
            _ => {}
        }
        let access = host.mounts.ask(path);
        // Whether another one that is found there is large enough to be watched is not known yet.
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
    fn find(&mut self, host: &mut Host) {
        self.paths.truncate(self.named);
        let Some(found) = &self.found else { return };
        let named: Vec<Rc<str>> = self.paths.iter().map(|watch| Rc::clone(&watch.path)).collect();
        for FoundDisk { path, sight } in host.mounts.disks(&named, clock::now().wall, MISSED_FOR) {
            let Found { reads_inodes, reads_state, .. } = *found;
            self.paths.push(Watch { path, reads_inodes, reads_state, sight: Some(sight) });
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
            let mut answer = match state {
                State::Answered(answer) => answer,
                State::Asked(probe) => match probe.answer() {
                    Some(answer) => answer.map_err(|error| error.to_string()),
                    None => continue,
                },
            };
            if watch.sight == Some(Sight::Asleep) {
                into.resting.push(Rc::clone(&watch.path));
                continue;
            }
            if let (Some(_), Some(found)) = (watch.sight, &self.found) {
                if answer.as_ref().is_ok_and(|file_system| is_too_small(*file_system)) {
                    // A stick in the place of a disk.
                    if !host.mounts.is_missed(&watch.path, now.wall, MISSED_FOR) {
                        continue;
                    }
                    answer = Err(MISSING.to_owned());
                }
                if answer.is_ok() {
                    host.mounts.hold(&watch.path, true, watch.reads_state);
                }
                found.metrics.iter().for_each(|metric| into.watch(metric, Rc::clone(&watch.path)));
            }
            take(watch, answer, &self.words, host, into);
        }
        // Not even the disk of `/` was found before.
        if let Some(error) = host.mounts.unreadable().filter(|_| self.paths.is_empty()) {
            into.watch(metric::DISK, "");
            into.failures.push(SOURCE.failure(error.to_owned()));
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
                if let Some(error) = host.mounts.unreadable() {
                    into.failures.push(failure(path, &[DISK_STATE], error));
                }
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
mod tests;
