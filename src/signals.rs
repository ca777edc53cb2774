//! Signals, as flags and a pipe that poll(2) can watch.
//!
//! A signal that the parent blocked or ignored stays so across execve(2), so every signal's action is set here.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};

use crate::terminal::ControllingTerminal;

/// The request that a signal makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// SIGTERM, SIGINT; SIGHUP where the terminal was closed.
    Stop,
    /// Any other SIGHUP.
    Reload,
    /// SIGUSR1.
    Check,
}

/// The agent's signals, handled from the moment this is made.
pub struct Signals {
    pipe: UnixStream,
    /// Readable from the first signal on that asks to stop.
    stop_pipe: UnixStream,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    check: Arc<AtomicBool>,
    terminal: ControllingTerminal,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT, SIGHUP and SIGUSR1, and lets SIGCHLD end a wait.
    ///
    /// # Errors
    /// No pipe, or no handler, can be had.
    pub fn install() -> io::Result<Signals> {
        let (pipe, write_end) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let (stop_pipe, stop_write_end) = UnixStream::pair()?;
        let signals = Signals {
            pipe,
            stop_pipe,
            stop: Arc::default(),
            reload: Arc::default(),
            check: Arc::default(),
            terminal: ControllingTerminal::of_this_process(),
        };
        for (signal, flag_of) in
            [(SIGTERM, &signals.stop), (SIGINT, &signals.stop), (SIGHUP, &signals.reload), (SIGUSR1, &signals.check)]
        {
            // The flag comes first: the reader that the pipe wakes finds it set.
            flag::register(signal, Arc::clone(flag_of))?;
            pipe::register(signal, write_end.try_clone()?)?;
        }
        // The reader that the pipe wakes reaps the child. If SIGCHLD were ignored, the kernel would reap it, and its
        // exit status would be lost.
        pipe::register(SIGCHLD, write_end)?;
        for signal in [SIGTERM, SIGINT] {
            pipe::register(signal, stop_write_end.try_clone()?)?;
        }
        Ok(signals)
    }

    /// Readable when a signal has come, or a child has ended.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Readable, for good, once the agent is to stop: for a wait that nothing else may end.
    pub fn stop_fd(&self) -> BorrowedFd<'_> {
        self.stop_pipe.as_fd()
    }

    /// Waits for that long at most, or until a descriptor is readable. `false`: the agent is to stop.
    pub fn wait(&self, fd: Option<BorrowedFd<'_>>, within: Duration) -> bool {
        let stop = PollFd::new(self.stop_fd(), PollFlags::POLLIN);
        let mut fds: Vec<PollFd<'_>> =
            [stop].into_iter().chain(fd.map(|fd| PollFd::new(fd, PollFlags::POLLIN))).collect();
        // An early end by another signal does no harm: the caller looks at the clock.
        let _ = poll(&mut fds, PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX));
        !fds[0].any().unwrap_or(false)
    }

    /// The request of the signals since the last call, the most urgent first.
    pub fn take(&mut self) -> Option<Action> {
        let mut chunk = [0; 64];
        while matches!(self.pipe.read(&mut chunk), Ok(count) if count > 0) {}
        if self.stop.swap(false, Ordering::SeqCst) {
            return Some(Action::Stop);
        }
        if self.reload.swap(false, Ordering::SeqCst) {
            return Some(if self.terminal.is_gone() { Action::Stop } else { Action::Reload });
        }
        self.check.swap(false, Ordering::SeqCst).then_some(Action::Check)
    }
}

/// Lets every signal through, whatever the parent blocked, but for SIGXFSZ: blocked, it does not end a process that writes
/// beyond the limit of a file's size, and the write is an error (setrlimit(2), RLIMIT_FSIZE).
///
/// # Errors
/// None: the mask is valid.
pub fn reset_mask() -> io::Result<()> {
    Ok(SigSet::from(Signal::SIGXFSZ).thread_set_mask()?)
}
