//! The places where the webhook's key must not be while the agent uses it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use crate::support::agent::{Place, assert_no_key, quick};
use crate::support::robot::{Answer, KEY, Robot};
use crate::support::{is_ci, wait_until};

#[test]
fn the_key_is_in_no_argument_no_environment_no_log_no_state_and_no_answer() {
    let robot = Robot::start([Answer::Hang, Answer::Http(500, "<html>"), Answer::Errcode(93000)]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    // A message is on its way, and the process that posts it is there to be looked at.
    assert!(robot.wait_for(1)[0].path.contains(KEY));
    let posting = agent.children();
    assert!(!posting.is_empty(), "nobody posts");
    for pid in posting.into_iter().chain([agent.pid()]) {
        for file in ["cmdline", "environ", "comm"] {
            let path = format!("/proc/{pid}/{file}");
            match fs::read(&path) {
                Ok(bytes) => assert_no_key(&path, &String::from_utf8_lossy(&bytes)),
                // The environment is for root alone.
                Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path}"),
            }
        }
    }
    assert_no_key("the state", &fs::read_to_string(place.state_file()).unwrap());
    // `Finished` searches their output, and the agent's log.
    place.status();
    assert_eq!(place.run(&["status"]).code, 0);
    assert_eq!(place.run(&["config", "show"]).code, 0);
    place.configure(&quick(&robot.url()).replace("wechat:", "wechta:"));
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("not reloaded");
    assert_eq!(place.run(&["config", "check"]).code, 78);
    agent.stop(Signal::SIGTERM);

    place.configure(&quick(&robot.url()).replace("INFO", "DEBUG"));
    let agent = place.start(&["run"]);
    agent.wait_for_log("errcode 93000");
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_key_that_is_a_variable_of_the_agent_is_none_of_its_children() {
    let robot = Robot::start([Answer::Hang]);
    let place = Place::configured("small-vps", &quick("env:WEBHOOK"));
    let mut command = place.command(&["run"]);
    command.env("WEBHOOK", robot.url()).env("TZ", "Asia/Tokyo").env("no_proxy", "a.example");
    let agent = place.spawn(command);
    assert!(robot.wait_for(1)[0].path.contains(KEY));
    let children = agent.children();
    assert!(!children.is_empty(), "nobody posts");
    for pid in children {
        match fs::read(format!("/proc/{pid}/environ")) {
            Ok(bytes) => {
                let environment = String::from_utf8_lossy(&bytes);
                assert_no_key("a child's environment", &environment);
                let kept = ["TZ=Asia/Tokyo", "no_proxy=a.example"];
                assert!(kept.iter().all(|kept| environment.contains(kept)), "{environment}");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
        }
    }
}

/// The places of `what` in a process's memory; `None`: it may not be read.
fn places_in_memory(pid: u32, what: &[u8]) -> Option<Vec<String>> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut places = Vec::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let [from, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // Some mappings of the kernel cannot be read.
        if rest.starts_with('r') && memory.read_exact_at(&mut bytes, from).is_ok() {
            let found = bytes.windows(what.len()).filter(|window| *window == what).count();
            places.extend((0..found).map(|_| line.to_owned()));
        }
    }
    Some(places)
}

#[test]
fn the_agents_memory_holds_no_key_between_deliveries() {
    if !geteuid().is_root() {
        assert!(!is_ci(), "it takes root to look into the agent's memory, and CI has that");
        eprintln!("left out: it takes root to look into the agent's memory");
        return;
    }
    let robot = Robot::start([]);
    let written = quick(&robot.url());
    let place = Place::configured("small-vps", &written);
    fs::write(place.path("webhook"), robot.url()).unwrap();
    let named = written.replace(&robot.url(), &format!("file:{}", place.path("webhook").display()));
    for configuration in [&written, &named] {
        place.configure(configuration);
        fs::remove_dir_all(place.state()).ok();
        let agent = place.start(&["run"]);
        agent.wait_for_log("delivered");
        // It is looked for in the right place: the host's name is there.
        assert!(!places_in_memory(agent.pid(), b"web-1").unwrap().is_empty());
        assert_eq!(places_in_memory(agent.pid(), KEY.as_bytes()).unwrap(), Vec::<String>::new());
        agent.signal(Signal::SIGHUP);
        agent.wait_for_log("reloaded");
        assert_eq!(places_in_memory(agent.pid(), KEY.as_bytes()).unwrap(), Vec::<String>::new());
        agent.stop(Signal::SIGTERM);
    }
}

/// A command as an ordinary user's, who has no other rights: so that tests run by root show the same.
fn without_privileges(command: &Command) -> Command {
    let mut plain = Command::new("setpriv");
    if geteuid().is_root() {
        plain.args(["--bounding-set=-all", "--inh-caps=-all"]);
    }
    plain.arg(command.get_program()).args(command.get_args());
    plain.stdin(Stdio::null());
    plain
}

/// Whether another process of the same user may look into that one: ptrace(2), "Ptrace access mode checking".
fn may_be_looked_into(pid: u32) -> bool {
    let mut look = Command::new("cat");
    look.arg(format!("/proc/{pid}/environ"));
    without_privileges(&look).output().unwrap().status.success()
}

#[test]
fn no_other_process_of_the_user_may_look_into_the_agent_or_its_workers() {
    let robot = Robot::start([Answer::Hang]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.spawn(without_privileges(&place.command(&["run"])));
    robot.wait_for(1);
    let posting = agent.children();
    assert!(!posting.is_empty(), "nobody posts");
    let mut ordinary = without_privileges(Command::new("sleep").arg("60")).spawn().unwrap();
    // It may, once it is no longer setpriv.
    wait_until("an ordinary process is looked into", || may_be_looked_into(ordinary.id()));
    for pid in posting.into_iter().chain([agent.pid()]) {
        assert!(!may_be_looked_into(pid));
    }
    ordinary.kill().unwrap();
    ordinary.wait().unwrap();
    agent.stop(Signal::SIGTERM);
}
