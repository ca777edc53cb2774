//! Disks that come and go, with real mounts: it takes root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;
use vps_monitor::clock;
use vps_monitor::collect::Check;
use vps_monitor::host::Host;
use vps_monitor::snapshot::Value;
use vps_monitor::worker::Worker;

use crate::agreement::df_inodes;
use crate::support::agent::{BINARY, Place, quick};
use crate::support::{is_ci, only};

/// A mount, as long as this lives.
pub struct Mounted(PathBuf);

impl Mounted {
    /// `None` where it cannot be had, with a word on why.
    pub fn on(point: &Path, arguments: &[&str]) -> Option<Mounted> {
        fs::create_dir_all(point).unwrap();
        let done = Command::new("mount").args(arguments).arg(point).output().unwrap();
        if done.status.success() {
            return Some(Mounted(point.to_owned()));
        }
        assert!(!is_ci(), "CI runs as root: {done:?}");
        println!("skipped: mounting takes root");
        None
    }
}

impl Mounted {
    pub fn already(point: &Path) -> Mounted {
        Mounted(point.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(&self.0).status().unwrap();
        assert!(done.success(), "{}", self.0.display());
    }
}

const TMPFS: [&str; 5] = ["-t", "tmpfs", "-o", "size=64k", "none"];

/// Checks of some paths by one agent.
struct Checks {
    host: Host,
    check: Check,
}

impl Checks {
    fn of(paths: &[&Path]) -> Checks {
        let mut host = Host::new(None);
        host.worker = Worker::at(BINARY);
        let check = Check::new(&only("disk", &format!("{{paths: {paths:?}}}")), &host);
        Checks { host, check }
    }

    /// Each path's size, or the reason why it is not known.
    fn make(&mut self) -> Vec<String> {
        self.check.begin(&mut self.host, clock::boot_now());
        let snapshot = loop {
            if let Some(snapshot) = self.check.advance(&mut self.host, clock::now()) {
                break snapshot;
            }
            thread::sleep(Duration::from_millis(1));
        };
        let sizes = snapshot.readings.iter().filter_map(|reading| match reading.value {
            Value::Usage { total_bytes, .. } => Some(total_bytes.to_string()),
            _ => None,
        });
        sizes.chain(snapshot.failures.iter().map(|failure| failure.error.clone())).collect()
    }
}

#[test]
fn a_disk_that_was_unmounted_is_a_failure_and_no_measurement_of_what_is_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().join("disk");
    let Some(mounted) = Mounted::on(&point, &TMPFS) else { return };
    let below = point.join("below");
    fs::create_dir(&below).unwrap();
    let mut checks = Checks::of(&[&point, &below]);
    assert_eq!(checks.make(), ["65536", "65536"]);

    drop(mounted);
    // The place is there all the same, and so is a folder of the same name.
    fs::create_dir(&below).unwrap();
    for _ in 0..2 {
        let told = checks.make();
        let unmounted = ["it is".to_owned(), format!("{} is", point.display())];
        let is_told = |(told, of): (&String, &String)| told.contains(&format!("{of} not mounted any more"));
        assert!(told.len() == 2 && told.iter().zip(&unmounted).all(is_told), "{told:?}");
    }

    let _mounted = Mounted::on(&point, &TMPFS);
    fs::create_dir(&below).unwrap();
    assert_eq!(checks.make(), ["65536", "65536"]);
}

#[test]
fn a_bind_mount_that_is_gone_is_told_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (from, point) = (folder.path().join("from"), folder.path().join("bind"));
    fs::create_dir(&from).unwrap();
    let Some(mounted) = Mounted::on(&point, &["--bind", from.to_str().unwrap()]) else { return };
    let mut checks = Checks::of(&[&point]);
    let [size] = &*checks.make() else { panic!("one reading") };
    size.parse::<u64>().unwrap();
    drop(mounted);
    let told = checks.make();
    assert!(told[0].contains("is not mounted any more"), "{told:?}");
}

