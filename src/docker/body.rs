//! A reply's body, taken piece by piece out of the received bytes.

use std::path::Path;

use super::MAX_REPLY_BYTES;
use super::buffer::Buffer;
use super::error::Error;
use super::framing::{Framing, Piece};

#[derive(Debug)]
pub struct Body {
    framing: Framing,
    /// The number of bytes at the front of the buffer that belong to the body.
    ready: usize,
    seen_bytes: u64,
}

/// The next part of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A number of the pending bytes, at least one; [`Body::take`] takes all or the first of them.
    Bytes(usize),
    /// More must be received first.
    More,
    End,
}

impl Body {
    /// # Errors
    /// `TooLarge` when the framing already says so.
    pub fn new(framing: Framing) -> Result<Body, Error> {
        match framing {
            Framing::Length(length) if length > MAX_REPLY_BYTES => Err(too_large()),
            _ => Ok(Body { framing, ready: 0, seen_bytes: 0 }),
        }
    }

    /// # Errors
    /// `TooLarge` behind [`MAX_REPLY_BYTES`], and `NotAnEngine` where the framing is none.
    pub fn next(&mut self, buffer: &mut Buffer, path: &Path) -> Result<Next, Error> {
        while self.ready == 0 {
            let pending = buffer.pending();
            let piece = self.framing.advance(pending, pending.len());
            match piece.map_err(|error| Error::NotAnEngine { path: path.to_owned(), found: error.to_string() })? {
                Piece::End => return Ok(Next::End),
                Piece::Unfinished => return Ok(Next::More),
                Piece::Framing(count) => buffer.take(count),
                Piece::Payload(count) => {
                    self.ready = count;
                    self.seen_bytes += count as u64;
                    if self.seen_bytes > MAX_REPLY_BYTES {
                        return Err(too_large());
                    }
                }
            }
        }
        Ok(Next::Bytes(self.ready))
    }

    /// Takes the first `count` of the body's bytes.
    pub fn take(&mut self, count: usize, buffer: &mut Buffer) {
        self.ready -= count;
        buffer.take(count);
    }

    /// Whether the end of the connection is the body's end.
    pub fn ends_with_connection(&self) -> bool {
        self.framing.ends_with_connection()
    }
}

fn too_large() -> Error {
    Error::TooLarge { limit_bytes: MAX_REPLY_BYTES }
}
