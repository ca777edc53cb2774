//! `NO_PROXY`: the targets without a proxy. It has curl(1)'s meaning, and two additions that other programs understand:
//! a port (`host:443`) and a star before a dot (`*.example.com`).

use std::net::IpAddr;

use super::split_port;
use crate::http::Target;

/// Whether `list` excepts `target`: by its name, a domain above it, its address, or a network around it (CIDR).
pub fn excepts(list: &str, target: &Target) -> bool {
    let host = target.host.trim_end_matches('.');
    let address = host.parse::<IpAddr>().ok();
    list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        // A network has no port.
        let split = if entry.contains('/') { Some((entry, None)) } else { split_port(entry) };
        let Some((name, port)) = split else { return false };
        port.is_none_or(|port| port == target.port)
            && match address {
                Some(address) => network_has(name, address),
                None => domain_has(name, host),
            }
    })
}

/// Whether `entry` is `host` or a domain above it. A dot before or behind it changes nothing.
fn domain_has(entry: &str, host: &str) -> bool {
    let entry = entry.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let below = host.strip_suffix(&*entry).filter(|_| !entry.is_empty());
    below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether `entry`, `ADDRESS` or `ADDRESS/BITS`, contains `address`.
fn network_has(entry: &str, address: IpAddr) -> bool {
    let (network, bits) = match entry.split_once('/') {
        Some((network, bits)) => (network, bits.parse::<u32>().ok()),
        None => (entry, Some(u32::MAX)),
    };
    let network = network.trim_matches(['[', ']']).parse::<IpAddr>();
    let (Ok(network), Some(bits)) = (network, bits) else { return false };
    let (difference, width) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => (u128::from(network.to_bits() ^ address.to_bits()), 32),
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits() ^ address.to_bits(), 128),
        _ => return false,
    };
    // An address alone is a network of one.
    let bits = if bits == u32::MAX { width } else { bits };
    bits <= width && difference.checked_shr(width - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excepted(list: &str, url: &str) -> bool {
        excepts(list, &Target::of(url).unwrap())
    }

    #[test]
    fn a_name_holds_for_itself_and_what_is_below_it() {
        let robot = "https://qyapi.weixin.qq.com/";
        for list in [
            "*",
            "qyapi.weixin.qq.com",
            "weixin.qq.com",
            ".weixin.qq.com",
            "weixin.qq.com.",
            ".qq.com.",
            "*.qq.com",
            "10.0.0.1, QQ.com",
            "example.com QQ.COM",
            "\tqq.com",
            "qq.com:443",
            "a,,qq.com",
            "com",
        ] {
            assert!(excepted(list, robot), "{list}");
        }
        for list in [
            "",
            ",",
            ".",
            "example.com",
            "api.weixin.qq.com",
            "q.com",
            "qq.com:80",
            "qq.com:x",
            "qyapi.weixin.qq.com.cn",
            "10.0.0.0/8",
            "*qyapi.weixin.qq.com.x",
            "::1",
        ] {
            assert!(!excepted(list, robot), "{list}");
        }
        assert!(excepted("qq.com", "https://qyapi.weixin.qq.com./"));
    }

    #[test]
    fn an_address_is_excepted_by_itself_or_by_its_network() {
        let relay = "https://10.255.255.1:8443/";
        for list in [
            "10.255.255.1",
            "10.0.0.0/8",
            "10.255.255.0/24",
            "10.255.255.1/32",
            "0.0.0.0/0",
            "10.1.2.3/8",
            "10.255.255.1:8443",
            "192.168.0.0/16, 10.0.0.0/8",
            "*",
        ] {
            assert!(excepted(list, relay), "{list}");
        }
        for list in [
            "10.255.255.2",
            "11.0.0.0/8",
            "10.255.255.2/32",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/x",
            "10.0.0.0/",
            "::/0",
            "10.255.255.1:443",
            "255.1",
            ".1",
        ] {
            assert!(!excepted(list, relay), "{list}");
        }
    }

    #[test]
    fn an_ipv6_address_is_excepted_with_and_without_brackets() {
        let relay = "https://[2001:db8:1::5]/";
        for list in [
            "2001:db8:1::5",
            "[2001:db8:1::5]",
            "[2001:db8:1::5]:443",
            "2001:db8::/32",
            "2001:DB8:1:0::/64",
            "2001:db8:1::4/127",
            "::/0",
            "[2001:db8::]/32",
        ] {
            assert!(excepted(list, relay), "{list}");
        }
        for list in
            ["2001:db8:1::6", "[2001:db8:1::5]:80", "2001:db9::/32", "2001:db8:1::6/127", "2001:db8::/129", "0.0.0.0/0"]
        {
            assert!(!excepted(list, relay), "{list}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_list_excepts_or_does_not(list in ".{0,60}", host in "[a-z.]{1,20}|[0-9.]{7,15}") {
            let _ = excepts(&list, &Target { https: true, host, port: 443 });
        }
    }
}
