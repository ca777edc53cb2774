//! A program of the user's, run once: no shell, no environment but its own, a process group of its own, a deadline.
//!
//! The child that runs it waits for it, so that the agent does not. If the agent gives up, or systemd stops the service, the
//! child gets SIGTERM and ends the program with its whole group.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::{Pid, getegid, geteuid};
use serde::{Deserialize, Serialize};
use signal_hook::consts::SIGTERM;

use super::order;
use crate::clock::boot_now;
use crate::http::{Answer, Error, Response};

/// The longest time that a program may be given.
pub const RUN_LONGEST: Duration = Duration::from_secs(30);

/// Between SIGTERM and SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// As a shell has it, of a program that cannot be run.
pub const CANNOT_RUN: u16 = 126;

/// The kept part of the output.
const MAX_OUTPUT_BYTES: usize = 4096;

/// How long a turn waits at most.
const TURN_MILLIS: u16 = 20;

/// The agent's variables that a program has, too. Others may hold secrets.
pub(super) const KEPT: [&str; 5] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ"];

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its path and its arguments.
    pub command: Vec<String>,
    pub environment: Vec<(Cow<'static, str>, String)>,
    /// Its standard input.
    pub input: String,
    pub within: Duration,
}

/// The variable with the path of the picture that belongs to a message.
pub const IMAGE: &str = "VPSMON_IMAGE";

/// Runs the program of an order.
pub(super) fn run(order: &[u8]) -> io::Result<Answer> {
    run_with(&serde_json::from_slice(order)?, None)
}

/// Runs the program. Its exit code is the answer's status, and its output the body. The picture is a file without a name,
/// which the program and its children have open: nothing is left of it when they end.
pub(super) fn run_with(program: &Program, picture: Option<&File>) -> io::Result<Answer> {
    let Some((path, arguments)) = program.command.split_first() else { return Err(io::ErrorKind::InvalidData.into()) };
    if let Err(reason) = check(Path::new(path)) {
        return Ok(Ok(Response::new(CANNOT_RUN, reason)));
    }
    let is_stopped = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, Arc::clone(&is_stopped))?;
    let mut unblocked = SigSet::empty();
    unblocked.add(Signal::SIGTERM);
    unblocked.thread_unblock()?;

    let (output, end) = io::pipe()?;
    order::set_nonblocking(&output)?;
    let spawned = Command::new(path)
        .args(arguments)
        .env_clear()
        .envs(variables(KEPT))
        .envs(picture.map(inherited).transpose()?)
        .envs(program.environment.iter().map(|(name, value)| (&**name, value)))
        .current_dir("/")
        .process_group(0)
        .stdin(order::input(program.input.as_bytes())?)
        .stdout(end.try_clone()?)
        .stderr(end)
        .spawn();
    let child = match spawned {
        Ok(child) => child,
        Err(error) => return Ok(Ok(Response::new(CANNOT_RUN, format!("{path} cannot be run: {error}")))),
    };
    let mut running = Running { child, output, said: Vec::new(), is_silent: false };
    let (status, is_late) = running.wait(program.within, &is_stopped)?;
    let said = String::from_utf8_lossy(&running.said).into_owned();
    let colon = if said.trim().is_empty() { "" } else { ": " };
    Ok(match (status.code().and_then(|code| u16::try_from(code).ok()), status.signal()) {
        _ if is_late => Err(Error(format!(
            "timed out: the program ran for {} s and was ended{colon}{said}",
            program.within.as_secs_f64()
        ))),
        (Some(code), _) => Ok(Response::new(code, said)),
        (None, signal) => {
            Err(Error(format!("the program was ended by signal {}{colon}{said}", signal.unwrap_or_default())))
        }
    })
}

