//! Conditions over the time of a chart: of a container its state and its health, one row for both.

use super::{Past, Subject, is_condition, is_named};
use crate::chart::{ContainerRow, State};
use crate::metric;
use crate::snapshot::Key;

pub(super) fn rows(past: &Past<'_>) -> Vec<ContainerRow> {
    let is_shown = |key: &Key| match &past.recipe.subject {
        Subject::Report => key.metric == metric::CONTAINER_STATE || key.metric == metric::CONTAINER_HEALTH,
        Subject::Named(names) => is_named(names, key),
        Subject::Alert(_) => false,
    };
    let keys: Vec<Key> = past.keys().into_iter().filter(|key| is_condition(key) && is_shown(key)).collect();
    let mut rows: Vec<(String, Vec<Key>)> = Vec::new();
    for key in keys {
        let name = past.subject(&key).plain().to_owned();
        match rows.iter_mut().find(|(known, _)| *known == name) {
            Some((_, keys)) => keys.push(key),
            None => rows.push((name, vec![key])),
        }
    }
    rows.into_iter().enumerate().map(|(number, (name, keys))| row(past, number + 1, name, &keys)).collect()
}

fn row(past: &Past<'_>, number: usize, name: String, keys: &[Key]) -> ContainerRow {
    let mut states = vec![State::Unknown; past.grid.steps];
    let (mut well, mut known) = (0.0, 0.0);
    for key in keys {
        for series in past.series_of(key) {
            for (number, row) in past.rows.iter().enumerate() {
                let Some(value) = row.value(series) else { continue };
                let state = state(key, value.min);
                states[past.grid.steps_of(number)].iter_mut().for_each(|step| *step = (*step).max(state));
                // Of a container its state alone: one that is stopped has no health.
                if key.metric == keys[0].metric {
                    well += value.sum;
                    known += f64::from(value.count);
                }
            }
        }
    }
    let now = keys.iter().filter_map(|key| Some(state(key, past.value_now(key)?))).max();
    ContainerRow {
        name,
        // The engine's ids are not in the history.
        id: format!("{} {number}", past.said("容器", "Container")),
        states,
        now: now.unwrap_or(State::Unknown),
        well_percent: (known > 0.0).then(|| well * 100.0 / known),
    }
}

/// The worst state in a time whose lowest value is this one: 1 is well.
fn state(key: &Key, lowest: f64) -> State {
    match lowest {
        lowest if lowest >= 1.0 => State::Running,
        _ if key.metric == metric::CONTAINER_HEALTH => State::Unhealthy,
        _ => State::Stopped,
    }
}
