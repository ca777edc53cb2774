//! Discord's webhook against a server that answers as it does.

use serde_json::{Value, json};

use crate::support::channel::Bed;
use crate::support::robot::{Answer, KEY};

fn bed(answers: Vec<Answer>) -> Bed {
    Bed::new(|origin| format!("{{discord: {{url: '{origin}/api/webhooks/123456789/{KEY}', thread_id: 7}}}}"), answers)
}

fn answer(status: u16, header: &str, body: Value) -> Answer {
    Answer::Whole(status, header.to_owned(), body.to_string())
}

fn refusal(status: u16, code: i64) -> Answer {
    answer(status, "Content-Type: application/json", json!({"message": format!("no {KEY}"), "code": code}))
}

#[test]
fn test_notify_says_of_each_answer_whether_it_is_a_delivery_and_what_to_do() {
    let limited = json!({"message": "You are being rate limited.", "retry_after": 0.65, "global": false});
    for (answer, code, told) in [
        (answer(200, "X-RateLimit-Remaining: 0", json!({"id": "1", "type": 0})), 0, ", thread 7: delivered"),
        (Answer::Http(204, ""), 0, ": delivered"),
        (refusal(404, 10_015), 1, "make a new one"),
        (refusal(401, 50_027), 1, "make a new one"),
        (refusal(400, 220_001), 1, "discord.thread_id"),
        (refusal(400, 50_035), 1, "report it as a bug"),
        (refusal(413, 40_005), 1, "report it as a bug"),
        (self::answer(429, "X-RateLimit-Reset-After: 0.65", limited), 1, "asked too often"),
        (Answer::Http(403, "<html>error code: 1015"), 1, "wait ten minutes"),
    ] {
        let received = bed(vec![answer]).expect(code, told);
        assert_eq!(received.len(), 1, "{told}");
        assert_eq!(received[0].path, format!("/api/webhooks/123456789/{KEY}?wait=true&thread_id=7"));
        let body: Value = serde_json::from_str(&received[0].body).unwrap();
        assert_eq!(body["allowed_mentions"], json!({"parse": []}));
        assert!(body["embeds"][0]["title"].as_str().unwrap().contains("[web\\-1]"), "{body}");
    }
}
