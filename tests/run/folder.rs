//! The state's folder: foreign entries in it, its owner, and its other users.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Pid, geteuid, mkfifo};

use super::MEMORY_RECOVERY;
use crate::support::agent::{BINARY, Finished, Place, finish, quick};
use crate::support::robot::Robot;
use crate::support::{can_inject, is_ci, wait_until};

/// A user and a group that own nothing else: nobody.
const OTHER: u32 = 65534;

/// All names that the agent knows in its folder.
const NAMES: [&str; 4] = ["alert_state.json", "alert_state.json.new", "lock", "status.sock"];

fn is_root() -> bool {
    if !geteuid().is_root() {
        assert!(!is_ci(), "CI runs as root");
        eprintln!("left out, as this user cannot become another one");
    }
    geteuid().is_root()
}

/// A place that others can look into, with a state's folder that belongs to another user.
fn foreign_place(robot: &Robot) -> Place {
    let place = Place::configured("small-vps", &quick(&robot.url()));
    fs::set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.config(), Permissions::from_mode(0o644)).unwrap();
    fs::create_dir(place.state()).unwrap();
    chown(place.state(), Some(OTHER), Some(OTHER)).unwrap();
    place
}

/// Has a command run as another user.
fn by_user(user: u32, command: &Command) -> Finished {
    let mut setpriv = Command::new("setpriv");
    setpriv.args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()]);
    finish(setpriv.arg(command.get_program()).args(command.get_args()).env_clear().current_dir("/"))
}

#[test]
fn whatever_stands_in_place_of_its_files_the_agent_neither_waits_nor_follows_and_tells_of_trouble() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let target = place.path("target");
    type Put<'a> = &'a dyn Fn(&Path);
    let put: [(&str, Put<'_>); 5] = [
        ("link", &|path| symlink(&target, path).unwrap()),
        ("FIFO", &|path| mkfifo(path, Mode::S_IRWXU).unwrap()),
        ("socket", &|path| drop(UnixListener::bind(path).unwrap())),
        ("directory", &|path| fs::create_dir(path).unwrap()),
        // The null device, which not everybody can make.
        ("device", &|path| mknod(path, SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 3)).unwrap_or_default()),
    ];
    for name in NAMES {
        for (what, put) in put {
            let _ = fs::remove_dir_all(place.state());
            fs::create_dir(place.state()).unwrap();
            fs::write(&target, "untouched").unwrap();
            put(&place.state().join(name));
            if what == "device" && !place.state().join(name).exists() {
                continue;
            }
            let messages = robot.received().len();
            let status = place.start(&["status"]).finish();
            assert!([1, 3].contains(&status.code), "{name} is a {what}: {status:?}");
            let once = place.start(&["run", "--once"]).finish();
            assert!(once.code == 0 && robot.received().len() > messages, "{name} is a {what}: {once:?}");
            assert_eq!(fs::read_to_string(&target).unwrap(), "untouched", "{name} is a {what}");
            // A left-over in place of a file that is made anew is no trouble.
            let is_replaced = name == "status.sock" || name == "alert_state.json.new";
            assert!(once.stderr.contains(name) || is_replaced && what != "directory", "{name} is a {what}: {once:?}");
        }
    }
}

#[test]
fn what_the_agent_makes_is_for_its_owner_alone_whatever_the_umask() {
    for umask in ["umask 0", "umask 0777"] {
        let place = Place::configured("no-swap", &quick(""));
        fs::create_dir(place.state()).unwrap();
        fs::set_permissions(place.state(), Permissions::from_mode(0o777)).unwrap();
        let agent = place.start_in_shell(umask, &["run"]);
        agent.wait_for_checks(1);
        for name in ["status.sock", "lock", "alert_state.json"] {
            let path = place.state().join(name);
            wait_until("the file is there", || path.exists());
            assert_eq!(path.symlink_metadata().unwrap().mode() & 0o777, 0o600, "{name}");
        }
        assert_eq!(place.status()["pid"], agent.pid());
        agent.stop(Signal::SIGTERM);
    }
}

