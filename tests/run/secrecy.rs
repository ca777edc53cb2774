//! Where the webhook's key must not be, while the agent uses it.

use std::fs;

use nix::sys::signal::Signal;

use crate::support::agent::{Place, assert_no_key, quick};
use crate::support::robot::{Answer, KEY, Robot};

/// The children of a process (proc_pid_stat(5): the parent is the second field after the name in brackets).
fn children(pid: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|child| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok()) == Some(pid)
    })
    .collect()
}

#[test]
fn the_key_is_in_no_argument_no_environment_no_log_no_state_and_no_answer() {
    let robot = Robot::start([Answer::Hang, Answer::Http(500, "<html>"), Answer::Errcode(93000)]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    // A message is on its way, and the process that posts it is there to be looked at.
    assert!(robot.wait_for(1)[0].path.contains(KEY));
    let posting = children(agent.pid());
    assert!(!posting.is_empty(), "nobody posts");
    for pid in posting.into_iter().chain([agent.pid()]) {
        for file in ["cmdline", "environ", "comm"] {
            let path = format!("/proc/{pid}/{file}");
            assert_no_key(&path, &String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
    assert_no_key("the state", &fs::read_to_string(place.state_file()).unwrap());
    // What these print is searched by `Finished`, and so is the agent's log.
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
