//! Quantities: the name, the unit and the presentation of each, said once.
//!
//! The code that handles a reading, a finding or an alert takes all that from here, so another quantity is another
//! [`Metric`] and no change to that code. The catalogue has the quantities of the plan; any other is in the file of its
//! source, and an external check gives its names at run time.

mod catalogue;
mod limits;
mod unit;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use catalogue::{
    CONNECTIONS, CONTAINER_CPU, CONTAINER_HEALTH, CONTAINER_MEMORY, CONTAINER_STATE, CPU, DISK, DISK_FORECAST,
    DOCKER_ENGINE, INODE_FORECAST, INODES, MEMORY, MEMORY_PRESSURE, SWAP, TRAFFIC_IN, TRAFFIC_OUT,
};
pub use limits::{Limits, Release};
pub use unit::Unit;

use catalogue::CATALOGUE;

/// A quantity, known by its name: two of one name are the same.
#[derive(Debug)]
pub struct Metric {
    /// In `check --json`, in the state file and in the log.
    pub name: &'static str,
    pub unit: Unit,
    /// It is measured over a short sample, so that one reading may be a spike.
    pub is_rate: bool,
    pub section: MessageSection,
    /// In a report.
    pub label: Label,
    /// In an alert and a recovery.
    pub alert_label: Label,
    /// The place of its line in messages: the lowest first.
    pub order: u16,
    /// The same in its section of a report; `None`: a report shows it only over its limit, among the alerts.
    pub report_order: Option<u16>,
    /// Whether a target alone says in a message what it is about: a unit of systemd, unlike a path.
    pub is_named_by_its_target: bool,
    /// Whether a report shows sizes behind the share.
    pub shows_sizes: bool,
    /// Of a share: whether it can be more than 100 %, as of a bound that can be exceeded or lowered.
    pub can_exceed: bool,
    /// Its limits if no rule is more specific; `None`: any value is well.
    pub default: Option<Limits>,
    /// Of a share: the quantity that tells when it is full.
    pub forecast: Option<&'static Metric>,
    pub release: Release,
    /// Of a word about the host: the expected one.
    pub expected: Option<ExpectedWord>,
}

/// The word that is expected of a condition of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedWord {
    pub word: &'static str,
    /// Whether another one is critical.
    pub is_critical: bool,
    /// Whether another one that is there from the beginning is well: a disk that nobody ever wrote.
    pub may_begin_otherwise: bool,
}

impl ExpectedWord {
    /// Any other word is a warning.
    pub const fn new(word: &'static str) -> ExpectedWord {
        ExpectedWord { word, is_critical: false, may_begin_otherwise: false }
    }
}

/// A label in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    pub zh: &'static str,
    pub en: &'static str,
}

/// The section of a quantity in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageSection {
    System,
    Network,
    /// Conditions from the Docker engine, in messages of their own.
    Docker,
}

/// Quantities that stand in the files of their sources. A state file has names alone, and this module knows no sources.
static OF_SOURCES: Mutex<Vec<&'static Metric>> = Mutex::new(Vec::new());

/// Makes quantities known by their names.
pub fn know(metrics: impl IntoIterator<Item = &'static Metric>) {
    let mut known = OF_SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    for metric in metrics {
        if !CATALOGUE.contains(&metric) && !known.contains(&metric) {
            known.push(metric);
        }
    }
}

impl Metric {
    /// The base of a quantity, which has at least a name, labels and a place of its own: a share that a report shows only
    /// over its limit, among the alerts.
    pub const BASE: Metric = Metric { unit: Unit::Percent, report_order: None, ..bare_number("") };

    /// The quantity of this name. One that nobody knows is a bare number, whose label is its name. It lives as long as
    /// the process, so names must be few.
    pub fn named(name: &str) -> &'static Metric {
        let of_sources = OF_SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = CATALOGUE.iter().chain(of_sources.iter());
        known.find(|metric| metric.name == name).copied().unwrap_or_else(|| {
            let name: &'static str = Box::leak(name.into());
            Box::leak(Box::new(bare_number(name)))
        })
    }

    /// Of a forecast: the share that it is made of.
    pub fn forecast_of(&self) -> Option<&'static Metric> {
        CATALOGUE.iter().find(|metric| metric.forecast == Some(self)).copied()
    }

    /// Whether its readings come from the Docker engine.
    pub fn is_of_docker(&self) -> bool {
        self.section == MessageSection::Docker
    }
}

/// A quantity whose name alone is known: its line comes after all others.
const fn bare_number(name: &'static str) -> Metric {
    let label = Label { zh: name, en: name };
    Metric {
        name,
        unit: Unit::Number,
        is_rate: false,
        section: MessageSection::System,
        label,
        alert_label: label,
        order: u16::MAX,
        report_order: Some(u16::MAX),
        is_named_by_its_target: false,
        shows_sizes: false,
        can_exceed: false,
        default: None,
        forecast: None,
        release: Release::AT_ONCE,
        expected: None,
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Metric) -> bool {
        // Nearly always one and the same, whose name need not be read.
        std::ptr::eq(self, other) || self.name == other.name
    }
}

impl Eq for Metric {}

/// By name, for maps. The order of lines is [`Metric::order`].
impl Ord for Metric {
    fn cmp(&self, other: &Metric) -> Ordering {
        self.name.cmp(other.name)
    }
}

impl PartialOrd for Metric {
    fn partial_cmp(&self, other: &Metric) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Metric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for &'static Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<&'static Metric, D::Error> {
        Ok(Metric::named(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_so_are_places() {
        let unique = |of: fn(&&Metric) -> Option<String>| {
            let mut found: Vec<String> = CATALOGUE.iter().filter_map(of).collect();
            let count = found.len();
            found.sort();
            found.dedup();
            assert_eq!(found.len(), count, "{found:?}");
        };
        unique(|metric| Some(metric.name.to_owned()));
        unique(|metric| Some(metric.order.to_string()));
        unique(|metric| Some(format!("{:?} {}", metric.section, metric.report_order?)));
    }

    /// An alert of one that is not would be a bare number once it is read from the state.
    #[test]
    fn forecasts_are_in_the_catalogue_too() {
        let forecasts: Vec<&Metric> = CATALOGUE.iter().filter_map(|metric| metric.forecast).collect();
        assert_eq!(forecasts, [DISK_FORECAST, INODE_FORECAST]);
        assert!(forecasts.into_iter().all(|forecast| Metric::named(forecast.name).unit == Unit::Hours));
    }

    #[test]
    fn a_name_is_read_as_its_quantity_and_an_unknown_one_as_a_bare_number() {
        let read = |json: &str| serde_json::from_str::<&Metric>(json).unwrap();
        assert!(std::ptr::eq(read("\"disk\""), Metric::named("disk")) && read("\"disk\"").unit == Unit::Percent);
        assert_eq!(serde_json::to_string(TRAFFIC_IN).unwrap(), "\"traffic_in\"");
        let queue = read("\"mail_queue\"");
        assert_eq!((queue, queue.unit, queue.label.en), (Metric::named("mail_queue"), Unit::Number, "mail_queue"));
        assert!(queue.order > CONNECTIONS.order);
    }
}
