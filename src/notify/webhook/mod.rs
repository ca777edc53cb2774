//! A webhook: a message becomes a request of any shape, for receivers of one's own and for services that take one.
//!
//! The body is a template that is parsed with the configuration, so no text of a message can change its form. Each
//! request has `X-Event-ID`, by which a receiver knows a message that comes again, and with a `signing_key` a signature.
//! The answer's status and a field of its body decide on the delivery. The services are data: see [`presets`].

mod answer;
mod config;
mod placeholders;
mod presets;
mod template;
mod values;

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{ChannelKind, ChannelLimits, Form, Job, PartLimit, PictureJob, Vendor};
use crate::http::{self, Answer, Method, Request};
use crate::message::{Escape, Message, Severity};
use crate::outbox::{Budget, Outcome};
use crate::secret::{Scrubber, Secret, hmac_sha256};

use answer::Rule;
use presets::{PictureField, Preset};
use template::{Json, Text};
use values::{Told, alertmanager, each_alert, grafana};

pub const KIND: &ChannelKind = config::KIND;

/// One webhook.
#[derive(Debug)]
struct Webhook {
    url: Secret,
    method: Method,
    /// Any of them may be a secret.
    headers: Vec<(Cow<'static, str>, Secret)>,
    body: Body,
    token: Secret,
    user: Secret,
    signing_key: Option<Secret>,
    rule: Rule,
    preset: Preset,
    budget: Budget,
    part: Option<PartLimit>,
    scrubber: Scrubber,
}

/// A request's body.
#[derive(Debug)]
enum Body {
    Json(Json),
    /// Once for each alert.
    EachAlert(Json),
    Form(Json),
    Text(Text),
    Alertmanager,
    Grafana,
}

/// Kept in a form beside letters and digits: RFC 3986, section 2.3.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Webhook {
    fn told<'a>(&'a self, message: &'a Message) -> Told<'a> {
        Told { message, alert: None, preset: &self.preset, token: &self.token, user: &self.user }
    }

    fn content(&self, told: Told<'_>) -> (&'static str, String) {
        let json = |value: Value| ("application/json", value.to_string());
        match &self.body {
            Body::Json(body) | Body::EachAlert(body) => json(self.filled(body, told)),
            Body::Form(body) => ("application/x-www-form-urlencoded", form(&self.filled(body, told))),
            Body::Text(text) => ("text/plain; charset=utf-8", text.fill(&told)),
            Body::Alertmanager => json(alertmanager(told)),
            Body::Grafana => json(grafana(told)),
        }
    }

    fn filled(&self, body: &Json, told: Told<'_>) -> Value {
        let mut filled = body.fill(&told);
        if told.message.severity() == Severity::Critical {
            for (name, value) in self.preset.if_critical {
                filled[*name] = Value::from(*value);
            }
        }
        filled
    }

    fn request(&self, told: Told<'_>, now: Timestamp) -> Request {
        let (content_type, content) = self.content(told);
        let mut headers = self.headers.clone();
        let mut add = |name: &'static str, value: String| {
            if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                headers.push((name.into(), Secret::new(value)));
            }
        };
        add("X-Event-ID", told.event_id());
        if let Some(key) = &self.signing_key {
            let timestamp = now.as_second().to_string();
            add("X-Signature-256", format!("sha256={}", signature(key, &format!("{timestamp}.{content}"))));
            add("X-Timestamp", timestamp);
        }
        if self.method == Method::Get {
            let url = self.url.expose();
            let separator = if url.contains('?') { '&' } else { '?' };
            let url = Secret::new(format!("{url}{separator}{content}"));
            return Request { method: Method::Get, url, headers, body: Vec::new() };
        }
        add("Content-Type", content_type.to_owned());
        Request { method: self.method, url: self.url.clone(), headers, body: content.into_bytes() }
    }
}

/// `name=value&…`
fn form(value: &Value) -> String {
    let mut form = String::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let separator = if form.is_empty() { "" } else { "&" };
        let (name, value) = (utf8_percent_encode(name, FORM), utf8_percent_encode(&value, FORM));
        // Writing to a string does not fail.
        let _ = write!(form, "{separator}{name}={value}");
    }
    form
}

/// HMAC-SHA256, in hexadecimal digits.
fn signature(key: &Secret, text: &str) -> String {
    hmac_sha256(&key.expose(), text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Vendor for Webhook {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        KIND.setting
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: self.part, budget: Some(self.budget) }
    }

    fn escape(&self) -> Escape {
        self.preset.escape
    }

    fn encode(&self, message: &Message, form: Form<'_>) -> Vec<Job> {
        let told = self.told(message);
        let all = if matches!(self.body, Body::EachAlert(_)) { each_alert(told) } else { vec![told] };
        all.into_iter().map(|told| Job::Post(self.request(told, form.now))).collect()
    }

    fn picture(&self, _: Form<'_>) -> Option<PictureJob> {
        let PictureField { name, fields, max_bytes } = self.preset.picture?;
        let mut all = vec![("token", self.token.expose()), ("user", self.user.expose())];
        all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Some(PictureJob::form(self.url.clone(), &all, name, max_bytes))
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        self.outcome(answer)
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        self.advise(answer)
    }

    fn secrets(&self) -> Vec<&Secret> {
        let headers = self.headers.iter().map(|(_, value)| value);
        let all = [&self.url, &self.token, &self.user].into_iter().chain(headers).chain(&self.signing_key);
        all.filter(|secret| **secret != Secret::default()).collect()
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = if self.preset.name.is_empty() { String::new() } else { format!("{} ", self.preset.name) };
        write!(f, "{service}webhook {}", http::masked(&self.url))
    }
}

#[cfg(test)]
mod tests;
