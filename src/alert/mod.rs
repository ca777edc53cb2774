//! The alert state machine: is a finding news?
//!
//! Pure: findings and the time go in, transitions come out, each with its reason. It knows no text, and whoever calls it
//! saves it together with the messages made of its transitions.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::{Boot, Now};
use crate::rules::{Finding, Limit, Verdict};
use crate::snapshot::{Failure, Key, Value};

/// What the configuration says of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long after an alert's firing message no other one is sent for it.
    pub cooldown: Duration,
    pub send_recovery: bool,
}

/// What changed with one alert, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    pub key: Key,
    pub news: News,
    pub value: Value,
    pub limit: Limit,
    /// When the alert began to fire.
    pub since: Timestamp,
}

/// The reason for a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It began to fire: told.
    Fired,
    /// It fires still (or again), and its cooldown is over: told.
    Reminded,
    /// It began to fire again inside its cooldown: not told, unless it lasts.
    HeldBack,
    /// What was told is over: told.
    Recovered,
    /// It is over, and its firing was never told: not told either.
    RecoveredUntold,
    /// It is over, and `send_recovery` is off.
    RecoveredMuted,
    /// What it was about is not watched any more: not told.
    Dropped,
}

impl News {
    /// The word for it in the log.
    pub const fn name(self) -> &'static str {
        match self {
            News::Fired | News::Reminded => "firing",
            News::HeldBack => "held_back",
            News::Recovered | News::RecoveredUntold | News::RecoveredMuted => "recovered",
            News::Dropped => "dropped",
        }
    }

    /// Why, in the log.
    pub const fn reason(self) -> &'static str {
        match self {
            News::Fired => "began",
            News::Reminded => "cooldown_over",
            News::HeldBack => "inside_cooldown",
            News::Recovered => "told_before",
            News::RecoveredUntold => "never_told",
            News::RecoveredMuted => "send_recovery_off",
            News::Dropped => "not_watched",
        }
    }

    /// Whether a firing message is due.
    pub const fn is_firing_message(self) -> bool {
        matches!(self, News::Fired | News::Reminded)
    }

    /// Whether a recovery message is due.
    pub const fn is_recovery_message(self) -> bool {
        matches!(self, News::Recovered)
    }
}

/// How many messages of each kind alerts gave rise to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub alerts: u64,
    pub recoveries: u64,
}

impl Tally {
    /// Adds what was told of `transitions`.
    pub fn count(&mut self, transitions: &[Transition]) {
        let told = |is: fn(News) -> bool| transitions.iter().filter(|t| is(t.news)).count() as u64;
        self.alerts += told(News::is_firing_message);
        self.recoveries += told(News::is_recovery_message);
    }
}

/// One alert: firing, or over and still inside its cooldown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    #[serde(flatten)]
    pub key: Key,
    pub firing: bool,
    /// When it began to fire.
    pub since: Timestamp,
    /// Whether this firing was told; one that began inside the cooldown is not, until that is over.
    pub told: bool,
    /// When its last firing message was made.
    pub last_told: Option<Told>,
    /// As of the last check that could measure it.
    pub value: Value,
    pub limit: Limit,
}

/// A moment on both clocks: one for people, one that the cooldown runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub wall: Timestamp,
    pub boot: Boot,
}

/// All alerts of the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertBook {
    alerts: Vec<Alert>,
}

