//! Docker: the client, the collector and the event stream, against recorded replies of three engines, against servers
//! that misbehave, against containers that a test invents, and against a real engine.

mod collector;
mod events;
mod misbehaving;
mod proxy;
mod readme;
mod real;
mod recorded;

use std::time::Duration;

use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::docker::{Config, Docker, Entry};
use vps_monitor::docker::{Address, Patience};
use vps_monitor::snapshot::{Snapshot, Value};

use crate::support::PATIENCE;

fn config(address: Address, names: &[&str]) -> Config {
    Config { socket: address, containers: names.iter().map(|name| Entry::new(*name)).collect(), ..Config::default() }
}

fn patient() -> Patience<'static> {
    Patience::of(PATIENCE, None)
}

/// `seconds` after the scripted clocks' beginning, which is 2026-11-22T06:00:00Z.
fn at(seconds: i64) -> Now {
    let begin: jiff::Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    let wall = begin + Duration::from_secs(seconds.try_into().unwrap());
    Now { wall, boot: Boot::from_millis(seconds * 1000) }
}

fn collect(docker: &mut Docker, now: Now) -> Snapshot {
    let mut snapshot = Snapshot::default();
    docker.collect(patient(), now, &mut snapshot);
    snapshot
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
