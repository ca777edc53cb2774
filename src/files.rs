//! The file operations that the store is built on, behind a layer that a test can make fail at every step.
//!
//! A real folder is opened once, and everything is done below its descriptor: what others do to the path in the meantime
//! leads nowhere else. A name in it is never followed where it is a link, and only a regular file is read: opening a FIFO
//! or a device could wait for ever.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

/// One folder of files. Names are plain names in it.
pub trait Folder {
    /// At most `limit` bytes of a regular file; a longer one is an error.
    fn read(&mut self, name: &str, limit: usize) -> io::Result<Vec<u8>>;
    /// Writes a file anew, readable by its owner alone. What had the name before is removed first, whatever it is.
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written last to a file outlast a loss of power.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Makes renames outlast a loss of power.
    fn sync_folder(&mut self) -> io::Result<()>;
}

/// Replaces a file: after this, either the old or the new one is there, whole, whatever happens.
///
/// # Errors
/// Those of the folder. Unless only the last step failed, the old file is untouched then.
pub fn replace(folder: &mut impl Folder, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = format!("{name}.new");
    folder.write(&new, bytes)?;
    folder.sync(&new)?;
    folder.rename(&new, name)?;
    folder.sync_folder()
}

/// A folder of the running system, opened.
#[derive(Debug)]
pub struct RealFolder {
    folder: File,
}

impl RealFolder {
    /// # Errors
    /// There is no such folder, or it cannot be opened.
    pub fn open(path: &Path) -> io::Result<RealFolder> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(RealFolder::from(uninterrupted(|| nix::fcntl::open(path, flags, Mode::empty()))?))
    }

    /// Makes the folder (for its owner alone), and those above it, unless it is there.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn make(path: &Path) -> io::Result<RealFolder> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        RealFolder::open(path)
    }

    /// Whether `path` leads to this folder: it may have been removed and made anew.
    pub fn is_at(&self, path: &Path) -> bool {
        let here = self.folder.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let there = path.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        matches!((here, there), (Ok(here), Ok(there)) if here == there)
    }

    /// The same open folder, for another process.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn share(&self) -> io::Result<OwnedFd> {
        Ok(self.folder.try_clone()?.into())
    }

    /// Opens a regular file without following a link, and without waiting for whatever else has its name.
    fn open_file(&self, name: &str, flags: OFlag) -> io::Result<File> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let file = match uninterrupted(|| openat(self, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)) {
            Ok(fd) => File::from(fd),
            // ENXIO: a socket, or a FIFO that nobody reads. ELOOP: a link.
            Err(Errno::ENXIO | Errno::ELOOP) => return Err(not_regular(name)),
            Err(errno) => return Err(errno.into()),
        };
        if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular(name)) }
    }
}

/// Makes a call again when a signal interrupted it.
fn uninterrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

fn not_regular(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{name} is not a regular file: move it away"))
}

impl From<OwnedFd> for RealFolder {
    fn from(folder: OwnedFd) -> RealFolder {
        RealFolder { folder: folder.into() }
    }
}

impl AsFd for RealFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

impl Folder for RealFolder {
    fn read(&mut self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(name, OFlag::O_RDONLY)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes")));
        }
        Ok(bytes)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match uninterrupted(|| unlinkat(self.as_fd(), name, UnlinkatFlags::NoRemoveDir)) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        self.open_file(name, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)?.write_all(bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.open_file(name, OFlag::O_RDONLY)?.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        Ok(uninterrupted(|| renameat(self.as_fd(), from, self.as_fd(), to))?)
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.folder.sync_all()
    }
}
