//! A mail as a whole, and the keys of its channel.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::http;
use crate::message::{Kind, Line};
use crate::settings;

const PASSWORD_TEXT: &str = "opensesame-0123456789";

fn read_keys(yaml: &str) -> Result<(Option<Channel>, serde_json::Value), String> {
    let yaml = yaml.replace("PASSWORD", PASSWORD_TEXT);
    let read = |section: &mut Section<'_>| (read(section), section.values().clone());
    let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
    let (channel, values) = read.value;
    Ok((channel, serde_json::to_value(&values).unwrap()))
}

const YAML: &str = "{url: 'smtps://a@b.example@smtp.b.example', password: PASSWORD, to: [ops@c.example, d@e.example]}";

fn message(kind: Kind, name: &str) -> Message {
    Message {
        created: Timestamp::from_second(1_770_000_000).unwrap(),
        ..Message::sample(
            kind,
            Line::from("⚠️ VPS 告警 [") + Line::foreign(name) + "]",
            vec![Line::from("a: ") + Line::foreign("<b onclick=\"x\">&\r\n.\r\n")],
        )
    }
}

fn request(message: &Message) -> Request {
    let form = Form { now: Timestamp::from_second(1_770_000_061).unwrap(), ..Form::default() };
    let channel = read_keys(YAML).unwrap().0.unwrap();
    match channel.encode(message, form).remove(0) {
        Job::Post(request) => request,
        other => panic!("{other:?}"),
    }
}

/// The header's lines, unfolded; and the texts of the parts.
fn parsed(mail: &str) -> (Vec<String>, Vec<String>) {
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let head = head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect();
    let parts = body.split("base64\r\n\r\n").skip(1).map(|part| {
        let encoded: String = part.split("\r\n").take_while(|line| !line.starts_with("--")).collect();
        String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
    });
    (head, parts.collect())
}

#[test]
fn a_message_is_one_mail_in_ascii_as_text_and_as_html() {
    let request = request(&message(Kind::Alert, "web-1"));
    let values = |name: &str| {
        request.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.expose()).collect::<Vec<_>>()
    };
    assert_eq!(
        (values("from"), values("to")),
        (vec!["a@b.example".to_owned()], vec!["ops@c.example".into(), "d@e.example".into()])
    );
    assert_eq!((values("user"), values("password")), (vec!["a@b.example".to_owned()], vec![PASSWORD_TEXT.to_owned()]));
    let mail = String::from_utf8(request.body).unwrap();
    assert!(
        mail.is_ascii() && mail.split("\r\n").all(|line| line.len() <= 76 && !line.contains(['\r', '\n'])),
        "{mail}"
    );
    let (head, parts) = parsed(&mail);
    assert_eq!(
        head[..3],
        ["Date: Mon, 2 Feb 2026 02:41:01 +0000", "From: a@b.example", "To: ops@c.example, d@e.example"]
    );
    let subject: Vec<u8> = head[3]["Subject: ".len()..]
        .split(' ')
        .flat_map(|word| BASE64_STANDARD.decode(&word["=?utf-8?B?".len()..word.len() - 2]).unwrap())
        .collect();
    assert_eq!(String::from_utf8(subject).unwrap(), "⚠️ VPS 告警 [web-1]");
    assert!(head.contains(&"Auto-Submitted: auto-generated".to_owned()), "{head:?}");
    assert_eq!(parts[0], "⚠️ VPS 告警 [web-1]\r\n━━\r\na: <b onclick=\"x\">&  .  \r\n⏰");
    assert!(
        parts[1].contains("a: &lt;b onclick=&quot;x&quot;&gt;&amp;  .  \r\n⏰") && !parts[1].contains("<b onclick")
    );
}

#[test]
fn a_picture_is_beside_the_html_alone_and_the_mail_without_it_is_the_message_itself() {
    let form = Form { now: Timestamp::from_second(1_770_000_061).unwrap(), ..Form::default() };
    let message = message(Kind::Report, "web-1");
    let channel = read_keys(YAML).unwrap().0.unwrap();
    let Some(Illustrated::Post(job)) = channel.illustrated(&message, form) else { panic!("no mail") };
    let alone = request(&message);
    assert_eq!(job.without.map(String::into_bytes), Some(alone.body));
    assert_eq!(job.request.headers.len(), alone.headers.len());
    let mail = String::from_utf8(http::with_file(&job.body, &[7; 100])).unwrap();
    assert!(mail.is_ascii() && mail.split("\r\n").all(|line| line.len() <= 76 && !line.contains(['\r', '\n'])));
    let structure: Vec<&str> =
        mail.split("Content-Type: ").skip(1).map(|part| part.split(';').next().unwrap()).collect();
    let kinds: Vec<&str> = structure.iter().map(|part| part.lines().next().unwrap()).collect();
    assert_eq!(kinds, ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]);
    let id = mail.split("Content-ID: <").nth(1).unwrap().split('>').next().unwrap();
    let (_, parts) = parsed(&mail);
    assert!(parts[1].contains(&format!("cid:{id}")) && !parts[0].contains("cid:"), "{parts:?}");
}

