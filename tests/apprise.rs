//! apprise, a sender of others, beside ours: both send to one server, and the requests are the same where the services
//! document them. Debian's version knows neither Feishu nor WeChat Work's robots, and it encodes DingTalk's signature twice.

use std::process::Command;

use serde_json::{Map, Value as Json};
use vps_monitor::message::{self, Language, Style};
use vps_monitor::notify::{CHANNEL_KINDS, Form, Job};
use vps_monitor::secret::Secret;
use vps_monitor::settings;
use vps_monitor::worker::Worker;

use crate::support::peer::python_with;
use crate::support::robot::{Received, Robot};

const TITLE: &str = "a title";
const BODY: &str = "a < b & \"c\"";

/// One service.
struct Row {
    theirs: &'static str,
    /// The kind of our channel, and its keys.
    ours: (&'static str, &'static str),
    /// Fields of the body with one value.
    equal: &'static [&'static str],
    /// Fields with values of one kind: both have a text of their own there.
    alike: &'static [&'static str],
    /// Parameters of the URL with one value.
    query: &'static [&'static str],
    /// The header with the secret.
    header: &'static str,
}

const NONE: Row = Row { theirs: "", ours: ("", ""), equal: &[], alike: &[], query: &[], header: "" };

const ROWS: [Row; 9] = [
    Row {
        theirs: "tgram://123456789:AAF0f9e8d7c-6b5a_4c3d9e2f1a0b9c8d7e/-1001234567890/?format=html&detect=no",
        ours: ("telegram", "{token: '123456789:AAF0f9e8d7c-6b5a_4c3d9e2f1a0b9c8d7e', chat_id: -1001234567890}"),
        equal: &["/chat_id", "/parse_mode", "/disable_notification"],
        alike: &["/text"],
        ..NONE
    },
    Row {
        theirs: "discord://123456789012345678/0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f_0f9e8d7c?format=markdown",
        ours: (
            "discord",
            "{url: 'https://discord.com/api/webhooks/123456789012345678/0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f_0f9e8d7c'}",
        ),
        alike: &["/embeds/0/title", "/embeds/0/description", "/embeds/0/color"],
        ..NONE
    },
    Row {
        theirs: "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        ours: ("slack", "{url: 'https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ'}"),
        alike: &["/mrkdwn"],
        ..NONE
    },
    Row {
        theirs: "dingtalk://SEC0123456789abcdef@0f9e8d7c6b5a4c3d9e2f1a0b9c8d7e6f0f9e8d7c6b5a4c3d9e2f1a0b9c8d7e6f/",
        ours: (
            "dingtalk",
            "{url: 'https://oapi.dingtalk.com/robot/send?access_token=0f9e8d7c6b5a4c3d9e2f1a0b9c8d7e6f0f9e8d7c6b5a4c3d9e2f1a0b9c8d7e6f', \
             secret: SEC0123456789abcdef}",
        ),
        equal: &["/msgtype"],
        alike: &["/text/content"],
        query: &["access_token"],
        ..NONE
    },
    Row {
        theirs: "barks://bark.example/devicekey0123456789ab/",
        ours: ("bark", "{url: 'https://bark.example', device_key: devicekey0123456789ab}"),
        equal: &["/device_key"],
        alike: &["/title", "/body"],
        ..NONE
    },
    Row {
        theirs: "ntfys://ntfy.example/topic",
        ours: ("ntfy", "{url: 'https://ntfy.example', topic: topic}"),
        equal: &["/topic"],
        alike: &["/title", "/message"],
        ..NONE
    },
    Row {
        theirs: "gotifys://gotify.example/AbCdEfGhIjKlMnO",
        ours: ("webhook", "{preset: gotify, url: 'https://gotify.example', token: AbCdEfGhIjKlMnO}"),
        alike: &["/title", "/message", "/priority"],
        header: "x-gotify-key",
        ..NONE
    },
    Row {
        theirs: "schan://SCT123abc",
        ours: ("webhook", "{preset: serverchan, token: SCT123abc}"),
        alike: &["/title", "/desp"],
        ..NONE
    },
    Row {
        theirs: "pover://uQiRzpo4DXghDmr9QzzfQu27cmVRsG@azGDORePK8gMaC0QOYAMyEEuzJnyUi?priority=moderate",
        ours: (
            "webhook",
            "{preset: pushover, token: azGDORePK8gMaC0QOYAMyEEuzJnyUi, user: uQiRzpo4DXghDmr9QzzfQu27cmVRsG}",
        ),
        equal: &["/token", "/user", "/priority"],
        alike: &["/title", "/message"],
        ..NONE
    },
];

