//! The system bus (D-Bus): calls to systemd and logind, and their signals, over one Unix socket.
//!
//! Nothing here waits: [`Bus::ask`] sends, [`Bus::fd`] is one more descriptor of the loop's poll(2), [`Bus::advance`] takes
//! in a share of the incoming bytes, and [`Bus::answer`] has an answer, or why there is none. A bus that is silent for
//! [`DEADLINE`], or sends anything but messages, is left, and connected again by the next question.

mod error;
#[cfg(test)]
pub mod fake;
mod link;
#[cfg(test)]
mod tests;
pub mod wire;

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

use nix::poll::PollFlags;

use crate::clock::Boot;

pub use error::Error;
pub use wire::{Argument, Body, Call, Malformed, Reader, Value};

use link::Link;
use wire::{Kind, Message};

/// Where the bus is (D-Bus Specification, "Well-known Message Bus Instances"; /var/run is a link to /run).
pub const SOCKET: &str = "/run/dbus/system_bus_socket";

/// How long an answer may take. An answer of systemd takes a millisecond; one of a service that the bus has to start
/// first, some ten.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The most questions at a time, answered ones that nobody took included.
const MAX_QUESTIONS: usize = 512;

/// The most signals that wait to be taken. More of them say no more than that there were many.
const MAX_SIGNALS: usize = 64;

/// The bus's own name, path and interface.
const ITSELF: (&str, &str) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");

/// Identifies a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question(u32);

/// Signals to follow.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    /// The object that they come from.
    pub path: &'static str,
    /// D-Bus Specification, "Match Rules".
    pub rule: &'static str,
    /// A call without which the sender does not send them.
    pub request: Option<Call<'static>>,
    /// A file that is written when they would come, on a host without their sender.
    pub file: Option<&'static str>,
}

/// A signal that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    pub path: String,
    pub interface: String,
    pub member: String,
    pub body: Body,
}

#[derive(Debug)]
struct Asked {
    question: Question,
    deadline: Boot,
    answer: Option<Result<Body, Error>>,
}

#[derive(Debug)]
pub struct Bus {
    /// `None`: this host's bus cannot be asked.
    path: Option<PathBuf>,
    link: Option<Link>,
    serial: u32,
    asked: Vec<Asked>,
    followed: Vec<Follow>,
    signals: VecDeque<Signal>,
}

impl Bus {
    pub fn at(path: impl Into<PathBuf>) -> Bus {
        Bus { path: Some(path.into()), ..Bus::none() }
    }

    pub fn none() -> Bus {
        let (asked, followed, signals) = (Vec::new(), Vec::new(), VecDeque::new());
        Bus { path: None, link: None, serial: 0, asked, followed, signals }
    }

    /// Whether this host has one.
    pub fn is_there(&self) -> bool {
        self.path.is_some()
    }

    /// Sends a question.
    ///
    /// # Errors
    /// There is no bus to ask.
    pub fn ask(&mut self, call: &Call<'_>, now: Boot) -> Result<Question, Error> {
        // An answer that nobody took for so long is nobody's.
        self.asked.retain(|asked| asked.answer.is_none() || now < asked.deadline.after(DEADLINE));
        if self.asked.len() >= MAX_QUESTIONS {
            return Err(Error::Busy);
        }
        self.connect()?;
        let question = self.send(call, true)?;
        self.asked.push(Asked { question, deadline: now.after(DEADLINE), answer: None });
        Ok(question)
    }

    /// The answer to a question, once; `None`: there is none yet.
    pub fn answer(&mut self, question: Question) -> Option<Result<Body, Error>> {
        let place = self.asked.iter().position(|asked| asked.question == question && asked.answer.is_some())?;
        self.asked.swap_remove(place).answer
    }

    /// Follows signals, from the next connection on if there is none.
    ///
    /// # Errors
    /// The connection broke.
    pub fn follow(&mut self, follow: Follow) -> Result<(), Error> {
        if self.followed.iter().any(|known| known.rule == follow.rule) {
            return Ok(());
        }
        self.followed.push(follow);
        if self.link.is_some() { self.request(&follow) } else { Ok(()) }
    }

    /// The signals that came since the last call.
    pub fn take_signals(&mut self) -> impl Iterator<Item = Signal> {
        self.signals.drain(..)
    }

    /// For poll(2), while there is a connection.
    pub fn fd(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let link = self.link.as_ref()?;
        let sending = if link.is_sending() { PollFlags::POLLOUT } else { PollFlags::empty() };
        Some((link.fd(), PollFlags::POLLIN | sending))
    }

