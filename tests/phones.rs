//! ntfy and Bark against a server that answers as theirs do.

use serde_json::Value;

use crate::support::channel::Bed;
use crate::support::robot::{Answer, KEY};

fn ntfy(answers: Vec<Answer>) -> Bed {
    Bed::new(|origin| format!("{{ntfy: {{url: '{origin}', topic: '{KEY}', token: tk_0123456789abcdef}}}}"), answers)
}

fn bark(answers: Vec<Answer>) -> Bed {
    Bed::new(|origin| format!("{{bark: {{url: '{origin}/prefix', device_key: '{KEY}'}}}}"), answers)
}

#[test]
fn test_notify_says_of_each_answer_of_ntfy_whether_it_is_a_delivery_and_what_to_do() {
    for (answer, code, told) in [
        (Answer::Http(200, r#"{"id":"sPs71M8A2T","event":"message"}"#), 0, ": delivered"),
        (Answer::Http(403, r#"{"code":40301,"http":403,"error":"forbidden"}"#), 1, "may not write to this topic"),
        (Answer::Http(429, r#"{"code":42908,"http":429,"error":"limit reached"}"#), 1, "a server of your own"),
        (Answer::Http(400, r#"{"code":40024,"http":400,"error":"invalid"}"#), 1, "report it as a bug"),
    ] {
        let received = ntfy(vec![answer]).expect(code, told);
        assert_eq!(received.len(), 1, "{told}");
        assert_eq!((&*received[0].method, &*received[0].path), ("POST", "/"));
        assert_eq!(received[0].header("authorization"), Some("Bearer tk_0123456789abcdef"));
        let body: Value = serde_json::from_str(&received[0].body).unwrap();
        assert!(body["topic"] == KEY && body["title"].as_str().unwrap().contains("[web-1]"), "{body}");
    }
}

#[test]
fn test_notify_says_of_each_answer_of_bark_whether_it_is_a_delivery_and_what_to_do() {
    for (answer, code, told) in [
        (Answer::Http(200, r#"{"code":200,"message":"success","timestamp":1}"#), 0, ": delivered"),
        (Answer::Http(400, r#"{"code":400,"message":"failed to get device token: x"}"#), 1, "open Bark once"),
        (Answer::Http(418, r#"{"code":418,"message":"I'm a teapot"}"#), 1, "a user's name and password"),
        (Answer::Http(500, r#"{"code":500,"message":"push failed: PayloadTooLarge"}"#), 1, "report it as a bug"),
    ] {
        let received = bark(vec![answer]).expect(code, told);
        assert_eq!((received.len(), &*received[0].path), (1, "/prefix/push"), "{told}");
        let body: Value = serde_json::from_str(&received[0].body).unwrap();
        assert!(body["device_key"] == KEY && body["title"].as_str().unwrap().contains("[web-1]"), "{body}");
    }
}

#[test]
fn no_output_shows_the_topic_the_key_or_the_token() {
    let refusals = [r#"{"code":40101,"error":"no"}"#, r#"{"code":400,"message":"failed to get device token"}"#];
    for (bed, refusal) in [ntfy, bark].into_iter().zip(refusals) {
        let bed = bed(vec![Answer::Http(400, refusal)]);
        let refused = bed.test_notify();
        let shown = bed.place.run(&["config", "show"]);
        for text in [refused.stdout, refused.stderr, shown.stdout, shown.stderr] {
            assert!(!text.contains(&KEY[..KEY.len() - 4]) && !text.contains("tk_0123456789"), "{text}");
        }
    }
}
