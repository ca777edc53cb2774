//! Collectors: each reads one source, parses it, and makes readings of it. None knows another, nor alerts or messages.
//!
//! Another one is its file here, with its [`Source`], and a line in [`SOURCES`]. Containers are separate ([`docker`]):
//! they are looked at between checks too, so one [`docker::Engine`] outlives the checks and is asked at the end of
//! each.

pub mod boot;
mod check;
pub mod clock_sync;
pub mod connections;
pub mod cpu;
pub mod disk;
pub mod docker;
pub mod load;
pub mod logins;
pub mod memory;
pub mod oom;
pub mod parse;
pub mod pressure;
mod restarts;
mod source;
pub mod systemd;
mod tables;
pub mod traffic;

use std::rc::Rc;
use std::time::Duration;

pub use check::Check;
pub use source::{
    Configured, Correction, EVERY, Group, LONGEST_FOR, NETWORK, QuotaPlan, Reset, SYSTEM, Setup, Source, Switch,
    TargetLimits, groups, read, read_limits, read_limits_within, refuse_out_of_order, sample_interval,
};

use crate::bus;
use crate::clock::{Boot, Now};
use crate::host::Host;
use crate::metric::{self, Limits, Metric};
use crate::settings;
use crate::snapshot::{Key, Snapshot, Watched};

/// Every source, in the order of its section in the configuration.
pub const SOURCES: &[&Source] = &[
    memory::MEMORY,
    disk::SOURCE,
    cpu::SOURCE,
    cpu::STEAL,
    cpu::IOWAIT,
    load::SOURCE,
    // From the same file as memory, but with a section of its own.
    memory::SWAP,
    pressure::MEMORY,
    pressure::IO,
    pressure::CPU,
    tables::OPEN_FILES,
    oom::SOURCE,
    traffic::SOURCE,
    traffic::QUOTA,
    connections::SOURCE,
    tables::CONNTRACK,
    boot::SOURCE,
    clock_sync::SOURCE,
    systemd::SOURCE,
    logins::SOURCE,
];

/// The collectors to run, with their configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub sources: Vec<Configured>,
    pub docker: docker::DockerConfig,
}

impl Plan {
    /// How long a check takes: its longest sampling window.
    pub fn window(&self) -> Duration {
        self.sources.iter().map(Configured::window).max().unwrap_or_default()
    }

    /// Whether a measurement by `other` is one by this: limits may differ.
    pub fn measures_the_same(&self, other: &Plan) -> bool {
        let sources = || self.sources.iter().zip(&other.sources);
        self.sources.len() == other.sources.len()
            && sources().all(|(one, other)| one.measures_the_same(other))
            && self.docker == other.docker
    }

    /// All quantities, each with whether it is measured.
    pub fn metrics(&self) -> impl Iterator<Item = (&'static Metric, bool)> {
        let watches_containers = self.docker.enabled != docker::Enabled::Never;
        let of_docker = self.docker.limits().map(move |(metric, _)| (metric, watches_containers));
        let own = self.docker.own_limits();
        let of_containers = [metric::CONTAINER_MEMORY, metric::CONTAINER_CPU]
            .map(|metric| (metric, watches_containers && own.iter().any(|(of, ..)| *of == metric)));
        self.sources.iter().flat_map(Configured::metrics).chain(of_docker).chain(of_containers)
    }

    /// The monthly quota of traffic, if there is one.
    pub fn quota(&self) -> Option<&Rc<QuotaPlan>> {
        self.sources.iter().find_map(Configured::quota)
    }

    /// Whether a quantity of a source, or a forecast of one, is on for a target.
    pub fn is_on(&self, metric: &'static Metric, target: &str) -> bool {
        self.sources.iter().any(|source| source.metrics().any(|(own, _)| own == metric) && source.is_on(metric, target))
    }

    /// Of something that happens: the time within which more of a target is no news.
    pub fn once_in(&self, metric: &'static Metric) -> Option<Duration> {
        let mut of_it = self.sources.iter().filter(|source| source.source.metrics.contains(&metric));
        of_it.next().and_then(Configured::once_in)
    }

