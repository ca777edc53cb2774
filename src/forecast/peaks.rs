//! The highest share of each of the last hours, in 16 bits each.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub const HOUR: Duration = Duration::from_secs(3600);

/// As many hours are remembered, the one that is under way included: two days and the hours around them.
pub const HOURS: usize = 50;

/// Steps in one percent: 100 % is 50,000, and the used part of root's reserve has room above that.
const STEPS: f64 = 500.0;

const MISSING: u16 = u16::MAX;

/// The newest hour first.
#[derive(Clone, Debug, PartialEq)]
pub struct Peaks([u16; HOURS]);

impl Default for Peaks {
    fn default() -> Peaks {
        Peaks([MISSING; HOURS])
    }
}

impl Peaks {
    /// Takes in a reading of the hour that is under way. Whether it is the highest so far.
    pub fn take(&mut self, percent: f64) -> bool {
        let (steps, newest) = (steps(percent), &mut self.0[0]);
        let is_higher = *newest == MISSING || steps > *newest;
        if is_higher {
            *newest = steps;
        }
        is_higher
    }

    /// So many hours later: nothing is known of them.
    pub fn pass(&mut self, hours: usize) {
        let hours = hours.min(HOURS);
        self.0.rotate_right(hours);
        self.0[..hours].fill(MISSING);
    }

    /// The highest share of the hour so many hours ago; `None`: there was no reading.
    pub fn ago(&self, hours: usize) -> Option<f64> {
        self.0.get(hours).filter(|steps| **steps != MISSING).map(|steps| f64::from(*steps) / STEPS)
    }

    /// The highest share of several hours, as far as there were readings.
    pub fn highest(&self, hours: RangeInclusive<usize>) -> Option<f64> {
        hours.filter_map(|hours| self.ago(hours)).reduce(f64::max)
    }

    /// Whether there was any reading in the last `hours`.
    pub fn has_any(&self, hours: usize) -> bool {
        self.0[..hours].iter().any(|steps| *steps != MISSING)
    }
}

fn steps(percent: f64) -> u16 {
    (percent * STEPS).round().clamp(0.0, f64::from(MISSING - 1)) as u16
}

/// A share in the steps of the memory, so that one that stays the same does not grow.
pub fn in_steps(percent: f64) -> f64 {
    f64::from(steps(percent)) / STEPS
}

const DIGITS: usize = 4;

/// As hexadecimal digits, the newest hour first; hours that are missing at the end are missing.
impl Serialize for Peaks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.0.iter().rposition(|steps| *steps != MISSING).map_or(0, |last| last + 1);
        let digits: String = self.0[..known].iter().map(|steps| format!("{steps:04x}")).collect();
        serializer.serialize_str(&digits)
    }
}

/// Anything but a number is missing.
impl<'de> Deserialize<'de> for Peaks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Peaks, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut peaks = Peaks::default();
        for (steps, digits) in peaks.0.iter_mut().zip(text.as_bytes().chunks_exact(DIGITS)) {
            let number = std::str::from_utf8(digits).ok().and_then(|digits| u16::from_str_radix(digits, 16).ok());
            *steps = number.unwrap_or(MISSING);
        }
        Ok(peaks)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_hour_keeps_its_highest_reading_and_what_has_none_is_missing() {
        let mut peaks = Peaks::default();
        assert!(peaks.take(40.0) && peaks.take(41.5) && !peaks.take(40.5));
        peaks.pass(2);
        assert!(peaks.take(30.0));
        assert_eq!((0..4).map(|hours| peaks.ago(hours)).collect::<Vec<_>>(), [Some(30.0), None, Some(41.5), None]);
        assert_eq!((peaks.highest(1..=3), peaks.highest(3..=9)), (Some(41.5), None));
        assert!(peaks.has_any(1) && peaks.has_any(HOURS));
        peaks.pass(48);
        assert_eq!((peaks.ago(48), peaks.ago(49)), (Some(30.0), None));
        peaks.pass(usize::MAX);
        assert_eq!(peaks, Peaks::default());
    }

    #[test]
    fn the_state_has_four_digits_an_hour() {
        let mut peaks = Peaks::default();
        assert_eq!(serde_json::to_string(&peaks).unwrap(), "\"\"");
        peaks.take(100.0);
        peaks.pass(2);
        peaks.take(0.0);
        assert_eq!(serde_json::to_string(&peaks).unwrap(), "\"0000ffffc350\"");
        assert_eq!(serde_json::from_str::<Peaks>("\"0000ffffc350\"").unwrap(), peaks);
        // Neither too long, nor cut off, nor no digits at all.
        for odd in [
            "\"0000+123c350zz\"".to_owned(),
            format!("\"0000ffffc350{}\"", "ffff".repeat(1000)),
            "\"0000éc350\"".to_owned(),
        ] {
            let read: Peaks = serde_json::from_str(&odd).unwrap();
            assert_eq!(read.ago(0), Some(0.0), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn whatever_was_read_is_within_bounds_and_comes_back(readings in prop::collection::vec((any::<f64>(), 0..60_usize), 0..80)) {
            let mut peaks = Peaks::default();
            for (percent, hours) in readings {
                peaks.take(percent);
                prop_assert!(peaks.ago(0).is_some_and(|peak| (0.0..=131.1).contains(&peak)));
                peaks.pass(hours);
            }
            let text = serde_json::to_string(&peaks).unwrap();
            prop_assert!(text.len() <= 2 + DIGITS * HOURS);
            prop_assert_eq!(serde_json::from_str::<Peaks>(&text).unwrap(), peaks);
        }

        #[test]
        fn any_text_is_read(text in "\\PC{0,300}") {
            let peaks: Peaks = serde_json::from_value(text.into()).unwrap();
            prop_assert!((0..HOURS).filter_map(|hours| peaks.ago(hours)).all(|peak| (0.0..=131.1).contains(&peak)));
        }
    }
}
