//! The held news of alerts: those that burn, and those that came and went.
//!
//! It is saved with the alerts. The state machine goes on as if everything had been told, so a message is owed for each
//! alert in here: a message that is held is not a message that is dropped.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Holds;
use crate::alert::{Alerts, Episode, News, Policy, Transition};
use crate::bounds::{MAX_COUNT, keep};
use crate::clock::Now;
use crate::message::{self, Past};
use crate::rule::{Level, Limit};
use crate::snapshot::{Key, Keyed, Value, by_key};

/// The alerts whose news is held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Held {
    #[serde(with = "by_key")]
    entries: BTreeMap<Key, Entry>,
}

/// The debt of one alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    key: Key,
    /// It burns, and people do not know its present state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
    /// It came and went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over: Option<Over>,
    /// The worst level of the held news.
    value: Value,
    limit: Limit,
    level: Level,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    since: Timestamp,
    /// People know that it began: they were told before the hold.
    is_known: bool,
    /// The number that people know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told_value: Option<f64>,
    /// When it was told last, before the hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Timestamp>,
    /// How often it was told again before the hold.
    #[serde(default)]
    reminders: u32,
    /// Whether a reminder was due since then.
    #[serde(default)]
    is_reminder_due: bool,
}

/// Episodes of one alert that are over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Over {
    since: Timestamp,
    ended: Timestamp,
    times: u64,
}

/// The news at the end of a hold, in the order of keys.
#[derive(Debug, Default)]
pub struct Released {
    pub burning: Vec<Transition>,
    pub over: Vec<Past>,
}

/// The fate of the transitions of one look.
#[derive(Debug)]
pub struct Sorted<'a> {
    pub told: Cow<'a, [Transition]>,
    /// They are over, and that is told later.
    pub ended: Vec<&'a Transition>,
}

/// The held news of one alert, as `status` shows it.
#[derive(Clone, Copy, Debug)]
pub struct HeldStatus<'a> {
    pub key: &'a Key,
    pub level: Level,
    /// It burns. When people were told of it last, before the hold; `None`: never.
    pub burning: Option<Option<Timestamp>>,
    /// How many episodes of it are over, from the beginning of the first to the end of the last.
    pub over: Option<(Timestamp, Timestamp, u64)>,
}

impl Released {
    pub fn is_empty(&self) -> bool {
        self.burning.is_empty() && self.over.is_empty()
    }
}

impl Held {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Each alert with held news, and the level that decides until when.
    pub fn iter(&self) -> impl Iterator<Item = HeldStatus<'_>> {
        self.entries.values().map(|entry| HeldStatus {
            key: &entry.key,
            level: entry.level,
            burning: entry.open.as_ref().map(|open| open.told),
            over: entry.over.as_ref().map(|over| (over.since, over.ended, over.times)),
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
        let Transition { key, value, limit, episode, since, news } = transition;
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(transition));
        let is_reminder = *news == News::Reminded;
        let open = entry.open.get_or_insert_with(|| Open {
            since: *since,
            is_known: *news != News::Fired,
            told_value: episode.told_before,
            told: episode.last_told,
            reminders: episode.reminders.saturating_sub(u32::from(is_reminder)),
            is_reminder_due: false,
        });
        open.is_reminder_due |= is_reminder;
        let is_worse = match (entry.value.number(), value.number()) {
            (Some(before), Some(number)) => key.metric.unit.worse(before, number) == number,
            _ => true,
        };
        if entry.level < episode.level || is_worse {
            (entry.value, entry.limit) = (value.clone(), limit.clone());
        }
        entry.level = entry.level.max(episode.level);
    }

