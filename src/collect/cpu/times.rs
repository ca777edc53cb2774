//! /proc/stat: what all CPUs together spent their time on.

use std::time::Duration;

use crate::collect::parse::{Malformed, columns, lines, number, online_cpus};

/// The ticks that all CPUs together spent, from the first line of /proc/stat (proc_stat(5)). Guest time is not kept:
/// the kernel counts it in `user` and `nice` already.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Times {
    idle: [u64; 2],
    busy: [u64; 6],
    cpus: usize,
}

/// The shares of one time, each 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shares {
    pub busy: f64,
    /// Of `busy`: the hypervisor ran others while a CPU of this machine had work.
    pub steal: f64,
    /// Idle, with a task that waited for a disk.
    pub iowait: f64,
}

/// The place of the stolen time.
const STEAL: usize = 5;
const IOWAIT: usize = 1;

/// Of each CPU (USER_HZ in include/asm-generic/param.h; alpha alone has another).
const TICKS_A_SECOND: f64 = 100.0;

/// A CPU that comes back brings its idle time along, and an agent that was held up reads later than it believes.
const HELD_UP: Duration = Duration::from_secs(60);

/// Where no CPU has a line of its own there may be so many (NR_CPUS in arch/x86/Kconfig).
const MOST_CPUS: usize = 8192;

impl Times {
    /// Kernels before 2.6.33 print fewer columns; missing ones were not counted.
    pub fn parse(text: &[u8]) -> Result<Times, Malformed> {
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
        Ok(Times { idle: [idle, iowait], busy: [user, nice, system, irq, softirq, steal], cpus: online_cpus(text) })
    }

    /// The shares of the time since `before`, which is so long ago; `None`: nothing was counted at all.
    ///
    /// Idle and iowait may go backwards a little (proc_stat(5)): that is no change. If a busy counter or the sum of all
    /// goes backwards, the counters have begun anew (a guest was restored or migrated) or a CPU was taken away: then
    /// the use is unknown. It is so if more was counted than the CPUs can: a guest's stolen time jumps when it is migrated.
    pub fn shares_since(&self, before: &Times, passed_time: Duration) -> Result<Option<Shares>, Malformed> {
        let backwards = self.busy.iter().zip(&before.busy).any(|(now, before)| now < before);
        if backwards || self.total() < before.total() {
            return Err(Malformed::new("the counters of all CPUs went backwards between the two readings"));
        }
        fn passed(now: &[u64], before: &[u64]) -> f64 {
            now.iter().zip(before).map(|(now, before)| now.saturating_sub(*before) as f64).sum()
        }
        let busy = passed(&self.busy, &before.busy);
        let all = busy + passed(&self.idle, &before.idle);
        let cpus = Some(self.cpus.max(before.cpus)).filter(|cpus| *cpus > 0).unwrap_or(MOST_CPUS);
        if all > (passed_time * 2 + HELD_UP).as_secs_f64() * TICKS_A_SECOND * cpus as f64 {
            return Err(Malformed::new(
                "the counters of all CPUs grew by more than time passed between the two readings",
            ));
        }
        let share = |part: f64| part / all * 100.0;
        let one = |of: fn(&Times) -> u64| share(of(self).saturating_sub(of(before)) as f64);
        Ok((all > 0.0).then(|| Shares {
            busy: share(busy),
            steal: one(|times| times.busy[STEAL]),
            iowait: one(|times| times.idle[IOWAIT]),
        }))
    }

