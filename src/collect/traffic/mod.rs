//! Traffic in and out, from two readings of /proc/net/dev and the real time between them; beside it the mean since the
//! check before, from the same counters.

mod choice;
mod counters;
mod line;
mod quota;

use std::time::Duration;

use super::{Collector, NETWORK, Progress, Setup, Source, Switch, is_same_moment, read_limits, sample_interval};
use crate::clock::{Boot, Now};
use crate::host::{Host, ProcFile};
use crate::metric;
use crate::settings::{Complaint, Doc, Section, Written, doc};
use crate::snapshot::Snapshot;

use choice::Choice;
use counters::{Passed, Reading};

pub use quota::{QUOTA, QUOTA_USE};

pub const SOURCE: &Source = &Source {
    name: "traffic",
    group: NETWORK,
    switch: Switch::On(doc("网络流量", "network traffic")),
    metrics: &[metric::TRAFFIC_IN, metric::TRAFFIC_OUT],
    read,
};

fn read(section: &mut Section<'_>, check_interval: Duration) -> Setup {
    let doc = doc("流量阈值 (Mbps)，入站、出站分别判断", "megabits a second, for in and for out");
    let limits = read_limits(section, metric::TRAFFIC_IN, "threshold_mbps", doc);
    let window = sample_interval(section, Duration::from_secs(5), check_interval);
    let interfaces = section.list("interfaces", INTERFACES, |item| item.parse(INTERFACE, interface_name));
    let interfaces: Vec<String> = interfaces.unwrap_or_default();
    section.holds("interfaces", Written::texts(&interfaces));
    let setup = Setup::new(move |_, host| Some(Box::new(Traffic::new(window, &interfaces, host))));
    Setup { window, ..setup.limited(metric::TRAFFIC_IN, limits).limited(metric::TRAFFIC_OUT, limits) }
}

const INTERFACES: Doc = doc(
    "统计哪些网卡，留空则为物理网卡。写明的网卡不存在时，流量为未知",
    "interfaces that count; empty: the physical ones. If a name without `*` is not there, traffic is unknown",
)
.values("网卡名，可用 `*`", "names, `*` patterns");

const INTERFACE: Doc =
    doc("网卡名，可用 `*`", "an interface's name, or a pattern with `*`").pattern(r"^[^\s/]+$").or_number();

fn interface_name(text: &str) -> Result<String, Complaint> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '/') {
        let complaint = Complaint::new("this is not an interface's name");
        return Err(complaint.expected("a name or a pattern such as eth0 or ens*"));
    }
    Ok(text.to_owned())
}

struct Traffic {
    file: ProcFile,
    window: Duration,
    began: Boot,
    before: Reading,
    /// The reason why there is no first reading, if there is none.
    before_failed: Option<String>,
    /// The end of the check before, if it could measure.
    last: Option<Boot>,
}

impl Traffic {
    fn new(window: Duration, interfaces: &[String], host: &Host) -> Traffic {
        Traffic {
            file: host.network_file("dev"),
            window,
            began: Boot::from_micros(0),
            before: Reading::new(Choice::of(interfaces)),
            before_failed: None,
            last: None,
        }
    }

    fn take_first(&mut self, host: &mut Host) -> Result<(), String> {
        let text = self.file.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let taken = self.before.take(text, host.network_devices.as_ref());
        taken.map_err(|error| format!("{}: {error}", self.file.path().display()))
    }

    /// The traffic of this check, and of the time since the check before.
    fn measure(&mut self, host: &mut Host, now: Boot) -> Result<(Mbps, Option<Mbps>), String> {
        let last = self.last.take();
        if let Some(error) = &self.before_failed {
            return Err(error.clone());
        }
        let text = self.file.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let (passed, since_last) =
            self.before.passed_until(text).map_err(|error| format!("{}: {error}", self.file.path().display()))?;
        self.last = Some(now);
        let sample = Mbps::new(passed, now - self.began).ok_or("no time passed between the two readings")?;
        Ok((sample, since_last.zip(last).and_then(|(passed, last)| Mbps::new(passed, now - last))))
    }
}

