//! TCP and UDP sockets of both address families, from the kernel's own counts.
//!
//! /proc/net/sockstat and sockstat6 cost the same for ten sockets and for a million; /proc/net/tcp has a line for each.

use std::io;

use super::parse::{Malformed, columns, lines, number};
use super::{Collector, NETWORK, Progress, Setup, Source, Switch, read_limits};
use crate::clock::Now;
use crate::host::{Host, ProcFile};
use crate::metric;
use crate::settings::{Section, doc};
use crate::snapshot::{Snapshot, Value};

pub const SOURCE: &Source = &Source {
    name: "connections",
    group: NETWORK,
    switch: Switch::On(doc("连接数", "the number of connections")),
    metrics: &[metric::CONNECTIONS],
    read: |section, _| read(section),
};

fn read(section: &mut Section<'_>) -> Setup {
    let doc = doc("所有状态的 TCP 与 UDP 套接字总数", "TCP and UDP sockets in every state");
    let limits = read_limits(section, metric::CONNECTIONS, "threshold", doc);
    Setup::new(|_, host| Some(Box::new(Connections::new(host)))).limited(metric::CONNECTIONS, limits)
}

struct Connections {
    v4: ProcFile,
    v6: ProcFile,
}

impl Connections {
    fn new(host: &Host) -> Connections {
        Connections { v4: host.network_file("sockstat"), v6: host.network_file("sockstat6") }
    }

    fn count(&mut self, host: &mut Host) -> Result<u64, String> {
        let in_file = |file: &ProcFile, error: Malformed| format!("{}: {error}", file.path().display());
        let text = self.v4.read(&mut host.buffer).map_err(|error| error.to_string())?;
        let v4 = parse_v4(text).map_err(|error| in_file(&self.v4, error))?;
        let v6 = match self.v6.read(&mut host.buffer) {
            Ok(text) => parse_v6(text).map_err(|error| in_file(&self.v6, error))?,
            // A kernel without IPv6 has no such file, and no such sockets.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error.to_string()),
        };
        Ok(v4.saturating_add(v6))
    }
}

impl Collector for Connections {
    fn collect(&mut self, host: &mut Host, _now: Now, into: &mut Snapshot) -> Progress {
        match self.count(host) {
            Ok(count) => into.push_whole(metric::CONNECTIONS, Value::Number(count as f64)),
            Err(error) => into.failures.push(SOURCE.failure(error)),
        }
        Progress::Done
    }
}

/// TCP sockets in use, those in TIME_WAIT (of both families: the kernel counts them together), UDP sockets in use.
fn parse_v4(text: &[u8]) -> Result<u64, Malformed> {
    Ok(field(text, "TCP", "inuse")?
        .saturating_add(field(text, "TCP", "tw")?)
        .saturating_add(field(text, "UDP", "inuse")?))
}

fn parse_v6(text: &[u8]) -> Result<u64, Malformed> {
    Ok(field(text, "TCP6", "inuse")?.saturating_add(field(text, "UDP6", "inuse")?))
}

/// The number after `name` in the line of `protocol`: `TCP: inuse 5 orphan 0 tw 2 alloc 7 mem 1`.
fn field(text: &[u8], protocol: &str, name: &str) -> Result<u64, Malformed> {
    lines(text)
        .filter_map(|line| line.strip_prefix(protocol.as_bytes())?.strip_prefix(b":"))
        .find_map(|line| {
            let mut columns = columns(line);
            columns.find(|column| *column == name.as_bytes())?;
            columns.next().and_then(number)
        })
        .ok_or_else(|| Malformed::new(format_args!("no {name} of {protocol} in it")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V4: &[u8] =
        b"sockets: used 290\nTCP: inuse 7 orphan 1 tw 30 alloc 12 mem 3\nUDP: inuse 4 mem 1\nUDPLITE: inuse 9\n\
        RAW: inuse 8\nFRAG: inuse 0 memory 0\n";
    const V6: &[u8] = b"TCP6: inuse 5\nUDP6: inuse 2\nUDPLITE6: inuse 9\nRAW6: inuse 8\nFRAG6: inuse 0 memory 0\n";

    #[test]
    fn sockets_of_both_protocols_in_every_state_count_and_no_others() {
        assert_eq!(parse_v4(V4), Ok(41));
        assert_eq!(parse_v6(V6), Ok(7));
    }

    #[test]
    fn a_count_that_is_not_there_is_unknown_and_not_zero() {
        assert_eq!(parse_v4(b"TCP: inuse 7 orphan 1").unwrap_err().to_string(), "no tw of TCP in it");
        assert!(parse_v4(b"").is_err());
        assert!(parse_v6(b"TCP6: inuse\nUDP6: inuse 2\n").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse_v4(&text), parse_v6(&text));
        }
    }
}
