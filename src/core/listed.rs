//! Quantities of which a look lists the targets in trouble alone: any other target is well.

use std::time::Duration;

use super::Core;
use crate::clock::Now;
use crate::rule::Limit;
use crate::snapshot::{Cause, ContainerWord, Key, Listed, Reading, Snapshot, Value};

/// The lists of looks since the last check, which may be newer than the next one's: a check that waits for the Docker engine
/// was read seconds before, and would call a unit well whose failure a look has told since.
#[derive(Debug, Default)]
pub(super) struct NewerLists(Vec<(Listed, Vec<Reading>)>);

impl NewerLists {
    /// Takes in the lists of a look.
    fn keep(&mut self, snapshot: &Snapshot) {
        for listed in &snapshot.listed {
            self.0.retain(|(other, _)| other.metric != listed.metric);
            let of_list = snapshot.readings.iter().filter(|reading| reading.key.metric == listed.metric);
            self.0.push((*listed, of_list.cloned().collect()));
        }
    }

    /// Puts them in the place of a check's older ones.
    fn replace_older(&mut self, snapshot: &mut Snapshot) {
        for (newer, readings) in std::mem::take(&mut self.0) {
            let is_older = |listed: &&mut Listed| listed.metric == newer.metric && listed.at < newer.at;
            if let Some(listed) = snapshot.listed.iter_mut().find(is_older) {
                *listed = newer;
                snapshot.readings.retain(|reading| reading.key.metric != newer.metric);
                snapshot.readings.extend(readings);
                snapshot.in_order();
            }
        }
    }
}

impl Core {
    pub(super) fn keep_lists(&mut self, look: &Snapshot) {
        self.newer_lists.keep(look);
    }

    pub(super) fn replace_older_lists(&mut self, check: &mut Snapshot) {
        self.newer_lists.replace_older(check);
    }

    /// Adds a reading for each target that has an alert and is not in the list.
    pub(super) fn complete(&self, snapshot: &mut Snapshot, now: Now) {
        let listed = std::mem::take(&mut snapshot.listed);
        if listed.is_empty() || self.alerts().active_count() == 0 {
            return;
        }
        let age = now.boot - self.checks.began;
        let is_read = |key: &Key| snapshot.readings.iter().any(|reading| reading.key == *key);
        let alerts = self.alerts().active().into_iter();
        let well: Vec<Reading> = alerts
            .filter(|alert| is_of(&listed, &alert.key))
            .filter(|alert| !is_read(&alert.key) && (self.mode.once || has_been_watched(&alert.value, age)))
            .filter_map(|alert| {
                let Limit::Expected(expected) = &alert.limit else { return None };
                let value = ContainerWord::new(expected.clone(), expected.clone()).into();
                Some(Reading::new(alert.key.clone(), value))
            })
            .collect();
        snapshot.readings.extend(well);
        snapshot.in_order();
    }

    /// Marks the listed targets that the first check of a new state finds: nobody waits for news of these.
    pub(super) fn mark_as_found(&self, snapshot: &mut Snapshot) {
        if !self.checks.is_new || self.checks.count > 0 {
            return;
        }
        let Snapshot { readings, listed, .. } = snapshot;
        for reading in readings.iter_mut().filter(|reading| is_of(listed, &reading.key)) {
            if let Value::Container(word) = &mut reading.value
                && word.well == Some(false)
            {
                std::rc::Rc::make_mut(word).causes.push(Cause::AsFound);
            }
        }
    }
}

/// Whether one of the lists is of this key's quantity.
fn is_of(lists: &[Listed], key: &Key) -> bool {
    lists.iter().any(|listed| listed.metric == key.metric)
}

/// Whether an agent of this age would know of it: restarts count for as long as their window.
fn has_been_watched(value: &Value, age: Duration) -> bool {
    let Value::Container(word) = value else { return true };
    word.causes.iter().all(|cause| match cause {
        Cause::RestartLoop { window_minutes, .. } => age >= Duration::from_secs(60 * u64::from(*window_minutes)),
        _ => true,
    })
}
