//! A file system of which half is used, as statvfs(2) answers, whatever the path: tests/budget has it, too.

use std::path::Path;

use vps_monitor::worker::{FileSystem, StatvfsError};

pub fn half_full(_: &Path) -> Result<FileSystem, StatvfsError> {
    Ok(FileSystem {
        block_bytes: 4096,
        blocks: 1000,
        blocks_free: 500,
        blocks_available: 500,
        files: 100,
        files_free: 50,
    })
}
