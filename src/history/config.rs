//! The configuration's section `history`.

use std::time::Duration;

use serde::Serialize;

use super::Limits;
use crate::settings::{self, Section, doc, seconds};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// More checks are not kept one by one, however short their interval is.
const MAX_RAW_CHECKS: u32 = 20_000;

/// Whether readings are kept, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryConfig {
    pub enabled: bool,
    #[serde(serialize_with = "seconds")]
    pub raw: Duration,
    #[serde(serialize_with = "seconds")]
    pub five_minutes: Duration,
    #[serde(serialize_with = "seconds")]
    pub hours: Duration,
    /// In bytes; `None`: without a bound.
    #[serde(serialize_with = "size")]
    pub max_size: Option<u64>,
}

impl Default for HistoryConfig {
    fn default() -> HistoryConfig {
        settings::defaults(HistoryConfig::read)
    }
}

impl HistoryConfig {
    pub fn read(section: &mut Section<'_>) -> HistoryConfig {
        HistoryConfig {
            enabled: section.boolean(
                "enabled",
                true,
                doc(
                    "把每次检查的读数保存到状态目录的 `history.db`",
                    "keep the readings of every check in `history.db`, in the state's folder",
                ),
            ),
            raw: section.duration(
                "raw",
                48 * HOUR,
                HOUR..=31 * DAY,
                doc(
                    "逐次读数保留多久（秒），最多 20000 次",
                    "how long single readings are kept; at most 20,000 checks",
                ),
            ),
            five_minutes: section.duration(
                "five_minutes",
                60 * DAY,
                DAY..=732 * DAY,
                doc("五分钟汇总保留多久（秒）", "how long summaries of five minutes are kept"),
            ),
            hours: section.duration(
                "hours",
                730 * DAY,
                DAY..=3660 * DAY,
                doc("每小时汇总保留多久（秒）", "how long summaries of an hour are kept"),
            ),
            max_size: section.size_or_off(
                "max_size",
                Some(64 << 20),
                (4 << 20)..=(4 << 30),
                doc(
                    "文件大小上限，超出时删除最旧的数据",
                    "the file's largest size; beyond it the oldest rows are removed",
                ),
            ),
        }
    }

    /// The bounds, with a check every `interval`.
    pub fn limits(&self, interval: Duration) -> Limits {
        let whole = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Limits {
            raw_seconds: whole(self.raw.min(interval * MAX_RAW_CHECKS)),
            five_minutes_seconds: whole(self.five_minutes),
            hours_seconds: whole(self.hours),
            max_bytes: self.max_size,
        }
    }
}

/// As the file has it.
fn size<S: serde::Serializer>(bytes: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.serialize_str(&settings::size_text(*bytes)),
        None => serializer.serialize_u64(0),
    }
}
