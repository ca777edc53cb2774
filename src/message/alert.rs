//! Alert and recovery messages: one check's findings are one message of each kind.

use jiff::Timestamp;

use super::report::short;
use super::{Fact, Kind, Message, Style, Words, name, threshold};
use crate::alert::Transition;
use crate::rules::Limit;
use crate::snapshot::{Metric, Value};

/// The firing messages of one check: system and network lines together, containers in a message of their own.
pub fn alerts(transitions: &[Transition], style: &Style, now: Timestamp) -> Vec<Message> {
    let words = style.language.words();
    let told: Vec<&Transition> = transitions.iter().filter(|t| t.news.is_firing_message()).collect();
    let (containers, host): (Vec<_>, Vec<_>) = told.into_iter().partition(|t| t.key.metric.is_of_docker());
    let mut messages = Vec::new();
    let mut push = |kind, title, transitions: &[&Transition], lines_of: fn(&[&Transition], &Words) -> Vec<String>| {
        if !transitions.is_empty() {
            let mut message = style.message(kind, title, lines_of(transitions, words), now);
            message.facts = facts(transitions, None, |t| lines_of(&[t], words));
            messages.push(message);
        }
    };
    push(Kind::Alert, words.alert_title, &in_order(host), alert_lines);
    push(Kind::DockerAlert, words.docker_title, &containers, container_alert_lines);
    messages
}

/// The recovery message of one check; `None` where nothing recovered that was told.
pub fn recovery(transitions: &[Transition], style: &Style, now: Timestamp) -> Option<Message> {
    let words = style.language.words();
    let told: Vec<&Transition> = transitions.iter().filter(|t| t.news.is_recovery_message()).collect();
    if told.is_empty() {
        return None;
    }
    let mut message = style.message(Kind::Recovery, words.recovery_title, recovery_lines(&told, words), now);
    message.facts = facts(&told, Some(now), |t| recovery_lines(&[t], words));
    Some(message)
}

fn facts(told: &[&Transition], ended: Option<Timestamp>, lines: impl Fn(&Transition) -> Vec<String>) -> Vec<Fact> {
    told.iter().map(|t| Fact::of_alert(t, &lines(t), ended)).collect()
}

fn alert_lines(transitions: &[&Transition], words: &Words) -> Vec<String> {
    transitions.iter().map(|t| alert_line(t, words)).collect()
}

fn container_alert_lines(transitions: &[&Transition], words: &Words) -> Vec<String> {
    blocks(transitions, words, |t, lines| {
        if t.key.metric == Metric::DockerEngine {
            return lines.push(words.docker_unavailable.to_owned());
        }
        lines.push(container_alert_line(t, words));
        if let Value::Container(container) = &t.value {
            lines.extend(container.causes.iter().map(|cause| words.cause(cause)));
        }
    })
}

fn recovery_lines(transitions: &[&Transition], words: &Words) -> Vec<String> {
    let (containers, host): (Vec<&Transition>, Vec<&Transition>) =
        transitions.iter().copied().partition(|t| t.key.metric.is_of_docker());
    let mut lines: Vec<String> = in_order(host)
        .into_iter()
        .map(|t| format!("{}: {} ({})", label(t, words), short(&t.value), words.back_to_normal))
        .collect();
    lines.extend(blocks(&containers, words, |t, lines| {
        if t.key.metric == Metric::DockerEngine {
            return lines.push(words.docker_available.to_owned());
        }
        let label = words.alert_label(t.key.metric);
        lines.push(format!("✅ {label}: {} ({})", short(&t.value), words.back_to_normal));
    }));
    lines
}

/// In the order of metrics; disks stay as configured.
fn in_order(mut transitions: Vec<&Transition>) -> Vec<&Transition> {
    transitions.sort_by_key(|t| t.key.metric);
    transitions
}

/// One block a container, in the order in which the containers first appear: its name, then what `describe` adds.
fn blocks(transitions: &[&Transition], words: &Words, describe: impl Fn(&Transition, &mut Vec<String>)) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for transition in transitions {
        if !names.contains(&&*transition.key.target) {
            names.push(&transition.key.target);
        }
    }
    let mut lines = Vec::new();
    for target in names {
        let of_this = transitions.iter().copied().filter(|t| *t.key.target == *target);
        let of_this = in_order(of_this.collect());
        // The engine is no container: its line says all.
        let (engine, of_this): (Vec<_>, Vec<_>) =
            of_this.into_iter().partition(|t| t.key.metric == Metric::DockerEngine);
        engine.into_iter().for_each(|t| describe(t, &mut lines));
        if of_this.is_empty() {
            continue;
        }
        lines.push(format!("{}: {}", words.container, name(target)));
        of_this.into_iter().for_each(|t| describe(t, &mut lines));
    }
    lines
}

fn label(transition: &Transition, words: &Words) -> String {
    let label = words.alert_label(transition.key.metric);
    match &*transition.key.target {
        "" => label.to_owned(),
        target => format!("{label}({})", name(target)),
    }
}

/// `📊 内存使用率: 85.2% (阈值: 80%)`
fn alert_line(transition: &Transition, words: &Words) -> String {
    let limit = match &transition.limit {
        Limit::Threshold(limit) => threshold(*limit),
        Limit::Expected(word) => name(word),
    };
    let unit = match transition.value {
        Value::Usage { .. } | Value::Percent(_) => "%",
        Value::Mbps(_) => " Mbps",
        Value::Count(_) | Value::Container(_) => "",
    };
    format!("{}: {} ({}: {limit}{unit})", label(transition, words), short(&transition.value), words.threshold)
}

/// `❌ 状态: exited (期望: running)`
fn container_alert_line(transition: &Transition, words: &Words) -> String {
    let expected = match &transition.limit {
        Limit::Expected(word) => name(word),
        Limit::Threshold(limit) => threshold(*limit),
    };
    let label = words.alert_label(transition.key.metric);
    format!("❌ {label}: {} ({}: {expected})", short(&transition.value), words.expected)
}
