//! Which file system a path is on, found out without touching a mount that may hang.
//!
//! statvfs(3) on a network mount whose server is gone never returns, and nothing can end a process that waits for it.
//! So only a file system of a kind that answers at once is asked directly. The kernel's list of mounts says which kind a
//! path is on; it is read again only when poll(2) says that it changed (proc_pid_mountinfo(5)).

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use procfs::FromRead;
use procfs::process::MountInfos;

/// Kinds that live in memory or on a local block device, and answer statvfs(3) from memory.
const LOCAL_KINDS: &[&str] = &[
    "aufs",
    "bcachefs",
    "btrfs",
    "devtmpfs",
    "erofs",
    "exfat",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "hfsplus",
    "hugetlbfs",
    "iso9660",
    "jfs",
    "msdos",
    "nilfs2",
    "ntfs3",
    "overlay",
    "proc",
    "ramfs",
    "reiserfs",
    "rootfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "udf",
    "vfat",
    "xfs",
    "zfs",
];

/// As many as the kernel follows (path_resolution(7)).
const MAX_SYMLINKS: usize = 40;

/// The mounts of this process, as of the last change.
pub struct Mounts {
    list: PathBuf,
    watched: Option<File>,
    /// Mount points with whether they answer at once; a later one covers an earlier one of the same place.
    points: Vec<(PathBuf, bool)>,
}

impl Mounts {
    /// The mounts that this process sees; always the running kernel's, as statvfs(3) is.
    pub fn of_this_process() -> Mounts {
        Mounts { list: "/proc/self/mountinfo".into(), watched: None, points: Vec::new() }
    }

    /// Reads the list again if it changed. Says whether it did.
    pub fn refresh(&mut self) -> bool {
        if let Some(file) = &self.watched
            && !changed(file)
        {
            return false;
        }
        // Where the list cannot be read, nothing is known to answer at once: all is asked in a process of its own.
        self.points = self.read().unwrap_or_default();
        true
    }

    fn read(&mut self) -> io::Result<Vec<(PathBuf, bool)>> {
        let file = File::open(&self.list)?;
        let infos = MountInfos::from_read(&file).map_err(io::Error::other)?;
        self.watched = Some(file);
        Ok(infos
            .into_iter()
            .map(|info| (unescape(info.mount_point.as_os_str()), LOCAL_KINDS.contains(&info.fs_type.as_str())))
            .collect())
    }

    /// Whether asking for the size of the file system under `path` returns at once. A path that does not exist is
    /// answered by the file system that would hold it.
    pub fn answers_at_once(&self, path: &Path) -> bool {
        // Walks down from the root and follows symbolic links as the kernel would, but stops before it steps on a mount
        // that may hang: each step looks only into a directory that is known to answer.
        let mut here = PathBuf::from("/");
        let mut rest: VecDeque<OsString> = parts(path);
        let mut links = 0;
        loop {
            if !self.is_local(&here) {
                return false;
            }
            let Some(part) = rest.pop_front() else { return true };
            if part == ".." {
                here.pop();
                continue;
            }
            here.push(part);
            if !self.is_local(&here) {
                return false;
            }
            if let Ok(target) = fs::read_link(&here) {
                links += 1;
                if links > MAX_SYMLINKS {
                    // The kernel answers ELOOP at once.
                    return true;
                }
                here.pop();
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                let mut target = parts(&target);
                target.append(&mut rest);
                rest = target;
            }
        }
    }

