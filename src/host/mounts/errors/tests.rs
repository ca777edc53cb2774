//! The errors of one ext4, with a stand-in for the kernel's files.

use super::super::tests::ROOT;
use super::super::{KnownMounts, Mounts, WriteState};
use super::*;

/// A stand-in for sysfs, in which the disk `8:1` is an ext4 with a record of errors, and for its options in /proc.
struct Records(tempfile::TempDir);

impl Records {
    fn new() -> Records {
        let sys = tempfile::tempdir().unwrap();
        fs::create_dir_all(sys.path().join("dev/block")).unwrap();
        std::os::unix::fs::symlink("../../devices/x/block/sda/sda1", sys.path().join("dev/block/8:1")).unwrap();
        let records = Records(sys);
        records.mount("0\n");
        records
    }

    /// Each mount makes the record anew, with the error that the disk has kept.
    fn mount(&self, second: &str) {
        let folder = self.0.path().join("fs/ext4");
        // The former one is there until the new one is, so that no number is used twice.
        let _ = fs::rename(&folder, self.0.path().join("former"));
        fs::create_dir_all(folder.join("sda1")).unwrap();
        self.set(second);
        let _ = fs::remove_dir_all(self.0.path().join("former"));
    }

    fn set(&self, second: &str) {
        fs::write(self.0.path().join("fs/ext4/sda1/last_error_time"), second).unwrap();
    }

    /// All options of the mount, as /proc/fs/ext4/sda1/options has them.
    fn set_options(&self, options: &str) {
        let folder = self.0.path().join("proc/fs/ext4/sda1");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("options"), options).unwrap();
    }

    fn errors(&self, release: &str) -> Errors {
        Errors::of_kernel(release, self.0.path(), self.0.path().join("proc"))
    }
}

/// The state of the ext4 `8:1` at `now`.
fn state_of_ext4(mounts: &mut Mounts, options: &str, now: Boot) -> WriteState {
    let path: Rc<str> = "/data".into();
    fs::write(&mounts.list, format!("{ROOT}3 1 8:1 / /data rw - ext4 /dev/sda1 {options}\n")).unwrap();
    mounts.watched = None;
    mounts.refresh();
    mounts.look_at_errors(now);
    mounts.hold(&path, false, true);
    mounts.write_state(&path).unwrap()
}

/// One agent's states of the disk, by the options of its superblock.
fn one_agent(records: &Records, list: &Path) -> impl FnMut(&str) -> WriteState {
    let mut mounts = Mounts::listed_in(list);
    mounts.errors = records.errors(DEBIAN_12);
    move |options| state_of_ext4(&mut mounts, options, clock::boot_now())
}

const DEBIAN_12: &str = "6.1.0-41-amd64";
const SHUTS: &str = "rw,errors=remount-ro";

#[test]
fn an_ext4_that_shut_itself_and_does_not_say_so_is_known_by_the_errors_it_recorded_since_the_start() {
    let (records, list) = (Records::new(), tempfile::NamedTempFile::new().unwrap());
    let now = clock::now();
    let state = |release: &str, options: &str, second: &str| {
        records.set(second);
        let mut mounts = Mounts::listed_in(list.path());
        mounts.errors = records.errors(release);
        state_of_ext4(&mut mounts, options, now.boot)
    };
    let [after, before] =
        [-3, 3].map(|seconds| (now.wall.as_second() - now.boot.as_micros() / 1_000_000 - seconds).to_string());
    for release in ["4.18.0-553.el8.x86_64", DEBIAN_12, "6.14.0", ""] {
        assert_eq!(state(release, SHUTS, &after), WriteState::TurnedReadOnly, "{release}");
    }
    for release in ["6.15.0", "6.18.44+deb14-amd64", "7.0.0"] {
        assert_eq!(state(release, SHUTS, &after), WriteState::Writable, "{release}: its options would tell it");
    }
    assert_eq!(state(DEBIAN_12, SHUTS, &before), WriteState::Writable, "of another mount");
    for none in ["0\n", "", "x", "99999999999999999999"] {
        assert_eq!(state(DEBIAN_12, SHUTS, none), WriteState::Writable, "{none:?}");
    }
    assert_eq!(state(DEBIAN_12, "rw", &after), WriteState::Writable, "it goes on after errors");
    fs::remove_dir_all(records.0.path().join("fs/ext4/sda1")).unwrap();
    fs::create_dir(records.0.path().join("fs/ext4/sda1")).unwrap();
    assert_eq!(state(DEBIAN_12, SHUTS, "0"), WriteState::Writable);
}

#[test]
fn an_error_of_the_mount_before_does_not_count_for_the_next_one() {
    let (records, list) = (Records::new(), tempfile::NamedTempFile::new().unwrap());
    let mut next = one_agent(&records, list.path());
    assert_eq!(next(SHUTS), WriteState::Writable);
    let error = (clock::now().wall.as_second() - 5).to_string();
    records.set(&error);
    records.set_options("errors=continue\n");
    // A disk that goes on after errors, and is then told to shut itself at the next one.
    assert_eq!(next("rw"), WriteState::Writable);
    assert_eq!(next(SHUTS), WriteState::Writable);
    records.set(&clock::now().wall.as_second().to_string());
    assert_eq!(next(SHUTS), WriteState::TurnedReadOnly);
    // Mounted again without e2fsck, it can be written, and has the record still.
    records.mount(&error);
    assert_eq!(next(SHUTS), WriteState::Writable);
}

