//! The monthly quota of real traffic, by the running agent in a network of its own, against vnstat on the same counters.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use crate::support::agent::{BINARY, Place, finish};
use crate::support::network::isolated;
use crate::support::robot::Robot;
use crate::support::{is_ci, wait_until};

/// A container's interface, whose other end does not count.
const NETWORK: [&str; 6] = [
    "mount -t sysfs sysfs /sys",
    "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6",
    "ip link add eth0 type veth peer name veth1",
    "ip link set eth0 up && ip link set veth1 up",
    "ip address add 10.9.0.1/24 dev eth0",
    "ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev eth0",
];

/// `vnstat --live`, which prints a line every other second. Dropping it ends it.
struct Vnstat {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Vnstat {
    /// One that has read the counters for the first time; `None` where it is not installed.
    fn start() -> Option<Vnstat> {
        let mut command = Command::new("vnstat");
        command.args(["--live", "0", "--json", "-i", "eth0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let Ok(mut process) = command.spawn() else {
            assert!(!is_ci(), "CI compares with vnstat");
            println!("skipped: vnstat is not here (Debian: vnstat)");
            return None;
        };
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut vnstat = Vnstat { process, lines };
        vnstat.sent();
        Some(vnstat)
    }

    /// The bytes that were sent since its start, as of its next line.
    fn sent(&mut self) -> u64 {
        loop {
            let line = self.lines.next().expect("vnstat goes on").unwrap();
            let json: Json = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if let Some(bytes) = json["tx"]["totalbytes"].as_u64() {
                return bytes;
            }
        }
    }
}

impl Drop for Vnstat {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command of the agent with this system's /proc.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("--config").arg(place.config()).arg("--state-dir").arg(place.state()).args(arguments);
    command.stdin(Stdio::null());
    command
}

fn quota(document: &Json) -> Option<Json> {
    document["readings"].as_array()?.iter().find(|reading| reading["metric"] == "traffic_quota").cloned()
}

fn sent_by(document: &Json) -> u64 {
    quota(document).and_then(|reading| reading["quota"]["sent_bytes"].as_u64()).unwrap_or_default()
}

#[test]
fn what_vnstat_counts_is_counted_and_a_step_is_told_once_over_a_restart_of_the_agent() {
    isolated("", &NETWORK, || {
        let robot = Robot::start([]);
        let place = Place::on("small-vps");
        let configure = |limit: &str| {
            place.configure(&format!(
                "general: {{hostname: web-1, timezone: UTC, check_interval: 1}}\nwechat: {{webhook_url: \"{}\"}}\n\
                 network: {{traffic: {{sample_interval: 0.1, threshold_mbps: 1000000}}, quota: {{limit: {limit}, warn_at: [50, 90]}}}}\n\
                 docker: {{enabled: false}}\nscheduled_report: {{enabled: false}}\n",
                robot.url()
            ));
        };
        configure("10MB");
        let told = || {
            let all = robot.received().iter().map(|message| message.content()).collect::<Vec<_>>();
            all.into_iter().filter(|text| text.contains("📶 月流量: ")).collect::<Vec<_>>()
        };
        let agent = place.spawn(command(&place, &["run"]));
        wait_until("a first check", || quota(&place.status()).is_some());
        let Some(mut vnstat) = Vnstat::start() else { return };
        let before = sent_by(&place.status());
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        for _ in 0..6000 {
            socket.send_to(&[0; 1000], "10.9.0.2:9").unwrap();
        }
        let mut sent = 0;
        wait_until("vnstat has seen it all", || {
            let earlier = std::mem::replace(&mut sent, vnstat.sent());
            sent >= 6_000_000 && sent == earlier
        });
        wait_until("the agent has counted as much", || sent_by(&place.status()) - before == sent);
        wait_until("the step is told", || !told().is_empty());
        assert!(told()[0].contains("% (出站约 6.") && told()[0].contains("MB / 10MB，阈值: 50%)"), "{:?}", told());
        assert_eq!(agent.stop(Signal::SIGTERM).code, 0);

        // Without the agent more of it passes.
        for _ in 0..1000 {
            socket.send_to(&[0; 1000], "10.9.0.2:9").unwrap();
        }
        let mut more = sent;
        wait_until("vnstat has seen it all", || {
            let earlier = std::mem::replace(&mut more, vnstat.sent());
            more > sent && more == earlier
        });
        let checked = command(&place, &["check", "--json"]).output().unwrap();
        let document: Json = serde_json::from_slice(&checked.stdout).unwrap();
        let reading = quota(&document).unwrap();
        assert_eq!((sent_by(&document) - before, &reading["verdict"]), (more, &"breach".into()), "{reading:#}");
        assert_eq!(checked.status.code(), Some(1));
        let report = command(&place, &["report"]).output().unwrap();
        let report = String::from_utf8(report.stdout).unwrap();
        assert!(report.contains("  • 月流量: ") && report.contains("MB / 10MB)，今日 "), "{report}");

        let agent = place.spawn(command(&place, &["run"]));
        wait_until("the agent has counted it", || sent_by(&place.status()) - before == more);
        assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
        assert_eq!(told().len(), 1, "{:?}", told());
    });
}

#[test]
fn a_count_that_cannot_be_read_is_a_failure_of_the_check() {
    let place = Place::configured("small-vps", "network: {quota: {limit: 1TB}}\nsystem: {memory: {threshold: 100}}\n");
    fs::create_dir_all(place.state_file()).unwrap();
    let checked = place.run(&["check", "--json"]);
    let document: Json = serde_json::from_str(&checked.stdout).unwrap();
    let failure = &document["failures"].as_array().unwrap().iter().find(|failure| failure["collector"] == "quota");
    assert!(failure.unwrap()["error"].as_str().unwrap().contains("the agent's count cannot be read"), "{document:#}");
    assert_eq!(quota(&document), None);
}

#[test]
fn a_user_without_a_home_is_given_the_services_count() {
    const NOBODY: u32 = 65534;
    let place = Place::configured("small-vps", "network: {quota: {limit: 1TB}}\ndocker: {enabled: false}\n");
    if chown(place.config(), Some(NOBODY), Some(NOBODY)).is_err() {
        return eprintln!("left out, as this user cannot become another one");
    }
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path("vps-monitor");
    fs::copy(BINARY, &program).unwrap();
    let mut check = Command::new(program);
    check
        .env_clear()
        .arg("--config")
        .arg(place.config())
        .args(["check", "--json"])
        .arg("--procfs")
        .arg(place.path("proc"));
    let document: Json = serde_json::from_str(&finish(check.uid(NOBODY).gid(NOBODY)).stdout).unwrap();
    // This machine may have a service, whose state is not for everybody.
    assert!(quota(&document).is_some() || document.to_string().contains("/var/lib/vps-monitor"), "{document:#}");
}
