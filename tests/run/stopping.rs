//! A signal ends the agent at once wherever it is, with its state saved.

use std::net::UdpSocket;
use std::os::unix::net::UnixListener;

use nix::sys::signal::Signal;

use crate::support::agent::{Agent, Finished, Place, quick};
use crate::support::robot::{Answer, KEY, Robot};
use crate::support::wait_until;

const SIGNALS: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];

/// Stops an agent, which must say so and leave its state behind.
fn stop(place: &Place, agent: Agent, signal: Signal) -> Finished {
    let finished = agent.stop(signal);
    assert_eq!(finished.code, 0, "{signal}: {finished:?}");
    assert!(finished.stderr.lines().last().is_some_and(|line| line.contains("stopped")), "{finished:?}");
    // A requested stop is no failure of the work that was waited for.
    assert!(!finished.stderr.contains("state=failed"), "{finished:?}");
    let status = place.status();
    assert_eq!((&status["running"], place.state_file().exists()), (&false.into(), true));
    finished
}

#[test]
fn while_it_has_nothing_to_do() {
    for signal in SIGNALS {
        let place = Place::configured("no-swap", &quick(""));
        let agent = place.start(&["run"]);
        agent.wait_for_checks(1);
        stop(&place, agent, signal);
    }
}

#[test]
fn in_a_sampling_window() {
    let windows = quick("").replace("sample_interval: 0.1", "sample_interval: 60");
    for signal in SIGNALS {
        let place = Place::configured("no-swap", &windows);
        let agent = place.start(&["run"]);
        agent.wait_for_log("started");
        wait_until("the state is saved", || place.state_file().exists());
        stop(&place, agent, signal);
    }
}

#[test]
fn a_check_in_a_sampling_window() {
    let windows = quick("").replace("sample_interval: 0.1", "sample_interval: 60");
    for signal in SIGNALS {
        let place = Place::configured("no-swap", &windows);
        let check = place.start(&["check"]);
        // A check shows nothing until it ends: the signal must end whatever it is doing.
        assert_eq!(check.stop(signal).code, 128 + signal as i32);
    }
}

#[test]
fn while_the_webhook_hangs_and_the_message_is_kept() {
    for signal in SIGNALS {
        let robot = Robot::start([Answer::Hang]);
        let place = Place::configured("small-vps", &quick(&robot.url()));
        let agent = place.start(&["run"]);
        robot.wait_for(1);
        stop(&place, agent, signal);
        assert_eq!(place.status()["pending"][0]["kind"], "alert");
    }
}

#[test]
fn while_the_docker_socket_hangs() {
    for signal in SIGNALS {
        let place = Place::on("no-swap");
        // It takes connections, and says nothing.
        let socket = place.path("docker.sock");
        let engine = UnixListener::bind(&socket).unwrap();
        let docker = format!("docker: {{enabled: true, socket: {}}}", socket.display());
        place.configure(&quick("").replace("docker: {enabled: false}", &docker));
        let agent = place.start(&["run"]);
        let _connection = engine.accept().unwrap();
        // A delivery that was not waited for has not failed.
        let log = stop(&place, agent, signal).stderr;
        assert!(!log.contains("docker"), "{log}");
    }
}

#[test]
fn while_the_name_server_does_not_answer() {
    const NAME_SERVER: &str = "127.94.7.3";
    let place = Place::on("small-vps");
    std::fs::write(place.path("resolv.conf"), format!("nameserver {NAME_SERVER}\n")).unwrap();
    let use_it = "mount --bind $PLACE/resolv.conf /etc/resolv.conf";
    let Ok(silent) = UdpSocket::bind((NAME_SERVER, 53)) else {
        return eprintln!("left out, as this user cannot be a name server on this machine");
    };
    if !place.can(use_it) {
        return;
    }
    place.configure(&quick(&format!("http://robot.example.org/cgi-bin/webhook/send?key={KEY}")));
    let agent = place.start_after(use_it, &["run"]);
    let mut question = [0; 512];
    silent.recv(&mut question).unwrap();
    stop(&place, agent, Signal::SIGTERM);
}

/// A file system in user space whose server never answers: the kernel lets statvfs(2) wait for it.
const HANGING_MOUNT: &str = "mkdir -p $PLACE/dead; exec 3<>/dev/fuse; \
    mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none $PLACE/dead";

#[test]
fn while_a_mount_hangs() {
    let place = Place::on("small-vps");
    if !place.can(HANGING_MOUNT) {
        return;
    }
    let disk = format!("disk: {{paths: [{}]}}", place.path("dead").display());
    place.configure(&quick("").replace("disk: {enabled: false}", &disk));
    let agent = place.start_after(HANGING_MOUNT, &["run"]);
    agent.wait_for_log("started");
    wait_until("the state is saved", || place.state_file().exists());
    stop(&place, agent, Signal::SIGTERM);
}
