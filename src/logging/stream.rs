//! A descriptor for the process's output, written without waiting for its reader.
//!
//! It may be a stopped terminal, a pipe that nobody reads, or a stream to a stuck journald. A plain write would hang
//! the agent on any of them. O_NONBLOCK is no way out: it belongs to the open file, which other processes share. So
//! poll(2) tells whether there is room, and no more is written than fits.

use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd;

use super::wait_budget::WaitBudget;
use crate::clock;

/// The bytes that a pipe takes when poll(2) reports room: PIPE_BUF, a page (pipe(7)).
const PIPE_CHUNK_BYTES: usize = 4096;

/// The bytes that a terminal takes when poll(2) reports room: a pseudo-terminal allocates its buffer in pieces of 256
/// bytes (drivers/tty/tty_buffer.c).
const TERMINAL_CHUNK_BYTES: usize = 128;

/// Ends a text that was cut off, before the next one.
const CUT: &str = " … (cut off, as nobody read it)\n";

/// Standard output, standard error, or a test's stand-in for them.
#[derive(Debug)]
pub struct OutputStream<F> {
    file: F,
    kind: Kind,
    wait_budget: WaitBudget,
    /// The last text is incomplete.
    is_cut: bool,
    /// The last wait for it was in vain: it is not waited for again until it takes something.
    is_stuck: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Socket,
    /// Or another character device, such as /dev/null.
    Terminal,
    /// A pipe, or a file, which takes everything at once.
    Other,
}

impl<F: AsFd> OutputStream<F> {
    pub fn new(file: F) -> OutputStream<F> {
        let mode = fstat(&file).map_or(0, |stat| stat.st_mode);
        let kind = match SFlag::from_bits_truncate(mode).intersection(SFlag::S_IFMT) {
            SFlag::S_IFSOCK => Kind::Socket,
            // Not isatty(3): it does not count a terminal that is gone.
            SFlag::S_IFCHR => Kind::Terminal,
            _ => Kind::Other,
        };
        OutputStream { file, kind, wait_budget: WaitBudget::new(clock::boot_now()), is_cut: false, is_stuck: false }
    }

