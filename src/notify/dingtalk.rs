//! DingTalk (钉钉) group robot: a message becomes one `text` post to its webhook, as Markdown has no escape there.
//!
//! Vendor's page: open.dingtalk.com/document/orgapp/custom-robot-access (body, limits, the three security settings, one of
//! which every robot has), /document/orgapp/customize-robot-security-settings (the signature).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::address::{self, Expected};
use super::robot::{self, ESCAPE, KEYWORD_ROOM_BYTES, Robot};
use super::verdict::{Meaning, Service, of_robot};
use super::{Channel, ChannelKind, ChannelLimits, Form, Job, PartLimit, Vendor};
use crate::http::{self, Answer};
use crate::message::{Escape, Message};
use crate::outbox::{Budget, Outcome};
use crate::secret::{Scrubber, Secret};
use crate::settings::{Complaint, Doc, Section, doc};

/// 20 messages a minute from all senders together.
const BUDGET: Budget =
    Budget { attempts: 20, window: Duration::from_secs(60), longest_attempt: crate::worker::POST_DEADLINE };

/// A robot that was called too often takes nothing for ten minutes.
const RATE_LIMIT_HOLD: Duration = Duration::from_secs(600);

/// A request has 20,000 bytes at most, with JSON's escapes; some types of message had 5,000 characters.
const MAX_TEXT_BYTES: usize = 4_000;

const _: () = assert!(BUDGET.is_within_bounds());

pub const KIND: &ChannelKind =
    &ChannelKind {
        name: "dingtalk", doc: doc("钉钉机器人", "DingTalk group robot"), setting: "dingtalk.url", read
    };

const PREFIX: &str = "https://oapi.dingtalk.com/robot/send?access_token=";

const URL_DOC: Doc = doc("群机器人的 Webhook", "the robot's webhook").values(
    "完整地址，或只写 access_token；也可写明出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "URL or bare token, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
);

const SECRET_DOC: Doc =
    doc("机器人安全设置为“加签”时的密钥（SEC 开头）", "the key of the robot's signature (加签), which begins with SEC")
        .values("密钥，或其出处", "key, or where it is");

const ADDRESS: Expected =
    Expected { services: &["DingTalk"], place: "a DingTalk group's robot, or of a relay for one" };

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let robot = Robot::read(section, [URL_DOC, SECRET_DOC], webhook, ADDRESS)?;
    Some(Channel::new(DingTalk { robot }))
}

fn webhook(text: &str) -> Result<Option<Secret>, Complaint> {
    address::robot(text, &[PREFIX])
}

/// One robot.
#[derive(Debug)]
struct DingTalk {
    robot: Robot,
}

impl DingTalk {
    /// The URL with the signature for this time, in milliseconds.
    fn signed_url(&self, now: Timestamp) -> Secret {
        let Some(secret) = &self.robot.secret else { return self.robot.url.clone() };
        let (url, secret, timestamp) = (self.robot.url.expose(), secret.expose(), now.as_millisecond());
        let sign = robot::signature(&secret, &format!("{timestamp}\n{secret}"));
        let sign = utf8_percent_encode(&sign, NON_ALPHANUMERIC);
        let separator = if url.contains('?') { '&' } else { '?' };
        Secret::new(format!("{url}{separator}timestamp={timestamp}&sign={sign}"))
    }
}

impl Vendor for DingTalk {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        "dingtalk.url, dingtalk.secret or dingtalk.keyword"
    }

    fn address_setting(&self) -> &'static str {
        KIND.setting
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: Some(PartLimit::Bytes(MAX_TEXT_BYTES - KEYWORD_ROOM_BYTES)), budget: Some(BUDGET) }
    }

    fn escape(&self) -> Escape {
        ESCAPE
    }

    fn encode(&self, message: &Message, form: Form<'_>) -> Vec<Job> {
        let content = self.robot.text(message);
        let body = json!({"msgtype": "text", "text": {"content": content}, "at": {"isAtAll": false}});
        vec![Job::Post(http::Request::json(self.signed_url(form.now), body.to_string()))]
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        SERVICE.classify(answer, &Scrubber::of(self.secrets()))
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        SERVICE.advice(answer).map(Cow::Borrowed)
    }

    fn secrets(&self) -> Vec<&Secret> {
        self.robot.secrets()
    }
}

