//! A channel that only this test knows: all that one takes is a [`Vendor`] with its [`ChannelKind`], and a line in the list
//! of kinds. A message goes the whole way: from the core, by a worker, to a listener, and the answer back.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use vps_monitor::clock::{Boot, Now};
use vps_monitor::collect::SOURCES;
use vps_monitor::config::{Config, Resolved};
use vps_monitor::core::{Core, Effect, Input, Mode, Purpose};
use vps_monitor::http::{Answer, Method, Request, Response};
use vps_monitor::message::{Escape, Kind, Line, Message};
use vps_monitor::metric;
use vps_monitor::notify::{
    CHANNEL_KINDS, Channel, ChannelKind, ChannelLimits, Form, Job, PartLimit, Vendor, secret_key,
};
use vps_monitor::outbox::{Budget, Outcome};
use vps_monitor::secret::Secret;
use vps_monitor::settings::{Section, doc};
use vps_monitor::snapshot::{Snapshot, Value};
use vps_monitor::store::Loaded;
use vps_monitor::worker::Worker;

use crate::support::robot::{self, Received, Robot};

const KEY: &str = "a-pagers-key-0123456789";

const PAGER: &ChannelKind = &ChannelKind { name: "pager", doc: doc("寻呼机", "Pager"), setting: "pager.url", read };

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let parse = |text: &str| Ok((!text.is_empty()).then(|| Secret::new(text)));
    let mut secret = |key, doc| secret_key(section, key, key, doc, parse, Secret::to_string);
    let url = secret("url", doc("地址，留空则不使用", "its address; empty: it is not used"));
    let key = secret("key", doc("密钥", "its key"));
    Some(Channel::new(Pager { url: url?, key: key? }))
}

/// It takes HTML of 1 KiB by PUT, with its key in a header, and rings after an alert.
#[derive(Debug)]
struct Pager {
    url: Secret,
    key: Secret,
}

const HTML: Escape = Escape { own: entity, foreign: entity };

fn entity(c: char, into: &mut String) {
    match c {
        '&' => into.push_str("&amp;"),
        '<' => into.push_str("&lt;"),
        c => into.push(c),
    }
}

impl Vendor for Pager {
    fn kind(&self) -> &'static str {
        PAGER.name
    }

    fn setting(&self) -> &'static str {
        PAGER.setting
    }

    fn limits(&self) -> ChannelLimits {
        let minute = Duration::from_secs(60);
        let budget = Budget { attempts: 3, window: minute, longest_attempt: Duration::from_secs(10) };
        ChannelLimits { part: Some(PartLimit::Bytes(1024)), budget: Some(budget) }
    }

    fn escape(&self) -> Escape {
        HTML
    }

    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        let headers = vec![("X-Key".into(), self.key.clone()), ("Content-Type".into(), Secret::new("text/html"))];
        let body = message.text(&HTML).into_bytes();
        let text = Request { method: Method::Put, url: self.url.clone(), headers, body };
        let ring = Request::json(self.url.clone(), "{}".to_owned());
        let is_alert = message.kind == Kind::Alert;
        [Some(text), is_alert.then_some(ring)].into_iter().flatten().map(Job::Post).collect()
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        let reason = "pager".to_owned();
        match answer {
            Ok(response) if response.status == 202 => Outcome::Delivered,
            Ok(response) if response.status == 403 => Outcome::ChannelRefused { reason },
            _ => Outcome::Retry { reason },
        }
    }

    fn advice(&self, _: &Answer) -> Option<Cow<'static, str>> {
        Some("charge it".into())
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.url, &self.key]
    }
}

impl fmt::Display for Pager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pager {}", self.url)
    }
}

