//! Everything that is said of the host's quantities, byte for byte, in both languages: alerts, recoveries, reports, the table
//! and JSON of `check`. fixtures/golden has it; `UPDATE_EXPECTED=1` writes it anew, to be looked at in the diff.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use vps_monitor::alert::{Alerts, Episode, Extent, Happened, MessageCounts, News, Policy, Transition};
use vps_monitor::clock::{Boot, Now};
use vps_monitor::core::ReadingDocument;
use vps_monitor::message::{self, Delays, Escape, Language, Sections, Style};
use vps_monitor::metric::{self, Limits, Metric};
use vps_monitor::rule::{self, Limit, Rule, Rules};
use vps_monitor::snapshot::{ContainerWord, Failure, Reading, Snapshot, Value, Watched};

const GB: u64 = 1 << 30;

fn usage(percent: f64) -> Value {
    let total_bytes = 40 * GB;
    Value::Usage { percent, used_bytes: (total_bytes as f64 * percent / 100.0) as u64, total_bytes }
}

/// A reading of each quantity, over its limit or not.
fn snapshot(is_over: bool) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let percent = if is_over { 92.08 } else { 12.0 };
    snapshot.push(metric::MEMORY, "", usage(percent));
    snapshot.push(metric::DISK, "/", usage(percent));
    snapshot.push(metric::DISK, "/data", usage(percent - 1.5));
    snapshot.push(metric::CPU, "", Value::Number(percent));
    snapshot.push(metric::SWAP, "", usage(percent));
    snapshot.push(metric::TRAFFIC_IN, "", Value::Number(if is_over { 120.5 } else { 2.25 }));
    snapshot.push(metric::TRAFFIC_OUT, "", Value::Number(if is_over { 1000.0 } else { 0.0 }));
    snapshot.push(metric::CONNECTIONS, "", Value::Number(if is_over { 1520.0 } else { 156.0 }));
    snapshot
}

/// As if none of them could be measured.
fn failures() -> Snapshot {
    let failure = |collector, metrics, target: Option<&str>| Failure {
        collector,
        metrics,
        target: target.map(Into::into),
        error: format!("/proc/{collector}: No such file or directory"),
    };
    let failures = vec![
        failure("memory", &[metric::MEMORY, metric::SWAP], None),
        failure("disk", &[metric::DISK], Some("/")),
        failure("disk", &[metric::DISK], Some("/data")),
        failure("cpu", &[metric::CPU], None),
        failure("traffic", &[metric::TRAFFIC_IN, metric::TRAFFIC_OUT], None),
        failure("connections", &[metric::CONNECTIONS], None),
    ];
    let mut snapshot = Snapshot { failures, ..Snapshot::default() };
    self::snapshot(true).readings.into_iter().for_each(|reading| snapshot.watched.push(Watched::One(reading.key)));
    snapshot
}

fn rules() -> Rules {
    let limits = [
        (metric::MEMORY, 80.0),
        (metric::SWAP, 80.0),
        (metric::CPU, 82.5),
        (metric::DISK, 90.0),
        (metric::TRAFFIC_IN, 100.0),
        (metric::TRAFFIC_OUT, 100.0),
        (metric::CONNECTIONS, 1000.0),
    ];
    limits.map(|(metric, limit)| Rule::for_every(metric, Limits::warning(limit))).into_iter().collect()
}

fn transitions(snapshot: &Snapshot, news: News, since: Timestamp) -> Vec<Transition> {
    let rules = rules();
    let findings = rule::evaluate(snapshot, &rules);
    let transition = |finding: &rule::Finding<'_>| {
        let Reading { key, value, .. } = finding.reading;
        let Some(limit @ Limit::Threshold(_)) = finding.limit() else { panic!("{finding:?}") };
        Transition { key: key.clone(), news, value: value.clone(), limit, since, episode: Episode::default() }
    };
    // In another order than they were found.
    findings.iter().rev().map(transition).collect()
}

