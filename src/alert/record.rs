//! One alert, and the fields that a look changes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::policy::{Policy, RETURNS_ARE_REMEMBERED};
use super::saved::SavedAlert;
use super::streak::Streak;
use crate::clock::{self, Boot, Now};
use crate::rule::{Finding, Level, Limit};
use crate::snapshot::{Key, Keyed, Value};

/// One alert: pending, firing, or over and remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "SavedAlert", into = "SavedAlert")]
pub struct Alert {
    pub key: Key,
    pub phase: Phase,
    /// From the last look that could measure it.
    pub value: Value,
    pub limit: Limit,
    /// When its last firing message was made.
    pub last_told: Option<Moment>,
    pub recovery: Option<Recovery>,
    /// How often it came back within a day of its recovery.
    pub returns: u32,
    /// Since when no look covers it any more, if its name may come back.
    pub gone_since: Option<Boot>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The quantity is not over its limit.
    Clear,
    /// It is over its limit and not told: it has not lasted long enough, or its cooldown runs.
    Pending(Pending),
    /// It was told and is not over yet.
    Firing(Firing),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    pub since: Timestamp,
    pub over: Streak,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<Streak>,
    /// How long it must last.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub wait: Duration,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Firing {
    pub since: Timestamp,
    /// From the last look that found it over its limit.
    pub level: Level,
    /// Whether its critical level was told since it began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_critical_told: bool,
    /// The limit that was told then, of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical_limit: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<Streak>,
    /// How long it must be over its critical limit.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub wait: Duration,
    /// The number that people know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_value: Option<f64>,
    /// The worst number since it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<f64>,
    #[serde(default)]
    pub reminders: u32,
    /// How many checks found it over its limit.
    #[serde(default)]
    pub checks: u32,
    /// Since when it is below its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub well_since: Option<Moment>,
}

/// One moment on both clocks: one for people, one for waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub wall: Timestamp,
    pub boot: Boot,
}

/// The end of an alert that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    pub at: Boot,
    /// Whether there was a message of it.
    pub is_told: bool,
}

impl From<Now> for Moment {
    fn from(now: Now) -> Moment {
        Moment { wall: now.wall, boot: now.boot }
    }
}

impl Keyed for Alert {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Alert {
    /// A new alert, without any past.
    pub(super) fn new(finding: &Finding<'_>, limit: Limit) -> Alert {
        Alert {
            key: finding.reading.key.clone(),
            phase: Phase::Clear,
            value: finding.reading.value.clone(),
            limit,
            last_told: None,
            recovery: None,
            returns: 0,
            gone_since: None,
        }
    }

    /// Since when it is over its limit, told or not. Never called for an alert that is clear.
    pub fn since(&self) -> Timestamp {
        match &self.phase {
            Phase::Clear => Timestamp::UNIX_EPOCH,
            Phase::Pending(pending) => pending.since,
            Phase::Firing(firing) => firing.since,
        }
    }

    /// Its state as `status` names it.
    pub const fn state(&self) -> &'static str {
        match &self.phase {
            Phase::Clear => "clear",
            Phase::Pending(_) => "pending",
            Phase::Firing(Firing { well_since: Some(_), .. }) => "settling",
            Phase::Firing(_) => "firing",
        }
    }

    pub fn is_clear(&self) -> bool {
        self.phase == Phase::Clear
    }

    /// The alert as people know it: told, and its end not yet told.
    pub const fn firing(&self) -> Option<&Firing> {
        match &self.phase {
            Phase::Firing(firing) => Some(firing),
            Phase::Clear | Phase::Pending(_) => None,
        }
    }

    /// Since when it is below its limit, while it settles.
    pub fn well_since(&self) -> Option<Timestamp> {
        Some(self.firing()?.well_since?.wall)
    }

    /// Whether a breach of which nobody was told has lasted for its `for` or its grace.
    pub(super) fn has_lasted(&self, now: Boot) -> bool {
        matches!(&self.phase, Phase::Pending(pending) if pending.over.has_lasted(pending.wait, now))
    }

    pub const fn is_told(&self) -> bool {
        self.firing().is_some()
    }

    /// The level at which it is told now, or would be but for a cooldown.
    pub fn level(&self, now: Boot) -> Level {
        match &self.phase {
            Phase::Firing(firing) => firing.level,
            Phase::Pending(Pending { critical: Some(critical), wait, .. }) if critical.has_lasted(*wait, now) => {
                Level::Critical
            }
            Phase::Clear | Phase::Pending(_) => Level::Warning,
        }
    }

    /// When its `for` or its grace, which runs at `after`, has ended, and no cooldown keeps it back.
    pub(super) fn lasted_at(&self, after: Boot, policy: &Policy) -> Option<Boot> {
        let (over, critical, wait) = match &self.phase {
            Phase::Clear => return None,
            Phase::Pending(pending) => (Some(pending.over), pending.critical, pending.wait),
            Phase::Firing(firing) => (None, firing.critical.filter(|_| !firing.is_critical_told), firing.wait),
        };
        let runs = |streak: Streak| Some(streak.since.after(wait)).filter(|end| *end > after);
        let over = over.and_then(runs).map(|end| self.cooldown_ends(policy).map_or(end, |cooldown| cooldown.max(end)));
        clock::earliest(&[over, critical.and_then(runs)]).filter(|_| self.gone_since.is_none())
    }