    fn is_local(&self, directory: &Path) -> bool {
        self.points
            .iter()
            .rev()
            .filter(|(point, _)| directory.starts_with(point))
            // The deepest mount point holds it; of several on one place, the last one, which `max_by_key` on the
            // reversed list would not keep.
            .fold(None, |deepest: Option<&(PathBuf, bool)>, mount| match deepest {
                Some(found) if found.0.as_os_str().len() >= mount.0.as_os_str().len() => Some(found),
                _ => Some(mount),
            })
            .is_some_and(|(_, local)| *local)
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

fn changed(list: &File) -> bool {
    let mut watched = [PollFd::new(list.as_fd(), PollFlags::POLLPRI)];
    match poll(&mut watched, PollTimeout::ZERO) {
        Ok(count) => count > 0,
        Err(_) => true,
    }
}

/// The list writes a space, tab, line feed and backslash of a path as `\` and three octal digits.
fn unescape(text: &OsStr) -> PathBuf {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 4).filter(|digits| digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        match digits {
            Some(&[high, middle, low]) if bytes[at] == b'\\' => {
                let code = u16::from(high - b'0') * 64 + u16::from(middle - b'0') * 8 + u16::from(low - b'0');
                plain.push(u8::try_from(code).unwrap_or(b'?'));
                at += 4;
            }
            _ => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    OsString::from_vec(plain).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(text: &str) -> Mounts {
        let directory = tempfile::tempdir().unwrap();
        let list = directory.path().join("mountinfo");
        fs::write(&list, text).unwrap();
        let mut mounts = Mounts { list, watched: None, points: Vec::new() };
        assert!(mounts.refresh());
        mounts
    }

    const LIST: &str = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        28 27 0:40 / /mnt/nfs rw shared:1 - nfs4 server:/x rw,vers=4.2\n\
        29 28 0:41 / /mnt/nfs/scratch rw - tmpfs tmpfs rw\n\
        30 27 0:42 / /mnt/with\\040space rw - fuse.sshfs a:/ rw\n\
        31 27 0:43 / /twice rw - nfs4 server:/y rw\n\
        32 27 0:44 / /twice rw - tmpfs tmpfs rw\n";

    #[test]
    fn only_local_kinds_answer_at_once() {
        let mounts = mounts(LIST);
        assert!(mounts.answers_at_once(Path::new("/")));
        assert!(mounts.answers_at_once(Path::new("/no/such/path")));
        assert!(!mounts.answers_at_once(Path::new("/mnt/nfs")));
        assert!(!mounts.answers_at_once(Path::new("/mnt/nfs/deeper")));
        assert!(mounts.answers_at_once(Path::new("/mnt/nfs-like")));
        assert!(!mounts.answers_at_once(Path::new("/mnt/with space/x")));
    }

    #[test]
    fn the_way_to_a_local_mount_may_lead_over_one_that_hangs() {
        assert!(!mounts(LIST).answers_at_once(Path::new("/mnt/nfs/scratch")));
    }

    #[test]
    fn the_last_mount_on_a_place_counts() {
        assert!(mounts(LIST).answers_at_once(Path::new("/twice")));
    }

    #[test]
    fn links_are_followed_without_stepping_on_the_mount() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/mnt/nfs/data", &link).unwrap();
        let relative = directory.path().join("relative");
        std::os::unix::fs::symlink("link", &relative).unwrap();
        let circle = directory.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        let mounts = mounts(LIST);
        assert!(!mounts.answers_at_once(&link));
        assert!(!mounts.answers_at_once(&relative));
        assert!(mounts.answers_at_once(&circle));
        assert!(!mounts.answers_at_once(Path::new("/tmp/../mnt/nfs")));
    }

    #[test]
    fn an_unreadable_list_means_that_nothing_is_known_to_answer() {
        assert!(!mounts("what is this\n").answers_at_once(Path::new("/")));
    }

    #[test]
    fn the_running_kernels_list_is_read_once_until_it_changes() {
        let mut mounts = Mounts::of_this_process();
        assert!(mounts.refresh());
        assert!(mounts.answers_at_once(Path::new("/proc")));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_lists_never_panic(text in "(?s).{0,400}", path in "/[a-z/.]{0,40}") {
            mounts(&text).answers_at_once(Path::new(&path));
        }
    }
}
