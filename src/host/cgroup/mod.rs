//! The tree of control groups: what units and containers hold and burn, and their limits. It is world-readable, which
//! the processes of others are not under the unit's hardening.
//!
//! Version 2 has one tree. Version 1, and a hybrid of both (Debian 10, CentOS 7), have one for each resource. In a
//! container (LXC) the root is the container's own group.

mod container;
mod group;
mod oom;
mod parse;
mod walk;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use container::ContainerGroup;
pub use group::Owner;
pub use oom::{KnownKills, OomCounts, OomKill, OomReason};
pub use parse::{Most, cpu_limit, field, memory_limit, number, v1_cpu_limit};
pub use walk::Group;

/// More than any of these files: `memory.stat` of version 1 has some 2 KB, that of version 2 some 2 KB too.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Where the tree is mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// The trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroups {
    version: Version,
    memory: PathBuf,
    cpu: PathBuf,
    /// Of version 1: the CPU time that was used, which is another tree than its limits.
    cpu_use: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Cgroups {
    /// Those of the running system; `None`: it has none with memory in it.
    pub fn of_this_system() -> Option<Cgroups> {
        Cgroups::below(Path::new(ROOT))
    }

    /// Those that are mounted below `root`.
    pub fn below(root: &Path) -> Option<Cgroups> {
        let controllers = read(&root.join("cgroup.controllers")).unwrap_or_default();
        if controllers.split(u8::is_ascii_whitespace).any(|name| name == b"memory") {
            let [memory, cpu, cpu_use] = [(); 3].map(|()| root.to_owned());
            return Some(Cgroups { version: Version::Two, memory, cpu, cpu_use });
        }
        let [memory, cpu, cpu_use] = ["memory", "cpu", "cpuacct"].map(|controller| root.join(controller));
        let is_there = memory.join("memory.usage_in_bytes").exists();
        is_there.then_some(Cgroups { version: Version::One, memory, cpu, cpu_use })
    }

    /// The groups with an owner in the tree of memory.
    pub fn groups(&self) -> Vec<Group> {
        walk::walk(&self.memory)
    }

    /// The `most` owners that hold the most memory, the largest first: in bytes, without cache that can be dropped.
    pub fn memory(&self, most: usize) -> Vec<(Owner, u64)> {
        let all = self.groups().into_iter().filter_map(|group| Some((self.all_memory(&group.folder)?, group)));
        let mut all: Vec<(u64, Group)> = all.collect();
        all.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        // The cache, which takes most of the time, is read only of those that can be among the first.
        let mut first: Vec<(Owner, u64)> = Vec::new();
        for (bytes, group) in all {
            if first.len() == most && first.last().is_some_and(|(_, least)| *least >= bytes) {
                break;
            }
            let Some(cache) = self.cache(&group.folder) else { continue };
            let held = bytes.saturating_sub(cache);
            let place = first.partition_point(|(_, other)| *other >= held);
            first.insert(place, (group.owner, held));
            first.truncate(most);
        }
        first
    }

    /// The `most` owners whose memory was swapped out most, the largest first: in bytes. None where it is not counted.
    pub fn swap(&self, most: usize) -> Vec<(Owner, u64)> {
        let swapped = |folder: &Path| match self.version {
            Version::Two => number(&read(&folder.join("memory.swap.current"))?),
            Version::One => {
                number(&read(&folder.join("memory.memsw.usage_in_bytes"))?)?.checked_sub(self.all_memory(folder)?)
            }
        };
        let all = self.groups().into_iter().filter_map(|group| Some((swapped(&group.folder)?, group.owner)));
        let mut all: Vec<(u64, Owner)> = all.filter(|(bytes, _)| *bytes > 0).collect();
        all.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        all.truncate(most);
        all.into_iter().map(|(bytes, owner)| (owner, bytes)).collect()
    }

    /// The CPU time that each owner used so far, in microseconds.
    pub fn cpu_micros(&self) -> Vec<(Owner, u64)> {
        let groups = walk::walk(&self.cpu_use).into_iter();
        groups.filter_map(|group| Some((group.owner, self.used_cpu_micros(&group.folder)?))).collect()
    }

    /// In bytes, with cache.
    fn all_memory(&self, folder: &Path) -> Option<u64> {
        let file = self.name("memory.usage_in_bytes", "memory.current");
        number(&read(&folder.join(file))?)
    }

    /// The bytes of files that were not used lately, as `docker stats` subtracts them.
    fn cache(&self, folder: &Path) -> Option<u64> {
        field(&read(&folder.join("memory.stat"))?, self.name("total_inactive_file", "inactive_file"))
    }

    fn used_cpu_micros(&self, folder: &Path) -> Option<u64> {
        match self.version {
            Version::One => number(&read(&folder.join("cpuacct.usage"))?).map(|nanos| nanos / 1000),
            Version::Two => field(&read(&folder.join("cpu.stat"))?, "usage_usec"),
        }
    }

    fn name(&self, v1: &'static str, v2: &'static str) -> &'static str {
        if self.version == Version::One { v1 } else { v2 }
    }
}