    /// The limits of all quantities, each with the target or the pattern of targets that it is for.
    pub fn limits(&self) -> impl Iterator<Item = (&'static Metric, Rc<str>, Limits)> {
        let of_docker = self.docker.limits().map(|(metric, limits)| (metric, EVERY.into(), limits));
        let of_containers = self.docker.own_limits();
        self.sources.iter().flat_map(Configured::limits).chain(of_containers).chain(of_docker)
    }
}

/// The plan of an empty configuration.
impl Default for Plan {
    fn default() -> Plan {
        let sources = settings::defaults(|document| read(document, SOURCES, Duration::MAX));
        Plan { sources, docker: docker::DockerConfig::default() }
    }
}

/// Something that was there and is there no more is unknown for so long, and then not watched: it may have failed, or was
/// taken away on purpose.
const MISSED_FOR: Duration = Duration::from_secs(24 * 3600);

/// How often a file is looked for that the kernel does not have, and that nobody misses or asks for.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(3600);

/// Of two readings that are no further apart, one is enough: a check may begin as the one before it ends.
const SAME_MOMENT: Duration = Duration::from_millis(10);

fn is_same_moment(earlier: Boot, later: Boot) -> bool {
    later - earlier <= SAME_MOMENT
}

/// Reads one source.
pub trait Collector {
    /// Takes the first of two readings if a rate needs two, or starts work that takes time. Returns how long after this
    /// to call [`Collector::collect`]. Zero: whenever the check ends.
    fn begin(&mut self, _host: &mut Host, _now: Boot) -> Duration {
        Duration::ZERO
    }

    /// Adds its readings to `into`, and a failure for each thing that could not be measured.
    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress;
}

/// Why a container has no such quantity.
const IN_A_CONTAINER: &str = "in a container this is the whole machine's: watch it on the machine itself";

/// Of a source that this host has nothing for, as is known before any check.
struct Nowhere(&'static str);

impl Collector for Nowhere {
    fn collect(&mut self, _host: &mut Host, _now: Now, _into: &mut Snapshot) -> Progress {
        Progress::Absent(Absence::Of(self.0))
    }
}

/// Why this host has none of a source's quantities. Most checks do not need the words.
///
/// A service of the bus may start at any moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// The kernel tells nothing of it. A module may be loaded, or a file system mounted: that is looked for once an hour.
    #[error("{0}")]
    Of(&'static str),
    #[error(transparent)]
    Bus(#[from] bus::Error),
    /// It is not judged yet. That is no failure, and an alert of it stays meanwhile.
    #[error("it is not judged yet")]
    Yet,
}

/// The collector of a source that a container has nothing for.
fn nowhere_in_a_container() -> Option<Box<dyn Collector>> {
    Some(Box::new(Nowhere(IN_A_CONTAINER)))
}

/// A quantity that a host has once.
fn whole(metric: &'static Metric) -> Watched {
    Watched::One(Key::whole(metric))
}

/// Whether a collector is done with this check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    Done,
    /// It is done: this host has none of its source's quantities. That is a failure where the configuration asks for
    /// them, and otherwise they are not watched.
    Absent(Absence),
    /// It waits for an answer, and is to be called again at this instant.
    Again(Boot),
    /// It waits for the system bus, and is to be called again when the bus has news, or at this instant.
    Awaits(Boot),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of the catalogue are compared there.
    #[test]
    fn the_quantities_of_all_sources_have_names_and_places_of_their_own() {
        let mut metrics: Vec<&Metric> = SOURCES.iter().flat_map(|source| source.metrics()).collect();
        // Two of one name are the same quantity.
        metrics.sort();
        metrics.dedup_by(|one, other| std::ptr::eq(*one, *other));
        let mut names: Vec<&str> = metrics.iter().map(|metric| metric.name).collect();
        let mut places: Vec<u16> = metrics.iter().map(|metric| metric.order).collect();
        places.sort_unstable();
        let count = metrics.len();
        names.dedup();
        places.dedup();
        assert_eq!((names.len(), places.len()), (count, count));
    }
}
