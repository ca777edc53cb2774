//! A file that other programs read: replaced whole, readable by everybody, and removed when nobody keeps it up any more.
//!
//! It is not synced: after a loss of power the next check writes it anew, and a reader that finds half a file skips it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::child::SaveError;
use crate::files::{Folder, RealFolder};

const FOR_EVERYBODY: u32 = 0o644;

/// Replaces the file at `path`.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    let (mut folder, name) = place_of(path)?;
    // Its name ends in none of the endings that readers look for.
    let new = format!("{name}.new");
    let written = folder.write(&new, bytes).and_then(|()| {
        // The umask is the service's, for files of its own.
        folder.open_file(&new, OFlag::O_RDONLY)?.set_permissions(Permissions::from_mode(FOR_EVERYBODY))?;
        folder.rename(&new, &name)
    });
    written.map_err(|error| {
        let _ = folder.remove(&new);
        failed(path, &error)
    })
}

/// Removes the file at `path`, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), SaveError> {
    let (mut folder, name) = match place_of(path) {
        Err(_) if !path.exists() => return Ok(()),
        place => place?,
    };
    match folder.remove(&name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

fn place_of(path: &Path) -> Result<(RealFolder, String), SaveError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(failed(path, &io::ErrorKind::InvalidFilename.into()));
    };
    Ok((RealFolder::open(folder).map_err(|error| failed(path, &error))?, name.to_owned()))
}

/// The reason, and the remedy where it is known: without a `=`, which the log would escape.
fn failed(path: &Path, error: &io::Error) -> SaveError {
    let folder = path.parent().unwrap_or(path).display();
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => format!("; let the agent's user or its group write to {folder}"),
        io::ErrorKind::ReadOnlyFilesystem => format!(
            "; add {folder} to the unit's ReadWritePaths (systemctl edit vps-monitor), let the agent's user or its group write \
             there, and restart it"
        ),
        io::ErrorKind::NotFound => format!("; make the folder {folder}"),
        _ => String::new(),
    };
    SaveError::Failed(format!("{}: {error}{remedy}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_is_replaced_whole_for_everybody_to_read_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vps-monitor.prom");
        for content in ["first\n", "second\n"] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
        remove(&folder.path().join("absent/vps-monitor.prom")).unwrap();
    }

    #[test]
    fn what_is_in_its_place_is_not_followed_and_a_folder_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("vps-monitor.prom"), folder.path().join("other"));
        fs::write(&other, "mine").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("vps-monitor.prom.new")).unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        write(&path, b"text\n").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
        assert!(!path.symlink_metadata().unwrap().is_symlink());

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = write(&path, b"text\n").unwrap_err().to_string();
        assert!(error.contains("vps-monitor.prom: ") && path.is_dir(), "{error}");
        assert!(!folder.path().join("vps-monitor.prom.new").exists());
    }

    #[test]
    fn a_folder_that_is_forbidden_is_told_with_a_remedy_in_which_the_log_escapes_nothing() {
        for (kind, told) in [
            (
                io::ErrorKind::ReadOnlyFilesystem,
                "; add /srv/text to the unit's ReadWritePaths (systemctl edit vps-monitor)",
            ),
            (io::ErrorKind::PermissionDenied, "; let the agent's user or its group write to /srv/text"),
        ] {
            let error = failed(Path::new("/srv/text/vps-monitor.prom"), &kind.into()).to_string();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains('='), "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_with_the_remedy() {
        let error = write(Path::new("/nonexistent/vps-monitor.prom"), b"").unwrap_err().to_string();
        assert!(error.ends_with("(os error 2); make the folder /nonexistent"), "{error}");
    }
}
