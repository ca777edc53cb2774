//! Standard output, if no channel is configured: messages are printed whole.

use std::borrow::Cow;
use std::fmt;

use super::{Channel, ChannelLimits, Form, Job, Vendor};
use crate::http::Answer;
use crate::message::{Escape, Message};
use crate::outbox::Outcome;

/// Its name and its kind.
pub const NAME: &str = "terminal";

#[derive(Debug)]
struct Terminal;

impl Channel {
    /// Standard output.
    pub fn terminal() -> Channel {
        Channel::new(Terminal)
    }
}

impl Vendor for Terminal {
    fn kind(&self) -> &'static str {
        NAME
    }

    fn setting(&self) -> &'static str {
        ""
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: None, budget: None }
    }

    fn escape(&self) -> Escape {
        // A terminal knows neither markup nor mentions; what it would obey is in no message's text.
        Escape::NONE
    }

    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        vec![Job::Print(format!("{}\n", message.text(&Escape::NONE)))]
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        match answer {
            Ok(_) => Outcome::Delivered,
            Err(error) => Outcome::Retry { reason: error.to_string() },
        }
    }

    fn advice(&self, _: &Answer) -> Option<Cow<'static, str>> {
        None
    }
}

impl fmt::Display for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Kind, Line};

    #[test]
    fn the_terminal_prints_messages_whole_and_each_name_as_it_is_on_its_line() {
        let message = Message {
            kind: Kind::Test,
            title: "title".into(),
            rule_width: 3,
            lines: vec!["x".repeat(10_000).into(), Line::from("[") + Line::foreign("<@all> `c`\n\u{1b}[2J") + "]"],
            footer: "now".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            part: None,
            facts: Vec::new(),
            folded: 0,
            whole: None,
        };
        let channel = Channel::terminal();
        assert_eq!(channel.split(message.clone()), std::slice::from_ref(&message));
        let [Job::Print(text)] = &channel.encode(&message, Form::default())[..] else { panic!("{channel} posts") };
        assert_eq!(*text, format!("title\n━━━\n{}\n[<@all> `c`  [2J]\nnow\n", "x".repeat(10_000)));
    }
}
