//! Logins: each pair of user and address is told once in a while.

use super::*;
use crate::collect::logins::LOGIN;
use crate::snapshot::{EventDetail, Key, Occurrence};

const DAY: i64 = 86_400_000;

fn agent(enabled: &str) -> Driven {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, language: en}}\nlogins: {{enabled: {enabled}}}\n\
         scheduled_report: {{enabled: false}}\n"
    );
    let config = Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value);
    Driven::new(config, Mode { is_service: true, ..Mode::default() })
}

fn login(pair: &str, millis: i64) -> Occurrence {
    Occurrence { key: Key::new(LOGIN, pair), at: at(millis).wall, detail: EventDetail::new(Vec::new()) }
}

/// Whether a login is told.
fn is_told(agent: &mut Driven, pair: &str, millis: i64) -> bool {
    agent.step(Input::Happened(vec![login(pair, millis)]), at(millis)).step(Input::Time, at(millis + 700_000));
    let outboxes = std::mem::take(&mut agent.core.state.change().outboxes);
    outboxes.values().any(|outbox| outbox.waiting().count() > 0)
}

#[test]
fn a_pair_is_told_once_until_it_was_away_for_a_month_and_a_restart_forgets_none() {
    let mut agent = agent("true");
    let told = [0, DAY, 30 * DAY, 59 * DAY, 90 * DAY].map(|millis| is_told(&mut agent, "root ← 192.0.2.1", millis));
    assert_eq!(told, [true, false, false, false, true]);
    assert!(is_told(&mut agent, "root ← 192.0.2.2", 91 * DAY));
    let mut next = agent.restarted(agent.core.config.clone(), at(92 * DAY));
    assert!(!is_told(&mut next, "root ← 192.0.2.2", 92 * DAY));
}

#[test]
fn all_logins_are_told_where_that_is_asked_for_and_none_of_them_twice() {
    let mut agent = agent("all");
    let told = [0, DAY, DAY, 2 * DAY].map(|millis| is_told(&mut agent, "root ← 192.0.2.1", millis));
    assert_eq!(told, [true, true, false, true]);
}

#[test]
fn a_report_counts_every_login_and_those_that_are_known_as_well() {
    let mut agent = agent("true");
    for (pair, millis) in [("root ← 192.0.2.1", 0), ("root ← 192.0.2.1", 1000), ("bob ← 192.0.2.1", 2000)] {
        agent.step(Input::Happened(vec![login(pair, millis)]), at(millis));
    }
    assert_eq!(agent.core.state.get().logins.summary(), Some((3, 1)));
    agent.core.state.change().begin_anew_after_report();
    assert_eq!(agent.core.state.get().logins.summary(), None);
}

#[test]
fn an_agent_that_goes_on_asks_for_the_logins_since_the_save_if_any_was_seen_before() {
    let since = |agent: &mut Driven| {
        agent.core.state.change().saved = Some(at(5).wall);
        let mut next = agent.restarted(agent.core.config.clone(), at(DAY));
        next.effects.extend(next.core.start(at(DAY)));
        let found = next.effects.iter().find_map(|effect| match effect {
            Effect::Watch { logins_since, .. } => Some(*logins_since),
            _ => None,
        });
        found.expect("it watches")
    };
    let mut agent = agent("true");
    assert_eq!(since(&mut agent), None, "it is new, or logins were off");
    assert!(is_told(&mut agent, "root ← 192.0.2.1", 0));
    agent.core.state.change().begin_anew_after_report();
    assert_eq!(since(&mut agent), Some(at(5).wall));
}
