//! The meaning of answers, the remedies that are told, and mistakes in the configuration.

use serde_json::json;

use super::{KEY, channel, read_keys};
use crate::http::{self, Response};
use crate::notify::Channel;
use crate::notify::webhook::KIND;
use crate::outbox::Outcome;
use crate::settings;

/// An answer with these header lines.
fn answered(channel: &Channel, status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    channel.classify(&Ok(Response { headers, ..Response::new(status, body) }))
}

/// The outcome in a word, with the seconds of a hold.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Retry { .. } => "retry".to_owned(),
        Outcome::Rejected { .. } => "rejected".to_owned(),
        Outcome::Throttled { hold, .. } => format!("hold {}", hold.as_secs()),
        Outcome::MessageRefused { .. } => "message".to_owned(),
        Outcome::ChannelRefused { .. } => "channel".to_owned(),
        outcome => format!("{outcome:?}"),
    }
}

#[test]
fn each_answer_has_its_outcome_and_its_remedy() {
    let keys = "URL, token: KEY, user: me";
    for (preset, status, body, expected, remedy) in [
        ("none", 200, "", "delivered", ""),
        ("none", 204, "", "delivered", ""),
        ("none", 200, "<html>sign in", "retry", "any proxy in between"),
        ("none", 400, r#"{"error":"odd"}"#, "message", "webhook.body"),
        ("none", 401, "", "channel", "webhook.token"),
        ("none", 404, "<html>", "channel", "webhook.url"),
        ("none", 410, "", "channel", "webhook.url"),
        ("none", 408, "", "retry", ""),
        ("none", 425, "", "retry", ""),
        ("none", 429, "", "hold 60", "per_minute"),
        ("none", 500, "", "retry", "a fault"),
        ("gotify", 200, r#"{"id":7}"#, "delivered", ""),
        ("gotify", 200, "ok", "retry", "any proxy in between"),
        ("gotify", 401, r#"{"error":"Unauthorized","errorDescription":"token"}"#, "channel", "webhook.token"),
        ("pushover", 200, r#"{"status":1,"request":"x"}"#, "delivered", ""),
        ("pushover", 200, r#"{"status":0,"errors":["odd"]}"#, "rejected", "the answer says why"),
        ("pushover", 400, r#"{"status":0,"errors":["application token is invalid"]}"#, "channel", "application's"),
        ("pushover", 400, r#"{"status":0,"errors":["user identifier is not valid"]}"#, "channel", "the user's"),
        ("pushover", 400, r#"{"status":0,"errors":["message cannot be blank"]}"#, "message", "webhook.body"),
        ("serverchan", 200, r#"{"code":0,"data":{"error":"SUCCESS","errno":0}}"#, "delivered", ""),
        ("serverchan", 400, r#"{"code":40001,"message":"[AUTH]错误的Key"}"#, "channel", "copy it again"),
        ("serverchan", 400, r#"{"code":40001,"message":"[AUTH]超过当天的发送次数限制[5]"}"#, "hold 3600", "used up"),
        ("serverchan3", 200, r#"{"errno":0}"#, "delivered", ""),
        ("pushplus", 200, r#"{"code":200,"msg":"请求成功","data":"x"}"#, "delivered", ""),
        ("pushplus", 200, r#"{"code":900,"msg":"用户账号使用受限"}"#, "hold 3600", "locked out"),
        ("pushplus", 200, r#"{"code":903,"msg":"无效的用户令牌"}"#, "channel", "copy it again"),
        ("pushplus", 200, r#"{"code":905,"msg":"未实名"}"#, "channel", "实名认证"),
        ("pushplus", 200, r#"{"code":999,"msg":"服务端验证错误"}"#, "message", ""),
        ("pushplus", 200, r#"{"code":500,"msg":"x"}"#, "rejected", "the answer says why"),
        ("pushdeer", 200, r#"{"code":0,"content":{"result":["{\"counts\":1,\"success\":\"ok\"}"]}}"#, "delivered", ""),
        ("pushdeer", 200, r#"{"code":0,"content":{"result":[]}}"#, "channel", "no device"),
        ("pushdeer", 200, r#"{"code":80501,"error":"x"}"#, "channel", "copy it again"),
        ("wxpusher", 200, r#"{"code":1000,"data":[{"code":1000,"status":"x"}],"success":true}"#, "delivered", ""),
        ("wxpusher", 200, r#"{"code":1000,"data":[{"code":1001,"status":"x"}]}"#, "rejected", "the answer says why"),
        ("wxpusher", 200, r#"{"code":1001,"msg":"x"}"#, "channel", "UID_"),
        ("google-chat", 200, r#"{"name":"spaces/A/messages/B","text":"x"}"#, "delivered", ""),
        ("google-chat", 400, r#"{"error":{"code":400,"message":"x"}}"#, "message", ""),
        ("teams", 202, "", "delivered", ""),
        ("teams", 200, "Webhook message delivery failed with error: HTTP error 413", "rejected", "its answer says why"),
        ("flashduty", 200, r#"{"request_id":"x","data":{"alert_key":"y"}}"#, "delivered", ""),
        ("flashduty", 200, r#"{"request_id":"x","error":{"code":"AccessDenied","message":"m"}}"#, "rejected", ""),
        ("home-assistant", 200, "[]", "delivered", ""),
        ("home-assistant", 400, r#"{"message":"x"}"#, "channel", "notify service"),
        ("ifttt", 200, "Congratulations! You've fired the x event", "delivered", ""),
        ("ifttt", 401, r#"{"errors":[{"message":"You sent an invalid key."}]}"#, "channel", "webhook.token"),
    ] {
        let channel = channel(&format!("{{preset: {preset}, {keys}}}"));
        let answer = Ok(Response::new(status, body));
        assert_eq!(word(&channel.classify(&answer)), expected, "{preset} {status} {body}");
        let told = channel.advice(&answer).unwrap_or_default();
        assert!(
            told.contains(remedy) && told.is_empty() == (expected == "delivered"),
            "{preset} {status} {body}: {told}"
        );
    }
}

#[test]
fn a_service_that_is_used_up_is_left_alone_until_its_next_day_or_month_begins() {
    let date = ("date", "Mon, 02 Feb 2026 02:41:00 GMT");
    let pushplus = channel("{preset: pushplus, token: KEY}");
    // 10:41 in China.
    assert_eq!(word(&answered(&pushplus, 200, &[date], r#"{"code":900}"#)), format!("hold {}", 13 * 3600 + 19 * 60));
    let pushover = channel("{preset: pushover, token: KEY, user: me}");
    let reset = ("x-limit-app-reset", "1770007260");
    assert_eq!(word(&answered(&pushover, 429, &[date, reset], r#"{"status":0}"#)), "hold 7200");
    assert_eq!(word(&answered(&channel("{URL}"), 429, &[("retry-after", "30")], "")), "hold 30");
    assert_eq!(word(&answered(&channel("{URL}"), 503, &[("retry-after", "30")], "")), "hold 30");
    let budget = pushplus.budget().unwrap();
    assert!(budget.is_within_bounds() && (24 * 3600 / budget.window.as_secs() + 1) * (budget.attempts as u64) < 200);
}

#[test]
fn a_rule_of_ones_own_decides_on_the_delivery() {
    let field = channel("{URL, success: {status: '200, 3xx', field: data.code, equals: 0}}");
    for (status, body, expected) in [
        (200, r#"{"data":{"code":0}}"#, "delivered"),
        (200, r#"{"data":{"code":"0"}}"#, "delivered"),
        (200, r#"{"data":{"code":7}}"#, "rejected"),
        (200, r#"{"code":0}"#, "retry"),
        (202, r#"{"data":{"code":0}}"#, "rejected"),
        (200, "<html>", "retry"),
    ] {
        assert_eq!(word(&answered(&field, status, &[], body)), expected, "{status} {body}");
    }
    let filled = channel("{URL, success: {field: id}}");
    assert_eq!(word(&answered(&filled, 201, &[], r#"{"id":1}"#)), "delivered");
    assert_eq!(word(&answered(&filled, 201, &[], r#"{"id":null}"#)), "rejected");
    let status = channel("{URL, success: {status: 2xx}}");
    assert_eq!(word(&answered(&status, 200, &[], "<html>thanks")), "delivered", "the status is all, as it is written");
}

#[test]
fn a_redirect_is_refused_and_no_answer_tells_a_secret() {
    let channel = channel("{URL, token: KEY, headers: [{name: X-Key, value: very-secret-4711}]}");
    let moved =
        http::Error("x answers with a redirect (HTTP 307), which is not followed: the URL is a secret".to_owned());
    assert_eq!(word(&channel.classify(&Err(moved.clone()))), "channel");
    assert!(channel.advice(&Err(moved)).unwrap().contains("webhook.url"));
    assert_eq!(word(&channel.classify(&Err(http::Error("timed out".to_owned())))), "retry");
    let repeated =
        answered(&channel, 400, &[], &format!("{{\"error\":\"no {KEY} and very-secret-4711 at /x/{KEY}\"}}"));
    assert!(repeated.reason().starts_with("HTTP 400 no …") && !repeated.reason().contains("4711"), "{repeated:?}");
    let yaml = "{url: env:HOOK, token: KEY, headers: [{name: X-Key, value: very-secret-4711}]}".replace("KEY", KEY);
    let yaml = yaml.replace("env:HOOK", &format!("https://hooks.example.com/{KEY}"));
    let shown = settings::read("c", yaml.as_bytes(), |section| ((KIND.read)(section), section.values().clone()))
        .unwrap()
        .value
        .1;
    let shown = serde_json::to_string(&shown).unwrap();
    assert!(!shown.contains(KEY) && !shown.contains("very-secret") && shown.contains("X-Key"), "{shown}");
}

#[test]
fn a_placeholder_of_a_key_that_is_there_or_that_a_preset_leaves_empty_is_no_mistake() {
    for yaml in [
        "{URL, token: KEY, body: '{\"a\": \"{token}\"}'}",
        "{URL, body: '{\"a\": \"{{token}}\"}'}",
        "{preset: pushplus, token: KEY}",
    ] {
        assert!(read_keys(yaml).is_ok(), "{yaml}");
    }
    let both = read_keys("{URL, token: \"a\\nb\", body: '{\"a\": \"{token}\"}'}").unwrap_err();
    assert!(both.contains("token: is more than one line") && !both.contains("stands for nothing"), "{both}");
}

#[test]
fn a_mistake_is_told_with_what_belongs_there() {
    for (yaml, told) in [
        ("{preset: gotfy}", "`gotfy` is none of the values; did you mean `gotify`?"),
        ("{preset: gotify, URL}", "token: is missing: gotify needs it"),
        ("{preset: pushover, token: KEY}", "user: is missing: pushover needs it"),
        ("{preset: teams}", "url: is missing: teams needs it"),
        ("{preset: serverchan}", "token: is missing: serverchan needs it"),
        ("{preset: serverchan3, token: SCTKEY}", "token: is no key of serverchan3"),
        ("{preset: alertmanager, URL, format: form}", "format: the body of alertmanager holds lists or objects"),
        ("{preset: teams, URL, format: form}", "format: the body of teams holds lists or objects"),
        ("{preset: teams, URL, format: text}", "format: teams takes no text"),
        ("{URL, format: form, body: '[1]'}", "format: the body holds lists or objects"),
        ("{URL, method: GET, format: json}", "format: a GET has no body"),
        ("{URL, body: '{\"a\": '}", "body: is no JSON: EOF while parsing a value at line 1"),
        ("{URL, body: '[\"{titl}\"]'}", "body: there is no placeholder {titl} in [0]; did you mean {title}?"),
        ("{URL, format: text, body: '{titl}'}", "body: there is no placeholder {titl}"),
        ("{URL, body: '{\"key\": [\"{token}\"]}'}", "body: {token} stands for nothing: the channel has no `token`"),
        ("{URL, token: '', format: form, body: '{\"a\": \"{token}\"}'}", "expected: `token` beside `body`"),
        ("{URL, token: KEY, format: text, body: 'to {user}'}", "body: {user} stands for nothing"),
        ("{preset: gotify, URL, token: KEY, body: '{\"a\": \"{user}\"}'}", "body: {user} stands for nothing"),
        ("{url: 'https://hooks.example.com/{token}', token: KEY}", "url: takes no placeholders, as {token}"),
        ("{URL, headers: [{name: A, value: 'Bearer {token}'}]}", "headers[0].value: takes no placeholders, as {token}"),
        ("{URL, success: {status: ok}}", "success.status: is no list of statuses"),
        ("{URL, success: {equals: 0}}", "success.equals: belongs to a field"),
        ("{URL, headers: [{name: Host, value: x}]}", "headers[0].name: is a header that the request has already"),
        ("{URL, headers: [{name: 'a b', value: x}]}", "headers[0].name: is no header's name"),
        ("{URL, headers: [{name: A}]}", "headers[0].value: is missing"),
        ("{URL, headers: [{name: A, value: \"x\\ny\"}]}", "headers[0].value: cannot stand in a header"),
        ("{url: hooks.example.com}", "url: is not an http or https URL"),
        ("{}", "no destination"),
    ] {
        let problems = read_keys(yaml).unwrap_err();
        assert!(problems.contains(told) && !problems.contains(KEY), "{yaml}: {problems}");
    }
}

#[test]
fn what_is_shown_of_a_webhook_is_read_again_as_the_same() {
    let yaml = "{URL, format: text, body: '{level}', success: {status: '200', field: a, equals: b}, headers: [{name: A, value: x}]}";
    let yaml = yaml.replace("URL", "url: https://hooks.example.com/x");
    let shown = |yaml: &str| {
        let read = settings::read("c", yaml.as_bytes(), |section| ((KIND.read)(section), section.values().clone()));
        serde_json::to_value(read.unwrap().value.1).unwrap()
    };
    let first = shown(&yaml);
    assert_eq!(
        (&first["body"], &first["success"]["equals"], &first["headers"][0]["name"]),
        (&json!("{level}"), &json!("b"), &json!("A"))
    );
}
