//! Parses /proc/meminfo, and computes the memory in use.
//!
//! procfs' parser is not used here: it makes a map of some fifty strings for a dozen numbers, and it refuses a file that
//! lacks any of a dozen fields that nobody asked for (containers leave fields out).

use crate::collect::parse::{Malformed, columns, lines, number};
use crate::snapshot::Value;

/// The fields of /proc/meminfo that count here, in bytes (proc_meminfo(5)).
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fields {
    mem_total: Option<u64>,
    mem_free: Option<u64>,
    mem_available: Option<u64>,
    active_file: Option<u64>,
    inactive_file: Option<u64>,
    slab_reclaimable: Option<u64>,
    buffers: Option<u64>,
    cached: Option<u64>,
    shared: Option<u64>,
    swap_total: Option<u64>,
    swap_free: Option<u64>,
}

impl Fields {
    pub(super) fn parse(text: &[u8]) -> Fields {
        let mut fields = Fields::default();
        for line in lines(text) {
            let mut columns = columns(line);
            let field = match columns.next() {
                Some(b"MemTotal:") => &mut fields.mem_total,
                Some(b"MemFree:") => &mut fields.mem_free,
                Some(b"MemAvailable:") => &mut fields.mem_available,
                Some(b"Active(file):") => &mut fields.active_file,
                Some(b"Inactive(file):") => &mut fields.inactive_file,
                Some(b"SReclaimable:") => &mut fields.slab_reclaimable,
                Some(b"Buffers:") => &mut fields.buffers,
                Some(b"Cached:") => &mut fields.cached,
                Some(b"Shmem:") => &mut fields.shared,
                Some(b"SwapTotal:") => &mut fields.swap_total,
                Some(b"SwapFree:") => &mut fields.swap_free,
                _ => continue,
            };
            let kibibytes = columns.next().and_then(number);
            // The unit ends a whole line: without it the number may have lost digits.
            if columns.next() == Some(b"kB") {
                *field = kibibytes.and_then(|count| count.checked_mul(1024));
            }
            // Two thirds of the file come after these.
            if fields.are_enough() {
                break;
            }
        }
        fields
    }

    /// Whether no other field is needed: the others stand in for `MemAvailable` alone.
    fn are_enough(&self) -> bool {
        let has_memory = self.mem_total.is_some() && self.mem_free.is_some() && self.mem_available > Some(0);
        has_memory && self.swap_total.is_some() && self.swap_free.is_some()
    }

    /// Memory in use. `more_available_bytes` are available as well, beyond the kernel's count.
    pub(super) fn memory(&self, more_available_bytes: u64) -> Result<Value, Malformed> {
        let total = required(self.mem_total, "MemTotal")?;
        let free = required(self.mem_free, "MemFree")?;
        if total == 0 {
            return Err(Malformed::new("MemTotal is 0"));
        }
        // Kernels before 3.14 have no MemAvailable, and some containers' views a senseless one: both as psutil does.
        let available = match self.mem_available {
            Some(available) if available > 0 => available,
            _ => free.saturating_add(self.reclaimable()?),
        };
        let available = if available > total { free.min(total) } else { available };
        let available = available.saturating_add(more_available_bytes).min(total);
        Ok(usage(total - available, total))
    }

    /// The bytes that the kernel can take back from its caches: pages of files, and the reclaimable slab. Shared memory
    /// (`Shmem`: tmpfs, System V) is in `Cached` too, but on no list of files: it can only be swapped out.
    fn reclaimable(&self) -> Result<u64, Malformed> {
        let file_pages = match (self.active_file, self.inactive_file) {
            (Some(active), Some(inactive)) => active.saturating_add(inactive),
            // Before 2.6.28, and if a container's view leaves them out.
            _ => required(self.buffers, "Buffers")?
                .saturating_add(required(self.cached, "Cached")?)
                .saturating_sub(self.shared.unwrap_or(0)),
        };
        Ok(file_pages.saturating_add(self.slab_reclaimable.unwrap_or(0)))
    }

    /// Whether so many bytes can be in use in this memory.
    pub(super) fn holds(&self, bytes: u64) -> bool {
        let in_use = self.mem_total.unwrap_or(0).saturating_sub(self.mem_free.unwrap_or(0));
        bytes <= in_use
    }

    pub(super) fn swap(&self) -> Result<Value, Malformed> {
        let total = required(self.swap_total, "SwapTotal")?;
        let free = required(self.swap_free, "SwapFree")?;
        // Of memory that is available such a number has a stand-in; here there is none.
        let used = total.checked_sub(free).ok_or_else(|| Malformed::new("SwapFree is more than SwapTotal"))?;
        Ok(usage(used, total))
    }
}

fn required(field: Option<u64>, name: &str) -> Result<u64, Malformed> {
    field.ok_or_else(|| Malformed::new(format_args!("no {name} in it")))
}

