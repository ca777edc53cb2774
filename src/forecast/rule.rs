//! The rule: how fast a share grows, and when it is full if it goes on so.
//!
//! The fast rate is that of the last three hours, as far as the whole day bears it out, so that a backup at night or a log
//! before its rotation is no growth. The slow one is the growth that two days in a row have in common. `tests/forecast` counts
//! the disks that it tells in time, and its false forecasts.

use super::peaks::{Peaks, in_steps};
use crate::snapshot::Forecast;

/// Here the alert of the share itself speaks.
const FULL_PERCENT: f64 = 99.5;

/// An end farther away than any limit is none.
const FARTHEST_HOURS: f64 = 1000.0;

/// `None`: there are too few readings, those of the first 23 hours for instance, or it is full.
pub fn forecast(percent: f64, peaks: &Peaks) -> Option<Forecast> {
    let now = in_steps(percent);
    if now >= FULL_PERCENT {
        return None;
    }
    let left = 100.0 - now;
    let three_hours_ago = peaks.ago(3)?;
    let day_ago = peaks.highest(23..=25)?;
    let of_day = now - day_ago;
    let fast = ((now - three_hours_ago) / 3.0).min(of_day / 24.0);
    let slow = peaks.highest(47..=49).map(|two_days_ago| of_day.min(day_ago - two_days_ago) / 24.0);
    let until_full = |points_an_hour: f64| {
        Some(left / points_an_hour).filter(|hours| points_an_hour > 0.0 && *hours <= FARTHEST_HOURS)
    };
    let eta_hours = until_full(slow.map_or(fast, |slow| slow.max(fast)));
    // Of whole hours: the one that is under way has grown for a part of its time.
    let grown = |hours: usize| Some(peaks.ago(hours)? - peaks.ago(hours + 1)?);
    let least = [1, 2, 3].map(grown).into_iter().reduce(|one, other| Some(one?.min(other?)));
    let soonest = least.flatten().and_then(until_full);
    let hours = eta_hours.map(|eta| soonest.map_or(eta, |soonest| eta.min(soonest)));
    Some(Forecast { eta_hours, hours, percent: now, day_points: of_day })
}
