//! The state's folder by its path: opened once, locked, and found again where somebody removed or replaced it.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Uid, User, geteuid};

use super::FILE_NAME;
use super::lock::{Holder, Lock};
use super::path_lock::PathLock;
use crate::files::{RealFolder, is_trusted};
use crate::worker::{SaveTask, Worker};

/// The folder of this agent's state, which no other agent uses meanwhile.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _path_lock: Option<PathLock>,
    /// `None`: there is no folder, and none can be made.
    folder: Option<Locked>,
}

#[derive(Debug)]
struct Locked {
    folder: RealFolder,
    _lock: Lock,
}

/// The reason why the agent does not use this folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("another vps-monitor (process {}) already uses {}; stop it first, or give this one its own --state-dir",
            pid.map_or_else(|| "of unknown id".to_owned(), |pid| pid.to_string()), path.display())]
    Held { path: PathBuf, pid: Option<u32> },
    #[error("{} is still in use by the last save of a vps-monitor that has ended (a disk that does not answer?)",
            path.display())]
    Saving { path: PathBuf },
    #[error("{} belongs to {owner}: run this as that user or as root, or give it its own --state-dir", path.display())]
    Foreign { path: PathBuf, owner: String },
    #[error("{} cannot be made: {error}", path.display())]
    Missing { path: PathBuf, error: io::Error },
    #[error("{} cannot be opened: {error}{}", path.display(), explain_owner(path, error))]
    Io { path: PathBuf, error: io::Error },
}

impl FolderError {
    /// The time within which it may pass by itself.
    pub fn patience(&self) -> Duration {
        match self {
            // `status` holds the lock for a moment to see whether anybody does.
            FolderError::Held { .. } => Duration::from_millis(300),
            FolderError::Io { error, .. } if error.kind() == io::ErrorKind::InvalidInput => Duration::ZERO,
            FolderError::Saving { .. } | FolderError::Io { .. } => PATIENCE,
            FolderError::Foreign { .. } | FolderError::Missing { .. } => Duration::ZERO,
        }
    }
}

/// The wait of a start for a fault that may pass: no descriptors or memory, a disk that is replaced, a save at work.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The owner of `path`, and the remedy, if it belongs to that user alone.
pub fn explain_owner(path: &Path, error: &io::Error) -> String {
    match path.symlink_metadata() {
        Ok(metadata) if error.kind() == io::ErrorKind::PermissionDenied => {
            let (owner, me) = (name_of(Uid::from_raw(metadata.uid())), name_of(geteuid()));
            format!("; it belongs to {owner}: run this as that user or as root, or change its owner (chown {me})")
        }
        _ => String::new(),
    }
}

fn name_of(user: Uid) -> String {
    match User::from_uid(user) {
        Ok(Some(user)) => user.name,
        _ => format!("the user {user}"),
    }
}

impl StateFolder {
    /// The folder that `path` leads to, made if it is missing. If that fails, the agent goes on without: its work
    /// matters more, and its first attempt to save logs the reason.
    ///
    /// # Errors
    /// It is there and cannot be opened, or belongs to another user, or is used by another process.
    pub fn take(path: &Path) -> Result<StateFolder, FolderError> {
        let path_lock = PathLock::take(path).map_err(|held| held_at(path, held))?;
        let mut taken = StateFolder { path: path.to_owned(), _path_lock: path_lock, folder: None };
        match taken.locked() {
            Ok(_) | Err(FolderError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(taken)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open folder, if there is one.
    pub fn folder(&mut self) -> Option<&mut RealFolder> {
        self.folder.as_mut().map(|locked| &mut locked.folder)
    }

    /// Starts replacing the state file by `bytes`, in a child.
    ///
    /// # Errors
    /// There is no folder and none can be made, or no child; [`io::ErrorKind::ResourceBusy`]: the last save has not ended.
    pub fn save(&mut self, worker: &Worker, bytes: &[u8]) -> io::Result<SaveTask> {
        let path = self.path.clone();
        let folder = self.locked().map_err(|error| match error {
            FolderError::Missing { error, .. } | FolderError::Io { error, .. } => error,
            error => io::Error::other(error),
        })?;
        worker.save(folder, &path, FILE_NAME, bytes)
    }

    /// The folder was removed or replaced: the next save looks for it anew.
    pub fn forget(&mut self) {
        self.folder = None;
    }

    fn locked(&mut self) -> Result<&mut RealFolder, FolderError> {
        let locked = match self.folder.take() {
            Some(locked) => locked,
            None => open_locked(&self.path)?,
        };
        Ok(&mut self.folder.insert(locked).folder)
    }
}

fn open_locked(path: &Path) -> Result<Locked, FolderError> {
    let folder = open_or_make(path)?;
    let owner = folder.owner().map_err(|error| FolderError::Io { path: path.to_owned(), error })?;
    if !is_trusted(owner.as_raw()) {
        return Err(FolderError::Foreign { path: path.to_owned(), owner: name_of(owner) });
    }
    let lock = Lock::take(&folder, path).map_err(|held| held_at(path, held))?;
    Ok(Locked { folder, _lock: lock })
}

/// Opens a folder; if it is missing, it is made for its owner alone.
fn open_or_make(path: &Path) -> Result<RealFolder, FolderError> {
    let mut opened = RealFolder::open(path);
    if opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| FolderError::Missing { path: path.to_owned(), error })?;
        opened = RealFolder::open(path);
    }
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => FolderError::Missing { path: path.to_owned(), error },
        _ => FolderError::Io { path: path.to_owned(), error },
    })
}

fn held_at(path: &Path, held: Holder) -> FolderError {
    let path = path.to_owned();
    match held {
        Holder::ByAgent(pid) => FolderError::Held { path, pid },
        Holder::BySave => FolderError::Saving { path },
    }
}
