//! The errors that ext4 records, where its options do not tell that it has shut itself.
//!
//! With `errors=remount-ro` an ext4 refuses every write after an error. Up to Linux 6.11 its options say `ro` then, from 6.15
//! on `emergency_ro`. Between these, and in stable versions of older ones (Debian's 6.1), they stay `rw`: only
//! /sys/fs/ext4/NAME has the time of the last error (Documentation/ABI/testing/sysfs-fs-ext4).
//!
//! The record outlives the mount, until e2fsck(8) clears it. So an error counts only if it is younger than the machine's
//! start, and than the last look before a mount that this process saw come: that one can be written.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::clock::{self, Boot};
use crate::host;

/// The records are looked at once in this time; each takes a link and a small file.
const LOOK_EVERY: Duration = Duration::from_secs(9);

/// The options tell it from this version on.
const TOLD_SINCE: [u32; 2] = [6, 15];

#[derive(Debug)]
pub(super) struct Errors {
    /// `None`: the options tell it.
    sys: Option<PathBuf>,
    looked: Option<Look>,
    /// The mounts at the last look, and the file systems among them that have shut themselves.
    records: Vec<Record>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    boot: Boot,
    /// By the wall clock, as errors are.
    second: i64,
}

#[derive(Debug)]
struct Record {
    device: Rc<str>,
    /// The number of its file in sysfs, which each mount makes anew.
    inode: u64,
    /// Errors count from this second on.
    since: i64,
    has_shut: bool,
}

impl Errors {
    pub fn of_this_kernel() -> Errors {
        Errors::of_kernel(&host::kernel_release(), "/sys")
    }

    pub fn of_kernel(release: &str, sys: impl Into<PathBuf>) -> Errors {
        let tells = version(release).is_some_and(|version| version >= TOLD_SINCE);
        Errors { sys: (!tells).then(|| sys.into()), looked: None, records: Vec::new() }
    }

    /// Looks at the records of `devices`, if that is due.
    pub fn look<'a>(&mut self, devices: impl Iterator<Item = &'a Rc<str>>, now: Boot) {
        let Some(sys) = &self.sys else { return };
        if self.looked.is_some_and(|looked| now - looked.boot < LOOK_EVERY) {
            return;
        }
        let look = Look { boot: now, second: clock::now().wall.as_second() };
        let started = look.second - now.as_micros() / 1_000_000;
        let before = self.looked.replace(look);
        let known = &self.records;
        let record = |device: &Rc<str>| {
            let (inode, error) = last_error(sys, device)?;
            let same = known.iter().find(|record| record.device == *device && record.inode == inode);
            let since = same.map(|record| record.since).or(before.map(|look| look.second)).unwrap_or(started);
            Some(Record { device: Rc::clone(device), inode, since, has_shut: error >= since })
        };
        self.records = devices.filter_map(record).collect();
    }

    pub fn has_shut(&self, device: &str) -> bool {
        self.records.iter().any(|record| record.has_shut && *record.device == *device)
    }
}

/// `[6, 1]` of `6.1.0-41-amd64`.
fn version(release: &str) -> Option<[u32; 2]> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().ok());
    Some([numbers.next()??, numbers.next()??])
}

/// The record of a device (`8:1`): the number of its file, and the second of the last error by the wall clock. `None`: it has
/// none.
fn last_error(sys: &Path, device: &str) -> Option<(u64, i64)> {
    let block = fs::read_link(sys.join("dev/block").join(device)).ok()?;
    let record = sys.join("fs/ext4").join(block.file_name()?).join("last_error_time");
    let inode = fs::metadata(&record).ok()?.ino();
    Some((inode, fs::read_to_string(record).ok()?.trim().parse().ok()?))
}
