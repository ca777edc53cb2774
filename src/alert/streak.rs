//! How long a reading has been over a limit without a break.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{self, Boot};

/// An unbroken time over one limit.
///
/// A level must be over its limit at each look. A rate is measured over a short sample, so its mean since the first
/// look must be over: one dip does not end the streak, and one spike does not carry it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Streak {
    pub since: Boot,
    /// Of a rate, from the first look to the last one: the time in microseconds, and the sum over it in the unit of the
    /// rate times microseconds.
    #[serde(default)]
    micros: u64,
    #[serde(default)]
    sum: f64,
    /// Of a rate, its sample at the last look.
    #[serde(default)]
    sample: f64,
}

impl Streak {
    const fn new(since: Boot) -> Streak {
        Streak { since, micros: 0, sum: 0.0, sample: 0.0 }
    }

    /// A streak that is as long as any `for` can ask.
    pub const fn long_lasting() -> Streak {
        Streak::new(Boot::EARLIEST)
    }

    /// Of a rate that is over, the number that was compared with its limit: the mean since the first look. `None` for
    /// everything else.
    pub fn judged(self, rate: Option<Rate>) -> Option<Rate> {
        // No mean of samples is more precise than two decimals.
        let told = |rate: Rate| (self.mean(rate) * 100.0).round() / 100.0;
        rate.map(|rate| Rate { number: told(rate).max(rate.limit), ..rate })
    }

    fn mean(self, rate: Rate) -> f64 {
        if self.micros > 0 { self.sum / self.micros as f64 } else { rate.number }
    }

    /// Of a rate, a number that each look changes; of everything else none.
    pub const fn sum(self) -> f64 {
        self.sum
    }

    pub fn has_lasted(self, wait: Duration, now: Boot) -> bool {
        now - self.since >= wait
    }

    /// The streak after a look; `rate` is `None` for anything but a rate.
    pub fn follow(streak: Option<Streak>, is_over: bool, rate: Option<Rate>, now: Boot) -> Option<Streak> {
        let sample = rate.map_or(0.0, |rate| saved_exactly(rate.number));
        let Some(before) = streak else {
            return is_over.then_some(Streak { sample, ..Streak::new(now) });
        };
        let Some(rate) = rate else { return is_over.then_some(before) };
        let micros = u64::try_from(clock::micros(now - before.since)).unwrap_or_default().max(before.micros);
        // Without a mean, by the samples at both ends of the time between the two looks.
        let since_last = rate.mean.unwrap_or((before.sample + sample) / 2.0);
        let sum = before.sum + since_last * (micros - before.micros) as f64;
        let after = Streak { micros, sum: sum.round().clamp(f64::MIN, f64::MAX), sample, ..before };
        (after.mean(rate) >= rate.limit).then_some(after)
    }
}

/// A number with more digits may be another one once it was saved as JSON and read again.
fn saved_exactly(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// A rate's sample, its mean since the look before if that is known, and the limit that its mean must be over.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub number: f64,
    pub mean: Option<f64>,
    pub limit: f64,
}
