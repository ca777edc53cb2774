//! Finds the file system of a path without touching one that may hang.
//!
//! statvfs(3) on a network mount whose server is gone never returns, and nothing can end a process that waits for it.
//! So only a file system that answers at once is asked directly. The kernel's list of mounts gives the mount of a path;
//! it is read again only when poll(2) reports a change (proc_pid_mountinfo(5)). Links are walked anew each time,
//! because changing one is no mount.
//!
//! The mount of a path is remembered, also over a restart: if a disk was unmounted, or not mounted again when the
//! machine started, the measurement would be that of the file system around it.

mod disks;
mod errors;
mod kind;
mod memory;
mod superblock;
mod table;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub use disks::{FoundDisk, Sight};
pub use errors::ErrorRecords;
pub use memory::{DiskIds, KnownMounts, LastMounts, MissingDisks, MountsChange, Moves, Paths};
pub use superblock::DiskId;

use errors::Errors;
use superblock::{AskId, AtErrors, Writing, device, writing};
use table::Table;

use crate::clock::Boot;

/// More than any list of mounts: the kernel allows 100,000 (fs.mount-max), of some 300 bytes each.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// The kernel writes as many lines as fit into the space that is offered, and no more than a page at once. Some 1.5 µs
/// each: the mount of `/` is among the first, in a service's sandbox the very first.
const FIRST_BYTES: usize = 512;
const PAGE_BYTES: usize = 4096;

/// The mounts of this process, as of the last change.
pub struct Mounts {
    list: PathBuf,
    watched: Option<File>,
    table: Table,
    text: Vec<u8>,
    /// The reason why the list could not be read: nothing is known then, and nothing forgotten.
    unreadable: Option<String>,
    /// The last mount of each path.
    held: HashMap<Rc<str>, LastMount>,
    /// The devices whose superblocks are read, each once.
    devices: Vec<Rc<str>>,
    /// The device whose file system failed when the agent wrote there: its superblock may not say so. An XFS that has
    /// shut down answers with EIO, and stays `rw` in the list.
    failing: Option<Rc<str>>,
    errors: Errors,
    ask_id: AskId,
    /// Since the last call of [`Mounts::take_change`].
    moves: Moves,
    /// The part that outlives the process has changed.
    is_changed: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct LastMount {
    point: PathBuf,
    is_own_device: bool,
    /// Nobody named it. It is missed where it is not mounted any more; a named one is, too, until nobody names it.
    is_found: bool,
    /// Empty where only an earlier process has seen it.
    device: Rc<str>,
    id: Option<DiskId>,
    was_writable: bool,
    /// At the last look; `None`: not known.
    state: Option<WriteState>,
    missing_since: Option<Timestamp>,
}

impl LastMount {
    /// The measured path of one that was found is its mount point.
    fn is_found_there(&self) -> bool {
        self.is_found && self.is_own_device
    }
}

/// Whether the file system of a path can be written, as far as that is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteState {
    /// It is in memory, on a server, an image or a layer over others.
    OfNoDisk,
    Writable,
    /// It was so when it was first seen.
    ReadOnly,
    /// It could be written before.
    TurnedReadOnly,
    /// The agent itself could not write there.
    Failing,
}

/// The way to ask the file system under a path for its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It answers at once. A path that does not exist is answered by the file system that would hold it.
    Directly,
    /// It may hang, and so may everything else on the same mount point.
    Apart { mount: PathBuf },
}

/// A path was on a mount that is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} not mounted any more, and {} would be measured in its place: \
     mount it again, or remove the path from the configuration",
    if *is_whole { "it is".to_owned() } else { format!("{} is", gone.display()) },
    instead.display()
)]
pub struct Unmounted {
    /// The path is that of the mount.
    is_whole: bool,
    gone: PathBuf,
    instead: PathBuf,
}

impl Mounts {
    /// The mounts that this process sees; always the running kernel's, as statvfs(3) is.
    pub fn of_this_process() -> Mounts {
        Mounts::listed_in("/proc/self/mountinfo")
    }

    /// The mounts of another list; for tests.
    pub fn listed_in(list: impl Into<PathBuf>) -> Mounts {
        Mounts {
            list: list.into(),
            watched: None,
            table: Table::default(),
            text: Vec::new(),
            unreadable: None,
            held: HashMap::new(),
            devices: Vec::new(),
            failing: None,
            errors: Errors::of_this_kernel(),
            ask_id: DiskId::ask,
            moves: Moves::new(),
            is_changed: false,
        }
    }

