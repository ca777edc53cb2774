//! Commands and replies on a connection, in plain text or in TLS, each with its share of the time.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Security, Server, is_over};
use crate::clock::{Boot, boot_now};
use crate::http::{Error, of_tls, trusted_roots};

/// A server that says nothing for this long before a mail is handed over speaks something else at that port.
const PATIENCE: Duration = Duration::from_secs(15);

/// The bounds of a reply. RFC 5321 section 4.5.3.1.5 has 512 bytes for a line.
const MAX_LINE_BYTES: usize = 4096;
const MAX_LINES: usize = 128;

/// The part of a reply's text that is kept.
const MAX_TEXT_BYTES: usize = 4096;

/// A reply: its code, and its lines without it.
#[derive(Debug)]
pub struct Reply {
    pub code: u16,
    pub lines: Vec<String>,
}

impl Reply {
    pub fn text(&self) -> String {
        let mut text = self.lines.join(" ");
        text.truncate(crate::text::beginning(&text, MAX_TEXT_BYTES).len());
        text
    }

    /// The parameters of an extension that a reply to EHLO has, in its other lines: RFC 5321 section 4.1.1.1.
    pub fn offered(&self, extension: &str) -> Option<&str> {
        self.lines.iter().skip(1).find_map(|line| {
            let (word, parameters) = line.split_once(' ').unwrap_or((line, ""));
            word.eq_ignore_ascii_case(extension).then_some(parameters)
        })
    }

    pub const fn is_success(&self) -> bool {
        matches!(self.code, 200..=299)
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// While one becomes the other.
    Gone,
}

pub struct Connection {
    stream: Stream,
    server: Server,
    deadline: Boot,
    /// Read and not yet used.
    read: Vec<u8>,
    is_handed_over: bool,
}

impl Connection {
    pub fn new(stream: TcpStream, server: &Server, deadline: Boot) -> Connection {
        Connection {
            stream: Stream::Plain(stream),
            server: server.clone(),
            deadline,
            read: Vec::new(),
            is_handed_over: false,
        }
    }

    pub fn security(&self) -> Security {
        self.server.security
    }

    /// This end of it.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.stream {
            Stream::Plain(stream) => stream.local_addr().ok(),
            Stream::Tls(stream) => stream.sock.local_addr().ok(),
            Stream::Gone => None,
        }
    }

    /// Goes on in TLS.
    ///
    /// # Errors
    /// No handshake, or not the server's certificate.
    pub fn encrypt(&mut self) -> Result<(), Error> {
        // Whatever came before the handshake was not encrypted, and may be anybody's.
        if !self.read.is_empty() {
            return Err(Error(format!(
                "{} speaks before the TLS handshake, where somebody else may speak",
                self.server.host
            )));
        }
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Error("the connection is encrypted already".to_owned()));
        };
        let failed = || Error(format!("TLS with {} failed: its name cannot stand in a certificate", self.server.host));
        let name = ServerName::try_from(self.server.host.clone()).map_err(|_| failed())?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted_roots()?);
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error(of_tls(&error, &self.server.host)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client =
            ClientConnection::new(Arc::new(config), name).map_err(|error| Error(of_tls(&error, &self.server.host)))?;
        let mut stream = StreamOwned::new(client, stream);
        self.limit(&stream.sock)?;
        // The handshake happens here, so that an error is one of TLS.
        while stream.conn.is_handshaking() {
            if is_over(self.deadline) {
                return Err(self.silent());
            }
            if let Err(error) = stream.conn.complete_io(&mut stream.sock) {
                return Err(self.failed(&error));
            }
        }
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }

    /// Sends a command, and reads the reply to it.
    ///
    /// # Errors
    /// The connection broke, or no reply came in time, or something that is none.
    pub fn ask(&mut self, command: &str) -> Result<Reply, Error> {
        self.is_handed_over = false;
        self.write(format!("{command}\r\n").as_bytes())?;
        self.reply()
    }

    /// Hands the mail over: the server may take its time to look at it.
    ///
    /// # Errors
    /// See [`Connection::ask`].
    pub fn hand_over(&mut self, mail: &[u8]) -> Result<Reply, Error> {
        self.is_handed_over = true;
        self.write(mail)?;
        self.reply()
    }

    /// Says goodbye; nobody waits for the reply.
    pub fn quit(&mut self) {
        drop(self.write(b"QUIT\r\n"));
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let limited = match &self.stream {
            Stream::Plain(stream) => self.limit(stream),
            Stream::Tls(stream) => self.limit(&stream.sock),
            Stream::Gone => Err(self.closed()),
        };
        limited?;
        let written = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Stream::Gone => Ok(()),
        };
        written.map_err(|error| self.failed(&error))
    }

    /// Reads a reply: RFC 5321 section 4.2.
    ///
    /// # Errors
    /// See [`Connection::ask`].
    pub fn reply(&mut self) -> Result<Reply, Error> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let parsed =
                line.get(..3).and_then(|code| code.parse::<u16>().ok()).filter(|code| (200..600).contains(code));
            let (Some(code), behind) = (parsed, line.get(3..).unwrap_or_default()) else { return Err(self.not_smtp()) };
            let is_last = !behind.starts_with('-');
            if lines.len() >= MAX_LINES || !(behind.is_empty() || behind.starts_with(['-', ' '])) {
                return Err(self.not_smtp());
            }
            lines.push(behind.get(1..).unwrap_or_default().trim().to_owned());
            if is_last {
                return Ok(Reply { code, lines });
            }
        }
    }

    fn line(&mut self) -> Result<String, Error> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.read.len() > MAX_LINE_BYTES {
                return Err(self.not_smtp());
            }
            let mut chunk = [0; 1024];
            let limited = match &self.stream {
                Stream::Plain(stream) => self.limit(stream),
                Stream::Tls(stream) => self.limit(&stream.sock),
                Stream::Gone => Err(self.closed()),
            };
            limited?;
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut chunk),
                Stream::Tls(stream) => stream.read(&mut chunk),
                Stream::Gone => Ok(0),
            };
            match read {
                Ok(0) => return Err(self.closed()),
                Ok(count) => self.read.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// The rest of the time as the socket's timeout.
    fn limit(&self, stream: &TcpStream) -> Result<(), Error> {
        let left = self.deadline.since(boot_now());
        let left = if self.is_handed_over { left } else { left.min(PATIENCE) };
        if left.is_zero() {
            return Err(self.silent());
        }
        let limited = stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left)));
        limited.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> Error {
        let host = &self.server.host;
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            let ports = if matches!(tls, rustls::Error::InvalidMessage(_)) { PORTS } else { "" };
            return Error(format!("{}{ports}", of_tls(tls, host)));
        }
        match error.kind() {
            // At a socket's timeout the system says EAGAIN: socket(7), `SO_RCVTIMEO`.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.silent(),
            io::ErrorKind::UnexpectedEof => self.closed(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                Error(format!("{host} broke off the connection"))
            }
            _ => Error(format!("{host}: {error}")),
        }
    }

    fn silent(&self) -> Error {
        let host = &self.server.host;
        Error(if self.is_handed_over {
            format!("timed out: {host} was given the mail and does not say whether it takes it")
        } else {
            format!("timed out: {host} accepted the connection but does not answer{PORTS}")
        })
    }

    fn closed(&self) -> Error {
        Error(format!("{} closed the connection without an answer", self.server.host))
    }

    fn not_smtp(&self) -> Error {
        Error(format!("{} does not answer as a mail server does: check host and port{PORTS}", self.server.host))
    }
}

const PORTS: &str = "; port 465 wants smtps://, port 587 smtp+starttls://";
