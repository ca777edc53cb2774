//! A socket beside the state, on which the agent answers `vps-monitor status`.
//!
//! The values that change with every check are not worth a write to the disk, so `status` asks for them. A client gets
//! one JSON document and sends nothing. The agent waits for nobody: an answer is sent as fast as it is read, and a
//! client that does not read is disconnected.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use nix::poll::PollFlags;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;

use crate::clock::{self, Boot};
use crate::files::{RealFolder, is_trusted};

pub const SOCKET_NAME: &str = "status.sock";

/// An answer that has not been read by then is given up.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// The most clients at once; others wait in the socket's queue.
const MAX_CLIENTS: usize = 8;

/// One that has been there for so long makes room for another that waits: slow readers keep nobody out. Whoever reads has
/// the longest answer before that.
const SHARE: Duration = Duration::from_millis(500);

const _: () = assert!(SHARE.as_millis() < READ_WITHIN.as_millis());

/// The pause after an accept(2) that failed: without descriptors, it would fail again and again.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The agent's end of the socket.
pub struct Control {
    listener: UnixListener,
    /// The oldest first.
    clients: Vec<Client>,
    /// Whether another client is let in.
    has_room: bool,
    /// No client is accepted before this instant.
    paused_until: Option<Boot>,
}

/// A process that asks for the status.
struct Client {
    stream: UnixStream,
    /// The rest of the answer; `None`: it is not made yet.
    answer: Option<(Vec<u8>, usize)>,
    since: Boot,
    until: Boot,
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
        Control { listener, clients: Vec::new(), has_room: true, paused_until: None }
    }

    /// The descriptors to wait for, each with its events.
    pub fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let lets_in = self.paused_until.is_none() && self.has_room;
        let listener = lets_in.then(|| (self.listener.as_fd(), PollFlags::POLLIN));
        let readers = self.clients.iter().filter(|client| client.answer.is_some());
        listener.into_iter().chain(readers.map(|client| (client.stream.as_fd(), PollFlags::POLLOUT)))
    }

    /// The instant at which [`Control::advance`] has work though nothing is ready.
    pub fn due(&self) -> Option<Boot> {
        let room = (!self.has_room).then(|| self.clients.first().map(|oldest| oldest.since.after(SHARE))).flatten();
        self.clients.iter().map(|client| client.until).chain(self.paused_until).chain(room).min()
    }

    /// Accepts clients, sends as much as they read, and disconnects those that do not read. Returns the number of new
    /// clients, each of which needs an [answer](Control::answer).
    pub fn advance(&mut self, is_ready: bool, now: Boot) -> usize {
        self.paused_until.take_if(|until| *until <= now);
        self.clients.retain_mut(|client| now < client.until && client.send());
        let come = if is_ready && self.paused_until.is_none() { self.let_in(now) } else { 0 };
        self.has_room = self.has_room_at(now);
        come
    }

    /// There is a place for another client, or the oldest one has had its share.
    fn has_room_at(&self, now: Boot) -> bool {
        self.clients.len() < MAX_CLIENTS || self.clients.first().is_some_and(|oldest| oldest.since.after(SHARE) <= now)
    }

    /// Answers the first client that was not answered yet.
    pub fn answer(&mut self, json: String, now: Boot) {
        let Some(place) = self.clients.iter().position(|client| client.answer.is_none()) else { return };
        let client = &mut self.clients[place];
        client.answer = Some((json.into_bytes(), 0));
        client.until = now.after(READ_WITHIN);
        if !client.send() {
            self.clients.remove(place);
            self.has_room = true;
        }
    }

    fn let_in(&mut self, now: Boot) -> usize {
        let mut come = 0;
        while self.has_room_at(now) {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if may_ask(&stream) && stream.set_nonblocking(true).is_ok() {
                        if self.clients.len() == MAX_CLIENTS {
                            self.clients.remove(0);
                        }
                        self.clients.push(Client { stream, answer: None, since: now, until: now.after(READ_WITHIN) });
                        come += 1;
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
        come
    }
}

impl Client {
    /// Sends as much as the client takes; `false`: the answer is sent, or nobody reads it any more.
    fn send(&mut self) -> bool {
        let Some((answer, sent)) = &mut self.answer else { return true };
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

/// Asks the agent whose state is in `folder`.
///
/// # Errors
/// None runs there ([`io::ErrorKind::NotFound`], [`io::ErrorKind::ConnectionRefused`]), it does not answer, or not this user
/// ([`io::ErrorKind::PermissionDenied`]).
pub fn ask(folder: &Path) -> io::Result<Vec<u8>> {
    let mut stream = RealFolder::open(folder)?.connect(SOCKET_NAME)?;
    stream.set_nonblocking(false)?;
    if !geteuid().is_root() && getsockopt(&stream, PeerCredentials)?.uid() != geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let until = clock::boot_now().after(ANSWER_WITHIN);
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
            Err(error) => return Err(error),
        }
        if clock::boot_now() >= until {
            return Err(io::ErrorKind::WouldBlock.into());
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

    use super::*;

    #[test]
    fn slow_readers_have_their_share_and_then_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status.sock");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut control = Control::over(listener);
        let at = Boot::from_millis;
        // More than a socket holds: it stays until it is read.
        let long = || "x".repeat(8 * 1024 * 1024);
        let slow: Vec<UnixStream> = (0..MAX_CLIENTS).map(|_| UnixStream::connect(&path).unwrap()).collect();
        assert_eq!(control.advance(true, at(0)), MAX_CLIENTS);
        (0..MAX_CLIENTS).for_each(|_| control.answer(long(), at(0)));
        assert_eq!(control.clients.len(), MAX_CLIENTS);

        let mut newcomer = UnixStream::connect(&path).unwrap();
        assert_eq!((control.advance(true, at(499)), control.due()), (0, Some(at(500))));
        assert!(control.fds().all(|(_, flags)| flags == PollFlags::POLLOUT));
        // The oldest makes room, and the loop does not spin meanwhile.
        assert_eq!(control.advance(false, at(500)), 0);
        assert_eq!(control.fds().filter(|(_, flags)| *flags == PollFlags::POLLIN).count(), 1);
        assert_eq!(control.advance(true, at(501)), 1);
        control.answer("{}".to_owned(), at(501));
        let mut read = String::new();
        newcomer.read_to_string(&mut read).unwrap();
        assert_eq!((read.as_str(), control.clients.len()), ("{}", MAX_CLIENTS - 1));
        // Whoever has had its share goes on where nobody waits.
        assert_eq!(control.advance(false, at(4999)), 0);
        assert_eq!(control.clients.len(), MAX_CLIENTS - 1);
        drop(slow);
    }

    #[test]
    fn an_accept_that_fails_is_a_pause_and_no_spin() {
        // A socket that no longer listens fails at each call, and so does one in a process without descriptors.
        let deaf = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        let mut control = Control::over(UnixListener::from(deaf));
        let at = Boot::from_millis;
        assert_eq!((control.fds().count(), control.due()), (1, None));
        assert_eq!(control.advance(true, at(0)), 0);
        assert_eq!((control.fds().count(), control.due()), (0, Some(at(1000))));
        assert_eq!(control.advance(false, at(1000)), 0);
        assert_eq!((control.fds().count(), control.due()), (1, None));
    }
}
