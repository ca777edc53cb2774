//! The command line, and the files and folders that it names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::period::PeriodArgs;
use super::run::RunArgs;
use super::{Error, output};
use crate::config::{Config, ConfigFile, Overrides};
use crate::docker::Address;
use crate::hold;
use crate::host::Host;
use crate::schedule::Schedule;
use crate::settings::{self, Read, WAIT_OF_A_COMMAND};

/// The folder of the service's state.
pub const SERVICE_STATE: &str = "/var/lib/vps-monitor";

/// The last line of most commands' help. Commands with other exit codes have a line of their own.
const EXIT_CODES: &str =
    "Exit codes: 0 done; 1 failed (standard error says why); 64 wrong command line; 78 invalid configuration.";

const REPLAY_EXIT_CODES: &str = "Exit codes: 0 done, whatever was found; 1 failed (standard error says why, by file and \
line); 64 wrong command line; 78 invalid configuration.";

const SILENCE_EXIT_CODES: &str = "Exit codes: 0 done; 1 refused, or no agent runs (standard error says why); 64 wrong \
command line; with a COMMAND its own: 128 and the signal's number if one ended it, 127 if it is not found, 126 if it cannot be run.";

/// The heading of the options that all commands have: listed among a command's own, they would hide these.
const EVERY_COMMAND: &str = "Options of every command";

/// Watches one Linux host and sends a message when something goes wrong.
///
/// It checks memory, swap, CPU, disks, traffic, connections and Docker containers, sends an alert when a threshold is
/// reached and another message when that is over, and sends a status report on a cron schedule. Messages go to a WeChat Work
/// group, Telegram, e-mail, a webhook, a command or other channels.
#[derive(Debug, Parser)]
#[command(name = "vps-monitor", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done (check: all is well); 1 failed (check: something is over its threshold); \
2 check: something is over its critical threshold; 3 check: something could not be measured, status: no agent runs; 64 wrong command line; 78 invalid configuration.")]
pub struct Options {
    #[command(flatten)]
    pub everywhere: Everywhere,
    #[command(subcommand)]
    pub command: Command,
}

