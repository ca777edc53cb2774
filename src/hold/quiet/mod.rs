//! Quiet hours: windows of the week in a time zone, whose clock is put forward and back.
//!
//! A window begins on each of its days and may end on the next one. A time that spring skips is the first instant after the
//! gap, one that autumn repeats is the first of the two: as reports are scheduled. Windows that overlap or meet are
//! one, and each of them holds its news.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use serde::{Serialize, Serializer};

use super::days::Days;
use crate::rule::Level;
use crate::schedule::first_instant;
use crate::settings::{Complaint, Doc, Section, Text, doc};
use crate::text::counted;

/// The bound of windows: nobody needs more, and each is compared with all others.
pub const MAX_WINDOWS: usize = 50;

const DAY: u16 = 24 * 60;
const WEEK: u16 = 7 * DAY;

/// A week is never quiet as a whole, but a change of the clock can take away the one gap in it.
const LONGEST: SignedDuration = SignedDuration::from_hours(15 * 24);

/// The configuration's `quiet_hours`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct QuietHours {
    windows: Vec<Window>,
}

/// A time of quiet on each of its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    from: TimeOfDay,
    to: TimeOfDay,
    /// The days on which it begins.
    days: Days,
    let_through: LetThrough,
}

/// The alerts that are told all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LetThrough {
    Critical,
    None,
}

/// In minutes from midnight; the end of a window may be midnight as `24:00`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TimeOfDay(u16);

impl QuietHours {
    pub fn read(document: &mut Section<'_>) -> QuietHours {
        // A window that is wrong keeps its place.
        let mut windows: Vec<Option<Window>> = Vec::new();
        document.list("quiet_hours", QUIET_HOURS, |item| {
            let window = item.section(|section| Window::read(section, &windows));
            windows.push(window);
            window
        });
        if windows.len() > MAX_WINDOWS {
            let complaint = Complaint::new(format!("a list of {}", counted(windows.len(), "window")));
            document.problem("quiet_hours", complaint.expected(format!("at most {MAX_WINDOWS}")));
            return QuietHours::default();
        }
        let quiet_hours = QuietHours { windows: windows.into_iter().flatten().collect() };
        if quiet_hours.is_all_week() {
            let complaint = Complaint::new("every hour of the week is quiet: what is held would never be told");
            document.problem("quiet_hours", complaint.expected("a time of the week at which alerts are told"));
        }
        quiet_hours
    }

    /// When the quiet for alerts of this level ends, if there is any at `now`.
    pub fn until(&self, level: Level, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let latest = now.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
        let holding = || self.windows.iter().filter(|window| window.holds(level));
        let mut until = None;
        let mut at = now;
        while at < latest
            && let Some(end) = holding().filter_map(|window| window.end_at(at, zone)).max()
        {
            (at, until) = (end, Some(end));
        }
        until
    }

    /// Whether no minute of the week is left.
    fn is_all_week(&self) -> bool {
        let mut spans: Vec<(u16, u16)> = self.windows.iter().flat_map(|window| window.spans()).collect();
        spans.sort_unstable();
        // A period over the end of the week covers its beginning.
        let mut covered = spans.iter().map(|(_, end)| end.saturating_sub(WEEK)).max().unwrap_or(0);
        for (begin, end) in spans {
            if begin > covered {
                return false;
            }
            covered = covered.max(end);
        }
        covered >= WEEK
    }
}

impl Window {
    /// Reports an overlap with a window above it.
    fn read(section: &mut Section<'_>, above: &[Option<Window>]) -> Option<Window> {
        let from = section.parse("from", FROM, |text| time_of_day(text).map(Some));
        let to = section.parse("to", TO, |text| end_of_window(text).map(Some));
        for (key, is_read) in [("from", from.is_some()), ("to", to.is_some())] {
            if !is_read && !section.is_written(key) {
                section.problem(key, Complaint::new("is missing").expected(EXPECTED_TIME));
            }
        }
        let days = section.parse("days", DAYS, Days::parse);
        let let_through = section.choice(
            "let_through",
            LetThrough::Critical,
            &[("critical", LetThrough::Critical), ("none", LetThrough::None)],
            doc(
                "仍立即通知的：`critical`：严重告警及其恢复；`none`：什么也不通知",
                "alerts that are sent at once all the same: `critical`: critical alerts and their end; `none`: nothing",
            ),
        );
        let window = Window { from: from?, to: to?, days, let_through };
        if window.length() == 0 {
            let complaint = Complaint::new(format!("the same as `from`, {}: no time at all", window.from));
            section.problem("to", complaint.expected("another time; for a whole day from \"00:00\" to \"24:00\""));
            return None;
        }
        if let Some(place) = above.iter().position(|other| other.is_some_and(|other| window.overlaps(other))) {
            let text = format!("overlaps with quiet_hours[{place}]; what either holds is held");
            section.warning("from", text);
        }
        Some(window)
    }

