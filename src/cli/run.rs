//! `run`: sets up the agent, and runs it.

use clap::Args;
use log::LevelFilter;

use super::{Error, Options, apart, exit, setup};
use crate::clock;
use crate::config::{Config, Resolved};
use crate::core::{Core, End, Mode, SETTLED_AFTER};
use crate::daemon::{Control, Daemon, Loader};
use crate::host::{self, Host};
use crate::logging::{self, Destination};
use crate::service;
use crate::settings::Read;
use crate::signals::Signals;
use crate::store::{Loaded, Saver};
use crate::text;

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Make one check with its alerts, state and delivery, then exit: 0 if everything was delivered (whatever was
    /// found), 1 if something is still waiting. It waits up to a minute for a `for` to end; the next run continues a
    /// longer one
    #[arg(long)]
    pub once: bool,
}

pub fn run(options: &Options, once: bool) -> Result<u8, Error> {
    // This comes first: with too few descriptors nothing else is sure to work, and no error gives the reason.
    setup::ensure_descriptors()?;
    // From the first moment on: a signal during the setup is not lost.
    let signals = Signals::install().map_err(anyhow::Error::from)?;
    let target = Destination::detect();
    logging::start(target, LevelFilter::Info).map_err(anyhow::Error::from)?;
    match watch(options, once, signals, target) {
        Err(error) if target == Destination::Syslog => Ok(log_failure(&error)),
        ended => ended,
    }
}

/// A service logs the reason of its failure where it logs everything else, and not to standard error as well. Returns
/// the exit code.
fn log_failure(error: &Error) -> u8 {
    match error {
        Error::Config(problems) => {
            for line in problems.in_log() {
                log::error!("{line}");
            }
        }
        other => log::error!("{}", text::in_log(&other.to_string())),
    }
    error.exit_code()
}

fn watch(options: &Options, once: bool, signals: Signals, target: Destination) -> Result<u8, Error> {
    let host = Box::new(options.host()?);
    if !apart(|| setup::config_answers(options.config_file().place(), &host.worker, &signals))? {
        return Ok(exit::DONE);
    }
    let read = apart(|| options.read_config())?;
    let daemon = apart(|| set_up(options, once, host, read, signals, target))?;
    Ok(match daemon.map(|mut daemon| daemon.run()) {
        None | Some(End::Stopped | End::CheckedOnce { delivered: true }) => exit::DONE,
        Some(End::CheckedOnce { delivered: false }) => exit::FAILED,
    })
}

/// The agent, ready to run. `None`: a signal asked it to stop before.
fn set_up(
    options: &Options,
    once: bool,
    mut host: Box<Host>,
    read: Read<Config>,
    signals: Signals,
    target: Destination,
) -> Result<Option<Box<Daemon>>, Error> {
    logging::set_level(read.value.general.log_level);
    for warning in &read.warnings {
        log::warn!("{}", warning.in_log());
    }

    let folder = options.state_folder()?;
    let Some(mut state_folder) = apart(|| setup::take_folder(&folder, once, &host.worker, &signals))? else {
        return Ok(None);
    };
    let boot_id = host::boot_id();
    let Some(loaded) = apart(|| setup::load(&mut state_folder, &boot_id, &signals))? else { return Ok(None) };
    let control = state_folder.folder().and_then(Control::listen);
    let mode = Mode {
        once,
        print_checks: !once && target == Destination::StandardError,
        is_service: service::listens(),
        state_folder: folder,
        config_file: options.config_file(),
        boot_id,
        finds_causes: host.cgroups.is_some(),
        uptime: host.uptime(),
        sees_shutdowns: host.bus.is_there(),
    };
    if let Loaded::State(state) = &loaded {
        state.remind(&mut host.mounts);
    }
    let starts_for = mode.uptime.and_then(|uptime| SETTLED_AFTER.checked_sub(uptime)).filter(|_| !once);
    let resolved = apart(|| Resolved::new(&read.value));
    let core = apart(|| Box::new(Core::new(resolved, loaded, mode, clock::now())));
    let loader = Loader::new(options.config_file(), options.overrides(), read.value);
    let daemon = apart(|| Daemon::new(core, loader, signals, host, Saver::new(state_folder), control));
    let mut daemon = daemon.map_err(anyhow::Error::from)?;
    daemon.watch_start(starts_for);
    Ok(Some(daemon))
}
