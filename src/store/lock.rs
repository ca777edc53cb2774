//! One agent for each folder: the holder of the locks has written its process id beside the state.
//!
//! There are three locks. One is on the folder itself: a child that still saves for an agent that has ended holds it
//! too, and keeps a new agent from reading a file that is about to be replaced. One is on the file `lock`, which
//! version 0.1 looks at and which holds the process id. The third claims the path, in case somebody removes the folder.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::path_lock::taken_by;
use crate::files::RealFolder;

const FILE_NAME: &str = "lock";

/// Held for the life of this value; the kernel releases it with the process, however that ends (flock(2)).
#[derive(Debug)]
pub struct Lock {
    _file: Option<File>,
}

/// The holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Another agent, with its process id if it is known.
    ByAgent(Option<u32>),
    /// Only a child of an agent that has ended, or an agent whose file was removed.
    BySave,
}

impl Lock {
    /// Takes the locks of a folder. If one cannot be locked (a file system without locks, something else in place of
    /// the file), the log says so and the agent goes on without it.
    ///
    /// # Errors
    /// Another process holds one of them.
    pub fn take(folder: &RealFolder, path: &Path) -> Result<Lock, Holder> {
        let without = |error: io::Error| {
            let path = path.join(FILE_NAME);
            log::warn!("{}: {error}; a second agent in this folder may not be kept out", path.display());
        };
        let file = match folder.open_file(FILE_NAME, OFlag::O_RDWR | OFlag::O_CREAT) {
            Ok(file) => Some(file),
            // On a read-only file system two agents cannot disturb each other.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => None,
            Err(error) => {
                without(error);
                None
            }
        };
        if let Some(mut file) = file.as_ref() {
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(Holder::ByAgent(read_pid(&mut file))),
                Err(TryLockError::Error(error)) => without(error),
            }
        }
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Holder::BySave),
            Err(TryLockError::Error(error)) => without(error),
        }
        if let Some(file) = file.as_ref() {
            // The id is only for people; a full disk does not keep the agent from its work.
            let _ = write_pid(file);
        }
        Ok(Lock { _file: file })
    }
}

impl Holder {
    /// The agent's process id, if there is one and it is known.
    pub fn pid(self) -> Option<u32> {
        match self {
            Holder::ByAgent(pid) => pid,
            Holder::BySave => None,
        }
    }
}

/// The user of the folder at `path`. `None`: there is none, or it cannot be found out.
pub fn holder(path: &Path) -> Option<Holder> {
    let locked = || {
        let mut file = RealFolder::open(path).ok()?.open_file(FILE_NAME, OFlag::O_RDONLY).ok()?;
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| Holder::ByAgent(read_pid(&mut file)))
    };
    locked().or_else(|| taken_by(path))
}

fn write_pid(mut file: &File) -> io::Result<()> {
    // A file with several names may have been put there by somebody else: link(2) takes files of others, too.
    if file.metadata()?.nlink() > 1 {
        return Ok(());
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut (impl Read + Seek)) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn me() -> Holder {
        Holder::ByAgent(Some(std::process::id()))
    }

    #[test]
    fn the_second_is_told_who_holds_the_lock_and_gets_it_when_that_one_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let open = || RealFolder::open(path).unwrap();
        assert_eq!(holder(path), None);
        let folder = open();
        let first = Lock::take(&folder, path).unwrap();
        assert_eq!(Lock::take(&open(), path).unwrap_err(), me());
        assert_eq!(holder(path), Some(me()));
        drop(first);
        assert_eq!(holder(path), None);
        // A process that shares the agent's folder still saves for it.
        let shared = folder.share().unwrap();
        drop(folder);
        assert_eq!(Lock::take(&open(), path).unwrap_err(), Holder::BySave);
        drop(shared);
        Lock::take(&open(), path).unwrap();
    }

    #[test]
    fn a_file_that_has_another_name_too_is_locked_and_not_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("folder");
        std::fs::create_dir(&path).unwrap();
        let target = directory.path().join("target");
        std::fs::write(&target, "untouched").unwrap();
        std::fs::hard_link(&target, path.join(FILE_NAME)).unwrap();
        let _lock = Lock::take(&RealFolder::open(&path).unwrap(), &path).unwrap();
        assert_eq!(Lock::take(&RealFolder::open(&path).unwrap(), &path).unwrap_err(), Holder::ByAgent(None));
        assert_eq!(std::fs::read_to_string(target).unwrap(), "untouched");
    }

    #[test]
    fn what_is_no_file_in_place_of_the_lock_is_neither_followed_nor_waited_for_and_the_folder_is_locked_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("folder");
        std::fs::create_dir(&path).unwrap();
        let target = directory.path().join("target");
        std::fs::write(&target, "untouched").unwrap();
        let make: [&dyn Fn(&Path); 3] = [
            &|lock| symlink(&target, lock).unwrap(),
            &|lock| nix::unistd::mkfifo(lock, nix::sys::stat::Mode::S_IRWXU).unwrap(),
            &|lock| drop(std::os::unix::net::UnixListener::bind(lock).unwrap()),
        ];
        for make in make {
            make(&path.join(FILE_NAME));
            let folder = RealFolder::open(&path).unwrap();
            let _lock = Lock::take(&folder, &path).unwrap();
            assert_eq!(Lock::take(&RealFolder::open(&path).unwrap(), &path).unwrap_err(), Holder::BySave);
            assert_eq!(holder(&path), None);
            std::fs::remove_file(path.join(FILE_NAME)).unwrap();
        }
        assert_eq!(std::fs::read_to_string(target).unwrap(), "untouched");
    }
}
