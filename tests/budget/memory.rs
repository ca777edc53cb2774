//! The memory that the release binary has for itself: the kernel counts it by pages, whatever else the machine does.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, iter};

use super::release_binary;

/// The metrics of 0.1, and nothing that was added since.
const OF_THE_HOUSE: &str = "\
general: {check_interval: 1, causes: 0}
system:
  memory: {threshold: 100}
  swap: {threshold: 100}
  disk: {threshold: 100, inodes: 0, forecast: 0, read_only: false}
  cpu: {threshold: 100, sample_interval: 1}
  steal: {enabled: false}
  memory_pressure: {enabled: false}
  open_files: {enabled: false}
  oom: {enabled: false}
  boot: {enabled: false}
  clock_sync: {enabled: false}
network:
  traffic: {threshold_mbps: 1000000, sample_interval: 1}
  connections: {threshold: 10000000}
  conntrack: {enabled: false}
  quota: {enabled: false}
systemd: {enabled: false}
docker: {enabled: false}
scheduled_report: {enabled: false}
history: {enabled: false}
";

/// Everything that is on by default, without Docker and systemd, which are not the same everywhere.
const OF_ALL: &str = "\
general: {check_interval: 1}
system: {cpu: {threshold: 100, sample_interval: 1}, memory: {threshold: 100}, disk: {threshold: 100}}
network: {traffic: {threshold_mbps: 1000000, sample_interval: 1}, connections: {threshold: 10000000}}
systemd: {enabled: false}
docker: {enabled: false}
scheduled_report: {enabled: false}
";

/// Anonymous pages after two checks, in kilobytes.
fn private_kilobytes(binary: &Path, config: &str) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    fs::write(&file, config).unwrap();
    let mut agent = Command::new(binary)
        .arg("--config")
        .arg(&file)
        .arg("--state-dir")
        .arg(folder.path())
        .arg("run")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(agent.stdout.take().unwrap()).lines();
    // The first check prints a table, each later one a line with all values.
    let second = iter::from_fn(|| printed.next())
        .map(Result::unwrap)
        .find(|line| line.contains("  memory ") && !line.contains("threshold"));
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(second.is_some(), "no second check: {status}");
    let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    anonymous.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Some 360 and 376 KB. Where the stack begins in its page is chance, and with another linker than the default one writable
/// pages begin elsewhere.
#[test]
fn the_release_binary_has_little_memory_of_its_own() {
    let Some(binary) = release_binary() else { return };
    for (config, most) in [(OF_THE_HOUSE, 384), (OF_ALL, 416)] {
        let kilobytes = private_kilobytes(&binary, config);
        assert!(kilobytes <= most, "{kilobytes} KB, {most} allowed, with\n{config}");
    }
}

/// Without tables for it there is no backtrace, and no library of the compiler's that would read them.
#[test]
fn the_release_binary_loads_libc_alone_and_tells_errors_with_backtraces_wanted_too() {
    let Some(binary) = release_binary() else { return };
    let dynamic = Command::new("readelf").arg("-dW").arg(&binary).output().expect("readelf, of binutils").stdout;
    let dynamic = String::from_utf8(dynamic).unwrap();
    assert!(dynamic.contains("[libc.so.6]") && !dynamic.contains("libgcc_s"), "{dynamic}");
    let mut replay = Command::new(&binary);
    replay.env("RUST_BACKTRACE", "1").args(["--config", "/dev/null", "replay", "/no/such/file"]);
    let output = replay.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && told.contains("/no/such/file"), "{}: {told}", output.status);
}
