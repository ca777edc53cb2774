//! Chooses the interfaces that count: the named ones, or by default those whose bytes are counted nowhere else.

use std::cell::Cell;
use std::collections::HashSet;

use super::counters::Interfaces;
use crate::collect::parse::Malformed;
use crate::host::NetworkDevices;
use crate::pattern;

/// Interfaces whose bytes are also counted on another one (bridges, tunnels, bonds, VLANs, the ends of virtual cables),
/// or never leave the host. Names decide only if sysfs cannot: in a container, whose own interface is the end of such a
/// cable, and with another /proc.
const VIRTUAL: [&str; 4] = [
    // Of the kernel.
    "lo loopback* dummy* dum* ifb* imq* nlmon* vcan* veth* macv* ipvlan* ipvtap* vlan* bond* team* bridge* vrf* \
     macsec* vxlan* genev* bareudp* gtp* lowpan* tun* tap* ppp* pptp* l2tp* ip6tnl* ip6gre* gretap* erspan* ipip* \
     tunl* ip_vti* ip6_vti* 6in4* 6to4* 6rd* he-ipv6* isatap* pimreg* pim6reg* dvmrp*",
    // Of containers and their networks.
    "docker* br-* br_* podman* nerdctl* cni* cali* cilium_* flannel* weave* antrea-* eni* ecs-* azv* azure* gke* \
     kube-* kilo* nodelocaldns* nomad* lxc* lxd* incus* fan-* ftun* hassio waydroid* ve-* vb-* vz-* vt-*",
    // Of virtual machines.
    "virbr* vmbr* vnet* fwbr* fwln* fwpr* ovs* ovn* brq* qbr* qvo* qvb* qr-* qg-* xenbr* vif* xapi* mpqemubr* \
     vboxnet* vmnet* vhost* shim-*",
    // Of private networks.
    "wg* awg* tailscale* zt* nebula* netbird* netmaker* n2n* tinc* ygg* nordlynx* proton* CloudflareWARP warp* \
     utun* vtun* ovpn* vpn* cscotun* gpd* mihomo* Meta* clash*",
];

/// The same, for names that the kernel numbers: a longer word that begins with these letters may be a port (`green0`).
const VIRTUAL_AND_NUMBERED: &[&str] = &[
    "br", "cbr", "mv", "mac", "iv", "gre", "sit", "vti", "xfrm", "ipsec", "teql", "bat", "hsr", "prp", "pan", "wt",
    "ham", "dae",
];

/// The choice of interfaces that count.
pub(super) enum Choice {
    /// Names and `*` patterns.
    Named(Vec<String>),
    /// The first of these kinds that there is, and no later one than was there before: where the network card is gone
    /// for a moment, the bridges of containers do not stand for it.
    Default { latest: Cell<Kind> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// By sysfs.
    Hardware,
    NoVirtualName,
    Any,
}

impl Choice {
    /// By the names in the configuration, if there are any.
    pub(super) fn of(names: &[String]) -> Choice {
        if names.is_empty() { Choice::Default { latest: Cell::new(Kind::Any) } } else { Choice::Named(names.to_vec()) }
    }

    /// Marks the interfaces that count. Without sysfs (`devices`) names decide.
    ///
    /// # Errors
    /// A named one is missing, or all that counted before are: their bytes are not known, and so the sum is not.
    pub(super) fn mark(&self, interfaces: &mut Interfaces, devices: Option<&NetworkDevices>) -> Result<(), Malformed> {
        match self {
            Choice::Named(patterns) => {
                let is_named = |name: &[u8]| patterns.iter().any(|pattern| pattern::matches(pattern, name));
                let found = mark_those(interfaces, is_named);
                let mut missing = missing(patterns, interfaces);
                if missing.is_empty() && !found {
                    missing = patterns.iter().map(String::as_str).collect();
                }
                if missing.is_empty() {
                    return Ok(());
                }
                Err(Malformed::new(format_args!("no interface is named {}", missing.join(" or "))))
            }
            Choice::Default { latest } => {
                let mut mark = |kind| match kind {
                    Kind::Hardware => {
                        devices.is_some_and(|devices| mark_those(interfaces, |name| devices.is_hardware(name)))
                    }
                    Kind::NoVirtualName => mark_those(interfaces, counts_by_name),
                    Kind::Any => mark_those(interfaces, |name| name != b"lo"),
                };
                let kinds = [Kind::Hardware, Kind::NoVirtualName, Kind::Any].into_iter();
                match kinds.take_while(|kind| *kind <= latest.get()).find(|kind| mark(*kind)) {
                    Some(found) => latest.set(found),
                    None if latest.get() < Kind::Any => {
                        return Err(Malformed::new(
                            "the network card is gone, and only bridges, tunnels and the like are left",
                        ));
                    }
                    None => {}
                }
                Ok(())
            }
        }
    }
}

/// Whether any counts.
fn mark_those(interfaces: &mut Interfaces, count: impl Fn(&[u8]) -> bool) -> bool {
    interfaces.iter_mut().fold(false, |found, (name, interface)| {
        interface.counts = count(name);
        found || interface.counts
    })
}

/// A pattern without a match counts for nothing; a name without one is missing.
fn missing<'p>(patterns: &'p [String], interfaces: &Interfaces) -> Vec<&'p str> {
    let names = patterns.iter().map(String::as_str).filter(|pattern| !pattern.contains('*'));
    let there: HashSet<&[u8]> = interfaces.iter().map(|(name, _)| &**name).collect();
    names.filter(|name| !there.contains(name.as_bytes())).collect()
}

