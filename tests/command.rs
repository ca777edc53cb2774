//! Real programs as a channel: the facts they get, the meaning of their end, and that none outlives its time.

use std::borrow::Cow;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use vps_monitor::drawing::{Recipe, Subject};
use vps_monitor::files::RealFolder;
use vps_monitor::history::Batch;
use vps_monitor::http::Answer;
use vps_monitor::message::Language;

use vps_monitor::worker::{CANNOT_RUN, Illustrated, Program, Worker};

use crate::history::{LIMITS, record};
use crate::support::agent::{BINARY, Place, finish, quick};
use crate::support::robot::Robot;
use crate::support::wait_until;

/// A script of the shell in `folder`, in which `HERE` is the folder.
fn script(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("script");
    // A file that another process still has open for writing cannot be run.
    fs::write(folder.join("new"), format!("#!/bin/sh\n{lines}\n").replace("HERE", folder.to_str().unwrap())).unwrap();
    fs::set_permissions(folder.join("new"), Permissions::from_mode(0o755)).unwrap();
    let copied = std::process::Command::new("cp").arg("-p").arg(folder.join("new")).arg(&path).status().unwrap();
    assert!(copied.success());
    path
}

fn place(lines: &str) -> Place {
    let place = Place::on("small-vps");
    let path = script(&place.path(""), lines);
    place.configure(&format!("{}channels: [{{command: {{run: ['{}', first, 'a b']}}}}]\n", quick(""), path.display()));
    place
}

fn program(path: &Path) -> Program {
    let environment = vec![(Cow::Borrowed("VPSMON_TITLE"), "t".to_owned())];
    let command = vec![path.to_str().unwrap().to_owned()];
    Program { command, environment, input: "text\n".to_owned(), within: Duration::from_secs(1) }
}

fn run(program: &Program) -> Answer {
    Worker::at(env!("CARGO_BIN_EXE_vps-monitor")).run(program).unwrap().wait()
}

/// The number in a file, once it is there.
fn number_in(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_program_has_the_text_on_standard_input_the_facts_as_variables_and_none_of_the_agents_secrets() {
    let place = place("cat > HERE/input; env > HERE/env; printf '%s\\n' \"$@\" > HERE/arguments");
    let mut command = place.command(&["test-notify"]);
    let told = finish(command.env("WEBHOOK", "a-secret-of-the-agent"));
    assert_eq!((told.code, told.stdout.ends_with(": delivered\n")), (0, true), "{told:?}");
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    let (input, env) = (read("input"), read("env"));
    assert!(input.contains("[web-1]") && input.ends_with('\n'), "{input}");
    assert!(
        env.contains("VPSMON_KIND=test\n") && env.contains("VPSMON_HOST=web-1\n") && env.contains("PATH="),
        "{env}"
    );
    assert!(!env.contains("a-secret"), "{env}");
    assert_eq!(read("arguments"), "first\na b\n");
}

/// An alert of a number with its picture, at the first check.
fn place_with_picture(lines: &str) -> Place {
    let place = place(lines);
    let config = fs::read_to_string(place.config()).unwrap().replace("threshold: 80", "threshold: 1, for: 0");
    place.configure(&config.replace("general: {", "general: {alert_picture: true, "));
    place
}

#[test]
fn an_alerts_picture_is_a_file_that_the_program_and_its_children_can_read_and_nothing_is_left_of_it() {
    let lines = "cp \"$VPSMON_IMAGE\" HERE/picture && echo \"$VPSMON_IMAGE\" > HERE/path";
    let place = place_with_picture(lines);
    let agent = place.start(&["run"]);
    agent.wait_for_log("delivered kind=alert channel=command attempts=1");
    let log = agent.stop(Signal::SIGTERM).stderr;
    let picture = fs::read(place.path("picture")).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.ends_with(b"IEND\xaeB`\x82"), "{log}");
    assert!(fs::read_to_string(place.path("path")).unwrap().starts_with("/proc/self/fd/"));
    assert!(!log.contains("picture"), "{log}");
}