fn by_apprise(python: &str, row: &Row) -> Received {
    let robot = Robot::start([]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/apprise_peer.py");
    let output = Command::new(python).args([script, &robot.origin(), row.theirs, TITLE, BODY]).output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", row.theirs);
    robot.received().into_iter().next().unwrap_or_else(|| panic!("{}: nothing came", row.theirs))
}

/// Our request, and the host that it is for.
fn by_us(row: &Row) -> (Received, String) {
    let (name, keys) = row.ours;
    let kind = CHANNEL_KINDS.iter().find(|kind| kind.name == name).unwrap();
    let channel = settings::read("test", keys.as_bytes(), kind.read)
        .unwrap()
        .value
        .unwrap_or_else(|| panic!("{name} needs more keys"));
    let style = Style { language: Language::English, host: "web-1".to_owned(), zone: jiff::tz::TimeZone::UTC };
    let now = jiff::Timestamp::now();
    let Some(Job::Post(mut request)) =
        channel.encode(&message::test(&style, now), Form { now, ..Form::default() }).pop()
    else {
        panic!("{name}: no post")
    };
    let robot = Robot::start([]);
    let url = request.url.expose();
    let rest = url.strip_prefix("https://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    request.url = Secret::new(robot.origin() + path);
    let _ = Worker::at(env!("CARGO_BIN_EXE_vps-monitor")).post(&request).unwrap().wait();
    (robot.wait_for(1).remove(0), host.to_owned())
}

/// The fields of a body, which is a form or JSON.
fn fields(received: &Received) -> Json {
    if received.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return pairs(&received.body);
    }
    serde_json::from_str(&received.body).unwrap_or_else(|error| panic!("{error}: {}", received.body))
}

fn pairs(text: &str) -> Json {
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    Json::Object(pairs.map(|(name, value)| (decoded(name), decoded(value).into())).collect::<Map<_, _>>())
}

fn path_and_query(received: &Received) -> (&str, Json) {
    let (path, query) = received.path.split_once('?').unwrap_or((&received.path, ""));
    (path, pairs(query))
}

#[test]
fn the_requests_are_those_of_an_independent_sender() {
    let Some(python) = python_with("apprise") else { return };
    for row in &ROWS {
        let (theirs, (ours, host)) = (by_apprise(python, row), by_us(row));
        let name = row.theirs;
        assert_eq!(theirs.method, ours.method, "{name}");
        assert_eq!(theirs.header("x-host"), Some(&*host), "{name}");
        let ((their_path, their_query), (our_path, our_query)) = (path_and_query(&theirs), path_and_query(&ours));
        assert_eq!(their_path, our_path, "{name}");
        for key in row.query {
            assert!(their_query[key].is_string() && their_query[key] == our_query[key], "{name}: {key}");
        }
        if !row.header.is_empty() {
            assert!(theirs.header(row.header).is_some(), "{name}");
            assert_eq!(theirs.header(row.header), ours.header(row.header), "{name}");
        }
        let (theirs, ours) = (fields(&theirs), fields(&ours));
        let both = |at: &str| {
            let of = |body: &Json| body.pointer(at).cloned().unwrap_or_else(|| panic!("{name}: no {at} in {body}"));
            (of(&theirs), of(&ours))
        };
        for at in row.equal {
            let (their, our) = both(at);
            assert_eq!(their, our, "{name}: {at}");
        }
        for at in row.alike {
            let (their, our) = both(at);
            assert_eq!(std::mem::discriminant(&their), std::mem::discriminant(&our), "{name}: {at}: {their} and {our}");
        }
    }
}