/// Those of the variables that are set.
pub(super) fn variables(
    names: impl IntoIterator<Item = &'static str>,
) -> impl Iterator<Item = (&'static str, OsString)> {
    names.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// The variable for a picture that a child has open from now on.
fn inherited(picture: &File) -> io::Result<(&'static str, String)> {
    fcntl(picture, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok((IMAGE, format!("/proc/self/fd/{}", picture.as_raw_fd())))
}

/// A program that others can change would let them act as this user, as sudo(8) knows. One line with the remedy.
fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let file = fs::metadata(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let mode = file.permissions().mode();
    if file.is_dir() {
        return Err(format!("{shown} is a folder: name the program in it"));
    }
    if !file.is_file() || mode & 0o111 == 0 {
        return Err(format!("{shown} is no program: make it executable (chmod +x)"));
    }
    if file.uid() != 0 && file.uid() != geteuid().as_raw() {
        return Err(format!(
            "{shown} belongs to another user, who could change it: chown it to root or to the agent's user"
        ));
    }
    if mode & 0o002 != 0 || (mode & 0o020 != 0 && file.gid() != getegid().as_raw()) {
        return Err(format!("others can write to {shown} (mode {:04o}): chmod go-w {shown}", mode & 0o7777));
    }
    // Of a link, the folders of both its ends. Then nobody can change the way to the program before it is run.
    let real = fs::canonicalize(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    path.ancestors().chain(real.ancestors()).filter(|folder| *folder != path && *folder != real).try_for_each(
        |folder| {
            let shown_folder = folder.display();
            let data = fs::metadata(folder).map_err(|error| format!("{shown_folder} cannot be read: {error}"))?;
            // With the sticky bit, only its owner may replace a file.
            if data.permissions().mode() & 0o1002 == 0o002 {
                return Err(format!(
                    "others can replace {shown}, as they can write to {shown_folder}: chmod o-w {shown_folder}"
                ));
            }
            if data.uid() != 0 && data.uid() != geteuid().as_raw() {
                return Err(format!("another user can replace {shown}, as {shown_folder} is theirs: chown it to root"));
            }
            Ok(())
        },
    )
}

struct Running {
    child: Child,
    output: PipeReader,
    said: Vec<u8>,
    /// Nobody can write to it any more.
    is_silent: bool,
}

impl Running {
    /// Its end, and whether it was late.
    fn wait(&mut self, within: Duration, is_stopped: &AtomicBool) -> io::Result<(ExitStatus, bool)> {
        let deadline = boot_now().after(within);
        let (mut is_late, mut is_killed) = (false, false);
        loop {
            self.listen();
            if let Some(status) = self.child.try_wait()? {
                // None of its children goes on beyond the deadline.
                if is_late {
                    self.signal(Signal::SIGKILL);
                }
                self.listen();
                return Ok((status, is_late));
            }
            let now = boot_now();
            if now >= deadline && !is_late {
                is_late = true;
                self.signal(Signal::SIGTERM);
            }
            if !is_killed && (now >= deadline.after(GRACE) || is_stopped.load(Ordering::Relaxed)) {
                is_killed = true;
                self.signal(Signal::SIGKILL);
            }
        }
    }

    /// Signals its whole group.
    fn signal(&self, signal: Signal) {
        // It fails only if there is nobody left.
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), signal);
    }

    /// Waits a moment for output, and reads what there is; beyond the bound it is dropped.
    fn listen(&mut self) {
        let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        let watched = if self.is_silent { &mut fds[..0] } else { &mut fds[..] };
        if poll(watched, PollTimeout::from(TURN_MILLIS)).is_ok_and(|ready| ready > 0) {
            let mut chunk = [0; 8 * 1024];
            match (&self.output).read(&mut chunk) {
                Ok(0) => self.is_silent = true,
                Ok(read) => {
                    let room = MAX_OUTPUT_BYTES.saturating_sub(self.said.len()).min(read);
                    self.said.extend_from_slice(&chunk[..room]);
                }
                Err(_) => {}
            }
        }
    }
}
