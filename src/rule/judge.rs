//! Judges readings: is a value over its limit, or a container not in its expected state? Pure.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Rules;
use crate::metric::{Limits, Metric};
use crate::snapshot::{Reading, Snapshot, Value};

/// The limit that a value was compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// In the unit of the value.
    Threshold(f64),
    /// As many bytes must be left.
    LeftBytes(u64),
    /// The state or health that is expected of a container.
    Expected(Rc<str>),
    /// It was compared with nothing.
    None,
}

/// How bad a breach is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    #[default]
    Warning,
    Critical,
}

impl Level {
    pub const fn name(self) -> &'static str {
        match self {
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Clear,
    Breach(Level),
    /// Not over its limit, and not yet well beyond it either: an alert stays as it is.
    Near,
    /// Measured, but not decided yet: a container that is starting.
    Unknown,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Clear | Verdict::Near => "clear",
            Verdict::Breach(_) => "breach",
            Verdict::Unknown => "unknown",
        }
    }

    pub const fn is_breach(self) -> bool {
        matches!(self, Verdict::Breach(_))
    }

    /// Of a breach.
    pub const fn level(self) -> Option<Level> {
        match self {
            Verdict::Breach(level) => Some(level),
            Verdict::Clear | Verdict::Near | Verdict::Unknown => None,
        }
    }
}

/// A reading with its verdict. Kept small: there may be tens of thousands.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding<'a> {
    pub reading: &'a Reading,
    pub verdict: Verdict,
    /// All limits that it was compared with.
    pub limits: &'a Limits,
    /// How long a breach must last before it is told.
    pub wait: Duration,
}

impl Finding<'_> {
    /// Of a breach the limit that is broken; `None`: the value may be anything.
    pub fn limit(&self) -> Option<Limit> {
        let Limits { warning, critical, .. } = *self.limits;
        let value = &self.reading.value;
        let unit = self.reading.key.metric.unit;
        let is_over = |limit: f64| measured(value).is_some_and(|number| unit.reaches(number, limit));
        let limit = match (value, self.verdict) {
            (Value::Container(container), _) => return Some(Limit::Expected(container.expected.clone())),
            (Value::Quota(quota), Verdict::Breach(Level::Warning)) => quota.step(quota.percent).or(warning),
            (_, Verdict::Breach(Level::Critical)) => critical,
            // The share is named where both are broken.
            (_, Verdict::Breach(Level::Warning)) => match self.limits.least_left_bytes {
                Some(least) if !warning.is_some_and(is_over) => return Some(Limit::LeftBytes(least)),
                _ => warning,
            },
            (_, Verdict::Clear | Verdict::Near | Verdict::Unknown) => warning.or(critical),
        };
        limit.map(Limit::Threshold)
    }
}

/// One finding for each reading, in the same order.
pub fn evaluate<'a>(snapshot: &'a Snapshot, rules: &'a Rules) -> Vec<Finding<'a>> {
    snapshot.readings.iter().map(|reading| judge(reading, snapshot, rules)).collect()
}

/// The number that is compared with limits.
fn measured(value: &Value) -> Option<f64> {
    match value {
        Value::Container(_) | Value::Event(_) => None,
        // Without any swap its use is never over a limit.
        Value::Usage { total_bytes: 0, .. } => Some(f64::NEG_INFINITY),
        Value::Usage { percent: number, .. } | Value::Number(number) => Some(*number),
        Value::Quota(quota) => Some(quota.percent),
        Value::Forecast(forecast) => Some(forecast.eta_hours.unwrap_or(f64::INFINITY)),
    }
}

/// Judges a reading of `snapshot`, whose other readings may excuse it.
pub fn judge<'a>(reading: &'a Reading, snapshot: &Snapshot, rules: &'a Rules) -> Finding<'a> {
    let mut finding = alone(reading, rules);
    if finding.verdict.is_breach()
        && let Some(metric) = finding.limits.only_while
    {
        match snapshot.readings.iter().find(|other| other.key.metric == metric) {
            Some(other) if !alone(other, rules).verdict.is_breach() => finding.verdict = Verdict::Clear,
            // It is there, and could not be read.
            None if snapshot.watched_keys().any(|key| key.metric == metric) => finding.verdict = Verdict::Unknown,
            Some(_) | None => {}
        }
    }
    finding
}

