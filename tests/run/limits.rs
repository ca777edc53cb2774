//! The agent's environment: signals that its parent blocked or ignored, and resource limits.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use super::{MEMORY_ALERT, MEMORY_RECOVERY};
use crate::support::agent::{Agent, Place, quick};
use crate::support::robot::Robot;
use crate::support::wait_until;

/// The children of an agent, zombies included.
fn children(agent: &Agent) -> String {
    let pid = agent.pid();
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap()
}

#[test]
fn signals_that_the_parent_blocked_or_ignored_have_their_effect_all_the_same() {
    let signals = "TERM,HUP,USR1,INT,CHLD,PIPE,XFSZ,ALRM";
    for option in ["--block-signal", "--ignore-signal"] {
        let robot = Robot::start([]);
        let place = Place::configured("small-vps", &quick(&robot.url()));
        let agent = place.start_in_shell(&format!("set -- env {option}={signals} \"$@\""), &["run"]);
        agent.wait_for_log("delivered kind=alert");
        agent.signal(Signal::SIGUSR1);
        agent.wait_for_checks(2);
        agent.signal(Signal::SIGHUP);
        agent.wait_for_log("reloaded");
        agent.wait_for_checks(3);
        wait_until("no child is left", || children(&agent).is_empty());
        let stopped = agent.stop(Signal::SIGTERM);
        assert_eq!((stopped.code, robot.received().len()), (0, 1), "{option}: {stopped:?}");
    }
}

#[test]
fn a_check_that_was_started_with_sigterm_blocked_is_ended_by_it() {
    let windows = quick("").replace("sample_interval: 0.1", "sample_interval: 60");
    let place = Place::configured("no-swap", &windows);
    let check = place.start_in_shell("set -- env --block-signal=TERM \"$@\"", &["check"]);
    let pid = check.pid();
    let is_agent = || fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "vps-monitor\n");
    wait_until("it runs", is_agent);
    assert_eq!(check.stop(Signal::SIGTERM).code, 128 + Signal::SIGTERM as i32);
}

#[test]
fn a_child_that_has_ended_is_reaped_at_once() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("delivered kind=alert");
    // Nothing else happens for an hour.
    wait_until("no zombie is left", || children(&agent).is_empty());
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_limit_of_the_size_of_files_keeps_no_message_back() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start_in_shell("ulimit -f 0", &["run"]);
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    assert!(robot.wait_for(2)[1].content().starts_with(MEMORY_RECOVERY));
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert!(fs::read(place.state_file()).unwrap_or_default().is_empty());
}

#[test]
fn with_too_few_descriptors_the_agent_says_so_and_how_many_it_needs() {
    let place = Place::configured("small-vps", &quick(""));
    for (limit, arguments) in [(16, &["run"][..]), (16, &["run", "--once"]), (6, &["run"])] {
        let refused = place.start_in_shell(&format!("ulimit -n {limit}"), arguments).finish();
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
        for part in [&*format!("only {limit} files"), "needs 64", "ulimit -n 64", "LimitNOFILE=64"] {
            assert!(refused.stderr.contains(part), "{part} in {refused:?}");
        }
    }
    // A limit that it may raise it raises, and that is enough for all its work.
    for limits in ["ulimit -S -n 16", "ulimit -n 64"] {
        let robot = Robot::start([]);
        let place = Place::configured("small-vps", &quick(&robot.url()));
        let agent = place.start_in_shell(limits, &["run"]);
        agent.wait_for_log("delivered kind=alert");
        assert_eq!(place.status()["pid"], agent.pid());
        let log = agent.stop(Signal::SIGTERM).stderr;
        assert!(!log.contains(" ERROR ") && !log.contains("open files"), "{limits}: {log}");
    }
}

fn limit_descriptors(agent: &Agent, count: usize) {
    let limits = format!("--nofile={count}:1024");
    let done = Command::new("prlimit").args(["--pid", &agent.pid().to_string(), &limits]).status();
    assert!(done.unwrap().success());
}

#[test]
fn a_poll_that_fails_keeps_neither_a_check_nor_the_stop_waiting() {
    let place = Place::configured("small-vps", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    // It takes no more descriptors than may be open, though they are (poll(2), EINVAL).
    limit_descriptors(&agent, 3);
    for count in 2..4 {
        agent.signal(Signal::SIGUSR1);
        agent.wait_for_checks(count);
    }
    let stopped = agent.stop(Signal::SIGTERM);
    assert_eq!((stopped.code, stopped.stderr.matches("ERROR poll: ").count()), (0, 1), "{stopped:?}");
}

#[test]
fn a_shortage_of_descriptors_delays_a_message_and_loses_none() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("delivered kind=alert");
    wait_until("no child is left", || children(&agent).is_empty());
    let limit = |count| limit_descriptors(&agent, count);
    let open = fs::read_dir(format!("/proc/{}/fd", agent.pid())).unwrap();
    let highest = open.map(|fd| fd.unwrap().file_name().to_str().unwrap().parse::<usize>().unwrap()).max().unwrap();
    limit(highest + 1);
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(2);
    limit(1024);
    agent.signal(Signal::SIGUSR1);
    assert!(robot.wait_for(2)[1].content().starts_with(MEMORY_RECOVERY));
    agent.wait_for_log("delivered kind=recovery");
    agent.stop(Signal::SIGTERM);
    assert_eq!(place.status()["pending"], serde_json::json!([]));
}
