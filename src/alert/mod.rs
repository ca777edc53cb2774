//! The alert state machine: is a finding news?
//!
//! Pure: findings and the time go in, transitions come out, each with its reason. It knows no text, and whoever calls it
//! saves it together with the messages made of its transitions.

mod events;
mod happened;
mod known;
mod look;
mod news;
mod policy;
mod record;
mod saved;
mod streak;
mod validate;

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Boot, Now};
use crate::metric::Metric;
use crate::rule::{Finding, Verdict};
use crate::snapshot::{Key, Snapshot, by_key};

pub use events::Events;
pub use happened::{Happened, Past};
pub use known::Known;
pub use news::{Episode, MessageCounts, News, Transition};
pub use policy::{Policy, Steps};
pub use record::{Alert, Firing, Moment, Pending, Phase, Recovery};

pub use validate::LONGEST_WAIT;

/// How long an alert that was told waits for a container of its name to appear again.
pub const NAME_IS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The number of alerts that are over and still remembered; the oldest are forgotten first.
const MAX_REMEMBERED: usize = 1000;

/// The readings that a look covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A check: of everything that is watched. Lasting alerts are told again.
    Check,
    /// Of everything that comes from the Docker engine.
    Docker,
    /// Only the keys that it has findings for.
    Named,
}

/// All alerts of the host, by their keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Alerts {
    #[serde(with = "by_key")]
    alerts: BTreeMap<Key, Alert>,
    #[serde(skip)]
    unsaved: Unsaved,
}

/// A change that a restart must know, though there was no transition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsaved {
    #[default]
    Nothing,
    /// The numbers of an episode, which later messages tell.
    Numbers,
    /// A wait began or ended: an agent that goes on from a wait that ended long ago would call an alert over before its
    /// time.
    Wait,
}

