//! The engine's live events about containers: `GET /events`, a reply without an end.
//!
//! An event never has a container's state, only its id. The stream never waits: its descriptor goes into the caller's
//! poll(2), and [`Stream::read`] takes the bytes that are there. A stream that ends or stalls is opened again with
//! growing pauses. The events in between are not asked for here (engines remember some 256 events, and health checks fill
//! those), so on every [`StreamEvent::Connected`] the caller compares the whole list.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::SHARE_BYTES;
use super::address::Address;
use super::allowance::{AT_ONCE_BYTES, Allowance};
use super::buffer::Buffer;
use super::error::Error;
use super::event;
pub use super::event::{Event, Kind};
use super::framing::{Framing, Piece};
use super::gather::WINDOW;
use super::head;
use super::socket::Socket;
use crate::clock::{self, Boot};

/// The wanted events; the engine leaves out the rest, such as those of every health check's process.
/// `health_status` alone is matched by its beginning (it is followed by the word). `died` and `remove` are podman's
/// `die` and `destroy`.
pub(super) const FILTERS: &str = concat!(
    r#"{"type":["container"],"event":["die","died","oom","kill","stop","start","pause","unpause","health_status","#,
    r#""destroy","remove","rename"]}"#
);

/// How long to wait for the head of a reply, and for the rest of an event that has begun. An engine answers at once.
const STALLED: Duration = super::TIMEOUT;

/// The pauses before a stream is opened again, doubled each time. The longest leaves time to compare the list within
/// 5 s of an engine's return.
const FIRST_PAUSE: Duration = Duration::from_millis(125);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The bound of an event, which holds its container's labels; no engine's labels have 1 MiB.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// A stream that has been open for this long works again.
const SETTLED: Duration = Duration::from_secs(5);

/// The pause after a flood. The next opening compares the list, so containers are looked at no less often meanwhile.
const FLOOD_PAUSE: Duration = Duration::from_secs(10);

const _: () = assert!(FIRST_PAUSE.as_millis() < LONGEST_PAUSE.as_millis());
const _: () = assert!(LONGEST_PAUSE.as_millis() + WINDOW.as_millis() < 5000, "the list is compared within 5 s");
const _: () = assert!(MAX_EVENT_BYTES as u64 <= AT_ONCE_BYTES, "one event is no flood");

/// A piece of news from the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// The stream is open (again): earlier events are not known, so compare the list.
    Connected,
    /// The stream has been open for a while.
    Settled,
    Event(Event),
    /// There is no stream; it is tried again without being asked.
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
    buffer: Buffer,
    since: Boot,
    /// `None` until the reply's head is there.
    framing: Option<Framing>,
    /// The beginning of an event.
    line: Vec<u8>,
    /// When the head or the event began whose end is still missing.
    begun: Boot,
    settled: bool,
    allowance: Allowance,
}

impl Stream {
    /// A stream that opens at the first [`Stream::read`].
    pub fn new(address: Address) -> Stream {
        Stream { address, state: State::Closed { until: Boot::from_millis(i64::MIN / 1000) }, pause: FIRST_PAUSE }
    }

