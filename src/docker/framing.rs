//! Finds a body's bytes, and its end, in the received bytes: RFC 9112, section 6.
//!
//! Pure, and shared by replies and by the event stream, which is one without an end.

use httparse::{Status, parse_chunk_size};

/// The bound of a chunk's size line with its extensions; engines send up to 8 digits and no extension. A trailer's line
/// has the same bound.
const MAX_LINE_BYTES: usize = 256;

/// The framing of the rest of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The number of bytes that are left.
    Length(u64),
    Chunked(Chunk),
    /// Everything until the connection ends.
    UntilClose,
}

/// The next part of a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    Size,
    Payload(u64),
    /// The line end behind a chunk's payload.
    LineEnd,
    Trailer,
    Ended,
}

/// The piece at the front of the received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A number of bytes that are framing.
    Framing(usize),
    /// A number of bytes that are the body's.
    Payload(usize),
    /// More bytes are needed to tell.
    Unfinished,
    /// Nothing: the body has ended.
    End,
}

/// The chunks have wrong frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply's chunks are malformed")]
pub struct MalformedChunks;

impl Framing {
    /// The framing of a reply: chunked, of a known length, or neither.
    pub fn of(status: u16, chunked: bool, length: Option<u64>) -> Framing {
        match length {
            _ if matches!(status, 204 | 304) => Framing::Length(0),
            _ if chunked => Framing::Chunked(Chunk::Size),
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        }
    }

    /// Whether the end of the connection is the body's end.
    pub fn ends_with_connection(self) -> bool {
        self == Framing::UntilClose
    }

    /// The piece at the front of `wire`; at most `limit` bytes of a payload. The caller removes the piece before it
    /// asks again.
    ///
    /// # Errors
    /// When a chunk's size line, or the line end behind a chunk, is not one.
    pub fn advance(&mut self, wire: &[u8], limit: usize) -> Result<Piece, MalformedChunks> {
        let available = wire.len().min(limit);
        match self {
            Framing::UntilClose if available == 0 => Ok(Piece::Unfinished),
            Framing::UntilClose => Ok(Piece::Payload(available)),
            Framing::Length(0) => Ok(Piece::End),
            Framing::Length(left) => Ok(payload(left, available)),
            Framing::Chunked(chunk) => chunk.advance(wire, available),
        }
    }
}

impl Chunk {
    fn advance(&mut self, wire: &[u8], available: usize) -> Result<Piece, MalformedChunks> {
        match self {
            Chunk::Size => self.size(wire),
            Chunk::Payload(left) => {
                let piece = payload(left, available);
                if *left == 0 {
                    *self = Chunk::LineEnd;
                }
                Ok(piece)
            }
            Chunk::LineEnd => match wire {
                [b'\r', b'\n', ..] => {
                    *self = Chunk::Size;
                    Ok(Piece::Framing(2))
                }
                [] | [b'\r'] => Ok(Piece::Unfinished),
                _ => Err(MalformedChunks),
            },
            Chunk::Trailer => self.trailer(wire),
            Chunk::Ended => Ok(Piece::End),
        }
    }

    fn size(&mut self, wire: &[u8]) -> Result<Piece, MalformedChunks> {
        if wire.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
            return Err(MalformedChunks); // httparse takes a line without a digit for a size of 0.
        }
        match parse_chunk_size(wire) {
            Ok(Status::Complete((length, _))) if length > MAX_LINE_BYTES => Err(MalformedChunks),
            Ok(Status::Complete((length, size))) => {
                *self = if size == 0 { Chunk::Trailer } else { Chunk::Payload(size) };
                Ok(Piece::Framing(length))
            }
            Ok(Status::Partial) if wire.len() < MAX_LINE_BYTES => Ok(Piece::Unfinished),
            Ok(Status::Partial) | Err(_) => Err(MalformedChunks),
        }
    }

    /// Header lines behind the last chunk, which have no meaning here, and an empty line.
    fn trailer(&mut self, wire: &[u8]) -> Result<Piece, MalformedChunks> {
        match wire.iter().position(|byte| *byte == b'\n') {
            Some(end) if end >= MAX_LINE_BYTES => Err(MalformedChunks),
            Some(end) => {
                if matches!(&wire[..end], [] | [b'\r']) {
                    *self = Chunk::Ended;
                }
                Ok(Piece::Framing(end + 1))
            }
            None if wire.len() < MAX_LINE_BYTES => Ok(Piece::Unfinished),
            None => Err(MalformedChunks),
        }
    }
}

