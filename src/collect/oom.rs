//! Processes that the kernel killed because memory ran out: each is told once, with whose it was.
//!
//! The daemon watches for them between checks. Here are their keys, and the words of a kill.

use std::io;

use super::parse::{Malformed, columns, number};
use super::{IN_A_CONTAINER, Nowhere, SYSTEM, Setup, Source, Switch};
use crate::host::{Host, OomReason, ProcFile};
use crate::metric::{Label, Metric, Unit};
use crate::settings::{Section, doc};
use crate::snapshot::{EventDetail, Part};

pub const SOURCE: &Source = &Source {
    name: "oom",
    group: SYSTEM,
    switch: Switch::Auto(doc(
        "内核因内存不足结束的进程。`auto`：内核有此计数时",
        "processes that the kernel killed for memory. `auto`: where it counts them",
    )),
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
    let open = |_: &[_], host: &Host| {
        let reason = match &host.cgroups {
            None => "the control groups of this system cannot be read",
            Some(own) if host.shares_its_kernel && own.own_kills().is_none() => IN_A_CONTAINER,
            Some(_) => return None,
        };
        Some(Box::new(Nowhere(reason)) as _)
    };
    Setup { targets: Vec::new(), ..Setup::new(open) }
}

/// The kernel's count of all kills since its start, from /proc/vmstat (since Linux 4.13).
pub struct KillCount {
    file: ProcFile,
    /// Where the count was last: it moves if one before it has another number of digits.
    place: usize,
}

impl KillCount {
    pub fn of(host: &Host) -> KillCount {
        KillCount { file: host.proc_file("vmstat"), place: 0 }
    }

    /// # Errors
    /// It cannot be read, or has no such count.
    pub fn read(&mut self, host: &mut Host) -> io::Result<u64> {
        parse(self.file.read(&mut host.buffer)?, &mut self.place).map_err(|error| io::Error::other(error.to_string()))
    }
}

/// Looks at `place` first, and all over if it is not there.
fn parse(text: &[u8], place: &mut usize) -> Result<u64, Malformed> {
    const NAME: &[u8] = b"\noom_kill ";
    let count_at = |place: usize| text.get(place..)?.strip_prefix(NAME);
    let count = count_at(*place).or_else(|| {
        *place = (0..text.len()).find(|place| count_at(*place).is_some())?;
        count_at(*place)
    });
    let number = count.and_then(|count| columns(count).next()).and_then(number);
    number.ok_or_else(|| Malformed::new("no oom_kill in it"))
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
        let mut place = 0;
        let mut read = |text: &str| parse(text.as_bytes(), &mut place);
        assert_eq!(read("pgfault 5\noom_kill 3\ndrop_pagecache 0\n"), Ok(3));
        assert_eq!(read("pgfault 5\noom_kill 4\ndrop_pagecache 0\n"), Ok(4));
        assert_eq!(read("pgfault 10\noom_kill 5\ndrop_pagecache 0\n"), Ok(5), "it has moved");
        for text in ["", "pgfault 5\n", "oom_kill\n", "oom_kill x\n", "oom_kills 4\n"] {
            assert!(read(text).is_err(), "{text:?}");
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
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200), mut place in any::<usize>()) {
            let _ = parse(&text, &mut place);
        }
    }
}
