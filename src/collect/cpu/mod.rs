//! CPU use, stolen time and waits for disks, from /proc/stat.
//!
//! Use is that of a short time, with its mean since the check before beside it. The other two are told only if they last,
//! so they are those since the check before: then no moment is missed, and nothing is read for them.

mod times;

use std::time::Duration;

use super::parse::Malformed;
use super::{
    Collector, Progress, SYSTEM, Setup, Source, Switch, is_same_moment, nowhere_in_a_container, read_limits,
    sample_interval, whole,
};
use crate::clock::{Boot, Now};
use crate::host::{Host, ProcFile};
use crate::metric::{self, Label, Limits, Metric};
use crate::settings::{Doc, Section, doc};
use crate::snapshot::{Snapshot, Value, Watched};

use times::{Shares, Times};

pub const SOURCE: &Source = &Source {
    name: "cpu",
    group: SYSTEM,
    switch: Switch::On(doc("CPU 使用率", "CPU usage")),
    metrics: &[metric::CPU],
    read,
};

pub const STEAL: &Source = &Source {
    name: "steal",
    group: SYSTEM,
    switch: Switch::Auto(doc(
        "被宿主机占用的 CPU 时间 (steal)。`auto`：容器内除外",
        "CPU steal. `auto`: not in a container",
    )),
    metrics: &[STOLEN],
    read: |section, _| {
        let doc = doc(
            "被宿主机上其他虚拟机占用的 CPU 时间 (%)；持续过高可向服务商反映",
            "CPU time that the provider gave to others, percent; if it lasts, tell them",
        );
        read_share(section, STEAL, doc)
    },
};

pub const IOWAIT: &Source = &Source {
    name: "iowait",
    group: SYSTEM,
    switch: Switch::Off(doc("CPU 等待磁盘的时间", "time in which CPUs wait for disks")),
    metrics: &[WAITING],
    read: |section, _| {
        let doc = doc("CPU 空闲等待磁盘的时间 (%)", "time in which CPUs were idle and waited for a disk, percent");
        read_share(section, IOWAIT, doc)
    },
};

const STOLEN: &Metric = &Metric {
    name: "steal",
    label: Label { zh: "CPU 被占用", en: "CPU steal" },
    alert_label: Label {
        zh: "🏘️ CPU 被宿主机上的邻居占用 (steal)", en: "🏘️ CPU taken by neighbours (steal)"
    },
    order: 32,
    default: Some(Limits { lasts: Duration::from_secs(20 * 60), ..Limits::warning(10.0) }),
    ..Metric::BASE
};

const WAITING: &Metric = &Metric {
    name: "iowait",
    label: Label { zh: "CPU 等待磁盘", en: "I/O wait" },
    alert_label: Label { zh: "🐢 CPU 等待磁盘 (iowait)", en: "🐢 CPU waits for disks (iowait)" },
    order: 34,
    default: Some(Limits { lasts: Duration::from_secs(10 * 60), ..Limits::warning(40.0) }),
    ..Metric::BASE
};

const COUNT_STEAL: Doc = doc(
    "被宿主机占用的时间 (steal) 是否计入使用率",
    "whether time that the provider gave to others (steal) counts as use",
);

fn read(section: &mut Section<'_>, check_interval: Duration) -> Setup {
    let doc = doc("所有 CPU 合计的使用率 (%)", "usage of all CPUs together, percent");
    let limits = read_limits(section, metric::CPU, "threshold", doc);
    let window = sample_interval(section, Duration::from_secs(1), check_interval);
    let counts_steal = section.boolean("count_steal", true, COUNT_STEAL);
    let open = move |watched: &[Watched], host: &Host| {
        Some(Box::new(Cpu { window, counts_steal, ..Cpu::new(watched, host) }) as _)
    };
    Setup { window, ..Setup::new(open).limited(metric::CPU, limits) }
}

