//! Messages: the text that people read. Layouts in Chinese and English; no I/O, and no vendor's markup or limits.

mod alert;
mod cause;
mod condition;
mod containers;
mod digest;
mod episode;
mod event;
mod fact;
mod forecast;
mod format;
mod happened;
mod held;
mod line;
mod notice;
mod picture;
mod quota;
mod report;
mod summary;
mod table;
mod unknown;
mod whole;
mod words;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::bounds::{MAX_COUNT, is_zero, keep};

pub use alert::{alerts, alerts_with_causes, kind, recovery};
pub use digest::{Ended, digest};
pub use event::event_in_log;
pub use fact::{About, Detail, Fact};
pub use format::{size, size_of, time, volume};
pub use held::{Past, Released, Unlisted, held};
pub use line::{Escape, Line, Span};
pub use notice::{LostState, configuration_refused, state_lost};
pub use picture::Picture;
pub use report::{Delays, Sections, report};
pub use summary::{summary, without_emoji};
pub use table::table;
pub use unknown::unknown;
pub use whole::{Severity, Whole, status};
pub use words::{Language, Words};

/// The subject of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Alert,
    DockerAlert,
    Recovery,
    /// Something that happened once.
    Event,
    Report,
    /// Messages that waited too long or were too many for one by one.
    Digest,
    /// News that quiet hours or a silence held back.
    Held,
    /// Something about the agent itself.
    Notice,
    Test,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Alert => "alert",
            Kind::DockerAlert => "docker_alert",
            Kind::Recovery => "recovery",
            Kind::Event => "event",
            Kind::Report => "report",
            Kind::Digest => "digest",
            Kind::Held => "held",
            Kind::Notice => "notice",
            Kind::Test => "test",
        }
    }
}

/// A message before any channel has shaped it: a title, a rule line, lines, and the time line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub kind: Kind,
    pub title: Line,
    /// The number of `━` under the title.
    pub rule_width: usize,
    pub lines: Vec<Line>,
    /// The time line.
    pub footer: String,
    /// When its findings were made.
    pub created: Timestamp,
    /// The part's number, and the number of parts, if a message had to be split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<(usize, usize)>,
    /// Its alerts' news, or the facts of a digest's page, as values for a later digest. In a split message the first
    /// part has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// The number of messages that a digest stands for, on its first page.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub folded: u64,
    /// Of a part whose facts are in the first part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Whole>,
}

/// The rule line under an alert's, a recovery's and a test's title.
const RULE_WIDTH: usize = 16;
/// The rule line under a report's title.
const REPORT_RULE_WIDTH: usize = 22;
/// The longest rule line.
const MAX_RULE_WIDTH: usize = 64;

/// The most lines of a message, and their total length: as much as a chat takes in a minute.
pub const MAX_LINES: usize = 1000;
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A message is late if it is delivered this long after it was made.
const LATE: Duration = Duration::from_secs(60);

/// The most bytes that [`as_told_now`] adds.
pub const LATENESS_BYTES: usize = 160;

/// The properties that all messages of a host share.
#[derive(Clone, Debug)]
pub struct Style {
    pub language: Language,
    pub host: String,
    pub zone: TimeZone,
}

impl Style {
    fn message(&self, kind: Kind, title: &'static str, lines: Vec<Line>, now: Timestamp) -> Message {
        let words = self.language.words();
        let lines = bounded(lines, words);
        let (rule_width, time_label) = match kind {
            Kind::Report => (REPORT_RULE_WIDTH, words.report_time),
            _ => (RULE_WIDTH, words.time),
        };
        Message {
            kind,
            title: Line::from(title) + " [" + Line::foreign(&self.host) + "]",
            rule_width,
            lines,
            footer: format!("{time_label}: {}", time(now, &self.zone)),
            created: now,
            part: None,
            facts: Vec::new(),
            folded: 0,
            whole: None,
        }
    }
}

/// As many of `lines` as a message may have, and the number of the others.
fn bounded(mut lines: Vec<Line>, words: &Words) -> Vec<Line> {
    let mut bytes = 0;
    let mut fits = |line: &Line| {
        bytes += line.len() + 1;
        bytes <= MAX_TEXT_BYTES
    };
    let kept = lines.iter().take(MAX_LINES).take_while(|line| fits(line)).count();
    if kept < lines.len() {
        let left_out = lines.split_off(kept);
        lines.push(words.more(left_out.iter().filter(|line| !line.is_empty()).count()).into());
    }
    lines
}

/// A message to show that a channel works.
pub fn test(style: &Style, now: Timestamp) -> Message {
    let words = style.language.words();
    style.message(Kind::Test, words.test_title, vec![words.test_line.into()], now)
}

/// `message` at the time of its delivery: its title says so if it waited long, and its last line if `set_aside`
/// messages before it could not be delivered at all.
pub fn as_told_now(message: &Message, waited: Duration, set_aside: u32, language: Language) -> Message {
    let mut message = message.clone();
    let words = language.words();
    if waited >= LATE {
        message.title = message.title + " " + words.delayed(waited.as_secs());
    }
    if set_aside > 0 {
        message.lines.push(words.set_aside(set_aside).into());
    }
    message
}

#[cfg(test)]
impl Message {
    /// One for a test of whatever handles messages.
    pub fn sample(kind: Kind, title: impl Into<Line>, lines: Vec<Line>) -> Message {
        Message {
            kind,
            title: title.into(),
            rule_width: 2,
            lines,
            footer: "⏰".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            part: None,
            facts: Vec::new(),
            folded: 0,
            whole: None,
        }
    }
}

impl Message {
    /// Its length in bytes, and how much of that a digest could save: a digest's own facts are bounded.
    pub fn bytes(&self) -> usize {
        let lines = self.lines.iter().chain([&self.title]).map(|line| line.len() + 1);
        let facts = self.facts.iter().filter(|_| self.kind != Kind::Digest).map(Fact::bytes);
        lines.chain(facts).sum::<usize>() + self.footer.len() + 1 + self.rule_width * '━'.len_utf8()
    }

    /// Corrects values that no agent wrote; returns how many there were.
    pub fn correct(&mut self) -> usize {
        let times = self.facts.iter_mut().map(|fact| keep(&mut fact.times, 0..=MAX_COUNT)).sum::<usize>();
        times + keep(&mut self.rule_width, 0..=MAX_RULE_WIDTH) + keep(&mut self.folded, 0..=MAX_COUNT)
    }

    /// The whole text as a channel writes it, lines joined by line feeds, without one at the end.
    pub fn text(&self, escape: &Escape) -> String {
        let mut text = self.title_text(escape);
        escape.write(Span::Own("\n"), &mut text);
        escape.write(Span::Own(&"━".repeat(self.rule_width)), &mut text);
        escape.write(Span::Own("\n"), &mut text);
        text + &self.body_text(escape)
    }

    /// The title, with the part's number.
    pub fn title_text(&self, escape: &Escape) -> String {
        let mut text = self.title.escaped(escape);
        if let Some((number, of)) = self.part {
            escape.write(Span::Own(&format!(" ({number}/{of})")), &mut text);
        }
        text
    }

    /// The text without title and rule.
    pub fn body_text(&self, escape: &Escape) -> String {
        let mut text = String::new();
        for line in &self.lines {
            line.spans().chain([Span::Own("\n")]).for_each(|span| escape.write(span, &mut text));
        }
        escape.write(Span::Own(&self.footer), &mut text);
        text
    }
}

#[cfg(test)]
mod tests;
