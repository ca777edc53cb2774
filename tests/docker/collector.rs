//! The collector over time: its memory between checks, the looks that events cause, and its behaviour when the engine
//! fails.

use std::io::Write;

use vps_monitor::collect::docker::{
    AlertUnavailable, Docker, DockerConfig, Enabled, Entry, Expected, Look, Memory, Scope,
};
use vps_monitor::docker::events::{Event, Kind};
use vps_monitor::docker::{EventBatch, Signal};
use vps_monitor::metric;
use vps_monitor::rule::{self, Finding, Rules};
use vps_monitor::snapshot::{Key, Restarted, Value, Watched};

use super::{at, collect, config, told, watching};
use crate::support::engine::{After, Engine, json_reply};
use crate::support::fleet::{Container, Fleet, exited, running};

const DOCKER: &str = "Api-Version: 1.41";
const PODMAN: &str = "Libpod-Api-Version: 4.3.1";

const WEB: &str = "aaaa";
const DB: &str = "bbbb";

fn event(kind: Kind, id: &str, name: &str, at_seconds: i64) -> Event {
    Event {
        kind,
        id: id.to_owned(),
        name: name.to_owned(),
        old_name: None,
        labels: Default::default(),
        signal: (kind == Kind::Kill).then_some(Signal::KILL),
        exit_code: None,
        at_nanos: at_seconds * 1_000_000_000,
    }
}

fn look(docker: &mut Docker, events: &[Event], seconds: i64) -> (Scope, Vec<String>) {
    let batch = EventBatch { events: events.to_vec(), overflowed: false };
    let looked = super::look(docker, Look::Events(batch), at(seconds));
    (looked.scope, told(&looked.snapshot))
}

fn inspects(engine: &Engine) -> usize {
    engine.targets().iter().filter(|target| !target.starts_with("/containers/json")).count()
}

fn unhealthy() -> Container {
    Container { health: Some(("unhealthy", "x")), status: "Up 3 days (unhealthy)".to_owned(), ..running(DB, "db") }
}

#[test]
fn readings_come_as_configured_then_by_name() {
    let fleet = Fleet::new(["b-2", "b-1", "a"].map(|name| running(name, name)).to_vec());
    let engine = fleet.engine(DOCKER);
    let names = |names: &[&str]| told(&collect(&mut watching(&config(engine.address(), names)), at(0)));
    let [a, b1, b2] = ["a", "b-1", "b-2"].map(|name| format!("container_state({name}): running, clear"));
    assert_eq!(names(&["b-*", "gone", "a"]), [&b1, &b2, "container_state(gone): missing, breach", &a]);
    assert_eq!(names(&[]), [a, b1, b2]);
}

#[test]
fn a_job_is_well_when_it_ended_well_and_health_is_asked_for_only_where_wanted() {
    let fleet = Fleet::new(vec![exited(WEB, "job", 0), exited("cccc", "bad-job", 3), unhealthy()]);
    let engine = fleet.engine(DOCKER);
    let mut config = config(engine.address(), &[]);
    let job = |name: &str| Entry { expected: Expected::Exited, ..Entry::new(name) };
    config.containers = vec![job("job"), job("bad-job"), Entry { check_health: false, ..Entry::new("db") }];
    assert_eq!(
        told(&collect(&mut watching(&config), at(0))),
        [
            "container_state(job): exited, clear",
            "container_state(bad-job): exited, breach, ExitCode(3)",
            "container_state(db): running, clear",
        ]
    );
    assert_eq!(inspects(&engine), 1);
}

#[test]
fn the_trouble_of_a_container_is_critical_where_its_entry_says_so() {
    let fleet = Fleet::new(vec![exited(WEB, "web", 3), unhealthy(), exited("cccc", "other", 3)]);
    let engine = fleet.engine(DOCKER);
    let mut config = config(engine.address(), &[]);
    let critical = |name: &str| Entry { critical: true, ..Entry::new(name) };
    config.containers = vec![critical("web"), critical("db"), critical("gone"), Entry::new("other")];
    let snapshot = collect(&mut watching(&config), at(0));
    let level = |finding: Finding<'_>| format!("{} {:?}", finding.reading.key, finding.verdict);
    let levels: Vec<String> = rule::evaluate(&snapshot, &Rules::default()).into_iter().map(level).collect();
    assert_eq!(
        levels,
        [
            "container_state(web) Breach(Critical)",
            "container_state(db) Clear",
            "container_health(db) Breach(Critical)",
            "container_state(gone) Breach(Critical)",
            "container_state(other) Breach(Warning)",
        ]
    );
}

