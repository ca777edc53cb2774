//! The measurements of a scripted day: a fixture host's /proc through the real collectors, and file systems of any size.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::{Check, Plan};
use vps_monitor::host::Host;
use vps_monitor::snapshot::Snapshot;
use vps_monitor::worker::{FileSystem, StatvfsError};

use crate::support::lay_over;

const BLOCK_BYTES: u64 = 4096;
const BLOCKS_IN_A_GB: f64 = (1_u64 << 30) as f64 / BLOCK_BYTES as f64;

thread_local! {
    /// The file systems of the day that this thread plays: [`Host::ask_file_system`] takes a plain function.
    static DISKS: RefCell<BTreeMap<PathBuf, FileSystem>> = const { RefCell::new(BTreeMap::new()) };
}

/// The files whose counters go on. A fixture has them a second time in `later`, as they are [`LATER`] afterwards.
const COUNTERS: [&str; 2] = ["net/dev", "stat"];

const LATER: Duration = Duration::from_secs(5);

/// A measurement with a /proc of its own, so that two can be under way.
pub struct Bench {
    _folder: TempDir,
    pub procfs: PathBuf,
    host: Host,
    check: Check,
    fixture: PathBuf,
}

impl Bench {
    pub fn new(plan: &Plan) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let procfs = folder.path().join("proc");
        let mut host = Host::new(Some(&procfs));
        host.ask_file_system = ask_file_system;
        let check = Check::new(&plan.sources, &host);
        Bench { _folder: folder, procfs, host, check, fixture: PathBuf::new() }
    }

    /// Takes the first readings.
    pub fn begin(&mut self, fixture: &Path, now: Boot) {
        // It stays one host, whose kernel keeps the files that a fixture leaves out.
        lay_over(&fixture.join("proc"), &self.procfs);
        self.fixture = fixture.to_owned();
        self.count_up_to(now);
        self.check.begin(&mut self.host, now);
    }

    pub fn next_due(&self) -> Option<Boot> {
        self.check.next_due()
    }

    /// The readings that are due; at the end all of them.
    pub fn advance(&mut self, now: Now) -> Option<Snapshot> {
        self.check.next_due().filter(|due| *due <= now.boot)?;
        self.count_up_to(now.boot);
        self.check.advance(&mut self.host, now)
    }

    /// The counters go on between two checks as they do within one.
    fn count_up_to(&self, now: Boot) {
        for name in COUNTERS {
            let later = self.fixture.join("later/proc").join(name);
            let Ok(later) = fs::read_to_string(later) else { continue };
            let first = fs::read_to_string(self.fixture.join("proc").join(name)).unwrap();
            fs::write(self.procfs.join(name), counted(&first, &later, now)).unwrap();
        }
    }
}

/// A file of counters at that time, if its growth from `first` to `later` took [`LATER`] and goes on like that.
fn counted(first: &str, later: &str, now: Boot) -> String {
    let (passed, whole) = (u128::from(now.as_micros().unsigned_abs()), LATER.as_micros());
    let lines = first.lines().zip(later.lines()).map(|(first, later)| {
        let word = |(first, later): (&str, &str)| match (first.parse::<u128>(), later.parse::<u128>()) {
            (Ok(from), Ok(to)) => (from + to.saturating_sub(from) * passed / whole).to_string(),
            _ => first.to_owned(),
        };
        first.split_whitespace().zip(later.split_whitespace()).map(word).collect::<Vec<_>>().join(" ") + "\n"
    });
    lines.collect()
}

fn ask_file_system(path: &Path) -> Result<FileSystem, StatvfsError> {
    DISKS
        .with_borrow(|disks| disks.get(path).copied())
        .ok_or_else(|| StatvfsError("No such file or directory".to_owned()))
}

pub fn clear_disks() {
    DISKS.with_borrow_mut(BTreeMap::clear);
}

/// Gives a file system its use and its size, in GB; `None` takes it away.
pub fn set_disk(path: &str, size_gb: Option<[f64; 2]>) {
    let Some(size_gb) = size_gb else {
        DISKS.with_borrow_mut(|disks| disks.remove(Path::new(path)));
        return;
    };
    let [used, blocks] = size_gb.map(|gb| (gb * BLOCKS_IN_A_GB) as u64);
    let free = blocks - used;
    let blocks_available = free.cast_signed();
    let size =
        FileSystem { block_bytes: BLOCK_BYTES, blocks, blocks_free: free, blocks_available, files: 0, files_free: 0 };
    DISKS.with_borrow_mut(|disks| disks.insert(path.into(), size));
}
