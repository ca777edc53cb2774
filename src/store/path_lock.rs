//! A lock on the path of a folder. It outlasts the folder: removing a folder removes the locks in it too.
//!
//! It is a socket of the abstract namespace (unix(7)), named after the folder's place: the kernel gives the name to one
//! process at a time, and takes it back when that ends, however it ends.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, listen, socket,
};

use super::lock::Holder;
use crate::files::is_trusted;

/// Held for the life of this value.
#[derive(Debug)]
pub struct PathLock {
    _socket: OwnedFd,
}

impl PathLock {
    /// Claims the place that `path` names. `Ok(None)`: it cannot be claimed, for whatever reason. A name that a
    /// stranger has taken stops nobody.
    ///
    /// # Errors
    /// A process of this user, or of root, has claimed it.
    pub fn take(path: &Path) -> Result<Option<PathLock>, Holder> {
        let address = match address(path) {
            Ok(address) => address,
            Err(_) => return Ok(None),
        };
        match try_take(&address) {
            Ok(socket) => Ok(Some(PathLock { _socket: socket })),
            Err(Errno::EADDRINUSE) => holder_of(&address).map_or(Ok(None), Err),
            Err(_) => Ok(None),
        }
    }
}

fn try_take(address: &UnixAddr) -> nix::Result<OwnedFd> {
    let socket = stream()?;
    bind(socket.as_raw_fd(), address)?;
    // From now on others can see whose it is (unix(7), SO_PEERCRED).
    listen(&socket, Backlog::MAXCONN)?;
    Ok(socket)
}

/// The process of this user, or of root, that has claimed the place that `path` names.
pub fn taken_by(path: &Path) -> Option<Holder> {
    holder_of(&address(path).ok()?)
}

fn holder_of(address: &UnixAddr) -> Option<Holder> {
    let socket = stream().ok()?;
    connect(socket.as_raw_fd(), address).ok()?;
    let peer = getsockopt(&socket, PeerCredentials).ok()?;
    // A process of another namespace has no id here: 0 (pid_namespaces(7)).
    let pid = u32::try_from(peer.pid()).ok().filter(|pid| *pid != 0);
    is_trusted(peer.uid()).then_some(Holder::ByAgent(pid))
}

fn stream() -> nix::Result<OwnedFd> {
    socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
}

/// The place: a name in the parent folder, whatever path led there.
fn address(path: &Path) -> io::Result<UnixAddr> {
    let path: PathBuf = std::path::absolute(path)?.components().collect();
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let above = fs::metadata(above)?;
    // An address is shorter than a file's name can be.
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let place = format!("vps-monitor/{:x}/{:x}/{:016x}", above.dev(), above.ino(), hasher.finish());
    Ok(UnixAddr::new_abstract(place.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Holder {
        Holder::ByAgent(Some(std::process::id()))
    }

    #[test]
    fn a_place_is_claimed_once_by_whatever_path_and_whatever_becomes_of_the_folder() {
        let directory = tempfile::tempdir().unwrap();
        let (place, other) = (directory.path().join("state"), directory.path().join("other"));
        fs::create_dir(&place).unwrap();
        assert_eq!(taken_by(&place), None);
        let path_lock = PathLock::take(&place).unwrap();
        assert!(path_lock.is_some());
        fs::remove_dir(&place).unwrap();
        for path in [place.clone(), directory.path().join("other/../state"), directory.path().join("state/")] {
            fs::create_dir_all(&other).unwrap();
            assert_eq!(PathLock::take(&path).unwrap_err(), me(), "{}", path.display());
            assert_eq!(taken_by(&path), Some(me()));
        }
        assert!(PathLock::take(&other).unwrap().is_some());
        drop(path_lock);
        assert_eq!(taken_by(&place), None);
        assert!(PathLock::take(&place).unwrap().is_some());
    }
}
