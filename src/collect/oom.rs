//! Processes that the kernel killed because memory ran out: each is told once, with whose it was.
//!
//! The daemon watches for them between checks. Here are their keys, and the words of a kill.

use std::io;

use super::parse::{Malformed, columns, lines, number};
use super::{SYSTEM, Setup, Source};
use crate::host::{Host, OomReason, ProcFile};
use crate::metric::{Label, Metric, Unit};
use crate::settings::Section;
use crate::snapshot::{EventDetail, Part};

pub const SOURCE: &Source = &Source {
    name: "oom",
    group: SYSTEM,
    is_on_by_default: true,
    metrics: &[OOM_KILL],
    read: |section, _| read(section),
};

pub const OOM_KILL: &Metric = &Metric {
    name: "oom_kill",
    unit: Unit::Word,
    label: Label { zh: "内核因内存不足结束的进程", en: "processes that the kernel killed for memory" },
    alert_label: Label { zh: "💥 内存不足", en: "💥 Out of memory" },
    order: 160,
    ..Metric::BASE
};

/// It has no readings.
fn read(_: &mut Section<'_>) -> Setup {
    Setup { targets: Vec::new(), ..Setup::new(|_, _| None) }
}

/// The kernel's count of all kills since its start, from /proc/vmstat (since Linux 4.13).
pub struct KillCount(ProcFile);

impl KillCount {
    pub fn of(host: &Host) -> KillCount {
        KillCount(host.proc_file("vmstat"))
    }

    /// # Errors
    /// It cannot be read, or has no such count.
    pub fn read(&mut self, host: &mut Host) -> io::Result<u64> {
        parse(self.0.read(&mut host.buffer)?).map_err(|error| io::Error::other(error.to_string()))
    }
}

fn parse(text: &[u8]) -> Result<u64, Malformed> {
    let mut counts = lines(text).filter_map(|line| {
        let mut columns = columns(line);
        (columns.next() == Some(b"oom_kill")).then(|| columns.next().and_then(number))
    });
    counts.next().flatten().ok_or_else(|| Malformed::new("no oom_kill in it"))
}

/// A kill of so many processes, with what is known of the reason.
pub fn detail(times: u64, reason: OomReason) -> EventDetail {
    let reason = match reason {
        OomReason::Limit(Some(bytes)) => vec![Part::own("达到上限 ", "at its limit of "), Part::Bytes(bytes)],
        OomReason::Limit(None) => vec![Part::own("达到上限", "at its limit")],
        OomReason::Host => vec![Part::own("主机内存耗尽", "the host ran out of memory")],
        OomReason::Unknown => Vec::new(),
    };
    let mut parts = vec![Part::own("内核结束了进程", "the kernel killed a process")];
    if !reason.is_empty() {
        parts.push(Part::own(" (", " ("));
        parts.extend(reason);
        parts.push(Part::own(")", ")"));
    }
    EventDetail { times, ..EventDetail::new(parts) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_kernels_count_is_read_where_it_has_one() {
        assert_eq!(parse(b"pgfault 5\noom_kill 3\ndrop_pagecache 0\n"), Ok(3));
        for text in ["", "pgfault 5\n", "oom_kill\n", "oom_kill x\n", "oom_kills 4\n"] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_kill_says_why_memory_ran_out() {
        let detail = detail(2, OomReason::Limit(Some(512 << 20)));
        assert_eq!((detail.times, detail.is_critical), (2, false));
        assert!(detail.parts.contains(&Part::Bytes(512 << 20)));
        let parts = super::detail(1, OomReason::Unknown).parts;
        assert_eq!(parts, [Part::own("内核结束了进程", "the kernel killed a process")], "and no reason is made up");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
        }
    }
}
