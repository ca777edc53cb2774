//! What containers hold and burn, against `docker stats` on the machine's engine.

use std::time::Duration;

use vps_monitor::cause::burned;
use vps_monitor::clock;
use vps_monitor::host::{Cgroups, Owner};

use crate::support::real_engine::{RealEngine, skip};
use crate::support::wait_until;

/// Fills 64 MB of a file system in memory, which is no cache that can be dropped, reads a file, and burns what it gets.
const BUSY: &str =
    "dd if=/dev/zero of=/dev/shm/full bs=1M count=48 2>/dev/null; touch /dev/shm/done; while :; do :; done";

/// `48.3MiB / 23.5GiB`, in bytes.
fn bytes(text: &str) -> f64 {
    let used = text.split(" / ").next().unwrap();
    let (unit, factor) = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)]
        .into_iter()
        .find(|(unit, _)| used.ends_with(unit))
        .unwrap_or_else(|| panic!("{text}"));
    used.trim_end_matches(unit).parse::<f64>().unwrap() * f64::from(1 << factor)
}

#[test]
fn a_containers_memory_and_cpu_are_those_of_docker_stats() {
    let Some(engine) = RealEngine::of_machine("shares") else { return };
    let Some(cgroups) = Cgroups::of_this_system() else { return skip("no control groups".to_owned()) };
    engine.run("busy", &["--cpus", "0.5"], BUSY);
    wait_until("it is full", || engine.docker(&["exec", "@busy", "sh", "-c", "test -e /dev/shm/done; echo $?"]) == "0");
    let owner = Owner::Container(engine.docker(&["inspect", "-f", "{{.Id}}", "@busy"]));
    let held = || cgroups.memory(usize::MAX).into_iter().find(|(of, _)| *of == owner).map(|(_, bytes)| bytes);
    let stats = |what: &str| engine.docker(&["stats", "--no-stream", "--format", what, "@busy"]);
    wait_until("the memory is that of docker stats", || {
        let (ours, theirs) = (held().unwrap() as f64, bytes(&stats("{{.MemUsage}}")));
        (ours - theirs).abs() <= 1e6 && ours > 48e6
    });
    // It is held to half of one CPU, whatever else goes on; ours is of one CPU too.
    wait_until("the CPU time is that of docker stats", || {
        let (began, before) = (clock::boot_now(), cgroups.cpu_micros());
        let theirs: f64 = stats("{{.CPUPerc}}").trim_end_matches('%').parse().unwrap();
        let passed = clock::boot_now() - began;
        assert!(passed > Duration::from_millis(100), "docker stats takes two counts");
        let burned = burned(&before, &cgroups.cpu_micros(), passed, 1, usize::MAX);
        let ours = burned.into_iter().find(|(of, _)| *of == owner).map_or(0.0, |(_, percent)| percent);
        (ours - theirs).abs() <= 10.0 && ours > 5.0
    });
}
