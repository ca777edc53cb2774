//! How far a quantity may go.

use std::time::Duration;

/// From where on a value is a warning, and from where on it is critical, in the unit of its quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub warning: Option<f64>,
    pub critical: Option<f64>,
    /// How long a number must be over before it is told.
    pub lasts: Duration,
    /// How long a condition that somebody meant may last.
    pub grace: Duration,
}

impl Limits {
    /// Anything is well.
    pub const NONE: Limits = Limits { warning: None, critical: None, lasts: Duration::ZERO, grace: Duration::ZERO };

    /// A warning from here on.
    pub const fn warning(limit: f64) -> Limits {
        Limits { warning: Some(limit), ..Limits::NONE }
    }

    /// The same for a rate of a short sample, which must last: one sample may be a spike.
    pub const fn of_rate(limit: f64) -> Limits {
        Limits { lasts: Duration::from_secs(60), ..Limits::warning(limit) }
    }
}
