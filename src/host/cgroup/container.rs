//! One container's group: what it uses, and what it may.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::parse::{Most, cpu_limit, memory_limit, v1_cpu_limit};
use super::{Cgroups, Owner, Version, read};

/// The group of a container, by its path below the root of each tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerGroup(PathBuf);

impl Cgroups {
    /// Where engines put the group of a container; `None`: it is elsewhere, or gone.
    pub fn container(&self, id: &str) -> Option<ContainerGroup> {
        let places = [
            format!("system.slice/docker-{id}.scope"),
            format!("docker/{id}"),
            format!("machine.slice/libpod-{id}.scope"),
        ];
        places.into_iter().map(PathBuf::from).find(|place| self.memory.join(place).is_dir()).map(ContainerGroup)
    }

    /// The groups of all containers, wherever they are, by id: a walk.
    pub fn containers(&self) -> HashMap<String, ContainerGroup> {
        let of_container = |group: super::Group| match group.owner {
            Owner::Container(id) => {
                Some((id, ContainerGroup(group.folder.strip_prefix(&self.memory).ok()?.to_owned())))
            }
            _ => None,
        };
        self.groups().into_iter().filter_map(of_container).collect()
    }

    /// The memory that a container may have, in bytes; `None`: its file cannot be read.
    pub fn most_memory(&self, ContainerGroup(place): &ContainerGroup) -> Option<Most<u64>> {
        memory_limit(&self.read_in(&self.memory, place, self.name("memory.limit_in_bytes", "memory.max"))?)
    }

    /// The memory that it has, in bytes, without cache that can be dropped.
    pub fn memory_of(&self, ContainerGroup(place): &ContainerGroup) -> Option<u64> {
        let folder = self.memory.join(place);
        Some(self.all_memory(&folder)?.saturating_sub(self.cache(&folder)?))
    }

    /// How many CPUs' time it may have.
    pub fn most_cpus(&self, ContainerGroup(place): &ContainerGroup) -> Option<Most<f64>> {
        let read = |name| self.read_in(&self.cpu, place, name);
        match self.version {
            Version::Two => cpu_limit(&read("cpu.max")?),
            Version::One => v1_cpu_limit(&read("cpu.cfs_quota_us")?, &read("cpu.cfs_period_us")?),
        }
    }

    /// The CPU time that it had so far, in microseconds.
    pub fn cpu_micros_of(&self, ContainerGroup(place): &ContainerGroup) -> Option<u64> {
        self.used_cpu_micros(&self.cpu_use.join(place))
    }

    fn read_in(&self, tree: &Path, place: &Path, name: &str) -> Option<Vec<u8>> {
        read(&tree.join(place).join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ID, cgroups};
    use super::*;

    #[test]
    fn a_container_is_found_where_each_driver_puts_it_and_read_on_both_versions() {
        for name in ["v2", "v1"] {
            let cgroups = cgroups(name);
            let group = cgroups.container(ID).unwrap();
            assert_eq!(cgroups.containers(), HashMap::from([(ID.to_owned(), group.clone())]), "{name}");
            assert_eq!(cgroups.most_memory(&group), Some(Most::Limit(512 << 20)), "{name}");
            assert_eq!(cgroups.memory_of(&group), Some(233 << 20), "{name}");
            assert_eq!(cgroups.most_cpus(&group), Some(Most::Limit(1.5)), "{name}");
            assert_eq!(cgroups.cpu_micros_of(&group), Some(30_000_000), "{name}");
        }
        assert_eq!(cgroups("v2").container("0123"), None);
        let gone = ContainerGroup("docker/gone".into());
        assert_eq!((cgroups("v1").most_memory(&gone), cgroups("v1").most_cpus(&gone)), (None, None));
    }
}
