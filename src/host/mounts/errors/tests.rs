//! The errors of one ext4, with a stand-in for the kernel's files.

use jiff::Timestamp;

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
fn a_minute_apart(records: &Records, list: &Path) -> impl FnMut(&str) -> WriteState {
    let mut mounts = Mounts::listed_in(list);
    mounts.errors = records.errors(DEBIAN_12);
    let mut now = clock::boot_now();
    move |options| {
        now = now.after(Duration::from_secs(60));
        state_of_ext4(&mut mounts, options, now)
    }
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
        [-1, 1].map(|seconds| (now.wall.as_second() - now.boot.as_micros() / 1_000_000 - seconds).to_string());
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
    let mut next = a_minute_apart(&records, list.path());
    assert_eq!(next(SHUTS), WriteState::Writable);
    let error = (clock::now().wall.as_second() - 1).to_string();
    records.set(&error);
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
    let mut next = a_minute_apart(&records, list.path());
    records.set_options("errors=continue\n");
    records.set(&(clock::now().wall.as_second() - 1).to_string());
    assert_eq!(next("rw"), WriteState::Writable);
    assert_eq!(next(SHUTS), WriteState::Writable);
}

/// The state of the disk by an agent that starts, and goes on from the memory of the one before; and its own memory.
fn restarted(records: &Records, list: &Path, known: &KnownMounts, saved: i64) -> (WriteState, KnownMounts) {
    let mut mounts = Mounts::listed_in(list);
    mounts.errors = records.errors(DEBIAN_12);
    mounts.remember(known, Some(Timestamp::from_second(saved).unwrap()));
    let state = state_of_ext4(&mut mounts, SHUTS, clock::boot_now());
    (state, mounts.take_change().map_or_else(|| known.clone(), |change| change.known))
}

#[test]
fn a_restarted_agent_tells_an_error_of_the_mount_from_one_of_the_mount_before() {
    let (records, list) = (Records::new(), tempfile::NamedTempFile::new().unwrap());
    let now = clock::now().wall.as_second();
    let (state, known) = restarted(&records, list.path(), &KnownMounts::default(), now);
    assert_eq!(state, WriteState::Writable);
    // It shut itself before the agent ended, and is mounted still.
    records.set(&(now - 1).to_string());
    let (state, known) = restarted(&records, list.path(), &known, now);
    assert_eq!(state, WriteState::TurnedReadOnly);
    let (state, known) = restarted(&records, list.path(), &known, now);
    assert_eq!(state, WriteState::TurnedReadOnly);
    // It was mounted again without e2fsck while no agent ran: the error is that of the mount before.
    records.mount(&(now - 1).to_string());
    let (state, known) = restarted(&records, list.path(), &known, now);
    assert_eq!(state, WriteState::Writable);
    let (state, known) = restarted(&records, list.path(), &known, now + 60);
    assert_eq!(state, WriteState::Writable);
    // The next error is its own.
    records.set(&(now + 1).to_string());
    let (state, _) = restarted(&records, list.path(), &known, now + 60);
    assert_eq!(state, WriteState::TurnedReadOnly);
    // A state of an earlier version, or of another start of the machine, knows of no mount: all since the start counts.
    records.set(&(now - 1).to_string());
    assert_eq!(
        restarted(&records, list.path(), &KnownMounts { errors: None, ..known }, now).0,
        WriteState::TurnedReadOnly
    );
}
