//! A socket beside the state, on which the agent answers `vps-monitor status` and `vps-monitor silence`.
//!
//! The values that change with every check are not worth a write to the disk, so `status` asks for them. A client sends
//! one request, a line of JSON, and gets one JSON document. The agent waits for nobody: a request is read and an answer
//! sent as fast as the client goes, and one that is too slow is disconnected.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use nix::poll::PollFlags;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;

use crate::clock::{self, Boot};
use crate::core::{Request, SilenceAnswer};
use crate::files::{RealFolder, is_trusted};

pub const SOCKET_NAME: &str = "status.sock";

/// An answer that has not been read by then is given up.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// A client that has said nothing for so long asks for the status, as version 0.1 does.
const SAYS_NOTHING: Duration = Duration::from_millis(200);

/// No request is longer.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// The most clients at once; others wait in the socket's queue.
const MAX_CLIENTS: usize = 8;

/// One that has been there for so long makes room for another that waits: slow readers keep nobody out. Whoever reads has
/// the longest answer before that.
const SHARE: Duration = Duration::from_millis(500);

const _: () = assert!(SAYS_NOTHING.as_millis() < SHARE.as_millis() && SHARE.as_millis() < READ_WITHIN.as_millis());

/// The pause after an accept(2) that failed: without descriptors, it would fail again and again.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The agent's end of the socket.
pub struct Control {
    listener: UnixListener,
    /// The oldest first.
    clients: Vec<Client>,
    /// The clients whose requests were handed over and not answered yet, in that order.
    asked: VecDeque<u64>,
    /// The number of the last client.
    last: u64,
    /// Whether another client is let in.
    has_room: bool,
    /// No client is accepted before this instant.
    paused_until: Option<Boot>,
}

/// A process that asks.
struct Client {
    number: u64,
    stream: UnixStream,
    stage: Stage,
    since: Boot,
    until: Boot,
}

enum Stage {
    /// So much of its request has come.
    Asking(Vec<u8>),
    /// Its answer is not made yet.
    Asked,
    /// The answer, and how much of it is sent.
    Answered(Vec<u8>, usize),
}

impl Control {
    /// Listens in a folder that no other agent uses: a socket that is already there is a leftover. `None`: it cannot
    /// listen, and logs that.
    pub fn listen(folder: &mut RealFolder) -> Option<Control> {
        match folder.listen(SOCKET_NAME) {
            Ok(listener) => Some(Control::over(listener)),
            Err(error) => {
                log::warn!("`vps-monitor status` cannot ask this agent: {error}");
                None
            }
        }
    }

    fn over(listener: UnixListener) -> Control {
        Control { listener, clients: Vec::new(), asked: VecDeque::new(), last: 0, has_room: true, paused_until: None }
    }

    /// The descriptors to wait for, each with its events.
    pub fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let lets_in = self.paused_until.is_none() && self.has_room;
        let listener = lets_in.then(|| (self.listener.as_fd(), PollFlags::POLLIN));
        let clients = self.clients.iter().filter_map(|client| {
            let event = match client.stage {
                Stage::Asking(_) => PollFlags::POLLIN,
                Stage::Asked => return None,
                Stage::Answered(..) => PollFlags::POLLOUT,
            };
            Some((client.stream.as_fd(), event))
        });
        listener.into_iter().chain(clients)
    }

    /// The instant at which [`Control::advance`] has work though nothing is ready.
    pub fn due(&self) -> Option<Boot> {
        let room = (!self.has_room).then(|| self.clients.first().map(|oldest| oldest.since.after(SHARE))).flatten();
        self.clients.iter().map(Client::due).chain(self.paused_until).chain(room).min()
    }

    /// Accepts clients, reads and sends as much as they go along with, and disconnects those that do not. Returns the
    /// requests that have come, each of which needs an [answer](Control::answer), in that order.
    pub fn advance(&mut self, is_ready: bool, now: Boot) -> Vec<Request> {
        self.paused_until.take_if(|until| *until <= now);
        self.clients.retain_mut(|client| now < client.until && client.send());
        if is_ready && self.paused_until.is_none() {
            self.let_in(now);
        }
        let mut requests = Vec::new();
        for client in &mut self.clients {
            if let Some(request) = client.read(now) {
                self.asked.push_back(client.number);
                requests.push(request);
            }
        }
        // One that has gone before it asked for anything.
        self.clients.retain_mut(|client| client.send());
        self.has_room = self.has_room_at(now);
        requests
    }

    /// There is a place for another client, or the oldest one has had its share.
    fn has_room_at(&self, now: Boot) -> bool {
        self.clients.len() < MAX_CLIENTS || self.clients.first().is_some_and(|oldest| oldest.since.after(SHARE) <= now)
    }

    /// Answers the first request that was not answered yet.
    #[inline(never)]
    pub fn answer(&mut self, json: String, now: Boot) {
        let asked = self.asked.pop_front();
        let Some(place) = self.clients.iter().position(|client| Some(client.number) == asked) else { return };
        let client = &mut self.clients[place];
        client.stage = Stage::Answered(json.into_bytes(), 0);
        client.until = now.after(READ_WITHIN);
        if !client.send() {
            self.clients.remove(place);
            self.has_room = true;
        }
    }

    fn let_in(&mut self, now: Boot) {
        while self.has_room_at(now) {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if may_ask(&stream) && stream.set_nonblocking(true).is_ok() {
                        if self.clients.len() == MAX_CLIENTS {
                            self.clients.remove(0);
                        }
                        self.last += 1;
                        let (number, stage, until) = (self.last, Stage::Asking(Vec::new()), now.after(READ_WITHIN));
                        self.clients.push(Client { number, stream, stage, since: now, until });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.paused_until = Some(now.after(ACCEPT_PAUSE));
                    break;
                }
            }
        }
    }
}

