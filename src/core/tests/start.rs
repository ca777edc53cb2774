//! After the machine's start, findings are told together once the start has settled.

use super::*;

const MINUTE: i64 = 60_000;

/// An agent that was started twenty seconds after the machine.
fn agent() -> Driven {
    after(20)
}

fn after(seconds: u64) -> Driven {
    let mode = Mode { uptime: Some(Duration::from_secs(seconds)), ..Mode::default() };
    Driven::new(config_with(KEY, "{critical: 97}"), mode)
}

/// The start has settled five minutes after the machine's.
const SETTLED: i64 = 280_000;

fn check(agent: &mut Driven, memory: f64, containers: &[(&str, &str)], now: i64) -> Vec<String> {
    let mut snapshot = Snapshot { watched: vec![Watched::Every(metric::CONTAINER_STATE)], ..Snapshot::default() };
    snapshot.push(metric::MEMORY, "", Value::Usage { percent: memory, used_bytes: 1, total_bytes: 2 });
    for (name, word) in containers {
        snapshot.push(metric::CONTAINER_STATE, *name, Value::from(ContainerWord::new(*word, "running")));
    }
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(now));
    told(agent, now)
}

fn told(agent: &mut Driven, now: i64) -> Vec<String> {
    let mut told = Vec::new();
    while let Some((ticket, text, _)) = agent.post() {
        told.push(text);
        agent.answered(ticket, 0, at(now));
    }
    told
}

#[test]
fn what_the_first_check_finds_is_told_together_when_the_start_has_settled() {
    let mut agent = agent();
    let found = [("web", "exited"), ("db", "exited"), ("cache", "exited")];
    assert!(check(&mut agent, 90.0, &found, 0).is_empty());
    assert!(check(&mut agent, 91.0, &found, MINUTE).is_empty());
    // One runs by then, and nobody hears of it.
    let found = [("web", "exited"), ("db", "running"), ("cache", "exited")];
    assert!(check(&mut agent, 91.0, &found, 4 * MINUTE).is_empty());
    assert_eq!(agent.core.next_due(at(4 * MINUTE)), Some(at(SETTLED).boot));
    let told = check(&mut agent, 92.0, &found, SETTLED);
    assert_eq!(told.len(), 2, "one of the host, one of containers: {told:?}");
    assert!(told[0].contains("92.0%") && told[1].contains("web") && told[1].contains("cache"), "{told:?}");
    assert!(!told[1].contains("db"), "{told:?}");
}

#[test]
fn the_service_manager_may_say_earlier_that_it_has_settled() {
    let mut agent = agent();
    assert!(check(&mut agent, 90.0, &[], 0).is_empty());
    agent.measurements();
    agent.step(Input::StartSettled, at(30_000));
    assert_eq!(agent.measurements(), 1);
    assert_eq!(check(&mut agent, 90.0, &[], 31_000).len(), 1);
    // Said again, or late, it changes nothing.
    agent.step(Input::StartSettled, at(32_000));
    assert_eq!(agent.measurements(), 0);
}

#[test]
fn what_is_critical_and_what_dies_after_the_first_check_is_told_at_once() {
    let mut agent = agent();
    assert_eq!(check(&mut agent, 98.0, &[("web", "running"), ("old", "exited")], 0).len(), 1);
    let died = agent.look(ContainerWord::new("exited", "running"), at(10_000)).post();
    assert!(died.is_some_and(|(_, text, _)| text.contains("web")));
}

#[test]
fn a_breach_that_becomes_critical_while_it_waits_is_told_at_once() {
    let mut agent = agent();
    assert!(check(&mut agent, 90.0, &[], 0).is_empty());
    assert_eq!(check(&mut agent, 98.0, &[], MINUTE).len(), 1);
}

#[test]
fn an_agent_that_starts_long_after_the_machine_gathers_nothing() {
    for seconds in [300, 301, 1_000_000] {
        assert_eq!(check(&mut after(seconds), 90.0, &[("web", "exited")], 0).len(), 2, "{seconds}");
    }
    assert_eq!(check(&mut Driven::new(config(KEY), Mode::default()), 90.0, &[], 0).len(), 1);
}

#[test]
fn a_restart_of_the_agent_meanwhile_changes_no_instant_and_neither_does_the_wall_clock() {
    let mut agent = agent();
    assert!(check(&mut agent, 90.0, &[("web", "exited")], 0).is_empty());
    let mode = Mode { uptime: Some(Duration::from_secs(80)), ..Mode::default() };
    let state = Box::new(agent.core.state.get().clone());
    let mut next = Driven::from(Loaded::State(state), config_with(KEY, "{critical: 97}"), mode, at(MINUTE));
    assert!(check(&mut next, 90.0, &[("web", "exited")], MINUTE).is_empty());
    // The wall clock is set by a year.
    let set = |millis: i64| Now { wall: at(millis + 365 * 86_400_000).wall, boot: at(millis).boot };
    next.step(Input::ClockSet, set(2 * MINUTE));
    assert_eq!(next.core.next_due(set(3 * MINUTE)).map(|due| due <= at(SETTLED).boot), Some(true));
    assert!(check(&mut next, 90.0, &[("web", "exited")], SETTLED - 1).is_empty());
    assert_eq!(check(&mut next, 90.0, &[("web", "exited")], SETTLED).len(), 2);
}
