//! The time of what a check does between the kernel and a message: `cargo bench`.
//!
//! One check on fixture hosts (reading the files, parsing, the arithmetic), judging it, deciding what is news, and
//! wording it. Times depend on the machine: `make bench` compares with other programs in the same run, and tests/budget
//! holds what can be counted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use divan::{Bencher, black_box};
use jiff::tz::TimeZone;
use vps_monitor::alert::{AlertBook, Policy};
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::{Check, Plan};
use vps_monitor::host::Host;
use vps_monitor::message::{self, Language, Style};
use vps_monitor::rules::{self, Thresholds};
use vps_monitor::snapshot::Snapshot;
use vps_monitor::worker::{FileSystem, StatvfsError};

fn main() {
    divan::main();
}

const POLICY: Policy = Policy { cooldown: Duration::from_secs(300), send_recovery: true };

/// Everything is over the second one, and nothing over the first.
const HIGH: Thresholds = thresholds(101.0);
const LOW: Thresholds = thresholds(0.0);

const fn thresholds(percent: f64) -> Thresholds {
    Thresholds {
        memory_percent: percent,
        swap_percent: percent,
        cpu_percent: percent,
        disk_percent: percent,
        traffic_mbps: percent * 1e6,
        connections: (percent * 1e6) as u64,
    }
}

fn half_full(_: &Path) -> Result<FileSystem, StatvfsError> {
    Ok(FileSystem { device: 1, block_bytes: 4096, blocks: 1000, blocks_free: 500, blocks_available: 500 })
}

fn host(name: &str) -> Host {
    let procfs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(name).join("proc");
    let mut host = Host::new(Some(&procfs));
    host.ask_file_system = half_full;
    host
}

fn now() -> Now {
    Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: Boot::from_millis(1_000_000) }
}

/// Both readings of one check, as if its windows had passed.
fn measure(check: &mut Check, host: &mut Host) -> Snapshot {
    let begin = now().boot;
    check.begin(host, begin);
    let end = Now { boot: begin.after(Duration::from_secs(5)), ..now() };
    check.advance(host, end).unwrap_or_default()
}

fn snapshot() -> Snapshot {
    let mut host = host("small-vps");
    measure(&mut Check::new(&Plan::default(), &host), &mut host)
}

#[divan::bench(args = ["small-vps", "docker-host", "big-64cpu"])]
fn measure_a_fixture_host(bencher: Bencher<'_, '_>, name: &str) {
    let mut host = host(name);
    let mut check = Check::new(&Plan::default(), &host);
    bencher.bench_local(|| measure(&mut check, &mut host));
}

#[divan::bench]
fn measure_this_host(bencher: Bencher<'_, '_>) {
    let mut host = Host::new(None);
    let mut check = Check::new(&Plan::default(), &host);
    bencher.bench_local(|| measure(&mut check, &mut host));
}

#[divan::bench]
fn judge_and_find_nothing_new(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot();
    let mut book = AlertBook::default();
    bencher.bench_local(|| {
        let findings = rules::evaluate(black_box(&snapshot), &HIGH);
        book.step(&findings, &snapshot.failures, now(), POLICY)
    });
}

#[divan::bench]
fn judge_and_word_an_alert(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot();
    let style = Style { language: Language::default(), host: "web-1".to_owned(), zone: TimeZone::UTC };
    bencher.bench_local(|| {
        let findings = rules::evaluate(black_box(&snapshot), &LOW);
        let transitions = AlertBook::default().step(&findings, &snapshot.failures, now(), POLICY);
        message::alerts(&transitions, &style, now().wall)
    });
}
