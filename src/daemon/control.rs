//! A socket beside the state, on which the agent answers `vps-monitor status`.
//!
//! What changes with every check (the last one's time, the values now) is not worth a write to the disk, so it is asked
//! for. Whoever connects is sent one JSON document; there is nothing to say to it.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

pub const SOCKET_NAME: &str = "status.sock";

/// The agent may be waiting for the Docker Engine, for 5 s at most.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// More than any status: a thousand messages wait at most.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// The agent's end.
pub struct Control {
    listener: UnixListener,
    asked: Option<UnixStream>,
}

impl Control {
    /// Listens in `folder`, whose lock the caller holds: a socket that is there is left over.
    pub fn listen(folder: &Path) -> io::Result<Control> {
        let path = folder.join(SOCKET_NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Control { listener, asked: None })
    }

    /// Readable when somebody asks.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Whether somebody asks, who is then to be answered.
    pub fn accept(&mut self) -> bool {
        self.asked = self.listener.accept().ok().map(|(stream, _)| stream);
        self.asked.is_some()
    }

    /// Answers whoever asked. One who does not read is not waited for.
    pub fn answer(&mut self, json: &str) {
        if let Some(mut stream) = self.asked.take() {
            let _ = stream.set_write_timeout(Some(Duration::from_millis(100)));
            let _ = stream.write_all(json.as_bytes());
        }
    }
}

/// Asks the agent whose state is in `folder`.
///
/// # Errors
/// None runs there ([`io::ErrorKind::NotFound`], [`io::ErrorKind::ConnectionRefused`]), or it does not answer.
pub fn ask(folder: &Path) -> io::Result<Vec<u8>> {
    let stream = UnixStream::connect(folder.join(SOCKET_NAME))?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(answer)
}