/// The whole of a file; `None`: it, or its group, is gone.
///
/// The kernel gives all of such a file in one read, if there is room for it (seq_file): the end is not asked for.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let mut text = vec![0; PAGE_BYTES];
    let length = file.read(&mut text).ok()?;
    text.truncate(length);
    if length == PAGE_BYTES {
        file.take(MAX_FILE_BYTES).read_to_end(&mut text).ok()?;
    }
    Some(text)
}

const PAGE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    pub const ID: &str = "4fa6e0f0c6786287e131c3852c58a2e01cc697a68231826813597e4994f1d6e2";

    /// The tree of a host in fixtures/cgroup.
    pub fn cgroups(name: &str) -> Cgroups {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cgroup").join(name);
        Cgroups::below(&root).unwrap()
    }

    pub fn unit(name: &str) -> Owner {
        Owner::Unit(name.to_owned())
    }

    fn megabytes(owners: Vec<(Owner, u64)>) -> Vec<(Owner, u64)> {
        owners.into_iter().map(|(owner, bytes)| (owner, bytes >> 20)).collect()
    }

    #[test]
    fn a_file_of_any_length_is_read_whole_up_to_its_bound_and_one_that_is_gone_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.stat");
        assert_eq!(read(&path), None);
        for length in [0, 1, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1, 3 * PAGE_BYTES + 7] {
            let text: Vec<u8> = (0..length).map(|place| b'a' + (place % 26) as u8).collect();
            std::fs::write(&path, &text).unwrap();
            assert_eq!(read(&path), Some(text));
        }
        std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(read(&path).map(|text| text.len() as u64), Some(PAGE_BYTES as u64 + MAX_FILE_BYTES));
    }

    #[test]
    fn the_owners_of_memory_are_ranked_without_the_cache() {
        let container = Owner::Container(ID.to_owned());
        let user = Owner::User("user-1000".to_owned());
        // nginx has the most, and nearly all of it is cache.
        assert_eq!(
            megabytes(cgroups("v2").memory(3)),
            [(unit("mysql.service"), 812), (container.clone(), 233), (user, 120)]
        );
        assert_eq!(megabytes(cgroups("v1").memory(2)), [(unit("mariadb.service"), 812), (container, 233)]);
        assert_eq!(megabytes(cgroups("hybrid").memory(9)), [(unit("nginx.service"), 300), (unit("init.scope"), 8)]);
        assert_eq!(megabytes(cgroups("lxc").memory(1)), [(unit("redis-server.service"), 480)]);
        assert!(cgroups("v2").memory(0).is_empty());
    }

    #[test]
    fn swap_is_that_of_each_owner() {
        let user = Owner::User("user-1000".to_owned());
        assert_eq!(megabytes(cgroups("v2").swap(3)), [(unit("mysql.service"), 120), (user, 20)]);
        assert_eq!(megabytes(cgroups("v1").swap(3)), [(unit("mariadb.service"), 64)]);
    }

    #[test]
    fn cpu_time_is_in_microseconds_on_both_versions() {
        for (name, database) in [("v2", "mysql.service"), ("v1", "mariadb.service")] {
            let micros = cgroups(name).cpu_micros();
            assert!(micros.contains(&(unit(database), 40_000_000)), "{name} {micros:?}");
            assert!(micros.contains(&(Owner::Container(ID.to_owned()), 30_000_000)), "{name} {micros:?}");
        }
    }

    #[test]
    fn without_a_tree_of_memory_there_is_nothing_to_read() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(Cgroups::below(empty.path()), None);
        std::fs::write(empty.path().join("cgroup.controllers"), "cpuset cpu io\n").unwrap();
        assert_eq!(Cgroups::below(empty.path()), None);
    }

    /// Whatever is in its files, a walk ends, and a group whose files say nothing is left out.
    #[test]
    fn a_group_that_cannot_be_read_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("cgroup.controllers"), "memory\n").unwrap();
        for (name, current) in [("whole.service", "20971520\n"), ("cut.service", "2097"), ("empty.service", "")] {
            std::fs::create_dir(root.path().join(name)).unwrap();
            std::fs::write(root.path().join(name).join("memory.current"), current).unwrap();
            std::fs::write(root.path().join(name).join("memory.stat"), "inactive_file 0\n").unwrap();
        }
        std::fs::create_dir(root.path().join("gone.service")).unwrap();
        let cgroups = Cgroups::below(root.path()).unwrap();
        assert_eq!(megabytes(cgroups.memory(9)), [(unit("whole.service"), 20)]);
        assert_eq!((cgroups.swap(9), cgroups.cpu_micros()), (Vec::new(), Vec::new()));
    }
}
