//! The file operations that the store is built on, behind a layer that a test can make fail at every step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// One folder of files. Names are plain names in it.
pub trait Folder {
    /// At most `limit` bytes of a file; a longer one is an error.
    fn read(&mut self, name: &str, limit: usize) -> io::Result<Vec<u8>>;
    /// Writes a new file, replacing one of that name, readable by its owner alone.
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written last to a file outlast a loss of power.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Makes renames outlast a loss of power.
    fn sync_folder(&mut self) -> io::Result<()>;
}

/// A folder of the running system.
#[derive(Debug)]
pub struct RealFolder {
    path: PathBuf,
}

impl RealFolder {
    /// A folder that is there, or is made (for its owner alone) when something is written.
    pub fn new(path: &Path) -> RealFolder {
        RealFolder { path: path.to_owned() }
    }

    /// Makes the folder, and those above it, unless it is there.
    pub fn make(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)
    }
}

impl Folder for RealFolder {
    fn read(&mut self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.path.join(name))?;
        file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes")));
        }
        Ok(bytes)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.make()?;
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(path)?.write_all(bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        File::open(self.path.join(name))?.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}
