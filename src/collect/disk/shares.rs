//! The shares of a file system that are in use: of its space, and of its inodes. Pure.

use std::rc::Rc;

use super::failure;
use crate::metric;
use crate::snapshot::{Snapshot, Value};
use crate::worker::FileSystem;

pub fn take_usage(path: &Rc<str>, file_system: FileSystem, into: &mut Snapshot) {
    match usage(file_system) {
        Ok(usage) => into.push(metric::DISK, Rc::clone(path), usage),
        Err(error) => into.failures.push(failure(path, &[metric::DISK], &error)),
    }
}

/// Where a file system has no inodes there is nothing to be known.
pub fn take_inodes(path: &Rc<str>, file_system: FileSystem, into: &mut Snapshot) {
    match inodes_used(file_system) {
        Ok(Some(percent)) => into.push(metric::INODES, Rc::clone(path), Value::Number(percent)),
        Ok(None) => into.unwatch(metric::INODES, path),
        Err(error) => into.failures.push(failure(path, &[metric::INODES], &error)),
    }
}

/// Used over used and available to ordinary users, as `df` and psutil have it: over 100 % where more is used than they
/// may have. Worked out in blocks, whose bytes may be more than a number holds.
fn usage(file_system: FileSystem) -> Result<Value, String> {
    let FileSystem { block_bytes, blocks, blocks_free, blocks_available, .. } = file_system;
    let Some(used) = blocks.checked_sub(blocks_free) else {
        return Err(format!("it reports {blocks_free} free blocks of {blocks}"));
    };
    let writable = i128::from(used) + i128::from(blocks_available);
    if writable <= 0 {
        return Err("this file system has no size (/proc and the like have none)".to_owned());
    }
    let in_bytes = |blocks: u64| blocks.saturating_mul(block_bytes);
    let percent = used as f64 / writable as f64 * 100.0;
    Ok(Value::Usage { percent, used_bytes: in_bytes(used), total_bytes: in_bytes(blocks) })
}

/// The share of the inodes that are used, as `df -i` has it; `None`: it has none, and makes them as it goes.
fn inodes_used(file_system: FileSystem) -> Result<Option<f64>, String> {
    let FileSystem { files, files_free, .. } = file_system;
    if files == 0 {
        return Ok(None);
    }
    let used =
        files.checked_sub(files_free).ok_or_else(|| format!("it reports {files_free} free inodes of {files}"))?;
    Ok(Some(used as f64 / files as f64 * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: FileSystem = FileSystem {
        block_bytes: 4096,
        blocks: 1000,
        blocks_free: 500,
        blocks_available: 300,
        files: 200,
        files_free: 50,
    };

    fn percent(blocks: u64, blocks_free: u64, blocks_available: i64) -> Result<f64, String> {
        match usage(FileSystem { blocks, blocks_free, blocks_available, ..DATA })? {
            Value::Usage { percent, .. } => Ok(percent),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_used_beyond_what_ordinary_users_may_have_is_over_a_hundred_percent() {
        // df says 103 %: it rounds up.
        assert_eq!(percent(1_000_000, 60_000, -20_000).map(|percent| format!("{percent:.1}")), Ok("102.2".to_owned()));
        assert_eq!(percent(1000, 0, 0), Ok(100.0));
    }

    #[test]
    fn a_size_beyond_all_numbers_keeps_its_share() {
        assert_eq!(percent(1 << 63, 1 << 62, 1 << 62), Ok(50.0));
        let size = FileSystem { blocks: 1 << 63, blocks_free: 1 << 62, blocks_available: 1 << 62, ..DATA };
        assert!(matches!(usage(size), Ok(Value::Usage { used_bytes: u64::MAX, total_bytes: u64::MAX, .. })));
    }

    #[test]
    fn what_makes_no_sense_is_unknown_and_not_zero() {
        assert_eq!(percent(10, 11, 11), Err("it reports 11 free blocks of 10".to_owned()));
        assert!(percent(100, 100, 0).is_err() && percent(100, 90, -20).is_err());
    }

    #[test]
    fn more_free_inodes_than_there_are_make_no_sense() {
        let of = |files, files_free| inodes_used(FileSystem { files, files_free, ..DATA });
        assert_eq!(of(10, 11), Err("it reports 11 free inodes of 10".to_owned()));
        assert_eq!((of(10, 0), of(u64::MAX, u64::MAX), of(0, 5)), (Ok(Some(100.0)), Ok(Some(0.0)), Ok(None)));
    }
}
