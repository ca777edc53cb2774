//! Command line: arguments, output, exit codes.
//!
//! Results go to standard output, diagnostics to standard error. A closed pipe ends a command quietly, with the exit
//! code that it would have had.

mod agent_options;
mod chart;
mod check;
mod config;
mod deliver;
mod history;
mod licenses;
mod metrics;
mod nagios;
mod options;
mod output;
mod past;
mod period;
mod replay;
mod report;
mod run;
mod saved;
mod schedule;
mod setup;
mod silence;
mod status;
mod test_notify;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use nix::libc::PATH_MAX;
use nix::sys::prctl;

use crate::collect::SOURCES;
use crate::config::ConfigFile;
use crate::drawing;
use crate::logging::LINE_BYTES_MAX;
use crate::metric;
use crate::settings::{Problems, WAIT_OF_THE_LOOP};
use crate::signals;
use crate::text;
use crate::worker;

pub use options::{CheckFormat, Command, ConfigCommand, Options};

/// The exit codes that scripts rely on (sysexits.h has the last two).
pub mod exit {
    pub const DONE: u8 = 0;
    /// `check`: something is over its limit. Other commands: a failure, with the reason on standard error.
    pub const FAILED: u8 = 1;
    /// `check`: something is over its critical threshold.
    pub const CRITICAL: u8 = 2;
    /// `check`: nothing is over, but something could not be measured.
    pub const UNKNOWN: u8 = 3;
    pub const USAGE: u8 = 64;
    pub const CONFIG: u8 = 78;
}

/// Room for the longest path (PATH_MAX) and the error about it.
const MAX_ERROR_BYTES: usize = 6 * 1024;

const _: () = assert!(MAX_ERROR_BYTES > PATH_MAX as usize && MAX_ERROR_BYTES < LINE_BYTES_MAX);

/// The reason why a command ends without a result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is not valid.
    #[error("{0}")]
    Config(Problems),
    /// The command line lacks something that its parser does not know of.
    #[error("{0}")]
    Usage(String),
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl Error {
    fn exit_code(&self) -> u8 {
        match self {
            Error::Config(_) => exit::CONFIG,
            Error::Usage(_) => exit::USAGE,
            Error::Failed(_) => exit::FAILED,
        }
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // No other process of this user may look into this one, and the kernel makes no dump of it, not even for a
    // core_pattern that is a program (core(5)). Its files in /proc/PID then belong to root; a process may still look at
    // its own (proc_pid(5)).
    let _ = prctl::set_dumpable(false);
    // If that fails, the program works as long as nobody sends a signal.
    let _ = signals::reset_mask();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // A child of the agent: before anything else is set up.
    if let [_, worker, arguments @ ..] = arguments.as_slice()
        && worker == "worker"
    {
        // It reads no configuration, from which other processes know the quantities.
        metric::know(SOURCES.iter().flat_map(|source| source.metrics()));
        let load_config = |path: &Path| drop(ConfigFile::new(Some(path.to_owned())).load(WAIT_OF_THE_LOOP));
        return worker::main(arguments, load_config, crate::history::record, drawing::draw);
    }
    let options = match apart(|| Options::of(&arguments)) {
        Ok(options) => options,
        Err(error) => {
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::from(exit::DONE),
                _ => ExitCode::from(exit::USAGE),
            };
        }
    };
    ExitCode::from(execute(&options).unwrap_or_else(|error| {
        match &error {
            Error::Config(problems) => output::complain(&problems.to_string()),
            Error::Usage(what) => output::complain(&format!("vps-monitor: {what}")),
            Error::Failed(error) => {
                output::complain(&text::shown_within(&format!("vps-monitor: {error:#}"), MAX_ERROR_BYTES))
            }
        }
        error.exit_code()
    }))
}

fn execute(options: &Options) -> Result<u8, Error> {
    match &options.command {
        Command::Run(arguments) => apart(|| run::run(options, arguments.once)),
        Command::Check { json: true, .. } => apart(|| check::check(options, CheckFormat::Json)),
        Command::Check { format, .. } => apart(|| check::check(options, *format)),
        Command::Metrics => apart(|| metrics::metrics(options)),
        Command::Report { send } => apart(|| report::report(options, *send)),
        Command::Status { json } => apart(|| status::status(options, *json)),
        Command::Silence(arguments) => apart(|| silence::silence(options, arguments)),
        Command::Schedule(wanted) => apart(|| schedule::schedule(options, wanted)),
        Command::Replay(replayed) => apart(|| replay::replay(options, replayed)),
        Command::History(wanted) => apart(|| history::history(options, wanted)),
        Command::Chart(wanted) => apart(|| chart::chart(options, wanted)),
        Command::Licenses => apart(licenses::licenses),
        Command::TestNotify { channel } => apart(|| test_notify::test_notify(options, channel.as_deref())),
        Command::Config(command) => apart(|| config::config(options, command)),
    }
}

/// Calls `step` with a stack frame of its own, which is gone when it returns. Inlined, its variables are part of the
/// caller's frame: the agent would touch the pages for those of every command, and keep them.
#[inline(never)]
fn apart<T>(step: impl FnOnce() -> T) -> T {
    step()
}