    /// When [`Bus::advance`] has something to do though its descriptor is not ready.
    pub fn due(&self) -> Option<Boot> {
        self.asked.iter().filter(|asked| asked.answer.is_none()).map(|asked| asked.deadline).min()
    }

    /// Takes in a share of the incoming bytes; whether there is an answer or a signal now that was not there before.
    pub fn advance(&mut self, now: Boot) -> bool {
        let Some(link) = &mut self.link else { return false };
        let received = link.flush().and_then(|()| link.receive());
        let mut is_news = false;
        match received {
            Ok(messages) => messages.into_iter().for_each(|message| is_news |= self.take_in(message)),
            Err(error) => {
                self.leave(&error);
                return true;
            }
        }
        let is_late = self.due().is_some_and(|due| due <= now);
        if is_late {
            self.leave(&Error::Silent(DEADLINE));
        }
        is_news || is_late
    }

    fn take_in(&mut self, message: Message) -> bool {
        let answer = match message.kind {
            Kind::Return => Ok(message.body),
            Kind::Error => {
                let text = message.body.of("s").and_then(|mut body| body.text());
                Err(Error::Refused { name: message.error, text: text.unwrap_or_default() })
            }
            Kind::Signal => {
                // The bus tells each connection of its own name.
                let is_followed = message.interface != ITSELF.0 && self.signals.len() < MAX_SIGNALS;
                let Message { path, interface, member, body, .. } = message;
                self.signals.extend(is_followed.then_some(Signal { path, interface, member, body }));
                return is_followed;
            }
            Kind::Other => return false,
        };
        let of_it = |asked: &&mut Asked| Some(asked.question.0) == message.reply_to && asked.answer.is_none();
        let Some(asked) = self.asked.iter_mut().find(of_it) else { return false };
        asked.answer = Some(answer);
        true
    }

    fn connect(&mut self) -> Result<(), Error> {
        if self.link.is_some() {
            return Ok(());
        }
        self.link = Some(Link::open(self.path.as_deref().ok_or(Error::None)?)?);
        self.send(&of_bus("Hello", &[]), false)?;
        for follow in self.followed.clone() {
            self.request(&follow)?;
        }
        Ok(())
    }

    fn request(&mut self, follow: &Follow) -> Result<(), Error> {
        self.send(&of_bus("AddMatch", &[Argument::Text(follow.rule)]), false)?;
        if let Some(request) = &follow.request {
            self.send(request, false)?;
        }
        Ok(())
    }

    fn send(&mut self, call: &Call<'_>, expects_reply: bool) -> Result<Question, Error> {
        // 0 is no serial.
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        let link = self.link.as_mut().ok_or(Error::Closed)?;
        if let Err(error) = link.send(&call.encode(self.serial, expects_reply)) {
            self.leave(&error);
            return Err(error);
        }
        Ok(Question(self.serial))
    }

    /// Closes the connection: whatever was asked is answered with the error.
    fn leave(&mut self, error: &Error) {
        self.link = None;
        for asked in self.asked.iter_mut().filter(|asked| asked.answer.is_none()) {
            asked.answer = Some(Err(error.clone()));
        }
    }
}

/// Several questions, whose answers are taken together.
#[derive(Debug, Default)]
pub struct Batch {
    questions: Vec<Question>,
    answers: Vec<Option<Result<Body, Error>>>,
}

impl Batch {
    /// Sends the questions.
    ///
    /// # Errors
    /// There is no bus to ask.
    pub fn ask<'a>(bus: &mut Bus, calls: impl IntoIterator<Item = Call<'a>>, now: Boot) -> Result<Batch, Error> {
        let mut batch = Batch::default();
        for call in calls {
            batch.add(bus, &call, now)?;
        }
        Ok(batch)
    }

    /// Sends one question more.
    ///
    /// # Errors
    /// There is no bus to ask.
    pub fn add(&mut self, bus: &mut Bus, call: &Call<'_>, now: Boot) -> Result<(), Error> {
        self.questions.push(bus.ask(call, now)?);
        self.answers.push(None);
        Ok(())
    }

    /// The answers in the order of the questions, once all are there.
    pub fn take(&mut self, bus: &mut Bus) -> Option<Vec<Result<Body, Error>>> {
        for (question, answer) in self.questions.iter().zip(&mut self.answers) {
            *answer = answer.take().or_else(|| bus.answer(*question));
        }
        let is_whole = self.answers.iter().all(Option::is_some);
        is_whole.then(|| std::mem::take(&mut self.answers).into_iter().flatten().collect())
    }
}

const fn of_bus<'a>(member: &'a str, arguments: &'a [Argument<'a>]) -> Call<'a> {
    Call { destination: ITSELF.0, path: ITSELF.1, interface: ITSELF.0, member, arguments }
}
