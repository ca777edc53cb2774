//! A cron expression as sets of numbers, and the search through the calendar for the next time that fits.
//!
//! Everything here is civil time: a calendar without zones, in which each minute comes once. `wall_clock` maps civil time
//! to a zone.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday};

/// Small numbers, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) fn contains(self, value: i8) -> bool {
        self.first_from(value) == Some(value)
    }

    /// The smallest member that is not below `value`.
    pub(super) fn first_from(self, value: i8) -> Option<i8> {
        let rest = self.0.checked_shr(u32::try_from(value).ok()?).filter(|rest| *rest != 0)?;
        i8::try_from(rest.trailing_zeros()).ok()?.checked_add(value)
    }

    pub(super) fn insert(&mut self, value: i8) {
        self.0 |= 1 << value;
    }

    pub(super) fn remove(&mut self, value: i8) {
        self.0 &= !(1 << value);
    }

    pub(super) fn union(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }
}

impl FromIterator<i8> for Set {
    fn from_iter<I: IntoIterator<Item = i8>>(values: I) -> Set {
        let mut set = Set::default();
        values.into_iter().for_each(|value| set.insert(value));
        set
    }
}

/// A whole expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub minutes: Set,
    pub hours: Set,
    /// The hour field is `*` or `*/n`: the expression means an interval and not times of day.
    pub follows_real_hours: bool,
    pub months: Set,
    /// `None`: the field is `*`, so it restricts nothing.
    pub days_of_month: Option<DaysOfMonth>,
    /// `None`: the field is `*`, so it restricts nothing.
    pub days_of_week: Option<DaysOfWeek>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DaysOfMonth {
    pub days: Set,
    /// `L`: the month's last day.
    pub last: bool,
    /// `15W`: the weekday nearest to that day, in the same month.
    pub nearest_weekday: Option<i8>,
}

/// Weekdays are counted from Sunday, 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DaysOfWeek {
    pub every: Set,
    /// `fri#2`: the weekday's second in its month, at index 1.
    pub nth: [Set; 5],
    /// `L5`: the weekday's last in its month.
    pub last: Set,
}

impl Fields {
    /// The first civil minute that fits and is not before `from`; `None` at the end of the calendar, the year 9999.
    pub(super) fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let from = whole_minute_from(from)?;
        let (mut date, mut time) = (from.date(), from.time());
        loop {
            if !self.months.contains(date.month()) {
                date = date.last_of_month();
            } else if self.fits_day(date)
                && let Some(time) = self.first_time_from(time)
            {
                return Some(date.to_datetime(time));
            }
            date = date.tomorrow().ok()?;
            time = Time::midnight();
        }
    }

    /// Whether any day at all fits: `0 0 30 2 *` has none.
    ///
    /// A weekday comes in each month, and so does a fifth one, February included, in some year.
    pub(super) fn ever_fires(&self) -> bool {
        let Some(of_month) = &self.days_of_month else { return true };
        let first_day = of_month.days.first_from(1).unwrap_or(i8::MAX);
        let longest = (1..=12).filter(|month| self.months.contains(*month)).map(longest_month_days).max().unwrap_or(0);
        self.days_of_week.is_some() || of_month.last || of_month.nearest_weekday.is_some() || first_day <= longest
    }

    /// Day of month OR day of week if both are restricted, as in crontab(5).
    fn fits_day(&self, date: Date) -> bool {
        match (&self.days_of_month, &self.days_of_week) {
            (None, None) => true,
            (Some(of_month), None) => of_month.contains(date),
            (None, Some(of_week)) => of_week.contains(date),
            (Some(of_month), Some(of_week)) => of_month.contains(date) || of_week.contains(date),
        }
    }

    fn first_time_from(&self, from: Time) -> Option<Time> {
        let in_this_hour = || self.minutes.first_from(from.minute()).filter(|_| self.hours.contains(from.hour()));
        let (hour, minute) = match in_this_hour() {
            Some(minute) => (from.hour(), minute),
            None => (self.hours.first_from(from.hour() + 1)?, self.minutes.first_from(0)?),
        };
        Time::new(hour, minute, 0, 0).ok()
    }
}

