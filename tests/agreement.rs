//! The numbers on this machine, now, against the tools that users compare them with: `free`, `df`, `ss`, `vmstat` (of
//! Debian's procps, coreutils and iproute2) and /sys. tests/agreement.py does the same with psutil.
//!
//! The machine goes on living meanwhile. So our reading is taken between two runs of the tool: if the tool says the
//! same twice, ours must be equal; if not, ours must lie between the two, with a slack that is reasoned where it is
//! set. A reading that moved too much is taken again; a wrong number stays wrong.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::{Check, Configured};
use vps_monitor::host::Host;
use vps_monitor::metric::{self, Metric};
use vps_monitor::snapshot::{Snapshot, Value};

use crate::support::only;

/// How long a comparison is tried on a machine that does not hold still.
const PATIENCE: Duration = Duration::from_secs(30);

fn after(seconds: u64) -> Now {
    Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: Boot::from_millis(0).after(Duration::from_secs(seconds)) }
}

/// One check of this machine. `meanwhile` runs between its two readings, which count as 5 s apart.
fn measure(sources: &[Configured], meanwhile: impl FnOnce()) -> Snapshot {
    let mut host = Host::new(None);
    let mut check = Check::new(sources, &host);
    check.begin(&mut host, after(0).boot);
    meanwhile();
    let snapshot = check.advance(&mut host, after(5)).expect("every window is over");
    assert_eq!(snapshot.failures, []);
    snapshot
}

fn usage(snapshot: &Snapshot, metric: &'static Metric) -> (f64, u64, u64) {
    let reading = snapshot.readings.iter().find(|reading| reading.key.metric == metric);
    match reading.map(|reading| &reading.value) {
        Some(&Value::Usage { percent, used_bytes, total_bytes }) => (percent, used_bytes, total_bytes),
        other => panic!("{metric}: {other:?}"),
    }
}

/// A tool's output.
pub fn run(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool).args(arguments).env("LC_ALL", "C").output();
    let output = output.unwrap_or_else(|error| panic!("{tool} is needed for this comparison: {error}"));
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Tries a comparison until it holds; shows the last one if it never does.
pub fn eventually(comparison: impl Fn() -> Result<(), String>) {
    let begun = Instant::now();
    while let Err(difference) = comparison() {
        assert!(begun.elapsed() < PATIENCE, "not once in {PATIENCE:?}; the last: {difference}");
    }
}

/// Whether `ours` is at most `slack` outside the tool's readings before and after it.
fn between(ours: u64, tool: [u64; 2], slack: u64) -> Result<(), String> {
    let [low, high] = [tool[0].min(tool[1]), tool[0].max(tool[1])];
    if (low.saturating_sub(slack)..=high.saturating_add(slack)).contains(&ours) {
        return Ok(());
    }
    Err(format!("ours {ours}, the tool's {low} to {high}"))
}

/// A line of `free -b`, in the order that it prints: total, used, free, …
fn free(line: &str) -> Vec<u64> {
    let output = run("free", &["-b"]);
    let line = output.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    line.split_whitespace().map(|column| column.parse().unwrap()).collect()
}

/// Starting and ending `free` itself moves some MiB.
const MEMORY_SLACK_BYTES: u64 = 4 << 20;

#[test]
fn memory_is_what_free_calls_not_available() {
    let sources = only("memory", "{}");
    eventually(|| {
        let unavailable = || {
            let columns = free("Mem:");
            columns[0] - columns[5]
        };
        let before = unavailable();
        let (percent, used_bytes, total_bytes) = usage(&measure(&sources, || {}), metric::MEMORY);
        let tool = [before, unavailable()];
        assert_eq!(total_bytes, free("Mem:")[0]);
        assert!((percent - used_bytes as f64 / total_bytes as f64 * 100.0).abs() < 1e-9);
        between(used_bytes, tool, MEMORY_SLACK_BYTES)
    });
}

