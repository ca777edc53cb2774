//! `silence`: asks the agent to hold the alerts of a target for a while, or for as long as a command runs.
//!
//! The command comes first: it runs with a silence or without one, and its exit code is this one's.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

use super::options::{SilenceArgs, SilenceCommand};
use super::status::ask_agent;
use super::{Error, Options, exit, output};
use crate::core::{Request, SilenceAnswer, SilenceRequest, SilenceStatus, Status};
use crate::text::{left, shown, width};

/// The longest that a command's alerts are held, unless somebody says otherwise.
const OF_A_COMMAND: Duration = Duration::from_secs(2 * 60 * 60);

/// Exit codes of a command that cannot be started, as of env(1) and shells.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

pub fn silence(options: &Options, arguments: &SilenceArgs) -> Result<u8, Error> {
    match &arguments.action {
        Some(SilenceCommand::List) => list(options),
        Some(SilenceCommand::End { number }) => end(options, *number),
        None => begin(options, arguments),
    }
}

fn begin(options: &Options, arguments: &SilenceArgs) -> Result<u8, Error> {
    let target = arguments.target.clone().unwrap_or_default();
    let why = arguments.why.clone().or_else(|| program(&arguments.command));
    let ask = |lasts: Duration| {
        let request = SilenceRequest::Begin { target, seconds: lasts.as_secs_f64(), why };
        answer(options, request)
    };
    let Some((program, rest)) = arguments.command.split_first() else {
        let Some(lasts) = arguments.duration else {
            let what = "a silence needs an end: name a DURATION such as 30m, or a command behind --";
            return Err(Error::Usage(what.to_owned()));
        };
        return match ask(lasts)? {
            SilenceAnswer::Begun(silence) => {
                output::print(&format!("{}\n", line(&silence)))?;
                Ok(exit::DONE)
            }
            other => Err(refused(other)),
        };
    };
    // Before anything can be left behind: a signal that comes from now on ends the command, and not this process, which ends the silence.
    let signals = Signals::install().map_err(anyhow::Error::from)?;
    let silence = match ask(arguments.duration.unwrap_or(OF_A_COMMAND)) {
        Ok(SilenceAnswer::Begun(silence)) => Some(silence),
        Ok(other) => unsilenced(&refused(other)),
        Err(error) => unsilenced(&error),
    };
    let code = match Command::new(program).args(rest).spawn() {
        Ok(child) => exit_code(signals.wait_for(child).map_err(anyhow::Error::from)?),
        Err(error) => {
            output::complain(&format!("vps-monitor: {}: {error}", shown(&program.to_string_lossy())));
            if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN }
        }
    };
    if let Some(silence) = silence {
        match answer(options, SilenceRequest::End { number: silence.number }) {
            // It may have come to its end meanwhile, or somebody ended it.
            Ok(_) => {}
            Err(error) => output::complain(&format!(
                "vps-monitor: silence {} ends at {}: {error:#}",
                silence.number, silence.until
            )),
        }
    }
    Ok(code)
}

/// The program that is the reason for a silence. Its arguments may hold secrets.
fn program(command: &[OsString]) -> Option<String> {
    let name = Path::new(command.first()?).file_name()?;
    Some(name.to_string_lossy().into_owned())
}

fn unsilenced(error: &Error) -> Option<SilenceStatus> {
    output::complain(&format!("vps-monitor: {}; the command runs without a silence", shown(&error.to_string())));
    None
}

fn end(options: &Options, number: u64) -> Result<u8, Error> {
    match answer(options, SilenceRequest::End { number })? {
        SilenceAnswer::Ended(silence) => {
            output::print(&format!("ended: {}\n", line(&silence)))?;
            Ok(exit::DONE)
        }
        other => Err(refused(other)),
    }
}

fn list(options: &Options) -> Result<u8, Error> {
    let status: Status = serde_json::from_slice(&ask(options, &Request::Status)?).context(UNREADABLE)?;
    let silences = &status.silences;
    let widest = silences.iter().map(|silence| width(&shown(&silence.target))).max().unwrap_or(0);
    let lines: Vec<String> =
        silences.iter().map(|silence| format!("{:>3}  {}", silence.number, described(silence, widest))).collect();
    let text = if lines.is_empty() { "none".to_owned() } else { lines.join("\n") };
    output::print(&format!("{text}\n"))?;
    Ok(exit::DONE)
}

/// `silence 3: memory until 2026-02-05 03:00:00`
fn line(silence: &SilenceStatus) -> String {
    format!("silence {}: {}", silence.number, described(silence, 0))
}

/// `memory  until 2026-02-05 03:00:00  (restic backup)`
pub fn described(silence: &SilenceStatus, widest: usize) -> String {
    let why = silence.why.as_deref().map_or_else(String::new, |why| format!("  ({})", shown(why)));
    let until = super::status::time(Some(&silence.until));
    format!("{}  until {until}{why}", left(&shown(&silence.target), widest))
}

fn answer(options: &Options, request: SilenceRequest) -> Result<SilenceAnswer, Error> {
    let answer = ask(options, &Request::Silence(request))?;
    Ok(serde_json::from_slice(&answer).context(UNREADABLE)?)
}

const UNREADABLE: &str = "the agent that runs is of another version: restart it";

fn ask(options: &Options, request: &Request) -> Result<Vec<u8>, Error> {
    let nobody = || Error::Failed(anyhow!("no agent runs that could hold alerts: sudo systemctl start vps-monitor"));
    ask_agent(options, request)?.ok_or_else(nobody)
}

fn refused(answer: SilenceAnswer) -> Error {
    Error::Failed(match answer {
        SilenceAnswer::Refused(why) => anyhow!("{why}"),
        other => anyhow!("the agent's answer is another one than was asked for: {other:?}"),
    })
}

/// The code of a command that was ended by a signal is that of shells.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(exit::FAILED)
}

/// Signals while a command runs. Those of the terminal reach it, too; those to this process alone are handed on.
struct Signals {
    pipe: UnixStream,
    handed_on: [(Signal, Arc<AtomicBool>); 2],
}

impl Signals {
    fn install() -> io::Result<Signals> {
        let (pipe, write_end) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let signals =
            Signals { pipe, handed_on: [(Signal::SIGTERM, Arc::default()), (Signal::SIGHUP, Arc::default())] };
        for (signal, (_, has_come)) in [SIGTERM, SIGHUP].into_iter().zip(&signals.handed_on) {
            flag::register(signal, Arc::clone(has_come))?;
        }
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCHLD] {
            pipe::register(signal, write_end.try_clone()?)?;
        }
        Ok(signals)
    }

    fn wait_for(mut self, mut child: Child) -> io::Result<ExitStatus> {
        let process = i32::try_from(child.id()).map(Pid::from_raw).map_err(io::Error::other)?;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            for (signal, has_come) in &self.handed_on {
                if has_come.swap(false, Ordering::SeqCst) {
                    // One that has ended meanwhile needs it no more.
                    let _ = kill(process, *signal);
                }
            }
            let mut fds = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, PollTimeout::NONE);
            while matches!(self.pipe.read(&mut [0; 64]), Ok(count) if count > 0) {}
        }
    }
}
