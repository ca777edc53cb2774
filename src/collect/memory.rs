//! Memory and swap, from one reading of /proc/meminfo.
//!
//! procfs' parser is not used here: it makes a map of some fifty strings for eight numbers, and it refuses a file that
//! lacks any of a dozen fields that nobody asked for (containers leave fields out).

use serde::Serialize;

use super::parse::{Malformed, columns, lines, number};
use super::{Collector, Progress};
use crate::clock::Now;
use crate::host::{Host, ProcFile};
use crate::settings::Section;
use crate::snapshot::{Failure, Metric, Snapshot, Value};

/// `system.memory`, and `system.swap`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    pub enabled: bool,
    /// Percent.
    #[serde(serialize_with = "crate::settings::number")]
    pub threshold: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { enabled: true, threshold: 80.0 }
    }
}

impl Config {
    pub fn read(section: &mut Section<'_>) -> Config {
        let default = Config::default();
        Config {
            enabled: section.boolean("enabled", default.enabled),
            threshold: section.number("threshold", default.threshold, 0.0, 100.0),
        }
    }
}

pub struct Memory {
    file: ProcFile,
    memory: bool,
    swap: bool,
}

impl Memory {
    pub fn new(memory: &Config, swap: &Config, host: &Host) -> Option<Memory> {
        (memory.enabled || swap.enabled).then(|| Memory {
            file: host.proc_file("meminfo"),
            memory: memory.enabled,
            swap: swap.enabled,
        })
    }
}

impl Collector for Memory {
    fn collect(&mut self, host: &mut Host, _now: Now, into: &mut Snapshot) -> Progress {
        let fields = match self.file.read(&mut host.buffer) {
            Ok(text) => Fields::parse(text),
            Err(error) => {
                let metrics: &[Metric] = match (self.memory, self.swap) {
                    (true, true) => &[Metric::Memory, Metric::Swap],
                    (true, false) => &[Metric::Memory],
                    _ => &[Metric::Swap],
                };
                into.failures.push(Failure { collector: "memory", metrics, target: None, error: error.to_string() });
                return Progress::Done;
            }
        };
        let mut add = |metric: Metric, metrics: &'static [Metric], usage: Result<Value, Malformed>| match usage {
            Ok(usage) => into.push(metric, "", usage),
            Err(error) => into.failures.push(Failure {
                collector: metric.name(),
                metrics,
                target: None,
                error: format!("{}: {error}", self.file.path().display()),
            }),
        };
        if self.memory {
            add(Metric::Memory, &[Metric::Memory], fields.memory());
        }
        if self.swap {
            add(Metric::Swap, &[Metric::Swap], fields.swap());
        }
        Progress::Done
    }
}

/// The fields of /proc/meminfo that count here, in bytes (proc_meminfo(5)).
#[derive(Debug, Default, PartialEq)]
struct Fields {
    mem_total: Option<u64>,
    mem_free: Option<u64>,
    mem_available: Option<u64>,
    buffers: Option<u64>,
    cached: Option<u64>,
    slab_reclaimable: Option<u64>,
    swap_total: Option<u64>,
    swap_free: Option<u64>,
}

impl Fields {
    fn parse(text: &[u8]) -> Fields {
        let mut fields = Fields::default();
        for line in lines(text) {
            let mut columns = columns(line);
            let field = match columns.next() {
                Some(b"MemTotal:") => &mut fields.mem_total,
                Some(b"MemFree:") => &mut fields.mem_free,
                Some(b"MemAvailable:") => &mut fields.mem_available,
                Some(b"Buffers:") => &mut fields.buffers,
                Some(b"Cached:") => &mut fields.cached,
                Some(b"SReclaimable:") => &mut fields.slab_reclaimable,
                Some(b"SwapTotal:") => &mut fields.swap_total,
                Some(b"SwapFree:") => &mut fields.swap_free,
                _ => continue,
            };
            let kibibytes = columns.next().and_then(number);
            // The unit ends a whole line: without it the number may have lost digits.
            if columns.next() == Some(b"kB") {
                *field = kibibytes.and_then(|count| count.checked_mul(1024));
            }
        }
        fields
    }