#[test]
fn a_restart_loop_is_seen_from_check_to_check_and_ends_with_the_window() {
    let crashing =
        |count: u64, up: &str| Container { restart_count: count, status: format!("Up {up}"), ..running(WEB, "web") };
    let fleet = Fleet::new(vec![crashing(100, "5 seconds")]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &[]));
    let mut check = |count, up, seconds| {
        fleet.set(vec![crashing(count, up)]);
        told(&collect(&mut docker, at(seconds))).remove(0)
    };
    assert_eq!(check(100, "5 seconds", 0), "container_state(web): running, clear");
    assert_eq!(check(102, "5 seconds", 60), "container_state(web): running, clear");
    let looping = "container_state(web): restarting, breach, RestartLoop { times: 4, window_minutes: 10 }";
    assert_eq!(check(104, "Less than a second", 120), looping);
    assert_eq!(check(104, "5 minutes", 420), looping);
    assert_eq!(check(104, "12 minutes", 840), "container_state(web): running, clear");
}

#[test]
fn a_container_that_runs_on_is_inspected_once_and_an_old_one_never() {
    let young = Container { status: "Up 2 minutes".to_owned(), ..running(WEB, "web") };
    let fleet = Fleet::new(vec![young, running(DB, "db")]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &[]));
    let _ = collect(&mut docker, at(0));
    let _ = collect(&mut docker, at(60));
    assert_eq!(inspects(&engine), 1);
}

#[test]
fn on_podman_a_container_without_a_health_check_is_asked_for_its_health_once() {
    let healthy = Container { health: Some(("healthy", "")), ..running(DB, "db") };
    let fleet = Fleet::new(vec![running(WEB, "web"), healthy]);
    let engine = fleet.engine(PODMAN);
    let mut docker = watching(&config(engine.address(), &[]));
    for _ in 0..3 {
        assert_eq!(told(&collect(&mut docker, at(0)))[1], "container_health(db): healthy, clear");
    }
    assert_eq!(inspects(&engine), 3 + 1);
}

#[test]
fn on_podman_a_health_beyond_the_bound_is_unknown_and_not_left_out_in_silence() {
    let ids: Vec<&'static str> = (0..300).map(|n| &*format!("{n:04}").leak()).collect();
    let fleet =
        Fleet::new(ids.iter().map(|id| Container { health: Some(("healthy", "")), ..running(id, id) }).collect());
    let engine = fleet.engine(PODMAN);
    let snapshot = collect(&mut watching(&config(engine.address(), &[])), at(0));
    let healths = snapshot.readings.iter().filter(|reading| reading.key.metric == metric::CONTAINER_HEALTH).count();
    assert_eq!(healths, 256);
    assert_eq!(
        told(&snapshot).last().unwrap(),
        "failure(): health of 0256, 0257, 0258 and others: not asked: a check inspects 256 containers at most"
    );
    assert_eq!((snapshot.failures.len(), snapshot.failures[0].metrics), (1, &[metric::CONTAINER_HEALTH][..]));
    assert!(snapshot.watched_keys().all(|key| key.metric == metric::CONTAINER_HEALTH), "{:?}", snapshot.watched);
}

#[test]
fn inspect_is_believed_over_the_list_and_its_absence_over_both() {
    let lagging = Container { status: "Up 5 seconds".to_owned(), state: "exited", exit_code: 7, ..running(WEB, "web") };
    let fleet = Fleet::new(vec![lagging]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &["web"]));
    assert_eq!(told(&collect(&mut docker, at(0))), ["container_state(web): exited, breach, ExitCode(7)"]);

    let listed_alone = Engine::new(|target, stream| {
        use std::io::Write;
        let list = r#"[{"Id":"aaaa","Names":["/web"],"State":"exited","Status":"Exited (0) 1 second ago"}]"#;
        let (status, body) = if target.ends_with("true") { ("200 OK", list) } else { ("404 Not Found", "{}") };
        let _ = stream.write_all(crate::support::engine::json_reply(status, body).as_bytes());
        crate::support::engine::After::Keep
    });
    let mut docker = watching(&config(listed_alone.address(), &["web"]));
    assert_eq!(told(&collect(&mut docker, at(0))), ["container_state(web): missing, breach"]);
}

