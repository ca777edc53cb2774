//! Posting through a worker process, against a robot that does what robots and networks do.

use std::path::Path;
use std::time::Duration;

use vps_monitor::clock::boot_now;
use vps_monitor::http;
use vps_monitor::message::{Kind, Message};
use vps_monitor::notify::wecom::Config;
use vps_monitor::notify::{Channel, Encoded};
use vps_monitor::outbox::Outcome;
use vps_monitor::secret::Secret;
use vps_monitor::settings;
use vps_monitor::worker::Worker;

use crate::support::authority::Authority;
use crate::support::proxy::Proxy;
use crate::support::robot::{Answer, KEY, Robot};

fn worker() -> Worker {
    Worker::at(env!("CARGO_BIN_EXE_vps-monitor"))
}

fn channel(url: &str) -> Channel {
    let yaml = format!("webhook_url: {url}");
    Channel::configured(&settings::read("config.yaml", yaml.as_bytes(), Config::read).unwrap().value)
}

fn request(url: &str) -> http::Request {
    let message = Message {
        kind: Kind::Test,
        title: "✅ 测试".to_owned(),
        rule_width: 16,
        lines: vec!["a \"line\"".to_owned()],
        footer: "⏰".to_owned(),
        created: jiff::Timestamp::UNIX_EPOCH,
        part: None,
        facts: Vec::new(),
        folded: 0,
    };
    match channel(url).encode(&message) {
        Encoded::Post(request) => request,
        Encoded::Print(_) => panic!("{url} is no robot"),
    }
}

fn post(worker: &Worker, url: &str) -> Result<http::Response, http::Error> {
    worker.post(&request(url)).unwrap().wait()
}

fn refusal(worker: &Worker, url: &str) -> String {
    let told = post(worker, url).unwrap_err().to_string();
    assert!(!told.contains(KEY) && !told.contains("/cgi-bin"), "the secret is in: {told}");
    told
}

/// What a channel makes of `answer`, its reason without the key.
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
    assert_eq!(page, "HTTP 200, not a robot's answer: <html> <title>Log in</title>");
    assert_eq!(reason_to_retry(Answer::Http(500, "")), "HTTP 500, not a robot's answer:");
    assert!(reason_to_retry(Answer::Huge).starts_with("HTTP 200, not a robot's answer: xxx"));
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    assert_eq!(reason_to_retry(Answer::Close), "127.0.0.1 closed the connection without an answer");
    assert_eq!(reason_to_retry(Answer::Reset), "127.0.0.1 broke the connection off");
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
    assert!(told.starts_with("cannot resolve the name of xxx"), "{told}");
}

#[test]
fn a_certificate_is_taken_from_the_trusted_authority_alone() {
    let directory = tempfile::tempdir().unwrap();
    let ours = Authority::new("ours");
    let trusting = worker().with_variable("SSL_CERT_FILE", ours.write(directory.path()));

    let robot = Robot::start_tls([], ours.server("localhost"));
    assert_eq!(post(&trusting, &robot.url()).unwrap().status, 200);
    assert_eq!(robot.received().len(), 1);

    let stranger = Robot::start_tls([], Authority::new("stranger").server("localhost"));
    assert!(refusal(&trusting, &stranger.url()).contains("an authority that this system does not know"));
    let expired = Robot::start_tls([], ours.expired_server("localhost"));
    assert!(refusal(&trusting, &expired.url()).contains("check this machine's clock"));
    let other = Robot::start_tls([], ours.server("other.example.com"));
    assert!(refusal(&trusting, &other.url()).contains("is for another host"));
    for robot in [stranger, expired, other] {
        assert_eq!(robot.received().len(), 0, "the secret was sent to whoever answered");
    }
}

#[test]
fn a_plain_http_server_on_an_https_port_is_named_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let worker = worker().with_variable("SSL_CERT_FILE", Authority::new("ours").write(directory.path()));
    let robot = Robot::start([Answer::Close]);
    let told = refusal(&worker, &robot.url().replace("http://127.0.0.1", "https://localhost"));
    assert!(
        told.contains("TLS with localhost") || told.contains("localhost closed") || told.contains("broke"),
        "{told}"
    );
}

#[test]
fn a_system_without_certificates_is_told_what_to_install() {
    let worker = worker().with_variable("SSL_CERT_FILE", "/dev/null").with_variable("SSL_CERT_DIR", "");
    let told = refusal(&worker, &format!("https://localhost:1/cgi-bin/webhook/send?key={KEY}"));
    assert!(told.ends_with("install ca-certificates"), "{told}");
}

fn proxied(proxy: &Proxy, certificates: &Path) -> Worker {
    worker()
        .with_variable("https_proxy", proxy.url())
        .with_variable("no_proxy", "")
        .with_variable("NO_PROXY", "")
        .with_variable("SSL_CERT_FILE", certificates)
}

#[test]
fn a_proxy_sees_the_host_and_nothing_of_the_secret() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let robot = Robot::start_tls([], authority.server("robot.example.com"));
    let proxy = Proxy::start(robot.address(), "200 OK");
    let worker = proxied(&proxy, &authority.write(directory.path()));
    let answer = post(&worker, &format!("https://robot.example.com/send?key={KEY}")).unwrap();
    assert_eq!((answer.status, robot.received().len()), (200, 1));
    let head = &proxy.heads()[0];
    assert!(head.starts_with("CONNECT robot.example.com:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nProxy-Authorization: Basic "), "{head}");
    assert!(!head.contains(KEY), "{head}");
}

#[test]
fn a_proxy_that_refuses_is_told_by_its_variable_alone() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = Robot::start([]);
    let proxy = Proxy::start(nowhere.address(), "407 Proxy Authentication Required");
    let worker = proxied(&proxy, &Authority::new("ours").write(directory.path()));
    let told = refusal(&worker, &format!("https://robot.example.com/send?key={KEY}"));
    assert!(told.starts_with("the proxy that https_proxy names refused: ") && told.contains("407"), "{told}");
    assert!(!told.contains("opensesame"), "{told}");
}

#[test]
fn a_request_of_any_length_is_posted_whole() {
    let robot = Robot::start([]);
    let body = format!("{{\"text\": \"{}\"}}", "x".repeat(1_000_000));
    let request = http::Request { url: Secret::new(robot.url()), body: body.clone() };
    worker().post(&request).unwrap().wait().unwrap();
    assert!(robot.received()[0].body == body);
}
