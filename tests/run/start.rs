//! After the machine's start, findings wait until systemd says that the start is over.

use std::fs;

use nix::sys::signal::Signal;

use super::MEMORY_ALERT;
use crate::support::agent::{Place, quick};
use crate::support::robot::Robot;

/// Puts a systemctl in the agent's way that says the word of `said`, once there is one.
const SYSTEMCTL: &str = "mkfifo said; mkdir bin; printf '#!/bin/sh\\nread state <\"%s\"; echo $state; exit 1\\n' \"$PWD/said\" \
                         >bin/systemctl; chmod +x bin/systemctl; PATH=$PWD/bin:$PATH";

#[test]
fn findings_are_told_when_systemd_says_that_the_start_is_over() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    fs::write(place.path("proc/uptime"), "20.00 10.00\n").unwrap();
    let agent = place.start_in_shell(SYSTEMCTL, &["run"]);
    agent.wait_for_log("alert=memory state=pending");
    assert!(robot.received().is_empty());
    fs::write(place.path("said"), "degraded\n").unwrap();
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    agent.wait_for_log("start=settled");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}

#[test]
fn an_agent_that_starts_later_waits_for_nobody() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    fs::write(place.path("proc/uptime"), "300.00 10.00\n").unwrap();
    let agent = place.start_in_shell(SYSTEMCTL, &["run"]);
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}