    /// The descriptor to watch: as soon as it is readable, [`Stream::read`] has work.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.state {
            State::Open(open) => Some(open.socket.as_fd()),
            State::Closed { .. } => None,
        }
    }

    /// When [`Stream::read`] has something to do even if nothing is readable: open again, give up a stalled stream, or
    /// say that it has settled.
    pub fn due(&self) -> Option<Boot> {
        match &self.state {
            State::Closed { until } => Some(*until),
            State::Open(open) => {
                let stalled = open.is_waiting().then(|| open.begun.after(STALLED));
                let settled = (!open.settled).then(|| open.since.after(SETTLED));
                clock::earliest(&[stalled, settled])
            }
        }
    }

    /// Takes the available bytes, at most [`SHARE_BYTES`] and the rest of the last call; opens or gives up the stream
    /// when it is time. Never waits.
    pub fn read(&mut self, now: Boot) -> Vec<StreamEvent> {
        let mut happenings = Vec::new();
        let result = match &mut self.state {
            State::Closed { until } if now < *until => return happenings,
            State::Closed { .. } => Open::new(&self.address, now).map(|open| self.state = State::Open(open)),
            State::Open(open) => open.read(&self.address, now, &mut happenings),
        };
        if let Err(error) = result {
            self.lose(&error, now);
            happenings.push(StreamEvent::Lost(error));
        }
        happenings
    }

    fn lose(&mut self, error: &Error, now: Boot) {
        // Only a stream that lasted starts over with short pauses: an engine that accepts and hangs up is not tried
        // more often.
        if matches!(&self.state, State::Open(open) if open.framing.is_some() && now - open.since >= SETTLED) {
            self.pause = FIRST_PAUSE;
        }
        if let Error::Flood { pause, .. } = error {
            self.state = State::Closed { until: now.after(*pause) };
            return;
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
        Ok(Open {
            socket,
            buffer: Buffer::default(),
            since: now,
            framing: None,
            line: Vec::new(),
            begun: now,
            settled: false,
            allowance: Allowance::new(now),
        })
    }

    /// Whether something has begun and its end has not been received.
    fn is_waiting(&self) -> bool {
        self.framing.is_none() || !self.buffer.pending().is_empty() || !self.line.is_empty()
    }

    fn read(&mut self, address: &Address, now: Boot, into: &mut Vec<StreamEvent>) -> Result<(), Error> {
        let cut_off = || Error::CutOff { path: address.path().to_owned() };
        let mut share_bytes = SHARE_BYTES;
        while share_bytes > 0 {
            if !self.is_waiting() {
                self.begun = now;
            }
            match self.buffer.fill(&self.socket) {
                Ok(0) => return Err(cut_off()),
                Ok(count) => {
                    share_bytes = share_bytes.saturating_sub(count);
                    if !self.allowance.take(count, now) {
                        return Err(Error::Flood { path: address.path().to_owned(), pause: FLOOD_PAUSE });
                    }
                    if self.decode(address, into)? {
                        self.begun = now;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Err(cut_off()),
            }
        }
        if self.is_waiting() && now - self.begun >= STALLED {
            return Err(stalled(address));
        }
        if !self.settled && self.framing.is_some() && now - self.since >= SETTLED {
            self.settled = true;
            into.push(StreamEvent::Settled);
        }
        Ok(())
    }

    /// Reads the received bytes; returns whether something that had begun has ended.
    fn decode(&mut self, address: &Address, into: &mut Vec<StreamEvent>) -> Result<bool, Error> {
        let path = || address.path().to_owned();
        let strange = |found: String| Error::NotAnEngine { path: path(), found };
        let mut ended = false;
        while self.framing.is_none() {
            let parsed = head::parse(self.buffer.pending()).map_err(|error| strange(error.to_string()))?;
            let Some((head, length)) = parsed else { return Ok(ended) };
            self.buffer.take(length);
            if head.is_interim() {
                continue;
            }
            if head.status != 200 {
                return Err(strange(format!("HTTP status {} for its events", head.status)));
            }
            self.framing = Some(head.framing);
            ended = true;
            into.push(StreamEvent::Connected);
        }
        let Some(framing) = &mut self.framing else { return Ok(ended) };
        loop {
            let pending = self.buffer.pending();
            match framing.advance(pending, pending.len()).map_err(|error| strange(error.to_string()))? {
                Piece::Framing(count) => self.buffer.take(count),
                Piece::Payload(count) => {
                    ended |= take_lines(&mut self.line, &pending[..count], into).map_err(strange)?;
                    self.buffer.take(count);
                }
                Piece::Unfinished => return Ok(ended),
                Piece::End => return Err(Error::CutOff { path: path() }),
            }
        }
    }
}

fn stalled(address: &Address) -> Error {
    Error::NoAnswer { path: address.path().to_owned(), timeout: STALLED }
}

/// Splits `payload`, behind the beginning in `line`, into events; leaves an unfinished one in `line`. Returns whether a
/// line ended.
fn take_lines(line: &mut Vec<u8>, payload: &[u8], into: &mut Vec<StreamEvent>) -> Result<bool, String> {
    let mut ended = false;
    for part in payload.split_inclusive(|byte| *byte == b'\n') {
        if line.len() + part.len() > MAX_EVENT_BYTES {
            return Err(format!("an event of more than {MAX_EVENT_BYTES} bytes"));
        }
        line.extend_from_slice(part);
        if part.ends_with(b"\n") {
            into.extend(event::parse(line).map_err(|error| error.to_string())?.map(StreamEvent::Event));
            line.clear();
            ended = true;
        }
    }
    Ok(ended)
}
