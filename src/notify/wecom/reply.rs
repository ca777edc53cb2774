//! What the robot answers, and what that means for the message, the robot and the person who set it up.
//!
//! The answer is HTTP 200 whether or not it worked: `errcode` decides, never `errmsg`, and both are told. Vendor's pages:
//! document path 91770 (the call and its rate limit) and 90454 (error codes).

use std::time::Duration;

use serde_json::{Map, Value};

use super::Webhook;
use crate::http::{Error, Response};
use crate::outbox::Outcome;
use crate::text;

/// A robot that was called too often (45009: over 20 messages in a minute) stays blocked for about this long.
pub const RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

/// Of a reason, this much is told; the rest is the vendor's links and request numbers.
const MAX_REASON_CHARS: usize = 200;

const DELIVERED: i64 = 0;
const BUSY: i64 = -1;
const TOO_MANY_CALLS: i64 = 45033;
const RATE_LIMIT: i64 = 45009;
const INVALID_KEY: i64 = 93000;

/// Codes that say that this very message will never be taken: bad msgtype, illegal characters, parameter error (also
/// what over-long content gets), empty content, media or message too big, too many articles.
const MESSAGE_REFUSED: [i64; 7] = [40008, 40033, 40058, 44004, 45001, 45002, 45008];

/// The part of an answer that is ours to understand.
struct Reply {
    errcode: i64,
    /// Empty where there is none.
    errmsg: String,
}

/// `None`: the answer is not the robot's.
fn read(response: &Response) -> Option<Reply> {
    let fields: Map<String, Value> = serde_json::from_str(&response.body).ok()?;
    let errcode = fields.get("errcode")?.as_i64()?;
    let errmsg = fields.get("errmsg").and_then(Value::as_str).unwrap_or_default().to_owned();
    // Success inside a failed HTTP exchange is the word of something in between.
    (errcode != DELIVERED || (200..300).contains(&response.status)).then_some(Reply { errcode, errmsg })
}

pub fn classify(answer: &Result<Response, Error>, webhook: &Webhook) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Outcome::Retry { reason: one_line(&webhook.scrub(&error.0)) },
    };
    let Some(reply) = read(response) else {
        let body = webhook.scrub(&response.body);
        return Outcome::Retry { reason: one_line(&format!("HTTP {}, not a robot's answer: {body}", response.status)) };
    };
    let reason = one_line(&format!("errcode {} {}", reply.errcode, webhook.scrub(&reply.errmsg)));
    match reply.errcode {
        DELIVERED => Outcome::Delivered,
        RATE_LIMIT => Outcome::Throttled { reason, hold: RATE_LIMIT_HOLD },
        INVALID_KEY => Outcome::ChannelRefused { reason },
        code if MESSAGE_REFUSED.contains(&code) => Outcome::MessageRefused { reason },
        BUSY | TOO_MANY_CALLS => Outcome::Retry { reason },
        // Whatever the vendor adds may be about this message alone.
        _ => Outcome::Rejected { reason },
    }
}

/// What a person can do about an answer that is not a delivery. What is known of a network error is in the error.
pub fn advice(answer: &Result<Response, Error>) -> Option<&'static str> {
    let response = answer.as_ref().ok()?;
    let Some(reply) = read(response) else {
        return Some("something else than the robot answers: check webhook_url, and any proxy in between");
    };
    match reply.errcode {
        DELIVERED => None,
        INVALID_KEY => Some(
            "the key is not valid: copy the webhook URL again from the group's robot (群机器人); if the robot was \
             removed from the group, add a new one",
        ),
        RATE_LIMIT => Some(
            "the robot takes 20 messages a minute from all its senders together: wait a minute, and give each host a \
             robot of its own if this recurs",
        ),
        code if MESSAGE_REFUSED.contains(&code) => {
            Some("the robot does not take this message as it is: please report it as a bug of vps-monitor")
        }
        _ => Some("the robot is busy or has a fault: try again; the code is explained on the vendor's page 90454"),
    }
}

