//! The periods of a quota, by the provider's clock.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::collect::Reset;
use crate::schedule::first_instant;

/// When periods begin.
#[derive(Clone, Debug)]
pub struct Calendar {
    reset: Reset,
    zone: TimeZone,
}

/// A period: its beginning, and that of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub begins: Timestamp,
    pub ends: Timestamp,
}

impl Calendar {
    /// `zone` is the one to go by if the reset has none of its own.
    pub fn new(reset: &Reset, zone: &TimeZone) -> Calendar {
        Calendar { zone: reset.zone.as_ref().unwrap_or(zone).clone(), reset: reset.clone() }
    }

    /// The rule as a text: another one divides time in another way.
    pub fn rule(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("in the system's time zone");
        format!("{} {} {zone}", self.reset.day, self.reset.time.strftime("%H:%M"))
    }

    /// The period of an instant; `None`: the calendar ends there.
    pub fn span(&self, at: Timestamp) -> Option<Span> {
        let month = self.date(at).first_of_month();
        let resets = (-1..=2).filter_map(|months| self.reset_in(month.checked_add(months.months()).ok()?));
        let mut begins = None;
        for reset in resets {
            if reset > at {
                return Some(Span { begins: begins?, ends: reset });
            }
            begins = Some(reset);
        }
        None
    }

    /// The provider's clock at an instant.
    pub fn civil(&self, at: Timestamp) -> DateTime {
        self.zone.to_datetime(at)
    }

    pub fn date(&self, at: Timestamp) -> Date {
        self.civil(at).date()
    }

    /// When that clock first shows a time.
    pub fn instant(&self, civil: DateTime) -> Timestamp {
        first_instant(civil, &self.zone).unwrap_or(Timestamp::MAX)
    }

    /// The reset in the month of `date`.
    fn reset_in(&self, first: Date) -> Option<Timestamp> {
        let day = self.reset.day.min(first.days_in_month());
        first_instant(first.with().day(day).build().ok()?.to_datetime(self.reset.time), &self.zone)
    }
}

/// The part of `bytes`, which passed evenly between two instants, that had passed by `at`.
pub fn passed_by(at: Timestamp, bytes: u64, from: Timestamp, to: Timestamp) -> u64 {
    let micros = |duration: SignedDuration| u128::try_from(duration.as_micros()).unwrap_or(0);
    let (whole, part) = (micros(to.duration_since(from)), micros(at.duration_since(from)));
    if part >= whole {
        return if at < from { 0 } else { bytes };
    }
    // Less than all of it.
    (u128::from(bytes) * part / whole) as u64
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;
    use proptest::prelude::*;

    use super::*;

    fn calendar(day: i8, hour: i8, zone: &str) -> Calendar {
        Calendar::new(
            &Reset { day, time: time(hour, 0, 0, 0), zone: Some(TimeZone::get(zone).unwrap()) },
            &TimeZone::UTC,
        )
    }

    fn span(calendar: &Calendar, at: &str) -> [String; 2] {
        let Span { begins, ends } = calendar.span(at.parse().unwrap()).unwrap();
        [begins, ends].map(|at| calendar.civil(at).strftime("%Y-%m-%d %H:%M").to_string())
    }

    #[test]
    fn a_month_without_the_day_has_its_last_one_instead() {
        let calendar = calendar(31, 0, "UTC");
        for (at, begins, ends) in [
            ("2027-01-31T00:00:00Z", "2027-01-31 00:00", "2027-02-28 00:00"),
            ("2027-02-27T23:59:59Z", "2027-01-31 00:00", "2027-02-28 00:00"),
            ("2027-02-28T00:00:00Z", "2027-02-28 00:00", "2027-03-31 00:00"),
            ("2028-02-29T12:00:00Z", "2028-02-29 00:00", "2028-03-31 00:00"),
            ("2027-04-30T00:00:00Z", "2027-04-30 00:00", "2027-05-31 00:00"),
            ("2027-12-31T23:00:00Z", "2027-12-31 00:00", "2028-01-31 00:00"),
        ] {
            assert_eq!(span(&calendar, at), [begins, ends], "{at}");
        }
    }

    #[test]
    fn the_reset_is_by_the_clock_of_its_zone() {
        // In Tokyo it is already the next day.
        assert_eq!(span(&calendar(15, 0, "Asia/Tokyo"), "2026-11-14T15:00:00Z")[0], "2026-11-15 00:00");
        assert_eq!(span(&calendar(15, 0, "America/Chicago"), "2026-11-15T05:59:59Z")[1], "2026-11-15 00:00");
        // Neither the hour that spring skips nor the one that autumn repeats is a second reset.
        assert_eq!(
            span(&calendar(28, 2, "Europe/Berlin"), "2027-03-28T01:00:00Z"),
            ["2027-03-28 03:00", "2027-04-28 02:00"]
        );
        assert_eq!(span(&calendar(25, 2, "Europe/Berlin"), "2026-10-25T01:30:00Z")[0], "2026-10-25 02:00");
        assert_eq!(span(&calendar(25, 2, "Europe/Berlin"), "2026-10-24T23:30:00Z")[1], "2026-10-25 02:00");
    }

    proptest! {
        #[test]
        fn each_instant_is_in_one_period_and_the_next_one_begins_where_it_ends(
            day in 1_i8..=31, hour in 0_i8..24, second in 0_i64..4_000_000_000,
            zone in prop::sample::select(&["UTC", "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia"]),
        ) {
            let calendar = calendar(day, hour, zone);
            let at = Timestamp::from_second(second).unwrap();
            let Span { begins, ends } = calendar.span(at).unwrap();
            prop_assert!(begins <= at && at < ends);
            let days = ends.duration_since(begins).as_hours();
            prop_assert!((26 * 24..=33 * 24).contains(&days), "{days} h");
            prop_assert_eq!(calendar.span(ends).unwrap().begins, ends);
            prop_assert_eq!(calendar.span(begins).unwrap().begins, begins);
        }

        #[test]
        fn shares_of_a_time_add_up(bytes: u64, length in 0_i64..1_000_000, at in -10_i64..1_000_010) {
            let second = |second| Timestamp::from_second(second).unwrap();
            let by = |at| passed_by(second(at), bytes, second(0), second(length));
            prop_assert!(by(at) <= by(at + 1) && by(at) <= bytes);
            prop_assert_eq!((by(-1), by(length)), (0, bytes));
        }
    }
}
