//! `silence`, typed at a running agent and without one.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

use super::MEMORY_ALERT;
use crate::support::agent::{Agent, Place, quick};
use crate::support::robot::Robot;
use crate::support::wait_until;

/// An agent on a host whose memory is fine.
fn calm(url: &str) -> (Place, Agent) {
    let place = Place::configured("no-swap", &quick(url));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    (place, agent)
}

/// Its memory fills, and a check finds that.
fn fills(place: &Place, agent: &Agent, checks: usize) {
    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(checks);
}

fn silences(place: &Place) -> Vec<Json> {
    place.status()["silences"].as_array().unwrap().clone()
}

#[test]
fn a_silence_is_shown_holds_outlives_a_restart_and_is_ended_by_its_number() {
    let robot = Robot::start([]);
    let (place, agent) = calm(&robot.url());
    let begun = place.run(&["silence", "memory", "1h", "--why", "restic\u{1b}[2J"]);
    assert_eq!((begun.code, begun.stderr.as_str()), (0, ""), "{begun:?}");
    assert!(begun.stdout.starts_with("silence 1: memory  until 20") && begun.stdout.ends_with("  (restic [2J)\n"));
    fills(&place, &agent, 2);
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    let listed = place.run(&["silence", "list"]);
    assert!(listed.code == 0 && listed.stdout.starts_with("  1  memory  until 20"), "{listed:?}");
    assert_eq!((&silences(&place)[0]["target"], &silences(&place)[0]["number"]), (&"memory".into(), &1.into()));
    let told = place.run(&["status"]).stdout;
    assert!(told.contains("silences      1\n              1  memory  until 20"), "{told}");
    assert!(told.contains(", not told yet: held until 20"), "{told}");
    assert_eq!(robot.received().len(), 0);

    let ended = place.run(&["silence", "end", "1"]);
    assert!(ended.code == 0 && ended.stdout.starts_with("ended: silence 1: memory"), "{ended:?}");
    let content = robot.wait_for(1)[0].content();
    assert!(content.starts_with("🔔 VPS 静默期间的告警 [web-1]\n") && content.contains("⏳ "), "{content}");
    assert_eq!(place.run(&["silence", "list"]).stdout, "none\n");
    let again = place.run(&["silence", "end", "1"]);
    assert_eq!((again.code, again.stdout.as_str()), (1, ""));
    assert_eq!(again.stderr, "vps-monitor: there is no silence 1: there is none at all\n");
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_command_is_silent_for_as_long_as_it_runs_and_its_exit_code_counts() {
    let robot = Robot::start([]);
    let (place, agent) = calm(&robot.url());
    let (begun, go_on) = (place.path("begun"), place.path("go_on"));
    let script = "touch \"$0\"; while ! test -e \"$1\"; do sleep 0.05; done; echo done; exit 7";
    let (first, second) = (begun.display().to_string(), go_on.display().to_string());
    let mut command = place.command(&["silence", "all", "--", "sh", "-c", script, &first, &second]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the command runs", || begun.exists());
    let [silence] = silences(&place).try_into().unwrap();
    assert_eq!(silence["why"], "sh", "{silence}");
    fills(&place, &agent, 2);
    assert_eq!(robot.received().len(), 0);
    std::fs::write(go_on, "").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice(), output.stderr.as_slice()),
        (Some(7), &b"done\n"[..], &b""[..])
    );
    assert!(robot.wait_for(1)[0].content().contains("内存使用率"));
    assert!(silences(&place).is_empty());
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_signal_ends_the_command_and_then_the_silence() {
    let (place, agent) = calm("");
    let begun = place.path("begun");
    let script = format!("touch '{}'; exec sleep 600", begun.display());
    let mut child = place.command(&["silence", "memory", "10m", "--", "sh", "-c", &script]).spawn().unwrap();
    wait_until("the command runs", || begun.exists());
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(128 + 15), None));
    assert!(silences(&place).is_empty());
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_command_runs_without_an_agent_and_with_a_target_that_is_not_there_and_that_is_said() {
    let place = Place::configured("no-swap", &quick(""));
    let ran = place.run(&["silence", "memory", "--", "sh", "-c", "echo ran; exit 3"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "ran\n"));
    assert!(ran.stderr.contains("no agent runs") && ran.stderr.contains("runs without a silence"), "{ran:?}");
    // Without a command there is nothing but the silence.
    for arguments in [&["silence", "memory", "1h"][..], &["silence", "list"], &["silence", "end", "1"]] {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(refused.stderr.contains("no agent runs"), "{refused:?}");
    }
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    let ran = place.run(&["silence", "memry", "--", "true"]);
    assert!(ran.code == 0 && ran.stderr.contains("there is no `memry`; there is memory, "), "{ran:?}");
    let refused = place.run(&["silence", "memry", "1h"]);
    assert!(refused.code == 1 && refused.stderr.contains("there is no `memry`; there is memory, "), "{refused:?}");
    let codes = [&["silence", "all", "--", "/no/such"][..], &["silence", "all", "--", "/etc/passwd"]];
    assert_eq!(codes.map(|arguments| place.run(arguments).code), [127, 126]);
    assert!(silences(&place).is_empty());
    agent.stop(Signal::SIGTERM);
}

#[test]
fn what_cannot_be_meant_is_a_wrong_command_line() {
    let place = Place::configured("no-swap", &quick(""));
    for (arguments, said) in [
        (&["silence"][..], "TARGET"),
        (&["silence", "memory"], "a silence needs an end"),
        (&["silence", "memory", "0"], "out of range"),
        (&["silence", "memory", "31d"], "out of range"),
        (&["silence", "memory", "1 hour"], "expected `1h`"),
        (&["silence", "memory", "soon"], "30m"),
        (&["silence", "end"], "<N>"),
        (&["silence", "end", "x"], "invalid"),
    ] {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (64, ""), "{arguments:?} {refused:?}");
        assert!(refused.stderr.contains(said), "{arguments:?} {refused:?}");
    }
}

#[test]
fn run_once_goes_by_a_silence_that_an_agent_left_and_tells_after_it() {
    let robot = Robot::start([]);
    let (place, agent) = calm(&robot.url());
    assert_eq!(place.run(&["silence", "memory", "1h"]).code, 0);
    agent.stop(Signal::SIGTERM);
    place.become_host("small-vps");
    assert_eq!((place.run(&["run", "--once"]).code, robot.received().len()), (0, 0));
    // Nobody waits for an hour: the silence is taken out of the file.
    let mut state: Json = serde_json::from_slice(&std::fs::read(place.state_file()).unwrap()).unwrap();
    state["silences"]["list"][0]["until"] = 0.into();
    std::fs::write(place.state_file(), state.to_string()).unwrap();
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    let content = robot.wait_for(1)[0].content();
    assert!(content.starts_with("🔔") && !content.starts_with(MEMORY_ALERT), "{content}");
}
