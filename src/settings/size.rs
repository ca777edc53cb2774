//! Sizes: a number of bytes with a unit. Sizes of memory and disks are in the binary units of messages (1 GB is 2^30 bytes);
//! a volume of traffic is in the units of its seller, where 1 GB is 10^9 bytes and 1 GiB is 2^30.

use std::fmt;
use std::ops::RangeInclusive;

use super::problem::Complaint;
use super::scalar::{Scalar, quoted};

/// The units, largest first. `GiB` says the same as `GB`.
const UNITS: [(&str, &str, u64); 3] = [("TB", "TiB", 1 << 40), ("GB", "GiB", 1 << 30), ("MB", "MiB", 1 << 20)];

/// The units of a seller, and the exact ones.
const VOLUME_UNITS: [(&str, u64); 6] = [
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
];

/// A volume of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    pub bytes: u64,
    /// It was written in GiB and the like, and is shown in them.
    pub is_binary: bool,
}

/// In the largest unit that leaves it whole: `1TB`, `1536GiB`.
impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = if self.is_binary { &VOLUME_UNITS[3..] } else { &VOLUME_UNITS[..3] };
        match units.iter().find(|(_, factor)| self.bytes >= *factor && self.bytes.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.bytes / factor),
            None => {
                let (unit, factor) = units[2];
                write!(f, "{}{unit}", self.bytes as f64 / factor as f64)
            }
        }
    }
}

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
        let bytes = bytes(&self.text).ok_or_else(|| self.no_size())?;
        if range.contains(&bytes) { Ok(bytes) } else { Err(self.out_of_range()) }
    }

    /// A volume of traffic in `range`: `1TB` is 10^12 bytes, `1TiB` 2^40.
    pub(super) fn volume(&self, range: &RangeInclusive<u64>) -> Result<Volume, Complaint> {
        let volume = volume(&self.text).ok_or_else(|| self.no_size())?;
        if range.contains(&volume.bytes) { Ok(volume) } else { Err(self.out_of_range()) }
    }

    fn no_size(&self) -> Complaint {
        let complaint = Complaint::new(format!("{} is not a size", quoted(&self.text)));
        if self.text.parse::<f64>().is_ok_and(|number| number >= 0.0) {
            complaint.expected(format!("a unit behind it, such as `{}GB`", self.text))
        } else {
            complaint
        }
    }

    fn out_of_range(&self) -> Complaint {
        Complaint::new(format!("{} is out of range", self.text))
    }
}

/// `None`: it is none, or more than there are numbers for.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let is_it = |name: &str| name.eq_ignore_ascii_case(unit);
    let (.., factor) = UNITS.iter().find(|(binary, exact, _)| is_it(binary) || is_it(exact))?;
    times(number, *factor)
}

fn volume(text: &str) -> Option<Volume> {
    let (number, unit) = split(text)?;
    let place = VOLUME_UNITS.iter().position(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    Some(Volume { bytes: times(number, VOLUME_UNITS[place].1)?, is_binary: place >= 3 })
}

/// The number and the unit.
fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    Some((text[..end].parse::<f64>().ok()?, text[end..].trim_start()))
}

fn times(number: f64, factor: u64) -> Option<u64> {
    let bytes = (number * factor as f64).round();
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

    #[test]
    fn a_volume_of_traffic_has_the_units_of_its_seller_or_the_exact_ones() {
        let volume = |text: &str| plain(text).volume(&(1..=1 << 50));
        for (text, bytes, is_binary, shown) in [
            ("1TB", 1_000_000_000_000, false, "1TB"),
            ("1 tib", 1 << 40, true, "1TiB"),
            ("1.5GB", 1_500_000_000, false, "1500MB"),
            ("500GiB", 500 << 30, true, "500GiB"),
            ("0.0015MB", 1500, false, "0.0015MB"),
        ] {
            assert_eq!(volume(text), Ok(Volume { bytes, is_binary }), "{text}");
            assert_eq!(volume(text).unwrap().to_string(), shown);
        }
        for text in ["0GB", "-1TB", "1", "1e3GB", "1T", "9999TB", "TB"] {
            assert!(volume(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_or_complained_of_and_a_sizes_text_is_the_same_size(
            text in "\\PC{0,12}|[0-9.]{0,6} ?[TGM]?i?B?", bytes in 0..1_u64 << 50,
        ) {
            let _ = size(&text);
            let _ = plain(&text).volume(&(0..=1 << 50));
            let whole = bytes >> 20 << 20;
            prop_assume!(whole > 0);
            prop_assert_eq!(size(&size_text(whole)), Ok(whole));
        }
    }
}
