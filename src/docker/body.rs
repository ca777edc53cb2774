//! A reply's body as a reader, so that JSON is parsed while it comes and a long reply is never held.

use std::io::{self, Read};
use std::path::PathBuf;

use super::MAX_REPLY_BYTES;
use super::error::Error;
use super::framing::{Framing, Piece};
use super::wire::Wire;

/// Reads at most [`MAX_REPLY_BYTES`]; its errors are [`Error`]s inside `io::Error`s.
pub struct Body<'w, 'a> {
    wire: &'w mut Wire<'a>,
    framing: Framing,
    read_bytes: u64,
}

impl<'w, 'a> Body<'w, 'a> {
    /// # Errors
    /// `TooLarge` when the head already says so.
    pub fn new(wire: &'w mut Wire<'a>, framing: Framing) -> Result<Body<'w, 'a>, Error> {
        match framing {
            Framing::Length(length) if length > MAX_REPLY_BYTES => Err(too_large()),
            _ => Ok(Body { wire, framing, read_bytes: 0 }),
        }
    }

    fn path(&self) -> PathBuf {
        self.wire.address().path().to_owned()
    }
}

impl Read for Body<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let piece = self.framing.advance(self.wire.pending(), into.len());
            match piece.map_err(|error| Error::NotAnEngine { path: self.path(), found: error.to_string() })? {
                Piece::End => return Ok(0),
                Piece::Framing(count) => self.wire.take(count),
                Piece::Payload(count) => {
                    self.read_bytes += count as u64;
                    if self.read_bytes > MAX_REPLY_BYTES {
                        return Err(too_large().into());
                    }
                    into[..count].copy_from_slice(&self.wire.pending()[..count]);
                    self.wire.take(count);
                    return Ok(count);
                }
                Piece::Unfinished => {
                    if self.wire.fill()? == 0 {
                        let ended = self.framing.ends_with_connection();
                        return if ended { Ok(0) } else { Err(Error::CutOff { path: self.path() }.into()) };
                    }
                }
            }
        }
    }
}

fn too_large() -> Error {
    Error::TooLarge { limit_bytes: MAX_REPLY_BYTES }
}
