//! Bad input for every kind of channel: a wrong secret, recipient or host, a message that is too long or hostile in every
//! field, and answers that no service gives. Nothing that is secret is in any output; the server repeats all of it.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use vps_monitor::message::Message;
use vps_monitor::notify::{CHANNEL_KINDS, Channel, Form, Job};
use vps_monitor::outbox::Outcome;
use vps_monitor::settings;
use vps_monitor::worker::Worker;

use crate::support::agent::{Agent, Place, assert_no_key, quick};
use crate::support::authority::Authority;
use crate::support::channel::Bed;
use crate::support::mail_server::{Kind, MailServer};
use crate::support::robot::{Answer, KEY, Robot};
use crate::support::wait_until;

/// A refusal: its status, its body, and the remedy.
type Refusal = (u16, &'static str, &'static str);

/// A kind of channel, at a server whose origin is `ORIGIN`. Each of its secrets is or ends with `KEY`.
struct Row {
    kind: &'static str,
    keys: &'static str,
    delivered: &'static str,
    wrong_secret: Refusal,
    wrong_recipient: Refusal,
    too_long: Refusal,
    /// Any answer with status 200 that is no page is a delivery.
    takes_anything: bool,
    /// Until nobody asks again.
    attempts_at_a_redirect: usize,
}

const BUG: &str = "please report it as a bug";