#[test]
fn whoever_changes_the_mode_of_the_status_socket_has_changed_nothing() {
    if !is_root() {
        return;
    }
    let place = Place::configured("no-swap", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    for path in [place.path(""), place.state(), place.state().join("status.sock")] {
        fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    }
    let asked = by_user(OTHER, &place.command(&["status"]));
    assert!(asked.code == 1 && asked.stderr.contains("only root and the agent's own user"), "{asked:?}");
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_folder_with_a_long_name_has_a_status_socket_all_the_same() {
    let place = Place::configured("no-swap", &quick(""));
    let long = place.path("").join("x".repeat(200)).join("state");
    let command = |what: &str| {
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(place.config()).arg("--procfs").arg(place.path("proc")).arg(what);
        command.env("STATE_DIRECTORY", &long);
        command
    };
    let agent = place.spawn(command("run"));
    agent.wait_for_checks(1);
    let status = finish(&mut command("status"));
    assert!(status.code == 0 && status.stdout.contains(&format!("process {}", agent.pid())), "{status:?}");
    agent.stop(Signal::SIGTERM);
}

#[test]
fn root_works_as_the_owner_of_the_folder_and_goes_on_from_the_same_state() {
    if !is_root() {
        return;
    }
    let robot = Robot::start([]);
    let place = foreign_place(&robot);
    let once = place.command(&["run", "--once"]);
    assert_eq!(by_user(OTHER, &once).code, 0);
    assert_eq!(robot.received().len(), 1);
    // Its messages are known, whoever runs it next.
    let by_root = place.run(&["run", "--once"]);
    assert!(by_root.code == 0 && by_root.stderr.contains("belongs to nobody: working as that user"), "{by_root:?}");
    assert_eq!(by_user(OTHER, &once).code, 0);
    assert_eq!(robot.received().len(), 1);
    place.become_host("no-swap");
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!(by_user(OTHER, &once).code, 0);
    let received = robot.received();
    assert!(received.len() == 2 && received[1].content().starts_with(MEMORY_RECOVERY));
    for entry in fs::read_dir(place.state()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().uid(), OTHER);
    }
}

#[test]
fn a_user_whose_folder_root_works_in_cannot_have_root_write_elsewhere() {
    if !is_root() {
        return;
    }
    let robot = Robot::start([]);
    for name in NAMES {
        let place = foreign_place(&robot);
        let target = place.path("target");
        fs::write(&target, "untouched").unwrap();
        symlink(&target, place.state().join(name)).unwrap();
        assert_eq!(place.run(&["run", "--once"]).code, 0, "{name}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "untouched", "{name}");
    }
    // A folder that is itself a link of somebody else's is not used at all; one of root's is.
    let place = foreign_place(&robot);
    let elsewhere = place.path("elsewhere");
    fs::rename(place.state(), &elsewhere).unwrap();
    symlink(&elsewhere, place.state()).unwrap();
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    nix::unistd::fchownat(
        nix::fcntl::AT_FDCWD,
        &place.state(),
        Some(OTHER.into()),
        None,
        nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW,
    )
    .unwrap();
    let refused = place.run(&["run", "--once"]);
    assert!(refused.code == 1 && refused.stderr.contains("a link that another user made"), "{refused:?}");
}

#[test]
fn another_user_is_told_whose_folder_it_is() {
    if !is_root() {
        return;
    }
    let robot = Robot::start([]);
    let place = foreign_place(&robot);
    for mode in [0o777, 0o700] {
        fs::set_permissions(place.state(), Permissions::from_mode(mode)).unwrap();
        let refused = by_user(1, &place.command(&["run", "--once"]));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains("belongs to nobody: run this as that user"), "{mode:o}: {refused:?}");
    }
    // A folder that root gave to everybody is nobody else's.
    chown(place.state(), Some(0), Some(0)).unwrap();
    fs::set_permissions(place.state(), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(by_user(1, &place.command(&["run", "--once"])).code, 0);
    assert_eq!(robot.received().len(), 1);
}

#[test]
fn a_folder_that_somebody_removed_or_replaced_lets_no_second_agent_in_and_is_used_again() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("delivered kind=alert");
    // It makes the folder anew as soon as it has something to save.
    let saved = || fs::read_to_string(place.state_file()).is_ok_and(|state| state.contains("\"waiting\": []"));
    wait_until("the delivery is saved", saved);
    fs::rename(place.state(), place.path("aside")).unwrap();
    for is_there in [false, true] {
        if is_there {
            fs::create_dir(place.state()).unwrap();
        }
        let second = place.run(&["run", "--once"]);
        assert!(second.code == 1 && second.stderr.contains(&format!("process {}", agent.pid())), "{second:?}");
    }
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("delivered kind=recovery");
    wait_until("the agent listens in the new folder", || place.state().join("status.sock").exists());
    assert_eq!(place.status()["pid"], agent.pid());
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("was removed or replaced").count(), 1, "{log}");
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!(robot.received().len(), 2);
}

#[test]
fn a_save_that_is_still_at_work_keeps_the_next_agent_waiting_for_some_seconds() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    fs::create_dir(place.state()).unwrap();
    // As a child that hangs in fsync(2) does, whose agent was killed.
    let saving = File::open(place.state()).unwrap();
    saving.try_lock().unwrap();
    let refused = place.start(&["run"]).finish();
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("still in use by the last save"), "{refused:?}");

    let agent = place.start(&["run"]);
    wait_until("it waits", || place.state().join("lock").exists());
    assert_eq!(robot.received().len(), 0);
    drop(saving);
    agent.wait_for_log("delivered kind=alert");
    agent.stop(Signal::SIGTERM);
}

#[test]
fn on_a_file_system_without_locks_the_agent_runs_is_found_and_is_the_only_one_here() {
    if !can_inject() {
        return;
    }
    let place = Place::configured("no-swap", &quick(""));
    let without_locks = "set -- strace -f -qq -o /dev/null -e inject=flock:error=ENOLCK \"$@\"";
    let agent = place.start_in_shell(without_locks, &["run"]);
    agent.wait_for_checks(1);
    assert_eq!(agent.log().matches("a second agent in this folder may not be kept out").count(), 2, "{}", agent.log());
    let status = place.status();
    assert_eq!(status["running"], true);
    let pid = &status["pid"];
    let second = place.start_in_shell(without_locks, &["run", "--once"]).finish();
    assert!(second.code == 1 && second.stderr.contains(&format!("process {pid}")), "{second:?}");
    nix::sys::signal::kill(Pid::from_raw(pid.as_i64().unwrap().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(agent.finish().code, 0);
}