/// A reading *at* a limit is over it.
fn alone<'a>(reading: &'a Reading, rules: &'a Rules) -> Finding<'a> {
    let limits = rules.limits(reading.limits_of.as_deref().unwrap_or(&reading.key)).unwrap_or(&Limits::NONE);
    if let Value::Container(container) = &reading.value {
        let verdict = match container.well {
            Some(true) => Verdict::Clear,
            Some(false) if container.is_critical => Verdict::Breach(Level::Critical),
            Some(false) => Verdict::Breach(Level::Warning),
            None => Verdict::Unknown,
        };
        let wait = if container.on_purpose { limits.grace } else { limits.lasts };
        return Finding { reading, verdict, limits, wait };
    }
    let Some(measured) = measured(&reading.value) else {
        return Finding { reading, verdict: Verdict::Unknown, limits, wait: Duration::ZERO };
    };
    let Metric { unit, release, .. } = reading.key.metric;
    let is_broken = |limit: Option<f64>| limit.is_some_and(|limit| unit.reaches(measured, limit));
    let is_near = |limit: f64| unit.reaches(measured, limit * release.beyond);
    let is_short = |least: u64| reading.value.left_bytes().is_some_and(|left| left < least);
    let verdict = match limits {
        limits if is_broken(limits.critical) => Verdict::Breach(Level::Critical),
        limits if is_broken(limits.warning) => Verdict::Breach(Level::Warning),
        limits if limits.least_left_bytes.is_some_and(is_short) => Verdict::Breach(Level::Warning),
        limits if limits.warning.is_some_and(is_near) => Verdict::Near,
        _ => Verdict::Clear,
    };
    Finding { reading, verdict, limits, wait: limits.lasts }
}

#[cfg(test)]
mod tests {
    use super::super::Rule;
    use super::*;
    use crate::metric;
    use crate::snapshot::{ContainerWord, Key};

    const GRACE: Duration = Duration::from_secs(10);
    const WARNING: Verdict = Verdict::Breach(Level::Warning);

    /// The verdict, the limit and the wait, by the quantities' own limits.
    fn judged(metric: &'static Metric, value: Value) -> (Verdict, Option<Limit>, Duration) {
        let limits = Limits { grace: GRACE, ..metric.default.unwrap_or(Limits::NONE) };
        let rules = [Rule::for_every(metric, limits)].into_iter().collect();
        let mut snapshot = Snapshot::default();
        snapshot.push(metric, "", value);
        let finding = evaluate(&snapshot, &rules).remove(0);
        (finding.verdict, finding.limit(), finding.wait)
    }

    fn verdict(metric: &'static Metric, value: Value) -> Verdict {
        judged(metric, value).0
    }

    fn usage(percent: f64) -> Value {
        Value::Usage { percent, used_bytes: 1, total_bytes: 2 }
    }

    #[test]
    fn a_reading_may_have_the_limits_of_another_target() {
        let rule = |target: &str, warning| Rule {
            metric: metric::CONTAINER_MEMORY,
            target: target.into(),
            limits: Limits::warning(warning),
        };
        let rules = [rule("web", 95.0), rule("*", 50.0)].into_iter().collect();
        let verdict = |limits_of: Option<&str>| {
            let reading = Reading::new(Key::new(metric::CONTAINER_MEMORY, "shop-web-2"), usage(80.0));
            let reading = Reading {
                limits_of: limits_of.map(|target| Box::new(Key::new(metric::CONTAINER_MEMORY, target))),
                ..reading
            };
            judge(&reading, &Snapshot::default(), &rules).verdict
        };
        assert_eq!((verdict(Some("web")), verdict(None)), (Verdict::Clear, WARNING));
    }

    #[test]
    fn a_reading_at_its_limit_is_over_it() {
        assert_eq!(verdict(metric::MEMORY, usage(80.0)), WARNING);
        assert_eq!(verdict(metric::MEMORY, usage(79.999)), Verdict::Clear);
        assert_eq!(verdict(metric::CONNECTIONS, Value::Number(1000.0)), WARNING);
        assert_eq!(verdict(metric::CONNECTIONS, Value::Number(999.0)), Verdict::Clear);
    }

    #[test]
    fn of_two_limits_the_broken_one_is_named_and_the_worse_one_first() {
        let limits = Limits { warning: Some(80.0), critical: Some(95.0), ..Limits::NONE };
        let rules = [Rule::for_every(metric::CPU, limits)].into_iter().collect();
        for (value, verdict, limit) in
            [(79.0, Verdict::Clear, 80.0), (80.0, WARNING, 80.0), (95.0, Verdict::Breach(Level::Critical), 95.0)]
        {
            let mut snapshot = Snapshot::default();
            snapshot.push(metric::CPU, "", Value::Number(value));
            let finding = &evaluate(&snapshot, &rules)[0];
            assert_eq!((finding.verdict, finding.limit()), (verdict, Some(Limit::Threshold(limit))));
        }
    }

