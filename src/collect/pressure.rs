//! Pressure stall information: the share of time in which work waited for memory, for disks or for a CPU.
//!
//! The kernel keeps it since 4.20, in /proc/pressure (Documentation/accounting/psi.rst). Where it does not (RHEL has it
//! switched off), nothing is watched. In a container those files are the host's: there the control group's own count.

use std::path::PathBuf;
use std::time::Duration;

use super::parse::{Malformed, columns, decimal, lines, number};
use super::{Absence, Collector, Progress, SYSTEM, Setup, Source, Switch, read_limits};
use crate::clock::{Boot, Now};
use crate::host::{Host, ProcFile};
use crate::metric::{self, Label, Limits, Metric};
use crate::settings::{Doc, Section, doc};
use crate::snapshot::{Snapshot, Value};

pub const MEMORY: &Source = &Source {
    name: "memory_pressure",
    group: SYSTEM,
    switch: Switch::Auto(doc(
        "内存压力 (PSI)。`auto`：内核提供时",
        "memory pressure (PSI). `auto`: where the kernel tells it",
    )),
    metrics: &[metric::MEMORY_PRESSURE],
    read: |section, _| read(section, &OF_MEMORY),
};

pub const IO: &Source = &Source {
    name: "io_pressure",
    group: SYSTEM,
    switch: Switch::Off(doc("磁盘压力 (PSI)", "I/O pressure (PSI)")),
    metrics: &[IO_PRESSURE],
    read: |section, _| read(section, &OF_IO),
};

pub const CPU: &Source = &Source {
    name: "cpu_pressure",
    group: SYSTEM,
    switch: Switch::Off(doc("CPU 压力 (PSI)", "CPU pressure (PSI)")),
    metrics: &[CPU_PRESSURE],
    read: |section, _| read(section, &OF_CPU),
};

const OF_MEMORY: Resource = Resource {
    source: MEMORY,
    file: "memory",
    line: b"full",
    doc: doc("所有任务都在等待内存的时间比例 (%)", "time in which every task waited for memory, percent"),
};

const OF_IO: Resource = Resource {
    source: IO,
    file: "io",
    line: b"full",
    doc: doc("所有任务都在等待磁盘的时间比例 (%)", "time in which every task waited for a disk, percent"),
};

/// A CPU always runs some task, so `full` says nothing of a whole system.
const OF_CPU: Resource = Resource {
    source: CPU,
    file: "cpu",
    line: b"some",
    doc: doc("有任务在等待 CPU 的时间比例 (%)", "time in which some task waited for a CPU, percent"),
};

const IO_PRESSURE: &Metric = &Metric {
    name: "io_pressure",
    label: Label { zh: "磁盘压力", en: "I/O pressure" },
    alert_label: Label { zh: "🐌 磁盘压力 (PSI)", en: "🐌 I/O pressure (PSI)" },
    order: 24,
    default: Some(Limits { lasts: TEN_MINUTES, ..Limits::warning(40.0) }),
    ..Metric::BASE
};

pub const CPU_PRESSURE: &Metric = &Metric {
    name: "cpu_pressure",
    label: Label { zh: "CPU 压力", en: "CPU pressure" },
    alert_label: Label { zh: "🐌 CPU 压力 (PSI)", en: "🐌 CPU pressure (PSI)" },
    order: 36,
    default: Some(Limits { lasts: TEN_MINUTES, ..Limits::warning(80.0) }),
    ..Metric::BASE
};

const ABSENT: &str =
    "/proc/pressure, or in a container its own file, is not there, or switched off (psi=1 at the kernel's start)";

const TEN_MINUTES: Duration = Duration::from_secs(10 * 60);

struct Resource {
    source: &'static Source,
    /// Its name in /proc/pressure.
    file: &'static str,
    /// The line that counts.
    line: &'static [u8],
    doc: Doc,
}

fn read(section: &mut Section<'_>, resource: &'static Resource) -> Setup {
    let metric = resource.source.metrics[0];
    let limits = read_limits(section, metric, "threshold", resource.doc);
    Setup::new(move |_, host| Some(Box::new(Pressure::new(resource, host)))).limited(metric, limits)
}

struct Pressure {
    resource: &'static Resource,
    file: ProcFile,
    /// The stalled time until the look before, and its instant.
    before: Option<(u64, Boot)>,
}

/// Between two looks that are so far apart, the kernel's own mean of the last minute is nearer to the present.
const FAR_APART: Duration = Duration::from_secs(300);

/// Two looks that are nearer say little more than chance.
const NEAR: Duration = Duration::from_secs(10);

impl Pressure {
    fn new(resource: &'static Resource, host: &Host) -> Pressure {
        let file = if host.shares_its_kernel {
            ProcFile::new(PathBuf::from(format!("/sys/fs/cgroup/{}.pressure", resource.file)))
        } else {
            host.proc_file(&format!("pressure/{}", resource.file))
        };
        Pressure { resource, file, before: None }
    }

    /// The share since the look before, or in the last minute. `None`: this kernel does not count it.
    fn percent(&mut self, host: &mut Host, now: Boot) -> Result<Option<f64>, String> {
        let text = self.file.read_if_there(&mut host.buffer).map_err(|error| error.to_string())?;
        let Some(text) = text else { return Ok(None) };
        let Stalled { minute_percent, total_micros } = Stalled::parse(text, self.resource.line)
            .map_err(|error| format!("{}: {error}", self.file.path().display()))?;
        let before = self.before.replace((total_micros, now));
        let since = before.and_then(|(total, at)| Some((total_micros.checked_sub(total)?, now - at)));
        Ok(Some(match since {
            Some((stalled, passed)) if (NEAR..FAR_APART).contains(&passed) => {
                (stalled as f64 / passed.as_micros() as f64 * 100.0).min(100.0)
            }
            _ => minute_percent,
        }))
    }
}