#[test]
fn a_mail_that_is_sent_again_has_the_same_id_and_news_of_one_alert_one_conversation() {
    let head = |message: &Message| parsed(&String::from_utf8(request(message).body).unwrap()).0;
    let line = |message: &Message, name: &str| head(message).into_iter().find(|line| line.starts_with(name)).unwrap();
    let (alert, recovery) = (message(Kind::Report, "web-1"), message(Kind::Recovery, "web-1"));
    let whole = Some(alert.whole());
    let (alert, recovery) = (Message { whole, ..alert }, Message { whole, ..recovery });
    let late = Message { title: alert.title.clone() + " late", ..alert.clone() };
    assert_eq!(line(&alert, "Message-ID"), line(&late, "Message-ID"));
    assert_ne!(line(&alert, "Message-ID"), line(&recovery, "Message-ID"));
    assert_eq!(line(&alert, "References"), line(&recovery, "References"));
    assert_ne!(line(&alert, "References"), line(&message(Kind::Report, "web-2"), "References"));
}

#[test]
fn its_keys_are_read_and_its_password_masked() {
    let (channel, values) = read_keys(YAML).unwrap();
    assert_eq!(
        values,
        json!({"url": "smtps://a@b.example@smtp.b.example", "password": "…6789", "from": "a@b.example",
            "to": ["ops@c.example", "d@e.example"]})
    );
    let channel = channel.unwrap();
    assert!(!format!("{channel:?} {channel}").contains(PASSWORD_TEXT) && channel.secrets().len() == 1);
    assert!(read_keys("{url: 'smtp://localhost', from: root@b.example, to: [ops@c.example]}").unwrap().0.is_some());
    let beyond_ascii = read_keys("{url: 'smtp://localhost', from: '用户@b.example', to: ['jos\u{e9}@例子.example']}");
    assert!(beyond_ascii.unwrap().0.is_some());
    assert_eq!(read_keys("{}").unwrap().0, None);
}

#[test]
fn what_cannot_be_meant_is_refused_without_being_shown() {
    for (yaml, told) in [
        ("{url: 'https://smtp.b.example', to: [a@b.c]}", "url: is no mail server's URL"),
        ("{url: 'smtps://a@b.c:PASSWORD@smtp.b.example', to: [a@b.c]}", "url: holds a password"),
        ("{url: 'smtp://smtp.b.example', from: a@b.c, to: [a@b.c]}", "url: is not encrypted"),
        ("{url: 'smtp://a@localhost', password: PASSWORD, to: [a@b.c]}", "url: is not encrypted"),
        ("{url: 'smtps://a@b.c@h', to: [a@b.c]}", "password: is missing"),
        ("{url: 'smtps://h', password: PASSWORD, from: a@b.c, to: [a@b.c]}", "url: has no user's name"),
        ("{url: 'smtps://user@h', password: PASSWORD, to: [a@b.c]}", "from: is missing"),
        ("{url: 'smtps://a@b.c@h', password: PASSWORD}", "to: names nobody"),
        ("{url: 'smtps://a@b.c@h', password: PASSWORD, to: ['Ops <a@b.c>']}", "to[0]: is no mail address"),
        ("{url: 'smtps://a@b.c@h', password: PASSWORD, to: [\"a@b.c\\nBcc: x@y.z\"]}", "to[0]: is no mail address"),
        (
            "{url: 'smtps://a@b.c@h', password: PASSWORD, from: \"用\\u202E户@b.c\", to: [a@b.c]}",
            "from: is no mail address",
        ),
        (
            "{url: 'smtps://a@b.c@h', password: PASSWORD, from: \"用\\u3000户@b.c\", to: [a@b.c]}",
            "from: is no mail address",
        ),
    ] {
        let problem = read_keys(yaml).unwrap_err();
        assert!(problem.contains(told) && !problem.contains(PASSWORD_TEXT), "{yaml}: {problem}");
    }
}

proptest! {
    #[test]
    fn whatever_is_told_no_name_makes_a_header_or_a_part(name in "(?s).{0,400}") {
        let mail = String::from_utf8(request(&message(Kind::Alert, &name)).body).unwrap();
        prop_assert!(mail.is_ascii() && mail.split("\r\n").all(|line| line.len() <= 76 && !line.contains(['\r', '\n'])));
        let (head, parts) = parsed(&mail);
        prop_assert_eq!((head.len(), parts.len()), (11, 2));
    }
}
