//! A disk that takes 8 s for each fsync(2): it delays a message by 5 s at most, and nothing else at all.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::MEMORY_ALERT;
use crate::support::agent::{Agent, PROMPTLY, Place, quick};
use crate::support::robot::Robot;
use crate::support::{can_inject, wait_until};

/// How long a message waits for the save that holds it.
const SAVE_PATIENCE: Duration = Duration::from_secs(5);

/// The delay that a busy machine may add here; far less than a wait for the disk would.
const SLACK: Duration = Duration::from_millis(2500);

/// systemd is to hear of the agent this often.
const WATCHDOG: Duration = Duration::from_secs(4);

/// Starts an agent, each of whose saves takes 8 s.
fn start(place: &Place, arguments: &[&str]) -> Agent {
    let agent = place.command(arguments);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:delay_enter=8000000", "-P"]);
    strace.arg(place.state().join("alert_state.json.new")).arg(agent.get_program()).args(agent.get_args());
    strace.env("NOTIFY_SOCKET", place.path("notify.sock")).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    place.spawn(strace)
}

/// The agent itself: the other process is strace.
pub fn pid(place: &Place) -> Pid {
    let mut pid = None;
    wait_until("the agent runs", || {
        pid = fs::read_to_string(place.state().join("lock")).ok().and_then(|text| text.trim().parse().ok());
        pid.is_some()
    });
    Pid::from_raw(pid.unwrap())
}

/// The longest time between two occurrences of something that is looked for again and again.
struct Gaps {
    last: Instant,
    longest: Duration,
}

impl Gaps {
    fn new() -> Gaps {
        Gaps { last: Instant::now(), longest: Duration::ZERO }
    }

    fn look(&mut self, has_occurred: bool) {
        self.longest = self.longest.max(self.last.elapsed());
        if has_occurred {
            self.last = Instant::now();
        }
    }
}

#[test]
fn the_message_waits_for_its_save_for_five_seconds_and_everything_else_keeps_its_time() {
    if !can_inject() {
        return;
    }
    let robot = Robot::start([]);
    let place =
        Place::configured("small-vps", &quick(&robot.url()).replace("check_interval: 1h", "check_interval: 1s"));
    let service_manager = UnixDatagram::bind(place.path("notify.sock")).unwrap();
    service_manager.set_nonblocking(true).unwrap();
    let agent = start(&place, &["run"]);
    let pid = pid(&place);
    agent.wait_for_checks(1);
    let found = Instant::now();

    let (mut checks, mut signs_of_life, mut slowest_status) = (Gaps::new(), Gaps::new(), Duration::ZERO);
    let mut seen = agent.checks();
    let mut arrived = None;
    let mut datagram = [0; 1024];
    wait_until("the message is told, and its delivery is saved", || {
        let count = agent.checks();
        checks.look(count > seen);
        seen = count;
        signs_of_life.look(std::iter::from_fn(|| service_manager.recv(&mut datagram).ok()).count() > 0);
        let asked = Instant::now();
        assert_eq!(place.status()["running"], true);
        slowest_status = slowest_status.max(asked.elapsed());
        arrived = arrived.or_else(|| (!robot.received().is_empty()).then(|| found.elapsed()));
        fs::read_to_string(place.state_file()).is_ok_and(|state| state.contains("\"waiting\": []"))
    });
    let arrived = arrived.unwrap();
    println!(
        "arrived after {arrived:?}, saved after {:?}, longest without a check {:?}, without a sign of life {:?}, \
              slowest status {slowest_status:?}",
        found.elapsed(),
        checks.longest,
        signs_of_life.longest
    );
    assert!(arrived > SAVE_PATIENCE - SLACK && arrived < SAVE_PATIENCE + SLACK, "it arrived after {arrived:?}");
    assert!(checks.longest < Duration::from_secs(1) + SLACK, "{:?} without a check", checks.longest);
    assert!(signs_of_life.longest < WATCHDOG, "{:?} without a sign of life", signs_of_life.longest);
    assert!(slowest_status < SLACK, "status took {slowest_status:?}");
    let log = agent.log();
    assert_eq!(log.matches("a save takes longer than 5 s").count(), 1, "{log}");
    assert!(robot.received().len() == 1 && robot.received()[0].content().starts_with(MEMORY_ALERT));

    // The change is being saved when the signal comes.
    place.become_host("no-swap");
    agent.wait_for_log("state=recovered");
    let asked = Instant::now();
    kill(pid, Signal::SIGTERM).unwrap();
    wait_until("the agent has ended", || kill(pid, None).is_err());
    assert!(asked.elapsed() < PROMPTLY, "SIGTERM took {:?}", asked.elapsed());
    // strace waits for the child that saves.
    assert_eq!(agent.finish().code, 0);
    assert_eq!(robot.wait_for(1).len(), 1);
    let left = place.status();
    assert_eq!((&left["running"], &left["pending"][0]["kind"]), (&false.into(), &"recovery".into()), "{left:#}");
}

#[test]
fn a_save_outlives_its_agent_and_the_next_one_is_not_let_in_before_it_has_ended() {
    if !can_inject() {
        return;
    }
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = start(&place, &["run"]);
    let pid = pid(&place);
    wait_until("a save is under way", || place.state().join("alert_state.json.new").exists());
    kill(pid, Signal::SIGKILL).unwrap();
    wait_until("the agent has ended", || kill(pid, None).is_err());
    let refused = place.run(&["run", "--once"]);
    assert!(refused.code == 1 && refused.stderr.contains("still in use by the last save"), "{refused:?}");
    assert!(!place.state_file().exists());
    // strace waits for the child that saves.
    assert_eq!(agent.finish().code, 128 + Signal::SIGKILL as i32);
    assert!(place.state_file().exists() && robot.received().is_empty());
    assert_eq!((place.run(&["run", "--once"]).code, robot.received().len()), (0, 1));
}
