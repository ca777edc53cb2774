//! ntfy: a message becomes one JSON publication to a topic, of ntfy.sh or of a server of one's own.
//!
//! Vendor's pages: docs.ntfy.sh/publish (publish as JSON, priorities, limits). Its server is public: the codes of its errors
//! and its limits are in binwiederhier/ntfy, server/errors.go and server/config.go.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::until_midnight;
use super::verdict::{Meaning, Service, Verdict, WAIT};
use super::{
    Channel, ChannelKind, ChannelLimits, Form, Job, PICTURE_NAME, PartLimit, PictureJob, Vendor, address, secret_key,
};
use crate::http::{self, Answer, BodyPart, Response, Target};
use crate::message::{Escape, Kind, Message, Severity};
use crate::outbox::{Budget, Outcome};
use crate::secret::{Scrubber, Secret};
use crate::settings::{Complaint, Doc, Section, doc};

/// The server gives one request back in 5 s (visitor-request-limit-replenish).
const BUDGET: Budget =
    Budget { attempts: 12, window: Duration::from_secs(60), longest_attempt: crate::worker::POST_DEADLINE };

/// A longer message than 4096 bytes becomes an attachment, which nobody reads, and a body of JSON may be twice as long.
const MAX_TEXT_BYTES: usize = 3900;
const MAX_MESSAGE_BYTES: usize = 4096;
const MAX_TOPIC_CHARS: usize = 64;

/// An attachment has 2 MB at most on ntfy.sh, and 15 by default on a server of one's own: docs.ntfy.sh/publish#attachments.
const MAX_PICTURE_BYTES: usize = 2 * 1024 * 1024;

/// In JSON a line feed, a quotation mark and a backslash are two bytes each; beside the text there are the topic and names.
const _: () = assert!(2 * MAX_TEXT_BYTES + MAX_TOPIC_CHARS + 128 <= 2 * MAX_MESSAGE_BYTES);
const _: () = assert!(BUDGET.is_within_bounds());

/// A visitor who asked too often.
const HOLD: Duration = Duration::from_secs(60);
/// One whose key was wrong too often.
const HOLD_OF_LOGINS: Duration = Duration::from_secs(600);

const VENDORS: &str = "https://ntfy.sh";

pub const KIND: &ChannelKind = &ChannelKind { name: "ntfy", doc: doc("ntfy", "ntfy"), setting: "ntfy.topic", read };

const PLACES: [&str; 2] = [
    "文本，或其出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "text, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
];

const TOPIC_DOC: Doc = doc(
    "主题；在公共服务器上，知道主题就能读，须当作密码",
    "the topic; on a public server whoever knows it can read it: it is a password",
)
.values(PLACES[0], PLACES[1]);

const URL_DOC: Doc = doc(
    "服务器地址，留空为 `https://ntfy.sh`；可含用户名和密码",
    "the server's URL, a user's name and password may be in it; empty: `https://ntfy.sh`",
)
.values("URL，或其出处", "URL, or where it is");

const TOKEN_DOC: Doc =
    doc("访问令牌 `tk_…`，可留空", "an access token, `tk_…`; empty: none").values(PLACES[0], PLACES[1]);

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let topic = secret_key(section, "topic", "topic", TOPIC_DOC, topic, Secret::to_string);
    let url = secret_key(section, "url", "URL", URL_DOC, server, http::masked);
    let token = secret_key(section, "token", "token", TOKEN_DOC, token, Secret::to_string);
    let url = url.unwrap_or_else(|| Secret::new(VENDORS));
    address::warn_if_readable(section, "url", &url);
    Some(Channel::new(Ntfy { url, topic: topic?, token }))
}

fn topic(text: &str) -> Result<Option<Secret>, Complaint> {
    let is_of_topic = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match text.trim() {
        "" => Ok(None),
        topic if topic.len() <= MAX_TOPIC_CHARS && topic.bytes().all(is_of_topic) => Ok(Some(Secret::new(topic))),
        _ => Err(Complaint::new("is no topic")
            .expected("letters, digits, - and _, 64 at most; a server of your own in `url`")),
    }
}

