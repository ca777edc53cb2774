//! Which mounts are the file systems of this host's disks.

use std::path::Path;
use std::rc::Rc;

use super::superblock::{AskId, DiskId};
use super::table::{Mount, Table};
use super::{LastMount, Mounts, read_link};

/// A disk of this host, by its mount point.
#[derive(Debug, PartialEq, Eq)]
pub struct FoundDisk {
    pub path: Rc<str>,
    /// It was found before, and is in sight nowhere: not mounted any more, or something else is mounted over it.
    pub is_missing: bool,
}

/// A path that is measured, and the disk there.
struct Measured {
    path: Rc<str>,
    device: Rc<str>,
    id: Option<DiskId>,
}

impl Mounts {
    /// This host's disks, but for the file systems of these paths; those that were found before and are missing, too.
    ///
    /// A disk with several mount points keeps the one by which it was found. One that moved is held at its new one, which
    /// may be a path of `others`.
    #[inline(never)]
    pub fn disks(&mut self, others: &[Rc<str>]) -> Vec<FoundDisk> {
        // Where a named one is not mounted any more, the file system around it is not taken.
        let named = others.iter().filter(|path| self.ask(path).is_ok());
        let mut measured: Vec<Measured> = named.filter_map(|path| self.measured(path)).collect();
        let named = measured.len();
        for point in self.table.disks().into_iter().filter_map(|mount| mount.point.to_str()) {
            let Some(there) = self.measured(&point.into()) else { continue };
            match measured.iter().position(|known| known.device == there.device) {
                None => measured.push(there),
                Some(place)
                    if place >= named && self.is_found_at(point) && !self.is_found_at(&measured[place].path) =>
                {
                    measured[place] = there;
                }
                Some(_) => {}
            }
        }
        let mut missing = Vec::new();
        for path in self.gone(others) {
            // One that was in both places before is a copy, by a number that both have.
            let is_new = |to: &&Measured| {
                self.held[&path].is_on(to) && !self.held.get(&to.path).is_some_and(|held| held.is_on(to))
            };
            match measured.iter().position(|to| is_new(&to)) {
                Some(place) => self.moved(&path, &measured[place].path, place >= named),
                None => missing.push(FoundDisk { path, is_missing: true }),
            }
        }
        let found = measured.drain(named..).map(|Measured { path, .. }| FoundDisk { path, is_missing: false });
        found.chain(missing).collect()
    }

    fn measured(&self, path: &Rc<str>) -> Option<Measured> {
        let place = self.table.place(Path::new(&**path), read_link)?;
        Some(Measured { path: Rc::clone(path), device: Rc::clone(place.device), id: place.id })
    }

    fn is_found_at(&self, point: &str) -> bool {
        self.held.get(point).is_some_and(LastMount::is_found_there)
    }

    /// The disks that were found where they are not now. But for `others`, which are asked anyway.
    fn gone(&self, others: &[Rc<str>]) -> Vec<Rc<str>> {
        let is_gone = |(path, held): &(&Rc<str>, &LastMount)| {
            held.is_found_there()
                && !others.contains(path)
                && self
                    .table
                    .place(Path::new(&***path), read_link)
                    .is_some_and(|place| !place.is_automount && (place.point != held.point || place.writing.is_none()))
        };
        self.held.iter().filter(is_gone).map(|(path, _)| Rc::clone(path)).collect()
    }

    fn moved(&mut self, from: &Rc<str>, to: &Rc<str>, is_found: bool) {
        if let Some(held) = self.held.remove(from).filter(|_| is_found) {
            let held = LastMount { point: Path::new(&**to).to_owned(), ..held };
            self.held.entry(Rc::clone(to)).or_insert(held);
        }
        self.moves.push((Rc::clone(from), Rc::clone(to)));
        self.is_changed = true;
    }
}

impl LastMount {
    /// Whether it was the same disk, as far as that is known.
    fn is_on(&self, other: &Measured) -> bool {
        match (self.id, other.id) {
            (Some(own), Some(other)) => own == other,
            // Not known after a restart.
            _ => !self.device.is_empty() && self.device == other.device,
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
                ids.push((Rc::clone(&mount.device), ask(&mount.point)));
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
