//! The monthly quota of traffic: its keys, and the counters that are counted. The count itself is kept in the state, so it
//! is made there, by [`crate::quota`].

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::choice::Choice;
use super::counters::Reading;
use super::line::{interface_lines, show};
use super::{INTERFACE, interface_name};
use crate::clock::{self, Now};
use crate::collect::parse::Malformed;
use crate::collect::{
    Collector, Correction, EVERY, NETWORK, Progress, QuotaPlan, Reset, Setup, Source, Switch, refuse_out_of_order,
};
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
    can_exceed: true,
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
    let problems = section.problem_count();
    let mut warn_at = section.numbers("warn_at", &[80.0, 90.0, 100.0], 0.0, MAX_STEP, WARN_AT);
    warn_at.sort_by(f64::total_cmp);
    let critical = section.optional_number("critical", None, 0.0, MAX_STEP, CRITICAL);
    // In the place of a refused step stands none, or the default.
    if let Some(lowest) = warn_at.first().filter(|_| section.problem_count() == problems) {
        refuse_out_of_order(section, "warn_at", *lowest, critical);
    }
    let correction = read_correction(section, zone.as_ref());
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
fn read_correction(section: &mut Section<'_>, zone: Option<&TimeZone>) -> Option<Correction> {
    let used = section.optional_volume("used", 0..=MAX_BYTES, USED);
    let mut is_refused = false;
    let at = section.parse("used_at", USED_AT, |text| moment(text).inspect_err(|_| is_refused = true));
    let shown = at.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M").to_string());
    section.holds("used_at", Written::Text(shown));
    if used.is_some() && at.is_none() && !is_refused {
        let complaint = Complaint::new("is missing beside `used`");
        section.problem("used_at", complaint.expected(EXPECTED_MOMENT));
    }
    // No error: it may be this machine's clock that is wrong, and an agent with an error does not start.
    if at.is_some_and(|at| is_ahead(at, zone, clock::now().wall)) {
        section.warning("used_at", "is in the future: the number is taken once its time has come");
    }
    if at.is_some() && used.is_none() && !section.is_written("used") {
        section.problem("used", Complaint::new("is missing beside `used_at`").expected("such as 120GB"));
    }
    Some(Correction { used_bytes: used?.bytes, at: at? })
}

/// No clock on earth is further ahead of UTC.
const FURTHEST_EAST: Offset = Offset::constant(14);

/// Whether a time by the provider's clock is certainly still to come, wherever the provider is if that is not known here.
fn is_ahead(at: DateTime, zone: Option<&TimeZone>, now: Timestamp) -> bool {
    let zone = zone.cloned().unwrap_or_else(|| FURTHEST_EAST.to_time_zone());
    zone.to_ambiguous_timestamp(at).compatible().is_ok_and(|at| at > now)
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
mod tests;
