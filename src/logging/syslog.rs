//! Syslog: lines for /dev/log, on a socket that outlives its receiver.
//!
//! The `syslog` crate gives the protocol's numbers and the logger that a format and a transport plug into; both of
//! those are ours. Its own RFC 3164 format stamps UTC (glibc's syslog(3) stamps local time, and syslog-ng and
//! BusyBox believe the stamp) and pads the day with a zero where RFC 3164 section 4.1.2 asks for a space; its own
//! transport stays dead once the receiver was restarted, and waits for one that is stuck.
//!
//! Only datagram sockets are served: rsyslogd, journald, syslog-ng and BusyBox all listen on one.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::path::Path;
use std::process;

use jiff::Zoned;
use log::Level;
use syslog::{Error, Facility, LogFormat, Logger, Severity};

use super::line::compose;
use crate::datagram::Sender;

/// The program's name in the log.
const IDENT: &str = "vps-monitor";

/// The system's log.
pub struct Syslog {
    logger: Logger<Transport, LocalFormat>,
}

impl Syslog {
    /// A log whose receiver listens at `path`. It is looked for when there is a line to send.
    pub fn at(path: &Path) -> Syslog {
        Syslog { logger: Logger::new(Transport(Sender::to(path)), LocalFormat) }
    }

    /// Hands one line over, at once or not at all.
    ///
    /// # Errors
    ///
    /// Nobody listens, or the receiver has no room: `WouldBlock`.
    pub fn send(&mut self, at: &Zoned, level: Level, message: Arguments) -> io::Result<()> {
        let entry = Entry { at, message };
        let sent = match level {
            Level::Error => self.logger.err(entry),
            Level::Warn => self.logger.warning(entry),
            Level::Info => self.logger.info(entry),
            Level::Debug | Level::Trace => self.logger.debug(entry),
        };
        sent.map_err(|error| match error {
            Error::Io(error) | Error::Write(error) => error,
            other => io::Error::other(other),
        })
    }
}

struct Entry<'a> {
    at: &'a Zoned,
    message: Arguments<'a>,
}

/// `<30>Feb  4 15:30:00 vps-monitor[812]: message`: RFC 3164 as glibc's syslog(3) writes it to a local receiver, with
/// the local time and without a host name, which the receiver adds.
struct LocalFormat;

impl LogFormat<Entry<'_>> for LocalFormat {
    fn format<W: Write>(&self, receiver: &mut W, severity: Severity, entry: Entry<'_>) -> Result<(), Error> {
        let priority = Facility::LOG_DAEMON as u8 | severity as u8;
        let stamp = entry.at.strftime("%b %e %H:%M:%S");
        let line = compose(&format!("<{priority}>{stamp} {IDENT}[{}]: ", process::id()), entry.message);
        receiver.write_all(line.as_bytes()).map_err(Error::Write)
    }
}

/// The transport that the crate's logger writes to: each line is one datagram.
struct Transport(io::Result<Sender>);

impl Write for Transport {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Ok(sender) => sender.send(line).map(|()| line.len()),
            Err(error) => Err(error.kind().into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(severity: Severity, at: &str, message: &str) -> String {
        let mut line = Vec::new();
        let at: Zoned = at.parse().unwrap();
        LocalFormat.format(&mut line, severity, Entry { at: &at, message: format_args!("{message}") }).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_line_has_the_local_time_and_a_day_padded_with_a_space() {
        let line = formatted(Severity::LOG_INFO, "2026-02-04T15:30:00+08:00[Asia/Shanghai]", "started");
        assert_eq!(line, format!("<30>Feb  4 15:30:00 vps-monitor[{}]: started", process::id()));
    }

    #[test]
    fn the_priority_is_that_of_a_daemon() {
        let at = "2026-12-31T00:00:00+00:00[UTC]";
        assert!(formatted(Severity::LOG_ERR, at, "x").starts_with("<27>Dec 31 "));
        assert!(formatted(Severity::LOG_WARNING, at, "x").starts_with("<28>"));
        assert!(formatted(Severity::LOG_DEBUG, at, "x").starts_with("<31>"));
    }
}
