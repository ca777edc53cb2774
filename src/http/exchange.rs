//! A request and the answer to it, as values.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// A request. `Debug` shows none of its secrets.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub url: Secret,
    /// Headers beside Host, Content-Length, Connection and User-Agent. Any of them may hold a key.
    pub headers: Vec<(Cow<'static, str>, Secret)>,
    pub body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    Post,
    Put,
    /// Without a body.
    Get,
}

impl From<Method> for ureq::http::Method {
    fn from(method: Method) -> ureq::http::Method {
        match method {
            Method::Post => ureq::http::Method::POST,
            Method::Put => ureq::http::Method::PUT,
            Method::Get => ureq::http::Method::GET,
        }
    }
}

impl Request {
    /// Posts JSON.
    pub fn json(url: Secret, body: String) -> Request {
        let content_type = ("Content-Type".into(), Secret::new("application/json; charset=utf-8"));
        Request { method: Method::Post, url, headers: vec![content_type], body: body.into_bytes() }
    }
}

/// The answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    /// The [`KEPT_HEADERS`] that it had.
    pub headers: Vec<(String, String)>,
    /// At most [`MAX_BODY_BYTES`](super::MAX_BODY_BYTES) of the body, invalid UTF-8 replaced.
    pub body: String,
}

/// The headers of an answer that a channel may need; names in lower case.
pub const KEPT_HEADERS: [&str; 5] =
    ["content-type", "date", "retry-after", "x-limit-app-reset", "x-ratelimit-reset-after"];

impl Response {
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<String>) -> Response {
        Response { status, headers: Vec::new(), body: body.into() }
    }

    /// One of [`KEPT_HEADERS`].
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The time by the server's own clock.
    pub fn date(&self) -> Option<Timestamp> {
        time(self.header("date")?)
    }

    /// How long the server asks to be left alone: seconds, or a time by its own clock, which its Date tells (RFC 9110,
    /// sections 10.2.3 and 6.6.1).
    pub fn retry_after(&self) -> Option<Duration> {
        let written = self.header("retry-after")?.trim();
        if let Ok(seconds) = written.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let left = time(written)?.duration_since(self.date()?);
        Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
    }
}

/// `Fri, 31 Dec 1999 23:59:59 GMT`, the only form still in use.
fn time(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wait(retry_after: &str, date: &str) -> Option<u64> {
        let headers = [("retry-after", retry_after), ("date", date)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Response { headers, ..Response::new(503, "") }.retry_after().map(|wait| wait.as_secs())
    }

    #[test]
    fn a_server_says_how_long_to_wait_in_seconds_or_as_a_time_by_its_own_clock() {
        const NOW: &str = "Fri, 31 Dec 1999 23:59:59 GMT";
        assert_eq!(wait("7", ""), Some(7));
        assert_eq!(wait(" 90 ", NOW), Some(90));
        assert_eq!(wait("Sat, 01 Jan 2000 00:01:29 GMT", NOW), Some(90));
        assert_eq!(wait("Fri, 31 Dec 1999 23:00:00 GMT", NOW), Some(0));
        for (retry_after, date) in [
            ("Sat, 01 Jan 2000 00:01:29 GMT", ""),
            ("Sat, 01 Jan 2000 00:01:29 GMT", "now"),
            ("soon", NOW),
            ("-5", NOW),
            ("", NOW),
        ] {
            assert_eq!(wait(retry_after, date), None, "{retry_after} at {date}");
        }
        assert_eq!(Response::new(503, "").retry_after(), None);
    }

    #[test]
    fn no_header_of_a_request_is_shown() {
        let mut request = Request::json(Secret::new("https://pager.example.com/0123456789"), "{}".to_owned());
        request.headers.push(("X-Key".into(), Secret::new("very-secret-key-0123")));
        let shown = format!("{request:?}");
        assert!(!shown.contains("very-secret") && !shown.contains("pager.example"), "{shown}");
    }

    proptest! {
        #[test]
        fn whatever_a_server_writes_is_a_wait_or_none(retry_after in "\\PC{0,60}", date in "\\PC{0,60}") {
            let _ = wait(&retry_after, &date);
        }
    }
}