/// A share since the check before. If CPU use is watched, it is read together with that; of the two, waits together
/// with stolen time.
fn read_share(section: &mut Section<'_>, source: &'static Source, doc: Doc) -> Setup {
    let metric = source.metrics[0];
    let limits = read_limits(section, metric, "threshold", doc);
    let open = move |watched: &[Watched], host: &Host| {
        if host.shares_its_kernel {
            return nowhere_in_a_container();
        }
        let first = [metric::CPU, STOLEN, WAITING].into_iter().find(|metric| watched.contains(&whole(metric)));
        (first == Some(metric)).then(|| Box::new(Cpu::new(watched, host)) as _)
    };
    Setup::new(open).limited(metric, limits)
}

struct Cpu {
    file: ProcFile,
    window: Duration,
    counts_steal: bool,
    /// The quantities that are read.
    metrics: Vec<&'static Metric>,
    /// At the beginning of this check, where use is watched.
    before: Result<(Times, Boot), String>,
    /// At the end of the check before, and when.
    last: Option<(Times, Boot)>,
}

impl Cpu {
    fn new(watched: &[Watched], host: &Host) -> Cpu {
        let mut metrics = vec![metric::CPU, STOLEN, WAITING];
        let is_here = |metric: &&'static Metric| *metric == metric::CPU || !host.shares_its_kernel;
        metrics.retain(|metric| is_here(metric) && watched.contains(&whole(metric)));
        let (before, last) = (Err(String::new()), None);
        Cpu { file: host.proc_file("stat"), window: Duration::ZERO, counts_steal: true, metrics, before, last }
    }

    fn read(&mut self, host: &mut Host, now: Boot) -> Result<(Times, Boot), String> {
        let text = self.file.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let times = Times::parse(text).map_err(|error| self.in_file(&error))?;
        Ok((times, now))
    }

    fn in_file(&self, error: &Malformed) -> String {
        format!("{}: {error}", self.file.path().display())
    }

    fn shares(&self, before: &(Times, Boot), after: &(Times, Boot)) -> Result<Option<Shares>, String> {
        after.0.shares_since(&before.0, after.1 - before.1).map_err(|error| self.in_file(&error))
    }

    /// CPU use since the beginning of this check. If no time was counted at all it is 0, as in psutil.
    fn busy(&self, after: &Result<(Times, Boot), String>) -> Result<f64, String> {
        let before = self.before.as_ref().map_err(String::clone)?;
        let shares = self.shares(before, after.as_ref().map_err(String::clone)?)?;
        Ok(shares.map_or(0.0, |shares| self.used(shares)))
    }

    fn used(&self, shares: Shares) -> f64 {
        if self.counts_steal { shares.busy } else { shares.busy - shares.steal }
    }

    /// Since the check before; the first check has its own beginning. `None`: no time has passed.
    fn since_last(&self, after: &Result<(Times, Boot), String>) -> Result<Option<Shares>, String> {
        let after = after.as_ref().map_err(String::clone)?;
        let before = match &self.last {
            Some(last) => last,
            None => self.before.as_ref().map_err(String::clone)?,
        };
        self.shares(before, after)
    }
}