#[test]
fn a_disk_that_is_missing_after_a_restart_of_the_agent_is_told_until_it_is_back_or_not_watched() {
    let place = Place::on("small-vps");
    let point = place.path("disk");
    let Some(mounted) = Mounted::on(&point, &TMPFS) else { return };
    let disks = format!("disk: {{threshold: 100, paths: [{}]}}", point.display());
    place.configure(&quick("").replace("disk: {enabled: false}", &disks));
    let unmounted = format!("{}: it is not mounted any more", point.display());
    let run_once = || {
        let finished = place.run(&["run", "--once"]);
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        finished.stderr
    };
    assert!(!run_once().contains(&unmounted));

    drop(mounted);
    for _ in 0..2 {
        let log = run_once();
        assert!(log.contains(&unmounted), "{log}");
    }
    place.configure(&quick(""));
    run_once();
    let mounted = Mounted::on(&point, &TMPFS);
    place.configure(&quick("").replace("disk: {enabled: false}", &disks));
    assert!(!run_once().contains(&unmounted));
    drop(mounted);
    assert!(run_once().contains(&unmounted));
}

#[test]
fn a_command_that_measures_by_itself_misses_the_disk_that_the_agent_knew() {
    let place = Place::on("small-vps");
    let point = place.path("disk");
    let Some(mounted) = Mounted::on(&point, &TMPFS) else { return };
    let disks = format!("memory: {{enabled: false}}\n  disk: {{threshold: 100, paths: [{}]}}", point.display());
    place.configure(&quick("").replace("memory: {threshold: 80}\n  disk: {enabled: false}", &disks));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!(place.run(&["check"]).code, 0);

    drop(mounted);
    let unmounted = format!("{}: it is not mounted any more", point.display());
    let checked = place.run(&["check"]);
    assert!(checked.code == 3 && checked.stdout.contains(&unmounted), "{checked:?}");
    let metrics = place.run(&["metrics"]).stdout;
    assert!(metrics.lines().any(|line| line.contains("collector_failed{") && line.contains("/disk\"")), "{metrics}");
    assert!(place.run(&["report"]).stdout.contains(&format!("磁盘({}): 未知 (", point.display())));

    // Without the state it is measured as the place is now, and that is said.
    fs::remove_file(place.state_file()).unwrap();
    fs::create_dir(place.state_file()).unwrap();
    let checked = place.run(&["check"]);
    let told = "the agent's state cannot be read, so a disk that is gone is not missed: ";
    assert!(checked.code == 0 && checked.stderr.starts_with(told), "{checked:?}");
    place.configure(&quick("").replace("disk: {enabled: false}", "disk: {threshold: 100}"));
    assert_eq!(place.run(&["check"]).stderr, "", "nothing is lost with it");
}

#[test]
fn a_file_system_that_is_out_of_inodes_is_told_of_as_df_shows_it() {
    let place = Place::on("small-vps");
    let (point, endless) = (place.path("disk"), place.path("endless"));
    let Some(_mounted) = Mounted::on(&point, &["-t", "tmpfs", "-o", "size=1m,nr_inodes=10", "none"]) else { return };
    // Makes inodes as it goes, and reports none.
    let _endless = Mounted::on(&endless, &["-t", "tmpfs", "-o", "size=1m,nr_inodes=0", "none"]).unwrap();
    let disks = format!("disk: {{paths: [{}, {}]}}", point.display(), endless.display());
    place.configure(&quick("").replace("disk: {enabled: false}", &disks));
    let inodes_used = || {
        let found: Json = serde_json::from_str(&place.run(&["check", "--json"]).stdout).unwrap();
        assert_eq!(found["failures"], Json::Array(Vec::new()));
        let readings = found["readings"].as_array().unwrap().iter().filter(|reading| reading["metric"] == "inodes");
        readings.map(|reading| (reading["target"].clone(), reading["value"].clone())).collect::<Vec<_>>()
    };
    let of_point = |percent: f64| [(point.to_str().into(), percent.into())];
    assert_eq!(inodes_used(), of_point(10.0), "the root folder has one");

    let full = (0..20).find(|number| fs::write(point.join(number.to_string()), "").is_err());
    assert_eq!(full, Some(9));
    assert_eq!(inodes_used(), of_point(100.0));
    let df = [&point, &endless].map(|path| df_inodes(path.to_str().unwrap()));
    assert_eq!(df, [Some(100), None]);

    let told = place.run(&["run", "--once"]).stdout;
    let line = format!("🗂️ inode 使用率({}): 100.0% (阈值: 90%)", point.display());
    assert!(told.contains(&line) && !told.contains("磁盘使用率"), "{told}");
    fs::remove_file(point.join("0")).unwrap();
    fs::remove_file(point.join("1")).unwrap();
    let told = place.run(&["run", "--once"]).stdout;
    assert!(told.contains(&format!("🗂️ inode 使用率({}): 80.0% (已恢复正常)", point.display())), "{told}");
}
