//! Bark: a message becomes one push to an iPhone, by Bark's server or one of one's own.
//!
//! Its server is public: Finb/bark-server, docs/API_V2.md (the fields), route_push.go (the answers) and apns/apns.go. Apple
//! takes a payload of 4096 bytes, in which the server writes the text as Go does: `<`, `>` and `&` are six bytes each.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::verdict::{Meaning, Service, Verdict, WAIT};
use super::{Channel, ChannelKind, ChannelLimits, Form, Job, PartLimit, Vendor, address, full_width, secret_key};
use crate::http::{self, Answer, Response, Target};
use crate::message::{Escape, Kind, Message, Severity};
use crate::outbox::{Budget, Outcome};
use crate::secret::{Scrubber, Secret};
use crate::settings::{Complaint, Doc, Section, doc};

/// The server has no limit of its own; Apple's is not told.
const BUDGET: Budget =
    Budget { attempts: 30, window: Duration::from_secs(60), longest_attempt: crate::worker::POST_DEADLINE };

/// Title and text, so that the whole payload is below 4096 bytes.
const MAX_TEXT_BYTES: usize = 2500;

const HOLD: Duration = Duration::from_secs(60);

const _: () = assert!(BUDGET.is_within_bounds());

const VENDORS: &str = "https://api.day.app";

pub const KIND: &ChannelKind =
    &ChannelKind { name: "bark", doc: doc("Bark（iPhone）", "Bark (iPhone)"), setting: "bark.device_key", read };

const KEY_DOC: Doc = doc(
    "应用中显示的 key；也可粘贴应用给出的整个地址",
    "the key that the app shows, or the whole address that it gives",
)
.values(
    "文本，或其出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "text, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
);

const URL_DOC: Doc = doc(
    "服务器地址，留空为 `https://api.day.app`；可含用户名和密码",
    "the server's URL, a user's name and password may be in it; empty: `https://api.day.app`",
)
.values("URL，或其出处", "URL, or where it is");

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let device = secret_key(section, "device_key", "key", KEY_DOC, device, |device| device.key.to_string());
    let url = secret_key(section, "url", "URL", URL_DOC, server, http::masked);
    let device = device?;
    let server = url.or(device.server).unwrap_or_else(|| Secret::new(VENDORS));
    address::warn_if_readable(section, "url", &server);
    let url = Secret::new(format!("{}/push", server.expose()));
    Some(Channel::new(Bark { url, key: device.key }))
}

/// A device's key, and the server of an address that was pasted.
struct Device {
    key: Secret,
    server: Option<Secret>,
}

/// `KEY`, or `https://api.day.app/KEY/…`.
fn device(text: &str) -> Result<Option<Device>, Complaint> {
    let text = text.trim();
    let (server, key) = match text.split_once("://") {
        Some((scheme, rest)) => {
            let mut segments = rest.split('/');
            let server = format!("{scheme}://{}", segments.next().unwrap_or_default());
            let key = segments.next().filter(|_| Target::of(&server).is_some());
            (Some(Secret::new(server)), key.unwrap_or_default())
        }
        None => (None, text),
    };
    let is_of_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.is_empty() {
        return Ok(None);
    }
    if key.is_empty() || !key.bytes().all(is_of_key) {
        return Err(
            Complaint::new("is no device's key").expected("the key from the app, such as in https://api.day.app/KEY/")
        );
    }
    Ok(Some(Device { key: Secret::new(key), server }))
}

fn server(text: &str) -> Result<Option<Secret>, Complaint> {
    let text = text.trim().trim_end_matches('/');
    match Target::of(text) {
        _ if text.is_empty() => Ok(None),
        Some(target)
            if VENDORS.strip_prefix("https://") == Some(&*target.host)
                && text.matches('/').count() > 2
                && !text.ends_with("/push") =>
        {
            Err(Complaint::new("holds a device's key")
                .expected("nothing here; the app's whole address belongs into device_key"))
        }
        Some(_) if !text.contains(['?', '#']) => {
            let base = text.strip_suffix("/push").unwrap_or(text);
            Ok(Some(Secret::new(base)))
        }
        _ => Err(Complaint::new("is no server's address").expected("a URL such as https://bark.example.com")),
    }
}

/// One phone.
#[derive(Debug)]
struct Bark {
    url: Secret,
    key: Secret,
}

/// Characters that grow on their way to Apple are their full-width twins.
const ESCAPE: Escape = Escape { own: twin, foreign: twin };

fn twin(c: char, into: &mut String) {
    into.push(match c {
        '&' => '＆',
        '"' => '＂',
        '\\' => '＼',
        '<' | '>' => full_width(c),
        c => c,
    });
}

