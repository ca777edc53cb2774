//! Finds the file system of a path without touching one that may hang.
//!
//! statvfs(3) on a network mount whose server is gone never returns, and nothing can end a process that waits for it.
//! So only a file system that answers at once is asked directly. The kernel's list of mounts gives the mount of a path;
//! it is read again only when poll(2) reports a change (proc_pid_mountinfo(5)). Links are walked anew each time,
//! because changing one is no mount.
//!
//! The mount of a path is remembered, also over a restart: if a disk was unmounted, or not mounted again when the
//! machine started, the measurement would be that of the file system around it.

mod kind;
mod table;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use table::Table;

/// More than any list of mounts: the kernel allows 100,000 (fs.mount-max), of some 300 bytes each.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// The mounts of this process, as of the last change.
pub struct Mounts {
    list: PathBuf,
    watched: Option<File>,
    table: Table,
    text: Vec<u8>,
    /// The last mount of each path.
    held: HashMap<Rc<str>, LastMount>,
    /// The part that outlives the process has changed.
    is_changed: bool,
}

/// The mount points of disks other than their parent's, by the measured path: the part that outlives the process.
///
/// Not the mounts of the same disk (bind mounts). A sandbox makes some (systemd's ProtectHome=, for example) that are
/// not there for the same agent run by hand, and the file system around them gives the same numbers.
pub type LastMounts = BTreeMap<Rc<str>, String>;

#[derive(Debug, PartialEq, Eq)]
struct LastMount {
    point: PathBuf,
    is_own_device: bool,
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
    "{} is not mounted any more, and {} would be measured in its place: \
     mount it again, or remove the path from the configuration",
    gone.display(),
    instead.display()
)]
pub struct Unmounted {
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
            held: HashMap::new(),
            is_changed: false,
        }
    }

    /// Goes on from an earlier process's memory.
    pub fn remember(&mut self, held: &LastMounts) {
        let held =
            held.iter().map(|(path, point)| (Rc::clone(path), LastMount { point: point.into(), is_own_device: true }));
        self.held.extend(held);
    }

    /// The part that outlives this process, if it has changed since the last call.
    pub fn take_change(&mut self) -> Option<LastMounts> {
        std::mem::take(&mut self.is_changed).then(|| {
            let lasting = self.held.iter().filter(|(_, held)| held.is_own_device);
            lasting.filter_map(|(path, held)| Some((Rc::clone(path), held.point.to_str()?.to_owned()))).collect()
        })
    }

    /// Reads the list again if it changed.
    pub fn refresh(&mut self) {
        if self.watched.as_ref().is_none_or(changed) {
            // If the list cannot be read, no file system is known to answer at once, and a process of its own asks
            // each.
            self.table = self.read().unwrap_or_default();
        }
    }

    fn read(&mut self) -> io::Result<Table> {
        // From here on poll(2) tells of changes.
        let file = self.watched.insert(File::open(&self.list)?);
        self.text.clear();
        file.take(MAX_LIST_BYTES).read_to_end(&mut self.text)?;
        Table::parse(&self.text).map_err(io::Error::other)
    }

    /// The way to ask for the size of the file system under `path`; remembers its mount.
    ///
    /// # Errors
    /// It was on a mount that is gone, a bind mount included. Not where an automounter waits in its place.
    pub fn ask(&mut self, path: &Rc<str>) -> Result<Access, Unmounted> {
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
                return Err(Unmounted { gone: before.to_owned(), instead: place.point.to_owned() });
            }
        }
        let asking = match (place.at_once, place.is_automount) {
            (true, _) => Access::Directly,
            (false, false) => Access::Apart { mount: place.point.to_owned() },
            // Its future mount differs from path to path.
            (false, true) => Access::Apart { mount: PathBuf::from(&**path) },
        };
        let is_same = |held: &LastMount| {
            held.point.as_os_str() == place.point.as_os_str() && held.is_own_device == place.is_own_device
        };
        if !self.held.get(path).is_some_and(is_same) {
            let held = LastMount { point: place.point.to_owned(), is_own_device: place.is_own_device };
            let is_lasting = held.is_own_device;
            let before = self.held.insert(Rc::clone(path), held);
            self.is_changed |= is_lasting || before.is_some_and(|before| before.is_own_device);
        }
        Ok(asking)
    }

    /// Forgets the mounts of all but these paths.
    pub fn keep_only<'a>(&mut self, paths: impl ExactSizeIterator<Item = &'a Rc<str>>) {
        if self.held.len() > paths.len() {
            let kept: HashSet<&Rc<str>> = paths.collect();
            for (_, held) in self.held.extract_if(|path, _| !kept.contains(path)) {
                self.is_changed |= held.is_own_device;
            }
        }
    }
}

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
mod tests {
    use super::*;

