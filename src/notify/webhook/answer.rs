//! The meaning of an answer: by its status, by fields of its body, and by the refusals that a service is known for.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use super::Webhook;
use crate::http::{Answer, Response};
use crate::notify::answer::{by_status, of_another, one_line, until_midnight};
use crate::outbox::Outcome;
use crate::secret::without_tokens;
use crate::text;

/// A field of an answer, and its value in a delivery's. `a.b` is a field of a field; `a[]` is each of a list, and of an empty
/// one nothing is true. A text where fields belong is read as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Check(pub &'static str, pub Want);

#[derive(Clone, Copy, Debug)]
pub enum Want {
    Is(&'static str),
    Filled,
    Empty,
}

/// An answer that is no delivery: a field (`HTTP` is the status, empty the whole body), a part of its text or all of its
/// number, the meaning, and the advice.
#[derive(Debug)]
pub struct Refusal(pub &'static str, pub &'static str, pub Meaning, pub &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Channel,
    Message,
    Unknown,
    /// Nothing more until the next day begins in China.
    UntilMidnight,
    /// Nothing more until the time that the answer has.
    UntilReset,
}

/// Which answers are a delivery, as the configuration has it.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// From and to; empty: any 2xx.
    pub statuses: Vec<(u16, u16)>,
    pub field: Option<Field>,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub path: String,
    /// Empty: it must be there, and not be empty.
    pub equals: String,
}

/// Where a server does not say for how long.
const HOLD: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

/// China's time all year: UTC+8.
const CHINA_SECONDS: i64 = 8 * 3600;

/// The told part of a body.
const MAX_WORDS_BYTES: usize = 300;

impl Webhook {
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                let reason = one_line(&self.scrubber.scrub(&error.0));
                return if error.is_redirect() {
                    Outcome::ChannelRefused { reason }
                } else {
                    Outcome::Retry { reason }
                };
            }
        };
        let body = Body::of(response);
        if self.is_delivery(response, &body) {
            return Outcome::Delivered;
        }
        let words = self.words(response, &body);
        let reason = one_line(format!("HTTP {} {words}", response.status).trim_end());
        match self.refusal(response, &body).map(|refusal| refusal.2) {
            Some(Meaning::Channel) => return Outcome::ChannelRefused { reason },
            Some(Meaning::Message) => return Outcome::MessageRefused { reason },
            Some(Meaning::Unknown) => return Outcome::Rejected { reason },
            Some(Meaning::UntilMidnight) => {
                return Outcome::Throttled { reason, hold: until_midnight(response, CHINA_SECONDS) };
            }
            Some(Meaning::UntilReset) => return Outcome::Throttled { reason, hold: until_reset(response) },
            None => {}
        }
        match response.status {
            200..=299 if self.knows(&body) => Outcome::Rejected { reason },
            200..=299 => of_another(response, "the receiver's", HOLD),
            _ => by_status(response, reason, HOLD),
        }
    }

    pub(super) fn advise(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        const ADDRESS: &str = "the address is not the receiver's: correct webhook.url";
        let response = match answer {
            Ok(response) => response,
            Err(error) => return error.is_redirect().then(|| ADDRESS.into()),
        };
        let body = Body::of(response);
        if self.is_delivery(response, &body) {
            return None;
        }
        if let Some(refusal) = self.refusal(response, &body) {
            return Some(refusal.3.into());
        }
        Some(match response.status {
            401 | 403 => "the receiver wants another key: check webhook.token and webhook.headers".into(),
            404 | 410 => ADDRESS.into(),
            429 => "it was asked too often: wait, or lower webhook.per_minute".into(),
            400..=499 => "the receiver does not take such a message: check webhook.body and webhook.format".into(),
            500..=599 => "the receiver has a fault: see its log".into(),
            _ if self.knows(&body) => "the receiver refused it: the answer says why".into(),
            _ => "the answer is not a delivery's: check webhook.url, webhook.success, and any proxy in between".into(),
        })
    }

    fn is_delivery(&self, response: &Response, body: &Body) -> bool {
        let is_of_rule = |(from, to): &(u16, u16)| (*from..=*to).contains(&response.status);
        let (rule, success) = (&self.rule, self.preset.success);
        let has_status = match &*rule.statuses {
            [] => (200..300).contains(&response.status),
            statuses => statuses.iter().any(is_of_rule),
        };
        let is_right = match &rule.field {
            Some(Field { path, equals }) if equals.is_empty() => body.is(path, Want::Filled),
            Some(Field { path, equals }) => body.equals(path, equals),
            None if !success.is_empty() => {
                success.iter().any(|checks| checks.iter().all(|Check(path, want)| body.is(path, *want)))
            }
            // A login page, or a gateway's, is none, unless somebody wrote that the status is all.
            None => !rule.statuses.is_empty() || !body.is_page,
        };
        has_status && is_right && self.refusal(response, body).is_none_or(|refusal| !refusal.0.is_empty())
    }

    /// Whether the answer has the field that tells a delivery.
    fn knows(&self, body: &Body) -> bool {
        let first = self.preset.success.first().and_then(|checks| checks.first()).map(|Check(path, _)| *path);
        let path = self.rule.field.as_ref().map(|field| &*field.path).or(first);
        path.is_some_and(|path| !body.find(path).is_empty()) || self.refusal_words(body).is_some()
    }

    fn refusal(&self, response: &Response, body: &Body) -> Option<&'static Refusal> {
        let is_it = |Refusal(field, word, ..): &&Refusal| match *field {
            "" => response.body.contains(word),
            "HTTP" => response.status.to_string() == *word,
            path => body.find(path).iter().any(|value| match value {
                Value::String(text) => text == word || (word.parse::<u32>().is_err() && text.contains(word)),
                value => scalar(value) == *word,
            }),
        };
        self.preset.refusals.iter().find(is_it)
    }

    fn refusal_words(&self, body: &Body) -> Option<String> {
        let words = self.preset.words.iter().flat_map(|path| body.find(path));
        words.map(|value| scalar(&value)).find(|words| !words.is_empty())
    }

    /// The answer's own words, without anything that looks like a secret.
    fn words(&self, response: &Response, body: &Body) -> String {
        let words = match self.refusal_words(body) {
            Some(words) => words,
            None if body.is_page => return "(a page)".to_owned(),
            None => response.body.clone(),
        };
        without_tokens(&self.scrubber.scrub(text::beginning(&words, MAX_WORDS_BYTES)))
    }
}

