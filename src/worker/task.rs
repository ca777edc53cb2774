//! A running child: an answer to come, a file descriptor to watch meanwhile, and a deadline.

use std::io::{self, Read};
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::de::DeserializeOwned;

use super::child::ChildMessage;
use super::{ConfigHangs, Process, SaveError, StatvfsError, Work};
use crate::clock::{Boot, boot_now};
use crate::http;

/// The bound of an answer; a child that writes more is killed.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The beginning of such an error.
pub(super) const DIED: &str = "the worker process ended without an answer";

/// The reason why a child gave no answer at all, good or bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    #[error("no answer within {} s", within.as_secs_f64())]
    TimedOut { within: Duration },
    #[error("{DIED} ({how})")]
    Died { how: String },
    #[error("the worker process gave no valid answer")]
    Garbled,
}

impl From<Failed> for http::Error {
    fn from(failed: Failed) -> http::Error {
        http::Error(match failed {
            // Each stage has a limit that ends it sooner, or announces a step that may hang.
            Failed::TimedOut { .. } => format!("timed out: {failed}; is this machine overloaded?"),
            _ => failed.to_string(),
        })
    }
}

impl From<Failed> for StatvfsError {
    fn from(failed: Failed) -> StatvfsError {
        StatvfsError(match failed {
            Failed::TimedOut { .. } => format!("{failed} (a network mount whose server is gone?)"),
            _ => failed.to_string(),
        })
    }
}

impl From<Failed> for ConfigHangs {
    fn from(failed: Failed) -> ConfigHangs {
        ConfigHangs(match failed {
            Failed::TimedOut { .. } => {
                format!("{failed} (the file, or one that it names: on a network mount whose server is gone?)")
            }
            _ => failed.to_string(),
        })
    }
}

impl From<Failed> for SaveError {
    fn from(failed: Failed) -> SaveError {
        SaveError::Failed(match failed {
            Failed::TimedOut { .. } => format!("{failed} (a disk that does not answer?)"),
            _ => failed.to_string(),
        })
    }
}

/// A child at work, which will answer `T` or `E`. Dropping it kills the child, unless it saves something; the `Worker`
/// reaps it.
#[derive(Debug)]
pub struct Task<T, E> {
    process: Rc<Process>,
    deadline: Boot,
    within: Duration,
    said: Vec<u8>,
    answer: PhantomData<fn() -> Result<T, E>>,
}

impl<T: DeserializeOwned, E: DeserializeOwned + From<Failed>> Task<T, E> {
    /// The child's time begins now, and not when it was decided to start it.
    pub(super) fn new(process: Rc<Process>, within: Duration) -> Task<T, E> {
        Task { process, deadline: boot_now().after(within), within, said: Vec::new(), answer: PhantomData }
    }

    /// For poll(2): readable when the child has written something or has ended.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.process.output.as_fd()
    }

    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.process.child.borrow().id()
    }

    /// When [`Task::poll`] gives up at the latest.
    pub fn deadline(&self) -> Boot {
        self.deadline
    }

    /// The answer, if there is one yet; never waits. `None`: the child is still at work. At the deadline it is killed.
    pub fn poll(&mut self, now: Boot) -> Option<Result<T, E>> {
        match self.listen() {
            Ok(true) => Some(self.understand()),
            Ok(false) if now < self.deadline => None,
            Ok(false) => {
                self.kill();
                // A message that is cut off counts for nothing.
                let hung = match self.words().flatten().last() {
                    Some(ChildMessage::Hangs(hung)) => hung,
                    _ => None,
                };
                Some(Err(hung.unwrap_or_else(|| Failed::TimedOut { within: self.within }.into())))
            }
            Err(failed) => {
                self.kill();
                Some(Err(failed.into()))
            }
        }
    }

    /// Waits for the answer, at most until the deadline: for commands that have nothing else to do meanwhile.
    pub fn wait(mut self) -> Result<T, E> {
        loop {
            let now = boot_now();
            if let Some(answer) = self.poll(now) {
                return answer;
            }
            // Rounded up, so that the last turn does not come too early again and again.
            let left = self.deadline.since(now) + Duration::from_millis(1);
            let mut fds = [PollFd::new(self.fd(), PollFlags::POLLIN)];
            match poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(Failed::Died { how: error.desc().to_owned() }.into()),
            }
        }
    }

    /// Reads the available output. `true`: that was all, the child has closed it.
    fn listen(&mut self) -> Result<bool, Failed> {
        // Small, because it is on the stack in every turn of the agent's loop.
        let mut chunk = [0; 1024];
        loop {
            match (&self.process.output).read(&mut chunk) {
                Ok(0) => return Ok(true),
                Ok(read) if self.said.len() + read > MAX_ANSWER_BYTES => return Err(Failed::Garbled),
                Ok(read) => self.said.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failed::Died { how: error.to_string() }),
            }
        }
    }

    /// The child's messages so far.
    fn words(&self) -> impl Iterator<Item = serde_json::Result<ChildMessage<T, E>>> {
        serde_json::Deserializer::from_slice(&self.said).into_iter()
    }

    fn died(&self) -> E {
        // It is closing its files, so it may not be reapable yet: then its exit status is not known.
        let status = self.process.child.borrow_mut().try_wait().ok().flatten();
        let how = status.map_or_else(|| "its output is closed".to_owned(), |status| status.to_string());
        Failed::Died { how }.into()
    }

    fn understand(&self) -> Result<T, E> {
        if self.said.is_empty() {
            return Err(self.died());
        }
        match self.words().last() {
            Some(Ok(ChildMessage::Answer(answer))) => answer,
            Some(Ok(ChildMessage::Hangs(_))) => Err(self.died()),
            _ => Err(Failed::Garbled.into()),
        }
    }
}

impl<T, E> Task<T, E> {
    /// Ends the child, without waiting for its end.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Whether the child has ended, and its output with it. A child that was killed may hang in the kernel all the
    /// same.
    pub fn has_ended(&self) -> bool {
        self.process.is_over()
    }
}

impl<T, E> Drop for Task<T, E> {
    fn drop(&mut self) {
        if !matches!(self.process.work, Work::Save | Work::Record) {
            self.kill();
        }
    }
}