impl DaysOfMonth {
    fn contains(&self, date: Date) -> bool {
        self.days.contains(date.day())
            || self.last && date.day() == date.days_in_month()
            || self.nearest_weekday.is_some_and(|day| date.day() == nearest_weekday(date, day))
    }
}

impl DaysOfWeek {
    fn contains(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        let nth = usize::try_from((date.day() - 1) / 7).ok().and_then(|index| self.nth.get(index));
        self.every.contains(weekday)
            || nth.is_some_and(|days| days.contains(weekday))
            || self.last.contains(weekday) && date.day() + 7 > date.days_in_month()
    }
}

/// The weekday nearest to `day` in `month`'s month, never in another one. A day that the month does not have means its
/// last, as in croniter.
fn nearest_weekday(month: Date, day: i8) -> i8 {
    let day = day.min(month.days_in_month());
    let date = month.first_of_month().saturating_add((i32::from(day) - 1).days());
    match date.weekday() {
        Weekday::Saturday if day > 1 => day - 1,
        Weekday::Saturday => day + 2,
        Weekday::Sunday if day < month.days_in_month() => day + 1,
        Weekday::Sunday => day - 2,
        _ => day,
    }
}

fn longest_month_days(month: i8) -> i8 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn whole_minute_from(from: DateTime) -> Option<DateTime> {
    let whole = from.with().second(0).subsec_nanosecond(0).build().ok()?;
    if whole == from { Some(whole) } else { whole.checked_add(1.minute()).ok() }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn first_from(expression: &str, from: DateTime) -> Option<DateTime> {
        super::super::parse::parse(expression).unwrap().first_from(from)
    }

    #[test]
    fn a_set_finds_its_next_member_up_to_its_last() {
        let set = Set::from_iter([0, 7, 59]);
        assert_eq!(
            [0, 1, 8, 59, 60, 127].map(|value| set.first_from(value)),
            [Some(0), Some(7), Some(59), Some(59), None, None]
        );
        assert!(set.contains(7) && !set.contains(8) && !set.contains(-1));
        assert_eq!(Set::default().first_from(0), None);
    }

    #[test]
    fn a_minute_that_has_begun_is_over() {
        let nine = date(2026, 2, 4).at(9, 0, 0, 0);
        assert_eq!(first_from("* * * * *", nine), Some(nine));
        assert_eq!(first_from("* * * * *", date(2026, 2, 4).at(8, 59, 0, 1)), Some(nine));
        assert_eq!(first_from("* * * * *", date(2026, 2, 4).at(8, 59, 59, 0)), Some(nine));
    }

    #[test]
    fn the_search_carries_into_hours_days_months_and_years() {
        let from = date(2026, 12, 31).at(23, 59, 0, 0);
        assert_eq!(first_from("59 23 * * *", from), Some(from));
        assert_eq!(first_from("58 23 * * *", from), Some(date(2027, 1, 1).at(23, 58, 0, 0)));
        assert_eq!(first_from("30 8,20 1 6 *", from), Some(date(2027, 6, 1).at(8, 30, 0, 0)));
        assert_eq!(first_from("0 0 31 * *", from), Some(date(2027, 1, 31).at(0, 0, 0, 0)));
    }

    #[test]
    fn the_rarest_day_of_all_is_found() {
        // A fifth Monday in February needs a leap year in which it is the 29th; 2100 is not a leap year.
        assert_eq!(
            first_from("0 0 * 2 mon#5", date(2072, 3, 1).at(0, 0, 0, 0)),
            Some(date(2112, 2, 29).at(0, 0, 0, 0))
        );
    }

    #[test]
    fn the_nearest_weekday_stays_within_its_month() {
        // Saturday 1 August, Sunday 31 May, Saturday 15 August, Sunday 16 August 2026; June has 30 days.
        let nearest = |month, day| nearest_weekday(date(2026, month, 1), day);
        assert_eq!(
            [nearest(8, 1), nearest(5, 31), nearest(8, 15), nearest(8, 16), nearest(6, 31)],
            [3, 29, 14, 17, 30]
        );
    }
}
