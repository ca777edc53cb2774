//! `heartbeat`: a sign of life after each check, for somebody who raises the alarm when it is missing.
//!
//! It is sent only after a check that is complete and whose state is saved, never by a timer of its own: a dead host, a
//! dead agent, a loop that hangs and a full disk are all silent. With `require: delivery` so is an agent whose messages
//! do not get through.

mod service;

use std::rc::Rc;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::{Agent, Job, Judged, Setup, Tap, TapKind};
use crate::clock::{Boot, Now};
use crate::http::{Answer, Request};
use crate::outbox::STUCK_AFTER;
use crate::secret::Secret;
use crate::settings::{Doc, Section, Text, Written, doc, stored};
use crate::text;

use service::Service;

/// healthchecks drops more than five a minute. Below 15 s, so that checks at that interval all have theirs, though one takes
/// longer than another.
const LEAST_GAP: Duration = Duration::from_secs(13);

pub const KIND: &TapKind = &TapKind {
    name: "heartbeat",
    doc: doc("心跳：检查停止时由别处告警", "Heartbeat: somebody else raises the alarm when checks stop"),
    read,
};

const KEY: &str = "url";

const URL: Doc = doc(
    "每次检查并保存状态后访问的地址，留空则不发",
    "URL that is posted to after each check whose state is saved; empty: none",
)
.values(
    "完整地址；也可写明出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "URL, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
)
.pattern(r"^\s*(|https?://\S+|(credential|env|file):\S.*)\s*$")
.above(&[Text {
    zh: "healthchecks 的 ping 地址、Uptime Kuma 的推送地址，或任意接受 POST 的地址。周期设为 check_interval，宽限设为其两倍。",
    en: "healthchecks' ping URL, Uptime Kuma's push URL, or any that takes a POST. Period there: check_interval; grace: twice that.",
}]);

fn read(section: &mut Section<'_>) -> Vec<Rc<dyn Setup>> {
    let mut written = String::new();
    let endpoint: Option<Endpoint> = section.parse(KEY, URL, |text| {
        text.clone_into(&mut written);
        stored(text, "URL", Endpoint::parse)
    });
    if let Some(endpoint) = &endpoint {
        endpoint.warn(section, KEY, &written);
    }
    section.holds(KEY, Written::Text(endpoint.as_ref().map(ToString::to_string).unwrap_or_default()));
    let known = [
        ("auto", None),
        ("healthchecks", Some(Service::Healthchecks)),
        ("uptime_kuma", Some(Service::UptimeKuma)),
        ("other", Some(Service::Other)),
    ];
    let service = section.choice(
        "service",
        None,
        &known,
        doc("由谁接收；`auto`：按地址判断", "who gets it; `auto`: known by the URL"),
    );
    let needs_delivery = section.choice(
        "require",
        true,
        &[("delivery", true), ("check", false)],
        doc(
            "`delivery`：有消息超过 10 分钟仍未送达时不发；`check`：只看检查",
            "`delivery`: none while a message has waited for more than 10 minutes; `check`: whatever waits",
        ),
    );
    let setup = |endpoint: Endpoint| {
        let service = service.unwrap_or_else(|| Service::of(&endpoint.url().expose()));
        Rc::new(Heartbeat { endpoint, service, needs_delivery }) as Rc<dyn Setup>
    };
    endpoint.map(setup).into_iter().collect()
}

#[derive(Clone, Debug)]
struct Heartbeat {
    endpoint: Endpoint,
    service: Service,
    needs_delivery: bool,
}

impl Setup for Heartbeat {
    fn open(&self) -> Box<dyn Tap> {
        Box::new(Beating { heartbeat: self.clone(), is_busy: false, last: None, error: None })
    }

    fn secret(&self) -> Option<&Secret> {
        Some(self.endpoint.url())
    }
}

#[derive(Debug)]
struct Beating {
    heartbeat: Heartbeat,
    is_busy: bool,
    /// When the last one was sent.
    last: Option<Boot>,
    error: Option<String>,
}

impl Tap for Beating {
    fn name(&self) -> String {
        format!("heartbeat {}", self.heartbeat.endpoint)
    }

    fn take(&mut self, _judged: &Judged<'_>, _now: Now) -> Vec<Job> {
        Vec::new()
    }

    fn saved(&mut self, agent: &Agent<'_>, now: Now) -> Vec<Job> {
        if self.is_busy || self.last.is_some_and(|last| now.boot - last < LEAST_GAP) {
            return Vec::new();
        }
        let waited = agent.waits_since.map_or(Duration::ZERO, |since| now.boot - since);
        if self.heartbeat.needs_delivery && waited >= STUCK_AFTER {
            let minutes = waited.as_secs() / 60;
            // The number would be another error each time.
            log::debug!("heartbeat state=withheld waited_minutes={minutes}");
            self.error = Some("withheld, as a message has not been delivered for 10 minutes".to_owned());
            return Vec::new();
        }
        (self.is_busy, self.last) = (true, Some(now.boot));
        let Heartbeat { endpoint, service, .. } = &self.heartbeat;
        vec![Job::Post(service.request(endpoint.url(), &line(agent)))]
    }

    fn answered(&mut self, answer: &Answer, _now: Now) -> Vec<Job> {
        self.is_busy = false;
        self.error = self.heartbeat.service.judge(answer).err();
        Vec::new()
    }

    /// One that nobody takes is no reason to wait.
    fn leave(&self, agent: &Agent<'_>) -> Option<Request> {
        let Heartbeat { endpoint, service, .. } = &self.heartbeat;
        let is_known = self.last.is_some() && self.error.is_none();
        let request = is_known.then(|| service.stopped(endpoint.url(), &format!("{}: stopped", host(agent))));
        request.flatten()
    }

    fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

/// `web-1: 2 alerts, 1 message waiting`
fn line(agent: &Agent<'_>) -> String {
    let (alerts, messages) = (text::counted(agent.alerts, "alert"), text::counted(agent.waiting, "message"));
    format!("{}: {alerts}, {messages} waiting", host(agent))
}

fn host(agent: &Agent<'_>) -> String {
    text::harmless(&agent.style.host, 100)
}
