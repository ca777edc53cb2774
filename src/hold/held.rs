//! The held news of alerts: those that burn, and those that came and went.
//!
//! It is saved with the alerts. The state machine goes on as if everything had been told, so a message is owed for each
//! alert in here: a message that is held is not a message that is dropped.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Holds;
use super::debt::{Entry, Open, Over, Worst};
use crate::alert::{Alerts, News, Policy, Transition};
use crate::bounds::{MAX_COUNT, keep};
use crate::clock::Now;
use crate::message::{self, Released, Unlisted};
use crate::rule::Level;
use crate::snapshot::{Key, Value, by_key};

/// The alerts whose news is held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    #[serde(with = "by_key", rename = "alerts")]
    entries: BTreeMap<Key, Entry>,
    /// Those that a state file had no room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unlisted: Option<Unlisted>,
}

/// The fate of the transitions of one look.
#[derive(Debug)]
pub struct Sorted<'a> {
    pub told: Cow<'a, [Transition]>,
    /// They are over, and that is told later.
    pub ended: Vec<&'a Transition>,
}

/// Held news of one alert, as `status` shows it: that it burns, or that it came and went.
#[derive(Clone, Copy, Debug)]
pub struct HeldStatus<'a> {
    pub key: &'a Key,
    pub level: Level,
    /// It burns. When people were told of it last, before the hold; `None`: never.
    pub burning: Option<Option<Timestamp>>,
    /// How many episodes of it are over, from the beginning of the first to the end of the last.
    pub over: Option<(Timestamp, Timestamp, u64)>,
}

