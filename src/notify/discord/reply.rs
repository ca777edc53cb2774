//! Discord's answers, and their meaning for the message, the webhook and the person who set it up.
//!
//! Vendor's pages: docs.discord.com/developers/resources/webhook (a saved message is answered with its id),
//! /topics/rate-limits, /topics/opcodes-and-status-codes.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::http::{Answer, Response, Target};
use crate::notify::answer::{of_another, one_line};
use crate::outbox::Outcome;
use crate::secret::{Scrubber, Secret, without_tokens};
use crate::text;

/// Where the server does not say for how long.
const RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

/// An address that is refused before the service itself was asked was there too often, with errors.
const BANNED_HOLD: Duration = Duration::from_secs(600);

/// The part of an answer's words that is looked at.
const MAX_WORDS_BYTES: usize = 4096;

pub fn classify(answer: &Answer, url: &Secret) -> Outcome {
    let scrub = |text: &str| Scrubber::of_url(url).scrub(text);
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Outcome::Retry { reason: one_line(&scrub(&error.0)) },
    };
    if is_delivery(response) {
        return Outcome::Delivered;
    }
    let Some(refusal) = Refusal::of(response) else {
        if is_banned(response) {
            return Outcome::Throttled { reason: "HTTP 403, not Discord's answer".to_owned(), hold: BANNED_HOLD };
        }
        return of_another(response, "Discord's", RATE_LIMIT_HOLD);
    };
    let words = without_tokens(&scrub(&refusal.words));
    let reason = one_line(&format!("HTTP {} code {} {words}", response.status, refusal.code));
    match (response.status, refusal.meaning(response.status)) {
        (429, _) => Outcome::Throttled { reason, hold: refusal.wait.unwrap_or(RATE_LIMIT_HOLD) },
        (500.., _) => Outcome::Retry { reason },
        (_, Meaning::Channel(_)) => Outcome::ChannelRefused { reason },
        (_, Meaning::Message) => Outcome::MessageRefused { reason },
        // The reason may be this message alone.
        (_, Meaning::Unknown) => Outcome::Rejected { reason },
    }
}

/// Advice on an answer that is not a delivery.
pub fn advice(answer: &Answer, url: &Secret) -> Option<&'static str> {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return is_out_of_reach(&error.0, url).then_some(OUT_OF_REACH),
    };
    if is_delivery(response) {
        return None;
    }
    let told = match (Refusal::of(response), response.status) {
        (Some(_) | None, 429) => TOO_OFTEN,
        (Some(_), 500..) => "the service has a fault: try again",
        (Some(refusal), status) => match refusal.meaning(status) {
            Meaning::Channel(advice) => advice,
            Meaning::Message => BUG,
            Meaning::Unknown => "the code is explained on the vendor's page of status codes; try again",
        },
        (None, _) if is_banned(response) => {
            "this host's address is refused by the service's network, mostly after many errors: wait ten minutes, and \
             correct what else is refused there"
        }
        (None, _) => "something other than Discord answers: check discord.url, and any proxy in between",
    };
    Some(told)
}

/// A saved message has an id. A relay that asks without `wait` has no answer to show.
fn is_delivery(response: &Response) -> bool {
    let has_id = || {
        let fields: Map<String, Value> = serde_json::from_str(response.body.trim()).unwrap_or_default();
        fields.get("id").and_then(Value::as_str).is_some_and(|id| !id.is_empty())
    };
    response.status == 204 || (response.status == 200 && has_id())
}

/// A page of the network before the service.
fn is_banned(response: &Response) -> bool {
    response.status == 403 && response.body.trim_start().starts_with('<')
}

enum Meaning {
    Channel(&'static str),
    Message,
    Unknown,
}

struct Refusal {
    code: i64,
    words: String,
    /// How long it wants to be left alone.
    wait: Option<Duration>,
}

const GONE: &str = "the webhook was deleted, or is not whole: make a new one (the channel's settings > Integrations > \
                    Webhooks), and copy its whole URL";
const THREAD: &str = "the channel is a forum, or has no such thread: set discord.thread_id to the id of one of its posts, or \
                      take it out";
const BUG: &str = "Discord does not take this message as it is: please report it as a bug of vps-monitor";
const TOO_OFTEN: &str = "the webhook was asked too often by all its senders together: wait, and give each host a webhook of \
                         its own if this recurs";
const OUT_OF_REACH: &str = "discord.com cannot be reached from mainland China: give the service a proxy (HTTPS_PROXY), or \
                            use another channel";

impl Refusal {
    /// `None`: the answer is not the service's.
    fn of(response: &Response) -> Option<Refusal> {
        let fields: Map<String, Value> = serde_json::from_str(response.body.trim()).ok()?;
        let words = fields.get("message")?.as_str()?;
        let seconds = |value: f64| Duration::try_from_secs_f64(value.ceil()).ok();
        let told = fields.get("retry_after").and_then(Value::as_f64).and_then(seconds);
        let reset = || response.header("x-ratelimit-reset-after")?.trim().parse().ok().and_then(seconds);
        (response.status >= 400).then(|| Refusal {
            code: fields.get("code").and_then(Value::as_i64).unwrap_or_default(),
            words: text::beginning(words, MAX_WORDS_BYTES).to_owned(),
            wait: told.or_else(|| response.retry_after()).or_else(reset),
        })
    }

