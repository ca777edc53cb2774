//! The mounts in one reading of mountinfo, and the way of a path over them. Pure: symbolic links are read by the
//! caller.

use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use procfs::process::MountInfo;

use super::kind::{Kind, is_of_a_disk};
use super::superblock::{AtErrors, DiskId, Superblock, Writing, writing};

/// The number of links that the kernel follows (path_resolution(7)).
const MAX_SYMLINKS: usize = 40;

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) mounts: Vec<Mount>,
    /// Of the devices of disks, whose file systems are the ones that turn read-only.
    pub(super) superblocks: Vec<Superblock>,
    /// Those on each mount point. The mount that a path comes from decides which of them it enters.
    on: HashMap<PathBuf, Vec<usize>>,
    /// The mount of `/`.
    root: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Mount {
    id: i32,
    parent: i32,
    pub(super) point: PathBuf,
    pub(super) device: Rc<str>,
    kind: Kind,
    /// Whether it is a whole file system of a disk: no part of one (a bind mount), and of btrfs any subvolume.
    pub(super) is_of_a_disk: bool,
}

/// The destination of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'t> {
    /// The mount point of its file system. Behind a directory that may hang, as far as the path alone tells.
    pub point: &'t Path,
    /// Its device, which all mounts of one file system share.
    pub device: &'t Rc<str>,
    /// `None`: of no disk.
    pub writing: Option<Writing>,
    pub id: Option<DiskId>,
    /// Whether that is on another device than its parent.
    pub is_own_device: bool,
    /// A file system is to be mounted there later: it is not the one to measure.
    pub is_automount: bool,
    /// Whether asking for the size of the file system returns at once.
    pub at_once: bool,
}

