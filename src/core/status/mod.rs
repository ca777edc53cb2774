//! The document of `status --json`.

mod held;
mod last;
mod line;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::reading::{ReadingDocument, rfc3339};
use super::{Core, Effect, SilenceStatus};
use crate::clock::Now;
use crate::config::Resolved;
use crate::outbox::{self, Entry, Outbox};
use crate::schedule::Reporter;
use crate::store::{Holder, State};

pub use last::{Containers, LastReadings};
pub use line::{ServiceSummary, service_status};

/// The document that `status --json` prints. Times are RFC 3339; one that is not known is `null`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub schema: u32,
    pub host: String,
    pub time: String,
    pub running: bool,
    pub pid: Option<u32>,
    /// Known only of a running agent, as are `config`, `config_problem`, `channel` and `longest_turn_ms`.
    #[serde(default)]
    pub version: Option<String>,
    /// The file that was read; `None` with an agent that runs: there is none, the built-in defaults are in force.
    #[serde(default)]
    pub config: Option<String>,
    /// The reason why the file on disk is not in force.
    #[serde(default)]
    pub config_problem: Option<String>,
    #[serde(default)]
    pub state_dir: Option<String>,
    #[serde(default)]
    pub channel: Option<String>,
    /// The longest turn of the agent's loop since it was started: for so long it did nothing but one thing.
    #[serde(default)]
    pub longest_turn_ms: Option<f64>,
    /// When the state was saved that all this is read from; `None`: an agent runs.
    #[serde(default)]
    pub saved: Option<String>,
    pub last_check: Option<String>,
    pub next_check: Option<String>,
    pub next_report: Option<String>,
    pub last_report: Option<String>,
    /// From the last check: all quantities, and the containers that are not as expected (100 at most).
    #[serde(default)]
    pub readings: Vec<ReadingDocument>,
    #[serde(default)]
    pub containers: Containers,
    pub alerts: Vec<AlertStatus>,
    /// When the quiet hours of now end; `None`: there are none.
    #[serde(default)]
    pub quiet_until: Option<String>,
    /// The silences that last.
    #[serde(default)]
    pub silences: Vec<SilenceStatus>,
    /// Alerts that came and went while their news was held, and that are told when their hold ends.
    #[serde(default)]
    pub held: Vec<HeldAlertStatus>,
    pub pending: Vec<PendingStatus>,
    /// The last messages that a channel did not take, and that were given up.
    #[serde(default)]
    pub set_aside: Vec<SetAsideStatus>,
    pub failures: Vec<FailureStatus>,
    /// Faults beside messages and readings: of a hand-over, the history, the state's folder.
    #[serde(default)]
    pub troubles: Vec<TroubleStatus>,
}

