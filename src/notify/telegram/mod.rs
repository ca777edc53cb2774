//! Telegram: a message becomes one `sendMessage` of a bot, in HTML, in which three characters alone are special.
//!
//! Vendor's pages: core.telegram.org/bots/api (`sendMessage`, "HTML style", `ResponseParameters`) and
//! core.telegram.org/bots/faq (limits). Its server is public: tdlib/telegram-bot-api.

mod reply;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Channel, ChannelKind, ChannelLimits, Form, Job, PartLimit, PictureJob, Vendor, address, secret_key};
use crate::http::{self, Answer, Target};
use crate::message::{Escape, Kind, Message};
use crate::outbox::{Budget, Outcome};
use crate::secret::Secret;
use crate::settings::{Complaint, Doc, Section, Written, doc};

/// A group takes 20 messages a minute from a bot, a single chat some more: core.telegram.org/bots/faq.
const BUDGET: Budget =
    Budget { attempts: 20, window: Duration::from_secs(60), longest_attempt: crate::worker::POST_DEADLINE };

/// A message's text has 4096 characters at most once its entities are parsed: core.telegram.org/bots/api#sendmessage.
/// They are counted before that, which is more.
const MAX_TEXT_CHARS: usize = 4096;

/// A photo has 10 MB at most: core.telegram.org/bots/api#sendphoto.
const MAX_PHOTO_BYTES: usize = 10 * 1024 * 1024;

/// Around the title.
const BOLD: [&str; 2] = ["<b>", "</b>"];

const _: () = assert!(BUDGET.is_within_bounds());

pub const KIND: &ChannelKind =
    &ChannelKind { name: "telegram", doc: doc("Telegram 机器人", "Telegram bot"), setting: "telegram.token", read };

const CHAT: &str = "chat_id";

const VENDORS_API: &str = "https://api.telegram.org";

const TOKEN_DOC: Doc = doc("@BotFather 给出的 token", "the bot's token, from @BotFather").values(
    "token，或其出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "token, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
);

const CHAT_DOC: Doc = doc("发到哪个会话", "the chat")
    .values("数字，如 `-1001234567890`，或 `@频道名`", "a number such as `-1001234567890`, or `@channelname`")
    .pattern(r"^\s*(-?[0-9]+|@[A-Za-z0-9_]+)?\s*$")
    .or_number();

const API_DOC: Doc = doc(
    "Bot API 的地址，留空则为 `https://api.telegram.org`；中国大陆可填反向代理或自建的 telegram-bot-api",
    "address of the Bot API; empty: `https://api.telegram.org`. A reverse proxy, or a telegram-bot-api of your own",
)
.values("URL，或其出处", "URL, or where it is");

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let token = secret_key(section, "token", "token", TOKEN_DOC, bot_token, Secret::to_string);
    let chat_id = section.parse(CHAT, CHAT_DOC, chat);
    section.holds(CHAT, Written::Text(chat_id.clone()));
    let thread_id = section.integer(
        "message_thread_id",
        0,
        0..=u64::from(u32::MAX),
        doc("话题群中的话题编号，0 为不指定", "the topic of a forum; 0: none"),
    );
    let api = secret_key(section, "api_url", "URL", API_DOC, api, http::masked);
    if let Some(api) = &api {
        address::warn_if_readable(section, "api_url", api);
    }
    let token = token?;
    if chat_id.is_empty() {
        if !section.is_written(CHAT) {
            section.problem(CHAT, Complaint::new("is missing").expected(EXPECTED_CHAT));
        }
        return None;
    }
    let api = api.map_or_else(|| VENDORS_API.to_owned(), |api| api.expose());
    let url = Secret::new(format!("{api}/bot{}/sendMessage", token.expose()));
    Some(Channel::new(Telegram { token, url, chat_id, thread_id }))
}