impl Collector for Cpu {
    fn begin(&mut self, host: &mut Host, now: Boot) -> Duration {
        if let Some(last) = self.last.as_ref().filter(|(_, at)| is_same_moment(*at, now)) {
            self.before = Ok(last.clone());
        } else if self.metrics.contains(&metric::CPU) || self.last.is_none() {
            self.before = self.read(host, now);
        }
        self.window
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        let after = self.read(host, now.boot);
        let shares = self.since_last(&after);
        let share = |of: fn(Shares) -> f64| match &shares {
            Ok(shares) => Ok(shares.map(of)),
            Err(error) => Err(error.clone()),
        };
        let mut failed = None;
        for metric in &self.metrics {
            let (source, number) = match *metric {
                metric if metric == STOLEN => (STEAL, share(|shares| shares.steal)),
                metric if metric == WAITING => (IOWAIT, share(|shares| shares.iowait)),
                _ => (SOURCE, self.busy(&after).map(Some)),
            };
            // Of counters that fell within this check no share of a longer time is known, either.
            match failed.clone().map_or(number, Err) {
                Ok(Some(percent)) if *metric == metric::CPU => {
                    let mean = shares.as_ref().ok().copied().flatten().filter(|_| self.last.is_some());
                    into.push_rate(metric, percent, mean.map(|shares| self.used(shares)));
                }
                Ok(Some(percent)) => into.push_whole(metric, Value::Number(percent)),
                // gVisor has the file, and counts nothing ever.
                Ok(None) if after.as_ref().is_ok_and(|(times, _)| times.total() == 0) => into.unwatch(metric, ""),
                // Nothing is known of it now, and its alert stays.
                Ok(None) => {}
                // Each has a section of its own, and a line where it is missed.
                Err(error) => {
                    into.failures.push(source.failure(error.clone()));
                    failed = Some(error);
                }
            }
        }
        self.last = after.ok();
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;

    /// The CPU use of each check, and its mean; a check reads the first file of a pair and, a second later, the second one.
    /// Checks are ten seconds apart.
    fn checks(files: &[[&str; 2]], counts_steal: bool) -> Vec<(Option<f64>, Option<f64>)> {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::new(Some(folder.path()));
        let mut cpu = Cpu { counts_steal, ..Cpu::new(&[whole(metric::CPU)], &host) };
        let mut check = |(number, [before, after]): (usize, &[&str; 2])| {
            let at = |seconds: i64| Boot::from_millis((number as i64 * 10 + seconds) * 1000);
            let write = |ticks: &str| fs::write(folder.path().join("stat"), format!("cpu  {ticks}\n")).unwrap();
            write(before);
            cpu.begin(&mut host, at(0));
            write(after);
            let mut found = Snapshot::default();
            let now = Now { wall: Timestamp::UNIX_EPOCH, boot: at(1) };
            assert_eq!(cpu.collect(&mut host, now, &mut found), Progress::Done);
            let reading = found.readings.first();
            (reading.and_then(|reading| reading.value.number()), reading.and_then(|reading| reading.mean))
        };
        files.iter().enumerate().map(&mut check).collect()
    }

    #[test]
    fn the_mean_is_of_all_time_since_the_end_of_the_check_before_and_the_first_check_has_none() {
        let files = [["0 0 0 0 0 0 0 0", "50 0 0 50 0 0 0 0"], ["50 0 0 200 0 0 0 20", "150 0 0 200 0 0 0 100"]];
        assert_eq!(checks(&files, true), [(Some(50.0), None), (Some(100.0), Some(200.0 / 350.0 * 100.0))]);
        let without_steal = 100.0 / 350.0 * 100.0;
        let [_, (_, mean)] = checks(&files, false)[..] else { panic!() };
        assert!((mean.unwrap() - without_steal).abs() < 1e-9, "{mean:?}");
    }

    #[test]
    fn counters_that_began_anew_and_a_check_that_could_not_measure_leave_no_mean() {
        let [low, high] = ["1 0 0 9 0 0 0 0", "9000 0 0 9000 0 0 0 0"];
        let files = [[low, high], [low, low], [low, high], [high, low], [low, high], [high, high]];
        let means: Vec<bool> = checks(&files, true).into_iter().map(|(_, mean)| mean.is_some()).collect();
        // The second began anew between two checks, the fourth within one; in the last nothing passed.
        assert_eq!(means, [false, false, true, false, true, false]);
    }

    #[test]
    fn all_that_is_watched_is_missed_by_its_own_name_where_the_counters_fell_or_were_not_read() {
        // The readings of the last of these checks, and its failures.
        let found = |watched: &[&'static Metric], checks: &[[&str; 2]]| {
            let folder = tempfile::tempdir().unwrap();
            let mut host = Host::new(Some(folder.path()));
            let watched: Vec<Watched> = watched.iter().map(|metric| whole(metric)).collect();
            let mut cpu = Cpu::new(&watched, &host);
            let mut found = Snapshot::default();
            for (number, [before, after]) in checks.iter().enumerate() {
                let at = |seconds: i64| Boot::from_millis((number as i64 * 10 + seconds) * 1000);
                let write = |ticks: &str| fs::write(folder.path().join("stat"), format!("cpu  {ticks}\n")).unwrap();
                write(before);
                cpu.begin(&mut host, at(0));
                write(after);
                found = Snapshot { watched: watched.clone(), ..Snapshot::default() };
                let now = Now { wall: Timestamp::UNIX_EPOCH, boot: at(1) };
                assert_eq!(cpu.collect(&mut host, now, &mut found), Progress::Done);
            }
            assert_eq!(found.watched, watched, "all is known, or missed");
            let read: Vec<&str> = found.readings.iter().map(|reading| reading.key.metric.name).collect();
            let missed: Vec<&str> = found.failures.iter().map(|failure| failure.collector).collect();
            assert!(found.failures.iter().all(|failure| failure.metrics.iter().all(|of| of.name == failure.collector)));
            (read.join(" "), missed.join(" "))
        };
        let [low, high] = ["1 0 0 9 0 0 0 0", "9000 0 0 9000 0 0 0 0"];
        let is = |read: &str, missed: &str| (read.to_owned(), missed.to_owned());
        let all = [metric::CPU, STOLEN, WAITING];
        assert_eq!(found(&all, &[[low, high]]), is("cpu steal iowait", ""));
        assert_eq!(found(&all, &[[high, low]]), is("", "cpu steal iowait"), "within the check");
        assert_eq!(found(&all, &[[low, low], [high, "2 0 0 99 0 0 0 0"]]), is("", "cpu steal iowait"));
        assert_eq!(found(&all, &[[low, high], [low, high], [low, low]]), is("cpu", "steal iowait"), "before the check");
        assert_eq!(found(&[WAITING], &[[low, high], [low, low]]), is("", "iowait"));
        assert_eq!(found(&all, &[["x", "x"]]), is("", "cpu steal iowait"));
        assert_eq!(found(&[STOLEN], &[["x", low]]), is("", "steal"), "at the first check");
    }

    #[test]
    fn counters_that_stand_still_leave_the_shares_unknown_and_watched() {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::new(Some(folder.path()));
        let both = vec![whole(STOLEN), whole(WAITING)];
        let mut cpu = Cpu::new(&both, &host);
        // A kernel that never counts has none of them.
        for (minute, ticks, watched) in [(0, "1 0 0 9", both.clone()), (1, "1 0 0 9", both), (2, "0 0 0 0", Vec::new())]
        {
            fs::write(folder.path().join("stat"), format!("cpu  {ticks}\n")).unwrap();
            if watched.is_empty() {
                cpu = Cpu::new(&[whole(STOLEN), whole(WAITING)], &host);
            }
            let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(minute * 60_000) };
            cpu.begin(&mut host, now.boot);
            let mut found = Snapshot { watched: vec![whole(STOLEN), whole(WAITING)], ..Snapshot::default() };
            assert_eq!(cpu.collect(&mut host, now, &mut found), Progress::Done);
            assert_eq!((&found.watched, found.readings.len(), found.failures.len()), (&watched, 0, 0));
        }
    }

    #[test]
    fn a_check_that_begins_as_the_one_before_it_ends_goes_on_from_its_reading() {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::new(Some(folder.path()));
        let mut cpu = Cpu::new(&[whole(metric::CPU)], &host);
        let write = |busy, idle| fs::write(folder.path().join("stat"), format!("cpu  {busy} 0 0 {idle}\n")).unwrap();
        let mut check = |begin: i64, end: i64, at_end: (u64, u64)| {
            cpu.begin(&mut host, Boot::from_millis(begin));
            write(at_end.0, at_end.1);
            let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(end) };
            let mut found = Snapshot::default();
            assert_eq!(cpu.collect(&mut host, now, &mut found), Progress::Done);
            found.readings[0].value.number().unwrap()
        };
        write(0, 0);
        assert_eq!(check(0, 1000, (50, 50)), 50.0);
        write(50, 950);
        assert_eq!(check(1010, 2000, (150, 950)), 10.0, "of all that passed since the end of the check before");
        write(150, 1850);
        assert_eq!(check(2011, 3000, (250, 1850)), 100.0, "of what passed since its own beginning");
    }
}