    fn happened(&mut self, transition: &Transition, now: Timestamp) {
        let Transition { key, value, episode, since, .. } = transition;
        let times = if let Value::Event(detail) = value { detail.times } else { 1 };
        let last = episode.well_since.unwrap_or(now);
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(transition));
        let over = entry.over.get_or_insert(Over { since: *since, ended: last, times: 0 });
        (over.ended, over.times) = (over.ended.max(last), over.times.saturating_add(times));
        entry.value = value.clone();
        entry.level = entry.level.max(episode.level);
    }

    /// It is over. That is owed if people did not know that it began, or are to be told its end.
    fn ends(&mut self, transition: &Transition, now: Timestamp, is_told: bool) {
        let open = self.entries.get_mut(&transition.key).and_then(|entry| entry.open.take());
        if is_told || open.as_ref().is_some_and(|open| !open.is_known) {
            let episode = &transition.episode;
            let entry = self.entries.entry(transition.key.clone()).or_insert_with(|| Entry::new(transition));
            let ended = episode.well_since.unwrap_or(now);
            entry.over = Some(Over::and_one_more(entry.over.take(), transition.since, ended));
        }
        self.drop_if_done(&transition.key);
    }

    fn drop_if_done(&mut self, key: &Key) {
        if self.entries.get(key).is_some_and(|entry| entry.open.is_none() && entry.over.is_none()) {
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
            if holds.until(key, entry.level).is_some() {
                return true;
            }
            if let Some(open) = &entry.open {
                let news = if open.is_known { News::Reminded } else { News::Fired };
                match alerts.tell_as_it_is(key, news, open.told_again(), now, policy) {
                    Some(mut transition) => {
                        transition.episode.level = entry.level;
                        released.burning.push(transition);
                    }
                    // A state that was too long forgot the alert: it may begin anew.
                    None => entry.over = Some(Over::and_one_more(entry.over.take(), open.since, now.wall)),
                }
            }
            released.over.extend(entry.past());
            false
        });
        released
    }

    /// Corrects values that no agent wrote; returns how many there were.
    pub fn correct(&mut self) -> usize {
        let over = self.entries.values_mut().filter_map(|entry| entry.over.as_mut());
        over.map(|over| keep(&mut over.times, 1..=MAX_COUNT)).sum()
    }

    /// Forgets half of the alerts that came and went, rounded up, for a state that is too long. Returns how many.
    pub fn forget_half_of_what_is_over(&mut self) -> usize {
        let over = |entry: &&Entry| entry.over.is_some();
        let half = self.entries.values().filter(over).count().div_ceil(2);
        let keys: Vec<Key> = self.entries.values().filter(over).take(half).map(|entry| entry.key.clone()).collect();
        for key in &keys {
            self.entries.entry(key.clone()).and_modify(|entry| entry.over = None);
            self.drop_if_done(key);
        }
        keys.len()
    }
}

impl Open {
    /// The number of its reminders, once it is told at the end of a hold.
    fn told_again(&self) -> u32 {
        if self.is_known { self.reminders.saturating_add(u32::from(self.is_reminder_due)) } else { 0 }
    }
}

impl Over {
    fn and_one_more(before: Option<Over>, since: Timestamp, ended: Timestamp) -> Over {
        let before = before.unwrap_or(Over { since, ended, times: 0 });
        Over { since: before.since, ended: before.ended.max(ended), times: before.times.saturating_add(1) }
    }
}

impl Keyed for Entry {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Entry {
    fn new(transition: &Transition) -> Entry {
        let Transition { key, value, limit, episode, .. } = transition;
        // For a number that is well again, the worst one counts.
        let value = match (episode.peak, value) {
            (Some(peak), Value::Usage { .. } | Value::Number(_)) => Value::Number(peak),
            _ => value.clone(),
        };
        Entry { key: key.clone(), open: None, over: None, value, limit: limit.clone(), level: episode.level }
    }

    /// The news of the episodes that are over.
    fn past(&self) -> Option<Past> {
        let Over { since, ended, times } = *self.over.as_ref()?;
        let mut value = self.value.clone();
        if let Value::Event(detail) = &mut value {
            detail.times = times;
        }
        let episode = Episode { level: self.level, well_since: Some(ended), ..Episode::default() };
        let transition = Transition {
            key: self.key.clone(),
            news: News::Recovered,
            value,
            limit: self.limit.clone(),
            since,
            episode,
        };
        Some(Past { transition, ended, times })
    }
}
