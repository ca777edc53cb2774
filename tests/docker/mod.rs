//! Docker: the client, the collector and the event stream, against recorded replies of three engines, against servers
//! that misbehave, against containers that a test invents, and against a real engine.

mod agent;
mod collector;
mod deploys;
mod driver;
mod engine;
mod events;
mod misbehaving;
mod own_limits;
mod proxy;
mod readme;
mod real;
mod recorded;
mod shares;

use std::time::Duration;

use nix::poll::{PollFd, PollTimeout, poll};
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::docker::{Docker, DockerConfig, Entry, Look, Looked, Memory};
use vps_monitor::docker::{Address, Answer, Question, SHARE_BYTES, Session};
use vps_monitor::snapshot::{Snapshot, Value};

use crate::support::PATIENCE;

pub fn config(address: Address, names: &[&str]) -> DockerConfig {
    DockerConfig {
        socket: address,
        containers: names.iter().map(|name| Entry::new(*name)).collect(),
        ..DockerConfig::default()
    }
}

/// The containers' collector of `run`, before it has seen any.
fn watching(config: &DockerConfig) -> Docker {
    Docker::new(config, Some(Memory::default()))
}

/// `seconds` after the scripted clocks' beginning, which is 2026-11-22T06:00:00Z.
pub fn at(seconds: i64) -> Now {
    let begin: jiff::Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    let wall = begin + Duration::from_secs(seconds.try_into().unwrap());
    Now { wall, boot: Boot::from_millis(seconds * 1000) }
}

/// The next answer, for which the scripted clocks stand still.
fn next_answer(session: &mut Session, now: Now) -> Answer {
    loop {
        if let Some(answer) = session.advance(now.boot, &mut { SHARE_BYTES }) {
            return answer;
        }
        if let Some((fd, flags)) = session.fd() {
            let timeout = PollTimeout::try_from(PATIENCE).unwrap();
            assert_eq!(poll(&mut [PollFd::new(fd, flags)], timeout), Ok(1), "nothing came");
        }
    }
}

/// Asks the engine at an address one question, until it is answered or fails.
fn ask(session: &mut Session, question: Question<'_>) -> Vec<Answer> {
    session.ask(question);
    let mut answers = Vec::new();
    while !answers.last().is_some_and(Answer::is_last) {
        answers.push(next_answer(session, at(0)));
    }
    answers
}

pub fn look(docker: &mut Docker, look: Look, now: Now) -> Looked {
    let mut looked = docker.begin(look, now);
    let mut session = Session::new(docker.config().socket.clone(), now.boot);
    loop {
        if let Some(looked) = looked {
            return looked;
        }
        if !session.is_asked() {
            session.ask(docker.question().expect("a look that has not ended asks"));
        }
        looked = docker.answer(next_answer(&mut session, now), now);
    }
}

fn collect(docker: &mut Docker, now: Now) -> Snapshot {
    look(docker, Look::Everything, now).snapshot
}

/// Each reading as `container_state(web): exited, breach, ExitCode(3)`; then each failure.
fn told(snapshot: &Snapshot) -> Vec<String> {
    let readings = snapshot.readings.iter().map(|reading| {
        let Value::Container(container) = &reading.value else { panic!("{reading:?}") };
        let verdict = match container.well {
            Some(true) => "clear",
            Some(false) => "breach",
            None => "unknown",
        };
        let causes: String = container.causes.iter().map(|cause| format!(", {cause:?}")).collect();
        format!("{}: {}, {verdict}{causes}", reading.key, container.word)
    });
    let failures = snapshot.failures.iter().map(|failure| {
        let target = failure.target.as_deref().unwrap_or_default();
        format!("failure({target}): {}", failure.error)
    });
    readings.chain(failures).collect()
}