#[test]
fn a_death_by_hand_is_told_as_that_until_the_container_is_started() {
    let fleet = Fleet::new(vec![running(WEB, "web"), running(DB, "db")]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &[]));
    let _ = collect(&mut docker, at(0));
    fleet.set(vec![exited(WEB, "web", 137), running(DB, "db")]);
    let death = [event(Kind::Kill, WEB, "web", 10), event(Kind::Die, WEB, "web", 10)];
    let by_hand = "container_state(web): exited, breach, StoppedByHand";
    assert_eq!(look(&mut docker, &death, 10), (Scope::Some, vec![by_hand.to_owned()]));
    assert_eq!(told(&collect(&mut docker, at(900)))[1], by_hand);
    let _ = look(&mut docker, &[event(Kind::Start, WEB, "web", 910)], 910);
    assert_eq!(
        look(&mut docker, &[event(Kind::Die, WEB, "web", 920)], 920).1,
        ["container_state(web): exited, breach, ExitCode(137)"]
    );
}

/// A container with this health, and how long it has been up.
fn starting(check: &str, up_minutes: i64) -> Vec<String> {
    let started: &'static str = (at(0).wall.to_string()).leak();
    let container = Container {
        started,
        status: format!("Up {up_minutes} minutes (health: starting)"),
        health: Some(("starting", "")),
        health_check: check.to_owned().leak(),
        ..running(WEB, "gitlab")
    };
    let fleet = Fleet::new(vec![container]);
    let engine = fleet.engine(DOCKER);
    told(&collect(&mut watching(&config(engine.address(), &[])), at(up_minutes * 60)))
}

#[test]
fn starting_is_unknown_for_as_long_as_the_health_check_gives_it() {
    let verdict = |check: &str, up_minutes| starting(check, up_minutes)[1].clone();
    let (unknown, breach) =
        ("container_health(gitlab): starting, unknown", "container_health(gitlab): starting, breach");
    // 30 minutes, and 6 times a minute and a half.
    let long = r#"{"StartPeriod":1800000000000,"Interval":60000000000,"Timeout":30000000000,"Retries":5}"#;
    assert_eq!((verdict(long, 38).as_str(), verdict(long, 39).as_str()), (unknown, breach));
    // Four times an hour and a half minute: the engine's defaults stand for the zeros.
    let hourly = r#"{"Interval":3600000000000,"Timeout":0,"StartPeriod":0,"Retries":0}"#;
    assert_eq!((verdict(hourly, 241).as_str(), verdict(hourly, 242).as_str()), (unknown, breach));
    let slow_start = r#"{"Interval":1000000000,"StartInterval":3600000000000}"#;
    assert_eq!((verdict(slow_start, 241).as_str(), verdict(slow_start, 242).as_str()), (unknown, breach));
    assert_eq!((verdict("{}", 9).as_str(), verdict("{}", 10).as_str()), (unknown, breach));
}

#[test]
fn finished_and_old_containers_are_not_inspected_again_and_again() {
    let fleet = Fleet::new(vec![exited(WEB, "job", 0), exited(DB, "old", 3)]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &[]));
    for seconds in 0..3 {
        assert_eq!(
            told(&collect(&mut docker, at(seconds))),
            ["container_state(job): exited, clear", "container_state(old): exited, unknown"]
        );
    }
    assert_eq!(inspects(&engine), 0);
    // A look of its own knows nothing but its own findings.
    assert_eq!(
        told(&collect(&mut Docker::new(&config(engine.address(), &[]), None), at(9))),
        ["container_state(job): exited, clear", "container_state(old): exited, breach, ExitCode(3)"]
    );
}

#[test]
fn a_container_that_is_not_running_has_no_health() {
    let sick = Container { health: Some(("unhealthy", "x")), ..exited(WEB, "web", 1) };
    let engine = Fleet::new(vec![sick]).engine(DOCKER);
    let told = told(&collect(&mut watching(&config(engine.address(), &["web"])), at(0)));
    assert_eq!(told, ["container_state(web): exited, breach, ExitCode(1)"]);
}

#[test]
fn an_event_asks_for_no_list_and_one_of_an_unwatched_container_for_nothing() {
    let fleet = Fleet::new(vec![running(WEB, "web"), running(DB, "db")]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &["web"]));
    let _ = collect(&mut docker, at(0));
    assert_eq!(look(&mut docker, &[event(Kind::Die, DB, "db", 1)], 1), (Scope::Some, vec![]));
    assert_eq!(look(&mut docker, &[event(Kind::Pause, WEB, "web", 1)], 1).0, Scope::Some);
    assert_eq!(engine.targets(), ["/containers/json?all=true", "/containers/aaaa/json"]);
}

