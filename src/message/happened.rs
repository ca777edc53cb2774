//! The report's section on the alerts since the last report: each with its duration, the longest first.

use jiff::Timestamp;

use super::episode::Wording;
use super::format::short;
use super::report::subject_label;
use super::{Language, Line, Sections, Style, Words};
use crate::alert::{Alert, MessageCounts, Past};
use crate::bounds::seconds_between;
use crate::snapshot::Key;
use crate::text;

/// As many alerts have a line each.
const MAX_LINES: usize = 8;

/// One alert, on or over.
struct Row<'a> {
    key: &'a Key,
    alert: Option<&'a Alert>,
    past: Option<&'a Past>,
    /// How long it lasted, all episodes together.
    seconds: u64,
}

/// The lines of the section, its heading first where there are alerts; none where nothing happened.
pub(super) fn happened(sections: &Sections, style: &Style, now: Timestamp) -> Vec<Line> {
    let wording = Wording::new(style, now);
    let words = wording.words;
    let mut rows = rows(sections, now);
    let others = sections.happened.others();
    let mut lines = Vec::new();
    if !rows.is_empty() || others > 0 || sections.since_report != MessageCounts::default() {
        lines.push(Line::from(words.alerts));
        let left_out = rows.split_off(rows.len().min(MAX_LINES));
        lines.extend(rows.iter().map(|row| row.line(wording, now)));
        let count = others.saturating_add(left_out.len() as u64);
        let on = left_out.iter().filter(|row| row.is_on()).count();
        lines.extend((count > 0).then(|| Line::from("  ") + words.more_alerts(count, on)));
        if sections.since_report != MessageCounts::default() {
            lines.push(words.since_report(sections.since_report).into());
        }
    }
    lines.extend(sections.silences.map(|(count, until)| words.silences(count, &wording.time_of_day(until)).into()));
    lines.extend(
        (sections.delays.count > 0)
            .then(|| words.delays(sections.delays.count, &words.duration(sections.delays.longest_seconds)).into()),
    );
    lines
}

/// All alerts, the longest first.
fn rows<'a>(sections: &'a Sections, now: Timestamp) -> Vec<Row<'a>> {
    let on = sections.on.iter().map(|alert| {
        let past = sections.happened.get(&alert.key);
        let seconds = lasted(alert, now).saturating_add(past.map_or(0, |past| past.seconds));
        Row { key: &alert.key, alert: Some(alert), past, seconds }
    });
    let is_on = |key: &Key| sections.on.iter().any(|alert| alert.key == *key);
    let over = sections.happened.over().filter(|past| !is_on(&past.key));
    let over = over.map(|past| Row { key: &past.key, alert: None, past: Some(past), seconds: past.seconds });
    let mut rows: Vec<Row<'_>> = on.chain(over).collect();
    rows.sort_by(|one, other| other.seconds.cmp(&one.seconds).then_with(|| one.key.cmp(other.key)));
    rows
}

/// From its beginning until it was well, or until now.
fn lasted(alert: &Alert, now: Timestamp) -> u64 {
    seconds_between(alert.since(), alert.well_since().unwrap_or(now))
}

