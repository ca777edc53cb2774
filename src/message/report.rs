//! The status report: what every enabled metric is now, and why where it is not known.

use std::collections::HashMap;
use std::rc::Rc;

use jiff::Timestamp;

use super::containers::containers;
use super::{Kind, Line, Message, Style, Words, size};
use crate::alert::{Alert, Tally};
use crate::metric::{self, Metric};
use crate::snapshot::{Failure, Key, Reading, Snapshot, Value};

/// What belongs into a report besides the measurements.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// The disks in the order of the configuration.
    pub disks: Vec<Rc<str>>,
}

/// What is told under the measurements, where there is something to tell.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// The time of day at which the report was due, where it comes late.
    pub late: Option<String>,
    /// The alerts that are active.
    pub firing: Vec<Alert>,
    pub since_report: Tally,
}

/// The report of one check, section by section; one that is switched off has neither readings nor failures, and is left
/// out.
pub fn report(snapshot: &Snapshot, outline: &Outline, extras: &Extras, style: &Style, now: Timestamp) -> Message {
    let words = style.language.words();
    let report = Report::new(snapshot, outline, words);
    let mut lines: Vec<Line> = Vec::new();
    for section in [report.system(), report.network(), containers(snapshot, words, now), alerts(extras, words, now)] {
        if section.len() > 1 {
            lines.extend(section);
            // Sections stand apart, and so does the time line.
            lines.push(Line::default());
        }
    }
    let mut message = style.message(Kind::Report, words.report_title, lines, now);
    if let Some(due) = &extras.late {
        message.title = message.title + " " + words.late(due);
    }
    message
}

/// So many active alerts are told one by one.
const MAX_ALERTS: usize = 100;

/// The active alerts with how long they have lasted, and what was told since the last report.
fn alerts(extras: &Extras, words: &Words, now: Timestamp) -> Vec<Line> {
    let mut lines = vec![Line::from(words.alerts)];
    for alert in extras.firing.iter().take(MAX_ALERTS) {
        let seconds = u64::try_from(now.duration_since(alert.since).as_secs()).unwrap_or(0);
        let lasting = words.lasting(&words.duration(seconds));
        lines.push(Line::from("  • ") + subject(&alert.key, &alert.value, words) + ", " + lasting);
    }
    if let Some(more) = extras.firing.len().checked_sub(MAX_ALERTS).filter(|more| *more > 0) {
        lines.push(Line::from("  ") + words.more(more));
    }
    if extras.since_report != Tally::default() {
        lines.push(words.since_report(extras.since_report).into());
    }
    lines
}

/// `磁盘(/): 92.1%`, `nginx: exited`
fn subject(key: &Key, value: &Value, words: &Words) -> Line {
    let label = if key.metric.is_of_docker() { Line::foreign(&key.target) } else { label(key, words) };
    label + ": " + short(key.metric, value)
}

/// `内存`, `磁盘(/)`
fn label(key: &Key, words: &Words) -> Line {
    let label = Line::from(words.label(&key.metric.label));
    match &*key.target {
        "" => label,
        target => label + "(" + Line::foreign(target) + ")",
    }
}

/// What is told of the host itself. Of containers there may be 10,000s, which are told elsewhere.
struct Report<'a> {
    readings: HashMap<&'a Key, &'a Reading>,
    failures: Vec<&'a Failure>,
    outline: &'a Outline,
    words: &'a Words,
}

impl<'a> Report<'a> {
    fn new(snapshot: &'a Snapshot, outline: &'a Outline, words: &'a Words) -> Report<'a> {
        let of_host = |reading: &&Reading| !reading.key.metric.is_of_docker();
        let concerns_host = |failure: &&Failure| !failure.is_of_docker();
        Report {
            readings: snapshot.readings.iter().filter(of_host).map(|reading| (&reading.key, reading)).collect(),
            failures: snapshot.failures.iter().filter(concerns_host).collect(),
            outline,
            words,
        }
    }

    fn system(&self) -> Vec<Line> {
        let mut lines = vec![self.words.system.into()];
        lines.extend(self.line(metric::CPU, ""));
        lines.extend(self.line(metric::MEMORY, ""));
        lines.extend(self.line(metric::SWAP, ""));
        for path in &self.outline.disks {
            lines.extend(self.line(metric::DISK, path));
        }
        lines
    }

    fn network(&self) -> Vec<Line> {
        let mut lines = vec![self.words.network.into()];
        lines.extend(self.line(metric::TRAFFIC_IN, ""));
        lines.extend(self.line(metric::TRAFFIC_OUT, ""));
        lines.extend(self.line(metric::CONNECTIONS, ""));
        lines
    }

    /// One metric's line: its value, or that it is unknown and why; none where it is switched off.
    fn line(&self, metric: &'static Metric, target: &str) -> Option<Line> {
        let key = Key::new(metric, target);
        let text = match self.readings.get(&key) {
            Some(reading) => value(&key, &reading.value),
            None => unknown(self.words, self.failures.iter().find(|failure| failure.explains(&key))?),
        };
        Some(Line::from("  • ") + label(&key, self.words) + ": " + text)
    }
}

fn unknown(words: &Words, failure: &Failure) -> Line {
    Line::from(words.unknown) + " (" + Line::foreign(&failure.error) + ")"
}

fn value(key: &Key, value: &Value) -> Line {
    match value {
        Value::Usage { used_bytes, total_bytes, .. } if key.metric.shows_sizes => {
            short(key.metric, value) + format!(" ({} / {})", size(*used_bytes), size(*total_bytes))
        }
        _ => short(key.metric, value),
    }
}

pub(super) fn short(metric: &Metric, value: &Value) -> Line {
    with_word(metric, value, Line::foreign)
}

/// The value as short as it gets; `word` makes an engine's word fit to be shown.
pub(super) fn with_word<T: From<String>>(metric: &Metric, value: &Value, word: fn(&str) -> T) -> T {
    match value {
        Value::Usage { percent: number, .. } | Value::Number(number) => metric.unit.show(*number).into(),
        Value::Container(container) => word(&container.shown()),
    }
}