impl fmt::Display for DingTalk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DingTalk robot {}", self.robot)
    }
}

const SERVICE: Service = Service {
    whose: "a robot's",
    read: |response| of_robot(response, &["errcode"], &["errmsg"], meaning),
    hold: RATE_LIMIT_HOLD,
    of_another: "something other than the robot answers: check dingtalk.url, and any proxy in between",
    too_often: "the robot takes 20 messages a minute from all its senders together, and then nothing for ten minutes: wait, \
                and give each host a robot of its own if this recurs",
    unknown: BUSY,
};

const TOKEN: &str = "the token is not valid: copy the webhook again from the group's settings (机器人); if the robot was \
                     removed, add a new one";
const KEYWORD: &str = "the robot takes messages with one of its keywords (自定义关键词) alone: write one of them into \
                       dingtalk.keyword, or use a signature (加签) instead";
const SIGN: &str = "the robot wants a signature (加签), or another key: copy the key that begins with SEC into \
                    dingtalk.secret again";
const CLOCK: &str = "the clock is more than an hour off: set it right (timedatectl)";
const ADDRESSES: &str = "this host's address, which the answer names, is not among those of the robot: add it to the \
                         robot's IP addresses (IP地址段)";
const SECURITY: &str = "the robot's security settings refuse the message: compare its keywords, key and addresses with \
                        dingtalk.keyword and dingtalk.secret";
const STOPPED: &str =
    "the robot is stopped, or its group is not there any more: enable it, or add one to another group";
const BUG: &str = "the robot does not take this message as it is: please report it as a bug of vps-monitor";
const FORBIDDEN: &str = "the message has a link or words that the service forbids: a container's or the host's name?";
const BUSY: &str =
    "the robot is busy or has a fault: try again; the code is explained on the vendor's page of error codes";