/// One line of bounded length: what is hidden becomes a space, runs of space one.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || text::is_hidden(c)).filter(|word| !word.is_empty());
    // Bounded before it is joined: a body of 64 KiB is not worth going through for its first line.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";

    fn outcome(status: u16, body: &str) -> Outcome {
        let webhook = Webhook::parse(KEY).unwrap().unwrap();
        classify(&Ok(Response::new(status, body)), &webhook)
    }

    fn errcode(code: i64) -> Outcome {
        outcome(200, &format!(r#"{{"errcode":{code},"errmsg":"m"}}"#))
    }

    fn retry(reason: &str) -> Outcome {
        Outcome::Retry { reason: reason.to_owned() }
    }

    #[test]
    fn only_errcode_zero_is_a_delivery() {
        assert_eq!(outcome(200, r#"{"errcode":0,"errmsg":"ok"}"#), Outcome::Delivered);
        assert_eq!(outcome(200, r#"{"errcode":0}"#), Outcome::Delivered);
        let others = ["", "ok", "null", "{}", "[0]", r#"{"errcode":"0"}"#, r#"{"errmsg":"ok"}"#, "<html>0</html>"];
        for body in others {
            assert_eq!(outcome(200, body), retry(format!("HTTP 200, not a robot's answer: {body}").trim()));
        }
        assert!(matches!(outcome(502, r#"{"errcode":0}"#), Outcome::Retry { .. }));
    }

    #[test]
    fn each_code_has_the_consequence_that_the_vendor_gives_it() {
        for code in [-1, 45033] {
            assert_eq!(errcode(code), retry(&format!("errcode {code} m")));
        }
        for code in [1, 99999] {
            assert_eq!(errcode(code), Outcome::Rejected { reason: format!("errcode {code} m") });
        }
        let reason = "errcode 45009 m".to_owned();
        assert_eq!(errcode(45009), Outcome::Throttled { reason, hold: Duration::from_secs(60) });
        assert_eq!(errcode(93000), Outcome::ChannelRefused { reason: "errcode 93000 m".to_owned() });
        for code in [40008, 40033, 40058, 44004, 45001, 45002, 45008] {
            assert_eq!(errcode(code), Outcome::MessageRefused { reason: format!("errcode {code} m") });
        }
    }

    #[test]
    fn a_reason_is_one_bounded_line_without_the_key() {
        let body = format!(r#"{{"errcode":40058,"errmsg":"bad\n\tkey {KEY} {}"}}"#, "长".repeat(500));
        let Outcome::MessageRefused { reason } = outcome(200, &body) else { panic!("40058 refuses the message") };
        assert!(reason.starts_with("errcode 40058 bad key … 长长"), "{reason}");
        assert_eq!(reason.chars().count(), MAX_REASON_CHARS + 1);
        assert_eq!(
            outcome(200, r#"{"errcode":7,"errmsg":["a"]}"#),
            Outcome::Rejected { reason: "errcode 7".to_owned() }
        );
        let webhook = Webhook::parse(KEY).unwrap().unwrap();
        assert_eq!(classify(&Err(Error("a\nb".to_owned())), &webhook), retry("a b"));
    }

    #[test]
    fn whoever_set_the_robot_up_is_told_what_to_do() {
        let told = |body: &str| advice(&Ok(Response::new(200, body))).unwrap_or_default();
        assert_eq!(told(r#"{"errcode":0}"#), "");
        assert!(told(r#"{"errcode":93000}"#).starts_with("the key is not valid"));
        assert!(told(r#"{"errcode":45009}"#).contains("20 messages a minute"));
        assert!(told("<html>").contains("check webhook_url"));
        assert_eq!(advice(&Err(Error("refused".to_owned()))), None);
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_classified(status: u16, body in prop::collection::vec(any::<u8>(), 0..2000)) {
            match outcome(status, &String::from_utf8_lossy(&body)) {
                Outcome::Retry { reason } => {
                    prop_assert!(reason.chars().count() <= MAX_REASON_CHARS + 1);
                    prop_assert!(!reason.contains(text::is_hidden), "{reason:?}");
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }

        #[test]
        fn whatever_json_is_answered_is_classified(code: i64, errmsg in ".*") {
            let body = serde_json::json!({"errcode": code, "errmsg": errmsg}).to_string();
            prop_assert_eq!(outcome(200, &body) == Outcome::Delivered, code == 0);
        }
    }
}
