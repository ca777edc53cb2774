//! Connects to the first address of a host that answers ("happy eyeballs", RFC 8305 section 5).
//!
//! A name often has addresses that lead nowhere from here: IPv6 on a server whose IPv6 route is broken, a node that is
//! down. So the families take turns. If an attempt gets no answer for a moment, the next address is tried beside it; if
//! it fails, the next one is tried at once. All attempts are non-blocking sockets in one poll(2). The first to answer
//! wins, and the others are closed.

use std::collections::VecDeque;
use std::fmt::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect as start_to_connect, getpeername, getsockopt, socket,
    sockopt,
};

use crate::clock::{Boot, boot_now};
use crate::text::by;

/// How long an attempt runs before the next address is tried beside it: "Connection Attempt Delay", RFC 8305 section 8.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The least that RFC 8305 section 5 allows.
const MIN_ATTEMPT_DELAY: Duration = Duration::from_millis(10);

const _: () = assert!(MIN_ATTEMPT_DELAY.as_millis() <= ATTEMPT_DELAY.as_millis());

/// The number of addresses in an error.
const MAX_NAMED: usize = 3;

/// The reasons why no connection was made.
#[derive(Debug)]
pub struct NotConnected {
    /// The errors of the attempts that were answered, in their order.
    pub failed: Vec<(SocketAddr, Errno)>,
    /// Attempts without an answer until the deadline.
    pub unanswered: usize,
    /// Addresses for whose turn there was no time.
    pub untried: usize,
}

/// Connects to one of `addresses`, with a non-blocking descriptor for each attempt, until `deadline`.
///
/// # Errors
/// Every attempt failed, or none had answered at the deadline.
pub fn connect(addresses: &[SocketAddr], deadline: Boot) -> Result<TcpStream, NotConnected> {
    let mut waiting: VecDeque<SocketAddr> = by_turns(addresses).into();
    let delay = attempt_delay(waiting.len(), deadline.since(boot_now()));
    let mut attempts: Vec<(SocketAddr, OwnedFd)> = Vec::new();
    let mut failed = Vec::new();
    let mut next_attempt = boot_now();
    loop {
        let now = boot_now();
        while now < deadline
            && now >= next_attempt
            && let Some(address) = waiting.pop_front()
        {
            match start(address, &mut attempts) {
                Ok(fd) => {
                    attempts.push((address, fd));
                    next_attempt = now.after(delay);
                }
                // No attempt runs for this address, so there is nothing to wait for.
                Err(errno) => failed.push((address, errno)),
            }
        }
        if now >= deadline || (attempts.is_empty() && waiting.is_empty()) {
            return Err(NotConnected { failed, unanswered: attempts.len(), untried: waiting.len() });
        }
        let until = if waiting.is_empty() { deadline } else { deadline.min(next_attempt) };
        for index in answered(&attempts, until).into_iter().rev() {
            let (address, fd) = attempts.remove(index);
            match outcome(&fd).and_then(|()| blocking(fd)) {
                Ok(stream) => return Ok(stream),
                Err(errno) => {
                    failed.push((address, errno));
                    next_attempt = now;
                }
            }
        }
    }
}

/// The addresses without repetitions, the families by turns, each in its given order: RFC 8305 section 4.
fn by_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == first_is_v6);
    let mut ordered = Vec::with_capacity(addresses.len());
    while !first.is_empty() || !second.is_empty() {
        for address in [first.pop_front(), second.pop_front()].into_iter().flatten() {
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
    ordered
}

/// The pause between two attempts. It is shorter if there are many addresses, so that each is tried within the first
/// half of the time.
fn attempt_delay(addresses: usize, within: Duration) -> Duration {
    let share = within / 2 / u32::try_from(addresses).unwrap_or(u32::MAX).max(1);
    share.clamp(MIN_ATTEMPT_DELAY, ATTEMPT_DELAY)
}

/// Starts an attempt. Without a free descriptor, the oldest attempt gives way.
fn start(address: SocketAddr, attempts: &mut Vec<(SocketAddr, OwnedFd)>) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = loop {
        match socket(family, SockType::Stream, flags, None) {
            Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM) if !attempts.is_empty() => {
                attempts.remove(0);
            }
            opened => break opened?,
        }
    };
    match start_to_connect(fd.as_raw_fd(), &SockaddrStorage::from(address)) {
        // A signal leaves the attempt going, as EINPROGRESS does: connect(2).
        Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(fd),
        Err(errno) => Err(errno),
    }
}

