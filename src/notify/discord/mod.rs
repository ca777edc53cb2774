//! Discord: a message becomes an embed, posted to a channel's webhook, which answers once the message is saved.
//!
//! Vendor's pages: docs.discord.com/developers/resources/webhook (`Execute Webhook`; without `wait` nobody learns that a
//! message was not saved), /resources/message (an embed's limits, mentions).

mod reply;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::address::{self, Expected};
use super::{Channel, ChannelKind, ChannelLimits, Form, Job, PartLimit, PictureJob, Vendor, secret_key};
use crate::http::{self, Answer};
use crate::message::{Escape, Message, Severity};
use crate::outbox::{Budget, Outcome};
use crate::secret::{Scrubber, Secret};
use crate::settings::{Complaint, Doc, Section, doc};

/// The vendor names no number, and tells each time when it is too often; a channel is known to take 30 a minute.
const BUDGET: Budget =
    Budget { attempts: 30, window: Duration::from_secs(60), longest_attempt: crate::worker::POST_DEADLINE };

/// An embed's description has 4096 characters at most, and its title 256. If those are UTF-16's, one of ours is two.
const MAX_TEXT_CHARS: usize = 4096 / 2;
const MAX_TITLE_UNITS: usize = 256;

/// The least of any server's limit for a file: docs.discord.com/developers/reference#uploading-files.
const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;

const _: () = assert!(BUDGET.is_within_bounds());

pub const KIND: &ChannelKind =
    &ChannelKind { name: "discord", doc: doc("Discord 频道", "Discord channel"), setting: "discord.url", read };

const URL_DOC: Doc = doc("频道的 Webhook 地址", "the channel's webhook").values(
    "URL，或其出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "URL, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
);

const THREAD_DOC: Doc = doc("子区（帖子）的编号，0 为不指定", "a thread, such as a forum's post; 0: none");

const ADDRESS: Expected =
    Expected { services: &["Discord"], place: "a Discord channel's webhook, or of a relay for one" };

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let url = secret_key(section, "url", "URL", URL_DOC, webhook, http::masked);
    let thread_id = section.integer("thread_id", 0, 0..=i64::MAX.unsigned_abs(), THREAD_DOC);
    let url = url?;
    address::warn_of_unusual(section, "url", &url, ADDRESS);
    let posted_to = Secret::new(with_query(&url.expose(), thread_id));
    Some(Channel::new(Discord { url, posted_to, thread_id }))
}

/// `https://discord.com/api/webhooks/ID/TOKEN`, with a version behind `api` or without, at one of the vendor's hosts.
fn webhook(text: &str) -> Result<Option<Secret>, Complaint> {
    let url = address::url(text)?;
    let is_vendors = |url: &Secret| address::is_at(url, "discord.com") || address::is_at(url, "discordapp.com");
    let is_whole = |url: &str| {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        path.split_once("/webhooks/").and_then(|(_, rest)| rest.split_once('/')).is_some_and(|(id, token)| {
            let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !id.is_empty()
                && id.bytes().all(|byte| byte.is_ascii_digit())
                && token.len() >= 20
                && token.bytes().all(is_of_token)
        })
    };
    match url {
        Some(url) if is_vendors(&url) && !is_whole(&url.expose()) => Err(Complaint::new(
            "is not a webhook's whole URL, or has more behind it",
        )
        .expected("a URL such as https://discord.com/api/webhooks/123…/…, from the channel's settings > Integrations")),
        url => Ok(url),
    }
}

fn with_query(url: &str, thread_id: u64) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let mut url = url.to_owned();
    let mut add = |name: &str, value: &str| {
        let separator = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!("{separator}{name}={value}"));
    };
    add("wait", "true");
    if thread_id > 0 {
        add("thread_id", &thread_id.to_string());
    }
    url
}

/// One webhook.
#[derive(Debug)]
struct Discord {
    url: Secret,
    /// With the query.
    posted_to: Secret,
    /// 0: none.
    thread_id: u64,
}