/// An answer's body.
struct Body {
    json: Value,
    is_page: bool,
}

impl Body {
    fn of(response: &Response) -> Body {
        let is_page = response.body.trim_start().starts_with('<');
        Body { json: serde_json::from_str(&response.body).unwrap_or_default(), is_page }
    }

    /// The values at `path`; those of each item of a list, if the path goes through one.
    fn find(&self, path: &str) -> Vec<Value> {
        let mut found = vec![self.json.clone()];
        for step in path.split('.') {
            let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
            let fields = found.into_iter().filter_map(|value| field(value, name));
            found = if is_list { fields.flat_map(items).collect() } else { fields.collect() };
        }
        found
    }

    fn is(&self, path: &str, want: Want) -> bool {
        let found = self.find(path);
        match want {
            Want::Is(text) => self.equals(path, text),
            Want::Filled => !found.is_empty() && found.iter().all(is_filled),
            Want::Empty => !found.iter().any(is_filled),
        }
    }

    fn equals(&self, path: &str, text: &str) -> bool {
        let found = self.find(path);
        !found.is_empty() && found.iter().all(|value| scalar(value) == text)
    }
}

fn field(value: Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(mut fields) => fields.remove(name),
        Value::String(text) => field(serde_json::from_str(&text).ok().filter(Value::is_object)?, name),
        _ => None,
    }
}

fn items(value: Value) -> Vec<Value> {
    if let Value::Array(items) = value { items } else { Vec::new() }
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(is_so) => *is_so,
        Value::Number(_) => true,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => String::new(),
    }
}

/// Until the time in `X-Limit-App-Reset`: seconds since 1970, by the server's clock.
fn until_reset(response: &Response) -> Duration {
    let reset = response.header("x-limit-app-reset").and_then(|reset| reset.trim().parse::<i64>().ok());
    let left = reset.zip(response.date()).map(|(reset, now)| reset.saturating_sub(now.as_second()));
    Duration::from_secs(left.unwrap_or_default().max(0).unsigned_abs()).max(HOUR)
}
