//! Blocking work in a child process of the same binary, so that the agent's one thread never waits for it.
//!
//! A name server, a TLS handshake, a server that hangs, statvfs(2) on a dead network mount and fsync(2) on a busy disk
//! can each hold a thread for as long as they like. A child can be killed: a signal ends it at once, its deadline is
//! exact wherever it hangs, and the memory that TLS took goes back to the system with it. The agent sees a pipe and a
//! deadline.
//!
//! The child is this binary, `/proc/self/exe worker KIND`: that link leads to the running program even after an upgrade
//! replaced the file. Its order, with the webhook's key in it, comes on standard input, never in its arguments or
//! environment. It is in a process group of its own, so that Ctrl-C ends the agent, which then ends the child.
//!
//! A process that hangs inside the kernel (state D) is not ended by SIGKILL until the kernel lets it go. Nobody waits
//! for it: the [`Worker`] keeps such children and reaps them when they end. It starts no second probe of a path whose
//! last one still hangs, and no second save or batch of the history beside one that is at
//! work.

mod child;
mod draw;
mod order;
mod publish;
mod run;
mod task;

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clock::{Boot, boot_now};
use crate::files::RealFolder;
use crate::http;
use crate::smtp;

pub use child::{
    ConfigHangs, FileSystem, LoadConfig, MAX_ORDER_BYTES, Record, Recorded, SaveError, StatvfsError, main, measure,
};
pub use draw::{Draw, Illustrated, PictureJob, is_of_drawing};
pub use run::{CANNOT_RUN, IMAGE, Program, RUN_LONGEST};
pub use task::{Failed, Task};

/// The time for a whole delivery: name, connection, TLS and answer.
pub const POST_DEADLINE: Duration = Duration::from_secs(10);

/// The time for a mail: a server may look long at one that it was given, and one that is given up then would come twice.
pub const MAIL_DEADLINE: Duration = Duration::from_secs(30);

/// A child that posts ends this long before it is killed, to name the stage that took too long.
const LAST_WORD: Duration = Duration::from_millis(500);

/// A file system without an answer by then counts as one that hangs.
pub const STATVFS_DEADLINE: Duration = Duration::from_secs(5);

const STILL_HANGS: &str = "does not answer; the last probe still hangs (a network mount whose server is gone?)";

/// A busy disk takes its time, and a save that is cut off only makes another one necessary. After this time it counts
/// as one that will not end.
pub const SAVE_DEADLINE: Duration = Duration::from_secs(600);

/// The beginning of the error for an attempt whose child could not be started.
pub const NO_CHILD: &str = "no worker process";

const _: () = assert!(LAST_WORD.as_millis() * 2 < POST_DEADLINE.as_millis(), "a delivery has most of its time");

pub type PostTask = Task<http::Response, http::Error>;
pub type StatvfsTask = Task<FileSystem, StatvfsError>;
/// Tries whether all the files of a configuration answer.
pub type TryTask = Task<(), ConfigHangs>;
pub type SaveTask = Task<(), SaveError>;
/// Writes a batch of the history.
pub type RecordTask = Task<Recorded, SaveError>;
/// Replaces or removes a file that others read.
pub type PublishTask = Task<(), SaveError>;

/// The agent's variables that a child has, beside those of [`http::PROXY_VARIABLES`] and [`run::KEPT`]: the certificates that
/// it trusts, and the folder of a configuration's credentials. Others may hold secrets, as `env:NAME` names them.
const KEPT: [&str; 3] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "CREDENTIALS_DIRECTORY"];

