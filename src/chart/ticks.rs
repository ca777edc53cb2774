//! The ticks of the time axis: round times of the chart's zone, so few that their labels do not touch.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::Chart;

/// The distances between two ticks: minutes of a day, then days.
const MINUTES: [i32; 10] = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720];
const DAYS: [i32; 9] = [1, 2, 5, 7, 14, 30, 60, 90, 180];
const DAY_MINUTES: i32 = 24 * 60;

/// A mark on the axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Its place between the beginning, 0, and the end, 1.
    pub at: f64,
    /// `18:00`, or at midnight `11-26`.
    pub label: String,
    pub is_midnight: bool,
}

impl Chart {
    /// At most `most` ticks, the first distance that makes no more.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        let minutes = (self.to.as_second() - self.from.as_second()) / 60;
        let fits = |distance: &i32| minutes / i64::from(*distance) <= most.max(1) as i64;
        if let Some(distance) = MINUTES.into_iter().find(|distance| fits(distance)) {
            return self.ticks_of(1, distance);
        }
        let of_days = DAYS.into_iter().find(|days| fits(&(days * DAY_MINUTES)));
        self.ticks_of(of_days.unwrap_or(365), DAY_MINUTES)
    }

    fn ticks_of(&self, days: i32, minutes: i32) -> Vec<Tick> {
        let date = |time: Timestamp| time.to_zoned(self.zone.clone()).date();
        let (first, last) = (date(self.from), date(self.to));
        let mut ticks = Vec::new();
        let mut day = Some(first);
        while let Some(date) = day.filter(|date| *date <= last) {
            for minute in (0..DAY_MINUTES).step_by(minutes as usize) {
                ticks.extend(self.tick(date, minute));
            }
            day = date.checked_add(days.days()).ok();
        }
        // A clock that is set back has two times of one name.
        ticks.dedup_by(|one, other| one.at <= other.at);
        ticks
    }

    fn tick(&self, date: Date, minute: i32) -> Option<Tick> {
        let time = date.at((minute / 60) as i8, (minute % 60) as i8, 0, 0).to_zoned(self.zone.clone()).ok()?;
        let at = self.place(time.timestamp());
        let is_midnight = minute == 0;
        let label = time.strftime(if is_midnight { "%m-%d" } else { "%H:%M" }).to_string();
        (0.0..=1.0).contains(&at).then_some(Tick { at, label, is_midnight })
    }

    /// The times at `count` places with equal distances, from the beginning to the end: for an axis that stretches.
    pub(super) fn even_times(&self, count: usize) -> Vec<String> {
        let whole = self.to.as_second() - self.from.as_second();
        let format = if whole <= 2 * 86_400 { "%H:%M" } else { "%m-%d" };
        let time = |number: usize| {
            let seconds = whole * number as i64 / (count as i64 - 1).max(1);
            self.from.checked_add(seconds.seconds()).unwrap_or(self.to)
        };
        (0..count).map(|number| time(number).to_zoned(self.zone.clone()).strftime(format).to_string()).collect()
    }

    /// The place of a time between the beginning, 0, and the end, 1.
    pub(super) fn place(&self, time: Timestamp) -> f64 {
        let whole = (self.to.as_millisecond() - self.from.as_millisecond()).max(1);
        (time.as_millisecond() - self.from.as_millisecond()) as f64 / whole as f64
    }
}
