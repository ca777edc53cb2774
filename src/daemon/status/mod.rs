//! What the agent knows, as `status --json` prints it.

mod last;
mod line;

use std::path::Path;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::reading::{ReadingDocument, limit, rfc3339, unit, value_json};
use super::{Daemon, Orders, Outside};
use crate::clock::Now;
use crate::files::Folder;
use crate::outbox::{Entry, Outbox};
use crate::schedule::Reporter;
use crate::store::State;

pub use last::{Containers, LastReadings};
pub use line::{Standing, counted, service_status};

/// The document that `status --json` prints. Times are RFC 3339; one that is not known is `null`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub schema: u32,
    pub host: String,
    pub time: String,
    pub running: bool,
    pub pid: Option<u32>,
    /// Of the agent that answers; of none that runs, nothing from here to `channel` is known.
    #[serde(default)]
    pub version: Option<String>,
    /// The file that was read; `None` with an agent that runs: there is none, the built-in defaults are in force.
    #[serde(default)]
    pub config: Option<String>,
    /// Why the file on disk is not in force.
    #[serde(default)]
    pub config_problem: Option<String>,
    #[serde(default)]
    pub state_dir: Option<String>,
    #[serde(default)]
    pub channel: Option<String>,
    pub last_check: Option<String>,
    pub next_check: Option<String>,
    pub next_report: Option<String>,
    pub last_report: Option<String>,
    /// Of the last check: all quantities, and the containers that are not as expected (100 at most).
    #[serde(default)]
    pub readings: Vec<ReadingDocument>,
    #[serde(default)]
    pub containers: Containers,
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
    pub unit: Option<String>,
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
    /// What the state file in `folder` tells, while no agent runs (or none that answers: then its process id is known).
    pub fn at_rest(orders: &Orders, folder: &Path, state: &State, pid: Option<u32>, now: Now) -> Status {
        let zone = &orders.style.zone;
        let saved = state.report.clone();
        let reporter = Reporter::new(&orders.reports, orders.report_zone.clone(), &orders.style.host, saved, now.wall);
        Status {
            schema: 1,
            host: orders.style.host.clone(),
            time: rfc3339(now.wall, zone),
            running: pid.is_some(),
            pid,
            version: None,
            config: None,
            config_problem: None,
            state_dir: Some(folder.display().to_string()),
            channel: None,
            last_check: None,
            next_check: None,
            next_report: reporter.next_after(now.wall).map(|time| rfc3339(time, zone)),
            last_report: reporter.state().last_sent.map(|time| rfc3339(time, zone)),
            readings: Vec::new(),
            containers: Containers::default(),
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
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            config: self.mode.config_file.path().map(|file| file.display().to_string()),
            config_problem: self.config_problem.clone(),
            state_dir: Some(self.mode.state_folder.display().to_string()),
            channel: Some(self.orders.channel.to_string()),
            last_check: self.last_check.map(|time| rfc3339(time, zone)),
            next_check: next.map(|time| rfc3339(time, zone)),
            next_report: self.reporter.next_after(now.wall).map(|time| rfc3339(time, zone)),
            last_report: self.reporter.state().last_sent.map(|time| rfc3339(time, zone)),
            readings: self.last_readings.documents(&self.orders.thresholds),
            containers: self.last_readings.containers(),
            alerts: alerts(&self.state, zone),
            pending: pending(&self.state.outbox, zone, now),
            failures: failures.collect(),
        }
    }
}

fn alerts(state: &State, zone: &TimeZone) -> Vec<AlertStatus> {
    let status = state.alerts.firing().into_iter().map(|alert| {
        let (threshold, expected) = limit(&alert.limit);
        AlertStatus {
            metric: alert.key.metric.name().to_owned(),
            target: alert.key.target.to_string(),
            state: if alert.told { "firing" } else { "held_back" }.to_owned(),
            since: rfc3339(alert.since, zone),
            last_told: alert.last_told.map(|told| rfc3339(told.wall, zone)),
            value: value_json(&alert.value),
            unit: unit(&alert.value).map(str::to_owned),
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