#[test]
fn swap_is_what_free_shows() {
    let sources = only("swap", "{}");
    eventually(|| {
        let before = free("Swap:");
        let (_, used_bytes, total_bytes) = usage(&measure(&sources, || {}), metric::SWAP);
        let later = free("Swap:");
        assert_eq!(total_bytes, later[0]);
        between(used_bytes, [before[1], later[1]], 0)
    });
}

/// Size, Used and Use% of `df` for a path.
fn df(path: &str) -> [u64; 3] {
    let output = run("df", &["-B1", "--output=size,used,pcent", path]);
    let line = output.lines().nth(1).unwrap().replace('%', "");
    let columns: Vec<u64> = line.split_whitespace().map(|column| column.parse().unwrap()).collect();
    columns.try_into().unwrap()
}

#[test]
fn disks_are_what_df_shows() {
    let shared_memory = "/dev/shm";
    for path in ["/", "/tmp", shared_memory] {
        let sources = only("disk", &format!("{{paths: [\"{path}\"]}}"));
        eventually(|| {
            let before = df(path);
            let (percent, used_bytes, total_bytes) = usage(&measure(&sources, || {}), metric::DISK);
            let later = df(path);
            if before != later {
                return Err(format!("{path} does not hold still: {before:?}, then {later:?}"));
            }
            // df rounds its Use% up, in whole numbers; 1e-9 is the error of our division.
            let ours = [total_bytes, used_bytes, (percent - 1e-9).ceil() as u64];
            if ours == later { Ok(()) } else { Err(format!("{path}: ours {ours:?}, df's {later:?}")) }
        });
    }
}

/// IUse% of `df -i` for a path; `None`: there are no inodes.
pub fn df_inodes(path: &str) -> Option<u64> {
    let output = run("df", &["--output=ipcent", path]);
    output.lines().nth(1).unwrap().trim().trim_end_matches('%').parse().ok()
}

#[test]
fn inodes_are_what_df_shows() {
    for path in ["/", "/tmp", "/dev/shm"] {
        let sources = only("disk", &format!("{{paths: [\"{path}\"]}}"));
        eventually(|| {
            let before = df_inodes(path);
            let snapshot = measure(&sources, || {});
            let later = df_inodes(path);
            if before != later {
                return Err(format!("{path} does not hold still: {before:?}, then {later:?}"));
            }
            let reading = snapshot.readings.iter().find(|reading| reading.key.metric == metric::INODES);
            let ours = reading.and_then(|reading| reading.value.number()).map(|percent| (percent - 1e-9).ceil() as u64);
            if ours == later { Ok(()) } else { Err(format!("{path}: ours {ours:?}, df's {later:?}")) }
        });
    }
}

/// The numbers that `sysctl` prints.
fn sysctl(name: &str) -> Vec<u64> {
    let output = run("sysctl", &["-n", name]);
    output.split_whitespace().map(|column| column.parse().unwrap()).collect()
}

/// A reading that lies between two runs of a tool, as a number.
fn lies_between(source: &str, key: &str, tool: impl Fn() -> f64) {
    let sources = only(source, key);
    eventually(|| {
        let before = tool();
        let snapshot = measure(&sources, || {});
        let later = tool();
        let ours = snapshot.readings[0].value.number().unwrap();
        let is_between = (before.min(later) - 1e-9..=before.max(later) + 1e-9).contains(&ours);
        if is_between { Ok(()) } else { Err(format!("ours {ours}, the tool's {before} to {later}")) }
    });
}

#[test]
fn open_files_are_what_sysctl_shows() {
    lies_between("open_files", "{}", || {
        let numbers = sysctl("fs.file-nr");
        numbers[0] as f64 / numbers[2] as f64 * 100.0
    });
}