/// `123456789:AA…`: the bot's number, and its secret.
fn bot_token(text: &str) -> Result<Option<Secret>, Complaint> {
    let text = text.trim();
    let is_of_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_token = |(bot, key): (&str, &str)| {
        !bot.is_empty()
            && bot.bytes().all(|byte| byte.is_ascii_digit())
            && key.len() >= 20
            && key.bytes().all(is_of_key)
    };
    match text.split_once(':') {
        _ if text.is_empty() => Ok(None),
        Some(parts) if is_token(parts) => Ok(Some(Secret::new(text))),
        _ => Err(Complaint::new("is no bot's token").expected("a token such as 123456789:AA…, as @BotFather shows it")),
    }
}

const EXPECTED_CHAT: &str = "a number such as -1001234567890 (of a group it is negative), or @channelname";

fn chat(text: &str) -> Result<String, Complaint> {
    let text = text.trim();
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if text.parse::<i64>().is_ok_and(|id| id != 0) || text.strip_prefix('@').is_some_and(is_name) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new("is no chat's id").expected(EXPECTED_CHAT))
}

fn api(text: &str) -> Result<Option<Secret>, Complaint> {
    let text = text.trim().trim_end_matches('/');
    match Target::of(text) {
        _ if text.is_empty() => Ok(None),
        Some(_) if !text.contains(['?', '#']) => Ok(Some(Secret::new(text))),
        _ => Err(Complaint::new("is no address of a Bot API").expected("a URL such as https://tg.example.com")),
    }
}

/// One bot in one chat.
#[derive(Debug)]
struct Telegram {
    token: Secret,
    /// The token is in it.
    url: Secret,
    chat_id: String,
    /// 0: none.
    thread_id: u64,
}

/// Control characters are left out: it refuses some.
const HTML: Escape = Escape { own: entity, foreign: entity };

const PLAIN: Escape = Escape { own: visible, foreign: visible };

fn entity(c: char, into: &mut String) {
    match c {
        '&' => into.push_str("&amp;"),
        '<' => into.push_str("&lt;"),
        '>' => into.push_str("&gt;"),
        c => visible(c, into),
    }
}

fn visible(c: char, into: &mut String) {
    if c == '\n' || !c.is_control() {
        into.push(c);
    }
}

fn html(message: &Message) -> String {
    let text = message.text(&HTML);
    let (title, rest) = text.split_once('\n').unwrap_or((&text, ""));
    format!("{}{title}{}\n{rest}", BOLD[0], BOLD[1])
}

/// A number as such, a name as a text.
fn chat_json(chat_id: &str) -> Value {
    chat_id.parse::<i64>().map_or_else(|_| json!(chat_id), |id| json!(id))
}

impl Vendor for Telegram {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        "telegram.token or telegram.chat_id"
    }

    fn address_setting(&self) -> &'static str {
        "telegram.chat_id"
    }

    fn limits(&self) -> ChannelLimits {
        let text_chars = MAX_TEXT_CHARS - BOLD[0].len() - BOLD[1].len();
        ChannelLimits { part: Some(PartLimit::Chars(text_chars)), budget: Some(BUDGET) }
    }

    fn escape(&self) -> Escape {
        HTML
    }

    fn encode(&self, message: &Message, form: Form<'_>) -> Vec<Job> {
        let moved = form.moved.filter(|moved| moved.from == self.chat_id);
        let chat_id = moved.map_or(&self.chat_id, |moved| &moved.to);
        let text = if form.is_plain { message.text(&PLAIN) } else { html(message) };
        // Nobody need be woken by good news.
        let is_quiet = matches!(message.kind, Kind::Recovery | Kind::Report);
        let mut body = json!({
            "chat_id": chat_json(chat_id),
            "text": text,
            "link_preview_options": {"is_disabled": true},
            "disable_notification": is_quiet,
        });
        if !form.is_plain {
            body["parse_mode"] = json!("HTML");
        }
        if self.thread_id > 0 {
            body["message_thread_id"] = json!(self.thread_id);
        }
        vec![Job::Post(http::Request::json(self.url.clone(), body.to_string()))]
    }

    fn picture(&self, form: Form<'_>) -> Option<PictureJob> {
        let moved = form.moved.filter(|moved| moved.from == self.chat_id);
        let chat_id = moved.map_or(&self.chat_id, |moved| &moved.to);
        let mut fields = vec![("chat_id", chat_id.clone()), ("disable_notification", "true".to_owned())];
        if self.thread_id > 0 {
            fields.push(("message_thread_id", self.thread_id.to_string()));
        }
        let of_text = self.url.expose();
        let method = of_text.rsplit_once('/').map_or(&*of_text, |(bot, _)| bot);
        let url = Secret::new(format!("{method}/sendPhoto"));
        Some(PictureJob::form(url, &fields, "photo", MAX_PHOTO_BYTES))
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        reply::classify(answer, &self.url, &self.chat_id)
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        let is_vendors = Target::of(&self.url.expose()).is_some_and(|target| VENDORS_API.ends_with(&target.host));
        reply::advice(answer, is_vendors).map(Cow::Borrowed)
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.url, &self.token]
    }
}

