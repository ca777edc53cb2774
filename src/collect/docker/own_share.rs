//! How much of what it may have a container uses: memory and CPU, from its control group.
//!
//! A container that may have anything has no reading. The files cost some 10 µs each; the engine would take a second or
//! two for its statistics.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::rc::Rc;

use super::{Docker, Engine, NAME};
use crate::clock::Boot;
use crate::host::cgroup::{Cgroups, ContainerGroup, Most};
use crate::metric::{self, Metric};
use crate::snapshot::{Failure, Key, Reading, Snapshot, Value};

/// A running container that is to be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub target: Rc<str>,
    /// The entry whose limits it has, unless that is found by its name.
    pub limits_of: Option<Rc<str>>,
    pub id: String,
    pub memory: bool,
    pub cpu: bool,
}

/// The measurements of containers in one check after another.
#[derive(Debug, Default)]
pub struct OwnShares {
    /// The CPU time of each at the beginning of this check.
    began: HashMap<String, Count>,
    /// The CPU time of each at the end of the check before.
    last: HashMap<String, Count>,
}

/// CPU time in microseconds, and when it was read.
type Count = (Boot, u64);

impl Docker {
    /// The running containers that the configuration measures, each name once.
    pub fn measured(&self) -> Vec<Measured> {
        let config = self.config();
        if config.memory.is_none() && config.containers.iter().all(|entry| entry.own.memory.or(entry.own.cpu).is_none())
        {
            return Vec::new();
        }
        let mut seen = HashSet::new();
        let mut measured = Vec::new();
        for (id, known) in self.inventory.running() {
            let entry = self.inventory.watch().entry(&known.place);
            let memory = entry.and_then(|entry| entry.own.memory).or(config.memory).is_some();
            let cpu = entry.is_some_and(|entry| entry.own.cpu.is_some());
            if (memory || cpu) && seen.insert(known.place.target.clone()) {
                let target = known.place.target.clone();
                let named_otherwise = entry.filter(|entry| !entry.is_pattern() && *entry.name != *target);
                let limits_of = named_otherwise.map(|entry| Rc::from(entry.name.as_str()));
                measured.push(Measured { target, limits_of, id: id.to_string(), memory, cpu });
            }
        }
        measured
    }
}

impl OwnShares {
    /// Takes the first counts of CPU time. Whether there are any.
    pub fn begin(&mut self, engine: &Engine, cgroups: Option<&Cgroups>, now: Boot) -> bool {
        self.began.clear();
        let Some(cgroups) = cgroups else { return false };
        let mut groups = Groups::new(cgroups);
        for Measured { id, .. } in engine.measured().into_iter().filter(|container| container.cpu) {
            let count = groups.of(&id).and_then(|group| cgroups.cpu_micros_of(&group));
            self.began.extend(count.map(|micros| (id, (now, micros))));
        }
        !self.began.is_empty()
    }

    /// Adds the readings. A container whose files cannot be read is unknown, and so is the CPU time of one that was not there at
    /// the beginning.
    pub fn collect(&mut self, engine: &Engine, cgroups: Option<&Cgroups>, now: Boot, into: &mut Snapshot) {
        let measured = engine.measured();
        if measured.is_empty() {
            return;
        }
        let Some(cgroups) = cgroups else {
            let error = "the control groups of this system cannot be read".to_owned();
            let metrics: &[&Metric] = &[metric::CONTAINER_MEMORY, metric::CONTAINER_CPU];
            return into.failures.push(Failure { collector: NAME, metrics, target: None, error });
        };
        let mut groups = Groups::new(cgroups);
        let before = mem::take(&mut self.last);
        for container in &measured {
            // One that is gone by now is the engine's news.
            let Some(group) = groups.of(&container.id) else { continue };
            if container.memory {
                add(metric::CONTAINER_MEMORY, MEMORY, container, memory(cgroups, &group), into);
            }
            if container.cpu {
                let count = cgroups.cpu_micros_of(&group).map(|micros| (now, micros));
                self.last.extend(count.map(|count| (container.id.clone(), count)));
                let counts = [&self.began, &before].map(|counts| counts.get(&container.id).copied());
                add(metric::CONTAINER_CPU, CPU, container, cpu(cgroups, &group, counts, count), into);
            }
        }
    }
}

const MEMORY: &[&Metric] = &[metric::CONTAINER_MEMORY];
const CPU: &[&Metric] = &[metric::CONTAINER_CPU];

/// A container's use.
enum Use {
    /// It may have anything.
    Free,
    /// The share; of a rate that of a short time, and its mean since the check before.
    Share(Value, Option<f64>),
    NotYet,
}

fn add(
    metric: &'static Metric,
    metrics: &'static [&'static Metric],
    container: &Measured,
    used: Option<Use>,
    into: &mut Snapshot,
) {
    let target = container.target.clone();
    match used {
        Some(Use::Free) => return,
        Some(Use::Share(value, mean)) => {
            let reading = Reading::new(Key::new(metric, target.clone()), value);
            let limits_of = container.limits_of.clone().map(|target| Box::new(Key::new(metric, target)));
            into.readings.push(Reading { limits_of, mean, ..reading });
        }
        Some(Use::NotYet) => {}
        None => {
            let error = "the files of its control group cannot be read".to_owned();
            into.failures.push(Failure { collector: NAME, metrics, target: Some(target.clone()), error });
        }
    }
    into.watch(metric, target);
}

