//! The size of systemd's journal.

use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::files::each_entry;

/// Where journald keeps it if it is to last (journald.conf(5)).
pub const FOLDER: &str = "/var/log/journal";

/// The most entries that are looked at; journald keeps 100 of its own, and those of other machines are few.
const MAX_FILES: usize = 2000;

/// st_blocks counts these, whatever the file system's own are (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// The bytes on disk of the journals of all machines in `folder`, which `journalctl --disk-usage` shows; `None`: there is none.
pub fn bytes(folder: &Path) -> Option<u64> {
    let (mut looked_at, mut blocks) = (0, 0_u64);
    let mut go_on = || {
        looked_at += 1;
        if looked_at < MAX_FILES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    each_entry(folder, |machine| {
        // One that is gone, or no folder, has no files.
        let _ = each_entry(&machine.path(), |file| {
            let metadata = file.metadata().ok().filter(|metadata| metadata.is_file());
            blocks = blocks.saturating_add(metadata.map_or(0, |metadata| metadata.blocks()));
            go_on()
        });
        go_on()
    })
    .ok()?;
    Some(blocks.saturating_mul(BLOCK_BYTES))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_files_of_every_machine_count_as_they_lie_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(bytes(folder.path()), Some(0));
        for machine in ["a", "b"] {
            fs::create_dir(folder.path().join(machine)).unwrap();
            fs::write(folder.path().join(machine).join("system.journal"), [1; 40_000]).unwrap();
        }
        let bytes = bytes(folder.path()).unwrap();
        assert!((80_000..200_000).contains(&bytes), "{bytes}");
        assert_eq!(super::bytes(Path::new("/no/such/folder")), None);
    }
}
