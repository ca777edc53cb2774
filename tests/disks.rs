//! Real file systems on loop devices: read-only ones, one without a free inode, quotas, and which are found. It takes root.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value as Json;
use vps_monitor::host::DiskId;

use crate::agreement::{df_inodes, run};
use crate::mounts::Mounted;
use crate::support::agent::{Place, quick};
use crate::support::robot::Robot;
use crate::support::{is_ci, uml, wait_until};

const MIB: u64 = 1 << 20;

/// A file system in a file, mounted. `None` where it cannot be had, with a word on why.
fn made(place: &Place, name: &str, mebibytes: u64, mkfs: &[&str], options: &str) -> Option<(Mounted, PathBuf)> {
    let (image, point) = (place.path(&format!("{name}.image")), place.path(name));
    File::create(&image).unwrap().set_len(mebibytes * MIB).unwrap();
    let [tool, arguments @ ..] = mkfs else { panic!("which?") };
    match Command::new(tool).args(arguments).arg(&image).output() {
        Err(error) if !is_ci() => {
            println!("skipped: {tool}: {error}");
            return None;
        }
        done => assert!(done.as_ref().is_ok_and(|done| done.status.success()), "{tool}: {done:?}"),
    }
    let mounted = Mounted::on(&point, &["-o", &format!("loop{options}"), image.to_str().unwrap()])?;
    Some((mounted, point))
}

const EXT4: [&str; 3] = ["mkfs.ext4", "-q", "-F"];

fn watch(place: &Place, disk: &str) {
    place.configure(&quick("").replace("disk: {enabled: false}", &format!("disk: {{{disk}}}")));
}

