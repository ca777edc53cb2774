//! From a reading to a message in the group, and back.

use nix::sys::signal::Signal;

use super::{MEMORY_ALERT, MEMORY_RECOVERY};
use crate::support::agent::{Place, quick};
use crate::support::robot::{Answer, Robot, refusing_url};

#[test]
fn the_first_check_tells_a_breach_and_a_later_one_its_end() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    let alert = robot.wait_for(1)[0].content();
    assert!(alert.starts_with(MEMORY_ALERT), "{alert}");

    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    let recovery = robot.wait_for(2)[1].content();
    assert!(recovery.starts_with(MEMORY_RECOVERY), "{recovery}");

    // Over again inside the cooldown: it is known, and nothing more is told.
    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("alert=memory state=held_back reason=inside_cooldown");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert_eq!(robot.received().len(), 2);
}

#[test]
fn a_restart_repeats_nothing_and_tells_the_end_of_what_was_told_before() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!(robot.received().len(), 1);
    place.become_host("no-swap");
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    let received = robot.received();
    assert!(received.len() == 2 && received[1].content().starts_with(MEMORY_RECOVERY), "{received:#?}");
}

#[test]
fn what_cannot_be_measured_keeps_an_alert_as_it_is() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    robot.wait_for(1);
    place.become_host("garbage");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("collector=memory state=failed");
    // Asked while the failure goes on: the alert's last state stands, and the failure beside it.
    let status = place.status();
    assert_eq!((&status["running"], &status["pid"]), (&true.into(), &agent.pid().into()));
    assert_eq!(status["alerts"][0]["state"], "firing");
    let failures = status["failures"].as_array().unwrap();
    assert!(failures.iter().any(|failure| failure["collector"] == "memory"), "{status:#}");

    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("collector=memory state=works_again");
    agent.stop(Signal::SIGTERM);
    assert_eq!(robot.received().len(), 1);
}

#[test]
fn an_alert_whose_source_is_gone_at_a_reload_and_at_a_restart_is_neither_dropped_nor_told_twice() {
    let robot = Robot::start([]);
    let place = Place::configured("no-swap", &quick(&robot.url()));
    let table = place.path("proc/sys/net/netfilter");
    let tracks = |connections: &str| {
        std::fs::create_dir_all(&table).unwrap();
        std::fs::write(table.join("nf_conntrack_count"), connections).unwrap();
        std::fs::write(table.join("nf_conntrack_max"), "100\n").unwrap();
    };
    tracks("95\n");
    let agent = place.start(&["run"]);
    let alert = robot.wait_for(1)[0].content();
    assert!(alert.contains("95.0%"), "{alert}");
    std::fs::remove_dir_all(&table).unwrap();
    // Another measurement, and another agent.
    place.configure(&quick(&robot.url()).replace("cpu: {sample_interval: 0.1}", "cpu: {sample_interval: 0.11}"));
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("collector=conntrack state=failed");
    agent.stop(Signal::SIGTERM);
    let agent = place.start(&["run"]);
    agent.wait_for_log("collector=conntrack state=failed");
    let alerts = &place.status()["alerts"];
    assert_eq!((&alerts[0]["metric"], &alerts[0]["state"]), (&"conntrack".into(), &"firing".into()), "{alerts:#}");
    tracks("96\n");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("collector=conntrack state=works_again");
    agent.stop(Signal::SIGTERM);
    assert_eq!(robot.received().len(), 1);
}

#[test]
fn once_is_0_when_all_was_delivered_whether_over_a_threshold_or_not() {
    let robot = Robot::start([]);
    let place = Place::configured("no-swap", &quick(&robot.url()));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert!(robot.received().is_empty());
    place.become_host("small-vps");
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert!(robot.received()[0].content().starts_with(MEMORY_ALERT));
}

#[test]
fn once_is_1_when_nothing_was_delivered_and_the_next_one_delivers_it() {
    let place = Place::configured("small-vps", &quick(&refusing_url()));
    let failed = place.run(&["run", "--once"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stderr.contains("not delivered"), "{failed:?}");
    let pending = &place.status()["pending"][0];
    assert_eq!((&pending["kind"], &pending["attempts"]), (&"alert".into(), &4.into()));

    let robot = Robot::start([]);
    place.configure(&quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("started");
    agent.signal(Signal::SIGHUP);
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
}

#[test]
fn once_does_not_wait_for_a_robot_that_refuses_everything() {
    let robot = Robot::start([Answer::Errcode(93000)]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    assert_eq!(place.run(&["run", "--once"]).code, 1);
    assert_eq!(robot.received().len(), 1);
}

#[test]
fn however_many_fail_each_is_said_once_and_the_first_ones_by_name() {
    const PATHS: usize = 300;
    let paths: Vec<String> = (0..PATHS).map(|number| format!("/nowhere/{number}")).collect();
    let disk = format!("disk: {{paths: [{}]}}", paths.join(", "));
    let yaml = quick("").replace("disk: {enabled: false}", &disk).replace("check_interval: 1h", "check_interval: 1s");
    let place = Place::configured("no-swap", &yaml);
    let agent = place.start(&["run"]);
    agent.wait_for_checks(4);
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("collector=disk(/nowhere/").count(), 10, "{log}");
    assert_eq!(log.matches("collector=disk state=failed others=290").count(), 1, "{log}");
    assert_eq!(log.matches("state=failed").count(), 11, "{log}");
}

#[test]
fn once_looks_again_when_a_for_ends_and_leaves_a_longer_one_to_the_next() {
    let robot = Robot::start([]);
    let lasting =
        |wait: &str| quick(&robot.url()).replace("{threshold: 80}", &format!("{{threshold: 80, for: {wait}}}"));
    let place = Place::configured("small-vps", &lasting("1h"));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!((&place.status()["alerts"][0]["state"], robot.received().len()), (&"pending".into(), 0));
    // One that is at work is waited for, and a signal ends that.
    place.configure(&lasting("59s"));
    std::fs::remove_file(place.state_file()).unwrap();
    let agent = place.start(&["run", "--once"]);
    agent.wait_for_log("alert=memory state=pending");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert_eq!((&place.status()["alerts"][0]["state"], robot.received().len()), (&"pending".into(), 0));
    // A breach that has lasted for longer than a shorter `for` is told by the first look.
    place.configure(&lasting("1s"));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert!(robot.received()[0].content().starts_with(MEMORY_ALERT));
}
