//! The log's way to syslog, against a real datagram socket in a temporary directory.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process;
use std::time::{Duration, Instant};

use jiff::Zoned;
use log::Level;
use vps_monitor::logging::Sink;

/// The lines that a syslog daemon was sent and has not read yet.
fn received(receiver: &UnixDatagram) -> Vec<String> {
    receiver.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut lines = Vec::new();
    loop {
        match receiver.recv(&mut buffer) {
            Ok(length) => lines.push(String::from_utf8(buffer[..length].to_vec()).unwrap()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return lines,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Lines as the receiver sees them, without the header in front.
fn messages(receiver: &UnixDatagram) -> Vec<String> {
    let header = format!(" vps-monitor[{}]: ", process::id());
    received(receiver).iter().map(|line| line.split_once(&header).unwrap().1.to_owned()).collect()
}

fn write(sink: &mut Sink<impl io::Write>, level: Level, message: &str) {
    let at: Zoned = "2026-02-04T15:30:00+08:00[Asia/Shanghai]".parse().unwrap();
    sink.write(&at, level, format_args!("{message}"));
}

/// A restart as a daemon does it: the old socket is closed, the file goes, a new one takes its path.
fn restart(receiver: UnixDatagram, path: &Path) -> UnixDatagram {
    drop(receiver);
    fs::remove_file(path).unwrap();
    UnixDatagram::bind(path).unwrap()
}

#[test]
fn lines_arrive_at_syslog_with_their_priority_and_not_on_standard_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut stderr = Vec::new();
    let mut sink = Sink::to_syslog(&path, &mut stderr);
    for (level, message) in [(Level::Error, "a\nb"), (Level::Warn, "内存"), (Level::Info, "c"), (Level::Debug, "d")] {
        write(&mut sink, level, message);
    }
    let head = |priority: u8| format!("<{priority}>Feb  4 15:30:00 vps-monitor[{}]: ", process::id());
    let expected = [head(27) + "a\\u{a}b", head(28) + "内存", head(30) + "c", head(31) + "d"];
    assert_eq!(received(&receiver), expected);
    assert!(stderr.is_empty());
}

#[test]
fn lines_go_on_arriving_after_the_receiver_was_restarted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut stderr = Vec::new();
    let mut sink = Sink::to_syslog(&path, &mut stderr);
    write(&mut sink, Level::Info, "before");
    assert_eq!(messages(&receiver), ["before"]);
    let receiver = restart(receiver, &path);
    write(&mut sink, Level::Info, "after");
    assert_eq!(messages(&receiver), ["after"]);
    assert!(stderr.is_empty());
}

#[test]
fn lines_are_on_standard_error_while_the_receiver_is_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut stderr = Vec::new();
    let mut sink = Sink::to_syslog(&path, &mut stderr);
    write(&mut sink, Level::Info, "before");
    drop(receiver);
    write(&mut sink, Level::Info, "nobody listens");
    fs::remove_file(&path).unwrap();
    write(&mut sink, Level::Error, "no socket");
    let receiver = UnixDatagram::bind(&path).unwrap();
    write(&mut sink, Level::Info, "after");
    write(&mut sink, Level::Info, "and on");

    let notice = "syslog takes lines again: 2 went to standard error, 0 were lost there";
    assert_eq!(messages(&receiver), ["after", notice, "and on"]);
    let stderr = String::from_utf8(stderr).unwrap();
    let lines: Vec<&str> = stderr.lines().map(|line| &line["2026-02-04T15:30:00+08:00 ".len()..]).collect();
    assert!(lines[0].starts_with("WARN syslog takes no lines (Connection refused"), "{}", lines[0]);
    assert_eq!(lines[1..], ["INFO nobody listens", "ERROR no socket"]);
}

#[test]
fn a_stuck_receiver_costs_no_time_and_no_line() {
    const LINES: usize = 5000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut stderr = Vec::new();
    let mut sink = Sink::to_syslog(&path, &mut stderr);
    let begun = Instant::now();
    for number in 0..LINES {
        write(&mut sink, Level::Info, &format!("line {number}"));
    }
    // A blocking socket would wait for ever here; the bound is only there to fail instead of hanging.
    assert!(begun.elapsed() < Duration::from_secs(30));
    let taken = messages(&receiver);
    assert!(!taken.is_empty() && taken.len() < LINES, "{} lines in the socket's buffer", taken.len());
    write(&mut sink, Level::Info, "room again");
    assert_eq!(messages(&receiver)[0], "room again");
    let stderr = String::from_utf8(stderr).unwrap();
    let diverted = stderr.lines().filter(|line| line.contains(" INFO line ")).count();
    assert_eq!(taken.len() + diverted, LINES);
}

#[test]
fn an_endless_message_arrives_cut_to_what_a_receiver_takes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut sink = Sink::to_syslog(&path, Vec::new());
    write(&mut sink, Level::Info, &"长".repeat(1 << 20));
    let lines = received(&receiver);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].len() <= 8192 && lines[0].ends_with('…'));
}