impl Row<'_> {
    /// Whether it is over its limit.
    fn is_on(&self) -> bool {
        self.alert.is_some_and(|alert| alert.well_since().is_none())
    }

    fn line(&self, wording: Wording<'_>, now: Timestamp) -> Line {
        let words = wording.words;
        let mut facts: Vec<Line> = Vec::new();
        if let Some(last) = self.past.and_then(|past| past.last) {
            let times = self.past.map_or(0, |past| past.times);
            let text = words.happened(times, &wording.time_of_day(last));
            return Line::from("  • ") + subject_label(self.key, words) + ": " + text;
        }
        let before = self.past.map_or(0, |past| past.times);
        let times = before.saturating_add(u64::from(self.alert.is_some()));
        let in_all = || match times {
            0 | 1 => words.lasted_for(&words.duration(self.seconds)),
            _ => words.in_all(times, &words.duration(self.seconds)),
        };
        match self.alert {
            Some(alert) if self.is_on() => {
                facts.push(short(self.key.metric, &alert.value, words));
                facts.push(words.lasting(&words.duration(lasted(alert, now))).into());
                facts.extend((before > 0).then(|| in_all().into()));
            }
            alert => {
                facts.extend(self.worst(words));
                facts.push(in_all().into());
                facts.push(match alert.and_then(Alert::well_since) {
                    Some(well_since) => words.well_since(&wording.time_of_day(well_since)).into(),
                    None => words.ended(self.past.is_some_and(|past| past.is_dropped)).into(),
                });
            }
        }
        let mut line = Line::from("  • ") + subject_label(self.key, words) + ": ";
        for (place, fact) in facts.into_iter().enumerate() {
            line = if place == 0 { line } else { line + ", " } + fact;
        }
        line
    }

    /// `最高 91.2%`, or a container's word.
    fn worst(&self, words: &Words) -> Option<Line> {
        let unit = self.key.metric.unit;
        let firing = self.alert.and_then(|alert| alert.firing()?.peak);
        let peak = [firing, self.past.and_then(|past| past.peak)]
            .into_iter()
            .flatten()
            .reduce(|one, other| unit.worse(one, other));
        let word = || Some(Line::foreign(self.past?.word.as_deref()?));
        peak.map(|peak| words.at_most(unit, &words.number(unit, peak)).into()).or_else(word)
    }
}

impl Words {
    /// The number of alerts without a line of their own, and how many of them are not over.
    fn more_alerts(&self, count: u64, on: usize) -> String {
        match (self.language, on) {
            (Language::Chinese, 0) => format!("… 其余 {count} 项，均已结束"),
            (Language::Chinese, _) => format!("… 其余 {count} 项，其中 {on} 项未结束，详见 vps-monitor status"),
            (Language::English, 0) => format!("… and {count} more, all over"),
            (Language::English, _) => {
                format!("… and {count} more, of which {on} {} not over, see `vps-monitor status`", text::are(on))
            }
        }
    }

    /// An alert's episodes, and how long they lasted together.
    fn in_all(&self, times: u64, duration: &str) -> String {
        match self.language {
            Language::Chinese => format!("共 {times} 次 {duration}"),
            Language::English => format!("{}, {duration} in all", text::counted(times, "time")),
        }
    }

    fn lasted_for(&self, duration: &str) -> String {
        match self.language {
            Language::Chinese => format!("历时 {duration}"),
            Language::English => format!("lasted {duration}"),
        }
    }

    fn well_since(&self, time: &str) -> String {
        match self.language {
            Language::Chinese => format!("{time} 起正常"),
            Language::English => format!("well since {time}"),
        }
    }

    /// Something that is no condition that lasts.
    fn happened(&self, times: u64, last: &str) -> String {
        match (self.language, times) {
            (_, 0 | 1) => last.to_owned(),
            (Language::Chinese, _) => format!("{}, 最近 {last}", self.times(times)),
            (Language::English, _) => format!("{}, last {last}", self.times(times)),
        }
    }

    fn ended(&self, is_dropped: bool) -> &'static str {
        match (self.language, is_dropped) {
            (Language::Chinese, false) => "已恢复",
            (Language::Chinese, true) => "已不再监控",
            (Language::English, false) => "over",
            (Language::English, true) => "not watched any more",
        }
    }

    fn delays(&self, count: u64, longest: &str) -> String {
        match (self.language, count) {
            (Language::Chinese, _) => format!("📭 {count} 条消息延迟送达，最长 {longest}"),
            (Language::English, 1) => format!("📭 1 message was delivered {longest} late"),
            (Language::English, _) => {
                format!("📭 {} were delivered late, by up to {longest}", text::counted(count, "message"))
            }
        }
    }
}
