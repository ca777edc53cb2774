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
use crate::metric::Unit;
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
    #[serde(flatten)]
    worst: Worst,
}

/// Episodes of one alert that are over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Over {
    since: Timestamp,
    ended: Timestamp,
    times: u64,
    #[serde(flatten)]
    worst: Worst,
}

/// An alert at its worst, in one episode or in several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Worst {
    value: Value,
    limit: Limit,
    level: Level,
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

impl Released {
    pub fn is_empty(&self) -> bool {
        self.burning.is_empty() && self.over.is_empty()
    }
}

impl Held {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of alerts with held news.
    pub fn len(&self) -> usize {
        self.entries.len()
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
            let over = over.as_ref().map(|Over { since, ended, times, worst: Worst { level, .. } }| HeldStatus {
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
        entry.ends(*since, last, times, Worst::of(transition));
    }

    /// It is over. That is owed if people did not know that it began, or are to be told its end.
    fn ends(&mut self, transition: &Transition, now: Timestamp, is_told: bool) {
        let open = self.entries.get_mut(&transition.key).and_then(|entry| entry.open.take());
        if is_told || open.as_ref().is_some_and(|open| !open.is_known) {
            let Transition { key, since, episode, .. } = transition;
            let mut worst = open.map_or_else(|| Worst::of(transition), |open| open.worst);
            worst.rise_to(transition);
            let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(key));
            entry.ends(*since, episode.well_since.unwrap_or(now), 1, worst);
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
                    None => entry.ends(open.since, now.wall, 1, open.worst),
                }
            }
            released.over.extend(entry.over.take_if(|over| is_free(&over.worst)).map(|over| over.past(key)));
            entry.is_owed()
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
    /// The news of these episodes.
    fn past(self, key: &Key) -> Past {
        let Over { since, ended, times, worst: Worst { mut value, limit, level } } = self;
        if let Value::Event(detail) = &mut value {
            detail.times = times;
        }
        let episode = Episode { level, well_since: Some(ended), ..Episode::default() };
        let (key, news) = (key.clone(), News::Recovered);
        Past { transition: Transition { key, news, value, limit, since, episode }, ended, times }
    }
}

impl Worst {
    fn of(transition: &Transition) -> Worst {
        let Transition { value, limit, episode, .. } = transition;
        let mut worst = Worst { value: value.clone(), limit: limit.clone(), level: episode.level };
        worst.rise_to(transition);
        worst
    }

    /// The worst number since the episode began counts, whether it was news or not.
    fn rise_to(&mut self, Transition { key, episode, .. }: &Transition) {
        if let (Value::Usage { percent: number, .. } | Value::Number(number), Some(peak)) = (&self.value, episode.peak)
        {
            self.value = Value::Number(key.metric.unit.worse(*number, peak));
        }
        self.level = self.level.max(episode.level);
    }

    /// Of words the later one counts.
    fn take_in(&mut self, other: Worst, unit: Unit) {
        let is_worse = match (self.value.number(), other.value.number()) {
            (Some(before), Some(number)) => unit.worse(before, number) == number,
            _ => true,
        };
        let level = self.level.max(other.level);
        if self.level < other.level || is_worse {
            *self = other;
        }
        self.level = level;
    }
}

impl Keyed for Entry {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Entry {
    fn new(key: &Key) -> Entry {
        Entry { key: key.clone(), open: None, over: None }
    }

    fn is_owed(&self) -> bool {
        self.open.is_some() || self.over.is_some()
    }

    /// So many more episodes are over.
    fn ends(&mut self, since: Timestamp, ended: Timestamp, times: u64, worst: Worst) {
        let over = self.over.get_or_insert_with(|| Over { since, ended, times: 0, worst: worst.clone() });
        (over.ended, over.times) = (over.ended.max(ended), over.times.saturating_add(times));
        over.worst.take_in(worst, self.key.metric.unit);
    }
}
