//! The measurements of a scripted day: a fixture host's /proc through the real collectors, and file systems of any size.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vps_monitor::clock::Boot;
use vps_monitor::collect::{Check, Plan};
use vps_monitor::host::Host;
use vps_monitor::worker::{FileSystem, StatvfsError};

use crate::support::lay_over;

const BLOCK_BYTES: u64 = 4096;
const BLOCKS_IN_A_GB: f64 = (1_u64 << 30) as f64 / BLOCK_BYTES as f64;

thread_local! {
    /// The file systems of the day that this thread plays: [`Host::ask_file_system`] takes a plain function.
    static DISKS: RefCell<BTreeMap<PathBuf, FileSystem>> = const { RefCell::new(BTreeMap::new()) };
}

/// A measurement with a /proc of its own, so that two can be under way.
pub struct Bench {
    _folder: TempDir,
    pub procfs: PathBuf,
    pub host: Host,
    pub check: Check,
}

impl Bench {
    pub fn new(plan: &Plan) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let procfs = folder.path().join("proc");
        let mut host = Host::new(Some(&procfs));
        host.ask_file_system = ask_file_system;
        let check = Check::new(&plan.sources, &host);
        Bench { _folder: folder, procfs, host, check }
    }

    /// Takes the first readings; the second ones will be those of `later`.
    pub fn begin(&mut self, fixture: &Path, now: Boot) {
        let _ = fs::remove_dir_all(&self.procfs);
        lay_over(&fixture.join("proc"), &self.procfs);
        self.check.begin(&mut self.host, now);
        if fixture.join("later/proc").is_dir() {
            lay_over(&fixture.join("later/proc"), &self.procfs);
        }
    }
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