    pub fn total(&self) -> u128 {
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

    const SECOND: Duration = Duration::from_secs(1);

    /// 0 if nothing was counted at all.
    fn busy(shares: Option<Shares>) -> f64 {
        shares.map_or(0.0, |shares| shares.busy)
    }

    #[test]
    fn stolen_time_and_waits_for_a_disk_are_shares_of_their_own() {
        let before = times("cpu  100 0 100 1000 50 0 0 10 0 0\n");
        let after = times("cpu  150 0 100 1100 70 0 0 40 0 0\n");
        assert_eq!(after.shares_since(&before, SECOND), Ok(Some(Shares { busy: 40.0, steal: 15.0, iowait: 10.0 })));
        assert_eq!(before.shares_since(&before, SECOND), Ok(None));
    }

    #[test]
    fn idle_and_iowait_are_not_busy_and_guest_time_is_not_counted_twice() {
        let before = times("cpu  100 0 100 1000 50 0 0 0 0 0\ncpu0 1 1 1 1\n");
        let after = times("cpu  140 10 120 1100 70 5 5 0 40 10\ncpu0 1 1 1 1\n");
        // 40 + 10 + 20 + 5 + 5 busy, 100 + 20 not.
        assert_eq!(after.shares_since(&before, SECOND).map(busy), Ok(40.0));
    }

    #[test]
    fn idle_or_iowait_that_goes_backwards_counts_as_no_change() {
        let before = times("cpu  100 0 100 1000 500 0 0 0\n");
        assert_eq!(times("cpu  150 0 100 1050 490 0 0 0\n").shares_since(&before, SECOND).map(busy), Ok(50.0));
        assert_eq!(times("cpu  150 0 100 990 550 0 0 0\n").shares_since(&before, SECOND).map(busy), Ok(50.0));
        assert_eq!(before.shares_since(&before, SECOND).map(busy), Ok(0.0));
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
            let error = times(after).shares_since(&before, SECOND).map(busy).unwrap_err();
            assert_eq!(error.to_string(), "the counters of all CPUs went backwards between the two readings");
        }
    }

    /// A guest's time is in `user` and `nice` already, so its own columns do not matter.
    #[test]
    fn guest_time_that_goes_backwards_changes_nothing() {
        let before = times("cpu  100 0 100 1000 0 0 0 0 50 50\n");
        assert_eq!(times("cpu  150 0 100 1050 0 0 0 0 0 0\n").shares_since(&before, SECOND).map(busy), Ok(50.0));
    }

    #[test]
    fn more_than_the_cpus_can_count_is_unknown() {
        const DAY: Duration = Duration::from_secs(86_400);
        let both = |user: u64, steal: u64| {
            times(&format!("cpu  {user} 0 0 0 0 0 0 {steal}\ncpu0 1 1 1 1\ncpu1 1 1 1 1\nintr 5\n"))
        };
        let is_known = |after: Times, passed| after.shares_since(&both(0, 0), passed).is_ok();
        assert!(is_known(both(100, 100), SECOND));
        assert!(is_known(both(2 * 6000, 0), SECOND), "the agent was held up for a minute");
        assert!(!is_known(both(2 * 6200 + 1, 0), SECOND) && is_known(both(2 * 100 * 86_400, 0), DAY));
        // A guest was migrated to a host that had counted its stolen time for three days.
        assert!(!is_known(both(100, 2 * 100 * 3 * 86_400), DAY));
        let error = both(0, u64::MAX).shares_since(&both(0, 0), DAY).unwrap_err().to_string();
        assert_eq!(error, "the counters of all CPUs grew by more than time passed between the two readings");
        // Where the CPUs have no lines, a kernel's most are believed.
        let one = |ticks: u64| times(&format!("cpu  0 0 0 {ticks}\n")).shares_since(&times("cpu  0 0 0 0\n"), SECOND);
        assert!(one(1_000_000).is_ok() && one(1 << 62).is_err());
    }

    #[test]
    fn old_kernels_have_fewer_columns() {
        assert_eq!(times("cpu  1 2 3 4\n"), Times { idle: [4, 0], busy: [1, 2, 3, 0, 0, 0], cpus: 0 });
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
            if let Ok(percent) = times(&line(after)).shares_since(&times(&line(before)), Duration::from_secs(u64::MAX / 4)).map(busy) {
                prop_assert!((0.0..=100.0).contains(&percent));
            }
        }
    }
}
