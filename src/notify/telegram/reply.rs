//! The Bot API's answers, and their meaning for the message, the chat and the person who set it up.
//!
//! `{"ok":true,…}` with HTTP 200 is a delivery, and nothing else. `{"ok":false,"error_code":N,"description":"…"}` is a
//! refusal, which the description tells apart: it is the server's own (tdlib/telegram-bot-api, Client.cpp). It may hold
//! advice in `parameters`: core.telegram.org/bots/api#responseparameters.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::http::{Answer, Response};
use crate::notify::answer::{of_another, one_line};
use crate::outbox::{Moved, Outcome};
use crate::secret::{Scrubber, Secret, without_tokens};
use crate::text;

/// Where the server does not say for how long: a group's minute.
const RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

/// The part of a description that is looked at.
const MAX_DESCRIPTION_BYTES: usize = 4096;

struct Reply {
    is_ok: bool,
    error_code: i64,
    description: String,
    retry_after_seconds: Option<u64>,
    moved_to: Option<i64>,
}

/// `None`: the answer is not the Bot API's.
fn read(response: &Response) -> Option<Reply> {
    let fields: Map<String, Value> = serde_json::from_str(response.body.trim()).ok()?;
    let is_ok = fields.get("ok")?.as_bool()?;
    let description = fields.get("description").and_then(Value::as_str).unwrap_or_default();
    let parameter = |name: &str| fields.get("parameters")?.get(name).cloned();
    // Success inside a failed HTTP exchange comes from a server in between.
    (!is_ok || response.status == 200).then(|| Reply {
        is_ok,
        error_code: fields.get("error_code").and_then(Value::as_i64).unwrap_or(i64::from(response.status)),
        description: text::beginning(description, MAX_DESCRIPTION_BYTES).to_owned(),
        retry_after_seconds: parameter("retry_after").and_then(|seconds| seconds.as_u64()),
        moved_to: parameter("migrate_to_chat_id").and_then(|id| id.as_i64()),
    })
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Delivered,
    TooOften,
    Moved(i64),
    Markup,
    Channel(&'static str),
    Message,
    Passing,
    Unknown,
}

const TOKEN: &str = "the token is wrong or was revoked: copy it from @BotFather again (/mybots > API Token)";
const CHAT: &str = "the bot knows no such chat: send /start to the bot, or add it to the group, and correct chat_id (of a \
                    supergroup or a channel it begins with -100)";
const OUTSIDE: &str = "the bot is blocked, or no member of that chat any more: unblock it, or add it again";
const THREAD: &str = "there is no such topic, or it is closed: correct message_thread_id, or leave it out";
const RIGHTS: &str = "the bot may not write there: make it an administrator of the channel or group";

/// Descriptions of refusals with code 400, in lower case, and their remedies.
const REFUSALS: [(&str, &str); 9] = [
    ("chat not found", CHAT),
    ("chat_id is empty", CHAT),
    ("peer_id_invalid", CHAT),
    ("group chat was upgraded", CHAT),
    ("message thread not found", THREAD),
    ("topic_closed", THREAD),
    ("not enough rights", RIGHTS),
    ("chat_write_forbidden", RIGHTS),
    ("have no rights to send", RIGHTS),
];

fn meaning(reply: &Reply) -> Meaning {
    let description = reply.description.to_lowercase();
    let says = |text: &str| description.contains(text);
    match (reply.error_code, reply.moved_to) {
        _ if reply.is_ok => Meaning::Delivered,
        (400, Some(to)) => Meaning::Moved(to),
        (401 | 404, _) => Meaning::Channel(TOKEN),
        (403, _) => Meaning::Channel(OUTSIDE),
        (429, _) => Meaning::TooOften,
        (400, _) if says("can't parse entities") => Meaning::Markup,
        (400, _) if says("message is too long") || says("message text is empty") => Meaning::Message,
        (400, _) => {
            let known = REFUSALS.iter().find(|(text, _)| says(text));
            known.map_or(Meaning::Unknown, |(_, advice)| Meaning::Channel(advice))
        }
        _ => Meaning::Passing,
    }
}

pub fn classify(answer: &Answer, url: &Secret, chat_id: &str) -> Outcome {
    let scrub = |text: &str| Scrubber::of_url(url).scrub(text);
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Outcome::Retry { reason: one_line(&scrub(&error.0)) },
    };
    let Some(reply) = read(response) else { return of_another(response, "the Bot API's", RATE_LIMIT_HOLD) };
    let reason = one_line(&format!("error {} {}", reply.error_code, without_tokens(&scrub(&reply.description))));
    match meaning(&reply) {
        Meaning::Delivered => Outcome::Delivered,
        Meaning::TooOften => {
            let told = reply.retry_after_seconds.map(Duration::from_secs).or_else(|| response.retry_after());
            // A second more, as whole seconds are told.
            let hold = told.map_or(RATE_LIMIT_HOLD, |wait| wait.saturating_add(Duration::from_secs(1)));
            Outcome::Throttled { reason, hold }
        }
        Meaning::Moved(to) => Outcome::Moved { reason, moved: Moved { from: chat_id.to_owned(), to: to.to_string() } },
        Meaning::Markup => Outcome::FormRefused { reason },
        Meaning::Channel(_) => Outcome::ChannelRefused { reason },
        Meaning::Message => Outcome::MessageRefused { reason },
        Meaning::Passing => Outcome::Retry { reason },
        // The reason may be this message alone.
        Meaning::Unknown => Outcome::Rejected { reason },
    }
}

