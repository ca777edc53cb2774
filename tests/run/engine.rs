//! Checks, `status`, the watchdog and a stop keep their time, whatever the Docker engine does.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::MEMORY_ALERT;
use crate::support::agent::{Agent, Finished, PROMPTLY, Place, quick};
use crate::support::engine::{After, Engine, hang, json_reply};
use crate::support::robot::Robot;
use crate::support::wait_until;

/// The watchdog's interval: systemd must hear from the agent this often.
const WATCHDOG: Duration = Duration::from_secs(4);

/// An agent that checks each second, with an engine, a robot, and somebody who plays systemd.
struct Watched {
    place: Place,
    robot: Robot,
    agent: Agent,
    service_manager: UnixDatagram,
    alive: Instant,
    slowest_status: Duration,
    longest_silence: Duration,
}

impl Watched {
    fn start(engine: &Engine) -> Watched {
        let robot = Robot::start([]);
        let place = Place::on("small-vps");
        let docker = format!("docker: {{enabled: true, socket: {}}}", engine.path().display());
        let config = quick(&robot.url()).replace("docker: {enabled: false}", &docker);
        place.configure(&config.replace("check_interval: 1h", "check_interval: 1"));
        let service_manager = UnixDatagram::bind(place.path("notify.sock")).unwrap();
        service_manager.set_nonblocking(true).unwrap();
        let mut command = place.command(&["run"]);
        command.env("NOTIFY_SOCKET", place.path("notify.sock"));
        command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        let agent = place.spawn(command);
        agent.wait_for_log("started");
        Watched {
            place,
            robot,
            agent,
            service_manager,
            alive: Instant::now(),
            slowest_status: Duration::ZERO,
            longest_silence: Duration::ZERO,
        }
    }

    /// Waits until `condition` holds; all the while the agent tells systemd that it lives, and answers `status`.
    fn wait_until(&mut self, what: &str, condition: impl Fn(&Agent) -> bool) {
        wait_until(what, || {
            let asked = Instant::now();
            assert_eq!(self.place.status()["running"], true);
            self.slowest_status = self.slowest_status.max(asked.elapsed());
            assert!(self.slowest_status < PROMPTLY, "status took {:?}", self.slowest_status);
            self.longest_silence = self.longest_silence.max(self.alive.elapsed());
            let mut word = [0; 512];
            while let Ok(length) = self.service_manager.recv(&mut word) {
                if word[..length].starts_with(b"WATCHDOG=1") {
                    self.alive = Instant::now();
                }
            }
            assert!(self.alive.elapsed() < WATCHDOG, "no sign of life for {:?}", self.alive.elapsed());
            condition(&self.agent)
        });
    }

    /// Stops the agent, which must do so at once.
    fn stop(self) -> Finished {
        println!("slowest status {:?}, longest without a sign of life {:?}", self.slowest_status, self.longest_silence);
        self.agent.stop(Signal::SIGTERM)
    }
}

fn lists(engine: &Engine) -> usize {
    engine.targets().iter().filter(|target| target.starts_with("/containers/json")).count()
}

#[test]
fn one_that_never_answers() {
    let engine = Engine::new(|_, stream| hang(stream));
    let mut watched = Watched::start(&engine);
    watched.wait_until("the engine is asked again", |_| lists(&engine) == 2);
    assert!(watched.robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT), "what else was measured is told");
    let log = watched.stop().stderr;
    assert_eq!(log.matches("collector=docker state=failed").count(), 1, "{log}");
    assert!(log.contains("no answer from") && !log.contains("works_again"), "{log}");
}

#[test]
fn one_that_drips() {
    let engine = Engine::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
        After::Close
    });
    let mut watched = Watched::start(&engine);
    watched.wait_until("the engine is asked again", |_| lists(&engine) == 2);
    let log = watched.stop().stderr;
    assert!(log.contains("no answer from"), "{log}");
}

#[test]
fn one_whose_events_never_pause() {
    let image = r#"{"Type":"image","Action":"pull","Actor":{"ID":"a"},"timeNano":1}"#.to_owned() + "\n";
    for line in ["\n".to_owned(), image] {
        let flood = line.repeat(1000);
        let flood = format!("{:x}\r\n{flood}\r\n", flood.len());
        let engine = Engine::new(move |target, stream| {
            if !target.starts_with("/events") {
                let _ = stream.write_all(json_reply("200 OK", "[]").as_bytes());
                return After::Keep;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while stream.write_all(flood.as_bytes()).is_ok() {}
            After::Close
        });
        let mut watched = Watched::start(&engine);
        watched.wait_until("the flood is found", |agent| agent.log().contains("sends more than can be read"));
        let checks = watched.agent.checks();
        watched.wait_until("three more checks", |agent| agent.checks() >= checks + 3);
        let log = watched.stop().stderr;
        assert_eq!(log.matches("sends more than can be read").count(), 1, "{log}");
    }
}

#[test]
fn one_whose_list_never_ends() {
    let engine = Engine::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n");
        let spaces = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
        while stream.write_all(spaces.as_bytes()).is_ok() {}
        After::Close
    });
    let mut watched = Watched::start(&engine);
    watched.wait_until("three checks", |agent| agent.checks() >= 3);
    let log = watched.stop().stderr;
    assert_eq!(log.matches("longer than 16777216 bytes").count(), 1, "{log}");
}
