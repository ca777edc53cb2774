//! Services that take a webhook: each is data, with its vendor's page.

use std::time::Duration;

use super::answer::{Check, Meaning, Refusal, Want};
use crate::message::Escape;
use crate::notify::{PartLimit, full_width};

/// A service: its form of a message, and its answers.
#[derive(Clone, Debug)]
pub struct Preset {
    pub name: &'static str,
    pub address: Address,
    /// The header that has the token, and the text before it there.
    pub token_header: Option<(&'static str, &'static str)>,
    pub needs_token: bool,
    pub needs_user: bool,
    pub shape: Shape,
    pub is_form: bool,
    /// Fields that a critical message has beside the others.
    pub if_critical: &'static [(&'static str, &'static str)],
    pub title_chars: usize,
    pub escape: Escape,
    pub part: Option<PartLimit>,
    /// Attempts within a time.
    pub budget: (usize, Duration),
    /// Of good news, other news, warnings and critical ones.
    pub priorities: [i64; 4],
    /// The same of the words for `state`.
    pub states: [&'static str; 4],
    /// One of these must be true of a delivery, all checks of it.
    pub success: &'static [&'static [Check]],
    /// The fields with a refusal's words; the first that is there is told.
    pub words: &'static [&'static str],
    pub refusals: &'static [Refusal],
    /// Where a picture is put, if the service takes one.
    pub picture: Option<PictureField>,
}

/// The form that takes a picture: with token and user, and a text that must not be empty.
#[derive(Clone, Copy, Debug)]
pub struct PictureField {
    pub name: &'static str,
    pub fields: &'static [(&'static str, &'static str)],
    pub max_bytes: usize,
}

