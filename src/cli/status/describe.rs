//! The status for a person at a terminal: numbers rounded and with their unit, states in words.

use std::fmt::Write;

use serde_json::Value as Json;

use crate::cli::silence::described;
use crate::core::{
    AlertStatus, FailureStatus, HeldAlertStatus, PendingStatus, ReadingDocument, SetAsideStatus, SilenceStatus, Status,
    TroubleStatus,
};
use crate::message::size;
use crate::metric::Unit;
use crate::text::{counted, left, right, shown, subject, width};

/// The most lines that are shown of each list; `--json` has all.
const MAX_LINES: usize = 20;

/// The width of the labels at the left.
const LABEL: usize = 13;

pub fn describe(status: &Status) -> String {
    let mut page = Page::default();
    page.line("host", &status.host);
    page.line("agent", &agent(status));
    configuration(status, &mut page);
    page.maybe("state", status.state_dir.as_deref());
    page.maybe("channel", status.channel.as_deref());
    // The state of an agent that is gone does not say when it checked last, and there is no next time.
    if status.running {
        page.line("last check", &time(status.last_check.as_deref()));
        page.line("next check", &time(status.next_check.as_deref()));
    }
    page.line("last report", &time(status.last_report.as_deref()));
    if status.running {
        page.line("next report", &time(status.next_report.as_deref()));
    }
    readings(status, &mut page);
    page.list("alerts", status.alerts.iter().map(alert));
    if let Some(until) = &status.quiet_until {
        page.line("quiet hours", &format!("until {}", time(Some(until))));
    }
    if !status.silences.is_empty() {
        let silence = |silence: &SilenceStatus| format!("{}  {}", silence.number, described(silence, 0));
        page.list("silences", status.silences.iter().map(silence));
    }
    if !status.held.is_empty() {
        page.list("held", status.held.iter().map(held));
    }
    page.list("waiting", status.pending.iter().map(pending));
    if !status.set_aside.is_empty() {
        page.list("refused", status.set_aside.iter().map(refused));
    }
    if !status.failures.is_empty() {
        let failure = |failure: &FailureStatus| {
            let what = subject(&failure.collector, failure.target.as_deref().unwrap_or_default());
            format!("{what}: {} (since {})", failure.error, time(failure.since.as_deref()))
        };
        page.list("not measured", status.failures.iter().map(failure));
    }
    if !status.troubles.is_empty() {
        let trouble = |trouble: &TroubleStatus| format!("{}: {}", trouble.subject, trouble.error);
        page.list("troubles", status.troubles.iter().map(trouble));
    }
    page.text
}

fn agent(status: &Status) -> String {
    if !status.running {
        return match &status.saved {
            Some(saved) => format!("not running; this is what the last one saved at {}", time(Some(saved))),
            None => "not running; none has saved a state here".to_owned(),
        };
    }
    let version = status.version.as_ref().map_or_else(String::new, |version| format!(", version {version}"));
    let process = status.pid.map_or_else(String::new, |pid| format!(", process {pid}"));
    format!("running{process}{version}")
}

fn configuration(status: &Status, page: &mut Page) {
    let consequence = if status.running {
        "the previous configuration stays in force; correct the file before a restart"
    } else {
        "the agent does not start with it"
    };
    match (&status.config, status.version.is_some() || !status.running) {
        (Some(file), _) => page.line("configuration", file),
        (None, true) => page.line("configuration", "built-in defaults"),
        // An agent of a version that does not say.
        (None, false) => {}
    }
    if let Some(problem) = &status.config_problem {
        page.line("", &format!("NOT VALID on disk: {problem}"));
        page.line("", &format!("{consequence} (vps-monitor config check)"));
    }
}

fn readings(status: &Status, page: &mut Page) {
    let rows: Vec<[String; 3]> = status.readings.iter().map(reading).collect();
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0);
    let (what, value) = (widest(0), widest(1));
    let lines = rows.iter().map(|row| format!("{}  {}  {}", left(&row[0], what), right(&row[1], value), row[2]));
    let containers = status.containers;
    let count = (containers.watched > 0)
        .then(|| format!("{}, {} as expected", counted(containers.watched, "container"), containers.clear));
    let mut label = "readings";
    for line in lines.chain(count) {
        page.line(label, line.trim_end());
        label = "";
    }
}

