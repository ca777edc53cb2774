//! Puts values inside their bounds: those of a file, and a time that a clock counted backwards. A value that no agent wrote
//! must not make anyone wait for ever, count beyond a number's range, or draw a line longer than memory.

use std::ops::RangeInclusive;

use jiff::Timestamp;

/// Puts a value inside its bounds; returns how many values had to be changed: one or none.
pub fn keep<T: PartialOrd + Copy>(value: &mut T, bounds: RangeInclusive<T>) -> usize {
    if bounds.contains(value) {
        return 0;
    }
    *value = if *value < *bounds.start() { *bounds.start() } else { *bounds.end() };
    1
}

/// The whole seconds from one time to another; none where the clock was set back in between.
pub fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

/// Whether a number is left out of the state file.
pub fn is_zero<T: PartialEq + Default>(number: &T) -> bool {
    *number == T::default()
}

/// Far more than any count here, and far from a number's end.
pub const MAX_COUNT: u64 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_comes_to_the_nearest_end() {
        let kept = |mut value: i32| (keep(&mut value, -3..=5), value);
        assert_eq!([kept(-4), kept(-3), kept(0), kept(5), kept(9)], [(1, -3), (0, -3), (0, 0), (0, 5), (1, 5)]);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_seconds() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        assert_eq!([(at(0), at(1999)), (at(1999), at(0))].map(|(from, to)| seconds_between(from, to)), [1, 0]);
    }
}
