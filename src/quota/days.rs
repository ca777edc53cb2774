//! The traffic of the last days, by the provider's clock: for today's share, for the speed of a week, and for the part of a
//! period after some moment.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, passed_by};

/// More than a period has: a correction, or another day of the reset, concerns no older ones.
const KEPT: usize = 33;

/// One day's bytes. In the state it is a text: `2026-11-27 1000 2000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Day {
    date: Date,
    bytes: [u64; 2],
}

/// The days with traffic, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(Vec<Day>);

impl Days {
    /// Adds bytes that passed evenly from one instant to another.
    pub fn add(&mut self, bytes: [u64; 2], from: Timestamp, to: Timestamp, calendar: &Calendar) {
        let today = calendar.date(to);
        // A clock that was ahead made days that are not yet.
        let ahead: Vec<Day> = self.0.extract_if(.., |day| day.date > today).collect();
        ahead.into_iter().for_each(|day| self.put(today, day.bytes));
        let mut date = calendar.date(from.min(to)).max(today.saturating_sub((KEPT as i64).days()));
        let mut added = [0; 2];
        while date < today {
            let Ok(next) = date.tomorrow() else { break };
            let midnight = calendar.instant(next.at(0, 0, 0, 0));
            let by_then = bytes.map(|bytes| passed_by(midnight, bytes, from, to));
            self.put(date, minus(by_then, added));
            (date, added) = (next, by_then);
        }
        self.put(today, minus(bytes, added));
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
    }

    fn put(&mut self, date: Date, bytes: [u64; 2]) {
        if bytes == [0; 2] {
            return;
        }
        match self.0.binary_search_by_key(&date, |day| day.date) {
            Ok(place) => self.0[place].bytes = plus(self.0[place].bytes, bytes),
            Err(place) => self.0.insert(place, Day { date, bytes }),
        }
    }

    pub fn of(&self, date: Date) -> [u64; 2] {
        self.0.iter().find(|day| day.date == date).map_or([0; 2], |day| day.bytes)
    }

    /// The bytes after `at`. Of its day, which is known as a whole alone, a share of the time from `counted_since` to `now`.
    pub fn after(&self, at: Timestamp, counted_since: Timestamp, now: Timestamp, calendar: &Calendar) -> [u64; 2] {
        let date = calendar.date(at);
        let later = self.0.iter().filter(|day| day.date > date).fold([0; 2], |sum, day| plus(sum, day.bytes));
        let midnight = |date: Date| calendar.instant(date.at(0, 0, 0, 0));
        let begins = midnight(date).max(counted_since);
        let ends = date.tomorrow().map_or(now, midnight).min(now);
        let rest = self.of(date).map(|bytes| bytes - passed_by(at, bytes, begins, ends.max(begins)));
        plus(later, rest)
    }

    /// Corrects what no agent wrote. How much that was.
    pub fn correct(&mut self) -> usize {
        let before = self.0.len();
        let is_sorted = self.0.is_sorted_by(|one, other| one.date < other.date);
        if before > KEPT || !is_sorted {
            self.0.clear();
        }
        before - self.0.len()
    }
}

pub fn plus(one: [u64; 2], other: [u64; 2]) -> [u64; 2] {
    [one[0].saturating_add(other[0]), one[1].saturating_add(other[1])]
}

pub fn minus(one: [u64; 2], other: [u64; 2]) -> [u64; 2] {
    [one[0].saturating_sub(other[0]), one[1].saturating_sub(other[1])]
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.date, self.bytes[0], self.bytes[1])
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.to_string()
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Day, String> {
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let day = part().parse::<Date>().ok().zip(part().parse().ok()).zip(part().parse().ok());
        let ((date, received), sent) = day.ok_or_else(|| "a day of traffic is a date and two numbers".to_owned())?;
        Ok(Day { date, bytes: [received, sent] })
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Day, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Time, date};
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::collect::Reset;

    fn calendar() -> Calendar {
        Calendar::new(&Reset { day: 1, time: Time::midnight(), zone: None }, &TimeZone::UTC)
    }

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    #[test]
    fn bytes_that_passed_over_midnight_are_shared_out_by_time() {
        let mut days = Days::default();
        days.add([300, 30], at("19T18:00"), at("21T12:00"), &calendar());
        let of = |day| days.of(date(2026, 11, day));
        assert_eq!([of(18), of(19), of(20), of(21)], [[0, 0], [42, 4], [172, 17], [86, 9]]);
    }

    #[test]
    fn after_a_moment_a_part_of_its_day_has_passed() {
        let mut days = Days::default();
        days.add([0, 800], at("19T08:00"), at("20T00:00"), &calendar());
        days.add([0, 100], at("20T00:00"), at("20T10:00"), &calendar());
        let after = |moment, since| days.after(at(moment), at(since), at("20T10:00"), &calendar())[1];
        assert_eq!(after("20T10:00", "19T08:00"), 0);
        assert_eq!(after("20T09:00", "19T08:00"), 10);
        // The count began at 08:00: by 16:00 half of that day's had passed.
        assert_eq!(after("19T16:00", "19T08:00"), 500);
        assert_eq!([after("19T08:00", "19T08:00"), after("18T00:00", "19T08:00")], [900, 900]);
    }

    #[test]
    fn days_that_a_clock_made_too_early_are_todays() {
        let mut days = Days::default();
        days.add([0, 5], at("28T00:00"), at("28T01:00"), &calendar());
        days.add([0, 1], at("20T00:00"), at("20T01:00"), &calendar());
        assert_eq!((days.of(date(2026, 11, 20)), days.of(date(2026, 11, 28))), ([0, 6], [0, 0]));
    }

    #[test]
    fn a_day_is_saved_as_a_text() {
        let mut days = Days::default();
        days.add([7, 8], at("20T00:00"), at("20T01:00"), &calendar());
        let json = serde_json::to_string(&days).unwrap();
        assert_eq!(json, r#"["2026-11-20 7 8"]"#);
        assert_eq!(serde_json::from_str::<Days>(&json).unwrap(), days);
        for text in ["", "2026-11-20", "2026-11-20 1", "2026-11-31 1 2", "2026-11-20 1 -2", "2026-11-20 1 2 3"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn of_what_was_added_nothing_is_lost_and_nothing_is_new(
            adds in prop::collection::vec((0_i64..40_000, 0_i64..90_000, 0_u64..1_000_000), 1..40),
        ) {
            let (mut days, mut sum, mut now) = (Days::default(), 0, 0);
            for (pause, length, bytes) in adds {
                let from = now + pause;
                now = from + length;
                let second = |second| Timestamp::from_second(second).unwrap();
                days.add([bytes, 1], second(from), second(now), &calendar());
                sum += bytes;
                let of_all: u64 = days.0.iter().map(|day| day.bytes[0]).sum();
                prop_assert!(of_all <= sum && (days.0.len() == KEPT || of_all == sum));
                prop_assert!(days.clone().correct() == 0 && days.0.len() <= KEPT);
                let after = days.after(second(now / 2), second(0), second(now), &calendar());
                prop_assert!(after[0] <= of_all);
            }
        }
    }
}
