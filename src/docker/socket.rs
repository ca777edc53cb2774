//! A non-blocking Unix socket. Nothing here ever waits; what would block says so.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket};

use super::address::Address;
use super::error::Error;

/// A connected, non-blocking socket.
#[derive(Debug)]
pub struct Socket(UnixStream);

impl Socket {
    /// Connects; `None` while the engine's queue of connections is full, as that of a hung engine is after a while
    /// (connect(2), EAGAIN). Unlike that of a TCP socket, a Unix socket's connection is made at once or not at all.
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
            Err(Errno::ENOENT | Errno::ENOTDIR) => Err(Error::NoSocket { path: path() }),
            Err(Errno::ECONNREFUSED) => Err(Error::Refused { path: path() }),
            Err(Errno::EACCES | Errno::EPERM) => Err(Error::Denied { path: path() }),
            Err(errno) => Err(Error::Socket { path: path(), what: errno.desc().to_owned() }),
        }
    }

    /// Sends what goes at once. Without SIGPIPE: an engine that went away is an error like any other.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)?)
    }

    /// Receives what is there; 0 at the end of the stream.
    pub fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.0.as_raw_fd(), into, MsgFlags::empty())?)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
