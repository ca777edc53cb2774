//! This host, as the collectors see it: its /proc files, its file systems, its name. It reads, and decides nothing.

pub mod cgroup;
pub mod journal;
mod mounts;
mod network_devices;
mod probes;
mod proc_file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::bus::{self, Bus};
use crate::clock::Boot;
use crate::worker::{self, FileSystem, StatvfsError, Worker};

pub use cgroup::{Cgroups, KnownKills, OomCounts, OomKill, OomReason, Owner};
pub use mounts::{
    Access, DiskId, DiskIds, ErrorRecords, FoundDisk, KnownMounts, LastMounts, MissingDisks, Mounts, MountsChange,
    Moves, Paths, Sight, Unmounted, WriteState,
};
pub use network_devices::NetworkDevices;
pub use probes::{Probe, Probes};
pub use proc_file::{MAX_FILE_BYTES, ProcFile};

/// Where systemd is process 1, this folder is there (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";

/// The question for the size of a file system: statvfs(3), or a test's stand-in.
pub type AskFileSystem = fn(&Path) -> Result<FileSystem, StatvfsError>;

/// The sources of readings. Each part is an address that a test can replace.
pub struct Host {
    procfs: PathBuf,
    network: PathBuf,
    /// The interfaces in sysfs. `None` with another /proc: this system's sysfs has other interfaces.
    pub network_devices: Option<NetworkDevices>,
    /// It is a container, whose /proc tells in part of the machine around it.
    pub shares_its_kernel: bool,
    /// Asks a local file system, which answers at once.
    pub ask_file_system: AskFileSystem,
    /// Asks all others, which may never answer, in a process of its own.
    pub worker: Worker,
    /// The questions that worker processes have.
    pub probes: Probes,
    pub mounts: Mounts,
    /// The shares of units and containers. `None` with another /proc: it belongs to another system.
    pub cgroups: Option<Cgroups>,
    /// None without systemd, and with another /proc: it belongs to another system.
    pub bus: Bus,
    /// When it last had the quantities of each source, by the source's name. One memory for all checks, so that a reload
    /// forgets none.
    pub seen: Vec<(&'static str, Boot)>,
    /// Since when logins may have been missed, until somebody has looked them up.
    pub logins_since: Option<Timestamp>,
    /// One buffer for every file, kept from check to check.
    pub buffer: Vec<u8>,
}

impl Host {
    /// The running system, with its own /proc or another one (`--procfs`): a fixture, or the host's /proc mounted in a
    /// container. Then the network files are those of process 1, because `net` always belongs to the reader.
    pub fn new(procfs: Option<&Path>) -> Host {
        let root = procfs.unwrap_or(Path::new("/proc"));
        let of_init = root.join("1/net");
        let network = if procfs.is_some() && of_init.is_dir() { of_init } else { root.join("net") };
        Host {
            procfs: root.to_owned(),
            network,
            shares_its_kernel: procfs.is_none() && is_container(),
            network_devices: procfs.is_none().then(|| NetworkDevices::in_folder("/sys/class/net")),
            ask_file_system: worker::measure,
            worker: Worker::current(),
            probes: Probes::default(),
            mounts: Mounts::of_this_process(),
            cgroups: procfs.is_none().then(Cgroups::of_this_system).flatten(),
            bus: if procfs.is_none() && Path::new(BOOTED).is_dir() { Bus::at(bus::SOCKET) } else { Bus::none() },
            seen: Vec::new(),
            logins_since: None,
            buffer: Vec::new(),
        }
    }

    /// Whether it is the system that the agent runs on, and not that of another /proc.
    pub fn is_this_system(&self) -> bool {
        self.network_devices.is_some()
    }

    /// This source has its quantities now.
    pub fn see(&mut self, source: &'static str, now: Boot) {
        match self.seen.iter_mut().find(|(seen, _)| *seen == source) {
            Some((_, at)) => *at = now,
            None => self.seen.push((source, now)),
        }
    }

    /// Since the machine's start, or the container's where /proc is its own (lxcfs); `None`: it does not say (proc_uptime(5)).
    pub fn uptime(&mut self) -> Option<Duration> {
        let text = self.proc_file("uptime").read(&mut self.buffer).ok()?.to_owned();
        let seconds = std::str::from_utf8(&text).ok()?.split_whitespace().next()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// How many CPUs there are, as in /proc/stat.
    pub fn cpus(&mut self) -> usize {
        let mut file = self.proc_file("stat");
        let text = file.read(&mut self.buffer).unwrap_or_default();
        let is_cpu = |line: &&[u8]| line.strip_prefix(b"cpu").is_some_and(|name| name.first() != Some(&b' '));
        text.split(|byte| *byte == b'\n').filter(is_cpu).count()
    }

    /// A file of /proc by its name there: `meminfo`, `stat`.
    pub fn proc_file(&self, name: &str) -> ProcFile {
        ProcFile::new(self.procfs.join(name))
    }

    /// A file of /proc/net by its name there: `dev`, `sockstat`.
    pub fn network_file(&self, name: &str) -> ProcFile {
        ProcFile::new(self.network.join(name))
    }
}

/// The number of the first namespace of processes, which is the machine's own (PROC_PID_INIT_INO in the kernel's
/// include/linux/proc_ns.h).
const OF_THE_MACHINE: &str = "pid:[4026531836]";

/// Whether this system is a container: its processes have a namespace of their own. Marks such as /.dockerenv are left in
/// machines that were made of an image.
fn is_container() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|name| name != Path::new(OF_THE_MACHINE))
}

/// The host's name as `hostname` prints it: the whole of gethostname(2). Two hosts may differ behind a dot alone.
pub fn name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    if name.is_empty() { "localhost".to_owned() } else { name.to_string_lossy().into_owned() }
}

/// The release of the kernel that runs (`6.1.0-41-amd64`); empty if it does not tell it.
pub fn kernel_release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").map(|release| release.trim().to_owned()).unwrap_or_default()
}

/// The id of this start of the machine; empty if the kernel does not tell it.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}
