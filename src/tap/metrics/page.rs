//! The page of metrics: of all readings of the last check, of the alerts, and of the agent itself.
//!
//! Names come from the catalogue, in base units (naming.md of prometheus/docs): a share is a ratio from 0 to 1, hours are
//! seconds, megabits are bytes. A word is a series that is 1. A reading that failed has no line, and no line is zero
//! instead.

use std::rc::Rc;

use super::exposition::{Families, Kind, Labels};
use crate::alert::{Alert, Alerts, Extent};
use crate::clock::Now;
use crate::message::without_emoji;
use crate::metric::Unit;
use crate::rule::{Finding, Level};
use crate::snapshot::{Failure, Value};
use crate::tap::{Agent, Judged};

const FAILED: &str = "collector_failed";

/// The readings that are known, by the last check and the looks after it.
#[derive(Clone, Debug, Default)]
pub struct Page {
    readings: Families,
}

impl Page {
    /// Of readings alone, without an agent.
    pub fn of(findings: &[Finding<'_>], failures: &[Failure]) -> Page {
        let mut page = Page::default();
        findings.iter().for_each(|finding| page.add(finding));
        page.add_failures(failures);
        page
    }

    /// Takes in a look: a check replaces everything, a look at some subjects replaces theirs.
    pub fn take(&mut self, judged: &Judged<'_>) {
        if judged.extent == Extent::Check {
            *self = Page::of(judged.findings, judged.failures);
            return;
        }
        for finding in judged.findings {
            let key = &finding.reading.key;
            self.readings.forget(&key.target, |name| name.strip_prefix(key.metric.name).is_some_and(is_own_ending));
        }
        judged.findings.iter().for_each(|finding| self.add(finding));
    }

    /// The readings as text.
    pub fn readings(&self) -> String {
        let mut text = String::new();
        self.readings.write(&mut text);
        text
    }

    /// The whole text of an agent.
    pub fn text(&self, alerts: &Alerts, agent: &Agent<'_>, now: Now) -> String {
        let mut text = self.readings();
        let mut about = Families::default();
        add_alerts(&mut about, alerts, now);
        add_agent(&mut about, agent, now);
        about.write(&mut text);
        text
    }

    fn add(&mut self, finding: &Finding<'_>) {
        let key = &finding.reading.key;
        let (name, label) = (key.metric.name, without_emoji(key.metric.alert_label.en));
        let target = || Labels::of(&key.target);
        let set = |families: &mut Families, name: &str, help: &str, value: f64| {
            families.set(name, help, Kind::Gauge, &target(), value);
        };
        let all = &mut self.readings;
        match &finding.reading.value {
            Value::Usage { percent, used_bytes, total_bytes } => {
                // Without any swap there is no share of it.
                if *total_bytes > 0 {
                    set(all, &format!("{name}_used_ratio"), &format!("{label}: the used share"), percent / 100.0);
                }
                set(all, &format!("{name}_used_bytes"), &format!("{label}: bytes in use"), *used_bytes as f64);
                set(all, &format!("{name}_total_bytes"), &format!("{label}: bytes in all"), *total_bytes as f64);
            }
            Value::Quota(quota) => {
                set(all, &format!("{name}_used_ratio"), &format!("{label}: the used share"), quota.percent / 100.0);
                let of_bytes = [("used", quota.used_bytes, "bytes used"), ("total", quota.limit_bytes, "bytes in all")];
                for (which, bytes, help) in of_bytes {
                    set(all, &format!("{name}_{which}_bytes"), &format!("{label}: {help}"), bytes as f64);
                }
            }
            Value::Number(number) => {
                let Base { ending, help, factor } = Base::of(key.metric.unit);
                set(all, &format!("{name}{ending}"), &format!("{label}{help}"), number * factor);
            }
            Value::Forecast(forecast) => {
                let Base { ending, help, factor } = Base::of(Unit::Hours);
                let Some(hours) = forecast.hours else { return };
                set(all, &format!("{name}{ending}"), &format!("{label}{help}"), hours * factor);
            }
            Value::Container(word) => {
                let state = [("state", &*word.shown())];
                let help = format!("{name}: 1 for the present word");
                return all.set(name, &help, Kind::Gauge, &target().with(&state), 1.0);
            }
            Value::Event(_) => return,
        }
        let Base { ending, help, factor } = Base::of(key.metric.unit);
        for (level, limit) in [(Level::Warning, finding.limits.warning), (Level::Critical, finding.limits.critical)] {
            let severity = [("severity", level.name())];
            let (name, help) = (format!("{name}_threshold{ending}"), format!("{label}: the limit{help}"));
            let value = limit.map_or(f64::NAN, |limit| limit * factor);
            all.set(&name, &help, Kind::Gauge, &target().with(&severity), value);
        }
        if let Some(least) = finding.limits.least_left_bytes {
            let help = format!("{label}: bytes that are to be left");
            set(all, &format!("{name}_least_left_bytes"), &help, least as f64);
        }
    }

    fn add_failures(&mut self, failures: &[Failure]) {
        for failure in failures {
            let target: Rc<str> = failure.target.clone().unwrap_or_default();
            let collector = [("collector", failure.collector)];
            let help = "1 for each measurement that failed in the last check";
            self.readings.set(FAILED, help, Kind::Gauge, &Labels::of(&target).with(&collector), 1.0);
        }
    }
}

/// A unit in Prometheus' base unit.
struct Base {
    ending: &'static str,
    help: &'static str,
    factor: f64,
}

impl Base {
    const fn of(unit: Unit) -> Base {
        match unit {
            Unit::Percent => Base { ending: "_ratio", help: ", as a share", factor: 0.01 },
            Unit::Mbps => Base { ending: "_bytes_per_second", help: ", in bytes a second", factor: 125_000.0 },
            Unit::Hours => Base { ending: "_seconds", help: ", in seconds", factor: 3600.0 },
            Unit::Count | Unit::Number | Unit::Word => Base { ending: "", help: "", factor: 1.0 },
        }
    }
}

/// Whether a name that begins with a quantity's goes on as one of that quantity: `disk_forecast_seconds` is none of
/// `disk`, but `disk_used_ratio` is.
fn is_own_ending(ending: &str) -> bool {
    let own = ["used_ratio", "used_bytes", "total_bytes", "least_left_bytes", "ratio", "bytes_per_second", "seconds"];
    ending.is_empty()
        || ending.strip_prefix('_').is_some_and(|ending| ending.starts_with("threshold") || own.contains(&ending))
}

/// Whether an alert fires for those who decide by themselves who is told: it has lasted, whether a cooldown, quiet hours
/// or a silence keep its message back or not. One that is below its limit again is over.
pub fn fires(alert: &Alert) -> bool {
    alert.well_since().is_none()
}

fn add_alerts(into: &mut Families, alerts: &Alerts, now: Now) {
    let mut count = 0.0;
    for alert in alerts.lasting_at(now.boot).filter(|alert| fires(alert)) {
        let level = alert.level(now.boot);
        let labels = [("metric", alert.key.metric.name), ("severity", level.name())];
        let help = "1 for each alert that fires";
        into.set("alert_firing", help, Kind::Gauge, &Labels::of(&alert.key.target).with(&labels), 1.0);
        count += 1.0;
    }
    into.gauge("alerts", "Alerts that fire", count);
}

fn add_agent(into: &mut Families, agent: &Agent<'_>, now: Now) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    into.set("build_info", "The version of the agent", Kind::Gauge, &Labels::default().with(&version), 1.0);
    into.set(
        "checks_total",
        "Checks since the agent was started",
        Kind::Counter,
        &Labels::default(),
        agent.checks as f64,
    );
    into.gauge("check_interval_seconds", "The time between two checks", agent.interval.as_secs_f64());
    if let Some(last) = agent.last_check {
        let seconds = last.as_millisecond() as f64 / 1000.0;
        into.gauge("last_check_timestamp_seconds", "When the last check was complete", seconds);
    }
    if let Some(took) = agent.check_took {
        let help = "How long the last check took, with its samples";
        into.gauge("check_duration_seconds", help, took.as_secs_f64());
    }
    into.gauge("messages_waiting", "Messages that are not delivered yet", agent.waiting as f64);
    if let Some(since) = agent.waits_since {
        let help = "How long the oldest message that is not delivered has waited";
        into.gauge("message_wait_seconds", help, (now.boot - since).as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Language, Style};
    use crate::metric::{self, Limits};
    use crate::rule::{self, Rule, Rules};
    use crate::snapshot::{ContainerWord, Forecast, Snapshot};

    fn agent(style: &Style) -> Agent<'_> {
        let interval = std::time::Duration::from_secs(900);
        let (last_check, check_took) = (None, None);
        Agent { style, checks: 3, last_check, check_took, interval, alerts: 0, waiting: 0, waits_since: None }
    }

    /// The samples of a page after these looks.
    fn lines(looks: &[(Extent, Snapshot)]) -> Vec<String> {
        let (rules, alerts) =
            (Rules::from_iter([Rule::for_every(metric::DISK, Limits::warning(80.0))]), Alerts::default());
        let style = Style { language: Language::English, host: "web-1".into(), zone: jiff::tz::TimeZone::UTC };
        let mut page = Page::default();
        for (extent, snapshot) in looks {
            let findings = rule::evaluate(snapshot, &rules);
            let failures = &snapshot.failures;
            let (transitions, agent) = (&[][..], agent(&style));
            page.take(&Judged {
                extent: *extent,
                findings: &findings,
                failures,
                transitions,
                alerts: &alerts,
                unknown: &alerts,
                agent,
            });
        }
        page.readings().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    fn container(name: &str, word: &str) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::CONTAINER_STATE, name, ContainerWord::new(word, "running").into());
        snapshot
    }

