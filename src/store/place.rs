//! The state's folder by its path: opened when it is first needed, made where it is missing, and found again where it was
//! removed or replaced.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::{Folder, RealFolder};
use crate::worker::{SaveTask, Worker};

use super::FILE_NAME;

#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    folder: Option<RealFolder>,
}

impl Place {
    pub fn new(path: &Path) -> Place {
        Place { path: path.to_owned(), folder: None }
    }

    /// The folder, if it is there.
    fn opened(&mut self) -> io::Result<&mut RealFolder> {
        self.folder_by(RealFolder::open)
    }

    /// The folder that the path leads to now, made if it is missing.
    pub fn current(&mut self) -> io::Result<&mut RealFolder> {
        self.folder.take_if(|folder| !folder.is_at(&self.path));
        self.folder_by(RealFolder::make)
    }

    fn folder_by(&mut self, open: fn(&Path) -> io::Result<RealFolder>) -> io::Result<&mut RealFolder> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => open(&self.path)?,
        };
        Ok(self.folder.insert(folder))
    }

    /// Starts replacing the state file by `bytes`, in a child.
    ///
    /// # Errors
    /// There is no folder and none can be made, or no child; [`io::ErrorKind::ResourceBusy`]: the last save has not ended.
    pub fn save(&mut self, worker: &Worker, bytes: &[u8]) -> io::Result<SaveTask> {
        let path = self.path.clone();
        worker.save(self.folder_by(RealFolder::make)?, &path, FILE_NAME, bytes)
    }

    /// The folder was removed or replaced: the next save looks for it anew.
    pub fn forget(&mut self) {
        self.folder = None;
    }
}

impl Folder for Place {
    fn read(&mut self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        self.opened()?.read(name, limit)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.current()?.write(name, bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.opened()?.sync(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.opened()?.rename(from, to)
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.opened()?.sync_folder()
    }
}