fn told(place: &Place) -> String {
    let finished = place.run(&["run", "--once"]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    finished.stdout
}

/// The readings of one quantity: each target, and its value.
fn readings(place: &Place, metric: &str) -> Vec<(String, Json)> {
    let found: Json = serde_json::from_str(&place.run(&["check", "--json"]).stdout).unwrap();
    let readings = found["readings"].as_array().unwrap().iter().filter(|reading| reading["metric"] == metric);
    readings.map(|reading| (reading["target"].as_str().unwrap().to_owned(), reading["value"].clone())).collect()
}

fn remount(point: &Path, options: &str) {
    run("mount", &["-o", &format!("remount,{options}"), point.to_str().unwrap()]);
}

#[test]
fn a_disk_that_turns_read_only_is_a_critical_alert_until_it_can_be_written_again() {
    let place = Place::on("small-vps");
    let Some((_mounted, point)) = made(&place, "disk", 16, &EXT4, "") else { return };
    let path = point.display();
    watch(&place, &format!("threshold: 100, paths: [{path}]"));
    assert!(!told(&place).contains("磁盘状态"));

    remount(&point, "ro");
    let alert = told(&place);
    let line = format!("🔒 磁盘状态({path}): read-only (期望: writable)");
    assert!(alert.contains(&line) && alert.contains("严重告警"), "{alert}");
    assert!(!told(&place).contains("磁盘状态"), "once");

    remount(&point, "rw");
    let over = told(&place);
    assert!(over.contains(&format!("🔒 磁盘状态({path}): writable (已恢复正常)")), "{over}");
}

#[test]
fn a_disk_that_was_read_only_from_the_beginning_is_as_it_should_be() {
    let place = Place::on("small-vps");
    let Some((_mounted, point)) = made(&place, "disk", 16, &EXT4, "") else { return };
    remount(&point, "ro");
    let path = point.display();
    watch(&place, &format!("threshold: 100, paths: [{path}]"));
    assert!(!told(&place).contains("磁盘状态"));
    assert_eq!(readings(&place, "disk_state"), [(path.to_string(), "read-only".into())]);
    // From here on it is one that could be written.
    remount(&point, "rw");
    told(&place);
    remount(&point, "ro");
    assert!(told(&place).contains("磁盘状态"));
    watch(&place, &format!("threshold: 100, paths: [{{path: {path}, read_only: false}}]"));
    assert_eq!(readings(&place, "disk_state"), []);
}

#[test]
fn another_disk_that_is_mounted_read_only_in_its_place_while_no_agent_runs_is_as_it_should_be() {
    let place = Place::on("small-vps");
    let Some((other, other_point)) = made(&place, "other", 16, &EXT4, "") else { return };
    drop(other);
    let Some((mounted, point)) = made(&place, "disk", 16, &EXT4, "") else { return };
    let path = point.display().to_string();
    watch(&place, &format!("threshold: 100, paths: [{path}]"));
    told(&place);
    drop(mounted);
    let other = other_point.with_extension("image");
    // Its loop device is likely that of the disk before.
    let other = Mounted::on(&point, &["-o", "loop,ro", other.to_str().unwrap()]);
    assert!(!told(&place).contains("磁盘状态"));
    assert_eq!(readings(&place, "disk_state"), [(path.clone(), "read-only".into())]);
    drop(other);
    let _disk = Mounted::on(&point, &["-o", "loop,ro", &format!("{path}.image")]);
    assert!(!told(&place).contains("磁盘状态"), "nobody knows any more that this one could be written");
}

#[test]
fn a_disk_that_auto_found_and_that_moved_keeps_its_alert_and_has_one_all_clear() {
    let place = Place::on("small-vps");
    let Some((mounted, point)) = made(&place, "disk", 600, &EXT4, "") else { return };
    let path = point.display().to_string();
    watch(&place, "threshold: 100, inodes: 0, forecast: 0, paths: [auto]");
    told(&place);
    remount(&point, "ro");
    assert!(told(&place).contains(&format!("🔒 磁盘状态({path}): read-only")));
    drop(mounted);
    let new = place.path("new");
    let Some(_mounted) = Mounted::on(&new, &["-o", "loop", &format!("{path}.image")]) else { return };
    remount(&new, "ro");
    let finished = place.run(&["run", "--once"]);
    let (told_of, log) = (finished.stdout, finished.stderr);
    assert!(!told_of.contains(&path) && !told_of.contains("磁盘状态"), "{told_of}");
    assert!(log.contains(&format!("disk moved from={path} to={}", new.display())), "{log}");
    // Other tests mount and unmount disks, too.
    assert!(!log.lines().any(|line| line.contains(&path) && line.contains("state=")), "{log}");
    remount(&new, "rw");
    let over = told(&place);
    assert_eq!(over.matches("磁盘状态").count(), 1, "{over}");
    assert!(over.contains(&format!("🔒 磁盘状态({}): writable (已恢复正常)", new.display())), "{over}");
    assert!(!told(&place).contains("磁盘状态"));
}

/// The kernel reports no change of the mounts, and the mount itself is one that writes: no memory is needed.
#[test]
fn one_that_the_kernel_turned_after_an_error_is_found_by_a_single_check() {
    // By an option of the mount, and by the default in the superblock, which no list of mounts shows.
    let by_default = [EXT4.as_slice(), &["-e", "remount-ro"]].concat();
    for (mkfs, options) in [(EXT4.as_slice(), ",errors=remount-ro"), (&by_default, "")] {
        let place = Place::on("small-vps");
        let Some((_mounted, point)) = made(&place, "disk", 16, mkfs, options) else { return };
        watch(&place, &format!("threshold: 100, paths: [{}]", point.display()));
        assert_eq!(readings(&place, "disk_state"), [(point.to_str().unwrap().to_owned(), "writable".into())]);
        let device = run("findmnt", &["-n", "-o", "SOURCE", point.to_str().unwrap()]);
        let trigger =
            Path::new("/sys/fs/ext4").join(device.trim().trim_start_matches("/dev/")).join("trigger_fs_error");
        fs::write(&trigger, "an error of a test").unwrap();
        let options = run("findmnt", &["-n", "-o", "FS-OPTIONS", point.to_str().unwrap()]);
        // Some kernels do not say so, and have the time of the error alone.
        let is_told = options.trim().split(',').any(|option| ["ro", "emergency_ro"].contains(&option));
        let record = fs::read_to_string(trigger.with_file_name("last_error_time")).unwrap();
        assert!(is_told || record.trim() != "0", "{options} {record}");
        let checked = place.run(&["check"]);
        assert!(checked.code == 2 && checked.stdout.contains("read-only  expected writable"), "{}", checked.stdout);
    }
}

#[test]
fn one_that_the_kernel_turned_without_a_word_in_its_options_is_found_as_well() {
    uml::run_tests("disks::one_that_the_kernel_turned_after_an_error", 1);
}

/// statfs(2)'s number, which tells one disk from another.
#[test]
fn a_disk_has_the_same_number_at_each_mount_and_no_two_have_the_same() {
    let place = Place::on("small-vps");
    let mut numbers = Vec::new();
    for (name, mkfs) in [("one", EXT4.as_slice()), ("two", &EXT4), ("btrfs", &["mkfs.btrfs", "-q"])] {
        let Some((mounted, point)) = made(&place, name, 600, mkfs, "") else { return };
        let number = DiskId::ask(&point).unwrap();
        if name == "btrfs" {
            let (all, one) = (point.to_str().unwrap(), point.join("one"));
            run("btrfs", &["subvolume", "create", one.to_str().unwrap()]);
            let below = place.path("below");
            let _below = Mounted::on(&below, &["-o", "loop,subvol=one", &format!("{all}.image")]);
            assert_eq!(DiskId::ask(&below), Some(number));
        }
        drop(mounted);
        let elsewhere = place.path("elsewhere");
        let _mounted =
            Mounted::on(&elsewhere, &["-o", "loop,ro", place.path(&format!("{name}.image")).to_str().unwrap()]);
        assert_eq!(DiskId::ask(&elsewhere), Some(number), "{name}");
        assert!(!numbers.contains(&number), "{name}");
        numbers.push(number);
    }
}

/// Its superblock stays `rw`, and every write ends with EIO (xfs_io(8), `shutdown`).
#[test]
fn an_xfs_that_has_shut_down_is_found_by_the_agents_own_write() {
    let place = Place::on("small-vps");
    let Some((_mounted, point)) = made(&place, "state", 320, &["mkfs.xfs", "-q"], "") else { return };
    let robot = Robot::start([]);
    let disk = format!("disk: {{threshold: 100, paths: [{}]}}", point.display());
    place.configure(&quick(&robot.url()).replace("disk: {enabled: false}", &disk));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);

    run("xfs_io", &["-x", "-c", "shutdown", point.to_str().unwrap()]);
    place.become_host("full-tmpfs");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("Input/output error");
    agent.signal(Signal::SIGUSR1);
    let line = format!("🔒 磁盘状态({}): write-error (期望: writable)", point.display());
    wait_until("the disk's alert", || robot.received().iter().any(|received| received.content().contains(&line)));
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}

