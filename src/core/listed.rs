//! Quantities of which a look lists the targets in trouble alone: any other target is well.

use std::time::Duration;

use super::Core;
use crate::clock::Now;
use crate::rule::Limit;
use crate::snapshot::{Cause, ContainerWord, Key, Reading, Snapshot, Value};

impl Core {
    /// Adds a reading for each target that has an alert and is not in the list.
    pub(super) fn complete(&self, snapshot: &mut Snapshot, now: Now) {
        let listed = std::mem::take(&mut snapshot.listed);
        if listed.is_empty() || self.alerts().active_count() == 0 {
            return;
        }
        let age = now.boot - self.checks.began;
        let is_read = |key: &Key| snapshot.readings.iter().any(|reading| reading.key == *key);
        let of_list = self.alerts().active().into_iter().filter(|alert| listed.contains(&alert.key.metric));
        let well: Vec<Reading> = of_list
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
        for reading in readings.iter_mut().filter(|reading| listed.contains(&reading.key.metric)) {
            if let Value::Container(word) = &mut reading.value
                && word.well == Some(false)
            {
                std::rc::Rc::make_mut(word).causes.push(Cause::AsFound);
            }
        }
    }
}

/// Whether an agent of this age would know of it: restarts count for as long as their window.
fn has_been_watched(value: &Value, age: Duration) -> bool {
    let Value::Container(word) = value else { return true };
    word.causes.iter().all(|cause| match cause {
        Cause::RestartLoop { window_minutes, .. } => age >= Duration::from_secs(60 * u64::from(*window_minutes)),
        _ => true,
    })
}
