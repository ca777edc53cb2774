//! The course of each series over a chart's steps. Rows are taken in one by one: those of a day can be many megabytes.

use super::grid::Grid;
use super::is_condition;
use crate::chart::State;
use crate::history::{ReadError, Reader, Row, Series, Summary};
use crate::metric;
use crate::snapshot::Key;

/// The course of one key, whatever slots its series had.
pub(super) struct Course {
    pub key: Key,
    /// Of a quantity; of a condition none.
    pub steps: Vec<Option<Summary>>,
    /// Of a condition, in each step the worst; of a quantity none.
    pub states: Vec<State>,
    /// All its values.
    pub whole: Option<Summary>,
}

/// The courses of the keys that `is_shown` takes and that have any value in this time, in the order in which they were first
/// seen.
pub(super) fn read(
    reader: &Reader,
    grid: &Grid,
    rows: impl FnOnce(&mut dyn FnMut(Row)) -> Result<(), ReadError>,
    is_shown: impl Fn(&Key) -> bool,
) -> Result<Vec<Course>, ReadError> {
    let mut courses: Vec<Course> = Vec::new();
    let mut shown: Vec<(&Series, usize)> = Vec::new();
    for series in reader.series() {
        let key = super::key(series);
        let place = courses.iter().position(|course| course.key == key);
        if place.is_none() && !is_shown(&key) {
            continue;
        }
        shown.push((series, place.unwrap_or(courses.len())));
        if place.is_none() {
            courses.push(Course { key, steps: Vec::new(), states: Vec::new(), whole: None });
        }
    }
    let mut number = 0;
    rows(&mut |row| {
        for (series, place) in &shown {
            if let Some(value) = row.value(series) {
                courses[*place].take(grid, number, value);
            }
        }
        number += 1;
    })?;
    courses.retain(|course| course.whole.is_some());
    Ok(courses)
}

impl Course {
    fn take(&mut self, grid: &Grid, row: usize, value: Summary) {
        Summary::add(&mut self.whole, value);
        if is_condition(&self.key) {
            self.states.resize(grid.steps, State::Unknown);
            let state = state(&self.key, value.min);
            self.states[grid.steps_of(row)].iter_mut().for_each(|step| *step = (*step).max(state));
        } else {
            self.steps.resize(grid.steps, None);
            self.steps[grid.steps_of(row)].iter_mut().for_each(|step| Summary::add(step, value));
        }
    }
}

/// The worst state in a time whose lowest value is this one: 1 is well.
pub(super) fn state(key: &Key, lowest: f64) -> State {
    match lowest {
        lowest if lowest >= 1.0 => State::Running,
        _ if key.metric == metric::CONTAINER_HEALTH => State::Unhealthy,
        _ => State::Stopped,
    }
}
