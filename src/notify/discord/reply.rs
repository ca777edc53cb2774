//! Discord's answers, and their meaning for the message, the webhook and the person who set it up.
//!
//! Vendor's pages: docs.discord.com/developers/resources/webhook (a saved message is answered with its id),
//! /topics/rate-limits, /topics/opcodes-and-status-codes.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::http::{Answer, Response, Target};
use crate::notify::verdict::{Meaning, Service, Verdict};
use crate::secret::Secret;

/// Where the server does not say for how long.
const RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

/// An address that is refused before the service itself was asked was there too often, with errors.
const BANNED_HOLD: Duration = Duration::from_secs(600);

pub const SERVICE: Service = Service {
    whose: "Discord's",
    read: verdict,
    hold: RATE_LIMIT_HOLD,
    of_another: "something other than Discord answers: check discord.url, and any proxy in between",
    too_often: TOO_OFTEN,
    unknown: "the code is explained on the vendor's page of status codes; try again",
};

/// Advice on an answer that is not a delivery.
pub fn advice(answer: &Answer, url: &Secret) -> Option<&'static str> {
    match answer {
        Ok(_) => SERVICE.advice(answer),
        Err(error) => is_out_of_reach(&error.0, url).then_some(OUT_OF_REACH),
    }
}

/// `None`: the answer is not the service's.
fn verdict(response: &Response) -> Option<Verdict> {
    let status = response.status;
    let verdict = |code: String, words: &str, meaning| Some(Verdict { code, words: words.to_owned(), meaning });
    let fields: Map<String, Value> = serde_json::from_str(response.body.trim()).unwrap_or_default();
    // A saved message has an id. A relay that asks without `wait` has no answer to show.
    let has_id = || fields.get("id").and_then(Value::as_str).is_some_and(|id| !id.is_empty());
    if status == 204 || (status == 200 && has_id()) {
        return verdict(String::new(), "", Meaning::Delivered);
    }
    // A page of the network before the service.
    if status == 403 && response.body.trim_start().starts_with('<') {
        return verdict("HTTP 403, not Discord's answer".to_owned(), "", Meaning::Held(BANNED_HOLD, BANNED));
    }
    let words = fields.get("message")?.as_str()?;
    let code = fields.get("code").and_then(Value::as_i64);
    let meaning = match status {
        429 => Meaning::Held(wait(response, &fields).unwrap_or(RATE_LIMIT_HOLD), TOO_OFTEN),
        500.. => Meaning::Passing("the service has a fault: try again"),
        400.. => refusal(status, code.unwrap_or_default()),
        _ => return None,
    };
    let shown = code.map_or_else(String::new, |code| format!(" code {code}"));
    verdict(format!("HTTP {status}{shown}"), words, meaning)
}

/// How long it wants to be left alone.
fn wait(response: &Response, fields: &Map<String, Value>) -> Option<Duration> {
    let seconds = |value: f64| Duration::try_from_secs_f64(value.ceil()).ok();
    let told = fields.get("retry_after").and_then(Value::as_f64).and_then(seconds);
    let reset = || response.header("x-ratelimit-reset-after")?.trim().parse().ok().and_then(seconds);
    told.or_else(|| response.retry_after()).or_else(reset)
}

/// By docs.discord.com/developers/topics/opcodes-and-status-codes.
fn refusal(status: u16, code: i64) -> Meaning {
    match (status, code) {
        // Unknown channel, which a thread is too; a forum without a thread; no forum with one; an archived thread.
        (_, 10_003 | 220_001..=220_003 | 50_083) => Meaning::ChannelRefused(THREAD),
        (401 | 403 | 404, _) | (_, 10_015 | 50_027) => Meaning::ChannelRefused(GONE),
        // An invalid body; an empty message; too large.
        (_, 50_035 | 50_006 | 50_109 | 40_005) | (413, _) => Meaning::MessageRefused(BUG),
        _ => Meaning::Unknown,
    }
}

const GONE: &str = "the webhook was deleted, or is not whole: make a new one (the channel's settings > Integrations > \
                    Webhooks), and copy its whole URL";
const THREAD: &str = "the channel is a forum, or has no such thread: set discord.thread_id to the id of one of its posts, or \
                      take it out";
const BUG: &str = "Discord does not take this message as it is: please report it as a bug of vps-monitor";
const TOO_OFTEN: &str = "the webhook was asked too often by all its senders together: wait, and give each host a webhook of \
                         its own if this recurs";
const BANNED: &str = "this host's address is refused by the service's network, mostly after many errors: wait ten minutes, and \
                      correct what else is refused there";
const OUT_OF_REACH: &str = "discord.com cannot be reached from mainland China: give the service a proxy (HTTPS_PROXY), or \
                            use another channel";

fn is_out_of_reach(error: &str, url: &Secret) -> bool {
    let is_vendors = Target::of(&url.expose()).is_some_and(|target| target.host.ends_with("discord.com"));
    is_vendors && ["timed out", "connection refused", "cannot connect", "reset"].iter().any(|word| error.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Error;
    use crate::outbox::Outcome;
    use crate::secret::Scrubber;
    use serde_json::json;

    const TOKEN: &str = "0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f_0f9e8d7c";

    fn url() -> Secret {
        Secret::new(format!("https://discord.com/api/webhooks/123456789012345678/{TOKEN}"))
    }

    fn classify(answer: &Answer, url: &Secret) -> Outcome {
        SERVICE.classify(answer, &Scrubber::of_url(url))
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
    fn an_answer_without_a_code_is_shown_without_one() {
        let answer = Ok(Response::new(429, r#"{"message":"slow down","retry_after":3}"#));
        assert_eq!(classify(&answer, &url()).reason(), "HTTP 429 slow down");
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
