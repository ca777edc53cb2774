//! A message, or one of its alerts, as the values of placeholders; and as the alerts of an Alertmanager's webhook.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::presets::Preset;
use super::template::{Field, Values};
use crate::message::{Detail, Fact, Line, Message, Severity, status};
use crate::secret::Secret;
use crate::text::camel_case;

/// One message for one webhook.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    pub message: &'a Message,
    /// One alert of it; `None`: all of it.
    pub alert: Option<&'a Fact>,
    pub preset: &'a Preset,
    pub token: &'a Secret,
    pub user: &'a Secret,
}

/// While an alert fires it has no end: Alertmanager writes Go's zero time.
const NO_END: &str = "0001-01-01T00:00:00Z";

/// Green, blue, orange, red.
const COLORS: [i64; 4] = [0x2e_b8_86, 0x43_9f_e0, 0xf2_a6_00, 0xd0_00_00];

fn instant(time: Timestamp) -> String {
    format!("{time:.0}")
}

impl Told<'_> {
    fn is_resolved(&self) -> bool {
        self.alert.map_or_else(|| self.message.is_resolved(), |alert| alert.ended.is_some())
    }

    fn severity(&self) -> Severity {
        match self.alert {
            Some(alert) if alert.ended.is_none() => alert.level().into(),
            Some(_) => Severity::Good,
            None => self.message.severity(),
        }
    }

    /// Its place among things that are told of each severity.
    fn rank(&self) -> usize {
        match self.severity() {
            Severity::Good => 0,
            Severity::Info => 1,
            Severity::Warning => 2,
            Severity::Critical => 3,
        }
    }

    /// The alert, or the first one.
    fn fact(&self) -> Option<&Fact> {
        self.alert.or_else(|| self.message.alerts().next())
    }

    fn id(&self) -> String {
        self.message.id_text(self.alert)
    }

    pub fn event_id(&self) -> String {
        self.message.event_id(self.alert)
    }

    fn since(&self) -> Timestamp {
        self.fact().map_or(self.message.created, |fact| fact.began)
    }

    fn first_line(&self) -> String {
        let line = self.alert.map(|alert| &alert.line).or_else(|| self.message.lines.first());
        line.map(|line| line.escaped(&self.preset.escape)).unwrap_or_default()
    }

    fn title(&self) -> String {
        let title = self.message.title_text(&self.preset.escape);
        match title.char_indices().nth(self.preset.title_chars) {
            Some((end, _)) => title[..end].to_owned(),
            None => title,
        }
    }

    /// A field of the alert's values; empty: it has none.
    fn detail(&self, of: impl Fn(&Detail) -> &Line) -> String {
        let detail = self.fact().and_then(|fact| fact.detail.as_deref());
        detail.map(|detail| of(detail).escaped(&self.preset.escape)).unwrap_or_default()
    }
}

impl Values for Told<'_> {
    fn text(&self, field: Field) -> String {
        let escape = &self.preset.escape;
        let key = || self.fact().and_then(Fact::key);
        let escaped = |text: &str| Line::foreign(text).escaped(escape);
        match field {
            Field::Title => self.title(),
            Field::Text => match self.alert {
                Some(_) => self.first_line(),
                None => self.message.body_text(escape),
            },
            Field::Message => self.message.text(escape),
            Field::Line1 => self.first_line(),
            Field::Kind => self.message.kind.name().to_owned(),
            Field::Level => self.severity().name().to_owned(),
            Field::Status => status(self.is_resolved()).to_owned(),
            Field::Host => escaped(self.message.host()),
            Field::Metric => key().map(|key| key.metric.to_string()).unwrap_or_default(),
            Field::Target => key().map(|key| escaped(&key.target)).unwrap_or_default(),
            Field::Value => self.detail(|detail| &detail.value),
            Field::Threshold => self.detail(|detail| &detail.limit),
            Field::Since => instant(self.since()),
            Field::SinceUnix => self.since().as_second().to_string(),
            Field::Id => self.id(),
            Field::EventId => self.event_id(),
            Field::Time => instant(self.message.created),
            Field::TimeUnix => self.message.created.as_second().to_string(),
            Field::Color => format!("{:06x}", COLORS[self.rank()]),
            Field::Priority => self.preset.priorities[self.rank()].to_string(),
            Field::State => self.preset.states[self.rank()].to_owned(),
            Field::Token => self.token.expose(),
            Field::User => self.user.expose(),
        }
    }

    fn number(&self, field: Field) -> i64 {
        match field {
            Field::Color => COLORS[self.rank()],
            Field::Priority => self.preset.priorities[self.rank()],
            Field::SinceUnix => self.since().as_second(),
            _ => self.message.created.as_second(),
        }
    }
}

