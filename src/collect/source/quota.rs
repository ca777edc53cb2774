//! The plan of a quota: the direction that is counted, its limit, and the time at which the count begins anew.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use crate::settings::Volume;
use crate::snapshot::Direction;

/// The quota, as its keys have it.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaPlan {
    pub limit: Volume,
    pub count: Direction,
    pub reset: Reset,
    /// In percent, the lowest first.
    pub warn_at: Vec<f64>,
    pub correction: Option<Correction>,
}

/// When a period begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Reset {
    /// 1 to 31; in a shorter month its last day.
    pub day: i8,
    pub time: Time,
    /// `None`: the general one.
    pub zone: Option<TimeZone>,
}

/// The provider's number at a time of its own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correction {
    pub used_bytes: u64,
    pub at: DateTime,
}