    /// Reads the list again if it changed.
    pub fn refresh(&mut self) {
        let is_changed = self.watched.as_ref().is_none_or(changed);
        let read = if is_changed { self.read() } else { self.look_at_superblocks() };
        self.unreadable = read.err().map(|error| format!("{}: {error}", self.list.display()));
        if self.unreadable.is_some() {
            // No file system is known to answer at once, and a process of its own asks each. The report of the change is
            // used up.
            (self.watched, self.table) = (None, Table::default());
        }
    }

    /// Whether a path was on another disk than its parent when that was last known.
    pub fn has_own_disk(&self, path: &Rc<str>) -> bool {
        self.held.get(path).is_some_and(|held| held.is_own_device)
    }

    /// The reason why the list of mounts could not be read at the last refresh.
    pub fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }

    /// Looks for file systems that have shut themselves and do not say so in the list.
    pub fn look_at_errors(&mut self, now: Boot) {
        self.is_changed |= self.errors.look(self.table.may_shut_at_errors(), now);
    }

    /// Takes in whether the held file systems can be written now: no change of that is reported where the kernel itself
    /// makes it. Reads the list as far as they are in it; disks come before the mounts of containers.
    fn look_at_superblocks(&mut self) -> io::Result<()> {
        let Mounts { watched: Some(list), table, text, devices, .. } = self else { return Ok(()) };
        let (mut missing, mut read, mut begin, mut space) = (devices.len(), 0, 0, FIRST_BYTES);
        while missing > 0 && read < MAX_LIST_BYTES as usize {
            // It keeps the length to which it once grew, and is overwritten.
            text.resize(text.len().max(read + space), 0);
            let count = list.read_at(&mut text[read..read + space], read as u64)?;
            if count == 0 {
                break;
            }
            read += count;
            space = PAGE_BYTES.min(space * 2);
            while let Some(length) = text[begin..read].iter().position(|byte| *byte == b'\n') {
                let line = &text[begin..begin + length];
                begin += length + 1;
                let Some(device) = device(line) else { continue };
                let is_it = |held: &Rc<str>| held.as_bytes() == device;
                let Some(at) = devices[..missing].iter().position(is_it) else { continue };
                if let Some(writing) = writing(line) {
                    missing -= 1;
                    devices.swap(at, missing);
                    table.set_writing(&devices[missing], writing);
                }
            }
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        // From here on poll(2) tells of changes.
        let file = self.watched.insert(File::open(&self.list)?);
        self.text.clear();
        file.take(MAX_LIST_BYTES).read_to_end(&mut self.text)?;
        // The library's own words are of a defect in it.
        self.table = Table::parse(&self.text).map_err(|_| io::Error::other("a line of it is not understood"))?;
        if self.table.place(Path::new(ROOT), |_| None).is_none() {
            return Err(io::Error::other("it has no mount of /"));
        }
        self.table.identify(self.ask_id);
        self.errors.forget_look();
        Ok(())
    }

    /// The way to ask for the size of the file system under `path`.
    ///
    /// # Errors
    /// It was on a mount that is gone, a bind mount included. Not where an automounter waits in its place.
    pub fn ask(&self, path: &Rc<str>) -> Result<Access, Unmounted> {
        let Some(place) = self.table.place(Path::new(&**path), read_link) else {
            return Ok(Access::Apart { mount: PathBuf::from(&**path) });
        };
        if let Some(before) = self.held.get(path)
            && place.point.as_os_str() != before.point.as_os_str()
        {
            let before = &*before.point;
            let is_around = before.starts_with(place.point) && !place.is_automount;
            let is_there = || self.table.place(before, |_| None).is_some_and(|place| place.point == before);
            if is_around && !is_there() {
                return Err(Unmounted {
                    is_whole: before == Path::new(&**path),
                    gone: before.to_owned(),
                    instead: place.point.to_owned(),
                });
            }
        }
        let asking = match (place.at_once, place.is_automount) {
            (true, _) => Access::Directly,
            (false, false) => Access::Apart { mount: place.point.to_owned() },
            // Its future mount differs from path to path.
            (false, true) => Access::Apart { mount: PathBuf::from(&**path) },
        };
        Ok(asking)
    }

    /// Whether every step of a path is known to answer at once, as of the last refresh.
    pub fn answers_at_once(&self, path: &Path) -> bool {
        self.table.place(path, read_link).is_some_and(|place| place.at_once && !place.is_automount)
    }

    /// Remembers the mount of `path`, which was found or named, and whether it could be written if somebody wants to
    /// know: that takes a reading at each refresh.
    pub fn hold(&mut self, path: &Rc<str>, is_found: bool, reads_state: bool) {
        let Some(place) = self.table.place(Path::new(&**path), read_link) else { return };
        let before = self.held.get(path);
        let is_at_same = before.is_some_and(|held| held.point.as_os_str() == place.point.as_os_str());
        // Another disk may be one that nobody ever wrote to; only an alert goes on until a disk can be written there.
        let is_the_same = |held: &LastMount| {
            held.state == Some(WriteState::TurnedReadOnly)
                || held.is_on(place.device, place.id).unwrap_or(held.device.is_empty())
        };
        let was_writable = (is_at_same && before.is_some_and(|held| held.was_writable && is_the_same(held)))
            || (reads_state && place.writing.is_some_and(|writing| !writing.is_read_only));
        let state = reads_state.then_some(match place.writing {
            None => WriteState::OfNoDisk,
            Some(Writing { is_read_only: false, .. }) if self.failing.as_ref() == Some(place.device) => {
                WriteState::Failing
            }
            Some(Writing { is_read_only: false, at_errors, .. })
                if at_errors != AtErrors::GoesOn && self.errors.has_shut(place.device) =>
            {
                WriteState::TurnedReadOnly
            }
            Some(Writing { is_read_only: false, .. }) => WriteState::Writable,
            Some(Writing { was_turned, .. }) if was_turned || was_writable => WriteState::TurnedReadOnly,
            Some(_) => WriteState::ReadOnly,
        });
        let is_same = |held: &&LastMount| {
            is_at_same
                && held.missing_since.is_none()
                && (held.is_own_device, held.is_found) == (place.is_own_device, is_found)
                && (held.was_writable, held.state) == (was_writable, state)
                && (&held.device, held.id) == (place.device, place.id)
        };
        if before.filter(is_same).is_some() {
            return;
        }
        let (is_own_device, device) = (place.is_own_device, Rc::clone(place.device));
        let lasting = |held: &LastMount| {
            let id = held.id.filter(|_| held.is_own_device || held.was_writable);
            let mount = held.is_own_device.then(|| (held.point.clone(), held.missing_since));
            (mount, held.is_found, held.was_writable, id)
        };
        let (point, id, missing_since) = (place.point.to_owned(), place.id, None);
        let held = LastMount { point, is_own_device, is_found, device, id, was_writable, state, missing_since };
        self.is_changed |= before.map(lasting).unwrap_or_default() != lasting(&held);
        self.held.insert(Rc::clone(path), held);
        let read = self.held.values().filter(|held| held.state.is_some());
        let devices = read.map(|held| &held.device).filter(|device| !device.is_empty());
        self.devices = devices.cloned().collect();
        self.devices.sort();
        self.devices.dedup();
    }

    /// Takes in how a write of the agent's own below `folder` ended: whether the file system failed.
    pub fn written(&mut self, folder: &Path, has_failed: bool) {
        let device = || self.table.place(folder, read_link).map(|place| Rc::clone(place.device));
        self.failing = has_failed.then(device).flatten();
    }

    /// Whether the file system of a held path could be written when it was last held; `None`: it is not known.
    pub fn write_state(&self, path: &Rc<str>) -> Option<WriteState> {
        self.held.get(path).filter(|_| self.unreadable.is_none())?.state
    }

    /// Forgets the mounts of all but these paths.
    pub fn keep_only<'a>(&mut self, paths: impl Iterator<Item = &'a Rc<str>> + Clone) {
        if self.held.len() > paths.clone().filter(|path| self.held.contains_key(*path)).count() {
            let kept: HashSet<&Rc<str>> = paths.collect();
            for (_, held) in self.held.extract_if(|path, _| !kept.contains(path)) {
                self.is_changed |= held.is_own_device || held.was_writable || held.is_found;
            }
        }
    }
}

#[cfg(test)]
impl Mounts {
    /// As if the kernel had reported a change of the list.
    pub fn expect_change(&mut self) {
        self.watched = None;
    }
}

const ROOT: &str = "/";

fn read_link(path: &Path) -> Option<PathBuf> {
    fs::read_link(path).ok()
}

fn changed(list: &File) -> bool {
    let mut watched = [PollFd::new(list.as_fd(), PollFlags::POLLPRI)];
    match poll(&mut watched, PollTimeout::ZERO) {
        Ok(count) => count > 0,
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests;