/// The pagers at these URLs, each with more keys of its entry.
fn pagers(entries: &[(&str, &str)]) -> Vec<Channel> {
    let kinds: Vec<&'static ChannelKind> = CHANNEL_KINDS.iter().copied().chain([PAGER]).collect();
    let entry = |(url, more): &(&str, &str)| format!("- {{pager: {{url: '{url}', key: {KEY}}}, {more}}}\n");
    let text = format!("channels:\n{}", entries.iter().map(entry).collect::<String>());
    let config = Config::parse_with(SOURCES, &kinds, "test", text.as_bytes()).unwrap().value;
    let shown = config.to_yaml().unwrap();
    assert!(shown.contains("pager:\n") && !shown.contains(KEY) && !shown.contains(entries[0].0), "{shown}");
    config.channels()
}

fn pager(url: &str) -> Channel {
    pagers(&[(url, "")]).remove(0)
}

fn at(seconds: i64) -> Now {
    Now { wall: Timestamp::from_second(1_770_000_000 + seconds).unwrap(), boot: Boot::from_millis(1000 * seconds) }
}

/// An agent whose posts are made by real workers and whose saves succeed.
struct Agent {
    core: Core,
    worker: Worker,
    saved: Vec<u8>,
}

impl Agent {
    fn new(channels: Vec<Channel>) -> Agent {
        let text = "general: {timezone: UTC, alert_cooldown: 300}\nscheduled_report: {enabled: false}\n";
        let mut config = Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value);
        config.style.host = "<web & 1>".to_owned();
        config.channels = channels;
        let core = Core::new(config, Loaded::Nothing, Mode::default(), at(0));
        Agent { core, worker: Worker::at(env!("CARGO_BIN_EXE_vps-monitor")), saved: Vec::new() }
    }

    fn perform(&mut self, effects: Vec<Effect>, now: Now) {
        for effect in effects {
            let input = match effect {
                Effect::Save(bytes) => {
                    self.saved = bytes;
                    Input::Saved(Ok(()))
                }
                Effect::Post { ticket, request } => {
                    Input::Posted { ticket, answer: self.worker.post(&request).unwrap().wait() }
                }
                _ => continue,
            };
            let effects = self.core.step(input, now);
            self.perform(effects, now);
        }
    }

    /// A check that finds this much memory in use.
    fn check(&mut self, percent: f64, now: Now) {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::MEMORY, "", Value::Usage { percent, used_bytes: 1, total_bytes: 2 });
        let effects = self.core.step(Input::Measured { purpose: Purpose::Check, snapshot }, now);
        self.perform(effects, now);
    }

    fn pass_time(&mut self, now: Now) {
        let effects = self.core.step(Input::Time, now);
        self.perform(effects, now);
    }

    /// How many messages wait for each channel, in the state as it was saved.
    fn waiting(&self) -> Vec<(String, usize)> {
        let state: serde_json::Value = serde_json::from_slice(&self.saved).unwrap();
        let count = |outbox: &serde_json::Value| outbox["waiting"].as_array().map_or(0, Vec::len);
        state["outboxes"].as_object().unwrap().iter().map(|(name, outbox)| (name.clone(), count(outbox))).collect()
    }
}

fn methods(robot: &Robot) -> Vec<String> {
    robot.received().into_iter().map(|received| received.method).collect()
}

const TAKEN: robot::Answer = robot::Answer::Http(202, "");

