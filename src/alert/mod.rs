//! The alert state machine: is a finding news?
//!
//! Pure: findings and the time go in, transitions come out, each with its reason. It knows no text, and whoever calls it
//! saves it together with the messages made of its transitions.

mod check;
mod transition;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use transition::{News, Transition};

use crate::clock::{Boot, Now};
use crate::rule::{Finding, Limit, Verdict};
use crate::snapshot::{Key, Snapshot, Value};

pub use check::LONGEST_WAIT;

/// How long a container that was told of, and is not there any more, is waited for under its name.
pub const NAME_IS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Of containers that one `compose down` stopped the graces end together.
const TAKEN_DOWN_TOGETHER: Duration = Duration::from_secs(2);

/// As many alerts that are over are remembered for their cooldown; the oldest are forgotten first.
const MAX_COOLING_DOWN: usize = 1000;

/// What the configuration says of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long after an alert's firing message no other one is sent for it.
    pub cooldown: Duration,
    pub send_recovery: bool,
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
    /// Whether this firing was told; one that began inside the cooldown, or waits out its grace, is not yet.
    pub told: bool,
    /// When its last firing message was made.
    pub last_told: Option<Told>,
    /// Not told before this instant, whatever the cooldown says: the end of its grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_from: Option<Boot>,
    /// Since when no look speaks of it any more, where its name may come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<Boot>,
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

/// What one look speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A check: of everything that is watched. Lasting alerts are told again.
    Check,
    /// Of everything that comes from the Docker engine.
    Docker,
    /// Of what it has findings for, and of nothing else.
    Named,
}

/// All alerts of the host, by what they are about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertBook {
    alerts: BTreeMap<Key, Alert>,
}

impl AlertBook {
    /// Takes in what a look found. What is watched and was not read is unknown and stays as it is; what a look of this
    /// extent should have spoken of, and does not watch, is not watched any more.
    #[must_use]
    pub fn step(
        &mut self,
        findings: &[Finding<'_>],
        snapshot: &Snapshot,
        extent: Extent,
        now: Now,
        policy: Policy,
    ) -> Vec<Transition> {
        let mut transitions = self.drop_unwatched(findings, snapshot, extent, now);
        for finding in findings {
            transitions.extend(self.take_in(finding, extent, now, policy));
        }
        self.forget_cooled_down(now.boot, policy.cooldown);
        debug_assert!(self.alerts.iter().all(|(key, alert)| *key == alert.key && alert.is_consistent()));
        transitions
    }

    /// Alerts that are firing, told or not, in the order in which they began.
    pub fn firing(&self) -> Vec<&Alert> {
        let mut firing: Vec<&Alert> = self.alerts.values().filter(|alert| alert.firing).collect();
        firing.sort_by_key(|alert| (alert.since, alert.key.metric.order));
        firing
    }

    pub fn firing_count(&self) -> usize {
        self.alerts.values().filter(|alert| alert.firing).count()
    }

    pub fn is_firing(&self, key: &Key) -> bool {
        self.alerts.get(key).is_some_and(|alert| alert.firing)
    }

    /// The first instant after `after` at which an alert that was kept back may be told, and what it is about: it is to be
    /// looked at again then.
    pub fn next_due(&self, after: Boot, policy: Policy) -> Option<(Boot, &Key)> {
        let untold = self.alerts.values().filter(|alert| alert.firing && !alert.told && alert.gone_since.is_none());
        let due = untold.filter_map(|alert| Some((alert.may_be_told_from(policy).filter(|due| *due > after)?, alert)));
        let first = due.clone().min_by_key(|(due, _)| *due)?.0;
        let together = |alert: &Alert| alert.told_from <= Some(first.after(TAKEN_DOWN_TOGETHER));
        let last = due.filter(|(due, alert)| *due == first || alert.told_from == Some(*due) && together(alert));
        last.max_by_key(|(due, _)| *due).map(|(due, alert)| (due, &alert.key))
    }

    /// Moves every instant to the clock of another start of the machine.
    pub fn shift(&mut self, micros: i64) {
        for alert in self.alerts.values_mut() {
            let instants = alert.last_told.iter_mut().map(|told| &mut told.boot);
            for instant in instants.chain(&mut alert.told_from).chain(&mut alert.gone_since) {
                *instant = instant.shifted(micros);
            }
        }
    }

    /// What is not watched any more does not fire, but its cooldown goes on: a container that is made anew under its old
    /// name is the same alert. Of a container that was told of, the name is kept for a day: it is over when a container of
    /// this name is well.
    fn drop_unwatched(
        &mut self,
        findings: &[Finding<'_>],
        snapshot: &Snapshot,
        extent: Extent,
        now: Now,
    ) -> Vec<Transition> {
        if extent == Extent::Named || !self.alerts.values().any(|alert| alert.firing) {
            return Vec::new();
        }
        let found = findings.iter().map(|finding| &finding.reading.key);
        let watched: BTreeSet<&Key> = found.chain(snapshot.watched_keys()).collect();
        let mut dropped = Vec::new();
        for alert in self.alerts.values_mut().filter(|alert| alert.firing) {
            let spoken_of = extent == Extent::Check || alert.key.metric.is_of_docker();
            if !spoken_of || watched.contains(&alert.key) || snapshot.watches_every(alert.key.metric) {
                continue;
            }
            let gone_since = *alert.gone_since.get_or_insert(now.boot);
            if alert.told && alert.key.metric.is_of_docker() && now.boot - gone_since < NAME_IS_KEPT {
                continue;
            }
            alert.end();
            dropped.push(alert.transition(News::Dropped));
        }
        dropped
    }

    fn take_in(&mut self, finding: &Finding<'_>, extent: Extent, now: Now, policy: Policy) -> Option<Transition> {
        let key = &finding.reading.key;
        match finding.verdict {
            Verdict::Unknown => None,
            Verdict::Clear => self.alerts.get_mut(key)?.clear(finding, policy),
            Verdict::Breach(_) => {
                let limit = finding.limit.as_ref()?;
                let alert = self.alerts.entry(key.clone()).or_insert_with(|| Alert::new(finding, limit, now));
                alert.breach(finding, extent, now, policy)
            }
        }
    }

    /// Forgets what is over and has cooled down, and of the rest what is over its bound, the oldest first.
    fn forget_cooled_down(&mut self, now: Boot, cooldown: Duration) {
        self.alerts.retain(|_, alert| alert.firing || alert.is_cooling_down(now, cooldown));
        let over = self.alerts.values().filter(|alert| !alert.firing);
        let mut told: Vec<Boot> = over.filter_map(|alert| Some(alert.last_told?.boot)).collect();
        if let Some(surplus) = told.len().checked_sub(MAX_COOLING_DOWN + 1) {
            let (_, newest_forgotten, _) = told.select_nth_unstable(surplus);
            let newest_forgotten = *newest_forgotten;
            let is_kept = |alert: &Alert| alert.last_told.is_some_and(|told| told.boot > newest_forgotten);
            self.alerts.retain(|_, alert| alert.firing || is_kept(alert));
        }
    }
}

/// As a list: the form of state version 1.
impl Serialize for AlertBook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.alerts.values())
    }
}

