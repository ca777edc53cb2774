//! When a disk is full, by the rule of docs/alerts: its highest share of each of the last fifty hours.

use super::super::clock::HOUR;

const HOURS: usize = 50;

/// A disk that is full within so many hours is over; half as many more are neither over nor well.
pub const WITHIN: f64 = 24.0;
const WELL_BEYOND: f64 = 36.0;

/// Shares are remembered in steps of this part of a percent.
const STEPS: f64 = 500.0;

/// A forecast, and the numbers that it is told with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ahead {
    /// The hours by which it is judged.
    eta: Option<f64>,
    /// The hours that are told.
    pub hours: Option<f64>,
    pub share: f64,
    /// Within a day.
    pub grown: f64,
}

impl Ahead {
    /// As an alert's number: the sooner it is full, the greater; nothing, where it is neither over nor well.
    pub fn number(&self) -> Option<f64> {
        match self.eta {
            Some(eta) if eta <= WITHIN => Some(-self.hours.unwrap_or(eta)),
            Some(eta) if eta <= WELL_BEYOND => None,
            eta => Some(-eta.unwrap_or(f64::INFINITY)),
        }
    }

    /// The number that people know once it is told.
    pub fn known(&self) -> f64 {
        self.hours.map_or(f64::NAN, |hours| -hours)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Peaks {
    /// When the hour under way began.
    began: i64,
    /// Of each hour, the newest first.
    peaks: Option<[Option<f64>; HOURS]>,
}

impl Peaks {
    /// Hours pass; whether one is over. The disk `is_watched`.
    pub fn pass(&mut self, is_watched: bool, boot: i64) -> bool {
        let Some(peaks) = &mut self.peaks else {
            self.began = boot;
            return false;
        };
        let hours = ((boot - self.began) / HOUR).max(0);
        if hours == 0 {
            return false;
        }
        self.began += hours * HOUR;
        let passed = (hours as usize).min(HOURS);
        peaks.rotate_right(passed);
        peaks[..passed].fill(None);
        let has_any = |hours: usize| peaks[..hours].iter().any(Option::is_some);
        if !(has_any(24) || (is_watched && has_any(HOURS))) {
            self.peaks = None;
        }
        true
    }

    /// Takes in a share.
    pub fn take(&mut self, share: f64) -> Option<Ahead> {
        let share = (share * STEPS).round() / STEPS;
        let peaks = self.peaks.get_or_insert([None; HOURS]);
        peaks[0] = Some(peaks[0].map_or(share, |peak| peak.max(share)));
        let highest = |hours: std::ops::RangeInclusive<usize>| peaks[hours].iter().flatten().copied().reduce(f64::max);
        let (of_three_hours_ago, of_yesterday) = (peaks[3]?, highest(23..=25)?);
        if share >= 99.5 {
            return None;
        }
        let left = 100.0 - share;
        let grown = share - of_yesterday;
        let fast = ((share - of_three_hours_ago) / 3.0).min(grown / 24.0);
        let slow = highest(47..=49).map(|before| grown.min(of_yesterday - before) / 24.0);
        let full = |rate: f64| Some(left / rate).filter(|hours| rate > 0.0 && *hours <= 1000.0);
        let eta = full(slow.map_or(fast, |slow| fast.max(slow)));
        let of_hours: Option<Vec<f64>> = (1..=3).map(|hour| Some(peaks[hour]? - peaks[hour + 1]?)).collect();
        let soonest = of_hours.and_then(|grown| full(grown.into_iter().fold(f64::INFINITY, f64::min)));
        let hours = eta.map(|eta| soonest.map_or(eta, |soonest| soonest.min(eta)));
        Some(Ahead { eta, hours, share, grown })
    }

    /// The same on the clock of another start of the machine.
    pub fn shift(&mut self, by: i64, now: i64) {
        self.began = (self.began + by).min(now);
    }
}
