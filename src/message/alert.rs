//! Alert and recovery messages: one check's findings are one message of each kind.

use jiff::Timestamp;

use super::episode::Wording;
use super::format::{short, size};
use super::{Fact, Kind, Language, Line, MAX_LINES, Message, Style, Words, condition, containers, event};
use crate::alert::{News, Transition};
use crate::cause::Causes;
use crate::rule::{Level, Limit};
use crate::snapshot::Value;

/// The message about a transition; `None`: it is not told.
pub fn kind(transition: &Transition) -> Option<Kind> {
    match transition.news {
        News::Happened => Some(Kind::Event),
        news if news.is_recovery_message() => Some(Kind::Recovery),
        news if !news.is_firing_message() => None,
        _ if transition.key.metric.is_of_docker() => Some(Kind::DockerAlert),
        _ => Some(Kind::Alert),
    }
}

fn of_kind(transitions: &[Transition], wanted: Kind) -> Vec<&Transition> {
    transitions.iter().filter(|t| kind(t) == Some(wanted)).collect()
}

/// The firing messages of one check: system and network lines together, containers in a message of their own, and so
/// is what happened once.
pub fn alerts(transitions: &[Transition], style: &Style, now: Timestamp) -> Vec<Message> {
    alerts_with_causes(transitions, &Causes::default(), style, now)
}

/// The same, with a line of causes under the alerts that have any.
pub fn alerts_with_causes(transitions: &[Transition], causes: &Causes, style: &Style, now: Timestamp) -> Vec<Message> {
    let wording = Wording::new(style, now).with_causes(causes);
    let words = wording.words;
    let [host, containers, events] =
        [Kind::Alert, Kind::DockerAlert, Kind::Event].map(|kind| of_kind(transitions, kind));
    let mut messages = Vec::new();
    let mut push = |kind, titles: [&'static str; 2], transitions: &[&Transition], lines_of: Lines| {
        if !transitions.is_empty() {
            let is_critical = transitions.iter().any(|t| t.episode.level == Level::Critical);
            let title = titles[usize::from(is_critical)];
            let mut message = style.message(kind, title, lines_of(transitions, wording), now);
            message.facts = if kind == Kind::Event {
                transitions.iter().map(|t| event::fact(t, wording)).collect()
            } else {
                facts(transitions, None, |t| lines_of(&[t], wording.without_past()))
            };
            messages.push(message);
        }
    };
    push(Kind::Alert, [words.alert_title, words.critical_title], &in_order(host), alert_lines);
    let titles = [words.docker_title, words.docker_critical_title];
    push(Kind::DockerAlert, titles, &containers, containers::alert_lines);
    push(Kind::Event, [words.event_title, words.critical_event_title], &in_order(events), event::event_lines);
    messages
}

/// Lays out transitions of one kind.
type Lines = fn(&[&Transition], Wording<'_>) -> Vec<Line>;

/// The recovery message of one check; `None` if there is no recovery to tell.
pub fn recovery(transitions: &[Transition], style: &Style, now: Timestamp) -> Option<Message> {
    let wording = Wording::new(style, now);
    let told = of_kind(transitions, Kind::Recovery);
    if told.is_empty() {
        return None;
    }
    let title = wording.words.recovery_title;
    let mut message = style.message(Kind::Recovery, title, recovery_lines(&told, wording), now);
    message.facts = facts(&told, Some(now), |t| recovery_lines(&[t], wording.without_past()));
    Some(message)
}

pub(super) fn facts(
    told: &[&Transition],
    ended: Option<Timestamp>,
    lines: impl Fn(&Transition) -> Vec<Line>,
) -> Vec<Fact> {
    let (listed, others) = told.split_at(told.len().min(MAX_LINES));
    let listed = listed.iter().map(|t| Fact::of_alert(t, lines(t), ended));
    listed.chain(Fact::of_others(others, ended)).collect()
}

pub(super) fn alert_lines(transitions: &[&Transition], wording: Wording<'_>) -> Vec<Line> {
    let (as_found, others) = condition::as_found(transitions, wording.words);
    let line = |t: &Transition| condition::alert_line(t, wording).unwrap_or_else(|| alert_line(t, wording.words));
    let lines = others.into_iter().flat_map(|t| [Some(line(t)), wording.episode(t), wording.causes(t)]);
    as_found.into_iter().chain(lines.flatten()).collect()
}

pub(super) fn recovery_lines(transitions: &[&Transition], wording: Wording<'_>) -> Vec<Line> {
    let words = wording.words;
    let (containers, host): (Vec<&Transition>, Vec<&Transition>) =
        transitions.iter().copied().partition(|t| t.key.metric.is_of_docker());
    let of_host = |t: &Transition| {
        let value = match &t.value {
            Value::Forecast(forecast) => words.growth(forecast).into(),
            value => short(t.key.metric, value, words),
        };
        let line = condition::recovery_line(t, words)
            .unwrap_or_else(|| label(t, words) + ": " + value + " (" + words.back_to_normal + ")");
        [Some(line), wording.episode(t)]
    };
    let mut lines: Vec<Line> = in_order(host).into_iter().flat_map(of_host).flatten().collect();
    lines.extend(containers::recovery_lines(&containers, wording));
    lines
}

/// In the order of metrics; disks stay as configured.
pub(super) fn in_order(mut transitions: Vec<&Transition>) -> Vec<&Transition> {
    transitions.sort_by_key(|t| t.key.metric.order);
    transitions
}

pub(super) fn label(transition: &Transition, words: &Words) -> Line {
    let label = Line::from(words.label(&transition.key.metric.alert_label));
    match &*transition.key.target {
        "" => label,
        target => label + "(" + Line::foreign(target) + ")",
    }
}

/// `📊 内存使用率: 85.2% (阈值: 80%)`
fn alert_line(transition: &Transition, words: &Words) -> Line {
    let Transition { key, value, limit, .. } = transition;
    let beside: Line = match (value, limit) {
        // One that settles may have no end any more: its growth is all that there is to tell.
        (Value::Forecast(forecast), _) if forecast.hours.is_none() => {
            return label(transition, words) + ": " + words.growth(forecast);
        }
        (Value::Forecast(forecast), _) => words.growth(forecast).into(),
        (Value::Quota(quota), Limit::Threshold(limit)) => {
            Line::from(words.quota_used(quota))
                + words.comma
                + words.threshold
                + ": "
                + key.metric.unit.show_limit(*limit)
        }
        (_, Limit::Threshold(limit)) => Line::from(words.threshold) + ": " + key.metric.unit.show_limit(*limit),
        (_, Limit::LeftBytes(least)) => words.left(value.left_bytes(), *least).into(),
        (_, Limit::Expected(word)) => Line::from(words.expected) + ": " + Line::foreign(word),
        (_, Limit::None) => return label(transition, words) + ": " + short(key.metric, value, words),
    };
    label(transition, words) + ": " + short(key.metric, value, words) + " (" + beside + ")"
}

impl Words {
    /// `剩余 4.1GB，低于 5GB`. Of the worst share that an alert had only the share is known.
    pub(super) fn left(&self, left_bytes: Option<u64>, least_bytes: u64) -> String {
        let (left, least) = (left_bytes.map(size), size(least_bytes));
        match (self.language, left) {
            (Language::Chinese, Some(left)) => format!("剩余 {left}，低于 {least}"),
            (Language::Chinese, None) => format!("剩余低于 {least}"),
            (Language::English, Some(left)) => format!("{left} left, less than {least}"),
            (Language::English, None) => format!("less than {least} left"),
        }
    }
}
