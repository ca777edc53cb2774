//! The files of a control group, as the kernel writes them (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1). Pure:
//! bytes in, numbers out.
//!
//! Each line of them ends with a line feed, so one that does not was cut, and its number may have lost digits.

/// Without a limit version 1 has the largest multiple of a page below 2^63.
const V1_NO_LIMIT: u64 = 1 << 62;

/// The one number of a file: `memory.current`.
pub fn number(text: &[u8]) -> Option<u64> {
    digits(text.strip_suffix(b"\n")?)
}

/// The number behind `name` in a file of lines `name number`: `memory.stat`, `cpu.stat`, `memory.events`.
pub fn field(text: &[u8], name: &str) -> Option<u64> {
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    let mut values = lines.filter_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b" "));
    digits(values.next()?)
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Most<T> {
    Unlimited,
    /// So much at the most.
    Limit(T),
}

/// `memory.max`, or `memory.limit_in_bytes` of version 1.
pub fn memory_limit(text: &[u8]) -> Option<Most<u64>> {
    match text {
        b"max\n" => Some(Most::Unlimited),
        text => number(text).map(|bytes| if bytes < V1_NO_LIMIT { Most::Limit(bytes) } else { Most::Unlimited }),
    }
}

/// `cpu.max`: how many CPUs' time a group may use.
pub fn cpu_limit(text: &[u8]) -> Option<Most<f64>> {
    let text = text.strip_suffix(b"\n")?;
    let space = text.iter().position(|byte| *byte == b' ')?;
    let (quota, period) = (&text[..space], digits(&text[space + 1..])?);
    if quota == b"max" { Some(Most::Unlimited) } else { cpus(digits(quota)?, period) }
}

/// `cpu.cfs_quota_us` and `cpu.cfs_period_us` of version 1; a quota of -1 is none.
pub fn v1_cpu_limit(quota: &[u8], period: &[u8]) -> Option<Most<f64>> {
    if quota == b"-1\n" { Some(Most::Unlimited) } else { cpus(number(quota)?, number(period)?) }
}

fn cpus(quota_micros: u64, period_micros: u64) -> Option<Most<f64>> {
    (quota_micros > 0 && period_micros > 0).then(|| Most::Limit(quota_micros as f64 / period_micros as f64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_whole_or_not_at_all() {
        assert_eq!(number(b"851234816\n"), Some(851_234_816));
        for text in ["", "\n", "85", "-1\n", "max\n", "8 5\n", "99999999999999999999\n", "+5\n"] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = b"anon 1\nactive_file 2\ninactive_file 4096\ntotal_inactive_file 8192\noom 1\noom_kill 3\n";
        assert_eq!(field(text, "inactive_file"), Some(4096));
        assert_eq!(field(text, "total_inactive_file"), Some(8192));
        assert_eq!(field(text, "oom_kill"), Some(3));
        assert_eq!(field(text, "oom_group_kill"), None);
        assert_eq!(field(b"oom_kill 12", "oom_kill"), None, "the rest of the number may be cut off");
    }

    #[test]
    fn limits_of_both_versions_are_read() {
        assert_eq!(memory_limit(b"max\n"), Some(Most::Unlimited));
        assert_eq!(memory_limit(b"536870912\n"), Some(Most::Limit(512 << 20)));
        assert_eq!(memory_limit(b"9223372036854771712\n"), Some(Most::Unlimited));
        assert_eq!(cpu_limit(b"max 100000\n"), Some(Most::Unlimited));
        assert_eq!(cpu_limit(b"150000 100000\n"), Some(Most::Limit(1.5)));
        assert_eq!(v1_cpu_limit(b"-1\n", b"100000\n"), Some(Most::Unlimited));
        assert_eq!(v1_cpu_limit(b"50000\n", b"100000\n"), Some(Most::Limit(0.5)));
        for text in ["", "max", "0 100000\n", "5 0\n", "5\n", " 5\n", "5 5 5\n"] {
            assert_eq!(cpu_limit(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..100), other in "[0-9a-z -]{0,9}\n") {
            for text in [text.as_slice(), other.as_bytes()] {
                let _ = (number(text), field(text, "oom_kill"), memory_limit(text));
                for limit in [cpu_limit(text), v1_cpu_limit(text, other.as_bytes())].into_iter().flatten() {
                    prop_assert!(matches!(limit, Most::Unlimited) || matches!(limit, Most::Limit(cpus) if cpus > 0.0));
                }
            }
        }
    }
}