/// JSON is published at the root.
fn server(text: &str) -> Result<Option<Secret>, Complaint> {
    let text = text.trim().trim_end_matches('/');
    match Target::of(text) {
        _ if text.is_empty() => Ok(None),
        Some(_) if !text.contains(['?', '#']) && !is_vendors_topic(text) => Ok(Some(Secret::new(text))),
        _ => Err(Complaint::new("is no server's address")
            .expected("a URL such as https://ntfy.example.com, and `topic` beside it")),
    }
}

/// The address of a topic, as people share it.
fn is_vendors_topic(url: &str) -> bool {
    url.strip_prefix(VENDORS).is_some_and(|rest| rest.starts_with('/'))
}

fn token(text: &str) -> Result<Option<Secret>, Complaint> {
    match text.trim() {
        "" => Ok(None),
        token if token.starts_with("tk_") && token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(Secret::new(token)))
        }
        _ => Err(Complaint::new("is no access token").expected("a token that begins with tk_")),
    }
}

/// One topic.
#[derive(Debug)]
struct Ntfy {
    url: Secret,
    topic: Secret,
    token: Option<Secret>,
}

/// 1 is the least, 3 the usual one, 5 rings until it is seen.
fn priority(message: &Message) -> u8 {
    match message.severity() {
        _ if message.kind == Kind::Report => 2,
        Severity::Good => 2,
        Severity::Info => 3,
        Severity::Warning => 4,
        Severity::Critical => 5,
    }
}

fn bearer(token: &Secret) -> (Cow<'static, str>, Secret) {
    ("Authorization".into(), Secret::new(format!("Bearer {}", token.expose())))
}

impl Vendor for Ntfy {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        KIND.setting
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: Some(PartLimit::Bytes(MAX_TEXT_BYTES)), budget: Some(BUDGET) }
    }

    /// Without Markdown: nothing has a meaning.
    fn escape(&self) -> Escape {
        Escape::NONE
    }

    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        let body = json!({
            "topic": self.topic.expose(),
            "title": message.title_text(&Escape::NONE),
            "message": message.body_text(&Escape::NONE),
            "priority": priority(message),
        });
        let mut request = http::Request::json(self.url.clone(), body.to_string());
        request.headers.extend(self.token.as_ref().map(bearer));
        vec![Job::Post(request)]
    }

    fn picture(&self, _: Form<'_>) -> Option<PictureJob> {
        let url = Secret::new(format!("{}/{}", self.url.expose(), self.topic.expose()));
        let plain = |name: &'static str, value: &str| (name.into(), Secret::new(value));
        let mut headers = vec![plain("Filename", PICTURE_NAME), plain("Priority", "2")];
        headers.extend(self.token.as_ref().map(bearer));
        let request = http::Request { method: http::Method::Put, url, headers, body: Vec::new() };
        Some(PictureJob { request, body: vec![BodyPart::File], max_bytes: MAX_PICTURE_BYTES, without: None })
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        SERVICE.classify(answer, &Scrubber::of(self.secrets()))
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        SERVICE.advice(answer).map(Cow::Borrowed)
    }

    fn secrets(&self) -> Vec<&Secret> {
        [&self.url, &self.topic].into_iter().chain(&self.token).collect()
    }
}

impl fmt::Display for Ntfy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ntfy topic {} at {}", self.topic, address::host(&self.url))
    }
}

const SERVICE: Service = Service {
    whose: "ntfy's",
    read: verdict,
    hold: HOLD,
    of_another: "something other than ntfy answers: check ntfy.url, and any proxy in between",
    too_often: WAIT,
    unknown: "its words say why; the server's log may say more",
};

/// A publication has an `id`; a refusal has `code`, of which the first three digits are the status, and `error`.
fn verdict(response: &Response) -> Option<Verdict> {
    let fields: Value = serde_json::from_str(&response.body).ok()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let (code, meaning) = if response.status == 200 && !text("id").is_empty() {
        (0, Meaning::Delivered)
    } else {
        let code = fields.get("code").and_then(Value::as_u64).filter(|code| *code > 0)?;
        (code, meaning(code, response))
    };
    Some(Verdict { code: format!("error {code}"), words: text("error").to_owned(), meaning })
}

