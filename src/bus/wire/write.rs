//! Writes method calls.

use super::{DESTINATION, INTERFACE, MEMBER, METHOD_CALL, PATH, SIGNATURE};

const NO_REPLY_EXPECTED: u8 = 1;
const PROTOCOL_VERSION: u8 = 1;

/// A method call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub destination: &'a str,
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
    pub arguments: &'a [Argument<'a>],
}

#[derive(Clone, Copy, Debug)]
pub enum Argument<'a> {
    Text(&'a str),
    Texts(&'a [&'a str]),
}

impl Call<'_> {
    /// The message, with bytes in little-endian order.
    pub fn encode(&self, serial: u32, expects_reply: bool) -> Vec<u8> {
        let mut body = Writer::default();
        let mut signature = String::new();
        for argument in self.arguments {
            match argument {
                Argument::Text(text) => {
                    signature.push('s');
                    body.text(text);
                }
                Argument::Texts(texts) => {
                    signature.push_str("as");
                    body.array(4, |body| texts.iter().for_each(|text| body.text(text)));
                }
            }
        }
        let flags = if expects_reply { 0 } else { NO_REPLY_EXPECTED };
        let mut message = Writer(vec![b'l', METHOD_CALL, flags, PROTOCOL_VERSION]);
        message.number(body.0.len());
        message.0.extend(serial.to_le_bytes());
        message.array(8, |message| {
            message.field(PATH, "o", self.path);
            message.field(INTERFACE, "s", self.interface);
            message.field(MEMBER, "s", self.member);
            message.field(DESTINATION, "s", self.destination);
            if !signature.is_empty() {
                message.field(SIGNATURE, "g", &signature);
            }
        });
        message.align(8);
        message.0.extend(body.0);
        message.0
    }
}

/// Writes values in little-endian order, each aligned by its distance from the beginning.
#[derive(Debug, Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    pub fn number(&mut self, number: usize) {
        self.align(4);
        self.0.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }

    pub fn signature(&mut self, signature: &str) {
        self.0.push(u8::try_from(signature.len()).unwrap_or(u8::MAX));
        self.0.extend(signature.as_bytes());
        self.0.push(0);
    }

    /// An array of elements with this alignment; its length is known once they are there.
    pub fn array(&mut self, alignment: usize, elements: impl FnOnce(&mut Writer)) {
        self.number(0);
        let length_ends = self.0.len();
        self.align(alignment);
        let begin = self.0.len();
        elements(self);
        let length = u32::try_from(self.0.len() - begin).unwrap_or(u32::MAX).to_le_bytes();
        self.0.splice(length_ends - 4..length_ends, length);
    }

    fn field(&mut self, code: u8, signature: &str, text: &str) {
        self.align(8);
        self.0.push(code);
        self.signature(signature);
        if signature == "g" { self.signature(text) } else { self.text(text) }
    }
}
