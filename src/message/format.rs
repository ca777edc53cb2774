//! How numbers, times and names are written.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::text;

const KIB: f64 = 1024.0;

/// A size in the largest of MB, GB, TB (2^20, 2^30, 2^40 bytes) that keeps the number at 1 or more, without a `.0`.
pub fn size(bytes: u64) -> String {
    let megabytes = bytes as f64 / KIB / KIB;
    let (number, unit) = if megabytes >= KIB * KIB {
        (megabytes / KIB / KIB, "TB")
    } else if megabytes >= KIB {
        (megabytes / KIB, "GB")
    } else {
        (megabytes, "MB")
    };
    let number = format!("{number:.1}");
    format!("{}{unit}", number.strip_suffix(".0").unwrap_or(&number))
}

/// `2026-02-04 15:30:00` in `zone`.
pub fn time(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A name that came from outside (host, path, container, a health check's output), so that it can change neither a
/// message's layout nor its mentions: one line of at most [`text::MAX_BYTES`].
pub fn name(name: &str) -> String {
    text::harmless(name, text::MAX_BYTES, |c| match c {
        '<' => '＜',
        '>' => '＞',
        '*' => '＊',
        '[' => '［',
        ']' => '］',
        '`' => '｀',
        c => c,
    })
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
    fn a_name_can_change_neither_layout_nor_mentions() {
        assert_eq!(name("app_web-1.2"), "app_web-1.2");
        assert_eq!(name("<@all> *x* [a](b) `c`"), "＜@all＞ ＊x＊ ［a］(b) ｀c｀");
        assert_eq!(name("a\nb\r\tc\u{7f}d\u{2028}e\u{202e}f"), "a b  c d e f");
        assert_eq!(name("a\u{200b}b\u{2066}c\u{feff}d\u{ad}e\u{e0041}f\u{3164}g"), "a b c d e f g");
        assert_eq!(name("⚠️ 香港-1 (备用)"), "⚠️ 香港-1 (备用)");
        let long = name(&"<".repeat(70_000));
        assert!(long.len() <= text::MAX_BYTES && long.ends_with("＜…"));
    }

    #[test]
    fn times_are_in_the_zone_asked_for() {
        let at: Timestamp = "2026-02-04T07:30:00Z".parse().unwrap();
        assert_eq!(time(at, &TimeZone::fixed(jiff::tz::offset(8))), "2026-02-04 15:30:00");
    }
}