impl fmt::Display for Telegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Telegram bot {} in chat {}", self.token, self.chat_id)?;
        if self.thread_id > 0 { write!(f, ", topic {}", self.thread_id) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::Line;
    use crate::outbox::Moved;
    use crate::settings::{self, Values};

    const TOKEN: &str = "123456789:AAF0f9e8d7c-6b5a_4c3d9e2f1a0b9c8d7e";

    /// The channel, its values and the warnings, or the first problem.
    fn read_keys(yaml: &str) -> Result<(Option<Channel>, Values, Vec<String>), String> {
        let yaml = yaml.replace("TOKEN", TOKEN);
        let read = |section: &mut Section<'_>| (read(section), section.values().clone());
        let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        let (channel, values) = read.value;
        Ok((channel, values, read.warnings.iter().map(|warning| warning.message.clone()).collect()))
    }

    fn channel(yaml: &str) -> Channel {
        read_keys(yaml).unwrap().0.unwrap()
    }

    fn message(kind: Kind) -> Message {
        Message::sample(
            kind,
            Line::from("⚠️ [") + Line::foreign("<web & 1>") + "]",
            vec![Line::from("a > b\u{7}") + Line::foreign("_*[]()~`>#+-=|{}.!\\")],
        )
    }

    fn body(channel: &Channel, message: &Message, form: Form<'_>) -> (String, Value) {
        let [Job::Post(request)] = &channel.encode(message, form)[..] else { panic!("one post") };
        (request.url.expose(), serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn a_picture_is_a_form_for_the_same_chat_and_topic() {
        let channel = channel("{token: TOKEN, chat_id: -1001234567890, message_thread_id: 7}");
        let job = channel.picture(Form::default()).unwrap();
        assert!(job.request.url.expose().ends_with(&format!("/bot{TOKEN}/sendPhoto")));
        let body = String::from_utf8(http::with_file(&job.body, b"PNG")).unwrap();
        let boundary = job.request.headers[0].1.expose().split_once("boundary=").unwrap().1.to_owned();
        let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 6, "{body}");
        for (part, end) in [
            (1, "name=\"chat_id\"\r\n\r\n-1001234567890\r\n"),
            (3, "name=\"message_thread_id\"\r\n\r\n7\r\n"),
            (4, "name=\"photo\"; filename=\"vps-monitor.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n"),
            (5, "--\r\n"),
        ] {
            assert!(parts[part].ends_with(end), "{}", parts[part]);
        }
    }

    #[test]
    fn a_message_is_html_with_a_bold_title_and_three_characters_escaped() {
        let channel = channel("{token: 'TOKEN', chat_id: -1001234567890, message_thread_id: 5}");
        let (url, told) = body(&channel, &message(Kind::Alert), Form::default());
        assert_eq!(url, format!("https://api.telegram.org/bot{TOKEN}/sendMessage"));
        let text = "<b>⚠️ [&lt;web &amp; 1&gt;]</b>\n━━\na &gt; b_*[]()~`&gt;#+-=|{}.!\\\n⏰";
        assert_eq!(
            told,
            json!({"chat_id": -1_001_234_567_890_i64, "text": text, "parse_mode": "HTML", "message_thread_id": 5,
                "link_preview_options": {"is_disabled": true}, "disable_notification": false})
        );
        let (_, told) = body(&channel, &message(Kind::Recovery), Form { is_plain: true, ..Form::default() });
        assert_eq!(told["text"], "⚠️ [<web & 1>]\n━━\na > b_*[]()~`>#+-=|{}.!\\\n⏰");
        assert!(told.get("parse_mode").is_none() && told["disable_notification"] == true, "{told}");
    }

    #[test]
    fn a_chat_that_has_moved_is_followed_until_the_configuration_names_another() {
        let moved = Moved { from: "-5".to_owned(), to: "-1005".to_owned() };
        let form = Form { moved: Some(&moved), ..Form::default() };
        for (chat, expected) in [("-5", json!(-1005)), ("-7", json!(-7)), ("'@news'", json!("@news"))] {
            let channel = channel(&format!("{{token: 'TOKEN', chat_id: {chat}}}"));
            assert_eq!(body(&channel, &message(Kind::Alert), form).1["chat_id"], expected);
        }
    }

    #[test]
    fn its_keys_are_read_and_its_secrets_masked() {
        let (channel, values, warnings) =
            read_keys("{token: 'TOKEN', chat_id: '@news', api_url: 'https://tg.example.com/x9/secret-path-0123/'}")
                .unwrap();
        assert_eq!(
            (serde_json::to_value(&values).unwrap(), warnings),
            (
                json!({"token": "…8d7e", "chat_id": "@news", "message_thread_id": 0,
                    "api_url": "tg.example.com/…0123"}),
                Vec::new()
            )
        );
        let channel = channel.unwrap();
        assert_eq!(channel.to_string(), "Telegram bot …8d7e in chat @news");
        assert!(!format!("{channel:?}").contains(&TOKEN[..30]));
        let (url, _) = body(&channel, &message(Kind::Alert), Form::default());
        assert_eq!(url, format!("https://tg.example.com/x9/secret-path-0123/bot{TOKEN}/sendMessage"));
        let (_, _, warnings) = read_keys("{token: 'TOKEN', chat_id: 1, api_url: 'http://10.0.0.1'}").unwrap();
        assert!(warnings[0].contains("use https://"), "{warnings:?}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_being_shown() {
        for (yaml, told) in [
            ("{token: 'TOKEN'}", "chat_id: is missing"),
            ("{token: 'TOKEN', chat_id: https://t.me/news}", "chat_id: is no chat's id"),
            ("{token: 'TOKEN', chat_id: 0}", "chat_id: is no chat's id"),
            ("{token: 'TOKEN', chat_id: '@'}", "chat_id: is no chat's id"),
            ("{token: 'AAF0f9e8d7c-6b5a_4c3d9e2f1a0b9c8d7e', chat_id: 1}", "token: is no bot's token"),
            ("{token: '123456789:short', chat_id: 1}", "token: is no bot's token"),
            ("{token: 'TOKEN', chat_id: 1, api_url: tg.example.com}", "api_url: is no address of a Bot API"),
        ] {
            let problem = read_keys(yaml).unwrap_err();
            assert!(problem.contains(told) && !problem.contains("AAF0f9e8"), "{yaml}: {problem}");
        }
        assert_eq!(read_keys("{}").unwrap().0, None);
    }

    proptest! {
        #[test]
        fn whatever_is_told_is_within_the_limit_and_has_no_other_markup(name in "\\PC{0,3000}") {
            let channel = channel("{token: 'TOKEN', chat_id: 1}");
            let lines = (0..9).map(|_| Line::foreign(&name)).collect();
            for part in channel.split(Message { lines, ..message(Kind::Alert) }) {
                let text = html(&part);
                prop_assert!(text.chars().count() <= MAX_TEXT_CHARS);
                prop_assert_eq!(text.matches(['<', '>']).count(), 4);
            }
        }
    }
}
