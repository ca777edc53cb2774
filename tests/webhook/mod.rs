//! Posting through a worker process, against a robot that behaves as robots and networks do.

mod certificates;
mod network;
mod proxies;
mod real_proxies;

use std::time::Duration;

use vps_monitor::clock::boot_now;
use vps_monitor::http;
use vps_monitor::message::{Kind, Message};
use vps_monitor::notify::{Channel, Form, Job, wecom};
use vps_monitor::outbox::Outcome;
use vps_monitor::secret::Secret;
use vps_monitor::settings;
use vps_monitor::worker::Worker;

use crate::support::robot::{Answer, KEY, Robot};

fn worker() -> Worker {
    Worker::at(env!("CARGO_BIN_EXE_vps-monitor"))
}

fn channel(url: &str) -> Channel {
    let yaml = format!("webhook_url: {url}");
    settings::read("config.yaml", yaml.as_bytes(), wecom::KIND.read).unwrap().value.unwrap()
}

fn request(url: &str) -> http::Request {
    let message = Message {
        kind: Kind::Test,
        title: "✅ 测试".into(),
        rule_width: 16,
        lines: vec!["a \"line\"".into()],
        footer: "⏰".to_owned(),
        created: jiff::Timestamp::UNIX_EPOCH,
        part: None,
        facts: Vec::new(),
        folded: 0,
        whole: None,
    };
    match channel(url).encode(&message, Form::default()).pop() {
        Some(Job::Post(request)) => request,
        other => panic!("{url} is no robot: {other:?}"),
    }
}

fn post(worker: &Worker, url: &str) -> http::Answer {
    worker.post(&request(url)).unwrap().wait()
}

fn refusal(worker: &Worker, url: &str) -> String {
    let told = post(worker, url).unwrap_err().to_string();
    assert!(!told.contains(KEY) && !told.contains("/cgi-bin"), "the secret is in: {told}");
    told
}

/// A channel's verdict on `answer`, its reason without the key.
fn outcome(answer: Answer) -> Outcome {
    let robot = Robot::start([answer]);
    let outcome = channel(&robot.url()).classify(&post(&worker(), &robot.url()));
    assert!(!format!("{outcome:?}").contains(KEY), "{outcome:?}");
    outcome
}

fn reason_to_retry(answer: Answer) -> String {
    match outcome(answer) {
        Outcome::Retry { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_arrives_as_it_was_written() {
    let robot = Robot::start([]);
    let answer = post(&worker(), &robot.url()).unwrap();
    assert_eq!(channel(&robot.url()).classify(&Ok(answer)), Outcome::Delivered);
    let received = &robot.received()[0];
    assert_eq!(received.path, format!("/cgi-bin/webhook/send?key={KEY}"));
    assert_eq!(received.content(), "✅ 测试\n━━━━━━━━━━━━━━━━\na \"line\"\n⏰");
    assert_eq!(received.header("content-type"), Some("application/json; charset=utf-8"));
    assert!(received.header("user-agent").unwrap().starts_with("vps-monitor/"));
}

#[test]
fn whatever_the_robot_answers_has_its_consequence() {
    assert!(matches!(outcome(Answer::Errcode(45009)), Outcome::Throttled { .. }));
    assert!(matches!(outcome(Answer::Errcode(93000)), Outcome::ChannelRefused { .. }));
    assert!(matches!(outcome(Answer::Errcode(40058)), Outcome::MessageRefused { .. }));
    assert_eq!(reason_to_retry(Answer::Errcode(-1)), "errcode -1 scripted, hint: [1234567890]");
    let page = reason_to_retry(Answer::Http(200, "<html>\n<title>Log in</title>"));
    assert_eq!(page, "HTTP 200, not a robot's answer (28 bytes)");
    assert_eq!(reason_to_retry(Answer::Http(500, "")), "HTTP 500, not a robot's answer (0 bytes)");
    assert_eq!(reason_to_retry(Answer::Endless), "HTTP 200, not a robot's answer (application/json)");
}

#[test]
fn a_server_that_is_busy_is_left_alone_for_as_long_as_it_says() {
    let (date, until) = ("Date: Fri, 31 Dec 1999 23:59:59 GMT", "Sat, 01 Jan 2000 00:01:29 GMT");
    for (headers, seconds) in [("Retry-After: 7".to_owned(), 7), (format!("{date}\r\nRetry-After: {until}"), 90)] {
        let Outcome::Throttled { hold, .. } = outcome(Answer::Busy(headers.clone())) else { panic!("{headers}") };
        assert_eq!(hold, Duration::from_secs(seconds), "{headers}");
    }
    let robot = Robot::start([Answer::Busy("X-RateLimit-Reset-After: 0.65\r\nX-Other: 1".to_owned())]);
    let response = post(&worker(), &robot.url()).unwrap();
    assert_eq!(response.headers, [("x-ratelimit-reset-after".to_owned(), "0.65".to_owned())]);
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    assert_eq!(reason_to_retry(Answer::Close), "127.0.0.1 closed the connection without an answer");
    assert_eq!(reason_to_retry(Answer::Reset), "127.0.0.1 broke off the connection without an answer");
}

#[test]
fn a_redirect_is_not_followed_with_the_secret() {
    let elsewhere = Robot::start([]);
    let reason = reason_to_retry(Answer::Redirect(elsewhere.url()));
    assert!(reason.contains("redirect (HTTP 307)"), "{reason}");
    assert_eq!(elsewhere.received().len(), 0);
}

#[test]
fn a_robot_that_hangs_or_drips_is_left_at_the_deadline() {
    let worker = worker().with_deadline(Duration::from_secs(1));
    let hangs = Robot::start([Answer::Hang]);
    let drips = Robot::start([Answer::Drip(Duration::from_millis(100))]);
    let tasks = [&hangs, &drips].map(|robot| worker.post(&request(&robot.url())).unwrap());
    for task in tasks {
        let deadline = task.deadline();
        let told = task.wait().unwrap_err().to_string();
        assert!(told.starts_with("timed out"), "{told}");
        // It takes a moment to be told, but not another deadline.
        assert!(boot_now() < deadline.after(Duration::from_secs(15)));
    }
}

#[test]
fn a_host_that_is_not_there_is_told_apart_from_one_that_refuses() {
    let url = format!("http://127.0.0.1:1/cgi-bin/webhook/send?key={KEY}");
    assert_eq!(refusal(&worker(), &url), "127.0.0.1: connection refused");
    // A label of over 63 characters is refused by the resolver itself: no name server is asked.
    let url = format!("http://{}.invalid/cgi-bin/webhook/send?key={KEY}", "x".repeat(64));
    let told = refusal(&worker(), &url);
    assert!(told.starts_with("cannot resolve the name xxx"), "{told}");
}

#[test]
fn a_request_of_any_length_is_posted_whole() {
    let robot = Robot::start([]);
    let body = format!("{{\"text\":\n\"{}\"}}\n\n", "x".repeat(1_000_000));
    let request = http::Request::json(Secret::new(robot.url()), body.clone());
    worker().post(&request).unwrap().wait().unwrap();
    assert!(robot.received()[0].body == body);
}
