//! The ZFS cache (ARC), from /proc/spl/kstat/zfs/arcstats. ZFS gives it back when memory is short, down to a minimum, as the
//! kernel does with the page cache; but MemAvailable does not count it.

use super::meminfo::Fields;
use crate::collect::parse::{columns, lines, number};
use crate::host::{Host, ProcFile};

/// The statistics that exist if the ZFS module is loaded.
pub(super) struct Arc {
    stats: ProcFile,
}

impl Arc {
    /// `None`: this host has no ZFS. If it loads ZFS later, that is seen after a reload; until then the figure is that
    /// of `free`.
    pub(super) fn of(host: &Host) -> Option<Arc> {
        let stats = host.proc_file("spl/kstat/zfs/arcstats");
        stats.path().metadata().is_ok().then_some(Arc { stats })
    }

    /// The size of the cache above its minimum. Zero if it cannot be read: then the figure is that of `free`.
    ///
    /// A container sees the arcstats of its host. If lxcfs shows it a memory of its own, the host's cache is no part of
    /// it: that file is on another device (`meminfo_device`), or shows less memory in use than the cache holds.
    pub(super) fn reclaimable_bytes(&mut self, memory: &Fields, meminfo_device: Option<u64>, host: &mut Host) -> u64 {
        let Ok(text) = self.stats.read(&mut host.buffer) else { return 0 };
        let Some((size, minimum)) = parse(text) else { return 0 };
        let is_part_of_it = self.stats.device() == meminfo_device && memory.holds(size);
        if is_part_of_it { size.saturating_sub(minimum) } else { 0 }
    }
}

/// `size` and `c_min`, in bytes, of a table of names, types and values.
fn parse(text: &[u8]) -> Option<(u64, u64)> {
    let field = |name: &[u8]| {
        lines(text).find_map(|line| {
            let mut columns = columns(line);
            if columns.next() == Some(name) { columns.nth(1).and_then(number) } else { None }
        })
    };
    Some((field(b"size")?, field(b"c_min")?))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use crate::clock;
    use crate::collect::Collector;
    use crate::collect::memory::Memory;
    use crate::collect::whole;
    use crate::host::Host;
    use crate::metric;
    use crate::snapshot::{Reading, Snapshot, Value};

    use super::parse;

    /// 64 GB with 7 GB available, as a Proxmox host has them.
    const MEMINFO: &str = "MemTotal: 65781568 kB\nMemFree: 6291456 kB\nMemAvailable: 7340032 kB\n";

    fn arcstats(size: u64, minimum: u64) -> String {
        format!(
            "13 1 0x01 147 39984 8077325541 9153211000000\nname                            type data\n\
             hits                            4    92345678\nsize_other                      4    1\n\
             c_min                           4    {minimum}\nc_max                           4    {size}\n\
             size                            4    {size}\n"
        )
    }

    fn memory(procfs: &Path) -> Reading {
        let mut host = Host::new(Some(procfs));
        let mut memory = Memory::new(&[whole(metric::MEMORY)], &host);
        let mut snapshot = Snapshot::default();
        let _ = memory.collect(&mut host, clock::now(), &mut snapshot);
        snapshot.readings.swap_remove(0)
    }

    fn host_with_arc(size: u64, minimum: u64) -> tempfile::TempDir {
        let procfs = tempfile::tempdir().unwrap();
        fs::write(procfs.path().join("meminfo"), MEMINFO).unwrap();
        fs::create_dir_all(procfs.path().join("spl/kstat/zfs")).unwrap();
        fs::write(procfs.path().join("spl/kstat/zfs/arcstats"), arcstats(size, minimum)).unwrap();
        procfs
    }

    fn used_bytes(reading: &Reading) -> u64 {
        match reading.value {
            Value::Usage { used_bytes, .. } => used_bytes,
            _ => panic!("{reading:?}"),
        }
    }

    const WITHOUT_ARC: u64 = (65_781_568 - 7_340_032) * 1024;

    #[test]
    fn the_cache_above_its_minimum_is_available_and_the_reading_says_so() {
        let reading = memory(host_with_arc(32 << 30, 2 << 30).path());
        assert_eq!(used_bytes(&reading), WITHOUT_ARC - (30 << 30));
        assert_eq!(reading.note.as_deref(), Some("30720 MiB of the ZFS cache count as available"));
        let reading = memory(host_with_arc(1 << 30, 2 << 30).path());
        assert_eq!((used_bytes(&reading), reading.note), (WITHOUT_ARC, None));
    }

    #[test]
    fn the_cache_of_the_host_is_no_part_of_a_containers_memory() {
        // More than is in use at all.
        let reading = memory(host_with_arc(60 << 30, 2 << 30).path());
        assert_eq!((used_bytes(&reading), reading.note), (WITHOUT_ARC, None));
        // The two files are not of one procfs.
        let container = host_with_arc(1 << 20, 0);
        fs::remove_file(container.path().join("meminfo")).unwrap();
        symlink("/proc/meminfo", container.path().join("meminfo")).unwrap();
        assert_eq!(memory(container.path()).note, None);
    }

    #[test]
    fn what_is_no_table_of_arcstats_changes_nothing() {
        assert_eq!(parse(arcstats(7, 3).as_bytes()), Some((7, 3)));
        for text in ["", "size 4\nc_min 4 1\n", "size 4 x\nc_min 4 1\n", "size 4 1\n"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
