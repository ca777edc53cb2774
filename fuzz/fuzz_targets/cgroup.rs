//! With any content in the files of a control group, causes and limits are found or left out, and shares are percentages.
#![no_main]

use std::fs;
use std::path::Path;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use vps_monitor::cause::burned;
use vps_monitor::host::Cgroups;
use vps_monitor::host::cgroup::{cpu_limit, field, memory_limit, number, v1_cpu_limit};

/// The files of both versions.
const FILES: [&str; 8] = [
    "memory.current",
    "memory.stat",
    "memory.swap.current",
    "cpu.stat",
    "memory.usage_in_bytes",
    "memory.memsw.usage_in_bytes",
    "memory.events",
    "cpuacct.usage",
];

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, text)) = bytes.split_first() else { return };
    let _ = (number(text), memory_limit(text), cpu_limit(text), v1_cpu_limit(text, text), field(text, "oom_kill"));
    FOLDER.with(|folder| read(folder.path(), kind % 2 == 0, text));
});

fn read(root: &Path, is_v2: bool, text: &[u8]) {
    let (version, tree, mark) =
        if is_v2 { ("v2", "", "cgroup.controllers") } else { ("v1", "memory", "memory/memory.usage_in_bytes") };
    // Each version has a tree of its own: the files of one would be groups of the other.
    let root = &root.join(version);
    let group = root.join(tree).join("system.slice/a.service");
    fs::create_dir_all(&group).expect("a folder");
    fs::write(root.join(mark), "memory\n").expect("a file");
    for name in FILES {
        fs::write(group.join(name), text).expect("a file");
    }
    let Some(cgroups) = Cgroups::below(root) else { return };
    let (memory, swap, cpu) = (cgroups.memory(3), cgroups.swap(3), cgroups.cpu_micros());
    assert!(memory.len() <= 1 && swap.len() <= 1 && cpu.len() <= 1);
    for (_, percent) in burned(&cpu, &cpu, Duration::from_secs(1), 2, 3) {
        assert!((0.0..=100.0).contains(&percent));
    }
}
