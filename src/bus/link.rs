//! One connection to the bus: the login, then messages. It never waits.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket};

use super::error::Error;
use super::wire::{self, Malformed, Message};

/// Login by the kernel's word on who we are, without a name of our own, so that a user namespace does not matter; as
/// systemd's own client does it (bus_socket_start_auth_client in sd-bus/bus-socket.c).
const LOGIN: &[u8] = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";

/// The longest line of a login.
const MAX_LINE_BYTES: usize = 512;

/// The most bytes that are received in one turn of the loop.
const SHARE_BYTES: usize = 64 << 10;

const CHUNK_BYTES: usize = 4 << 10;

#[derive(Debug)]
pub(super) struct Link {
    socket: UnixStream,
    is_logged_in: bool,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

impl Link {
    /// A Unix socket connects at once or not at all.
    pub fn open(path: &Path) -> Result<Link, Error> {
        let open = || {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
            connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
            Ok(socket)
        };
        let socket = open().map_err(|errno| Error::Socket { path: path.to_owned(), errno })?;
        Ok(Link {
            socket: UnixStream::from(socket),
            is_logged_in: false,
            outgoing: LOGIN.to_vec(),
            incoming: Vec::new(),
        })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether something is left that the socket did not take.
    pub fn is_sending(&self) -> bool {
        !self.outgoing.is_empty()
    }

    pub fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.outgoing.extend_from_slice(message);
        self.flush()
    }

    /// Sends as much as the socket takes at once, without SIGPIPE.
    pub fn flush(&mut self) -> Result<(), Error> {
        while !self.outgoing.is_empty() {
            match would_block(send(self.socket.as_raw_fd(), &self.outgoing, MsgFlags::MSG_NOSIGNAL))? {
                Some(count) => drop(self.outgoing.drain(..count)),
                None => return Ok(()),
            }
        }
        self.outgoing = Vec::new();
        Ok(())
    }

    /// The messages that have come, up to a share.
    pub fn receive(&mut self) -> Result<Vec<Message>, Error> {
        let mut messages = Vec::new();
        let mut chunk = [0; CHUNK_BYTES];
        let mut left = SHARE_BYTES;
        while left > 0 {
            match would_block(recv(self.socket.as_raw_fd(), &mut chunk, MsgFlags::empty()))? {
                None => break,
                Some(0) => return Err(Error::Closed),
                Some(count) => {
                    left = left.saturating_sub(count);
                    self.incoming.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    self.take_messages(&mut messages)?;
                    if count < CHUNK_BYTES {
                        break;
                    }
                }
            }
        }
        if self.incoming.is_empty() {
            self.incoming = Vec::new();
        }
        Ok(messages)
    }

    fn take_messages(&mut self, messages: &mut Vec<Message>) -> Result<(), Error> {
        let mut at = 0;
        if !self.is_logged_in {
            at = self.log_in()?;
        }
        while self.is_logged_in
            && let Some(rest) = self.incoming.get(at..)
            && let Some(length) = wire::length(rest)?
            && let Some(message) = rest.get(..length)
        {
            messages.push(wire::decode(message)?);
            at += length;
        }
        self.incoming.drain(..at);
        Ok(())
    }

    /// Reads the lines of the login; returns how many bytes they take.
    fn log_in(&mut self) -> Result<usize, Error> {
        let mut at = 0;
        while let Some(rest) = self.incoming.get(at..) {
            let Some(end) = rest.windows(2).position(|end| end == b"\r\n") else {
                return if rest.len() > MAX_LINE_BYTES { Err(Malformed("a line has no end").into()) } else { Ok(at) };
            };
            let line = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
            at += end + 2;
            match line.split(' ').next() {
                Some("DATA") => {}
                Some("OK") => {
                    self.is_logged_in = true;
                    break;
                }
                _ => return Err(Error::Rejected(line.into_owned())),
            }
        }
        Ok(at)
    }
}

/// `None`: not now.
fn would_block(result: nix::Result<usize>) -> Result<Option<usize>, Error> {
    match result.map_err(io::Error::from) {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error.into()),
    }
}
