//! Slack: a message becomes one post to an incoming webhook. Mattermost, Rocket.Chat and others read the same.
//!
//! Vendor's pages: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (the body, and its refusals, each a
//! bare word), /messaging/formatting-message-text (three characters are escaped, which leaves no mention: `<!channel>`),
//! /apis/web-api/rate-limits. The others parse Markdown and `@all`, so foreign text has twins of their characters there.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::address::{self, is_at};
use super::answer::MAX_HOLD_OF_ANOTHER;
use super::verdict::{Meaning, Service, Verdict, WAIT};
use super::{Channel, ChannelKind, ChannelLimits, Form, Job, PartLimit, Vendor, full_width, secret_key};
use crate::http::{self, Answer, Response};
use crate::message::{Escape, Message};
use crate::outbox::{Budget, Outcome};
use crate::secret::{Scrubber, Secret};
use crate::settings::{Complaint, Doc, Section, doc};

/// One a second, with short bursts: docs.slack.dev/apis/web-api/rate-limits.
const BUDGET: Budget =
    Budget { attempts: 30, window: Duration::from_secs(60), longest_attempt: crate::worker::POST_DEADLINE };

/// Slack takes 40,000 characters, and advises 4,000; Rocket.Chat takes 5,000 where nobody changed
/// `Message_MaxAllowedSize`, Mattermost 4,000 in old databases and 16,383 in others.
const MAX_TEXT_CHARS: usize = 3_900;

/// Where the server does not say for how long.
const RATE_LIMIT_HOLD: Duration = Duration::from_secs(60);

const _: () = assert!(BUDGET.is_within_bounds());

pub const KIND: &ChannelKind = &ChannelKind {
    name: "slack",
    doc: doc("Slack，以及 Mattermost、Rocket.Chat", "Slack; Mattermost and Rocket.Chat too"),
    setting: "slack.url",
    read,
};

const URL_DOC: Doc = doc("传入 Webhook（incoming webhook）的地址", "the incoming webhook's URL").values(
    "URL，或其出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "URL, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
);

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let url = secret_key(section, "url", "URL", URL_DOC, incoming, http::masked)?;
    address::warn_if_readable(section, "url", &url);
    Some(Channel::new(Slack { url }))
}

fn incoming(text: &str) -> Result<Option<Secret>, Complaint> {
    let url = address::url(text)?;
    let is_workflow = |url: &Secret| {
        let text = url.expose();
        is_at(url, SLACK) && (text.contains("/triggers/") || text.contains("/workflows/"))
    };
    if url.as_ref().is_some_and(is_workflow) {
        return Err(Complaint::new("is the URL of a workflow, which takes only variables of its own")
            .expected("an incoming webhook's URL (https://hooks.slack.com/services/…)"));
    }
    Ok(url)
}

const SLACK: &str = "slack.com";

/// One webhook.
#[derive(Debug)]
struct Slack {
    url: Secret,
}

impl Slack {
    fn is_vendors(&self) -> bool {
        is_at(&self.url, SLACK) || is_at(&self.url, "slack-gov.com")
    }

    fn service(&self) -> Service {
        Service { read: if self.is_vendors() { of_slack } else { of_others }, ..SERVICE }
    }
}

const OF_SLACK: Escape = Escape { own: entity, foreign: entity };

const OF_OTHERS: Escape = Escape { own: entity, foreign: without_markdown };

fn entity(c: char, into: &mut String) {
    match c {
        '&' => into.push_str("&amp;"),
        '<' => into.push_str("&lt;"),
        '>' => into.push_str("&gt;"),
        c if c != '\n' && c.is_control() => {}
        c => into.push(c),
    }
}

fn without_markdown(c: char, into: &mut String) {
    match c {
        '@' => into.push('＠'),
        '<' | '>' => entity(c, into),
        c => entity(full_width(c), into),
    }
}

impl Vendor for Slack {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn setting(&self) -> &'static str {
        KIND.setting
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { part: Some(PartLimit::Chars(MAX_TEXT_CHARS)), budget: Some(BUDGET) }
    }

    fn escape(&self) -> Escape {
        if self.is_vendors() { OF_SLACK } else { OF_OTHERS }
    }

    /// Without markup: a name may hold `*` and `_`. Nothing that a link leads to is shown.
    fn encode(&self, message: &Message, _: Form<'_>) -> Vec<Job> {
        let text = message.text(&self.escape());
        let body = json!({"text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false});
        vec![Job::Post(http::Request::json(self.url.clone(), body.to_string()))]
    }

    fn classify(&self, answer: &Answer) -> Outcome {
        self.service().classify(answer, &Scrubber::of(self.secrets()))
    }

    fn advice(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        self.service().advice(answer).map(Cow::Borrowed)
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.url]
    }
}