    /// Writes as much of `bytes` as there is room for.
    ///
    /// # Errors
    /// `WouldBlock`: there is none, nor was there within the rest of its wait budget. `BrokenPipe`: nobody can read it
    /// any more; a terminal that is gone too.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait_for_room()?;
        let written = match self.kind {
            Kind::Socket => {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                send(self.file.as_fd().as_raw_fd(), bytes, flags)
            }
            Kind::Terminal => unistd::write(&self.file, terminal_chunk(bytes)),
            Kind::Other => unistd::write(&self.file, &bytes[..bytes.len().min(PIPE_CHUNK_BYTES)]),
        };
        match written {
            Err(Errno::EIO) if self.kind == Kind::Terminal => Err(ErrorKind::BrokenPipe.into()),
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            written => Ok(written?),
        }
    }

    /// Writes a whole text. If the text before it was cut off, it is marked as such first.
    ///
    /// # Errors
    /// As of [`OutputStream::write`], with how much of the text is written.
    pub fn print(&mut self, text: &[u8]) -> Result<(), (usize, io::Error)> {
        if self.is_cut {
            self.go_on(CUT.as_bytes()).map_err(|(_, error)| (0, error))?;
        }
        self.go_on(text)
    }

    /// Writes the rest of a text that was cut off.
    ///
    /// # Errors
    /// As of [`OutputStream::print`].
    pub fn go_on(&mut self, rest: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < rest.len() {
            match self.write(&rest[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_cut |= written > 0;
                    return Err((written, error));
                }
            }
        }
        self.is_cut = false;
        Ok(())
    }

    fn wait_for_room(&mut self) -> io::Result<()> {
        if self.has_room(PollTimeout::ZERO)? {
            self.is_stuck = false;
            return Ok(());
        }
        let left = if self.is_stuck { None } else { Some(self.wait_budget.left(clock::boot_now())) };
        let Some(left) = left.filter(|left| !left.is_zero()) else { return Err(ErrorKind::WouldBlock.into()) };
        let has_room = self.has_room(PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO));
        self.is_stuck = matches!(has_room, Ok(false));
        self.wait_budget.spend(clock::boot_now(), self.is_stuck);
        if has_room? { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    /// An error or a hang-up counts as room: the write that follows tells which. A signal ends the wait.
    fn has_room(&self, timeout: PollTimeout) -> io::Result<bool> {
        let mut streams = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
        match poll(&mut streams, timeout) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// As much of `bytes` as a terminal is sure to take: it asks for room before each character that it may rewrite, and
/// for the whole run between two of them (n_tty_write in drivers/tty/n_tty.c).
fn terminal_chunk(bytes: &[u8]) -> &[u8] {
    let is_rewritten = |byte: &u8| matches!(byte, b'\n' | b'\r' | b'\t' | 8);
    let plain = bytes.iter().position(is_rewritten).unwrap_or(bytes.len());
    &bytes[..plain.clamp(1, TERMINAL_CHUNK_BYTES).min(bytes.len())]
}

impl<F: AsFd> Write for OutputStream<F> {
    /// Writes `line` as a whole, or cuts it off and marks that.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.print(line).map(|()| line.len()).map_err(|(_, error)| error)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    /// Writes texts until one is not taken; returns how many were.
    fn fill<F: AsFd>(stream: &mut OutputStream<F>, text: &[u8]) -> usize {
        for count in 0..1 << 20 {
            match stream.print(text) {
                Ok(()) => {}
                Err((_, error)) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return count;
                }
            }
        }
        panic!("a reader that is never full");
    }

    fn assert_waits_once<F: AsFd>(mut stream: OutputStream<F>) {
        assert!(fill(&mut stream, &[b'x'; 1000]) > 0);
        let begun = clock::boot_now();
        for _ in 0..1000 {
            assert_eq!(stream.print(b"more").unwrap_err().1.kind(), ErrorKind::WouldBlock);
        }
        assert!(clock::boot_now() - begun < Duration::from_secs(10), "{:?}", clock::boot_now() - begun);
    }

    #[test]
    fn one_that_nobody_reads_costs_one_wait() {
        let (_reader, writer) = io::pipe().unwrap();
        assert_waits_once(OutputStream::new(writer));
        let (_reader, writer) = UnixStream::pair().unwrap();
        assert_waits_once(OutputStream::new(writer));
        let pty = nix::pty::openpty(None, None).unwrap();
        assert_waits_once(OutputStream::new(&pty.slave));
    }

    #[test]
    fn a_terminal_that_is_stopped_takes_nothing_until_it_goes_on() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let mut stream = OutputStream::new(&pty.slave);
        nix::unistd::write(&pty.master, &[0x13]).unwrap(); // Ctrl-S
        assert_eq!(stream.print(b"x").unwrap_err().1.kind(), ErrorKind::WouldBlock);
        nix::unistd::write(&pty.master, &[0x11]).unwrap(); // Ctrl-Q
        stream.print(b"x").unwrap();
    }

    #[test]
    fn a_terminal_takes_what_poll_has_room_for_whatever_it_is_sent() {
        let pty = nix::pty::openpty(None, None).unwrap();
        // A write that waits for room hangs here.
        for text in [&b"\n"[..], b"x", &[b'\n'; 500], &[b'x'; 4000], b"line\n", b"\t12345678901234567\r\n"] {
            for size in [1, 100, 255, 256, 257, 1000] {
                let mut stream = OutputStream::new(&pty.slave);
                fill(&mut stream, text);
                assert!(nix::unistd::read(&pty.master, &mut vec![0; size]).unwrap() > 0);
                fill(&mut stream, text);
            }
        }
    }

    #[test]
    fn what_was_cut_off_is_marked_before_the_next() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut stream = OutputStream::new(writer);
        let (written, _) = stream.print(&[b'x'; 1 << 20]).unwrap_err();
        let mut taken = vec![0; written];
        reader.read_exact(&mut taken).unwrap();
        stream.print(b"next\n").unwrap();
        drop(stream);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, format!("{CUT}next\n"));
    }

    #[test]
    fn one_that_is_gone_says_so() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        assert_eq!(OutputStream::new(writer).print(b"x").unwrap_err().1.kind(), ErrorKind::BrokenPipe);
        let pty = nix::pty::openpty(None, None).unwrap();
        drop(pty.master);
        assert_eq!(OutputStream::new(&pty.slave).print(b"x").unwrap_err().1.kind(), ErrorKind::BrokenPipe);
    }
}
