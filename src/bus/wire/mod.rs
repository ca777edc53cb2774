//! The wire format of D-Bus messages, as far as a client of a few calls needs it (D-Bus Specification, "Message
//! Protocol").
//!
//! Everything that is read may be hostile: lengths are compared with the bytes that are there, nesting is bounded, and
//! values that nobody asks for are skipped by their signature. `read.rs` reads values, `write.rs` writes calls.

mod read;
mod write;

use std::fmt;

pub use read::{Reader, Value};
pub use write::{Argument, Call, Writer};

/// A message of systemd with a thousand failed units has a quarter of it.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The part of a header that tells how long the message is.
pub const FIXED_HEADER_BYTES: usize = 16;

const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
const SIGNAL: u8 = 4;

const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// The bytes are no message, or hold something else than was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const TRUNCATED: Malformed = Malformed("it ends too soon");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Return,
    Error,
    Signal,
    /// A call, or a type that is not known: the specification has it ignored.
    Other,
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: Kind,
    pub reply_to: Option<u32>,
    pub path: String,
    pub interface: String,
    pub member: String,
    pub error: String,
    pub body: Body,
}

/// The values of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    pub signature: String,
    bytes: Vec<u8>,
    is_big_endian: bool,
}

impl Body {
    /// From its beginning on, if it is of this signature.
    ///
    /// # Errors
    /// It is another one.
    pub fn of(&self, signature: &str) -> Result<Reader<'_>, Malformed> {
        if self.signature != signature {
            return Err(Malformed("it is of another signature"));
        }
        Ok(Reader::new(&self.bytes, 0, self.is_big_endian))
    }
}

/// The length of the message that begins here; `None`: that is not known yet.
///
/// # Errors
/// It is no message, or a too large one.
pub fn length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(header) = bytes.get(..FIXED_HEADER_BYTES) else { return Ok(None) };
    let mut reader = Reader::new(header, 4, is_big_endian(header)?);
    let (body, _serial, fields) = (reader.u32()?, reader.u32()?, reader.u32()?);
    // Neither overflows: both are below 2^32.
    let all = u64::from(fields).next_multiple_of(8) + u64::from(body) + FIXED_HEADER_BYTES as u64;
    match usize::try_from(all) {
        Ok(all) if all <= MAX_MESSAGE_BYTES => Ok(Some(all)),
        _ => Err(Malformed("it is too large")),
    }
}

fn is_big_endian(header: &[u8]) -> Result<bool, Malformed> {
    match header.first() {
        Some(b'l') => Ok(false),
        Some(b'B') => Ok(true),
        _ => Err(Malformed("it is no message")),
    }
}

/// Reads one whole message.
///
/// # Errors
/// It is none.
pub fn decode(bytes: &[u8]) -> Result<Message, Malformed> {
    if length(bytes)? != Some(bytes.len()) {
        return Err(TRUNCATED);
    }
    let is_big_endian = is_big_endian(bytes)?;
    let kind = match bytes.get(1) {
        Some(&METHOD_RETURN) => Kind::Return,
        Some(&ERROR) => Kind::Error,
        Some(&SIGNAL) => Kind::Signal,
        _ => Kind::Other,
    };
    let mut message = Message {
        kind,
        reply_to: None,
        path: String::new(),
        interface: String::new(),
        member: String::new(),
        error: String::new(),
        body: Body { is_big_endian, ..Body::default() },
    };
    let mut reader = Reader::new(bytes, FIXED_HEADER_BYTES - 4, is_big_endian);
    reader.array(8, |reader| {
        reader.align(8)?;
        let code = reader.u8()?;
        match (code, reader.variant()?) {
            (PATH, Value::Text(text)) => message.path = text,
            (INTERFACE, Value::Text(text)) => message.interface = text,
            (MEMBER, Value::Text(text)) => message.member = text,
            (ERROR_NAME, Value::Text(text)) => message.error = text,
            (SIGNATURE, Value::Text(text)) => message.body.signature = text,
            (REPLY_SERIAL, Value::Unsigned(serial)) => message.reply_to = u32::try_from(serial).ok(),
            _ => {}
        }
        Ok(())
    })?;
    reader.align(8)?;
    message.body.bytes = reader.rest().to_vec();
    Ok(message)
}
