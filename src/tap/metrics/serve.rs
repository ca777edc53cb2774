//! `metrics.listen`: the same text, to be scraped. The daemon answers from the last text that it was given; nothing is
//! measured for a scrape.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Place;
use crate::settings::{Complaint, Doc, Section, Written, doc};
use crate::tap::Job;

const KEY: &str = "listen";

const LISTEN: Doc =
    doc("供抓取的监听端口，留空则不监听；路径为 /metrics", "port at which it can be scraped as /metrics; empty: none")
        .values(
            "端口，或 `地址:端口`；只写端口则为 127.0.0.1",
            "port, or `ADDRESS:PORT`; a port alone is one of 127.0.0.1",
        )
        .pattern(r"^\s*(|(\S+:)?\d{1,5})\s*$")
        .or_number();

pub(super) fn read(section: &mut Section<'_>) -> Option<Serve> {
    let address: Option<SocketAddr> = section.parse(KEY, LISTEN, parse);
    if address.is_some_and(|address| !address.ip().is_loopback()) {
        section.warning(KEY, "everybody who reaches this address can read the metrics, without a login and on the way");
    }
    section.holds(KEY, Written::Text(address.map(|address| address.to_string()).unwrap_or_default()));
    address.map(|address| Serve { address })
}

fn parse(text: &str) -> Result<Option<SocketAddr>, Complaint> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let port = text.parse().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    match port.or_else(|_| text.replace("localhost:", "127.0.0.1:").parse()) {
        Ok(address) if address.port() > 0 => Ok(Some(address)),
        _ => Err(Complaint::new("is neither a port nor an address with one")
            .expected("such as 9101, 127.0.0.1:9101 or [::1]:9101")),
    }
}

#[derive(Debug)]
pub(super) struct Serve {
    address: SocketAddr,
}

impl Place for Serve {
    fn name(&self) -> String {
        format!("metrics at {}", self.address)
    }

    fn job(&self, _host: &str, text: String) -> Job {
        Job::Serve { address: self.address, text: text.into() }
    }

    fn serves(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_this_machines() {
        for (text, address) in [
            ("9101", "127.0.0.1:9101"),
            (" 127.0.0.1:9101 ", "127.0.0.1:9101"),
            ("localhost:9101", "127.0.0.1:9101"),
            ("[::1]:9101", "[::1]:9101"),
            ("0.0.0.0:80", "0.0.0.0:80"),
        ] {
            assert_eq!(parse(text).unwrap().unwrap().to_string(), address);
        }
        assert_eq!(parse(" ").unwrap(), None);
        for bad in ["0", "65536", ":9101", "example.com:9101", "9101/metrics", "127.0.0.1", "-1"] {
            assert_eq!(parse(bad).unwrap_err().message, "is neither a port nor an address with one", "{bad}");
        }
    }
}
