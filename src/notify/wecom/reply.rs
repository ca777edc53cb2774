//! The robot's answers, and their meaning for the message, the robot and the person who set it up.
//!
//! `errcode` decides, never `errmsg`. Vendor's page: document path 91770 (the call and its rate limit).

use std::time::Duration;

use super::code::meaning;
use crate::notify::answer::MAX_HOLD_OF_ANOTHER;
use crate::notify::verdict::{Service, of_robot};

/// A robot that was called too often (45009: over 20 messages in a minute) stays blocked for about this long.
pub const RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

const _: () = assert!(RATE_LIMIT_HOLD.as_millis() <= MAX_HOLD_OF_ANOTHER.as_millis());

pub const SERVICE: Service = Service {
    whose: "a robot's",
    read: |response| of_robot(response, &["errcode"], &["errmsg"], |errcode, _| meaning(errcode)),
    hold: RATE_LIMIT_HOLD,
    of_another: "something other than the robot answers: check webhook_url, and any proxy in between",
    too_often: "the robot takes 20 messages a minute from all its senders together: wait a minute, and give each host a \
                robot of its own if this recurs",
    unknown: super::code::BUSY,
};

#[cfg(test)]
mod tests {
    use super::super::Webhook;
    use super::*;
    use crate::http::{Answer, Error, Response};
    use crate::notify::answer::MAX_REASON_CHARS;
    use crate::outbox::Outcome;
    use crate::secret::Scrubber;
    use crate::text::{self, counted};
    use proptest::prelude::*;

    const KEY: &str = "693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";

