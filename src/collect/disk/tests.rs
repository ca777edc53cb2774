//! The paths of a host with one local disk, and one that may hang.

use super::*;
use crate::clock;
use crate::host::Mounts;
use crate::snapshot::{Key, Value};
use crate::worker::StatvfsError;

const DATA: FileSystem =
    FileSystem { block_bytes: 4096, blocks: 1000, blocks_free: 500, blocks_available: 300, files: 200, files_free: 50 };

const NO_INODES: FileSystem =
    FileSystem { block_bytes: 4096, blocks: 0, blocks_free: 0, blocks_available: 0, files: 0, files_free: 0 };

fn answer(path: &Path) -> Result<FileSystem, StatvfsError> {
    match path.to_str() {
        Some("/") => {
            Ok(FileSystem { block_bytes: 1024, blocks: 100, blocks_free: 40, blocks_available: 40, ..NO_INODES })
        }
        Some("/no/data") => Ok(DATA),
        // A directory on the same file system, with a quota of its own.
        Some("/no/data/quota") => Ok(FileSystem { blocks: 100, blocks_free: 1, blocks_available: 1, ..DATA }),
        Some("/no/proc") => Ok(NO_INODES),
        _ => Err(StatvfsError("No such file or directory".to_owned())),
    }
}

/// A check of paths on a host that has one local file system.
fn check(paths: &[&str]) -> Snapshot {
    check_of(paths, true)
}

fn check_of(paths: &[&str], inodes: bool) -> Snapshot {
    let mut host = Host::new(None);
    host.ask_file_system = answer;
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "1 1 254:0 / / rw - ext4 /dev/vda rw\n").unwrap();
    host.mounts = Mounts::listed_in(list.path());
    let watch = |path: &&str| Watch { path: (*path).into(), reads_inodes: inodes, reads_state: false, sight: None };
    let mut disk = Disk::new(paths.iter().map(watch).collect(), None);
    let mut snapshot = Snapshot::default();
    for path in paths {
        snapshot.watch(metric::DISK, *path);
        snapshot.watch(metric::INODES, *path);
    }
    assert_eq!(disk.begin(&mut host, clock::boot_now()), Duration::ZERO);
    assert_eq!(disk.collect(&mut host, clock::now(), &mut snapshot), Progress::Done);
    snapshot
}

#[test]
fn the_share_is_of_what_ordinary_users_can_have_and_the_total_is_the_whole_size() {
    let snapshot = check(&["/no/data"]);
    let used_bytes = 500 * 4096;
    assert_eq!(snapshot.readings[0].value, Value::Usage { percent: 62.5, used_bytes, total_bytes: 1000 * 4096 });
}

#[test]
fn each_path_is_asked_and_shows_its_own_numbers() {
    let snapshot = check(&["/no/data", "/", "/no/data/quota"]);
    let disks = snapshot.readings.iter().filter(|reading| reading.key.metric == metric::DISK);
    let percents = disks.map(|reading| match reading.value {
        Value::Usage { percent, .. } => (&*reading.key.target, percent),
        _ => panic!("{reading:?}"),
    });
    assert_eq!(percents.collect::<Vec<_>>(), [("/no/data", 62.5), ("/", 60.0), ("/no/data/quota", 99.0)]);
}

#[test]
fn a_local_disk_is_read_when_a_check_ends_and_one_that_may_hang_is_asked_from_the_start_on() {
    let mut host = Host::new(None);
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "1 1 254:0 / / rw - ext4 /dev/vda rw\n2 1 0:9 / /nfs rw - nfs4 server:/ rw\n").unwrap();
    host.mounts = Mounts::listed_in(list.path());
    let watch = |path: &str| Watch { path: path.into(), reads_inodes: false, reads_state: false, sight: None };
    let mut local = Disk::new(vec![watch("/")], None);
    let mut both = Disk::new(vec![watch("/"), watch("/nfs")], None);
    for is_first in [true, false] {
        host.ask_file_system = |_| Ok(FileSystem { blocks_free: 0, blocks_available: 0, ..DATA });
        let now = clock::boot_now();
        local.begin(&mut host, now);
        both.begin(&mut host, now);
        assert_eq!((local.states.is_some(), both.states.is_some()), (is_first, true));
        host.ask_file_system = |_| Ok(DATA);
        let mut snapshot = Snapshot::default();
        assert_eq!(local.collect(&mut host, clock::now(), &mut snapshot), Progress::Done);
        let percent = if is_first { 100.0 } else { 62.5 };
        assert_eq!(snapshot.readings[0].value.number(), Some(percent));
    }
}

