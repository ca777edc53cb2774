//! The state's folder: shared, damaged, newer, not to be written.

use std::fs;

use nix::sys::signal::Signal;

use super::{MEMORY_ALERT, see_alert_and_recovery};
use crate::support::agent::{Agent, Place, finish, quick};
use crate::support::robot::{Robot, refusing_url};
use crate::support::{can_inject, wait_until};

#[test]
fn a_second_agent_names_the_first_and_ends() {
    let place = Place::configured("no-swap", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    for arguments in [&["run"][..], &["run", "--once"]] {
        let second = place.run(arguments);
        assert_eq!((second.code, second.stdout.as_str()), (1, ""));
        assert!(second.stderr.contains(&format!("process {}", agent.pid())), "{}", second.stderr);
        // Whoever wants one check now is told how to have it.
        assert_eq!(second.stderr.contains("kill -s USR1"), arguments.contains(&"--once"), "{}", second.stderr);
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
    // One message tells of it, and one of the alert.
    assert_eq!((finished.code, robot.received().len()), (0, 2));
    assert!(finished.stderr.contains("the state cannot be read"), "{}", finished.stderr);
    let files = fs::read_dir(place.state()).unwrap().map(|file| file.unwrap());
    let kept = files.filter(|file| file.file_name().to_string_lossy().starts_with("alert_state.json.damaged-"));
    let kept: Vec<_> = kept.map(|file| fs::read_to_string(file.path()).unwrap()).collect();
    assert_eq!(kept, ["{\"version\": 1, \"alerts\": ["]);
    assert_eq!(place.status()["alerts"][0]["metric"], "memory");
}

#[test]
fn the_group_is_told_once_what_is_known_of_a_state_that_was_lost() {
    let place = Place::configured("small-vps", &quick(&refusing_url()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("not delivered");
    agent.stop(Signal::SIGTERM);
    let state = fs::read(place.state_file()).unwrap();
    fs::write(place.state_file(), &state[..state.len() - 9]).unwrap();

    let robot = Robot::start([]);
    place.configure(&quick(&robot.url()));
    for _ in 0..2 {
        assert_eq!(place.run(&["run", "--once"]).code, 0);
    }
    let received = robot.received();
    let told: Vec<String> = received.iter().map(|request| request.content()).collect();
    let [lost, alert] = told.as_slice() else { panic!("{told:#?}") };
    assert!(alert.starts_with(MEMORY_ALERT), "{alert}");
    assert!(lost.starts_with("⚠️ VPS 监控状态丢失 [web-1]"), "{lost}");
    for part in
        ["alert_state.json.damaged-", "上次保存: ", "未送达的消息: 1 条", "• ⚠️ VPS 告警", "仍存在的问题会重新告警"]
    {
        assert!(lost.contains(part), "{part} in {lost}");
    }
}

#[test]
fn a_state_with_an_absurd_value_is_corrected_and_its_message_is_told() {
    let place = Place::configured("small-vps", &quick(&refusing_url()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("not delivered");
    agent.stop(Signal::SIGTERM);
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(place.state_file()).unwrap()).unwrap();
    let waiting = &mut state["outboxes"]["wechat"]["waiting"][0];
    assert_eq!(waiting["message"]["rule_width"], 16, "{waiting}");
    waiting["message"]["rule_width"] = u64::MAX.into();
    waiting["attempts"] = u32::MAX.into();
    waiting["not_before"] = serde_json::Value::Null;
    fs::write(place.state_file(), serde_json::to_vec(&state).unwrap()).unwrap();

    let robot = Robot::start([]);
    place.configure(&quick(&robot.url()));
    let agent = place.start(&["run"]);
    assert!(robot.wait_for(1)[0].content().starts_with("⚠️ VPS 告警 [web-1]"));
    agent.wait_for_log("delivered kind=alert");
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert!(log.contains("values that cannot be true") && log.contains("were corrected: 2"), "{log}");
}

/// Makes strace fail the agent's own operations on the state file.
fn with_fault(place: &Place, inject: &str, arguments: &[&str]) -> Agent {
    let command = place.command(arguments);
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-P", "alert_state.json", "-e", &format!("inject={inject}")]);
    strace.arg(command.get_program()).args(command.get_args());
    place.spawn(strace)
}

#[test]
fn a_state_that_cannot_be_read_for_a_moment_is_gone_on_from() {
    if !can_inject() {
        return;
    }
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    for error in ["EMFILE", "ENFILE", "EIO", "ENOMEM", "EACCES", "ESTALE"] {
        let ended = with_fault(&place, &format!("openat:error={error}:when=1..3"), &["run", "--once"]).finish();
        assert_eq!(ended.code, 0, "{error}: {ended:?}");
    }
    // Its messages are known, so nothing was told again.
    assert_eq!((robot.received().len(), fs::read_dir(place.state()).unwrap().count()), (1, 4));
}

#[test]
fn without_its_state_the_agent_does_not_start_and_says_what_to_do_and_a_signal_ends_its_patience() {
    if !can_inject() {
        return;
    }
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    let before = fs::read(place.state_file()).unwrap();
    let refused = with_fault(&place, "openat:error=EACCES", &["run"]).finish();
    assert_eq!(refused.code, 1, "{refused:?}");
    for part in ["alert_state.json cannot be read: Permission denied", "it belongs to ", "chown", "left as it is"] {
        assert!(refused.stderr.contains(part), "{part} in {refused:?}");
    }
    assert_eq!((fs::read(place.state_file()).unwrap(), robot.received().len()), (before, 1));

    let waiting = with_fault(&place, "openat:error=EIO", &["run"]);
    let agent = || fs::read_to_string(place.state().join("lock")).ok()?.trim().parse::<i32>().ok();
    let (stale, mut pid) = (agent(), None);
    wait_until("it has taken the lock", || {
        pid = agent().filter(|pid| Some(*pid) != stale);
        pid.is_some()
    });
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(waiting.finish().code, 0);
}

#[test]
fn where_its_folder_hangs_the_agent_says_so_and_ends_and_a_signal_ends_it_before() {
    let place = Place::configured("small-vps", &quick(""));
    let hangs = "mkdir -p $PLACE/state; exec 3<>/dev/fuse; \
                 mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none $PLACE/state";
    if !place.can(hangs) {
        return;
    }
    let refused = place.start_after(hangs, &["run"]).finish();
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("/state: no answer within 5 s"), "{refused:?}");
    let agent = place.start_after(hangs, &["run"]);
    let read = |file: &str| fs::read_to_string(format!("/proc/{0}/task/{0}/{file}", agent.pid())).unwrap_or_default();
    wait_until("its child tries the folder", || read("comm") == "vps-monitor\n" && !read("children").is_empty());
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
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
    // Nor do those who only look take it for their own, though they could read all that they know.
    let known =
        NEWER.replace("\"otherwise\"", "[], \"saved\": \"2026-02-04T00:00:00Z\", \"saved_boot\": 1, \"boot_id\": \"\"");
    for newer in [NEWER, &known] {
        fs::write(place.state_file(), newer).unwrap();
        let refused = place.run(&["status"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
        let words = format!("{}: alert_state.json was written by a newer version", place.state().display());
        assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    }
}

#[test]
fn where_there_can_be_no_state_messages_go_out_and_it_is_said_once() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    // A file where the folder should be: not even root can write there.
    fs::write(place.state(), "").unwrap();
    let agent = place.start(&["run"]);
    see_alert_and_recovery(&robot, &place, &agent);
    let log = agent.stop(Signal::SIGTERM).stderr;
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ")).collect();
    // One of the state, and one of the history.
    assert!(complaints.len() == 2 && complaints[0].contains("messages are sent all the same"), "{log}");
    assert!(complaints.iter().all(|line| line.contains(&place.state().display().to_string())), "{log}");
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
    see_alert_and_recovery(&robot, &place, &agent);
    let log = agent.stop(Signal::SIGTERM).stderr;
    // One of the state, and one of the history.
    assert_eq!(log.matches(" ERROR ").count(), 2, "{log}");
    assert!(log.contains("the state cannot be saved, messages are sent all the same"), "{log}");
}

#[test]
fn a_state_folder_that_somebody_removed_is_made_again() {
    let place = Place::configured("small-vps", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_log("delivered kind=alert");
    // A file that is still being written cannot be removed with its folder.
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
    see_alert_and_recovery(&robot, &place, &agent);

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
