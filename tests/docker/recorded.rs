//! Replies of real engines, byte for byte as they came (fixtures/docker): the same containers on all three.

use vps_monitor::collect::docker::Docker;
use vps_monitor::docker::{Answer, Error, Question, Session};

use super::{ask, at, collect, config, told};
use crate::support::engine::Engine;

/// The containers of the recordings were made 54 to 57 s (20.10), 34 to 37 s (26.1), and 3 to 4 s (podman) before.
fn seconds_of(folder: &str) -> i64 {
    match folder {
        "docker-20.10.24" => 16 * 60 + 40,
        "docker-26.1.5" => 18 * 60 + 53,
        _ => 21 * 60 + 38,
    }
}

fn told_of(folder: &str, list: &str) -> (Vec<String>, Engine) {
    let engine = Engine::recorded(folder, list);
    let mut docker = Docker::new(&config(engine.address(), &[]), None);
    (told(&collect(&mut docker, at(seconds_of(folder)))), engine)
}

const ON_20_10: &[&str] = &[
    "container_state(api-created): created, breach",
    "container_state(app-restarting): restarting, breach, RestartLoop { times: 9, window_minutes: 10 }",
    "container_state(db-paused): paused, breach",
    "container_state(job-exited0): exited, clear",
    "container_state(job-exited3): exited, breach, ExitCode(3)",
    "container_state(q-dead): dead, breach",
    "container_state(svc-healthy): running, clear",
    "container_health(svc-healthy): healthy, clear",
    "container_state(svc-oomkilled): exited, breach, OomKilled",
    "container_state(svc-starting): running, clear",
    "container_health(svc-starting): starting, unknown",
    "container_state(svc-unhealthy): running, clear",
    "container_health(svc-unhealthy): unhealthy, breach, HealthOutput(\"no answer\")",
    "container_state(web-running): running, clear",
];

#[test]
fn every_state_of_engine_20_10_is_told_with_its_cause() {
    assert_eq!(told_of("docker-20.10.24", "containers-all").0, ON_20_10);
}

#[test]
fn every_state_of_engine_26_1_is_told_with_its_cause() {
    let mut expected = ON_20_10.to_vec();
    expected[1] = "container_state(app-restarting): restarting, breach, \
                   RestartLoop { times: 9, window_minutes: 10 }, ExitCode(7)";
    assert_eq!(told_of("docker-26.1.5", "containers-all").0, expected);
}

#[test]
fn podman_tells_health_in_inspect_alone_and_no_oom() {
    assert_eq!(
        told_of("podman-4.3.1", "containers-all").0,
        [
            "container_state(api-created): created, breach",
            "container_state(app-restarting): restarting, breach, RestartLoop { times: 10, window_minutes: 10 }",
            "container_state(db-paused): paused, breach",
            "container_state(job-exited3): exited, breach, ExitCode(3)",
            "container_state(svc-healthy): running, clear",
            "container_health(svc-healthy): healthy, clear",
            "container_state(svc-oomkilled): exited, breach, ExitCode(137)",
            "container_state(svc-unhealthy): running, clear",
            "container_health(svc-unhealthy): unhealthy, breach",
            "container_state(web-running): running, clear",
        ]
    );
}

#[test]
fn unframed_and_closed_replies_say_the_same_as_kept_ones() {
    for folder in ["docker-20.10.24", "docker-26.1.5", "podman-4.3.1"] {
        let (kept, engine) = told_of(folder, "containers-all");
        assert_eq!(engine.connections(), 1, "{folder}");
        assert_eq!(told_of(folder, "containers-all-http10").0, kept, "{folder}");
        let (closed, engine) = told_of(folder, "containers-all-close");
        assert_eq!((closed, engine.connections()), (kept, 2), "{folder}");
    }
}

#[test]
fn a_check_asks_for_one_list_and_inspects_no_container_twice() {
    let (_, engine) = told_of("docker-20.10.24", "containers-all");
    let targets = engine.targets();
    assert_eq!(targets.iter().filter(|target| *target == "/containers/json?all=true").count(), 1);
    let mut inspects: Vec<_> = targets.iter().filter(|target| target.ends_with("/json")).collect();
    let count = inspects.len();
    inspects.sort();
    inspects.dedup();
    assert_eq!((count, targets.len()), (inspects.len(), count + 1));
}

#[test]
fn an_engine_without_containers_has_no_readings() {
    for folder in ["docker-20.10.24", "docker-26.1.5", "podman-4.3.1"] {
        assert!(told_of(folder, "containers-filter-none").0.is_empty(), "{folder}");
    }
}

fn error_of(reply: &str) -> Error {
    let path = format!("{}/fixtures/docker/{reply}.http", env!("CARGO_MANIFEST_DIR"));
    let engine = Engine::replying(std::fs::read(path).unwrap());
    let mut session = Session::new(engine.address(), at(0).boot);
    match ask(&mut session, Question::List).pop() {
        Some(Answer::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_engines_own_error_is_shown() {
    let message = "No such container: nosuchname".to_owned();
    assert_eq!(error_of("docker-26.1.5/inspect-missing"), Error::Api { status: 404, message });
    assert_eq!(error_of("docker-20.10.24/not-found"), Error::Api { status: 404, message: "page not found".to_owned() });
    for too in ["docker-26.1.5/containers-v1.12", "docker-26.1.5/containers-v1.51"] {
        assert!(
            matches!(error_of(too), Error::ApiVersion { message } if message.contains("supported API version is 1."))
        );
    }
}

#[test]
fn a_container_that_is_not_there_is_none_with_and_without_a_sentence() {
    for reply in ["docker-20.10.24/inspect-missing", "podman-4.3.1/inspect-missing", "podman-4.3.1/empty-404"] {
        let path = format!("{}/fixtures/docker/{reply}.http", env!("CARGO_MANIFEST_DIR"));
        let engine = Engine::replying(std::fs::read(path).unwrap());
        let mut session = Session::new(engine.address(), at(0).boot);
        assert_eq!(ask(&mut session, Question::Inspect("nosuchname")), [Answer::Inspected(None)], "{reply}");
    }
}
