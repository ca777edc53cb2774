//! Bytes that were received and not yet taken.

use std::io;

use super::socket::Socket;

/// The most that is received at once.
const RECEIVE_BYTES: usize = 32 * 1024;

const _: () = assert!(RECEIVE_BYTES <= super::SHARE_BYTES, "a turn's share is at least one receive");
const _: () = assert!(RECEIVE_BYTES >= super::head::MAX_HEAD_BYTES);

#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// The beginning of the rest in `bytes`.
    start: usize,
}

impl Buffer {
    /// The bytes that were received and not yet taken.
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Takes the first `count` pending bytes.
    pub fn take(&mut self, count: usize) {
        self.start += count;
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// Receives available bytes and appends them to the pending ones; returns their number, 0 at the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` while nothing is there.
    pub fn fill(&mut self, socket: &Socket) -> io::Result<usize> {
        self.bytes.drain(..self.start);
        self.start = 0;
        let length = self.bytes.len();
        self.bytes.resize(length + RECEIVE_BYTES, 0);
        let received = loop {
            match socket.receive(&mut self.bytes[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(length + received.as_ref().map_or(0, |count| *count));
        received
    }
}

impl Extend<u8> for Buffer {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, bytes: T) {
        self.bytes.extend(bytes);
    }
}
