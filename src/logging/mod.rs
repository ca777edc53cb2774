//! Logging: the destination of the `log` macros' lines.
//!
//! A process that systemd started writes to syslog, every other one to standard error; never to both. A line that
//! syslog does not take goes to standard error instead, so that none is lost silently. Only this crate's own records
//! are written: those of the HTTP and TLS crates would hold addresses, and the webhook's address is a secret.
//!
//! No caller waits for a reader, but for a short while that all lines together have. A receiver that is stuck costs
//! lines, which are counted and reported. Standard output ([`print()`]) follows the same rule.

mod line;
mod ongoing;
mod sink;
mod standard_output;
mod stream;
mod syslog;
mod wait_budget;

pub use line::LINE_BYTES_MAX;
pub use ongoing::{Change, Ongoing};
pub use sink::Sink;
pub use standard_output::print;

use std::env;
use std::io::{self, IsTerminal, Stderr};
use std::path::Path;
use std::process;
use std::sync::{Mutex, PoisonError};

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use nix::sys::stat::fstat;

use crate::clock;
use stream::OutputStream;

/// The socket on which every syslog daemon, and journald, takes local messages: syslog(3).
const SYSLOG_SOCKET: &str = "/dev/log";

/// The destination of a process's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    Syslog,
    StandardError,
}

impl Destination {
    /// Syslog for a process that systemd itself started, standard error for any other.
    pub fn detect() -> Destination {
        let stderr = fstat(io::stderr()).ok().map(|stat| (stat.st_dev, stat.st_ino));
        Destination::of(
            env::var("SYSTEMD_EXEC_PID").ok().as_deref(),
            process::id(),
            env::var("JOURNAL_STREAM").ok().as_deref(),
            stderr,
        )
    }

    /// Decides by the variables of systemd.exec(5). Both reach the children of a service too (a shell that someone
    /// opened from it, for example), so neither is believed unless it names this very process: by its id, or, before
    /// systemd 248, by the device and inode of its standard error.
    fn of(exec_pid: Option<&str>, pid: u32, journal_stream: Option<&str>, stderr: Option<(u64, u64)>) -> Destination {
        let is_service = match exec_pid {
            Some(text) => text.parse() == Ok(pid),
            None => {
                let stream = journal_stream.and_then(|text| text.split_once(':'));
                let stream = stream.and_then(|(device, inode)| Some((device.parse().ok()?, inode.parse().ok()?)));
                stream.is_some() && stream == stderr
            }
        };
        if is_service { Destination::Syslog } else { Destination::StandardError }
    }
}

/// Sends the process's log to `target`; `level` is the least urgent level that is written.
///
/// # Errors
///
/// The process has a logger already.
pub fn start(target: Destination, level: LevelFilter) -> Result<(), SetLoggerError> {
    let sink = match target {
        Destination::Syslog => Sink::to_syslog(Path::new(SYSLOG_SOCKET), OutputStream::new(io::stderr())),
        Destination::StandardError => Sink::to_standard_error(OutputStream::new(io::stderr()), wants_colour()),
    };
    log::set_boxed_logger(Box::new(ProcessLog(Mutex::new(sink))))?;
    set_level(level);
    Ok(())
}

/// Whether levels are coloured: on a terminal, unless `NO_COLOR` is set to anything (no-color.org).
fn wants_colour() -> bool {
    io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Changes the least urgent level that is written: at a reload of the configuration.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

/// The process's logger. The lock is there because `log` asks for `Sync`; with one thread it is always free.
struct ProcessLog(Mutex<Sink<OutputStream<Stderr>>>);

impl Log for ProcessLog {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() <= log::max_level() && is_own(metadata.target())
    }

    fn log(&self, record: &Record) {
        if self.enabled(record.metadata()) {
            let at = clock::now().wall.to_zoned(clock::system_zone());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(&at, record.level(), *record.args());
        }
    }

    fn flush(&self) {}
}

/// Whether a record comes from this crate. The default target of the `log` macros is the path of the module.
fn is_own(target: &str) -> bool {
    target.split("::").next() == Some(env!("CARGO_CRATE_NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_systemd_started_logs_to_syslog_and_its_children_do_not() {
        assert_eq!(Destination::of(Some("812"), 812, None, None), Destination::Syslog);
        assert_eq!(Destination::of(Some("812"), 813, None, None), Destination::StandardError);
        assert_eq!(Destination::of(Some("812"), 813, Some("9:4242"), Some((9, 4242))), Destination::StandardError);
        assert_eq!(Destination::of(Some("not a number"), 813, None, None), Destination::StandardError);
    }

    #[test]
    fn before_systemd_248_the_journal_on_standard_error_marks_a_service() {
        assert_eq!(Destination::of(None, 812, Some("9:4242"), Some((9, 4242))), Destination::Syslog);
        assert_eq!(Destination::of(None, 812, Some("9:4242"), Some((9, 7))), Destination::StandardError);
        assert_eq!(Destination::of(None, 812, Some("9:4242"), None), Destination::StandardError);
    }

    #[test]
    fn without_systemd_or_with_a_mangled_stream_it_is_standard_error() {
        assert_eq!(Destination::of(None, 812, None, None), Destination::StandardError);
        assert_eq!(Destination::of(None, 812, None, Some((9, 4242))), Destination::StandardError);
        for mangled in ["", ":", "9", "9:", "nine:4242", "9:4242:1"] {
            assert_eq!(
                Destination::of(None, 812, Some(mangled), Some((9, 4242))),
                Destination::StandardError,
                "{mangled}"
            );
        }
    }

    #[test]
    fn records_of_other_crates_are_not_written() {
        assert!(is_own("vps_monitor"));
        assert!(is_own("vps_monitor::daemon"));
        assert!(!is_own("ureq_proto::client"));
        assert!(!is_own("vps_monitor_extras"));
    }
}
