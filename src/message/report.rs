//! The status report: the value of every enabled metric, or the reason why it is unknown.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::containers::containers;
use super::format::{short, size};
use super::happened::happened;
use super::{Kind, LATE, Language, Line, Message, Style, Words};
use crate::alert::{Alert, Happened, MessageCounts};
use crate::bounds::{MAX_COUNT, keep};
use crate::metric::MessageSection;
use crate::snapshot::{Failure, Key, Reading, Snapshot, Value};
use crate::text::counted;

/// The lines under the measurements, if there is something to tell.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    /// The time of day at which the report was due, where it comes late.
    pub late: Option<String>,
    /// The alerts that last.
    pub on: Vec<Alert>,
    /// The alerts since the last report, as far as they are over.
    pub happened: Happened,
    pub since_report: MessageCounts,
    /// The number of silences, and the end of the last one.
    pub silences: Option<(usize, Timestamp)>,
    pub delays: Delays,
    /// The number of SSH logins since the last report, and that of their addresses.
    pub logins: Option<(u64, usize)>,
}

/// The messages that were delivered late since the last report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    pub count: u64,
    pub longest_seconds: u64,
}

impl Delays {
    /// Takes in a message that was delivered after it had waited for so long.
    pub fn take_in(&mut self, message: &Message, waited: Duration) {
        let is_first_part = message.part.is_none_or(|(number, _)| number == 1);
        if waited >= LATE && is_first_part {
            self.count = self.count.saturating_add(message.folded.max(1));
            self.longest_seconds = self.longest_seconds.max(waited.as_secs());
        }
    }

    /// Corrects values that no agent wrote. Returns how many there were.
    pub fn correct(&mut self) -> usize {
        keep(&mut self.count, 0..=MAX_COUNT) + keep(&mut self.longest_seconds, 0..=MAX_COUNT)
    }
}

/// The report of one check, section by section; a section without watched quantities is left out.
pub fn report(snapshot: &Snapshot, sections: &Sections, style: &Style, now: Timestamp) -> Message {
    let words = style.language.words();
    let mut lines: Vec<Line> = Vec::new();
    for section in [
        of_host(MessageSection::System, words.system, snapshot, words),
        of_host(MessageSection::Network, words.network, snapshot, words),
        containers(snapshot, words, now),
    ] {
        add(section, 2, &mut lines);
    }
    let mut since_last = happened(sections, style, now);
    since_last.extend(sections.logins.map(|(count, addresses)| words.logins(count, addresses).into()));
    since_last.extend(means(snapshot, words));
    add(since_last, 1, &mut lines);
    let mut message = style.message(Kind::Report, words.report_title, lines, now);
    if let Some(due) = &sections.late {
        message.title = message.title + " " + words.late(due);
    }
    message
}

/// Adds a section that has a line of its own. Sections stand apart, and so does the time line.
fn add(section: Vec<Line>, least: usize, lines: &mut Vec<Line>) {
    if section.len() >= least {
        lines.extend(section);
        lines.push(Line::default());
    }
}

/// `内存`, `磁盘(/)`; of a container its name.
pub(super) fn subject_label(key: &Key, words: &Words) -> Line {
    if key.metric.is_of_docker() { Line::foreign(&key.target) } else { label(key, words) }
}

/// `内存`, `磁盘(/)`
pub(super) fn label(key: &Key, words: &Words) -> Line {
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

/// The means of rates, whose values are those of a moment: since the report before, as a report has its own checks. None
/// in the first one.
fn means(snapshot: &Snapshot, words: &Words) -> Option<Line> {
    let of_rate = |reading: &Reading| {
        let mean = reading.key.metric.unit.show(reading.mean?);
        Some(label(&reading.key, words) + " " + mean)
    };
    let mut means = snapshot.readings.iter().filter_map(of_rate).peekable();
    means.peek()?;
    Some(Line::from(words.means()) + ": " + Line::join(means, words.comma))
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
        // A condition of the host says why, and not that it is one.
        Value::Container(word) if !word.causes.is_empty() => {
            Line::join(word.causes.iter().map(|cause| words.short_cause(cause)), words.comma)
        }
        Value::Usage { used_bytes, total_bytes, .. } if key.metric.shows_sizes => {
            short(key.metric, value, words) + format!(" ({} / {})", size(*used_bytes), size(*total_bytes))
        }
        Value::Quota(quota) => {
            short(key.metric, value, words)
                + " ("
                + words.quota_used(quota)
                + ")"
                + words.comma
                + words.quota_details(quota)
        }
        _ => short(key.metric, value, words),
    }
}

impl Words {
    fn logins(&self, count: u64, addresses: usize) -> String {
        match self.language {
            Language::Chinese => format!("🔑 SSH 登录 {count} 次，来自 {addresses} 个地址"),
            Language::English => {
                let (logins, addresses) = (counted(count, "SSH login"), counted(addresses as u64, "address"));
                format!("🔑 {logins} from {addresses}")
            }
        }
    }

    const fn means(&self) -> &'static str {
        match self.language {
            Language::Chinese => "🧮 上次报告以来平均",
            Language::English => "🧮 Mean since the last report",
        }
    }
}
