//! Finds the configuration's file; without one the built-in defaults hold.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Config;
use crate::settings::{Problems, Read};

/// The file that is read if none is named.
pub const STANDARD_FILE: &str = "/etc/vps-monitor/config.yaml";

/// The place of the configuration. A reload looks again whether the file is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigFile {
    /// Named by hand: it is an error if the file is not there.
    Named(PathBuf),
    /// Read if it is there; else the built-in defaults hold.
    Standard(PathBuf),
}

impl Default for ConfigFile {
    fn default() -> ConfigFile {
        ConfigFile::new(None)
    }
}

impl ConfigFile {
    /// The named file, else the standard one.
    pub fn new(named: Option<PathBuf>) -> ConfigFile {
        named.map_or_else(|| ConfigFile::Standard(PathBuf::from(STANDARD_FILE)), ConfigFile::Named)
    }

    /// The place of the file, even if it does not exist.
    pub fn place(&self) -> &Path {
        let (ConfigFile::Named(path) | ConfigFile::Standard(path)) = self;
        path
    }

    /// The file to read; `None`: there is none, and the built-in defaults hold.
    pub fn path(&self) -> Option<&Path> {
        match self {
            ConfigFile::Named(path) => Some(path),
            // Any other fault is reported when the file is read.
            ConfigFile::Standard(path) => {
                let is_absent = fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
                (!is_absent || leads_nowhere(path)).then_some(path)
            }
        }
    }

    /// Reads the configuration, for `wait` at most.
    ///
    /// # Errors
    /// All of the file's problems at once, sorted by position.
    pub fn load(&self, wait: Duration) -> Result<Read<Config>, Problems> {
        self.path().map_or_else(|| Ok(Read::nothing()), |path| Config::load_within(path, wait))
    }
}

/// Whether a link on the way to `path` leads nowhere, as one onto a disk that is not mounted just now: the configuration
/// is there, and its defaults are no substitute.
fn leads_nowhere(path: &Path) -> bool {
    path.ancestors().any(|step| step.is_symlink() && !step.exists())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::settings::WAIT_OF_A_COMMAND;

    #[test]
    fn a_standard_file_is_found_as_soon_as_it_is_there_and_missed_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vps-monitor/config.yaml");
        let file = ConfigFile::Standard(path.clone());
        let hostname = || file.load(WAIT_OF_A_COMMAND).map(|read| (read.value.general.hostname, read.is_empty));
        assert_eq!((file.path(), hostname()), (None, Ok((String::new(), true))));
        fs::create_dir(folder.path().join("vps-monitor")).unwrap();
        fs::write(&path, "general: {hostname: web-1}\n").unwrap();
        assert_eq!((file.path(), hostname()), (Some(&*path), Ok(("web-1".to_owned(), false))));
        fs::remove_file(&path).unwrap();
        assert_eq!(hostname(), Ok((String::new(), true)));
    }

    #[test]
    fn a_file_that_cannot_be_reached_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        let refused = |path: PathBuf| ConfigFile::Standard(path).load(WAIT_OF_A_COMMAND).unwrap_err().to_string();
        symlink("config.yaml", &path).unwrap();
        assert!(refused(path).contains("cannot be read"));
        for link in ["link.yaml", "vps-monitor"] {
            symlink("/mnt/not mounted/here", folder.path().join(link)).unwrap();
        }
        for path in ["link.yaml", "vps-monitor/config.yaml"] {
            assert!(refused(folder.path().join(path)).contains("cannot be read: No such file"));
        }
        let named = ConfigFile::new(Some(folder.path().join("absent.yaml")));
        assert!(named.load(WAIT_OF_A_COMMAND).is_err());
    }
}
