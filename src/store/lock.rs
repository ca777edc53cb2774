//! One agent a folder: whoever holds the lock has written its process id beside the state.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "lock";

/// Held as long as this lives; the kernel lets go of it with the process, however that ends (flock(2)).
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another vps-monitor (process {}) already uses {}; stop it first, or give this one its own --state-dir",
            pid.map_or_else(|| "of unknown id".to_owned(), |pid| pid.to_string()), folder.display())]
    Held { folder: PathBuf, pid: Option<u32> },
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

impl Lock {
    /// Takes the lock of a folder that is there.
    ///
    /// # Errors
    /// Another process holds it, or the folder cannot be written.
    pub fn take(folder: &Path) -> Result<Lock, LockError> {
        let path = folder.join(FILE_NAME);
        let failed = |error| LockError::Io { path: path.clone(), error };
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { folder: folder.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let write = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        // The id is for people alone; a full disk does not keep the agent from its work.
        let _ = write(&mut file);
        Ok(Lock { _file: file })
    }
}

/// The process that holds the lock of `folder`; `None` when none does, or that cannot be found out.
pub fn holder(folder: &Path) -> Option<u32> {
    let mut file = File::open(folder.join(FILE_NAME)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read_pid(&mut file),
        _ => None,
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_the_lock_and_gets_it_when_that_one_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(holder(folder.path()), None);
        let first = Lock::take(folder.path()).unwrap();
        let error = Lock::take(folder.path()).unwrap_err();
        assert!(matches!(error, LockError::Held { pid: Some(pid), .. } if pid == std::process::id()));
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        assert_eq!(holder(folder.path()), Some(std::process::id()));
        drop(first);
        assert_eq!(holder(folder.path()), None);
        Lock::take(folder.path()).unwrap();
    }
}
