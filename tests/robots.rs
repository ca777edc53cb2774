//! The robots of work chats against a server that answers as each vendor does: always with HTTP 200.

use serde_json::{Value, json};

use crate::support::channel::Bed;
use crate::support::robot::{Answer, KEY};

/// The robots, each with the path of its webhook, and its fields for the code and its words.
const ROBOTS: [(&str, &str, [&str; 2]); 2] = [
    ("dingtalk", "/robot/send?access_token=", ["errcode", "errmsg"]),
    ("feishu", "/open-apis/bot/v2/hook/", ["code", "msg"]),
];

fn bed((kind, path, _): (&str, &str, [&str; 2]), answers: Vec<Answer>) -> Bed {
    let entry = |origin: &str| format!("{{{kind}: {{url: '{origin}{path}{KEY}', secret: SEC-{KEY}, keyword: watch}}}}");
    Bed::new(entry, answers)
}

fn answers((_, _, [code, words]): (&str, &str, [&str; 2]), value: i64, told: &str) -> Answer {
    let body = json!({code: value, words: told}).to_string();
    Answer::Whole(200, "Content-Type: application/json".to_owned(), body)
}

#[test]
fn test_notify_says_of_each_answer_whether_it_is_a_delivery_and_what_to_do() {
    let [dingtalk, feishu] = ROBOTS;
    for (robot, code, words, exit, told) in [
        (dingtalk, 0, "ok", 0, ": delivered"),
        (dingtalk, 310_000, "keywords not in content", 1, "dingtalk.keyword"),
        (dingtalk, 310_000, "sign not match", 1, "begins with SEC"),
        (dingtalk, 310_000, "ip 192.0.2.7 not in whitelist", 1, "ip 192.0.2.7 not"),
        (dingtalk, 300_001, "token is not exist", 1, "add a new one"),
        (dingtalk, 130_101, "send too fast", 1, "nothing for ten minutes"),
        (dingtalk, 430_101, "m", 1, "forbids"),
        (feishu, 0, "success", 0, ": delivered"),
        (feishu, 19_001, "token invalid", 1, "copy the webhook again"),
        (feishu, 19_021, "sign match fail", 1, "timedatectl"),
        (feishu, 19_022, "Ip Not Allowed", 1, "whitelist"),
        (feishu, 19_024, "Key Words Not Found", 1, "feishu.keyword"),
        (feishu, 9_499, "Bad Request", 1, "report it as a bug"),
        (feishu, 11_232, "frequency limited", 1, "wait a minute"),
    ] {
        let received = bed(robot, vec![answers(robot, code, words)]).expect(exit, told);
        assert_eq!(received.len(), 1, "{told}");
        let (kind, path, _) = robot;
        let body: Value = serde_json::from_str(&received[0].body).unwrap();
        let text = if kind == "feishu" { &body["content"]["text"] } else { &body["text"]["content"] };
        assert!(text.as_str().unwrap().contains("[web-1] watch\n"), "{body}");
        assert!(received[0].path.starts_with(&format!("{path}{KEY}")), "{}", received[0].path);
        let is_signed = if kind == "feishu" { body["sign"].is_string() } else { received[0].path.contains("&sign=") };
        assert!(is_signed, "{} {body}", received[0].path);
    }
}

#[test]
fn a_fault_that_passes_is_tried_again() {
    for robot in ROBOTS {
        let busy = Answer::Http(502, "");
        let received = bed(robot, vec![busy, answers(robot, 0, "ok")]).expect(0, ": delivered");
        assert_eq!(received.len(), 2);
    }
    let [dingtalk, _] = ROBOTS;
    let early = answers(dingtalk, 310_000, "invalid timestamp");
    assert_eq!(
        bed(dingtalk, vec![early.clone(), early.clone(), early.clone(), early]).expect(1, "timedatectl").len(),
        4
    );
}

/// The test's places search all output, and the log, for the key.
#[test]
fn the_agent_delivers_by_both_and_shows_no_secret() {
    for robot in ROBOTS {
        let bed = bed(robot, vec![answers(robot, 1, &format!("no {KEY}")), answers(robot, 0, "ok")]);
        let agent = bed.place.spawn(bed.command(&["run"]));
        agent.wait_for_log(&format!("delivered kind=alert channel={}", robot.0));
        assert!(!std::fs::read_to_string(bed.place.state_file()).unwrap().contains(KEY));
        assert_eq!(bed.place.run(&["config", "show"]).code, 0);
        bed.place.status();
        agent.stop(nix::sys::signal::Signal::SIGTERM);
    }
}
