//! Kinds of file systems, by how surely statvfs(3) on them returns at once.

/// How a file system answers, as far as its kind tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Lives in memory: nothing in it can block.
    Memory,
    /// On a block device. Its size is kept in memory, but finding a name in it may take a read from the device, and a
    /// device may hang: a dying disk, iSCSI, a network block device, multipath without a path.
    Block,
    /// As [`Kind::Block`], or passes the question on to another file system of unknown kind.
    Layered,
    /// Mounts another file system on access.
    Automount,
    /// Asks a server, or a program (FUSE), or is not known.
    Other,
}

impl Kind {
    /// By the type in mountinfo (proc_pid_mountinfo(5)).
    pub(super) fn of(file_system: &str) -> Kind {
        match file_system {
            "devtmpfs" | "hugetlbfs" | "proc" | "ramfs" | "rootfs" | "sysfs" | "tmpfs" => Kind::Memory,
            "btrfs" | "erofs" | "exfat" | "ext2" | "ext3" | "ext4" | "f2fs" | "hfsplus" | "iso9660" | "jfs"
            | "msdos" | "nilfs2" | "ntfs3" | "reiserfs" | "squashfs" | "udf" | "vfat" | "xfs" => Kind::Block,
            "aufs" | "bcachefs" | "overlay" | "zfs" => Kind::Layered,
            "autofs" => Kind::Automount,
            _ => Kind::Other,
        }
    }
}

/// Whether it is a file system of its own on this host's disks, which can be written: not an image (squashfs, iso9660), not a
/// layer over others (overlay), not in memory.
pub(super) fn is_of_a_disk(file_system: &str) -> bool {
    matches!(file_system, "btrfs" | "ext2" | "ext3" | "ext4" | "f2fs" | "vfat" | "xfs" | "zfs")
}
