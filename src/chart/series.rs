//! Steps made fit for a drawing: as many as it has columns, and the lowest, mean and highest of all.

use std::time::Duration;

use super::{Chart, State, Step, Strip};
use crate::bounds::seconds_between;

/// `steps` in `count` columns. A column has the lowest and the highest of its steps, so a peak stays; with fewer steps than
/// columns a step fills several.
pub(super) fn columns(steps: &[Option<Step>], count: usize) -> Vec<Option<Step>> {
    spread(steps, count, merged)
}

/// The worst state of each column.
pub(super) fn states(states: &[State], count: usize) -> Vec<State> {
    spread(states, count, |states| states.iter().copied().max().unwrap_or(State::Unknown))
}

fn spread<T, U>(steps: &[T], count: usize, merge: impl Fn(&[T]) -> U) -> Vec<U> {
    let column = |number: usize| {
        let start = number * steps.len() / count;
        let end = ((number + 1) * steps.len() / count).max(start + 1).min(steps.len());
        merge(&steps[start.min(end)..end])
    };
    (0..count).map(column).collect()
}

/// The lowest, the mean and the highest of all steps; `None`: nothing was measured.
pub(super) fn merged(steps: &[Option<Step>]) -> Option<Step> {
    let measured = || steps.iter().flatten();
    let count = measured().count() as f64;
    let sum: f64 = measured().map(|step| step.avg).sum();
    measured()
        .copied()
        .reduce(|one, other| Step { min: one.min.min(other.min), max: one.max.max(other.max), ..one })
        .map(|whole| Step { avg: sum / count, ..whole })
}

impl Strip {
    /// How long its alerts lasted within the chart.
    pub(super) fn alert_time(&self, chart: &Chart) -> Duration {
        let within = |span: &super::Span| seconds_between(span.from.max(chart.from), span.to.min(chart.to));
        Duration::from_secs(self.alerts.iter().map(within).sum())
    }
}
