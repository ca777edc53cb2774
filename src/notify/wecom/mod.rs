//! WeChat Work (企业微信) group robot: a message becomes one `markdown` post to its webhook.
//!
//! Vendor's page: developer.work.weixin.qq.com, document path 91770 and 99110 (messages and their limits).

mod code;
mod markup;
mod reply;
mod webhook;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::address::{self, Expected};
use super::{Channel, ChannelKind, ChannelLimits, Form, Job, PartLimit, PictureJob, Vendor, secret_key};
use crate::http::{self, Answer, BodyPart};
use crate::message::{Escape, Message, Severity};
use crate::outbox::{self, Budget, Outcome};
use crate::secret::{Scrubber, Secret};
use crate::settings::{Complaint, Doc, NO_DOC, Section, Text, Written, doc};
use crate::text;

pub use reply::RATE_LIMIT_HOLD;
pub use webhook::Webhook;

/// A WeChat Work robot takes 20 messages a minute (developer.work.weixin.qq.com, document path 91770).
pub const BUDGET: Budget =
    Budget { attempts: 20, window: Duration::from_secs(60), longest_attempt: crate::worker::POST_DEADLINE };

/// The robot's limit for a markdown message's content, in bytes of UTF-8: document path 91770.
const MAX_CONTENT_BYTES: usize = 4096;

/// Its limit for an image, before its encoding: document path 91770.
const MAX_IMAGE_BYTES: usize = 2 * 1024 * 1024;

const _: () = assert!(BUDGET.is_within_bounds());
const _: () =
    assert!(outbox::MAX_MESSAGES <= 5 * BUDGET.attempts, "messages that are not folded go out in five minutes");
const _: () = assert!(RATE_LIMIT_HOLD.as_millis() >= BUDGET.window.as_millis());

/// Its section is also the name of the one outbox that a state of version 1 has.
pub const KIND: &ChannelKind = &ChannelKind {
    name: "wechat",
    doc: doc("企业微信机器人", "WeChat Work group robot"),
    setting: "wechat.webhook_url",
    read,
};

const KEY: &str = "webhook_url";

const WEBHOOK: Doc = doc("群机器人，留空则消息只打印出来", "the group's robot; empty: messages are only printed")
    .values(
        "完整地址，或只写 key；也可写明出处：`credential:NAME`、`file:/path`、`env:NAME`",
        "URL or bare key, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
    )
    .pattern(r"^(?!.*[Yy][Oo][Uu][Rr][_-][Kk][Ee][Yy])\s*(|https?://\S+|(credential|env|file):\S.*|[0-9A-Za-z_-]{12,})\s*$")
    .template("\"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=YOUR_KEY\"")
    .above(&[
        Text {
            zh: "群设置 → 消息推送（群机器人）→ 添加，复制 Webhook 地址，替换下面的一行；留空则不发送消息。",
            en: "Add a robot to the group and copy its webhook address here. Empty: no messages are sent.",
        },
        Text {
            zh: "地址中的 key 等同于密码，也可放在别处：credential:NAME（systemd LoadCredential=）、file:/path、env:NAME",
            en: "The key in it is as good as a password. It can be stored elsewhere: credential:NAME, file:/path, env:NAME",
        },
    ]);

const ADDRESS: Expected =
    Expected { services: &["WeChat Work"], place: "a WeChat Work group's robot, or of a relay for one" };

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let problems = section.problem_count();
    let webhook = secret_key(section, KEY, "webhook", WEBHOOK, Webhook::parse, Webhook::masked);
    match &webhook {
        Some(webhook) => address::warn_of_unusual(section, KEY, webhook.url(), ADDRESS),
        None if section.is_written(KEY) && section.problem_count() == problems => {
            section.warning(KEY, "empty: this is no channel; without another one messages are only printed");
        }
        None => {}
    }
    let mentions = section.list("mention", MENTION, |item| item.parse(NO_DOC.pattern(r"\S").or_number(), person));
    let mentions = mentions.unwrap_or_default();
    section.holds("mention", Written::texts(&mentions));
    webhook.map(|webhook| Channel::new(Wecom { webhook, mentions }))
}

const MENTION: Doc = doc(
    "严重告警另发一条短消息提醒这些人：`@all`、成员的 userid，或 11 位手机号",
    "critical alerts mention these in a second, short message: `@all`, userids, or mobile numbers of 11 digits",
)
.values("列表", "list")
.unique();