    #[test]
    fn each_unit_is_in_its_base_unit_and_no_reading_is_no_line() {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::DISK, "/", Value::Usage { percent: 25.0, used_bytes: 1, total_bytes: 4 });
        snapshot.push(metric::SWAP, "", Value::Usage { percent: 0.0, used_bytes: 0, total_bytes: 0 });
        snapshot.push(metric::TRAFFIC_IN, "", Value::Number(8.0));
        snapshot.push(metric::INODES, "/", Value::Number(f64::NAN));
        let forecast =
            |hours| Value::Forecast(Box::new(Forecast { eta_hours: hours, hours, percent: 25.0, day_points: 1.0 }));
        snapshot.push(metric::DISK_FORECAST, "/", forecast(Some(2.0)));
        snapshot.push(metric::DISK_FORECAST, "/data", forecast(None));
        assert_eq!(
            lines(&[(Extent::Check, snapshot)]),
            [
                "vps_monitor_disk_forecast_seconds{target=\"/\"} 7200",
                "vps_monitor_disk_threshold_ratio{target=\"/\",severity=\"warning\"} 0.8",
                "vps_monitor_disk_total_bytes{target=\"/\"} 4",
                "vps_monitor_disk_used_bytes{target=\"/\"} 1",
                "vps_monitor_disk_used_ratio{target=\"/\"} 0.25",
                "vps_monitor_swap_total_bytes 0",
                "vps_monitor_swap_used_bytes 0",
                "vps_monitor_traffic_in_bytes_per_second 1000000",
            ]
        );
    }

    #[test]
    fn a_look_at_one_container_changes_its_series_and_the_next_check_forgets_what_is_gone() {
        let mut both = container("web", "running");
        both.append(container("db", "running"));
        let look = (Extent::Named, container("web", "exited"));
        let state =
            |name: &str, word: &str| format!("vps_monitor_container_state{{target=\"{name}\",state=\"{word}\"}} 1");
        assert_eq!(
            lines(&[(Extent::Check, both.clone()), look.clone()]),
            [state("db", "running"), state("web", "exited")]
        );
        assert_eq!(
            lines(&[(Extent::Check, both), look, (Extent::Check, container("db", "paused"))]),
            [state("db", "paused")]
        );
    }

    #[test]
    fn a_quantity_is_not_taken_for_another_one_whose_name_begins_as_its_own() {
        assert!(["", "_used_ratio", "_threshold", "_threshold_ratio", "_seconds"].into_iter().all(is_own_ending));
        assert!(["_forecast_seconds", "_state", "s_ratio"].into_iter().all(|ending| !is_own_ending(ending)));
    }
}
