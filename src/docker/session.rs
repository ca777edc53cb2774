//! One survey's exchange with an engine: questions one after the other, on one connection while the engine keeps it.
//! Nothing here waits: the driver polls [`Session::fd`] and looks at [`Session::due`].

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use jiff::Timestamp;
use nix::poll::PollFlags;

use super::TIMEOUT;
use super::address::Address;
use super::buffer::Buffer;
use super::error::Error;
use super::events::FILTERS;
use super::head;
use super::question::{Answer, Question};
use super::reply::Reply;
use super::socket::Socket;
use crate::clock::Boot;

/// The pause before another connection attempt if an engine's queue is full: poll(2) cannot tell when it has room
/// again.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);

/// An exchange with one engine. Nothing is sent before the first question.
#[derive(Debug)]
pub struct Session {
    address: Address,
    timeout: Duration,
    /// The deadline of all questions together.
    deadline: Boot,
    socket: Option<Socket>,
    buffer: Buffer,
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    request: String,
    sent_bytes: usize,
    reply: Reply,
    /// It goes over a connection that was kept open, and that the engine may have closed meanwhile.
    reuses: bool,
    /// The engine's queue was full: the time of the next attempt.
    retry: Option<Boot>,
}

impl Session {
    /// An exchange that is given up [`TIMEOUT`] from `now`.
    pub fn new(address: Address, now: Boot) -> Session {
        Session::lasting(address, now, TIMEOUT)
    }

    /// One that is given up after `timeout`.
    pub fn lasting(address: Address, now: Boot, timeout: Duration) -> Session {
        Session { address, timeout, deadline: now.after(timeout), socket: None, buffer: Buffer::default(), asked: None }
    }

    /// Asks a question; [`Session::advance`] gives the answers. A question without an answer so far is given up.
    pub fn ask(&mut self, question: Question<'_>) {
        let target = match question {
            Question::Document(path) => path.to_owned(),
            Question::List => "/containers/json?all=true".to_owned(),
            Question::Inspect(id) => format!("/containers/{}/json", head::escaped(id)),
            Question::Past { since, until } => {
                let filters = head::escaped(FILTERS);
                format!("/events?since={}&until={}&filters={filters}", unix_time(since), unix_time(until))
            }
        };
        if self.asked.is_some() {
            self.socket = None;
        }
        self.asked = Some(Asked {
            request: head::request(&target),
            sent_bytes: 0,
            reply: Reply::to(question),
            reuses: self.socket.is_some(),
            retry: None,
        });
    }

    /// Whether a question waits for its answer.
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The descriptor to watch, with its events: as soon as it is ready, [`Session::advance`] has work.
    pub fn fd(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let (asked, socket) = (self.asked.as_ref()?, self.socket.as_ref()?);
        let flags = if asked.is_sent() { PollFlags::POLLIN } else { PollFlags::POLLOUT };
        Some((socket.as_fd(), flags))
    }

    /// When [`Session::advance`] has something to do even if nothing is ready.
    pub fn due(&self) -> Option<Boot> {
        let asked = self.asked.as_ref()?;
        Some(asked.retry.map_or(self.deadline, |retry| retry.min(self.deadline)))
    }

    /// Goes on with the question: returns the next answer, or `None` if there is nothing to do before [`Session::fd`]
    /// is ready or [`Session::due`] has come. Received bytes are taken off `share_bytes`, the limit of one turn of the
    /// loop.
    pub fn advance(&mut self, now: Boot, share_bytes: &mut usize) -> Option<Answer> {
        let result = match self.get_on(now, share_bytes) {
            Err(Error::CutOff { .. }) if self.asked.as_ref().is_some_and(Asked::may_be_repeated) => {
                self.socket = None;
                if let Some(asked) = &mut self.asked {
                    (asked.reuses, asked.sent_bytes) = (false, 0);
                }
                self.get_on(now, share_bytes)
            }
            result => result,
        };
        let answer = match result {
            Ok(None) if now < self.deadline => return None,
            Ok(None) => Answer::Failed(no_answer(&self.address, self.timeout)),
            Ok(Some(answer)) => answer,
            Err(error) => Answer::Failed(error),
        };
        if answer.is_last() {
            let leaves = self.asked.take().is_some_and(|asked| asked.reply.leaves_connection());
            // Bytes that nobody asked for are the beginning of no answer.
            self.socket.take_if(|_| !leaves || !self.buffer.pending().is_empty());
        }
        Some(answer)
    }

    fn get_on(&mut self, now: Boot, share_bytes: &mut usize) -> Result<Option<Answer>, Error> {
        let Some(asked) = &mut self.asked else { return Ok(None) };
        let path = self.address.path();
        let socket = match &self.socket {
            Some(socket) => socket,
            None if asked.retry.is_some_and(|retry| now < retry) => return Ok(None),
            None => {
                self.buffer.clear();
                let connected = Socket::connect(&self.address)?;
                asked.retry = connected.is_none().then(|| now.after(QUEUE_PAUSE));
                match connected {
                    Some(socket) => self.socket.insert(socket),
                    None => return Ok(None),
                }
            }
        };
        while !asked.is_sent() {
            match socket.send(&asked.request.as_bytes()[asked.sent_bytes..]) {
                Ok(sent) => asked.sent_bytes += sent,
                Err(error) => return passing(&self.address, &error).map(|()| None),
            }
        }
        loop {
            if let Some(answer) = asked.reply.next(&mut self.buffer, path)? {
                return Ok(Some(answer));
            }
            if *share_bytes == 0 {
                return Ok(None);
            }
            match self.buffer.fill(socket) {
                Ok(0) => return asked.reply.connection_ended(path).map(Some),
                Ok(count) => *share_bytes = share_bytes.saturating_sub(count),
                Err(error) => return passing(&self.address, &error).map(|()| None),
            }
        }
    }
}

impl Asked {
    fn is_sent(&self) -> bool {
        self.sent_bytes == self.request.len()
    }

    /// Whether a connection that ended was one that the engine closed before it saw the request.
    fn may_be_repeated(&self) -> bool {
        self.reuses && !self.reply.has_begun()
    }
}

/// Seconds since 1970 with their fraction, as engines take them.
fn unix_time(time: Timestamp) -> String {
    format!("{}.{:09}", time.as_second(), time.subsec_nanosecond())
}

fn no_answer(address: &Address, timeout: Duration) -> Error {
    Error::NoAnswer { path: address.path().to_owned(), timeout }
}

/// Whether the socket is only not ready yet; any other result is an error.
fn passing(address: &Address, error: &io::Error) -> Result<(), Error> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Err(Error::CutOff { path: address.path().to_owned() })
        }
        _ => Err(Error::Socket { path: address.path().to_owned(), what: error.to_string() }),
    }
}
