//! Channels: where a message goes. A channel sees a `Message` and knows nothing of alerts, rules or snapshots.
//!
//! Everything here is pure: a channel says what it takes, what is to be posted, and what became of it. A new channel is a
//! file that implements [`Vendor`], and a line where the configuration makes channels of its sections.

mod split;
mod terminal;
pub mod wecom;

use std::fmt;
use std::rc::Rc;

use crate::http;
use crate::message::{Escape, Message};
use crate::outbox::{Budget, Outcome};
use crate::secret::Secret;

/// What a post brought.
pub type Answer = Result<http::Response, http::Error>;

/// What a vendor's file says of its channel. `Display` names it, with enough of its secret to tell it from another.
pub trait Vendor: fmt::Debug + fmt::Display {
    /// The name by which the state tells this channel's outbox from others.
    fn name(&self) -> &'static str;

    fn limits(&self) -> Limits;

    /// How it writes our own words and foreign text.
    fn escape(&self) -> Escape;

    /// What delivers `message`, one of the parts that [`Channel::split`] made, in the vendor's markup.
    fn encode(&self, message: &Message) -> Encoded;

    /// What became of a message, by what its posting brought.
    fn classify(&self, answer: &Answer) -> Outcome;

    /// What a person can do about an answer that is not a delivery, where that is known.
    fn advice(&self, answer: &Answer) -> Option<&'static str>;

    /// The URL that messages go to, which is a secret.
    fn secret(&self) -> Option<&Secret> {
        None
    }
}

/// What a channel takes; `None`: anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one message's text as the channel writes it, in bytes of UTF-8. Less than 512 is not kept to.
    pub part_bytes: Option<usize>,
    /// How many attempts in a while.
    pub budget: Option<Budget>,
}

/// What a channel makes of a message.
#[derive(Clone, Debug)]
pub enum Encoded {
    /// To be posted; the answer goes to [`Channel::classify`].
    Post(http::Request),
    /// To be printed to standard output; it is delivered when that is done.
    Print(String),
}

/// One place where messages go. Two are the same if they have one name and one secret.
#[derive(Clone, Debug)]
pub struct Channel(Rc<dyn Vendor>);

impl Channel {
    pub fn new(vendor: impl Vendor + 'static) -> Channel {
        Channel(Rc::new(vendor))
    }

    /// Standard output.
    pub fn terminal() -> Channel {
        Channel::new(terminal::Terminal)
    }

    /// See [`Vendor::name`].
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// How much it takes in a while; `None`: anything.
    pub fn budget(&self) -> Option<Budget> {
        self.0.limits().budget
    }

    /// The message in parts that the channel takes, in order; most often that is the message itself.
    pub fn split(&self, message: Message) -> Vec<Message> {
        match self.0.limits().part_bytes {
            Some(part_bytes) => split::split(message, part_bytes, &self.0.escape()),
            None => vec![message],
        }
    }

    /// The text of `message` as it stands in the channel.
    pub fn text(&self, message: &Message) -> String {
        message.text(&self.0.escape())
    }

    /// See [`Vendor::encode`].
    pub fn encode(&self, message: &Message) -> Encoded {
        self.0.encode(message)
    }

    /// See [`Vendor::classify`].
    pub fn classify(&self, answer: &Answer) -> Outcome {
        self.0.classify(answer)
    }

    /// See [`Vendor::advice`].
    pub fn advice(&self, answer: &Answer) -> Option<&'static str> {
        self.0.advice(answer)
    }

    /// See [`Vendor::secret`].
    pub fn secret(&self) -> Option<&Secret> {
        self.0.secret()
    }
}

impl PartialEq for Channel {
    fn eq(&self, other: &Channel) -> bool {
        self.name() == other.name() && self.secret() == other.secret()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Kind;

    /// As a channel that takes HTML writes.
    pub const HTML: Escape = Escape { own: entity, foreign: entity };

    fn entity(c: char, into: &mut String) {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            c => into.push(c),
        }
    }

    fn message(lines: Vec<String>) -> Message {
        Message {
            kind: Kind::Test,
            title: "title".into(),
            rule_width: 3,
            lines: lines.into_iter().map(Into::into).collect(),
            footer: "now".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            part: None,
            facts: Vec::new(),
            folded: 0,
        }
    }

    #[test]
    fn the_terminal_prints_messages_whole() {
        let message = message(vec!["x".repeat(10_000)]);
        let channel = Channel::terminal();
        assert_eq!(channel.split(message.clone()), std::slice::from_ref(&message));
        let Encoded::Print(text) = channel.encode(&message) else { panic!("{channel} posts") };
        assert_eq!(text, format!("title\n━━━\n{}\nnow\n", "x".repeat(10_000)));
    }

    /// A channel that only this test knows: all that one takes is an implementation of [`Vendor`].
    #[derive(Debug)]
    struct Pager(Secret);

    impl Vendor for Pager {
        fn name(&self) -> &'static str {
            "pager"
        }

        fn limits(&self) -> Limits {
            Limits { part_bytes: Some(5000), budget: None }
        }

        fn escape(&self) -> Escape {
            HTML
        }

        fn encode(&self, message: &Message) -> Encoded {
            Encoded::Post(http::Request { url: self.0.clone(), body: message.text(&HTML) })
        }

        fn classify(&self, answer: &Answer) -> Outcome {
            match answer {
                Ok(response) if response.status == 202 => Outcome::Delivered,
                _ => Outcome::ChannelRefused { reason: "pager".to_owned() },
            }
        }

        fn advice(&self, _: &Answer) -> Option<&'static str> {
            Some("charge it")
        }

        fn secret(&self) -> Option<&Secret> {
            Some(&self.0)
        }
    }

    impl fmt::Display for Pager {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "pager {}", self.0)
        }
    }

    #[test]
    fn a_channel_is_what_its_vendors_file_says() {
        let pager = |url: &str| Channel::new(Pager(Secret::new(url)));
        let channel = pager("https://pager.example.com/0123456789");
        assert_eq!((channel.to_string(), channel.name(), channel.budget()), ("pager …6789".to_owned(), "pager", None));
        let parts = channel.split(message((0..100).map(|line| format!("{line:0>99}")).collect()));
        assert!(parts.len() > 1 && parts.iter().all(|part| channel.text(part).len() <= 5000), "{}", parts.len());
        let Encoded::Post(request) = channel.encode(&parts[0]) else { panic!("{channel} prints") };
        assert_eq!(
            (request.url.expose(), &*request.body),
            (channel.secret().unwrap().expose(), &*channel.text(&parts[0]))
        );
        assert_eq!(channel.classify(&Ok(http::Response::new(202, ""))), Outcome::Delivered);
        assert_eq!(channel.advice(&Ok(http::Response::new(500, ""))), Some("charge it"));
        assert_eq!(channel, pager("https://pager.example.com/0123456789"));
        assert_ne!(channel, pager("https://pager.example.com/9876543210"));
        assert_ne!(channel, Channel::terminal());
    }
}