#[test]
fn tracked_connections_are_what_sysctl_shows() {
    if !std::path::Path::new("/proc/sys/net/netfilter/nf_conntrack_max").exists() {
        eprintln!("not compared, this kernel tracks no connections");
        return;
    }
    let count = || sysctl("net.netfilter.nf_conntrack_count")[0] as f64;
    lies_between("conntrack", "{}", || count() / sysctl("net.netfilter.nf_conntrack_max")[0] as f64 * 100.0);
}

#[test]
fn pressure_is_the_kernels_own_mean_of_the_last_minute() {
    for (resource, kind) in [("memory", "full"), ("io", "full"), ("cpu", "some")] {
        let path = format!("/proc/pressure/{resource}");
        if !std::path::Path::new(&path).exists() {
            return eprintln!("not compared, this kernel counts no pressure");
        }
        lies_between(&format!("{resource}_pressure"), "{enabled: true}", || {
            let text = std::fs::read_to_string(&path).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(kind)).unwrap();
            let mean = line.split_whitespace().find_map(|column| column.strip_prefix("avg60=")).unwrap();
            mean.parse().unwrap()
        });
    }
}

#[test]
fn load_is_what_uptime_shows_for_each_cpu_of_nproc() {
    let cpus: f64 = run("nproc", &["--all"]).trim().parse().unwrap();
    lies_between("load", "{enabled: true}", || {
        let output = run("uptime", &[]);
        let averages: Vec<&str> = output.split("load average: ").nth(1).unwrap().trim().split(", ").collect();
        averages[1].parse::<f64>().unwrap() / cpus
    });
}

/// Sockets of every kind that counts: listening, connected, in TIME_WAIT, of both protocols and families.
struct Sockets {
    _tcp: Vec<(TcpListener, TcpStream, TcpStream)>,
    _udp: Vec<UdpSocket>,
}

impl Sockets {
    fn open() -> Sockets {
        // A machine without IPv6 has no such sockets, and nothing to compare.
        let addresses = ["127.0.0.1:0", "[::1]:0"];
        let tcp = addresses.iter().filter_map(|address| TcpListener::bind(address).ok()).map(|listener| {
            let pair = || {
                let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                (near, listener.accept().unwrap().0)
            };
            drop(pair());
            let (near, far) = pair();
            (listener, near, far)
        });
        let udp = addresses.iter().filter_map(|address| UdpSocket::bind(address).ok());
        Sockets { _tcp: tcp.collect(), _udp: udp.collect() }
    }
}

#[test]
fn connections_are_as_many_as_ss_lists() {
    let sources = only("connections", "{}");
    let count = || run("ss", &["-H", "-tuan"]).lines().count() as u64;
    let _sockets = Sockets::open();
    eventually(|| {
        let before = count();
        let snapshot = measure(&sources, || {});
        let later = count();
        let Value::Number(ours) = snapshot.readings[0].value else { panic!("{snapshot:?}") };
        if before != later {
            return Err(format!("the sockets do not hold still: {before}, then {later}"));
        }
        between(ours as u64, [before, later], 0)
    });
}

/// The share of a second that `vmstat` found busy, in percent: neither idle nor waiting.
fn vmstat_busy_percent() -> f64 {
    let output = run("vmstat", &["1", "2"]);
    let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let names = columns(output.lines().nth(1).unwrap());
    let values = columns(output.lines().nth(3).unwrap());
    let percent = |name: &str| -> f64 {
        let at = names.iter().position(|column| column == name).unwrap();
        values[at].parse().unwrap()
    };
    100.0 - percent("id") - percent("wa")
}

/// Three of `vmstat`'s roundings (of `id`, `wa`, and ours to whole ticks of 1/100 s on each CPU) at their worst.
const VMSTAT_ROUNDING_PERCENT: f64 = 3.0;

