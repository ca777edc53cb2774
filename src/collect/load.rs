//! The load of a CPU: tasks that run, wait for a CPU or wait for a disk, by the kernel's mean of five minutes.

use std::time::Duration;

use super::parse::{Malformed, columns, decimal, online_cpus};
use super::{Collector, Progress, SYSTEM, Setup, Source, Switch, read_limits};
use crate::clock::Now;
use crate::host::{Host, ProcFile};
use crate::metric::{Label, Limits, Metric, Unit};
use crate::settings::{Section, doc};
use crate::snapshot::{Key, Reading, Snapshot, Value};

/// Off by default: pressure says better whether tasks wait, and for what.
pub const SOURCE: &Source = &Source {
    name: "load",
    group: SYSTEM,
    switch: Switch::Off(doc("系统负载", "the load average")),
    metrics: &[LOAD],
    read: |section, _| read(section),
};

pub const LOAD: &Metric = &Metric {
    name: "load",
    unit: Unit::Number,
    label: Label { zh: "每核负载", en: "Load per CPU" },
    alert_label: Label { zh: "🏋️ 每核负载 (5 分钟)", en: "🏋️ Load per CPU (5 min)" },
    order: 38,
    default: Some(Limits { lasts: Duration::from_secs(15 * 60), ..Limits::warning(4.0) }),
    ..Metric::BASE
};

fn read(section: &mut Section<'_>) -> Setup {
    let doc = doc("5 分钟平均负载除以 CPU 数", "the load average of 5 minutes, divided by the number of CPUs");
    let limits = read_limits(section, LOAD, "per_cpu", doc);
    let open = |_: &[_], host: &Host| {
        Some(Box::new(Load { average: host.proc_file("loadavg"), cpus: host.proc_file("stat") }) as _)
    };
    Setup::new(open).limited(LOAD, limits)
}

struct Load {
    average: ProcFile,
    cpus: ProcFile,
}

impl Load {
    fn measure(&mut self, host: &mut Host) -> Result<(f64, usize), String> {
        let text = self.average.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let average = five_minutes(text).map_err(|error| format!("{}: {error}", self.average.path().display()))?;
        let text = self.cpus.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let cpus = online_cpus(text);
        if cpus == 0 {
            return Err(format!("{}: no line of a CPU in it", self.cpus.path().display()));
        }
        Ok((average, cpus))
    }
}

impl Collector for Load {
    fn collect(&mut self, host: &mut Host, _now: Now, into: &mut Snapshot) -> Progress {
        match self.measure(host) {
            Ok((average, cpus)) => into.readings.push(Reading {
                note: Some(format!("load average {average}, {cpus} CPUs").into()),
                ..Reading::new(Key::whole(LOAD), Value::Number(average / cpus as f64))
            }),
            Err(error) => into.failures.push(SOURCE.failure(error)),
        }
        Progress::Done
    }
}

/// The second column of /proc/loadavg: `0.35 0.14 0.05 1/210 28092`.
fn five_minutes(text: &[u8]) -> Result<f64, Malformed> {
    let mut columns = columns(text);
    let average = columns.nth(1).and_then(decimal);
    // A file that was cut may have lost digits.
    average.filter(|_| columns.next().is_some()).ok_or_else(|| Malformed::new("no load average of five minutes in it"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_average_of_five_minutes_is_the_second_column() {
        assert_eq!(five_minutes(b"9.70 8.74 7.36 11/210 28092\n"), Ok(8.74));
        for text in [&b""[..], b"9.70", b"9.70 8.7", b"9.70 x 7.36 1/2 3\n", b"9.70 -1.00 7.36 1/2 3\n", b"1 2 3 4\n"] {
            assert!(five_minutes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn cpus_are_lines_with_a_number() {
        assert_eq!(online_cpus(b"cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu11 1 2 3 4\nintr 5\ncpux 1\n"), 2);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (five_minutes(&text), online_cpus(&text));
        }
    }
}
