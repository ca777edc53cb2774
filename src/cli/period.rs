//! A time in the past that somebody typed.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Error;
use crate::settings;

/// Longer than any history.
const LONGEST: Duration = Duration::from_secs(3660 * 86_400);

/// A greater number is no length but a time, in Unix seconds.
const LEAST_UNIX_SECONDS: i64 = 1_000_000_000;

#[derive(Debug, Args)]
pub struct PeriodArgs {
    /// The beginning: a length back from the end such as 24h or 7d, or a time such as 2026-02-04, "2026-02-04 15:30" (in
    /// the configuration's zone) or 2026-02-04T15:30:00+08:00 [default: 24h; of a replay 30d]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// The end, in the same forms; a length is back from now [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// From a time on, up to another, both in the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Whether the end is now, as nobody named another.
    pub is_latest: bool,
}

impl PeriodArgs {
    pub const fn is_named(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// # Errors
    /// A text is no time, or the beginning is not before the end.
    pub fn period(&self, default: &str, zone: &TimeZone, now: Timestamp) -> Result<Period, Error> {
        let time = |option: &str, text: &str, end: Timestamp| {
            parsed(text, zone, end).map_err(|why| Error::Usage(format!("{option} {text}: {why}")))
        };
        let to = self.until.as_deref().map(|until| time("--until", until, now)).transpose()?;
        let end = to.unwrap_or(now).min(now);
        let since = self.since.as_deref().unwrap_or(default);
        let from = time("--since", since, end)?;
        if from > now {
            return Err(Error::Usage(format!("--since {since}: it is in the future; name a time before now")));
        }
        if from >= end {
            return Err(Error::Usage(format!("--since {since}: it is not before the end; name an earlier time")));
        }
        Ok(Period { from, to: end, is_latest: to.is_none_or(|to| to >= now) })
    }
}

fn parsed(text: &str, zone: &TimeZone, end: Timestamp) -> Result<Timestamp, String> {
    if let Some(seconds) = text.parse().ok().filter(|seconds| *seconds >= LEAST_UNIX_SECONDS) {
        return Timestamp::from_second(seconds).map_err(|error| error.to_string());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return time.to_zoned(zone.clone()).map(|time| time.timestamp()).map_err(|error| error.to_string());
    }
    let shortest = Duration::from_secs(60);
    settings::duration(text, &(shortest..=LONGEST)).ok().and_then(|length| end.checked_sub(length).ok()).ok_or_else(|| {
        "expected a length of a minute or more such as 24h or 7d, or a time such as 2026-02-04, \"2026-02-04 15:30\" or \
         2026-02-04T15:30:00+08:00"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_770_219_000;

    fn period(since: &str, until: Option<&str>) -> Result<(i64, i64), String> {
        let now = Timestamp::from_second(NOW).unwrap();
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let arguments = PeriodArgs { since: Some(since.to_owned()), until: until.map(str::to_owned) };
        let period = arguments.period("24h", &zone, now).map_err(|error| error.to_string())?;
        Ok((period.from.as_second(), period.to.as_second()))
    }

    #[test]
    fn a_time_is_a_length_a_date_or_a_stamp() {
        assert_eq!(period("24h", None), Ok((NOW - 86_400, NOW)));
        assert_eq!(period("1h", Some("2d")), Ok((NOW - 2 * 86_400 - 3600, NOW - 2 * 86_400)));
        // The zone is eight hours ahead.
        assert_eq!(period("2026-02-04", None), Ok((1_770_134_400, NOW)));
        assert_eq!(period("2026-02-04 15:30", None), Ok((1_770_190_200, NOW)));
        assert_eq!(period("2026-02-04T07:30:00Z", Some("1770192000")), Ok((1_770_190_200, 1_770_192_000)));
        assert_eq!(period("1h", Some("2099-01-01")), Ok((NOW - 3600, NOW)), "the end is not after now");
    }

    #[test]
    fn what_is_no_time_or_not_before_the_end_is_refused_by_its_option() {
        for (since, until, why) in [
            ("2099-01-01", None, "--since 2099-01-01: it is in the future"),
            ("1h", Some("yesterday"), "--until yesterday: expected a length"),
            ("soon", None, "--since soon: expected a length of a minute or more"),
            ("5s", None, "--since 5s: expected a length"),
            ("2026-02-04", Some("2026-02-03"), "--since 2026-02-04: it is not before the end"),
        ] {
            let refused = period(since, until).unwrap_err();
            assert!(refused.starts_with(why), "{refused}");
        }
    }
}
