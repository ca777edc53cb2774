//! Feishu (飞书) and Lark: a message becomes one `text` post to a group's custom bot.
//!
//! Vendor's page: open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (body, signature, limits, error codes). Foreign
//! text has twins of the characters of its mentions and styles, as there is no escape.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

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

/// 100 messages a minute, and five a second.
const BUDGET: Budget =
    Budget { attempts: 5, window: Duration::from_secs(5), longest_attempt: crate::worker::POST_DEADLINE };

const RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

/// A request has 20 KB at most. JSON writes no character of the text in more than twice its bytes.
const MAX_TEXT_BYTES: usize = 8_000;

const _: () = assert!(BUDGET.is_within_bounds());

pub const KIND: &ChannelKind = &ChannelKind {
    name: "feishu",
    doc: doc("飞书或 Lark 自定义机器人", "custom bot of Feishu or Lark"),
    setting: "feishu.url",
    read,
};

/// Tokens of one are not known to the other. A bare token is Feishu's.
const PREFIXES: [&str; 2] =
    ["https://open.feishu.cn/open-apis/bot/v2/hook/", "https://open.larksuite.com/open-apis/bot/v2/hook/"];

const URL_DOC: Doc = doc("自定义机器人的 Webhook 地址", "the bot's webhook").values(
    "完整地址，或只写末尾的 token（飞书）；也可写明出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "URL, or Feishu's bare token, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
);

const SECRET_DOC: Doc =
    doc("机器人安全设置为“签名校验”时的密钥", "the key of the bot's signature verification (签名校验)")
        .values("密钥，或其出处", "key, or where it is");

const ADDRESS: Expected =
    Expected { services: &["Feishu", "Lark"], place: "a custom bot of Feishu or Lark, or of a relay for one" };

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let robot = Robot::read(section, [URL_DOC, SECRET_DOC], webhook, ADDRESS)?;
    Some(Channel::new(Feishu { robot }))
}

fn webhook(text: &str) -> Result<Option<Secret>, Complaint> {
    address::robot(text, &PREFIXES)
}

/// One bot.
#[derive(Debug)]
struct Feishu {
    robot: Robot,
}

impl Vendor for Feishu {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        "feishu.url, feishu.secret or feishu.keyword"
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
        let text = self.robot.text(message);
        let mut body = json!({"msg_type": "text", "content": {"text": text}});
        if let Some(secret) = &self.robot.secret {
            // Seconds, and as a string. The key is what others sign, and the signed text is empty.
            let timestamp = form.now.as_second().to_string();
            body["sign"] = json!(robot::signature(&format!("{timestamp}\n{}", secret.expose()), ""));
            body["timestamp"] = json!(timestamp);
        }
        vec![Job::Post(http::Request::json(self.robot.url.clone(), body.to_string()))]
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

impl fmt::Display for Feishu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if address::is_at(&self.robot.url, "larksuite.com") { "Lark" } else { "Feishu" };
        write!(f, "{name} bot {}", self.robot)
    }
}

const SERVICE: Service = Service {
    whose: "a bot's",
    // Old bots have only the second of each.
    read: |response| of_robot(response, &["code", "StatusCode"], &["msg", "StatusMessage"], meaning),
    hold: RATE_LIMIT_HOLD,
    of_another: "something other than the bot answers: check feishu.url, and any proxy in between",
    too_often: "the bot takes 100 messages a minute and five a second from all its senders together, and fewer on the hour and \
                the half hour: wait a minute",
    unknown: "the bot has a fault, or a code that is not known here: try again; the vendor's page of the bot explains it",
};

const TOKEN: &str = "the token is not valid: copy the webhook again from the group's settings (with the host: Feishu's and \
                     Lark's are not the same); if the bot was removed, add a new one";
const SIGN: &str = "the signature does not match: copy the key of 签名校验 into feishu.secret again, or the clock is more \
                    than an hour off: set it right (timedatectl)";