/// No capacity at all is 0 of 0: a host without swap uses none of it.
fn usage(used_bytes: u64, total_bytes: u64) -> Value {
    let percent = if total_bytes == 0 { 0.0 } else { used_bytes as f64 / total_bytes as f64 * 100.0 };
    Value::Usage { percent, used_bytes, total_bytes }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: u64 = 1024;

    fn memory(text: &[u8]) -> Result<Value, Malformed> {
        Fields::parse(text).memory(0)
    }

    fn used_percent(text: &[u8]) -> f64 {
        match memory(text) {
            Ok(Value::Usage { percent, .. }) => percent,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn memory_in_use_is_what_is_not_available() {
        let text =
            b"MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\nBuffers:  1 kB\nCached: 2 kB\n";
        assert_eq!(memory(text), Ok(Value::Usage { percent: 60.0, used_bytes: 600 * KIB, total_bytes: 1000 * KIB }));
    }

    #[test]
    fn without_mem_available_pages_of_files_and_reclaimable_slab_count_as_available() {
        let old = b"MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 999 kB\nCached: 999 kB\nActive(file): 50 kB\n\
            Inactive(file): 200 kB\nSReclaimable: 50 kB\n";
        let expected = Ok(Value::Usage { percent: 60.0, used_bytes: 600 * KIB, total_bytes: 1000 * KIB });
        assert_eq!(memory(old), expected);
        let zero = [&old[..], b"MemAvailable: 0 kB\n"].concat();
        assert_eq!(memory(&zero), expected);
    }

    /// The numbers that psutil gives for the same files.
    #[test]
    fn shared_memory_is_never_available() {
        let full_tmpfs = b"MemTotal: 8388608 kB\nMemFree: 524288 kB\nBuffers: 102400 kB\nCached: 6815744 kB\n\
            Active(file): 200000 kB\nInactive(file): 324288 kB\nShmem: 6291456 kB\nSReclaimable: 51200 kB\n";
        assert_eq!(format!("{:.1}", used_percent(full_tmpfs)), "86.9");
        let container =
            b"MemTotal: 1048576 kB\nMemFree: 10240 kB\nMemAvailable: 0 kB\nBuffers: 0 kB\nCached: 972800 kB\n\
            Active(file): 2000 kB\nInactive(file): 2000 kB\nShmem: 921600 kB\nSReclaimable: 0 kB\n";
        assert_eq!(format!("{:.1}", used_percent(container)), "98.6");
    }

    #[test]
    fn without_the_lists_of_files_the_cache_less_shared_memory_stands_in() {
        let bare =
            b"MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 500 kB\nShmem: 300 kB\nSReclaimable: 50 kB\n";
        assert_eq!(used_percent(bare), 60.0);
        assert_eq!(used_percent(&[&bare[..], b"Active(file): 900 kB\n"].concat()), 60.0);
        assert_eq!(memory(b"MemTotal: 10 kB\nMemFree: 1 kB\n").unwrap_err().to_string(), "no Buffers in it");
    }

    #[test]
    fn more_available_than_there_is_is_replaced_by_what_is_free() {
        let text = b"MemTotal: 1000 kB\nMemFree: 250 kB\nMemAvailable: 1001 kB\n";
        assert_eq!(memory(text), Ok(Value::Usage { percent: 75.0, used_bytes: 750 * KIB, total_bytes: 1000 * KIB }));
        let estimated = b"MemTotal: 1000 kB\nMemFree: 250 kB\nActive(file): 900 kB\nInactive(file): 900 kB\n";
        assert_eq!(used_percent(estimated), 75.0);
    }

    #[test]
    fn no_swap_is_none_of_none_but_no_word_of_swap_is_unknown() {
        let none = Fields::parse(b"SwapTotal:       0 kB\nSwapFree:        0 kB\n");
        assert_eq!(none.swap(), Ok(Value::Usage { percent: 0.0, used_bytes: 0, total_bytes: 0 }));
        assert_eq!(Fields::parse(b"MemTotal: 1 kB\n").swap().unwrap_err().to_string(), "no SwapTotal in it");
    }

    #[test]
    fn more_free_swap_than_there_is_is_unknown_and_not_0_percent() {
        let fields = Fields::parse(b"SwapTotal: 1000 kB\nSwapFree: 1001 kB\n");
        assert_eq!(fields.swap().unwrap_err().to_string(), "SwapFree is more than SwapTotal");
    }

    #[test]
    fn a_line_that_was_cut_is_no_number() {
        assert_eq!(Fields::parse(b"MemTotal:        20").mem_total, None);
        assert_eq!(Fields::parse(b"MemTotal:        20 kB").mem_total, Some(20 * KIB));
        assert_eq!(Fields::parse(b"MemTotal: 99999999999999999999 kB").mem_total, None);
        assert_eq!(Fields::parse(b"MemTotal: -5 kB").mem_total, None);
    }

    fn is_percentage(value: &Value) -> bool {
        matches!(value, Value::Usage { percent, .. } if (0.0..=100.0).contains(percent))
    }

    const NAMES: [&str; 10] = [
        "MemTotal",
        "MemFree",
        "MemAvailable",
        "Buffers",
        "Cached",
        "Active(file)",
        "Inactive(file)",
        "Shmem",
        "SwapTotal",
        "SwapFree",
    ];

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_a_percentage_is_one(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let fields = Fields::parse(&text);
            for value in [fields.memory(0), fields.swap()].into_iter().flatten() {
                prop_assert!(is_percentage(&value));
            }
        }

        #[test]
        fn arbitrary_numbers_give_a_percentage(numbers in prop::array::uniform10(any::<u64>()), cache: u64) {
            let lines = NAMES.iter().zip(numbers).map(|(name, number)| format!("{name}: {number} kB\n"));
            let fields = Fields::parse(lines.collect::<String>().as_bytes());
            for value in [fields.memory(cache), fields.swap()].into_iter().flatten() {
                prop_assert!(is_percentage(&value));
            }
        }
    }
}
