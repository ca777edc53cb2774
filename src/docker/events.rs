//! What happens to containers, told by the engine while it happens: `GET /events`, a reply without an end.
//!
//! Events never say how a container is, only which one to look at. The stream never waits: its descriptor goes into
//! the caller's poll(2), and [`Stream::read`] takes what is there. A stream that ends or stalls is opened again with
//! growing pauses; what happened in between is not asked for (engines remember some 256 events, and health checks fill
//! those), so on every [`Happening::Connected`] the caller compares the whole list.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::address::Address;
use super::error::Error;
use super::event;
pub use super::event::{Event, Kind};
use super::framing::{Framing, Piece};
use super::head;
use super::socket::Socket;
use crate::clock::Boot;

/// What is asked for; the engine leaves out the rest, such as the events of every health check's process.
/// `health_status` alone is matched by its beginning (it is followed by the word). `died` and `remove` are podman's
/// `die` and `destroy`.
const FILTERS: &str = concat!(
    r#"{"type":["container"],"event":["die","died","oom","kill","stop","start","pause","unpause","health_status","#,
    r#""destroy","remove","rename"]}"#
);

/// An engine answers at once; so long is waited for the head of its reply, and for the rest of an event that has begun.
const STALLED: Duration = Duration::from_secs(5);

/// The pauses before a stream is opened again, doubled each time. The longest leaves time to compare the list within
/// 5 s of an engine's return.
const FIRST_PAUSE: Duration = Duration::from_millis(125);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// An event holds its container's labels; those of 1 MiB would be no engine's.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// How much is taken at one call: a flood of events must not keep the caller from all else.
const MAX_READ_BYTES: usize = 256 * 1024;

/// What the stream has to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The stream is open (again): what happened before is not known, so compare the list.
    Connected,
    Event(Event),
    /// There is no stream; it is tried again by itself.
    Lost(Error),
}

/// The stream of one engine's events, open or not.
#[derive(Debug)]
pub struct Stream {
    address: Address,
    state: State,
    /// The pause before the next attempt.
    pause: Duration,
}

#[derive(Debug)]
enum State {
    Closed { until: Boot },
    Open(Open),
}

#[derive(Debug)]
struct Open {
    socket: Socket,
    since: Boot,
    /// `None` until the reply's head is there.
    framing: Option<Framing>,
    wire: Vec<u8>,
    /// The beginning of an event.
    line: Vec<u8>,
    /// When the last bytes came.
    received: Boot,
}

impl Stream {
    /// A stream that opens at the first [`Stream::read`].
    pub fn new(address: Address) -> Stream {
        Stream { address, state: State::Closed { until: Boot::from_millis(i64::MIN / 1000) }, pause: FIRST_PAUSE }
    }