    /// By docs.discord.com/developers/topics/opcodes-and-status-codes.
    fn meaning(&self, status: u16) -> Meaning {
        match (status, self.code) {
            // Unknown channel, which a thread is too; a forum without a thread; no forum with one; an archived thread.
            (_, 10_003 | 220_001..=220_003 | 50_083) => Meaning::Channel(THREAD),
            (401 | 403 | 404, _) | (_, 10_015 | 50_027) => Meaning::Channel(GONE),
            // An invalid body; an empty message; too large.
            (_, 50_035 | 50_006 | 50_109 | 40_005) | (413, _) => Meaning::Message,
            _ => Meaning::Unknown,
        }
    }
}

fn is_out_of_reach(error: &str, url: &Secret) -> bool {
    let is_vendors = Target::of(&url.expose()).is_some_and(|target| target.host.ends_with("discord.com"));
    is_vendors && ["timed out", "connection refused", "cannot connect", "reset"].iter().any(|word| error.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Error;
    use serde_json::json;

    const TOKEN: &str = "0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f_0f9e8d7c";

    fn url() -> Secret {
        Secret::new(format!("https://discord.com/api/webhooks/123456789012345678/{TOKEN}"))
    }

    #[test]
    fn an_error_is_told_without_the_token_and_with_the_remedy_where_it_is_known() {
        let odd = Err(Error(format!("odd: {TOKEN}")));
        assert!(!classify(&odd, &url()).reason().contains(&TOKEN[..20]));
        assert_eq!(advice(&odd, &url()), None);
        let blocked = Err(Error("timed out while connecting to discord.com".to_owned()));
        assert_eq!(advice(&blocked, &url()), Some(OUT_OF_REACH));
        assert_eq!(advice(&blocked, &Secret::new("https://relay.example.com/x")), None);
    }

    #[test]
    fn each_answer_has_its_consequence_and_its_remedy() {
        for (status, code, outcome, remedy) in [
            (404, 10_015, "ChannelRefused", "make a new one"),
            (401, 50_027, "ChannelRefused", "make a new one"),
            (400, 220_001, "ChannelRefused", "discord.thread_id"),
            (404, 10_003, "ChannelRefused", "discord.thread_id"),
            (400, 50_035, "MessageRefused", "report it as a bug"),
            (400, 50_006, "MessageRefused", "report it as a bug"),
            (413, 40_005, "MessageRefused", "report it as a bug"),
            (400, 7, "Rejected", "try again"),
            (500, 0, "Retry", "try again"),
        ] {
            let body = json!({"message": format!("m {TOKEN}"), "code": code}).to_string();
            let answer = Ok(Response::new(status, body));
            let told = classify(&answer, &url());
            assert!(format!("{told:?}").starts_with(outcome), "{code}: {told:?}");
            assert_eq!(told.reason(), format!("HTTP {status} code {code} m …"));
            assert!(advice(&answer, &url()).unwrap().contains(remedy), "{code}");
        }
        let outcome = |status, body: &str| classify(&Ok(Response::new(status, body)), &url());
        assert_eq!(outcome(200, r#"{"id":"123","type":0}"#), Outcome::Delivered);
        assert_eq!(outcome(204, ""), Outcome::Delivered);
        for body in ["", "ok", "{}", r#"{"id":""}"#, r#"{"message":"m","code":0}"#, "<html>"] {
            assert!(matches!(outcome(200, body), Outcome::Retry { .. }), "{body}");
        }
        let Outcome::Throttled { hold, .. } = outcome(403, "<html>") else { panic!("it is banned") };
        assert_eq!(hold, BANNED_HOLD);
        assert!(matches!(outcome(502, "<html>"), Outcome::Retry { .. }));
    }

    #[test]
    fn the_wait_that_is_told_is_kept_in_whole_seconds() {
        let hold = |body: &str, header: (&str, &str)| {
            let headers = vec![(header.0.to_owned(), header.1.to_owned())];
            match classify(&Ok(Response { headers, ..Response::new(429, body) }), &url()) {
                Outcome::Throttled { hold, .. } => hold.as_secs(),
                other => panic!("{other:?}"),
            }
        };
        let limited = |wait: &str| format!(r#"{{"message":"You are being rate limited.","global":false{wait}}}"#);
        assert_eq!(hold(&limited(r#","retry_after":0.65"#), ("", "")), 1);
        assert_eq!(hold(&limited(r#","retry_after":64.57"#), ("retry-after", "65")), 65);
        assert_eq!(hold(&limited(""), ("retry-after", "7")), 7);
        assert_eq!(hold(&limited(""), ("x-ratelimit-reset-after", "1.2")), 2);
        assert_eq!(hold(&limited(r#","retry_after":-1"#), ("", "")), 60);
        assert_eq!(hold("error code: 1015", ("retry-after", "30")), 30);
    }
}