impl Held {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unlisted.is_none()
    }

    /// The number of alerts with held news.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the first news is due, by these holds; `None`: nothing is held but a number.
    pub fn due(&self, holds: &Holds, now: Timestamp) -> Option<Timestamp> {
        self.iter().map(|held| holds.until(held.key, held.level).unwrap_or(now)).min()
    }

    /// Whether [`Held::release`] gives anything.
    pub fn is_due(&self, holds: &Holds) -> bool {
        let is_free = |held: HeldStatus<'_>| holds.until(held.key, held.level).is_none();
        self.iter().any(is_free) || (self.unlisted.is_some() && holds.is_none())
    }

    /// Each alert with held news that burns, and each that is over, with the level that decides until when.
    pub fn iter(&self) -> impl Iterator<Item = HeldStatus<'_>> {
        self.entries.values().flat_map(|Entry { key, open, over }| {
            let open = open.as_ref().map(|Open { told, worst: Worst { level, .. }, .. }| HeldStatus {
                key,
                level: *level,
                burning: Some(*told),
                over: None,
            });
            let over = over.as_ref().map(|Over { since, ended, times, worst: Worst { level, .. }, .. }| HeldStatus {
                key,
                level: *level,
                burning: None,
                over: Some((*since, *ended, *times)),
            });
            open.into_iter().chain(over)
        })
    }

    /// Separates news that is told now from held news, which is kept.
    pub fn sort<'a>(
        &mut self,
        transitions: &'a [Transition],
        holds: &Holds,
        alerts: &mut Alerts,
        now: Now,
        policy: &Policy,
    ) -> Sorted<'a> {
        if holds.is_none() && self.is_empty() {
            return Sorted { told: Cow::Borrowed(transitions), ended: Vec::new() };
        }
        let (mut told, mut ended) = (Vec::new(), Vec::new());
        for transition in transitions {
            let burning = self.burning(&transition.key);
            let is_held = holds.of(transition).is_some()
                // At the end of a hold all news is one message,
                || (burning.is_some() && holds.until(&transition.key, Level::Warning).is_none())
                // and no recovery is told before its alert.
                || (burning == Some(false) && transition.news == News::Recovered);
            if message::kind(transition).is_some() && !is_held {
                told.push(self.let_through(transition.clone(), alerts, now, policy));
                continue;
            }
            self.keep(transition, now.wall);
            ended.extend(Some(transition).filter(|transition| transition.news == News::Recovered));
        }
        Sorted { told: Cow::Owned(told), ended }
    }

    /// Whether `key` burns without people knowing its present state; and whether they know that it began.
    fn burning(&self, key: &Key) -> Option<bool> {
        Some(self.entries.get(key)?.open.as_ref()?.is_known)
    }

    /// Keeps the news of an alert. A transition that tells nothing is not kept.
    fn keep(&mut self, transition: &Transition, now: Timestamp) {
        match transition.news {
            news if news.is_firing_message() => self.burns(transition),
            News::Happened => self.happened(transition, now),
            News::Recovered => self.ends(transition, now, true),
            News::RecoveredMuted | News::Dropped => self.ends(transition, now, false),
            _ => {}
        }
    }

    fn burns(&mut self, transition: &Transition) {
        let Transition { key, episode, since, news, .. } = transition;
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(key));
        let is_reminder = *news == News::Reminded;
        let open = entry.open.get_or_insert_with(|| Open {
            since: *since,
            is_known: *news != News::Fired,
            told_value: episode.told_before,
            told: episode.last_told,
            reminders: episode.reminders.saturating_sub(u32::from(is_reminder)),
            is_reminder_due: false,
            worst: Worst::of(transition),
        });
        open.is_reminder_due |= is_reminder;
        open.worst.take_in(Worst::of(transition), key.metric.unit);
    }

    fn happened(&mut self, transition: &Transition, now: Timestamp) {
        let Transition { key, value, episode, since, .. } = transition;
        let times = if let Value::Event(detail) = value { detail.times } else { 1 };
        let last = episode.well_since.unwrap_or(now);
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(key));
        entry.ends(Over { since: *since, ended: last, times, is_known: false, worst: Worst::of(transition) });
    }

    /// It is over. That is owed if people did not know that it began, or are to be told its end.
    fn ends(&mut self, transition: &Transition, now: Timestamp, is_told: bool) {
        let open = self.entries.get_mut(&transition.key).and_then(|entry| entry.open.take());
        if is_told || open.as_ref().is_some_and(|open| !open.is_known) {
            let &Transition { ref key, since, ref episode, .. } = transition;
            let ended = episode.well_since.unwrap_or(now);
            let is_known = open.as_ref().is_none_or(|open| open.is_known);
            let mut worst = open.map_or_else(|| Worst::of(transition), |open| open.worst);
            worst.rise_to(transition);
            let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(key));
            entry.ends(Over { since, ended, times: 1, is_known, worst });
        }
        self.drop_if_done(&transition.key);
    }

    fn drop_if_done(&mut self, key: &Key) {
        if self.entries.get(key).is_some_and(|entry| !entry.is_owed()) {
            self.entries.remove(key);
        }
    }

    /// An alert that is let through is told now: as a beginning, if people do not know of one. A recovery that is told
    /// leaves no other news of its alert.
    fn let_through(&mut self, transition: Transition, alerts: &mut Alerts, now: Now, policy: &Policy) -> Transition {
        let Some(entry) = self.entries.get_mut(&transition.key) else { return transition };
        let open = entry.open.take();
        self.drop_if_done(&transition.key);
        match open {
            Some(open) if transition.news.is_firing_message() => {
                let news = if open.is_known { transition.news } else { News::Fired };
                let told = alerts.tell_as_it_is(&transition.key, news, open.told_again(), now, policy);
                let mut transition = told.unwrap_or(transition);
                transition.episode.told_before = open.told_value;
                transition
            }
            _ => transition,
        }
    }

    /// Takes out the news that nothing holds any more. From now on it is told.
    pub fn release(&mut self, holds: &Holds, alerts: &mut Alerts, now: Now, policy: &Policy) -> Released {
        let mut released = Released::default();
        self.entries.retain(|key, entry| {
            let is_free = |worst: &Worst| holds.until(key, worst.level).is_none();
            if let Some(open) = entry.open.take_if(|open| is_free(&open.worst)) {
                let news = if open.is_known { News::Reminded } else { News::Fired };
                match alerts.tell_as_it_is(key, news, open.told_again(), now, policy) {
                    Some(mut transition) => {
                        transition.episode.level = open.worst.level;
                        released.burning.push(transition);
                    }
                    // A state that was too long forgot the alert: it may begin anew.
                    None => {
                        let Open { since, is_known, worst, .. } = open;
                        entry.ends(Over { since, ended: now.wall, times: 1, is_known, worst });
                    }
                }
            }
            released.over.extend(entry.over.take_if(|over| is_free(&over.worst)).map(|over| over.past(key)));
            entry.is_owed()
        });
        let is_told = holds.is_none() || !released.is_empty();
        released.unlisted = self.unlisted.take_if(|_| is_told);
        released
    }

    /// Disks have other paths from now on.
    pub fn retarget(&mut self, moves: &[(Rc<str>, Rc<str>)]) {
        by_key::retarget(&mut self.entries, moves, |entry, key| entry.key = key, |_, _| false);
    }

    /// Corrects values that no agent wrote; returns how many there were.
    pub fn correct(&mut self) -> usize {
        let over = self.entries.values_mut().filter_map(|entry| entry.over.as_mut());
        let unlisted = self.unlisted.iter_mut().map(|unlisted| keep(&mut unlisted.count, 1..=MAX_COUNT));
        over.map(|over| keep(&mut over.times, 1..=MAX_COUNT)).chain(unlisted).sum()
    }

    /// Of more alerts than `most` only counts the others, for a state that is too long: critical ones stay longest, then
    /// those that burn, then the newest. Returns the number of the others.
    pub fn count_all_but(&mut self, most: usize) -> usize {
        let mut first: Vec<&Entry> = self.entries.values().collect();
        first.sort_by_cached_key(|entry| Reverse((entry.level(), entry.open.is_some(), entry.last())));
        let others: HashSet<Key> = first.into_iter().skip(most).map(|entry| entry.key.clone()).collect();
        self.entries.retain(|key, entry| {
            let is_kept = !others.contains(key);
            if !is_kept {
                self.unlisted = Some(Unlisted::and_one(self.unlisted, entry.since(), entry.last()));
            }
            is_kept
        });
        others.len()
    }
}
