//! `alertmanager`: alerts for Prometheus' Alertmanager (API v2), which decides by itself who is told, and how often.
//!
//! As Prometheus does it (rules/alerting.go, notifier/manager.go): an alert that fires is posted again each minute with an
//! end that lies four minutes ahead, and one that is over for a quarter of an hour, since Alertmanager keeps no sure
//! memory. So an agent that dies takes its alerts along three to four minutes later. Every one of several Alertmanagers is posted
//! to, as they find duplicates among each other.

mod alerts;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::endpoint::{self, Endpoint, told, urls};
use super::{Agent, Job, Judged, Setup, Tap, TapKind};
use crate::clock::{Boot, Now};
use crate::http::{Answer, Method, Request};
use crate::secret::Secret;
use crate::settings::{Doc, Section, Text, doc};

use alerts::Posted;

const EVERY: Duration = Duration::from_secs(60);

const PATH: &str = "/api/v2/alerts";

pub const KIND: &TapKind = &TapKind {
    name: "alertmanager",
    doc: doc("Alertmanager：由它决定通知谁", "Alertmanager: it decides who is told"),
    read,
};

const KEY: &str = "urls";

const URLS: Doc = urls(doc(
    "每个 Alertmanager 的地址，全部都会发送",
    "each Alertmanager's URL; all of them get every alert",
))
.above(&[Text {
    zh: "每个 Alertmanager 的地址，如 http://alertmanager:9093。集群中的每个实例都要写，不要写负载均衡的地址。",
    en: "Each Alertmanager's URL, such as http://alertmanager:9093: every member of a cluster, not a load balancer's.",
}]);

fn read(section: &mut Section<'_>) -> Vec<Rc<dyn Setup>> {
    let endpoints =
        endpoint::list(section, KEY, URLS, "such as http://alertmanager:9093", Endpoint::parse, |endpoint| endpoint);
    endpoints.into_iter().map(|endpoint| Rc::new(Alertmanager { endpoint }) as Rc<dyn Setup>).collect()
}

#[derive(Clone, Debug)]
struct Alertmanager {
    endpoint: Endpoint,
}

impl Alertmanager {
    fn request(&self, body: String) -> Request {
        let url = self.endpoint.url().expose();
        let base = url.trim().trim_end_matches('/');
        let base = base.strip_suffix(PATH).unwrap_or(base);
        // Any other content type is a 415.
        let content_type = ("Content-Type".into(), Secret::new("application/json"));
        let url = Secret::new(format!("{base}{PATH}"));
        Request { method: Method::Post, url, headers: vec![content_type], body: body.into_bytes() }
    }
}

impl Setup for Alertmanager {
    fn open(&self) -> Box<dyn Tap> {
        let (alerts, next, waiting, is_busy, error) = (Posted::default(), None, VecDeque::new(), false, None);
        Box::new(Posting { target: self.clone(), alerts, next, waiting, is_busy, error })
    }

    fn secret(&self) -> Option<&Secret> {
        Some(self.endpoint.url())
    }
}

#[derive(Debug)]
struct Posting {
    target: Alertmanager,
    alerts: Posted,
    /// When they are posted again; `None`: there are none.
    next: Option<Boot>,
    /// Bodies of this round that are not posted yet.
    waiting: VecDeque<String>,
    is_busy: bool,
    error: Option<String>,
}

impl Posting {
    /// A new round, in place of the rest of the one before.
    fn round(&mut self, agent: &Agent<'_>, now: Now) -> Vec<Job> {
        self.waiting = self.alerts.bodies(&agent.style.host, now).into();
        self.next = (!self.alerts.is_empty()).then(|| now.boot.after(EVERY));
        self.post()
    }

    fn post(&mut self) -> Vec<Job> {
        if self.is_busy {
            return Vec::new();
        }
        let Some(body) = self.waiting.pop_front() else { return Vec::new() };
        self.is_busy = true;
        vec![Job::Post(self.target.request(body))]
    }
}

impl Tap for Posting {
    fn name(&self) -> String {
        format!("alertmanager {}", self.target.endpoint)
    }

    fn take(&mut self, judged: &Judged<'_>, now: Now) -> Vec<Job> {
        let is_changed = self.alerts.take(judged, now);
        if is_changed { self.round(&judged.agent, now) } else { Vec::new() }
    }

    fn due(&self) -> Option<Boot> {
        self.next
    }

    fn advance(&mut self, agent: &Agent<'_>, now: Now) -> Vec<Job> {
        self.alerts.forget_the_past(now.boot);
        self.round(agent, now)
    }

    fn answered(&mut self, answer: &Answer, _now: Now) -> Vec<Job> {
        self.is_busy = false;
        self.error = match answer {
            Ok(response) if (200..300).contains(&response.status) => None,
            Ok(response) => Some(told(response.status, &response.body)),
            Err(error) => Some(error.to_string()),
        };
        self.post()
    }

    fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}