    fn memory(&self) -> Result<Value, Malformed> {
        let total = required(self.mem_total, "MemTotal")?;
        let free = required(self.mem_free, "MemFree")?;
        if total == 0 {
            return Err(Malformed::new("MemTotal is 0"));
        }
        // Kernels before 3.14 have no MemAvailable, and some containers' views a senseless one: both as psutil does.
        let available = match self.mem_available {
            Some(available) if available > 0 => available,
            _ => [
                required(self.buffers, "Buffers")?,
                required(self.cached, "Cached")?,
                self.slab_reclaimable.unwrap_or(0),
            ]
            .into_iter()
            .fold(free, u64::saturating_add),
        };
        let available = if available > total { free.min(total) } else { available };
        Ok(usage(total - available, total))
    }

    fn swap(&self) -> Result<Value, Malformed> {
        let total = required(self.swap_total, "SwapTotal")?;
        let free = required(self.swap_free, "SwapFree")?;
        Ok(usage(total.saturating_sub(free), total))
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

    #[test]
    fn memory_in_use_is_what_is_not_available() {
        let fields = Fields::parse(
            b"MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\nBuffers:  1 kB\nCached: 2 kB\n",
        );
        assert_eq!(fields.memory(), Ok(Value::Usage { percent: 60.0, used_bytes: 600 * KIB, total_bytes: 1000 * KIB }));
    }

    #[test]
    fn without_mem_available_buffers_cache_and_reclaimable_slab_count_as_available() {
        let old = b"MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 200 kB\nSReclaimable: 50 kB\n";
        let expected = Ok(Value::Usage { percent: 60.0, used_bytes: 600 * KIB, total_bytes: 1000 * KIB });
        assert_eq!(Fields::parse(old).memory(), expected);
        let zero = [&old[..], b"MemAvailable: 0 kB\n"].concat();
        assert_eq!(Fields::parse(&zero).memory(), expected);
    }

    #[test]
    fn more_available_than_there_is_is_replaced_by_what_is_free() {
        let fields = Fields::parse(b"MemTotal: 1000 kB\nMemFree: 250 kB\nMemAvailable: 1001 kB\n");
        assert_eq!(fields.memory(), Ok(Value::Usage { percent: 75.0, used_bytes: 750 * KIB, total_bytes: 1000 * KIB }));
    }

    #[test]
    fn no_swap_is_none_of_none_but_no_word_of_swap_is_unknown() {
        let none = Fields::parse(b"SwapTotal:       0 kB\nSwapFree:        0 kB\n");
        assert_eq!(none.swap(), Ok(Value::Usage { percent: 0.0, used_bytes: 0, total_bytes: 0 }));
        assert_eq!(Fields::parse(b"MemTotal: 1 kB\n").swap().unwrap_err().to_string(), "no SwapTotal in it");
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

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_a_percentage_is_one(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let fields = Fields::parse(&text);
            for value in [fields.memory(), fields.swap()].into_iter().flatten() {
                prop_assert!(is_percentage(&value));
            }
        }

        #[test]
        fn arbitrary_numbers_give_a_percentage(numbers in prop::array::uniform7(any::<u64>())) {
            let [a, b, c, d, e, f, g] = numbers;
            let text = format!(
                "MemTotal: {a} kB\nMemFree: {b} kB\nMemAvailable: {c} kB\nBuffers: {d} kB\nCached: {e} kB\nSwapTotal: {f} kB\nSwapFree: {g} kB\n"
            );
            let fields = Fields::parse(text.as_bytes());
            for value in [fields.memory(), fields.swap()].into_iter().flatten() {
                prop_assert!(is_percentage(&value));
            }
        }
    }
}