/// `critical` sounds on a muted phone, `timeSensitive` shows while it is not to be disturbed, `passive` lights no screen.
fn level(message: &Message) -> &'static str {
    match message.severity() {
        _ if message.kind == Kind::Report => "passive",
        Severity::Critical => "critical",
        Severity::Warning => "timeSensitive",
        Severity::Good | Severity::Info => "active",
    }
}

impl Vendor for Bark {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        KIND.setting
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: Some(PartLimit::Bytes(MAX_TEXT_BYTES)), budget: Some(BUDGET) }
    }

    fn escape(&self) -> Escape {
        ESCAPE
    }

    /// Every value is a text: the server answers 500 to a `group` that is none.
    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        let mut body = json!({
            "device_key": self.key.expose(),
            "title": message.title_text(&ESCAPE),
            "body": message.body_text(&ESCAPE),
            "group": "vps-monitor",
            "level": level(message),
            "isArchive": "1",
        });
        if message.severity() == Severity::Critical {
            body["sound"] = json!("alarm");
            body["volume"] = json!("5");
        }
        vec![Job::Post(http::Request::json(self.url.clone(), body.to_string()))]
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        SERVICE.classify(answer, &Scrubber::of(self.secrets()))
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        SERVICE.advice(answer).map(Cow::Borrowed)
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.url, &self.key]
    }
}

impl fmt::Display for Bark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bark device {} at {}", self.key, address::host(&self.url))
    }
}

const SERVICE: Service = Service {
    whose: "Bark's",
    read: verdict,
    hold: HOLD,
    of_another: "something other than Bark answers: check bark.url and its path, and any proxy in between",
    too_often: WAIT,
    unknown: FAULT,
};

/// `{"code":200,"message":"success",…}`; `None`: it is not of that form.
fn verdict(response: &Response) -> Option<Verdict> {
    let fields: Value = serde_json::from_str(&response.body).ok()?;
    let words = fields.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = fields.get("code")?.as_u64()?;
    let is_delivery = code == 200 && response.status == 200;
    let meaning = if is_delivery { Meaning::Delivered } else { refusal(code, &words) };
    Some(Verdict { code: format!("error {code}"), words, meaning })
}

const DEVICE: &str = "the server knows no such device: open Bark once, and copy its key again";
const PREFIX: &str = "there is no such address: check the path of bark.url";
const LOGIN: &str = "the server wants a user's name and password: write them into bark.url, https://USER:PASSWORD@HOST";
const FAULT: &str = "Bark's server or Apple's has a fault: try again";
const BUG: &str = "Apple does not take this message as it is: please report it as a bug of vps-monitor";

