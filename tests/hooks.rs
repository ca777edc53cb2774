//! A webhook against a server that answers as receivers do: one of one's own, and services whose body decides.

use serde_json::Value;

use crate::support::channel::Bed;
use crate::support::robot::{Answer, KEY, Received};

fn bed(keys: &str, answers: Vec<Answer>) -> Bed {
    Bed::new(|origin| format!("{{webhook: {{url: '{origin}/hook/{KEY}', {keys}}}}}"), answers)
}

fn body(received: &Received) -> Value {
    serde_json::from_str(&received.body).unwrap()
}

#[test]
fn test_notify_says_of_each_answer_whether_it_is_a_delivery_and_what_to_do() {
    let limited = Answer::Whole(429, "Retry-After: 30".to_owned(), "slow down".to_owned());
    for (answer, code, told) in [
        (Answer::Http(200, ""), 0, ": delivered"),
        (Answer::Http(204, ""), 0, ": delivered"),
        (Answer::Http(404, "no such hook"), 1, "correct webhook.url"),
        (Answer::Http(401, "{}"), 1, "check webhook.token"),
        (Answer::Http(422, "{\"error\":\"no text\"}"), 1, "HTTP 422 no text"),
        (limited, 1, "lower webhook.per_minute"),
    ] {
        let received = bed("", vec![answer]).expect(code, told);
        assert_eq!(received.len(), 1, "{told}");
        assert_eq!((&*received[0].method, &*received[0].path), ("POST", &*format!("/hook/{KEY}")));
        let told = body(&received[0]);
        assert_eq!((&told["host"], &told["kind"], &told["level"]), (&"web-1".into(), &"test".into(), &"info".into()));
        assert_eq!(received[0].header("x-event-id"), told["event_id"].as_str());
    }
}

#[test]
fn headers_and_a_signature_arrive_and_a_retry_is_the_same_event() {
    let keys = format!(
        "headers: [{{name: X-Key, value: '{KEY}'}}], signing_key: '{KEY}', success: {{field: ok, equals: true}}"
    );
    let bed = bed(&keys, vec![Answer::Http(503, ""), Answer::Http(200, "{\"ok\":true}")]);
    let received = bed.expect(0, ": delivered");
    assert_eq!(received.len(), 2);
    for received in &received {
        assert_eq!(received.header("x-key"), Some(KEY));
        let signature = received.header("x-signature-256").unwrap();
        assert!(signature.starts_with("sha256=") && signature.len() == 7 + 64, "{signature}");
        assert!(received.header("x-timestamp").unwrap().parse::<u64>().is_ok());
    }
    assert_eq!(received[0].header("x-event-id"), received[1].header("x-event-id"));
}

#[test]
fn a_message_can_be_a_query() {
    let bed = bed("method: GET, body: '{\"msg\": \"{host} {level}\"}'", vec![Answer::Http(200, "ok")]);
    let received = bed.expect(0, ": delivered");
    assert_eq!((&*received[0].method, &*received[0].path), ("GET", &*format!("/hook/{KEY}?msg=web-1%20info")));
    assert_eq!((received[0].header("content-length"), &*received[0].body), (None, ""));
}

#[test]
fn no_output_shows_the_address_the_token_or_a_header() {
    let keys = format!("preset: gotify, token: '{KEY}', headers: [{{name: X-Other, value: 'x{KEY}'}}]");
    let refusal = "{\"error\":\"Unauthorized\",\"errorDescription\":\"no 0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f here\"}";
    let bed = bed(&keys, vec![Answer::Http(401, refusal)]);
    let refused = bed.test_notify();
    let shown = bed.place.run(&["config", "show"]);
    for text in [refused.stdout, refused.stderr, shown.stdout, shown.stderr] {
        assert!(!text.contains(&KEY[..KEY.len() - 4]), "{text}");
    }
    let received = bed.server.received();
    assert_eq!(received[0].header("x-gotify-key"), Some(KEY));
    assert_eq!(received[0].path, format!("/hook/{KEY}/message"));
}