const MARKDOWN: Escape = Escape { own, foreign };

/// Our own words have code in backticks, and nothing else of Markdown.
fn own(c: char, into: &mut String) {
    if matches!(c, '*' | '_' | '~' | '|' | '\\') {
        into.push('\\');
    }
    if c == '\n' || !c.is_control() {
        into.push(c);
    }
}

/// Any punctuation may have a backslash before it. Without a colon there is neither an emoji nor a link.
fn foreign(c: char, into: &mut String) {
    match c {
        '@' => into.push('＠'),
        '`' | '>' | '<' | '[' | ']' | '(' | ')' | '#' | '-' | '+' | ':' => {
            into.push('\\');
            into.push(c);
        }
        c => own(c, into),
    }
}

const fn color(severity: Severity) -> u32 {
    match severity {
        Severity::Good => 0x2e_a0_43,
        Severity::Info => 0x5b_6b_7b,
        Severity::Warning => 0xd2_99_22,
        Severity::Critical => 0xd1_24_2f,
    }
}

impl Vendor for Discord {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        "discord.url or discord.thread_id"
    }

    fn address_setting(&self) -> &'static str {
        KIND.setting
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: Some(PartLimit::Chars(MAX_TEXT_CHARS)), budget: Some(BUDGET) }
    }

    fn escape(&self) -> Escape {
        MARKDOWN
    }

    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        let (title, text) = (message.title_text(&MARKDOWN), message.body_text(&MARKDOWN));
        let mut embed = json!({"color": color(message.severity()), "timestamp": message.created.to_string()});
        if title.encode_utf16().count() <= MAX_TITLE_UNITS {
            embed["title"] = json!(title);
            embed["description"] = json!(text);
        } else {
            embed["description"] = json!(format!("{title}\n{text}"));
        }
        let body = json!({"embeds": [embed], "allowed_mentions": {"parse": []}});
        vec![Job::Post(http::Request::json(self.posted_to.clone(), body.to_string()))]
    }

    fn picture(&self, _: Form<'_>) -> Option<PictureJob> {
        let fields = [("payload_json", json!({"allowed_mentions": {"parse": []}}).to_string())];
        Some(PictureJob::form(self.posted_to.clone(), &fields, "files[0]", MAX_FILE_BYTES))
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        reply::SERVICE.classify(answer, &Scrubber::of(self.secrets()))
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        reply::advice(answer, &self.url).map(Cow::Borrowed)
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.url]
    }
}