/// The codes of open.dingtalk.com/document/orgapp/server-api-error-codes-1. 310000 is any refusal by the security settings,
/// which its text tells apart.
fn meaning(errcode: i64, errmsg: &str) -> Meaning {
    use Meaning::{ChannelRefused, Delivered, MessageRefused, Passing, TooOften, Unknown};
    let errmsg = errmsg.trim_start().to_ascii_lowercase();
    let says = |text: &str| errmsg.contains(text);
    match errcode {
        0 => Delivered,
        -1 => Passing(BUSY),
        310_000 if says("keywords not in content") => ChannelRefused(KEYWORD),
        310_000 if says("sign not match") => ChannelRefused(SIGN),
        310_000 if says("invalid timestamp") => Passing(CLOCK),
        310_000 if says("not in whitelist") => ChannelRefused(ADDRESSES),
        310_000 => ChannelRefused(SECURITY),
        300_001 | 300_005 | 400_101 => ChannelRefused(TOKEN),
        400_013 | 400_102 => ChannelRefused(STOPPED),
        // The type is not allowed; no JSON; another content type.
        400_105 | 40_035 | 43_004 => MessageRefused(BUG),
        130_101 | 660_026 => TooOften,
        430_101..=430_104 => MessageRefused(FORBIDDEN),
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Error, Response};
    use crate::message::{Kind, Line};
    use crate::settings;
    use proptest::prelude::*;

    const TOKEN: &str = "0f9e8d7c6b5a4c3d9e2f1a0b9c8d7e6f0f9e8d7c6b5a4c3d9e2f1a0b9c8d7e6f";

    fn read_keys(yaml: &str) -> Result<(Option<Channel>, serde_json::Value, Vec<String>), String> {
        let yaml = yaml.replace("TOKEN", TOKEN);
        let read = |section: &mut Section<'_>| (read(section), section.values().clone());
        let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        let (channel, values) = read.value;
        let warnings = read.warnings.iter().map(|warning| warning.message.clone()).collect();
        Ok((channel, serde_json::to_value(&values).unwrap(), warnings))
    }

    fn channel(yaml: &str) -> Channel {
        read_keys(yaml).unwrap().0.unwrap()
    }

    fn message(name: &str) -> Message {
        Message::sample(Kind::Alert, Line::from("⚠️ [") + Line::foreign(name) + "]", vec!["a\u{7}".into()])
    }

    fn posted(channel: &Channel, name: &str) -> (String, serde_json::Value) {
        let form = Form { now: Timestamp::from_millisecond(1_600_000_000_000).unwrap(), ..Form::default() };
        let [Job::Post(request)] = &channel.encode(&message(name), form)[..] else { panic!("one post") };
        (request.url.expose(), serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn a_message_is_a_text_in_which_a_name_is_nobody_and_nothing_else() {
        let (url, body) = posted(&channel("{url: TOKEN}"), "<@all> *x* @138");
        assert_eq!(url, format!("{PREFIX}{TOKEN}"));
        let content = "⚠️ [＜＠all＞ ＊x＊ ＠138]\n━━\na\n⏰";
        assert_eq!(body, json!({"msgtype": "text", "text": {"content": content}, "at": {"isAtAll": false}}));
    }

    #[test]
    fn a_signature_is_of_time_and_key_and_encoded_once() {
        let sign = "timestamp=1600000000000&sign=PPcRl2tf%2BBNekAadmEb8Cx1rGmXjHN8H%2B%2F0mvy5rUJk%3D";
        let (url, _) = posted(&channel("{url: TOKEN, secret: SEC0123456789abcdef}"), "a");
        assert_eq!(url, format!("{PREFIX}{TOKEN}&{sign}"));
        let (url, _) = posted(&channel("{url: 'https://relay.example.com/x', secret: SEC0123456789abcdef}"), "a");
        assert_eq!(url, format!("https://relay.example.com/x?{sign}"));
    }

    #[test]
    fn every_message_has_the_keyword() {
        let with_keyword = channel("{url: TOKEN, keyword: ' 监控 '}");
        let content = |name: &str| posted(&with_keyword, name).1["text"]["content"].as_str().unwrap().to_owned();
        assert_eq!(content("web"), "⚠️ [web] 监控\n━━\na\n⏰");
        assert_eq!(content("监控-1"), "⚠️ [监控-1]\n━━\na\n⏰");
        assert!(with_keyword.to_string().ends_with("with the keyword 监控"));
    }

    #[test]
    fn its_keys_are_read_and_its_secrets_masked() {
        let (channel, values, warnings) =
            read_keys("{url: 'https://oapi.dingtalk.com/robot/send?access_token=TOKEN', secret: SEC0123456789abcdef}")
                .unwrap();
        assert_eq!(values, json!({"url": "oapi.dingtalk.com/…7e6f", "secret": "…cdef", "keyword": ""}));
        assert_eq!(warnings, Vec::<String>::new());
        let channel = channel.unwrap();
        assert_eq!(channel.to_string(), "DingTalk robot oapi.dingtalk.com/…7e6f");
        assert!(!format!("{channel:?}").contains(&TOKEN[..20]) && channel.secrets().len() == 2);
        let odd = Err(Error(format!("odd: {TOKEN}")));
        assert!(!channel.classify(&odd).reason().contains(&TOKEN[..20]));
        assert_eq!(read_keys("{}").unwrap().0, None);
        let (_, _, warnings) = read_keys("{url: 'https://open.feishu.cn/open-apis/bot/v2/hook/TOKEN'}").unwrap();
        assert!(warnings[0].contains("this is Feishu's address"), "{warnings:?}");
        let (_, _, warnings) = read_keys("{url: 'http://relay.example.com/TOKEN'}").unwrap();
        assert!(warnings[0].contains("use https://"), "{warnings:?}");
        for (yaml, told) in [
            ("{url: 'https://oapi.dingtalk.com/robot/send'}", "url: is not a robot's whole URL"),
            ("{url: 'https://oapi.dingtalk.com/robot/send?access_token=TOKEN&sign=x'}", "more behind the token"),
            ("{url: short}", "url: is neither a URL nor a robot's token"),
            ("{url: 'ftp://TOKEN'}", "url: is not an http or https URL"),
            ("{url: TOKEN, secret: 'SEC 1'}", "secret: is no signing key"),
            ("{url: TOKEN, keyword: \"a\\nb\"}", "keyword: is no keyword"),
        ] {
            let problem = read_keys(yaml).unwrap_err();
            assert!(problem.contains(told) && !problem.contains(&TOKEN[..20]), "{yaml}: {problem}");
        }
    }

    #[test]
    fn each_code_has_its_consequence_and_its_remedy() {
        let channel = channel("{url: TOKEN}");
        for (code, errmsg, outcome, remedy) in [
            (-1, "busy", "Retry", "try again"),
            (310_000, "keywords not in content", "ChannelRefused", "dingtalk.keyword"),
            (310_000, "sign not match", "ChannelRefused", "begins with SEC"),
            (310_000, "invalid timestamp", "Retry", "timedatectl"),
            (310_000, "ip 192.0.2.7 not in whitelist", "ChannelRefused", "which the answer names"),
            (310_000, "another", "ChannelRefused", "security settings"),
            (300_001, "token is not exist", "ChannelRefused", "copy the webhook again"),
            (300_005, "token is not exist", "ChannelRefused", "copy the webhook again"),
            (400_013, "m", "ChannelRefused", "another group"),
            (400_101, "m", "ChannelRefused", "copy the webhook again"),
            (400_102, "m", "ChannelRefused", "enable it"),
            (400_105, "m", "MessageRefused", "report it as a bug"),
            (40_035, "m", "MessageRefused", "report it as a bug"),
            (43_004, "m", "MessageRefused", "report it as a bug"),
            (130_101, "send too fast, exceed 20 times per minute", "Throttled", "ten minutes"),
            (660_026, "m", "Throttled", "ten minutes"),
            (430_101, "m", "MessageRefused", "forbids"),
            (430_104, "m", "MessageRefused", "forbids"),
            (7, "m", "Rejected", "page of error codes"),
        ] {
            let answer = Ok(Response::new(200, json!({"errcode": code, "errmsg": errmsg}).to_string()));
            let told = channel.classify(&answer);
            assert_eq!(told.reason(), format!("errcode {code} {errmsg}"));
            if let Outcome::Throttled { hold, .. } = told {
                assert_eq!(hold, RATE_LIMIT_HOLD);
            }
            assert!(format!("{told:?}").starts_with(outcome), "{code}: {told:?}");
            assert!(channel.advice(&answer).unwrap().contains(remedy), "{code}");
        }
        assert_eq!(channel.classify(&Ok(Response::new(200, r#"{"errcode":0,"errmsg":"ok"}"#))), Outcome::Delivered);
        assert!(matches!(channel.classify(&Ok(Response::new(200, "ok"))), Outcome::Retry { .. }));
    }

    proptest! {
        #[test]
        fn whatever_is_told_is_within_a_requests_limit(name in "\\PC{0,3000}") {
            let channel = channel("{url: TOKEN, keyword: k23456789k23456789k23456789k23456789k23456789k23456789}");
            let lines = (0..9).map(|_| Line::foreign(&name)).collect();
            for part in channel.split(Message { lines, ..message("a") }) {
                let [Job::Post(request)] = &channel.encode(&part, Form::default())[..] else { panic!("one post") };
                prop_assert!(request.body.len() <= 20_000);
            }
        }
    }
}
