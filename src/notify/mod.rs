//! Channels: where a message goes. A channel sees a `Message` and knows nothing of alerts, rules or snapshots.
//!
//! A channel is pure: it says what it takes, what is to be posted, and what became of it. A new one is a file that
//! implements [`Vendor`], and a line where the configuration makes channels of its sections.

mod split;
mod terminal;
pub mod wecom;

use std::fmt;
use std::rc::Rc;

use crate::http::{self, Answer};
use crate::message::{Escape, Message};
use crate::outbox::{Budget, Outcome};
use crate::secret::Secret;

/// The settings that make a channel.
pub const SETTINGS: &[&str] = &[wecom::SETTING];

/// The channel whose outbox is the one of a state of version 1.
pub const FIRST_CHANNEL: &str = wecom::KIND;

/// The part of a channel that its vendor's file knows. `Display` names it, with enough of its secret to tell it from
/// another.
pub trait Vendor: fmt::Debug + fmt::Display {
    /// The word for such channels.
    fn kind(&self) -> &'static str;

    /// The key of the configuration that says where messages go.
    fn setting(&self) -> &str;

    fn limits(&self) -> Limits;

    /// How it writes our own words and foreign text.
    fn escape(&self) -> Escape;

    /// The jobs that deliver `message`, one of the parts that [`Channel::split`] made: one after another, each once the one
    /// before it was delivered.
    fn encode(&self, message: &Message) -> Vec<Job>;

    /// The outcome of a job, by the answer to it.
    fn classify(&self, answer: &Answer) -> Outcome;

    /// Advice to a person on an answer that is not a delivery, where there is some.
    fn advice(&self, answer: &Answer) -> Option<&'static str>;

    /// The URL that messages go to, which is a secret.
    fn secret(&self) -> Option<&Secret> {
        None
    }
}

/// The limits of a channel; `None`: there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one message's text as the channel writes it, in bytes of UTF-8. Less than 512 is not kept to.
    pub part_bytes: Option<usize>,
    /// How many jobs in a while.
    pub budget: Option<Budget>,
}

/// A step of a delivery.
#[derive(Clone, Debug)]
pub enum Job {
    /// To be posted; the answer goes to [`Channel::classify`].
    Post(http::Request),
    /// To be printed to standard output; it is delivered when that is done.
    Print(String),
}

/// One place where messages go. Two are the same if they have one name, one kind and one secret.
#[derive(Clone, Debug)]
pub struct Channel {
    name: Rc<str>,
    vendor: Rc<dyn Vendor>,
    takes: fn(&Message) -> bool,
}

impl Channel {
    /// One that is called as its kind is, and takes every message.
    pub fn new(vendor: impl Vendor + 'static) -> Channel {
        Channel { name: vendor.kind().into(), vendor: Rc::new(vendor), takes: |_| true }
    }

    /// Standard output.
    pub fn terminal() -> Channel {
        Channel::new(terminal::Terminal)
    }

    /// The same under a name that no other channel has, for one of several of a kind.
    #[must_use]
    pub fn named(self, name: &str) -> Channel {
        Channel { name: name.into(), ..self }
    }

    /// The same for some messages alone.
    #[must_use]
    pub fn only(self, takes: fn(&Message) -> bool) -> Channel {
        Channel { takes, ..self }
    }

    /// The name by which the state tells this channel's outbox from others.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// See [`Vendor::kind`].
    pub fn kind(&self) -> &'static str {
        self.vendor.kind()
    }

    /// See [`Vendor::setting`].
    pub fn setting(&self) -> &str {
        self.vendor.setting()
    }

    /// Whether `message` goes to this channel.
    pub fn takes(&self, message: &Message) -> bool {
        (self.takes)(message)
    }

    /// How many jobs it takes in a while; `None`: any number.
    pub fn budget(&self) -> Option<Budget> {
        self.vendor.limits().budget
    }

    /// The message in parts that the channel takes, in order; most often that is the message itself.
    pub fn split(&self, message: Message) -> Vec<Message> {
        match self.vendor.limits().part_bytes {
            Some(part_bytes) => split::split(message, part_bytes, &self.vendor.escape()),
            None => vec![message],
        }
    }

    /// The text of `message` as it stands in the channel.
    pub fn text(&self, message: &Message) -> String {
        message.text(&self.vendor.escape())
    }

    /// See [`Vendor::encode`].
    pub fn encode(&self, message: &Message) -> Vec<Job> {
        self.vendor.encode(message)
    }

    /// See [`Vendor::classify`].
    pub fn classify(&self, answer: &Answer) -> Outcome {
        self.vendor.classify(answer)
    }

    /// See [`Vendor::advice`].
    pub fn advice(&self, answer: &Answer) -> Option<&'static str> {
        self.vendor.advice(answer)
    }

    /// See [`Vendor::secret`].
    pub fn secret(&self) -> Option<&Secret> {
        self.vendor.secret()
    }
}

impl PartialEq for Channel {
    fn eq(&self, other: &Channel) -> bool {
        self.name == other.name && self.kind() == other.kind() && self.secret() == other.secret()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.vendor.fmt(f)
    }
}

/// The full-width twin of a character that chats take for markup or a mention, for a channel that cannot escape it.
fn full_width(c: char) -> char {
    match c {
        '<' => '＜',
        '>' => '＞',
        '*' => '＊',
        '[' => '［',
        ']' => '］',
        '`' => '｀',
        c => c,
    }
}
