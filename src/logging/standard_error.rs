//! Standard error as a log's last resort: written when it has room, never waited for.
//!
//! Under systemd it is a stream to journald, which may be the very receiver that is stuck; elsewhere a terminal that
//! is stopped or a pipe that nobody reads. A plain write would hang the agent on any of them.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

/// How long a reader that is merely slow may take to make room.
const PATIENCE_MILLISECONDS: u16 = 100;

/// What fits wherever poll(2) reports room: PIPE_BUF, the page that a pipe has free then (pipe(7)).
const CHUNK_BYTES: usize = 4096;

/// The process's standard error. A write fails with `WouldBlock` where it would have to wait.
pub struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        wait_for_room(&io::stderr())?;
        io::stderr().write(&bytes[..bytes.len().min(CHUNK_BYTES)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether levels are coloured: on a terminal, unless `NO_COLOR` is set to anything (no-color.org).
pub fn wants_colour() -> bool {
    io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn wait_for_room(stream: &impl AsFd) -> io::Result<()> {
    let mut streams = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    loop {
        return match poll(&mut streams, PATIENCE_MILLISECONDS) {
            Ok(0) => Err(ErrorKind::WouldBlock.into()),
            // An error or a hang-up counts as room: the write that follows tells which.
            Ok(_) => Ok(()),
            Err(Errno::EINTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_has_room_until_it_is_full() {
        let (_reader, mut writer) = io::pipe().unwrap();
        let mut written_bytes = 0;
        let error = loop {
            match wait_for_room(&writer) {
                Ok(()) => written_bytes += writer.write(&[b'x'; CHUNK_BYTES]).unwrap(),
                Err(error) => break error,
            }
            assert!(written_bytes < 1 << 30, "a pipe that is never full");
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(written_bytes >= CHUNK_BYTES);
    }

    #[test]
    fn a_pipe_without_a_reader_is_left_to_the_write() {
        let (reader, mut writer) = io::pipe().unwrap();
        drop(reader);
        wait_for_room(&writer).unwrap();
        assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