impl fmt::Display for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slack webhook {}", http::masked(&self.url))
    }
}

const SERVICE: Service = Service {
    whose: "Slack's",
    read: of_slack,
    hold: RATE_LIMIT_HOLD,
    of_another: "something other than the service answers: check slack.url, and any proxy in between",
    too_often: WAIT,
    unknown: "the server knows no such webhook, or does not take the message: make a new incoming webhook there, and copy \
              its whole URL",
};

fn verdict(response: &Response, word: &str, meaning: Meaning) -> Option<Verdict> {
    Some(Verdict { code: format!("HTTP {}", response.status), words: word.to_owned(), meaning })
}

/// Slack answers `ok` with HTTP 200, and a refusal with a word that it documents.
fn of_slack(response: &Response) -> Option<Verdict> {
    let body = response.body.trim();
    if response.status == 200 && body == "ok" {
        return verdict(response, "", Meaning::Delivered);
    }
    if response.status == 429 {
        let hold = response.retry_after().unwrap_or(RATE_LIMIT_HOLD).min(MAX_HOLD_OF_ANOTHER);
        return verdict(response, "", Meaning::Held(hold, WAIT));
    }
    let (word, meaning) = REFUSALS.iter().find(|(word, _)| response.status >= 400 && *word == body)?;
    verdict(response, word, *meaning)
}

/// Another server may say anything but a page or a JSON that is no success. Its refusal is its status; of a page and of a
/// gateway nobody knows whose it is.
fn of_others(response: &Response) -> Option<Verdict> {
    let is_refusal = || {
        let fields: serde_json::Value = serde_json::from_str(response.body.trim()).unwrap_or_default();
        ["ok", "success"].iter().any(|field| fields.get(field).is_some_and(|value| value != true))
    };
    let is_page = response.body.trim_start().starts_with('<');
    let own = match response.status {
        200 if !is_page && !is_refusal() => Some(Meaning::Delivered),
        400..=499 if !is_page => Some(Meaning::OfStatus),
        _ => None,
    };
    of_slack(response).or_else(|| verdict(response, "", own?))
}

const BUG: &str = "Slack does not take this message as it is: please report it as a bug of vps-monitor";
const CHAT: &str =
    "the webhook's channel is archived, was deleted, or takes no such posts: make a webhook for another one";
const GONE: &str = "the webhook was removed or is not whole: make a new one (api.slack.com/apps > Incoming Webhooks), and \
                    copy its whole URL";