#[test]
fn what_is_new_renamed_or_gone_makes_it_look_at_everything() {
    let fleet = Fleet::new(vec![running(WEB, "web")]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &["web"]));
    let (is_there, missing) = ("container_state(web): running, clear", "container_state(web): missing, breach");
    assert_eq!(told(&collect(&mut docker, at(0))), [is_there]);
    fleet.set(vec![running(WEB, "old-web")]);
    let renamed = Event { old_name: Some("web".to_owned()), ..event(Kind::Rename, WEB, "old-web", 1) };
    assert_eq!(look(&mut docker, &[renamed], 1), (Scope::Everything, vec![missing.to_owned()]));
    fleet.set(vec![running(DB, "web")]);
    assert_eq!(
        look(&mut docker, &[event(Kind::Start, DB, "web", 2)], 2),
        (Scope::Everything, vec![is_there.to_owned()])
    );
    fleet.set(vec![]);
    assert_eq!(
        look(&mut docker, &[event(Kind::Destroy, DB, "web", 3)], 3),
        (Scope::Everything, vec![missing.to_owned()])
    );
}

#[test]
fn a_container_that_vanished_before_the_look_makes_it_look_at_everything() {
    let fleet = Fleet::new(vec![running(WEB, "web"), running(DB, "db")]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &[]));
    let _ = collect(&mut docker, at(0));
    fleet.set(vec![running(DB, "db")]);
    let told = look(&mut docker, &[event(Kind::Die, WEB, "web", 1)], 1);
    assert_eq!(told, (Scope::Everything, vec!["container_state(db): running, clear".to_owned()]));
}

#[test]
fn a_burst_that_overflowed_makes_it_look_at_everything() {
    let fleet = Fleet::new(vec![running(WEB, "web")]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &[]));
    let looked = super::look(&mut docker, Look::Events(EventBatch { events: vec![], overflowed: true }), at(0));
    assert_eq!(looked.scope, Scope::Everything);
    assert_eq!(told(&looked.snapshot), ["container_state(web): running, clear"]);
}

#[test]
fn a_service_keeps_its_name_while_its_container_dies_and_is_made_anew() {
    const SHOP: &[(&str, &str)] = &[("com.docker.compose.project", "shop"), ("com.docker.compose.service", "web")];
    let replica = |id, state| Container { labels: SHOP, state, ..running(id, "shop-web-1") };
    let fleet = Fleet::new(vec![replica(WEB, "running")]);
    let engine = fleet.engine(DOCKER);
    let mut docker = watching(&config(engine.address(), &["web"]));
    assert_eq!(told(&collect(&mut docker, at(0))), ["container_state(web): running, clear"]);
    fleet.set(vec![replica(WEB, "paused")]);
    assert_eq!(
        look(&mut docker, &[event(Kind::Pause, WEB, "shop-web-1", 1)], 1).1,
        ["container_state(web): paused, breach"]
    );
    fleet.set(vec![]);
    assert_eq!(told(&collect(&mut docker, at(2))), ["container_state(web): missing, breach"]);
    fleet.set(vec![replica(DB, "running")]);
    assert_eq!(told(&collect(&mut docker, at(3))), ["container_state(web): running, clear"]);
}

#[test]
fn restarts_and_the_time_of_the_start_are_known_of_what_was_inspected() {
    let fleet = Fleet::new(vec![Container { restart_count: 5, ..exited(WEB, "web", 1) }, running(DB, "db")]);
    let engine = fleet.engine(DOCKER);
    let snapshot = collect(&mut watching(&config(engine.address(), &["web", "db"])), at(0));
    let known = snapshot.readings.iter().map(|reading| match &reading.value {
        Value::Container(container) => container.restarts.as_deref().copied(),
        other => panic!("{other:?}"),
    });
    let started = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(known.collect::<Vec<_>>(), [Some(Restarted { count: 5, last: Some(started) }), None]);
}

fn without_engine(enabled: Enabled, names: &[&str], memory: Option<Memory>) -> Vec<String> {
    let address = Fleet::default().engine(DOCKER).address();
    told(&collect(&mut Docker::new(&DockerConfig { enabled, ..config(address, names) }, memory), at(0)))
}

#[test]
fn without_a_socket_auto_says_nothing_and_true_says_what_to_do() {
    assert!(without_engine(Enabled::Auto, &[], None).is_empty());
    assert!(without_engine(Enabled::Auto, &["web*"], None).is_empty(), "a pattern may match nothing");
    assert!(without_engine(Enabled::Never, &["web"], None).is_empty());
    let address = Fleet::default().engine(DOCKER).address();
    let watched = collect(&mut watching(&config(address, &[])), at(0)).watched;
    let engine = Watched::One(Key::new(metric::DOCKER_ENGINE, "Docker"));
    let every = [metric::CONTAINER_STATE, metric::CONTAINER_HEALTH].map(Watched::Every);
    assert_eq!(watched, [&every[..], &[engine]].concat(), "what was told before a restart is watched still");
    let told = without_engine(Enabled::Always, &[], None);
    assert!(told.len() == 1 && told[0].contains("no Docker socket at /"), "{told:?}");
}

