//! Every fixture host through the real collectors. The expectation is beside each, in `expected.json`;
//! fixtures/hosts/README.md says where host and expectation come from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::Check;
use vps_monitor::config::Config;
use vps_monitor::host::Host;
use vps_monitor::metric::{self, Metric, Unit};
use vps_monitor::snapshot::{Key, Snapshot, Value};

use crate::support::lay_over;

/// The metrics that a /proc tree can show. Disks are asked of the kernel, never of a tree.
const METRICS: [&Metric; 6] =
    [metric::MEMORY, metric::SWAP, metric::CPU, metric::TRAFFIC_IN, metric::TRAFFIC_OUT, metric::CONNECTIONS];

/// Both sides work with fractions of counters far below 2^53; they may differ in the order of operations alone.
const RELATIVE_ERROR: f64 = 1e-12;

fn hosts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    let mut hosts: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    hosts.retain(|path| path.is_dir());
    hosts.sort();
    hosts
}

/// One check of a fixture host; its second reading is of the same /proc `seconds` later.
fn measure(fixture: &Path, seconds: u64) -> Snapshot {
    let directory = tempfile::tempdir().unwrap();
    let procfs = directory.path().join("proc");
    lay_over(&fixture.join("proc"), &procfs);

    let mut host = Host::new(Some(&procfs));
    let config = Config::parse("config", b"system: {disk: {enabled: false}}").unwrap().value;
    let mut check = Check::new(&config.sources, &host);
    let begin = Boot::from_millis(1_000_000);
    check.begin(&mut host, begin);
    if fixture.join("later/proc").is_dir() {
        lay_over(&fixture.join("later/proc"), &procfs);
    }
    let now = Now { wall: "2026-02-04T07:30:00Z".parse().unwrap(), boot: begin.after(Duration::from_secs(seconds)) };
    check.advance(&mut host, now).expect("every window is over")
}

/// The fault of `metric` in the snapshot, if it has one.
fn difference(snapshot: &Snapshot, metric: &'static Metric, expected: &Json) -> Option<String> {
    let key = Key::new(metric, "");
    let readings: Vec<&Value> =
        snapshot.readings.iter().filter(|reading| reading.key == key).map(|reading| &reading.value).collect();
    let errors: Vec<&str> = snapshot
        .failures
        .iter()
        .filter(|failure| failure.explains(&key))
        .map(|failure| failure.error.as_str())
        .collect();
    let fits = match (readings.as_slice(), errors.as_slice()) {
        ([value], []) => is_value(metric.unit, value, expected),
        ([], [error]) => expected["error"].as_str().is_some_and(|word| error.contains(word)),
        _ => false,
    };
    (!fits).then(|| format!("{metric}: expected {expected}, found readings {readings:?} and errors {errors:?}"))
}

fn is_value(unit: Unit, value: &Value, expected: &Json) -> bool {
    let number = |name: &str, value: f64| {
        expected[name].as_f64().is_some_and(|expected| (value - expected).abs() <= RELATIVE_ERROR * expected.abs())
    };
    let whole = |name: &str, value: u64| expected[name].as_u64() == Some(value);
    match *value {
        Value::Usage { percent, used_bytes, total_bytes } => {
            number("percent", percent) && whole("used_bytes", used_bytes) && whole("total_bytes", total_bytes)
        }
        Value::Number(value) => number(unit.name().unwrap_or_default(), value),
        Value::Forecast(_) | Value::Quota(_) | Value::Container(_) | Value::Event(_) => false,
    }
}

/// A metric that is watched and was not read is unknown, so one that a collector forgets to watch would lose its alert.
#[test]
fn what_is_watched_is_read_or_explained_on_every_host() {
    for fixture in hosts() {
        let snapshot = measure(&fixture, 5);
        let watched: Vec<&Key> = snapshot.watched_keys().collect();
        assert!(METRICS.iter().all(|metric| watched.iter().any(|key| key.metric == *metric)), "{watched:?}");
        assert!(snapshot.readings.iter().all(|reading| watched.contains(&&reading.key)), "{snapshot:?}");
        for key in watched {
            let is_read = snapshot.readings.iter().any(|reading| reading.key == *key);
            let is_explained = snapshot.failures.iter().any(|failure| failure.explains(key));
            assert!(is_read != is_explained, "{key} of {}", fixture.display());
        }
    }
}

#[test]
fn every_fixture_host_measures_what_is_expected_of_it() {
    let hosts = hosts();
    assert!(hosts.len() >= 20, "only {} fixture hosts", hosts.len());
    let mut differences = Vec::new();
    for fixture in hosts {
        let expected: Json = serde_json::from_slice(&fs::read(fixture.join("expected.json")).unwrap()).unwrap();
        let snapshot = measure(&fixture, expected["seconds"].as_u64().unwrap());
        let name = fixture.file_name().unwrap().to_string_lossy().into_owned();
        for metric in METRICS {
            let found = difference(&snapshot, metric, &expected[metric.name]);
            differences.extend(found.map(|difference| format!("{name}: {difference}")));
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}
