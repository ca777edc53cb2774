//! Traffic in and out, from two readings of /proc/net/dev and the real time between them.

mod choice;
mod counters;

use std::time::Duration;

use super::{Collector, NETWORK, Progress, Setup, Source, read_limits, sample_interval};
use crate::clock::{Boot, Now};
use crate::host::{Host, ProcFile};
use crate::metric;
use crate::settings::{Complaint, Doc, Section, Written, doc};
use crate::snapshot::{Snapshot, Value};

use choice::Choice;
use counters::Reading;

pub const SOURCE: &Source = &Source {
    name: "traffic",
    group: NETWORK,
    is_on_by_default: true,
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
}

impl Traffic {
    fn new(window: Duration, interfaces: &[String], host: &Host) -> Traffic {
        let choice = match interfaces {
            [] => Choice::Default,
            named => Choice::Named(named.to_vec()),
        };
        Traffic {
            file: host.network_file("dev"),
            window,
            began: Boot::from_micros(0),
            before: Reading::new(choice),
            before_failed: None,
        }
    }

    fn take_first(&mut self, host: &mut Host) -> Result<(), String> {
        let text = self.file.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let taken = self.before.take(text, host.network_devices.as_ref());
        taken.map_err(|error| format!("{}: {error}", self.file.path().display()))
    }

    fn measure(&mut self, host: &mut Host, now: Boot) -> Result<(f64, f64), String> {
        if let Some(error) = &self.before_failed {
            return Err(error.clone());
        }
        let elapsed = now - self.began;
        let text = self.file.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let passed =
            self.before.passed_until(text).map_err(|error| format!("{}: {error}", self.file.path().display()))?;
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
        self.before_failed = self.take_first(host).err();
        self.window
    }

    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress {
        match self.measure(host, now.boot) {
            Ok((received, sent)) => {
                into.push_whole(metric::TRAFFIC_IN, Value::Number(received));
                into.push_whole(metric::TRAFFIC_OUT, Value::Number(sent));
            }
            Err(error) => into.failures.push(SOURCE.failure(error)),
        }
        Progress::Done
    }
}
