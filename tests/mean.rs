//! The means since the check before, against `mpstat` and `sar` (Debian's sysstat) over the same time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::Check;
use vps_monitor::host::Host;
use vps_monitor::metric::{self, Metric};
use vps_monitor::snapshot::Snapshot;

use crate::agreement::{bytes_of, eventually, run};
use crate::support::{is_ci, only};

fn is_missing(tool: &str) -> bool {
    let is_missing = Command::new(tool).arg("-V").output().is_err();
    assert!(!(is_missing && is_ci()), "the gate has {tool}");
    if is_missing {
        println!("skipped: there is no {tool} (Debian: apt install sysstat)");
    }
    is_missing
}

fn at(seconds: u64) -> Now {
    Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: Boot::from_millis(0).after(Duration::from_secs(seconds)) }
}

/// The second of two checks, ten seconds apart for it; `between` runs between the two.
fn second_check(name: &str, keys: &str, between: impl FnOnce()) -> Snapshot {
    let mut host = Host::new(None);
    let mut check = Check::new(&only(name, keys), &host);
    let mut take = |begin| {
        check.begin(&mut host, at(begin).boot);
        check.advance(&mut host, at(begin + 5)).expect("every window is over")
    };
    let first = take(0);
    assert!(first.readings.iter().all(|reading| reading.mean.is_none()), "{first:?}");
    between();
    take(10)
}

fn mean(snapshot: &Snapshot, metric: &Metric) -> f64 {
    let reading = snapshot.readings.iter().find(|reading| reading.key.metric == metric);
    reading.and_then(|reading| reading.mean).unwrap_or_else(|| panic!("{metric}: {snapshot:?}"))
}

/// A column of the line `Average:` of one that ends with the numbers.
fn average(output: &str, heading: &str, column: &str, row: &str) -> f64 {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let names = output.lines().find(|line| line.contains(heading) && line.contains(column)).map(words).unwrap();
    let is_row = |line: &&str| line.starts_with("Average:") && line.split_whitespace().nth(1) == Some(row);
    let values = output.lines().find(is_row).map(words).unwrap();
    // A heading has a time where the average has its word, and may have AM or PM behind it.
    let from_the_end = names.len() - names.iter().position(|name| name == column).unwrap();
    values[values.len() - from_the_end].parse().unwrap()
}

/// Tenths and hundredths that mpstat leaves out of %idle and %iowait, and our ticks.
const ROUNDING_PERCENT: f64 = 2.0;

#[test]
fn the_mean_of_cpu_use_is_what_mpstat_finds_in_the_same_time() {
    let is_idle = |output: &str| average(output, "CPU", "%idle", "all") + average(output, "CPU", "%iowait", "all");
    let ours = |second: &Snapshot| mean(second, metric::CPU);
    is_what_mpstat_finds("cpu", "{}", ours, |output| 100.0 - is_idle(output));
}

#[test]
fn steal_and_iowait_are_what_mpstat_finds_in_the_same_time() {
    if Host::new(None).shares_its_kernel {
        return eprintln!("not compared, in a container they are the machine's");
    }
    for name in ["steal", "iowait"] {
        // They are means by themselves.
        let ours = |second: &Snapshot| second.readings[0].value.number().unwrap();
        let column = format!("%{name}");
        is_what_mpstat_finds(name, "{enabled: true}", ours, |output| average(output, "CPU", &column, "all"));
    }
}

fn is_what_mpstat_finds(source: &str, keys: &str, of: impl Fn(&Snapshot) -> f64, found: impl Fn(&str) -> f64) {
    if is_missing("mpstat") {
        return;
    }
    eventually(|| {
        let (mut tool, mut seconds) = (0.0, 0.0);
        let snapshot = second_check(source, keys, || {
            let began = Instant::now();
            let output = run("mpstat", &["2", "1"]);
            seconds = began.elapsed().as_secs_f64();
            tool = found(&output);
        });
        // Our time holds mpstat's two seconds, and its start and end.
        let slack = (seconds - 2.0).max(0.0) / seconds * 100.0 + ROUNDING_PERCENT;
        let ours = of(&snapshot);
        let agrees = slack < 15.0 && (ours - tool).abs() <= slack;
        if agrees { Ok(()) } else { Err(format!("ours {ours}, mpstat's {tool}, slack {slack}")) }
    });
}

#[test]
fn the_mean_of_traffic_is_no_less_than_sar_sees_and_no_more_than_the_counters() {
    if is_missing("sar") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    let before = bytes_of("lo");
    let mut seen = [0.0; 2];
    let snapshot = second_check("traffic", "{interfaces: [lo]}", || {
        let mut sar = Command::new("sar");
        let sar = sar.args(["-n", "DEV", "1", "1"]).env("LC_ALL", "C").stdout(Stdio::piped());
        let mut sar = sar.spawn().unwrap();
        let mut received = [0; 16 * 1024];
        // The bytes keep coming until it has seen its second.
        while sar.try_wait().unwrap().is_none() {
            near.write_all(&[0; 16 * 1024]).unwrap();
            far.read_exact(&mut received).unwrap();
        }
        let mut output = String::new();
        sar.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        seen = ["rxkB/s", "txkB/s"].map(|column| average(&output, "IFACE", column, "lo") * 1024.0);
    });
    let after = bytes_of("lo");
    for (way, metric) in [metric::TRAFFIC_IN, metric::TRAFFIC_OUT].into_iter().enumerate() {
        let ours = mean(&snapshot, metric) * 10.0 * 1e6 / 8.0;
        let most = (after[way] - before[way]) as f64;
        assert!(seen[way] > 1e6, "sar saw {} bytes", seen[way]);
        // sar's second may be some hundredths shorter than a second.
        assert!((seen[way] * 0.95..=most + 1.0).contains(&ours), "{metric}: ours {ours}, sar's {}, {most}", seen[way]);
    }
}