    /// The next instant after `after` at which a look can change something; `None`: only readings can.
    pub(super) fn next_due(&self, after: Boot, policy: &Policy) -> Option<Boot> {
        if self.gone_since.is_some() {
            return None;
        }
        let ends = match &self.phase {
            Phase::Clear => [None, None],
            Phase::Pending(pending) => {
                let lasts_from = pending.over.since.after(pending.wait);
                let critical_from = pending.critical.map(|streak| streak.since.after(pending.wait));
                [Some(self.cooldown_ends(policy).map_or(lasts_from, |end| end.max(lasts_from))), critical_from]
            }
            Phase::Firing(firing) => {
                let untold = firing.critical.filter(|_| !firing.is_critical_told);
                let settled = firing.well_since.map(|well| well.boot.after(self.settling(policy)));
                [untold.map(|streak| streak.since.after(firing.wait)), settled]
            }
        };
        ends.into_iter().flatten().filter(|end| *end > after).min()
    }

    /// Since when its waits run: over its critical limit, and below its limit.
    pub(super) fn waits(&self) -> [Option<Boot>; 2] {
        match &self.phase {
            Phase::Clear => [None, None],
            Phase::Pending(pending) => [pending.critical.map(|streak| streak.since), None],
            Phase::Firing(firing) => {
                [firing.critical.map(|streak| streak.since), firing.well_since.map(|well| well.boot)]
            }
        }
    }

    /// The results of its episode, as later messages tell them: its worst number, whether more than one check found it, and
    /// the sums by which a rate is judged.
    pub(super) fn numbers(&self) -> (Option<f64>, bool, [Option<f64>; 2]) {
        let sum = |streak: Option<Streak>| streak.map(Streak::sum);
        match &self.phase {
            Phase::Clear => (None, false, [None, None]),
            Phase::Pending(pending) => (None, false, [sum(Some(pending.over)), sum(pending.critical)]),
            Phase::Firing(firing) => (firing.peak, firing.checks > 1, [None, sum(firing.critical)]),
        }
    }

    /// The earliest time at which a check tells it again, if it lasts.
    pub fn next_reminder(&self, policy: &Policy) -> Option<Boot> {
        let firing = self.firing()?;
        let step = policy.repeat.nth(firing.reminders)?.max(policy.cooldown);
        (!self.value.is_told_once()).then_some(self.last_told?.boot.after(step))
    }

    /// The end of the cooldown that keeps a firing message back; `None` if nothing does. A return after a told recovery
    /// is told at once: its settling limits the number of messages that follow.
    pub(super) fn cooldown_ends(&self, policy: &Policy) -> Option<Boot> {
        let told = self.last_told?.boot;
        let is_recovery_told = self.recovery.is_some_and(|recovery| recovery.is_told && recovery.at >= told);
        (!(is_recovery_told && policy.returns_at_once())).then(|| told.after(policy.cooldown))
    }

    /// How long it must be well before it is over.
    pub(super) fn settling(&self, policy: &Policy) -> Duration {
        policy.settling(self.returns).max(self.key.metric.release.after)
    }

    pub(super) fn is_cooling_down(&self, now: Boot, cooldown: Duration) -> bool {
        self.last_told.is_some_and(|told| now - told.boot < cooldown)
    }

    /// Whether its past may still matter, though it is over.
    pub(super) fn is_remembered(&self, now: Boot, cooldown: Duration) -> bool {
        let recovered_lately = self.recovery.is_some_and(|recovery| now - recovery.at < RETURNS_ARE_REMEMBERED);
        !self.is_clear() || recovered_lately || self.is_cooling_down(now, cooldown)
    }

    /// The latest instant of its past. Of the alerts that are over, the one with the oldest is forgotten first.
    pub(super) fn last_seen(&self) -> Option<Boot> {
        self.last_told.map(|told| told.boot).max(self.recovery.map(|recovery| recovery.at))
    }

    /// All instants of its past.
    pub(super) fn instants(&mut self) -> impl Iterator<Item = &mut Boot> {
        let [over, critical, well] = match &mut self.phase {
            Phase::Clear => [None, None, None],
            Phase::Pending(pending) => {
                [Some(&mut pending.over.since), pending.critical.as_mut().map(|streak| &mut streak.since), None]
            }
            Phase::Firing(firing) => [
                None,
                firing.critical.as_mut().map(|streak| &mut streak.since),
                firing.well_since.as_mut().map(|well| &mut well.boot),
            ],
        };
        let told = self.last_told.as_mut().map(|told| &mut told.boot);
        let recovered = self.recovery.as_mut().map(|recovery| &mut recovery.at);
        [over, critical, well, told, recovered, self.gone_since.as_mut()].into_iter().flatten()
    }
}