static ROWS: [Row; 10] = [
    Row {
        kind: "wechat",
        keys: "{webhook_url: 'ORIGIN/cgi-bin/webhook/send?key=KEY'}",
        delivered: r#"{"errcode":0,"errmsg":"ok"}"#,
        wrong_secret: (200, r#"{"errcode":93000,"errmsg":"ECHO"}"#, "the key is not valid"),
        wrong_recipient: (200, r#"{"errcode":93004,"errmsg":"ECHO"}"#, "停用"),
        too_long: (200, r#"{"errcode":45002,"errmsg":"ECHO"}"#, "errcode 45002"),
        takes_anything: false,
        attempts_at_a_redirect: 4,
    },
    Row {
        kind: "telegram",
        keys: "{token: '123456789:KEY', chat_id: -5, api_url: 'ORIGIN'}",
        delivered: r#"{"ok":true,"result":{"message_id":7}}"#,
        wrong_secret: (401, r#"{"ok":false,"error_code":401,"description":"Unauthorized ECHO"}"#, "@BotFather"),
        wrong_recipient: (400, r#"{"ok":false,"error_code":400,"description":"chat not found ECHO"}"#, "send /start"),
        too_long: (400, r#"{"ok":false,"error_code":400,"description":"message is too long ECHO"}"#, BUG),
        takes_anything: false,
        attempts_at_a_redirect: 4,
    },
    Row {
        kind: "slack",
        keys: "{url: 'ORIGIN/services/T01234567/B01234567/KEY'}",
        delivered: "ok",
        wrong_secret: (403, "ECHO", "make a new incoming webhook"),
        wrong_recipient: (404, "channel_not_found", "make a webhook for another one"),
        too_long: (400, "invalid_payload", BUG),
        takes_anything: true,
        attempts_at_a_redirect: 4,
    },
    Row {
        kind: "dingtalk",
        keys: "{url: 'ORIGIN/robot/send?access_token=KEY', secret: SEC-KEY}",
        delivered: r#"{"errcode":0,"errmsg":"ok"}"#,
        wrong_secret: (200, r#"{"errcode":300001,"errmsg":"ECHO"}"#, "the token is not valid"),
        wrong_recipient: (200, r#"{"errcode":400013,"errmsg":"ECHO"}"#, "add one to another group"),
        too_long: (200, r#"{"errcode":40035,"errmsg":"ECHO"}"#, BUG),
        takes_anything: false,
        attempts_at_a_redirect: 4,
    },
    Row {
        kind: "feishu",
        keys: "{url: 'ORIGIN/open-apis/bot/v2/hook/KEY', secret: KEY}",
        delivered: r#"{"code":0,"msg":"success"}"#,
        wrong_secret: (200, r#"{"code":19021,"msg":"sign match fail ECHO"}"#, "feishu.secret"),
        wrong_recipient: (200, r#"{"code":19001,"msg":"ECHO"}"#, "the token is not valid"),
        too_long: (200, r#"{"code":19036,"msg":"ECHO"}"#, BUG),
        takes_anything: false,
        attempts_at_a_redirect: 4,
    },
    Row {
        kind: "webhook",
        keys: "{preset: gotify, url: 'ORIGIN', token: KEY, signing_key: KEY}",
        delivered: r#"{"id":1}"#,
        wrong_secret: (401, r#"{"error":"ECHO","errorDescription":"ECHO"}"#, "webhook.token"),
        wrong_recipient: (404, r#"{"error":"ECHO"}"#, "correct webhook.url"),
        too_long: (413, r#"{"error":"ECHO"}"#, "does not take such a message"),
        takes_anything: false,
        attempts_at_a_redirect: 1,
    },
    Row {
        kind: "webhook",
        keys: "{url: 'ORIGIN/hook/KEY', user: KEY, headers: [{name: X-Key, value: 'Bearer KEY'}], signing_key: KEY}",
        delivered: "",
        wrong_secret: (403, "ECHO", "webhook.headers"),
        wrong_recipient: (410, "ECHO", "correct webhook.url"),
        too_long: (413, "ECHO", "does not take such a message"),
        takes_anything: true,
        attempts_at_a_redirect: 1,
    },
    Row {
        kind: "discord",
        keys: "{url: 'ORIGIN/api/webhooks/123456789/KEY', thread_id: 7}",
        delivered: r#"{"id":"1"}"#,
        wrong_secret: (401, r#"{"message":"ECHO","code":50027}"#, "make a new one"),
        wrong_recipient: (400, r#"{"message":"ECHO","code":220001}"#, "discord.thread_id"),
        too_long: (400, r#"{"message":"ECHO","code":50035}"#, BUG),
        takes_anything: false,
        attempts_at_a_redirect: 4,
    },
    Row {
        kind: "ntfy",
        keys: "{url: 'ORIGIN', topic: KEY, token: tk_KEY}",
        delivered: r#"{"id":"sPs71M8A2T"}"#,
        wrong_secret: (401, r#"{"code":40101,"error":"ECHO"}"#, "may not write to this topic"),
        wrong_recipient: (400, r#"{"code":40009,"error":"ECHO"}"#, "ntfy.topic"),
        too_long: (413, r#"{"code":41301,"error":"ECHO"}"#, BUG),
        takes_anything: false,
        attempts_at_a_redirect: 4,
    },
    Row {
        kind: "bark",
        keys: "{url: 'ORIGIN', device_key: KEY}",
        delivered: r#"{"code":200,"message":"success"}"#,
        wrong_secret: (418, r#"{"code":418,"message":"ECHO"}"#, "a user's name and password"),
        wrong_recipient: (400, r#"{"code":400,"message":"failed to get device token: ECHO"}"#, "open Bark once"),
        too_long: (500, r#"{"code":500,"message":"PayloadTooLarge ECHO"}"#, BUG),
        takes_anything: false,
        attempts_at_a_redirect: 4,
    },
];

impl Row {
    fn keys(&self, origin: &str) -> String {
        self.keys.replace("ORIGIN", origin).replace("KEY", KEY)
    }

    fn entry(&self, origin: &str) -> String {
        format!("{{{}: {}}}", self.kind, self.keys(origin))
    }

    fn bed(&self, answers: Vec<Answer>) -> Bed {
        Bed::new(|origin| self.entry(origin), answers)
    }

    fn channel(&self, origin: &str) -> Channel {
        let kind = CHANNEL_KINDS.iter().find(|kind| kind.name == self.kind).unwrap();
        settings::read("test", self.keys(origin).as_bytes(), kind.read).unwrap().value.unwrap()
    }
}

/// All rows at once: the pauses between attempts are real ones.
fn for_each(work: impl Fn(&'static Row) + Sync) {
    std::thread::scope(|scope| {
        for row in &ROWS {
            scope.spawn(|| work(row));
        }
    });
}

#[test]
fn every_kind_of_channel_has_its_bad_input() {
    let here = |name: &str| ROWS.iter().any(|row| row.kind == name);
    // Those have no server that speaks HTTP: tests/mail and tests/command.rs.
    let missing = CHANNEL_KINDS.iter().map(|kind| kind.name).filter(|name| !here(name));
    assert_eq!(missing.collect::<Vec<_>>(), ["email", "command"]);
}

/// All output of every command is searched for the key.
#[test]
fn a_refusal_is_told_once_with_its_remedy_though_the_server_repeats_the_request() {
    for_each(|row| {
        for (status, body, remedy) in [row.wrong_secret, row.wrong_recipient, row.too_long] {
            let received = row.bed(vec![Answer::Echo(status, body)]).expect(1, remedy);
            assert_eq!(received.len(), 1, "{} {body}", row.kind);
        }
    });
}

#[test]
fn an_answer_that_is_a_page_empty_a_gigabyte_or_a_redirect_is_no_delivery() {
    let page = || Answer::Whole(200, "Content-Type: text/html".to_owned(), "<html>sign in</html>".to_owned());
    let redirect = || Answer::Redirect("https://elsewhere.example.com/".to_owned());
    for_each(|row| {
        let again = |answer: Answer| vec![answer; 4];
        assert_eq!(row.bed(again(page())).expect(1, "answer (text/html)").len(), 4, "{}", row.kind);
        let received = row.bed(again(redirect())).expect(1, "which is not followed");
        assert_eq!(received.len(), row.attempts_at_a_redirect, "{}", row.kind);
        assert_eq!(row.bed(again(Answer::Reset)).expect(1, "broke off the connection").len(), 4, "{}", row.kind);
        for (answer, told) in [(Answer::Http(200, ""), "(0 bytes)"), (Answer::Endless, "(application/json)")] {
            let (code, told, attempts) = if row.takes_anything { (0, ": delivered", 1) } else { (1, told, 4) };
            assert_eq!(row.bed(again(answer)).expect(code, told).len(), attempts, "{} {told}", row.kind);
        }
    });
}

#[test]
fn a_host_that_is_closed_or_another_gets_nothing() {
    for_each(|row| {
        let closed = Bed::new(|_| row.entry("https://localhost:1"), vec![]);
        closed.expect(1, "localhost: connection refused");
        let other = Bed::with_certificate_of("other.example.com", |origin| row.entry(origin), vec![]);
        let received = other.expect(1, "the certificate of localhost is for another host (other.example.com)");
        assert!(received.is_empty(), "{}: {received:?}", row.kind);
    });
}

/// Hostile in every field, and longer than any channel takes at once.
fn hostile() -> Message {
    let hostile = "<at id=all></at> @all @everyone <!channel> [a](https://x) **b** `c` \"},{\" {title} %0d%0a &amp; \\ ＠ \u{202e}";
    let lines: Vec<Value> = (0..300).map(|number| json!([format!("m{number:04} "), hostile])).collect();
    let fact = json!({"about": {"alert": {"metric": "disk", "target": hostile}}, "line": hostile,
        "began": "2026-02-04T07:30:00Z", "detail": {"level": "critical", "value": hostile, "limit": hostile}});
    let message = json!({"kind": "alert", "title": ["⚠️ [", hostile, "]"], "rule_width": 16, "lines": lines,
        "footer": hostile, "created": "2026-02-04T07:31:00Z", "facts": [fact]});
    serde_json::from_value(message).unwrap()
}

#[test]
fn a_message_that_is_hostile_in_every_field_and_far_too_long_arrives_whole_and_in_order() {
    for_each(|row| {
        let answers = vec![Answer::Http(200, row.delivered); 300];
        let robot = Robot::start(answers);
        let (channel, worker) = (row.channel(&robot.origin()), Worker::at(env!("CARGO_BIN_EXE_vps-monitor")));
        for part in channel.split(hostile()) {
            for job in channel.encode(&part, Form::default()) {
                let Job::Post(request) = job else { panic!("{} posts", row.kind) };
                assert_eq!(
                    channel.classify(&worker.post(&request).unwrap().wait()),
                    Outcome::Delivered,
                    "{}",
                    row.kind
                );
            }
        }
        let received = robot.received();
        let mut all = String::new();
        for request in &received {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            assert!(body.is_object() && !request.body.contains(char::is_control), "{} {}", row.kind, request.body);
            all += &request.body;
        }
        let marks = |number: usize| all.match_indices(&format!("m{number:04} ")).map(|(at, _)| at).collect();
        let places: Vec<Vec<usize>> = (0..300).map(marks).collect();
        assert!(places.iter().all(|places| places.len() == 1) && places.is_sorted(), "{}: {places:?}", row.kind);
    });
}

#[test]
fn a_server_that_drips_or_says_nothing_is_left_at_the_deadline_and_no_reason_holds_a_secret() {
    for_each(|row| {
        for answer in [Answer::Drip(Duration::from_millis(200)), Answer::Hang] {
            let robot = Robot::start([answer]);
            let channel = row.channel(&robot.origin());
            let message: Message = hostile();
            let Some(Job::Post(request)) =
                channel.encode(&channel.split(message)[0], Form::default()).into_iter().next()
            else {
                panic!("{} posts", row.kind)
            };
            let worker = Worker::at(env!("CARGO_BIN_EXE_vps-monitor")).with_deadline(Duration::from_secs(2));
            let outcome = channel.classify(&worker.post(&request).unwrap().wait());
            let Outcome::Retry { reason } = outcome else { panic!("{}: {outcome:?}", row.kind) };
            assert!(reason.contains("timed out"), "{}: {reason}", row.kind);
            assert_no_key(row.kind, &reason);
        }
    });
}

/// While a message is on its way, and afterwards. All output of the agent and of the commands is searched for the key, too.
fn leaks_nothing(what: &str, place: &Place, agent: Agent) {
    let posting = agent.children();
    assert!(!posting.is_empty(), "{what}: nobody posts");
    for pid in posting.into_iter().chain([agent.pid()]) {
        for file in ["cmdline", "environ", "comm"] {
            // The environment is for root alone.
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            assert_no_key(&format!("{what}: {file}"), &String::from_utf8_lossy(&text));
        }
    }
    assert_no_key(what, &fs::read_to_string(place.state_file()).unwrap());
    place.status();
    for arguments in [&["status"][..], &["config", "show"], &["config", "check"]] {
        assert_eq!(place.run(arguments).code, 0, "{what} {arguments:?}");
    }
    place.configure(&fs::read_to_string(place.config()).unwrap().replace("general:", "genral:"));
    assert_eq!(place.run(&["config", "check"]).code, 78);
    agent.stop(Signal::SIGTERM);
}

#[test]
fn no_secret_of_any_channel_is_in_an_argument_an_environment_the_log_the_state_or_any_output() {
    for_each(|row| {
        let bed = row.bed(vec![Answer::Hang]);
        let agent = bed.place.spawn(bed.command(&["run"]));
        let received = bed.server.wait_for(1);
        assert!(format!("{received:?}").contains(KEY), "{} sends it", row.kind);
        leaks_nothing(row.kind, &bed.place, agent);
    });
    let authority = Authority::new("ours");
    let server = MailServer::start(Kind::Tls, authority.server("localhost"), &[("MAIL", "silence")]);
    let place = Place::on("small-vps");
    authority.write(place.state().parent().unwrap());
    let keys =
        format!("{{url: 'smtps://a@b.example@localhost:{}', password: '{KEY}', to: [c@d.example]}}", server.port);
    place.configure(&(quick("") + &format!("channels: [{{email: {keys}}}]\n")));
    let mut command = place.command(&["run"]);
    command.env("SSL_CERT_FILE", place.path("ca.pem"));
    let agent = place.spawn(command);
    wait_until("it logged in", || server.heard().iter().any(|line| line.starts_with("MAIL")));
    leaks_nothing("email", &place, agent);
}
