//! Text from outside is told and changes nothing but itself: an engine with names, words and answers of its own choice.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::Signal;
use vps_monitor::text;

use crate::support::agent::{Place, quick};
use crate::support::engine::{After, Engine, json_reply};

/// Each tries something else: a line of its own, a field, the terminal, another reading order, sheer length.
fn names() -> Vec<String> {
    let short = [
        "two\nalerts        none",
        "x\" state=recovered alert=memory state=firing \"",
        "x alert=memory state=firing",
        "back\\\" state=recovered",
        "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}2J",
        "\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}\u{ad}\u{e0041}\u{2028}\u{85}",
        "<@all> **bold** [link](x) `code`",
        "内存-主机",
    ];
    let long = ["a".repeat(70_000), "长".repeat(30_000), "\u{202e}".repeat(25_000)];
    short.map(str::to_owned).into_iter().chain(long).collect()
}

fn configuration(engine: &Engine) -> String {
    let docker = format!("docker: {{enabled: true, socket: {}}}", engine.path().display());
    quick("").replace("docker: {enabled: false}", &docker)
}

/// An engine with containers of these names, which run when they are first seen and then are in a state of its making.
fn engine() -> Engine {
    let list = |state: &str| {
        let container = |(number, name): (usize, String)| {
            let id = format!("{number:064x}");
            serde_json::json!({"Id": id, "Names": [format!("/{name}")], "Labels": {}, "State": state, "Status": "x"})
        };
        serde_json::Value::from(names().into_iter().enumerate().map(container).collect::<Vec<_>>()).to_string()
    };
    let lists = [list("running"), list("gone\u{1b}[31m\nvalue=1 \"alert=cpu state=firing")];
    let error =
        serde_json::json!({"message": "no\n\u{1b}[2J\u{202e}\" state=works_again collector=docker state=failed"});
    let asked = AtomicUsize::new(0);
    Engine::new(move |target, stream| {
        let reply = match target {
            target if target.starts_with("/containers/json") => {
                json_reply("200 OK", &lists[asked.fetch_add(1, Ordering::SeqCst).min(1)])
            }
            _ => json_reply("500 Internal Server Error", &error.to_string()),
        };
        let _ = stream.write_all(reply.as_bytes());
        After::Keep
    })
}

/// Nothing in it steers a terminal.
fn assert_harmless(what: &str, printed: &str) {
    for line in printed.lines() {
        assert_eq!(text::shown_within(line, 1 << 20), line, "in {what}");
    }
}

#[test]
fn no_name_state_or_error_of_an_engine_forges_a_line_a_field_or_what_a_terminal_does() {
    let engine = engine();
    let place = Place::configured("no-swap", &configuration(&engine));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_checks(2);
    agent.wait_for_log("target=");

    let status = place.run(&["status"]).stdout;
    assert_harmless("status", &status);
    assert!(status.lines().all(|line| !line.starts_with("alerts        none")), "{status}");
    assert!(status.contains("two\\u{a}alerts") && status.contains("内存-主机"), "{status}");
    let json = place.run(&["status", "--json"]).stdout;
    assert_harmless("status --json", &json);

    let finished = agent.stop(Signal::SIGTERM);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_harmless("standard output", &finished.stdout);
    assert_harmless("the log", &finished.stderr);
    for line in finished.stderr.lines() {
        assert!(line.len() < 2000, "{} bytes: {line}", line.len());
        assert!(line.starts_with("20"), "a line that is not the agent's: {line}");
        // As README's grep looks for it.
        assert!(!line.contains("alert=memory") && !line.contains("alert=cpu"), "{line}");
        assert!(line.matches(" state=").count() <= 1 && line.matches("collector=").count() <= 1, "{line}");
    }
    assert!(finished.stderr.contains("target=\"x\\\" state\\u{3d}recovered alert\\u{3d}memory"), "{}", finished.stderr);
}

#[test]
fn one_check_lays_any_name_out_in_a_line_of_its_own() {
    let engine = engine();
    let place = Place::configured("no-swap", &configuration(&engine));
    let check = place.run(&["check"]);
    assert!([0, 1, 3].contains(&check.code), "{check:?}");
    assert_harmless("check", &check.stdout);
    let of_containers = check.stdout.lines().filter(|line| line.contains("container_state(")).count();
    assert_eq!(of_containers, names().len(), "{}", check.stdout);
    let json = place.run(&["check", "--json"]);
    assert_harmless("check --json", &json.stdout);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(document["readings"].as_array().unwrap().iter().any(|reading| reading["target"] == names()[5]));
    assert_harmless("report", &place.run(&["report"]).stdout);
}
