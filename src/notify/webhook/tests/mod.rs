//! The bodies for each service, and the answers of each.

mod answers;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::KIND;
use crate::http::{Method, Request};
use crate::message::{self, Language, Message, Style};
use crate::notify::{Channel, Form, Job};
use crate::settings;

const KEY: &str = "A0f9e8d7c6b5a4c3d";

/// The channel, or the problems.
fn read_keys(yaml: &str) -> Result<Channel, String> {
    let yaml = yaml.replace("KEY", KEY).replace("URL", "url: https://hooks.example.com/x/KEY").replace("KEY", KEY);
    let read = settings::read("c", yaml.as_bytes(), KIND.read).map_err(|problems| problems.to_string())?;
    read.value.ok_or_else(|| "no destination".to_owned())
}

fn channel(yaml: &str) -> Channel {
    read_keys(yaml).unwrap_or_else(|problems| panic!("{yaml}: {problems}"))
}

fn style() -> Style {
    Style { language: Language::English, host: "web-1".to_owned(), zone: TimeZone::UTC }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_770_000_000 + second).unwrap()
}

/// News of these targets' disks.
fn news(kind: &str, title: &str, targets: &[&str], created: i64) -> Message {
    let line = |target: &str| json!(["💾 Disk usage(", target, "): 91.2% (threshold: 80%)"]);
    let ended = (kind == "recovery").then(|| at(created));
    let fact = |target: &&str| {
        json!({"about": {"alert": {"metric": "disk", "target": target}}, "line": line(target), "began": at(0),
            "ended": ended, "detail": {"level": "critical", "value": "91.2%", "limit": "80%"}})
    };
    let lines: Vec<Json> = targets.iter().map(|target| line(target)).collect();
    let facts: Vec<Json> = targets.iter().map(fact).collect();
    let footer = "⏰ Time: 2026-02-02 02:41:00";
    let message = json!({"kind": kind, "title": [title, "web-1", "]"], "rule_width": 16, "lines": lines, "footer": footer,
        "created": at(created), "facts": facts});
    serde_json::from_value(message).unwrap()
}

fn alerts(targets: &[&str], created: i64) -> Message {
    news("alert", "🚨 VPS Critical [", targets, created)
}

fn alert() -> Message {
    alerts(&["/<data>"], 60)
}

fn recovery() -> Message {
    news("recovery", "✅ VPS Recovery [", &["/<data>"], 90)
}

fn requests(channel: &Channel, message: &Message) -> Vec<Request> {
    let form = Form { now: at(61), ..Form::default() };
    let post = |job| if let Job::Post(request) = job { request } else { panic!("{job:?}") };
    channel.encode(message, form).into_iter().map(post).collect()
}

fn request(channel: &Channel, message: &Message) -> Request {
    requests(channel, message).remove(0)
}

fn body(channel: &Channel, message: &Message) -> Json {
    serde_json::from_slice(&request(channel, message).body).unwrap()
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.expose())
}

const TITLE: &str = "🚨 VPS Critical [web-1]";
const LINE: &str = "💾 Disk usage(/<data>): 91.2% (threshold: 80%)";
const TIME: &str = "⏰ Time: 2026-02-02 02:41:00";

fn text() -> String {
    format!("{LINE}\n{TIME}")
}

#[test]
fn a_receiver_of_ones_own_is_given_everything_as_fields() {
    let channel = channel("{URL}");
    let told = body(&channel, &alert());
    let id = told["id"].as_str().unwrap();
    assert_eq!(
        told,
        json!({"title": TITLE, "text": text(), "kind": "alert", "level": "critical", "status": "firing", "host": "web-1",
            "metric": "disk", "target": "/<data>", "value": "91.2%", "threshold": "80%", "since": "2026-02-02T02:40:00Z",
            "id": id, "event_id": format!("{id}:firing:1770000060000"), "time": "2026-02-02T02:41:00Z"})
    );
    assert_eq!(body(&channel, &recovery())["id"], id, "an alert and its end are one");
    assert_eq!(id.len(), 16);
}

#[test]
fn each_message_and_each_part_has_an_event_of_its_own_which_an_attempt_repeats() {
    let channel = channel("{URL, max_bytes: 512}");
    let event = |message: &Message| header(&request(&channel, message), "X-Event-ID").unwrap();
    let late = message::as_told_now(&alert(), Duration::from_secs(900), 2, Language::English);
    assert_eq!(event(&alert()), event(&late));
    let again = alerts(&["/<data>"], 3600);
    let parts = channel.split(alerts(&["/"; 40], 60));
    assert!(parts.len() > 2 && parts.iter().all(|part| body(&channel, part)["level"] == "critical"));
    let mut events: Vec<String> = parts.iter().map(event).collect();
    events.extend([alert(), recovery(), again, message::test(&style(), at(60))].iter().map(event));
    let count = events.len();
    events.sort();
    events.dedup();
    assert_eq!(events.len(), count, "{events:?}");
}