impl AlertBook {
    /// Takes in what a check found. What a failure covers is unknown and stays as it is; what neither a finding nor a
    /// failure speaks of is not watched any more.
    #[must_use]
    pub fn step(
        &mut self,
        findings: &[Finding<'_>],
        failures: &[Failure],
        now: Now,
        policy: Policy,
    ) -> Vec<Transition> {
        self.step_among(|_| true, findings, failures, now, policy)
    }

    /// The same for a look at some targets alone: what was not looked at stays as it is.
    #[must_use]
    pub fn step_among(
        &mut self,
        looked_at: impl Fn(&Key) -> bool,
        findings: &[Finding<'_>],
        failures: &[Failure],
        now: Now,
        policy: Policy,
    ) -> Vec<Transition> {
        let mut transitions = self.drop_unwatched(looked_at, findings, failures);
        for finding in findings {
            transitions.extend(self.take_in(finding, now, policy));
        }
        self.forget_cooled_down(now.boot, policy.cooldown);
        transitions
    }

    /// Alerts that are firing, told or not, in the order in which they began.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.firing)
    }

    /// Moves every instant to the clock of another start of the machine.
    pub fn shift(&mut self, micros: i64) {
        for told in self.alerts.iter_mut().filter_map(|alert| alert.last_told.as_mut()) {
            told.boot = told.boot.shifted(micros);
        }
    }

    /// What is not watched any more does not fire, but its cooldown goes on: a container that is made anew under its old
    /// name is the same alert.
    fn drop_unwatched(
        &mut self,
        looked_at: impl Fn(&Key) -> bool,
        findings: &[Finding<'_>],
        failures: &[Failure],
    ) -> Vec<Transition> {
        let mut dropped = Vec::new();
        for alert in self.alerts.iter_mut().filter(|alert| alert.firing && looked_at(&alert.key)) {
            let watched = findings.iter().any(|finding| finding.reading.key == alert.key)
                || failures.iter().any(|failure| failure.covers(&alert.key));
            if !watched {
                alert.firing = false;
                dropped.push(alert.transition(News::Dropped));
            }
        }
        dropped
    }

    fn take_in(&mut self, finding: &Finding<'_>, now: Now, policy: Policy) -> Option<Transition> {
        let place = self.alerts.iter().position(|alert| alert.key == finding.reading.key);
        match (finding.verdict, place) {
            (Verdict::Unknown, _) | (Verdict::Clear, None) => None,
            (Verdict::Clear, Some(place)) => self.alerts[place].clear(finding, policy),
            (Verdict::Breach, Some(place)) => self.alerts[place].breach(finding, now, policy),
            (Verdict::Breach, None) => {
                let mut alert = Alert {
                    key: finding.reading.key.clone(),
                    firing: false,
                    since: now.wall,
                    told: false,
                    last_told: None,
                    value: finding.reading.value.clone(),
                    limit: finding.limit.clone(),
                };
                let transition = alert.breach(finding, now, policy);
                self.alerts.push(alert);
                transition
            }
        }
    }

    fn forget_cooled_down(&mut self, now: Boot, cooldown: Duration) {
        self.alerts.retain(|alert| alert.firing || alert.is_cooling_down(now, cooldown));
    }
}

impl Alert {
    fn is_cooling_down(&self, now: Boot, cooldown: Duration) -> bool {
        self.last_told.is_some_and(|told| now - told.boot < cooldown)
    }

    fn breach(&mut self, finding: &Finding<'_>, now: Now, policy: Policy) -> Option<Transition> {
        let began = !self.firing;
        if began {
            self.firing = true;
            self.told = false;
            self.since = now.wall;
        }
        self.value.clone_from(&finding.reading.value);
        self.limit.clone_from(&finding.limit);
        if self.is_cooling_down(now.boot, policy.cooldown) {
            return began.then(|| self.transition(News::HeldBack));
        }
        self.told = true;
        self.last_told = Some(Told { wall: now.wall, boot: now.boot });
        Some(self.transition(if began { News::Fired } else { News::Reminded }))
    }

    fn clear(&mut self, finding: &Finding<'_>, policy: Policy) -> Option<Transition> {
        if !self.firing {
            return None;
        }
        self.firing = false;
        self.value.clone_from(&finding.reading.value);
        self.limit.clone_from(&finding.limit);
        Some(self.transition(match (self.told, policy.send_recovery) {
            (false, _) => News::RecoveredUntold,
            (true, false) => News::RecoveredMuted,
            (true, true) => News::Recovered,
        }))
    }

    fn transition(&self, news: News) -> Transition {
        Transition {
            key: self.key.clone(),
            news,
            value: self.value.clone(),
            limit: self.limit.clone(),
            since: self.since,
        }
    }
}

#[cfg(test)]
mod tests;
