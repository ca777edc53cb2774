//! CPU use, from two readings of /proc/stat.

use std::time::Duration;

use super::parse::{Malformed, columns, lines, number};
use super::{Collector, Progress, SYSTEM, Setup, Source, read_limits, sample_interval};
use crate::clock::{Boot, Now};
use crate::host::{Host, ProcFile};
use crate::metric;
use crate::settings::{Section, doc};
use crate::snapshot::{Snapshot, Value};

pub const SOURCE: &Source = &Source { name: "cpu", group: SYSTEM, metrics: &[metric::CPU], read };

fn read(section: &mut Section<'_>, check_interval: Duration) -> Setup {
    let doc = doc("所有 CPU 合计的使用率 (%)", "usage of all CPUs together, percent");
    let limits = read_limits(section, metric::CPU, "threshold", doc);
    let window = sample_interval(section, Duration::from_secs(1), check_interval);
    let setup = Setup::new(move |_, host| Some(Box::new(Cpu::new(window, host))));
    Setup { window, ..setup.limited(metric::CPU, limits) }
}

struct Cpu {
    file: ProcFile,
    window: Duration,
    before: Result<Times, String>,
}

impl Cpu {
    fn new(window: Duration, host: &Host) -> Cpu {
        Cpu { file: host.proc_file("stat"), window, before: Err(String::new()) }
    }

    fn read(&mut self, host: &mut Host) -> Result<Times, String> {
        let text = self.file.read(&mut host.buffer).map_err(|error| error.to_string())?;
        Times::parse(text).map_err(|error| self.in_file(&error))
    }

    fn measure(&mut self, host: &mut Host) -> Result<f64, String> {
        let after = self.read(host);
        let before = self.before.as_ref().map_err(String::clone)?;
        after?.busy_percent_since(before).map_err(|error| self.in_file(&error))
    }

    fn in_file(&self, error: &Malformed) -> String {
        format!("{}: {error}", self.file.path().display())
    }
}

impl Collector for Cpu {
    fn begin(&mut self, host: &mut Host, _now: Boot) -> Duration {
        self.before = self.read(host);
        self.window
    }

    fn collect(&mut self, host: &mut Host, _now: Now, into: &mut Snapshot) -> Progress {
        match self.measure(host) {
            Ok(percent) => into.push(metric::CPU, "", Value::Number(percent)),
            Err(error) => into.failures.push(SOURCE.failure(error)),
        }
        Progress::Done
    }
}

/// The ticks that all CPUs together spent, from the first line of /proc/stat (proc_stat(5)). Guest time is not kept:
/// the kernel counts it in `user` and `nice` already.
#[derive(Clone, Debug, Default, PartialEq)]
struct Times {
    idle: [u64; 2],
    busy: [u64; 6],
}

impl Times {
    /// Kernels before 2.6.33 print fewer columns; missing ones were not counted.
    fn parse(text: &[u8]) -> Result<Times, Malformed> {
        let line = lines(text).next().unwrap_or_default();
        // The last line of a file that was cut may have lost digits.
        if !text.contains(&b'\n') {
            return Err(Malformed::new("its first line has no end"));
        }
        let mut columns = columns(line);
        if columns.next() != Some(b"cpu") {
            return Err(Malformed::new("its first line is not that of all CPUs"));
        }
        let mut ticks = [0; 8];
        let mut found = 0;
        for (tick, column) in ticks.iter_mut().zip(columns) {
            *tick = number(column).ok_or_else(|| Malformed::new("a column of the line of all CPUs is not a number"))?;
            found += 1;
        }
        if found < 4 {
            return Err(Malformed::new("the line of all CPUs has fewer than four columns"));
        }
        let [user, nice, system, idle, iowait, irq, softirq, steal] = ticks;
        Ok(Times { idle: [idle, iowait], busy: [user, nice, system, irq, softirq, steal] })
    }