/// Slack's words for a refusal: api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks.
const REFUSALS: [(&str, Meaning); 15] = [
    ("invalid_payload", Meaning::MessageRefused(BUG)),
    ("no_text", Meaning::MessageRefused(BUG)),
    ("too_many_attachments", Meaning::MessageRefused(BUG)),
    ("user_not_found", Meaning::ChannelRefused(CHAT)),
    ("action_prohibited", Meaning::ChannelRefused(CHAT)),
    ("posting_to_general_channel_denied", Meaning::ChannelRefused(CHAT)),
    ("channel_not_found", Meaning::ChannelRefused(CHAT)),
    ("channel_is_archived", Meaning::ChannelRefused(CHAT)),
    ("invalid_token", Meaning::ChannelRefused(GONE)),
    ("no_team", Meaning::ChannelRefused(GONE)),
    ("team_disabled", Meaning::ChannelRefused(GONE)),
    ("no_service", Meaning::ChannelRefused(GONE)),
    ("no_service_id", Meaning::ChannelRefused(GONE)),
    ("no_active_hooks", Meaning::ChannelRefused(GONE)),
    ("rollup_error", Meaning::Passing("Slack has a fault: try again")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Error;
    use crate::message::Line;
    use crate::settings;

    const KEY: &str = "XoXo24CharsOfSecret0123a";

    fn read_url(url: &str) -> Result<Channel, String> {
        let yaml = format!("{{url: '{url}'}}");
        let read = settings::read("c", yaml.as_bytes(), read).map_err(|problems| problems.to_string())?;
        Ok(read.value.unwrap())
    }

    fn slack() -> Channel {
        read_url(&format!("https://hooks.slack.com/services/T01234567/B01234567/{KEY}")).unwrap()
    }

    fn mattermost() -> Channel {
        read_url(&format!("https://chat.example.com/hooks/{KEY}")).unwrap()
    }

    fn outcome(channel: &Channel, status: u16, body: &str) -> Outcome {
        channel.classify(&Ok(Response::new(status, body)))
    }

    #[test]
    fn three_characters_are_escaped_and_elsewhere_markdown_and_mentions_too() {
        let line = Line::from("a > b ") + Line::foreign("<!channel> & @all *x* [a](b) `c` my_app");
        assert_eq!(
            line.escaped(&OF_SLACK),
            "a &gt; b &lt;!channel&gt; &amp; @all *x* [a](b) `c` my_app",
            "mrkdwn is off"
        );
        assert_eq!(line.escaped(&OF_OTHERS), "a &gt; b &lt;!channel&gt; &amp; ＠all ＊x＊ ［a］(b) ｀c｀ my_app");
    }

    #[test]
    fn only_ok_is_a_delivery_at_slack_and_elsewhere_what_is_no_page_and_no_refusal() {
        assert_eq!(outcome(&slack(), 200, "ok"), Outcome::Delivered);
        for body in ["", "<html>ok</html>", "{\"ok\":true}", "okay", "invalid_payload"] {
            assert!(matches!(outcome(&slack(), 200, body), Outcome::Retry { .. }), "{body}");
        }
        for body in ["ok", "", "{\"success\":true}"] {
            assert_eq!(outcome(&mattermost(), 200, body), Outcome::Delivered, "{body}");
        }
        for body in ["<html>", " <!doctype html>", "{\"success\":false}", "{\"ok\":false}"] {
            assert!(matches!(outcome(&mattermost(), 200, body), Outcome::Retry { .. }), "{body}");
        }
        assert!(matches!(outcome(&mattermost(), 204, ""), Outcome::Retry { .. }));
    }

    #[test]
    fn each_refusal_has_its_consequence_and_its_remedy() {
        for (status, word, remedy) in [
            (400, "user_not_found", "another one"),
            (403, "action_prohibited", "another one"),
            (403, "posting_to_general_channel_denied", "another one"),
            (404, "channel_not_found", "another one"),
            (410, "channel_is_archived", "archived"),
            (403, "invalid_token", "make a new one"),
            (403, "no_team", "make a new one"),
            (403, "team_disabled", "make a new one"),
            (404, "no_service", "make a new one"),
            (404, "no_service_id", "make a new one"),
            (404, "no_active_hooks", "make a new one"),
        ] {
            let reason = format!("HTTP {status} {word}");
            assert_eq!(outcome(&slack(), status, word), Outcome::ChannelRefused { reason });
            let told = slack().advice(&Ok(Response::new(status, word))).unwrap();
            assert!(told.contains(remedy), "{word}: {told}");
        }
        for word in ["invalid_payload", "no_text", "too_many_attachments"] {
            assert_eq!(outcome(&slack(), 400, word), Outcome::MessageRefused { reason: format!("HTTP 400 {word}") });
        }
        assert!(matches!(outcome(&slack(), 500, "rollup_error"), Outcome::Retry { .. }));
        let gone = r#"{"id":"web.incoming_webhook.invalid.app_error","message":"Invalid webhook","status_code":404}"#;
        assert_eq!(outcome(&mattermost(), 404, gone), Outcome::ChannelRefused { reason: "HTTP 404".to_owned() });
        assert_eq!(outcome(&mattermost(), 413, "{}"), Outcome::MessageRefused { reason: "HTTP 413".to_owned() });
        assert!(mattermost().advice(&Ok(Response::new(404, gone))).unwrap().contains("make a new incoming webhook"));
    }

    #[test]
    fn the_wait_that_is_told_is_kept() {
        for channel in [slack(), mattermost()] {
            let headers = vec![("retry-after".to_owned(), "30".to_owned())];
            let answer = Ok(Response { headers, ..Response::new(429, "rate_limited") });
            let Outcome::Throttled { hold, .. } = channel.classify(&answer) else { panic!("it was too often") };
            assert_eq!(hold.as_secs(), 30);
            let Outcome::Throttled { hold, .. } = outcome(&channel, 429, "") else { panic!("it was too often") };
            assert_eq!(hold, RATE_LIMIT_HOLD);
        }
    }

    #[test]
    fn what_is_no_incoming_webhook_is_refused_and_nothing_is_shown() {
        for url in ["hooks.slack.com/services/T0", &format!("https://hooks.slack.com/triggers/T0/1/{KEY}")] {
            let problem = read_url(url).unwrap_err();
            assert!(problem.contains("url: is") && !problem.contains(KEY), "{problem}");
        }
        assert_eq!(slack().to_string(), "Slack webhook hooks.slack.com/…123a");
        assert!(!format!("{:?}", slack()).contains(&KEY[..12]));
        let error = Err(Error(format!("odd: /services/T01234567/B01234567/{KEY}")));
        assert!(!slack().classify(&error).reason().contains(KEY));
        let html = outcome(&slack(), 404, &format!("<p>{KEY}"));
        assert!(!html.reason().contains(KEY), "{html:?}");
    }
}
