//! The alerts that an Alertmanager is to know, and their form there. Pure.
//!
//! Labels are the identity of an alert, so nothing that changes while it lasts is in them. A rise to critical is another
//! alert, as it is with Prometheus' rules: then the warning is over.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::alert::{Alert, Extent, News};
use crate::clock::{Boot, Now};
use crate::message::{Language, summary};
use crate::metric::Metric;
use crate::rule::{Level, Limit};
use crate::snapshot::{Key, Value};
use crate::tap::Judged;
use crate::tap::metrics::fires;
use crate::text;

/// Prometheus takes four times its resend delay, which is a minute.
const ENDS_AHEAD: Duration = Duration::from_secs(4 * 60);

/// For so long an alert that is over is posted. Something that happened once fires for as long.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);

/// Alerts in one post, as notifier/manager.go has it.
const MAX_IN_ONE: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    name: &'static str,
    metric: &'static Metric,
    target: Rc<str>,
    severity: Level,
}

#[derive(Clone, Debug, PartialEq)]
struct State {
    since: Timestamp,
    summary: String,
    value: Option<String>,
    threshold: Option<String>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It fires.
    Open,
    /// It happened once, and is over then.
    At(Timestamp, Boot),
    Over(Timestamp, Boot),
}

/// Alerts as they were posted last.
#[derive(Clone, Debug, Default)]
pub(super) struct Posted {
    alerts: BTreeMap<Identity, State>,
}

/// The beginning of `alertname` for a value, and the whole of it where there is none.
const OVER: &str = "Vps";
const UNMEASURED: &str = "VpsUnmeasured";

impl Posted {
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// Takes in a look; whether an alert is new or over.
    pub fn take(&mut self, judged: &Judged<'_>, now: Now) -> bool {
        let language = judged.agent.style.language;
        let mut is_changed = self.take_events(judged, now);
        let mut firing = BTreeMap::new();
        for (name, book) in [(OVER, judged.alerts), (UNMEASURED, judged.unknown)] {
            for alert in book.lasting_at(now.boot).filter(|alert| fires(alert)) {
                firing.insert(identity(name, &alert.key, alert.level(now.boot)), state(name, alert, language));
            }
        }
        for (identity, known) in self.alerts.iter_mut().filter(|(_, known)| known.end == End::Open) {
            if !firing.contains_key(identity) {
                (known.end, is_changed) = (End::Over(now.wall, now.boot), true);
            }
        }
        for (identity, state) in firing {
            let before = self.alerts.insert(identity, state);
            is_changed |= before.is_none_or(|before| before.end != End::Open);
        }
        if judged.extent == Extent::Check {
            self.forget_the_past(now.boot);
        }
        is_changed
    }

    fn take_events(&mut self, judged: &Judged<'_>, now: Now) -> bool {
        let events = judged.transitions.iter().filter(|transition| transition.news == News::Happened);
        let language = judged.agent.style.language;
        let mut is_any = false;
        for event in events {
            let ends = now.wall.checked_add(KEPT_FOR).unwrap_or(now.wall);
            let state = State {
                since: event.since.min(now.wall),
                summary: summary(&event.key, &event.value, &Limit::None, language),
                value: None,
                threshold: None,
                end: End::At(ends, now.boot.after(KEPT_FOR)),
            };
            self.alerts.insert(identity(OVER, &event.key, event.episode.level), state);
            is_any = true;
        }
        is_any
    }

    /// Forgets those that have been over for long enough.
    pub fn forget_the_past(&mut self, now: Boot) {
        self.alerts.retain(|_, state| match state.end {
            End::Open => true,
            End::At(_, at) | End::Over(_, at) => now - at < KEPT_FOR,
        });
    }

    /// The bodies to post, in order.
    pub fn bodies(&self, host: &str, now: Now) -> Vec<String> {
        let all: Vec<Json> = self.alerts.iter().map(|(identity, state)| alert(identity, state, host, now)).collect();
        all.chunks(MAX_IN_ONE).map(|some| Json::from(some).to_string()).collect()
    }
}

fn identity(name: &'static str, key: &Key, severity: Level) -> Identity {
    Identity { name, metric: key.metric, target: Rc::clone(&key.target), severity }
}

fn state(name: &str, alert: &Alert, language: Language) -> State {
    let Alert { key, value, limit, .. } = alert;
    let (shown, threshold) = match (value, limit) {
        // The value is the reason.
        (Value::Container(reason), _) if name == UNMEASURED => {
            let what = text::subject(key.metric.name, &key.target);
            let summary = match language {
                Language::Chinese => format!("{what} 无法测量: {}", reason.word),
                Language::English => format!("{what} cannot be measured: {}", reason.word),
            };
            return State { since: alert.since(), summary, value: None, threshold: None, end: End::Open };
        }
        (Value::Container(word), _) => (Some(word.shown().into_owned()), Some(word.expected.to_string())),
        (value, Limit::Threshold(limit)) => {
            (value.number().map(|number| key.metric.unit.plain(number)), Some(limit.to_string()))
        }
        (value, _) => (value.number().map(|number| key.metric.unit.plain(number)), None),
    };
    let summary = summary(key, value, limit, language);
    State { since: alert.since(), summary, value: shown, threshold, end: End::Open }
}

fn alert(identity: &Identity, state: &State, host: &str, now: Now) -> Json {
    let Identity { name, metric, target, severity } = identity;
    let ends = match state.end {
        End::Open => now.wall.checked_add(ENDS_AHEAD).unwrap_or(Timestamp::MAX),
        End::At(at, _) | End::Over(at, _) => at.max(state.since),
    };
    let alertname = if *name == OVER { format!("{OVER}{}", text::camel_case(metric.name)) } else { (*name).to_owned() };
    let mut labels = json!({
        "alertname": alertname,
        "instance": text::shown(host),
        "job": "vps-monitor",
        "metric": metric.name,
        "severity": severity.name(),
    });
    // An empty value is the same as no label.
    if !target.is_empty() {
        labels["target"] = text::shown(target).into();
    }
    let mut annotations = json!({"summary": text::shown(&state.summary)});
    for (name, value) in [("value", &state.value), ("threshold", &state.threshold)] {
        if let Some(value) = value {
            annotations[name] = text::shown(value).into();
        }
    }
    let (starts, ends) = (format!("{:.3}", state.since), format!("{ends:.3}"));
    json!({"labels": labels, "annotations": annotations, "startsAt": starts, "endsAt": ends})
}
