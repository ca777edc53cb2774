//! Which mounts are the file systems of this host's disks.

use std::path::Path;
use std::rc::Rc;

use super::table::{Mount, Table};
use super::{LastMount, Mounts, read_link};

/// A disk of this host, by its mount point.
#[derive(Debug, PartialEq, Eq)]
pub struct FoundDisk {
    pub path: Rc<str>,
    /// It was found before, and is in sight nowhere: not mounted any more, or something else is mounted over it.
    pub is_missing: bool,
}

impl Mounts {
    /// This host's disks, but for the file systems of these paths; those that were found before and are missing, too.
    ///
    /// A disk with several mount points keeps the one by which it was found.
    #[inline(never)]
    pub fn disks(&self, others: &[Rc<str>]) -> Vec<FoundDisk> {
        let place = |path: &Rc<str>| self.table.place(Path::new(&**path), read_link);
        // Where a named one is not mounted any more, the file system around it is not taken.
        let named = others.iter().filter(|path| self.ask(path).is_ok());
        let taken: Vec<&Rc<str>> = named.filter_map(|path| Some(place(path)?.device)).collect();
        let in_sight = self.table.disks();
        let is_held =
            |point: &Path| point.to_str().and_then(|path| self.held.get(path)).is_some_and(LastMount::is_found_there);
        let mut found: Vec<(&Path, &Rc<str>)> = Vec::new();
        for (point, device) in in_sight.iter().copied().filter(|(_, device)| !taken.contains(device)) {
            match found.iter_mut().find(|(_, known)| *known == device) {
                None => found.push((point, device)),
                Some((chosen, _)) if is_held(point) && !is_held(chosen) => *chosen = point,
                Some(_) => {}
            }
        }
        let found = found.into_iter().filter_map(|(point, _)| Some(point.to_str()?.into()));
        let mut found: Vec<FoundDisk> = found.map(|path| FoundDisk { path, is_missing: false }).collect();
        let is_missing = |(path, held): &(&Rc<str>, &LastMount)| {
            let is_elsewhere = || in_sight.iter().any(|(_, device)| **device == held.device);
            held.is_found_there()
                && place(path).is_some_and(|place| {
                    !place.is_automount && (place.point != held.point || place.writing.is_none()) && !is_elsewhere()
                })
        };
        let missing = self.held.iter().filter(is_missing).map(|(path, _)| path).filter(|path| !others.contains(path));
        found.extend(missing.map(|path| FoundDisk { path: Rc::clone(path), is_missing: true }));
        found
    }
}

