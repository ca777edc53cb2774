//! System calls of a steady check, of the built agent on the running kernel, as strace(1) sees them.

use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::support::agent::{BINARY, Place, finish, quick};
use crate::support::robot::Robot;
use crate::support::{is_ci, wait_until};

/// From the end of one check to the end of the next, with windows as long as the interval: twelve of a check, and the word
/// to systemd.
const MAX_CALLS: usize = 13;

/// At most so many checks are looked at until one is steady: on a busy machine an alert comes between, or a mount, as
/// tests with containers make them.
const MOST_CHECKS: usize = 20;

/// Under /proc; nothing that has a line for each socket, and nothing of other processes.
const READ_ONCE: [&str; 10] = [
    // The kernel that runs.
    "/proc/sys/kernel/osrelease",
    // Whether this is a container.
    "/proc/self/ns/pid",
    // The program of the worker that saves the first state.
    "/proc/self/exe",
    "/proc/self/mountinfo",
    "/proc/sys/kernel/random/boot_id",
    // Whether the machine has just started.
    "/proc/uptime",
    "/proc/self/maps",
    "/proc/self/cgroup",
    // Kept open, and looked at every ten seconds, where the kernel tells of no kills.
    "/proc/vmstat",
    // Whether there is a ZFS cache.
    "/proc/spl/kstat/zfs/arcstats",
];
const READ_ALWAYS: [&str; 9] = [
    "/proc/meminfo",
    "/proc/stat",
    "/proc/net/dev",
    "/proc/net/sockstat",
    "/proc/net/sockstat6",
    "/proc/pressure/memory",
    "/proc/sys/fs/file-nr",
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/net/netfilter/nf_conntrack_max",
];

const CONFIG: &str = "\
general: {check_interval: 1}
system: {memory: {threshold: 100}, swap: {threshold: 100}, disk: {threshold: 100}, cpu: {threshold: 100}}
network: {traffic: {threshold_mbps: 1000000}, connections: {threshold: 10000000}}
docker: {enabled: false}
scheduled_report: {enabled: false}
";

/// An agent under strace, as systemd would run it. Dropping it ends both.
struct Traced {
    strace: Child,
    service_manager: UnixDatagram,
    trace: PathBuf,
}

impl Traced {
    fn start(folder: &Path) -> io::Result<Traced> {
        let config = folder.join("config.yaml");
        fs::write(&config, CONFIG)?;
        let socket = folder.join("notify.sock");
        let service_manager = UnixDatagram::bind(&socket)?;
        service_manager.set_nonblocking(true)?;
        let trace = folder.join("trace");
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-o"])
            .arg(&trace)
            // As a service the agent prints no line for a check: its process id tells.
            .args(["sh", "-c", "SYSTEMD_EXEC_PID=$$ exec \"$@\"", "sh", BINARY, "--config"])
            .arg(&config)
            .arg("--state-dir")
            .arg(folder.join("state"))
            .arg("run")
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "60000000")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Traced { strace, service_manager, trace })
    }

    /// The calls of each check so far, once one of them is steady, or there are as many as are looked at.
    fn wait_for_steady_check(&self) -> Trace {
        let mut trace = Trace::default();
        wait_until("a steady check, or many others", || {
            // Nobody else empties the socket, and an agent that finds it full waits.
            let mut datagram = [0; 512];
            while self.service_manager.recv(&mut datagram).is_ok() {}
            trace = Trace::parse(&fs::read_to_string(&self.trace).unwrap_or_default());
            trace.checks().any(is_steady) || trace.checks().count() >= MOST_CHECKS
        });
        trace
    }
}

/// The output of strace, without the process ids.
#[derive(Default)]
struct Trace {
    calls: Vec<String>,
}

impl Trace {
    fn parse(text: &str) -> Trace {
        let calls = text.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim_start().to_owned());
        Trace { calls: calls.collect() }
    }

    /// The calls from each check's word to systemd to the next one's.
    fn checks(&self) -> impl Iterator<Item = &[String]> {
        let checks = self.calls.split_inclusive(|call| call.contains("\"WATCHDOG=1"));
        // The calls before the first are the start, and those after the last are a check under way.
        checks.skip(1).filter(|calls| calls.last().is_some_and(|call| call.contains("\"WATCHDOG=1")))
    }

    /// The paths under /proc that were opened. A path below an open folder counts as in that folder, not here.
    fn proc_paths(&self) -> impl Iterator<Item = String> {
        let names = self.calls.iter().filter_map(|call| call.split_once("\"/proc/")?.1.split('"').next());
        names.filter(|name| !name.starts_with("self/fd/")).map(|name| format!("/proc/{name}"))
    }
}