/// The subject, its value, and the rest of the line.
fn reading(reading: &ReadingDocument) -> [String; 3] {
    let mark = match reading.verdict.as_str() {
        "breach" if reading.level.as_deref() == Some("critical") => "  CRITICAL",
        "breach" => "  OVER",
        "unknown" => "  not decided yet",
        _ => "",
    };
    let unit = reading.unit.as_deref();
    let detail = match (reading.used_bytes, reading.total_bytes, &reading.mean) {
        // In the units of its limit.
        _ if reading.quota.is_some() => format!("  {}", shown(reading.note.as_deref().unwrap_or_default())),
        (Some(used), Some(total), _) => format!("  {} of {}", size(used), size(total)),
        (_, _, Some(mean)) => format!("  mean {}", value(mean, unit)),
        _ => String::new(),
    };
    let limit = limit(reading.threshold.as_ref(), reading.expected.as_deref(), unit);
    [shown(&subject(&reading.metric, &reading.target)), value(&reading.value, unit), format!("{limit}{mark}{detail}")]
}

fn alert(alert: &AlertStatus) -> String {
    let unit = alert.unit.as_deref();
    let limit = limit(alert.threshold.as_ref(), alert.expected.as_deref(), unit);
    let told = alert.last_told.as_deref().map(|told| time(Some(told)));
    let told = match (alert.state.as_str(), told) {
        (_, told) if alert.held_until.is_some() => {
            let told = told.map_or_else(|| "not told yet".to_owned(), |told| format!("last told {told}"));
            format!("{told}: held until {}", time(alert.held_until.as_deref()))
        }
        ("firing", Some(told)) => format!("told {told}"),
        ("pending", Some(told)) => format!("not told again yet: it waits (last told {told})"),
        ("pending", None) => "not told yet: it waits to see whether it lasts".to_owned(),
        ("settling", _) => {
            format!(
                "within its limit since {}; the recovery is told once that has lasted",
                time(alert.well_since.as_deref())
            )
        }
        (state, _) => state.to_owned(),
    };
    let returns = match alert.returns {
        0 => String::new(),
        returns => format!(", came back {} within a day", counted(returns, "time")),
    };
    let level = if alert.level.as_deref() == Some("critical") { "CRITICAL " } else { "" };
    let what = subject(&alert.metric, &alert.target);
    let (value, since) = (value(&alert.value, unit), time(Some(&alert.since)));
    format!("{level}{what} {value} ({limit}) since {since}{returns}, {told}")
}

/// An alert that came and went while its news was held.
fn held(held: &HeldAlertStatus) -> String {
    let what = subject(&held.metric, &held.target);
    let times = if held.times > 1 { format!(", {}", counted(held.times, "time")) } else { String::new() };
    let (since, ended) = (time(Some(&held.since)), time(Some(&held.ended)));
    format!("{what} came and went, {since} to {ended}{times}: held until {}", time(held.held_until.as_deref()))
}

fn pending(pending: &PendingStatus) -> String {
    let mut line = format!("{}, made {}", pending.title, time(Some(&pending.created)));
    if !pending.channel.is_empty() {
        let _ = write!(line, ", for {}", pending.channel);
    }
    if pending.attempts > 0 {
        let _ = write!(line, ", {} failed", counted(pending.attempts, "attempt"));
    }
    if let Some(next) = &pending.next_attempt {
        let _ = write!(line, ", next attempt {}", time(Some(next)));
    }
    if let Some(error) = &pending.last_error {
        let _ = write!(line, ", last error: {error}");
    }
    line
}

/// A message that its channel never took.
fn refused(message: &SetAsideStatus) -> String {
    let by = if message.channel.is_empty() { String::new() } else { format!(", by {}", message.channel) };
    format!("{}, made {}{by}: {}", message.title, time(Some(&message.created)), message.reason)
}

/// A number with its unit, or a word.
fn value(value: &Json, unit: Option<&str>) -> String {
    match value {
        Json::Number(number) => Unit::named(unit).show(number.as_f64().unwrap_or_default()),
        Json::String(word) => shown(word),
        _ => shown(&value.to_string()),
    }
}

fn limit(limit: Option<&Json>, expected: Option<&str>, unit: Option<&str>) -> String {
    match (limit.and_then(Json::as_f64), expected) {
        (Some(limit), _) => format!("threshold {}", Unit::named(unit).show_limit(limit)),
        (None, Some(word)) => format!("expected {}", shown(word)),
        (None, None) => String::new(),
    }
}

