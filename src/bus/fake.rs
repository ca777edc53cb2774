//! A bus of a test's own at the other end of the socket, which answers as the test likes.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use super::Bus;
use super::wire::{self, Body, Message, Writer};

pub const LOGGED_IN: &[u8] = b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n";

pub struct FakeBus {
    folder: tempfile::TempDir,
    listener: UnixListener,
    other: Option<UnixStream>,
    received: Vec<u8>,
}

impl FakeBus {
    pub fn listening() -> FakeBus {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("bus")).unwrap();
        listener.set_nonblocking(true).unwrap();
        FakeBus { folder, listener, other: None, received: Vec::new() }
    }

    pub fn client(&self) -> Bus {
        Bus::at(self.folder.path().join("bus"))
    }

    /// The calls since the last time, each with its serial; a login is answered.
    pub fn calls(&mut self) -> Vec<(u32, Message)> {
        if let Ok((other, _)) = self.listener.accept() {
            other.set_nonblocking(true).unwrap();
            self.other = Some(other);
            self.received.clear();
        }
        let Some(other) = &mut self.other else { return Vec::new() };
        let read = other.read_to_end(&mut self.received);
        assert!(read.is_ok() || read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
        if let Some(rest) = self.received.strip_prefix(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n") {
            self.received = rest.to_vec();
            self.send(LOGGED_IN);
        }
        let mut calls = Vec::new();
        while let Ok(Some(length)) = wire::length(&self.received) {
            let call: Vec<u8> = self.received.drain(..length).collect();
            let serial = u32::from_le_bytes(call[8..12].try_into().unwrap());
            calls.push((serial, wire::decode(&call).unwrap()));
        }
        calls
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.other.as_mut().expect("a connection").write_all(bytes).unwrap();
    }

    pub fn reply(&mut self, serial: u32, signature: &str, body: &[u8]) {
        self.send(&message(false, 2, &[], Some(serial), (signature, body)));
    }

    pub fn refuse(&mut self, serial: u32, name: &str) {
        self.send(&message(false, 3, &[(4, name)], Some(serial), ("s", &body(|body| body.text("refused")))));
    }

    /// Closes the connection, and takes no other.
    pub fn close(&mut self) {
        self.other = None;
        std::fs::remove_file(self.folder.path().join("bus")).unwrap();
    }
}

pub fn body(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut body = Writer::default();
    write(&mut body);
    body.0
}

/// A message as a bus writes it, in either order of bytes: a type, header fields that are texts, a serial that it
/// answers, and a body.
pub fn message(is_big: bool, kind: u8, fields: &[(u8, &str)], reply_to: Option<u32>, body: (&str, &[u8])) -> Vec<u8> {
    let number = |number: u32| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    let mut header = Vec::new();
    let align = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(8), 0);
    for (code, text) in fields {
        align(&mut header);
        header.extend([*code, 1, b's', 0]);
        header.extend(number(text.len() as u32));
        header.extend(text.bytes().chain([0]));
    }
    if let Some(serial) = reply_to {
        align(&mut header);
        header.extend([5, 1, b'u', 0]);
        header.extend(number(serial));
    }
    align(&mut header);
    header.extend([8, 1, b'g', 0, body.0.len() as u8]);
    header.extend(body.0.bytes().chain([0]));
    let mut message = vec![if is_big { b'B' } else { b'l' }, kind, 0, 1];
    message.extend([number(body.1.len() as u32), number(7), number(header.len() as u32)].concat());
    message.extend(header);
    align(&mut message);
    message.extend(body.1);
    message
}

/// A message that a real bus sent (`fixtures/bus`).
pub fn recorded(name: &str) -> Message {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bus/systemd-252");
    wire::decode(&std::fs::read(format!("{folder}/{name}")).unwrap()).unwrap()
}

/// The body of an answer that is a variant.
pub fn variant(signature: &str, write: impl FnOnce(&mut Writer)) -> Body {
    let bytes = body(|body| {
        body.signature(signature);
        write(body);
    });
    wire::decode(&message(false, 2, &[], Some(1), ("v", &bytes))).unwrap().body
}
