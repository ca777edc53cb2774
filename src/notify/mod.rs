//! Channels: where a message goes. A channel sees a `Message` and knows nothing of alerts, rules or snapshots.
//!
//! A channel is pure: it says which messages it takes and what to post, and judges the answer. Another one is a file
//! that has a [`Vendor`] and its [`ChannelKind`], and a line in [`CHANNEL_KINDS`].

mod section;
mod split;
mod terminal;
pub mod wecom;

use std::fmt;
use std::rc::Rc;

use crate::http::{self, Answer};
use crate::message::{Escape, Message};
use crate::outbox::{Budget, Outcome};
use crate::secret::Secret;

pub use section::{ChannelKind, ChannelSection, read};

/// All kinds, in the order of their sections in the configuration.
pub const CHANNEL_KINDS: &[&ChannelKind] = &[wecom::KIND];

/// The channel that owns the one outbox of a state of version 1.
pub const FIRST_CHANNEL: &str = wecom::KIND.name;

/// The part of a channel in its vendor's file. `Display` names it, with enough of its secret to tell it from another.
pub trait Vendor: fmt::Debug + fmt::Display {
    /// The word for such channels.
    fn kind(&self) -> &'static str;

    /// The configuration's key for the destination.
    fn setting(&self) -> &'static str;

    fn limits(&self) -> ChannelLimits;

    /// Its way to write our own words and foreign text.
    fn escape(&self) -> Escape;

    /// The jobs that deliver `message`, one of the parts that [`Channel::split`] made: each begins once the one before
    /// it was delivered.
    fn encode(&self, message: &Message) -> Vec<Job>;

    /// The outcome of a job, by its answer.
    fn classify(&self, answer: &Answer) -> Outcome;

    /// Advice to a person on an answer that is not a delivery, if there is any.
    fn advice(&self, answer: &Answer) -> Option<&'static str>;

    /// The destination's URL, which is a secret.
    fn secret(&self) -> Option<&Secret> {
        None
    }
}

/// The limits of a channel; `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLimits {
    /// For one message's text as the channel writes it, in bytes of UTF-8. A value below 512 counts as 512.
    pub part_bytes: Option<usize>,
    /// For the number of jobs within a time.
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

/// One destination of messages. Two are the same if they have one name, one kind and one secret.
#[derive(Clone, Debug)]
pub struct Channel {
    name: Rc<str>,
    vendor: Rc<dyn Vendor>,
    takes: fn(&Message) -> bool,
}

impl Channel {
    /// A channel that has its kind's name, and takes every message.
    pub fn new(vendor: impl Vendor + 'static) -> Channel {
        Channel { name: vendor.kind().into(), vendor: Rc::new(vendor), takes: |_| true }
    }

    /// Standard output.
    pub fn terminal() -> Channel {
        Channel::new(terminal::Terminal)
    }

    /// The same under a name of its own, for one of several channels of a kind.
    #[must_use]
    pub fn named(self, name: &str) -> Channel {
        Channel { name: name.into(), ..self }
    }

    /// The same for some messages only.
    #[must_use]
    pub fn only(self, takes: fn(&Message) -> bool) -> Channel {
        Channel { takes, ..self }
    }

    /// The name of its outbox in the state.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// See [`Vendor::kind`].
    pub fn kind(&self) -> &'static str {
        self.vendor.kind()
    }

    /// See [`Vendor::setting`].
    pub fn setting(&self) -> &'static str {
        self.vendor.setting()
    }

    /// Whether `message` goes to this channel.
    pub fn takes(&self, message: &Message) -> bool {
        (self.takes)(message)
    }

    /// The number of jobs that it takes within a time; `None`: any number.
    pub fn budget(&self) -> Option<Budget> {
        self.vendor.limits().budget
    }

    /// The message in parts that the channel takes, in order; mostly the message itself.
    pub fn split(&self, message: Message) -> Vec<Message> {
        match self.vendor.limits().part_bytes {
            Some(part_bytes) => split::split(message, part_bytes, &self.vendor.escape()),
            None => vec![message],
        }
    }

    /// The text of `message` as the channel shows it.
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