    #[test]
    fn fewer_bytes_than_must_be_left_are_a_breach_whatever_the_share() {
        let gib = |gib: u64| gib << 30;
        let limits = Limits { least_left_bytes: Some(gib(5)), critical: Some(99.5), ..Limits::warning(98.0) };
        let rules = [Rule::for_every(metric::DISK, limits)].into_iter().collect();
        let judged = |total: u64, left: u64| {
            let mut snapshot = Snapshot::default();
            let percent = (total - left) as f64 / total as f64 * 100.0;
            let usage = Value::Usage { percent, used_bytes: gib(total - left), total_bytes: gib(total) };
            snapshot.push(metric::DISK, "/backup", usage);
            let finding = &evaluate(&snapshot, &rules)[0];
            (finding.verdict, finding.limit().unwrap())
        };
        assert_eq!(judged(100, 5), (Verdict::Clear, Limit::Threshold(98.0)));
        assert_eq!(judged(100, 4), (WARNING, Limit::LeftBytes(gib(5))));
        // Of both the share is named, and the worse level first.
        assert_eq!(judged(100, 2), (WARNING, Limit::Threshold(98.0)));
        assert_eq!(judged(1000, 20), (WARNING, Limit::Threshold(98.0)));
        assert_eq!(judged(1000, 4), (Verdict::Breach(Level::Critical), Limit::Threshold(99.5)));
    }

    #[test]
    fn a_quantity_without_a_rule_may_be_anything() {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::CPU, "", Value::Number(f64::MAX));
        let rules = Rules::default();
        let finding = &evaluate(&snapshot, &rules)[0];
        assert_eq!((finding.verdict, finding.limit()), (Verdict::Clear, None));
    }

    #[test]
    fn no_swap_at_all_never_fires() {
        assert_eq!(verdict(metric::SWAP, Value::Usage { percent: 0.0, used_bytes: 0, total_bytes: 0 }), Verdict::Clear);
    }

    #[test]
    fn a_container_is_judged_by_whether_it_is_well() {
        let container = |well| Value::from(ContainerWord { well, ..ContainerWord::new("x", "running") });
        assert_eq!(verdict(metric::CONTAINER_STATE, container(Some(true))), Verdict::Clear);
        assert_eq!(verdict(metric::CONTAINER_STATE, container(Some(false))), WARNING);
        assert_eq!(verdict(metric::CONTAINER_HEALTH, container(None)), Verdict::Unknown);
    }

    #[test]
    fn what_is_away_on_purpose_is_told_after_the_grace() {
        let wait = |on_purpose| {
            let word = ContainerWord { on_purpose, ..ContainerWord::new("exited", "running") };
            judged(metric::CONTAINER_STATE, Value::from(word)).2
        };
        assert_eq!((wait(true), wait(false)), (GRACE, Duration::ZERO));
    }

    #[test]
    fn swap_counts_only_while_memory_is_short_where_that_is_asked_and_measured() {
        let of = |metric, only_while| {
            Rule::for_every(metric, Limits { only_while, critical: Some(95.0), ..Limits::warning(80.0) })
        };
        let rules: Rules = [of(metric::SWAP, Some(metric::CPU)), of(metric::CPU, None)].into_iter().collect();
        let swap = |percent: f64, other: Option<f64>| {
            let mut snapshot = Snapshot::default();
            snapshot.push_whole(metric::SWAP, Value::Usage { percent, used_bytes: 1, total_bytes: 2 });
            if let Some(other) = other {
                snapshot.push_whole(metric::CPU, Value::Number(other));
            }
            evaluate(&snapshot, &rules)[0].verdict
        };
        assert_eq!(swap(90.0, Some(10.0)), Verdict::Clear);
        assert_eq!(swap(99.0, Some(79.0)), Verdict::Clear);
        assert_eq!(swap(90.0, Some(80.0)), Verdict::Breach(Level::Warning));
        assert_eq!(swap(99.0, Some(80.0)), Verdict::Breach(Level::Critical));
        // Where there is no pressure, nothing is excused.
        assert_eq!(swap(90.0, None), Verdict::Breach(Level::Warning));
        assert_eq!(swap(10.0, Some(99.0)), Verdict::Clear);
        // One that is watched and cannot be read says neither.
        for (percent, verdict) in [(90.0, Verdict::Unknown), (10.0, Verdict::Clear)] {
            let mut snapshot = Snapshot::default();
            snapshot.watch(metric::CPU, "");
            snapshot.push_whole(metric::SWAP, Value::Usage { percent, used_bytes: 1, total_bytes: 2 });
            assert_eq!(evaluate(&snapshot, &rules)[0].verdict, verdict);
        }
    }
}
