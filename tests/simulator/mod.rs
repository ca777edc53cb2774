//! A deterministic simulator that tries to prove the agent wrong.
//!
//! The real core, with everything that decides, runs in a world that is all model: a scripted clock, a host whose
//! readings come from a seeded generator, a disk that fails, tears, fills up, lies about fsync and crashes at every
//! single operation, and a robot with a rate limit, outages, latency and wrong answers. One seed is one run. After
//! every event the oracle checks the run; a failure is reported with its trace and the command that repeats it.

mod agent;
mod clock;
mod container;
mod containers;
mod debts;
mod delivery;
mod disk;
mod engine;
mod engine_link;
mod filling;
mod folder;
mod group;
mod happenings;
mod hold;
mod host;
mod judgement;
mod language;
mod message;
mod mishap;
mod model;
mod oracle;
mod pace;
mod pager;
mod pairs;
mod people;
pub mod random;
mod recorder;
mod regressions;
mod reports;
mod restart;
mod robot;
mod route;
mod rules;
mod run;
mod said;
mod save;
mod script;
mod settings;
mod trace;
mod units;
mod unmeasured;
mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::setting;
use run::{Outcome, simulate};

/// Hours of one seed, if the environment names none.
const HOURS: u64 = 24;
/// Seeds of the ordinary test run.
const SEEDS: u64 = 2;
/// Where the ordinary test run begins; with `SIMULATE_DAYS` seeds are fresh.
const FIRST_SEED: u64 = 2;

/// `SIMULATE_SEED` and `SIMULATE_HOURS` repeat one run with its trace; `SIMULATE_DAYS` runs as many days over seeds that
/// nobody tried before, or over those from `SIMULATE_SEED` on.
#[test]
fn nothing_is_lost_whatever_happens() {
    let hours = setting("SIMULATE_HOURS").unwrap_or(HOURS);
    let start = Instant::now();
    let (first, seeds) = match (setting("SIMULATE_SEED"), setting("SIMULATE_DAYS")) {
        (Some(seed), None) => (seed, 1),
        (seed, Some(days)) => (seed.unwrap_or_else(fresh_seed), (days * 24).div_ceil(hours)),
        (None, None) => (FIRST_SEED, SEEDS),
    };
    let outcomes = side_by_side(first, seeds, hours);
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failures = Vec::new();
    for (seed, outcome) in outcomes {
        for (kind, count) in outcome.faults {
            *faults.entry(kind).or_default() += count;
        }
        failures.extend(outcome.wrong.map(|wrong| (seed, wrong)));
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{} days in {seeds} seeds from {first} in {seconds:.0} s: {faults:#?}", seeds * hours / 24);
    for (seed, wrong) in &failures {
        println!("seed {seed}: {}", wrong.lines().next().unwrap_or_default());
    }
    if let Some((seed, wrong)) = failures.first() {
        let trace = simulate(*seed, hours, true).trace;
        let shown = setting("SIMULATE_TRACE").unwrap_or(400) as usize;
        for line in &trace[trace.len().saturating_sub(shown)..] {
            println!("{line}");
        }
        panic!(
            "{} of {seeds} runs went wrong; the first: {wrong}\nrepeat it: make simulate SEED={seed} HOURS={hours}",
            failures.len()
        );
    }
}

#[test]
fn a_seed_is_a_run() {
    let run = |seed| simulate(seed, 24, true).trace;
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

fn fresh_seed() -> u64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since_epoch.as_secs() % 1_000_000_000 * 1000
}

/// The outcomes of seeds that follow each other, on all processors.
fn side_by_side(first: u64, seeds: u64, hours: u64) -> Vec<(u64, Outcome)> {
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let share = |number| (first + number..first + seeds).step_by(processors as usize);
    let run = move |number| share(number).map(|seed| (seed, simulate(seed, hours, false))).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a run ends with an outcome")).collect()
    })
}
