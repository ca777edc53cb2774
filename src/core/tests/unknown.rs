//! A key that cannot be measured for an hour is told once, and once when it can be again.

use super::*;
use crate::collect::SOURCES;
use crate::snapshot::{Failure, Key};

const HOUR: i64 = 3_600_000;

/// A check of these disks, of which some cannot be measured.
pub(super) fn disks(watched: &[&str], failing: &[&str]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for path in watched {
        snapshot.watch(metric::DISK, *path);
        if failing.contains(path) {
            let error = "statvfs: Connection timed out".to_owned();
            let target = Some((*path).into());
            snapshot.failures.push(Failure { collector: "disk", metrics: &[metric::DISK], target, error });
        } else {
            snapshot.push(metric::DISK, *path, Value::Usage { percent: 10.0, used_bytes: 1, total_bytes: 10 });
        }
    }
    snapshot
}

fn check(agent: &mut Driven, snapshot: Snapshot, now: i64) -> Option<String> {
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(now));
    let mut told = Vec::new();
    while let Some((ticket, text, _)) = agent.post() {
        told.push(text);
        agent.answered(ticket, 0, at(now));
    }
    assert!(told.len() < 2, "one message for all: {told:?}");
    told.pop()
}

fn agent() -> Driven {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.core.config.check_interval = Duration::from_secs(86_400);
    agent.core.checks.next = at(86_400_000).boot;
    agent.measurements();
    agent
}

#[test]
fn it_is_looked_at_and_told_after_an_hour_with_the_reason_and_once_when_it_is_over() {
    let mut agent = agent();
    assert_eq!(check(&mut agent, disks(&["/", "/data"], &["/data"]), 0), None);
    assert_eq!(check(&mut agent, disks(&["/", "/data"], &["/data"]), 900_000), None);
    assert_eq!(agent.core.next_due(at(900_000)), Some(at(HOUR).boot));
    agent.step(Input::Time, at(HOUR));
    assert_eq!(agent.measurements(), 1);
    let told = check(&mut agent, disks(&["/", "/data"], &["/data"]), HOUR).unwrap();
    let line = "\n未知: 磁盘(/data) 已 1 小时无法测量 (statvfs: Connection timed out)\n";
    assert!(told.starts_with("⚠️ VPS 告警 [web-1]\n") && told.contains(line), "{told}");
    for hour in 2..60 {
        assert_eq!(check(&mut agent, disks(&["/", "/data"], &["/data"]), hour * HOUR), None, "{hour}");
    }
    let told = check(&mut agent, disks(&["/", "/data"], &[]), 60 * HOUR).unwrap();
    let line = "\n磁盘(/data): 已恢复测量，此前 2 天 12 小时无法测量\n";
    assert!(told.starts_with("✅ VPS 恢复 [web-1]\n") && told.contains(line), "{told}");
    assert_eq!(check(&mut agent, disks(&["/", "/data"], &[]), 61 * HOUR), None);
}

/// The sources that an agent takes for seen when it goes on from the state of this one, and how many minutes ago.
fn seen_at_a_restart(agent: &Driven, now: i64) -> Vec<(&'static str, u64)> {
    let next = agent.restarted(config(KEY), at(now));
    let seen = next.effects.iter().find_map(|effect| match effect {
        Effect::Watch { seen, .. } => Some(seen.clone()),
        _ => None,
    });
    seen.unwrap().into_iter().map(|(source, seen)| (source, (at(now).boot - seen).as_secs() / 60)).collect()
}