/// `2026-02-04T15:30:00+08:00` as people write it, in the agent's own zone.
pub fn time(rfc3339: Option<&str>) -> String {
    let Some(text) = rfc3339 else { return "unknown".to_owned() };
    match (text.get(..10), text.get(10..11), text.get(11..19)) {
        (Some(day), Some("T"), Some(time)) => format!("{day} {time}"),
        _ => text.to_owned(),
    }
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.text, "{}", format!("{} {}", left(label, LABEL), shown(value)).trim_end());
    }

    fn maybe(&mut self, label: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(label, value);
        }
    }

    /// The number of lines, and the first of them.
    fn list(&mut self, label: &str, lines: impl ExactSizeIterator<Item = String>) {
        let count = lines.len();
        self.line(label, &if count == 0 { "none".to_owned() } else { count.to_string() });
        for line in lines.take(MAX_LINES) {
            self.line("", &line);
        }
        if count > MAX_LINES {
            self.line("", &format!("… and {} more: vps-monitor status --json", count - MAX_LINES));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(changes: &Json) -> String {
        let mut document = json!({
            "schema": 1, "host": "web-1", "time": "2026-02-04T15:30:00+08:00", "running": true, "pid": 812,
            "last_check": null, "next_check": null, "next_report": null, "last_report": null,
            "alerts": [], "pending": [], "failures": []
        });
        document.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        describe(&serde_json::from_value(document).unwrap())
    }

    #[test]
    fn without_an_agent_it_says_how_old_the_state_is() {
        let told = told(&json!({ "running": false, "saved": "2026-02-04T15:29:00+08:00" }));
        assert!(told.contains("not running; this is what the last one saved at 2026-02-04 15:29:00\n"), "{told}");
        assert!(
            told.contains("last report   unknown\n") && !told.contains("check") && !told.contains("next"),
            "{told}"
        );
    }

    #[test]
    fn the_example_of_the_pages_is_what_it_prints() {
        let at = |time: &str| format!("2026-02-04T{time}+08:00");
        let memory = json!({"metric": "memory", "target": "", "unit": "percent", "threshold": 80, "value": 80.4});
        let with = |more: Json| {
            let mut document = memory.clone();
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            document
        };
        let example = told(&json!({
            "version": env!("CARGO_PKG_VERSION"), "config": "/etc/vps-monitor/config.yaml",
            "state_dir": "/var/lib/vps-monitor", "channel": "WeChat Work robot key=…5aaa",
            "last_check": at("15:30:00"), "next_check": at("15:45:00"),
            "last_report": at("09:00:00"), "next_report": "2026-02-05T09:00:00+08:00",
            "readings": [
                with(json!({"used_bytes": 404_000_000, "total_bytes": 502_700_000, "verdict": "breach"})),
                with(json!({"metric": "cpu", "value": 0.5, "verdict": "clear"})),
            ],
            "containers": {"watched": 12, "clear": 12},
            "alerts": [with(json!({"state": "firing", "since": at("15:15:00"), "last_told": at("15:15:00")}))],
        }));
        for page in ["commands.md", "commands.zh-CN.md"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.contains(&format!("\n```\n{example}```\n")), "docs/{page} lacks\n{example}");
        }
    }

    #[test]
    fn an_alert_that_was_never_told_waits_for_its_grace_and_not_for_a_cooldown() {
        let alert = json!({
            "metric": "container_state", "target": "web", "state": "pending", "since": "2026-02-04T15:29:55+08:00",
            "last_told": null, "value": "removed", "expected": "running"
        });
        let told = told(&json!({ "alerts": [alert] }));
        let line = "container_state(web) removed (expected running) since 2026-02-04 15:29:55, not told yet: it waits to \
                    see whether it lasts\n";
        assert!(told.contains(line), "{told}");
    }

    #[test]
    fn a_message_that_waits_names_its_channel() {
        let message = |channel: &str| {
            json!({"channel": channel, "kind": "alert", "title": "VPS Alert [web-1]", "created": "2026-02-04T15:00:00+08:00",
                "attempts": 1, "next_attempt": null, "last_error": "exit code 1"})
        };
        let waiting = told(&json!({ "pending": [message("night"), message("")] }));
        let [named, nameless] =
            ["15:00:00, for night, 1 attempt failed, last error: exit code 1", "15:00:00, 1 attempt failed"];
        assert!(waiting.contains(named) && waiting.contains(nameless), "{waiting}");
    }

    #[test]
    fn messages_that_the_channel_refused_are_listed_with_the_reason() {
        let message = json!({
            "kind": "alert", "title": "VPS Alert [web-1]", "created": "2026-02-04T15:00:00+08:00", "reason": "errcode 40058"
        });
        let mut named = message.clone();
        named["channel"] = json!("night");
        let refused = told(&json!({ "set_aside": [message, named] }));
        let lines = "refused       2\n              VPS Alert [web-1], made 2026-02-04 15:00:00: errcode 40058\n              \
                     VPS Alert [web-1], made 2026-02-04 15:00:00, by night: errcode 40058\n";
        assert!(refused.ends_with(lines), "{refused}");
        assert!(!told(&json!({})).contains("refused"));
    }
}