/// The options of every command.
#[derive(Debug, Args)]
pub struct Everywhere {
    /// Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in
    /// defaults]
    #[arg(long, value_name = "FILE", global = true, help_heading = EVERY_COMMAND)]
    pub config: Option<PathBuf>,
    /// Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root,
    /// ~/.local/state/vps-monitor for others]
    #[arg(long, value_name = "DIR", global = true, help_heading = EVERY_COMMAND)]
    pub state_dir: Option<PathBuf>,
    /// Read /proc from this folder: the host's /proc mounted in a container, or a fixture
    #[arg(long, value_name = "DIR", global = true, help_heading = EVERY_COMMAND)]
    pub procfs: Option<PathBuf>,
    /// The Docker Engine's Unix socket, instead of the configuration's
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, value_parser = Address::parse, global = true,
        help_heading = EVERY_COMMAND)]
    pub docker_socket: Option<Address>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the agent: check, alert and report until SIGTERM or Ctrl-C
    ///
    /// SIGHUP reads the configuration again and checks at once; SIGUSR1 checks at once.
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Measure once and print the readings; sends nothing, touches no state
    ///
    /// Its exit codes are those of Nagios plugins.
    #[command(
        after_help = "Exit codes: 0 all is well; 1 something is over its threshold or not in its expected state; \
2 something is over its critical threshold; 3 nothing is, but something could not be measured; 64 wrong command line; 78 invalid configuration."
    )]
    Check {
        /// Print one JSON object
        #[arg(long, conflicts_with = "format")]
        json: bool,
        /// text, json or nagios: a table (the default), one JSON object, or a Nagios plugin's output with performance data
        #[arg(long, value_name = "FORMAT", value_enum, default_value_t = CheckFormat::Text, hide_default_value = true,
            hide_possible_values = true)]
        format: CheckFormat,
    },
    /// Measure once and print the readings as metrics, in Prometheus' text format
    ///
    /// These are the readings that the agent hands over (`metrics` in the configuration), without those about the agent
    /// itself. A reading that failed has no line, and collector_failed names it.
    #[command(after_help = EXIT_CODES)]
    Metrics,
    /// Measure once and print the status report
    #[command(after_help = EXIT_CODES)]
    Report {
        /// Send it to the channel as well
        #[arg(long)]
        send: bool,
    },
    /// Show what the agent knows: readings, alerts, undelivered messages, last and next check, next report
    ///
    /// Without --state-dir it asks your own agent, else the service's. It needs no configuration.
    #[command(
        after_help = "Exit codes: 0 the agent runs; 1 it may not be asked, or does not answer (standard error says \
why); 3 no agent runs, and what the last one saved is shown; 64 wrong command line; 78 no such configuration file."
    )]
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Hold the alerts of a target for a while, or while a command runs; held alerts are sent at the end
    ///
    /// The agent that runs keeps the silence, across restarts; `status` shows it. A target is named as in the log: `memory`,
    /// `disk(/backup)`, `container(nginx)`, a pattern such as `container(shop-*)`, or `all`. With a COMMAND the silence ends
    /// when that does, after two hours at most unless DURATION says otherwise. The command runs even if the silence cannot be
    /// had, and its exit code is this one's.
    #[command(after_help = SILENCE_EXIT_CODES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Silence(SilenceArgs),
    /// Print the next times a report is due
    #[command(after_help = EXIT_CODES)]
    Schedule(ScheduleArgs),
    /// Read recorded readings and print the messages that this configuration would have led to
    ///
    /// It sends nothing, touches no state and waits for nothing. With --since, or without HISTORY at a terminal, it reads the
    /// agent's own history, at the finest level that reaches back so far. HISTORY is a CSV file with the header
    /// `time,metric,target,value`, or the output of `check --json`, object after object. A time is Unix seconds or RFC
    /// 3339; rows are in order, and those of one time are one check. Metric and target are those of `check --json`, the
    /// target is empty where there is none. An empty value, or no row at all: it could not be measured. A reading stands
    /// for the time since the one before it, so a `for` that is no longer counts as met. Waits that end between two checks
    /// are judged at the next one. The number of messages goes to standard error.
    #[command(after_help = REPLAY_EXIT_CODES)]
    Replay(ReplayArgs),
    /// Draw the recorded readings in the terminal, or print them as CSV or JSON
    ///
    /// It reads the history that your own agent writes, else the service's. A METRIC is one of `check --json`, with a target
    /// if need be: memory, disk(/data), `container_state(shop-*)`. Without any, it shows the quantities of the report, those that had
    /// an alert, and the containers. Single readings are kept for two days, then averages of five minutes and of hours.
    #[command(after_help = EXIT_CODES)]
    History(HistoryArgs),
    /// Draw the recorded readings as a picture (PNG, SVG) or a page (HTML)
    ///
    /// The ending of FILE says the form. A page is one file without scripts, light or dark as the browser asks; a picture is
    /// light unless --dark.
    #[command(after_help = EXIT_CODES)]
    Chart(ChartArgs),
    /// Send one test message to every channel and print each answer
    #[command(after_help = EXIT_CODES)]
    TestNotify {
        /// Only to the channel of this name
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Print the licences of the program and of the font in its pictures
    #[command(after_help = EXIT_CODES)]
    Licenses,
    /// Check, show or make a configuration
    #[command(subcommand, after_help = EXIT_CODES)]
    Config(ConfigCommand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    Text,
    Json,
    Nagios,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The recorded readings; -: standard input, which is read without --since too where it is no terminal
    #[arg(conflicts_with_all = ["since", "until"])]
    pub history: Option<PathBuf>,
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Print messages as people see them [default: JSON, an object a line]
    #[arg(long)]
    pub text: bool,
}

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The quantities to show: memory, disk(/data), container_state(shop-*)
    #[arg(value_name = "METRIC")]
    pub metrics: Vec<String>,
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Print time,metric,target,value, the form that `replay` reads: a condition is 1 while it is well; of a summary the average
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Print a JSON object a line, for each check or summary
    #[arg(long)]
    pub json: bool,
    /// Draw with ASCII characters instead of Braille, as where the locale is not UTF-8
    #[arg(long, conflicts_with_all = ["csv", "json"])]
    pub ascii: bool,
}

#[derive(Debug, Args)]
pub struct ChartArgs {
    /// The file that is written, whole or not at all: FILE.png, FILE.html or FILE.svg
    #[arg(long, short, value_name = "FILE", default_value = "chart.png", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Draw a dark picture
    #[arg(long)]
    pub dark: bool,
}

#[derive(Debug, Args)]
pub struct SilenceArgs {
    #[command(subcommand)]
    pub action: Option<SilenceCommand>,
    /// Whose alerts are held: memory, disk(/backup), container(nginx), a pattern with *, or all
    #[arg(required = true)]
    pub target: Option<String>,
    /// For how long: seconds, or a text such as 30m, 2h, 1d; 30 days at most
    #[arg(value_parser = silence_duration)]
    pub duration: Option<Duration>,
    /// The reason, which `status` shows
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// A command; the silence ends with it
    #[arg(last = true)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// List the silences
    #[command(after_help = SILENCE_EXIT_CODES)]
    List,
    /// End a silence before its time
    #[command(after_help = SILENCE_EXIT_CODES)]
    End {
        /// Its number, as `silence list` shows it
        #[arg(value_name = "N")]
        number: u64,
    },
}

