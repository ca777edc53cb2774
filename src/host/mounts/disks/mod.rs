//! Which mounts are the file systems of this host's disks.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::memory::Moves;
use super::superblock::{AskId, DiskId};
use super::table::{Mount, Place, Table};
use super::{LastMount, Mounts, read_link};

/// A disk of this host, by its mount point.
#[derive(Debug, PartialEq, Eq)]
pub struct FoundDisk {
    pub path: Rc<str>,
    pub sight: Sight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    There,
    /// It was found before, and is in sight nowhere: not mounted any more, or something else is mounted over it.
    Missing,
    /// It was found before, and an automounter waits in its place: nobody needs it now, and a look would mount it.
    Asleep,
}

/// A path that is measured, and the disk there.
struct Measured {
    path: Rc<str>,
    point: PathBuf,
    device: Rc<str>,
    id: Option<DiskId>,
    is_found: bool,
}

impl Mounts {
    /// This host's disks, but for the file systems of these paths; those that were found before and are missing, too, for
    /// some time. While the list of mounts cannot be read, all that were found are missing.
    ///
    /// A disk with several mount points keeps the one by which it was found. One that moved is held at its new one, which
    /// may be a path of `others`.
    #[inline(never)]
    pub fn disks(&mut self, others: &[Rc<str>], now: Timestamp, missed_for: Duration) -> Vec<FoundDisk> {
        let measured = self.all_measured(others);
        if self.unreadable.is_none() {
            self.follow(&measured, others);
        }
        let found = measured.into_iter().filter(|disk| disk.is_found);
        let mut found: Vec<_> = found.map(|disk| FoundDisk { path: disk.path, sight: Sight::There }).collect();
        for path in self.held.keys().filter(|path| !others.contains(path)).cloned().collect::<Vec<_>>() {
            if self.is_gone(&path) && self.is_missed(&path, now, missed_for) {
                found.push(FoundDisk { path, sight: Sight::Missing });
            } else if self.is_asleep(&path) {
                found.push(FoundDisk { path, sight: Sight::Asleep });
            }
        }
        found
    }

    /// The named paths that are not missing, and the disks beside them.
    fn all_measured(&self, others: &[Rc<str>]) -> Vec<Measured> {
        // Where a named one is not mounted any more, the file system around it is not taken.
        let named = others.iter().filter(|path| self.ask(path).is_ok());
        let mut measured: Vec<Measured> = named.filter_map(|path| self.measured(path, false)).collect();
        for point in self.table.disks().into_iter().filter_map(|mount| mount.point.to_str()) {
            let Some(there) = self.measured(&point.into(), true) else { continue };
            match measured.iter_mut().find(|known| known.device == there.device) {
                None => measured.push(there),
                Some(known) if known.is_found && self.is_found_at(point) && !self.is_found_at(&known.path) => {
                    *known = there
                }
                Some(_) => {}
            }
        }
        measured
    }

    fn measured(&self, path: &Rc<str>, is_found: bool) -> Option<Measured> {
        let place = self.table.place(Path::new(&**path), read_link)?;
        let (point, device) = (place.point.to_owned(), Rc::clone(place.device));
        Some(Measured { path: Rc::clone(path), point, device, id: place.id, is_found })
    }

    fn is_found_at(&self, point: &str) -> bool {
        self.held.get(point).is_some_and(LastMount::is_found_there)
    }

    /// Whether nothing is known of a disk that was found, or something that is no disk is in its place. Another disk there
    /// is the one of that path.
    fn is_gone(&self, path: &Rc<str>) -> bool {
        let Some(held) = self.held.get(path).filter(|held| held.is_found) else { return false };
        let is_at = |place: Place| !place.is_automount && (place.point != held.point || place.writing.is_none());
        let is_elsewhere = || self.table.place(Path::new(&**path), read_link).is_some_and(is_at);
        self.unreadable.is_some() || held.is_found_there() && is_elsewhere()
    }

    fn is_asleep(&self, path: &Rc<str>) -> bool {
        let place = || self.table.place(Path::new(&**path), read_link);
        self.held.get(path).is_some_and(LastMount::is_found_there) && place().is_some_and(|place| place.is_automount)
    }

    /// Whether a disk that was found is missed still: it was seen within this time.
    pub fn is_missed(&mut self, path: &Rc<str>, now: Timestamp, missed_for: Duration) -> bool {
        if self.unreadable.is_some() {
            return true;
        }
        let Some(held) = self.held.get_mut(path).filter(|held| held.is_found_there()) else { return false };
        self.is_changed |= held.missing_since.is_none();
        // A clock that was ahead made an instant that has not come.
        let since = (*held.missing_since.get_or_insert(now)).min(now);
        now.duration_since(since).unsigned_abs() < missed_for
    }

