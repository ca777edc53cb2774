//! The monthly quota of traffic: its keys, and the counters that are counted. The count itself is kept in the state, so it
//! is made there, by [`crate::quota`].

use std::rc::Rc;
use std::time::Duration;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use super::choice::Choice;
use super::counters::Reading;
use super::line::{interface_lines, show};
use super::{INTERFACE, interface_name};
use crate::clock::Now;
use crate::collect::parse::Malformed;
use crate::collect::{Collector, Correction, EVERY, NETWORK, Progress, QuotaPlan, Reset, Setup, Source, Switch};
use crate::host::{Host, NetworkDevices, ProcFile};
use crate::metric::{Label, Limits, MessageSection, Metric};
use crate::settings::{Complaint, Doc, Section, Written, doc};
use crate::snapshot::{Direction, InterfaceTotals, Snapshot, Totals};

pub const QUOTA: &Source = &Source {
    name: "quota",
    group: NETWORK,
    switch: Switch::On(doc("月流量配额，写明 `limit` 时", "the monthly quota of traffic, with a `limit`")),
    metrics: &[QUOTA_USE],
    read,
};

pub const QUOTA_USE: &Metric = &Metric {
    name: "traffic_quota",
    section: MessageSection::Network,
    label: Label { zh: "月流量", en: "Traffic quota" },
    alert_label: Label { zh: "📶 月流量", en: "📶 Traffic quota" },
    order: 73,
    report_order: Some(40),
    ..Metric::BASE
};

/// As many interfaces are told apart: the state holds each.
const MAX_INTERFACES: usize = 256;

const MIN_BYTES: u64 = 1_000_000;
const MAX_BYTES: u64 = 1_000_000_000_000_000;

/// The highest step, in percent.
const MAX_STEP: f64 = 1000.0;

fn read(section: &mut Section<'_>, _: Duration) -> Setup {
    let limit = section.optional_volume("limit", MIN_BYTES..=MAX_BYTES, LIMIT);
    let options = [Direction::Out, Direction::In, Direction::Both, Direction::Max].map(|count| (count.name(), count));
    let count = section.choice("count", Direction::Out, &options, COUNT);
    let day = section.integer("reset_day", 1, 1..=31, RESET_DAY);
    let time = section.parse("reset_time", RESET_TIME, |text| time_of_day(text).map(Some)).unwrap_or(Time::midnight());
    section.holds("reset_time", Written::Text(time.strftime("%H:%M").to_string()));
    let zone = section.time_zone("timezone", TIMEZONE);
    section.holds("timezone", Written::Text(zone.as_ref().and_then(TimeZone::iana_name).unwrap_or("").to_owned()));
    let mut warn_at = section.numbers("warn_at", &[80.0, 90.0, 100.0], 0.0, MAX_STEP, WARN_AT);
    warn_at.sort_by(f64::total_cmp);
    let critical = section.optional_number("critical", None, 0.0, MAX_STEP, CRITICAL);
    let correction = read_correction(section);
    let own = section.list("interfaces", INTERFACES, |item| item.parse(INTERFACE, interface_name)).unwrap_or_default();
    section.holds("interfaces", Written::texts(&own));
    section.mark_as_judging(&[
        "count",
        "reset_day",
        "reset_time",
        "timezone",
        "warn_at",
        "critical",
        "used",
        "used_at",
    ]);
    let Some(limit) = limit else {
        let written = ["used", "critical"].into_iter().find(|key| section.is_written(key));
        let written = written.filter(|_| !section.is_written("limit"));
        if let Some(key) = written {
            section.warning(key, "without `limit` no quota is counted");
        }
        return Setup::new(|_, _| None).with(QUOTA_USE, EVERY, None);
    };
    let interfaces = if own.is_empty() { section.list_beside("traffic", "interfaces") } else { own };
    let limits = Limits { warning: warn_at.first().copied(), critical, ..Limits::NONE };
    let reset = Reset { day: day as i8, time, zone };
    let plan = QuotaPlan { limit, count, reset, warn_at, correction };
    let setup = Setup::new(move |_, host| Some(Box::new(Counters::new(&interfaces, host)) as _));
    Setup { quota: Some(Rc::new(plan)), ..setup.limited(QUOTA_USE, limits) }
}

