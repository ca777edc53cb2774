//! What the agent knows, as `status --json` prints it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{Daemon, Orders, Outside};
use crate::clock::Now;
use crate::files::Folder;
use crate::outbox::{Entry, Outbox};
use crate::rules::Limit;
use crate::schedule::Reporter;
use crate::snapshot::Value;
use crate::store::State;

/// The document that `status --json` prints. Times are RFC 3339; one that is not known is `null`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub schema: u32,
    pub host: String,
    pub time: String,
    pub running: bool,
    pub pid: Option<u32>,
    pub last_check: Option<String>,
    pub next_check: Option<String>,
    pub next_report: Option<String>,
    pub last_report: Option<String>,
    pub alerts: Vec<AlertStatus>,
    pub pending: Vec<PendingStatus>,
    pub failures: Vec<FailureStatus>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlertStatus {
    pub metric: String,
    pub target: String,
    pub state: String,
    pub since: String,
    pub last_told: Option<String>,
    /// A number, or a container's word.
    pub value: Json,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PendingStatus {
    pub kind: String,
    pub title: String,
    pub created: String,
    pub attempts: u32,
    pub next_attempt: Option<String>,
    pub last_error: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FailureStatus {
    pub collector: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    pub error: String,
    pub since: Option<String>,
}

impl Status {
    /// What the state file alone tells, while no agent runs (or none that answers: then its process id is known).
    pub fn at_rest(orders: &Orders, state: &State, pid: Option<u32>, now: Now) -> Status {
        let zone = &orders.style.zone;
        let saved = state.report.clone();
        let reporter = Reporter::new(&orders.reports, orders.report_zone.clone(), &orders.style.host, saved, now.wall);
        Status {
            schema: 1,
            host: orders.style.host.clone(),
            time: rfc3339(now.wall, zone),
            running: pid.is_some(),
            pid,
            last_check: None,
            next_check: None,
            next_report: reporter.next_after(now.wall).map(|time| rfc3339(time, zone)),
            last_report: reporter.state().last_sent.map(|time| rfc3339(time, zone)),
            alerts: alerts(state, zone),
            pending: pending(&state.outbox, zone, now),
            failures: Vec::new(),
        }
    }

    pub fn to_json(&self) -> String {
        // Strings and numbers alone: there is nothing in it that cannot be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl<O: Outside, F: Folder> Daemon<O, F> {
    pub(super) fn status(&self, now: Now) -> Status {
        let zone = &self.orders.style.zone;
        let next = now.wall.checked_add(self.next_check - now.boot).ok();
        let failures = self.failures.iter().map(|(failure, since)| FailureStatus {
            collector: failure.collector.to_owned(),
            target: failure.target.as_deref().map(str::to_owned),
            error: failure.error.clone(),
            since: Some(rfc3339(*since, zone)),
        });
        Status {
            schema: 1,
            host: self.orders.style.host.clone(),
            time: rfc3339(now.wall, zone),
            running: true,
            pid: Some(std::process::id()),
            last_check: self.last_check.map(|time| rfc3339(time, zone)),
            next_check: next.map(|time| rfc3339(time, zone)),
            next_report: self.reporter.next_after(now.wall).map(|time| rfc3339(time, zone)),
            last_report: self.reporter.state().last_sent.map(|time| rfc3339(time, zone)),
            alerts: alerts(&self.state, zone),
            pending: pending(&self.state.outbox, zone, now),
            failures: failures.collect(),
        }
    }
}

fn alerts(state: &State, zone: &TimeZone) -> Vec<AlertStatus> {
    let status = state.alerts.firing().into_iter().map(|alert| {
        let (threshold, expected) = match &alert.limit {
            Limit::Threshold(threshold) => (Some(number(*threshold)), None),
            Limit::Expected(word) => (None, Some(word.to_string())),
        };
        AlertStatus {
            metric: alert.key.metric.name().to_owned(),
            target: alert.key.target.to_string(),
            state: if alert.told { "firing" } else { "held_back" }.to_owned(),
            since: rfc3339(alert.since, zone),
            last_told: alert.last_told.map(|told| rfc3339(told.wall, zone)),
            value: value_json(&alert.value),
            threshold,
            expected,
        }
    });
    status.collect()
}

fn pending(outbox: &Outbox, zone: &TimeZone, now: Now) -> Vec<PendingStatus> {
    let next = outbox.next_attempt_wall(now).map(|time| rfc3339(time, zone));
    let status = |(place, entry): (usize, &Entry)| PendingStatus {
        kind: entry.message.kind.name().to_owned(),
        title: entry.message.title.clone(),
        created: rfc3339(entry.message.created, zone),
        attempts: entry.attempts,
        // Those behind the first go when it is gone.
        next_attempt: next.clone().filter(|_| place == 0),
        last_error: entry.last_error.clone(),
    };
    outbox.waiting().enumerate().map(status).collect()
}

/// A value as a JSON number or word, in full precision.
pub fn value_json(value: &Value) -> Json {
    match value {
        Value::Usage { percent: number, .. } | Value::Percent(number) | Value::Mbps(number) => json!(number),
        Value::Count(count) => json!(count),
        Value::Container(container) => json!(&*container.word),
    }
}

/// A threshold as a JSON number, whole where it is whole.
pub fn number(threshold: f64) -> Json {
    if threshold.fract() == 0.0 && threshold.abs() < 1e15 { json!(threshold as i64) } else { json!(threshold) }
}

/// `2026-02-04T15:30:00+08:00`
pub fn rfc3339(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
