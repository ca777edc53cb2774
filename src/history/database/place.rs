//! The file's place in the state's folder: only a regular file is opened, and nothing of it is ever destroyed.

use std::io;

use nix::fcntl::OFlag;
use nix::unistd::fchdir;

use super::super::FILE_NAME;
use crate::files::{Folder, RealFolder};

const JOURNAL: &str = "history.db-journal";

const DAMAGED: &str = "history.db.damaged-";

/// Makes the folder the working folder, since SQLite opens files by their paths, and the file if it is missing: for its
/// owner alone, whatever the umask is.
pub(super) fn enter(folder: &mut RealFolder) -> Result<(), String> {
    fchdir(&*folder).map_err(|errno| errno.desc().to_owned())?;
    let journal = folder.open_file(JOURNAL, OFlag::O_RDONLY);
    let file = match folder.open_file(FILE_NAME, OFlag::O_RDWR) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            folder.open_file(FILE_NAME, OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL)
        }
        file => file,
    };
    file.map_err(|error| in_place(FILE_NAME, &error))?;
    match journal {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(in_place(JOURNAL, &error)),
        _ => Ok(()),
    }
}

/// Makes the folder the working folder, for one who reads; [`io::ErrorKind::NotFound`]: there is no file.
pub(super) fn enter_to_read(folder: &RealFolder) -> io::Result<()> {
    folder.open_file(FILE_NAME, OFlag::O_RDONLY)?;
    Ok(fchdir(folder)?)
}

/// An error about something that is no regular file has its name.
fn in_place(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::InvalidData => error.to_string(),
        io::ErrorKind::PermissionDenied => {
            format!("{name}: {error}: it is another user's: chown it to the agent's user, or move it away")
        }
        _ => format!("{name}: {error}"),
    }
}

/// Sets a damaged file aside with its journal, under a name that it returns, and removes the one that was set aside
/// before: each can be as large as the store itself.
pub(super) fn set_aside(folder: &mut RealFolder, now: i64) -> Result<String, String> {
    let failed = |error: io::Error| format!("{FILE_NAME} is damaged and cannot be set aside: {error}");
    let names = folder.list().map_err(failed)?;
    let mut name = format!("{DAMAGED}{now}");
    while names.contains(&name) {
        name.push('+');
    }
    // The journal first: left behind, it would be taken for that of the new file.
    if names.iter().any(|name| name == JOURNAL) {
        folder.rename(JOURNAL, &format!("{name}-journal")).map_err(failed)?;
    }
    folder.rename(FILE_NAME, &name).map_err(failed)?;
    for former in names.iter().filter(|name| name.starts_with(DAMAGED)) {
        // One that stays behind costs room and nothing else.
        let _ = folder.remove(former);
    }
    Ok(name)
}