    fn holds(self, level: Level) -> bool {
        level == Level::Warning || self.let_through == LetThrough::None
    }

    /// In minutes, by a clock without changes.
    fn length(self) -> u16 {
        let TimeOfDay(from) = self.from;
        let TimeOfDay(to) = self.to;
        if to > from { to - from } else { (to + DAY - from) % DAY }
    }

    /// Its beginnings in the week, from Monday on, each with its end.
    fn spans(self) -> impl Iterator<Item = (u16, u16)> {
        let TimeOfDay(from) = self.from;
        self.days.numbers().map(move |day| {
            let begin = day * DAY + from;
            (begin, begin + self.length())
        })
    }

    fn overlaps(self, other: Window) -> bool {
        let begins_in = |(begin, _): (u16, u16), (other, end): (u16, u16)| (begin + WEEK - other) % WEEK < end - other;
        self.spans().any(|span| other.spans().any(|other| begins_in(span, other) || begins_in(other, span)))
    }

    /// Its end, if it is quiet at `at`.
    fn end_at(self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = zone.to_datetime(at).date();
        // It began today or yesterday; where a zone skipped a day, the day before that.
        let dates = (0..3).filter_map(|days| today.checked_sub(days.days()).ok());
        let spans = dates.filter(|date| self.days.contains(date.weekday())).filter_map(|date| self.span(date, zone));
        spans.filter(|(begin, end)| *begin <= at && at < *end).map(|(_, end)| end).max()
    }

    /// Its beginning on that day, and its end.
    fn span(self, date: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let TimeOfDay(from) = self.from;
        let end = from + self.length();
        Some((instant(date, from, zone)?, instant(date, end, zone)?))
    }
}

/// So many minutes after the beginning of that day, by a clock without changes.
fn instant(date: Date, minutes: u16, zone: &TimeZone) -> Option<Timestamp> {
    let date = date.checked_add(i32::from(minutes / DAY).days()).ok()?;
    let minute = i16::try_from(minutes % DAY).ok()?;
    let time = Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
    first_instant(date.to_datetime(time), zone)
}

const QUIET_HOURS: Doc = doc(
    "静默时段：期间的告警和恢复先保留，结束时合并为一条消息；定时报告照常发送",
    "quiet hours: alerts and recoveries are held and told in one message at the end; reports are sent all the same",
)
.values("如下各项", "entries as below")
.below(&[
    Text { zh: "quiet_hours:", en: "" },
    Text {
        zh: "  - from: \"23:00\"        # 可跨零点，按 general.timezone",
        en: "may cross midnight, in general.timezone",
    },
    Text { zh: "    to: \"07:30\"", en: "" },
    Text {
        zh: "    days: mon-fri        # 在哪几天开始，默认每天", en: "on which days it begins, default every day"
    },
    Text {
        zh: "    let_through: none    # 默认 critical：严重告警仍立即通知",
        en: "default critical: critical alerts are told at once",
    },
]);

const FROM: Doc = doc("开始的时刻", "when it begins")
    .values("时刻，如 `23:00`", "a time of day, such as `23:00`")
    .pattern("^([01]?[0-9]|2[0-3]):[0-5][0-9]$")
    .required();

const TO: Doc = doc("结束的时刻；不晚于 `from` 则在次日", "when it ends; on the next day if it is not after `from`")
    .values("时刻，或 `24:00`", "a time of day, or `24:00`")
    .pattern("^(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$")
    .required();

const DAYS: Doc = doc("在哪几天开始", "the days on which it begins")
    .default("mon-sun")
    .values("如 `mon-fri`、`sat,sun`", "such as `mon-fri`, `sat,sun`")
    .pattern("^[A-Za-z, -]*$");

const EXPECTED_TIME: &str = "a time of day in quotes, such as \"23:00\"";

fn time_of_day(text: &str) -> Result<TimeOfDay, Complaint> {
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        let is_number = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { part.parse::<u16>().ok() } else { None }
    };
    let parts = text.split_once(':').and_then(|(hour, minute)| Some((number(hour, 1..=2)?, number(minute, 2..=2)?)));
    let time = parts.filter(|(hour, minute)| *hour < 24 && *minute < 60);
    let Some((hour, minute)) = time else {
        return Err(Complaint::new(format!("`{text}` is no time of day")).expected(EXPECTED_TIME));
    };
    Ok(TimeOfDay(hour * 60 + minute))
}

fn end_of_window(text: &str) -> Result<TimeOfDay, Complaint> {
    if text == "24:00" { Ok(TimeOfDay(DAY)) } else { time_of_day(text) }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
