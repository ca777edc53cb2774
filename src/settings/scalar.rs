//! Scalars: the meaning of a text in YAML 1.2, and its conversion into a key's type.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration::{right_form, seconds_with_units};
use super::problem::Complaint;

/// A scalar's text, unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Written without quotes, so that it may be more than a text.
    pub(super) plain: bool,
}

/// Longer values are cropped in messages.
const MAX_QUOTED_CHARS: usize = 60;

impl Scalar {
    /// Null in YAML 1.2's core schema (<https://yaml.org/spec/1.2.2/#1032-tag-resolution>).
    pub(super) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    pub(super) fn boolean(&self) -> Result<bool, Complaint> {
        let value = match self.text.as_str() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        };
        if let Some(value) = value {
            return if self.plain { Ok(value) } else { Err(in_quotes(&value.to_string())) };
        }
        let expected = match self.text.to_lowercase().as_str() {
            "yes" | "on" | "y" | "1" => "true",
            "no" | "off" | "n" | "0" => "false",
            _ => "true or false",
        };
        Err(self.is_not("true or false").expected(expected))
    }

    pub(super) fn integer(&self, range: &RangeInclusive<u64>) -> Result<u64, Complaint> {
        let is_in_range =
            |number: f64| number.fract() == 0.0 && (*range.start() as f64..=*range.end() as f64).contains(&number);
        let number = self.decimal().ok_or_else(|| self.is_no_number(is_in_range))?;
        if !self.plain {
            return Err(in_quotes(&self.text));
        }
        match self.text.parse::<u64>() {
            Ok(value) if range.contains(&value) => Ok(value),
            Err(_) if number.fract() != 0.0 || self.text.contains(['.', 'e', 'E']) => {
                Err(self.is_not("a whole number"))
            }
            _ => Err(self.is_out_of_range()),
        }
    }

    /// A number above `above` and at most `up_to`.
    pub(super) fn number(&self, above: f64, up_to: f64) -> Result<f64, Complaint> {
        let is_in_range = |number| number > above && number <= up_to;
        let number = self.decimal().ok_or_else(|| self.is_no_number(is_in_range))?;
        if !self.plain {
            return Err(in_quotes(&self.text));
        }
        if is_in_range(number) { Ok(number) } else { Err(self.is_out_of_range()) }
    }

    /// Seconds, fractions allowed, or a text such as `15m`, `1h30m`, `500ms`, `2d`.
    pub(super) fn duration(&self, range: &RangeInclusive<Duration>) -> Result<Duration, Complaint> {
        let seconds = match self.decimal() {
            Some(_) if !self.plain => return Err(in_quotes(&self.text)),
            Some(seconds) => seconds,
            None => seconds_with_units(&self.text).ok_or_else(|| {
                let right = right_form(&self.text)
                    .filter(|right| seconds_with_units(right).and_then(|seconds| within(seconds, range)).is_some());
                self.is_not("a duration").expected(right.map(|right| format!("`{right}`")).unwrap_or_default())
            })?,
        };
        within(seconds, range).ok_or_else(|| self.is_out_of_range())
    }

    /// Whether it is the number 0, or a duration of nothing.
    pub(super) fn is_zero(&self) -> bool {
        self.duration(&(Duration::ZERO..=Duration::ZERO)).is_ok()
    }

    /// The text as a decimal number, with a fraction and an exponent or without; no hexadecimal, infinity, or NaN.
    fn decimal(&self) -> Option<f64> {
        let unsigned = self.text.trim_start_matches(['+', '-']);
        let begins = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let goes_on = unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
        let number = if begins && goes_on { self.text.parse().ok() } else { None };
        number.filter(|number: &f64| number.is_finite())
    }

    /// Names the intended number, if it is plain and would be accepted.
    fn is_no_number(&self, is_in_range: impl Fn(f64) -> bool) -> Complaint {
        let right = right_number(&self.text).filter(|number| is_in_range(*number));
        self.is_not("a number").expected(right.map(|number| format!("`{number}`")).unwrap_or_default())
    }

    fn is_not(&self, what: &str) -> Complaint {
        Complaint::new(format!("{} is not {what}", quoted(&self.text)))
    }

    fn is_out_of_range(&self) -> Complaint {
        Complaint::new(format!("{} is out of range", cropped(&self.text)))
    }
}

/// A text from the file in a message: in backquotes, cropped.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", cropped(text))
}

/// A duration of this many seconds, if it is in `range`.
fn within(seconds: f64, range: &RangeInclusive<Duration>) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| range.contains(duration))
}

