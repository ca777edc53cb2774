//! Whether a file system can be written, by its superblock's options in mountinfo, and which one it is.
//!
//! Not by statvfs(3): in a sandbox (systemd's ProtectSystem=) each mount is read-only, and the file system below is not.

use std::path::Path;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

/// A file system of a disk.
#[derive(Debug)]
pub(super) struct Superblock {
    pub device: Rc<str>,
    pub writing: Writing,
    /// `None`: it is not known.
    pub id: Option<DiskId>,
}

/// The number that statfs(2) gives to the file system of a disk: its lower half, which all subvolumes of a btrfs share.
///
/// It comes of the UUID in ext4 and btrfs, so it is the same at each mount. XFS, FAT and f2fs give that of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiskId(u32);

/// Asks for the number of a file system at its mount point.
pub type AskId = fn(&Path) -> Option<DiskId>;

impl DiskId {
    /// `None`: it has none, or does not answer.
    pub fn ask(point: &Path) -> Option<DiskId> {
        let number = nix::sys::statvfs::statvfs(point).ok()?.filesystem_id() as u32;
        (number != 0).then_some(DiskId(number))
    }

    /// Whether it is the number of a device (`8:1`), as the kernel has it for file systems without one
    /// (`huge_encode_dev` in include/linux/kdev_t.h).
    pub(super) fn is_of_device(self, device: &str) -> bool {
        let numbers =
            device.split_once(':').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        numbers.is_some_and(|(major, minor): (u32, u32)| {
            self.0 == (minor & 0xff) | (major.wrapping_shl(8)) | (minor & !0xff).wrapping_shl(12)
        })
    }
}

#[cfg(test)]
impl DiskId {
    pub fn of_a_test(number: u32) -> DiskId {
        DiskId(number)
    }
}

/// Whether a file system can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writing {
    pub is_read_only: bool,
    /// The kernel made it so: the mount is one that writes. `mount -o ro` makes both read-only.
    pub was_turned: bool,
    pub at_errors: AtErrors,
}

/// Whether a file system shuts itself for writing after an error, and may not say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtErrors {
    Shuts,
    /// As its superblock's default says. ext4 lists only an option that differs from that.
    ByDefault,
    /// Or it says so, or it is shut already.
    GoesOn,
}

/// The option of an ext4 that shuts itself.
pub(super) const SHUTS: &str = "errors=remount-ro";

/// ext4 from Linux 6.15 on tells so of a file system that it has shut for writing after an error
/// (<https://docs.kernel.org/admin-guide/ext4.html>), or shut altogether (`_ext4_show_options` in fs/ext4/super.c).
const SHUT: [&[u8]; 2] = [b"emergency_ro", b"shutdown"];

/// The device of a line of mountinfo (proc_pid_mountinfo(5)): `8:16`.
pub(super) fn device(line: &[u8]) -> Option<&[u8]> {
    fields(line).nth(2)
}

/// `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue`
pub(super) fn writing(line: &[u8]) -> Option<Writing> {
    let mut fields = fields(line);
    let of_mount = fields.nth(5)?;
    fields.find(|field| *field == b"-")?;
    let kind = fields.next()?;
    let of_superblock = fields.nth(1)?;
    let has = |options: &[u8], wanted: &[u8]| options.split(|byte| *byte == b',').any(|option| option == wanted);
    let is_shut = SHUT.iter().any(|option| has(of_superblock, option));
    let is_read_only = is_shut || has(of_superblock, b"ro");
    let was_turned = is_read_only && (is_shut || has(of_mount, b"rw"));
    let at_errors = match () {
        () if kind != b"ext4" || is_read_only => AtErrors::GoesOn,
        () if has(of_superblock, SHUTS.as_bytes()) => AtErrors::Shuts,
        () if of_superblock.split(|byte| *byte == b',').any(|option| option.starts_with(b"errors=")) => {
            AtErrors::GoesOn
        }
        () => AtErrors::ByDefault,
    };
    Some(Writing { is_read_only, was_turned, at_errors })
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<(bool, bool)> {
        writing(line.as_bytes()).map(|found| (found.is_read_only, found.was_turned))
    }

    #[test]
    fn the_superblocks_options_count_and_not_the_mounts() {
        // In the sandbox of a service; `errors=remount-ro`; as it is mounted; what ext4 says from Linux 6.15 on.
        for (line, found) in [
            ("36 35 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro", (false, false)),
            ("36 35 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 ro,errors=remount-ro", (true, true)),
            ("36 35 8:1 / /media ro,relatime - ext4 /dev/sdb1 ro", (true, false)),
            ("36 35 8:1 / / ro - ext4 /dev/sda1 rw,emergency_ro", (true, true)),
            ("36 35 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro,shutdown", (true, true)),
            ("36 35 8:1 / / rw - ext4 /dev/sda1 rw,errors=remount-ro,prjquota", (false, false)),
        ] {
            assert_eq!(of(line), Some(found), "{line}");
        }
        assert_eq!(device(b"36 35 8:1 / / rw - ext4 /dev/sda1 rw"), Some(&b"8:1"[..]));
    }

    #[test]
    fn an_ext4_without_the_option_does_at_errors_as_its_superblock_says() {
        for (kind, options, at_errors) in [
            ("ext4", "rw,errors=remount-ro", AtErrors::Shuts),
            ("ext4", "rw,discard", AtErrors::ByDefault),
            ("ext4", "rw,errors=continue", AtErrors::GoesOn),
            ("ext4", "rw,errors=panic", AtErrors::GoesOn),
            ("ext4", "ro,errors=remount-ro", AtErrors::GoesOn),
            ("vfat", "rw,errors=remount-ro", AtErrors::GoesOn),
        ] {
            let line = format!("36 35 8:1 / / rw - {kind} /dev/sda1 {options}");
            assert_eq!(writing(line.as_bytes()).unwrap().at_errors, at_errors, "{line}");
        }
    }

    #[test]
    fn the_number_of_a_device_is_none_of_a_disk() {
        let numbers = [
            (0x700, "7:0", true),
            (0x0810, "8:16", true),
            (0x0101_032c, "259:4140", true),
            (0x0001_032c, "259:4140", false),
            (0x0811, "8:16", false),
            (7, "", false),
        ];
        for (number, device, is_it) in numbers {
            assert_eq!(DiskId(number).is_of_device(device), is_it, "{number:x} {device}");
        }
    }

    #[test]
    fn a_line_that_is_cut_short_says_nothing() {
        for line in ["", "36 35 8:1", "36 35 8:1 / / ro", "36 35 8:1 / / ro - ext4 /dev/sda1"] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = (device(&line), writing(&line));
        }
    }
}