#[test]
fn cpu_is_what_vmstat_finds_in_the_same_second() {
    let sources = only("cpu", "{}");
    eventually(|| {
        let mut tool = 0.0;
        let begun = Instant::now();
        let snapshot = measure(&sources, || tool = vmstat_busy_percent());
        let window_seconds = begun.elapsed().as_secs_f64();
        let Value::Number(ours) = snapshot.readings[0].value else { panic!("{snapshot:?}") };
        // Our window holds vmstat's second and the start and end of vmstat itself. If all that was busy, or nothing of
        // it, the two differ by its share of our window.
        let slack = (window_seconds - 1.0).max(0.0) / window_seconds * 100.0 + VMSTAT_ROUNDING_PERCENT;
        if slack > 15.0 {
            return Err(format!("vmstat took {window_seconds} s"));
        }
        let differs = (ours - tool).abs() > slack;
        if differs { Err(format!("ours {ours}, vmstat's {tool}, slack {slack}")) } else { Ok(()) }
    });
}

/// Bytes that were received and sent on an interface, by its own counters.
pub fn bytes_of(interface: &str) -> [u64; 2] {
    ["rx_bytes", "tx_bytes"].map(|counter| {
        let text = fs::read_to_string(format!("/sys/class/net/{interface}/statistics/{counter}")).unwrap();
        text.trim().parse().unwrap()
    })
}

/// Whether our reading lies within those of counters that were read between our two readings and around them.
fn assert_within(
    snapshot: &Snapshot,
    [inner_before, inner_after]: [[u64; 2]; 2],
    [outer_before, outer_after]: [[u64; 2]; 2],
) {
    for (way, metric) in [metric::TRAFFIC_IN, metric::TRAFFIC_OUT].into_iter().enumerate() {
        let reading = snapshot.readings.iter().find(|reading| reading.key.metric == metric).unwrap();
        let Value::Number(mbps) = reading.value else { panic!("{snapshot:?}") };
        let ours = (mbps * 5.0 * 1e6 / 8.0).round() as u64;
        let [least, most] = [inner_after[way] - inner_before[way], outer_after[way] - outer_before[way]];
        assert!((least..=most).contains(&ours), "{metric}: ours {ours} bytes, the counters' {least} to {most}");
    }
}

#[test]
fn traffic_is_what_the_interfaces_own_counters_say() {
    let sources = only("traffic", "{interfaces: [lo]}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _far = listener.accept().unwrap();

    let outer_before = bytes_of("lo");
    let (mut inner_before, mut inner_after) = ([0; 2], [0; 2]);
    let snapshot = measure(&sources, || {
        inner_before = bytes_of("lo");
        // As much as the receiver's buffer takes unread.
        near.write_all(&[0; 32 * 1024]).unwrap();
        inner_after = bytes_of("lo");
    });
    let outer_after = bytes_of("lo");

    for way in 0..2 {
        let least = inner_after[way] - inner_before[way];
        assert!(least >= 32 * 1024, "only {least} bytes went over lo");
    }
    assert_within(&snapshot, [inner_before, inner_after], [outer_before, outer_after]);
}

#[test]
fn traffic_by_default_is_that_of_the_hardware() {
    let entries = fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().path());
    let hardware: Vec<String> = entries
        .filter(|path| path.join("device").exists() && !path.join("master").exists())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    if hardware.is_empty() {
        println!("skipped: no interface here has a device behind it");
        return;
    }
    let sum = || {
        let counters = hardware.iter().map(|name| bytes_of(name));
        counters.fold([0; 2], |sum: [u64; 2], bytes| [sum[0] + bytes[0], sum[1] + bytes[1]])
    };
    let sources = only("traffic", "{}");
    let outer_before = sum();
    let (mut inner_before, mut inner_after) = ([0; 2], [0; 2]);
    let snapshot = measure(&sources, || {
        inner_before = sum();
        // Bytes that stay on the host are no traffic.
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..1000 {
            socket.send_to(&[0; 1000], socket.local_addr().unwrap()).unwrap();
        }
        inner_after = sum();
    });
    let outer_after = sum();
    assert_within(&snapshot, [inner_before, inner_after], [outer_before, outer_after]);
}
