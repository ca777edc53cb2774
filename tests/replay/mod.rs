//! The effect of the alerts' semantics: series of readings, as hosts have them, and the number of messages of each,
//! beside the number by `alert_repeat: 0` and `alert_settle: 0`, as in version 0.1.
//!
//! fixtures/replay has the numbers and some of the messages. `UPDATE_EXPECTED=1` writes them anew: a change of the semantics
//! shows its effect in that diff.

mod documents;
mod incidents;
mod memory;
mod series;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use vps_monitor::config::{Config, Resolved};
use vps_monitor::replay::{History, Replay};

use series::Series;

const GENERAL: &str = "hostname: web-1, language: en, timezone: UTC";
const AS_BEFORE: &str = "alert_repeat: 0, alert_settle: 0";

/// The messages as people see them, and the summary.
fn replay(general: &str, history: &[u8]) -> (Vec<String>, String) {
    let yaml = format!("general: {{{GENERAL}{general}}}\ndocker: {{enabled: true}}\n");
    let config = Resolved::new(&Config::parse("config.yaml", yaml.as_bytes()).unwrap().value);
    let mut history = History::new(history, "history", &config.plan);
    let mut replay = Replay::new(&config);
    let mut messages = Vec::new();
    while let Some(check) = history.next_check().unwrap() {
        messages.extend(replay.check(check).iter().map(|told| told.text(&config.style)));
    }
    (messages, replay.summary())
}

fn compare(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/replay").join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{}: UPDATE_EXPECTED=1 writes it anew\n{found}", path.display());
}

#[test]
fn each_series_leads_to_as_many_messages_as_were_seen_when_it_was_last_looked_at() {
    let mut table = format!("{:<48}{:>7}{:>10}{:>8}\n", "series", "checks", "messages", "by 0.1");
    for Series { name, history } in series::all() {
        let [(now, summary), (before, _)] =
            [String::new(), format!(", {AS_BEFORE}")].map(|general| replay(&general, history.as_bytes()));
        let checks = summary.split(' ').next().unwrap_or_default();
        let (now, before) = (now.len(), before.len());
        writeln!(table, "{name:<48}{checks:>7}{now:>10}{before:>8}").unwrap();
    }
    compare("counts.txt", &table);
}

#[test]
fn the_messages_of_a_series_are_those_that_were_read_when_it_was_last_looked_at() {
    for (name, file) in [
        (series::CRASHES, "crashes.txt"),
        (series::BACKUP, "backup.txt"),
        (series::LEAK, "leak.txt"),
        (series::RECORDED_CONTAINERS, "containers.txt"),
    ] {
        let series = series::all().into_iter().find(|series| series.name == name).unwrap();
        let (messages, summary) = replay("", series.history.as_bytes());
        compare(file, &format!("{}\n{summary}\n", messages.join("\n")));
    }
}
