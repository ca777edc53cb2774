//! The effect of the alerts' semantics: series of readings, as hosts have them, and the number of messages of each,
//! beside the number by `alert_repeat: 0` and `alert_settle: 0`, as in version 0.1.
//!
//! fixtures/replay has the numbers and some of the messages. `UPDATE_EXPECTED=1` writes them anew: a change of the semantics
//! shows its effect in that diff. The numbers by 0.1 are those of its own code, too, which was run on the made series once.

mod documents;
mod incidents;
mod memory;
mod series;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use vps_monitor::config::{Config, Resolved};
use vps_monitor::replay::{History, Replay};

use series::Series;

const TODAY: &str = "general: {hostname: web-1, language: en, timezone: UTC}\n";
/// Told as by version 0.1: every key that changes when something is told.
const AS_BEFORE: &str = "general: {timezone: UTC, alert_repeat: 0, alert_settle: 0}\n\
                         system: {cpu: {for: 0}, disk: {forecast: 0}}\nnetwork: {traffic: {for: 0}}\n";

/// The messages of a history.
struct Replayed {
    /// As people see them.
    texts: Vec<String>,
    objects: Vec<Json>,
    summary: String,
}

fn replay(yaml: &str, history: &str) -> Replayed {
    let yaml = format!("{yaml}docker: {{enabled: true}}\n");
    let config = Resolved::new(&Config::parse("config.yaml", yaml.as_bytes()).unwrap().value);
    let mut history = History::new(history.as_bytes(), "history", &config.plan);
    let mut replay = Replay::new(&config);
    let (mut texts, mut objects) = (Vec::new(), Vec::new());
    while let Some(check) = history.next_check().unwrap() {
        for told in replay.check(check) {
            texts.push(told.text(&config.style));
            objects.push(serde_json::from_str(&told.json(&config.style).unwrap()).unwrap());
        }
    }
    Replayed { texts, objects, summary: replay.summary() }
}

/// How many messages a history leads to: by 0.1, and now.
fn before_and_now(history: &str) -> [usize; 2] {
    [AS_BEFORE, TODAY].map(|yaml| replay(yaml, history).texts.len())
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
        let [before, now] = before_and_now(&history);
        let summary = replay(TODAY, &history).summary;
        let checks = summary.split(' ').next().unwrap_or_default();
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
        let Replayed { texts, summary, .. } = replay(TODAY, &series::named(name).history);
        compare(file, &format!("{}\n{summary}\n", texts.join("\n")));
    }
}

#[test]
fn the_documents_tell_how_many_messages_there_were_and_are() {
    for (name, in_english, in_chinese) in [
        (series::MEMORY, "memory at 85 %, for a week", "内存一周保持在 85%"),
        (
            series::TOGGLING_CPU,
            "CPU over at one check and under at the next, for a day",
            "CPU 一天内每次检查交替超过和低于阈值",
        ),
        (series::BACKUP, "a backup each night that takes CPU and traffic, for a week", "每晚备份占满 CPU 和流量，一周"),
        (series::CRASHES, "a container that crashes every 5 minutes, for a day", "容器每 5 分钟崩溃一次，一天"),
    ] {
        let [before, now] = before_and_now(&series::named(name).history);
        for (page, trouble) in [("docs/messages.md", in_english), ("docs/messages.zh-CN.md", in_chinese)] {
            let row = format!("\n| {trouble} | {before} | {now} |\n");
            let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
            assert!(text.contains(&row), "{page} has no row {row}");
        }
    }
}
