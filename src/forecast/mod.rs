//! Forecasts: the hours until a share is full, by the highest reading of each of the last hours. Pure.
//!
//! A quantity that has a forecast names it ([`Metric::forecast`]). The forecast is a quantity of its own, with readings,
//! limits and alerts as any other; its readings are derived from those of a check and from the memory here.

mod peaks;
mod rule;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::bounds::keep;
use crate::clock::{Boot, Now};
use crate::metric::Metric;
use crate::snapshot::{Key, Reading, Snapshot, Value, by_key};

use peaks::{HOUR, HOURS, Peaks};

/// As many quantities of targets are remembered; the first in the order of a check.
const MAX_SERIES: usize = 512;

/// A path is no longer (PATH_MAX in limits.h).
const MAX_TARGET_BYTES: usize = 4096;

/// A path that is not watched is forgotten after so many hours without a reading.
const UNWATCHED_HOURS: usize = 24;

/// The highest readings of the last hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Forecasts {
    /// The beginning of the hour that is under way.
    hour_began: Boot,
    series: BTreeMap<Key, Peaks>,
}

/// The change that a check made to the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Nothing,
    /// The hour that is under way has a higher reading.
    Higher,
    /// An hour is over.
    Hour,
}

impl Default for Forecasts {
    fn default() -> Forecasts {
        Forecasts { hour_began: Boot::EARLIEST, series: BTreeMap::new() }
    }
}

impl Forecasts {
    /// Takes in the readings of a check, and adds their forecasts behind them, as far as these are on. Where too little is known, there
    /// is none.
    pub fn derive(
        &mut self,
        snapshot: &mut Snapshot,
        is_on: impl Fn(&'static Metric, &str) -> bool,
        now: Boot,
    ) -> Change {
        let mut change = self.pass(snapshot, now);
        let read = snapshot.readings.len();
        for place in 0..read {
            let Some((forecast, percent)) = forecast_of(&snapshot.readings[place]) else { continue };
            let key = &snapshot.readings[place].key;
            if !is_on(forecast, &key.target) {
                continue;
            }
            let Some(peaks) = self.peaks_of(key) else { continue };
            if peaks.take(percent) {
                change = change.max(Change::Higher);
            }
            if let Some(found) = rule::forecast(percent, peaks) {
                let target = key.target.clone();
                snapshot.push(forecast, target, Value::Forecast(found.into()));
            }
        }
        change
    }

    /// Moves on to the hour of `now`, and forgets paths that nobody watches any more.
    fn pass(&mut self, snapshot: &Snapshot, now: Boot) -> Change {
        if self.series.is_empty() {
            self.hour_began = now;
            return Change::Nothing;
        }
        let hours = (now - self.hour_began).as_secs() / HOUR.as_secs();
        if hours == 0 {
            return Change::Nothing;
        }
        self.hour_began = self.hour_began.after(HOUR.saturating_mul(u32::try_from(hours).unwrap_or(u32::MAX)));
        let passed = usize::try_from(hours).unwrap_or(HOURS);
        self.series.retain(|key, peaks| {
            peaks.pass(passed);
            let is_watched = || snapshot.watched.iter().any(|watched| watched.covers(key));
            peaks.has_any(UNWATCHED_HOURS) || (peaks.has_any(HOURS) && is_watched())
        });
        Change::Hour
    }

    fn peaks_of(&mut self, key: &Key) -> Option<&mut Peaks> {
        if !self.series.contains_key(key) {
            if self.series.len() == MAX_SERIES {
                return None;
            }
            self.series.insert(key.clone(), Peaks::default());
        }
        self.series.get_mut(key)
    }

    /// Disks have other paths from now on, and their growth is known.
    pub fn retarget(&mut self, moves: &[(Rc<str>, Rc<str>)]) {
        by_key::retarget(&mut self.series, moves, |_, _| (), |_, _| false);
    }

    /// Moves the hour to the clock of another start of the machine.
    pub fn shift(&mut self, micros: i64) {
        self.hour_began = self.hour_began.shifted(micros);
    }

    /// Corrects values that no agent wrote. How many values that were.
    pub fn correct(&mut self, now: Now) -> usize {
        let before = self.series.len();
        self.series.retain(|key, _| key.metric.forecast.is_some() && key.target.len() <= MAX_TARGET_BYTES);
        while self.series.len() > MAX_SERIES {
            self.series.pop_last();
        }
        keep(&mut self.hour_began, Boot::EARLIEST..=now.boot) + before - self.series.len()
    }

    /// Forgets all of it. How many series that were.
    pub fn forget(&mut self) -> usize {
        std::mem::take(&mut self.series).len()
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

/// The forecast that a reading is for, and its share.
fn forecast_of(reading: &Reading) -> Option<(&'static Metric, f64)> {
    Some((reading.key.metric.forecast?, reading.value.number().filter(|percent| percent.is_finite())?))
}

/// The form in the state file.
#[derive(Serialize, Deserialize)]
struct Saved {
    hour_began: Boot,
    series: Vec<SavedSeries>,
}

#[derive(Serialize, Deserialize)]
struct SavedSeries {
    #[serde(flatten)]
    key: Key,
    peaks: Peaks,
}

impl From<Saved> for Forecasts {
    fn from(Saved { hour_began, series }: Saved) -> Forecasts {
        let series = series.into_iter().map(|SavedSeries { key, peaks }| (key, peaks)).collect();
        Forecasts { hour_began, series }
    }
}

impl From<Forecasts> for Saved {
    fn from(Forecasts { hour_began, series }: Forecasts) -> Saved {
        let series = series.into_iter().map(|(key, peaks)| SavedSeries { key, peaks }).collect();
        Saved { hour_began, series }
    }
}

#[cfg(test)]
mod tests;
