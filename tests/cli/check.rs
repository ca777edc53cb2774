//! `check`: its table, its JSON and its exit codes, over fixture hosts.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::agent::{Place, quick};
use crate::support::is_ci;

/// `check --json` and its exit code.
fn check(place: &Place) -> (i32, Json) {
    let finished = place.run(&["check", "--json"]);
    let document = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    (finished.code, document)
}

fn reading<'a>(document: &'a Json, metric: &str) -> &'a Json {
    let readings = document["readings"].as_array().unwrap();
    readings.iter().find(|reading| reading["metric"] == metric).unwrap_or_else(|| panic!("no {metric} in {document:#}"))
}

fn keys(object: &Json) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn all_within_thresholds_is_0_and_each_reading_has_the_fields_of_its_kind() {
    let place = Place::configured("no-swap", &quick("").replace("disk: {enabled: false}", "disk: {threshold: 100}"));
    let (code, document) = check(&place);
    assert_eq!(code, 0, "{document:#}");
    assert_eq!(keys(&document), ["failures", "host", "readings", "schema", "time"].into());
    assert_eq!((&document["schema"], &document["host"]), (&1.into(), &"web-1".into()));
    assert_eq!(document["failures"], Json::Array(Vec::new()));
    let time: &str = document["time"].as_str().unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with("+00:00"), "{time}");

    let plain = ["metric", "target", "threshold", "unit", "value", "verdict"];
    let sized: BTreeSet<&str> = plain.into_iter().chain(["total_bytes", "used_bytes"]).collect();
    let expected = [
        ("memory", "", "percent", &sized),
        ("disk", "/", "percent", &sized),
        ("cpu", "", "percent", &plain.into()),
        ("swap", "", "percent", &sized),
        ("traffic_in", "", "mbps", &plain.into()),
        ("traffic_out", "", "mbps", &plain.into()),
        ("connections", "", "count", &plain.into()),
        ("inodes", "/", "percent", &plain.into()),
    ];
    // It depends on the machine whether its root is on a disk.
    let is_number = |reading: &&Json| reading["metric"] != "disk_state";
    let readings: Vec<&Json> = document["readings"].as_array().unwrap().iter().filter(is_number).collect();
    assert_eq!(readings.len(), expected.len(), "{document:#}");
    for (reading, (metric, target, unit, fields)) in readings.into_iter().zip(expected) {
        assert_eq!(keys(reading), *fields, "{reading:#}");
        assert_eq!((&reading["metric"], &reading["target"]), (&metric.into(), &target.into()));
        assert_eq!((&reading["unit"], &reading["verdict"]), (&unit.into(), &"clear".into()));
        assert!(reading["value"].is_number() && reading["threshold"].is_number(), "{reading:#}");
    }
    assert!(reading(&document, "connections")["value"].is_u64());
    let memory = reading(&document, "memory");
    let (used, total) = (memory["used_bytes"].as_u64().unwrap(), memory["total_bytes"].as_u64().unwrap());
    assert_eq!(memory["value"].as_f64(), Some(used as f64 / total as f64 * 100.0));
    assert_eq!(
        (&reading(&document, "swap")["value"], &reading(&document, "swap")["total_bytes"]),
        (&0.0.into(), &0.into())
    );
}

#[test]
fn one_reading_over_its_threshold_is_1_and_has_full_precision() {
    let place = Place::configured("small-vps", &quick(""));
    let (code, document) = check(&place);
    assert_eq!(code, 1, "{document:#}");
    let memory = reading(&document, "memory");
    assert_eq!((&memory["verdict"], &memory["threshold"]), (&"breach".into(), &80.into()));
    assert_eq!(memory["value"].as_f64(), Some(404_025_344.0 / 502_685_696.0 * 100.0));
    assert_eq!((&memory["used_bytes"], &memory["total_bytes"]), (&404_025_344.into(), &502_685_696.into()));

    let table = place.run(&["check"]);
    assert_eq!((table.code, table.stderr.as_str()), (1, ""));
    assert!(table.stdout.contains("\n  OVER  memory              80.4%  threshold 80%"), "{}", table.stdout);
}

#[test]
fn one_reading_over_its_critical_threshold_is_2_whatever_else_is_found() {
    // Memory is at 80.4 %; `for` is for who can wait.
    let critical = |limits: &str| quick("").replace("{threshold: 80}", &format!("{{threshold: 80, {limits}}}"));
    let place = Place::configured("small-vps", &critical("critical: 80.3, for: 1h"));
    let (code, document) = check(&place);
    assert_eq!(code, 2, "{document:#}");
    let memory = reading(&document, "memory");
    let found = [&memory["verdict"], &memory["level"], &memory["threshold"]];
    assert_eq!(found, [&Json::from("breach"), &"critical".into(), &80.3.into()]);
    let table = place.run(&["check"]);
    let row = "\n  CRITICAL  memory              80.4%  threshold 80.3%";
    assert!(table.code == 2 && table.stdout.contains(row), "{}", table.stdout);

    place.configure(&critical("critical: 99"));
    let (code, document) = check(&place);
    assert_eq!((code, &reading(&document, "memory")["level"]), (1, &"warning".into()));
    assert_eq!(reading(&document, "connections").get("level"), None);

    // A host of which not everything can be measured.
    let place = Place::configured("container-view", &critical("critical: 80.01"));
    let (code, document) = check(&place);
    assert!(code == 2 && !document["failures"].as_array().unwrap().is_empty(), "{code} {document:#}");
}