fn memory(cgroups: &Cgroups, group: &ContainerGroup) -> Option<Use> {
    let Most::Limit(total_bytes) = cgroups.most_memory(group)? else { return Some(Use::Free) };
    let used_bytes = cgroups.memory_of(group)?;
    let percent = used_bytes as f64 / total_bytes.max(1) as f64 * 100.0;
    Some(Use::Share(Value::Usage { percent, used_bytes, total_bytes }, None))
}

/// Of counts at the beginning of this check and at the end of the one before, and of the present count.
fn cpu(
    cgroups: &Cgroups,
    group: &ContainerGroup,
    [began, before]: [Option<Count>; 2],
    count: Option<Count>,
) -> Option<Use> {
    let Most::Limit(cpus) = cgroups.most_cpus(group)? else { return Some(Use::Free) };
    let (now, micros) = count?;
    // One that was started anew counts anew.
    let since = |(since, before): Count| {
        let used = micros.checked_sub(before).filter(|_| since < now)?;
        Some(used as f64 / ((now - since).as_secs_f64() * 1e6 * cpus) * 100.0)
    };
    let Some(sample) = began.and_then(since) else { return Some(Use::NotYet) };
    Some(Use::Share(Value::Number(sample), before.and_then(since)))
}

/// The groups of containers: looked for where engines put them, and once everywhere if one is not there.
struct Groups<'a> {
    cgroups: &'a Cgroups,
    all: Option<HashMap<String, ContainerGroup>>,
}

impl<'a> Groups<'a> {
    fn new(cgroups: &'a Cgroups) -> Groups<'a> {
        Groups { cgroups, all: None }
    }

    fn of(&mut self, id: &str) -> Option<ContainerGroup> {
        let found = self.cgroups.container(id);
        found.or_else(|| self.all.get_or_insert_with(|| self.cgroups.containers()).get(id).cloned())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    fn measured() -> Measured {
        Measured { target: "web".into(), limits_of: None, id: "a".repeat(64), memory: true, cpu: true }
    }

    /// A tree with one container, and its files.
    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Cgroups) {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), "cpu memory\n").unwrap();
        let group = root.path().join(format!("docker/{}", measured().id));
        fs::create_dir_all(&group).unwrap();
        files.iter().for_each(|(name, text)| fs::write(group.join(name), text).unwrap());
        let cgroups = Cgroups::below(root.path()).unwrap();
        (root, cgroups)
    }

    #[test]
    fn memory_is_measured_against_its_own_most_and_one_without_has_no_reading() {
        let used = [("memory.current", "104857600\n"), ("memory.stat", "inactive_file 52428800\n")];
        let read = |most: &[(&str, &str)]| {
            let (_root, cgroups) = tree(&[&used, most].concat());
            let group = cgroups.container(&measured().id).unwrap();
            let mut into = Snapshot::default();
            add(metric::CONTAINER_MEMORY, MEMORY, &measured(), memory(&cgroups, &group), &mut into);
            (into.readings.first().and_then(|reading| reading.value.number()), into.watched.len(), into.failures.len())
        };
        assert_eq!(read(&[("memory.max", "104857600\n")]), (Some(50.0), 1, 0));
        assert_eq!(read(&[("memory.max", "max\n")]), (None, 0, 0));
        // Unknown, and not nothing.
        assert_eq!(read(&[]), (None, 1, 1));
        assert_eq!(read(&[("memory.max", "1048")]), (None, 1, 1));
    }

    #[test]
    fn cpu_is_measured_between_two_counts_against_its_own_most() {
        let (_root, cgroups) = tree(&[("cpu.stat", "usage_usec 5000000\n"), ("cpu.max", "50000 100000\n")]);
        let group = cgroups.container(&measured().id).unwrap();
        let now = Boot::from_millis(10_000);
        let read = |began, before| match cpu(&cgroups, &group, [began, before], Some((now, 5_000_000))) {
            Some(Use::Share(Value::Number(sample), mean)) => Some((sample, mean)),
            _ => None,
        };
        let earlier = now.before(Duration::from_secs(1));
        let check_before = now.before(Duration::from_secs(5));
        let began = Some((earlier, 4_750_000));
        assert_eq!(read(began, Some((check_before, 4_500_000))), Some((50.0, Some(20.0))));
        // In the check before it was not there, or another run of it was.
        for before in [None, Some((check_before, 9_000_000))] {
            assert_eq!(read(began, before), Some((50.0, None)));
        }
        // It was started anew, was not there, no time has passed.
        for began in [Some((earlier, 6_000_000)), None, Some((now, 4_000_000))] {
            assert_eq!(read(began, Some((check_before, 4_500_000))), None);
        }
    }
}
