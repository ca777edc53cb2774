//! The state's folder: shared, damaged, newer, not to be written.

use std::fs;

use nix::sys::signal::Signal;

use super::{MEMORY_ALERT, MEMORY_RECOVERY};
use crate::support::agent::{Place, finish, quick};
use crate::support::robot::Robot;
use crate::support::wait_until;

#[test]
fn a_second_agent_names_the_first_and_ends() {
    let place = Place::configured("no-swap", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    for arguments in [&["run"][..], &["run", "--once"]] {
        let second = place.run(arguments);
        assert_eq!((second.code, second.stdout.as_str()), (1, ""));
        assert!(second.stderr.contains(&format!("process {}", agent.pid())), "{}", second.stderr);
    }
    let status = place.status();
    assert_eq!((&status["running"], &status["pid"]), (&true.into(), &agent.pid().into()));
    for known in ["last_check", "next_check"] {
        assert!(status[known].is_string(), "{known} in {status:#}");
    }
    assert!(place.run(&["status"]).stdout.contains(&format!("running, process {}", agent.pid())));
    agent.stop(Signal::SIGTERM);
    // Its place is free again.
    assert_eq!(place.run(&["run", "--once"]).code, 0);
}

#[test]
fn the_state_is_for_its_owner_alone_and_says_its_version() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::configured("small-vps", &quick(""));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!(fs::metadata(place.state_file()).unwrap().permissions().mode() & 0o777, 0o600);
    let state: serde_json::Value = serde_json::from_slice(&fs::read(place.state_file()).unwrap()).unwrap();
    assert_eq!(state["version"], 2);
}

#[test]
fn a_damaged_state_is_set_aside_and_the_agent_starts_afresh() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    fs::create_dir(place.state()).unwrap();
    fs::write(place.state_file(), "{\"version\": 1, \"alerts\": [").unwrap();
    let finished = place.run(&["run", "--once"]);
    assert_eq!((finished.code, robot.received().len()), (0, 1));
    assert!(finished.stderr.contains("the state cannot be read"), "{}", finished.stderr);
    let files = fs::read_dir(place.state()).unwrap().map(|file| file.unwrap());
    let kept = files.filter(|file| file.file_name().to_string_lossy().starts_with("alert_state.json.damaged-"));
    let kept: Vec<_> = kept.map(|file| fs::read_to_string(file.path()).unwrap()).collect();
    assert_eq!(kept, ["{\"version\": 1, \"alerts\": ["]);
    assert_eq!(place.status()["alerts"][0]["metric"], "memory");
}

#[test]
fn a_newer_state_is_refused_and_left_as_it_is() {
    const NEWER: &str = "{\"version\": 3, \"alerts\": \"otherwise\"}";
    let place = Place::configured("small-vps", &quick(""));
    fs::create_dir(place.state()).unwrap();
    fs::write(place.state_file(), NEWER).unwrap();
    for arguments in [&["run"][..], &["run", "--once"]] {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
        assert!(refused.stderr.contains("newer version"), "{}", refused.stderr);
        assert_eq!(fs::read_to_string(place.state_file()).unwrap(), NEWER);
    }
}

#[test]
fn where_there_can_be_no_state_messages_go_out_and_it_is_said_once() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    // A file where the folder should be: not even root can write there.
    fs::write(place.state(), "").unwrap();
    let agent = place.start(&["run"]);
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    assert!(robot.wait_for(2)[1].content().starts_with(MEMORY_RECOVERY));
    agent.wait_for_log("delivered kind=recovery");
    let log = agent.stop(Signal::SIGTERM).stderr;
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ")).collect();
    assert!(complaints.len() == 1 && complaints[0].contains("messages are sent all the same"), "{log}");
    assert!(complaints[0].contains(&place.state().display().to_string()), "{log}");
}

#[test]
fn in_a_folder_that_is_read_only_messages_go_out_and_it_is_said_once() {
    let read_only = "mkdir -p $PLACE/state; mount --bind -o ro $PLACE/state $PLACE/state; \
                     ! touch $PLACE/state/x 2>/dev/null";
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    if !place.can(read_only) {
        return;
    }
    let agent = place.start_after(read_only, &["run"]);
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    assert!(robot.wait_for(2)[1].content().starts_with(MEMORY_RECOVERY));
    agent.wait_for_log("delivered kind=recovery");
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches(" ERROR ").count(), 1, "{log}");
    assert!(log.contains("the state cannot be saved, messages are sent all the same"), "{log}");
}

#[test]
fn a_state_folder_that_somebody_removed_is_made_again() {
    let place = Place::configured("small-vps", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_log("delivered kind=alert");
    // What is still being written cannot be removed with its folder.
    let saved = || fs::read_to_string(place.state_file()).is_ok_and(|state| state.contains("\"waiting\": []"));
    wait_until("the delivery is saved", saved);
    fs::remove_dir_all(place.state()).unwrap();
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("delivered kind=recovery");
    agent.stop(Signal::SIGTERM);
    assert!(place.state_file().exists());
}

#[test]
fn on_a_full_disk_messages_go_out_and_the_state_is_saved_once_there_is_room() {
    // A file system of its own, which one file fills.
    let full = "mkdir -p $PLACE/state; mount -t tmpfs -o size=64k none $PLACE/state; \
                dd if=/dev/zero of=$PLACE/state/ballast bs=4k 2>/dev/null || true";
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    if !place.can(full) {
        return;
    }
    let agent = place.start_after(full, &["run"]);
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    assert!(robot.wait_for(2)[1].content().starts_with(MEMORY_RECOVERY));
    agent.wait_for_log("delivered kind=recovery");

    // Seen from outside, the agent's files are under its root.
    let root = format!("/proc/{}/root{}", agent.pid(), place.state().display());
    fs::remove_file(format!("{root}/ballast")).unwrap();
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("state works again");
    wait_until("the state is saved", || {
        fs::read_to_string(format!("{root}/alert_state.json")).is_ok_and(|text| text.contains("\"version\""))
    });
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("the state cannot be saved").count(), 1, "{log}");
}

#[test]
fn the_state_folder_is_where_the_option_or_systemd_says() {
    let place = Place::configured("no-swap", &quick(""));
    let by_systemd = place.path("by-systemd");
    let mut command = std::process::Command::new(crate::support::agent::BINARY);
    command.arg("--config").arg(place.config()).arg("--procfs").arg(place.path("proc")).args(["run", "--once"]);
    let finished = finish(command.env("STATE_DIRECTORY", &by_systemd));
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(by_systemd.join("alert_state.json").exists() && !place.state().exists());
}
