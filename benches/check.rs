//! The time of each step of a check between the kernel and a message: `cargo bench`.
//!
//! One check on fixture hosts (reading the files, parsing, the arithmetic), judging it, selecting the news, and wording
//! it. Times depend on the machine: `make bench` compares with other programs in the same run, `make
//! bench-instructions` counts the instructions of these steps, and tests/budget holds counts that need no tools.

mod shared;

use divan::Bencher;
use vps_monitor::alert::Alerts;
use vps_monitor::host::Host;

use shared::{Watched, find_nothing_new, snapshot, style, word_an_alert};

fn main() {
    divan::main();
}

#[divan::bench(args = ["small-vps", "docker-host", "big-64cpu"])]
fn measure_a_fixture_host(bencher: Bencher<'_, '_>, name: &str) {
    let mut watched = Watched::fixture(name);
    bencher.bench_local(|| watched.measure());
}

#[divan::bench]
fn measure_this_host(bencher: Bencher<'_, '_>) {
    let mut watched = Watched::new(Host::new(None));
    bencher.bench_local(|| watched.measure());
}

#[divan::bench]
fn judge_and_find_nothing_new(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot();
    let mut book = Alerts::default();
    bencher.bench_local(|| find_nothing_new(&snapshot, &mut book));
}

#[divan::bench]
fn judge_and_word_an_alert(bencher: Bencher<'_, '_>) {
    let (snapshot, style) = (snapshot(), style());
    bencher.bench_local(|| word_an_alert(&snapshot, &style));
}