/// The part of `left` that is available.
fn payload(left: &mut u64, available: usize) -> Piece {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
    *left -= count as u64;
    if count == 0 { Piece::Unfinished } else { Piece::Payload(count) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The whole body in `wire`, received `step` bytes at a time, and whether it ended; each piece must get on.
    fn decode(mut framing: Framing, wire: &[u8], step: usize) -> Result<(Vec<u8>, bool), MalformedChunks> {
        let (mut body, mut pending) = (Vec::new(), Vec::new());
        for bytes in wire.chunks(step.max(1)) {
            pending.extend_from_slice(bytes);
            loop {
                match framing.advance(&pending, 7)? {
                    Piece::Framing(count) => drop(pending.drain(..count)),
                    Piece::Payload(count) => body.extend(pending.drain(..count)),
                    Piece::Unfinished => break,
                    Piece::End => return Ok((body, true)),
                }
            }
        }
        Ok((body, framing.advance(&[], 7) == Ok(Piece::End)))
    }

    const CHUNKED: Framing = Framing::Chunked(Chunk::Size);

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        let wire = b"4\r\nWiki\r\n6;name=value\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nExpires: never\r\n\r\n";
        for step in 1..wire.len() {
            assert_eq!(decode(CHUNKED, wire, step), Ok((b"Wikipedia in \r\n\r\nchunks.".to_vec(), true)), "{step}");
        }
    }

    #[test]
    fn a_length_ends_the_body_and_leaves_what_follows() {
        assert_eq!(decode(Framing::Length(3), b"abcdef", 6), Ok((b"abc".to_vec(), true)));
        assert_eq!(decode(Framing::Length(3), b"ab", 6), Ok((b"ab".to_vec(), false)));
        assert_eq!(decode(Framing::of(204, true, Some(9)), b"", 1), Ok((Vec::new(), true)));
        assert_eq!(decode(Framing::UntilClose, b"ab", 6), Ok((b"ab".to_vec(), false)));
    }

    #[test]
    fn chunk_sizes_that_lie_are_refused() {
        let endless = format!("1;{}", "a".repeat(300));
        for wire in ["3\r\nabcdef\r\n", "-1\r\n", "\r\n", "g\r\n", "11112222333344445\r\n", "<html>", &endless] {
            assert_eq!(decode(CHUNKED, wire.as_bytes(), 1000), Err(MalformedChunks), "{wire}");
        }
        assert_eq!(decode(CHUNKED, b"ffffffffffff\r\nabc", 1000), Ok((b"abc".to_vec(), false)));
        assert_eq!(decode(CHUNKED, format!("0\r\n{}", "a".repeat(300)).as_bytes(), 1000), Err(MalformedChunks));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_nor_loop(
            wire in prop::collection::vec(any::<u8>(), 0..300),
            step in 1usize..50,
        ) {
            let _ = decode(CHUNKED, &wire, step);
        }

        #[test]
        fn what_was_framed_is_read_back(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..9),
            step in 1usize..50,
        ) {
            let mut wire: Vec<u8> =
                chunks.iter().flat_map(|c| [format!("{:x}\r\n", c.len()).as_bytes(), c, b"\r\n"].concat()).collect();
            wire.extend(b"0\r\n\r\n");
            prop_assert_eq!(decode(CHUNKED, &wire, step), Ok((chunks.concat(), true)));
        }
    }
}