#[test]
fn an_ext4_without_a_free_inode_is_told_of_by_its_own_limit() {
    let place = Place::on("small-vps");
    let mkfs = [EXT4.as_slice(), &["-N", "16"]].concat();
    let Some((_mounted, point)) = made(&place, "disk", 16, &mkfs, "") else { return };
    watch(&place, &format!("inodes: 0, paths: [{{path: {}, inodes: 95}}]", point.display()));
    assert!(!told(&place).contains("inode"));
    let full = (0..100).find(|number| fs::write(point.join(number.to_string()), "").is_err());
    assert!(full.is_some_and(|number| number > 0), "{full:?}");
    assert_eq!(df_inodes(point.to_str().unwrap()), Some(100));
    let told = told(&place);
    assert!(told.contains(&format!("🗂️ inode 使用率({}): 100.0% (阈值: 95%)", point.display())), "{told}");
}

#[test]
fn less_space_than_must_be_left_is_one_alert_and_one_recovery() {
    let place = Place::on("small-vps");
    let Some((_mounted, point)) = made(&place, "disk", 64, &EXT4, "") else { return };
    let path = point.display();
    watch(&place, &format!("threshold: 99, forecast: 0, paths: [{{path: {path}, free_below: 20MB}}]"));
    assert!(!told(&place).contains("磁盘"));
    fs::write(point.join("large"), vec![1; 40 * MIB as usize]).unwrap();
    let alert = told(&place);
    assert!(alert.contains(&format!("💾 磁盘使用率({path}): ")) && alert.contains("，低于 20MB)"), "{alert}");
    assert_eq!(alert.matches("磁盘").count(), 1, "{alert}");
    fs::remove_file(point.join("large")).unwrap();
    let over = told(&place);
    assert_eq!(over.matches("磁盘").count(), 1, "{over}");
}