#[test]
fn a_reading_at_its_threshold_is_over_it() {
    let place =
        Place::configured("small-vps", &quick("").replace("docker:", "  connections: {threshold: 39}\ndocker:"));
    let (_, document) = check(&place);
    assert_eq!(reading(&document, "connections")["verdict"], "breach");
    place.configure(&quick("").replace("docker:", "  connections: {threshold: 40}\ndocker:"));
    let (_, document) = check(&place);
    assert_eq!(reading(&document, "connections")["verdict"], "clear");
}

#[test]
fn a_container_that_is_named_misses_an_engine_that_is_not_there() {
    let docker =
        |keys: &str| quick("").replace("docker: {enabled: false}", &format!("docker: {{socket: /none.sock{keys}}}"));
    let place = Place::configured("no-swap", &docker(""));
    let (code, document) = check(&place);
    assert_eq!((code, &document["failures"]), (0, &Json::Array(Vec::new())), "a host without Docker");
    place.configure(&docker(", containers: [web]"));
    let (code, document) = check(&place);
    let failure = &document["failures"][0];
    assert_eq!((code, &failure["collector"]), (3, &"docker".into()), "{document:#}");
    assert!(failure["error"].as_str().unwrap().starts_with("no Docker socket at /none.sock: "), "{failure}");
}

#[test]
fn what_cannot_be_measured_is_a_failure_with_3_and_never_a_zero() {
    let place = Place::configured("garbage", &quick(""));
    let (code, document) = check(&place);
    assert_eq!(code, 3, "{document:#}");
    assert_eq!(document["readings"], Json::Array(Vec::new()));
    let failed: BTreeSet<&str> =
        document["failures"].as_array().unwrap().iter().map(|failure| failure["collector"].as_str().unwrap()).collect();
    assert_eq!(failed, ["connections", "cpu", "memory", "steal", "swap", "traffic"].into());
    for failure in document["failures"].as_array().unwrap() {
        assert!(failure["error"].as_str().is_some_and(|error| !error.is_empty()), "{failure}");
        assert!(failure["since"].as_str().is_some_and(|since| since.parse::<jiff::Timestamp>().is_ok()), "{failure}");
    }
    let table = place.run(&["check"]);
    assert_eq!(table.code, 3);
    assert_eq!(table.stdout.lines().filter(|line| line.starts_with("  UNKNOWN  ")).count(), failed.len());
}

#[test]
fn a_breach_outweighs_what_cannot_be_measured() {
    // This host has no sockstat, and more memory in use than the threshold.
    let place = Place::configured("container-view", &quick(""));
    let (code, document) = check(&place);
    assert_eq!(code, 1, "{document:#}");
    assert_eq!(document["failures"][0]["collector"], "connections");
}

#[test]
fn what_is_switched_off_is_neither_measured_nor_missed() {
    let off = "enabled: false";
    let yaml = format!(
        "system: {{memory: {{{off}}}, swap: {{{off}}}, disk: {{{off}}}, cpu: {{{off}}}, steal: {{{off}}}}}\n\
         network: {{traffic: {{{off}}}, connections: {{{off}}}}}\ndocker: {{{off}}}\n"
    );
    let (code, document) = check(&Place::configured("garbage", &yaml));
    assert_eq!((code, &document["readings"], &document["failures"]), (0, &Json::Array(vec![]), &Json::Array(vec![])));
}

#[test]
fn a_disk_path_that_is_not_there_is_a_failure_of_that_path_alone() {
    let disk = "disk: {threshold: 100, paths: [/, /no/such/disk]}";
    let place = Place::configured("no-swap", &quick("").replace("disk: {enabled: false}", disk));
    let (code, document) = check(&place);
    assert_eq!((code, &reading(&document, "disk")["target"]), (3, &"/".into()));
    assert_eq!(document["failures"].as_array().unwrap().len(), 1);
    let failure = &document["failures"][0];
    assert_eq!((&failure["collector"], &failure["target"]), (&"disk".into(), &"/no/such/disk".into()));
}

#[test]
fn a_person_who_waits_is_told_for_how_long_and_a_pipe_is_not() {
    let place = Place::configured("no-swap", &quick(""));
    let told = |place: &Place| Some(place.run_in_terminal(&["check"])?.stdout.contains("measuring"));
    assert!(told(&place).is_none_or(|told| !told), "a tenth of a second");
    place.configure(&quick("").replace("traffic: {sample_interval: 0.1}", "traffic: {sample_interval: 1s}"));
    let Some(shown) = place.run_in_terminal(&["check"]) else { return };
    assert!(shown.stdout.starts_with("measuring, which takes 1s ...\r\n"), "{shown:?}");
    assert_eq!(place.run(&["check"]).stderr, "");
}

#[test]
fn check_sends_nothing_and_touches_no_state() {
    let robot = crate::support::robot::Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    assert_eq!(place.run(&["check"]).code, 1);
    assert!(!place.state().exists());
    assert!(robot.received().is_empty());
}

#[test]
fn the_hosts_name_is_the_whole_of_what_hostname_prints() {
    let place = Place::configured("no-swap", &quick("").replace("hostname: web-1, ", ""));
    let check = place.command(&["check", "--json"]);
    for name in ["45.77.10.2", "45.32.99.7", "web.prod.example.com", "v2.0-node", ".hidden", "web-1", "主机"] {
        // A name of its own takes root.
        let mut shell = Command::new("unshare");
        shell.args(["--uts", "sh", "-ec", "printf %s \"$0\" >/proc/sys/kernel/hostname || exit 9; exec \"$@\"", name]);
        shell.arg(check.get_program()).args(check.get_args()).current_dir(place.path(""));
        let output = shell.output().unwrap();
        if !output.status.success() && output.stdout.is_empty() {
            assert!(!is_ci(), "CI runs as root: {output:?}");
            eprintln!("left out: only root may name a host");
            return;
        }
        let document: Json =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        assert_eq!(document["host"], name);
    }
}