#[test]
fn an_agent_that_goes_on_misses_the_sources_of_alerts_from_now_and_those_that_were_missed_from_then() {
    let conntrack = *SOURCES.iter().find(|source| source.name == "conntrack").unwrap();
    let mut agent = agent();
    agent.core.config.policy.repeat = Steps::default();
    assert_eq!(seen_at_a_restart(&agent, 0), []);
    let mut full = Snapshot::default();
    full.push(conntrack.metrics[0], "", Value::Number(95.0));
    assert!(check(&mut agent, full.clone(), 0).is_some());
    assert_eq!(seen_at_a_restart(&agent, HOUR), [("conntrack", 0)]);
    let mut gone = Snapshot::default();
    gone.watch(conntrack.metrics[0], "");
    gone.failures.push(conntrack.failure("no connections are tracked".to_owned()));
    for (hour, is_told) in [(1, false), (2, true)] {
        assert_eq!(check(&mut agent, gone.clone(), hour * HOUR).is_some(), is_told, "{hour}");
        assert_eq!(seen_at_a_restart(&agent, 3 * HOUR), [("conntrack", 120)]);
    }
    check(&mut agent, full, 3 * HOUR);
    assert_eq!(seen_at_a_restart(&agent, 4 * HOUR), [("conntrack", 0)]);
}

#[test]
fn less_than_an_hour_is_told_neither_way() {
    let mut agent = agent();
    for minutes in [0, 50, 59] {
        assert_eq!(check(&mut agent, disks(&["/"], &["/"]), minutes * 60_000), None);
    }
    assert_eq!(check(&mut agent, disks(&["/"], &[]), HOUR - 1), None);
    assert_eq!(check(&mut agent, disks(&["/"], &["/"]), HOUR + 1), None);
}

#[test]
fn a_restart_of_the_agent_stops_no_hour_and_status_knows_since_when() {
    let mut agent = agent();
    check(&mut agent, disks(&["/"], &["/"]), 0);
    let mut next = agent.restarted(config(KEY), at(1_800_000));
    check(&mut next, disks(&["/"], &["/"]), 1_800_000);
    assert_eq!(
        next.core.status(&LoopFacts::default(), at(1_900_000)).failures[0].since.as_deref(),
        Some("2026-02-02T02:40:00+00:00")
    );
    assert!(check(&mut next, disks(&["/"], &["/"]), HOUR).is_some());
    let mut last = next.restarted(config(KEY), at(HOUR + 1000));
    assert_eq!(check(&mut last, disks(&["/"], &["/"]), 2 * HOUR), None);
    assert!(check(&mut last, disks(&["/"], &[]), 3 * HOUR).is_some());
}

/// It came back, was measured once, and cannot be again: of that nothing is told, and a restart must not take it for
/// measured since then.
#[test]
fn a_settling_that_ended_is_known_to_the_next_agent() {
    let mut agent = agent();
    let path = ["/"];
    check(&mut agent, disks(&path, &path), 0);
    assert!(check(&mut agent, disks(&path, &path), HOUR).is_some());
    assert!(check(&mut agent, disks(&path, &[]), HOUR + 1000).is_some());
    check(&mut agent, disks(&path, &path), HOUR + 2000);
    assert!(check(&mut agent, disks(&path, &path), 2 * HOUR + 2000).is_some());
    assert_eq!(check(&mut agent, disks(&path, &[]), 2 * HOUR + 3000), None);
    agent.effects.clear();
    agent.disk_is_slow = true;
    let saves = |agent: &mut Driven| agent.count(|effect| matches!(effect, Effect::Save(_)));
    check(&mut agent, disks(&path, &path), 2 * HOUR + 4000);
    assert_eq!(saves(&mut agent), 1);
    agent.step(Input::Saved(Ok(())), at(2 * HOUR + 4000));
    check(&mut agent, disks(&path, &path), 2 * HOUR + 5000);
    assert_eq!(saves(&mut agent), 0);
}

#[test]
fn what_is_not_watched_any_more_is_dropped_quietly() {
    let mut agent = agent();
    check(&mut agent, disks(&["/", "/data"], &["/data"]), 0);
    assert!(check(&mut agent, disks(&["/", "/data"], &["/data"]), HOUR).is_some());
    assert_eq!(check(&mut agent, disks(&["/"], &[]), HOUR + 1000), None);
    assert_eq!(agent.core.state.get().unknown.active_count(), 0);
}

