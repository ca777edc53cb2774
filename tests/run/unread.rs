//! Whoever the agent writes to may stop reading. It goes on: measures, tells, answers, and ends when it is asked to.

use std::fs::OpenOptions;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::Signal;

use super::{MEMORY_ALERT, MEMORY_RECOVERY};
use crate::support::agent::{Agent, Place, quick};
use crate::support::robot::Robot;
use crate::support::wait_until;

/// A pipe that takes nothing more, with its reader and how much is in it.
pub fn full_pipe() -> (PipeReader, PipeWriter, usize) {
    let (reader, mut writer) = pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut held = 0;
    loop {
        match writer.write(b"x") {
            Ok(count) => held += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (reader, writer, held)
}

/// An agent with all of its tasks to do, and a check every second.
fn busy(webhook_url: &str) -> Place {
    Place::configured("small-vps", &quick(webhook_url).replace("check_interval: 1h", "check_interval: 1s"))
}

/// It tells everything, answers, and ends at once.
fn assert_works(place: &Place, robot: &Robot, agent: Agent) {
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    let checked = place.status()["last_check"].clone();
    assert!(checked.is_string());
    wait_until("the next check", || place.status()["last_check"] != checked);
    place.become_host("no-swap");
    assert!(robot.wait_for(2)[1].content().starts_with(MEMORY_RECOVERY));
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}

#[test]
fn standard_output_that_nobody_reads_holds_nothing_up_and_is_said_once() {
    let robot = Robot::start([]);
    let place = busy(&robot.url());
    let (_reader, writer, _) = full_pipe();
    let agent = place.spawn_to(place.command(&["run"]), Some(writer.into()), None);
    agent.wait_for_log("nobody reads standard output");
    let log = place.path("log-0");
    assert_works(&place, &robot, agent);
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("nobody reads standard output").count(), 1, "{log}");
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let robot = Robot::start([]);
    let place = busy(&robot.url());
    let (_reader, writer, _) = full_pipe();
    // As a container's: both are one pipe.
    let both = writer.try_clone().unwrap();
    let socket = place.path("notify");
    let service_manager = UnixDatagram::bind(&socket).unwrap();
    service_manager.set_nonblocking(true).unwrap();
    let mut command = place.command(&["run"]);
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "1000000");
    let agent = place.spawn_to(command, Some(writer.into()), Some(both.into()));
    robot.wait_for(1);
    let (mut signs_of_life, mut slowest_status) = (0, Duration::ZERO);
    wait_until("it gives signs of life, and answers", || {
        let asked = Instant::now();
        assert_eq!(place.status()["running"], true);
        slowest_status = slowest_status.max(asked.elapsed());
        let mut word = [0; 4096];
        while let Ok(length) = service_manager.recv(&mut word) {
            signs_of_life += u32::from(word[..length].starts_with(b"WATCHDOG=1"));
        }
        signs_of_life >= 3
    });
    println!("slowest status {slowest_status:?}");
    assert_works(&place, &robot, agent);
}

#[test]
fn a_message_that_could_not_be_printed_is_printed_once_somebody_reads() {
    let place = busy("");
    let (mut reader, writer, held) = full_pipe();
    let agent = place.spawn_to(place.command(&["run"]), Some(writer.into()), None);
    agent.wait_for_log("nobody reads standard output");
    wait_until("the alert waits", || place.status()["pending"][0]["attempts"].as_u64() >= Some(1));

    reader.read_exact(&mut vec![0; held]).unwrap();
    let mut printed = String::new();
    let mut chunk = [0; 4096];
    while !printed.contains(MEMORY_ALERT) {
        let count = reader.read(&mut chunk).unwrap();
        assert!(count > 0, "{printed}");
        printed += std::str::from_utf8(&chunk[..count]).unwrap();
    }
    agent.wait_for_log("standard output is read again");
    agent.wait_for_log("delivered kind=alert");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert_eq!(printed.matches(MEMORY_ALERT).count(), 1, "{printed}");
}

/// A service manager that takes nothing more, as a frozen process 1.
fn full_socket(path: &Path) -> UnixDatagram {
    let receiver = UnixDatagram::bind(path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect(path).unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send(b"x").is_ok() {}
    receiver
}

#[test]
fn a_service_manager_that_stands_still_holds_nothing_up_and_is_told_once_it_goes_on() {
    let robot = Robot::start([]);
    let place = busy(&robot.url());
    let socket = place.path("notify");
    let receiver = full_socket(&socket);
    let mut command = place.command(&["run"]);
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "1000000");
    // Neither its log nor anything else is read.
    let (_reader, writer, _) = full_pipe();
    let both = writer.try_clone().unwrap();
    let agent = place.spawn_to(command, Some(writer.into()), Some(both.into()));
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));

    receiver.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut told = String::new();
    let mut datagram = [0; 4096];
    wait_until("it hears that the agent is ready and alive", || {
        while let Ok(length) = receiver.recv(&mut datagram) {
            told += std::str::from_utf8(&datagram[..length]).unwrap();
        }
        told.contains("READY=1\n") && told.contains("STATUS=") && told.contains("WATCHDOG=1\n")
    });
    assert_works(&place, &robot, agent);
}

/// An agent in a terminal of its own, and the terminal's other end. Not openpty(3): no other process may inherit that end,
/// or the terminal is not closed with it.
fn in_a_terminal(place: &Place, before: &str) -> (PtyMaster, Agent) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(ptsname_r(&master).unwrap());
    let slave = slave.unwrap();
    let agent = place.command(&["run"]);
    let mut session = Command::new("setsid");
    session.args(["--ctty", "sh", "-c", &format!("{before} exec \"$@\""), "sh"]);
    session.arg(agent.get_program()).args(agent.get_args());
    session.stdin(slave.try_clone().unwrap());
    (master, place.spawn_to(session, Some(slave.into()), None))
}

#[test]
fn a_terminal_that_is_closed_ends_the_agent_and_frees_the_state() {
    let place = Place::configured("no-swap", &quick(""));
    let (terminal, agent) = in_a_terminal(&place, "");
    agent.wait_for_log("started");
    wait_until("the state is saved", || place.state_file().exists());
    drop(terminal);
    let finished = agent.finish();
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(!finished.stderr.contains("reloaded"), "{finished:?}");
    assert_eq!(place.run(&["run", "--once"]).code, 0);
}

#[test]
fn a_hangup_that_somebody_sends_in_a_terminal_is_a_reload() {
    let place = Place::configured("no-swap", &quick(""));
    let (_terminal, agent) = in_a_terminal(&place, "");
    agent.wait_for_log("started");
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("reloaded");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}

#[test]
fn one_that_ignores_hangups_outlives_its_terminal() {
    let place = Place::configured("no-swap", &quick(""));
    let (terminal, agent) = in_a_terminal(&place, "trap '' HUP; exec >/dev/null;");
    agent.wait_for_log("started");
    drop(terminal);
    agent.wait_for_log("reloaded");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}