#[test]
fn an_ext4_that_shuts_itself_by_the_default_of_its_superblock_does_so_without_an_option_in_the_list() {
    let (records, list) = (Records::new(), tempfile::NamedTempFile::new().unwrap());
    records.set(&clock::now().wall.as_second().to_string());
    let state = |all: &str, listed: &str| {
        records.set_options(all);
        let mut mounts = Mounts::listed_in(list.path());
        mounts.errors = records.errors(DEBIAN_12);
        state_of_ext4(&mut mounts, listed, clock::boot_now())
    };
    assert_eq!(state("rw\nbarrier\nerrors=remount-ro\ncommit=5\n", "rw,discard"), WriteState::TurnedReadOnly);
    assert_eq!(state("rw\nbarrier\nerrors=continue\ncommit=5\n", "rw,discard"), WriteState::Writable);
    // An option that differs from the default is in the list.
    assert_eq!(state("rw\nerrors=remount-ro\n", "rw,errors=continue"), WriteState::Writable);
    assert_eq!(state("", SHUTS), WriteState::TurnedReadOnly);
}

#[test]
fn an_error_after_which_it_went_on_does_not_count_once_it_is_to_shut_itself() {
    let (records, list) = (Records::new(), tempfile::NamedTempFile::new().unwrap());
    let mut next = one_agent(&records, list.path());
    records.set_options("errors=continue\n");
    records.set(&(clock::now().wall.as_second() - 5).to_string());
    assert_eq!(next("rw"), WriteState::Writable);
    assert_eq!(next(SHUTS), WriteState::Writable);
}

/// The state of the disk by an agent that starts, and goes on from the memory of the one before; and its own memory.
fn restarted(records: &Records, list: &Path, known: &KnownMounts, saved: Boot) -> (WriteState, KnownMounts) {
    let mut mounts = Mounts::listed_in(list);
    mounts.errors = records.errors(DEBIAN_12);
    mounts.remember(known, Some(saved));
    let state = state_of_ext4(&mut mounts, SHUTS, clock::boot_now());
    (state, mounts.take_change().map_or_else(|| known.clone(), |change| change.known))
}

#[test]
fn a_restarted_agent_tells_an_error_of_the_mount_from_one_of_the_mount_before() {
    let (records, list) = (Records::new(), tempfile::NamedTempFile::new().unwrap());
    let clock::Now { wall, boot } = clock::now();
    let (second, earlier) = (wall.as_second(), boot.before(Duration::from_secs(60)));
    let restart = |known: &KnownMounts, saved| restarted(&records, list.path(), known, saved);
    let (state, known) = restart(&KnownMounts::default(), boot);
    assert_eq!(state, WriteState::Writable);
    // It shut itself before the agent ended, and is mounted still.
    records.set(&(second - 30).to_string());
    let (state, known) = restart(&known, boot);
    assert_eq!(state, WriteState::TurnedReadOnly);
    let (state, known) = restart(&known, boot);
    assert_eq!(state, WriteState::TurnedReadOnly);
    // It was mounted again without e2fsck while no agent ran: the error is that of the mount before.
    records.mount(&(second - 90).to_string());
    let (state, known) = restart(&known, earlier);
    assert_eq!(state, WriteState::Writable);
    let (state, known) = restart(&known, boot);
    assert_eq!(state, WriteState::Writable);
    // The next error is its own.
    records.set(&(second - 30).to_string());
    assert_eq!(restart(&known, boot).0, WriteState::TurnedReadOnly);
    // A state of an earlier version, or of another start of the machine, knows of no mount: all since the start counts.
    records.set(&(second - 90).to_string());
    assert_eq!(restart(&KnownMounts { errors: None, ..known }, boot).0, WriteState::TurnedReadOnly);
}

#[test]
fn a_record_from_the_future_is_no_agents() {
    let (records, list) = (Records::new(), tempfile::NamedTempFile::new().unwrap());
    let clock::Now { wall, boot } = clock::now();
    let (_, mut known) = restarted(&records, list.path(), &KnownMounts::default(), boot);
    known.errors.as_mut().unwrap().values_mut().for_each(|record| record.since = i64::MAX);
    let (_, known) = restarted(&records, list.path(), &known, boot);
    records.set(&(wall.as_second() + 2).to_string());
    assert_eq!(restarted(&records, list.path(), &known, boot).0, WriteState::TurnedReadOnly);
}

#[test]
fn options_that_cannot_be_read_say_nothing_and_the_error_counts_once_they_can() {
    let (records, list) = (Records::new(), tempfile::NamedTempFile::new().unwrap());
    let mut next = one_agent(&records, list.path());
    records.set(&clock::now().wall.as_second().to_string());
    assert_eq!(next("rw"), WriteState::Writable);
    records.set_options("errors=remount-ro\n");
    assert_eq!(next("rw"), WriteState::TurnedReadOnly);
}
