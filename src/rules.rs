//! Rules: is a reading over its threshold, or a container not in its expected state? Pure.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metric::{self, Metric};
use crate::snapshot::{Reading, Snapshot, Value};

/// What each metric's value may be. A reading *at* its threshold is over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    pub memory_percent: f64,
    pub swap_percent: f64,
    pub cpu_percent: f64,
    pub disk_percent: f64,
    /// Of each direction by itself.
    pub traffic_mbps: f64,
    pub connections: u64,
    /// How long a container may be away on purpose before that is told.
    pub container_grace: Duration,
}

impl Thresholds {
    /// What is not limited is never over.
    fn of(&self, metric: &Metric) -> f64 {
        let limits = [
            (metric::MEMORY, self.memory_percent),
            (metric::SWAP, self.swap_percent),
            (metric::CPU, self.cpu_percent),
            (metric::DISK, self.disk_percent),
            (metric::TRAFFIC_IN, self.traffic_mbps),
            (metric::TRAFFIC_OUT, self.traffic_mbps),
            (metric::CONNECTIONS, self.connections as f64),
        ];
        limits.iter().find(|(limited, _)| *limited == metric).map_or(f64::INFINITY, |(_, limit)| *limit)
    }
}

/// What a value was compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// In the unit of the value.
    Threshold(f64),
    /// The state or health that a container is expected to be in.
    Expected(Rc<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Clear,
    Breach,
    /// Measured, but it cannot be said yet: a container that is starting.
    Unknown,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Clear => "clear",
            Verdict::Breach => "breach",
            Verdict::Unknown => "unknown",
        }
    }
}

/// A reading and what is to be thought of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding<'a> {
    pub reading: &'a Reading,
    pub limit: Limit,
    pub verdict: Verdict,
    /// How long a breach must last before it is told.
    pub wait: Duration,
}

/// One finding for each reading, in the same order.
pub fn evaluate<'a>(snapshot: &'a Snapshot, thresholds: &Thresholds) -> Vec<Finding<'a>> {
    snapshot.readings.iter().map(|reading| judge(reading, thresholds)).collect()
}

fn judge<'a>(reading: &'a Reading, thresholds: &Thresholds) -> Finding<'a> {
    if let Value::Container(container) = &reading.value {
        let verdict = match container.well {
            Some(true) => Verdict::Clear,
            Some(false) => Verdict::Breach,
            None => Verdict::Unknown,
        };
        let wait = if container.on_purpose { thresholds.container_grace } else { Duration::ZERO };
        return Finding { reading, limit: Limit::Expected(container.expected.clone()), verdict, wait };
    }
    let measured = match reading.value {
        // No swap at all is never over.
        Value::Usage { total_bytes: 0, .. } => f64::NEG_INFINITY,
        _ => reading.value.number().unwrap_or(f64::NEG_INFINITY),
    };
    let threshold = thresholds.of(reading.key.metric);
    let verdict = if measured >= threshold { Verdict::Breach } else { Verdict::Clear };
    Finding { reading, limit: Limit::Threshold(threshold), verdict, wait: Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::ContainerWord;

    const THRESHOLDS: Thresholds = Thresholds {
        memory_percent: 80.0,
        swap_percent: 70.0,
        cpu_percent: 60.0,
        disk_percent: 90.0,
        traffic_mbps: 100.0,
        connections: 1000,
        container_grace: Duration::from_secs(10),
    };

    fn verdict(metric: &'static Metric, value: Value) -> Verdict {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric, "", value);
        evaluate(&snapshot, &THRESHOLDS)[0].verdict
    }

    fn usage(percent: f64) -> Value {
        Value::Usage { percent, used_bytes: 1, total_bytes: 2 }
    }

    #[test]
    fn a_reading_at_its_threshold_is_over_it() {
        assert_eq!(verdict(metric::MEMORY, usage(80.0)), Verdict::Breach);
        assert_eq!(verdict(metric::MEMORY, usage(79.999)), Verdict::Clear);
        assert_eq!(verdict(metric::CONNECTIONS, Value::Number(1000.0)), Verdict::Breach);
        assert_eq!(verdict(metric::CONNECTIONS, Value::Number(999.0)), Verdict::Clear);
    }

    #[test]
    fn each_metric_has_its_own_threshold() {
        assert_eq!(verdict(metric::SWAP, usage(75.0)), Verdict::Breach);
        assert_eq!(verdict(metric::DISK, usage(85.0)), Verdict::Clear);
        assert_eq!(verdict(metric::CPU, Value::Number(61.0)), Verdict::Breach);
        assert_eq!(verdict(metric::TRAFFIC_IN, Value::Number(120.5)), Verdict::Breach);
        assert_eq!(verdict(metric::TRAFFIC_OUT, Value::Number(20.5)), Verdict::Clear);
    }

    #[test]
    fn no_swap_at_all_never_fires() {
        assert_eq!(verdict(metric::SWAP, Value::Usage { percent: 0.0, used_bytes: 0, total_bytes: 0 }), Verdict::Clear);
    }

    #[test]
    fn a_container_is_judged_by_whether_it_is_well() {
        let container = |well| Value::Container(ContainerWord { well, ..ContainerWord::new("x", "running") });
        assert_eq!(verdict(metric::CONTAINER_STATE, container(Some(true))), Verdict::Clear);
        assert_eq!(verdict(metric::CONTAINER_STATE, container(Some(false))), Verdict::Breach);
        assert_eq!(verdict(metric::CONTAINER_HEALTH, container(None)), Verdict::Unknown);
    }

    #[test]
    fn what_is_away_on_purpose_is_told_after_the_grace() {
        let wait = |on_purpose| {
            let mut snapshot = Snapshot::default();
            let word = ContainerWord { on_purpose, ..ContainerWord::new("exited", "running") };
            snapshot.push(metric::CONTAINER_STATE, "web", Value::Container(word));
            evaluate(&snapshot, &THRESHOLDS)[0].wait
        };
        assert_eq!(wait(true), THRESHOLDS.container_grace);
        assert_eq!(wait(false), Duration::ZERO);
    }
}