struct Mbps {
    received: f64,
    sent: f64,
}

impl Mbps {
    /// `None`: no time has passed.
    fn new(passed: Passed, elapsed: Duration) -> Option<Mbps> {
        let mbps = |bytes: u64| bytes as f64 * 8.0 / 1e6 / elapsed.as_secs_f64();
        (!elapsed.is_zero()).then(|| Mbps { received: mbps(passed.received), sent: mbps(passed.sent) })
    }
}

impl Collector for Traffic {
    fn begin(&mut self, host: &mut Host, now: Boot) -> Duration {
        self.began = now;
        match self.last.filter(|last| is_same_moment(*last, now)) {
            Some(last) if self.before.begin_at_end() => self.began = last,
            _ => self.before_failed = self.take_first(host).err(),
        }
        self.window
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        match self.measure(host, now.boot) {
            Ok((now, mean)) => {
                into.push_rate(metric::TRAFFIC_IN, now.received, mean.as_ref().map(|mean| mean.received));
                into.push_rate(metric::TRAFFIC_OUT, now.sent, mean.as_ref().map(|mean| mean.sent));
            }
            Err(error) => into.failures.push(SOURCE.failure(error)),
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;
    use crate::snapshot::Reading;

    /// Interfaces with the bytes that they have received and sent.
    type Counted<'a> = &'a [(&'a str, u64, u64)];

    fn file(interfaces: Counted<'_>) -> String {
        let line = |(name, received, sent): &(&str, u64, u64)| {
            format!("{name:>6}: {received} 1 0 0 0 0 0 0 {sent} 2 0 0 0 0 0 0\n")
        };
        format!("Inter-| Receive | Transmit\n face |bytes |bytes\n{}", interfaces.iter().map(line).collect::<String>())
    }

    /// The means, in bytes a second, of checks ten seconds apart: each with the counters at its beginning and, a second later,
    /// at its end.
    fn means(checks: &[[Counted<'_>; 2]]) -> Vec<Option<[f64; 2]>> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("net")).unwrap();
        let mut host = Host::new(Some(folder.path()));
        let mut traffic = Traffic::new(Duration::from_secs(1), &[], &host);
        let of_one = |(number, [begin, end]): (usize, &[Counted<'_>; 2])| {
            let at = |seconds: i64| Boot::from_millis((number as i64 * 10 + seconds) * 1000);
            fs::write(folder.path().join("net/dev"), file(begin)).unwrap();
            traffic.begin(&mut host, at(0));
            fs::write(folder.path().join("net/dev"), file(end)).unwrap();
            let mut found = Snapshot::default();
            let now = Now { wall: Timestamp::UNIX_EPOCH, boot: at(1) };
            assert_eq!(traffic.collect(&mut host, now, &mut found), Progress::Done);
            let mean = |reading: &Reading| Some(reading.mean? * 1e6 / 8.0);
            Some([mean(found.readings.first()?)?, mean(found.readings.last()?)?])
        };
        checks.iter().enumerate().map(of_one).collect()
    }

    #[test]
    fn the_mean_is_of_all_bytes_since_the_end_of_the_check_before_and_the_first_check_has_none() {
        let checks: [[Counted<'_>; 2]; 3] = [
            [&[("eth0", 0, 0)], &[("eth0", 500, 500)]],
            [&[("eth0", 1500, 700)], &[("eth0", 2500, 1500)]],
            // A veth that appears is no end of the others.
            [&[("veth1", 9, 9), ("eth0", 2500, 1500)], &[("veth1", 9, 9), ("eth0", 2600, 1500)]],
        ];
        assert_eq!(means(&checks), [None, Some([200.0, 100.0]), Some([10.0, 0.0])]);
    }

    #[test]
    fn a_counter_that_began_anew_and_an_interface_that_came_or_went_give_no_mean() {
        let both: Counted<'_> = &[("eth0", 9000, 9000), ("eth1", 10, 10)];
        let one: Counted<'_> = &[("eth0", 9000, 9000)];
        // eth1 went and came back; eth0 began anew between two checks.
        let anew: Counted<'_> = &[("eth0", 5, 5), ("eth1", 10, 10)];
        let checks = [both, both, one, one, both, both, anew, anew].map(|counters| [counters, counters]);
        let known = means(&checks).into_iter().map(|mean| mean.is_some()).collect::<Vec<_>>();
        assert_eq!(known, [false, true, false, true, false, true, false, true]);
    }

    #[test]
    fn a_check_that_begins_as_the_one_before_it_ends_goes_on_from_its_reading() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("net")).unwrap();
        let mut host = Host::new(Some(folder.path()));
        let mut traffic = Traffic::new(Duration::from_secs(1), &[], &host);
        let write = |interfaces: Counted<'_>| fs::write(folder.path().join("net/dev"), file(interfaces)).unwrap();
        // The bytes received a second.
        let mut check = |begin: i64, end: i64, at_end: Counted<'_>| {
            traffic.begin(&mut host, Boot::from_millis(begin));
            write(at_end);
            let now = Now { wall: Timestamp::UNIX_EPOCH, boot: Boot::from_millis(end) };
            let mut found = Snapshot::default();
            assert_eq!(traffic.collect(&mut host, now, &mut found), Progress::Done);
            (found.readings[0].value.number().unwrap() * 1e6 / 8.0).round()
        };
        write(&[("eth0", 0, 0)]);
        for begin in [0, 10_000, 20_000] {
            // Which interfaces count is chosen twice before it is relied on.
            check(begin, begin + 1000, &[("eth0", 1000, 0)]);
        }
        write(&[("eth0", 9000, 0)]);
        assert_eq!(check(21_010, 22_000, &[("eth0", 11_000, 0)]), 10_000.0, "since the end of the check before");
        write(&[("eth0", 12_000, 0)]);
        assert_eq!(check(22_011, 23_011, &[("eth0", 13_000, 0)]), 1000.0, "since its own beginning");
        let with_another: Counted<'_> = &[("eth0", 14_000, 0), ("eth1", 500, 0)];
        check(23_011, 24_000, with_another);
        write(&[("eth0", 15_000, 0), ("eth1", 600, 0)]);
        let both = check(24_000, 25_000, &[("eth0", 16_000, 0), ("eth1", 900, 0)]);
        assert_eq!(both, 1300.0, "an interface that appeared is read at the beginning");
    }

    #[test]
    fn a_check_that_could_not_measure_leaves_the_next_one_without_a_mean() {
        let good: Counted<'_> = &[("eth0", 1, 1)];
        let gone: [Counted<'_>; 2] = [good, &[]];
        let known = means(&[[good, good], gone, [good, good], [good, good]]);
        assert_eq!(known.into_iter().map(|mean| mean.is_some()).collect::<Vec<_>>(), [false, false, false, true]);
    }

    #[test]
    fn forty_thousand_interfaces_are_known_again_in_any_order() {
        // If each was searched for among all of them, this would take minutes.
        let text = |bytes: u64, numbers: &mut dyn Iterator<Item = u64>| {
            let line = |number| format!("veth{number}: {bytes} 1 0 0 0 0 0 0 {bytes} 1 0 0 0 0 0 0\n");
            let lines: String = numbers.map(line).collect();
            format!("Inter-| Receive\n face |bytes\n{lines}").into_bytes()
        };
        let mut reading = counters::Reading::new(Choice::Named(vec!["veth*".to_owned()]));
        for round in 0..2 {
            reading.take(&text(round, &mut (0..40_000)), None).unwrap();
            let (passed, _) = reading.passed_until(&text(round + 1, &mut (0..40_000).rev())).unwrap();
            assert_eq!(passed, Passed { received: 40_000, sent: 40_000 });
        }
        // One more before all others is other names from there on.
        reading.take(&text(9, &mut (0..40_001).rev()), None).unwrap();
        let error = reading.passed_until(&text(9, &mut (40..40_000))).unwrap_err().to_string();
        assert!(error.contains("and 36 more vanished"), "{error}");
    }
}