/// Waits until an attempt gets an answer or it is `until`; returns the places of those that did, in ascending order.
fn answered(attempts: &[(SocketAddr, OwnedFd)], until: Boot) -> Vec<usize> {
    let mut fds: Vec<PollFd<'_>> = attempts.iter().map(|(_, fd)| PollFd::new(fd.as_fd(), PollFlags::POLLOUT)).collect();
    // Rounded up, so that the last turn does not come too early again and again.
    let left = until.since(boot_now()) + Duration::from_millis(1);
    // An error is a signal, or a lack of memory that may pass: the next turn asks again.
    if poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)).is_err() {
        return Vec::new();
    }
    let is_answered = |(_, fd): &(usize, &PollFd<'_>)| fd.any().unwrap_or(true);
    fds.iter().enumerate().filter(is_answered).map(|(index, _)| index).collect()
}

/// The end of an attempt.
fn outcome(fd: &OwnedFd) -> Result<(), Errno> {
    match getsockopt(fd, sockopt::SocketError)? {
        // A socket without a peer has not connected.
        0 => getpeername::<SockaddrStorage>(fd.as_raw_fd()).map(drop),
        errno => Err(Errno::from_raw(errno)),
    }
}

fn blocking(fd: OwnedFd) -> Result<TcpStream, Errno> {
    let stream = TcpStream::from(fd);
    // Head and body are two writes: without this the second waits for the first one's acknowledgement.
    let prepared = stream.set_nonblocking(false).and_then(|()| stream.set_nodelay(true));
    prepared.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    Ok(stream)
}

impl NotConnected {
    /// One line for people; `whom` is the name of the other end.
    pub fn tell(&self, whom: &str) -> String {
        let (answered, silent) = (self.failed.len(), self.unanswered + self.untried);
        let reasons = self.reasons();
        match (&*reasons, silent) {
            ([], 1) => format!("timed out while connecting to {whom}: nothing answers at its address"),
            ([], _) => format!("timed out while connecting to {whom}: none of its {silent} addresses answers"),
            ([reason], 0) if answered == 1 => format!("{whom}: {reason}"),
            ([reason], 0) => format!("{whom}: {reason} (at all {answered} addresses)"),
            (_, 0) => format!("cannot connect to {whom}: {}", self.each()),
            _ => format!(
                "timed out while connecting to {whom}: {}; {silent} {} not answer",
                self.each(),
                by(silent, "does", "do")
            ),
        }
    }

    fn reasons(&self) -> Vec<&'static str> {
        let mut reasons: Vec<_> = self.failed.iter().map(|(_, errno)| reason(*errno)).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    /// `2001:db8::1: no route to host, 203.0.113.5: connection refused`
    fn each(&self) -> String {
        let mut text = String::new();
        for (address, errno) in self.failed.iter().take(MAX_NAMED) {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{}: {}", address.ip(), reason(*errno));
        }
        if let Some(more @ 1..) = self.failed.len().checked_sub(MAX_NAMED) {
            let _ = write!(text, ", and {more} more");
        }
        text
    }
}