/// Both keys or none: without its time a number would be taken anew at each start.
fn read_correction(section: &mut Section<'_>) -> Option<Correction> {
    let used = section.optional_volume("used", 0..=MAX_BYTES, USED);
    let mut is_refused = false;
    let at = section.parse("used_at", USED_AT, |text| moment(text).inspect_err(|_| is_refused = true));
    let shown = at.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M").to_string());
    section.holds("used_at", Written::Text(shown));
    if used.is_some() && at.is_none() && !is_refused {
        let complaint = Complaint::new("is missing beside `used`");
        section.problem("used_at", complaint.expected(EXPECTED_MOMENT));
    }
    if at.is_some() && used.is_none() && !section.is_written("used") {
        section.problem("used", Complaint::new("is missing beside `used_at`").expected("such as 120GB"));
    }
    Some(Correction { used_bytes: used?.bytes, at: at? })
}

const LIMIT: Doc = doc(
    "每月流量配额，留空则不统计。GB、TB 为 10⁹、10¹² 字节，GiB、TiB 为 2³⁰、2⁴⁰ 字节",
    "traffic of a month; empty: not counted. GB and TB are 10⁹ and 10¹² bytes, GiB and TiB 2³⁰ and 2⁴⁰",
);

const COUNT: Doc = doc(
    "计费方向：`out` 出站、`in` 入站、`both` 双向之和、`max` 较大的一个方向",
    "the direction that is billed: `out`, `in`, `both` (their sum), `max` (the greater one)",
);

const RESET_DAY: Doc = doc(
    "每月几号重置，当月没有这一天则为最后一天",
    "day of the month on which it begins anew; in shorter months the last day",
);

const RESET_TIME: Doc = doc("重置的时刻", "time of day of the reset")
    .default("00:00")
    .values("时:分", "hour:minute")
    .pattern(r"^[0-9]{1,2}:[0-9]{2}$");

const TIMEZONE: Doc =
    doc("服务商的时区，留空则用 `general.timezone`", "the provider's time zone; empty: `general.timezone`");

const WARN_AT: Doc =
    doc("用到百分之几时告警，每个周期各通知一次", "percentages, each of which is told once in a period");

const CRITICAL: Doc = doc("用到百分之几为严重，留空则没有", "percentage from which it is critical; empty: none");

const USED: Doc =
    doc("服务商页面上的已用流量，用于校正", "the used traffic on the provider's page, to correct the count");

const USED_AT: Doc = doc(
    "看到该数字的时间（服务商时区），每个数字只校正一次",
    "when the page said so, by the provider's clock; each number is taken once",
)
.values("年-月-日 时:分", "year-month-day hour:minute")
.pattern(r"^([0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$");

const INTERFACES: Doc = doc(
    "统计哪些网卡，留空则与 `network.traffic.interfaces` 相同",
    "interfaces that count; empty: as `network.traffic.interfaces`",
)
.values("网卡名，可用 `*`", "names, `*` patterns");

const EXPECTED_TIME: &str = "a time of day in quotes, such as \"00:00\"";
const EXPECTED_MOMENT: &str = "a date and a time, such as \"2026-11-20 09:00\"";

fn time_of_day(text: &str) -> Result<Time, Complaint> {
    let is_written_so = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let time = is_written_so.then(|| Time::strptime("%H:%M", text).ok()).flatten();
    time.ok_or_else(|| Complaint::new(format!("`{text}` is no time of day")).expected(EXPECTED_TIME))
}

/// An empty text is none.
fn moment(text: &str) -> Result<Option<DateTime>, Complaint> {
    if text.is_empty() {
        return Ok(None);
    }
    // An offset or the name of a zone would be another clock's.
    let is_written_so = text.bytes().all(|byte| byte.is_ascii_digit() || b"-: T".contains(&byte)) && text.contains(':');
    let moment = is_written_so.then(|| text.parse::<DateTime>().ok()).flatten();
    moment.map(Some).ok_or_else(|| Complaint::new(format!("`{text}` is no date and time")).expected(EXPECTED_MOMENT))
}

/// Reads the counters of the interfaces that count.
struct Counters {
    file: ProcFile,
    interfaces: Reading,
}

impl Counters {
    fn new(interfaces: &[String], host: &Host) -> Counters {
        Counters { file: host.network_file("dev"), interfaces: Reading::new(Choice::of(interfaces)) }
    }

    fn read(&mut self, host: &mut Host) -> Result<Totals, String> {
        let text = self.file.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let devices = host.network_devices.as_ref();
        let totals = self.interfaces.take(text, devices).and_then(|()| totals(&self.interfaces, text, devices));
        totals.map_err(|error| format!("{}: {error}", self.file.path().display()))
    }
}