/// Advice on an answer that is not a delivery. `is_vendors`: the vendor's own server was asked.
pub fn advice(answer: &Answer, is_vendors: bool) -> Option<&'static str> {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return (is_vendors && is_out_of_reach(&error.0)).then_some(OUT_OF_REACH),
    };
    let Some(reply) = read(response) else {
        return Some("something other than the Bot API answers: check api_url, and any proxy in between");
    };
    match meaning(&reply) {
        Meaning::Delivered => None,
        Meaning::TooOften => Some(
            "the chat, or this address, was asked too often: wait; of new tokens one address may use 20 a minute, which \
             test-notify in a loop does",
        ),
        Meaning::Moved(_) => Some("the group became a supergroup twice: write its present id into chat_id"),
        Meaning::Channel(advice) => Some(advice),
        Meaning::Markup | Meaning::Message => {
            Some("Telegram does not take this message as it is: please report it as a bug of vps-monitor")
        }
        Meaning::Passing => Some("Telegram is busy or has a fault: try again"),
        Meaning::Unknown => Some("the description says why; the chat's settings may forbid such messages"),
    }
}

const OUT_OF_REACH: &str = "api.telegram.org cannot be reached from mainland China: set telegram.api_url to a reverse proxy, or \
                            HTTPS_PROXY for the service (http:// or socks5h://, systemctl edit vps-monitor)";

