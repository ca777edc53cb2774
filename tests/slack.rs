//! Slack's incoming webhook against a server that answers as it does, and as Mattermost does.

use serde_json::Value;

use crate::support::channel::Bed;
use crate::support::robot::{Answer, KEY};

fn bed(answers: Vec<Answer>) -> Bed {
    Bed::new(|origin| format!("{{slack: {{url: '{origin}/services/T01234567/B01234567/{KEY}'}}}}"), answers)
}

#[test]
fn test_notify_says_of_each_answer_whether_it_is_a_delivery_and_what_to_do() {
    let limited = Answer::Whole(429, "Retry-After: 30".to_owned(), "rate_limited".to_owned());
    for (answer, code, told) in [
        (Answer::Http(200, "ok"), 0, ": delivered"),
        (Answer::Http(404, "no_service"), 1, "make a new one"),
        (Answer::Http(410, "channel_is_archived"), 1, "archived"),
        (Answer::Http(400, "invalid_payload"), 1, "report it as a bug"),
        (limited, 1, "asked too often"),
        (Answer::Http(404, "404 page not found"), 1, "make a new incoming webhook"),
    ] {
        let received = bed(vec![answer]).expect(code, told);
        assert_eq!(received.len(), 1, "{told}");
        assert_eq!(
            (&*received[0].method, &*received[0].path),
            ("POST", &*format!("/services/T01234567/B01234567/{KEY}"))
        );
        let body: Value = serde_json::from_str(&received[0].body).unwrap();
        assert!(body["text"].as_str().unwrap().contains("[web-1]") && body["mrkdwn"] == false, "{body}");
    }
}
