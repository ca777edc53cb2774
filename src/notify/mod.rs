//! Channels: where a message goes. A channel sees a `Message` and knows nothing of alerts, rules or snapshots.
//!
//! A channel is pure: it says which messages it takes and what to post, and judges the answer. Another one is a file
//! that has a [`Vendor`] and its [`ChannelKind`], and a line in [`CHANNEL_KINDS`].

mod address;
mod answer;
mod bark;
mod channel;
mod command;
mod dingtalk;
mod discord;
mod email;
mod feishu;
mod ntfy;
mod read;
mod robot;
mod slack;
mod split;
mod telegram;
mod terminal;
mod vendor;
mod verdict;
mod webhook;
pub mod wecom;

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;

use crate::http::{self, Answer, BodyPart};
use crate::message::{Escape, Message};
use crate::outbox::{Budget, Moved, Outcome};
use crate::secret::Secret;
use crate::worker::{Illustrated, PictureJob, Program};

pub use channel::Channel;
pub use read::{ChannelKind, Channels, read, secret_key};

/// All kinds, in the order of their keys in an entry of the list of channels.
pub const CHANNEL_KINDS: &[&ChannelKind] = &[
    wecom::KIND,
    telegram::KIND,
    slack::KIND,
    dingtalk::KIND,
    feishu::KIND,
    webhook::KIND,
    discord::KIND,
    email::KIND,
    ntfy::KIND,
    bark::KIND,
    command::KIND,
];

/// The kind that has a section of its own beside the list.
const FIRST: &ChannelKind = wecom::KIND;

/// The channel of that section, which owns the one outbox of a state of version 1.
pub const FIRST_CHANNEL: &str = FIRST.name;

/// The key of that section for the destination.
pub const FIRST_SETTING: &str = FIRST.setting;

/// The log calls them the channel.
const NAMELESS: [&str; 2] = [FIRST_CHANNEL, terminal::NAME];

/// The part of a channel in its vendor's file. `Display` names it, with enough of its secret to tell it from another.
pub trait Vendor: fmt::Display {
    /// The word for such channels.
    fn kind(&self) -> &'static str;

    /// The configuration's key for the destination.
    fn setting(&self) -> &'static str;

    /// The key for the destination's address at its vendor, which may move.
    fn address_setting(&self) -> &'static str {
        self.setting()
    }

    fn limits(&self) -> ChannelLimits;

    /// Its way to write our own words and foreign text.
    fn escape(&self) -> Escape;

    /// The jobs that deliver `message`, one of the parts that [`Channel::split`] made: each begins once the one before
    /// it was delivered.
    fn encode(&self, message: &Message, form: Form<'_>) -> Vec<Job>;

    /// The job that delivers a picture, a PNG file, behind the message that it belongs to; `None`: the channel takes none.
    fn picture(&self, _: Form<'_>) -> Option<PictureJob> {
        None
    }

    /// Whether a message has its picture in it, by [`Vendor::illustrated`], and not behind it.
    fn has_pictures_inside(&self) -> bool {
        false
    }

    /// The job that delivers `message` with its picture in it.
    fn illustrated(&self, _: &Message, _: Form<'_>) -> Option<Illustrated> {
        None
    }

    /// The words of an answer, which was a delivery, by which the message can be found at the server; for the log.
    fn receipt(&self, _: &Answer) -> Option<String> {
        None
    }

    /// The parts of a delivery that failed, by its answer; for the log, and for a person who tries the channel.
    fn lacks(&self, _: &Answer) -> Vec<Lack> {
        Vec::new()
    }

    /// The outcome of a job, by its answer.
    fn classify(&self, answer: &Answer) -> Outcome;

    /// Advice to a person on an answer that is not a delivery, if there is any.
    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>>;

    /// Everything that must not be shown: the destination's URL, keys in headers and bodies.
    fn secrets(&self) -> Vec<&Secret> {
        Vec::new()
    }
}

/// Its own fields are for its file alone, and nobody prints them.
impl fmt::Debug for dyn Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A part of a delivery that failed: `the mail did not go to ops@example.com`, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    pub what: String,
    pub why: String,
}

/// How and when a message is sent, as earlier answers taught it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form<'a> {
    /// Without markup: see [`Outcome::FormRefused`].
    pub is_plain: bool,
    /// See [`Outcome::Moved`].
    pub moved: Option<&'a Moved>,
    /// The time of the sending, for a signature.
    pub now: Timestamp,
}

/// The limits of a channel; `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLimits {
    /// For one message's text as the channel writes it. A value below 512 counts as 512.
    pub part: Option<PartLimit>,
    /// For the number of jobs within a time.
    pub budget: Option<Budget>,
}

/// The longest text that a channel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartLimit {
    /// Bytes of UTF-8.
    Bytes(usize),
    /// Characters, which are Unicode's.
    Chars(usize),
}

/// A step of a delivery.
#[derive(Clone, Debug)]
pub enum Job {
    /// To be posted; the answer goes to [`Channel::classify`].
    Post(http::Request),
    /// To be run; its end goes to [`Channel::classify`], with its exit code as the status and its output as the body.
    Run(Program),
    /// To be printed to standard output; it is delivered when that is done.
    Print(String),
}

impl PictureJob {
    /// A job that posts a form (RFC 7578) with these fields, and the picture in the field of that name.
    fn form(url: Secret, fields: &[(&str, String)], file_field: &str, max_bytes: usize) -> PictureJob {
        let mut text = String::new();
        for (name, value) in fields {
            text += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        text += &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{file_field}\"; filename=\"{PICTURE_NAME}\"\r\n\
             Content-Type: image/png\r\n\r\n"
        );
        let end = format!("\r\n--{BOUNDARY}--\r\n");
        let content_type = Secret::new(format!("multipart/form-data; boundary={BOUNDARY}"));
        let headers = vec![("Content-Type".into(), content_type)];
        let request = http::Request { method: http::Method::Post, url, headers, body: Vec::new() };
        PictureJob {
            request,
            body: vec![BodyPart::Text(text), BodyPart::File, BodyPart::Text(end)],
            max_bytes,
            without: None,
        }
    }
}

/// Compressed data has no such line.
const BOUNDARY: &str = "vps-monitor-5d7c1f0e9b3a4286";

/// The picture's name for people who save it.
const PICTURE_NAME: &str = "vps-monitor.png";

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
