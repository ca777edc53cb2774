//! Disks that come and go, with real mounts: it takes root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use vps_monitor::clock;
use vps_monitor::collect::Check;
use vps_monitor::host::Host;
use vps_monitor::worker::Worker;

use crate::support::agent::{BINARY, Place, quick};
use crate::support::{is_ci, only};

/// A mount, as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where it cannot be had, with a word on why.
    fn on(point: &Path, arguments: &[&str]) -> Option<Mounted> {
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
        let sizes = snapshot.readings.iter().map(|reading| match reading.value {
            vps_monitor::snapshot::Value::Usage { total_bytes, .. } => total_bytes.to_string(),
            _ => panic!("{reading:?}"),
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
        let unmounted = format!("{} is not mounted any more", point.display());
        assert!(told.len() == 2 && told.iter().all(|told| told.contains(&unmounted)), "{told:?}");
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
    let unmounted = format!("{} is not mounted any more", point.display());
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
