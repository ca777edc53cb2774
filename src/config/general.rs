//! `general`: what concerns the agent as a whole.

use std::time::Duration;

use jiff::tz::TimeZone;
use log::LevelFilter;
use serde::{Serialize, Serializer};

use crate::message::Language;
use crate::settings::{self, Section, doc, seconds, time_zone_name};

/// `general`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// The host's name in messages; empty: the system's.
    pub hostname: String,
    #[serde(serialize_with = "seconds")]
    pub check_interval: Duration,
    /// The pause between two messages of one alert.
    #[serde(serialize_with = "seconds")]
    pub alert_cooldown: Duration,
    pub send_recovery: bool,
    #[serde(serialize_with = "level_name")]
    pub log_level: LevelFilter,
    pub language: Language,
    /// The zone of the times that people read; `None`: the system's.
    #[serde(serialize_with = "time_zone_name")]
    pub timezone: Option<TimeZone>,
}

const LEVELS: [(&str, LevelFilter); 4] = [
    ("DEBUG", LevelFilter::Debug),
    ("INFO", LevelFilter::Info),
    ("WARNING", LevelFilter::Warn),
    ("ERROR", LevelFilter::Error),
];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Config {
    fn default() -> Config {
        settings::defaults(Config::read)
    }
}

impl Config {
    pub fn read(section: &mut Section<'_>) -> Config {
        Config {
            hostname: section
                .text("hostname", doc("消息中的主机名，留空则自动获取", "host name in messages; empty: the system's")),
            check_interval: section.duration(
                "check_interval",
                Duration::from_secs(900),
                Duration::from_secs(1)..=DAY,
                doc("检查间隔（秒）", "time between checks"),
            ),
            alert_cooldown: section.duration(
                "alert_cooldown",
                Duration::from_secs(300),
                Duration::ZERO..=30 * DAY,
                doc("同一告警两次消息之间的冷却时间（秒）", "least time between messages of one alert"),
            ),
            send_recovery: section.boolean(
                "send_recovery",
                true,
                doc("是否发送恢复通知", "send a message when an alert is over"),
            ),
            log_level: section.choice(
                "log_level",
                LevelFilter::Info,
                &LEVELS,
                doc("日志级别", "lowest level that is logged"),
            ),
            language: section.choice(
                "language",
                Language::default(),
                &[("zh", Language::Chinese), ("en", Language::English)],
                doc("消息语言", "language of messages"),
            ),
            timezone: section.time_zone(
                "timezone",
                doc(
                    "消息中时间的时区，如 Asia/Shanghai，留空则用系统时区",
                    "time zone of messages, such as Asia/Shanghai; empty: the system's",
                ),
            ),
        }
    }
}

fn level_name<S: Serializer>(level: &LevelFilter, serializer: S) -> Result<S::Ok, S::Error> {
    let name = LEVELS.iter().find(|(_, of_name)| of_name == level).map_or("INFO", |(name, _)| *name);
    serializer.serialize_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let read = settings::read("c", text.as_bytes(), Config::read);
        read.map(|read| read.value).map_err(|problems| problems.list[0].message.clone())
    }

    #[test]
    fn levels_and_languages_are_words_in_any_case() {
        let config = read("log_level: warning\nlanguage: EN\n").unwrap();
        assert_eq!((config.log_level, config.language), (LevelFilter::Warn, Language::English));
        assert_eq!(read("log_level: TRACE\n").unwrap_err(), "log_level: `TRACE` is none of the values");
    }

    #[test]
    fn intervals_have_ranges() {
        assert_eq!(read("check_interval: 1d\nalert_cooldown: 0\n").unwrap().check_interval, DAY);
        assert_eq!(read("check_interval: 0.5\n").unwrap_err(), "check_interval: 0.5 is out of range");
        assert_eq!(read("alert_cooldown: 31d\n").unwrap_err(), "alert_cooldown: 31d is out of range");
    }

    #[test]
    fn a_time_zone_is_an_iana_name() {
        assert_eq!(read("timezone: ''\n").unwrap().timezone, None);
        let zone = read("timezone: asia/shanghai\n").unwrap().timezone.unwrap();
        assert_eq!(zone.iana_name(), Some("Asia/Shanghai"));
        assert_eq!(read("timezone: Nowhere\n").unwrap_err(), "timezone: there is no time zone `Nowhere`");
    }
}