/// A directory with a quota of its own has the quota's size, as `df` has it.
#[test]
fn a_project_quota_is_the_size_of_its_directory() {
    let place = Place::on("small-vps");
    let mkfs = [EXT4.as_slice(), &["-O", "quota,project"]].concat();
    let Some((mounted, point)) = made(&place, "disk", 64, &EXT4, "") else { return };
    drop(mounted);
    let image = place.path("disk.image");
    run(mkfs[0], &[&mkfs[1..], &[image.to_str().unwrap()]].concat());
    let mount = Command::new("mount").args(["-o", "loop,prjquota"]).args([&image, &point]).output().unwrap();
    if !mount.status.success() {
        println!("skipped: this kernel has no project quotas (CONFIG_QFMT_V2)");
        return;
    }
    let _mounted = Mounted::already(&point);
    let folder = point.join("tenant");
    fs::create_dir(&folder).unwrap();
    let set = Command::new("setquota").args(["-P", "100", "0", "8192", "0", "0"]).arg(&point).output();
    if set.is_err() && !is_ci() {
        println!("skipped: setquota is not here (Debian: quota)");
        return;
    }
    run("chattr", &["+P", "-p", "100", folder.to_str().unwrap()]);
    assert!(set.as_ref().is_ok_and(|set| set.status.success()), "{set:?}");
    fs::write(folder.join("large"), vec![1; 6 * MIB as usize]).unwrap();
    watch(&place, &format!("paths: [{}, {}]", point.display(), folder.display()));
    let ours = readings(&place, "disk");
    let df = run("df", &["--output=pcent", point.to_str().unwrap(), folder.to_str().unwrap()]);
    let df: Vec<u64> = df.lines().skip(1).map(|line| line.trim().trim_end_matches('%').parse().unwrap()).collect();
    let rounded: Vec<u64> = ours.iter().map(|(_, value)| (value.as_f64().unwrap() - 1e-9).ceil() as u64).collect();
    assert_eq!(rounded, df, "{ours:?}");
    assert!(rounded[1] > 70, "{rounded:?}");
}

/// The local file systems by `findmnt` and `df`, each once, from 512 MB on.
/// Those of this place, and `/`: other tests mount, too, and break what they mount.
fn found_by_tools(place: &Place) -> Vec<String> {
    const TYPES: &str = "btrfs,ext2,ext3,ext4,f2fs,vfat,xfs,zfs";
    let list = run("findmnt", &["-rn", "-t", TYPES, "-o", "MAJ:MIN,FSROOT,FSTYPE,TARGET"]);
    let mut devices = Vec::new();
    let mut points: Vec<String> = Vec::new();
    for line in list.lines() {
        let [device, root, kind, point] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let is_whole = root == "/" || kind == "btrfs" || point == "/";
        let size =
            || run("df", &["-B1", "--output=size", point]).lines().nth(1).unwrap().trim().parse::<u64>().unwrap();
        let is_own = Path::new(point).starts_with(place.path("")) || point == "/";
        if is_own && is_whole && !devices.contains(&device) && size() >= 512 * MIB {
            devices.push(device);
            points.push(point.to_owned());
        }
    }
    points.sort();
    points
}