    fn classify(answer: &Answer, webhook: &Webhook) -> Outcome {
        SERVICE.classify(answer, &Scrubber::of_url(webhook.url()))
    }

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
        for body in [
            r#"{"errcode":0,"errmsg":"ok"}"#,
            r#"{"errcode":0}"#,
            r#"{"errcode":"0"}"#,
            r#"{"errcode":" 0 "}"#,
            r#"{"errcode":0.0}"#,
            r#"{"errcode":"0.0"}"#,
            r#"{"errcode":0e0}"#,
            r#"{"ErrCode":0,"ErrMsg":"ok"}"#,
            "\u{feff}{\"errcode\":0}",
            "\r\n \u{feff}\n{\"errcode\":0}\n\0",
        ] {
            assert_eq!(outcome(200, body), Outcome::Delivered, "{body:?}");
        }
        for body in [
            "",
            "ok",
            "0",
            "null",
            "{}",
            "[0]",
            "[{\"errcode\":0}]",
            r#"{"errcode":""}"#,
            r#"{"errcode":"ok"}"#,
            r#"{"errcode":false}"#,
            r#"{"errcode":null}"#,
            r#"{"errcode":0.5}"#,
            r#"{"errcode":[0]}"#,
            r#"{"errmsg":"ok"}"#,
            "<html>0</html>",
            r#"{"errcode":0} x"#,
        ] {
            assert_eq!(
                outcome(200, body),
                retry(&format!("HTTP 200, not a robot's answer ({})", counted(body.len(), "byte")))
            );
        }
        assert!(matches!(outcome(502, r#"{"errcode":0}"#), Outcome::Retry { .. }));
        assert_eq!(outcome(200, r#"{"errcode":"93000","errmsg":"m"}"#), errcode(93000));
    }

    #[test]
    fn each_code_has_the_consequence_that_the_vendor_gives_it() {
        for code in [-1, 6000, 40014, 42001, 45033] {
            assert_eq!(errcode(code), retry(&format!("errcode {code} m")));
        }
        for code in [1, 99999] {
            assert_eq!(errcode(code), Outcome::Rejected { reason: format!("errcode {code} m") });
        }
        // A relay may say it by its status.
        let busy = Response {
            headers: vec![("retry-after".to_owned(), "7".to_owned())],
            ..Response::new(429, r#"{"errcode":7}"#)
        };
        let webhook = Webhook::parse(KEY).unwrap().unwrap();
        let hold = Duration::from_secs(7);
        assert_eq!(classify(&Ok(busy), &webhook), Outcome::Throttled { reason: "errcode 7".to_owned(), hold });
        assert_eq!(outcome(503, r#"{"errcode":7}"#), retry("errcode 7"));
        let reason = "errcode 45009 m".to_owned();
        assert_eq!(errcode(45009), Outcome::Throttled { reason, hold: Duration::from_secs(60) });
        for code in [93000, 93004, 93006, 93008, 40001, 41001, 48002, 49008, 50003, 60020, 81013, 86003, 301_002] {
            assert_eq!(errcode(code), Outcome::ChannelRefused { reason: format!("errcode {code} m") });
        }
        for code in [40008, 40033, 40058, 44004, 45001, 45002, 45008, 82004, 85002] {
            assert_eq!(errcode(code), Outcome::MessageRefused { reason: format!("errcode {code} m") });
        }
    }

    #[test]
    fn of_another_answer_nothing_is_told_that_could_repeat_the_request() {
        let told = |status, kind: &str, wait: &str| {
            let now = "Fri, 31 Dec 1999 23:00:00 GMT";
            let headers = [("content-type", kind), ("retry-after", wait), ("date", now)];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            let body = format!("POST /send?key={KEY}");
            classify(&Ok(Response { status, headers, body }), &Webhook::parse(KEY).unwrap().unwrap())
        };
        assert_eq!(told(404, "Text/HTML; charset=utf-8", ""), retry("HTTP 404, not a robot's answer (text/html)"));
        let long = format!("HTTP 200, not a robot's answer ({} bytes)", KEY.len() + 15);
        assert_eq!(told(200, &format!("x/{KEY}"), ""), retry(&long));
        for (status, wait, seconds) in [
            (429, "", 60),
            (429, "7", 7),
            (429, "soon", 60),
            (503, "90", 90),
            (429, "99999999", 3600),
            (503, "Fri, 31 Dec 1999 23:02:00 GMT", 120),
        ] {
            let reason = format!("HTTP {status}, not a robot's answer (text/plain)");
            let hold = Duration::from_secs(seconds);
            assert_eq!(told(status, "text/plain", wait), Outcome::Throttled { reason, hold });
        }
        assert_eq!(told(503, "text/plain", "soon"), retry("HTTP 503, not a robot's answer (text/plain)"));
    }

    #[test]
    fn an_errmsg_is_told_without_what_looks_like_a_key() {
        let webhook = Webhook::parse("https://relay.example.com/hook/Zx9k?token=abc").unwrap().unwrap();
        let told = |errmsg: &str| {
            let body = serde_json::json!({"errcode": -1, "errmsg": errmsg}).to_string();
            classify(&Ok(Response::new(200, body)), &webhook)
        };
        assert_eq!(told("no ZX9K here, token ABC, or a\\u0062c"), retry("errcode -1 no … here, token …, or …"));
        assert_eq!(told("stranger's 0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f"), retry("errcode -1 stranger's …"));
        // The reason is the same at each attempt, although the vendor numbers them.
        let numbered =
            "api freq out of limit, hint: [1629783954_220_7f6f212507f5dcbb5b45f3aed5a9fc80], from ip: 10.0.0.1";
        assert_eq!(told(numbered), retry("errcode -1 api freq out of limit, hint: […], from ip: 10.0.0.1"));
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
        let told = |body: &str| SERVICE.advice(&Ok(Response::new(200, body))).unwrap_or_default();
        assert_eq!(told(r#"{"errcode":0}"#), "");
        assert!(told(r#"{"errcode":93000}"#).starts_with("the key is not valid"));
        assert!(told(r#"{"errcode":93004}"#).contains("停用"));
        assert!(told(r#"{"errcode":60020}"#).contains("企业可信IP"));
        assert!(told(r#"{"errcode":45009}"#).contains("20 messages a minute"));
        assert!(told("<html>").contains("check webhook_url"));
        assert_eq!(SERVICE.advice(&Err(Error("refused".to_owned()))), None);
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_classified(status: u16, body in prop::collection::vec(any::<u8>(), 0..2000)) {
            match outcome(status, &String::from_utf8_lossy(&body)) {
                Outcome::Throttled { reason, .. } if status == 429 => {
                    prop_assert!(reason.starts_with("HTTP 429"), "{reason:?}");
                }
                Outcome::Retry { reason } if status != 429 => {
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