/// The number in `text` if it has a sign or a word behind it, or separated thousands: `80%`, `100 Mbps`, `1,000`, `10k`.
fn right_number(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !".,_ ".contains(c)).unwrap_or(text.len());
    let (number, word) = (text[..end].trim_end(), &text[end..]);
    let factor = match word.to_lowercase().as_str() {
        "" | "%" | "percent" | "mbps" | "mbit/s" => 1.0,
        "k" | "千" | "gbps" | "gbit/s" => 1_000.0,
        "w" | "万" => 10_000.0,
        _ => return None,
    };
    let mut groups = number.split([',', '_', ' ']);
    let is_grouped =
        groups.next().is_some_and(|first| (1..=3).contains(&first.len())) && groups.all(|group| group.len() == 3);
    let number = if is_grouped { number.replace([',', '_', ' '], "") } else { number.to_owned() };
    number.parse::<f64>().ok().map(|number| number * factor)
}

fn in_quotes(text: &str) -> Complaint {
    Complaint::new(format!("{} is in quotes, which make it a text", quoted(text)))
        .expected(format!("{} without quotes", cropped(text)))
}

fn cropped(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::duration::duration_text;
    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), plain: true }
    }

    fn seconds(text: &str) -> Option<f64> {
        plain(text).duration(&(Duration::ZERO..=Duration::MAX)).ok().map(|duration| duration.as_secs_f64())
    }

    #[test]
    fn durations_are_seconds_or_numbers_with_units() {
        let cases =
            [("900", 900.0), ("0.1", 0.1), ("15m", 900.0), ("1h30m", 5400.0), ("500ms", 0.5), ("2d", 172_800.0)];
        for (text, expected) in cases {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "m", "5 m", "15min", "1h30", "-5", "1e400", ".inf", "0x10", "1..5s"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn yes_and_no_are_told_what_to_write() {
        assert_eq!(plain("True").boolean(), Ok(true));
        assert_eq!(plain("yes").boolean().unwrap_err().expected, "true");
        assert_eq!(plain("Off").boolean().unwrap_err().expected, "false");
    }

    #[test]
    fn a_number_in_quotes_is_a_text() {
        let scalar = Scalar { text: "80".to_owned(), plain: false };
        assert_eq!(scalar.number(0.0, 100.0).unwrap_err().message, "`80` is in quotes, which make it a text");
        assert!(scalar.integer(&(0..=100)).is_err());
        assert!(scalar.duration(&(Duration::ZERO..=Duration::MAX)).is_err());
    }

    #[test]
    fn a_number_lies_above_its_lower_limit_and_reaches_its_upper_one() {
        assert_eq!(plain("100").number(0.0, 100.0), Ok(100.0));
        assert_eq!(plain("8e1").number(0.0, 100.0), Ok(80.0));
        assert_eq!(plain("0").number(0.0, 100.0).unwrap_err().message, "0 is out of range");
        assert_eq!(plain(".nan").number(0.0, 100.0).unwrap_err().message, "`.nan` is not a number");
    }

    #[test]
    fn the_right_form_is_named_where_it_is_plain_what_is_meant() {
        let percent = |text| plain(text).number(0.0, 100.0).unwrap_err().expected;
        assert_eq!(percent("80%"), "`80`");
        assert_eq!(percent("99.5 %"), "`99.5`");
        for other in ["180%", "80,5", "eighty", "%", "1,2,3"] {
            assert_eq!(percent(other), "", "{other}");
        }
        let count = |text| plain(text).integer(&(1..=10_000_000)).unwrap_err().expected;
        for (written, right) in
            [("1,000", "`1000`"), ("1_000_000", "`1000000`"), ("10k", "`10000`"), ("2 万", "`20000`")]
        {
            assert_eq!(count(written), right, "{written}");
        }
        let duration =
            |text| plain(text).duration(&(Duration::ZERO..=Duration::from_secs(86_400))).unwrap_err().expected;
        assert_eq!(duration("15min"), "`15m`");
        assert_eq!(duration("2 days"), "");
    }

    #[test]
    fn an_integer_has_no_fraction() {
        assert_eq!(plain("80").integer(&(1..=100)), Ok(80));
        assert_eq!(plain("80.5").integer(&(1..=100)).unwrap_err().message, "`80.5` is not a whole number");
        assert_eq!(plain("-1").integer(&(1..=100)).unwrap_err().message, "-1 is out of range");
    }

    proptest! {
        #[test]
        fn every_text_converts_or_is_complained_of(text in "\\PC{0,20}|[0-9.eE+-]{1,20}|([0-9.]{1,9}[smhd]{0,2}){1,3}", plain: bool) {
            let scalar = Scalar { text, plain };
            let _ = (scalar.boolean(), scalar.integer(&(0..=u64::MAX)), scalar.number(f64::MIN, f64::MAX));
            if let Ok(duration) = scalar.duration(&(Duration::ZERO..=Duration::MAX)) {
                let again = Scalar { text: duration_text(duration), plain: true };
                let millis = Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
                let read = again.duration(&(Duration::ZERO..=Duration::MAX)).unwrap();
                prop_assert!(read.abs_diff(millis) <= millis / 1_000_000);
            }
        }
    }
}