const ADDRESSES: &str = "this host's address is not in the bot's IP whitelist (IP 白名单): add it there";
const KEYWORD: &str = "the bot takes messages with one of its keywords (自定义关键词) alone: write one of them into \
                       feishu.keyword, or use a signature (签名校验) instead";
const BUG: &str = "the bot does not take this message as it is: please report it as a bug of vps-monitor";

/// The page's table of error codes.
fn meaning(code: i64, words: &str) -> Meaning {
    use Meaning::{ChannelRefused, Delivered, MessageRefused, TooOften, Unknown};
    match code {
        0 => Delivered,
        19_001 => ChannelRefused(TOKEN),
        19_021 => ChannelRefused(SIGN),
        19_022 => ChannelRefused(ADDRESSES),
        19_024 => ChannelRefused(KEYWORD),
        11_232 => TooOften,
        // Malformed, too large, and with these words too often.
        9_499 if words.to_ascii_lowercase().contains("frequency") => TooOften,
        9_499 | 19_002 | 19_036 | 200_621 | 230_000..=230_999 => MessageRefused(BUG),
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Error, Response};
    use crate::message::{Kind, Line};
    use crate::settings;
    use jiff::Timestamp;
    use proptest::prelude::*;

    const KEY: &str = "0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f";

    fn read_keys(yaml: &str) -> Result<(Option<Channel>, serde_json::Value, Vec<String>), String> {
        let yaml = yaml.replace("KEY", KEY);
        let read = |section: &mut Section<'_>| (read(section), section.values().clone());
        let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        let (channel, values) = read.value;
        let warnings = read.warnings.iter().map(|warning| warning.message.clone()).collect();
        Ok((channel, serde_json::to_value(&values).unwrap(), warnings))
    }

    fn channel(yaml: &str) -> Channel {
        read_keys(yaml).unwrap().0.unwrap()
    }

    fn message(lines: Vec<Line>) -> Message {
        Message::sample(Kind::Alert, "⚠️ [web-1]", lines)
    }

    fn posted(channel: &Channel, message: &Message) -> (String, Vec<u8>) {
        let form = Form { now: Timestamp::from_second(1_600_000_000).unwrap(), ..Form::default() };
        let [Job::Post(request)] = &channel.encode(message, form)[..] else { panic!("one post") };
        (request.url.expose(), request.body.clone())
    }

    #[test]
    fn a_message_is_a_text_with_its_keyword_and_its_signature_in_the_body() {
        let hostile = message(vec![Line::foreign("<at user_id=\"all\">x</at> [a](b) **c**")]);
        let (url, body) = posted(&channel("{url: KEY, secret: feishusecret, keyword: VPS}"), &hostile);
        assert_eq!(url, format!("https://open.feishu.cn/open-apis/bot/v2/hook/{KEY}"));
        let text = "⚠️ [web-1] VPS\n━━\n＜at user_id=\"all\"＞x＜/at＞ ［a］(b) ＊＊c＊＊\n⏰";
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&body).unwrap(),
            json!({"msg_type": "text", "content": {"text": text}, "timestamp": "1600000000",
                "sign": "l0BO/A5++WdBJ6iOyHAEL7hPs6I5LldrgqJw7AyItt4="})
        );
        let (url, body) = posted(&channel("{url: 'https://open.larksuite.com/open-apis/bot/v2/hook/KEY'}"), &hostile);
        assert!(url.starts_with("https://open.larksuite.com/") && !String::from_utf8_lossy(&body).contains("sign"));
    }

    #[test]
    fn its_keys_are_read_and_its_secrets_masked() {
        let yaml = "{url: 'https://open.larksuite.com/open-apis/bot/v2/hook/KEY', secret: feishusecret}";
        let (channel, values, warnings) = read_keys(yaml).unwrap();
        assert_eq!(values, json!({"url": "open.larksuite.com/…7e6f", "secret": "…cret", "keyword": ""}));
        assert_eq!(warnings, Vec::<String>::new());
        let channel = channel.unwrap();
        assert_eq!(channel.to_string(), "Lark bot open.larksuite.com/…7e6f");
        assert!(!format!("{channel:?}").contains(&KEY[..20]) && channel.secrets().len() == 2);
        let odd = Err(Error(format!("odd: {KEY}")));
        assert!(!channel.classify(&odd).reason().contains(&KEY[..20]));
        assert_eq!(read_keys("{}").unwrap().0, None);
        for (yaml, told) in [
            ("{url: 'https://open.feishu.cn/open-apis/bot/hook/KEY'}", "url: is not a robot's whole URL"),
            ("{url: 'https://open.feishu.cn/open-apis/bot/v2/hook/'}", "url: is not a robot's whole URL"),
            ("{url: word}", "url: is neither a URL nor a robot's token"),
        ] {
            let problem = read_keys(yaml).unwrap_err();
            assert!(problem.contains(told) && !problem.contains(&KEY[..20]), "{yaml}: {problem}");
        }
    }

    #[test]
    fn each_code_has_its_consequence_and_its_remedy() {
        let channel = channel("{url: KEY}");
        for (code, msg, outcome, remedy) in [
            (19_001, "param invalid: incoming webhook access token invalid", "ChannelRefused", "copy the webhook"),
            (19_002, "params error", "MessageRefused", "report it as a bug"),
            (19_021, "sign match fail or timestamp is not within one hour", "ChannelRefused", "timedatectl"),
            (19_022, "Ip Not Allowed", "ChannelRefused", "whitelist"),
            (19_024, "Key Words Not Found", "ChannelRefused", "feishu.keyword"),
            (9_499, "Bad Request", "MessageRefused", "report it as a bug"),
            (9_499, "too many request, Frequency limited", "Throttled", "wait a minute"),
            (11_232, "frequency limited psm", "Throttled", "wait a minute"),
            (19_036, "m", "MessageRefused", "report it as a bug"),
            (200_621, "m", "MessageRefused", "report it as a bug"),
            (230_099, "m", "MessageRefused", "report it as a bug"),
            (1, "m", "Rejected", "try again"),
        ] {
            let answer = Ok(Response::new(200, json!({"code": code, "msg": msg, "data": {}}).to_string()));
            let told = channel.classify(&answer);
            assert!(format!("{told:?}").starts_with(outcome), "{code}: {told:?}");
            assert!(told.reason().starts_with(&format!("code {code} ")), "{told:?}");
            assert!(channel.advice(&answer).unwrap().contains(remedy), "{code}");
        }
    }

    #[test]
    fn code_zero_is_a_delivery_whatever_it_is_called() {
        let outcome = |status, body: &str| channel("{url: KEY}").classify(&Ok(Response::new(status, body)));
        for body in [
            r#"{"code":0,"msg":"success","data":{},"StatusCode":0,"StatusMessage":"success","Extra":null}"#,
            r#"{"code":0,"msg":"success"}"#,
            r#"{"Extra":null,"StatusCode":0,"StatusMessage":"success"}"#,
        ] {
            assert_eq!(outcome(200, body), Outcome::Delivered, "{body}");
        }
        for body in [r#"{"code":19001,"StatusCode":0}"#, r#"{"StatusCode":19001}"#, r#"{"msg":"success"}"#, "ok", ""] {
            assert_ne!(outcome(200, body), Outcome::Delivered, "{body}");
        }
        assert!(matches!(outcome(429, r#"{"code":7}"#), Outcome::Throttled { .. }));
        assert!(matches!(outcome(502, r#"{"code":0}"#), Outcome::Retry { .. }));
    }

    proptest! {
        #[test]
        fn whatever_is_told_is_within_a_requests_limit(name in "\\PC{0,3000}|\"{3000}") {
            let channel = channel("{url: KEY, secret: feishusecret, keyword: 'k23456789k23456789k23456789'}");
            let lines = (0..9).map(|_| Line::foreign(&name)).collect();
            for part in channel.split(message(lines)) {
                prop_assert!(posted(&channel, &part).1.len() <= 20_000);
            }
        }
    }
}
