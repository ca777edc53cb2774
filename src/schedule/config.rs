//! The configuration's section `scheduled_report`.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use super::{CronError, DEFAULT_EXPRESSION, Schedule};
use crate::settings::{self, Complaint, Doc, Section, Text, doc, seconds, time_zone_name};

/// When reports are sent, and how late they may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportConfig {
    pub enabled: bool,
    pub cron: Schedule,
    /// `None`: the general one.
    #[serde(serialize_with = "time_zone_name")]
    pub timezone: Option<TimeZone>,
    /// A report that is this late is no longer sent; within its minute a report is never late.
    #[serde(serialize_with = "seconds")]
    pub misfire_grace: Duration,
    /// Each host's reports come later than the schedule says, by a delay of its own up to this.
    #[serde(serialize_with = "seconds")]
    pub jitter: Duration,
    pub picture: ReportPicture,
}

/// Whether a picture of the last day follows a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportPicture {
    /// In channels that take one.
    Auto,
    Never,
}

/// As the file has it.
impl Serialize for ReportPicture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ReportPicture::Auto => serializer.serialize_str("auto"),
            ReportPicture::Never => serializer.serialize_bool(false),
        }
    }
}

pub const MAX_MISFIRE_GRACE: Duration = Duration::from_secs(24 * 60 * 60);
pub const MAX_JITTER: Duration = Duration::from_secs(60 * 60);

impl Default for ReportConfig {
    fn default() -> ReportConfig {
        settings::defaults(ReportConfig::read)
    }
}

impl ReportConfig {
    pub fn read(section: &mut Section<'_>) -> ReportConfig {
        ReportConfig {
            enabled: section.boolean("enabled", true, doc("是否定时发送报告", "send the report by its schedule")),
            cron: section.parse("cron", CRON, |text| Schedule::parse(text).map_err(Complaint::from)),
            timezone: section.time_zone(
                "timezone",
                doc("报告的时区，留空则用 `general.timezone`", "time zone of the report; empty: `general.timezone`"),
            ),
            misfire_grace: section.duration(
                "misfire_grace",
                Duration::from_secs(60 * 60),
                Duration::ZERO..=MAX_MISFIRE_GRACE,
                doc(
                    "错过的报告（如停机时）多久之内仍补发（秒）",
                    "longest delay with which a missed report is still sent",
                ),
            ),
            jitter: section.duration(
                "jitter",
                Duration::ZERO,
                Duration::ZERO..=MAX_JITTER,
                doc(
                    "多台主机共用机器人时，各主机固定错开的最大延迟（秒）",
                    "longest fixed delay of a host, if many hosts share a robot",
                ),
            ),
            picture: section.choice(
                "picture",
                ReportPicture::Auto,
                &[("auto", ReportPicture::Auto), ("false", ReportPicture::Never)],
                doc(
                    "报告之后附上最近 24 小时的图片。`auto`：渠道支持时（需要 `history`）",
                    "a picture of the last 24 hours after the report. `auto`: where the channel takes one; it needs `history`",
                ),
            ),
        }
    }
}

const CRON: Doc =
    doc("何时发送报告：分 时 日 月 周", "when the report is sent: minute, hour, day of month, month, day of week")
        .default(DEFAULT_EXPRESSION)
        .values("五个字段，或 `@daily` 等", "five fields, or `@daily` and the like")
        .pattern(r"^[ \t\n\r\f]*(@[A-Za-z]+|[0-9A-Za-z*?,/#-]+([ \t\n\r\f]+[0-9A-Za-z*?,/#-]+){4})[ \t\n\r\f]*$")
        .below(&[
            Text { zh: "常用示例", en: "Examples" },
            Text { zh: "\"0 9 * * *\"     - 每天 9:00", en: "every day at 9:00" },
            Text { zh: "\"0 9,18 * * *\"  - 每天 9:00 和 18:00", en: "every day at 9:00 and 18:00" },
            Text { zh: "\"0 */6 * * *\"   - 每 6 小时", en: "every 6 hours" },
            Text { zh: "\"0 9 * * 1\"     - 每周一 9:00", en: "Mondays at 9:00" },
            Text { zh: "\"0 0 1 * *\"     - 每月 1 号 0:00", en: "the first of each month at 0:00" },
        ]);

impl From<CronError> for Complaint {
    fn from(error: CronError) -> Complaint {
        Complaint::new(error.message).expected(error.expected).at(error.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ReportConfig, String> {
        let read = settings::read("c", text.as_bytes(), ReportConfig::read);
        read.map(|read| read.value).map_err(|problems| problems.to_string())
    }

    #[test]
    fn an_empty_section_is_the_default() {
        assert_eq!(read("").unwrap(), ReportConfig::default());
        assert_eq!(ReportConfig::default().cron, Schedule::parse("0 9 * * *").unwrap());
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
