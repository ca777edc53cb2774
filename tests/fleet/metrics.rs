//! The text of metrics: as promtool and prometheus_client read it, and as node_exporter hands it on.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use crate::support::agent::{Place, quick};
use crate::support::engine::Engine;
use crate::support::peer::{Peer, program};
use crate::support::wait_until;

/// Runs a program on `text`; its exit code and its output.
pub fn fed(command: &mut Command, text: &str) -> (i32, String) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

/// Prometheus' own judgement of a text.
pub fn assert_clean(text: &str) {
    let Some(promtool) = program("promtool") else { return };
    assert_eq!(fed(Command::new(promtool).args(["check", "metrics"]), text), (0, String::new()), "{text}");
}

/// The samples of a text, by the official parser: `[type, name, labels, value]`.
pub fn samples(text: &str) -> Option<Vec<Json>> {
    let has_parser = |python: &&str| {
        Command::new(python).args(["-c", "import prometheus_client"]).output().is_ok_and(|run| run.status.success())
    };
    let python = ["python3", "/usr/bin/python3"].into_iter().find(has_parser);
    assert!(python.is_some() || !crate::support::is_ci(), "python3-prometheus-client must be installed here");
    let Some(python) = python else {
        eprintln!("left out, as python3-prometheus-client is not installed");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet/parse.py");
    let (code, said) = fed(Command::new(python).arg("-B").arg(script), text);
    assert_eq!(code, 0, "{said}\n{text}");
    Some(said.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The value of a series; `None`: there is no such line.
pub fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// A configuration that leaves a file, and the file's place.
fn with_textfile(place: &Place) -> std::path::PathBuf {
    let path = place.path("textfiles/vps-monitor.prom");
    fs::create_dir(path.parent().unwrap()).unwrap();
    place.configure(&format!("{}metrics: {{textfile: {}}}\n", quick(""), path.display()));
    path
}

#[test]
fn what_the_command_prints_is_clean_for_promtool_and_read_by_the_official_parser() {
    let yaml = quick("").replace("disk: {enabled: false}", "disk: {threshold: 75, critical: 99}");
    let finished = Place::configured("small-vps", &yaml).run(&["metrics"]);
    assert_eq!((finished.code, &*finished.stderr), (0, ""), "{finished:?}");
    let text = finished.stdout;
    assert_clean(&text);
    let Some(samples) = samples(&text) else { return };
    assert_eq!(samples.len(), text.lines().filter(|line| !line.starts_with('#')).count());
    let of = |name: &str| samples.iter().filter(|sample| sample[1] == name).cloned().collect::<Vec<_>>();
    let memory = &of("vps_monitor_memory_used_ratio")[0];
    assert!(memory[3].as_f64().is_some_and(|share| share > 0.0 && share < 1.0), "{memory}");
    let used = of("vps_monitor_memory_used_bytes")[0][3].as_f64().unwrap();
    let total = of("vps_monitor_memory_total_bytes")[0][3].as_f64().unwrap();
    assert!((memory[3].as_f64().unwrap() - used / total).abs() < 1e-9, "{text}");
    let limits: Vec<(&Json, &Json)> = samples
        .iter()
        .filter(|sample| sample[1] == "vps_monitor_disk_threshold_ratio")
        .map(|sample| (&sample[2]["severity"], &sample[3]))
        .collect();
    assert_eq!(limits, [(&"critical".into(), &0.99.into()), (&"warning".into(), &0.75.into())]);
    assert_eq!(of("vps_monitor_traffic_in_bytes_per_second").len(), 1);
    assert!(samples.iter().all(|sample| sample[0] == "gauge"), "{samples:?}");
}

#[test]
fn what_failed_or_is_not_there_has_no_line() {
    let place = Place::configured("no-swap", &quick(""));
    fs::remove_file(place.path("proc/net/dev")).unwrap();
    let text = place.run(&["metrics"]).stdout;
    assert_clean(&text);
    for gone in ["vps_monitor_traffic_in", "vps_monitor_swap_used_ratio"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert_eq!(value(&text, "vps_monitor_collector_failed{collector=\"traffic\"}"), Some(1.0), "{text}");
    assert_eq!(value(&text, "vps_monitor_swap_total_bytes"), Some(0.0), "a host without swap has 0 bytes of it");
}

#[test]
fn a_containers_state_is_a_series_of_its_name_and_its_word() {
    let engine = Engine::recorded("docker-26.1.5", "containers-all");
    let yaml =
        quick("").replace("docker: {enabled: false}", &format!("docker: {{socket: {}}}", engine.path().display()));
    let place = Place::configured("small-vps", &yaml);
    let text = place.run(&["metrics"]).stdout;
    assert_clean(&text);
    let Some(samples) = samples(&text) else { return };
    let states: Vec<(&str, &str)> = samples
        .iter()
        .filter(|sample| sample[1] == "vps_monitor_container_state")
        .map(|sample| (sample[2]["target"].as_str().unwrap(), sample[2]["state"].as_str().unwrap()))
        .collect();
    let word = |name: &str| states.iter().find(|(target, _)| target.ends_with(name)).map(|(_, state)| *state);
    assert_eq!((word("web-running"), word("db-paused")), (Some("running"), Some("paused")), "{states:?}");
}

#[test]
fn the_file_is_whole_and_for_everybody_from_the_first_check_to_a_clean_stop() {
    let place = Place::on("no-swap");
    let path = with_textfile(&place);
    let agent = place.start(&["run"]);
    wait_until("the file is there", || path.exists());
    let text = fs::read_to_string(&path).unwrap();
    assert_clean(&text);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(value(&text, "vps_monitor_checks_total"), Some(1.0), "{text}");
    assert_eq!(value(&text, "vps_monitor_alerts"), Some(0.0), "{text}");
    assert_eq!(value(&text, "vps_monitor_check_interval_seconds"), Some(3600.0), "{text}");

    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    let firing = "vps_monitor_alert_firing{metric=\"memory\",severity=\"warning\"}";
    wait_until("the alert is in the file", || value(&fs::read_to_string(&path).unwrap(), firing) == Some(1.0));
    assert_clean(&fs::read_to_string(&path).unwrap());

    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0, "nothing is left to lie");
}

#[test]
fn one_check_alone_leaves_its_file_and_a_reload_takes_along_what_it_no_longer_names() {
    let place = Place::on("no-swap");
    let path = with_textfile(&place);
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!(value(&fs::read_to_string(&path).unwrap(), "vps_monitor_checks_total"), Some(1.0));

    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    place.configure(&quick(""));
    agent.signal(Signal::SIGHUP);
    wait_until("the file is gone", || !path.exists());
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}

#[test]
fn a_file_that_cannot_be_written_is_told_once_with_the_remedy_and_holds_up_nothing() {
    let place = Place::on("no-swap");
    let path = with_textfile(&place);
    fs::remove_dir(path.parent().unwrap()).unwrap();
    let agent = place.start(&["run"]);
    agent.wait_for_log("make the folder");
    for check in 2..4 {
        agent.signal(Signal::SIGUSR1);
        agent.wait_for_checks(check);
    }
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("works again");
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("make the folder").count(), 1, "{log}");
}

#[test]
fn node_exporter_hands_on_every_series_with_the_files_age() {
    let place = Place::on("no-swap");
    let path = with_textfile(&place);
    let folder = path.parent().unwrap().display();
    let exporter = Peer::start("prometheus-node-exporter", "/metrics", |port, _| {
        vec![
            "--collector.disable-defaults".to_owned(),
            "--collector.textfile".to_owned(),
            format!("--collector.textfile.directory={folder}"),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ]
    });
    let Some(exporter) = exporter else { return };
    let agent = place.start(&["run"]);
    wait_until("the file is there", || path.exists());
    let scraped = exporter.get("/metrics");
    assert_eq!(value(&scraped, "node_textfile_scrape_error"), Some(0.0), "{scraped}");
    let own = fs::read_to_string(&path).unwrap();
    for line in own.lines().filter(|line| !line.starts_with('#')) {
        let (series, number) = line.rsplit_once(' ').unwrap();
        assert_eq!(value(&scraped, series), number.parse().ok(), "{series}");
    }
    assert!(scraped.contains("node_textfile_mtime_seconds{file="), "{scraped}");
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
    assert!(!exporter.get("/metrics").contains("vps_monitor_"), "a stopped agent leaves no series");
}
