//! Reads numbers from the kernel's texts: columns separated by blanks, with unsigned values.

use std::fmt;
use std::io::BufRead;

/// A fault of a text, in words that follow the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    pub fn new(what: impl fmt::Display) -> Malformed {
        Malformed(what.to_string())
    }
}

/// The columns of a line. Blanks and unprintable characters separate them.
pub fn columns(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Not `split` and `filter`: the kernel aligns its columns, so most of their pieces would be the empty ones between
    // blanks.
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| *byte > b' ')?;
        let column = &rest[start..];
        let end = column.iter().position(|byte| *byte <= b' ').unwrap_or(column.len());
        let (column, after) = column.split_at(end);
        rest = after;
        Some(column)
    })
}

/// A column that is a number and nothing else.
pub fn number(column: &[u8]) -> Option<u64> {
    if column.is_empty() {
        return None;
    }
    column.iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// `1.50`: digits, a point, digits.
pub fn decimal(text: &[u8]) -> Option<f64> {
    let point = text.iter().position(|byte| *byte == b'.')?;
    let (whole, fraction) = (number(&text[..point])?, number(&text[point + 1..])?);
    let digits = i32::try_from(text.len() - point - 1).ok()?;
    Some(whole as f64 + fraction as f64 / 10_f64.powi(digits))
}

/// The lines of a text, without their ends.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Not `split`, which looks at each byte by itself: here memchr(3) finds the end of a line.
    let mut rest = text;
    std::iter::from_fn(move || {
        let line = rest;
        let length = rest.skip_until(b'\n').ok().filter(|length| *length > 0)?;
        let line = &line[..length];
        Some(line.strip_suffix(b"\n").unwrap_or(line))
    })
}

/// The CPUs that are online, each of which has a line in /proc/stat.
pub fn online_cpus(text: &[u8]) -> usize {
    let is_cpu = |line: &&[u8]| line.strip_prefix(b"cpu").and_then(|rest| rest.first()).is_some_and(u8::is_ascii_digit);
    lines(text).filter(is_cpu).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_are_what_blanks_part() {
        let found: Vec<_> = columns(b"  eth0:  12\t0 ").collect();
        assert_eq!(found, [&b"eth0:"[..], b"12", b"0"]);
        assert_eq!(columns(b" \t ").count(), 0);
    }

    #[test]
    fn a_number_is_digits_that_fit_and_nothing_else() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "18446744073709551616", "-1", "+1", "1.5", "0x1f", "1k"] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn lines_are_what_line_feeds_end() {
        assert_eq!(lines(b"a\n\nb").collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
        assert_eq!(lines(b"a\n").collect::<Vec<_>>(), [b"a"]);
        assert_eq!(lines(b"").count(), 0);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_give_columns_without_blanks_in_them(line in prop::collection::vec(any::<u8>(), 0..100)) {
            let plain: Vec<_> = line.split(|byte| *byte <= b' ').filter(|column| !column.is_empty()).collect();
            prop_assert_eq!(columns(&line).collect::<Vec<_>>(), plain);
        }

        #[test]
        fn what_is_printed_is_read_back(value: u64) {
            prop_assert_eq!(number(value.to_string().as_bytes()), Some(value));
        }
    }
}
