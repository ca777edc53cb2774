//! Digests: messages that waited too long, or were too many, in as few messages as possible, worst first.
//!
//! Nothing is dropped silently. An alert and its recovery are one line with start, end and duration. If even the lines
//! are too many, the oldest alerts that are over are told together, with their number. A digest's pages hold their
//! facts, so that they can be folded again with later messages.

mod merge;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::fact::episode;
use super::{About, Fact, Kind, Language, Line, Message, Style, time};
use crate::alert::Transition;
use crate::bounds::seconds_between;
use crate::text;

use merge::merged;

/// The lines of one page. A line has at most [`super::fact::MAX_LINE_BYTES`] and its times, so a page stays below 4
/// KiB.
const PAGE_LINES: usize = 14;

/// A longer report is told by its title alone: a digest is bounded.
const MAX_KEPT_REPORT_BYTES: usize = 64 * 1024;

const _: () = assert!(PAGE_LINES * (super::fact::MAX_LINE_BYTES + 2 * "2026-02-04 15:30:00".len() + 16) < 4096);

/// Messages that tell the content of `messages`, which are in the order in which they waited. The newest report stays
/// as it is.
pub fn digest(messages: Vec<Message>, style: &Style, now: Timestamp) -> Vec<Message> {
    let count: u64 = messages.iter().map(|message| if is_page(message) { message.folded } else { 1 }).sum();
    let (report, rest) = take_newest_report(messages);
    let folded = count - report.len() as u64;
    let facts = worst_first(merged(facts_of(rest)));
    let mut pages = pages(&facts, folded, style, now);
    pages.extend(report);
    pages
}

fn is_page(message: &Message) -> bool {
    message.kind == Kind::Digest
}

/// The newest report, in its parts, unless it is too long, and all other messages.
fn take_newest_report(messages: Vec<Message>) -> (Vec<Message>, Vec<Message>) {
    let is_report = |message: &&Message| message.kind == Kind::Report;
    let newest = messages.iter().rfind(is_report).map(|message| message.created);
    let is_newest = |message: &Message| message.kind == Kind::Report && Some(message.created) == newest;
    let bytes: usize = messages.iter().filter(|message| is_newest(message)).map(Message::bytes).sum();
    messages.into_iter().partition(|message| is_newest(message) && bytes <= MAX_KEPT_REPORT_BYTES)
}

/// The facts in the messages. In a split message the first part has all facts; if that part was delivered already, the
/// lines of the others are told unchanged.
fn facts_of(messages: Vec<Message>) -> Vec<Fact> {
    // The pages of one digest differ in their number from the parts of one page.
    let first_parts: HashSet<(Kind, Timestamp, usize)> = messages
        .iter()
        .filter_map(|message| Some((message.kind, message.created, message.part.filter(|part| part.0 == 1)?.1)))
        .collect();
    let mut facts = Vec::new();
    for message in messages {
        if !message.facts.is_empty() {
            facts.extend(message.facts);
            continue;
        }
        match message.part {
            Some((2.., of)) if first_parts.contains(&(message.kind, message.created, of)) => {}
            Some((2.., _)) => facts.extend(message.lines.into_iter().map(|line| Fact::other(line, message.created))),
            _ => facts.push(Fact::other(message.title, message.created)),
        }
    }
    facts
}

/// Open alerts, the oldest first; then those that are over, the longest first; then everything else.
fn worst_first(mut facts: Vec<Fact>) -> Vec<Fact> {
    facts.sort_by_key(|fact| match (&fact.about, fact.ended) {
        (About::Alert(_), None) => (0, Reverse(0), fact.began),
        (About::Alert(_), Some(ended)) => (1, Reverse(ended.duration_since(fact.began).as_secs()), fact.began),
        (About::Other, _) => (2, Reverse(0), fact.began),
        (About::Unlisted, _) => (3, Reverse(0), fact.began),
    });
    facts
}

fn pages(facts: &[Fact], folded: u64, style: &Style, now: Timestamp) -> Vec<Message> {
    let of = facts.chunks(PAGE_LINES).len();
    let page = |(index, facts): (usize, &[Fact])| {
        let folded = if index == 0 { folded } else { 0 };
        let lines = lines(facts, folded, style);
        let mut message = style.message(Kind::Digest, style.language.digest_title(), lines, now);
        message.part = (of > 1).then_some((index + 1, of));
        message.facts = facts.to_vec();
        message.folded = folded;
        message
    };
    facts.chunks(PAGE_LINES).enumerate().map(page).collect()
}