/// Starts children, and keeps account of those that have not ended.
#[derive(Debug)]
pub struct Worker {
    exe: PathBuf,
    environment: Vec<(OsString, OsString)>,
    post_deadline: Duration,
    mail_deadline: Duration,
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
            mail_deadline: MAIL_DEADLINE,
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
        self.mail_deadline = deadline;
        self.statvfs_deadline = deadline;
        self
    }

    /// Starts posting `request`, or sending it if it is a mail.
    ///
    /// # Errors
    /// The child cannot be started.
    pub fn post(&self, request: &http::Request) -> io::Result<PostTask> {
        let (kind, within) =
            if smtp::is_mail(request) { ("mail", self.mail_deadline) } else { ("post", self.post_deadline) };
        let order = child::Posting::of(request, last_word(within))?;
        let process = self.start(&[kind.as_ref()], &order, Stdio::null(), Work::Post)?;
        Ok(Task::new(process, within))
    }

    /// Starts running a program.
    ///
    /// # Errors
    /// The child cannot be started.
    pub fn run(&self, program: &Program) -> io::Result<PostTask> {
        let process = self.start(&["run".as_ref()], &serde_json::to_vec(program)?, Stdio::null(), Work::Run)?;
        Ok(Task::new(process, until_ended(program)))
    }

    /// Starts asking for the size of the file system that holds `path`.
    ///
    /// # Errors
    /// The child cannot be started; [`io::ErrorKind::ResourceBusy`]: the last probe of `path` has not ended.
    pub fn statvfs(&self, path: &Path) -> io::Result<StatvfsTask> {
        let probe = Work::Probe(path.to_owned());
        if self.is_at_work(&probe) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, STILL_HANGS));
        }
        let process = self.start(&["statvfs".as_ref()], &serde_json::to_vec(&path)?, Stdio::null(), probe)?;
        Ok(Task::new(process, self.statvfs_deadline))
    }

    /// Starts opening the configuration at `path`, and every file that it names, to see whether they answer.
    ///
    /// # Errors
    /// The child cannot be started; [`io::ErrorKind::ResourceBusy`]: the last attempt has not ended.
    pub fn try_config(&self, path: &Path) -> io::Result<TryTask> {
        if self.is_at_work(&Work::Config) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, STILL_HANGS));
        }
        let process = self.start(&["config".as_ref()], &serde_json::to_vec(&path)?, Stdio::null(), Work::Config)?;
        Ok(Task::new(process, self.statvfs_deadline))
    }

    /// Starts replacing the file `name` of `folder`, which must be the folder at `path`, by one that holds `bytes`. The
    /// child holds the folder, and with it its lock, while it is at work. It goes on when its agent ends.
    ///
    /// # Errors
    /// The child cannot be started; [`io::ErrorKind::ResourceBusy`]: the last save has not ended.
    pub fn save(&self, folder: &RealFolder, path: &Path, name: &str, bytes: &[u8]) -> io::Result<SaveTask> {
        if self.is_at_work(&Work::Save) {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "the last save has not ended (a disk that hangs?)",
            ));
        }
        let arguments = ["save".as_ref(), path.as_os_str(), name.as_ref()];
        let process = self.start(&arguments, bytes, Stdio::from(folder.share()?), Work::Save)?;
        Ok(Task::new(process, SAVE_DEADLINE))
    }

    /// Starts writing a batch of the history to `folder`. The child goes on when its agent ends, and holds no lock of the
    /// agent's: the database has its own.
    ///
    /// # Errors
    /// The child cannot be started; [`io::ErrorKind::ResourceBusy`]: the last batch has not ended.
    pub fn record(&self, folder: &RealFolder, order: &[u8]) -> io::Result<RecordTask> {
        if self.is_at_work(&Work::Record) {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "the last batch has not ended (a disk that hangs?)",
            ));
        }
        let process = self.start(&["record".as_ref()], order, Stdio::from(folder.open_again()?), Work::Record)?;
        Ok(Task::new(process, SAVE_DEADLINE))
    }

    /// Starts drawing a picture by `recipe`, from the history in `folder`, and posting it, or running the program with it.
    ///
    /// # Errors
    /// The child cannot be started.
    pub fn draw(&self, folder: &RealFolder, job: &Illustrated, recipe: &[u8]) -> io::Result<PostTask> {
        let job = match job {
            Illustrated::Post(job) => job,
            Illustrated::Run(program) => {
                let order = child::with_head(program, recipe)?;
                let folder = Stdio::from(folder.open_again()?);
                let process = self.start(&["draw-run".as_ref()], &order, folder, Work::Run)?;
                return Ok(Task::new(process, self.post_deadline + until_ended(program)));
            }
        };
        let is_mail = smtp::is_mail(&job.request);
        let (kind, within) = if is_mail { ("draw-mail", self.mail_deadline) } else { ("draw", self.post_deadline) };
        let order = draw::order(job, recipe, last_word(within))?;
        let process = self.start(&[kind.as_ref()], &order, Stdio::from(folder.open_again()?), Work::Post)?;
        Ok(Task::new(process, within))
    }

    /// Starts replacing the file at `path` by one that everybody may read and that holds `content`; without one, removing
    /// it.
    ///
    /// # Errors
    /// The child cannot be started; [`io::ErrorKind::ResourceBusy`]: the last one for this file has not ended.
    pub fn publish(&self, path: &Path, content: Option<&str>) -> io::Result<PublishTask> {
        let work = Work::Publish(path.to_owned());
        if self.is_at_work(&work) {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "the last write has not ended (a disk that hangs?)",
            ));
        }
        let kind = if content.is_some() { "publish" } else { "withdraw" };
        let order = content.unwrap_or_default().as_bytes();
        let process = self.start(&[kind.as_ref(), path.as_os_str()], order, Stdio::null(), work)?;
        Ok(Task::new(process, self.post_deadline))
    }

    /// Whether a child for the same work has neither answered nor ended.
    fn is_at_work(&self, work: &Work) -> bool {
        self.reap();
        self.children.borrow().iter().any(|child| child.work == *work && child.is_silent())
    }

    /// Reaps children that have ended, without waiting. Starting a task does so too.
    pub fn reap(&self) {
        self.children.borrow_mut().retain(|child| !child.is_over());
    }

    /// Starts a child. Its standard error is `extra`: a panic's message could show parts of its work.
    fn start(&self, arguments: &[&OsStr], order: &[u8], extra: Stdio, work: Work) -> io::Result<Rc<Process>> {
        self.reap();
        let (output, answer) = io::pipe()?;
        order::set_nonblocking(&output)?;
        let child = Command::new(&self.exe)
            .arg0("vps-monitor")
            .arg("worker")
            .args(arguments)
            .env_clear()
            .envs(kept())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0)
            .stdin(order::input(order)?)
            .stdout(answer)
            .stderr(extra)
            .spawn()?;
        let process = Rc::new(Process { child: RefCell::new(child), output, work });
        self.children.borrow_mut().push(Rc::clone(&process));
        Ok(process)
    }
}

