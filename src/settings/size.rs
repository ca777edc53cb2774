//! Sizes: a number of bytes with a unit, in the binary units of messages (1 GB is 2^30 bytes).

use std::ops::RangeInclusive;

use super::problem::Complaint;
use super::scalar::{Scalar, quoted};

/// The units, largest first. `GiB` says the same as `GB`.
const UNITS: [(&str, &str, u64); 3] = [("TB", "TiB", 1 << 40), ("GB", "GiB", 1 << 30), ("MB", "MiB", 1 << 20)];

/// A size in the form of the file, in the largest unit that leaves it whole: `5GB`, `1536MB`.
pub fn size_text(bytes: u64) -> String {
    let unit = UNITS.iter().find(|(.., factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    match unit {
        Some((unit, _, factor)) => format!("{}{unit}", bytes / factor),
        None if bytes == 0 => "0".to_owned(),
        None => format!("{}MB", bytes as f64 / UNITS[2].2 as f64),
    }
}

impl Scalar {
    /// A size in `range`: `1GB`, `1.5GiB`, `500 MB`.
    pub(super) fn size(&self, range: &RangeInclusive<u64>) -> Result<u64, Complaint> {
        let bytes = bytes(&self.text).ok_or_else(|| {
            let is_number = self.text.parse::<f64>().is_ok_and(|number| number >= 0.0);
            let complaint = Complaint::new(format!("{} is not a size", quoted(&self.text)));
            if is_number {
                complaint.expected(format!("a unit behind it, such as `{}GB`", self.text))
            } else {
                complaint
            }
        })?;
        if range.contains(&bytes) { Ok(bytes) } else { Err(Complaint::new(format!("{} is out of range", self.text))) }
    }
}

/// `None`: it is none, or more than there are numbers for.
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = (text[..end].parse::<f64>().ok()?, text[end..].trim_start());
    let is_it = |name: &str| name.eq_ignore_ascii_case(unit);
    let (.., factor) = UNITS.iter().find(|(binary, exact, _)| is_it(binary) || is_it(exact))?;
    let bytes = (number * *factor as f64).round();
    // Whole numbers up to 2^53 are exact.
    (bytes <= 9_007_199_254_740_992.0).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), plain: true }
    }

    fn size(text: &str) -> Result<u64, Complaint> {
        plain(text).size(&(0..=1 << 50))
    }

    #[test]
    fn a_size_is_a_number_with_a_binary_unit() {
        for (text, bytes) in [
            ("1GB", 1 << 30),
            ("1GiB", 1 << 30),
            ("1.5 gb", 3 << 29),
            ("500MB", 500 << 20),
            ("0MB", 0),
            ("2TiB", 2 << 40),
            (".5TB", 1 << 39),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "1", "1.5", "-1GB", "1e3GB", "1G", "1KB", "1..5GB", "1GBs", "10000TB", "9e999TB"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(size("5").unwrap_err().expected, "a unit behind it, such as `5GB`");
        assert_eq!(size("2000TB").unwrap_err().message, "2000TB is out of range");
    }

    proptest! {
        #[test]
        fn every_text_is_read_or_complained_of_and_a_sizes_text_is_the_same_size(
            text in "\\PC{0,12}|[0-9.]{0,6} ?[TGM]?i?B?", bytes in 0..1_u64 << 50,
        ) {
            let _ = size(&text);
            let whole = bytes >> 20 << 20;
            prop_assume!(whole > 0);
            prop_assert_eq!(size(&size_text(whole)), Ok(whole));
        }
    }
}
