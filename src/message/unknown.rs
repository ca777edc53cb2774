//! Keys without a measurement for an hour, and keys that can be measured again: one message each for the findings of one look.

use jiff::Timestamp;

use super::report::label;
use super::{Fact, Kind, Language, Line, Message, Style, Words};
use crate::alert::{News, Transition};
use crate::snapshot::Value;

/// The line of an alert, at a time.
type LineOf = fn(&Transition, &Words, Timestamp) -> Line;

/// The messages of one look; news that is not told has none.
pub fn unknown(transitions: &[Transition], style: &Style, now: Timestamp) -> Vec<Message> {
    let words = style.language.words();
    let of = |news: News| transitions.iter().filter(move |transition| transition.news == news);
    let mut messages = Vec::new();
    let parts: [(_, _, _, LineOf, _); 2] = [
        (News::Fired, Kind::Alert, words.alert_title, cannot, None),
        (News::Recovered, Kind::Recovery, words.recovery_title, can, Some(now)),
    ];
    for (news, kind, title, line, ended) in parts {
        let lines: Vec<Line> = of(news).map(|transition| line(transition, words, now)).collect();
        if lines.is_empty() {
            continue;
        }
        let facts = of(news).map(|transition| Fact::of_alert(transition, vec![line(transition, words, now)], ended));
        let facts = facts.take(super::MAX_LINES).collect();
        let mut message = style.message(kind, title, lines, now);
        message.facts = facts;
        messages.push(message);
    }
    messages
}

/// `未知: 磁盘(/data) 已 1 小时无法测量 (statvfs: Connection timed out)`
fn cannot(transition: &Transition, words: &Words, now: Timestamp) -> Line {
    let (what, lasted) = (label(&transition.key, words), lasted(transition, words, now));
    let line = match words.language {
        Language::Chinese => Line::from("未知: ") + what + format!(" 已 {lasted}无法测量"),
        Language::English => Line::from("unknown: ") + what + format!(" could not be measured for {lasted}"),
    };
    match &transition.value {
        Value::Container(reason) if !reason.word.is_empty() => line + " (" + Line::foreign(&reason.word) + ")",
        _ => line,
    }
}

/// `磁盘(/data): 已恢复测量，此前 2 小时无法测量`
fn can(transition: &Transition, words: &Words, now: Timestamp) -> Line {
    let (what, lasted) = (label(&transition.key, words), lasted(transition, words, now));
    match words.language {
        Language::Chinese => what + format!(": 已恢复测量，此前 {lasted}无法测量"),
        Language::English => what + format!(": measured again, after {lasted}"),
    }
}

fn lasted(transition: &Transition, words: &Words, now: Timestamp) -> String {
    words.duration(transition.lasted_seconds(now))
}
