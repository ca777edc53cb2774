//! Sends recorded readings through the state machine and the words of `run`: the messages that this configuration would
//! have sent. No channel, no state and no waiting.
//!
//! Nothing is measured between two recorded checks, so a wait that ends there is judged at the next one.

mod csv;
mod history;
mod objects;
mod stored;
mod told;
mod words;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::alert::{Alerts, Extent};
use crate::clock::{Boot, Now};
use crate::config::Resolved;
use crate::core::rfc3339;
use crate::forecast::Forecasts;
use crate::hold::{Held, Holds, Silences};
use crate::message::Kind;
use crate::rule::{self, Finding};
use crate::snapshot::{Key, Snapshot, Watched};
use crate::text::counted;

pub use history::{BadHistory, History, Recorded, RecordedCheck};
pub use stored::Stored;
pub use told::Told;

/// One run through a history.
pub struct Replay<'a> {
    config: &'a Resolved,
    alerts: Alerts,
    forecasts: Forecasts,
    held: Held,
    /// The last check.
    snapshot: Snapshot,
    /// For readings over their limit: the time that the first of them stands for, back to the one before it.
    lasted: HashMap<Key, Duration>,
    checks: u64,
    span: Option<(Timestamp, Timestamp)>,
    told: [u64; KINDS.len()],
}

/// The kinds of messages, in the order in which the agent makes them.
const KINDS: [Kind; 4] = [Kind::Held, Kind::Alert, Kind::DockerAlert, Kind::Recovery];

impl<'a> Replay<'a> {
    pub fn new(config: &'a Resolved) -> Replay<'a> {
        // A key without a row in a check is unknown and not forgotten, whatever its target is.
        let watched = config.plan.metrics().map(|(metric, _)| Watched::Every(metric)).collect();
        Replay {
            config,
            alerts: Alerts::default(),
            forecasts: Forecasts::default(),
            held: Held::default(),
            snapshot: Snapshot { watched, ..Snapshot::default() },
            lasted: HashMap::new(),
            checks: 0,
            span: None,
            told: Default::default(),
        }
    }

    /// Takes in a check, and returns the messages that it would have caused.
    pub fn check(&mut self, check: RecordedCheck) -> Vec<Told> {
        self.checks += 1;
        let time = check.time;
        self.span = Some((self.span.map_or(time, |(first, _)| first), time));
        let now = Now { wall: time, boot: Boot::from_micros(time.as_microsecond()) };
        let (readings, stand_for): (_, Vec<Duration>) =
            check.readings.into_iter().map(|recorded| (recorded.reading, recorded.stands_for)).unzip();
        self.snapshot.readings = readings;
        let plan = &self.config.plan;
        self.forecasts.derive(&mut self.snapshot, |metric, target| plan.is_on(metric, target), now.boot);
        let mut findings = rule::evaluate(&self.snapshot, &self.config.rules);
        for (finding, stands_for) in findings.iter_mut().zip(stand_for) {
            shorten_wait(finding, stands_for, &mut self.lasted, &self.alerts);
        }
        let policy = &self.config.policy;
        let transitions = self.alerts.step(&findings, &self.snapshot, Extent::Check, now, policy);
        let holds = Holds::new(&self.config.quiet_hours, &Silences::default(), now, &self.config.style.zone);
        let sorted = self.held.sort(&transitions, &holds, &mut self.alerts, now, policy);
        let released = self.held.release(&holds, &mut self.alerts, now, policy);
        let told = Told::all(released, &sorted.told, time);
        for (kind, count) in KINDS.into_iter().zip(&mut self.told) {
            *count += told.iter().filter(|told| told.kind == kind).count() as u64;
        }
        told
    }

    /// `4032 checks from … to …: 12 messages (7 alert, 5 recovery), 1 alert still firing`
    pub fn summary(&self) -> String {
        let zone = &self.config.style.zone;
        let span = self.span.map(|(first, last)| format!(" from {} to {}", rfc3339(first, zone), rfc3339(last, zone)));
        let kinds = KINDS
            .into_iter()
            .zip(self.told)
            .filter(|(kind, count)| matches!(kind, Kind::Alert | Kind::Recovery) || *count > 0);
        let kinds: Vec<String> = kinds.map(|(kind, count)| format!("{count} {}", kind.name())).collect();
        let firing = self.alerts.active().iter().filter(|alert| alert.is_told()).count();
        let held = self.held.len();
        let held = if held > 0 { format!(", {} held", counted(held, "alert")) } else { String::new() };
        format!(
            "{}{}: {} ({}), {} still firing{held}",
            counted(self.checks, "check"),
            span.unwrap_or_default(),
            counted(self.told.iter().sum::<u64>(), "message"),
            kinds.join(", "),
            counted(firing, "alert"),
        )
    }
}

/// Shortens the wait of a finding by the time that the first reading over the limit stands for.
fn shorten_wait(finding: &mut Finding<'_>, stands_for: Duration, lasted: &mut HashMap<Key, Duration>, alerts: &Alerts) {
    if finding.wait.is_zero() {
        return;
    }
    let key = &finding.reading.key;
    if !alerts.is_active(key) {
        lasted.remove(key);
        if finding.verdict.is_breach() {
            lasted.insert(key.clone(), stands_for);
        }
    }
    finding.wait = finding.wait.saturating_sub(lasted.get(key).copied().unwrap_or_default());
}

#[cfg(test)]
mod tests;
