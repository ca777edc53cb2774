//! A running agent's answers to `status`, and its reports to systemd.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use super::MEMORY_ALERT;
use crate::support::agent::{Agent, Place, quick};
use crate::support::robot::{Answer, Robot};
use crate::support::wait_until;

const INVALID: &str = "general: {chek_interval: 900}\n";

fn is_refused(place: &Place) -> bool {
    place.status()["config_problem"].is_string()
}

#[test]
fn it_shows_what_it_goes_by_and_what_it_measured() {
    let place = Place::configured("small-vps", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    let status = place.status();
    let path = |path: std::path::PathBuf| Json::from(path.display().to_string());
    assert_eq!((&status["config"], &status["state_dir"]), (&path(place.config()), &path(place.state())));
    assert_eq!((&status["config_problem"], &status["channel"]), (&Json::Null, &"terminal".into()));
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    // The same document as in `check --json`.
    let checked: Json = serde_json::from_str(&place.run(&["check", "--json"]).stdout).unwrap();
    let names = |readings: &Json| -> Vec<String> {
        readings.as_array().unwrap().iter().map(|reading| reading["metric"].to_string()).collect()
    };
    assert_eq!(names(&status["readings"]), names(&checked["readings"]));
    assert_eq!(status["readings"][0], checked["readings"][0]);

    let told = place.run(&["status"]);
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{told:?}");
    for line in [
        &format!("configuration {}", place.config().display()),
        &format!("state         {}", place.state().display()),
        "readings      memory              80.4%  threshold 80%  OVER  385.3MB of 479.4MB",
        "              traffic_in       0.0 Mbps  threshold 100 Mbps",
        "alerts        1",
    ] {
        assert!(told.stdout.lines().any(|told| told == line), "`{line}` is not in\n{}", told.stdout);
    }
    assert!(told.stdout.contains("              memory 80.4% (threshold 80%) since 20"), "{}", told.stdout);
}

#[test]
fn a_rate_has_its_mean_from_the_second_check_on() {
    let place = Place::configured("small-vps", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    let traffic = |status: &Json| {
        let readings = status["readings"].as_array().unwrap();
        readings.iter().find(|reading| reading["metric"] == "traffic_in").unwrap().clone()
    };
    let first = traffic(&place.status());
    assert!(first["value"] == 0.0 && first.get("mean").is_none(), "{first}");
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(2);
    // The files are the same, so nothing has passed.
    assert_eq!(traffic(&place.status())["mean"], 0.0);
    assert!(place.run(&["status"]).stdout.contains("threshold 100 Mbps  mean 0.0 Mbps"));
}

#[test]
fn an_alert_that_is_held_back_is_explained() {
    let place = Place::configured("small-vps", &quick(""));
    let agent = place.start(&["run"]);
    for (host, checks) in [("no-swap", 2), ("small-vps", 3)] {
        agent.wait_for_checks(checks - 1);
        place.become_host(host);
        agent.signal(Signal::SIGUSR1);
    }
    agent.wait_for_checks(3);
    let told = place.run(&["status"]).stdout;
    assert!(told.contains(", not told again yet: it waits (last told 20"), "{told}");
}

#[test]
fn a_file_that_is_not_valid_is_told_once_and_neither_disturbs_status_nor_the_agent() {
    let robot = Robot::start([]);
    let place = Place::configured("no-swap", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    place.configure(INVALID);
    // `status` needs no configuration while an agent answers.
    let told = place.run(&["status"]);
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{told:?}");
    for checks in [2, 3] {
        agent.signal(Signal::SIGHUP);
        agent.wait_for_checks(checks);
    }
    assert!(is_refused(&place));
    let problem = format!("{}:1:11: error: general: unknown key `chek_interval`", place.config().display());
    let told = place.run(&["status"]).stdout;
    assert!(told.contains(&format!("NOT VALID on disk: {problem}")), "{told}");
    agent.wait_for_log("delivered kind=notice");
    let content = robot.wait_for(1)[0].content();
    assert!(content.starts_with("⚠️ VPS 监控配置无效 [web-1]\n") && content.contains("config.yaml:1:11:"), "{content}");
    // It is over once a file is taken, and the next one that is not valid is told again.
    place.configure(&quick(&robot.url()));
    agent.signal(Signal::SIGHUP);
    wait_until("it is taken", || !is_refused(&place));
    place.configure(INVALID);
    agent.signal(Signal::SIGHUP);
    robot.wait_for(2);
    assert_eq!(robot.received().len(), 2);
    agent.stop(Signal::SIGTERM);
}

#[test]
fn an_agent_that_runs_and_cannot_be_asked_is_not_called_stopped() {
    let place = Place::configured("small-vps", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    std::fs::remove_file(place.state().join("status.sock")).unwrap();
    let told = place.run(&["status"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stderr.contains("cannot be asked"), "{told:?}");
    assert!(told.stdout.contains(&format!("running, process {}", agent.pid())), "{told:?}");
    agent.stop(Signal::SIGTERM);
}

/// An agent whose service manager is this test, and the `STATUS=` that it was told last.
struct Service {
    agent: Agent,
    socket: UnixDatagram,
    status: String,
}

impl Service {
    fn start(place: &Place) -> Service {
        let path = place.path("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut command = place.command(&["run"]);
        command.env("NOTIFY_SOCKET", path);
        Service { agent: place.spawn(command), socket, status: String::new() }
    }

    fn wait_for_status(&mut self, what: &str) {
        wait_until(&format!("STATUS= has `{what}`"), || {
            let mut datagram = [0; 4096];
            while let Ok(length) = self.socket.recv(&mut datagram) {
                let text = String::from_utf8_lossy(&datagram[..length]);
                if let Some(status) = text.lines().find_map(|line| line.strip_prefix("STATUS=")) {
                    self.status = status.to_owned();
                }
            }
            self.status.contains(what)
        });
    }
}

#[test]
fn systemd_is_told_why_a_message_waits_and_when_it_is_gone_without_a_check_between() {
    let robot = Robot::start([Answer::Errcode(93000)]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let mut service = Service::start(&place);
    service.wait_for_status("1 active alert, 1 message waiting (errcode 93000");
    place.configure(INVALID);
    service.agent.signal(Signal::SIGHUP);
    service.wait_for_status("the configuration on disk is NOT VALID (");
    place.configure(&quick(&robot.url()));
    service.agent.signal(Signal::SIGHUP);
    service.wait_for_status("1 active alert, 0 messages waiting, next check 20");
    assert!(robot.received()[1].content().starts_with(MEMORY_ALERT));
    service.agent.stop(Signal::SIGTERM);
}
