//! Traffic in and out, from two readings of /proc/net/dev and the time that really passed between them.
//!
//! procfs' parser is not used here: it makes a map of strings with sixteen numbers each for the two that count, and it
//! refuses `eth0:123`, as kernels before 2.6.38 print a counter of eight digits and more.

use std::time::Duration;

use serde::Serialize;

use super::parse::{Malformed, columns, lines, number};
use super::{Collector, Progress};
use crate::clock::{Boot, Now};
use crate::host::{Host, ProcFile};
use crate::pattern;
use crate::settings::{Complaint, Section, seconds};
use crate::snapshot::{Failure, Metric, Snapshot, Value};

/// `network.traffic`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    pub enabled: bool,
    /// Megabits (10^6 bits) a second, of each direction by itself.
    #[serde(serialize_with = "crate::settings::number")]
    pub threshold_mbps: f64,
    /// The time between the two readings.
    #[serde(serialize_with = "seconds")]
    pub sample_interval: Duration,
    /// Names and `*` patterns of the interfaces that count; empty: the physical ones.
    pub interfaces: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config { enabled: true, threshold_mbps: 100.0, sample_interval: Duration::from_secs(5), interfaces: Vec::new() }
    }
}

impl Config {
    pub fn read(section: &mut Section<'_>) -> Config {
        let default = Config::default();
        Config {
            enabled: section.boolean("enabled", default.enabled),
            threshold_mbps: section.number("threshold_mbps", default.threshold_mbps, 0.0, 1_000_000.0),
            sample_interval: section.duration("sample_interval", default.sample_interval, super::SAMPLE_INTERVAL),
            interfaces: section
                .list("interfaces", |item| {
                    let name = item.text()?;
                    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '/') {
                        item.problem(
                            Complaint::new("this is no interface's name")
                                .expected("a name or a pattern such as eth0 or ens*"),
                        );
                        return None;
                    }
                    Some(name)
                })
                .unwrap_or_default(),
        }
    }
}

/// Interfaces whose bytes are counted on another one as well (bridges, tunnels, bonds, VLANs), or never leave the host.
/// Names with a `.` (VLANs) and `br` followed by a digit are left out too.
const NOT_COUNTED: &[&str] = &[
    "lo", "veth*", "docker*", "br-*", "virbr*", "vmbr*", "vnet*", "lxcbr*", "lxdbr*", "cni*", "cali*", "flannel*",
    "vxlan*", "kube-*", "wg*", "tun*", "tap*", "dummy*", "ifb*", "sit*", "ip6tnl*", "gre*", "gretap*", "erspan*",
    "tunl*", "ip_vti*", "ip6_vti*", "ppp*", "bond*", "team*", "vlan*",
];

fn counts_by_default(name: &str) -> bool {
    let numbered_bridge = name.strip_prefix("br").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    !(name.contains('.') || numbered_bridge || NOT_COUNTED.iter().any(|pattern| pattern::matches(pattern, name)))
}

pub struct Traffic {
    file: ProcFile,
    window: Duration,
    interfaces: Vec<String>,
    began: Boot,
    /// The first reading, or why there is none. The list is kept from check to check.
    before: Vec<Counters>,
    before_failed: Option<String>,
}

impl Traffic {
    pub fn new(config: &Config, host: &Host) -> Option<Traffic> {
        config.enabled.then(|| Traffic {
            file: host.network_file("dev"),
            window: config.sample_interval,
            interfaces: config.interfaces.clone(),
            began: Boot::from_micros(0),
            before: Vec::new(),
            before_failed: None,
        })
    }

    fn measure(&mut self, host: &mut Host, now: Boot) -> Result<(f64, f64), String> {
        if let Some(error) = &self.before_failed {
            return Err(error.clone());
        }
        let elapsed = now - self.began;
        let text = self.file.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let passed =
            passed_since(&self.before, text).map_err(|error| format!("{}: {error}", self.file.path().display()))?;
        if elapsed.is_zero() {
            return Err("no time passed between the two readings".to_owned());
        }
        let mbps = |bytes: u64| bytes as f64 * 8.0 / 1e6 / elapsed.as_secs_f64();
        Ok((mbps(passed.received), mbps(passed.sent)))
    }
}

