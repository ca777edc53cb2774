//! Tells by sysfs which network interfaces are hardware.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::files::each_entry;

/// A folder with an entry for each interface: /sys/class/net (Documentation/ABI/testing/sysfs-class-net in the kernel).
#[derive(Debug)]
pub struct NetworkDevices {
    folder: PathBuf,
}

impl NetworkDevices {
    pub fn in_folder(folder: impl Into<PathBuf>) -> NetworkDevices {
        NetworkDevices { folder: folder.into() }
    }

    /// Whether bytes are counted on `name` and on no other hardware: it has a device, and the interface that it is a
    /// part of has none.
    ///
    /// A port counts although it is in a bond or a bridge, which have no device. The second half of a pair does not: a
    /// virtual function under Hyper-V's or virtio's interface, and the processor's port behind those of a switch.
    pub fn is_hardware(&self, name: &[u8]) -> bool {
        let own = self.folder.join(OsStr::from_bytes(name));
        has_device(&own) && !self.uppers(&own).iter().any(|upper| has_device(upper))
    }

    /// The kernel's number of an interface, which no other one gets while the machine runs; `None`: it does not say.
    pub fn index(&self, name: &[u8]) -> Option<u32> {
        let mut text = [0; 16];
        let file = self.folder.join(OsStr::from_bytes(name)).join("ifindex");
        let length = File::open(file).and_then(|mut file| file.read(&mut text)).ok()?;
        std::str::from_utf8(&text[..length]).ok()?.trim_end().parse().ok()
    }

    /// The interfaces that take in the bytes of `interface`: `upper_NAME`, and on kernels before 3.13 `master` alone.
    fn uppers(&self, interface: &Path) -> Vec<PathBuf> {
        let mut uppers = Vec::new();
        // One that is gone has none.
        let _ = each_entry(interface, |entry| {
            let upper = entry.name.as_bytes().strip_prefix(b"upper_");
            uppers.extend(upper.map(|name| self.folder.join(OsStr::from_bytes(name))));
            ControlFlow::Continue(())
        });
        let master = fs::read_link(interface.join("master")).ok();
        uppers.extend(master.and_then(|link| Some(self.folder.join(link.file_name()?))));
        uppers
    }
}

fn has_device(interface: &Path) -> bool {
    interface.join("device").symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree as sysfs has it: interfaces with or without a device, and pairs of a part and its whole.
    fn tree(interfaces: &[(&str, bool)], parts: &[(&str, &str)], link: fn(&str) -> String) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, device) in interfaces {
            fs::create_dir(folder.path().join(name)).unwrap();
            if *device {
                symlink("../../../0000:00:03.0", folder.path().join(name).join("device")).unwrap();
            }
        }
        for (part, whole) in parts {
            symlink(format!("../{whole}"), folder.path().join(part).join(link(whole))).unwrap();
        }
        folder
    }

    fn hardware(folder: &Path, names: &[(&str, bool)]) -> Vec<String> {
        let devices = NetworkDevices::in_folder(folder);
        let names = names.iter().map(|(name, _)| (*name).to_owned());
        names.filter(|name| devices.is_hardware(name.as_bytes())).collect()
    }

    fn upper(whole: &str) -> String {
        format!("upper_{whole}")
    }

    #[test]
    fn ports_count_and_what_is_made_of_them_or_on_them_does_not() {
        // A bond of two ports under a VLAN, Proxmox' bridge over a third with a guest on it, a radio, a tunnel.
        let interfaces = [
            ("lo", false),
            ("eno1", true),
            ("eno2", true),
            ("bond0", false),
            ("bond0.10", false),
            ("enp3s0", true),
            ("vmbr0", false),
            ("fwpr100p0", false),
            ("tap100i0", false),
            ("wlan0", true),
            ("tailscale0", false),
            ("green0", true),
        ];
        let parts = [
            ("eno1", "bond0"),
            ("eno2", "bond0"),
            ("bond0", "bond0.10"),
            ("enp3s0", "vmbr0"),
            ("fwpr100p0", "vmbr0"),
            ("enp3s0", "tailscale0"),
        ];
        for link in [upper, |_: &str| "master".to_owned()] {
            // An interface has one master, but may have any number of uppers.
            let parts = if link("") == "master" { &parts[..5] } else { &parts[..] };
            let folder = tree(&interfaces, parts, link);
            assert_eq!(hardware(folder.path(), &interfaces), ["eno1", "eno2", "enp3s0", "wlan0", "green0"]);
        }
    }

    #[test]
    fn of_two_devices_that_see_the_same_bytes_the_whole_counts() {
        // Azure: the virtual function is a part of Hyper-V's interface. A switch: its ports are on the processor's.
        let interfaces =
            [("eth0", true), ("enP1s1", true), ("eth1", true), ("lan1", true), ("lan2", true), ("br-lan", false)];
        let parts = [("enP1s1", "eth0"), ("eth1", "lan1"), ("eth1", "lan2"), ("lan1", "br-lan"), ("lan2", "br-lan")];
        let folder = tree(&interfaces, &parts, upper);
        assert_eq!(hardware(folder.path(), &interfaces), ["eth0", "lan1", "lan2"]);
    }

    #[test]
    fn an_interface_has_its_number_in_sysfs() {
        let folder = tree(&[("eth0", true), ("eth1", true)], &[], upper);
        fs::write(folder.path().join("eth0/ifindex"), "4294967295\n").unwrap();
        fs::write(folder.path().join("eth1/ifindex"), "two\n").unwrap();
        let devices = NetworkDevices::in_folder(folder.path());
        assert_eq!(["eth0", "eth1", "eth2"].map(|name| devices.index(name.as_bytes())), [Some(u32::MAX), None, None]);
        assert_eq!(NetworkDevices::in_folder("/sys/class/net").index(b"lo"), Some(1));
    }

    #[test]
    fn what_sysfs_does_not_show_is_no_hardware() {
        let devices = NetworkDevices::in_folder("/no/such/folder");
        assert!(!devices.is_hardware(b"eth0"));
        assert!(!NetworkDevices::in_folder("/sys/class/net").is_hardware(b"lo"));
    }
}