impl<'de> Deserialize<'de> for AlertBook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AlertBook, D::Error> {
        let alerts = Vec::<Alert>::deserialize(deserializer)?;
        let mut book = AlertBook::default();
        for mut alert in alerts {
            alert.told &= alert.last_told.is_some();
            // Version 0.1 left these as they were when an alert ended.
            if !alert.firing {
                alert.end();
            }
            book.alerts.insert(alert.key.clone(), alert);
        }
        Ok(book)
    }
}

impl Alert {
    /// An alert that does not fire yet.
    fn new(finding: &Finding<'_>, limit: &Limit, now: Now) -> Alert {
        Alert {
            key: finding.reading.key.clone(),
            firing: false,
            since: now.wall,
            told: false,
            last_told: None,
            told_from: None,
            gone_since: None,
            value: finding.reading.value.clone(),
            limit: limit.clone(),
        }
    }

    /// What always holds, whatever was read from a state file.
    fn is_consistent(&self) -> bool {
        let only_while_firing = self.told || self.told_from.is_some() || self.gone_since.is_some();
        (self.firing || !only_while_firing) && (!self.told || self.last_told.is_some())
    }

    fn is_cooling_down(&self, now: Boot, cooldown: Duration) -> bool {
        self.last_told.is_some_and(|told| now - told.boot < cooldown)
    }

    /// When an alert that was not told yet may be; `None`: at once.
    fn may_be_told_from(&self, policy: Policy) -> Option<Boot> {
        let cooldown = self.last_told.map(|told| told.boot.after(policy.cooldown));
        self.told_from.max(cooldown)
    }

    fn breach(&mut self, finding: &Finding<'_>, extent: Extent, now: Now, policy: Policy) -> Option<Transition> {
        let began = !self.firing;
        if began {
            self.firing = true;
            self.since = now.wall;
        }
        self.gone_since = None;
        self.follow(finding);
        if self.told {
            let is_due = extent == Extent::Check && !self.is_cooling_down(now.boot, policy.cooldown);
            let again = is_due && !self.value.is_told_once();
            return again.then(|| self.tell(News::Reminded, now));
        }
        // A grace runs from the beginning; what needs none (it crashed meanwhile) is told at once.
        let first = self.told_from.is_none();
        if finding.wait.is_zero() {
            self.told_from = None;
        } else if first {
            self.told_from = Some(now.boot.after(finding.wait));
        }
        if self.told_from.is_some_and(|from| now.boot < from) {
            return first.then(|| self.transition(News::Pending));
        }
        if self.is_cooling_down(now.boot, policy.cooldown) {
            return began.then(|| self.transition(News::HeldBack));
        }
        // Where it was told before, its firing of before has just cooled down.
        let late = !began && self.last_told.is_some();
        Some(self.tell(if late { News::Reminded } else { News::Fired }, now))
    }

    fn tell(&mut self, news: News, now: Now) -> Transition {
        self.told = true;
        self.told_from = None;
        self.last_told = Some(Told { wall: now.wall, boot: now.boot });
        self.transition(news)
    }

    fn clear(&mut self, finding: &Finding<'_>, policy: Policy) -> Option<Transition> {
        if !self.firing {
            return None;
        }
        let news = match (self.told, policy.send_recovery) {
            (false, _) => News::RecoveredUntold,
            (true, false) => News::RecoveredMuted,
            (true, true) => News::Recovered,
        };
        self.end();
        self.follow(finding);
        Some(self.transition(news))
    }

    /// Takes over how it stands now. The quantity too: of a name that a state file had, no more than that was known.
    fn follow(&mut self, finding: &Finding<'_>) {
        self.key.clone_from(&finding.reading.key);
        self.value.clone_from(&finding.reading.value);
        if let Some(limit) = &finding.limit {
            self.limit.clone_from(limit);
        }
    }

    fn end(&mut self) {
        (self.firing, self.told, self.told_from, self.gone_since) = (false, false, None, None);
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