/// Of the reading that was just taken of `text`.
fn totals(reading: &Reading, text: &[u8], devices: Option<&NetworkDevices>) -> Result<Totals, Malformed> {
    let mut totals = Totals::default();
    for (line, (_, interface)) in interface_lines(text)?.zip(&reading.interfaces) {
        let line = line?;
        if interface.counts {
            let [received, sent] = line.totals()?;
            let index = devices.and_then(|devices| devices.index(line.name));
            totals.counted.push(InterfaceTotals { name: show(line.name), index, received, sent });
        } else if reading.has_chosen {
            totals.others.push(show(line.name));
        }
    }
    if totals.counted.len() > MAX_INTERFACES {
        return Err(Malformed::new(format_args!("more than {MAX_INTERFACES} interfaces count")));
    }
    Ok(totals)
}

impl Collector for Counters {
    fn collect(&mut self, host: &mut Host, _: Now, into: &mut Snapshot) -> Progress {
        match self.read(host) {
            Ok(totals) => into.totals = Some(totals),
            Err(error) => into.failures.push(QUOTA.failure(error)),
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::SOURCE;
    use super::*;
    use crate::clock::Boot;
    use crate::collect::{Check, Configured, read as read_sources};
    use crate::settings::{self, Problems};

    fn configured(text: &str) -> Result<settings::Read<Vec<Configured>>, Problems> {
        settings::read("c", text.as_bytes(), |document| read_sources(document, &[SOURCE, QUOTA], Duration::MAX))
    }

    fn parsed(keys: &str) -> Result<(QuotaPlan, Vec<String>), Problems> {
        let read = configured(&format!("network: {{quota: {{{keys}}}}}"))?;
        let plan = read.value.iter().find_map(Configured::quota).expect("a limit");
        Ok(((**plan).clone(), read.warnings.into_iter().map(|warning| warning.message).collect()))
    }

    fn problems(keys: &str) -> Vec<String> {
        parsed(keys).unwrap_err().list.into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn a_limit_alone_is_enough() {
        let (plan, warnings) = parsed("limit: 1TB").unwrap();
        assert_eq!((plan.limit.bytes, plan.limit.is_binary), (1_000_000_000_000, false));
        assert_eq!((plan.count, plan.reset.day, plan.reset.time), (Direction::Out, 1, Time::midnight()));
        assert_eq!((plan.warn_at, plan.correction, plan.reset.zone), (vec![80.0, 90.0, 100.0], None, None));
        assert!(warnings.is_empty());
    }

    #[test]
    fn every_key_is_read() {
        let (plan, _) = parsed(
            "limit: 500GiB, count: max, reset_day: 31, reset_time: '6:30', timezone: Asia/Tokyo, warn_at: [95, 50], \
             used: 120GB, used_at: '2026-11-20 09:00'",
        )
        .unwrap();
        assert_eq!((plan.limit.bytes, plan.limit.is_binary, plan.count), (500 << 30, true, Direction::Max));
        assert_eq!((plan.reset.day, plan.reset.time), (31, jiff::civil::time(6, 30, 0, 0)));
        assert_eq!(plan.reset.zone.unwrap().iana_name(), Some("Asia/Tokyo"));
        assert_eq!(plan.warn_at, [50.0, 95.0]);
        let at = jiff::civil::date(2026, 11, 20).at(9, 0, 0, 0);
        assert_eq!(plan.correction, Some(Correction { used_bytes: 120_000_000_000, at }));
        assert_eq!(parsed("limit: 1TB, warn_at: 75").unwrap().0.warn_at, [75.0]);
    }

    #[test]
    fn wrong_values_are_refused_each_with_its_place() {
        for (keys, problem) in [
            ("limit: -1TB", "is not a size"),
            ("limit: 0GB", "out of range"),
            ("limit: 1", "is not a size"),
            ("limit: 1TB, reset_day: 0", "network.quota.reset_day: 0 is out of range"),
            ("limit: 1TB, reset_day: 32", "network.quota.reset_day: 32 is out of range"),
            ("limit: 1TB, reset_time: '24:00'", "`24:00` is no time of day"),
            ("limit: 1TB, reset_time: '1'", "`1` is no time of day"),
            ("limit: 1TB, timezone: GMT+8", "there is no time zone"),
            ("limit: 1TB, count: up", "is none of the values"),
            ("limit: 1TB, warn_at: [0]", "network.quota.warn_at[0]: 0"),
            ("limit: 1TB, warn_at: [1, 2, 3, 4, 5, 6, 7, 8, 9]", "a list of 9 items"),
            ("limit: 1TB, used: 5GB", "network.quota.used_at: is missing beside `used`"),
            ("limit: 1TB, used_at: '2026-11-20 09:00'", "network.quota.used: is missing beside `used_at`"),
            ("limit: 1TB, used: 5GB, used_at: ''", "network.quota.used_at: is missing beside `used`"),
            ("limit: 1TB, used: 5GB, used_at: '2026-11-31 09:00'", "is no date and time"),
            ("limit: 1TB, used: 5GB, used_at: '2026-11-20T09:00+08:00'", "is no date and time"),
            ("limit: 1TB, used: -5GB, used_at: '2026-11-20 09:00'", "is not a size"),
            ("limit: 1TB, interfaces: ['a/b']", "not an interface's name"),
        ] {
            let found = problems(keys);
            assert!(found.len() == 1 && found[0].contains(problem), "{keys}: {found:?}");
        }
    }

    #[test]
    fn keys_without_a_limit_are_pointed_out_and_nothing_is_counted() {
        let read = configured("network: {quota: {used: 5GB, used_at: '2026-11-20 09:00'}}").unwrap();
        assert!(read.warnings[0].message.contains("without `limit` no quota is counted"));
        let [_, quota] = &read.value[..] else { panic!("two sources") };
        assert!(quota.quota().is_none() && !quota.is_on(QUOTA_USE, ""));
    }

    const HEADINGS: &str = "Inter-|   Receive  |  Transmit\n face |bytes    packets errs drop |bytes\n";

    fn check(config: &str, interfaces: &[&str]) -> Snapshot {
        let folder = tempfile::tempdir().unwrap();
        let line = |name: &&str| format!("{name}: 500 5 0 0 0 0 0 0 700 7 0 0 0 0 0 0\n");
        fs::create_dir(folder.path().join("net")).unwrap();
        fs::write(
            folder.path().join("net/dev"),
            interfaces.iter().map(line).fold(HEADINGS.to_owned(), |text, line| text + &line),
        )
        .unwrap();
        let mut host = Host::new(Some(folder.path()));
        let [_, quota] = configured(config).unwrap().value.try_into().unwrap();
        let mut check = Check::new(&[quota], &host);
        check.begin(&mut host, Boot::from_millis(0));
        check.advance(&mut host, Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: Boot::from_millis(0) }).unwrap()
    }

    #[test]
    fn the_interfaces_are_its_own_or_those_of_traffic_or_the_physical_ones() {
        let there = ["lo", "ens3", "ens4", "wg0"];
        let counted = |config: &str| {
            let totals = check(config, &there).totals.unwrap();
            totals.counted.into_iter().map(|interface| interface.name).collect::<Vec<_>>()
        };
        assert_eq!(counted("network: {quota: {limit: 1TB}}"), ["ens3", "ens4"]);
        assert_eq!(counted("network: {traffic: {interfaces: [ens4]}, quota: {limit: 1TB}}"), ["ens4"]);
        assert_eq!(
            counted("network: {traffic: {interfaces: [ens4]}, quota: {limit: 1TB, interfaces: [wg*]}}"),
            ["wg0"]
        );
    }

    #[test]
    fn bytes_and_packets_are_read_both_ways() {
        let totals = check("network: {quota: {limit: 1TB}}", &["eth0", "veth1"]).totals.unwrap();
        let [eth0] = &totals.counted[..] else { panic!("{totals:?}") };
        assert_eq!((eth0.received.bytes, eth0.received.packets, eth0.sent.bytes, eth0.sent.packets), (500, 5, 700, 7));
        assert_eq!(totals.others, ["veth1"]);
    }

    #[test]
    fn a_named_interface_that_is_missing_is_a_failure_that_names_it() {
        let snapshot = check("network: {quota: {limit: 1TB, interfaces: [ens9]}}", &["eth0"]);
        assert!(snapshot.failures[0].error.ends_with("net/dev: no interface is named ens9"), "{snapshot:?}");
        assert!(snapshot.totals.is_none() && snapshot.watched_keys().any(|key| key.metric == QUOTA_USE));
    }

    #[test]
    fn more_interfaces_than_the_state_is_to_hold_are_a_failure() {
        let names: Vec<String> = (0..=MAX_INTERFACES).map(|number| format!("eth{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(
            check("network: {quota: {limit: 1TB}}", &names).failures[0]
                .error
                .ends_with("more than 256 interfaces count")
        );
    }
}