/// The child reads no configuration, from which other processes know the quantities.
#[test]
fn the_picture_of_a_report_has_only_its_quantities() {
    let picture = |metrics: &[&str]| {
        let place = place("cp \"$VPSMON_IMAGE\" HERE/picture");
        let time = 1_770_001_200;
        let series = |metric: &&str| ((*metric).to_owned(), String::new(), Some("percent".to_owned()));
        let row = |check: i64| (time + check * 60, vec![Some(40.0 + check as f64); metrics.len()]);
        let batch = Batch {
            now: time + 3600,
            is_checked: true,
            limits: LIMITS,
            series: metrics.iter().map(series).collect(),
            rows: (0..60).map(row).collect(),
            alerts: Vec::new(),
            has_every_alert: true,
        };
        record(&place.state(), &batch);
        let at = |second: i64| jiff::Timestamp::from_second(second).unwrap();
        let recipe = Recipe {
            subject: Subject::Report,
            from: at(time),
            to: at(time + 3600),
            made_at: at(time + 3600),
            host: "host".to_owned(),
            system_host: "host".to_owned(),
            zone: jiff::tz::TimeZone::UTC,
            language: Language::English,
            interval: Duration::from_secs(60),
            known: Vec::new(),
        };
        let (folder, recipe) = (RealFolder::open(&place.state()).unwrap(), serde_json::to_vec(&recipe).unwrap());
        let job = Illustrated::Run(program(&place.path("script")));
        assert_eq!(Worker::at(BINARY).draw(&folder, &job, &recipe).unwrap().wait().unwrap().status, 0);
        fs::read(place.path("picture")).unwrap()
    };
    assert!(picture(&["memory", "steal", "open_files"]) == picture(&["memory"]));
    assert!(picture(&["memory", "swap"]) != picture(&["memory"]));
}

#[test]
fn a_program_whose_picture_cannot_be_drawn_is_run_without_it_and_the_log_says_so() {
    let place = place_with_picture("echo \"${VPSMON_IMAGE-none}\" > HERE/path");
    fs::create_dir_all(place.state()).unwrap();
    let other = rusqlite::Connection::open(place.state().join(vps_monitor::history::FILE_NAME)).unwrap();
    other.execute_batch("CREATE TABLE mine(x)").unwrap();
    let agent = place.start(&["run"]);
    agent.wait_for_log("delivered kind=alert channel=command attempts=1");
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(fs::read_to_string(place.path("path")).unwrap(), "none\n");
    assert!(
        log.contains("the command went without its picture channel=command: no picture can be drawn: history.db is"),
        "{log}"
    );
}

#[test]
fn test_notify_says_of_each_end_of_a_program_whether_it_is_a_delivery_and_what_to_do() {
    for (lines, told) in [
        ("echo no such user >&2; exit 78", "exit code 78 no such user\n  what to do: the program refuses everything"),
        ("exit 65", "the program refuses this message"),
        ("/nonexistent", "exit code 127"),
    ] {
        let finished = place(lines).run(&["test-notify"]);
        assert!(finished.code == 1 && finished.stdout.contains(told), "{lines}: {finished:?}");
    }
    let place = place("[ -e HERE/again ] || { : > HERE/again; exit 75; }");
    let finished = place.run(&["test-notify"]);
    assert!(finished.code == 0 && finished.stderr.contains("exit code 75; trying again in 1 s"), "{finished:?}");
}