#[test]
fn many_at_once_are_one_message() {
    let mut agent = agent();
    let paths: Vec<String> = (0..30).map(|number| format!("/{number}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    check(&mut agent, disks(&paths, &paths), 0);
    let mut snapshot = disks(&paths, &paths);
    snapshot.failures.iter_mut().for_each(|failure| failure.error = "x".to_owned());
    let told = check(&mut agent, snapshot, HOUR).unwrap();
    assert_eq!(told.matches("未知: 磁盘(/").count(), 30, "{told}");
    let told = check(&mut agent, disks(&paths, &[]), 2 * HOUR).unwrap();
    assert_eq!(told.matches("已恢复测量").count(), 30, "{told}");
}

#[test]
fn one_that_flaps_is_told_some_times_in_a_week() {
    let mut agent = agent();
    let mut told = 0;
    for minutes in (0..7 * 24 * 60).step_by(5) {
        // An hour and a quarter unknown, then one check with a reading.
        let failing: &[&str] = if minutes % 80 < 75 { &["/"] } else { &[] };
        told += usize::from(check(&mut agent, disks(&["/"], failing), minutes * 60_000).is_some());
    }
    // By itself it would be 252 messages.
    assert!((2..=4).contains(&told), "{told}");
}

#[test]
fn of_an_engine_that_cannot_be_asked_nothing_is_told_and_of_a_container_whose_health_is_unknown_it_is() {
    let mut agent = agent();
    let gone = || {
        let metrics: &'static [&'static metric::Metric] = &[metric::CONTAINER_STATE, metric::CONTAINER_HEALTH];
        let failure = Failure { collector: "docker", metrics, target: None, error: "refused".to_owned() };
        Snapshot {
            failures: vec![failure],
            watched: vec![Watched::Every(metric::CONTAINER_STATE)],
            ..Snapshot::default()
        }
    };
    assert_eq!(check(&mut agent, gone(), 0), None);
    assert_eq!(check(&mut agent, gone(), 2 * HOUR), None);

    let silent = || {
        let metrics: &'static [&'static metric::Metric] = &[metric::CONTAINER_HEALTH];
        let failure = Failure { collector: "docker", metrics, target: Some("web".into()), error: "500".to_owned() };
        Snapshot { failures: vec![failure], ..Snapshot::default() }
    };
    check(&mut agent, silent(), 3 * HOUR);
    // The engine is away meanwhile: its container stays as it is.
    check(&mut agent, gone(), 3 * HOUR + 1_800_000);
    let told = check(&mut agent, silent(), 4 * HOUR).unwrap();
    assert!(told.contains("未知: 健康(web) 已 1 小时无法测量 (500)"), "{told}");
    let mut well = Snapshot::default();
    well.push(metric::CONTAINER_HEALTH, "web", Value::from(ContainerWord::new("healthy", "healthy")));
    let told = agent.step(Input::Looked { snapshot: well, scope: Scope::Some }, at(5 * HOUR)).post().unwrap().1;
    assert!(told.contains("健康(web): 已恢复测量"), "{told}");
    assert!(!agent.core.state.get().unknown.is_active(&Key::new(metric::CONTAINER_HEALTH, "web")));
}

#[test]
fn a_reason_from_outside_changes_neither_layout_nor_mentions_and_is_short() {
    let mut agent = agent();
    let hostile = || {
        let mut snapshot = disks(&["/"], &["/"]);
        snapshot.failures[0].error = format!("<@all>\n{}", "错".repeat(1000));
        snapshot
    };
    check(&mut agent, hostile(), 0);
    let told = check(&mut agent, hostile(), HOUR).unwrap();
    assert!(told.lines().count() == 4 && !told.contains("<@all>") && told.len() < 800, "{told}");
}
