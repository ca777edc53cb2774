//! The order for the child that writes: a batch of rows, and what to keep of those that are there.

use serde::{Deserialize, Serialize};

/// Everything that one child writes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch {
    /// Now, in Unix seconds as all times here.
    pub now: i64,
    /// Whether to look through the whole file for damage, which inserting does not notice.
    pub is_checked: bool,
    pub limits: Limits,
    /// Metric, target and unit of each place in a row.
    pub series: Vec<(String, String, Option<String>)>,
    /// The time of each check, and its values in the order of the series; `None`: not measured.
    pub rows: Vec<(i64, Vec<Option<f64>>)>,
    /// The alerts that last, and those that ended since the last batch.
    pub alerts: Vec<Spell>,
    /// Every alert that lasts is among them: any other in the file is over.
    pub has_every_alert: bool,
}

/// How long rows are kept, in seconds, and how large the file may become.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    pub raw_seconds: i64,
    pub five_minutes_seconds: i64,
    pub hours_seconds: i64,
    pub max_bytes: Option<u64>,
}

/// One alert from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spell {
    pub metric: String,
    pub target: String,
    pub since: i64,
    /// `None`: it lasts.
    pub until: Option<i64>,
    pub level: String,
    /// The worst number, where there is one.
    pub value: Option<f64>,
}
