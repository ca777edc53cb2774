//! Keys without a measurement for an hour, and keys that can be measured again: one message each for the findings of one look.

use jiff::Timestamp;

use super::report::label;
use super::{Fact, Kind, Language, Line, Message, Past, Style, Words};
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
        let mut message = style.message(kind, title, lines, now);
        message.facts = facts_of(of(news), line, ended, words, now);
        messages.push(message);
    }
    messages
}

/// The facts of keys that cannot be measured.
pub(super) fn facts<'a>(transitions: impl Iterator<Item = &'a Transition>, words: &Words, now: Timestamp) -> Vec<Fact> {
    facts_of(transitions, cannot, None, words, now)
}

fn facts_of<'a>(
    transitions: impl Iterator<Item = &'a Transition>,
    line: LineOf,
    ended: Option<Timestamp>,
    words: &Words,
    now: Timestamp,
) -> Vec<Fact> {
    let fact = |transition| Fact::of_alert(transition, vec![line(transition, words, now)], ended);
    transitions.take(super::MAX_LINES).map(fact).collect()
}

/// `未知: 磁盘(/data) 已 1 小时无法测量 (statvfs: Connection timed out)`
pub(super) fn cannot(transition: &Transition, words: &Words, now: Timestamp) -> Line {
    let lasted = lasted(transition, words, now);
    unmeasured(transition, words, |language| match language {
        Language::Chinese => format!(" 已 {lasted}无法测量"),
        Language::English => format!(" could not be measured for {lasted}"),
    })
}

/// `未知: 磁盘(/data) 无法测量 (statvfs: Connection timed out)`, which is over.
pub(super) fn past(past: &Past, words: &Words) -> Fact {
    let line = unmeasured(&past.transition, words, |language| match language {
        Language::Chinese => " 无法测量".to_owned(),
        Language::English => " could not be measured".to_owned(),
    });
    Fact { times: past.times, ..Fact::of_alert(&past.transition, vec![line], Some(past.ended)) }
}

/// With the reason. Once it can be measured again, the value has none.
fn unmeasured(transition: &Transition, words: &Words, text: impl Fn(Language) -> String) -> Line {
    let unknown = match words.language {
        Language::Chinese => "未知: ",
        Language::English => "unknown: ",
    };
    let line = Line::from(unknown) + label(&transition.key, words) + text(words.language);
    match &transition.value {
        Value::Container(reason) if !reason.word.is_empty() && reason.word != reason.expected => {
            line + " (" + Line::foreign(&reason.word) + ")"
        }
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