#[test]
fn auto_finds_every_local_file_system_once_and_no_other() {
    let place = Place::on("small-vps");
    let Some((_large, large)) = made(&place, "large", 600, &EXT4, "") else { return };
    let Some((_small, small)) = made(&place, "small", 64, &EXT4, "") else { return };
    let others = [("mkfs.btrfs", "btrfs"), ("mkfs.xfs", "xfs")];
    let others: Vec<_> = others.iter().filter_map(|(mkfs, name)| made(&place, name, 600, &[mkfs, "-q"], "")).collect();
    let bind = place.path("bind");
    let _bind = Mounted::on(&bind, &["--bind", large.to_str().unwrap()]).unwrap();
    let memory = place.path("memory");
    let _memory = Mounted::on(&memory, &["-t", "tmpfs", "-o", "size=600m", "none"]).unwrap();
    watch(&place, "threshold: 100, inodes: 0, forecast: 0, paths: [auto]");
    let found = || {
        let mut found: Vec<String> = readings(&place, "disk").into_iter().map(|(target, _)| target).collect();
        found.sort();
        found
    };
    let ours = found();
    let is_own = |point: &&String| point.starts_with(place.path("").to_str().unwrap()) || **point == "/";
    assert_eq!(ours.iter().filter(is_own).cloned().collect::<Vec<_>>(), found_by_tools(&place));
    let has = |path: &Path| ours.iter().any(|point| Path::new(point) == path);
    assert!(has(&large) && !has(&bind) && !has(&small) && !has(&memory), "{ours:?}");
    assert!(others.iter().all(|(_, point)| has(point)), "{ours:?}");
}

#[test]
fn a_disk_that_auto_found_and_that_is_gone_is_unknown_and_a_named_one_has_its_own_limits() {
    let place = Place::on("small-vps");
    let Some((mounted, point)) = made(&place, "disk", 600, &EXT4, "") else { return };
    let path = point.display();
    fs::write(point.join("large"), vec![1; 20 * MIB as usize]).unwrap();
    watch(&place, &format!("threshold: 100, inodes: 0, forecast: 0, paths: [auto, {{path: {path}, threshold: 1}}]"));
    let alert = told(&place);
    assert_eq!(alert.matches(&format!("磁盘使用率({path})")).count(), 1, "{alert}");
    watch(&place, "threshold: 100, inodes: 0, forecast: 0, paths: [auto]");
    let unmounted = format!("disk({path}) state=failed");
    assert!(!place.run(&["run", "--once"]).stderr.contains(&unmounted));
    drop(mounted);
    let log = place.run(&["run", "--once"]).stderr;
    assert!(log.contains(&unmounted) && log.contains("found by `auto`"), "{log}");
}

#[test]
fn a_path_that_is_not_named_any_more_is_none_that_auto_found() {
    let place = Place::on("small-vps");
    let Some((mounted, point)) = made(&place, "disk", 600, &EXT4, "") else { return };
    let path = point.display();
    watch(&place, &format!("threshold: 100, inodes: 0, forecast: 0, paths: [auto, {path}]"));
    told(&place);
    drop(mounted);
    let unmounted = format!("disk({path}) state=failed");
    assert!(place.run(&["run", "--once"]).stderr.contains(&unmounted));
    watch(&place, "threshold: 100, inodes: 0, forecast: 0, paths: [auto]");
    let finished = place.run(&["run", "--once"]);
    assert!(finished.code == 0 && !finished.stderr.contains(&*path.to_string()), "{finished:?}");
}

#[test]
fn a_disk_that_is_too_small_for_auto_is_not_missed_once_nobody_names_it() {
    let place = Place::on("small-vps");
    let Some((mounted, point)) = made(&place, "disk", 64, &EXT4, "") else { return };
    let path = point.display().to_string();
    for paths in [format!("auto, {path}"), "auto".to_owned()] {
        watch(&place, &format!("threshold: 100, inodes: 0, forecast: 0, paths: [{paths}]"));
        told(&place);
    }
    drop(mounted);
    let finished = place.run(&["run", "--once"]);
    assert!(finished.code == 0 && !finished.stderr.contains(&path), "{finished:?}");
}
