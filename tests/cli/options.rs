//! Behaviour of every command: its help, a wrong command line, pipes, colour, named files.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::support::agent::{BINARY, Place, finish, quick};
use crate::support::wait_until;

const COMMANDS: [&[&str]; 11] = [
    &[],
    &["run"],
    &["check"],
    &["report"],
    &["status"],
    &["schedule"],
    &["test-notify"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["config", "template"],
];

#[test]
fn every_command_has_help_that_fits_and_names_its_exit_codes() {
    for command in COMMANDS {
        let help = finish(Command::new(BINARY).args(command).arg("--help"));
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{command:?}");
        let usage = [&["Usage: vps-monitor"], command].concat().join(" ");
        assert!(help.stdout.contains(&usage), "{command:?}:\n{}", help.stdout);
        let codes: Vec<&str> =
            help.stdout.lines().skip_while(|line| !line.to_lowercase().starts_with("exit code")).collect();
        for code in ["0", "1", "64", "78"] {
            let named = codes.iter().any(|line| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == code));
            assert!(named, "{command:?} does not say what {code} means:\n{}", help.stdout);
        }
        for line in help.stdout.lines() {
            assert!(line.chars().count() <= 100 && line.trim_end() == line, "{command:?}: `{line}`");
        }
    }
}

#[test]
fn a_command_line_that_cannot_be_understood_is_64() {
    let place = Place::configured("this-vm", &quick(""));
    let misspelt: [&[&str]; 9] = [
        &[],
        &["chek"],
        &["check", "--jsn"],
        &["check", "extra"],
        &["run", "--once=maybe"],
        &["config"],
        &["config", "shw"],
        &["schedule", "-n", "many"],
        &["--procfs"],
    ];
    for arguments in misspelt {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (64, ""), "{arguments:?}");
        assert!(refused.stderr.contains("Usage: vps-monitor") || refused.stderr.contains("--help"), "{refused:?}");
    }
}

#[test]
fn a_file_named_by_hand_that_is_not_there_is_an_error_of_every_command() {
    let place = Place::on("this-vm");
    let missing = place.path("missing.yaml");
    let commands: [&[&str]; 8] = [
        &["run", "--once"],
        &["check"],
        &["report"],
        &["status"],
        &["schedule"],
        &["test-notify"],
        &["config", "show"],
        &["config", "check"],
    ];
    for arguments in commands {
        let by_option = finish(place.command(arguments).arg("--config").arg(&missing));
        let by_variable = finish(place.command(arguments).env("VPS_MONITOR_CONFIG", &missing));
        for refused in [by_option, by_variable] {
            assert_eq!((refused.code, refused.stdout.as_str()), (78, ""), "{arguments:?}: {refused:?}");
            assert!(refused.stderr.contains("missing.yaml"), "{refused:?}");
        }
    }
    let refused = place.run(&["config", "check", &missing.display().to_string()]);
    assert_eq!((refused.code, refused.stdout.as_str()), (78, ""), "{refused:?}");
}

#[test]
fn the_variable_names_the_configuration_and_the_option_goes_before_it() {
    let place = Place::on("this-vm");
    let [first, second] = ["first", "second"].map(|name| {
        let file = place.path(name);
        std::fs::write(&file, format!("general: {{hostname: {name}}}\n")).unwrap();
        file
    });
    let shown = finish(place.command(&["config", "show"]).env("VPS_MONITOR_CONFIG", &first));
    assert!(shown.stdout.contains("hostname: first"), "{shown:?}");
    let shown =
        finish(place.command(&["config", "show"]).env("VPS_MONITOR_CONFIG", &first).arg("--config").arg(&second));
    assert!(shown.stdout.contains("hostname: second"), "{shown:?}");
}

#[test]
fn a_procfs_that_is_not_there_is_said_not_measured_as_nothing() {
    let refused = finish(Command::new(BINARY).args(["--procfs", "/no/such/proc", "check"]));
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
    assert!(refused.stderr.contains("/no/such/proc"), "{refused:?}");
}

#[test]
fn a_docker_socket_that_cannot_be_one_is_not_taken_for_a_breach() {
    let long = format!("/{}", "a".repeat(120));
    for (path, why) in [("docker.sock", "not absolute"), ("tcp://127.0.0.1:2375", "not supported"), (&*long, "longer")]
    {
        let refused = finish(Command::new(BINARY).args(["--docker-socket", path, "check"]));
        assert_eq!((refused.code, refused.stdout.as_str()), (64, ""), "{refused:?}");
        assert!(refused.stderr.contains(why), "{refused:?}");
    }
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let place = Place::configured("this-vm", &quick(""));
    let commands: [&[&str]; 7] = [
        &["--help"],
        &["config", "template"],
        &["config", "show"],
        &["schedule", "-n", "5000"],
        &["check"],
        &["report"],
        &["status"],
    ];
    for arguments in commands {
        let mut child = place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut status = None;
        wait_until("the command ends", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        // No agent runs there, which is the meaning of 3.
        let code = if arguments == ["status"] { 3 } else { 0 };
        assert_eq!((status.unwrap().code(), complaint.as_str()), (Some(code), ""), "{arguments:?}");
    }
}

#[test]
fn there_is_no_colour_in_a_pipe() {
    let place = Place::configured("small-vps", &quick(""));
    let commands: [&[&str]; 6] =
        [&["--help"], &["chek"], &["check"], &["report"], &["status"], &["config", "template"]];
    for arguments in commands {
        // The variables of a terminal, which some programs take for a request for colour.
        let finished = finish(place.command(arguments).env("TERM", "xterm-256color").env("COLORTERM", "truecolor"));
        assert!(!finished.stdout.is_empty() || !finished.stderr.is_empty(), "{arguments:?}");
        assert!(!(finished.stdout + &finished.stderr).contains('\x1b'), "{arguments:?}");
    }
}

#[test]
fn version_is_the_packages() {
    let version = finish(Command::new(BINARY).arg("--version"));
    assert_eq!(version.stdout, format!("vps-monitor {}\n", env!("CARGO_PKG_VERSION")));
}
