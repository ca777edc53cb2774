//! Durations: in the form of the file, and in the forms that people know from other programs.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::problem::Complaint;
use super::scalar::Scalar;

/// The units of a duration, largest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A duration in the form of the file: `15m`, `1h30m`, `500ms`, `1d`.
pub fn duration_text(duration: Duration) -> String {
    let mut text = String::new();
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    for (unit, unit_millis) in UNITS {
        if millis >= unit_millis {
            text.push_str(&format!("{}{unit}", millis / unit_millis));
            millis %= unit_millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A duration that somebody typed: seconds, or a text such as `15m`.
///
/// # Errors
/// It is none, or out of `range`; with the intended one, if that is plain.
pub fn duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, Complaint> {
    Scalar { text: text.to_owned(), plain: true }.duration(range)
}

/// The seconds of a text of numbers with units.
pub(super) fn seconds_with_units(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, unit, tail) = part(rest)?;
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds += number.parse::<f64>().ok()? * *millis as f64 / 1_000.0;
        rest = tail;
    }
    (!text.is_empty()).then_some(seconds)
}

/// A number, the letters behind it, and the rest.
fn part(text: &str) -> Option<(&str, &str, &str)> {
    let (number, tail) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let (unit, tail) = tail.split_at(tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len()));
    (!number.is_empty()).then_some((number, unit, tail))
}

/// People's words for a unit, each in lower case.
const WORDS: [(&str, &[&str]); 6] = [
    ("ms", &["ms", "msec", "msecs", "millis", "millisecond", "milliseconds", "毫秒"]),
    ("s", &["s", "sec", "secs", "second", "seconds", "秒", "秒钟"]),
    ("m", &["m", "mn", "min", "mins", "minute", "minutes", "分", "分钟"]),
    ("h", &["h", "hr", "hrs", "hour", "hours", "时", "小时", "个小时"]),
    ("d", &["d", "day", "days", "天", "日"]),
    ("w", &["w", "wk", "week", "weeks", "周", "星期"]),
];

/// `text` in the form of the file, if it is a duration in other words: `15 min`, `1 hour`, `2 days`, `1h30`, `5M`,
/// `PT15M`, `15分钟`.
pub(super) fn right_form(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    // ISO 8601 has its months before the `T`, and `m` there is none of ours.
    let iso = lower.strip_prefix("pt").or_else(|| lower.strip_prefix('p').filter(|date| date.contains("dt")));
    let mut rest = iso.map_or_else(|| lower.clone(), |iso| iso.replace("dt", "d"));
    rest.retain(|c| !c.is_whitespace());
    let mut right = String::new();
    let mut rest = rest.as_str();
    let mut smaller = None;
    while !rest.is_empty() {
        let (number, word, tail) = part(rest)?;
        let unit = match smaller {
            Some(smaller) if word.is_empty() && tail.is_empty() => smaller,
            _ => WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(unit, _)| *unit)?,
        };
        match unit {
            "w" => right.push_str(&format!("{}d", number.parse::<u32>().ok()?.checked_mul(7)?)),
            unit => right.push_str(&format!("{number}{unit}")),
        }
        // `1h30` is an hour and thirty minutes.
        smaller = match unit {
            "h" => Some("m"),
            "m" => Some("s"),
            _ => None,
        };
        rest = tail.trim_start_matches(['.', ',']);
    }
    seconds_with_units(&right).map(|_| right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_durations_text_is_read_back_as_the_same() {
        assert_eq!(duration_text(Duration::from_secs(5400)), "1h30m");
        assert_eq!(duration_text(Duration::ZERO), "0s");
    }

    #[test]
    fn what_people_write_is_put_right() {
        for (written, right) in [
            ("15min", "15m"),
            ("5 m", "5m"),
            ("1 hour", "1h"),
            ("1.5 hours", "1.5h"),
            ("2 days", "2d"),
            ("1 hour, 30 minutes", "1h30m"),
            ("1h 30m", "1h30m"),
            ("1h30", "1h30m"),
            ("5m30", "5m30s"),
            ("5M", "5m"),
            ("90 Sec.", "90s"),
            ("500 msec", "500ms"),
            ("2 weeks", "14d"),
            ("PT15M", "15m"),
            ("P1DT12H", "1d12h"),
            ("15 分钟", "15m"),
            ("2小时", "2h"),
        ] {
            assert_eq!(right_form(written).as_deref(), Some(right), "{written}");
        }
        for other in ["", "soon", "15", "5 x", "1d12", "P3M", "-5m", "1..5h", "15m5", "0:15", "m"] {
            let right = right_form(other);
            assert!(right.as_deref().is_none_or(|right| right == "15m5s"), "{other}: {right:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_put_right_is_a_duration(text in "\\PC{0,20}|([0-9.]{1,4} ?(min|hours|小时|m|S|days|w|ms)?[ ,.]?){1,4}") {
            if let Some(right) = right_form(&text) {
                prop_assert!(seconds_with_units(&right).is_some(), "{right}");
            }
        }
    }
}