/// The body that Alertmanager posts, version 4: each alert is one of its own. A message about none is one, too.
pub fn alertmanager(told: Told<'_>) -> Value {
    let all = each_alert(told);
    let alerts: Vec<Value> = all.iter().map(alert).collect();
    let common = |of: &str| common(alerts.iter().map(|alert| &alert[of]));
    let is_resolved = all.iter().all(Told::is_resolved);
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{instance=\"{}\"}}", told.text(Field::Host)),
        "truncatedAlerts": 0,
        "status": status(is_resolved),
        "receiver": "vps-monitor",
        "groupLabels": {"instance": told.text(Field::Host)},
        "commonLabels": common("labels"),
        "commonAnnotations": common("annotations"),
        "externalURL": "",
        "alerts": alerts,
    })
}

/// The same with the fields that Grafana adds.
pub fn grafana(told: Told<'_>) -> Value {
    let mut body = alertmanager(told);
    body["orgId"] = 1.into();
    body["title"] = told.text(Field::Title).into();
    body["message"] = told.text(Field::Text).into();
    body["state"] = if body["status"] == "resolved" { "ok" } else { "alerting" }.into();
    let values = each_alert(told).into_iter().map(|alert| alert.text(Field::Value));
    for (alert, value) in body["alerts"].as_array_mut().into_iter().flatten().zip(values) {
        alert["valueString"] = value.into();
    }
    body
}

/// Each alert of a message on its own; a message about none as it is.
pub fn each_alert(told: Told<'_>) -> Vec<Told<'_>> {
    let alerts: Vec<Told<'_>> = told.message.alerts().map(|alert| Told { alert: Some(alert), ..told }).collect();
    if alerts.is_empty() { vec![told] } else { alerts }
}

fn alert(told: &Told<'_>) -> Value {
    let metric = told.text(Field::Metric);
    let name = if metric.is_empty() { told.message.kind.name() } else { &metric };
    // The end of an alert leaves its label, and with it its identity, as it was.
    let severity = match told.alert {
        Some(alert) => Severity::from(alert.level()),
        None => told.severity(),
    };
    let labels = [
        ("alertname", format!("Vps{}", camel_case(name))),
        ("instance", told.text(Field::Host)),
        ("job", "vps-monitor".to_owned()),
        ("metric", metric.clone()),
        ("severity", severity.name().to_owned()),
        ("target", told.text(Field::Target)),
    ];
    let annotations = [
        ("summary", told.first_line()),
        ("description", if told.alert.is_none() { told.text(Field::Text) } else { String::new() }),
        ("value", told.text(Field::Value)),
        ("threshold", told.text(Field::Threshold)),
    ];
    let ended = match told.alert {
        Some(alert) => alert.ended,
        None => told.is_resolved().then_some(told.message.created),
    };
    json!({
        "status": status(told.is_resolved()),
        "labels": filled(labels),
        "annotations": filled(annotations),
        "startsAt": instant(told.since()),
        "endsAt": ended.map_or_else(|| NO_END.to_owned(), instant),
        "generatorURL": "",
        "fingerprint": told.id(),
    })
}

/// An empty label is the same as none.
fn filled<const N: usize>(fields: [(&str, String); N]) -> Map<String, Value> {
    let filled = fields.into_iter().filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// The fields that all have, with one value.
fn common<'a>(mut all: impl Iterator<Item = &'a Value>) -> Map<String, Value> {
    let mut common = all.next().and_then(Value::as_object).cloned().unwrap_or_default();
    all.for_each(|fields| common.retain(|name, value| fields.get(name.as_str()) == Some(value)));
    common
}