fn reason(errno: Errno) -> &'static str {
    match errno {
        Errno::ECONNREFUSED => "connection refused",
        Errno::ENETUNREACH => "network unreachable",
        Errno::EHOSTUNREACH => "no route to host",
        Errno::EACCES | Errno::EPERM => "not permitted (a firewall here or on the way)",
        Errno::ETIMEDOUT => "connection timed out",
        Errno::ECONNRESET => "connection reset",
        other => other.desc(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| address(text)).collect()
    }

    fn soon() -> Boot {
        boot_now().after(Duration::from_secs(10))
    }

    #[test]
    fn families_take_turns_and_the_systems_preference_begins() {
        let mixed = addresses(&["[::2]:1", "[::3]:1", "[::2]:1", "[::4]:1", "10.0.0.1:1", "10.0.0.2:1"]);
        let expected = addresses(&["[::2]:1", "10.0.0.1:1", "[::3]:1", "10.0.0.2:1", "[::4]:1"]);
        assert_eq!(by_turns(&mixed), expected);
        let v4_first = addresses(&["10.0.0.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(by_turns(&v4_first), v4_first);
    }

    #[test]
    fn every_address_is_tried_in_half_of_the_time() {
        let within = Duration::from_secs(10);
        assert_eq!(attempt_delay(1, within), ATTEMPT_DELAY);
        assert_eq!(attempt_delay(20, within), ATTEMPT_DELAY);
        assert_eq!(attempt_delay(100, within), Duration::from_millis(50));
        assert_eq!(attempt_delay(100_000, within), MIN_ATTEMPT_DELAY);
        assert_eq!(attempt_delay(0, Duration::ZERO), MIN_ATTEMPT_DELAY);
    }

    #[test]
    fn any_number_of_refusals_leads_to_the_one_that_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let live = listener.local_addr().unwrap();
        // Nobody listens at these; a multicast address is refused by the kernel itself, which sends nothing.
        let mut all: Vec<SocketAddr> =
            (1..=200).map(|host| SocketAddr::from(([127, 1, 1, host], live.port()))).collect();
        all.extend(addresses(&["224.0.0.1:1", "[ff02::1]:1", "255.255.255.255:1"]));
        all.push(live);
        let stream = connect(&all, soon()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live);
        assert!(stream.nodelay().unwrap());
    }

    #[test]
    fn without_any_that_answers_each_failure_is_known() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = connect(&[free], soon()).unwrap_err();
        assert_eq!(error.failed, [(free, Errno::ECONNREFUSED)]);
        assert_eq!(error.tell("robot"), "robot: connection refused");
        let none = connect(&[], soon()).unwrap_err();
        assert_eq!((none.failed.len(), none.unanswered, none.untried), (0, 0, 0));
    }

    #[test]
    fn what_fails_at_once_is_told_at_once() {
        let start = boot_now();
        // Refused by the kernel itself, before any wait.
        let error = connect(&addresses(&["224.0.0.1:1"]), start.after(Duration::from_secs(600))).unwrap_err();
        assert_eq!(error.failed.len(), 1);
        assert!(boot_now().since(start) < Duration::from_secs(300));
    }

    #[test]
    fn at_the_deadline_it_is_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = connect(&[listener.local_addr().unwrap()], boot_now()).unwrap_err();
        assert_eq!((error.failed.len(), error.unanswered, error.untried), (0, 0, 1));
    }

    #[test]
    fn what_became_of_the_addresses_is_told() {
        let failed = |texts: &[(&str, Errno)]| texts.iter().map(|(text, errno)| (address(text), *errno)).collect();
        let told = |failed, unanswered, untried| NotConnected { failed, unanswered, untried }.tell("host");
        assert_eq!(told(vec![], 1, 0), "timed out while connecting to host: nothing answers at its address");
        assert_eq!(told(vec![], 2, 1), "timed out while connecting to host: none of its 3 addresses answers");
        let same = [("[::1]:1", Errno::ECONNREFUSED), ("10.0.0.1:1", Errno::ECONNREFUSED)];
        assert_eq!(told(failed(&same), 0, 0), "host: connection refused (at all 2 addresses)");
        let different = [("[2001:db8::1]:1", Errno::EACCES), ("10.0.0.1:1", Errno::EHOSTUNREACH)];
        assert_eq!(
            told(failed(&different), 0, 0),
            "cannot connect to host: 2001:db8::1: not permitted (a firewall here or on the way), 10.0.0.1: no route to host"
        );
        assert_eq!(
            told(failed(&same), 1, 0),
            "timed out while connecting to host: ::1: connection refused, 10.0.0.1: connection refused; 1 does not answer"
        );
        let many: Vec<_> = (1..=9).map(|n| (SocketAddr::from(([10, 0, 0, n], 1)), Errno::from_raw(n.into()))).collect();
        assert!(told(many, 0, 0).ends_with(", and 6 more"));
    }
}