/// The name that members call themselves is none of these; of a wrong one the robot says nothing.
fn person(text: &str) -> Result<String, Complaint> {
    let text = text.trim();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if !text.is_empty() && text.len() <= MAX_USERID_BYTES && text.chars().all(is_of_name) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new("is nobody's userid").expected("@all, a member's userid, or a mobile number of 11 digits"))
}

/// Document path 90195: a userid has 64 bytes at most.
const MAX_USERID_BYTES: usize = 64;

/// A `text` message has 2048 bytes at most (document path 99110).
const MAX_MENTION_BYTES: usize = 1024;

fn is_mobile(text: &str) -> bool {
    text.len() == 11 && text.starts_with('1') && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// One robot.
#[derive(Debug)]
struct Wecom {
    webhook: Webhook,
    /// For critical alerts.
    mentions: Vec<String>,
}

impl Wecom {
    fn post(&self, body: &Value) -> Job {
        Job::Post(http::Request::json(self.webhook.url().clone(), body.to_string()))
    }

    /// Markdown can mention nobody by number, and not all; a text can (document path 99110).
    fn mention(&self, message: &Message) -> Option<Job> {
        let is_first = message.part.is_none_or(|(number, _)| number == 1);
        if self.mentions.is_empty() || !is_first || message.severity() != Severity::Critical {
            return None;
        }
        let (mobiles, users): (Vec<&String>, Vec<&String>) = self.mentions.iter().partition(|text| is_mobile(text));
        let title = message.title_text(&markup::ESCAPE);
        let content = text::beginning(&title, MAX_MENTION_BYTES);
        let text = json!({"content": content, "mentioned_list": users, "mentioned_mobile_list": mobiles});
        Some(self.post(&json!({"msgtype": "text", "text": text})))
    }
}

impl Vendor for Wecom {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        KIND.setting
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: Some(PartLimit::Bytes(MAX_CONTENT_BYTES)), budget: Some(BUDGET) }
    }

    fn escape(&self) -> Escape {
        markup::ESCAPE
    }

    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        let body = json!({"msgtype": "markdown", "markdown": {"content": message.text(&markup::ESCAPE)}});
        [Some(self.post(&body)), self.mention(message)].into_iter().flatten().collect()
    }

    fn picture(&self, _: Form<'_>) -> Option<PictureJob> {
        let text = |text: &str| BodyPart::Text(text.to_owned());
        let body = vec![
            text(r#"{"msgtype":"image","image":{"base64":""#),
            BodyPart::Base64,
            text(r#"","md5":""#),
            BodyPart::Md5,
            text(r#""}}"#),
        ];
        let request = http::Request::json(self.webhook.url().clone(), String::new());
        Some(PictureJob { request, body, max_bytes: MAX_IMAGE_BYTES, without: None })
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        reply::SERVICE.classify(answer, &Scrubber::of(self.secrets()))
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        reply::SERVICE.advice(answer).map(Cow::Borrowed)
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![self.webhook.url()]
    }
}

impl fmt::Display for Wecom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeChat Work robot {}", self.webhook.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Kind, Line, Whole};
    use crate::settings::{self, Values};

    const ROBOT: &str = "693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";

    /// The channel, the section's values, and the warnings.
    fn read_keys(yaml: &str) -> Result<(Option<Channel>, Values, Vec<String>), String> {
        let read = |section: &mut Section<'_>| (read(section), section.values().clone());
        let read = settings::read("config.yaml", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        let (channel, values) = read.value;
        Ok((channel, values, read.warnings.iter().map(|warning| warning.message.clone()).collect()))
    }

    fn message() -> Message {
        Message::sample(Kind::Alert, "⚠️ VPS 告警 [web\u{0}-1]", vec!["📊 \"内存\"\u{7f}\t\u{85}85.2%\r".into()])
    }

    #[test]
    fn a_message_is_posted_as_markdown_without_control_characters() {
        let webhook = Webhook::parse(ROBOT).unwrap().unwrap();
        let [Job::Post(request)] = &Wecom { webhook, mentions: Vec::new() }.encode(&message(), Form::default())[..]
        else {
            panic!("a robot is posted to")
        };
        assert_eq!(request.url.expose(), format!("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={ROBOT}"));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let content = "⚠️ VPS 告警 [web-1]\n━━\n📊 \"内存\"85.2%\n⏰";
        assert_eq!(body, json!({"msgtype": "markdown", "markdown": {"content": content}}));
    }

    #[test]
    fn a_critical_message_mentions_people_once_in_a_short_text_behind_it() {
        let (channel, values, _) =
            read_keys(&format!("{{webhook_url: {ROBOT}, mention: ['@all', zhang.san, 13800138000]}}")).unwrap();
        let shown = serde_json::to_value(&values).unwrap();
        assert_eq!(shown["mention"], json!(["@all", "zhang.san", "13800138000"]));
        let whole = |severity| Some(Whole { severity, id: 7 });
        let title = Line::from("⚠️ [") + Line::foreign("<@all>") + "]";
        let critical = Message { whole: whole(Severity::Critical), title, part: Some((1, 2)), ..message() };
        let channel = channel.unwrap();
        let bodies = |message: &Message| -> Vec<Value> {
            let jobs = channel.encode(message, Form::default());
            let body = |job: Job| {
                if let Job::Post(post) = job { serde_json::from_slice(&post.body).unwrap() } else { panic!() }
            };
            jobs.into_iter().map(body).collect()
        };
        let told = bodies(&critical);
        assert_eq!((told.len(), &told[0]["msgtype"]), (2, &json!("markdown")));
        let text = json!({"content": "⚠️ [＜@all＞] (1/2)", "mentioned_list": ["@all", "zhang.san"],
            "mentioned_mobile_list": ["13800138000"]});
        assert_eq!(told[1], json!({"msgtype": "text", "text": text}));
        assert_eq!(bodies(&Message { part: Some((2, 2)), ..critical.clone() }).len(), 1);
        for severity in [Severity::Good, Severity::Info, Severity::Warning] {
            assert_eq!(bodies(&Message { whole: whole(severity), ..critical.clone() }).len(), 1);
        }
        for nobody in ["''", "'a b'", "'<@all>'", "张三"] {
            let problem = read_keys(&format!("{{webhook_url: {ROBOT}, mention: [{nobody}]}}")).unwrap_err();
            assert!(problem.contains("mention[0]: is nobody's userid"), "{problem}");
        }
    }

    #[test]
    fn a_picture_is_posted_in_base64_with_its_sum() {
        let webhook = Webhook::parse(ROBOT).unwrap().unwrap();
        let job = Wecom { webhook, mentions: Vec::new() }.picture(Form::default()).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&http::with_file(&job.body, b"abc")).unwrap();
        let image = json!({"base64": "YWJj", "md5": "900150983cd24fb0d6963f7d28e17f72"});
        assert_eq!(body, json!({"msgtype": "image", "image": image}));
        assert!(job.request.url.expose().ends_with(ROBOT));
    }

    #[test]
    fn the_robot_is_read_and_shown_masked() {
        let (channel, values, warnings) = read_keys(&format!("webhook_url: {ROBOT}")).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(serde_json::to_string(&values).unwrap(), r#"{"webhook_url":"key=…5aaa","mention":[]}"#);
        assert!(!format!("{:?}", channel.unwrap()).contains(&ROBOT[..30]));
    }

    #[test]
    fn no_channel_is_warned_of_only_where_it_is_written() {
        let (channel, _, warnings) = read_keys("webhook_url: ''").unwrap();
        assert_eq!((channel, warnings.len()), (None, 1));
        assert!(warnings[0].contains("this is no channel"), "{warnings:?}");
        let (channel, _, warnings) = read_keys("").unwrap();
        assert_eq!((channel, warnings), (None, Vec::new()));
    }

    #[test]
    fn plain_http_is_warned_of_unless_it_stays_on_this_machine() {
        let (_, _, warnings) = read_keys(&format!("webhook_url: http://relay.example.com/send?key={ROBOT}")).unwrap();
        assert!(warnings[0].contains("use https://"), "{warnings:?}");
        let (_, _, warnings) = read_keys(&format!("webhook_url: http://127.0.0.1:8080/send?key={ROBOT}")).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn another_services_webhook_is_warned_of_by_its_name() {
        for (url, vendor) in [
            ("https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef", "DingTalk"),
            ("https://open.feishu.cn/open-apis/bot/v2/hook/0123-4567", "Feishu"),
            ("https://hooks.slack.com/services/T0/B0/abcdef", "Slack"),
        ] {
            let (_, _, warnings) = read_keys(&format!("webhook_url: {url}")).unwrap();
            assert!(warnings[0].contains(&format!("this is {vendor}'s address")), "{warnings:?}");
        }
        let (_, _, warnings) = read_keys("webhook_url: https://relay.example.com/dingtalk.com").unwrap();
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn the_placeholder_is_an_error_that_says_where_to_get_a_key() {
        let problem =
            read_keys("webhook_url: https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=YOUR_KEY").unwrap_err();
        assert!(problem.contains("placeholder") && problem.contains("群机器人"), "{problem}");
    }
}