    /// Whether a path is on the disk that was found there, as far as that is known.
    pub fn holds_found(&self, path: &Rc<str>) -> bool {
        let held = self.held.get(path).filter(|held| held.is_found && held.missing_since.is_none());
        held.zip(self.measured(path, true))
            .is_some_and(|(held, there)| held.is_on(&there.device, there.id) != Some(false))
    }

    /// Holds each found disk that is measured elsewhere now at its new path, all at once: two may have changed places.
    fn follow(&mut self, measured: &[Measured], others: &[Rc<str>]) {
        let mut moves: Moves = Vec::new();
        let mut destinations = Vec::new();
        for to in measured {
            if let Some(from) = self.moved_to(to, others).filter(|from| moves.iter().all(|(moved, _)| moved != from)) {
                moves.push((from, Rc::clone(&to.path)));
                destinations.push(to);
            }
        }
        let moved: Vec<_> = moves.iter().map(|(from, _)| self.held.remove(from)).collect();
        for (held, to) in moved.into_iter().flatten().zip(destinations) {
            let held = LastMount { point: to.point.clone(), is_found: to.is_found, missing_since: None, ..held };
            self.held.insert(Rc::clone(&to.path), held);
        }
        self.is_changed |= !moves.is_empty();
        self.moves.extend(moves);
    }

    /// The path where the disk of another one was found before, if it is not there any more.
    fn moved_to(&self, to: &Measured, others: &[Rc<str>]) -> Option<Rc<str>> {
        let is_on = |held: &LastMount, there: &Measured| held.is_on(&there.device, there.id) == Some(true);
        if self.held.get(&to.path).is_some_and(|held| is_on(held, to)) {
            return None;
        }
        let is_there = |path: &Rc<str>, held: &LastMount| {
            self.measured(path, true).is_some_and(|there| there.point == held.point && is_on(held, &there))
        };
        let away = self.held.iter().filter(|(path, held)| {
            let may_move = **path != to.path && held.is_found_there() && !others.contains(path);
            may_move && is_on(held, to) && !is_there(path, held)
        });
        let away: Vec<(&Rc<str>, &LastMount)> = away.collect();
        // Copies of one disk have one number, and then the device tells.
        let by_device = || away.iter().filter(|(_, held)| held.device == to.device);
        match away[..] {
            [(path, _)] => Some(Rc::clone(path)),
            _ if by_device().count() == 1 => by_device().next().map(|(path, _)| Rc::clone(path)),
            _ => None,
        }
    }
}

impl LastMount {
    /// Whether it was the same disk; `None`: that is not known.
    pub(super) fn is_on(&self, device: &str, id: Option<DiskId>) -> Option<bool> {
        match (self.id, id) {
            (None, None) if !self.device.is_empty() => Some(*self.device == *device),
            // Not known after a restart.
            (None, _) if self.device.is_empty() => None,
            // A file system that has a number is none that has not.
            (own, id) => Some(own == id),
        }
    }
}

impl Table {
    /// The mounts of whole file systems of this host's disks, in the order in which they were made.
    pub(super) fn disks(&self) -> Vec<&Mount> {
        let is_in_sight =
            |mount: &&Mount| self.place(&mount.point, |_| None).is_some_and(|place| *place.device == mount.device);
        let is_wanted = |mount: &&Mount| mount.is_of_a_disk && !is_left_out(&mount.point);
        self.mounts.iter().filter(is_wanted).filter(is_in_sight).collect()
    }

    /// Asks each disk that answers at once for its number.
    #[inline(never)]
    pub(super) fn identify(&mut self, ask: AskId) {
        let mut ids: Vec<(Rc<str>, Option<DiskId>)> = Vec::new();
        for mount in self.disks() {
            let is_asked = ids.iter().any(|(device, _)| *device == mount.device);
            if !is_asked && self.place(&mount.point, |_| None).is_some_and(|place| place.at_once) {
                // The number of the device is no number of the disk.
                let id = ask(&mount.point).filter(|id| !id.is_of_device(&mount.device));
                ids.push((Rc::clone(&mount.device), id));
            }
        }
        for superblock in &mut self.superblocks {
            superblock.id = ids.iter().find(|(device, _)| *device == superblock.device).and_then(|(_, id)| *id);
        }
    }
}

/// Mount points that are no disk to a person: the loader's partition, and those that engines make for containers.
fn is_left_out(point: &Path) -> bool {
    const OF_LOADER: [&str; 2] = ["/boot/efi", "/efi"];
    const BELOW: [&str; 4] = ["/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet"];
    let is_below = |folder: &&str| point.starts_with(folder) && point != Path::new(folder);
    OF_LOADER.iter().any(|own| point == Path::new(own)) || BELOW.iter().any(is_below)
}

#[cfg(test)]
mod tests;
