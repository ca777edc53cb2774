//! Worker processes: their answers, their visibility, and their end.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use vps_monitor::clock::{Boot, boot_now};
use vps_monitor::files::RealFolder;
use vps_monitor::http;
use vps_monitor::secret::Secret;
use vps_monitor::worker::{POST_DEADLINE, SaveError, Worker};

use crate::support::robot::{Answer, KEY, Robot};
use crate::support::wait_until;

const BINARY: &str = env!("CARGO_BIN_EXE_vps-monitor");

fn request(robot: &Robot) -> http::Request {
    http::Request::json(Secret::new(robot.url()), "{}".to_owned())
}

/// A process that is over is gone, or a zombie.
fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn the_key_is_neither_in_arguments_nor_environment() {
    let robot = Robot::start([Answer::Hang]);
    let task = Worker::at(BINARY).post(&request(&robot)).unwrap();
    robot.wait_for(1);
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", task.pid())).unwrap();
    assert_eq!(arguments, "vps-monitor\0worker\0post\0");
    for owner in [task.pid().to_string(), "self".to_owned()] {
        for file in ["cmdline", "environ"] {
            match fs::read(format!("/proc/{owner}/{file}")) {
                Ok(bytes) => assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "/proc/{owner}/{file}"),
                // The worker's environment is for root alone.
                Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "/proc/{owner}/{file}"),
            }
        }
    }
}

#[test]
fn a_worker_is_out_of_reach_of_the_terminals_interrupt() {
    let robot = Robot::start([Answer::Hang]);
    let task = Worker::at(BINARY).post(&request(&robot)).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", task.pid())).unwrap();
    // After the name: state, parent, process group (proc_pid_stat(5)).
    let group = stat.rsplit(") ").next().unwrap().split(' ').nth(2).unwrap();
    assert_eq!(group, task.pid().to_string());
}

#[test]
fn a_task_that_is_dropped_takes_its_worker_along() {
    let robot = Robot::start([Answer::Hang]);
    let worker = Worker::at(BINARY);
    let task = worker.post(&request(&robot)).unwrap();
    let pid = task.pid();
    robot.wait_for(1);
    drop(task);
    wait_until("the worker is killed", || !is_alive(pid));
    wait_until("the worker is reaped", || {
        worker.reap();
        !Path::new(&format!("/proc/{pid}")).exists()
    });
}

#[test]
fn a_task_is_polled_without_waiting_and_killed_at_its_deadline() {
    let robot = Robot::start([Answer::Hang]);
    let earliest = boot_now().after(POST_DEADLINE);
    let mut task = Worker::at(BINARY).post(&request(&robot)).unwrap();
    // It has its time whole, however long ago it was decided to start it.
    assert!((earliest..=boot_now().after(POST_DEADLINE)).contains(&task.deadline()));
    robot.wait_for(1);
    assert_eq!(task.poll(Boot::from_micros(task.deadline().as_micros() - 1)), None);
    let told = task.poll(task.deadline()).unwrap().unwrap_err().to_string();
    assert!(told.starts_with("timed out: no answer within 10 s"), "{told}");
    wait_until("the worker is killed", || !is_alive(task.pid()));
}

#[test]
fn a_worker_that_ends_without_a_word_or_says_too_much_is_no_answer() {
    let robot = Robot::start([]);
    let told = |binary: &str| Worker::at(binary).post(&request(&robot)).unwrap().wait().unwrap_err().0;
    assert!(told("/bin/false").starts_with("the worker process ended without an answer"));
    assert_eq!(told("/usr/bin/yes"), "the worker process gave no valid answer");
    assert_eq!(told("/bin/echo"), "the worker process gave no valid answer");
    assert!(Worker::at("/nonexistent").post(&request(&robot)).is_err());
}

#[test]
fn a_file_system_is_measured_as_statvfs_measures_it() {
    let worker = Worker::at(BINARY);
    let measured = worker.statvfs(Path::new("/")).unwrap().wait().unwrap();
    let expected = statvfs("/").unwrap();
    assert_eq!((measured.block_bytes, measured.blocks), (expected.fragment_size(), expected.blocks()));
    assert!(measured.blocks_free <= measured.blocks);
    assert!(u64::try_from(measured.blocks_available).unwrap() <= measured.blocks_free);
    let missing = worker.statvfs(Path::new("/no/such/path")).unwrap().wait().unwrap_err();
    assert_eq!(missing.to_string(), "No such file or directory");
}

/// Has a worker replace the file `state` of a folder.
fn save(folder: &RealFolder, path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    Worker::at(BINARY).save(folder, path, "state", bytes).unwrap().wait()
}

