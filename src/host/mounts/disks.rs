//! Which mounts are the file systems of this host's disks. Pure.

use std::path::Path;
use std::rc::Rc;

use super::table::{Mount, Table};

impl Table {
    /// The mount points of the file systems of this host's disks, one for each: where it was mounted first.
    pub(super) fn disks(&self) -> Vec<(&Path, &Rc<str>)> {
        let is_in_sight =
            |mount: &&Mount| self.place(&mount.point, |_| None).is_some_and(|place| *place.device == mount.device);
        let is_wanted = |mount: &&Mount| mount.is_of_a_disk && !is_left_out(&mount.point);
        let mut found: Vec<(&Path, &Rc<str>)> = Vec::new();
        for mount in self.mounts.iter().filter(is_wanted).filter(is_in_sight) {
            if !found.iter().any(|(_, device)| **device == mount.device) {
                found.push((&mount.point, &mount.device));
            }
        }
        found
    }
}

/// Mount points that are no disk to a person: the loader's partition, and those that engines make for containers.
fn is_left_out(point: &Path) -> bool {
    const OF_LOADER: [&str; 2] = ["/boot/efi", "/efi"];
    const BELOW: [&str; 4] = ["/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet"];
    let is_below = |folder: &&str| point.starts_with(folder) && point != Path::new(folder);
    OF_LOADER.iter().any(|own| point == Path::new(own)) || BELOW.iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_whole_local_file_systems_each_once() {
        let list = "1 1 254:0 / / rw - ext4 /dev/vda rw\n\
            2 1 8:16 / /data rw - xfs /dev/sdb rw\n\
            3 1 8:16 / /srv/www rw - xfs /dev/sdb rw\n\
            4 1 254:0 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw\n\
            5 1 8:32 /part /bind rw - ext4 /dev/sdc rw\n\
            6 1 0:40 / /mnt/nfs rw - nfs4 server:/x rw\n\
            7 1 0:41 / /run rw - tmpfs tmpfs rw\n\
            8 1 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro\n\
            9 1 0:42 / /var/lib/docker/overlay2/a/merged rw - overlay overlay rw\n\
            10 1 253:9 / /var/lib/docker/devicemapper/mnt/a rw - ext4 /dev/dm-9 rw\n\
            11 1 253:1 / /var/lib/docker rw - ext4 /dev/dm-1 rw\n\
            12 1 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n\
            13 1 0:50 /@home /home rw - btrfs /dev/sdd rw\n\
            14 1 0:50 /@ /pool/root rw - btrfs /dev/sdd rw\n\
            15 1 11:0 / /cdrom ro - iso9660 /dev/sr0 ro\n\
            16 1 0:51 / /tank rw - zfs tank rw\n\
            17 1 8:48 / /covered/below rw - ext4 /dev/sde rw\n\
            18 1 0:52 / /covered rw - tmpfs tmpfs rw\n";
        let table = Table::parse(list.as_bytes()).unwrap();
        let points: Vec<_> = table.disks().into_iter().map(|(point, _)| point.to_str().unwrap()).collect();
        assert_eq!(points, ["/", "/data", "/var/lib/docker", "/home", "/tank"]);
    }
}
