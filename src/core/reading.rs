//! A reading as `check --json` and `status --json` show it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::metric::Metric;
use crate::rule::{Finding, Limit};
use crate::settings::size_text;
use crate::snapshot::Value;

/// One reading, its limit, and the verdict. Fields may be added, never renamed or retyped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadingDocument {
    pub metric: String,
    pub target: String,
    /// A number in full precision, or a container's word.
    pub value: Json,
    /// Of a rate: its mean since the check before, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Of a monthly quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Box<QuotaDocument>>,
    /// The bytes that may still be used, and the least that are well; where there is such a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_left_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// `clear`, `breach` or `unknown`.
    pub verdict: String,
    /// Of a breach: `warning` or `critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The reason why the value differs from other tools' values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ReadingDocument {
    pub fn new(finding: &Finding<'_>) -> ReadingDocument {
        let reading = finding.reading;
        let (used_bytes, total_bytes) = match reading.value {
            Value::Usage { used_bytes, total_bytes, .. } => (Some(used_bytes), Some(total_bytes)),
            Value::Quota(ref quota) => (Some(quota.used_bytes), Some(quota.limit_bytes)),
            _ => (None, None),
        };
        let least_left_bytes = finding.limits.least_left_bytes;
        let (threshold, expected) = finding.limit().as_ref().map(limit).unwrap_or_default();
        ReadingDocument {
            metric: reading.key.metric.name.to_owned(),
            target: reading.key.target.to_string(),
            value: value_json(reading.key.metric, &reading.value),
            mean: reading.mean.map(|mean| reading.key.metric.unit.json(mean)),
            unit: reading.key.metric.unit.name().map(str::to_owned),
            used_bytes,
            total_bytes,
            quota: QuotaDocument::of(&reading.value),
            left_bytes: least_left_bytes.and_then(|_| reading.value.left_bytes()),
            least_left_bytes,
            threshold: threshold
                .or_else(|| Some(number(finding.limits.warning.filter(|_| least_left_bytes.is_some())?))),
            expected,
            verdict: finding.verdict.name().to_owned(),
            level: finding.verdict.level().map(|level| level.name().to_owned()),
            note: reading.note.as_deref().map(str::to_owned),
        }
    }
}

/// The details of a monthly quota. Times are those of the provider's clock; one that is not known is `null`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuotaDocument {
    /// `in`, `out`, `both` or `max`.
    pub count: String,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    pub today_bytes: u64,
    pub begins: String,
    pub ends: String,
    /// If the count began after the period did.
    pub counted_since: Option<String>,
    pub uncounted_seconds: u64,
    /// The day on which it is used up at the speed of the last seven days.
    pub runs_out: Option<String>,
}

impl QuotaDocument {
    fn of(value: &Value) -> Option<Box<QuotaDocument>> {
        let Value::Quota(quota) = value else { return None };
        Some(Box::new(QuotaDocument {
            count: quota.count.name().to_owned(),
            received_bytes: quota.received_bytes,
            sent_bytes: quota.sent_bytes,
            today_bytes: quota.today_bytes,
            begins: quota.begins.to_string(),
            ends: quota.ends.to_string(),
            counted_since: quota.counted_since.map(|since| since.to_string()),
            uncounted_seconds: quota.uncounted_seconds,
            runs_out: quota.runs_out.map(|date| date.to_string()),
        }))
    }
}

/// A limit as a threshold or as an expected word.
pub fn limit(limit: &Limit) -> (Option<Json>, Option<String>) {
    match limit {
        Limit::Threshold(threshold) => (Some(number(*threshold)), None),
        Limit::LeftBytes(least) => (None, Some(format!("{} left", size_text(*least)))),
        Limit::Expected(word) => (None, Some(word.to_string())),
        Limit::None => (None, None),
    }
}

/// A value as a JSON number or word, in full precision.
pub fn value_json(metric: &Metric, value: &Value) -> Json {
    match value {
        Value::Usage { percent: number, .. } | Value::Number(number) => metric.unit.json(*number),
        Value::Quota(quota) => metric.unit.json(quota.percent),
        Value::Forecast(forecast) => json!(forecast.hours),
        Value::Container(container) => json!(&*container.word),
        Value::Event(detail) => json!(detail.times),
    }
}

/// A threshold as a JSON number, without a fraction if it has none.
fn number(threshold: f64) -> Json {
    if threshold.fract() == 0.0 && threshold.abs() < 1e15 { json!(threshold as i64) } else { json!(threshold) }
}

/// `2026-02-04T15:30:00+08:00`
pub fn rfc3339(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
