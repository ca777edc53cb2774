//! The agent in the foreground, as its user sees it in a terminal.

use nix::sys::signal::Signal;

use super::{MEMORY_ALERT, MEMORY_RECOVERY};
use crate::support::agent::{Place, finish, quick};
use crate::support::wait_until;

const METRICS: [&str; 6] = ["memory", "cpu", "swap", "traffic_in", "traffic_out", "connections"];

#[test]
fn the_first_check_is_a_table_with_every_threshold_and_each_later_one_a_line() {
    let place = Place::configured("no-swap", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(2);
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(3);
    let printed = agent.stop(Signal::SIGINT).stdout;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 1 + METRICS.len() + 2, "{printed}");
    for (line, metric) in lines[1..].iter().zip(METRICS) {
        assert!(line.trim_start().starts_with("ok ") && line.contains("  threshold "), "{line}");
        assert!(line.split_whitespace().nth(1) == Some(metric), "{line}");
    }
    for line in &lines[1 + METRICS.len()..] {
        assert!(line.starts_with("web-1 ") && METRICS.iter().all(|metric| line.contains(metric)), "{line}");
    }
}

#[test]
fn without_a_channel_messages_are_printed_in_their_layouts() {
    let place = Place::configured("small-vps", &quick(""));
    let agent = place.start(&["run"]);
    wait_until("the alert is printed", || agent.printed().contains(MEMORY_ALERT));
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    wait_until("the recovery is printed", || agent.printed().contains(MEMORY_RECOVERY));
    let finished = agent.stop(Signal::SIGINT);
    assert_eq!(finished.code, 0);
    let log: Vec<&str> = finished.stderr.lines().collect();
    assert!(log[0].contains(" INFO started version="), "{}", finished.stderr);
    assert!(log[log.len() - 1].contains(" INFO stopped waiting=0"), "{}", finished.stderr);
}

#[test]
fn without_any_configuration_the_defaults_measure_this_machine() {
    // An empty file is as good as none, and is not the one that may be installed on the machine of the test.
    let place = Place::configured("this-vm", "");
    let finished = finish(place.command(&["run", "--once"]).env("TZ", "UTC"));
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.stderr.contains("channel=\"terminal\" interval=900s"), "{}", finished.stderr);
    assert_eq!(place.status()["next_report"], serde_json::Value::Null, "nobody is there to send one");
    let agent = place.spawn(place.command(&["run"]));
    wait_until("the agent answers", || place.status()["running"] == true);
    let status = place.status();
    assert!(status["next_report"].as_str().is_some_and(|next| next[10..].starts_with("T09:00:00")), "{status:#}");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}
