//! One line of `time,metric,target,value` in the form of RFC 4180, but without line breaks inside quotes. Pure.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::text;
use crate::text::counted;

/// The first line.
pub const HEADER: &str = "time,metric,target,value";

const COLUMNS: usize = 4;

/// The length of a field in an error.
const MAX_SHOWN_BYTES: usize = 80;

/// One recorded reading, as it is written.
#[derive(Debug, PartialEq)]
pub struct Row<'a> {
    pub time: Timestamp,
    pub metric: Cow<'a, str>,
    pub target: Cow<'a, str>,
    /// Empty: it could not be measured.
    pub value: Cow<'a, str>,
}

/// # Errors
/// The reason why the line is no row.
pub fn row(line: &str) -> Result<Row<'_>, String> {
    let mut fields: [Cow<'_, str>; COLUMNS] = Default::default();
    let mut count = 0;
    let mut rest = Some(line);
    while let Some(left) = rest {
        let (field, after) = next_field(left)?;
        if let Some(place) = fields.get_mut(count) {
            *place = field;
        }
        (count, rest) = (count + 1, after);
    }
    if count != COLUMNS {
        return Err(format!("{}; expected {COLUMNS}: {HEADER}", counted(count, "column")));
    }
    let [time, metric, target, value] = fields;
    Ok(Row { time: self::time(&time)?, metric, target, value })
}

/// The first field of a line, and the fields behind it, if there are any.
fn next_field(line: &str) -> Result<(Cow<'_, str>, Option<&str>), String> {
    let Some(quoted) = line.trim_start_matches(' ').strip_prefix('"') else {
        let (field, rest) = line.split_once(',').map_or((line, None), |(field, rest)| (field, Some(rest)));
        return Ok((Cow::Borrowed(field.trim()), rest));
    };
    let mut field = String::new();
    let mut left = quoted;
    loop {
        let (part, rest) = left.split_once('"').ok_or("a quote is not closed")?;
        field.push_str(part);
        // Two quotes stand for one in the field.
        let Some(rest) = rest.strip_prefix('"') else {
            let rest = rest.trim();
            return match rest.strip_prefix(',') {
                Some(rest) => Ok((field.into(), Some(rest))),
                None if rest.is_empty() => Ok((field.into(), None)),
                None => Err("a comma is missing behind a quote".to_owned()),
            };
        };
        field.push('"');
        left = rest;
    }
}

/// Unix seconds, with or without a fraction, or RFC 3339.
///
/// # Errors
/// The reason why the text is no time.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let time = if is_number {
        let micros = text.parse::<f64>().ok().map(|seconds| (seconds * 1e6).round() as i64);
        micros.and_then(|micros| Timestamp::from_microsecond(micros).ok())
    } else {
        text.parse().ok()
    };
    time.ok_or_else(|| format!("`{}` is no time; expected Unix seconds or RFC 3339 with its offset", shown(text)))
}

/// A number of a reading.
///
/// # Errors
/// The text is no number, or not a finite one.
pub fn number(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("`{}` is no value; expected a number, or nothing where it is not known", shown(text)))
}

/// The beginning of a field, for an error.
pub fn shown(field: &str) -> &str {
    text::beginning(field, MAX_SHOWN_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> [String; 3] {
        let row = row(line).unwrap();
        [row.metric.into_owned(), row.target.into_owned(), row.value.into_owned()]
    }

    #[test]
    fn a_row_has_its_columns_with_quotes_and_without() {
        assert_eq!(fields("0,disk,/data,91.5"), ["disk", "/data", "91.5"]);
        assert_eq!(fields("0, memory, , 85 "), ["memory", "", "85"]);
        assert_eq!(fields("0,disk,\"/mnt/a, \"\"b\"\"\",\"1\""), ["disk", "/mnt/a, \"b\"", "1"]);
        assert_eq!(fields("0,memory,,"), ["memory", "", ""]);
    }

    #[test]
    fn what_is_no_row_is_refused_with_the_reason() {
        for (line, why) in [
            ("0,memory,85", "3 columns; expected 4"),
            ("0,memory,,85,", "5 columns"),
            ("", "1 column;"),
            ("0,disk,\"/data,1", "quote is not closed"),
            ("0,disk,\"/data\"x,1", "comma is missing"),
            ("yesterday,memory,,1", "`yesterday` is no time"),
            ("1767225600000,memory,,1", "is no time"),
        ] {
            let refused = row(line).unwrap_err();
            assert!(refused.contains(why), "{line}: {refused}");
        }
    }

    #[test]
    fn a_time_is_unix_seconds_or_rfc_3339() {
        let expected: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for text in ["1767225600", "1767225600.0", "2026-01-01T00:00:00Z", "2026-01-01T08:00:00+08:00"] {
            assert_eq!(time(text).unwrap(), expected, "{text}");
        }
        assert_eq!(time("1767225600.781").unwrap().as_millisecond() % 1000, 781);
        for text in ["", "-", "2026-01-01", "2026-01-01T00:00:00", "1.2.3", "99999999999999999999"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_a_finite_number() {
        assert_eq!(number("1e3").unwrap(), 1000.0);
        for text in ["NaN", "nan", "inf", "-Infinity", "1e999", "85%", "0x10"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
