//! The written form of numbers, times and values.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Line, Words};
use crate::metric::Metric;
use crate::snapshot::Value;

const KIB: f64 = 1024.0;

/// A size in the largest of MB, GB, TB (2^20, 2^30, 2^40 bytes) that keeps the number at 1 or more, without a `.0`.
pub fn size(bytes: u64) -> String {
    let (factor, unit) = unit_of(bytes);
    with_decimals(bytes as f64 / factor, 1) + unit
}

/// A part of a size, both in its unit and in few characters: `3.4 / 3.8 GB`, `385 / 479 MB`.
pub fn size_of(part: u64, bytes: u64) -> String {
    let (factor, unit) = unit_of(bytes);
    let short = |bytes: u64| {
        let number = bytes as f64 / factor;
        with_decimals(number, if number < 9.95 { 1 } else { 0 })
    };
    format!("{} / {} {unit}", short(part), short(bytes))
}

fn unit_of(bytes: u64) -> (f64, &'static str) {
    let megabyte = KIB * KIB;
    match bytes as f64 / megabyte {
        megabytes if megabytes >= KIB * KIB => (megabyte * KIB * KIB, "TB"),
        megabytes if megabytes >= KIB => (megabyte * KIB, "GB"),
        _ => (megabyte, "MB"),
    }
}

/// At most so many decimals: no `.0`.
fn with_decimals(number: f64, decimals: usize) -> String {
    let number = format!("{number:.decimals$}");
    number.strip_suffix(".0").map(str::to_owned).unwrap_or(number)
}

/// A volume of traffic, in the units of its limit: in GB and TB of 10^9 and 10^12 bytes, or in GiB and TiB.
pub fn volume(bytes: u64, is_binary: bool) -> String {
    let (factor, units) = if is_binary { (KIB, ["MiB", "GiB", "TiB"]) } else { (1000.0, ["MB", "GB", "TB"]) };
    let mut number = bytes as f64 / factor / factor;
    let mut unit = 0;
    // What would be shown as 1000.0 is 1 of the next unit.
    while unit < 2 && (number * 10.0).round() / 10.0 >= factor {
        (number, unit) = (number / factor, unit + 1);
    }
    with_decimals(number, 1) + units[unit]
}

/// `2026-02-04 15:30:00` in `zone`.
pub fn time(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

pub fn short(metric: &Metric, value: &Value, words: &Words) -> Line {
    match value {
        Value::Forecast(forecast) => words.forecast(metric, forecast).into(),
        _ => with_word(metric, value, Line::foreign),
    }
}

/// The value in its shortest form; `word` makes an engine's word fit to be shown.
pub fn with_word<T: From<String>>(metric: &Metric, value: &Value, word: fn(&str) -> T) -> T {
    match value {
        Value::Usage { percent: number, .. } | Value::Number(number) => metric.unit.show(*number).into(),
        Value::Quota(quota) => metric.unit.show(quota.percent).into(),
        Value::Forecast(forecast) => {
            forecast.hours.map_or_else(|| "-".to_owned(), |hours| metric.unit.show(hours)).into()
        }
        Value::Container(container) => word(&container.shown()),
        Value::Event(detail) => detail.times.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_and_keep_their_number_at_one_or_more() {
        for (bytes, text) in [
            (0, "0MB"),
            (524_288, "0.5MB"),
            (1 << 20, "1MB"),
            ((1 << 30) - 1, "1024MB"),
            (1 << 30, "1GB"),
            (40 << 30, "40GB"),
            (3_435_973_836, "3.2GB"),
            (1 << 40, "1TB"),
            (u64::MAX, "16777216TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn a_part_of_a_size_is_in_its_unit_and_short() {
        for (part, bytes, text) in [
            (3_650_722_202, 4_080_218_931, "3.4 / 3.8 GB"),
            (1_181_116_006, 25_232_932_864, "1.1 / 24 GB"),
            (404_121_190, 502_687_334, "385 / 479 MB"),
            (40 << 30, 40 << 30, "40 / 40 GB"),
            (0, 2 << 40, "0 / 2 TB"),
        ] {
            assert_eq!(size_of(part, bytes), text);
        }
    }

    #[test]
    fn volumes_are_in_the_units_of_their_limit() {
        for (bytes, decimal, binary) in [
            (0, "0MB", "0MiB"),
            (1_500_000, "1.5MB", "1.4MiB"),
            (999_960_000, "1GB", "953.6MiB"),
            (812_400_000_000, "812.4GB", "756.6GiB"),
            (1 << 40, "1.1TB", "1TiB"),
            (u64::MAX, "18446744.1TB", "16777216TiB"),
        ] {
            assert_eq!([volume(bytes, false), volume(bytes, true)], [decimal, binary]);
        }
    }

    #[test]
    fn times_are_in_the_zone_asked_for() {
        let at: Timestamp = "2026-02-04T07:30:00Z".parse().unwrap();
        assert_eq!(time(at, &TimeZone::fixed(jiff::tz::offset(8))), "2026-02-04 15:30:00");
    }
}
