//! `run`: sets up the agent, and runs it.

use std::path::Path;

use log::LevelFilter;

use super::{Error, Options, exit};
use crate::clock;
use crate::config::Resolved;
use crate::core::{Core, End, Mode};
use crate::daemon::{Control, Daemon, Loader};
use crate::files::RealFolder;
use crate::host;
use crate::logging::{self, Target};
use crate::service;
use crate::signals::Signals;
use crate::store::{Loaded, Lock, LockError, Place, Saver, Store};
use crate::text;

pub fn run(options: &Options, once: bool) -> Result<u8, Error> {
    // From the first moment on: a signal that comes while all this is set up is not lost.
    let signals = Signals::install().map_err(anyhow::Error::from)?;
    let target = Target::detect();
    logging::start(target, LevelFilter::Info).map_err(anyhow::Error::from)?;
    match watch(options, once, signals, target) {
        Err(error) if target == Target::Syslog => Ok(log_failure(&error)),
        ended => ended,
    }
}

/// A service says why it fails where it says everything else, and not on standard error as well. Gives the exit code.
fn log_failure(error: &Error) -> u8 {
    match error {
        Error::Config(problems) => {
            for problem in &problems.list {
                log::error!("{}", problem.in_log());
            }
        }
        Error::Failed(error) => log::error!("{}", text::in_log(&format!("{error:#}"))),
    }
    error.exit_code()
}

fn watch(options: &Options, once: bool, signals: Signals, target: Target) -> Result<u8, Error> {
    let read = options.read_config()?;
    logging::set_level(read.value.general.log_level);
    for warning in &read.warnings {
        log::warn!("{}", warning.in_log());
    }

    let folder = options.state_folder()?;
    let lock = take_lock(&folder)?;
    let control = lock.as_ref().and_then(|_| listen(&folder));
    let boot_id = host::boot_id();
    let now = clock::now();
    let loaded = Store::new(Place::new(&folder), boot_id.clone()).load(now, &folder).map_err(anyhow::Error::from)?;
    let saver = Saver::new(Place::new(&folder));
    let mode = Mode {
        once,
        print_checks: !once && target == Target::StandardError,
        is_service: service::listens(),
        state_folder: folder,
        config_file: options.config_file(),
        boot_id,
    };
    let mut host = options.host()?;
    if let Loaded::State(state) = &loaded {
        host.mounts.remember(&state.mounts);
    }
    let core = Core::new(Resolved::new(&read.value), loaded, mode, now);
    let loader = Loader::new(options.config_file(), options.overrides()?, read.value);
    let daemon = Daemon::new(core, loader, signals, host, saver, control).map_err(anyhow::Error::from)?;
    Ok(match daemon.run() {
        End::Stopped | End::CheckedOnce { delivered: true } => exit::DONE,
        End::CheckedOnce { delivered: false } => exit::FAILED,
    })
}

/// Listens for `vps-monitor status`.
fn listen(folder: &Path) -> Option<Control> {
    match Control::listen(folder) {
        Ok(control) => Some(control),
        Err(error) => {
            log::warn!("{}: `vps-monitor status` cannot ask this agent: {error}", folder.display());
            None
        }
    }
}

/// The lock of the state's folder. Where the folder cannot be written the agent goes on without: its work matters more.
fn take_lock(folder: &Path) -> Result<Option<Lock>, Error> {
    // Why it cannot be made, the first attempt to save the state says.
    if RealFolder::make(folder).is_err() {
        return Ok(None);
    }
    match Lock::take(folder) {
        Ok(lock) => Ok(Some(lock)),
        Err(error @ LockError::Held { .. }) => Err(Error::Failed(error.into())),
        Err(error @ LockError::Io { .. }) => {
            log::warn!("{error}; nothing keeps a second agent from this folder");
            Ok(None)
        }
    }
}