#[test]
fn a_message_goes_the_whole_way_to_a_channel_that_only_this_test_knows_and_the_answer_back() {
    let (day, night) = (Robot::start([TAKEN, TAKEN, TAKEN]), Robot::start([robot::Answer::Http(403, ""), TAKEN]));
    let mut agent = Agent::new(pagers(&[(&day.url(), ""), (&night.url(), "name: night, kinds: [recovery]")]));
    let effects = agent.core.start(at(0));
    agent.perform(effects, at(0));

    agent.check(90.0, at(1));
    let [text, ring]: [Received; 2] = day.received().try_into().unwrap();
    let title = "⚠️ VPS 告警 [&lt;web &amp; 1>]\n━━━━━━━━━━━━━━━━\n📊 内存使用率: 90.0% (阈值: 80%)\n";
    assert!(text.body.starts_with(title), "{}", text.body);
    assert_eq!(
        (&*text.method, text.header("x-key"), text.header("content-type")),
        ("PUT", Some(KEY), Some("text/html"))
    );
    assert_eq!((&*ring.method, ring.header("x-key"), &*ring.body), ("POST", None, "{}"));
    assert_eq!(agent.waiting(), [("pager".to_owned(), 0)], "the other one does not take alerts");

    // Two of a kind have outboxes of their own: one that refuses everything holds up no other.
    agent.pass_time(at(1000));
    agent.check(20.0, at(1001));
    assert_eq!(
        (methods(&day), methods(&night)),
        (vec!["PUT".to_owned(), "POST".into(), "PUT".into()], vec!["PUT".into()])
    );
    assert_eq!(agent.waiting(), [("night".to_owned(), 1), ("pager".to_owned(), 0)]);
    assert!(!String::from_utf8_lossy(&agent.saved).contains(KEY));
    agent.pass_time(at(1001 + 3600));
    assert_eq!(agent.waiting(), [("night".to_owned(), 0), ("pager".to_owned(), 0)]);
}

#[test]
fn each_job_of_a_message_is_done_once_and_within_the_channels_budget() {
    let robot = Robot::start([TAKEN, robot::Answer::Close, robot::Answer::Close, TAKEN]);
    let mut agent = Agent::new(vec![pager(&robot.url())]);
    let effects = agent.core.start(at(0));
    agent.perform(effects, at(0));
    agent.check(90.0, at(1));
    agent.pass_time(at(10));
    // Three jobs in a minute are all that it takes.
    agent.pass_time(at(30));
    assert_eq!(methods(&robot), ["PUT", "POST", "POST"]);
    assert_eq!(agent.waiting(), [("pager".to_owned(), 1)]);
    agent.pass_time(at(62));
    assert_eq!(methods(&robot), ["PUT", "POST", "POST", "POST"], "the text came once");
    assert_eq!(agent.waiting(), [("pager".to_owned(), 0)]);
}

#[test]
fn a_channel_is_what_its_vendors_file_says() {
    let channel = pager("https://pager.example.com/0123456789");
    assert_eq!(
        (channel.to_string(), channel.name(), channel.setting()),
        ("pager …6789".to_owned(), "pager", "pager.url")
    );
    let lines = (0..50).map(|line| Line::from(format!("{line:0>50}")) + Line::foreign(&"<".repeat(20)));
    let message = Message {
        kind: Kind::Report,
        title: Line::from("title of ") + Line::foreign("<host>"),
        rule_width: 3,
        lines: lines.collect(),
        footer: "now".to_owned(),
        created: Timestamp::UNIX_EPOCH,
        part: None,
        facts: Vec::new(),
        folded: 0,
        whole: None,
    };
    let parts = channel.split(message);
    assert!(parts.len() > 5 && parts.iter().all(|part| channel.text(part).len() <= 1024), "{}", parts.len());
    let [Job::Post(request)] = &channel.encode(&parts[0], Form::default())[..] else {
        panic!("a report does not ring")
    };
    assert_eq!(
        (request.url.expose(), &*request.body),
        (channel.secrets()[0].expose(), channel.text(&parts[0]).as_bytes())
    );
    assert!(channel.text(&parts[0]).starts_with(&format!("title of &lt;host> (1/{})\n━━━\n000", parts.len())));
    assert_eq!(channel.classify(&Ok(Response::new(202, ""))), Outcome::Delivered);
    assert_eq!(channel.advice(&Ok(Response::new(500, ""))), Some("charge it".into()));
    assert_eq!(channel, pager("https://pager.example.com/0123456789"));
    assert_ne!(channel, pager("https://pager.example.com/9876543210"));
    assert_ne!(channel, pager("https://pager.example.com/0123456789").named("night"));
    assert_ne!(channel, Channel::terminal());
}
