//! Blocking work in a child process of the same binary, so that the agent's one thread never waits for it.
//!
//! A name server, a TLS handshake, a server that hangs and statvfs(2) on a dead network mount can each hold a thread
//! for as long as they like. A child can be killed: a signal ends it at once, its deadline is exact whatever it hangs
//! in, and the memory that TLS took goes back to the system with it. The agent sees a pipe and a deadline.
//!
//! The child is this binary, `/proc/self/exe worker KIND`: that link leads to the running program even after an upgrade
//! replaced the file. What it is to do, the webhook's key in it, goes to it on standard input, never in its arguments
//! or environment. It is in a process group of its own, so that Ctrl-C ends the agent, which then ends the child.
//!
//! A process that hangs inside the kernel (state D) is not ended by SIGKILL until the kernel lets it go. Nobody waits
//! for it: the [`Worker`] keeps what has not ended yet, reaps it when it has, and starts no second probe of a path
//! whose last one still hangs.

mod child;
mod task;

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;

use crate::clock::Boot;
use crate::http;

pub use child::{FileSystem, StatvfsError, main, measure};
pub use task::{Failed, Task};

/// A delivery has this long in all: name, connection, TLS and answer.
pub const POST_DEADLINE: Duration = Duration::from_secs(10);

/// A file system that has not answered by then is taken for one that hangs.
pub const STATVFS_DEADLINE: Duration = Duration::from_secs(5);

/// An order fits into a fresh pipe, of 64 KiB (pipe(7)), so that writing it never waits. A message of 4 KiB needs at
/// most a third of that, however its characters are escaped.
const MAX_ORDER_BYTES: usize = 60 * 1024;

/// How long a killed process has to close its pipe before it counts as one that hangs.
const KILL_GRACE_MILLIS: u16 = 100;

pub type PostTask = Task<http::Response, http::Error>;
pub type StatvfsTask = Task<FileSystem, StatvfsError>;

/// Starts children, and keeps account of those that have not ended.
#[derive(Debug)]
pub struct Worker {
    exe: PathBuf,
    environment: Vec<(OsString, OsString)>,
    post_deadline: Duration,
    statvfs_deadline: Duration,
    children: RefCell<Vec<Rc<Process>>>,
}

impl Worker {
    /// Workers of the binary that is running.
    pub fn current() -> Worker {
        Worker::at("/proc/self/exe")
    }

    /// Workers of another binary; for tests, whose own binary is not the agent.
    pub fn at(exe: impl Into<PathBuf>) -> Worker {
        Worker {
            exe: exe.into(),
            environment: Vec::new(),
            post_deadline: POST_DEADLINE,
            statvfs_deadline: STATVFS_DEADLINE,
            children: RefCell::default(),
        }
    }

    /// Sets a variable for the children alone.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Worker {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Another deadline for every task; for tests, which have no ten seconds to lose.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Worker {
        self.post_deadline = deadline;
        self.statvfs_deadline = deadline;
        self
    }

    /// Starts posting `request`.
    ///
    /// # Errors
    /// The child cannot be started, or the request is longer than an order can be.
    pub fn post(&self, request: &http::Request, now: Boot) -> io::Result<PostTask> {
        let order = child::Posting {
            url: request.url.expose().into(),
            body: request.body.as_str().into(),
            within_millis: u64::try_from(self.post_deadline.as_millis()).unwrap_or(u64::MAX),
        };
        let process = self.start("post", &order, None)?;
        Ok(Task::new(process, now, self.post_deadline))
    }

    /// Starts asking for the size of the file system that holds `path`.
    ///
    /// # Errors
    /// The child cannot be started; [`io::ErrorKind::ResourceBusy`]: the last probe of `path` has not ended.
    pub fn statvfs(&self, path: &Path, now: Boot) -> io::Result<StatvfsTask> {
        self.reap();
        let hangs =
            |child: &Rc<Process>| child.probed.as_deref() == Some(path) && child.is_silent_for(KILL_GRACE_MILLIS);
        if self.children.borrow().iter().any(hangs) {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "does not answer; the last probe still hangs (a network mount whose server is gone?)",
            ));
        }
        let process = self.start("statvfs", &path, Some(path.to_owned()))?;
        Ok(Task::new(process, now, self.statvfs_deadline))
    }

    /// Reaps what has ended, without waiting. Starting a task does so too.
    pub fn reap(&self) {
        self.children.borrow_mut().retain(|child| !child.is_over());
    }

    fn start(&self, kind: &str, order: &impl Serialize, probed: Option<PathBuf>) -> io::Result<Rc<Process>> {
        self.reap();
        let order = serde_json::to_vec(order)?;
        if order.len() > MAX_ORDER_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "longer than a worker takes"));
        }
        let child = Command::new(&self.exe)
            .arg0("vps-monitor")
            .args(["worker", kind])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A panic's message could show what the child worked on.
            .stderr(Stdio::null())
            .spawn()?;
        let process = Rc::new(Process::new(child, probed, &order)?);
        self.children.borrow_mut().push(Rc::clone(&process));
        Ok(process)
    }
}

/// A child that has its order.
#[derive(Debug)]
struct Process {
    child: RefCell<Child>,
    /// What it says, without waiting.
    output: File,
    /// The path that it asks the size of.
    probed: Option<PathBuf>,
}

impl Process {
    /// Hands `order` over to `child`; one that cannot take it is killed.
    fn new(mut child: Child, probed: Option<PathBuf>, order: &[u8]) -> io::Result<Process> {
        let prepared = hand_over(&mut child, order);
        if prepared.is_err() {
            // It waits for its order, so it ends at once, and waiting for it does not hang.
            child.kill()?;
            child.wait()?;
        }
        Ok(Process { child: RefCell::new(child), output: prepared?, probed })
    }

    fn kill(&self) {
        // It fails for a process that has been reaped alone, which is what is wanted.
        let _ = self.child.borrow_mut().kill();
    }

    /// Whether it has ended, and its output with it; if so, it is reaped.
    fn is_over(&self) -> bool {
        // An error means that there is no such child (any more).
        !matches!(self.child.borrow_mut().try_wait(), Ok(None)) && !self.is_silent_for(0)
    }

    /// Whether it neither says anything nor closes its output for so long. What can end closes it at once when killed.
    fn is_silent_for(&self, millis: u16) -> bool {
        let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(millis)) == Ok(0)
    }
}

/// Writes the order, closes the child's input, and gives its output.
fn hand_over(child: &mut Child, order: &[u8]) -> io::Result<File> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    // Where the user has used up what pipes may take, a pipe is one page (pipe(7), pipe-user-pages-soft): an order
    // that does not fit is an error then, not a wait.
    set_nonblocking(&input)?;
    match input.write_all(order) {
        // It has ended already: how, its task will tell.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    set_nonblocking(&output)?;
    Ok(File::from(OwnedFd::from(output)))
}

fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}