#[test]
fn who_is_to_watch_containers_by_name_misses_the_engine() {
    // The agent, and `check`, which remembers nothing.
    for memory in [Some(Memory::default()), None] {
        let told = without_engine(Enabled::Auto, &["web"], memory.clone());
        assert!(told.len() == 1 && told[0].contains("no Docker socket at /"), "{told:?}");
        assert!(without_engine(Enabled::Never, &["web"], memory).is_empty());
    }
}

#[test]
fn switched_off_nothing_is_asked() {
    let engine = Fleet::new(vec![running(WEB, "web")]).engine(DOCKER);
    let mut docker = watching(&DockerConfig { enabled: Enabled::Never, ..config(engine.address(), &[]) });
    assert!(told(&collect(&mut docker, at(0))).is_empty());
    assert!(look(&mut docker, &[event(Kind::Die, WEB, "web", 1)], 1).1.is_empty());
    assert_eq!(engine.connections(), 0);
}

#[test]
fn an_engine_that_was_there_and_is_gone_is_a_failure_even_on_auto() {
    for alert_unavailable in [AlertUnavailable::Never, AlertUnavailable::Always] {
        let is_told = alert_unavailable == AlertUnavailable::Always;
        let engine = Fleet::new(vec![running(WEB, "web")]).engine(DOCKER);
        let config = DockerConfig { alert_unavailable, ..config(engine.address(), &[]) };
        let mut docker = watching(&config);
        let mut expected = vec!["container_state(web): running, clear"];
        expected.extend(is_told.then_some("docker_engine(Docker): available, clear"));
        assert_eq!(told(&collect(&mut docker, at(0))), expected);
        drop(engine);
        let told = told(&collect(&mut docker, at(1)));
        let unavailable: &[&str] = if is_told { &["docker_engine(Docker): unavailable, breach"] } else { &[] };
        assert_eq!(told[..told.len() - 1], *unavailable);
        assert!(told[told.len() - 1].starts_with("failure(): no Docker socket"), "{told:?}");
    }
}

#[test]
fn an_engine_that_fails_halfway_is_not_believed_at_all() {
    let engine = Engine::new(|target, stream| {
        use std::io::Write;
        if target.ends_with("true") {
            let list = r#"[{"Id":"aaaa","Names":["/web"],"State":"exited","Status":"Exited (1) 1 second ago"}]"#;
            let _ = stream.write_all(crate::support::engine::json_reply("200 OK", list).as_bytes());
        }
        crate::support::engine::After::Close
    });
    let told = told(&collect(&mut watching(&config(engine.address(), &["web"])), at(0)));
    assert!(told.len() == 1 && told[0].contains("cut off its answer"), "{told:?}");
}

/// The memory of an agent that looked at a running `web` at 2026-11-22T07:00:00Z.
fn remembered() -> Memory {
    let memory = serde_json::json!({"looked": "2026-11-22T07:00:00Z", "containers": {"aaaa": {"name": "web"}}});
    serde_json::from_value(memory).unwrap()
}

#[test]
fn an_engine_that_cannot_say_what_happened_is_asked_once_and_tells_the_rest() {
    let refusal = json_reply("400 Bad Request", r#"{"message":"invalid filter"}"#);
    for reply in [refusal, json_reply("200 OK", "<html>"), json_reply("404 Not Found", "no such page")] {
        let engine = Engine::new(move |target, stream| {
            let list =
                json_reply("200 OK", r#"[{"Id":"aaaa","Names":["/web"],"State":"running","Status":"Up 3 days"}]"#);
            let _ = stream.write_all(if target.starts_with("/events") { &reply } else { &list }.as_bytes());
            After::Keep
        });
        let mut docker = Docker::new(&config(engine.address(), &[]), Some(remembered()));
        for seconds in [100_000, 100_060] {
            assert_eq!(told(&collect(&mut docker, at(seconds))), ["container_state(web): running, clear"]);
        }
        let asked = engine.targets();
        let of_the_past = |target: &&String| target.starts_with("/events");
        assert_eq!(asked.iter().filter(of_the_past).count(), 1, "{asked:?}");
        // From the last look to now.
        assert!(
            asked[0].starts_with("/events?since=1795330800.000000000&until=1795427200.000000000&filters="),
            "{asked:?}"
        );
    }
}