    /// Busy time over total time, 0 to 100. If no time was counted at all it is 0, as in psutil.
    ///
    /// Idle and iowait may go backwards a little (proc_stat(5)): that is no change. If a busy counter or the sum of all
    /// goes backwards, the counters have begun anew (a guest was restored or migrated) or a CPU was taken away: then
    /// the use is unknown.
    fn busy_percent_since(&self, before: &Times) -> Result<f64, Malformed> {
        let backwards = self.busy.iter().zip(&before.busy).any(|(now, before)| now < before);
        if backwards || self.total() < before.total() {
            return Err(Malformed::new("the counters of all CPUs went backwards between the two readings"));
        }
        fn passed(now: &[u64], before: &[u64]) -> f64 {
            now.iter().zip(before).map(|(now, before)| now.saturating_sub(*before) as f64).sum()
        }
        let busy = passed(&self.busy, &before.busy);
        let idle = passed(&self.idle, &before.idle);
        Ok(if busy + idle == 0.0 { 0.0 } else { busy / (busy + idle) * 100.0 })
    }

    fn total(&self) -> u128 {
        self.busy.iter().chain(&self.idle).map(|ticks| u128::from(*ticks)).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(text: &str) -> Times {
        Times::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn idle_and_iowait_are_not_busy_and_guest_time_is_not_counted_twice() {
        let before = times("cpu  100 0 100 1000 50 0 0 0 0 0\ncpu0 1 1 1 1\n");
        let after = times("cpu  140 10 120 1100 70 5 5 0 40 10\ncpu0 1 1 1 1\n");
        // 40 + 10 + 20 + 5 + 5 busy, 100 + 20 not.
        assert_eq!(after.busy_percent_since(&before), Ok(40.0));
    }

    #[test]
    fn idle_or_iowait_that_goes_backwards_counts_as_no_change() {
        let before = times("cpu  100 0 100 1000 500 0 0 0\n");
        assert_eq!(times("cpu  150 0 100 1050 490 0 0 0\n").busy_percent_since(&before), Ok(50.0));
        assert_eq!(times("cpu  150 0 100 990 550 0 0 0\n").busy_percent_since(&before), Ok(50.0));
        assert_eq!(before.busy_percent_since(&before), Ok(0.0));
    }

    #[test]
    fn where_a_busy_counter_or_the_sum_goes_backwards_nothing_is_known() {
        let before = times("cpu  910000 0 400000 900000 0 0 0 0 0 0\n");
        for after in [
            // All begin anew; one busy counter does, though the sum has grown; a CPU that had idled is gone.
            "cpu  700 0 80 20 0 0 0 0 0 0\n",
            "cpu  909999 0 400000 950000 0 0 0 0 0 0\n",
            "cpu  910010 0 400002 700000 0 0 0 0 0 0\n",
        ] {
            let error = times(after).busy_percent_since(&before).unwrap_err();
            assert_eq!(error.to_string(), "the counters of all CPUs went backwards between the two readings");
        }
    }

    /// A guest's time is in `user` and `nice` already, so its own columns do not matter.
    #[test]
    fn guest_time_that_goes_backwards_changes_nothing() {
        let before = times("cpu  100 0 100 1000 0 0 0 0 50 50\n");
        assert_eq!(times("cpu  150 0 100 1050 0 0 0 0 0 0\n").busy_percent_since(&before), Ok(50.0));
    }

    #[test]
    fn old_kernels_have_fewer_columns() {
        assert_eq!(times("cpu  1 2 3 4\n"), Times { idle: [4, 0], busy: [1, 2, 3, 0, 0, 0] });
    }

    #[test]
    fn a_damaged_line_is_an_error() {
        for text in ["", "cpu  1 2 3 4", "cpu0 1 2 3 4\n", "cpu  1 2 3\n", "cpu  1 2 x 4\n", "cpu  1 -2 3 4\n"] {
            assert!(Times::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Times::parse(&text);
        }

        #[test]
        fn arbitrary_counters_give_a_percentage(before in prop::array::uniform8(any::<u64>()), after in prop::array::uniform8(any::<u64>())) {
            let line = |ticks: [u64; 8]| format!("cpu  {}\n", ticks.map(|tick| tick.to_string()).join(" "));
            if let Ok(percent) = times(&line(after)).busy_percent_since(&times(&line(before))) {
                prop_assert!((0.0..=100.0).contains(&percent));
            }
        }
    }
}
