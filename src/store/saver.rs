//! Saves without waiting: a child replaces the state file, and the loop hears when it is done.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use crate::clock::Boot;
use crate::files::RealFolder;
use crate::worker::{Illustrated, PostTask, RecordTask, SaveError, SaveTask, Worker};

use super::StateFolder;

/// Saves one state after the other to its folder.
#[derive(Debug)]
pub struct Saver {
    folder: StateFolder,
    /// A child at work, on these bytes.
    task: Option<SaveTask>,
    bytes: Vec<u8>,
    /// The folder is another one, and nobody has asked yet.
    has_moved: bool,
}

impl Saver {
    pub fn new(folder: StateFolder) -> Saver {
        Saver { folder, task: None, bytes: Vec::new(), has_moved: false }
    }

    /// Starts saving the output of [`encode`](super::encode()). [`Saver::poll`] gives the outcome; until then nothing
    /// else is saved.
    ///
    /// # Errors
    /// There is no folder and none can be made, or no child can be started; [`io::ErrorKind::ResourceBusy`]: a save, or
    /// one that was given up, has not ended.
    pub fn start(&mut self, worker: &Worker, bytes: Vec<u8>) -> io::Result<()> {
        if self.task.is_some() {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        self.task = Some(self.folder.save(worker, &bytes)?);
        self.bytes = bytes;
        Ok(())
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts writing a batch of the history to the same folder.
    ///
    /// # Errors
    /// There is no folder, or no child can be started; [`io::ErrorKind::ResourceBusy`]: the last batch has not ended.
    pub fn record(&mut self, worker: &Worker, order: &[u8]) -> io::Result<RecordTask> {
        worker.record(self.opened()?, order)
    }

    /// Starts drawing a picture of the history in the same folder, and delivering it.
    ///
    /// # Errors
    /// There is no folder, or no child can be started.
    pub fn draw(&mut self, worker: &Worker, job: &Illustrated, recipe: &[u8]) -> io::Result<PostTask> {
        worker.draw(self.opened()?, job, recipe)
    }

    fn opened(&mut self) -> io::Result<&RealFolder> {
        let missing = || io::Error::other("there is no such folder, and the state cannot make it");
        self.folder.folder().map(|folder| &*folder).ok_or_else(missing)
    }

    /// For poll(2): readable when a save has ended.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.task.as_ref().map(SaveTask::fd)
    }

    /// When to call [`Saver::poll`] at the latest.
    pub fn due(&self) -> Option<Boot> {
        self.task.as_ref().map(SaveTask::deadline)
    }

    /// The outcome of the save; `None`: it is still at work, or there is none. Never waits.
    ///
    /// If the folder was removed or replaced, the state is saved to the one that the path leads to now.
    pub fn poll(&mut self, worker: &Worker, now: Boot) -> Option<Result<(), SaveError>> {
        let ended = self.task.as_mut()?.poll(now)?;
        let bytes = std::mem::take(&mut self.bytes);
        self.task = None;
        if ended != Err(SaveError::Moved) {
            return Some(ended);
        }
        self.folder.forget();
        self.has_moved = true;
        let path = self.folder.path().display();
        log::warn!(
            "{path} was removed or replaced while the agent runs; the state is saved to the folder that is there now"
        );
        self.start(worker, bytes).err().map(|error| Err(error.into()))
    }

    /// The folder, once after it was found to be another one: its other files must be made anew.
    pub fn take_new_folder(&mut self) -> Option<&mut RealFolder> {
        let folder = self.folder.folder().filter(|_| self.has_moved)?;
        self.has_moved = false;
        Some(folder)
    }
}
