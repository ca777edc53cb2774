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

use serde_json::json;

use super::address::{self, Expected};
use super::{Channel, ChannelKind, ChannelLimits, Form, Job, PartLimit, PictureJob, Vendor, secret_key};
use crate::http::{self, Answer, BodyPart};
use crate::message::{Escape, Message};
use crate::outbox::{self, Budget, Outcome};
use crate::secret::Secret;
use crate::settings::{Doc, Section, Text, doc};

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
    webhook.map(|webhook| Channel::new(Wecom { webhook }))
}

/// One robot.
#[derive(Debug)]
struct Wecom {
    webhook: Webhook,
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
        vec![Job::Post(http::Request::json(self.webhook.url().clone(), body.to_string()))]
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
        Some(PictureJob { request, body, max_bytes: MAX_IMAGE_BYTES })
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        reply::SERVICE.classify(answer, self.webhook.url())
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
    use crate::message::Kind;
    use crate::settings::{self, Values};

    const ROBOT: &str = "693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";

    /// The channel, the section's values, and the warnings.
    fn read_keys(yaml: &str) -> Result<(Option<Channel>, Values, Vec<String>), String> {
        let read = |section: &mut Section<'_>| (read(section), section.values().clone());
        let read = settings::read("config.yaml", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        let (channel, values) = read.value;
        Ok((channel, values, read.warnings.iter().map(|warning| warning.message.clone()).collect()))
    }

    #[test]
    fn a_message_is_posted_as_markdown_without_control_characters() {
        let message = Message {
            kind: Kind::Alert,
            title: "⚠️ VPS 告警 [web\u{0}-1]".into(),
            rule_width: 2,
            lines: vec!["📊 \"内存\"\u{7f}\t\u{85}85.2%\r".into()],
            footer: "⏰".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            part: None,
            facts: Vec::new(),
            folded: 0,
            whole: None,
        };
        let webhook = Webhook::parse(ROBOT).unwrap().unwrap();
        let [Job::Post(request)] = &(Wecom { webhook }).encode(&message, Form::default())[..] else {
            panic!("a robot is posted to")
        };
        assert_eq!(request.url.expose(), format!("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={ROBOT}"));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let content = "⚠️ VPS 告警 [web-1]\n━━\n📊 \"内存\"85.2%\n⏰";
        assert_eq!(body, json!({"msgtype": "markdown", "markdown": {"content": content}}));
    }

    #[test]
    fn a_picture_is_posted_in_base64_with_its_sum() {
        let webhook = Webhook::parse(ROBOT).unwrap().unwrap();
        let job = Wecom { webhook }.picture(Form::default()).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&http::with_file(&job.body, b"abc")).unwrap();
        let image = json!({"base64": "YWJj", "md5": "900150983cd24fb0d6963f7d28e17f72"});
        assert_eq!(body, json!({"msgtype": "image", "image": image}));
        assert!(job.request.url.expose().ends_with(ROBOT));
    }

    #[test]
    fn the_robot_is_read_and_shown_masked() {
        let (channel, values, warnings) = read_keys(&format!("webhook_url: {ROBOT}")).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(serde_json::to_string(&values).unwrap(), r#"{"webhook_url":"key=…5aaa"}"#);
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