/// Names with a `.` are VLANs.
fn counts_by_name(name: &[u8]) -> bool {
    let is_numbered = |prefix: &&str| {
        name.strip_prefix(prefix.as_bytes()).is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    };
    !(name.contains(&b'.')
        || VIRTUAL.iter().flat_map(|group| group.split(' ')).any(|pattern| pattern::matches(pattern, name))
        || VIRTUAL_AND_NUMBERED.iter().any(is_numbered))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::collect::traffic::counters::Interface;

    fn interfaces(names: &[&str]) -> Interfaces {
        names.iter().map(|name| (name.as_bytes().into(), Interface::default())).collect()
    }

    /// The interfaces of `names` that count, in their order.
    fn counted<'n>(
        names: &[&'n str],
        choice: &Choice,
        devices: Option<&NetworkDevices>,
    ) -> Result<Vec<&'n str>, String> {
        let mut interfaces = interfaces(names);
        choice.mark(&mut interfaces, devices).map_err(|error| error.to_string())?;
        let counts = names.iter().zip(&interfaces).filter(|(_, (_, interface))| interface.counts);
        Ok(counts.map(|(name, _)| *name).collect())
    }

    fn by_name<'n>(names: &[&'n str]) -> Vec<&'n str> {
        counted(names, &Choice::of(&[]), None).unwrap()
    }

    fn named<'n>(names: &[&'n str], patterns: &[&str]) -> Result<Vec<&'n str>, String> {
        counted(names, &Choice::Named(patterns.iter().map(|name| (*name).to_owned()).collect()), None)
    }

    #[test]
    fn interfaces_whose_bytes_are_counted_elsewhere_are_left_out() {
        let names = [
            "lo",
            "eth0",
            "veth1a",
            "docker0",
            "ovs_eth0",
            "pppoe-wan",
            "ve-web",
            "macsec0",
            "nebula1",
            "awg0",
            "vhost0",
            "wwan0",
            "usb0",
            "wwp0s20u4",
            "enx0011aabbccdd",
            "end0",
            "nic0",
            "ib0",
            "docker_gwbridge",
            "br-12ab",
            "br0",
            "brain0",
            "wg0",
            "eth0.100",
            "ens3",
            "bond0",
            "enp1s0",
            "tailscale0",
            "podman0",
            "incusbr0",
            "vmbr0",
            "tap100i0",
            "fwbr100i0",
            "fwln100i0",
            "fwpr100p0",
            "macvlan0",
            "bridge0",
            "ztabcd1234",
            "lxc12ab34cd",
            "gre1",
            "green0",
            "gretap0",
            "red0",
            "sit0",
            "site0",
            "wlp3s0",
            "venet0",
        ];
        let ports = ["wwan0", "usb0", "wwp0s20u4", "enx0011aabbccdd", "end0", "nic0", "ib0"];
        let others = ["brain0", "ens3", "enp1s0", "green0", "red0", "site0", "wlp3s0", "venet0"];
        assert_eq!(by_name(&names), [&["eth0"], &ports[..], &others].concat());
    }

    #[test]
    fn if_the_default_leaves_none_all_but_loopback_count() {
        assert_eq!(by_name(&["lo", "venet0", "tun0"]), ["venet0"]);
        assert_eq!(by_name(&["lo", "tun0", "wg0"]), ["tun0", "wg0"]);
        assert_eq!(by_name(&["lo"]), [""; 0]);
    }

    #[test]
    fn hardware_counts_whatever_it_is_called_and_where_there_is_none_names_decide() {
        let folder = tempfile::tempdir().unwrap();
        for hardware in ["wg-port", "green0"] {
            fs::create_dir_all(folder.path().join(hardware).join("device")).unwrap();
        }
        let devices = NetworkDevices::in_folder(folder.path());
        let default = |names: &[&'static str]| counted(names, &Choice::of(&[]), Some(&devices)).unwrap();
        assert_eq!(default(&["lo", "wg-port", "green0", "lan0", "tailscale0"]), ["wg-port", "green0"]);
        // A container: its own interface is the end of a virtual cable.
        assert_eq!(default(&["lo", "eth0", "tailscale0"]), ["eth0"]);
        assert_eq!(default(&["lo", "tailscale0"]), ["tailscale0"]);
    }

    #[test]
    fn named_interfaces_count_whatever_they_are() {
        assert_eq!(named(&["lo", "eth0", "wg0", "wg1"], &["wg*", "lo"]).unwrap(), ["lo", "wg0", "wg1"]);
        assert_eq!(named(&["lo", "eth0"], &["eth0", "ens*"]).unwrap(), ["eth0"]);
    }

    #[test]
    fn a_named_interface_that_is_not_there_is_named_in_the_error() {
        let refused = |names: &[&'static str], patterns: &[&str]| named(names, patterns).unwrap_err();
        assert_eq!(refused(&["lo", "ens3"], &["ens3", "wg0"]), "no interface is named wg0");
        assert_eq!(refused(&["lo", "eth0"], &["ens3", "ens4"]), "no interface is named ens3 or ens4");
        assert_eq!(refused(&["lo", "eth0"], &["ens*", "wg*"]), "no interface is named ens* or wg*");
    }

    #[test]
    fn where_the_network_card_is_gone_for_a_moment_the_bridges_of_containers_do_not_stand_for_it() {
        let choice = Choice::of(&[]);
        let counted = |names: &[&'static str]| counted(names, &choice, None).map(|counts| counts.join(" "));
        assert_eq!(counted(&["lo", "docker0"]), Ok("docker0".to_owned()), "there never was one");
        assert_eq!(counted(&["lo", "eth0", "docker0"]), Ok("eth0".to_owned()));
        let gone = "the network card is gone, and only bridges, tunnels and the like are left";
        assert_eq!(counted(&["lo", "docker0"]), Err(gone.to_owned()));
        assert_eq!(counted(&["lo", "eth1", "docker0"]), Ok("eth1".to_owned()));
    }
}
