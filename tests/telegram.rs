//! A Telegram bot against a server that answers as the vendor's does, over TLS: commands and the agent itself.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::channel::Bed;
use crate::support::robot::{Answer, KEY, Received};

const DELIVERED: (u16, &str) = (200, r#"{"ok":true,"result":{"message_id":7}}"#);

fn answer((status, body): (u16, &str)) -> Answer {
    Answer::Whole(status, "Content-Type: application/json".to_owned(), body.to_owned())
}

fn refusal(code: u16, description: &str, parameters: Value) -> Answer {
    let body = json!({"ok": false, "error_code": code, "description": description, "parameters": parameters});
    answer((code, &body.to_string()))
}

/// A host with a bot of this server, whose token ends in [`KEY`]: all output is searched for that.
fn bed(answers: Vec<Answer>) -> Bed {
    let entry = |origin: &str| format!("{{telegram: {{token: '123456789:{KEY}', chat_id: -5, api_url: '{origin}'}}}}");
    Bed::new(entry, answers)
}

fn body(received: &Received) -> Value {
    assert_eq!((&*received.method, &*received.path), ("POST", &*format!("/bot123456789:{KEY}/sendMessage")));
    serde_json::from_str(&received.body).unwrap()
}

#[test]
fn test_notify_says_of_each_answer_whether_it_is_a_delivery_and_what_to_do() {
    for (script, code, told) in [
        (vec![answer(DELIVERED)], 0, "in chat -5: delivered"),
        (vec![refusal(401, "Unauthorized", json!({}))], 1, "copy it from @BotFather"),
        (vec![refusal(400, "Bad Request: chat not found", json!({}))], 1, "send /start to the bot"),
        (vec![refusal(403, "Forbidden: bot was blocked by the user", json!({}))], 1, "unblock it"),
        (vec![refusal(400, "Bad Request: not enough rights", json!({}))], 1, "administrator"),
        (vec![refusal(400, "Bad Request: message is too long", json!({}))], 1, "report it as a bug"),
        (vec![refusal(429, "Too Many Requests", json!({"retry_after": 7}))], 1, "asked too often"),
        (vec![refusal(500, "Internal", json!({})), answer(DELIVERED)], 0, ": delivered"),
        (vec![answer((200, "")), answer(DELIVERED)], 0, ": delivered"),
    ] {
        bed(script).expect(code, told);
    }
}

#[test]
fn a_chat_that_has_moved_and_markup_that_is_refused_are_followed_at_once() {
    let moved = refusal(400, "Bad Request: upgraded", json!({"migrate_to_chat_id": -1_001_234}));
    let entities = refusal(400, "Bad Request: can't parse entities: byte 5", json!({}));
    let bed = bed(vec![moved, entities, answer(DELIVERED)]);
    let finished = bed.test_notify();
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.stderr.contains("write -1001234 into telegram.chat_id"), "{finished:?}");
    let bodies: Vec<Value> = bed.server.received().iter().map(body).collect();
    let chats: Vec<i64> = bodies.iter().map(|body| body["chat_id"].as_i64().unwrap()).collect();
    let modes: Vec<bool> = bodies.iter().map(|body| body["parse_mode"] == "HTML").collect();
    assert_eq!((chats, modes), (vec![-5, -1_001_234, -1_001_234], vec![true, true, false]));
}

#[test]
fn the_agent_keeps_a_chat_that_has_moved_and_shows_its_token_nowhere() {
    let moved = refusal(400, "Bad Request: upgraded", json!({"migrate_to_chat_id": -1_001_234}));
    let bed = bed(vec![moved, answer(DELIVERED), answer(DELIVERED)]);
    let agent = bed.place.spawn(bed.command(&["run"]));
    let first = body(&bed.server.wait_for(2)[1]);
    assert_eq!(first["chat_id"], -1_001_234);
    assert!(first["text"].as_str().unwrap().starts_with("<b>⚠️ VPS 告警 [web-1]</b>\n"), "{first}");
    agent.wait_for_log("delivered kind=alert channel=telegram");
    agent.wait_for_log("write that into telegram.chat_id");
    bed.place.status();
    assert_eq!(bed.place.run(&["config", "show"]).code, 0);
    agent.stop(Signal::SIGTERM);
    // A restart knows it, and the recovery wakes nobody.
    bed.place.become_host("no-swap");
    let agent = bed.place.spawn(bed.command(&["run"]));
    let recovery = body(&bed.server.wait_for(3)[2]);
    assert_eq!((&recovery["chat_id"], &recovery["disable_notification"]), (&json!(-1_001_234), &json!(true)));
    agent.wait_for_log("delivered kind=recovery");
    agent.stop(Signal::SIGTERM);
}
