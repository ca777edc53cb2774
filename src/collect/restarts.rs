//! Counts the recent restarts of a container or a unit, from the counts that were seen.
//!
//! An engine, and systemd, tell the number of restarts since the last start by hand, not their times, and a restart loop
//! mostly looks like `running`. So counts are kept with the time at which they were seen, and the rise
//! between two of them is spread evenly. The first count rose since the container was made: a container that crashed a
//! few times last month is no loop, one that was made a minute ago and restarted nine times is.

use std::time::Duration;

use crate::clock::Boot;

/// The counts that matter for the window, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restarts {
    seen: Vec<(Boot, u64)>,
}

/// Counts nearer to each other than this share of the window are seen as one: the memory stays bounded.
const STEPS: u32 = 32;

impl Restarts {
    /// Takes in the count at `now`. `made` is when the container was made.
    pub fn see(&mut self, count: u64, made: Boot, now: Boot, window: Duration) {
        if self.seen.last().is_some_and(|(_, last)| count < *last) {
            self.seen.clear(); // Started by hand, which begins the count anew.
            self.seen.push((now, count));
        }
        if self.seen.is_empty() && count > 0 {
            self.seen.push((made.min(now), 0));
        }
        match self.seen.as_mut_slice() {
            [.., (before, _), last] if last.0 - *before < window / STEPS => *last = (now, count),
            _ => self.seen.push((now, count)),
        }
        let older = self.seen.iter().filter(|(at, _)| now - *at >= window).count();
        self.seen.drain(..older.saturating_sub(1));
    }

    /// The time of the last count.
    pub fn last_seen(&self) -> Option<Boot> {
        self.seen.last().map(|(at, _)| *at)
    }

    /// The last count.
    pub fn last_count(&self) -> Option<u64> {
        self.seen.last().map(|(_, count)| *count)
    }

    /// The number of restarts in the window that ends at `now`.
    pub fn within(&self, window: Duration, now: Boot) -> u32 {
        let Some((_, newest)) = self.seen.last() else { return 0 };
        let micros = |boot: Boot| boot.as_micros() as f64;
        let begin = micros(now) - window.as_micros() as f64;
        let mut at_begin = self.seen[0].1 as f64;
        for pair in self.seen.windows(2) {
            let [(from, low), (to, high)] = [pair[0], pair[1]];
            let share = ((begin - micros(from)) / (micros(to) - micros(from)).max(1.0)).clamp(0.0, 1.0);
            at_begin += (high - low) as f64 * share;
        }
        // Counts are whole; 0.001 keeps the rounding of the division from making 3 of them 2.
        (*newest as f64 - at_begin + 0.001).max(0.0) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(600);

    fn at(seconds: i64) -> Boot {
        Boot::from_millis(seconds * 1000)
    }

    /// Restarts in the ten minutes before the last of `counts`, of a container made at `made`.
    fn within(made: i64, counts: &[(i64, u64)]) -> u32 {
        let mut restarts = Restarts::default();
        for (seconds, count) in counts {
            restarts.see(*count, at(made), at(*seconds), WINDOW);
        }
        restarts.within(WINDOW, at(counts.last().map_or(0, |(seconds, _)| *seconds)))
    }

    #[test]
    fn one_look_at_a_young_container_tells_all_of_its_restarts() {
        assert_eq!(within(0, &[(60, 9)]), 9);
        assert_eq!(within(0, &[(60, 0)]), 0);
    }

    #[test]
    fn old_restarts_are_not_recent_ones() {
        let month = 30 * 24 * 3600;
        assert_eq!(within(0, &[(month, 5)]), 0);
        assert_eq!(within(0, &[(month, 100_000)]), 23);
        assert_eq!(within(0, &[(month, 5), (month + 60, 5), (month + 120, 7)]), 2);
    }

    #[test]
    fn what_rose_over_a_longer_time_than_the_window_is_spread() {
        assert_eq!(within(-1_000_000, &[(0, 0), (900, 9)]), 6);
        assert_eq!(within(-1_000_000, &[(0, 0), (900, 3)]), 2);
    }

    #[test]
    fn restarts_leave_the_window_as_time_passes() {
        let mut restarts = Restarts::default();
        for seconds in 0..5 {
            restarts.see(seconds, at(0), at(i64::try_from(seconds).unwrap()), WINDOW);
        }
        assert_eq!(restarts.within(WINDOW, at(599)), 4);
        assert_eq!(restarts.within(WINDOW, at(605)), 0);
    }

    #[test]
    fn a_start_by_hand_begins_anew() {
        assert_eq!(within(0, &[(60, 9), (120, 0), (180, 1)]), 1);
        assert_eq!(within(0, &[(60, 9), (120, 2)]), 0);
    }

    #[test]
    fn a_clock_that_says_the_container_is_from_the_future_is_no_matter() {
        assert_eq!(within(500, &[(60, 2)]), 2);
    }

    #[test]
    fn a_loop_that_is_looked_at_all_the_time_takes_little_memory_and_loses_no_restart() {
        let mut restarts = Restarts::default();
        for step in 0..100_000_u64 {
            restarts.see(step, at(0), Boot::from_millis(i64::try_from(step).unwrap() * 250), WINDOW);
            assert!(restarts.seen.len() <= 40);
        }
        let within = restarts.within(WINDOW, Boot::from_millis(99_999 * 250));
        assert!((2399..=2401).contains(&within), "{within}");
    }
}