/// The sections of a report at `now`: alerts, more than have a line, silences and deliveries.
fn happened(now: Timestamp) -> Sections {
    let (mut alerts, mut happened) = (Alerts::default(), Happened::default());
    let policy = Policy::default();
    let earlier = |minutes: i64| now.checked_sub(SignedDuration::from_mins(minutes)).unwrap();
    let mut look = |minutes: i64, readings: &[(&'static Metric, &str, Value)]| {
        let mut snapshot = Snapshot::default();
        readings.iter().for_each(|(metric, target, value)| snapshot.push(metric, *target, value.clone()));
        let at = Now { wall: earlier(minutes), boot: Boot::from_millis(1_000_000_000 - minutes * 60_000) };
        let transitions = alerts.step(&rule::evaluate(&snapshot, &rules()), &snapshot, Extent::Named, at, &policy);
        happened.take_in(&transitions, at.wall);
    };
    let container = |word: &str, expected: &str| Value::from(ContainerWord::new(word, expected));
    let state = |target, word| (metric::CONTAINER_STATE, target, container(word, "running"));
    look(3000, &[(metric::MEMORY, "", usage(91.2))]);
    look(600, &[(metric::DISK, "/data", usage(95.1)), state("nginx", "exited"), state("job", "exited")]);
    look(590, &[state("nginx", "running"), (metric::SWAP, "", usage(88.0))]);
    // It comes back, and settles; the other one is over.
    look(580, &[state("nginx", "exited"), (metric::SWAP, "", usage(20.0))]);
    look(570, &[state("nginx", "running"), (metric::DISK, "/data", usage(40.0))]);
    look(565, &[state("job", "running"), (metric::CONTAINER_HEALTH, "api", container("unhealthy", "healthy"))]);
    look(564, &[(metric::CONTAINER_HEALTH, "api", container("healthy", "healthy"))]);
    for (metric, target) in [(metric::CPU, ""), (metric::CONNECTIONS, ""), (metric::DISK, "/")] {
        look(400, &[(metric, target, Value::Number(2000.0))]);
        look(399, &[(metric, target, Value::Number(1.0))]);
    }
    // One that is told twice and over at once, one that came back and settles, one that lasts.
    look(300, &[(metric::TRAFFIC_OUT, "", Value::Number(250.0))]);
    look(240, &[(metric::TRAFFIC_OUT, "", Value::Number(2.0))]);
    look(200, &[(metric::TRAFFIC_OUT, "", Value::Number(120.0))]);
    look(100, &[(metric::TRAFFIC_OUT, "", Value::Number(2.0))]);
    look(45, &[(metric::TRAFFIC_IN, "", Value::Number(180.0))]);
    look(44, &[(metric::MEMORY, "", usage(93.0)), (metric::TRAFFIC_IN, "", Value::Number(180.0))]);
    let boot = Boot::from_millis(1_000_000_000);
    Sections {
        on: alerts.lasting_at(boot).cloned().collect(),
        happened,
        since_report: MessageCounts { alerts: 14, recoveries: 9 },
        silences: Some((2, earlier(-240))),
        delays: Delays { count: 3, longest_seconds: 7500 },
        ..Sections::default()
    }
}

fn said(language: Language) -> String {
    let style = Style { language, host: "web-1".to_owned(), zone: TimeZone::UTC };
    let since: Timestamp = "2026-02-04T07:30:00Z".parse().unwrap();
    let now: Timestamp = "2026-02-04T09:00:00Z".parse().unwrap();
    let (over, well, unknown) = (snapshot(true), snapshot(false), failures());
    let mut said = String::new();
    let mut add = |what: &str, text: &str| write!(said, "== {what}\n{}\n\n", text.trim_end()).unwrap();

    for message in message::alerts(&transitions(&over, News::Fired, since), &style, now) {
        add("alert", &message.text(&Escape::NONE));
    }
    let recovery = message::recovery(&transitions(&well, News::Recovered, since), &style, now);
    add("recovery", &recovery.unwrap().text(&Escape::NONE));
    for (what, snapshot) in [("report", &well), ("report of failures", &unknown)] {
        add(what, &message::report(snapshot, &Sections::default(), &style, now).text(&Escape::NONE));
    }
    let sections = happened(now);
    add("report of what happened", &message::report(&well, &sections, &style, now).text(&Escape::NONE));
    let (rules, mut all) = (rules(), over.clone());
    all.append(unknown);
    let findings = rule::evaluate(&all, &rules);
    add("check", &message::table(&findings, &all.failures, &style, now, false));
    add("check in a line", &message::table(&findings, &all.failures, &style, now, true));
    for snapshot in [&over, &well] {
        let readings: Vec<_> = rule::evaluate(snapshot, &rules).iter().map(ReadingDocument::new).collect();
        let lines: Vec<_> = readings.iter().map(|reading| serde_json::to_string(reading).unwrap()).collect();
        add("check --json", &lines.join("\n"));
    }
    said
}

#[test]
fn what_is_said_of_each_quantity_stays_as_it_is() {
    for (language, name) in [(Language::Chinese, "zh"), (Language::English, "en")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(format!("{name}.txt"));
        let found = said(language);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
    }
}
