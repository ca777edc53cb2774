//! The configuration's section `scheduled_report`.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::{CronError, Schedule};
use crate::settings::{Complaint, Section, seconds, time_zone_name};

/// When reports are sent, and how late they may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    pub enabled: bool,
    pub cron: Schedule,
    /// `None`: the general one.
    #[serde(serialize_with = "time_zone_name")]
    pub timezone: Option<TimeZone>,
    /// A report that is this late is not sent any more; one within its minute is never late.
    #[serde(serialize_with = "seconds")]
    pub misfire_grace: Duration,
    /// Each host's reports come later than the schedule says by a delay of its own, up to this.
    #[serde(serialize_with = "seconds")]
    pub jitter: Duration,
}

pub const MAX_MISFIRE_GRACE: Duration = Duration::from_secs(24 * 60 * 60);
pub const MAX_JITTER: Duration = Duration::from_secs(60 * 60);

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            cron: Schedule::default(),
            timezone: None,
            misfire_grace: Duration::from_secs(60 * 60),
            jitter: Duration::ZERO,
        }
    }
}

impl Config {
    pub fn read(section: &mut Section<'_>) -> Config {
        let default = Config::default();
        Config {
            enabled: section.boolean("enabled", default.enabled),
            cron: section.parse("cron", default.cron, |text| Schedule::parse(text).map_err(Complaint::from)),
            timezone: section.time_zone("timezone"),
            misfire_grace: section.duration("misfire_grace", default.misfire_grace, Duration::ZERO..=MAX_MISFIRE_GRACE),
            jitter: section.duration("jitter", default.jitter, Duration::ZERO..=MAX_JITTER),
        }
    }
}

impl From<CronError> for Complaint {
    fn from(error: CronError) -> Complaint {
        Complaint::new(error.message).expected(error.expected).at(error.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    fn read(text: &str) -> Result<Config, String> {
        let read = settings::read("c", text.as_bytes(), Config::read);
        read.map(|read| read.value).map_err(|problems| problems.to_string())
    }

    #[test]
    fn an_empty_section_is_the_default() {
        assert_eq!(read("").unwrap(), Config::default());
        assert_eq!(Config::default().cron, Schedule::parse("0 9 * * *").unwrap());
    }

    #[test]
    fn every_key_is_read() {
        let text = "enabled: false\ncron: '@weekly'\ntimezone: Asia/Shanghai\nmisfire_grace: 0\njitter: 10m\n";
        let config = read(text).unwrap();
        assert_eq!((config.enabled, config.cron.expression()), (false, "@weekly"));
        assert_eq!(config.timezone.unwrap().iana_name(), Some("Asia/Shanghai"));
        assert_eq!((config.misfire_grace, config.jitter), (Duration::ZERO, Duration::from_secs(600)));
    }

    #[test]
    fn a_wrong_expression_is_shown_at_its_wrong_characters() {
        let problem = read("cron: \"0 9,24 * * *\"\n").unwrap_err();
        assert!(problem.contains("c:1:12: error: cron: hour 24 is out of range"), "{problem}");
    }

    #[test]
    fn grace_and_jitter_have_bounds() {
        for text in ["misfire_grace: 25h\n", "jitter: 61m\n"] {
            assert!(read(text).unwrap_err().contains("out of range"), "{text}");
        }
    }
}