impl Table {
    /// The mount points of whole file systems of this host's disks, in the order in which they were mounted.
    pub(super) fn disks(&self) -> Vec<(&Path, &Rc<str>)> {
        let is_in_sight =
            |mount: &&Mount| self.place(&mount.point, |_| None).is_some_and(|place| *place.device == mount.device);
        let is_wanted = |mount: &&Mount| mount.is_of_a_disk && !is_left_out(&mount.point);
        let disks = self.mounts.iter().filter(is_wanted).filter(is_in_sight);
        disks.map(|mount| (&*mount.point, &mount.device)).collect()
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
mod tests {
    use std::fs;

    use super::super::KnownMounts;
    use super::super::tests::{DATA, ROOT};
    use super::*;

    #[test]
    fn disks_are_whole_local_file_systems() {
        let list = "1 1 254:0 / / rw - ext4 /dev/vda rw\n\
            2 1 8:16 / /data rw - xfs /dev/sdb rw\n\
            3 1 8:16 / /srv/www rw - xfs /dev/sdb rw\n\
            4 1 254:0 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw\n\
            5 1 8:32 /part /bind rw - ext4 /dev/sdc rw\n\
            6 1 0:40 / /mnt/nfs rw - nfs4 server:/x rw\n\
            7 1 0:41 / /run rw - tmpfs tmpfs rw\n\
            8 1 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro\n\
            9 1 0:42 / /var/lib/docker/overlay2/a/merged rw - overlay overlay rw\n\
            10 1 253:9 / /var/lib/docker/devicemapper/mnt/a rw - ext4 /dev/dm-9 rw\n\
            11 1 253:1 / /var/lib/docker rw - ext4 /dev/dm-1 rw\n\
            12 1 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n\
            13 1 0:50 /@home /home rw - btrfs /dev/sdd rw\n\
            14 1 0:50 /@ /pool/root rw - btrfs /dev/sdd rw\n\
            15 1 11:0 / /cdrom ro - iso9660 /dev/sr0 ro\n\
            16 1 0:51 / /tank rw - zfs tank rw\n\
            17 1 8:48 / /covered/below rw - ext4 /dev/sde rw\n\
            18 1 0:52 / /covered rw - tmpfs tmpfs rw\n";
        let table = Table::parse(list.as_bytes()).unwrap();
        let points: Vec<_> = table.disks().into_iter().map(|(point, _)| point.to_str().unwrap()).collect();
        assert_eq!(points, ["/", "/data", "/srv/www", "/var/lib/docker", "/home", "/pool/root", "/tank"]);
    }

    /// The disks that are found but for `others`, a `-` before each that is missing.
    fn disks(mounts: &Mounts, others: &[Rc<str>]) -> Vec<String> {
        let found = mounts.disks(others).into_iter();
        found.map(|FoundDisk { path, is_missing }| format!("{}{path}", if is_missing { "-" } else { "" })).collect()
    }

    /// The disks that `auto` finds from list to list, and in the end by the memory of the process before.
    fn found(lists: &[&[&str]]) -> Vec<Vec<String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut mounts = Mounts::listed_in(file.path());
        let mut known = KnownMounts::default();
        let look = |mounts: &mut Mounts, list: &[&str]| {
            fs::write(file.path(), list.concat()).unwrap();
            mounts.watched = None;
            mounts.refresh();
            let found = mounts.disks(&[]);
            found.iter().filter(|disk| !disk.is_missing).for_each(|disk| mounts.hold(&disk.path, true, true));
            let found = disks(mounts, &[]);
            mounts.keep_only(mounts.disks(&[]).iter().map(|disk| &disk.path));
            found
        };
        let mut found: Vec<_> = lists
            .iter()
            .map(|list| {
                let found = look(&mut mounts, list);
                known = mounts.take_change().unwrap_or_else(|| known.clone());
                found
            })
            .collect();
        let mut after = Mounts::listed_in(file.path());
        after.remember(&known);
        found.push(look(&mut after, lists.last().unwrap()));
        found
    }

    #[test]
    fn a_found_disk_that_something_else_is_mounted_over_is_missed() {
        let over = "6 2 0:60 / /no/data rw - tmpfs tmpfs rw\n";
        let around = "7 1 0:61 / /no rw - nfs4 server:/x rw\n";
        for cover in [over, around] {
            assert_eq!(
                found(&[&[ROOT, DATA], &[ROOT, DATA, cover]]),
                [["/", "/no/data"], ["/", "-/no/data"], ["/", "-/no/data"]]
            );
        }
        // A disk over it is the disk there.
        let disk = "6 2 8:32 / /no/data rw - ext4 /dev/sdc rw\n";
        assert_eq!(found(&[&[ROOT, DATA], &[ROOT, DATA, disk]])[1], ["/", "/no/data"]);
    }

    #[test]
    fn a_found_disk_with_two_mount_points_keeps_its_own_and_one_that_moved_is_not_missed() {
        let before = "6 1 8:16 / /a rw - ext4 /dev/sdb rw\n";
        let after = "7 1 8:16 / /z rw - ext4 /dev/sdb rw\n";
        let lists: [&[&str]; 4] = [&[ROOT, DATA], &[ROOT, before, DATA, after], &[ROOT, after], &[ROOT, before, after]];
        let keeps = [["/", "/no/data"], ["/", "/no/data"], ["/", "/z"], ["/", "/z"], ["/", "/z"]];
        assert_eq!(found(&lists), keeps);
    }

    #[test]
    fn a_found_disk_is_missed_where_it_is_not_mounted_and_one_that_nobody_names_any_more_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (data, none): (Rc<str>, &[Rc<str>]) = ("/no/data".into(), &[]);
        let list = |mounts: &mut Mounts, list: &[&str]| {
            fs::write(file.path(), list.concat()).unwrap();
            mounts.watched = None;
            mounts.refresh();
        };
        for is_found in [true, false] {
            let mut before = Mounts::listed_in(file.path());
            list(&mut before, &[ROOT, DATA]);
            before.hold(&data, is_found, false);
            let known = before.take_change().unwrap();
            list(&mut before, &[ROOT]);
            assert_eq!(disks(&before, none).contains(&"-/no/data".to_owned()), is_found);
            // So it is for the next process.
            let mut after = Mounts::listed_in(file.path());
            after.remember(&known);
            list(&mut after, &[ROOT]);
            assert_eq!(disks(&after, none).contains(&"-/no/data".to_owned()), is_found);
            // Named, it is missed in any case.
            assert!(after.ask(&data).is_err());
            assert_eq!(disks(&after, std::slice::from_ref(&data)), ["/"]);
        }
    }
}