/// The part of the status that whoever drives the core knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoopFacts {
    /// The longest time for which the loop did not wait for events.
    pub longest_turn: Duration,
    /// The file that the configuration in force is from; `None`: there is none.
    pub config: Option<PathBuf>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetAsideStatus {
    /// The name of the channel that refused it.
    #[serde(default)]
    pub channel: String,
    pub kind: String,
    pub title: String,
    pub created: String,
    pub reason: String,
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
    /// `warning` or `critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// How often it came back within a day of its recovery.
    #[serde(default)]
    pub returns: u32,
    /// Since when it is below its limit, while it settles.
    #[serde(default)]
    pub well_since: Option<String>,
    /// The earliest time at which a check tells it again, if it lasts; none: it is not told again.
    #[serde(default)]
    pub next_reminder: Option<String>,
    /// The number of its last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_value: Option<Json>,
    /// Its news waits until then; `last_told` has its last message before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldAlertStatus {
    pub metric: String,
    pub target: String,
    pub since: String,
    pub ended: String,
    /// How often it came and went.
    pub times: u64,
    pub held_until: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PendingStatus {
    /// The name of the channel that it waits for; empty: there is none.
    #[serde(default)]
    pub channel: String,
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

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TroubleStatus {
    pub subject: String,
    pub error: String,
}

impl Status {
    /// The status by the state file in `folder`, while no agent runs, or none that answers: then its process id is
    /// known.
    pub fn at_rest(config: &Resolved, folder: &Path, state: &State, holder: Option<Holder>, now: Now) -> Status {
        let zone = &config.style.zone;
        let saved = state.report.clone();
        let reporter = Reporter::new(&config.reports, config.report_zone.clone(), &config.style.host, saved, now.wall);
        // Without an agent there is none: `run --once` sends no report.
        let next_report = holder.and_then(|_| reporter.next_after(now.wall));
        Status {
            schema: 1,
            host: config.style.host.clone(),
            time: rfc3339(now.wall, zone),
            running: holder.is_some(),
            pid: holder.and_then(Holder::pid),
            version: None,
            config: None,
            config_problem: None,
            state_dir: Some(folder.display().to_string()),
            channel: None,
            longest_turn_ms: None,
            saved: state.saved.map(|time| rfc3339(time, zone)),
            last_check: None,
            next_check: None,
            next_report: next_report.map(|time| rfc3339(time, zone)),
            last_report: reporter.state().last_sent.map(|time| rfc3339(time, zone)),
            readings: Vec::new(),
            containers: Containers::default(),
            alerts: held::alerts(state, config, now),
            quiet_until: held::quiet_until(config, now),
            silences: held::silences(state, config, now),
            held: held::over(state, config, now),
            pending: pending(state, config, now),
            set_aside: set_aside(state, zone),
            failures: Vec::new(),
            troubles: Vec::new(),
        }
    }

    pub fn to_json(&self) -> String {
        // It holds only strings and numbers, so it can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl Core {
    #[inline(never)]
    pub(super) fn status(&self, facts: &LoopFacts, now: Now) -> Status {
        let zone = &self.config.style.zone;
        let failures = self.failing.iter().map(|(failure, since)| FailureStatus {
            collector: failure.collector.to_owned(),
            target: failure.target.as_deref().map(str::to_owned),
            error: failure.error.clone(),
            since: Some(rfc3339(self.unknown_since(failure).unwrap_or(*since).min(*since), zone)),
        });
        let trouble =
            |(subject, error): (&String, &String)| TroubleStatus { subject: subject.clone(), error: error.clone() };
        let troubles = self.troubles.iter().map(trouble);
        Status {
            running: true,
            pid: Some(std::process::id()),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            config: facts.config.as_ref().map(|file| file.display().to_string()),
            config_problem: self.config_problem.clone(),
            channel: Some(self.channel_names()),
            longest_turn_ms: Some(facts.longest_turn.as_micros() as f64 / 1000.0),
            saved: None,
            last_check: self.checks.last.map(|time| rfc3339(time, zone)),
            next_check: Some(rfc3339(outbox::on_the_wall(self.checks.next, now), zone)),
            next_report: self.reporter.next_after(now.wall).map(|time| rfc3339(time, zone)),
            last_report: self.reporter.state().last_sent.map(|time| rfc3339(time, zone)),
            readings: self.last_readings.documents(&self.config.rules),
            containers: self.last_readings.containers(),
            failures: failures.collect(),
            troubles: troubles.collect(),
            ..Status::at_rest(&self.config, &self.mode.state_folder, self.state.get(), None, now)
        }
    }

    /// Tells the service manager the new status, if it has changed.
    pub(super) fn show_status(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if !self.mode.is_service {
            return;
        }
        let outboxes = self.state.get().outboxes.values();
        let summary = ServiceSummary {
            alerts: self.alerts().active_count(),
            waiting: self.waiting_count(),
            last_error: outboxes.flat_map(Outbox::waiting).find_map(|entry| entry.last_error.as_deref()),
            config_problem: self.config_problem.as_deref(),
            next_check: outbox::on_the_wall(self.checks.next, now),
        };
        let status = service_status(&summary, &self.config.style.zone);
        if status != self.shown_status {
            effects.push(Effect::ShowStatus(status.clone()));
            self.shown_status = status;
        }
    }
}

fn pending(state: &State, config: &Resolved, now: Now) -> Vec<PendingStatus> {
    let zone = &config.style.zone;
    let channels = config.channels_or_terminal();
    let mut pending = Vec::new();
    for (name, outbox) in &state.outboxes {
        let budget = channels.iter().find(|channel| channel.name() == name).and_then(|channel| channel.budget());
        let next = outbox.next_attempt(budget).map(|due| rfc3339(outbox::on_the_wall(due, now), zone));
        let status = |(place, entry): (usize, &Entry)| PendingStatus {
            channel: name.clone(),
            kind: entry.message.kind.name().to_owned(),
            title: entry.message.title.plain().to_owned(),
            created: rfc3339(entry.message.created, zone),
            attempts: entry.attempts,
            // The messages behind the first can go once it is gone.
            next_attempt: next.clone().filter(|_| place == 0),
            last_error: entry.last_error.clone(),
        };
        pending.extend(outbox.waiting().enumerate().map(status));
    }
    pending
}

fn set_aside(state: &State, zone: &TimeZone) -> Vec<SetAsideStatus> {
    let all = state.outboxes.iter().flat_map(|(name, outbox)| outbox.set_aside().map(move |aside| (name, aside)));
    let status = all.map(|(name, aside)| SetAsideStatus {
        channel: name.clone(),
        kind: aside.kind.name().to_owned(),
        title: aside.title.clone(),
        created: rfc3339(aside.created, zone),
        reason: aside.reason.clone(),
    });
    status.collect()
}
