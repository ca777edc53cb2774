//! A quantity that could not be measured, and why.

use std::rc::Rc;

use super::Key;
use crate::metric::Metric;

/// An enabled quantity that could not be measured. Absent is never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The collector's name.
    pub collector: &'static str,
    /// The metrics whose absence it explains.
    pub metrics: &'static [&'static Metric],
    /// The one target that it concerns; `None`: every target of these metrics.
    pub target: Option<Rc<str>>,
    /// The fault, its place, and the remedy if it is known. One line.
    pub error: String,
}

impl Failure {
    /// Whether it explains the missing reading of `key`.
    pub fn explains(&self, key: &Key) -> bool {
        self.metrics.contains(&key.metric) && self.target.as_ref().is_none_or(|target| *target == key.target)
    }

    /// Whether it concerns readings from the Docker engine.
    pub fn is_of_docker(&self) -> bool {
        self.metrics.iter().any(|metric| metric.is_of_docker())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;

    #[test]
    fn a_failure_explains_its_metrics_on_its_target_alone() {
        let everywhere =
            Failure { collector: "docker", metrics: &[metric::CONTAINER_STATE], target: None, error: String::new() };
        assert!(everywhere.explains(&Key::new(metric::CONTAINER_STATE, "web")));
        assert!(!everywhere.explains(&Key::new(metric::CONTAINER_HEALTH, "web")));

        let one =
            Failure { collector: "disk", metrics: &[metric::DISK], target: Some("/data".into()), error: String::new() };
        assert!(one.explains(&Key::new(metric::DISK, "/data")));
        assert!(!one.explains(&Key::new(metric::DISK, "/")));
    }
}
