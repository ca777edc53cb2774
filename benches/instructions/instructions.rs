//! The instructions of the steps in benches/check.rs: `make bench-instructions`.
//!
//! Callgrind counts the program's instructions without the kernel's part, so the machine's other work does not show.
//! Each step has run once before it is counted, as in an agent that has been running for a while; and its result goes
//! back to the harness, so that freeing it is not counted.
#![expect(
    clippy::disallowed_methods,
    reason = "the harness's main ends its process by itself; nothing of the agent runs there"
)]

#[path = "../shared/mod.rs"]
mod shared;

use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use vps_monitor::alert::{Alerts, Transition};
use vps_monitor::message::{Message, Style};
use vps_monitor::snapshot::Snapshot;

use shared::{Watched, find_nothing_new, snapshot, style, word_an_alert};

fn measured_before(name: &str) -> Watched {
    let mut watched = Watched::fixture(name);
    watched.measure();
    watched
}

fn judged_before() -> (Snapshot, Alerts) {
    let (snapshot, mut book) = (snapshot(), Alerts::default());
    find_nothing_new(&snapshot, &mut book);
    (snapshot, book)
}

fn worded_before() -> (Snapshot, Style) {
    let (snapshot, style) = (snapshot(), style());
    word_an_alert(&snapshot, &style);
    (snapshot, style)
}

#[library_benchmark(setup = measured_before)]
#[bench::small_vps("small-vps")]
#[bench::docker_host("docker-host")]
#[bench::big_64cpu("big-64cpu")]
fn measure_a_fixture_host(mut watched: Watched) -> (Snapshot, Watched) {
    (watched.measure(), watched)
}

#[library_benchmark]
#[bench::small_vps(judged_before())]
fn judge_and_find_nothing_new((snapshot, mut book): (Snapshot, Alerts)) -> (Vec<Transition>, Snapshot, Alerts) {
    (find_nothing_new(&snapshot, &mut book), snapshot, book)
}

#[library_benchmark]
#[bench::small_vps(worded_before())]
fn judge_and_word_an_alert((snapshot, style): (Snapshot, Style)) -> (Vec<Message>, Snapshot, Style) {
    (word_an_alert(&snapshot, &style), snapshot, style)
}

library_benchmark_group!(
    name = check,
    benchmarks = [measure_a_fixture_host, judge_and_find_nothing_new, judge_and_word_an_alert]
);

// Callgrind can also estimate caches and cycles. They would be those of no machine in particular.
main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = check
);
