//! The answers of services that say HTTP 200 whether or not it worked: a number in the body decides, and a reason shows
//! it with the service's words.
//!
//! It shows nothing else of an answer, because an answer may repeat the request, and the secret is in that.

use std::time::Duration;

use serde_json::{Map, Value};

use super::answer::{of_another, one_line};
use crate::http::{Answer, Response};
use crate::outbox::Outcome;
use crate::secret::{Scrubber, Secret, without_tokens};
use crate::text;

/// The meaning of a code for a message and for its channel, with advice for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Delivered,
    /// Its budget is used up, by all senders together.
    TooOften,
    /// The channel takes nothing until somebody changes something.
    ChannelRefused(&'static str),
    /// This very message will never be taken.
    MessageRefused(&'static str),
    /// Try again.
    Passing(&'static str),
    /// A code that the vendor added later.
    Unknown,
}

/// The form of a service's answers, and their meaning.
pub struct Service {
    /// Whose answer is expected, for a reason.
    pub whose: &'static str,
    /// The names of the field with the code, the best first.
    pub codes: &'static [&'static str],
    /// The names of the field with the words.
    pub words: &'static [&'static str],
    /// By the code and the words.
    pub meaning: fn(i64, &str) -> Meaning,
    /// How long one is left alone that was called too often.
    pub hold: Duration,
    /// Advice on an answer that is not the service's, on too many calls, and on a code that is not known.
    pub of_another: &'static str,
    pub too_often: &'static str,
    pub unknown: &'static str,
}

/// The part of the words that is looked at.
const MAX_WORDS_BYTES: usize = 4096;

/// Whole numbers are exact in a float below this.
const MAX_EXACT: f64 = 9e15;

/// The known part of an answer.
struct Verdict {
    field: &'static str,
    code: i64,
    /// Empty if they are missing.
    words: String,
}

impl Service {
    /// `None`: the answer is not the service's.
    fn read(&self, response: &Response) -> Option<Verdict> {
        let body = response.body.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
        let fields: Map<String, Value> = serde_json::from_str(body).ok()?;
        let (field, code) = found(&fields, self.codes)?;
        let code = number(code)?;
        let words = found(&fields, self.words).and_then(|(_, words)| words.as_str()).unwrap_or_default();
        // Success inside a failed HTTP exchange comes from a server in between.
        let is_believed = code != 0 || (200..300).contains(&response.status);
        is_believed.then(|| Verdict { field, code, words: text::beginning(words, MAX_WORDS_BYTES).to_owned() })
    }

    /// The outcome of a request to `url`.
    pub fn classify(&self, answer: &Answer, url: &Secret) -> Outcome {
        let scrub = |text: &str| Scrubber::of_url(url).scrub(text);
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Outcome::Retry { reason: one_line(&scrub(&error.0)) },
        };
        let Some(verdict) = self.read(response) else { return of_another(response, self.whose, self.hold) };
        let words = without_tokens(&scrub(&verdict.words));
        let reason = one_line(&format!("{} {} {words}", verdict.field, verdict.code));
        match (self.meaning)(verdict.code, &verdict.words) {
            Meaning::Delivered => Outcome::Delivered,
            Meaning::TooOften => Outcome::Throttled { reason, hold: self.hold },
            Meaning::ChannelRefused(_) => Outcome::ChannelRefused { reason },
            Meaning::MessageRefused(_) => Outcome::MessageRefused { reason },
            Meaning::Passing(_) => Outcome::Retry { reason },
            Meaning::Unknown => match response.status {
                429 => Outcome::Throttled { reason, hold: response.retry_after().unwrap_or(self.hold) },
                500.. => Outcome::Retry { reason },
                // The reason may be this message alone.
                _ => Outcome::Rejected { reason },
            },
        }
    }

    /// Advice on an answer that is not a delivery. The text of a network error has its own.
    pub fn advice(&self, answer: &Answer) -> Option<&'static str> {
        let response = answer.as_ref().ok()?;
        let Some(verdict) = self.read(response) else { return Some(self.of_another) };
        match (self.meaning)(verdict.code, &verdict.words) {
            Meaning::Delivered => None,
            Meaning::TooOften => Some(self.too_often),
            Meaning::ChannelRefused(advice) | Meaning::MessageRefused(advice) | Meaning::Passing(advice) => {
                Some(advice)
            }
            Meaning::Unknown if response.status == 429 => Some(self.too_often),
            Meaning::Unknown => Some(self.unknown),
        }
    }
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
