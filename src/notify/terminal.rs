//! Standard output, where no channel is configured: messages are printed whole.

use std::fmt;

use super::{Answer, Encoded, Limits, Vendor, full_width};
use crate::message::{Escape, Message};
use crate::outbox::Outcome;

/// What is printed reads as it would in a group, and can be pasted into one.
const ESCAPE: Escape = Escape { own: Escape::NONE.own, foreign: |c, into| into.push(full_width(c)) };

#[derive(Debug)]
pub struct Terminal;

impl Vendor for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn limits(&self) -> Limits {
        Limits { part_bytes: None, budget: None }
    }

    fn escape(&self) -> Escape {
        ESCAPE
    }

    fn encode(&self, message: &Message) -> Encoded {
        Encoded::Print(format!("{}\n", message.text(&ESCAPE)))
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        match answer {
            Ok(_) => Outcome::Delivered,
            Err(error) => Outcome::Retry { reason: error.to_string() },
        }
    }

    fn advice(&self, _: &Answer) -> Option<&'static str> {
        None
    }
}

impl fmt::Display for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("terminal")
    }
}