#[test]
fn a_body_of_ones_own_is_json_a_form_a_query_or_a_text() {
    let told = |yaml: &str| request(&channel(yaml), &alert());
    let json = told(r##"{URL, method: PUT, body: '{"t": ["{title}", "{#color}"], "u": "{user}"}', user: me}"##);
    assert_eq!(json.method, Method::Put);
    let json: Json = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json, json!({"t": [TITLE, 0xd0_00_00], "u": "me"}));
    let form = told(r#"{URL, format: form, body: '{"a b": "{host} & {value}", "n": "{#time_unix}"}'}"#);
    assert_eq!(header(&form, "Content-Type").unwrap(), "application/x-www-form-urlencoded");
    assert_eq!(String::from_utf8(form.body).unwrap(), "a%20b=web-1%20%26%2091.2%25&n=1770000060");
    let query = told(r#"{url: 'https://x.example.com/?k=KEY', method: GET, body: '{"msg": "{level}"}'}"#);
    assert_eq!((query.url.expose(), query.body.len()), (format!("https://x.example.com/?k={KEY}&msg=critical"), 0));
    let text = told("{URL, format: text}");
    assert_eq!(String::from_utf8(text.body).unwrap(), alert().text(&message::Escape::NONE));
    let own = told("{URL, format: text, body: '{level}: {line1}', headers: [{name: content-type, value: text/x}]}");
    assert_eq!(String::from_utf8(own.body.clone()).unwrap(), format!("critical: {LINE}"));
    assert_eq!((header(&own, "content-type").unwrap(), header(&own, "Content-Type")), ("text/x".to_owned(), None));
}

/// By `printf '1770000061.critical' | openssl dgst -sha256 -hmac A0f9e8d7c6b5a4c3d`.
#[test]
fn a_signature_is_the_hmac_of_time_and_body() {
    let signed = request(&channel("{URL, signing_key: KEY, format: text, body: '{level}'}"), &alert());
    assert_eq!(header(&signed, "X-Timestamp").unwrap(), "1770000061");
    assert_eq!(
        header(&signed, "X-Signature-256").unwrap(),
        "sha256=88a1364ff71ea50b0de57c5ab964aebbe0dc15ea40cf27dfaa9029862f5bf688"
    );
}

#[test]
fn each_service_is_told_in_its_own_form() {
    let id = format!("{:016x}", alert().id());
    let all = format!("{TITLE}\n━━━━━━━━━━━━━━━━\n{}", text());
    let marked = |text: &str| text.replace('<', "＜").replace('>', "＞");
    let paragraphs = marked(&all).replace('\n', "\n\n");
    let keys = "token: KEY, user: me";
    for (preset, keys, url, expected) in [
        (
            "gotify",
            "URL, token: KEY",
            "https://hooks.example.com/x/KEY/message",
            json!({"title": TITLE, "message": text(),
            "priority": 8, "extras": {"client::display": {"contentType": "text/plain"}}}),
        ),
        (
            "serverchan",
            "token: KEY",
            "https://sctapi.ftqq.com/KEY.send",
            json!({"title": TITLE, "desp": paragraphs, "noip": "1"}),
        ),
        (
            "serverchan3",
            "token: sctp12tKEY",
            "https://12.push.ft07.com/send/sctp12tKEY.send",
            json!({"title": TITLE, "desp": paragraphs, "tags": "critical"}),
        ),
        (
            "pushplus",
            "token: KEY",
            "https://www.pushplus.plus/send",
            json!({"token": KEY, "title": TITLE, "content": all, "template": "txt", "topic": ""}),
        ),
        (
            "pushdeer",
            "token: KEY",
            "https://api2.pushdeer.com/message/push",
            json!({"pushkey": KEY, "text": TITLE, "desp": text(), "type": "text"}),
        ),
        (
            "wxpusher",
            keys,
            "https://wxpusher.zjiecode.com/api/send/message",
            json!({"appToken": KEY, "uids": ["me"],
            "summary": "🚨 VPS Critical [web-", "content": all, "contentType": 1}),
        ),
        ("google-chat", "URL", "https://hooks.example.com/x/KEY", json!({"text": marked(&all)})),
        (
            "home-assistant",
            "URL, token: KEY",
            "https://hooks.example.com/x/KEY",
            json!({"title": TITLE, "message": text()}),
        ),
        (
            "ifttt",
            "URL",
            "https://hooks.example.com/x/KEY",
            json!({"value1": TITLE, "value2": text(), "value3": "critical"}),
        ),
        (
            "flashduty",
            "URL",
            "https://hooks.example.com/x/KEY",
            json!({"title_rule": LINE, "event_status": "Critical",
            "alert_key": id, "description": LINE, "labels": {"resource": "web-1", "check": "disk", "target": "/<data>",
            "value": "91.2%", "threshold": "80%"}}),
        ),
    ] {
        let channel = channel(&format!("{{preset: {preset}, {keys}}}"));
        let told = request(&channel, &alert());
        assert_eq!(told.url.expose(), url.replace("KEY", KEY), "{preset}");
        assert_eq!(serde_json::from_slice::<Json>(&told.body).unwrap(), expected, "{preset}");
        let shown = format!("{channel} {channel:?}");
        assert!(!shown.contains(KEY) && shown.starts_with(&format!("{preset} webhook ")), "{shown}");
    }
    let headers = |yaml| {
        let told = request(&channel(yaml), &alert());
        [header(&told, "X-Gotify-Key"), header(&told, "Authorization")]
    };
    assert_eq!(headers("{preset: gotify, URL, token: KEY}"), [Some(KEY.to_owned()), None]);
    assert_eq!(headers("{preset: home-assistant, URL, token: KEY}"), [None, Some(format!("Bearer {KEY}"))]);
    let teams = body(&channel("{preset: teams, URL}"), &alert());
    assert_eq!(teams["attachments"][0]["content"]["body"][1]["text"], marked(&text()).replace('\n', "\n\n"));
}

#[test]
fn pushover_alone_takes_a_picture_in_a_form() {
    let pushover = channel("{preset: pushover, token: KEY, user: me}");
    let job = pushover.picture(Form::default()).unwrap();
    let body = String::from_utf8(crate::http::with_file(&job.body, b"PNG")).unwrap();
    for part in
        ["name=\"token\"\r\n\r\nA0f9", "name=\"user\"\r\n\r\nme\r\n", "name=\"message\"", "name=\"attachment\"; f"]
    {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(!channel("{URL}").takes_pictures());
}

#[test]
fn an_emergency_at_pushover_says_how_often_it_is_repeated_and_nothing_else_does() {
    let channel = channel("{preset: pushover, token: KEY, user: me}");
    let form = |message: &Message| String::from_utf8(request(&channel, message).body).unwrap();
    let critical = form(&alert());
    assert!(critical.contains("&priority=2&") && critical.contains("&retry=60&"), "{critical}");
    assert!(critical.starts_with("expire=3600&message=") && critical.contains(&format!("&token={KEY}&user=me")));
    for message in [recovery(), message::test(&style(), at(0))] {
        let quiet = form(&message);
        assert!(quiet.contains("&priority=-1&") && !quiet.contains("retry") && !quiet.contains("expire"), "{quiet}");
    }
}

#[test]
fn an_alertmanagers_receiver_is_given_each_alert_with_labels_that_stay() {
    let channel = channel("{preset: alertmanager, URL}");
    let two = alerts(&["/", "/data"], 60);
    let told = body(&channel, &two);
    assert_eq!((told["version"].as_str(), told["alerts"].as_array().map(Vec::len)), (Some("4"), Some(2)));
    let [first, second] = [0, 1].map(|place| told["alerts"][place].clone());
    assert_eq!(
        first["labels"],
        json!({"alertname": "VpsDisk", "instance": "web-1", "job": "vps-monitor", "metric": "disk", "severity": "critical",
            "target": "/"})
    );
    assert_eq!(
        (&first["startsAt"], &first["endsAt"]),
        (&json!("2026-02-02T02:40:00Z"), &json!("0001-01-01T00:00:00Z"))
    );
    assert!(first["fingerprint"] != second["fingerprint"] && told["commonLabels"]["target"] == Json::Null);
    assert_eq!(told["commonLabels"]["alertname"], "VpsDisk");

    let [fired, over] = [alert(), recovery()].map(|message| body(&channel, &message));
    assert_eq!((&fired["status"], &over["status"]), (&json!("firing"), &json!("resolved")));
    assert_eq!(fired["alerts"][0]["labels"], over["alerts"][0]["labels"]);
    assert_eq!(fired["alerts"][0]["fingerprint"], over["alerts"][0]["fingerprint"]);
    assert_eq!(over["alerts"][0]["endsAt"], "2026-02-02T02:41:30Z");

    let test = body(&channel, &message::test(&style(), at(0)));
    assert_eq!(test["alerts"][0]["labels"]["alertname"], "VpsTest");
    assert_eq!(test["alerts"][0]["labels"]["severity"], "info");
    let grafana = body(&self::channel("{preset: grafana, URL}"), &recovery());
    assert_eq!((&grafana["state"], &grafana["alerts"][0]["valueString"]), (&json!("ok"), &json!("91.2%")));
}

#[test]
fn a_service_that_takes_one_event_is_told_of_each_alert() {
    let channel = channel("{preset: flashduty, URL}");
    let two = alerts(&["/", "/data"], 60);
    let told = requests(&channel, &two);
    let events: Vec<Option<String>> = told.iter().map(|request| header(request, "X-Event-ID")).collect();
    assert!(told.len() == 2 && events[0] != events[1]);
    let over = body(&channel, &recovery());
    assert_eq!(over["event_status"], "Ok");
    assert_eq!(body(&channel, &message::test(&style(), at(0)))["event_status"], "Info");
}
