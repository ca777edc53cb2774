//! How long to wait for an engine, and what may end the waiting early.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::clock::{self, Boot};

/// One deadline for a whole exchange, however many requests and reads it takes.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'fd> {
    deadline: Boot,
    /// The time that was given in all, for the error's text.
    timeout: Duration,
    interrupt: Option<BorrowedFd<'fd>>,
}

/// Why the waiting ended without what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Deadline,
    Interrupted,
    /// poll(2) itself failed.
    Failed(Errno),
}

impl<'fd> Patience<'fd> {
    /// `timeout` from now. As soon as `interrupt` is readable the waiting ends; nothing is read from it.
    pub fn of(timeout: Duration, interrupt: Option<BorrowedFd<'fd>>) -> Patience<'fd> {
        Patience { deadline: clock::boot_now().after(timeout), timeout, interrupt }
    }

    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Waits until `fd` can be read or written, or is at its end.
    pub(super) fn wait(&self, fd: BorrowedFd<'_>, flags: PollFlags) -> Result<(), Over> {
        if self.poll(Some((fd, flags)), self.deadline)? { Ok(()) } else { Err(Over::Deadline) }
    }

    /// Lets `pause` pass.
    pub(super) fn pause(&self, pause: Duration) -> Result<(), Over> {
        let until = clock::boot_now().after(pause);
        self.poll(None, until.min(self.deadline))?;
        if until > self.deadline { Err(Over::Deadline) } else { Ok(()) }
    }

    /// Whether the descriptor became ready before `until`.
    fn poll(&self, wanted: Option<(BorrowedFd<'_>, PollFlags)>, until: Boot) -> Result<bool, Over> {
        loop {
            let left = until - clock::boot_now();
            if left.is_zero() {
                return Ok(false);
            }
            let mut fds = Vec::with_capacity(2);
            fds.extend(self.interrupt.as_ref().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
            fds.extend(wanted.map(|(fd, flags)| PollFd::new(fd, flags)));
            // Rounded up: rounded down, the last millisecond would be spent in a busy loop.
            let timeout = PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX);
            match poll(&mut fds, timeout) {
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(Over::Failed(errno)),
                Ok(_) => {}
            }
            let ready = |index: usize| fds.get(index).and_then(PollFd::any).unwrap_or(false);
            if self.interrupt.is_some() && ready(0) {
                return Err(Over::Interrupted);
            }
            if wanted.is_some() && ready(fds.len() - 1) {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_readable_interrupt_ends_the_waiting_and_is_left_unread() {
        let (mut far, near) = UnixStream::pair().unwrap();
        let (_silent_far, silent) = UnixStream::pair().unwrap();
        far.write_all(b"x").unwrap();
        let patience = Patience::of(Duration::from_secs(60), Some(near.as_fd()));
        for _ in 0..2 {
            assert_eq!(patience.wait(silent.as_fd(), PollFlags::POLLIN), Err(Over::Interrupted));
            assert_eq!(patience.pause(Duration::from_secs(30)), Err(Over::Interrupted));
        }
    }

    #[test]
    fn waiting_ends_at_the_deadline_and_at_once_behind_it() {
        let (_far, near) = UnixStream::pair().unwrap();
        let patience = Patience::of(Duration::from_millis(20), None);
        assert_eq!(patience.wait(near.as_fd(), PollFlags::POLLIN), Err(Over::Deadline));
        assert_eq!(patience.pause(Duration::from_secs(30)), Err(Over::Deadline));
    }
}