/// Whether an error is what a blocked address looks like: silence, a reset, or a name without a true address.
fn is_out_of_reach(error: &str) -> bool {
    let signs = ["timed out", "broke off the connection", "refused", "unreachable", "no route", "cannot resolve"];
    signs.iter().any(|sign| error.contains(sign))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::http::Error;
    use crate::notify::answer::MAX_REASON_CHARS;

    const KEY: &str = "AAF0f9e8d7c-6b5a_4c3d9e2f1a0b9c8d7e";

    fn url() -> Secret {
        Secret::new(format!("https://api.telegram.org/bot123456789:{KEY}/sendMessage"))
    }

    fn outcome(status: u16, body: &str) -> Outcome {
        classify(&Ok(Response::new(status, body)), &url(), "-5")
    }

    fn refusal(code: u16, description: &str, parameters: Value) -> String {
        json!({"ok": false, "error_code": code, "description": description, "parameters": parameters}).to_string()
    }

    #[test]
    fn only_ok_with_status_200_is_a_delivery() {
        assert_eq!(outcome(200, r#"{"ok":true,"result":{"message_id":7}}"#), Outcome::Delivered);
        for (status, body) in [
            (200, ""),
            (200, "<html>"),
            (200, "{}"),
            (200, "ok"),
            (200, r#"{"ok":"true"}"#),
            (204, r#"{"ok":true}"#),
            (502, r#"{"ok":true}"#),
            (404, "404 page not found"),
        ] {
            let Outcome::Retry { reason } = outcome(status, body) else { panic!("{status} {body}") };
            assert!(reason.starts_with(&format!("HTTP {status}, not the Bot API's answer (")), "{reason}");
        }
        assert!(matches!(outcome(200, r#"{"ok":false,"description":"no"}"#), Outcome::Retry { .. }));
    }

    #[test]
    fn each_refusal_has_its_consequence_and_its_remedy() {
        let reason = |code: u16, description: &str| format!("error {code} {description}");
        for (code, description, remedy) in [
            (401, "Unauthorized", "@BotFather"),
            (401, "Unauthorized: invalid token specified", "@BotFather"),
            (404, "Not Found", "@BotFather"),
            (400, "Bad Request: chat not found", "/start"),
            (400, "Bad Request: group chat was upgraded to a supergroup chat", "-100"),
            (403, "Forbidden: bot was blocked by the user", "unblock"),
            (403, "Forbidden: bot was kicked from the supergroup chat", "add it again"),
            (403, "Forbidden: bot is not a member of the channel chat", "add it again"),
            (403, "Forbidden: user is deactivated", "blocked"),
            (403, "Forbidden: the group chat was deleted", "member"),
            (400, "Bad Request: message thread not found", "message_thread_id"),
            (400, "Bad Request: TOPIC_CLOSED", "message_thread_id"),
            (400, "Bad Request: not enough rights to send text messages to the chat", "administrator"),
            (400, "Bad Request: CHAT_WRITE_FORBIDDEN", "administrator"),
        ] {
            let body = refusal(code, description, json!({}));
            assert_eq!(outcome(code, &body), Outcome::ChannelRefused { reason: reason(code, description) });
            let told = advice(&Ok(Response::new(code, body)), true).unwrap();
            assert!(told.contains(remedy), "{description}: {told}");
        }
        for description in ["Bad Request: message is too long", "Bad Request: message text is empty"] {
            let body = refusal(400, description, json!({}));
            assert_eq!(outcome(400, &body), Outcome::MessageRefused { reason: reason(400, description) });
        }
        let entities = "Bad Request: can't parse entities: Unexpected end tag at byte offset 5";
        assert_eq!(
            outcome(400, &refusal(400, entities, json!({}))),
            Outcome::FormRefused { reason: reason(400, entities) }
        );
        let unknown = refusal(400, "Bad Request: SOMETHING_NEW", json!({}));
        assert!(matches!(outcome(400, &unknown), Outcome::Rejected { .. }));
        for code in [409, 421, 500, 502] {
            assert!(matches!(outcome(code, &refusal(code, "Internal", json!({}))), Outcome::Retry { .. }), "{code}");
        }
    }

    #[test]
    fn the_wait_that_is_told_is_kept_and_a_chat_that_has_moved_is_named() {
        let hold = |parameters: Value, headers: Vec<(String, String)>| {
            let body = refusal(429, "Too Many Requests: retry after 7", parameters);
            match classify(&Ok(Response { headers, ..Response::new(429, body) }), &url(), "-5") {
                Outcome::Throttled { hold, .. } => hold.as_secs(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(hold(json!({"retry_after": 7}), Vec::new()), 8);
        assert_eq!(hold(json!({}), vec![("retry-after".to_owned(), "9".to_owned())]), 10);
        assert_eq!(hold(json!(null), Vec::new()), 60);
        assert_eq!(hold(json!({"retry_after": u64::MAX}), Vec::new()), u64::MAX);
        let moved = refusal(400, "Bad Request: upgraded", json!({"migrate_to_chat_id": -1_001_234_567_890_i64}));
        let Outcome::Moved { moved, .. } = outcome(400, &moved) else { panic!("it has moved") };
        assert_eq!((&*moved.from, &*moved.to), ("-5", "-1001234567890"));
    }

    #[test]
    fn an_answer_or_an_error_that_repeats_the_request_is_told_without_the_token() {
        for description in [format!("no /bot123456789:{KEY}/sendMessage"), format!("wrong {}", KEY.to_lowercase())] {
            let told = outcome(400, &refusal(400, &description, json!({}))).reason().to_owned();
            assert!(!told.to_lowercase().contains(&KEY.to_lowercase()) && told.contains('…'), "{told}");
        }
        let html = Response {
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            ..Response::new(200, format!("<p>{KEY}"))
        };
        assert_eq!(classify(&Ok(html), &url(), "1").reason(), "HTTP 200, not the Bot API's answer (text/html)");
        let error = Err(Error(format!("odd: bot123456789:{KEY}")));
        assert!(!classify(&error, &url(), "1").reason().contains(KEY));
    }

    #[test]
    fn an_address_that_is_blocked_is_recognised_where_the_vendors_own_is_asked() {
        let error = Err(Error("timed out while connecting to api.telegram.org: nothing answers".to_owned()));
        assert!(advice(&error, true).unwrap().contains("mainland China"));
        assert_eq!(advice(&error, false), None);
        assert_eq!(advice(&Err(Error("the certificate of x is expired".to_owned())), true), None);
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_classified(status: u16, body in prop::collection::vec(any::<u8>(), 0..2000)) {
            let outcome = outcome(status, &String::from_utf8_lossy(&body));
            prop_assert!(outcome != Outcome::Delivered);
            prop_assert!(outcome.reason().chars().count() <= MAX_REASON_CHARS + 1);
        }

        #[test]
        fn whatever_description_is_given_is_one_bounded_line(code: u16, description in ".*", parameters in ".*") {
            let outcome = outcome(400, &refusal(code, &description, json!(parameters)));
            prop_assert!(outcome.reason().chars().count() <= MAX_REASON_CHARS + 1);
            prop_assert!(!outcome.reason().contains(text::is_hidden), "{:?}", outcome);
        }
    }
}