const BUG: &str = "ntfy does not take this message as it is: please report it as a bug of vps-monitor";
const TOPIC: &str = "the server does not take this topic: correct ntfy.topic";
const RIGHTS: &str =
    "the token, or the user in ntfy.url, is wrong or may not write to this topic: ntfy access, ntfy token";
const QUOTA: &str = "the messages of this day are used up: use a server of your own, or `level: critical`";

/// Of server/errors.go.
fn meaning(code: u64, response: &Response) -> Meaning {
    use Meaning::{ChannelRefused, Held, MessageRefused, OfStatus};
    match code {
        40101 | 40301 => ChannelRefused(RIGHTS),
        40009 | 40010 => ChannelRefused(TOPIC),
        40401 => ChannelRefused("JSON goes to the server's root: leave the path out of ntfy.url"),
        50701 => ChannelRefused("this server takes UnifiedPush topics alone"),
        40007 | 40011 | 40017 | 40024 | 41301 | 41303 => MessageRefused(BUG),
        42901 => Held(response.retry_after().unwrap_or(HOLD), WAIT),
        42905 | 42908 => Held(until_midnight(response, 0), QUOTA),
        42909 => Held(HOLD_OF_LOGINS, RIGHTS),
        _ => OfStatus,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings;

    const TOPIC: &str = "vps-4711-secret-topic";

    fn read_keys(yaml: &str) -> Result<Channel, String> {
        let yaml = yaml.replace("TOPIC", TOPIC);
        let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        read.value.ok_or_else(|| "no destination".to_owned())
    }

    fn message(kind: &str, level: &str) -> Message {
        let fact = json!({"about": {"alert": {"metric": "memory", "target": ""}}, "line": "x", "began": "2026-02-04T07:30:00Z",
            "detail": {"level": level}});
        let message = json!({"kind": kind, "title": ["⚠️ [", "web-1", "]"], "rule_width": 2, "lines": [["📊 ", "*\"<x>"]],
            "footer": "⏰", "created": "2026-02-04T07:30:00Z", "facts": [fact]});
        serde_json::from_value(message).unwrap()
    }

    fn body(channel: &Channel, message: &Message) -> (http::Request, Value) {
        let [Job::Post(request)] = &channel.encode(message, Form::default())[..] else { panic!("one post") };
        (request.clone(), serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn a_message_is_published_with_its_title_and_a_priority_by_its_level() {
        let channel =
            read_keys("{topic: TOPIC, url: 'https://ntfy.example.com/', token: tk_0123456789abcdef}").unwrap();
        let (request, told) = body(&channel, &message("alert", "critical"));
        assert_eq!(told, json!({"topic": TOPIC, "title": "⚠️ [web-1]", "message": "📊 *\"<x>\n⏰", "priority": 5}));
        assert_eq!(request.url.expose(), "https://ntfy.example.com");
        let bearer = |(name, value): &(Cow<'_, str>, Secret)| {
            name == "Authorization" && value.expose() == "Bearer tk_0123456789abcdef"
        };
        assert!(request.headers.iter().any(bearer));
        for (kind, level, priority) in
            [("alert", "warning", 4), ("recovery", "critical", 2), ("report", "critical", 2), ("test", "warning", 3)]
        {
            assert_eq!(body(&channel, &message(kind, level)).1["priority"], priority, "{kind}");
        }
    }

    #[test]
    fn a_picture_is_put_to_the_topic_as_a_file() {
        let channel =
            read_keys("{topic: TOPIC, url: 'https://ntfy.example.com/', token: tk_0123456789abcdef}").unwrap();
        let job = channel.picture(Form::default()).unwrap();
        assert_eq!(job.request.url.expose(), format!("https://ntfy.example.com/{TOPIC}"));
        assert_eq!((job.request.method, &job.body[..]), (http::Method::Put, &[BodyPart::File][..]));
        assert!(job.request.headers.iter().map(|(name, _)| &**name).eq(["Filename", "Priority", "Authorization"]));
    }

    #[test]
    fn whatever_a_message_holds_its_json_is_within_the_servers_bound() {
        let channel = read_keys("{topic: TOPIC}").unwrap();
        let hostile = Message { lines: vec!["\"\\".repeat(5000).into()], ..message("alert", "warning") };
        let parts = channel.split(hostile);
        let bytes = parts.iter().map(|part| (body(&channel, part).0.body.len(), part.body_text(&Escape::NONE).len()));
        assert!(parts.len() > 2 && bytes.into_iter().all(|(body, text)| body <= 8192 && text <= 4096));
    }

    fn outcome(status: u16, body: &str) -> (Outcome, Cow<'static, str>) {
        let channel = read_keys("{topic: TOPIC}").unwrap();
        let headers = vec![("date".to_owned(), "Mon, 02 Feb 2026 20:00:00 GMT".to_owned())];
        let answer = Ok(Response { headers, ..Response::new(status, body) });
        (channel.classify(&answer), channel.advice(&answer).unwrap_or_default())
    }

    #[test]
    fn each_answer_has_its_outcome_and_its_remedy() {
        assert_eq!(outcome(200, r#"{"id":"sPs71M8A2T","event":"message"}"#), (Outcome::Delivered, "".into()));
        for (status, body) in [(200, "{}"), (200, "<html>"), (502, "bad gateway"), (404, "404 page not found")] {
            let (outcome, advice) = outcome(status, body);
            assert!(
                matches!(outcome, Outcome::Retry { .. }) && advice.contains("ntfy.url"),
                "{status} {body}: {outcome:?}"
            );
        }
        let refusal =
            |code: u64| outcome(u16::try_from(code / 100).unwrap(), &json!({"code": code, "error": "odd"}).to_string());
        for (codes, remedy) in [
            (&[40101, 40301][..], "may not write"),
            (&[40009, 40010], "ntfy.topic"),
            (&[40401], "leave the path out"),
            (&[50701], "UnifiedPush"),
        ] {
            for code in codes {
                let (outcome, advice) = refusal(*code);
                assert_eq!(outcome, Outcome::ChannelRefused { reason: format!("error {code} odd") });
                assert!(advice.contains(remedy), "{code}: {advice}");
            }
        }
        for code in [40007, 40011, 40017, 40024, 41301, 41303] {
            assert!(matches!(refusal(code).0, Outcome::MessageRefused { .. }), "{code}");
        }
        for (code, seconds) in [(42901, 60), (42905, 4 * 3600), (42908, 4 * 3600), (42909, 600)] {
            let Outcome::Throttled { hold, .. } = refusal(code).0 else { panic!("{code} was too often") };
            assert_eq!(hold.as_secs(), seconds, "{code}");
        }
        assert!(matches!(refusal(50001).0, Outcome::Retry { .. }));
    }

    #[test]
    fn a_topic_is_a_secret_and_an_address_of_a_topic_is_told_what_belongs_there() {
        let channel = read_keys("{topic: TOPIC}").unwrap();
        assert_eq!(channel.to_string(), "ntfy topic …opic at ntfy.sh");
        assert!(!format!("{channel:?}").contains(TOPIC));
        let (told, _) = outcome(403, &json!({"code": 40301, "error": format!("no {TOPIC}")}).to_string());
        assert!(!told.reason().contains(TOPIC), "{told:?}");
        for (yaml, told) in [
            ("{topic: 'https://ntfy.sh/TOPIC'}", "topic: is no topic"),
            ("{topic: TOPIC, url: 'https://ntfy.sh/x'}", "url: is no server's address"),
            ("{topic: TOPIC, url: ntfy.sh}", "url: is no server's address"),
            ("{topic: TOPIC, token: secret}", "token: is no access token"),
            ("{}", "no destination"),
        ] {
            let problems = read_keys(yaml).unwrap_err();
            assert!(problems.contains(told) && !problems.contains(TOPIC), "{yaml}: {problems}");
        }
    }
}
