//! The time that a writer may wait for its reader, for all its writes together.
//!
//! The writer waits for a slow reader. A reader that stands still costs one wait, and nothing more until it reads
//! again. Neither can hold up the agent: little more than a tenth of any stretch of time is spent waiting.

use std::time::Duration;

use crate::clock::Boot;

/// The longest wait at a stretch.
pub const MAX_WAIT: Duration = Duration::from_millis(100);

/// Time without waiting gives a part of it back.
const REFILL_DIVISOR: u32 = 10;

/// The rest of a bounded wait.
#[derive(Debug)]
pub struct WaitBudget {
    left: Duration,
    as_of: Boot,
}

impl WaitBudget {
    pub fn new(now: Boot) -> WaitBudget {
        WaitBudget { left: MAX_WAIT, as_of: now }
    }

    /// The longest wait that is allowed now.
    pub fn left(&mut self, now: Boot) -> Duration {
        self.left = self.left.saturating_add((now - self.as_of) / REFILL_DIVISOR).min(MAX_WAIT);
        self.as_of = now;
        self.left
    }

    /// Subtracts the wait from the last [`WaitBudget::left`] until `now`; all of the budget if it was `in_vain`.
    pub fn spend(&mut self, now: Boot, in_vain: bool) {
        self.left = if in_vain { Duration::ZERO } else { self.left.saturating_sub(now - self.as_of) };
        self.as_of = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Boot {
        Boot::from_micros(milliseconds * 1000)
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn what_was_waited_is_missing_until_time_gives_it_back() {
        let mut budget = WaitBudget::new(at(0));
        assert_eq!(budget.left(at(0)), ms(100));
        budget.spend(at(60), false);
        assert_eq!(budget.left(at(60)), ms(40));
        assert_eq!(budget.left(at(260)), ms(60));
        assert_eq!(budget.left(at(5000)), ms(100));
    }

    #[test]
    fn a_wait_in_vain_uses_it_up() {
        let mut budget = WaitBudget::new(at(0));
        budget.spend(at(99), true);
        assert_eq!(budget.left(at(99)), ms(0));
        assert_eq!(budget.left(at(1099)), ms(100));
    }

    #[test]
    fn of_any_time_little_more_than_a_tenth_is_waiting() {
        let (mut budget, mut now, mut waited) = (WaitBudget::new(at(0)), 0, 0);
        while now < 60_000 {
            let wait = i64::try_from(budget.left(at(now)).as_millis()).unwrap().min(30);
            now += wait;
            waited += wait;
            budget.spend(at(now), false);
            now += 1;
        }
        assert!(waited < 60_000 / 10 + 100, "{waited} ms");
    }
}
