//! Memory and swap, from one reading of /proc/meminfo.

mod arc;
mod meminfo;

use super::parse::Malformed;
use super::{Collector, Progress, SYSTEM, Setup, Source, Switch, read_limits, whole};
use crate::clock::Now;
use crate::host::{Host, ProcFile};
use crate::metric::{self, Limits};
use crate::settings::{Doc, Section, doc};
use crate::snapshot::{Key, Reading, Snapshot, Value, Watched};

use arc::Arc;
use meminfo::Fields;

pub const MEMORY: &Source = &Source {
    name: "memory",
    group: SYSTEM,
    switch: Switch::On(doc("内存使用率", "memory usage")),
    metrics: &[metric::MEMORY],
    read: |section, _| read_memory(section),
};

pub const SWAP: &Source = &Source {
    name: "swap",
    group: SYSTEM,
    switch: Switch::On(doc("Swap 使用率", "swap usage")),
    metrics: &[metric::SWAP],
    read: |section, _| read_swap(section),
};

fn read_memory(section: &mut Section<'_>) -> Setup {
    let doc = doc("不可用内存的比例 (%)", "unavailable memory, percent");
    let limits = read_limits(section, metric::MEMORY, "threshold", doc);
    Setup::new(|watched, host| Some(Box::new(Memory::new(watched, host)))).limited(metric::MEMORY, limits)
}

fn read_swap(section: &mut Section<'_>) -> Setup {
    let doc = doc("Swap 使用率 (%)；没有 Swap 的主机从不告警", "swap usage, percent; no alert on a host without swap");
    let limits = read_limits(section, metric::SWAP, "threshold", doc);
    let options = [("always", None), ("pressure", Some(metric::MEMORY_PRESSURE))];
    let limits = Limits { only_while: section.choice("when", None, &options, WHEN), ..limits };
    section.mark_as_judging(&["when"]);
    // If memory is watched, swap is read together with it.
    let open = |watched: &[Watched], host: &Host| {
        let is_alone = !watched.contains(&whole(metric::MEMORY));
        is_alone.then(|| Box::new(Memory::new(watched, host)) as _)
    };
    Setup::new(open).limited(metric::SWAP, limits)
}

const WHEN: Doc = doc(
    "`pressure`：仅在内存压力 (`memory_pressure`) 也超过阈值时告警；内核不提供时同 `always`",
    "`pressure`: only while memory pressure is over its threshold, too; as `always` where the kernel does not tell it",
);

struct Memory {
    meminfo: ProcFile,
    /// The cache of ZFS, where there is one.
    arc: Option<Arc>,
    memory: bool,
    swap: bool,
}

impl Memory {
    fn new(watched: &[Watched], host: &Host) -> Memory {
        let [memory, swap] = [metric::MEMORY, metric::SWAP].map(|metric| watched.contains(&whole(metric)));
        Memory { meminfo: host.proc_file("meminfo"), arc: memory.then(|| Arc::of(host)).flatten(), memory, swap }
    }

    /// Memory in use, with a note if it differs from the figure of `free`.
    fn memory(&mut self, fields: &Fields, host: &mut Host) -> Result<(Value, Option<Box<str>>), Malformed> {
        let Some(arc) = &mut self.arc else { return Ok((fields.memory(0)?, None)) };
        let reclaimable = arc.reclaimable_bytes(fields, self.meminfo.device(), host);
        let note = (reclaimable > 0).then(|| format!("{} MiB of the ZFS cache count as available", reclaimable >> 20));
        Ok((fields.memory(reclaimable)?, note.map(String::into_boxed_str)))
    }
}

impl Collector for Memory {
    fn collect(&mut self, host: &mut Host, _now: Now, into: &mut Snapshot) -> Progress {
        let fields = match self.meminfo.read(&mut host.buffer) {
            Ok(text) => Fields::parse(text),
            Err(error) => {
                // Each has a section of its own, and a line where it is missed.
                let sources = [(MEMORY, self.memory), (SWAP, self.swap)].into_iter().filter(|(_, is_read)| *is_read);
                into.failures.extend(sources.map(|(source, _)| source.failure(error.to_string())));
                return Progress::Done;
            }
        };
        let memory = self.memory.then(|| self.memory(&fields, host));
        let swap = self.swap.then(|| fields.swap().map(|swap| (swap, None)));
        let mut add = |source: &'static Source, usage: Result<_, Malformed>| match usage {
            Ok((value, note)) => {
                into.readings.push(Reading { note, ..Reading::new(Key::whole(source.metrics[0]), value) })
            }
            Err(error) => {
                into.failures.push(source.failure(format!("{}: {error}", self.meminfo.path().display())));
            }
        };
        if let Some(memory) = memory {
            add(MEMORY, memory);
        }
        if let Some(swap) = swap {
            add(SWAP, swap);
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::Boot;

    #[test]
    fn each_that_is_watched_is_missed_by_its_own_name_where_the_file_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::new(Some(folder.path()));
        let mut missed = |watched: &[&'static crate::metric::Metric]| {
            let watched: Vec<Watched> = watched.iter().map(|metric| whole(metric)).collect();
            let mut found = Snapshot::default();
            let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(0) };
            assert_eq!(Memory::new(&watched, &host).collect(&mut host, now, &mut found), Progress::Done);
            found.failures.iter().map(|failure| (failure.collector, failure.metrics)).collect::<Vec<_>>()
        };
        let [memory, swap] = [("memory", MEMORY.metrics), ("swap", SWAP.metrics)];
        assert_eq!(missed(&[metric::MEMORY, metric::SWAP]), [memory, swap]);
        assert_eq!(missed(&[metric::SWAP]), [swap]);
        assert_eq!(missed(&[metric::MEMORY]), [memory]);
    }
}