/// Where a service is.
#[derive(Clone, Copy, Debug)]
pub enum Address {
    /// Written in the configuration.
    Written,
    /// The same, to which this path is added where it is not there.
    WithPath(&'static str),
    /// This one, if none is written.
    At(&'static str),
    /// Made of the token, if none is written.
    OfToken(fn(&str) -> Option<String>),
}

#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A body with placeholders.
    Body(&'static str),
    /// The same, once for each alert.
    EachAlert(&'static str),
    Alertmanager,
    Grafana,
}

/// Half of the channels take Markdown in which foreign text must mean nothing.
const MARKDOWN: Escape = Escape { own: Escape::NONE.own, foreign: |c, into| into.push(full_width(c)) };

/// The same where a single line feed is a blank.
const PARAGRAPHS: Escape = Escape { own: in_paragraphs, foreign: MARKDOWN.foreign };

fn in_paragraphs(c: char, into: &mut String) {
    into.push(c);
    if c == '\n' {
        into.push(c);
    }
}

const MINUTE: Duration = Duration::from_secs(60);

const GONE: &str = "the key is wrong or was revoked: copy it again";

/// A receiver of one's own; the others are like it but for some fields.
#[inline(never)]
fn own(name: &'static str) -> Preset {
    Preset {
        name,
        address: Address::Written,
        token_header: None,
        needs_token: false,
        needs_user: false,
        shape: Shape::Body(
            r##"{"title": "{title}", "text": "{text}", "kind": "{kind}", "level": "{level}", "status": "{status}",
            "host": "{host}", "metric": "{metric}", "target": "{target}", "value": "{value}",
            "threshold": "{threshold}", "since": "{since}", "id": "{id}", "event_id": "{event_id}", "time": "{time}"}"##,
        ),
        is_form: false,
        if_critical: &[],
        title_chars: usize::MAX,
        escape: Escape::NONE,
        part: None,
        budget: (20, MINUTE),
        priorities: [2, 3, 4, 5],
        states: ["ok", "info", "warning", "critical"],
        success: &[],
        words: &["message", "error", "msg", "errmsg", "description", "detail"],
        refusals: &[],
        picture: None,
    }
}

/// Their names.
pub const NAMES: [&str; 14] = [
    "alertmanager",
    "grafana",
    "gotify",
    "pushover",
    "serverchan",
    "serverchan3",
    "pushplus",
    "pushdeer",
    "wxpusher",
    "google-chat",
    "teams",
    "flashduty",
    "home-assistant",
    "ifttt",
];

/// The service of that name; none has an empty one. It is made by code: as constants all of them would be in the memory of
/// every agent, as each start writes addresses into them.
pub fn preset(name: &'static str) -> Preset {
    match name {
        // prometheus.io/docs/alerting/latest/configuration/#webhook_config: version 4.
        "alertmanager" => Preset { shape: Shape::Alertmanager, ..own(name) },
        // grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier.
        "grafana" => Preset { shape: Shape::Grafana, ..own(name) },
        // gotify.net/api-docs (createMessage); on Android 8 and more pops up.
        "gotify" => Preset {
            address: Address::WithPath("/message"),
            token_header: Some(("X-Gotify-Key", "")),
            needs_token: true,
            shape: Shape::Body(
                r##"{"title": "{title}", "message": "{text}", "priority": "{#priority}",
                "extras": {"client::display": {"contentType": "text/plain"}}}"##,
            ),
            priorities: [2, 2, 5, 8],
            success: &[&[Check("id", Want::Filled)]],
            words: &["errorDescription", "error"],
            ..own(name)
        },
        // pushover.net/api: a message has 1024 characters, a title 250; of priority 2 `retry` and `expire` must be told.
        "pushover" => Preset {
            address: Address::At("https://api.pushover.net/1/messages.json"),
            needs_token: true,
            needs_user: true,
            shape: Shape::Body(
                r##"{"token": "{token}", "user": "{user}", "title": "{title}", "message": "{text}",
                "priority": "{#priority}", "timestamp": "{#time_unix}"}"##,
            ),
            is_form: true,
            if_critical: &[("retry", "60"), ("expire", "3600")],
            title_chars: 250,
            part: Some(PartLimit::Chars(1024)),
            priorities: [-1, -1, 0, 2],
            success: &[&[Check("status", Want::Is("1"))]],
            words: &["errors[]"],
            refusals: &[
                Refusal(
                    "errors[]",
                    "token",
                    Meaning::Channel,
                    "copy the application's token again (pushover.net/apps)",
                ),
                Refusal(
                    "errors[]",
                    "user",
                    Meaning::Channel,
                    "copy the user's or the group's key again (pushover.net)",
                ),
                Refusal("HTTP", "429", Meaning::UntilReset, "the application's messages of this month are used up"),
            ],
            // pushover.net/api#attachments
            picture: Some(PictureField {
                name: "attachment",
                fields: &[("message", "📈"), ("priority", "-1")],
                max_bytes: 5 * 1024 * 1024,
            }),
            ..own(name)
        },
        "serverchan" => Preset {
            address: Address::OfToken(|key| Some(format!("https://sctapi.ftqq.com/{key}.send"))),
            shape: Shape::Body(r##"{"title": "{title}", "desp": "{message}", "noip": "1"}"##),
            ..serverchan(name)
        },
        // doc.sc3.ft07.com: the digits of the key are in its host.
        "serverchan3" => Preset {
            address: Address::OfToken(serverchan3),
            shape: Shape::Body(r##"{"title": "{title}", "desp": "{message}", "tags": "{level}"}"##),
            ..serverchan(name)
        },
        // pushplus.plus/doc (guide/code.md, help/limit.md, help/lockdown.md): whoever asks 200 times in a day is locked out
        // until the next, and refused requests count. So 5 in 40 minutes, which is 185 in a day.
        "pushplus" => Preset {
            address: Address::At("https://www.pushplus.plus/send"),
            needs_token: true,
            shape: Shape::Body(
                r##"{"token": "{token}", "title": "{title}", "content": "{message}", "template": "txt", "topic": "{user}"}"##,
            ),
            title_chars: 100,
            part: Some(PartLimit::Chars(19_000)),
            budget: (5, Duration::from_secs(40 * 60)),
            success: &[&[Check("code", Want::Is("200"))]],
            words: &["msg"],
            refusals: &[
                Refusal(
                    "code",
                    "900",
                    Meaning::UntilMidnight,
                    "the account is locked out for today: send less, by `level`",
                ),
                Refusal("code", "903", Meaning::Channel, GONE),
                Refusal("code", "905", Meaning::Channel, "the account must be verified (实名认证) at pushplus.plus"),
                Refusal("code", "888", Meaning::Channel, "the account has no points left: pushplus.plus"),
                Refusal("code", "999", Meaning::Message, "the service does not take this message"),
            ],
            ..own(name)
        },
        // github.com/easychen/pushdeer: an empty `result` is a key that nobody has; each of its items is JSON in a string.
        "pushdeer" => Preset {
            address: Address::At("https://api2.pushdeer.com/message/push"),
            needs_token: true,
            shape: Shape::Body(r##"{"pushkey": "{token}", "text": "{title}", "desp": "{text}", "type": "text"}"##),
            success: &[&[Check("code", Want::Is("0")), Check("content.result[].success", Want::Is("ok"))]],
            words: &["error"],
            refusals: &[
                Refusal("code", "0", Meaning::Channel, "no device has this key: open the app, and copy its key again"),
                Refusal("code", "80501", Meaning::Channel, GONE),
            ],
            ..own(name)
        },
        // wxpusher.zjiecode.com/docs: content below 40,000 characters; of the summary WeChat shows 20.
        "wxpusher" => Preset {
            address: Address::At("https://wxpusher.zjiecode.com/api/send/message"),
            needs_token: true,
            needs_user: true,
            shape: Shape::Body(
                r##"{"appToken": "{token}", "uids": ["{user}"], "summary": "{title}", "content": "{message}", "contentType": 1}"##,
            ),
            title_chars: 20,
            part: Some(PartLimit::Chars(38_000)),
            success: &[&[Check("code", Want::Is("1000")), Check("data[].code", Want::Is("1000"))]],
            words: &["data[].status", "msg"],
            refusals: &[
                Refusal("code", "1001", Meaning::Channel, "check token (the application's AT_…) and user (the UID_…)"),
                Refusal("code", "1002", Meaning::Channel, "check token: it is the application's AT_…"),
            ],
            ..own(name)
        },
        // developers.google.com/workspace/chat/quickstart/webhooks, /chat/limits (one message a second and space), and
        // /chat/api/reference/rest/v1/spaces.messages/create: of the new message it answers the name.
        "google-chat" => Preset {
            shape: Shape::Body(r##"{"text": "{message}"}"##),
            escape: MARKDOWN,
            part: Some(PartLimit::Chars(4000)),
            budget: (30, MINUTE),
            success: &[&[Check("name", Want::Filled)]],
            words: &["error.message"],
            ..own(name)
        },
        // learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors: a workflow takes 28 KB with a card, and answers
        // 202. A connector, as there were, answers 200 to a failure, and says so.
        "teams" => Preset {
            shape: Shape::Body(
                r##"{"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
                "body": [{"type": "TextBlock", "text": "{title}", "weight": "Bolder", "wrap": true},
                    {"type": "TextBlock", "text": "{text}", "wrap": true}]}}]}"##,
            ),
            escape: PARAGRAPHS,
            part: Some(PartLimit::Bytes(18_000)),
            budget: (30, MINUTE),
            words: &["error.message"],
            refusals: &[Refusal("", "failed with error", Meaning::Unknown, "its answer says why")],
            ..own(name)
        },
        // docs.flashcat.cloud/en/flashduty/custom-alert-integration-guide: one event a request.
        "flashduty" => Preset {
            shape: Shape::EachAlert(
                r##"{"title_rule": "{line1}", "event_status": "{state}", "alert_key": "{id}", "description": "{text}",
                "labels": {"resource": "{host}", "check": "{metric}", "target": "{target}", "value": "{value}",
                "threshold": "{threshold}"}}"##,
            ),
            states: ["Ok", "Info", "Warning", "Critical"],
            success: &[&[Check("request_id", Want::Filled), Check("error.code", Want::Empty)]],
            words: &["error.message"],
            ..own(name)
        },
        // developers.home-assistant.io/docs/api/rest: POST /api/services/notify/NAME; or an automation's /api/webhook/ID, which
        // answers 200 without a body, whatever it is.
        "home-assistant" => Preset {
            token_header: Some(("Authorization", "Bearer ")),
            shape: Shape::Body(r##"{"title": "{title}", "message": "{text}"}"##),
            words: &["message"],
            refusals: &[Refusal(
                "HTTP",
                "400",
                Meaning::Channel,
                "there is no such notify service: check the end of the URL",
            )],
            ..own(name)
        },
        // ifttt.com/maker_webhooks: three values.
        "ifttt" => Preset {
            shape: Shape::Body(r##"{"value1": "{title}", "value2": "{text}", "value3": "{level}"}"##),
            words: &["errors[].message"],
            ..own(name)
        },
        _ => own(""),
    }
}

/// sct.ftqq.com: a title has 32 characters, and a line feed in `desp`, which is Markdown, is two. Beyond the day's number it
/// answers 400 with code 40001 and these words.
#[inline(never)]
fn serverchan(name: &'static str) -> Preset {
    Preset {
        title_chars: 32,
        escape: PARAGRAPHS,
        part: Some(PartLimit::Bytes(30_000)),
        budget: (5, MINUTE),
        success: &[
            &[Check("code", Want::Is("0"))],
            &[Check("errno", Want::Is("0"))],
            &[Check("data.errno", Want::Is("0"))],
        ],
        words: &["message", "data.error", "errmsg"],
        refusals: &[
            Refusal(
                "message",
                "发送次数",
                Meaning::UntilMidnight,
                "the day's messages are used up: send less, by `level`",
            ),
            Refusal("code", "40001", Meaning::Channel, GONE),
        ],
        ..own(name)
    }
}

/// `sctp123t…` is a key of user 123.
fn serverchan3(key: &str) -> Option<String> {
    let (user, _) = key.strip_prefix("sctp")?.split_once('t')?;
    let is_number = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("https://{user}.push.ft07.com/send/{key}.send"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_a_service() {
        for name in NAMES {
            assert_eq!(preset(name).name, name);
        }
        assert_eq!(preset("").name, "");
    }
}