impl Collector for Traffic {
    fn begin(&mut self, host: &mut Host, now: Boot) -> Duration {
        self.began = now;
        self.before_failed = match self.file.read(&mut host.buffer) {
            Ok(text) => read_counters(text, &self.interfaces, &mut self.before)
                .err()
                .map(|error| format!("{}: {error}", self.file.path().display())),
            Err(error) => Some(error.to_string()),
        };
        self.window
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        match self.measure(host, now.boot) {
            Ok((received, sent)) => {
                into.push(Metric::TrafficIn, "", Value::Mbps(received));
                into.push(Metric::TrafficOut, "", Value::Mbps(sent));
            }
            Err(error) => into.failures.push(Failure {
                collector: "traffic",
                metrics: &[Metric::TrafficIn, Metric::TrafficOut],
                target: None,
                error,
            }),
        }
        Progress::Done
    }
}

/// Bytes that an interface has received and sent since it came up (proc_net_dev(5)).
#[derive(Clone, Debug, PartialEq)]
struct Counters {
    name: String,
    received: u64,
    sent: u64,
}

#[derive(Debug, PartialEq)]
struct Passed {
    received: u64,
    sent: u64,
}

/// A line: `  eth0: 1500 10 0 0 0 0 0 0 700 …`. The name ends at the last colon of the first column, to which a long
/// counter may be glued: an alias has a colon of its own.
fn parse_line(line: &[u8]) -> Result<(&str, u64, u64), Malformed> {
    let malformed = || {
        Malformed::new(format_args!("a line is damaged: {:?}", String::from_utf8_lossy(&line[..line.len().min(60)])))
    };
    let line = line.trim_ascii_start();
    let first = line.iter().position(|byte| *byte <= b' ').unwrap_or(line.len());
    let colon = line[..first].iter().rposition(|byte| *byte == b':').ok_or_else(malformed)?;
    let name = std::str::from_utf8(&line[..colon]).map_err(|_| malformed())?;
    let mut values = columns(&line[colon + 1..]);
    let received = values.next().and_then(number);
    let sent = values.nth(7).and_then(number);
    // All sixteen columns: a line that was cut may have lost digits of its last one.
    let whole = values.count() == 7;
    match (received, sent) {
        (Some(received), Some(sent)) if whole && !name.is_empty() => Ok((name, received, sent)),
        _ => Err(malformed()),
    }
}

/// The interfaces of a file, without its two lines of headings.
fn interfaces(text: &[u8]) -> Result<impl Iterator<Item = Result<(&str, u64, u64), Malformed>>, Malformed> {
    let mut lines = lines(text);
    if lines.by_ref().take(2).filter(|line| line.contains(&b'|')).count() < 2 {
        return Err(Malformed::new("it does not begin with the two lines of headings"));
    }
    Ok(lines.filter(|line| !line.is_empty()).map(parse_line))
}

/// Puts the interfaces that count into `into`. If the default pattern leaves none, all but `lo` count.
fn read_counters(text: &[u8], chosen: &[String], into: &mut Vec<Counters>) -> Result<(), Malformed> {
    if chosen.is_empty() {
        read_those(text, counts_by_default, into)?;
        if into.is_empty() {
            read_those(text, |name| name != "lo", into)?;
        }
        return Ok(());
    }
    read_those(text, |name| chosen.iter().any(|pattern| pattern::matches(pattern, name)), into)?;
    if into.is_empty() {
        return Err(Malformed::new(format_args!("no interface is named {}", chosen.join(" or "))));
    }
    Ok(())
}

fn read_those(text: &[u8], counts: impl Fn(&str) -> bool, into: &mut Vec<Counters>) -> Result<(), Malformed> {
    into.clear();
    for interface in interfaces(text)? {
        let (name, received, sent) = interface?;
        if counts(name) {
            into.push(Counters { name: name.to_owned(), received, sent });
        }
    }
    Ok(())
}

