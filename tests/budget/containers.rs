//! The cost of thousands of containers, from the engine's bytes to the readings.

use std::io::Write;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use vps_monitor::collect::docker::{Docker, Look};

use crate::docker::{at, config, look};
use crate::support::engine::{After, Engine};

/// An engine with so many running containers, whose list is as long as Docker's (some 800 bytes each), or shorter where
/// it would be too long to be read.
fn with_containers(count: usize) -> Engine {
    let label = "x".repeat(if count > 10_000 { 10 } else { 400 });
    let one = |n: usize| {
        format!(
            r#"{{"Id":"{:064x}","Names":["/service-{n:05}"],"Image":"registry.example/team/service:1.2.3",
                "Created":1700000000,"Labels":{{"maintainer":"{label}"}},"State":"running",
                "Status":"Up 3 days (healthy)"}}"#,
            // In no order, as ids are.
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        )
    };
    let body = format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","));
    Engine::new(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        After::Keep
    })
}

/// The memory is that of containers as they are known, found and told; the list itself is read in passing.
#[test]
fn five_thousand_containers_take_little_memory_and_their_list_none() {
    let engine = with_containers(5000);
    let mut docker = Docker::new(&config(engine.address(), &[]), None);
    let mut survey = || {
        let allocated = allocation_counter::measure(|| {
            assert_eq!(look(&mut docker, Look::Everything, at(0)).snapshot.readings.len(), 10_000);
        });
        (allocated.bytes_max, allocated.bytes_current)
    };
    let (_, known_bytes) = survey();
    let (survey_bytes, left_bytes) = survey();
    eprintln!("{known_bytes} bytes are known of them, and {survey_bytes} are needed for a survey");
    assert!(known_bytes < 1_800_000, "{known_bytes}");
    assert!(survey_bytes < 2_500_000, "{survey_bytes}");
    assert_eq!(left_bytes, 0, "a survey that finds nothing new leaves nothing behind");
}

/// Tests are not optimized: what takes some seconds here takes a fraction of one. What was quadratic took minutes.
#[test]
fn forty_thousand_containers_are_surveyed_at_once() {
    let engine = with_containers(40_000);
    let mut docker = Docker::new(&config(engine.address(), &["service-1*", "*"]), None);
    let cpu_time = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let before = cpu_time();
    assert_eq!(look(&mut docker, Look::Everything, at(0)).snapshot.readings.len(), 80_000);
    let spent = cpu_time() - before;
    eprintln!("{spent:?} of CPU");
    assert!(spent < Duration::from_secs(10), "{spent:?}");
}