fn count(calls: &[String], name: &str) -> usize {
    calls.iter().filter(|call| call.starts_with(name)).count()
}

/// Descriptors are kept, the state stays the same, and only the word to systemd is written. There is one wait.
fn is_steady(calls: &[String]) -> bool {
    let expected = [("open", 0), ("fsync", 0), ("rename", 0), ("write", 1), ("ppoll", 1)];
    calls.len() <= MAX_CALLS && expected.iter().all(|(name, times)| count(calls, name) == *times)
}

impl Drop for Traced {
    fn drop(&mut self) {
        // strace passes the end of its child on, and ends with it.
        let children = format!("/proc/{0}/task/{0}/children", self.strace.id());
        for pid in
            fs::read_to_string(children).unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok())
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.strace.wait();
    }
}

/// Whether system calls can be counted here. In CI they must.
fn has_strace() -> bool {
    let has_it = Command::new("strace").arg("-V").output().is_ok();
    assert!(has_it || !is_ci(), "strace is not installed");
    if !has_it {
        eprintln!("not checked, strace is not installed");
    }
    // The agent lets no other process of its user look into it, so strace shows no path there.
    let may_look = geteuid().is_root();
    assert!(may_look || !is_ci(), "strace needs root here");
    if !may_look {
        eprintln!("not checked, strace needs root here");
    }
    has_it && may_look
}

#[test]
fn a_steady_check_makes_few_system_calls_and_opens_nothing() {
    if !has_strace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let traced = Traced::start(folder.path()).unwrap();
    let trace = traced.wait_for_steady_check();
    drop(traced);

    let least = trace.checks().min_by_key(|calls| calls.len()).unwrap_or_default();
    assert!(
        trace.checks().any(is_steady),
        "no check is steady, with {MAX_CALLS} calls at most; the least one, with {}:\n{}",
        least.len(),
        least.join("\n")
    );
    for path in trace.proc_paths() {
        // An open descriptor has this name if only a path will do: a socket's.
        let is_own = path.starts_with("/proc/self/fd/");
        assert!(is_own || READ_ALWAYS.contains(&&*path) || READ_ONCE.contains(&&*path), "{path} is looked at");
    }
}

/// The calls of these kinds that a command makes in the place.
fn calls_of(place: &Place, arguments: &[&str], kinds: &str) -> Trace {
    let agent = place.command(arguments);
    let trace = place.path("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", &format!("trace={kinds}"), "-o"]).arg(&trace);
    let finished = finish(strace.arg(agent.get_program()).args(agent.get_args()).current_dir(place.path("")));
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    Trace::parse(&fs::read_to_string(trace).unwrap())
}

#[test]
fn a_check_by_hand_starts_no_process_unless_the_saved_state_says_something_for_it() {
    if !has_strace() {
        return;
    }
    let disks =
        |paths: &str| quick("").replace("disk: {enabled: false}", &format!("disk: {{threshold: 100, {paths}}}"));
    for (paths, is_asked) in [("", false), ("paths: [/, /proc/..]", true)] {
        let place = Place::configured("no-swap", &disks(paths));
        let starts = calls_of(&place, &["check"], "clone,clone3,fork,vfork").calls;
        assert_eq!(!starts.is_empty(), is_asked, "{paths}: {starts:?}");
    }
}

/// How often one check on `host` replaces the state file. Each time the file is synced, and so is its folder.
fn saves_of_a_check(place: &Place, host: &str) -> usize {
    place.become_host(host);
    let trace = calls_of(place, &["run", "--once"], "fsync,rename,renameat,renameat2");
    let saves = count(&trace.calls, "rename");
    assert_eq!(count(&trace.calls, "fsync"), 2 * saves, "{:#?}", trace.calls);
    saves
}

#[test]
fn a_change_is_saved_once_and_once_more_when_its_message_is_delivered() {
    if !has_strace() {
        return;
    }
    let robot = Robot::start([]);
    let quiet = "general: {send_recovery: false}\nsystem: {cpu: {enabled: false}, disk: {enabled: false}}\n\
                 network: {traffic: {enabled: false}}\ndocker: {enabled: false}\nscheduled_report: {enabled: false}\nhistory: {enabled: false}\n";
    let yaml = format!("{quiet}wechat: {{webhook_url: \"{}\"}}\n", robot.url());
    let place = Place::configured("no-swap", &yaml);
    let hosts = ["no-swap", "small-vps", "small-vps", "small-vps", "no-swap"];
    let saves = hosts.map(|host| saves_of_a_check(&place, host));
    // The first file; decided and about to be sent, then delivered; that it lasts, for its recovery; nothing new; well
    // again, which is not told here.
    assert_eq!(saves, [1, 2, 1, 0, 1]);
    assert_eq!(robot.received().len(), 1);
}