    const ROOT: &str = "1 1 254:0 / / rw - ext4 /dev/vda rw\n";
    const DATA: &str = "2 1 8:16 / /no/data rw - ext4 /dev/sdb rw\n";
    const BIND: &str = "3 1 254:0 /srv /no/bind rw - ext4 /dev/vda rw\n";
    const AUTOMOUNT: &str = "4 1 0:50 / /no/auto rw - autofs systemd-1 rw,direct\n";
    const MOUNTED: &str = "5 4 0:51 / /no/auto rw - nfs4 server:/x rw\n";

    /// The results of asking for `path` while the mounts change from list to list.
    fn asked(path: &str, lists: &[&[&str]]) -> Vec<Result<Access, String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut mounts = Mounts::listed_in(file.path());
        let path: Rc<str> = path.into();
        let ask = |list: &&[&str]| {
            fs::write(file.path(), list.concat()).unwrap();
            // No kernel reports this list's changes.
            mounts.watched = None;
            mounts.refresh();
            mounts.ask(&path).map_err(|unmounted| unmounted.to_string())
        };
        lists.iter().map(ask).collect()
    }

    fn apart(mount: &str) -> Result<Access, String> {
        Ok(Access::Apart { mount: mount.into() })
    }

    const DIRECTLY: Result<Access, String> = Ok(Access::Directly);

    #[test]
    fn a_path_that_was_on_a_mount_that_is_gone_is_not_measured_as_what_is_around_it() {
        let told = Err("/no/data is not mounted any more, and / would be measured in its place: \
                        mount it again, or remove the path from the configuration"
            .to_owned());
        let (with, without): (&[&str], &[&str]) = (&[ROOT, DATA], &[ROOT]);
        assert_eq!(
            asked("/no/data", &[with, without, without, with]),
            [DIRECTLY, told.clone(), told.clone(), DIRECTLY]
        );
        assert_eq!(asked("/no/data/below", &[with, without]), [apart("/no/data"), told]);
        assert_eq!(asked("/no/data", &[without, without]), [DIRECTLY, DIRECTLY]);
        let told = asked("/no/bind/x", &[&[ROOT, BIND], &[ROOT]]).pop().unwrap().unwrap_err();
        assert!(told.starts_with("/no/bind is not mounted any more"), "{told}");
    }

    #[test]
    fn another_mount_in_its_place_or_deeper_is_no_loss() {
        let other = "6 1 8:32 / /no/data rw - ext4 /dev/sdc rw\n";
        let deeper = "7 6 8:48 / /no/data/x rw - ext4 /dev/sdd rw\n";
        let lists: [&[&str]; 3] = [&[ROOT, DATA], &[ROOT, other], &[ROOT, other, deeper]];
        assert_eq!(asked("/no/data/x", &lists), [apart("/no/data"), apart("/no/data"), DIRECTLY]);
    }

    #[test]
    fn a_mount_that_an_automounter_took_away_is_asked_for_again() {
        let lists: [&[&str]; 3] = [&[ROOT, AUTOMOUNT, MOUNTED], &[ROOT, AUTOMOUNT], &[ROOT, AUTOMOUNT, MOUNTED]];
        // In a process of its own: the mount of another path may be well.
        assert_eq!(asked("/no/auto/x", &lists), [apart("/no/auto"), apart("/no/auto/x"), apart("/no/auto")]);
    }

    #[test]
    fn a_link_that_is_turned_elsewhere_is_followed_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (link, new) = (folder.path().join("link"), folder.path().join("new"));
        let turn = |target: &str| {
            std::os::unix::fs::symlink(target, &new).unwrap();
            fs::rename(&new, &link).unwrap();
        };
        let list = tempfile::NamedTempFile::new().unwrap();
        let nfs = "8 1 0:60 / /no/nfs rw - nfs4 server:/x rw\n";
        fs::write(list.path(), [ROOT, DATA, nfs].concat()).unwrap();
        let mut mounts = Mounts::listed_in(list.path());
        mounts.refresh();
        let path: Rc<str> = link.to_str().unwrap().into();
        for (target, expected) in [("/no/data", DIRECTLY), ("/no/nfs/x", apart("/no/nfs")), ("/etc", DIRECTLY)] {
            turn(target);
            assert_eq!(mounts.ask(&path).map_err(|unmounted| unmounted.to_string()), expected, "{target}");
        }
    }

    #[test]
    fn what_is_remembered_is_of_the_paths_that_are_watched() {
        let mut mounts = Mounts::of_this_process();
        mounts.refresh();
        let paths: Vec<Rc<str>> = ["/", "/proc", "/tmp"].map(Rc::from).to_vec();
        for path in &paths {
            mounts.ask(path).unwrap();
        }
        mounts.keep_only(paths[..1].iter());
        assert_eq!(mounts.held.keys().collect::<Vec<_>>(), [&paths[0]]);
    }

    #[test]
    fn a_disk_that_is_not_mounted_again_after_a_restart_is_missed_and_a_bind_mount_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let paths: [Rc<str>; 3] = ["/no/data/x", "/no/bind", "/"].map(Rc::from);
        let ask = |mounts: &mut Mounts, list: &[&str]| {
            fs::write(file.path(), list.concat()).unwrap();
            mounts.watched = None;
            mounts.refresh();
            let told = paths.each_ref().map(|path| mounts.ask(path).is_err());
            (told, mounts.take_change())
        };
        let mut before = Mounts::listed_in(file.path());
        let (told, kept) = ask(&mut before, &[ROOT, DATA, BIND]);
        let kept = kept.unwrap();
        let expected: Rc<str> = "/no/data/x".into();
        assert_eq!((told, kept.iter().collect::<Vec<_>>()), ([false; 3], vec![(&expected, &"/no/data".to_owned())]));
        assert_eq!(ask(&mut before, &[ROOT, DATA, BIND]).1, None, "nothing has changed");

        let mut after = Mounts::listed_in(file.path());
        after.remember(&kept);
        assert_eq!(ask(&mut after, &[ROOT]), ([true, false, false], None));
        assert_eq!(ask(&mut after, &[ROOT, DATA]), ([false; 3], None));
        // A path that left the configuration is forgotten.
        after.keep_only(paths[1..].iter());
        assert_eq!(after.take_change(), Some(LastMounts::new()));
    }

    #[test]
    fn an_unreadable_list_means_that_nothing_is_known_to_answer() {
        assert_eq!(asked("/", &[&["what is this\n"], &[]]), [apart("/"), apart("/")]);
    }

    #[test]
    fn the_running_kernels_list_is_read_once_until_it_changes() {
        let mut mounts = Mounts::of_this_process();
        mounts.refresh();
        assert!(mounts.watched.as_ref().is_some_and(|list| !changed(list)));
        assert_eq!(mounts.ask(&"/proc".into()), Ok(Access::Directly));
    }
}
