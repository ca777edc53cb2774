//! The files for other engines in share/: judged by those engines' own tools, and their metrics are the agent's.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::agent::{Place, finish, quick};
use crate::support::engine::Engine;
use crate::support::peer::program;

pub fn share(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("share").join(name)
}

/// Runs a tool in a folder with all files of share/prometheus.
fn judged(tool: &str, arguments: &[&str]) {
    let Some(tool) = program(tool) else { return };
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(share("prometheus")).unwrap().map(|file| file.unwrap().path()) {
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet/rules.test.yml");
    fs::copy(tests, folder.path().join("rules.test.yml")).unwrap();
    let finished = finish(Command::new(tool).args(arguments).current_dir(folder.path()));
    assert_eq!(finished.code, 0, "{arguments:?}: {finished:?}");
}

#[test]
fn the_rules_and_the_examples_are_valid_and_the_rules_fire_as_they_say() {
    judged("promtool", &["check", "rules", "vps-monitor.rules.yml"]);
    judged("promtool", &["test", "rules", "rules.test.yml"]);
    judged("promtool", &["check", "config", "prometheus.yml"]);
    judged("amtool", &["check-config", "alertmanager.yml"]);
    let send_to = "-remoteWrite.url=http://127.0.0.1:1/";
    judged("vmagent", &["-promscrape.config=vmagent.yml", send_to, "-promscrape.config.dryRun"]);
}

#[test]
fn the_example_for_uptime_kuma_is_a_valid_configuration() {
    let place = Place::configured("no-swap", &fs::read_to_string(share("uptime-kuma/config.yaml")).unwrap());
    let checked = place.run(&["config", "check"]);
    assert!(checked.code == 0 && !checked.stderr.contains("warning"), "{checked:?}");
}

fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("vps_monitor_")).map(str::to_owned).collect()
}

#[test]
fn rules_and_dashboard_name_no_metric_that_no_agent_has() {
    let engine = Engine::recorded("docker-26.1.5", "containers-all");
    let yaml = quick("")
        .replace("docker: {enabled: false}", &format!("docker: {{socket: {}}}", engine.path().display()))
        .replace("disk: {enabled: false}", "disk: {threshold: 100}");
    let place = Place::on("small-vps");
    let textfile = place.path("vps-monitor.prom");
    place.configure(&format!("{yaml}metrics: {{textfile: {}}}\n", textfile.display()));
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    let mut there = names(&fs::read_to_string(&textfile).unwrap());
    // These are there in trouble alone, or once a disk has been watched for hours.
    there.extend(
        ["alert_firing", "collector_failed", "message_wait_seconds", "disk_forecast_seconds"]
            .map(|name| format!("vps_monitor_{name}")),
    );
    let text = fs::read_to_string(share("grafana/vps-monitor.json")).unwrap()
        + &fs::read_to_string(share("prometheus/vps-monitor.rules.yml")).unwrap();
    let unknown: Vec<String> = names(&text).into_iter().filter(|name| !there.contains(name)).collect();
    assert_eq!(unknown, Vec::<String>::new(), "{there:?}");
}
