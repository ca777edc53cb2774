//! Memory and swap, from one reading of /proc/meminfo.

mod arc;
mod meminfo;

use serde::Serialize;

use super::parse::Malformed;
use super::{Collector, Progress, whole};
use crate::clock::Now;
use crate::host::{Host, ProcFile};
use crate::metric::{self, Metric};
use crate::settings::{self, Doc, NO_DOC, Section, doc};
use crate::snapshot::{Failure, Key, Reading, Snapshot, Value, Watched};

use arc::Arc;
use meminfo::Fields;

/// `system.memory`, and `system.swap`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    pub enabled: bool,
    /// Percent.
    #[serde(serialize_with = "crate::settings::number")]
    pub threshold: f64,
}

impl Config {
    pub fn memory(section: &mut Section<'_>) -> Config {
        Config::read(section, doc("不可用内存的比例 (%)", "memory that is not available, percent"))
    }

    pub fn swap(section: &mut Section<'_>) -> Config {
        Config::read(
            section,
            doc("Swap 使用率 (%)；没有 Swap 的主机从不告警", "swap use, percent; a host without swap never fires"),
        )
    }

    fn read(section: &mut Section<'_>, threshold: Doc) -> Config {
        Config {
            enabled: section.boolean("enabled", true, NO_DOC),
            threshold: section.percent("threshold", 80.0, threshold),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        settings::defaults(Config::memory)
    }
}

pub struct Memory {
    meminfo: ProcFile,
    /// The cache of ZFS, where there is one.
    arc: Option<Arc>,
    memory: bool,
    swap: bool,
}

impl Memory {
    pub fn new(memory: &Config, swap: &Config, host: &Host) -> Option<Memory> {
        (memory.enabled || swap.enabled).then(|| Memory {
            meminfo: host.proc_file("meminfo"),
            arc: memory.enabled.then(|| Arc::of(host)).flatten(),
            memory: memory.enabled,
            swap: swap.enabled,
        })
    }

    /// Memory in use, with a note where it is not what `free` shows.
    fn memory(&mut self, fields: &Fields, host: &mut Host) -> Result<(Value, Option<Box<str>>), Malformed> {
        let Some(arc) = &mut self.arc else { return Ok((fields.memory(0)?, None)) };
        let reclaimable = arc.reclaimable_bytes(fields, self.meminfo.device(), host);
        let note = (reclaimable > 0).then(|| format!("{} MiB of the ZFS cache count as available", reclaimable >> 20));
        Ok((fields.memory(reclaimable)?, note.map(String::into_boxed_str)))
    }
}

impl Collector for Memory {
    fn watch(&self, into: &mut Vec<Watched>) {
        into.extend(self.memory.then(|| whole(metric::MEMORY)));
        into.extend(self.swap.then(|| whole(metric::SWAP)));
    }

    fn collect(&mut self, host: &mut Host, _now: Now, into: &mut Snapshot) -> Progress {
        let fields = match self.meminfo.read(&mut host.buffer) {
            Ok(text) => Fields::parse(text),
            Err(error) => {
                let metrics: &[&'static Metric] = match (self.memory, self.swap) {
                    (true, true) => &[metric::MEMORY, metric::SWAP],
                    (true, false) => &[metric::MEMORY],
                    _ => &[metric::SWAP],
                };
                into.failures.push(Failure { collector: "memory", metrics, target: None, error: error.to_string() });
                return Progress::Done;
            }
        };
        let memory = self.memory.then(|| self.memory(&fields, host));
        let swap = self.swap.then(|| fields.swap().map(|swap| (swap, None)));
        let mut add =
            |metric: &'static Metric, metrics: &'static [&'static Metric], usage: Result<_, Malformed>| match usage {
                Ok((value, note)) => into.readings.push(Reading { key: Key::new(metric, ""), value, note }),
                Err(error) => into.failures.push(Failure {
                    collector: metric.name,
                    metrics,
                    target: None,
                    error: format!("{}: {error}", self.meminfo.path().display()),
                }),
            };
        if let Some(memory) = memory {
            add(metric::MEMORY, &[metric::MEMORY], memory);
        }
        if let Some(swap) = swap {
            add(metric::SWAP, &[metric::SWAP], swap);
        }
        Progress::Done
    }
}
