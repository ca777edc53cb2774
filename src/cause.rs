//! The owners that hold or burn a resource: units, containers, users, as an alert names them. Values and arithmetic; no I/O.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::collect::{load, pressure};
use crate::metric::{self, Metric};
use crate::snapshot::Key;

/// Smaller shares explain nothing.
const LEAST_BYTES: u64 = 10 << 20;
const LEAST_PERCENT: f64 = 1.0;

/// A resource whose owners are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Memory,
    Swap,
    Cpu,
    Disk,
}

impl Resource {
    /// The one that a quantity is about.
    pub fn of(metric: &Metric) -> Option<Resource> {
        [
            (metric::MEMORY, Resource::Memory),
            (metric::MEMORY_PRESSURE, Resource::Memory),
            (metric::SWAP, Resource::Swap),
            (metric::CPU, Resource::Cpu),
            (pressure::CPU_PRESSURE, Resource::Cpu),
            (load::LOAD, Resource::Cpu),
            (metric::DISK, Resource::Disk),
        ]
        .into_iter()
        .find_map(|(of, resource)| (of == metric).then_some(resource))
    }
}

/// An owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A unit, a user, or another group.
    Group(Rc<str>),
    Container(Rc<str>),
    /// The engine, with all its images, containers and volumes.
    Docker,
    /// systemd's.
    Journal,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    Bytes(u64),
    /// Of all CPUs together.
    Percent(f64),
}

/// An owner's share.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    pub holder: Holder,
    pub amount: Amount,
}

impl Share {
    /// Its size; 0 for one that has none.
    pub fn bytes(&self) -> u64 {
        if let Amount::Bytes(bytes) = self.amount { bytes } else { 0 }
    }

    /// Whether it is large enough to be told.
    pub fn explains(&self) -> bool {
        match self.amount {
            Amount::Bytes(bytes) => bytes >= LEAST_BYTES,
            Amount::Percent(percent) => percent >= LEAST_PERCENT,
        }
    }
}

/// Which causes an alert asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub memory: bool,
    pub swap: bool,
    pub cpu: bool,
    /// Paths.
    pub disks: Vec<Rc<str>>,
    /// How many shares of each.
    pub most: usize,
}

impl Wanted {
    /// Those for alerts of these quantities.
    pub fn by<'a>(keys: impl IntoIterator<Item = &'a Key>, most: usize) -> Wanted {
        let mut wanted = Wanted { most, ..Wanted::default() };
        for (key, resource) in keys.into_iter().filter_map(|key| Some((key, Resource::of(key.metric)?))) {
            match resource {
                Resource::Memory => wanted.memory = true,
                Resource::Swap => wanted.swap = true,
                Resource::Cpu => wanted.cpu = true,
                Resource::Disk => wanted.disks.push(Rc::clone(&key.target)),
            }
        }
        wanted
    }

    pub fn is_empty(&self) -> bool {
        !(self.memory || self.swap || self.cpu) && self.disks.is_empty()
    }
}

/// The found causes, the largest share of each resource first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Causes {
    pub memory: Vec<Share>,
    pub swap: Vec<Share>,
    pub cpu: Vec<Share>,
    /// By path.
    pub disks: Vec<(Rc<str>, Vec<Share>)>,
}

impl Causes {
    /// Those of an alert.
    pub fn of(&self, key: &Key) -> &[Share] {
        match Resource::of(key.metric) {
            Some(Resource::Memory) => &self.memory,
            Some(Resource::Swap) => &self.swap,
            Some(Resource::Cpu) => &self.cpu,
            Some(Resource::Disk) => {
                let of_disk = self.disks.iter().find(|(path, _)| *path == key.target);
                of_disk.map_or(&[], |(_, shares)| shares)
            }
            None => &[],
        }
    }
}

/// The `most` owners that burned the most CPU time between two counts of microseconds `passed` apart, the largest first:
/// in percent of `cpus`. An owner that is new, or whose count began anew, burned all of its count since.
pub fn burned<O: Ord + Clone>(
    before: &[(O, u64)],
    after: &[(O, u64)],
    passed: Duration,
    cpus: usize,
    most: usize,
) -> Vec<(O, f64)> {
    let before: BTreeMap<&O, u64> = before.iter().map(|(owner, micros)| (owner, *micros)).collect();
    let capacity_micros = passed.as_secs_f64() * 1e6 * cpus.max(1) as f64;
    if capacity_micros <= 0.0 {
        return Vec::new();
    }
    let percent = |(owner, micros): &(O, u64)| {
        let used = before.get(owner).and_then(|before| micros.checked_sub(*before)).unwrap_or(*micros);
        (owner.clone(), (used as f64 / capacity_micros * 100.0).min(100.0))
    };
    let mut burned: Vec<(O, f64)> = after.iter().map(percent).collect();
    burned.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    burned.truncate(most);
    burned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_alert_asks_for_the_causes_of_its_resource_alone() {
        let keys = |metrics: &[&'static Metric]| metrics.iter().map(|metric| Key::new(metric, "")).collect::<Vec<_>>();
        let wanted = Wanted::by(&keys(&[metric::CPU, metric::CONNECTIONS]), 3);
        assert_eq!(wanted, Wanted { cpu: true, most: 3, ..Wanted::default() });
        assert!(Wanted::by(&keys(&[metric::CONTAINER_STATE, metric::TRAFFIC_IN]), 3).is_empty());
        let disks = [Key::new(metric::DISK, "/"), Key::new(metric::DISK, "/data")];
        assert_eq!(Wanted::by(&disks, 3).disks, ["/".into(), "/data".into()] as [Rc<str>; 2]);
        let share = Share { holder: Holder::Group("a".into()), amount: Amount::Bytes(1 << 30) };
        let causes = Causes { memory: vec![share.clone()], ..Causes::default() };
        let of = |metric| causes.of(&Key::new(metric, ""));
        assert_eq!((of(metric::MEMORY), of(metric::CPU)), (&[share][..], &[][..]));
    }

    #[test]
    fn cpu_is_burned_between_two_counts_and_an_owner_that_began_meanwhile_burned_all_of_its_own() {
        let before = [("a", 1_000_000), ("anew", 9_000_000), ("idle", 5)];
        let after = [("a", 1_500_000), ("anew", 1_000_000), ("idle", 5), ("new", 250_000)];
        let found = burned(&before, &after, Duration::from_secs(1), 2, 3);
        assert_eq!(found, [("anew", 50.0), ("a", 25.0), ("new", 12.5)]);
        assert!(burned(&before, &after, Duration::ZERO, 2, 3).is_empty());
    }

    proptest! {
        #[test]
        fn shares_are_percentages(
            before in prop::collection::vec((0u8..9, any::<u64>()), 0..9), after in prop::collection::vec((0u8..9, any::<u64>()), 0..9),
            millis in 0u64..10_000, cpus in 0usize..9,
        ) {
            let found = burned(&before, &after, Duration::from_millis(millis), cpus, 3);
            prop_assert!(found.len() <= 3 && found.iter().all(|(_, percent)| (0.0..=100.0).contains(percent)));
        }
    }
}
