//! The status report: the value of every enabled metric, or the reason why it is unknown.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::containers::containers;
use super::episode::Wording;
use super::format::{short, size};
use super::{Kind, Line, Message, Style, Words};
use crate::alert::{Alert, MessageCounts};
use crate::metric::MessageSection;
use crate::snapshot::{Failure, Key, Reading, Snapshot, Value};

/// The sections under the measurements, if they have content.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    /// The time of day at which the report was due, if it comes late.
    pub late: Option<String>,
    /// The alerts that are active.
    pub firing: Vec<Alert>,
    pub since_report: MessageCounts,
    /// The number of silences, and the end of the last one.
    pub silences: Option<(usize, Timestamp)>,
}

/// The report of one check, section by section; a section without watched quantities is left out.
pub fn report(snapshot: &Snapshot, sections: &Sections, style: &Style, now: Timestamp) -> Message {
    let words = style.language.words();
    let mut lines: Vec<Line> = Vec::new();
    for section in [
        of_host(MessageSection::System, words.system, snapshot, words),
        of_host(MessageSection::Network, words.network, snapshot, words),
        containers(snapshot, words, now),
        alerts(sections, words, now),
    ] {
        if section.len() > 1 {
            lines.extend(section);
            // Sections stand apart, and so does the time line.
            lines.push(Line::default());
        }
    }
    if let Some((count, until)) = sections.silences {
        let until = Wording::new(style, now).time_of_day(until);
        lines.extend([words.silences(count, &until).into(), Line::default()]);
    }
    let mut message = style.message(Kind::Report, words.report_title, lines, now);
    if let Some(due) = &sections.late {
        message.title = message.title + " " + words.late(due);
    }
    message
}

/// The number of active alerts that are listed one by one.
const MAX_ALERTS: usize = 100;

/// The active alerts with their duration, and the messages since the last report.
fn alerts(sections: &Sections, words: &Words, now: Timestamp) -> Vec<Line> {
    let mut lines = vec![Line::from(words.alerts)];
    for alert in sections.firing.iter().take(MAX_ALERTS) {
        let seconds = u64::try_from(now.duration_since(alert.since()).as_secs()).unwrap_or(0);
        let lasting = words.lasting(&words.duration(seconds));
        lines.push(Line::from("  • ") + subject(&alert.key, &alert.value, words) + ", " + lasting);
    }
    if let Some(more) = sections.firing.len().checked_sub(MAX_ALERTS).filter(|more| *more > 0) {
        lines.push(Line::from("  ") + words.more(more));
    }
    if sections.since_report != MessageCounts::default() {
        lines.push(words.since_report(sections.since_report).into());
    }
    lines
}

/// `磁盘(/): 92.1%`, `nginx: exited`
fn subject(key: &Key, value: &Value, words: &Words) -> Line {
    let label = if key.metric.is_of_docker() { Line::foreign(&key.target) } else { label(key, words) };
    label + ": " + short(key.metric, value, words)
}

/// `内存`, `磁盘(/)`
fn label(key: &Key, words: &Words) -> Line {
    let label = Line::from(words.label(&key.metric.label));
    match &*key.target {
        "" => label,
        target => label + "(" + Line::foreign(target) + ")",
    }
}

/// The lines of one section of the host's quantities, its heading first: each value, or the reason why it is unknown.
/// Targets are in the order in which they are watched. Containers, of which there may be tens of thousands, have a
/// section of their own.
fn of_host(section: MessageSection, heading: &'static str, snapshot: &Snapshot, words: &Words) -> Vec<Line> {
    let in_section = |key: &&Key| key.metric.section == section && key.metric.report_order.is_some();
    let read = snapshot.readings.iter().map(|reading| &reading.key).filter(in_section);
    let mut seen = HashSet::new();
    let watched = snapshot.watched_keys().filter(in_section);
    let mut keys: Vec<&Key> = watched.chain(read).filter(|key| seen.insert(*key)).collect();
    keys.sort_by_key(|key| key.metric.report_order);

    let of_section = snapshot.readings.iter().filter(|reading| in_section(&&reading.key));
    let readings: HashMap<&Key, &Reading> = of_section.map(|reading| (&reading.key, reading)).collect();
    let line = |key: &Key| {
        let text = match readings.get(key) {
            Some(reading) => value(key, &reading.value, words),
            None => unknown(words, snapshot.failures.iter().find(|failure| failure.explains(key))),
        };
        Line::from("  • ") + label(key, words) + ": " + text
    };
    let lines = keys.into_iter().map(line);
    std::iter::once(Line::from(heading)).chain(lines).collect()
}

fn unknown(words: &Words, failure: Option<&Failure>) -> Line {
    let unknown = Line::from(words.unknown);
    match failure {
        Some(failure) => unknown + " (" + Line::foreign(&failure.error) + ")",
        None => unknown,
    }
}

fn value(key: &Key, value: &Value, words: &Words) -> Line {
    match value {
        Value::Usage { used_bytes, total_bytes, .. } if key.metric.shows_sizes => {
            short(key.metric, value, words) + format!(" ({} / {})", size(*used_bytes), size(*total_bytes))
        }
        _ => short(key.metric, value, words),
    }
}