/// The part of the agent's environment that a child has.
fn kept() -> impl Iterator<Item = (&'static str, OsString)> {
    run::variables(KEPT.into_iter().chain(run::KEPT).chain(http::PROXY_VARIABLES))
}

/// A child has ended the program before that.
fn until_ended(program: &Program) -> Duration {
    program.within + run::GRACE + LAST_WORD * 4
}

/// When a child that posts ends by itself.
fn last_word(within: Duration) -> Boot {
    boot_now().after(within - LAST_WORD.min(within / 2))
}

/// The state of a child, as far as it decides whether another one may be started.
#[derive(Debug, PartialEq, Eq)]
enum Work {
    Post,
    /// Runs a program, which must not outlive it.
    Run,
    /// Asks for the size of the file system at this path.
    Probe(PathBuf),
    Config,
    Save,
    /// Writes a batch of the history.
    Record,
    /// Replaces or removes this file.
    Publish(PathBuf),
}

/// A child that has its order.
#[derive(Debug)]
struct Process {
    child: RefCell<Child>,
    /// Its output, read without waiting.
    output: PipeReader,
    work: Work,
}

impl Process {
    fn kill(&self) {
        if self.work == Work::Run {
            // It ends its program, and then itself; a timer ends it otherwise.
            let _ = kill(Pid::from_raw(self.child.borrow().id().cast_signed()), Signal::SIGTERM);
            return;
        }
        // It fails only for a process that has been reaped, and then there is nothing to kill.
        let _ = self.child.borrow_mut().kill();
    }

    /// Whether it has ended, and its output with it; if so, it is reaped.
    fn is_over(&self) -> bool {
        // An error means that there is no such child (any more).
        !matches!(self.child.borrow_mut().try_wait(), Ok(None)) && !self.is_silent()
    }

    /// Whether it has neither written anything nor closed its output.
    fn is_silent(&self) -> bool {
        let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO) == Ok(0)
    }
}
