//! Logs the transitions of alerts: one line each, and a bound if thousands come at once.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::alert::{News, Transition};
use crate::message;
use crate::metric::Metric;
use crate::rule::Limit;
use crate::settings::size_text;
use crate::snapshot::Value;
use crate::text;

/// The most transitions of one look that get a line each; the others are counted. `status` names all alerts.
const MAX_LINES: usize = 100;

/// Logs the transitions of one look, with the end of the hold where a message of it is held.
#[inline(never)]
pub(super) fn log(transitions: &[Transition], held_until: impl Fn(&Transition) -> Option<Timestamp>) {
    for (level, line) in lines(transitions, held_until) {
        log::log!(level, "{line}");
    }
}

/// The first ones by name, the others by their number.
fn lines(
    transitions: &[Transition],
    held_until: impl Fn(&Transition) -> Option<Timestamp>,
) -> impl Iterator<Item = (log::Level, String)> {
    let (named, others) = transitions.split_at(transitions.len().min(MAX_LINES));
    let mut counts: BTreeMap<(&str, &str, &str), (log::Level, usize)> = BTreeMap::new();
    for transition in others {
        let kind = (transition.key.metric.name, transition.news.name(), transition.reason());
        counts.entry(kind).or_insert((level(transition.news), 0)).1 += 1;
    }
    let counted = counts.into_iter().map(|((metric, state, reason), (level, count))| {
        (level, format!("alert={metric} state={state} reason={reason} others={count}"))
    });
    let line = move |transition: &Transition| {
        let held = held_until(transition).map_or_else(String::new, |until| format!(" held_until={until:.0}"));
        (level(transition.news), line(transition) + &held)
    };
    named.iter().map(line).chain(counted)
}

const fn level(news: News) -> log::Level {
    match news {
        News::Fired
        | News::Critical
        | News::Worse
        | News::Reminded
        | News::Pending
        | News::HeldBack
        | News::Happened => log::Level::Warn,
        News::Settling | News::Recovered | News::RecoveredUntold | News::RecoveredMuted | News::Dropped => {
            log::Level::Info
        }
    }
}

/// `alert=memory state=firing reason=began value=85.2 threshold=80`
fn line(transition: &Transition) -> String {
    let Transition { key, news, value, limit, .. } = transition;
    let target = if key.target.is_empty() { String::new() } else { format!(" target={}", text::quoted(&key.target)) };
    if let Value::Event(detail) = value {
        let text = text::quoted(&message::event_in_log(detail));
        return format!("event={}{target} times={} detail={text}", key.metric, detail.times);
    }
    let limit = match limit {
        Limit::Threshold(threshold) => format!("threshold={threshold}"),
        Limit::LeftBytes(least) => format!("least_left={}", size_text(*least)),
        Limit::Expected(word) => format!("expected={}", text::field(word)),
        Limit::None => String::new(),
    };
    let (state, reason, value) = (news.name(), transition.reason(), in_log(key.metric, value));
    let settled = transition.episode.well_since.and_then(|since| since.checked_add(transition.episode.settling).ok());
    let until =
        settled.filter(|_| *news == News::Settling).map_or_else(String::new, |until| format!(" until={until:.0}"));
    format!("alert={}{target} state={state} reason={reason}{until} value={value} {limit}", key.metric)
}

/// A value for the log: a number without its unit, or a word.
fn in_log(metric: &Metric, value: &Value) -> String {
    match value {
        Value::Usage { percent: number, .. } | Value::Number(number) => metric.unit.plain(*number),
        Value::Quota(quota) => metric.unit.plain(quota.percent),
        Value::Forecast(forecast) => forecast.hours.map_or_else(|| "none".to_owned(), |hours| metric.unit.plain(hours)),
        Value::Container(container) => text::field(&container.word),
        Value::Event(detail) => detail.times.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Episode;
    use crate::metric;
    use crate::snapshot::{ContainerWord, Key};

    fn transitions(news: News, count: usize) -> Vec<Transition> {
        let transition = |number| Transition {
            key: Key::new(metric::CONTAINER_STATE, format!("web-{number}")),
            news,
            value: Value::from(ContainerWord::new("exited", "running")),
            limit: Limit::Expected("running".into()),
            since: Timestamp::UNIX_EPOCH,
            episode: Episode::default(),
        };
        (0..count).map(transition).collect()
    }

    #[test]
    fn however_many_change_at_once_the_first_have_a_line_each_and_the_others_one_a_kind() {
        let mut many = transitions(News::Fired, 40_000);
        many.extend(transitions(News::Recovered, 2));
        let lines: Vec<_> = lines(&many, |_| None).collect();
        assert_eq!(lines.len(), MAX_LINES + 2);
        let named = r#"alert=container_state target="web-99" state=firing reason=began value=exited expected=running"#;
        assert_eq!(lines[99], (log::Level::Warn, named.to_owned()));
        let fired = "alert=container_state state=firing reason=began others=39900";
        assert_eq!(lines[100], (log::Level::Warn, fired.to_owned()));
        let recovered = "alert=container_state state=recovered reason=told_before others=2";
        assert_eq!(lines[101], (log::Level::Info, recovered.to_owned()));
    }

    #[test]
    fn a_settling_is_logged_with_its_end() {
        let mut settling = transitions(News::Settling, 1).remove(0);
        settling.episode.settling = std::time::Duration::from_secs(3600);
        settling.episode.returns = 1;
        // In whole seconds, whatever the clock has.
        settling.episode.well_since = Some(Timestamp::from_microsecond(250_000).unwrap());
        let logged = "state=settling reason=came_back until=1970-01-01T01:00:00Z value=";
        assert!(line(&settling).contains(logged), "{}", line(&settling));
        // A forecast, which must be well for a while though it did not come back.
        settling.episode.returns = 0;
        assert!(line(&settling).contains("reason=may_come_back"), "{}", line(&settling));
        let held: Vec<_> = lines(&[settling], |held| held.episode.well_since).collect();
        assert!(held[0].1.ends_with(" held_until=1970-01-01T00:00:00Z"), "{held:?}");
    }

    #[test]
    fn as_many_as_have_a_line_each_are_all_named() {
        assert!(lines(&transitions(News::Fired, MAX_LINES), |_| None).all(|(_, line)| line.contains("target=")));
    }
}
