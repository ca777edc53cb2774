//! The words of a message about containers, as a person reads them.

use super::message::past;

/// One thing about a container that a message can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    State,
    Health,
}

/// A word about one thing.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub name: &'static str,
    pub about: About,
    pub is_ill: bool,
    /// A digest's line, which tells of a beginning and of its end.
    pub is_whole: bool,
    /// The time that it names: of an end, where it tells of one.
    pub time: String,
    /// Its past in the message, as [`past`] reads it.
    pub past: Option<String>,
}

/// Everything that a message says of the containers called `names`; empty if it tells several things together.
pub fn said(text: &str, names: &[&'static str]) -> Option<Vec<Said>> {
    if text.contains("另有 ") || text.contains(" 次): ") {
        return None;
    }
    let footer = text.lines().filter_map(|line| line.strip_prefix("⏰ 时间: ")).next_back().unwrap_or_default();
    let mut all: Vec<Said> = Vec::new();
    let mut block: Option<&&'static str> = None;
    for line in text.lines() {
        let is_whole = line.starts_with("🟢");
        let end = line.split_once(" → ").and_then(|(_, rest)| rest.split_once(" (")).map(|(end, _)| end);
        let time = end.filter(|_| is_whole).unwrap_or(footer);
        // In a block it stands behind all that is told.
        if let (Some(name), Some(past)) = (block, past(line)) {
            all.iter_mut().filter(|said| said.name == *name).for_each(|said| said.past = Some(past.clone()));
            continue;
        }
        let mut say = |name, about, is_ill| {
            all.push(Said { name, about, is_ill, is_whole, time: time.to_owned(), past: past_within(line) });
        };
        let (_, in_block) = line.split_once("📦 容器: ").unwrap_or(("", line));
        if in_block.len() < line.len() {
            block = names.iter().find(|name| in_block.split_whitespace().next() == Some(name));
        }
        if let Some(name) = block {
            for (_, about, is_ill) in MARKS.iter().filter(|(mark, ..)| in_block.contains(mark)) {
                say(name, *about, *is_ill);
            }
        }
        for (mark, is_ill) in [("❌ ", true), ("✅ ", false)] {
            let Some((_, rest)) = line.split_once(mark) else { continue };
            let named = names.iter().find_map(|name| Some((*name, rest.strip_prefix(name)?.strip_prefix(": ")?)));
            let Some((name, facts)) = named else { continue };
            let is_of_health = facts.contains("healthy");
            if !facts.starts_with("unhealthy") && !facts.starts_with("healthy") {
                say(name, About::State, is_ill);
            }
            if is_of_health {
                say(name, About::Health, is_ill);
            }
        }
    }
    Some(all)
}

/// The same between other facts of one line, where it has no picture.
fn past_within(line: &str) -> Option<String> {
    let back = ["，反复: ", ", came back: "].iter().find_map(|words| line.split_once(words));
    let lasts = ["，已持续 ", ", for "].iter().any(|words| line.contains(words));
    match back {
        Some((_, rest)) => past(&format!("🔁 {rest}")),
        None => lasts.then(|| "⏳".to_owned()),
    }
}

const MARKS: [(&str, About, bool); 4] = [
    ("❌ 状态: ", About::State, true),
    ("✅ 状态: ", About::State, false),
    ("❌ 健康: ", About::Health, true),
    ("✅ 健康: ", About::Health, false),
];
