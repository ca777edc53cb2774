//! Channels: where a message goes. A channel sees a `Message` and knows nothing of alerts, rules or snapshots.
//!
//! Everything here is pure: a channel cuts a message to its vendor's limits, says what is to be posted, and says what
//! became of it. A new channel is a file, a variant and a line in each `match`.

pub mod wecom;

use std::fmt;

use crate::http;
use crate::message::Message;
use crate::outbox::{Budget, Outcome};
use crate::secret::Secret;

pub use wecom::Wecom;

/// One place where messages go.
#[derive(Clone, Debug, PartialEq)]
pub enum Channel {
    Wecom(Wecom),
    /// Standard output, where no channel is configured.
    Terminal,
}

/// What a channel makes of a message.
#[derive(Clone, Debug)]
pub enum Encoded {
    /// To be posted; the answer goes to [`Channel::classify`].
    Post(http::Request),
    /// To be printed to standard output; it is delivered when that is done.
    Print(String),
}

impl Channel {
    /// The name by which the state tells this channel's outbox from others.
    pub const fn name(&self) -> &'static str {
        match self {
            Channel::Wecom(_) => "wechat",
            Channel::Terminal => "terminal",
        }
    }

    /// The URL that its messages go to, which is a secret.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Channel::Wecom(wecom) => Some(wecom.webhook().url()),
            Channel::Terminal => None,
        }
    }

    /// How much it takes in a while; `None`: anything.
    pub const fn budget(&self) -> Option<Budget> {
        match self {
            Channel::Wecom(_) => Some(wecom::BUDGET),
            Channel::Terminal => None,
        }
    }

    /// The channel that the configuration names; the terminal where it names none.
    pub fn configured(wechat: &wecom::Config) -> Channel {
        wechat.channel().map_or(Channel::Terminal, Channel::Wecom)
    }

    /// The message in parts that the channel takes, in order; most often that is the message itself.
    pub fn split(&self, message: Message) -> Vec<Message> {
        match self {
            Channel::Wecom(_) => wecom::split(message),
            Channel::Terminal => vec![message],
        }
    }

    pub fn encode(&self, message: &Message) -> Encoded {
        match self {
            Channel::Wecom(wecom) => Encoded::Post(wecom.encode(message)),
            Channel::Terminal => Encoded::Print(format!("{}\n", message.text())),
        }
    }

    /// What became of a message, by what its posting brought.
    pub fn classify(&self, answer: &Result<http::Response, http::Error>) -> Outcome {
        match (self, answer) {
            (Channel::Wecom(wecom), _) => wecom.classify(answer),
            (Channel::Terminal, Ok(_)) => Outcome::Delivered,
            (Channel::Terminal, Err(error)) => Outcome::Retry { reason: error.to_string() },
        }
    }

    /// What a person can do about an answer that is not a delivery, where that is known.
    pub fn advice(&self, answer: &Result<http::Response, http::Error>) -> Option<&'static str> {
        match self {
            Channel::Wecom(_) => wecom::advice(answer),
            Channel::Terminal => None,
        }
    }
}

/// The channel's name, and of its secret enough to tell it from another.
impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Channel::Wecom(wecom) => write!(f, "WeChat Work robot {}", wecom.webhook().masked()),
            Channel::Terminal => f.write_str("terminal"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Kind;

    #[test]
    fn without_a_robot_messages_are_printed_whole() {
        let message = Message {
            kind: Kind::Test,
            title: "title".to_owned(),
            rule_width: 3,
            lines: vec!["x".repeat(10_000)],
            footer: "now".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            part: None,
            facts: Vec::new(),
            folded: 0,
        };
        let channel = Channel::configured(&wecom::Config::default());
        assert_eq!(channel.split(message.clone()), std::slice::from_ref(&message));
        let Encoded::Print(text) = channel.encode(&message) else { panic!("{channel} posts") };
        assert_eq!(text, format!("title\n━━━\n{}\nnow\n", "x".repeat(10_000)));
    }
}
