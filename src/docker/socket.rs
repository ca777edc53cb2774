//! A non-blocking Unix socket. Nothing here ever waits; an operation that would block says so.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket};

use super::address::Address;
use super::error::Error;

/// A connected, non-blocking socket.
#[derive(Debug)]
pub struct Socket(UnixStream);

impl Socket {
    /// Connects; `None` while the engine's queue of connections is full, as a hung engine's is after a while
    /// (connect(2), EAGAIN). Unlike a TCP socket, a Unix socket connects at once or not at all.
    pub fn connect(address: &Address) -> Result<Option<Socket>, Error> {
        let path = || address.path().to_owned();
        let open = || {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
            connect(socket.as_raw_fd(), &UnixAddr::new(address.path())?)?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => Ok(Some(Socket(UnixStream::from(socket)))),
            Err(Errno::EAGAIN) => Ok(None),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Err(absence(address)),
            Err(Errno::ECONNREFUSED) => Err(refusal(address)),
            Err(Errno::EACCES | Errno::EPERM) => Err(Error::Denied { path: path() }),
            Err(errno) => Err(Error::Socket { path: path(), what: errno.desc().to_owned() }),
        }
    }

    /// Sends as much as the socket takes at once. Without SIGPIPE: an engine that went away is an error like any other.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)?)
    }

    /// Receives the available bytes; 0 at the end of the stream.
    pub fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.0.as_raw_fd(), into, MsgFlags::empty())?)
    }
}

/// The reason why there is nothing to connect to.
fn absence(address: &Address) -> Error {
    let path = address.path().to_owned();
    match fs::read_link(&path) {
        Ok(target) => Error::NoTarget { path, target },
        Err(_) => Error::NoSocket { path },
    }
}

/// Why a connection was refused: the kernel gives the same error for a socket without a listener and for a file that is
/// no socket (unix_find_bsd in net/unix/af_unix.c).
fn refusal(address: &Address) -> Error {
    let path = address.path().to_owned();
    let Ok(kind) = fs::metadata(&path).map(|metadata| metadata.file_type()) else { return Error::Refused { path } };
    let found = match kind {
        kind if kind.is_socket() => return Error::Refused { path },
        // The usual reason: `-v /var/run/docker.sock:/var/run/docker.sock` while no engine runs.
        kind if kind.is_dir() => "a directory (a bind mount makes one where nothing was)",
        kind if kind.is_file() => "a regular file",
        kind if kind.is_fifo() => "a FIFO",
        _ => "a device",
    };
    Error::NotASocket { path, found }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
