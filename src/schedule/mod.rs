//! Cron schedules: when is a report due?
//!
//! An expression has five fields with croniter's meaning, evaluated whole in one time zone. Parsing finds each fault
//! and its place; searching is arithmetic on sets; `wall_clock` settles the effect of clock changes. Whether a report
//! was sent already is [`Reporter`]'s business.
//!
//! Among the crates that were looked at, croner (4.0) was the nearest to croniter. It is not used, because its errors
//! do not name the place; `1,,2`, `mon` for a minute and `1jan` (November) pass; `5/10` does not. Of 37,439 random
//! expressions that are valid here it refused 7,998, and of the others 857 fired at other times, all of them around
//! clock changes, where the times of a list that spring skips are lost and those that autumn repeats come twice. With a
//! parser and clock changes of our own, only the search through the calendar was left for it, and that is
//! `fields::Fields::first_from`.

mod config;
mod due;
mod fields;
mod parse;
mod token;
mod wall_clock;

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Serialize, Serializer};

pub use config::{ReportConfig, ReportPicture};
pub use due::{Due, ReportState, Reporter};
pub use parse::CronError;
pub use wall_clock::first_instant;

use fields::{Fields, Set};

/// A cron expression that is known to fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    expression: String,
    fields: Fields,
}

impl Schedule {
    /// Reads five fields, or one of `@hourly @daily @midnight @weekly @monthly @yearly @annually`.
    ///
    /// # Errors
    /// The fault of the expression, and its characters; an expression that never fires is one, too.
    pub fn parse(expression: &str) -> Result<Schedule, CronError> {
        let fields = parse::parse(expression)?;
        Ok(Schedule { expression: expression.trim().to_owned(), fields })
    }

    /// The expression, as it was written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The first time after `after` (exclusive), by the clocks of `zone`. `None`: not before the year 9999.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        wall_clock::next_after(&self.fields, after, zone)
    }

    /// All times after `after` (exclusive), by the clocks of `zone`.
    pub fn upcoming(&self, after: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Zoned> {
        std::iter::successors(self.next_after(after, zone), |time| self.next_after(*time, zone))
            .map(|time| time.to_zoned(zone.clone()))
    }
}

/// Nine o'clock, every day.
const DEFAULT_EXPRESSION: &str = "0 9 * * *";

/// The fields of `DEFAULT_EXPRESSION`.
impl Default for Schedule {
    fn default() -> Schedule {
        let fields = Fields {
            minutes: Set::from_iter([0]),
            hours: Set::from_iter([9]),
            follows_real_hours: false,
            months: (1..=12).collect(),
            days_of_month: None,
            days_of_week: None,
        };
        Schedule { expression: DEFAULT_EXPRESSION.to_owned(), fields }
    }
}

impl FromStr for Schedule {
    type Err = CronError;

    fn from_str(expression: &str) -> Result<Schedule, CronError> {
        Schedule::parse(expression)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expression)
    }
}

/// As the expression.
impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.expression)
    }
}
