//! `status` while no agent runs; with one it is in tests/run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::agent::{BINARY, Place, finish, quick};
use crate::support::robot::{Answer, Robot};

#[test]
fn where_no_agent_ever_ran_nothing_is_known_and_nothing_is_made() {
    let place = Place::configured("this-vm", &quick(""));
    let status = place.status();
    assert_eq!((&status["schema"], &status["host"], &status["running"]), (&1.into(), &"web-1".into(), &false.into()));
    for unknown in ["pid", "last_check", "next_check", "next_report", "last_report", "saved"] {
        assert_eq!(status.get(unknown), Some(&Json::Null), "{unknown} in {status:#}");
    }
    for empty in ["alerts", "pending", "failures"] {
        assert_eq!(status[empty], Json::Array(Vec::new()), "{empty} in {status:#}");
    }
    let told = place.run(&["status"]);
    assert!(told.code == 3 && told.stdout.contains("not running; none has saved a state here\n"), "{told:?}");
    assert!(!place.state().exists());
}

#[test]
fn without_an_agent_a_configuration_that_is_not_valid_is_part_of_the_answer() {
    let place = Place::configured("small-vps", &quick(""));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    place.configure("general: {chek_interval: 900}\n");
    let status = place.status();
    let problem = format!("{}:1:11: error: general: unknown key `chek_interval`", place.config().display());
    assert!(status["config_problem"].as_str().is_some_and(|told| told.starts_with(&problem)), "{status:#}");
    assert_eq!((&status["next_report"], &status["alerts"][0]["metric"]), (&Json::Null, &"memory".into()));
    let told = place.run(&["status"]);
    assert_eq!((told.code, told.stderr.as_str()), (3, ""), "{told:?}");
    assert!(status["saved"].is_string(), "{status:#}");
    for word in [
        "not running; this is what the last one saved at 2",
        &format!("NOT VALID on disk: {problem}"),
        "memory 80.4% (threshold 80%)",
    ] {
        assert!(told.stdout.contains(word), "`{word}` is not in\n{}", told.stdout);
    }
}

#[test]
fn what_the_last_agent_left_is_told_with_its_times() {
    let robot = Robot::start([Answer::Errcode(93000)]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    assert_eq!(place.run(&["run", "--once"]).code, 1);
    let status = place.status();
    let time = |time: &Json| time.as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());

    let alert = &status["alerts"][0];
    assert_eq!((&alert["metric"], &alert["target"], &alert["state"]), (&"memory".into(), &"".into(), &"firing".into()));
    assert_eq!((alert["value"].as_f64(), &alert["threshold"]), (Some(80.37335201994688), &80.into()));
    assert!(time(&alert["since"]).is_some() && time(&alert["last_told"]).is_some(), "{alert:#}");

    let pending = &status["pending"][0];
    assert_eq!((&pending["kind"], &pending["title"]), (&"alert".into(), &"⚠️ VPS 告警 [web-1]".into()));
    assert!(time(&pending["created"]).is_some() && pending["attempts"].is_u64(), "{pending:#}");
    assert!(time(&pending["next_attempt"]) > time(&status["time"]), "{pending:#}");
    assert!(pending["last_error"].as_str().is_some_and(|error| error.starts_with("errcode 93000")), "{pending:#}");

    let told = place.run(&["status"]).stdout;
    assert!(told.contains("memory 80.4% (threshold 80%) since 20") && told.contains(", told 20"), "{told}");
    assert!(told.contains(", next attempt 20") && told.contains(", last error: errcode 93000"), "{told}");
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_and_is_left_as_it_is() {
    let place = Place::configured("this-vm", &quick(""));
    fs::create_dir(place.state()).unwrap();
    for damaged in ["{", "", "{\"version\": 99}"] {
        fs::write(place.state_file(), damaged).unwrap();
        let refused = place.run(&["status"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
        assert!(refused.stderr.contains(&place.state().display().to_string()), "{refused:?}");
        assert_eq!(fs::read_to_string(place.state_file()).unwrap(), damaged);
    }
    fs::remove_file(place.state_file()).unwrap();
    fs::create_dir(place.state_file()).unwrap();
    assert_eq!(place.run(&["status"]).code, 1);
    // Nor is a folder that is none an agent that has nothing to tell.
    fs::remove_dir_all(place.state()).unwrap();
    fs::write(place.state(), "").unwrap();
    let refused = place.run(&["status"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
    assert!(refused.stderr.contains("Not a directory"), "{refused:?}");
}

#[test]
fn a_user_who_may_not_look_into_the_state_is_told_who_may() {
    const NOBODY: u32 = 65534;
    let place = Place::configured("this-vm", &quick(""));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    if chown(place.config(), Some(NOBODY), Some(NOBODY)).is_err() {
        return eprintln!("left out, as this user cannot become another one");
    }
    // The user needs a way to the program, the configuration and the state's folder, and no further.
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path("vps-monitor");
    fs::copy(BINARY, &program).unwrap();
    let mut status = Command::new(program);
    status.arg("--config").arg(place.config()).arg("--state-dir").arg(place.state()).arg("status");
    let refused = finish(status.uid(NOBODY).gid(NOBODY));
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
    assert!(refused.stderr.contains("Permission denied") && refused.stderr.contains("sudo"), "{refused:?}");
}