impl fmt::Display for Discord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Discord webhook {}", http::masked(&self.url))?;
        if self.thread_id > 0 { write!(f, ", thread {}", self.thread_id) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Kind, Line};
    use crate::settings;
    use proptest::prelude::*;
    use serde_json::Value;

    const TOKEN: &str = "0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f_0f9e8d7c";
    const URL: &str = "https://discord.com/api/webhooks/123456789012345678/TOKEN";

    fn read_keys(yaml: &str) -> Result<(Option<Channel>, Value, Vec<String>), String> {
        let yaml = yaml.replace("URL", URL).replace("TOKEN", TOKEN);
        let read = |section: &mut Section<'_>| (read(section), section.values().clone());
        let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        let (channel, values) = read.value;
        let warnings = read.warnings.iter().map(|warning| warning.message.clone()).collect();
        Ok((channel, serde_json::to_value(&values).unwrap(), warnings))
    }

    fn channel(yaml: &str) -> Channel {
        read_keys(yaml).unwrap().0.unwrap()
    }

    fn message(title: Line, lines: Vec<Line>) -> Message {
        Message::sample(Kind::Alert, title, lines)
    }

    fn posted(channel: &Channel, message: &Message) -> (String, Value) {
        let [Job::Post(request)] = &channel.encode(message, Form::default())[..] else { panic!("one post") };
        (request.url.expose(), serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn a_message_is_an_embed_in_which_a_name_is_nothing_but_itself() {
        let hostile = message(
            Line::from("⚠️ [") + Line::foreign("web_1") + "]",
            vec![Line::from("see `x`: ") + Line::foreign("@everyone <@1> **b** [a](https://x) # - \\ ||s|| :joy:")],
        );
        let (url, body) = posted(&channel("{url: 'URL', thread_id: 7}"), &hostile);
        assert_eq!(url, format!("{}?wait=true&thread_id=7", URL.replace("TOKEN", TOKEN)));
        let text = "see `x`: ＠everyone \\<＠1\\> \\*\\*b\\*\\* \\[a\\]\\(https\\://x\\) \\# \\- \\\\ \\|\\|s\\|\\| \\:joy\\:\n⏰";
        assert_eq!(
            body,
            json!({"allowed_mentions": {"parse": []}, "embeds": [{"title": "⚠️ [web\\_1]", "description": text,
                "color": 0xd2_99_22, "timestamp": "1970-01-01T00:00:00Z"}]})
        );
        // A title that is too long for its place is told all the same.
        let (_, body) = posted(&channel("{url: 'URL'}"), &message("t".repeat(257).into(), vec![]));
        assert_eq!(body["embeds"][0]["description"], format!("{}\n⏰", "t".repeat(257)));
        assert!(body["embeds"][0].get("title").is_none());
    }

    #[test]
    fn a_picture_is_a_file_of_a_form_that_mentions_nobody() {
        let job = channel("{url: 'URL', thread_id: 7}").picture(Form::default()).unwrap();
        assert!(job.request.url.expose().ends_with("?wait=true&thread_id=7"));
        let body = String::from_utf8(http::with_file(&job.body, b"PNG")).unwrap();
        for part in [
            "name=\"payload_json\"\r\n\r\n{\"allowed_mentions\":{\"parse\":[]}}\r\n",
            "name=\"files[0]\"; f",
            "PNG\r\n--",
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
    }

    #[test]
    fn its_keys_are_read_and_its_secrets_masked() {
        let (channel, values, warnings) = read_keys("{url: 'URL', thread_id: 1234567890123456789}").unwrap();
        assert_eq!(values, json!({"url": "discord.com/…8d7c", "thread_id": 1_234_567_890_123_456_789_u64}));
        assert_eq!(warnings, Vec::<String>::new());
        let channel = channel.unwrap();
        assert!(channel.to_string().ends_with(", thread 1234567890123456789"), "{channel}");
        assert!(!format!("{channel:?} {channel}").contains(&TOKEN[..20]));
        assert_eq!(read_keys("{}").unwrap().0, None);
        for url in
            ["https://canary.discord.com/api/v10/webhooks/1/TOKEN", "https://discordapp.com/api/webhooks/1/TOKEN"]
        {
            assert!(read_keys(&format!("{{url: '{url}'}}")).is_ok(), "{url}");
        }
        for (url, told) in [
            ("https://discord.com/channels/1/2", "is not a webhook's whole URL"),
            ("https://discord.com/api/webhooks/1/TOKEN/slack", "has more behind it"),
            ("https://discord.com/api/webhooks/1/", "is not a webhook's whole URL"),
            ("discord.com/api/webhooks/1/TOKEN", "is not an http or https URL"),
        ] {
            let problem = read_keys(&format!("{{url: '{url}'}}")).unwrap_err();
            assert!(problem.contains(told) && !problem.contains(&TOKEN[..20]), "{url}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_told_is_within_an_embeds_limits(name in "\\PC{0,3000}") {
            let channel = channel("{url: 'URL'}");
            let lines = (0..9).map(|_| Line::foreign(&name)).collect();
            for part in channel.split(message(Line::foreign(&name), lines)) {
                let (_, body) = posted(&channel, &part);
                let units = |field: &str| body["embeds"][0][field].as_str().unwrap_or_default().encode_utf16().count();
                prop_assert!(units("title") <= 256 && units("description") <= 4096);
            }
        }
    }
}