#[derive(Debug, Args)]
pub struct ScheduleArgs {
    /// How many times, 1 to 100000
    #[arg(short, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub number: u32,
    /// Use this cron expression, in quotes, instead of the configuration's
    #[arg(long, value_name = "EXPR")]
    pub cron: Option<Schedule>,
    /// Use this time zone instead of the configuration's, such as Asia/Shanghai
    #[arg(long, value_name = "TZ", value_parser = zone)]
    pub timezone: Option<TimeZone>,
    /// Times after this one (exclusive), such as 2026-02-04T09:00:00+08:00 [default: now]
    #[arg(long, value_name = "RFC3339")]
    pub after: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every problem of a configuration, or "ok"
    #[command(after_help = EXIT_CODES)]
    Check {
        /// Check this file instead of the one that is used
        file: Option<PathBuf>,
        /// Print nothing: the exit code says whether it is valid
        #[arg(long, short)]
        quiet: bool,
        /// Judge it as a reload does, which refuses an empty one
        #[arg(long)]
        reload: bool,
    },
    /// Print the configuration in force, with defaults filled in and secrets masked
    #[command(after_help = EXIT_CODES)]
    Show,
    /// Print the annotated template
    #[command(after_help = EXIT_CODES)]
    Template,
    /// Print the configuration's JSON Schema, for editors
    #[command(after_help = EXIT_CODES)]
    Schema,
}

fn silence_duration(text: &str) -> anyhow::Result<Duration> {
    let shortest = Duration::from_millis(1);
    settings::duration(text, &(shortest..=hold::LONGEST)).map_err(|complaint| {
        let meant = Some(complaint.expected).filter(|meant| !meant.is_empty());
        let expected = meant.unwrap_or_else(|| "a text such as 30m or 2h, up to 30d".to_owned());
        anyhow::anyhow!("{}; expected {expected}", complaint.message)
    })
}

/// The zone of that name.
fn zone(name: &str) -> anyhow::Result<TimeZone> {
    let expected = "expected an IANA name such as Asia/Shanghai";
    let zone = settings::time_zone(name).map_err(|complaint| match complaint.expected.as_str() {
        "" => anyhow::anyhow!("{}", complaint.message),
        expected => anyhow::anyhow!("{}; expected {expected}", complaint.message),
    })?;
    zone.context(expected)
}

impl Options {
    /// The configuration's file.
    pub fn config_file(&self) -> ConfigFile {
        let named =
            self.everywhere.config.clone().or_else(|| std::env::var_os("VPS_MONITOR_CONFIG").map(PathBuf::from));
        // An empty variable names nothing, as in other programs.
        ConfigFile::new(named.filter(|path| !path.as_os_str().is_empty()))
    }

    /// Reads the configuration.
    pub fn read_config(&self) -> Result<Read<Config>, Error> {
        self.read(&self.config_file())
    }

    /// Reads that file as the configuration.
    pub fn read(&self, file: &ConfigFile) -> Result<Read<Config>, Error> {
        let mut read = file.load(WAIT_OF_A_COMMAND).map_err(Error::Config)?;
        self.overrides().apply(&mut read.value);
        Ok(read)
    }

    /// The configuration for a command that a person waits for: its warnings go to standard error.
    pub fn config(&self) -> Result<Config, Error> {
        let read = self.read_config()?;
        for warning in &read.warnings {
            output::complain(&warning.to_string());
        }
        Ok(read.value)
    }

    /// Values of the command line that stand above those of the configuration.
    pub fn overrides(&self) -> Overrides {
        Overrides { docker_socket: self.everywhere.docker_socket.clone() }
    }

    pub fn host(&self) -> Result<Host, Error> {
        if let Some(procfs) = self.everywhere.procfs.as_deref().filter(|procfs| !procfs.is_dir()) {
            return Err(Error::Failed(anyhow::anyhow!("--procfs {}: there is no such folder", procfs.display())));
        }
        Ok(Host::new(self.everywhere.procfs.as_deref()))
    }

    /// The folder of the state.
    pub fn state_folder(&self) -> Result<PathBuf, Error> {
        if let Some(folder) = self.named_state_folder() {
            return Ok(folder);
        }
        if nix::unistd::geteuid().is_root() {
            return Ok(PathBuf::from(SERVICE_STATE));
        }
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let of_user = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
        of_user.map(|folder| folder.join(Path::new("vps-monitor"))).ok_or_else(|| {
            Error::Failed(anyhow::anyhow!("neither $XDG_STATE_HOME nor $HOME is set: name a folder with --state-dir"))
        })
    }

    /// The folder that the command line or systemd names.
    pub fn named_state_folder(&self) -> Option<PathBuf> {
        if let Some(folder) = &self.everywhere.state_dir {
            return Some(folder.clone());
        }
        // systemd gives several, joined by colons, to a unit that asks for several (systemd.exec(5)).
        let folders = std::env::var_os("STATE_DIRECTORY")?;
        std::env::split_paths(&folders).next().filter(|path| path.is_absolute())
    }
}