fn refusal(code: u64, words: &str) -> Meaning {
    use Meaning::{ChannelRefused, MessageRefused, OfStatus, TooOften};
    let says = |text: &str| words.contains(text);
    match code {
        418 | 401 | 403 => ChannelRefused(LOGIN),
        404 => ChannelRefused(PREFIX),
        400 if says("device key") || says("device token") => ChannelRefused(DEVICE),
        500 if says("BadDeviceToken") || says("Unregistered") => ChannelRefused(DEVICE),
        500 if says("PayloadTooLarge") => MessageRefused(BUG),
        429 => TooOften,
        400..=499 => MessageRefused(BUG),
        _ => OfStatus,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    const KEY: &str = "dEvIcEkEy0123456789ab";

    fn read_keys(yaml: &str) -> Result<Channel, String> {
        let yaml = yaml.replace("KEY", KEY);
        let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        read.value.ok_or_else(|| "no destination".to_owned())
    }

    fn message(kind: &str, level: &str, line: &str) -> Message {
        let fact = json!({"about": {"alert": {"metric": "memory", "target": ""}}, "line": "x", "began": "2026-02-04T07:30:00Z",
            "detail": {"level": level}});
        let message = json!({"kind": kind, "title": ["🚨 [", "web-1", "]"], "rule_width": 2, "lines": [["📊 ", line]],
            "footer": "⏰", "created": "2026-02-04T07:30:00Z", "facts": [fact]});
        serde_json::from_value(message).unwrap()
    }

    fn told(channel: &Channel, message: &Message) -> (String, Value) {
        let [Job::Post(request)] = &channel.encode(message, Form::default())[..] else { panic!("one post") };
        (request.url.expose(), serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn a_critical_alert_sounds_on_a_muted_phone_and_a_report_lights_no_screen() {
        let channel = read_keys("{device_key: KEY}").unwrap();
        let (url, body) = told(&channel, &message("alert", "critical", "<a> & \"b\""));
        assert_eq!(url, "https://api.day.app/push");
        assert_eq!(
            body,
            json!({"device_key": KEY, "title": "🚨 [web-1]", "body": "📊 ＜a＞ ＆ ＂b＂\n⏰", "group": "vps-monitor",
                "level": "critical", "isArchive": "1", "sound": "alarm", "volume": "5"})
        );
        for (kind, level, expected) in [
            ("alert", "warning", "timeSensitive"),
            ("recovery", "critical", "active"),
            ("report", "critical", "passive"),
            ("test", "warning", "active"),
        ] {
            let (_, body) = told(&channel, &message(kind, level, "x"));
            assert!(body["level"] == expected && body["sound"] == Value::Null, "{kind}: {body}");
        }
    }

    #[test]
    fn whatever_a_message_holds_the_payload_is_within_apples_bound() {
        let channel = read_keys("{device_key: KEY}").unwrap();
        for hostile in ["<&\"\\", "长", "x"] {
            let parts = channel.split(message("alert", "critical", &hostile.repeat(400)));
            for part in &parts {
                let (_, body) = told(&channel, part);
                let go = body.to_string().replace(['<', '>', '&'], "\\u003c");
                assert!(go.len() < 3500, "{hostile}: {}", go.len());
            }
        }
    }

    #[test]
    fn an_address_that_the_app_gives_is_taken_apart() {
        for (yaml, url) in [
            ("{device_key: 'https://api.day.app/KEY/推送标题'}", "https://api.day.app/push"),
            ("{device_key: 'https://bark.example.com:8443/KEY'}", "https://bark.example.com:8443/push"),
            (
                "{device_key: KEY, url: 'https://u:p@bark.example.com/prefix/push'}",
                "https://u:p@bark.example.com/prefix/push",
            ),
        ] {
            let channel = read_keys(yaml).unwrap();
            let (address, body) = told(&channel, &message("test", "warning", "x"));
            assert_eq!((&*address, &body["device_key"]), (url, &json!(KEY)), "{yaml}");
            assert!(!format!("{channel} {channel:?}").contains(KEY));
        }
        for (yaml, expected) in [
            ("{device_key: 'https://api.day.app/'}", "device_key: is no device's key"),
            ("{device_key: 'a b'}", "device_key: is no device's key"),
            ("{url: 'https://api.day.app/KEY'}", "url: holds a device's key"),
            ("{device_key: KEY, url: bark.example.com}", "url: is no server's address"),
            ("{}", "no destination"),
        ] {
            let problems = read_keys(yaml).unwrap_err();
            assert!(problems.contains(expected) && !problems.contains(KEY), "{yaml}: {problems}");
        }
    }

    fn outcome(status: u16, body: &str) -> (Outcome, Cow<'static, str>) {
        let channel = read_keys("{device_key: KEY}").unwrap();
        let answer = Ok(Response::new(status, body.replace("KEY", KEY)));
        (channel.classify(&answer), channel.advice(&answer).unwrap_or_default())
    }

    #[test]
    fn each_answer_has_its_outcome_and_its_remedy() {
        let delivered = r#"{"code":200,"message":"success","timestamp":1770000000}"#;
        assert_eq!(outcome(200, delivered), (Outcome::Delivered, "".into()));
        for (status, body, is_channel, remedy) in [
            (400, r#"{"code":400,"message":"device key is empty"}"#, true, "copy its key"),
            (400, r#"{"code":400,"message":"failed to get device token: KEY not found"}"#, true, "open Bark once"),
            (500, r#"{"code":500,"message":"push failed: BadDeviceToken"}"#, true, "open Bark once"),
            (500, r#"{"code":500,"message":"push failed: Unregistered"}"#, true, "open Bark once"),
            (418, r#"{"code":418,"message":"I'm a teapot"}"#, true, "USER:PASSWORD"),
            (404, r#"{"code":404,"message":"Cannot POST /x/push"}"#, true, "path of bark.url"),
            (500, r#"{"code":500,"message":"push failed: PayloadTooLarge"}"#, false, "a bug"),
        ] {
            let (outcome, advice) = outcome(status, body);
            assert!(advice.contains(remedy) && !outcome.reason().contains(KEY), "{body}: {outcome:?} {advice}");
            let is_right = match outcome {
                Outcome::ChannelRefused { .. } => is_channel,
                Outcome::MessageRefused { .. } => !is_channel,
                _ => false,
            };
            assert!(is_right, "{body}");
        }
        for (status, body) in [
            (200, "ok"),
            (200, "<html>"),
            (200, r#"{"code":500,"message":"x"}"#),
            (500, r#"{"code":500,"message":"push failed: TooManyRequests"}"#),
            (502, ""),
        ] {
            assert!(matches!(outcome(status, body).0, Outcome::Retry { .. }), "{status} {body}");
        }
    }
}
