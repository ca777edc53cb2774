//! A file of the kernel that not every system has: where it never was it is looked for once an hour, and costs nothing
//! meanwhile.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ProcFile;
use crate::clock::Boot;

/// A module may be loaded, or a file system mounted.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub struct OptionalFile {
    file: ProcFile,
    /// It was there once: then it is missed, and looked for each time.
    was_there: bool,
    look_again: Option<Boot>,
}

impl OptionalFile {
    pub fn new(path: PathBuf) -> OptionalFile {
        OptionalFile { file: ProcFile::new(path), was_there: false, look_again: None }
    }

    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The whole content, in `buffer`; `None`: this system has no such file, or does not support it.
    pub fn read<'b>(&mut self, buffer: &'b mut Vec<u8>, now: Boot) -> io::Result<Option<&'b [u8]>> {
        if self.look_again.is_some_and(|again| now < again) {
            return Ok(None);
        }
        self.look_again = None;
        match self.file.read(buffer) {
            Ok(text) => {
                self.was_there = true;
                Ok(Some(text))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Unsupported) => {
                self.look_again = (!self.was_there).then(|| now.after(LOOKED_FOR_EVERY));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_one_is_looked_for_again_after_an_hour() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conntrack");
        let mut file = OptionalFile::new(path.clone());
        let mut buffer = Vec::new();
        let mut read = |seconds: i64| {
            file.read(&mut buffer, Boot::from_millis(seconds * 1000)).map(|text| text.map(<[u8]>::to_vec)).unwrap()
        };
        assert_eq!(read(0), None);
        std::fs::write(path, "5\n").unwrap();
        assert_eq!((read(3599), read(3600)), (None, Some(b"5\n".to_vec())));
        assert_eq!(read(3601), Some(b"5\n".to_vec()));
    }

    #[test]
    fn one_that_was_there_is_looked_for_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conntrack");
        let mut file = OptionalFile::new(path.clone());
        let mut buffer = Vec::new();
        let mut is_there = |second: i64| file.read(&mut buffer, Boot::from_millis(second * 1000)).unwrap().is_some();
        std::fs::write(&path, "5\n").unwrap();
        assert!(is_there(0));
        std::fs::remove_file(&path).unwrap();
        assert!(!is_there(1));
        std::fs::write(&path, "5\n").unwrap();
        assert!(is_there(2));
    }
}
