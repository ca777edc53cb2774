//! The sink: chooses the way of each line, and counts those that went another way or were lost.
//!
//! It formats for standard error; `syslog` formats for syslog.

use std::fmt::Arguments;
use std::io::Write;
use std::path::Path;

use jiff::Zoned;
use log::Level;

use super::line::compose;
use super::syslog::Syslog;
use crate::text::{counted, were};

/// The destination of lines: syslog with standard error behind it, or standard error alone.
pub struct Sink<E> {
    syslog: Option<Syslog>,
    stderr: E,
    colour: bool,
    /// Lines that syslog has not taken since the last one that it took.
    diverted_lines: u64,
    /// Lines that standard error did not take either, not yet reported.
    lost_lines: u64,
}

impl<E: Write> Sink<E> {
    /// A sink for the syslog receiver at `path`; lines that it does not take go to `stderr`.
    pub fn to_syslog(path: &Path, stderr: E) -> Sink<E> {
        Sink { syslog: Some(Syslog::at(path)), ..Sink::to_standard_error(stderr, false) }
    }

    /// A sink for `stderr` alone.
    pub fn to_standard_error(stderr: E, colour: bool) -> Sink<E> {
        Sink { syslog: None, stderr, colour, diverted_lines: 0, lost_lines: 0 }
    }

    /// Writes one line, of which at most 8 KiB are kept, without hidden characters.
    pub fn write(&mut self, at: &Zoned, level: Level, message: Arguments) {
        let Some(syslog) = &mut self.syslog else { return self.print(at, level, message) };
        match syslog.send(at, level, message) {
            Ok(()) => self.tell_of_diverted(at),
            Err(error) => {
                if self.diverted_lines == 0 {
                    let notice =
                        format_args!("syslog takes no lines ({error}), they go to standard error until it does");
                    self.print(at, Level::Warn, notice);
                }
                self.diverted_lines += 1;
                self.print(at, level, message);
            }
        }
    }

    /// Reports to syslog, once it takes lines again, how many it missed.
    fn tell_of_diverted(&mut self, at: &Zoned) {
        let Some(syslog) = &mut self.syslog else { return };
        if self.diverted_lines == 0 {
            return;
        }
        let (diverted, lost) = (self.diverted_lines, self.lost_lines);
        let notice = format_args!(
            "syslog takes lines again: {diverted} went to standard error, {lost} {} lost there",
            were(lost)
        );
        if syslog.send(at, Level::Warn, notice).is_ok() {
            (self.diverted_lines, self.lost_lines) = (0, 0);
        }
    }

    /// Writes one line to standard error, after a report of the lines that were lost before it.
    fn print(&mut self, at: &Zoned, level: Level, message: Arguments) {
        let lost = self.lost_lines;
        if lost > 0
            && self.put(
                at,
                Level::Warn,
                format_args!("{} before this one {} lost", counted(lost, "log line"), were(lost)),
            )
        {
            self.lost_lines = 0;
        }
        if !self.put(at, level, message) {
            self.lost_lines = self.lost_lines.saturating_add(1);
        }
    }

    /// `2026-02-04T15:30:00+08:00 INFO message`.
    fn put(&mut self, at: &Zoned, level: Level, message: Arguments) -> bool {
        let (colour, plain) = match level {
            Level::Error if self.colour => ("\x1b[31m", "\x1b[0m"),
            Level::Warn if self.colour => ("\x1b[33m", "\x1b[0m"),
            _ => ("", ""),
        };
        let head = format!("{} {colour}{level}{plain} ", at.strftime("%Y-%m-%dT%H:%M:%S%:z"));
        let mut line = compose(&head, message);
        line.push('\n');
        self.stderr.write_all(line.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Read};
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    use crate::clock;
    use crate::logging::stream::OutputStream;

    /// Takes lines until told not to.
    #[derive(Default)]
    struct Reader {
        taken: String,
        is_stuck: bool,
    }

    impl Write for &mut Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.is_stuck {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.taken.push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn time() -> Zoned {
        "2026-02-04T15:30:00+08:00[Asia/Shanghai]".parse().unwrap()
    }

    #[test]
    fn a_line_on_standard_error_has_time_level_and_message() {
        let mut reader = Reader::default();
        Sink::to_standard_error(&mut reader, false).write(&time(), Level::Info, format_args!("up\nand running"));
        assert_eq!(reader.taken, "2026-02-04T15:30:00+08:00 INFO up\\u{a}and running\n");
    }

    #[test]
    fn only_the_level_is_coloured() {
        let mut reader = Reader::default();
        let mut sink = Sink::to_standard_error(&mut reader, true);
        sink.write(&time(), Level::Error, format_args!("\x1b[2Jdisk"));
        sink.write(&time(), Level::Info, format_args!("fine"));
        let expected =
            "2026-02-04T15:30:00+08:00 \x1b[31mERROR\x1b[0m \\u{1b}[2Jdisk\n2026-02-04T15:30:00+08:00 INFO fine\n";
        assert_eq!(reader.taken, expected);
    }

    #[test]
    fn lines_that_nobody_took_are_counted_and_told_of() {
        let mut reader = Reader { is_stuck: true, ..Reader::default() };
        let mut sink = Sink::to_standard_error(&mut reader, false);
        sink.write(&time(), Level::Info, format_args!("one"));
        sink.write(&time(), Level::Info, format_args!("two"));
        sink.stderr.is_stuck = false;
        sink.write(&time(), Level::Info, format_args!("three"));
        sink.write(&time(), Level::Info, format_args!("four"));
        let messages: Vec<&str> =
            reader.taken.lines().map(|line| &line["2026-02-04T15:30:00+08:00 ".len()..]).collect();
        assert_eq!(messages, ["WARN 2 log lines before this one were lost", "INFO three", "INFO four"]);
    }

    #[test]
    fn where_nobody_reads_either_log_a_thousand_lines_cost_one_wait_and_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let receiver = UnixDatagram::bind(folder.path().join("log")).unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::to_syslog(&folder.path().join("log"), OutputStream::new(writer));
        let mut write = |count| {
            for _ in 0..count {
                sink.write(&time(), Level::Info, format_args!("line"));
            }
            (sink.diverted_lines, sink.lost_lines)
        };
        while write(100).1 == 0 {}
        let begun = clock::boot_now();
        let (diverted, lost) = write(1000);
        assert!(clock::boot_now() - begun < Duration::from_secs(10), "{:?}", clock::boot_now() - begun);

        receiver.set_nonblocking(true).unwrap();
        let mut datagram = [0; 1024];
        while receiver.recv(&mut datagram).is_ok() {}
        assert_eq!(write(1), (0, 0));
        receiver.recv(&mut datagram).unwrap();
        let length = receiver.recv(&mut datagram).unwrap();
        let notice = format!("syslog takes lines again: {diverted} went to standard error, {lost} were lost there");
        assert!(std::str::from_utf8(&datagram[..length]).unwrap().ends_with(&notice));
        drop(sink);
        let mut printed = String::new();
        reader.read_to_string(&mut printed).unwrap();
        assert_eq!(printed.matches(" INFO line\n").count() as u64, diverted - lost);
    }
}