impl Alerts {
    /// Takes in the findings of a look. A key that is watched and was not read is unknown: its alert stays as it is. A
    /// key that a look of this extent would cover, but does not watch, is no longer watched.
    #[must_use]
    pub fn step(
        &mut self,
        findings: &[Finding<'_>],
        snapshot: &Snapshot,
        extent: Extent,
        now: Now,
        policy: &Policy,
    ) -> Vec<Transition> {
        let mut transitions = self.drop_unwatched(findings, snapshot, extent, now, policy);
        for finding in findings {
            transitions.extend(self.take_in(finding, extent, now, policy));
        }
        self.forget_the_past(now.boot, policy.cooldown);
        debug_assert!(self.alerts.iter().all(|(key, alert)| *key == alert.key));
        debug_assert!(self.alerts.values().all(|alert| !alert.is_told() || alert.last_told.is_some()));
        transitions
    }

    /// The greatest change since the last call.
    pub fn take_unsaved(&mut self) -> Unsaved {
        std::mem::take(&mut self.unsaved)
    }

    /// Firing alerts are told now as they are, outside of any look: the wait until they are told again starts now.
    pub fn tell_as_it_is(
        &mut self,
        key: &Key,
        news: News,
        reminders: u32,
        now: Now,
        policy: &Policy,
    ) -> Option<Transition> {
        self.alerts.get_mut(key)?.tell_as_it_is(news, reminders, now, policy)
    }

    /// The news that a breach would be if it were taken in now.
    pub fn preview(&self, finding: &Finding<'_>, extent: Extent, now: Now, policy: &Policy) -> Option<News> {
        let mut alert = match self.alerts.get(&finding.reading.key) {
            Some(alert) => alert.clone(),
            None => Alert::new(finding, finding.limit()?),
        };
        alert.look(finding, extent, now, policy).map(|transition| transition.news)
    }

    /// Whether people know of an alert of such a quantity.
    pub fn is_told_of(&self, is_it: impl Fn(&Metric) -> bool) -> bool {
        self.alerts.values().any(|alert| alert.is_told() && is_it(alert.key.metric))
    }

    /// Since when a key is over its limit of which nobody was told.
    pub fn pending_since(&self, key: &Key) -> Option<Boot> {
        match &self.alerts.get(key)?.phase {
            Phase::Pending(pending) => Some(pending.over.since),
            _ => None,
        }
    }

    /// Whether some alert is to last before it is told.
    pub fn is_waiting(&self) -> bool {
        self.alerts.values().any(|alert| matches!(alert.phase, Phase::Pending(_)))
    }

    /// Alerts that are not over, told or not, in the order in which they began.
    pub fn active(&self) -> Vec<&Alert> {
        let mut active: Vec<&Alert> = self.alerts.values().filter(|alert| !alert.is_clear()).collect();
        active.sort_by_key(|alert| (alert.since(), alert.key.metric.order));
        active
    }

    /// The number of alerts, those that are over and remembered included.
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// Of these the ones that people know of, or would but for a cooldown.
    pub fn lasting_at(&self, now: Boot) -> impl Iterator<Item = &Alert> {
        self.active().into_iter().filter(move |alert| alert.is_told() || alert.has_lasted(now))
    }

    pub fn active_count(&self) -> usize {
        self.alerts.values().filter(|alert| !alert.is_clear()).count()
    }

    pub fn is_active(&self, key: &Key) -> bool {
        self.alerts.get(key).is_some_and(|alert| !alert.is_clear())
    }

    /// The instants after `after` at which a look can change an alert though no reading changes: the end of a `for`, a
    /// grace, a cooldown or a settling. Either for readings from the Docker engine, or for all others.
    pub fn due(&self, of_docker: bool, after: Boot, policy: &Policy) -> impl Iterator<Item = Boot> {
        let alerts = self.alerts.values().filter(move |alert| alert.key.metric.is_of_docker() == of_docker);
        alerts.filter_map(move |alert| alert.next_due(after, policy))
    }

    /// Of these the ends of a `for` or a grace, by which a breach has lasted.
    pub fn lasting(&self, of_docker: bool, after: Boot, policy: &Policy) -> impl Iterator<Item = Boot> {
        let alerts = self.alerts.values().filter(move |alert| alert.key.metric.is_of_docker() == of_docker);
        alerts.filter_map(move |alert| alert.lasted_at(after, policy))
    }

    /// Disks have other paths from now on, and their alerts go on there. One that is over gives way to one that is not.
    pub fn retarget(&mut self, moves: &[(Rc<str>, Rc<str>)]) {
        let is_kept = |there: &Alert, moved: &Alert| moved.is_clear() && !there.is_clear();
        by_key::retarget(&mut self.alerts, moves, |alert, key| alert.key = key, is_kept);
    }

    /// Moves every instant to the clock of another start of the machine.
    pub fn shift(&mut self, micros: i64) {
        for instant in self.alerts.values_mut().flat_map(Alert::instants) {
            *instant = instant.shifted(micros);
        }
    }

    /// An alert whose key is no longer watched stops firing, but its cooldown goes on: a container that is made anew
    /// under its old name has the same alert. If a container's alert was told, its name is kept for a day: the alert is
    /// over when a container of this name is well.
    fn drop_unwatched(
        &mut self,
        findings: &[Finding<'_>],
        snapshot: &Snapshot,
        extent: Extent,
        now: Now,
        policy: &Policy,
    ) -> Vec<Transition> {
        if extent == Extent::Named || self.active_count() == 0 {
            return Vec::new();
        }
        let found = findings.iter().map(|finding| &finding.reading.key);
        // Few of tens of thousands of keys have an alert, and to hash a key costs more than to find that it has none.
        let all = found.chain(snapshot.watched_keys());
        let watched: HashSet<&Key> = all.filter(|key| self.alerts.contains_key(*key)).collect();
        let mut dropped = Vec::new();
        for alert in self.alerts.values_mut().filter(|alert| !alert.is_clear()) {
            let spoken_of = extent == Extent::Check || alert.key.metric.is_of_docker();
            let is_watched = watched.contains(&alert.key) || snapshot.watches_every(alert.key.metric);
            if !spoken_of || is_watched || snapshot.resting.contains(&alert.key.target) {
                continue;
            }
            let gone_since = *alert.gone_since.get_or_insert(now.boot);
            if alert.is_told() && alert.key.metric.is_of_docker() && now.boot - gone_since < NAME_IS_KEPT {
                continue;
            }
            dropped.push(alert.drop_it(policy));
        }
        dropped
    }

    fn take_in(&mut self, finding: &Finding<'_>, extent: Extent, now: Now, policy: &Policy) -> Option<Transition> {
        let key = &finding.reading.key;
        let alert = match finding.verdict {
            Verdict::Near | Verdict::Unknown => return None,
            Verdict::Clear => self.alerts.get_mut(key)?,
            Verdict::Breach(_) => self.breached(finding)?,
        };
        let (waits, numbers) = (alert.waits(), alert.numbers());
        let transition = alert.look(finding, extent, now, policy);
        let unsaved = match () {
            () if alert.waits() != waits => Unsaved::Wait,
            () if alert.numbers() != numbers => Unsaved::Numbers,
            () => Unsaved::Nothing,
        };
        self.unsaved = self.unsaved.max(unsaved);
        transition
    }

    #[inline(never)]
    fn breached(&mut self, finding: &Finding<'_>) -> Option<&mut Alert> {
        let limit = finding.limit()?;
        Some(self.alerts.entry(finding.reading.key.clone()).or_insert_with(|| Alert::new(finding, limit)))
    }

    /// Forgets the alerts that are over and whose past no longer matters. Of the others that are over it forgets those
    /// beyond the bound, the oldest first.
    fn forget_the_past(&mut self, now: Boot, cooldown: Duration) {
        self.alerts.retain(|_, alert| alert.is_remembered(now, cooldown));
        let over = self.alerts.values().filter(|alert| alert.is_clear());
        let mut seen: Vec<Boot> = over.filter_map(Alert::last_seen).collect();
        if let Some(surplus) = seen.len().checked_sub(MAX_REMEMBERED + 1) {
            self.forget_oldest(&mut seen, surplus);
        }
    }

    /// Of the alerts that are over, which were last `seen` then, forgets the oldest up to the one at `surplus`.
    #[inline(never)]
    fn forget_oldest(&mut self, seen: &mut [Boot], surplus: usize) {
        let (_, newest_forgotten, _) = seen.select_nth_unstable(surplus);
        let newest_forgotten = *newest_forgotten;
        let is_kept = |alert: &Alert| alert.last_seen().is_some_and(|seen| seen > newest_forgotten);
        self.alerts.retain(|_, alert| !alert.is_clear() || is_kept(alert));
    }
}

/// Two are the same if their alerts are, saved or not.
impl PartialEq for Alerts {
    fn eq(&self, other: &Alerts) -> bool {
        self.alerts == other.alerts
    }
}

#[cfg(test)]
mod tests;