/// The lines of a page; the first one gives the number of folded messages.
fn lines(facts: &[Fact], folded: u64, style: &Style) -> Vec<Line> {
    let head = (folded > 0).then(|| style.language.folded(folded).into());
    head.into_iter().chain(facts.iter().map(|fact| line(fact, style))).collect()
}

/// Alerts that are over without a message to come that says so: a digest must not show them as open.
pub struct Ended {
    /// When each was over.
    episodes: HashMap<u64, Timestamp>,
}

impl Ended {
    /// The alerts that ended at `now`.
    pub fn new<'a>(transitions: impl Iterator<Item = &'a Transition>, now: Timestamp) -> Ended {
        Ended { episodes: transitions.map(|transition| (episode(&transition.key, transition.since), now)).collect() }
    }

    /// The ends that `message` tells.
    pub fn told_by(message: &Message) -> Ended {
        let mut episodes = HashMap::new();
        for fact in &message.facts {
            let told = fact.episode().into_iter().chain(fact.over.iter().copied());
            episodes.extend(fact.ended.into_iter().flat_map(|ended| told.clone().map(move |id| (id, ended))));
        }
        Ended { episodes }
    }

    pub fn is_empty(&self) -> bool {
        self.episodes.is_empty()
    }

    /// Adds it to a message that waits; returns whether that changed.
    pub fn mark(&self, message: &mut Message, style: &Style) -> bool {
        let mut changed = false;
        for fact in &mut message.facts {
            let ended = fact.episode().and_then(|id| self.episodes.get(&id)).filter(|_| fact.is_open());
            if let Some(ended) = ended {
                fact.ended = Some(*ended);
                changed = true;
            }
            let unlisted = fact.open.len();
            fact.open.retain(|id| !self.episodes.contains_key(id));
            changed |= fact.open.len() < unlisted;
        }
        if changed && is_page(message) {
            message.lines = lines(&message.facts, message.folded, style);
        }
        changed
    }
}

/// `🟢 2026-02-04 15:30:00 → 2026-02-04 15:45:00 (15 分钟): 📊 内存使用率: 85.2% (阈值: 80%)`
pub(super) fn line(fact: &Fact, style: &Style) -> Line {
    let words = style.language.words();
    let began = time(fact.began, &style.zone);
    let times = words.times(fact.times);
    let when = match (&fact.about, fact.ended) {
        (About::Alert(_), None) => format!("🔴 {}: ", style.language.since(&began)),
        (About::Alert(_), Some(ended)) if fact.times == 1 => {
            let lasted = words.duration(seconds_between(fact.began, ended));
            format!("🟢 {began} → {} ({lasted}): ", time(ended, &style.zone))
        }
        (About::Alert(_), Some(ended)) => format!("🟢 {began} → {} ({times}): ", time(ended, &style.zone)),
        (About::Other, None) => format!("✉️ {began}: "),
        (About::Other, Some(ended)) => format!("✉️ {began} → {} ({times}): ", time(ended, &style.zone)),
        (About::Unlisted, ended) => {
            let ended = time(ended.unwrap_or(fact.began), &style.zone);
            return Line::from(format!("🗂️ {began} → {ended}: {}", style.language.unlisted(fact.times)));
        }
    };
    Line::from(when) + fact.line.clone()
}

impl Language {
    fn digest_title(self) -> &'static str {
        match self {
            Language::Chinese => "📚 VPS 积压摘要",
            Language::English => "📚 VPS Backlog Digest",
        }
    }

    fn folded(self, count: u64) -> String {
        match self {
            Language::Chinese => format!("📮 积压的 {count} 条消息合并如下"),
            Language::English => {
                format!("📮 In place of {} that {} waiting", text::counted(count, "message"), text::were(count))
            }
        }
    }

    fn since(self, began: &str) -> String {
        match self {
            Language::Chinese => format!("{began} 起"),
            Language::English => format!("since {began}"),
        }
    }

    fn unlisted(self, count: u64) -> String {
        match self {
            Language::Chinese => format!("另有 {count} 项较早的消息不再逐条列出"),
            Language::English => {
                format!("{} {} not listed one by one", text::counted(count, "older one"), text::are(count))
            }
        }
    }
}

#[cfg(test)]
mod tests;
