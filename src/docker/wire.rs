//! A connection with a buffer: waits, with the patience that it is given, for what the socket cannot do at once.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::PollFlags;

use super::address::Address;
use super::error::Error;
use super::patience::{Over, Patience};
use super::socket::Socket;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// How long to wait before another connection is tried, where an engine's queue is full: poll(2) cannot tell when it
/// no longer is.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);

/// One connection of one exchange.
#[derive(Debug)]
pub struct Wire<'a> {
    address: &'a Address,
    patience: Patience<'a>,
    socket: Socket,
    buffer: Vec<u8>,
    /// Where in the buffer begins what was not taken yet.
    start: usize,
}

impl<'a> Wire<'a> {
    pub fn connect(address: &'a Address, patience: Patience<'a>) -> Result<Wire<'a>, Error> {
        loop {
            if let Some(socket) = Socket::connect(address)? {
                return Ok(Wire { address, patience, socket, buffer: Vec::new(), start: 0 });
            }
            patience.pause(QUEUE_PAUSE).map_err(|over| ended(address, patience, over))?;
        }
    }

    pub fn address(&self) -> &'a Address {
        self.address
    }

    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            self.wait(PollFlags::POLLOUT)?;
            match self.socket.send(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) => self.passing(error)?,
            }
        }
        Ok(())
    }

    /// What was received and not taken yet.
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Takes the first `count` bytes of what is pending.
    pub fn take(&mut self, count: usize) {
        self.start += count;
    }

    /// Waits for more and puts it behind what is pending; how much it was, 0 at the end of the stream.
    pub fn fill(&mut self) -> Result<usize, Error> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let length = self.buffer.len();
        loop {
            self.wait(PollFlags::POLLIN)?;
            self.buffer.resize(length + READ_BYTES, 0);
            let received = self.socket.receive(&mut self.buffer[length..]);
            self.buffer.truncate(length + received.as_ref().map_or(0, |count| *count));
            match received {
                Ok(count) => return Ok(count),
                Err(error) => self.passing(error)?,
            }
        }
    }

    fn wait(&self, flags: PollFlags) -> Result<(), Error> {
        let waited = self.patience.wait(self.socket.as_fd(), flags);
        waited.map_err(|over| ended(self.address, self.patience, over))
    }

    /// Whether the socket is only not ready yet; what else it says is an error.
    fn passing(&self, error: io::Error) -> Result<(), Error> {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Err(Error::CutOff { path: self.address.path().to_owned() })
            }
            _ => Err(Error::Socket { path: self.address.path().to_owned(), what: error.to_string() }),
        }
    }
}

fn ended(address: &Address, patience: Patience<'_>, over: Over) -> Error {
    let path = address.path().to_owned();
    match over {
        Over::Deadline => Error::NoAnswer { path, timeout: patience.timeout() },
        Over::Interrupted => Error::Interrupted,
        Over::Failed(errno) => Error::Socket { path, what: format!("poll: {}", errno.desc()) },
    }
}