impl Client {
    /// When it is looked at though it does nothing.
    fn due(&self) -> Boot {
        match &self.stage {
            Stage::Asking(said) if said.is_empty() => self.since.after(SAYS_NOTHING),
            _ => self.until,
        }
    }

    /// Its request, once it is there. One that is none is answered at once.
    fn read(&mut self, now: Boot) -> Option<Request> {
        let Stage::Asking(said) = &mut self.stage else { return None };
        let mut chunk = [0; 4096];
        let is_all = loop {
            if said.contains(&b'\n') || said.len() > MAX_REQUEST_BYTES {
                break true;
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => break true,
                Ok(count) => said.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break false,
                Err(_) => break true,
            }
        };
        if !is_all && (!said.is_empty() || now < self.since.after(SAYS_NOTHING)) {
            return None;
        }
        match request(said) {
            Ok(request) => {
                self.stage = Stage::Asked;
                Some(request)
            }
            Err(why) => {
                let refusal = serde_json::to_vec(&SilenceAnswer::Refused(why)).unwrap_or_default();
                self.stage = Stage::Answered(refusal, 0);
                None
            }
        }
    }

    /// Sends as much as the client takes; `false`: the answer is sent, or nobody reads it any more.
    fn send(&mut self) -> bool {
        let Stage::Answered(answer, sent) = &mut self.stage else { return true };
        while *sent < answer.len() {
            match self.stream.write(&answer[*sent..]) {
                Ok(0) => return false,
                Ok(count) => *sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        false
    }
}

/// The request in a client's words: a line of JSON; nothing is a request for the status.
fn request(said: &[u8]) -> Result<Request, String> {
    let line = said.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match line {
        [] => Ok(Request::Status),
        line if line.len() > MAX_REQUEST_BYTES => Err(format!("a request is no longer than {MAX_REQUEST_BYTES} bytes")),
        line => serde_json::from_slice(line).map_err(|error| format!("the request is not understood: {error}")),
    }
}

/// Whether the client is a process of this user, or of root. The file mode keeps others out already, unless somebody
/// changed it.
fn may_ask(stream: &UnixStream) -> bool {
    getsockopt(stream, PeerCredentials).is_ok_and(|peer| is_trusted(peer.uid()))
}

/// How long a client waits. The agent never blocks, so a slower answer does not come.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

const _: () = assert!(READ_WITHIN.as_millis() < ANSWER_WITHIN.as_millis(), "whoever asks outlasts who answers");

/// Longer than any status.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Puts a request to the agent whose state is in `folder`.
///
/// # Errors
/// None runs there ([`io::ErrorKind::NotFound`], [`io::ErrorKind::ConnectionRefused`]), it does not answer, or not this user
/// ([`io::ErrorKind::PermissionDenied`]).
pub fn ask(folder: &Path, request: &Request) -> io::Result<Vec<u8>> {
    let mut stream = RealFolder::open(folder)?.connect(SOCKET_NAME)?;
    stream.set_nonblocking(false)?;
    if !geteuid().is_root() && getsockopt(&stream, PeerCredentials)?.uid() != geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let until = clock::boot_now().after(ANSWER_WITHIN);
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    match stream.write_all(&line) {
        // An agent of version 0.1 answers unasked, and may be gone already.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    let mut answer = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while answer.len() < MAX_ANSWER_BYTES {
        // A timeout of zero would mean none.
        let left = (until - clock::boot_now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It did not read the request.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && !answer.is_empty() => return Ok(answer),
            Err(error) => return Err(error),
        }
        if clock::boot_now() >= until {
            return Err(io::ErrorKind::WouldBlock.into());
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

#[cfg(test)]
mod tests;
