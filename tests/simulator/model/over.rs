//! How long a quantity is over a limit: a level at each look, a rate by its mean.

use super::super::host::WATCHED;

/// A sample, and the mean since the look before if that is known.
pub type Seen = (f64, Option<f64>);

/// An unbroken time over one limit.
#[derive(Clone, Copy, Debug)]
pub struct Over {
    pub since: i64,
    /// Of a rate: the time to the last look, the sum over it, and the sample at the last look.
    micros: i64,
    sum: f64,
    sample: f64,
}

impl Over {
    /// The number that is told, and its limit: of a rate its mean.
    pub fn judged(&self, place: usize, number: f64, limit: Option<f64>) -> (f64, f64) {
        let limit = limit.unwrap_or_default();
        let mean = (self.mean() * 100.0).round() / 100.0;
        (if WATCHED[place].is_rate() { mean.max(limit) } else { number }, limit)
    }

    pub fn new(since: i64, sample: f64) -> Over {
        Over { since, micros: 0, sum: 0.0, sample }
    }

    pub fn mean(&self) -> f64 {
        if self.micros > 0 { self.sum / self.micros as f64 } else { self.sample }
    }

    /// A level must be over at each look; of a rate the mean since the first look that was.
    pub fn follow(before: Option<Over>, seen: Seen, limit: Option<f64>, is_rate: bool, boot: i64) -> Option<Over> {
        let (limit, (number, mean)) = (limit?, seen);
        let Some(before) = before.filter(|_| is_rate || number >= limit) else {
            return (number >= limit).then(|| Over::new(boot, number));
        };
        let micros = (boot - before.since).max(before.micros);
        let since_last = mean.unwrap_or((before.sample + number) / 2.0);
        let sum = (before.sum + since_last * (micros - before.micros) as f64).round();
        let over = Over { micros, sum, sample: number, ..before };
        (!is_rate || over.mean() >= limit).then_some(over)
    }
}