#[test]
fn a_program_that_others_can_change_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = script(folder.path(), "exit 0");
    let refused = |told: &str| {
        let answer = run(&program(&path)).unwrap();
        assert_eq!(answer.status, CANNOT_RUN, "{told}");
        assert!(answer.body.contains(told), "{}", answer.body);
    };
    assert_eq!(run(&program(&path)).unwrap().status, 0);
    assert!(run(&program(folder.path())).unwrap().body.contains("is a folder: name the program in it"));
    fs::set_permissions(&path, Permissions::from_mode(0o757)).unwrap();
    refused("others can write to");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    refused("is no program");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    refused("others can replace");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    // So can whoever can write to a folder further up, or to one that a link is in.
    let (open, inner) = (folder.path().join("open"), folder.path().join("open/inner"));
    fs::create_dir_all(&inner).unwrap();
    let program_of = |path: PathBuf| run(&program(&path)).unwrap();
    let (moved, link) = (inner.join("script"), open.join("link"));
    assert!(std::process::Command::new("cp").arg("-p").arg(&path).arg(&moved).status().unwrap().success());
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for path in [&moved, &link] {
        for (mode, status) in [(0o755, 0), (0o777, CANNOT_RUN), (0o1777, 0)] {
            fs::set_permissions(&open, Permissions::from_mode(mode)).unwrap();
            let answer = program_of(path.clone());
            assert_eq!(answer.status, status, "{} {mode:o} {}", path.display(), answer.body);
        }
    }
    // A folder of another user, which root alone can make.
    if std::os::unix::fs::chown(&open, Some(12_345), None).is_ok() {
        let answer = program_of(moved);
        assert!(answer.status == CANNOT_RUN && answer.body.contains("is theirs"), "{}", answer.body);
    }
    fs::remove_file(&path).unwrap();
    refused("cannot be read: No such file");
}

#[test]
fn one_that_does_not_end_is_ended_with_everything_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let path = script(folder.path(), "trap '' TERM; sleep 600 & echo $! > HERE/pid; echo started; wait; sleep 600");
    let error = run(&program(&path)).unwrap_err();
    assert_eq!(error.0, "timed out: the program ran for 1 s and was ended: started\n");
    let silent = run(&program(&script(folder.path(), "kill -9 $$"))).unwrap_err();
    assert_eq!(silent.0, "the program was ended by signal 9");
    let child = number_in(&folder.path().join("pid")).unwrap();
    wait_until("its child is gone", || !is_alive(child));
}

#[test]
fn output_without_end_is_bounded_and_a_signal_is_no_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let answer = run(&program(&script(folder.path(), "head -c 3000000 /dev/zero | tr '\\0' x; exit 3"))).unwrap();
    assert_eq!((answer.status, answer.body.len()), (3, 4096));
    let killed = run(&program(&script(folder.path(), "kill -9 $$"))).unwrap_err();
    assert!(killed.0.starts_with("the program was ended by signal 9"), "{killed}");
}

#[test]
fn a_program_whose_agent_gives_up_does_not_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = script(folder.path(), "echo $$ > HERE/new-pid; mv HERE/new-pid HERE/pid; exec sleep 600");
    let long = Program { within: Duration::from_secs(30), ..program(&path) };
    let task = Worker::at(env!("CARGO_BIN_EXE_vps-monitor")).run(&long).unwrap();
    wait_until("it runs", || folder.path().join("pid").exists());
    let pid = number_in(&folder.path().join("pid")).unwrap();
    drop(task);
    wait_until("it is gone", || !is_alive(pid));
}

#[test]
fn a_program_that_takes_its_time_holds_up_neither_the_agent_nor_other_channels() {
    let robot = Robot::start([]);
    let place = Place::on("no-swap");
    let lines = "echo $$ > HERE/new-pid; mv HERE/new-pid HERE/pid; exec sleep 600";
    let path = script(&place.path(""), lines);
    place.configure(&format!(
        "{}channels: [{{command: {{run: ['{}'], timeout: 30}}, kinds: [alert]}}]\n",
        quick(&robot.url()),
        path.display()
    ));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    robot.wait_for(1);
    wait_until("it runs", || place.path("pid").exists());
    let pid = number_in(&place.path("pid")).unwrap();
    let checks = agent.checks();
    agent.signal(Signal::SIGUSR1);
    wait_until("another check is made", || agent.checks() > checks);
    assert!(is_alive(pid));
    agent.stop(Signal::SIGTERM);
    wait_until("it is gone with the agent", || !is_alive(pid));
}