    /// What to watch: as soon as it is readable, [`Stream::read`] has something to do.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.state {
            State::Open(open) => Some(open.socket.as_fd()),
            State::Closed { .. } => None,
        }
    }

    /// When [`Stream::read`] has something to do even if nothing is readable: open again, or give up a stalled stream.
    pub fn due(&self) -> Option<Boot> {
        match &self.state {
            State::Closed { until } => Some(*until),
            State::Open(open) => open.is_waiting().then(|| open.received.after(STALLED)),
        }
    }

    /// Takes what there is, and opens or gives up the stream when it is time; never waits.
    pub fn read(&mut self, now: Boot) -> Vec<Happening> {
        let mut happenings = Vec::new();
        let result = match &mut self.state {
            State::Closed { until } if now < *until => return happenings,
            State::Closed { .. } => Open::new(&self.address, now).map(|open| self.state = State::Open(open)),
            State::Open(open) => open.read(&self.address, now, &mut happenings),
        };
        if let Err(error) = result {
            self.lose(now);
            happenings.push(Happening::Lost(error));
        }
        happenings
    }

    fn lose(&mut self, now: Boot) {
        // Only what has lasted starts over with short pauses: an engine that accepts and hangs up is not hurried.
        if let State::Open(open) = &self.state
            && open.framing.is_some()
            && now - open.since > LONGEST_PAUSE
        {
            self.pause = FIRST_PAUSE;
        }
        self.state = State::Closed { until: now.after(self.pause) };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Open {
    fn new(address: &Address, now: Boot) -> Result<Open, Error> {
        let broken = |what: &str| Error::Socket { path: address.path().to_owned(), what: what.to_owned() };
        let socket = Socket::connect(address)?.ok_or_else(|| stalled(address))?;
        let request = head::request(&format!("/events?filters={}", head::escaped(FILTERS)));
        // A new socket's buffer is empty and holds a request many times over: unix(7), net.core.wmem_default.
        match socket.send(request.as_bytes()) {
            Ok(sent) if sent == request.len() => {}
            Ok(_) => return Err(broken("the request could not be sent at once")),
            Err(error) => return Err(broken(&error.to_string())),
        }
        Ok(Open { socket, since: now, framing: None, wire: Vec::new(), line: Vec::new(), received: now })
    }

    /// Whether something has begun and its end is not there yet.
    fn is_waiting(&self) -> bool {
        self.framing.is_none() || !self.wire.is_empty() || !self.line.is_empty()
    }

    fn read(&mut self, address: &Address, now: Boot, into: &mut Vec<Happening>) -> Result<(), Error> {
        let cut_off = || Error::CutOff { path: address.path().to_owned() };
        let mut buffer = [0; 16 * 1024];
        let mut taken = 0;
        while taken < MAX_READ_BYTES {
            match self.socket.receive(&mut buffer) {
                Ok(0) => return Err(cut_off()),
                Ok(count) => {
                    taken += count;
                    self.received = now;
                    self.wire.extend_from_slice(&buffer[..count]);
                    self.decode(address, into)?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(cut_off()),
            }
        }
        if self.is_waiting() && now - self.received >= STALLED { Err(stalled(address)) } else { Ok(()) }
    }

    fn decode(&mut self, address: &Address, into: &mut Vec<Happening>) -> Result<(), Error> {
        let path = || address.path().to_owned();
        let strange = |found: String| Error::NotAnEngine { path: path(), found };
        if self.framing.is_none() {
            let Some((head, length)) = head::parse(&self.wire).map_err(|error| strange(error.to_string()))? else {
                return Ok(());
            };
            if head.status != 200 {
                return Err(strange(format!("HTTP status {} for its events", head.status)));
            }
            self.wire.drain(..length);
            self.framing = Some(head.framing);
            into.push(Happening::Connected);
        }
        let Some(framing) = &mut self.framing else { return Ok(()) };
        let mut start = 0;
        loop {
            let rest = &self.wire[start..];
            match framing.advance(rest, rest.len()).map_err(|error| strange(error.to_string()))? {
                Piece::Framing(count) => start += count,
                Piece::Payload(count) => {
                    start += count;
                    take_lines(&mut self.line, &rest[..count], into).map_err(strange)?;
                }
                Piece::Unfinished => break,
                Piece::End => return Err(Error::CutOff { path: path() }),
            }
        }
        self.wire.drain(..start);
        Ok(())
    }
}

fn stalled(address: &Address) -> Error {
    Error::NoAnswer { path: address.path().to_owned(), timeout: STALLED }
}

/// Splits `payload`, with the beginning that is in `line`, into events; leaves there what is not ended yet.
fn take_lines(line: &mut Vec<u8>, payload: &[u8], into: &mut Vec<Happening>) -> Result<(), String> {
    for part in payload.split_inclusive(|byte| *byte == b'\n') {
        if line.len() + part.len() > MAX_EVENT_BYTES {
            return Err(format!("an event of more than {MAX_EVENT_BYTES} bytes"));
        }
        line.extend_from_slice(part);
        if part.ends_with(b"\n") {
            into.extend(event::parse(line).map_err(|error| error.to_string())?.map(Happening::Event));
            line.clear();
        }
    }
    Ok(())
}
