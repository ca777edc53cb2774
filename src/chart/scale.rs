//! The scale of a strip: from zero to a round number.
//!
//! No logarithm: one call of libm would link it into every process of the binary, the agent included.

use super::Strip;
use super::series::merged;
use crate::metric::Unit;

/// Round numbers whose half is round as well.
const ROUND: [f64; 10] = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];

/// Where a threshold is further above the peak than this, it would flatten the line, and is left out.
const THRESHOLD_OVER_PEAK: f64 = 2.5;

/// The least end: half of it has two decimals.
const LEAST: f64 = 0.04;

/// Values above are not written out.
const MOST: f64 = 1e15;

/// The upper end of the scale of all `strips` together.
pub(super) fn top(strips: &[&Strip]) -> f64 {
    let peaks = strips.iter().filter_map(|strip| merged(&strip.steps).map(|whole| whole.max));
    let peak = strips.iter().filter_map(|strip| strip.now).chain(peaks).fold(0.0, f64::max).min(MOST);
    if strips.iter().all(|strip| strip.key.metric.unit == Unit::Percent) && peak <= 100.0 {
        return 100.0;
    }
    let thresholds = strips.iter().filter_map(|strip| strip.threshold);
    let near = thresholds.filter(|limit| peak == 0.0 || *limit < peak * THRESHOLD_OVER_PEAK);
    // A threshold at the upper edge would be taken for the frame.
    round_above(near.map(|limit| limit * 1.05).fold(peak, f64::max))
}

/// The next round number that is not less.
fn round_above(number: f64) -> f64 {
    if number <= 0.0 {
        return 1.0;
    }
    let number = number.max(LEAST);
    let mut power = 1.0;
    while power * 10.0 < number && power < MOST {
        power *= 10.0;
    }
    while power > number && power > 1e-3 {
        power /= 10.0;
    }
    ROUND.iter().map(|round| round * power).find(|round| *round >= number).unwrap_or(number)
}

/// A number at the scale: `0.5`, `80`, `1200`, `12k`, `1.5M`.
pub(super) fn label(number: f64) -> String {
    let (divided, unit) = match number.abs() {
        n if n >= 1e15 => (number / 1e15, "P"),
        n if n >= 1e12 => (number / 1e12, "T"),
        n if n >= 1e9 => (number / 1e9, "G"),
        n if n >= 1e6 => (number / 1e6, "M"),
        n if n >= 1e4 => (number / 1e3, "k"),
        _ => (number, ""),
    };
    let digits = if unit.is_empty() { 100.0 } else { 10.0 };
    let rounded = (divided * digits).round() / digits;
    format!("{rounded}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_a_round_number_that_is_not_below_the_peak() {
        let cases = [
            (0.0, 1.0),
            (1e-9, 0.04),
            (0.04, 0.04),
            (0.7, 0.8),
            (9.0, 10.0),
            (62.9, 80.0),
            (102.9, 120.0),
            (528.0, 600.0),
        ];
        for (peak, end) in cases {
            assert!((round_above(peak) - end).abs() < 1e-9, "{peak}: {}", round_above(peak));
        }
        assert!(round_above(2e18) >= 1e15);
    }

    #[test]
    fn a_number_at_the_scale_is_short() {
        let numbers = [0.0, 0.25, 80.0, 1200.0, 12_000.0, 1.5e6, -3e9, 1e12, 1e15].map(label);
        assert_eq!(numbers, ["0", "0.25", "80", "1200", "12k", "1.5M", "-3G", "1T", "1P"]);
    }
}