#[test]
fn a_path_that_fails_is_a_failure_of_that_path_alone() {
    let snapshot = check(&["/gone", "/", "/no/proc"]);
    assert_eq!(snapshot.readings.len(), 1);
    let errors: Vec<_> = snapshot.failures.iter().map(|failure| failure.error.as_str()).collect();
    assert_eq!(
        errors,
        ["/gone: No such file or directory", "/no/proc: this file system has no size (/proc and the like have none)"]
    );
    assert_eq!(snapshot.failures[0].target.as_deref(), Some("/gone"));
}

#[test]
fn a_disk_on_which_the_agents_own_write_failed_is_told_of_even_if_it_tells_no_size() {
    let mut host = Host::new(None);
    host.ask_file_system = answer;
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "1 1 254:0 / / rw - ext4 /dev/vda rw\n2 1 8:1 / /no rw - xfs /dev/sda1 rw\n").unwrap();
    host.mounts = Mounts::listed_in(list.path());
    let watch = |path: &str| Watch { path: path.into(), reads_inodes: false, reads_state: true, sight: None };
    let mut disk = Disk::new(vec![watch("/"), watch("/gone")], None);
    let word = |value: &Value| match value {
        Value::Container(word) => word.word.to_string(),
        _ => panic!("{value:?}"),
    };
    let mut states = |has_failed: bool, folder: &str| {
        host.mounts.refresh();
        host.mounts.written(Path::new(folder), has_failed);
        let mut snapshot = Snapshot::default();
        disk.begin(&mut host, clock::boot_now());
        assert_eq!(disk.collect(&mut host, clock::now(), &mut snapshot), Progress::Done);
        let states = snapshot.readings.iter().filter(|reading| reading.key.metric == DISK_STATE);
        states.map(|reading| (reading.key.target.to_string(), word(&reading.value))).collect::<Vec<_>>()
    };
    let state = |path: &str, word: &str| (path.to_owned(), word.to_owned());
    assert_eq!(states(true, "/var/lib"), [state("/", "write-error"), state("/gone", "write-error")]);
    assert_eq!(states(true, "/no"), [state("/", "writable")]);
    assert_eq!(states(false, "/var/lib"), [state("/", "writable")]);
}

fn inodes(snapshot: &Snapshot) -> Vec<(&str, Option<f64>)> {
    let inodes = snapshot.readings.iter().filter(|reading| reading.key.metric == metric::INODES);
    inodes.map(|reading| (&*reading.key.target, reading.value.number())).collect()
}

#[test]
fn a_file_system_without_inodes_has_no_such_reading_and_one_that_fails_is_unknown() {
    let snapshot = check(&["/", "/no/data", "/gone"]);
    assert_eq!(inodes(&snapshot), [("/no/data", Some(75.0))]);
    let watched = snapshot.watched_keys().filter(|key| key.metric == metric::INODES);
    assert_eq!(watched.map(|key| &*key.target).collect::<Vec<_>>(), ["/no/data", "/gone"]);
    assert!(snapshot.failures[0].explains(&Key::new(metric::INODES, "/gone")));
    assert_eq!(inodes(&check_of(&["/no/data"], false)), []);
}

/// A host whose list of mounts a test writes, and its disks by `auto`.
fn found_disks(list: &Path) -> (Host, Disk) {
    let mut host = Host::new(None);
    host.mounts = Mounts::listed_in(list);
    let found = Found { reads_inodes: false, reads_state: true, metrics: vec![metric::DISK, DISK_STATE] };
    (host, Disk::new(Vec::new(), Some(found)))
}

/// The paths that are read, and those that fail.
fn look(host: &mut Host, disk: &mut Disk) -> (Vec<String>, Vec<String>) {
    let mut snapshot = Snapshot::default();
    disk.begin(host, clock::boot_now());
    assert_eq!(disk.collect(host, clock::now(), &mut snapshot), Progress::Done);
    let read = snapshot.readings.iter().filter(|reading| reading.key.metric == metric::DISK);
    let read = read.map(|reading| reading.key.target.to_string()).collect();
    let failed = snapshot.failures.iter().map(|failure| failure.error.clone());
    (read, failed.collect())
}

