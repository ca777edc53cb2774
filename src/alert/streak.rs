//! How long a reading has been over a limit without a break.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Boot;

/// An unbroken time over one limit.
///
/// A level must be over its limit at each look. A rate is measured over a short sample, so its mean since the first
/// look must be over: one dip does not end the streak, and one spike does not carry it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Streak {
    pub since: Boot,
    /// The sum and the number of the readings.
    sum: f64,
    looks: u32,
}

impl Streak {
    /// A streak that is as long as any `for` can ask.
    pub const fn long_lasting() -> Streak {
        Streak { since: Boot::EARLIEST, sum: 0.0, looks: 0 }
    }

    /// Of a rate that is over, the number that was compared with its limit: the mean of its looks. `None` for everything
    /// else.
    pub fn judged(self, rate: Option<Rate>) -> Option<Rate> {
        // No mean of samples is more precise than two decimals.
        let told = |rate: Rate| (self.mean(rate) * 100.0).round() / 100.0;
        rate.map(|rate| Rate { number: told(rate).max(rate.limit), ..rate })
    }

    fn mean(self, rate: Rate) -> f64 {
        if self.looks > 0 { self.sum / f64::from(self.looks) } else { rate.number }
    }

    /// Of a rate, the sum of its looks; of everything else none.
    pub const fn sum(self) -> f64 {
        self.sum
    }

    pub fn has_lasted(self, wait: Duration, now: Boot) -> bool {
        now - self.since >= wait
    }

    /// The streak after a look; `rate` is `None` for anything but a rate.
    pub fn follow(streak: Option<Streak>, is_over: bool, rate: Option<Rate>, now: Boot) -> Option<Streak> {
        let Some(before) = streak else {
            let sum = rate.map_or(0.0, |rate| saved_exactly(rate.number));
            return is_over.then_some(Streak { since: now, sum, looks: 1 });
        };
        let sum = saved_exactly(before.sum + rate.map_or(0.0, |rate| rate.number));
        let after = Streak { since: before.since, sum, looks: before.looks.saturating_add(1) };
        let goes_on = rate.map_or(is_over, |rate| after.mean(rate) >= rate.limit);
        goes_on.then_some(after)
    }
}

/// A number with more digits may be another one once it was saved as JSON and read again.
fn saved_exactly(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// A rate's reading, and the limit that its mean must be over.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub number: f64,
    pub limit: f64,
}
