//! The errors that ext4 records, where its options do not tell that it has shut itself.
//!
//! With `errors=remount-ro` an ext4 refuses every write after an error. Up to Linux 6.11 its options say `ro` then, from 6.15
//! on `emergency_ro`. Between these, and in stable versions of older ones (Debian's 6.1), they stay `rw`: only
//! /sys/fs/ext4/NAME has the time of the last error (Documentation/ABI/testing/sysfs-fs-ext4). One from before the
//! machine's start was of another mount; after a later one e2fsck(8) is due, and clears the record.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::clock::{self, Boot};

/// The records are looked at once in this time; each takes a link and a small file.
const LOOK_EVERY: Duration = Duration::from_secs(9);

#[derive(Debug)]
pub(super) struct Errors {
    sys: PathBuf,
    looked: Option<Boot>,
    /// The devices of file systems that have shut themselves.
    shut: Vec<Rc<str>>,
}

impl Errors {
    pub fn below(sys: impl Into<PathBuf>) -> Errors {
        Errors { sys: sys.into(), looked: None, shut: Vec::new() }
    }

    /// Looks at the records of `devices`, if that is due.
    pub fn look<'a>(&mut self, devices: impl Iterator<Item = &'a Rc<str>>, now: Boot) {
        if self.looked.is_some_and(|looked| now - looked < LOOK_EVERY) {
            return;
        }
        self.looked = Some(now);
        let sys = &self.sys;
        let started = clock::now().wall.as_second() - now.as_micros() / 1_000_000;
        let has_erred = |device: &&Rc<str>| last_error(sys, device).is_some_and(|second| second >= started);
        self.shut = devices.filter(has_erred).cloned().collect();
    }

    pub fn has_shut(&self, device: &str) -> bool {
        self.shut.iter().any(|shut| **shut == *device)
    }
}

/// The second of the last error on a device (`8:1`), by the wall clock; `None`: it has no such record.
fn last_error(sys: &Path, device: &str) -> Option<i64> {
    let block = fs::read_link(sys.join("dev/block").join(device)).ok()?;
    let record = sys.join("fs/ext4").join(block.file_name()?).join("last_error_time");
    fs::read_to_string(record).ok()?.trim().parse().ok()
}