/// What passed on the interfaces of the first reading. One that is gone, or counts from the start again, makes the whole
/// unknown: it is no spike, and what passed on it nobody knows. One that came since adds nothing.
fn passed_since(before: &[Counters], text: &[u8]) -> Result<Passed, Malformed> {
    let mut passed = Passed { received: 0, sent: 0 };
    let mut found = 0;
    for interface in interfaces(text)? {
        let (name, received, sent) = interface?;
        let Some(earlier) = before.iter().find(|earlier| earlier.name == name) else { continue };
        found += 1;
        let reset = || Malformed::new(format_args!("the counters of {name} went backwards between the two readings"));
        let received = received.checked_sub(earlier.received).ok_or_else(reset)?;
        let sent = sent.checked_sub(earlier.sent).ok_or_else(reset)?;
        passed.received = passed.received.saturating_add(received);
        passed.sent = passed.sent.saturating_add(sent);
    }
    if found < before.len() {
        let gone = before.iter().map(|earlier| earlier.name.as_str());
        let here: Vec<&str> = interfaces(text)?.filter_map(Result::ok).map(|(name, ..)| name).collect();
        let gone: Vec<&str> = gone.filter(|name| !here.contains(name)).collect();
        return Err(Malformed::new(format_args!("{} vanished between the two readings", gone.join(", "))));
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADINGS: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";

    fn file(interfaces: &[(&str, u64, u64)]) -> Vec<u8> {
        let mut text = HEADINGS.to_owned();
        for (name, received, sent) in interfaces {
            text.push_str(&format!("{name:>6}: {received} 1 0 0 0 0 0 0 {sent} 2 0 0 0 0 0 0\n"));
        }
        text.into_bytes()
    }

    fn counted(interfaces: &[&str], chosen: &[&str]) -> Result<Vec<String>, Malformed> {
        let lines: Vec<_> = interfaces.iter().map(|name| (*name, 1, 1)).collect();
        let chosen: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
        let mut into = Vec::new();
        read_counters(&file(&lines), &chosen, &mut into)?;
        Ok(into.into_iter().map(|counters| counters.name).collect())
    }

    fn passed(before: &[(&str, u64, u64)], after: &[(&str, u64, u64)]) -> Result<Passed, Malformed> {
        let mut counters = Vec::new();
        read_counters(&file(before), &[], &mut counters)?;
        passed_since(&counters, &file(after))
    }

    #[test]
    fn interfaces_whose_bytes_are_counted_elsewhere_are_left_out() {
        let names = [
            "lo", "eth0", "veth1a", "docker0", "br-12ab", "br0", "brain0", "wg0", "eth0.100", "ens3", "bond0", "enp1s0",
        ];
        assert_eq!(counted(&names, &[]).unwrap(), ["eth0", "brain0", "ens3", "enp1s0"]);
    }

    #[test]
    fn if_the_default_leaves_none_all_but_loopback_count() {
        assert_eq!(counted(&["lo", "venet0", "tun0"], &[]).unwrap(), ["venet0"]);
        assert_eq!(counted(&["lo", "tun0", "wg0"], &[]).unwrap(), ["tun0", "wg0"]);
    }

    #[test]
    fn named_interfaces_count_whatever_they_are() {
        assert_eq!(counted(&["lo", "eth0", "wg0", "wg1"], &["wg*", "lo"]).unwrap(), ["lo", "wg0", "wg1"]);
        let error = counted(&["lo", "eth0"], &["ens3", "ens4"]).unwrap_err();
        assert_eq!(error.to_string(), "no interface is named ens3 or ens4");
    }

    #[test]
    fn what_passed_is_the_sum_over_the_interfaces_that_count() {
        let before = [("lo", 5, 5), ("eth0", 1000, 100), ("eth1", 10, 20)];
        let after = [("lo", 9, 9), ("eth0", 1500, 130), ("eth1", 20, 25), ("eth2", 7_000_000, 7_000_000)];
        assert_eq!(passed(&before, &after), Ok(Passed { received: 510, sent: 35 }));
    }

    #[test]
    fn a_reset_or_a_vanished_interface_is_unknown_and_no_spike() {
        let error = passed(&[("eth0", 1000, 100)], &[("eth0", 10, 100)]).unwrap_err();
        assert_eq!(error.to_string(), "the counters of eth0 went backwards between the two readings");
        let error = passed(&[("eth0", 1000, 100), ("eth1", 1, 1)], &[("eth0", 2000, 200)]).unwrap_err();
        assert_eq!(error.to_string(), "eth1 vanished between the two readings");
    }

    #[test]
    fn a_counter_may_be_glued_to_the_name_and_an_alias_has_a_colon() {
        assert_eq!(
            parse_line(b"  eth0:12345678 1 0 0 0 0 0 0 87654321 2 0 0 0 0 0 0"),
            Ok(("eth0", 12_345_678, 87_654_321))
        );
        assert_eq!(parse_line(b"eth0:1: 12 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0"), Ok(("eth0:1", 12, 34)));
    }

    #[test]
    fn a_damaged_line_is_an_error() {
        for line in [
            "eth0 12",
            "eth0: 1 2 3",
            "eth0: 1 1 0 0 0 0 0 0 34 2 0 0 0 0 0",
            ": 1 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0",
            "eth0: -1 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0",
        ] {
            assert!(parse_line(line.as_bytes()).is_err(), "{line}");
        }
        assert!(counted(&["eth0"], &[]).is_ok());
        assert!(read_counters(b"", &[], &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(lines in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = [HEADINGS.as_bytes(), &lines].concat();
            let mut counters = Vec::new();
            let _ = read_counters(&text, &[], &mut counters);
            let _ = passed_since(&counters, &text);
        }
    }
}