#[test]
fn a_file_is_replaced_whole_whatever_had_its_name_and_that_of_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = (directory.path().join("folder"), directory.path().join("target"));
    fs::create_dir(&path).unwrap();
    fs::write(&target, "untouched").unwrap();
    let folder = RealFolder::open(&path).unwrap();
    for name in ["state", "state.new"] {
        for make in ["nothing", "link", "fifo", "readable"] {
            let at = path.join(name);
            let _ = fs::remove_file(&at);
            match make {
                "link" => symlink(&target, &at).unwrap(),
                "fifo" => nix::unistd::mkfifo(&at, nix::sys::stat::Mode::S_IRWXU).unwrap(),
                "readable" => {
                    fs::write(&at, "older").unwrap();
                    fs::set_permissions(&at, Permissions::from_mode(0o666)).unwrap();
                }
                _ => {}
            }
            let bytes = vec![b'x'; 3_000_000];
            assert_eq!(save(&folder, &path, &bytes), Ok(()), "{name} {make}");
            let metadata = fs::symlink_metadata(path.join("state")).unwrap();
            assert!(metadata.is_file() && metadata.mode() & 0o777 == 0o600, "{name} {make}: {metadata:?}");
            assert!(fs::read(path.join("state")).unwrap() == bytes, "{name} {make}");
            assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
        }
    }
    assert_eq!(fs::read_to_string(target).unwrap(), "untouched");
}

#[test]
fn a_file_that_cannot_be_replaced_is_told_of_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("folder");
    fs::create_dir(&path).unwrap();
    let folder = RealFolder::open(&path).unwrap();
    assert_eq!(save(&folder, &path, b"old"), Ok(()));
    fs::create_dir(path.join("state.new")).unwrap();
    assert_eq!(
        save(&folder, &path, b"new"),
        Err(SaveError::Failed("state.new: Is a directory (os error 21)".to_owned()))
    );
    fs::remove_dir(path.join("state.new")).unwrap();
    assert_eq!(fs::read(path.join("state")).unwrap(), b"old");

    // The path leads elsewhere by now: nothing is written, neither here nor there.
    let aside = directory.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    assert_eq!(save(&folder, &path, b"new"), Err(SaveError::Moved));
    fs::create_dir(&path).unwrap();
    assert_eq!(save(&folder, &path, b"new"), Err(SaveError::Moved));
    assert_eq!(
        (fs::read(aside.join("state")).unwrap().as_slice(), fs::read_dir(&path).unwrap().count()),
        (&b"old"[..], 0)
    );
}

#[test]
fn beside_a_save_that_has_not_ended_no_other_is_started_and_giving_up_on_it_does_not_end_it() {
    let directory = tempfile::tempdir().unwrap();
    let started = directory.path().join("started");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/stuck_worker.sh");
    let worker = Worker::at(script).with_variable("STUCK_FILE", &started);
    let folder = RealFolder::open(directory.path()).unwrap();
    let save = || worker.save(&folder, directory.path(), "state", b"{}");

    let task = save().unwrap();
    wait_until("the worker is at work", || started.exists());
    let pid = task.pid();
    drop(task);
    assert_eq!(save().map(drop).map_err(|error| error.kind()), Err(ErrorKind::ResourceBusy));
    assert!(is_alive(pid));

    killpg(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    let mut next = None;
    wait_until("the next can be started", || {
        next = save().ok();
        next.is_some()
    });
    killpg(Pid::from_raw(i32::try_from(next.unwrap().pid()).unwrap()), Signal::SIGKILL).unwrap();
}

#[test]
fn a_path_whose_last_probe_still_hangs_is_not_probed_again() {
    let directory = tempfile::tempdir().unwrap();
    let started = directory.path().join("started");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/stuck_worker.sh");
    let worker = Worker::at(script).with_variable("STUCK_FILE", &started);
    let (hung, other) = (Path::new("/hung"), Path::new("/other"));
    // The rest of a worker's process group.
    let release = |pid: u32| killpg(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();

    let mut task = worker.statvfs(hung).unwrap();
    wait_until("the worker has started its like", || started.exists());
    let told = task.poll(task.deadline()).unwrap().unwrap_err().to_string();
    assert_eq!(told, "no answer within 5 s (a network mount whose server is gone?)");
    let stuck = task.pid();
    drop(task);
    let refused = worker.statvfs(hung).map(drop).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::ResourceBusy));
    release(worker.statvfs(other).unwrap().pid());

    release(stuck);
    let mut again = None;
    wait_until("the path can be probed again", || {
        again = worker.statvfs(hung).ok();
        again.is_some()
    });
    release(again.unwrap().pid());
}

#[test]
fn a_worker_without_its_agent_ends_by_itself() {
    // It inherits that the alarm's signal is ignored, gets no order, and nobody kills it.
    let mut orphan = Command::new("/bin/sh")
        .args(["-c", "trap '' ALRM; exec \"$0\" worker statvfs", BINARY])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let input = orphan.stdin.take();
    wait_until("the worker ends", || orphan.try_wait().unwrap().is_some());
    assert_eq!(orphan.wait().unwrap().code(), Some(255));
    drop(input);
}
