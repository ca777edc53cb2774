//! The limits of a quantity.

use std::time::Duration;

use super::Metric;

/// The values at which a warning and a critical alert begin, in the unit of the quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub warning: Option<f64>,
    pub critical: Option<f64>,
    /// Of a share of a capacity: a warning, too, if fewer bytes are left, whatever the share.
    pub least_left_bytes: Option<u64>,
    /// A breach counts only while this quantity is over its own limit, where that is measured.
    pub only_while: Option<&'static Metric>,
    /// How long a number must be over before it is told.
    pub lasts: Duration,
    /// How long a deliberate condition may last before it is told.
    pub grace: Duration,
}

impl Limits {
    /// No limit: any value is well.
    pub const NONE: Limits = Limits {
        warning: None,
        critical: None,
        least_left_bytes: None,
        only_while: None,
        lasts: Duration::ZERO,
        grace: Duration::ZERO,
    };

    /// A warning at this value and above.
    pub const fn warning(limit: f64) -> Limits {
        Limits { warning: Some(limit), ..Limits::NONE }
    }

    /// The same for a rate of a short sample. It must last, because one sample may be a spike.
    pub const fn of_rate(limit: f64) -> Limits {
        Limits { lasts: Duration::from_secs(60), ..Limits::warning(limit) }
    }
}

/// When an alert is over, beside the policy of all alerts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Release {
    /// A value is well beyond so many times its limit; between the two an alert stays as it is.
    pub beyond: f64,
    /// It must be well for so long.
    pub after: Duration,
}

impl Release {
    /// A value that is not over its limit is well.
    pub const AT_ONCE: Release = Release { beyond: 1.0, after: Duration::ZERO };
}
