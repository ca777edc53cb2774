//! The answers of a service: its file reads one and gives the meaning; outcome, reason and advice are made of that here.
//! Robots say HTTP 200 whether or not it worked, and a number in the body decides.
//!
//! A reason shows the code and the service's words. It shows nothing else of an answer, because an answer may repeat the
//! request, and the secret is in that.

use std::time::Duration;

use serde_json::{Map, Value};

use super::answer::{by_status, of_another, one_line};
use crate::http::{Answer, Response};
use crate::outbox::Outcome;
use crate::secret::{Scrubber, without_tokens};
use crate::text;

/// The meaning of an answer for a message and for its channel, with advice for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Delivered,
    /// Its budget is used up, by all senders together.
    TooOften,
    /// It takes nothing for this long.
    Held(Duration, &'static str),
    /// The channel takes nothing until somebody changes something.
    ChannelRefused(&'static str),
    /// This very message will never be taken.
    MessageRefused(&'static str),
    /// Try again.
    Passing(&'static str),
    /// A code that the vendor added later. The reason may be this message alone.
    Unknown,
    /// HTTP's status says it all.
    OfStatus,
}

/// An answer that is the service's.
pub struct Verdict {
    /// The code with its name: `errcode 93000`.
    pub code: String,
    /// The service's words; empty if they are missing.
    pub words: String,
    pub meaning: Meaning,
}

/// A service, and the meaning of its answers.
pub struct Service {
    /// Whose answer is expected, for a reason.
    pub whose: &'static str,
    /// `None`: the answer is not the service's.
    pub read: fn(&Response) -> Option<Verdict>,
    /// How long one is left alone that was called too often.
    pub hold: Duration,
    /// Advice on an answer that is not the service's, on too many calls, and on a code that is not known.
    pub of_another: &'static str,
    pub too_often: &'static str,
    pub unknown: &'static str,
}

/// Advice where there is nothing else to do.
pub const WAIT: &str = "it was asked too often: wait";

/// The part of the words that is looked at.
const MAX_WORDS_BYTES: usize = 4096;

/// Whole numbers are exact in a float below this.
const MAX_EXACT: f64 = 9e15;

impl Service {
    /// The outcome of a request, without its secrets, which `scrubber` knows.
    pub fn classify(&self, answer: &Answer, scrubber: &Scrubber) -> Outcome {
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Outcome::Retry { reason: one_line(&scrubber.scrub(&error.0)) },
        };
        let Some(verdict) = (self.read)(response) else { return of_another(response, self.whose, self.hold) };
        let words = without_tokens(&scrubber.scrub(text::beginning(&verdict.words, MAX_WORDS_BYTES)));
        let reason = one_line(&format!("{} {words}", verdict.code));
        match verdict.meaning {
            Meaning::Delivered => Outcome::Delivered,
            Meaning::TooOften => Outcome::Throttled { reason, hold: self.hold },
            Meaning::Held(hold, _) => Outcome::Throttled { reason, hold },
            Meaning::ChannelRefused(_) => Outcome::ChannelRefused { reason },
            Meaning::MessageRefused(_) => Outcome::MessageRefused { reason },
            Meaning::Passing(_) => Outcome::Retry { reason },
            // A relay may say it by its status.
            Meaning::Unknown if response.status < 500 && response.status != 429 => Outcome::Rejected { reason },
            Meaning::Unknown | Meaning::OfStatus => by_status(response, reason, self.hold),
        }
    }

    /// Advice on an answer that is not a delivery. The text of a network error has its own.
    pub fn advice(&self, answer: &Answer) -> Option<&'static str> {
        let response = answer.as_ref().ok()?;
        let Some(verdict) = (self.read)(response) else { return Some(self.of_another) };
        match verdict.meaning {
            Meaning::Delivered => None,
            Meaning::TooOften => Some(self.too_often),
            Meaning::Held(_, advice)
            | Meaning::ChannelRefused(advice)
            | Meaning::MessageRefused(advice)
            | Meaning::Passing(advice) => Some(advice),
            Meaning::Unknown if response.status == 429 => Some(self.too_often),
            Meaning::Unknown | Meaning::OfStatus => Some(self.unknown),
        }
    }
}

/// Reads the answer of a robot: the number in the first of the fields `codes` that is there, and the words in the first of
/// the fields `words`, which `meaning` is told.
pub fn of_robot(
    response: &Response,
    codes: &[&'static str],
    words: &[&'static str],
    meaning: fn(i64, &str) -> Meaning,
) -> Option<Verdict> {
    let body = response.body.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    let fields: Map<String, Value> = serde_json::from_str(body).ok()?;
    let (field, code) = found(&fields, codes)?;
    let code = number(code)?;
    let words = found(&fields, words).and_then(|(_, words)| words.as_str()).unwrap_or_default();
    // Success inside a failed HTTP exchange comes from a server in between.
    let is_believed = code != 0 || (200..300).contains(&response.status);
    is_believed.then(|| Verdict {
        code: format!("{field} {code}"),
        words: words.to_owned(),
        meaning: meaning(code, text::beginning(words, MAX_WORDS_BYTES)),
    })
}

/// The first of the fields that is there, written in whatever case.
fn found<'a>(fields: &'a Map<String, Value>, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
    names.iter().find_map(|name| {
        let is_alike = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(name);
        let value = fields.get(*name).or_else(|| Some(fields.iter().find(is_alike)?.1))?;
        Some((*name, value))
    })
}

/// A whole number in the forms that relays write: `0`, `0.0`, `"0"`.
fn number(value: &Value) -> Option<i64> {
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < MAX_EXACT).then_some(number as i64);
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
        _ => None,
    }
}
