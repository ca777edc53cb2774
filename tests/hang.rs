//! A file system that never answers: a FUSE mount whose server reads nothing, which hangs as a network mount does whose
//! server is gone.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::agent::{Place, finish, quick};
use crate::support::is_ci;

/// The mount, as long as this lives: its end of /dev/fuse is closed with the process that holds it.
struct DeadMount {
    server: Child,
}

impl DeadMount {
    /// `None` where it cannot be had, with a word on why: it takes root and /dev/fuse.
    fn on(directory: &Path) -> Option<DeadMount> {
        let script = "exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 dead \"$1\" \
                      && echo mounted && read -r _; umount -l \"$1\"";
        let mut server = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line == "mounted\n" {
            return Some(DeadMount { server });
        }
        let _ = server.wait();
        assert!(!is_ci(), "CI runs as root, with /dev/fuse");
        println!("skipped: a FUSE mount takes root and /dev/fuse");
        None
    }
}

impl Drop for DeadMount {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

#[test]
fn a_mount_that_hangs_is_a_failure_of_its_path_alone_and_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let dead = folder.path().join("dead");
    fs::create_dir(&dead).unwrap();
    let Some(_mount) = DeadMount::on(&dead) else { return };
    // A way that leads there only over a link is found out as well.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("dead/deeper", &link).unwrap();
    let config = folder.path().join("config.yaml");
    let paths = format!("[/, {}, {}]", dead.display(), link.display());
    fs::write(
        &config,
        format!(
            "system: {{cpu: {{enabled: false}}, disk: {{threshold: 100, paths: {paths}}}}}\n\
             network: {{traffic: {{enabled: false}}, connections: {{enabled: false}}}}\n\
             docker: {{enabled: false}}\n"
        ),
    )
    .unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_vps-monitor"))
        .arg("--config")
        .arg(&config)
        .args(["check", "--json"])
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let measured: Vec<&str> = found["readings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|reading| reading["metric"] == "disk")
        .map(|reading| reading["target"].as_str().unwrap())
        .collect();
    assert_eq!(measured, ["/"]);
    for failure in found["failures"].as_array().unwrap() {
        let error = failure["error"].as_str().unwrap();
        assert!(error.contains("no answer within 5 s"), "{error}");
    }
    assert_eq!(found["failures"].as_array().unwrap().len(), 2);
}

#[test]
fn a_link_that_is_turned_onto_a_mount_that_hangs_holds_neither_the_checks_nor_the_stop() {
    let place = Place::on("small-vps");
    let [dead, link, new] = ["dead", "link", "new"].map(|name| place.path(name));
    fs::create_dir(&dead).unwrap();
    let Some(_mount) = DeadMount::on(&dead) else { return };
    std::os::unix::fs::symlink("/", &link).unwrap();
    let disks = format!("disk: {{threshold: 100, paths: [{}]}}", link.display());
    place.configure(&quick("").replace("disk: {enabled: false}", &disks));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);

    // No mount comes or goes: the list of them does not change.
    std::os::unix::fs::symlink("dead/deeper", &new).unwrap();
    fs::rename(&new, &link).unwrap();
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(2);
    let unknown = format!("disk({}) - (unknown)", link.display());
    assert!(agent.printed().contains(&unknown), "{}", agent.printed());
    agent.signal(Signal::SIGUSR1);
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_configuration_on_a_mount_that_hangs_is_not_taken_over_and_nothing_waits_for_it() {
    let place = Place::configured("small-vps", &quick(""));
    let [dead, real, new] = ["dead", "real.yaml", "new"].map(|name| place.path(name));
    fs::create_dir(&dead).unwrap();
    let Some(_mount) = DeadMount::on(&dead) else { return };
    fs::rename(place.config(), &real).unwrap();
    std::os::unix::fs::symlink(&real, place.config()).unwrap();
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    // Made before the file can be looked for no more.
    let [mut status, mut second] = [&["status"], &["run"]].map(|arguments| place.command(arguments));

    std::os::unix::fs::symlink(dead.join("config.yaml"), &new).unwrap();
    fs::rename(&new, place.config()).unwrap();
    agent.signal(Signal::SIGHUP);
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(2);
    let told = finish(&mut status);
    assert!(told.code == 0 && told.stdout.contains(&format!("process {}", agent.pid())), "{told:?}");
    agent.wait_for_log("config.yaml: error: no answer within 5 s");
    agent.wait_for_log("not reloaded");
    agent.signal(Signal::SIGHUP);
    agent.stop(Signal::SIGTERM);

    let refused = finish(&mut second);
    assert!(refused.code == 1 && refused.stderr.contains("config.yaml: no answer within 5 s"), "{refused:?}");
}

#[test]
fn a_secret_on_a_mount_that_hangs_is_waited_for_neither_by_a_reload_nor_for_ever_by_a_start() {
    let place = Place::configured("small-vps", &quick(""));
    let dead = place.path("dead");
    fs::create_dir(&dead).unwrap();
    let Some(_mount) = DeadMount::on(&dead) else { return };
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);

    place.configure(&quick(&format!("file:{}", dead.join("webhook").display())));
    agent.signal(Signal::SIGHUP);
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(2);
    agent.wait_for_log("config.yaml: error: no answer within 5 s (the file, or one that it names: ");
    agent.wait_for_log("not reloaded");
    assert_eq!(place.status()["channel"], "terminal");
    agent.signal(Signal::SIGHUP);
    agent.stop(Signal::SIGTERM);

    let refused = place.run(&["run"]);
    assert!(refused.code == 1 && refused.stderr.contains("config.yaml: no answer within 5 s"), "{refused:?}");
}

#[test]
fn status_of_a_folder_on_a_mount_that_hangs_says_so() {
    let place = Place::on("small-vps");
    fs::create_dir(place.state()).unwrap();
    let Some(_mount) = DeadMount::on(&place.state()) else { return };
    let refused = place.run(&["status"]);
    assert!(refused.code == 1 && refused.stderr.contains("no answer within 5 s"), "{refused:?}");
}
