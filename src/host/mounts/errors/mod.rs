//! The errors that ext4 records, where its options do not tell that it has shut itself.
//!
//! With `errors=remount-ro` an ext4 refuses every write after an error. Up to Linux 6.11 its options say `ro` then, from 6.15
//! on `emergency_ro`. Between these, and in stable versions of older ones (Debian's 6.1), they stay `rw`: only
//! /sys/fs/ext4/NAME has the time of the last error (Documentation/ABI/testing/sysfs-fs-ext4).
//!
//! The record outlives the mount, until e2fsck(8) clears it. So an error counts only if it is younger than the machine's
//! start, and than the last look before a mount that came later: that one can be written. A look of the agent's process
//! before is one, too.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::superblock::{AtErrors, SHUTS};
use crate::clock::{self, Boot};
use crate::host;

/// The records are looked at once in this time; each takes a link and a small file.
const LOOK_EVERY: Duration = Duration::from_secs(9);

/// The options tell it from this version on.
const TOLD_SINCE: [u32; 2] = [6, 15];

#[derive(Debug)]
pub(super) struct Errors {
    /// `None`: the options tell it.
    kernel: Option<Kernel>,
    looked: Option<Boot>,
    /// The list of mounts is the same as at the last look.
    is_of_this_list: bool,
    /// Of the mounts at the last look.
    records: ErrorRecords,
    /// The devices among them whose file systems have shut themselves.
    shut: Vec<Rc<str>>,
}

/// Where the kernel tells of its file systems.
#[derive(Debug)]
struct Kernel {
    sys: PathBuf,
    proc: PathBuf,
}

/// The records of ext4 file systems at a look, by device (`8:1`). They are this start's of the machine.
pub type ErrorRecords = BTreeMap<Rc<str>, ErrorRecord>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// The number of its file in sysfs, which each mount makes anew.
    inode: u64,
    /// Errors count from this second after the machine's start on. They are stamped by the wall clock, which may be set.
    since: i64,
}

impl Errors {
    pub fn of_this_kernel() -> Errors {
        Errors::of_kernel(&host::kernel_release(), "/sys", "/proc")
    }

    pub fn of_kernel(release: &str, sys: impl Into<PathBuf>, proc: impl Into<PathBuf>) -> Errors {
        let tells = version(release).is_some_and(|version| version >= TOLD_SINCE);
        let kernel = (!tells).then(|| Kernel { sys: sys.into(), proc: proc.into() });
        Errors { kernel, looked: None, is_of_this_list: false, records: ErrorRecords::new(), shut: Vec::new() }
    }

    /// Goes on from the looks of an earlier process, the last of which was not before this instant.
    pub fn remember(&mut self, records: &ErrorRecords, looked: Boot) {
        (self.records, self.looked) = (records.clone(), Some(looked));
    }

    /// `None`: nobody has looked, or the options tell it.
    pub fn records(&self) -> Option<&ErrorRecords> {
        self.looked.map(|_| &self.records)
    }

    /// Another list of mounts is looked at without delay: a device may be another one.
    pub fn forget_look(&mut self) {
        self.is_of_this_list = false;
    }

    /// Looks at the records of `devices`, if that is due. Whether the next process has something new to know.
    pub fn look<'a>(&mut self, devices: impl Iterator<Item = (&'a Rc<str>, AtErrors)>, now: Boot) -> bool {
        let Some(kernel) = &self.kernel else { return false };
        if self.is_of_this_list && self.looked.is_some_and(|looked| now - looked < LOOK_EVERY) {
            return false;
        }
        self.is_of_this_list = true;
        let second = |instant: Boot| instant.as_micros() / 1_000_000;
        let before = self.looked.replace(now).map_or(0, second);
        let started = (clock::now().wall.as_microsecond() - now.as_micros()).div_euclid(1_000_000);
        let (mut records, known) = (ErrorRecords::new(), &self.records);
        self.shut.clear();
        for (device, at_errors) in devices {
            let Some(Recorded { name, inode, error }) = kernel.last_error(device) else { continue };
            // Nought: it never had one.
            let error = if error > 0 { error.saturating_sub(started) } else { i64::MIN };
            let same = known.get(device).filter(|record| record.inode == inode);
            // An instant in the future is no agent's.
            let mut since = same.map_or(before, |record| record.since.min(second(now)));
            if error >= since {
                let shuts = if at_errors == AtErrors::Shuts { Some(true) } else { kernel.shuts(&name) };
                match shuts {
                    Some(true) => self.shut.push(Rc::clone(device)),
                    // It goes on, and may be told to shut itself at the next one.
                    Some(false) => since = error.saturating_add(1),
                    None => {}
                }
            }
            records.insert(Rc::clone(device), ErrorRecord { inode, since });
        }
        let is_new = records != self.records;
        self.records = records;
        is_new
    }

    pub fn has_shut(&self, device: &str) -> bool {
        self.shut.iter().any(|shut| **shut == *device)
    }
}

/// The record of a device.
struct Recorded {
    /// The kernel's name of the device: `sda1`.
    name: PathBuf,
    inode: u64,
    /// The second of the last error by the wall clock.
    error: i64,
}

impl Kernel {
    /// `None`: there is none.
    fn last_error(&self, device: &str) -> Option<Recorded> {
        let name: PathBuf = fs::read_link(self.sys.join("dev/block").join(device)).ok()?.file_name()?.into();
        let record = self.sys.join("fs/ext4").join(&name).join("last_error_time");
        let inode = fs::metadata(&record).ok()?.ino();
        let error = fs::read_to_string(record).ok()?.trim().parse().ok()?;
        Some(Recorded { name, inode, error })
    }

    /// Whether an ext4 shuts itself at errors, by all its options. `None`: they cannot be read.
    fn shuts(&self, name: &Path) -> Option<bool> {
        let options = fs::read_to_string(self.proc.join("fs/ext4").join(name).join("options")).ok()?;
        Some(options.lines().any(|option| option == SHUTS))
    }
}

/// `[6, 1]` of `6.1.0-41-amd64`.
fn version(release: &str) -> Option<[u32; 2]> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().ok());
    Some([numbers.next()??, numbers.next()??])
}

#[cfg(test)]
mod tests;
