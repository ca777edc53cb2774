//! `status`: the agent's knowledge. A running agent is asked; without one, its state file is read.
//!
//! It needs only the state's folder: an agent goes on with the configuration that it has read, whatever is on disk now.

mod describe;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::options::SERVICE_STATE;
use super::{Error, Options, exit, output};
use crate::clock::{self, Now};
use crate::config::{Config, Resolved};
use crate::core::{Request, Status};
use crate::daemon;
use crate::files::RealFolder;
use crate::host;
use crate::store::{self, State};
use crate::text;
use crate::worker::Worker;

use describe::describe;
pub use describe::time;

pub fn status(options: &Options, json: bool) -> Result<u8, Error> {
    let (status, code) = find_out(options)?;
    let printed = if json { format!("{}\n", text::json(&status.to_json())) } else { describe(&status) };
    output::print(&printed)?;
    Ok(code)
}

/// The situation in a folder where an agent may keep its state.
enum Found {
    /// The agent's answer.
    Answer(Vec<u8>),
    /// There may be an agent, but this user may not ask it.
    Denied(io::Error),
    /// An agent is there and does not answer.
    Silent,
    /// No agent.
    Nobody,
}

/// Puts a request to this user's agent, else to the service's; `None`: neither runs.
pub fn ask_agent(options: &Options, request: &Request) -> Result<Option<Vec<u8>>, Error> {
    let folder = options.state_folder()?;
    ensure_answer(&folder)?;
    let service = PathBuf::from(SERVICE_STATE);
    let has_another = options.named_state_folder().is_none() && folder != service;
    for folder in [Some(folder), has_another.then_some(service)].into_iter().flatten() {
        match ask(&folder, request) {
            Found::Answer(answer) => return Ok(Some(answer)),
            Found::Denied(error) => return Err(denied(&folder, error)),
            Found::Silent => return Err(anyhow::anyhow!("the agent runs, but does not answer").into()),
            Found::Nobody => {}
        }
    }
    Ok(None)
}

/// Asks the agent, or reads the last one's state. Returns the text and the exit code.
fn find_out(options: &Options) -> Result<(Status, u8), Error> {
    let folder = options.state_folder()?;
    ensure_answer(&folder)?;
    match ask(&folder, &Request::Status) {
        Found::Answer(answer) => Ok((read(&answer)?, exit::DONE)),
        Found::Denied(error) => Err(denied(&folder, error)),
        Found::Silent => {
            output::complain("the agent runs, but does not answer; below is what it last saved");
            Ok((at_rest(options, &folder)?, exit::FAILED))
        }
        Found::Nobody => match ask_the_service(options, &folder)? {
            Some(status) => Ok((status, exit::DONE)),
            None => {
                let status = at_rest(options, &folder)?;
                if status.running {
                    output::complain(
                        "the agent runs, but cannot be asked (its log says why); below is what it last saved",
                    );
                }
                let code = if status.running { exit::DONE } else { exit::UNKNOWN };
                Ok((status, code))
            }
        },
    }
}

/// Checks that the folder can be opened. On a mount that hangs that would hang too, so a child tries it first.
pub fn ensure_answer(folder: &Path) -> Result<(), Error> {
    // Any other fault is reported when it is opened.
    let Ok(probe) = Worker::current().statvfs(folder) else { return Ok(()) };
    let deadline = probe.deadline();
    match probe.wait() {
        Err(error) if clock::boot_now() >= deadline => {
            Err(anyhow::Error::new(error).context(folder.display().to_string()).into())
        }
        _ => Ok(()),
    }
}

fn read(answer: &[u8]) -> Result<Status, Error> {
    Ok(serde_json::from_slice(answer).context("the agent's answer cannot be read")?)
}

fn ask(folder: &Path, request: &Request) -> Found {
    match daemon::ask(folder, request) {
        Ok(answer) => Found::Answer(answer),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Found::Denied(error),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && store::holder(folder).is_some() => Found::Silent,
        Err(_) => Found::Nobody,
    }
}

/// A user without an agent of their own most likely means the service's.
fn ask_the_service(options: &Options, own: &Path) -> Result<Option<Status>, Error> {
    let service = PathBuf::from(SERVICE_STATE);
    if options.named_state_folder().is_some() || own == service {
        return Ok(None);
    }
    match ask(&service, &Request::Status) {
        Found::Answer(answer) => Ok(Some(read(&answer)?)),
        Found::Denied(error) if !own.exists() => Err(denied(&service, error)),
        Found::Denied(_) => {
            output::complain("below is your own agent; the service's is shown to root: sudo vps-monitor status");
            Ok(None)
        }
        Found::Silent | Found::Nobody => Ok(None),
    }
}

fn denied(folder: &Path, error: io::Error) -> Error {
    let context =
        format!("{}: only root and the agent's own user may ask it: sudo vps-monitor status", folder.display());
    Error::Failed(anyhow::Error::new(error).context(context))
}

/// The status by the state file. A configuration that is not valid is part of the answer; a file that was named by hand
/// and does not exist is a mistake in the command.
fn at_rest(options: &Options, folder: &Path) -> Result<Status, Error> {
    let now = clock::now();
    let (config, problem) = match options.read_config() {
        Ok(read) => (read.value, None),
        Err(Error::Config(problems)) if options.config_file().path().is_some_and(Path::exists) => {
            (Config::default(), Some(problems.first_error()))
        }
        Err(error) => return Err(error),
    };
    let state = read_state(folder, now)?.unwrap_or_default();
    let mut status = Status::at_rest(&Resolved::new(&config), folder, &state, store::holder(folder), now);
    status.config = options.config_file().path().map(|path| path.display().to_string());
    if problem.is_some() {
        // The schedule is not known.
        status.next_report = None;
        status.config_problem = problem;
    }
    Ok(status)
}

/// The state in `folder`, if there is one. The file is left as it is, whatever its content.
pub fn read_state(folder: &Path, now: Now) -> anyhow::Result<Option<State>> {
    let read = match RealFolder::open(folder) {
        Ok(mut folder) => store::peek(&mut folder, &host::boot_id(), now),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => Err(error),
    };
    read.with_context(|| folder.display().to_string())
}
