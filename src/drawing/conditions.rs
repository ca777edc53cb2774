//! Conditions over the time of a chart: of a container its state and its health, one row for both.

use super::courses::{Course, state};
use super::{Past, Subject, is_condition, is_named};
use crate::chart::{ContainerRow, State};
use crate::metric;
use crate::snapshot::Key;

pub(super) fn rows(past: &Past<'_>) -> Vec<ContainerRow> {
    let mut rows: Vec<(String, Vec<&Course>)> = Vec::new();
    for course in past.courses.iter().filter(|course| is_condition(&course.key)) {
        let name = past.subject(&course.key).plain().to_owned();
        match rows.iter_mut().find(|(known, _)| *known == name) {
            Some((_, courses)) => courses.push(course),
            None => rows.push((name, vec![course])),
        }
    }
    rows.into_iter().enumerate().map(|(number, (name, courses))| row(past, number + 1, name, &courses)).collect()
}

pub(super) fn is_shown(subject: &Subject, key: &Key) -> bool {
    match subject {
        Subject::Report => key.metric == metric::CONTAINER_STATE || key.metric == metric::CONTAINER_HEALTH,
        Subject::Named(names) => is_named(names, key),
        Subject::Alert(_) => false,
    }
}

fn row(past: &Past<'_>, number: usize, name: String, courses: &[&Course]) -> ContainerRow {
    let worst = |step: usize| courses.iter().map(|course| course.states[step]).max().unwrap_or(State::Unknown);
    let states = (0..past.grid.steps).map(worst).collect();
    // Of a container its state alone: one that is stopped has no health.
    let whole = courses[0].whole;
    let now = courses.iter().filter_map(|course| Some(state(&course.key, past.value_now(&course.key)?))).max();
    ContainerRow {
        name,
        // The engine's ids are not in the history.
        id: format!("{} {number}", past.said("容器", "Container")),
        states,
        now: now.unwrap_or(State::Unknown),
        well_percent: whole.map(|whole| whole.average() * 100.0),
    }
}
