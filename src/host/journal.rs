//! The size of systemd's journal.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where journald keeps it if it is to last (journald.conf(5)).
pub const FOLDER: &str = "/var/log/journal";

/// The most files that are looked at; journald keeps 100 of its own, and those of other machines are few.
const MAX_FILES: usize = 2000;

/// st_blocks counts these, whatever the file system's own are (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// The bytes on disk of the journals of all machines in `folder`, which `journalctl --disk-usage` shows; `None`: there is none.
pub fn bytes(folder: &Path) -> Option<u64> {
    let machines = fs::read_dir(folder).ok()?.flatten().take(MAX_FILES);
    let files = machines.filter_map(|machine| fs::read_dir(machine.path()).ok()).flat_map(Iterator::flatten);
    let blocks = files.take(MAX_FILES).filter_map(|file| file.metadata().ok()).filter(fs::Metadata::is_file);
    Some(blocks.map(|file| file.blocks().saturating_mul(BLOCK_BYTES)).fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
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
