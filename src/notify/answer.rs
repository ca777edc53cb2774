//! The common part of all vendors' answers: how a reason is written, and the meaning of an answer that is not theirs.

use std::time::Duration;

use jiff::Timestamp;

use crate::http::Response;
use crate::notify::Lack;
use crate::outbox::Outcome;
use crate::text::{self, counted};

/// The longest pause that a server in between may ask for.
pub const MAX_HOLD_OF_ANOTHER: Duration = Duration::from_secs(3600);

/// The length of a reason.
pub const MAX_REASON_CHARS: usize = 400;

/// The answer of something that is not the service: a login page, a proxy's error, a faulty relay. It may repeat the
/// request, so nothing of its body is told. `whose` is the service's; it is left alone for `hold` where the server says
/// that it was asked too often, and not for how long it wants to be left alone.
pub fn of_another(response: &Response, whose: &str, hold: Duration) -> Outcome {
    let what = kind(response).map_or_else(|| counted(response.body.len(), "byte"), str::to_owned);
    let reason = format!("HTTP {}, not {whose} answer ({what})", response.status);
    match (response.status, response.retry_after()) {
        (429, wait) => Outcome::Throttled { reason, hold: wait.unwrap_or(hold).min(MAX_HOLD_OF_ANOTHER) },
        (503, Some(wait)) => Outcome::Throttled { reason, hold: wait.min(MAX_HOLD_OF_ANOTHER) },
        _ => Outcome::Retry { reason },
    }
}

/// A refusal, by its status alone: for services that say no more, and for those that nobody knows. `reason` has the
/// answer's words, if they may be told.
pub fn by_status(response: &Response, reason: String, hold: Duration) -> Outcome {
    match (response.status, response.retry_after()) {
        (429, wait) => Outcome::Throttled { reason, hold: wait.unwrap_or(hold) },
        (503, Some(hold)) => Outcome::Throttled { reason, hold },
        (401 | 403 | 404 | 410, _) => Outcome::ChannelRefused { reason },
        (408 | 425, _) => Outcome::Retry { reason },
        (400..=499, _) => Outcome::MessageRefused { reason },
        _ => Outcome::Retry { reason },
    }
}

/// The mail or the command went without its picture.
pub fn no_picture(what: &str, why: &str) -> Lack {
    Lack { what: format!("{what} went without its picture"), why: one_line(why) }
}

const DAY_SECONDS: i64 = 24 * 3600;

/// Until a day begins whose hours are so many seconds ahead of UTC, by the server's clock; an hour where that is near or
/// not known.
pub fn until_midnight(response: &Response, ahead_seconds: i64) -> Duration {
    let left = |date: Timestamp| DAY_SECONDS - (date.as_second() + ahead_seconds).rem_euclid(DAY_SECONDS);
    let left = response.date().map_or(0, left);
    Duration::from_secs(left.unsigned_abs()).max(Duration::from_secs(3600))
}

/// The body's media type, if it is a common one: any other could be arbitrary text of the server.
fn kind(response: &Response) -> Option<&'static str> {
    const KINDS: [&str; 6] =
        ["text/html", "text/plain", "text/xml", "application/json", "application/xml", "application/octet-stream"];
    let written = response.header("content-type")?;
    let written = written.split(';').next()?.trim();
    KINDS.into_iter().find(|kind| written.eq_ignore_ascii_case(kind)).filter(|_| !response.body.is_empty())
}

/// One line of bounded length: a space for hidden characters and for runs of space.
pub fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || text::is_hidden(c)).filter(|word| !word.is_empty());
    // Bounded before it is joined: only the first line of a body of 64 KiB matters.
    let mut line = String::new();
    for word in words.take(MAX_REASON_CHARS) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(MAX_REASON_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
