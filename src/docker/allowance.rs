//! Limits the bytes that are received over time: an engine stays far below, a flood does not.

use std::time::Duration;

use crate::clock::Boot;

/// The most at once. A thousand containers that end together make some 5 MB of events, 1 to 2 KB each, with their
/// labels.
pub const AT_ONCE_BYTES: u64 = 8 * 1024 * 1024;

/// The most per second in the long run: reading it takes less than a hundredth of a processor.
const A_SECOND_BYTES: u64 = 512 * 1024;

#[derive(Debug)]
pub struct Allowance {
    left_bytes: u64,
    at: Boot,
}

impl Allowance {
    pub fn new(now: Boot) -> Allowance {
        Allowance { left_bytes: AT_ONCE_BYTES, at: now }
    }

    /// Takes the received bytes off the allowance; returns whether they were within it.
    pub fn take(&mut self, count: usize, now: Boot) -> bool {
        let grown = earned_bytes(now - self.at);
        if grown > 0 {
            self.left_bytes = self.left_bytes.saturating_add(grown).min(AT_ONCE_BYTES);
            self.at = now;
        }
        match self.left_bytes.checked_sub(count as u64) {
            Some(left) => {
                self.left_bytes = left;
                true
            }
            None => false,
        }
    }
}

fn earned_bytes(time: Duration) -> u64 {
    u64::try_from(time.as_micros() * u128::from(A_SECOND_BYTES) / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of `seconds` during which a source that sends this much in each was let go on.
    fn seconds_allowed(bytes_a_second: u64, seconds: i64) -> i64 {
        let mut allowance = Allowance::new(Boot::from_millis(0));
        let piece = usize::try_from(bytes_a_second / 100).unwrap();
        let flooded = (1..=seconds * 100).find(|step| !allowance.take(piece, Boot::from_millis(step * 10)));
        flooded.map_or(seconds, |step| step / 100)
    }

    #[test]
    fn what_engines_send_is_let_pass_and_a_flood_is_not() {
        assert_eq!(seconds_allowed(A_SECOND_BYTES, 1000), 1000);
        assert_eq!(seconds_allowed(2 * A_SECOND_BYTES, 1000), 15);
        assert_eq!(seconds_allowed(50_000_000, 1000), 0);
        let mut allowance = Allowance::new(Boot::from_millis(0));
        assert!(allowance.take(5_000_000, Boot::from_millis(1000)), "a thousand containers that end together");
    }

    #[test]
    fn a_quiet_time_earns_no_more_than_may_come_at_once() {
        let mut allowance = Allowance::new(Boot::from_millis(0));
        let whole = usize::try_from(AT_ONCE_BYTES).unwrap();
        assert!(allowance.take(whole, Boot::from_millis(1_000_000_000)));
        assert!(!allowance.take(1, Boot::from_millis(1_000_000_000)));
        assert!(allowance.take(whole / 2, Boot::from_millis(1_000_008_000)));
    }
}
