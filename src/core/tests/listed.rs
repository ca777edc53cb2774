//! Units of systemd: only those in trouble are listed, and any other is well.

use super::*;
use crate::collect::systemd::UNIT_STATE;
use crate::snapshot::{Cause, Key, Listed};

const MINUTE: i64 = 60_000;

fn agent() -> Driven {
    Driven::new(config_with(KEY, "{critical: 97}"), Mode::default())
}

fn ended() -> Cause {
    Cause::UnitEnded { result: "exit-code 1".to_owned(), at: None, restarts: 0, description: String::new() }
}

fn looping() -> Cause {
    Cause::RestartLoop { times: 5, window_minutes: 10 }
}

/// A list of units in trouble.
fn list(units: &[(&str, Cause)]) -> Snapshot {
    let watched = vec![Watched::Every(UNIT_STATE)];
    let listed = vec![Listed { metric: UNIT_STATE, at: at(0).boot }];
    let mut snapshot = Snapshot { watched, listed, ..Snapshot::default() };
    for (name, cause) in units {
        let word = ContainerWord { causes: vec![cause.clone()], ..ContainerWord::new("failed", "active") };
        snapshot.push(UNIT_STATE, *name, Value::from(word));
    }
    snapshot
}

fn listed_at(mut snapshot: Snapshot, now: i64) -> Snapshot {
    snapshot.listed.iter_mut().for_each(|listed| listed.at = at(now).boot);
    snapshot
}

/// The lines on units of the messages of a check.
fn check(agent: &mut Driven, snapshot: Snapshot, now: i64) -> Vec<String> {
    let snapshot = listed_at(snapshot, now);
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(now));
    told(agent, now)
}

fn look(agent: &mut Driven, snapshot: Snapshot, now: i64) -> Vec<String> {
    let snapshot = listed_at(snapshot, now);
    agent.step(Input::Looked { snapshot, scope: Scope::Some }, at(now));
    told(agent, now)
}

fn told(agent: &mut Driven, now: i64) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some((ticket, text, _)) = agent.post() {
        lines.extend(text.lines().filter(|line| line.contains(".service")).map(str::to_owned));
        agent.answered(ticket, 0, at(now));
    }
    lines
}

#[test]
fn one_that_fails_is_told_at_the_look_and_is_over_once_it_is_no_longer_listed() {
    let mut agent = agent();
    assert!(check(&mut agent, list(&[]), 0).is_empty());
    let told = look(&mut agent, list(&[("web.service", ended())]), MINUTE);
    assert_eq!(told, ["❌ web.service: failed (exit-code 1)"]);
    assert!(look(&mut agent, list(&[("web.service", ended())]), 2 * MINUTE).is_empty());
    // A check that could not read the list says nothing of any unit.
    let unread = Snapshot { listed: Vec::new(), ..list(&[]) };
    assert!(check(&mut agent, unread, 3 * MINUTE).is_empty());
    assert!(agent.core.alerts().is_active(&Key::new(UNIT_STATE, "web.service")));
    assert_eq!(look(&mut agent, list(&[]), 4 * MINUTE), ["✅ web.service: 已恢复正常"]);
}

#[test]
fn it_is_over_too_if_it_was_started_again_while_the_agent_was_away() {
    let mut first = agent();
    assert!(check(&mut first, list(&[]), 0).is_empty());
    assert_eq!(look(&mut first, list(&[("web.service", ended())]), MINUTE).len(), 1);
    let mut next = first.restarted(first.core.config.clone(), at(2 * MINUTE));
    assert_eq!(check(&mut next, list(&[]), 2 * MINUTE), ["✅ web.service: 已恢复正常"]);
}

#[test]
fn a_new_agent_does_not_call_a_restart_loop_over_before_it_has_watched_for_its_window() {
    let mut first = agent();
    assert!(check(&mut first, list(&[]), 0).is_empty());
    let told = look(&mut first, list(&[("web.service", looping())]), MINUTE);
    assert_eq!(told, ["❌ web.service: failed (反复重启 (10 分钟内 5 次))"]);
    let mut next = first.restarted(first.core.config.clone(), at(2 * MINUTE));
    assert!(check(&mut next, list(&[]), 2 * MINUTE).is_empty());
    assert!(check(&mut next, list(&[]), 11 * MINUTE).is_empty());
    assert_eq!(check(&mut next, list(&[]), 12 * MINUTE), ["✅ web.service: 已恢复正常"]);
}

#[test]
fn those_that_had_failed_before_the_agent_was_installed_are_one_line_and_one_that_fails_later_is_news() {
    let mut agent = agent();
    let before = [("a.service", ended()), ("b.service", ended())];
    let told = check(&mut agent, list(&before), 0);
    assert_eq!(told, ["⚙️ 已有 2 个失败单元 (可用 systemd.ignore 忽略): a.service, b.service"]);
    let [a, b] = before;
    let told = look(&mut agent, list(&[a, b, ("c.service", ended())]), MINUTE);
    assert_eq!(told, ["❌ c.service: failed (exit-code 1)"]);
}

#[test]
fn a_check_with_an_older_list_than_that_of_a_look_takes_no_news_back() {
    let mut agent = agent();
    check(&mut agent, list(&[]), 0);
    // It was read, and waits for the Docker engine.
    let older = listed_at(list(&[]), MINUTE);
    let told_by_look = look(&mut agent, list(&[("web.service", ended())]), MINUTE + 2000);
    assert_eq!(told_by_look, ["❌ web.service: failed (exit-code 1)"]);
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot: older }, at(MINUTE + 5000));
    assert_eq!(told(&mut agent, MINUTE + 5000), [""; 0]);
    // The next one's is newer than the look's.
    assert_eq!(check(&mut agent, list(&[]), 2 * MINUTE), ["✅ web.service: 已恢复正常"]);
}
