//! The memory of mounts that outlives the process.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;

use super::errors::ErrorRecords;
use super::superblock::DiskId;
use super::{LastMount, Mounts, ROOT};
use crate::clock::Boot;

/// The part that outlives the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownMounts {
    /// The mount points of disks other than their parent's, by the measured path.
    ///
    /// Not the mounts of the same disk (bind mounts). A sandbox makes some (systemd's ProtectHome=, for example) that
    /// are not there for the same agent run by hand, and the file system around them gives the same numbers.
    pub points: LastMounts,
    /// Those whose file systems could be written once.
    pub writable: Paths,
    /// Those that were found, not named.
    pub found: Paths,
    /// The disks, as far as they are known, by the measured path.
    pub ids: DiskIds,
    /// Of the found ones those that are missing, and since when.
    pub missing: MissingDisks,
    /// `None`: the kernel has other means, or nobody has looked since the machine's start.
    pub errors: Option<ErrorRecords>,
}

pub type LastMounts = BTreeMap<Rc<str>, String>;
pub type Paths = BTreeSet<Rc<str>>;
pub type DiskIds = BTreeMap<Rc<str>, DiskId>;
pub type MissingDisks = BTreeMap<Rc<str>, Timestamp>;

/// Disks that were found and moved: the path where each was measured, and where it is now.
pub type Moves = Vec<(Rc<str>, Rc<str>)>;

/// What a process is to remember has changed.
#[derive(Debug)]
pub struct MountsChange {
    pub known: KnownMounts,
    pub moves: Moves,
}

impl Mounts {
    /// Goes on from an earlier process's memory, which was saved at this instant of the present start of the machine.
    pub fn remember(&mut self, known: &KnownMounts, saved: Option<Boot>) {
        let KnownMounts { points, writable, found, ids, missing, errors } = known;
        for path in points.keys().chain(writable).chain(found) {
            // Of a path that has no mount of its own only the file system is remembered.
            let (point, is_own_device) = points.get(path).map_or((ROOT, false), |point| (point.as_str(), true));
            let (is_found, was_writable) = (found.contains(path), writable.contains(path));
            let (point, device, id, state) = (point.into(), "".into(), ids.get(path).copied(), None);
            let missing_since = missing.get(path).copied();
            let last = LastMount { point, is_own_device, is_found, device, id, was_writable, state, missing_since };
            self.held.insert(Rc::clone(path), last);
        }
        if let Some((errors, saved)) = errors.as_ref().zip(saved) {
            self.errors.remember(errors, saved);
        }
    }

    /// The part that outlives this process, if it has changed since the last call.
    pub fn take_change(&mut self) -> Option<MountsChange> {
        std::mem::take(&mut self.is_changed)
            .then(|| MountsChange { known: self.known(), moves: std::mem::take(&mut self.moves) })
    }

    #[inline(never)]
    fn known(&self) -> KnownMounts {
        let paths = |is_wanted: fn(&LastMount) -> bool| {
            self.held.iter().filter(move |(_, held)| is_wanted(held)).map(|(path, _)| Rc::clone(path)).collect()
        };
        let lasting = self.held.iter().filter(|(_, held)| held.is_own_device);
        let missing = self.held.iter().filter_map(|(path, held)| Some((Rc::clone(path), held.missing_since?)));
        let ids = self.held.iter().filter(|(_, held)| held.is_own_device || held.was_writable);
        KnownMounts {
            points: lasting
                .filter_map(|(path, held)| Some((Rc::clone(path), held.point.to_str()?.to_owned())))
                .collect(),
            writable: paths(|held| held.was_writable),
            found: paths(|held| held.is_found),
            ids: ids.filter_map(|(path, held)| Some((Rc::clone(path), held.id?))).collect(),
            missing: missing.collect(),
            errors: self.errors.records().cloned(),
        }
    }
}