impl Table {
    /// # Errors
    /// A line is not understood. Then nothing is known: the mount that it tells of may be the one that hangs.
    #[inline(never)]
    pub(super) fn parse(mountinfo: &[u8]) -> Result<Table, procfs::ProcError> {
        let mut table = Table::default();
        for line in mountinfo.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // A path is bytes. With one character for each they are a text, and come out of it unchanged.
            let text: String = line.iter().copied().map(char::from).collect();
            let info = MountInfo::from_line(&text)?;
            let point = unescape(info.mount_point.as_os_str());
            table.on.entry(point.clone()).or_default().push(table.mounts.len());
            let kind_is_of_a_disk = is_of_a_disk(&info.fs_type);
            let is_whole = info.root == "/" || info.fs_type == "btrfs" || point == Path::new("/");
            let device: Rc<str> = info.majmin.into();
            // All mounts of one file system have one superblock.
            if kind_is_of_a_disk && table.superblock(&device).is_none() {
                let superblock = |writing| Superblock { device: Rc::clone(&device), writing, id: None };
                table.superblocks.extend(writing(line).map(superblock));
            }
            table.mounts.push(Mount {
                id: info.mnt_id,
                parent: info.pid,
                point,
                device,
                kind: Kind::of(&info.fs_type),
                is_of_a_disk: kind_is_of_a_disk && is_whole,
            });
        }
        table.root = table.find_root();
        Ok(table)
    }

    /// Takes in the present state of a superblock.
    pub(super) fn set_writing(&mut self, device: &str, writing: Writing) {
        let known = self.superblocks.iter_mut().find(|known| *known.device == *device);
        known.into_iter().for_each(|known| known.writing = writing);
    }

    fn superblock(&self, device: &str) -> Option<&Superblock> {
        self.superblocks.iter().find(|known| *known.device == *device)
    }

    /// The devices whose file systems may shut themselves at an error.
    pub(super) fn may_shut_at_errors(&self) -> impl Iterator<Item = (&Rc<str>, AtErrors)> {
        let all = self.superblocks.iter().map(|known| (&known.device, known.writing.at_errors));
        all.filter(|(_, at_errors)| *at_errors != AtErrors::GoesOn)
    }

    /// The mount on `/` that is on no other one, and the one mounted over it.
    fn find_root(&self) -> Option<usize> {
        let on_root = self.on.get(Path::new("/"))?;
        // The lowest one of all is its own parent, or has a parent that this process does not see.
        let is_on_another = |mount: usize| {
            let is_parent = |other: &usize| *other != mount && self.mounts[*other].id == self.mounts[mount].parent;
            on_root.iter().any(is_parent)
        };
        let lowest = on_root.iter().find(|mount| !is_on_another(**mount))?;
        Some(self.stepped_on(*lowest, Path::new("/")))
    }

    /// The mount at `here` for a path that comes from `mount`: the one mounted there, then the one mounted over that.
    fn stepped_on(&self, mount: usize, here: &Path) -> usize {
        let Some(candidates) = self.on.get(here) else { return mount };
        let mut current = mount;
        // Each candidate is entered at most once, whatever the list says of parents.
        for _ in candidates {
            let covers = |candidate: &&usize| {
                **candidate != current && self.mounts[**candidate].parent == self.mounts[current].id
            };
            match candidates.iter().rev().find(covers) {
                Some(next) => current = *next,
                None => break,
            }
        }
        current
    }

    /// Follows `path` as the kernel would, links included, but never into a directory that may hang: from there on it
    /// follows the names alone. `None`: nothing is known.
    pub(super) fn place(&self, path: &Path, mut read_link: impl FnMut(&Path) -> Option<PathBuf>) -> Option<Place<'_>> {
        let root = self.root?;
        let mut here = PathBuf::from("/");
        // The mounts of `/` and of each directory down to `here`.
        let mut way = vec![root];
        let mut rest = parts(path);
        let mut links = 0;
        // Whether a name had to be looked up in a directory that may hang, or in one that may be read from a device.
        let (mut may_hang, mut may_read) = (false, false);
        while let Some(part) = rest.pop_front() {
            let current = way.last().copied().unwrap_or(root);
            if part == ".." {
                may_hang |= may_read;
                if way.len() > 1 {
                    way.pop();
                    here.pop();
                }
                continue;
            }
            if !self.finds_names_at_once(current) {
                let is_block = self.mounts[current].kind == Kind::Block;
                (may_hang, may_read) = (may_hang || !is_block, may_read || is_block);
            }
            here.push(part);
            let next = self.stepped_on(current, &here);
            if next != current {
                // The kernel keeps the names of a mount point, and of the directories above it, in memory while it is
                // one.
                may_read = false;
            } else if !may_hang
                && !may_read
                && let Some(target) = read_link(&here)
            {
                links += 1;
                if links > MAX_SYMLINKS {
                    // The kernel answers ELOOP at once.
                    break;
                }
                here.pop();
                if target.is_absolute() {
                    here = PathBuf::from("/");
                    way.truncate(1);
                }
                let mut target = parts(&target);
                target.append(&mut rest);
                rest = target;
                continue;
            }
            way.push(next);
        }
        let last = way.last().copied().unwrap_or(root);
        let before = way.iter().rev().find(|mount| **mount != last).copied();
        let mount = &self.mounts[last];
        let superblock = self.superblock(&mount.device);
        Some(Place {
            point: &mount.point,
            device: &mount.device,
            writing: superblock.map(|superblock| superblock.writing),
            id: superblock.and_then(|superblock| superblock.id),
            is_own_device: before.is_some_and(|before| self.mounts[before].device != mount.device),
            is_automount: mount.kind == Kind::Automount,
            at_once: !may_hang
                && !may_read
                && (self.finds_names_at_once(last) || (mount.kind == Kind::Block && mount.point == here)),
        })
    }

    /// Whether looking up a name in a directory of this mount returns at once: in memory, and on the device of `/`. If
    /// that device hangs nothing on this host works, the agent included.
    fn finds_names_at_once(&self, mount: usize) -> bool {
        let is_on_root_device = || self.root.is_some_and(|root| self.mounts[root].device == self.mounts[mount].device);
        match self.mounts[mount].kind {
            Kind::Memory => true,
            Kind::Block | Kind::Layered => is_on_root_device(),
            Kind::Automount | Kind::Other => false,
        }
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// Undoes the list's escapes in a path: a space, tab, line feed and backslash are written as `\` and three octal
/// digits. Each character of `text` is a byte.
fn unescape(text: &OsStr) -> PathBuf {
    let characters: Vec<u8> = text.to_string_lossy().chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    let mut plain = Vec::with_capacity(characters.len());
    let mut rest = &*characters;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        let code = octal.map(|digits| digits.iter().fold(0_u32, |code, digit| code * 8 + u32::from(digit - b'0')));
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = &after[3..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(plain).into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    const LIST: &str = "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        28 27 0:40 / /mnt/nfs rw shared:2 - nfs4 server:/x rw,vers=4.2\n\
        29 28 0:41 / /mnt/nfs/scratch rw - tmpfs tmpfs rw\n\
        30 27 0:42 / /mnt/with\\040space rw - fuse.sshfs a:/ rw\n\
        31 27 0:43 / /twice rw - nfs4 server:/y rw\n\
        32 31 0:44 / /twice rw - tmpfs tmpfs rw\n\
        33 27 8:16 / /data rw - xfs /dev/sdb rw\n\
        34 27 254:0 /srv /bind rw - ext4 /dev/vda rw\n\
        35 27 8:16 /www /www rw - xfs /dev/sdb rw\n\
        36 27 0:45 / /net rw - autofs /etc/auto.net rw,indirect\n\
        37 27 0:46 / /tank rw - zfs tank rw\n\
        38 27 0:22 / /dev/shm rw - tmpfs tmpfs rw\n\
        41 33 8:17 / /data/a/mount rw - ext4 /dev/sdb1 rw\n\
        39 27 0:47 / /covered/below rw - ext4 /dev/sdc rw\n\
        40 27 0:48 / /covered rw - nfs4 server:/z rw\n";

    fn table() -> Table {
        Table::parse(LIST.as_bytes()).unwrap()
    }

    /// Links: `/link` leads to the NFS mount, `/relative` to that by way of `link`, `/circle` to itself.
    fn read_link(path: &Path) -> Option<PathBuf> {
        let target = match path.to_str()? {
            "/link" => "/mnt/nfs/data",
            "/home/relative" => "../link",
            "/circle" => "circle",
            "/to-data" => "/data",
            _ => return None,
        };
        Some(target.into())
    }

    fn at_once(path: &str) -> bool {
        table().place(Path::new(path), read_link).unwrap().at_once
    }

    fn point(path: &str) -> PathBuf {
        table().place(Path::new(path), read_link).unwrap().point.to_owned()
    }

    #[test]
    fn what_is_in_memory_and_what_is_on_the_device_of_the_root_answers_at_once() {
        for path in ["/", "/no/such/path", "/mnt/nfs-like", "/bind/below", "/dev/shm/below", "/twice/below"] {
            assert!(at_once(path), "{path}");
        }
        for path in ["/mnt/nfs", "/mnt/nfs/deeper", "/mnt/with space/x", "/net", "/net/host"] {
            assert!(!at_once(path), "{path}");
        }
    }

    /// Its size is in memory, but a name below its root may have to be read from it.
    #[test]
    fn another_block_device_answers_at_once_at_its_mount_point_and_not_below() {
        for path in ["/data", "/www/", "/to-data", "/data/../data", "/data/a/mount"] {
            assert!(at_once(path), "{path}");
        }
        for path in
            ["/data/mysql", "/www/below", "/to-data/mysql", "/data/mysql/..", "/data/b/../a/mount", "/data/a/mount/b"]
        {
            assert!(!at_once(path), "{path}");
        }
        assert!(!at_once("/tank"), "the device below ZFS is not known");
    }

    #[test]
    fn the_way_to_a_local_mount_may_lead_over_one_that_hangs() {
        assert!(!at_once("/mnt/nfs/scratch"));
        assert_eq!(point("/mnt/nfs/scratch/x"), Path::new("/mnt/nfs/scratch"));
    }

    #[test]
    fn what_is_mounted_over_something_counts_and_what_is_below_that_is_out_of_sight() {
        assert!(at_once("/twice"));
        assert!(!at_once("/covered/below"));
        assert_eq!(point("/covered/below"), Path::new("/covered"));
    }

    #[test]
    fn links_are_followed_without_stepping_on_the_mount() {
        assert!(!at_once("/link") && !at_once("/home/relative") && !at_once("/tmp/../mnt/nfs") && at_once("/../.."));
        assert!(at_once("/circle"));
        assert_eq!(point("/home/relative"), Path::new("/mnt/nfs"));
        // No link is looked for in a directory that may hang, nor at a mount point.
        for path in ["/mnt/nfs/a/b", "/data/a/b", "/net/a"] {
            table().place(Path::new(path), |asked| {
                assert!(asked == Path::new("/mnt"), "{}", asked.display());
                None
            });
        }
    }

    #[test]
    fn a_place_tells_its_mount_point_and_whether_that_is_another_device() {
        let place = |path: &str| {
            let table = table();
            let place = table.place(Path::new(path), read_link).unwrap();
            (place.point.to_owned(), place.is_own_device, place.is_automount)
        };
        assert_eq!(place("/var/log"), ("/".into(), false, false));
        assert_eq!(place("/data/mysql"), ("/data".into(), true, false));
        assert_eq!(place("/bind/x"), ("/bind".into(), false, false));
        assert_eq!(place("/net/host/x"), ("/net".into(), true, true));
    }

    #[test]
    fn a_path_is_bytes() {
        let list = b"1 1 254:0 / / rw - ext4 /dev/vda rw\n2 1 0:9 / /\xb9\xe3 rw - nfs4 server:/ rw\n";
        let table = Table::parse(list).unwrap();
        let path = Path::new(OsStr::from_bytes(b"/\xb9\xe3/x"));
        assert_eq!(table.place(path, |_| None).unwrap().point, Path::new(OsStr::from_bytes(b"/\xb9\xe3")));
        assert_eq!(unescape(OsStr::new("/a\\040b\\134c\\9\\777")), Path::new("/a b\\c\\9\\777"));
    }

    #[test]
    fn of_a_list_without_a_root_or_with_a_line_that_is_not_understood_nothing_is_known() {
        assert_eq!(Table::parse(b"").unwrap().place(Path::new("/"), read_link), None);
        assert_eq!(
            Table::parse(b"2 1 0:9 / /mnt rw - nfs4 server:/ rw\n").unwrap().place(Path::new("/"), read_link),
            None
        );
        assert!(Table::parse(b"what is this\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_lists_never_panic_and_every_way_ends(
            mounts in proptest::collection::vec((0..6_i32, 0..6_i32, "(/[ab.]{0,2}){1,3}", "ext4|nfs|tmpfs|autofs"), 0..12),
            path in "/[ab/.]{0,20}",
            text in "(?s).{0,200}",
        ) {
            let lines = mounts.iter().map(|(id, parent, point, kind)| format!("{id} {parent} 0:{id} / {point} rw - {kind} x rw\n"));
            let list: String = std::iter::once("0 0 254:0 / / rw - ext4 x rw\n".to_owned()).chain(lines).collect();
            let table = Table::parse(list.as_bytes()).unwrap();
            table.place(Path::new(&path), |at| at.ends_with("a").then(|| "b/../..".into()));
            let _ = Table::parse(text.as_bytes());
        }
    }
}
