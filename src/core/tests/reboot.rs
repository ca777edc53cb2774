//! The machine was started again: told once, when its start has settled, with the number of those that are not back.

use super::*;
use crate::collect::systemd::UNIT_STATE;
use crate::store::Restarted;

const MINUTE: i64 = 60_000;

/// An agent whose machine was started again: it was down from four minutes before 0 on, and has run for `uptime` seconds.
fn agent(uptime: u64, is_clean: bool, keys: &str) -> Driven {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 3600, language: en}}\n\
         system: {{disk: {{enabled: false}}, cpu: {{enabled: false}}{keys}}}\nnetwork: {{traffic: {{enabled: false}}}}\n\
         scheduled_report: {{enabled: false}}\n"
    );
    let config = Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value);
    let uptime = Some(Duration::from_secs(uptime));
    let mut agent = Driven::new(config, Mode { is_service: true, sees_shutdowns: true, uptime, ..Mode::default() });
    let (last_alive, started) = (at(-4 * MINUTE).wall, at(0).wall);
    agent.core.state.change().starts.restarted = Some(Restarted { last_alive, started, is_clean });
    agent
}

/// The lines on the restart of the messages of a check.
fn check(agent: &mut Driven, in_trouble: &[(&'static metric::Metric, &str)], now: i64) -> Vec<String> {
    let mut snapshot = Snapshot { watched: vec![Watched::Every(UNIT_STATE)], ..Snapshot::default() };
    for (metric, name) in in_trouble {
        snapshot.push(metric, *name, Value::from(ContainerWord::new("failed", "active")));
    }
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(now));
    let outboxes = std::mem::take(&mut agent.core.state.change().outboxes);
    let texts = outboxes.values().flat_map(|outbox| outbox.waiting());
    let texts = texts.map(|entry| entry.message.text(&message::Escape::NONE)).collect::<Vec<_>>().join("\n");
    texts.lines().filter(|line| line.contains("restarted")).map(str::to_owned).collect()
}

#[test]
fn it_is_told_when_the_start_has_settled_with_the_number_of_those_that_are_not_back() {
    let mut agent = agent(20, true, "");
    let trouble = [(metric::CONTAINER_STATE, "web"), (metric::CONTAINER_STATE, "db"), (UNIT_STATE, "cron.service")];
    assert!(check(&mut agent, &trouble, 0).is_empty());
    let told = check(&mut agent, &trouble, 5 * MINUTE);
    let text = "planned, down for about 4 min (02:36–02:40); not back: 2 containers, 1 unit";
    assert_eq!(told, [format!("🔄 The host was restarted: {text}")]);
    assert!(check(&mut agent, &trouble, 6 * MINUTE).is_empty());
}

#[test]
fn an_end_that_nobody_announced_says_so_and_where_all_is_back_nothing_more_is_told() {
    let told = check(&mut agent(1000, false, ""), &[], 0);
    assert_eq!(told, ["🔄 The host was restarted: no shutdown was seen, down for at most 4 min (02:36–02:40)"]);
    assert!(check(&mut agent(1000, false, ", boot: {enabled: false}"), &[], 0).is_empty());
}

#[test]
fn an_agent_that_is_stopped_with_the_machine_saves_that() {
    let mut agent = agent(1000, true, "");
    assert_eq!(agent.core.state.get().starts.shut_down, None);
    agent.step(Input::MachineStops, at(MINUTE)).step(Input::Stop, at(MINUTE));
    assert_eq!(agent.core.state.get().starts.shut_down, Some(at(MINUTE).wall));
    assert!(agent.core.state.is_saved(), "the stop waits for the save");
}