impl Collector for Pressure {
    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        let metric = self.resource.source.metrics[0];
        match self.percent(host, now.boot) {
            Ok(Some(percent)) => into.push_whole(metric, Value::Number(percent)),
            Ok(None) => return Progress::Absent(Absence::Of(ABSENT)),
            Err(error) => into.failures.push(self.resource.source.failure(error)),
        }
        Progress::Done
    }
}

/// One line of a file: `full avg10=0.00 avg60=1.50 avg300=0.94 total=6836944`
#[derive(Debug, PartialEq)]
struct Stalled {
    /// In the last minute.
    minute_percent: f64,
    /// Since the machine's start, in microseconds.
    total_micros: u64,
}

impl Stalled {
    fn parse(text: &[u8], wanted: &[u8]) -> Result<Stalled, Malformed> {
        let missing =
            || Malformed::new(format_args!("no avg60 and total of {} in it", String::from_utf8_lossy(wanted)));
        // The last line of a file that was cut may have lost digits.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(&text[..0], |end| &text[..=end]);
        let line = lines(whole).find(|line| columns(line).next() == Some(wanted)).ok_or_else(missing)?;
        let value = |name: &[u8]| columns(line).find_map(|column| column.strip_prefix(name));
        let minute = value(b"avg60=").and_then(decimal).ok_or_else(missing)?;
        let total = value(b"total=").and_then(number).ok_or_else(missing)?;
        Ok(Stalled { minute_percent: minute, total_micros: total })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "some avg10=90.00 avg60=12.50 avg300=0.94 total=21747431\nfull avg10=1.00 avg60=7.05 avg300=0.00 total=6836944\n";

    fn parse(text: &str, line: &str) -> Result<Stalled, String> {
        Stalled::parse(text.as_bytes(), line.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_line_that_counts_is_read_and_a_damaged_one_is_unknown() {
        assert_eq!(parse(TEXT, "full"), Ok(Stalled { minute_percent: 7.05, total_micros: 6_836_944 }));
        assert_eq!(parse(TEXT, "some").map(|stalled| stalled.minute_percent), Ok(12.5));
        // Kernels before 5.13 have no line `full` of the CPU.
        let error = parse("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n", "full").unwrap_err();
        assert_eq!(error, "no avg60 and total of full in it");
        for text in ["", "full avg10=0.00 avg60=0.00 avg300=0.00 total=12", "full avg60=1 total=1\n"] {
            assert!(parse(text, "full").is_err(), "{text:?}");
        }
    }

    /// The looks of one agent on a machine whose files say these things, so many seconds apart.
    fn looks(texts: &[(i64, Option<&str>)]) -> Vec<Snapshot> {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::new(Some(folder.path()));
        let mut pressure = Pressure::new(&OF_MEMORY, &host);
        let file = folder.path().join("pressure/memory");
        fs::create_dir(folder.path().join("pressure")).unwrap();
        let look = |(second, text): &(i64, Option<&str>)| {
            let _ = match text {
                Some(text) => fs::write(&file, text),
                None => fs::remove_file(&file),
            };
            let now = Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: Boot::from_millis(second * 1000) };
            let mut snapshot = Snapshot::default();
            snapshot.watch(metric::MEMORY_PRESSURE, "");
            let absent = text.is_none();
            assert_eq!(matches!(pressure.collect(&mut host, now, &mut snapshot), Progress::Absent(_)), absent);
            snapshot
        };
        texts.iter().map(look).collect()
    }

    #[test]
    fn two_looks_that_are_near_give_the_time_between_them_and_others_the_last_minute() {
        let text = |minute: &str, total: u64| format!("full avg10=0.00 avg60={minute} avg300=0.00 total={total}\n");
        let texts = [
            (0, text("3.00", 0)),
            (60, text("4.00", 30_000_000)),
            (61, text("5.00", 30_000_000)),
            (961, text("6.00", 30_000_000)),
            // The counter began anew.
            (1021, text("7.00", 5)),
        ];
        let texts: Vec<_> = texts.iter().map(|(second, text)| (*second, Some(text.as_str()))).collect();
        let numbers: Vec<_> = looks(&texts).iter().map(|look| look.readings[0].value.number()).collect();
        assert_eq!(numbers, [3.0, 50.0, 5.0, 6.0, 7.0].map(Some));
    }

    #[test]
    fn a_kernel_without_it_has_nothing_to_watch_and_a_damaged_file_is_a_failure() {
        let found = looks(&[(0, None), (3600, Some("nonsense"))]);
        assert!(found[0].readings.is_empty() && found[0].failures.is_empty());
        assert!(found[1].readings.is_empty() && found[1].watched.len() == 1);
        let error = &found[1].failures[0].error;
        assert!(error.ends_with("pressure/memory: no avg60 and total of full in it"), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Stalled::parse(&text, b"full");
        }

        #[test]
        fn what_the_kernel_prints_is_read_back(whole in 0..100_u64, hundredths in 0..100_u64, total: u64) {
            let text = format!("full avg10=0.00 avg60={whole}.{hundredths:02} avg300=0.00 total={total}\n");
            let minute_percent = whole as f64 + hundredths as f64 / 100.0;
            prop_assert_eq!(parse(&text, "full"), Ok(Stalled { minute_percent, total_micros: total }));
        }
    }
}