#[test]
fn while_the_list_of_mounts_cannot_be_read_found_disks_and_their_states_are_unknown_with_the_reason() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let whole = "1 1 254:0 / / rw - ext4 /dev/vda rw\n2 1 8:1 / /no/data rw - ext4 /dev/sda1 rw\n";
    let (mut host, mut disk) = found_disks(list.path());
    host.ask_file_system = |_| Ok(FileSystem { blocks: 1 << 20, ..DATA });
    std::fs::write(list.path(), whole).unwrap();
    assert_eq!(look(&mut host, &mut disk), (vec!["/".to_owned(), "/no/data".to_owned()], vec![]));
    // By another name: nothing is there.
    std::fs::write(list.path(), "").unwrap();
    host.mounts.expect_change();
    let (read, failed) = look(&mut host, &mut disk);
    let reason = format!("{}: it has no mount of /", list.path().display());
    assert!(read.is_empty() && failed.len() == 2, "{read:?} {failed:?}");
    assert!(failed.iter().all(|error| error.ends_with(&reason)), "{failed:?}");
    std::fs::write(list.path(), whole).unwrap();
    assert_eq!(look(&mut host, &mut disk).0.len(), 2, "it is read again though nobody reports a change");
}

#[test]
fn the_disk_is_missed_in_whose_place_one_is_mounted_that_is_too_small_to_be_watched() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let (mut host, mut disk) = found_disks(list.path());
    let mounted = |host: &mut Host, device: &str, is_large: bool| {
        let data = format!("2 1 {device} / /no/data rw - ext4 /dev/x rw\n");
        std::fs::write(list.path(), format!("1 1 254:0 / / rw - ext4 /dev/vda rw\n{data}")).unwrap();
        host.mounts.expect_change();
        host.ask_file_system = if is_large {
            |_| Ok(FileSystem { blocks: 1 << 20, ..DATA })
        } else {
            |_| Ok(FileSystem { blocks: 1 << 10, ..DATA })
        };
    };
    mounted(&mut host, "8:1", true);
    assert_eq!(look(&mut host, &mut disk).0, ["/", "/no/data"]);
    mounted(&mut host, "8:17", false);
    for _ in 0..2 {
        let (_, failed) = look(&mut host, &mut disk);
        assert_eq!(failed, [format!("/no/data: {MISSING}")]);
    }
    mounted(&mut host, "8:1", true);
    assert_eq!(look(&mut host, &mut disk), (vec!["/".to_owned(), "/no/data".to_owned()], vec![]));
}

#[test]
fn a_list_of_mounts_that_cannot_be_read_at_the_start_is_a_failure_and_the_state_keeps_the_disk_of_the_root() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let (mut host, mut disk) = found_disks(list.path());
    let mut snapshot = Snapshot::default();
    disk.begin(&mut host, clock::boot_now());
    assert_eq!(disk.collect(&mut host, clock::now(), &mut snapshot), Progress::Done);
    assert!(snapshot.failures[0].explains(snapshot.watched_keys().next().unwrap()), "{snapshot:?}");
    std::fs::write(list.path(), "1 1 254:0 / / rw - ext4 /dev/vda rw\n").unwrap();
    host.ask_file_system = |_| Ok(FileSystem { blocks: 1 << 20, ..DATA });
    assert_eq!(look(&mut host, &mut disk).0, ["/"]);
    let known = host.mounts.take_change().unwrap().known;
    let (mut host, mut disk) = found_disks(Path::new("/no/such/list"));
    host.mounts.remember(&known, None);
    assert_eq!(look(&mut host, &mut disk).1, ["/: /no/such/list: No such file or directory (os error 2)"]);
}

#[test]
fn while_the_list_cannot_be_read_a_named_path_on_a_disk_of_its_own_is_not_measured_as_the_one_around_it() {
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "1 1 254:0 / / rw - ext4 /dev/vda rw\n2 1 8:1 / /no/data rw - ext4 /dev/sda1 rw\n")
        .unwrap();
    let mut host = Host::new(None);
    host.ask_file_system = |_| Ok(DATA);
    host.mounts = Mounts::listed_in(list.path());
    let watch = Watch { path: "/no/data".into(), reads_inodes: false, reads_state: true, sight: None };
    let mut disk = Disk::new(vec![watch], None);
    assert_eq!(look(&mut host, &mut disk).0, ["/no/data"]);
    std::fs::write(list.path(), "x\n").unwrap();
    host.mounts.expect_change();
    let reason = format!("/no/data: {}: a line of it is not understood", list.path().display());
    assert_eq!(look(&mut host, &mut disk), (vec![], vec![reason]));
}
