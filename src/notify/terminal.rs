//! Standard output, if no channel is configured: messages are printed whole.

use std::borrow::Cow;
use std::fmt;

use super::{Channel, ChannelLimits, Form, Job, Vendor, full_width};
use crate::http::Answer;
use crate::message::{Escape, Message};
use crate::outbox::Outcome;

/// The printed text is the group's, and can be pasted into one.
const ESCAPE: Escape = Escape { own: Escape::NONE.own, foreign: |c, into| into.push(full_width(c)) };

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
        ESCAPE
    }

    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        vec![Job::Print(format!("{}\n", message.text(&ESCAPE)))]
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
    fn the_terminal_prints_messages_whole_and_a_name_changes_neither_layout_nor_mentions() {
        let message = Message {
            kind: Kind::Test,
            title: "title".into(),
            rule_width: 3,
            lines: vec!["x".repeat(10_000).into(), Line::from("[") + Line::foreign("<@all>\n") + "]"],
            footer: "now".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            part: None,
            facts: Vec::new(),
            folded: 0,
        };
        let channel = Channel::terminal();
        assert_eq!(channel.split(message.clone()), std::slice::from_ref(&message));
        let [Job::Print(text)] = &channel.encode(&message, Form::default())[..] else { panic!("{channel} posts") };
        assert_eq!(*text, format!("title\n━━━\n{}\n[＜@all＞ ]\nnow\n", "x".repeat(10_000)));
    }
}
