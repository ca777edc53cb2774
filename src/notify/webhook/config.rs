//! A webhook's keys.

use std::borrow::Cow;
use std::time::Duration;

use super::answer::{Field, Rule};
use super::presets::{Address, NAMES, Preset, Shape, preset};
use super::template::{Json, Text};
use super::{Body, Webhook, placeholders};
use crate::http::{self, Method, Target};
use crate::notify::{Channel, ChannelKind, PartLimit, address, secret_key};
use crate::outbox::Budget;
use crate::secret::{Scrubber, Secret};
use crate::settings::{Complaint, Doc, Item, Section, Values, Written, doc};
use crate::worker::POST_DEADLINE;

pub const KIND: &ChannelKind = &ChannelKind {
    name: "webhook",
    doc: doc("任意 Webhook，以及以 Webhook 接收消息的服务", "any webhook, and services that take one"),
    setting: "webhook.url",
    read,
};

const PLACE: [&str; 2] = [
    "文本，或其出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "text, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
];

const PRESET_DOC: Doc = doc(
    "按此服务的约定填写其余各项，`none` 为自己的接收端；见 docs/channels.zh-CN.md",
    "fills in everything as this service wants it; `none`: a receiver of your own; see docs/channels.md",
);

const URL_DOC: Doc = doc(
    "接收端的地址；`preset` 已有地址时可留空",
    "the receiver's URL; some presets have one, or make it of the token",
)
.values(
    "URL，或其出处：`credential:NAME`、`file:/path`、`env:NAME`",
    "URL, or where it is: `credential:NAME`, `file:/path`, `env:NAME`",
);

const TOKEN_DOC: Doc =
    doc("密钥，即 `{token}`；也用于 preset", "a key, which {token} stands for; the key of a preset's service")
        .values(PLACE[0], PLACE[1]);

const USER_DOC: Doc =
    doc("接收人，即 `{user}`；也用于 preset", "the recipient, which {user} stands for; that of a preset's service")
        .values(PLACE[0], PLACE[1]);

const SIGNING_DOC: Doc = doc(
    "用此密钥签名：`X-Signature-256` 为 `X-Timestamp`、`.` 与正文的 HMAC-SHA256",
    "signs with this key: `X-Signature-256` is the HMAC-SHA256 of `X-Timestamp`, a dot, and the body",
)
.values(PLACE[0], PLACE[1]);

const BODY_DOC: Doc = doc(
    "正文：JSON，字符串中可有占位符，如 `{title}`、`{text}`、`{level}`；`format: text` 时为文本",
    "the body: JSON with placeholders in its strings, such as {title}, {text}, {level}; with `format: text` a text",
);

const HEADERS_DOC: Doc = doc("更多请求头，值为机密", "more headers; their values are secrets");

const PER_MINUTE_DOC: Doc =
    doc("每分钟最多请求数，0 为 preset 的，否则 20", "requests a minute; 0: the preset's, or 20");

const MAX_BYTES_DOC: Doc = doc(
    "单条消息的最大字节数，更长则分条发送；0 为 preset 的，否则不限，小于 512 按 512",
    "the longest message in bytes, a longer one is sent in parts; 0: the preset's, or none; below 512 counts as 512",
);

const SUCCESS_DOC: Doc = doc("怎样的应答算送达", "which answer is a delivery");

const STATUS_DOC: Doc =
    doc("状态码，如 `2xx`、`200, 202`；留空为 2xx", "statuses such as `2xx` or `200, 202`; empty: any 2xx")
        .pattern(r"^\s*([1-5](xx|[0-9]{2})(\s*,\s*[1-5](xx|[0-9]{2}))*)?\s*$")
        .or_number();

const FIELD_DOC: Doc =
    doc("应答 JSON 中的字段，如 `code`、`data.errno`", "a field of the answer's JSON, such as `code` or `data.errno`");

const EQUALS_DOC: Doc =
    doc("该字段的值；留空为有值即可", "that field's value; empty: it must be there, and filled").or_number();

#[derive(Clone, Copy, PartialEq)]
enum Format {
    OfPreset,
    Json,
    Form,
    Text,
}

fn read(section: &mut Section<'_>) -> Option<Channel> {
    let names: Vec<(&'static str, &'static str)> =
        [("none", "")].into_iter().chain(NAMES.map(|name| (name, name))).collect();
    let preset = &preset(section.choice("preset", "", &names, PRESET_DOC));
    let url = secret_key(section, "url", "URL", URL_DOC, url, http::masked);
    let problems = section.problem_count();
    let token = secret_key(section, "token", "key", TOKEN_DOC, key, Secret::to_string);
    let user = secret_key(section, "user", "key", USER_DOC, key, Secret::to_string);
    let are_valid = section.problem_count() == problems;
    let methods = [("POST", Method::Post), ("PUT", Method::Put), ("GET", Method::Get)];
    let method = section.choice("method", Method::Post, &methods, doc("请求方法", "the method"));
    let headers = section.list("headers", HEADERS_DOC, header).unwrap_or_default();
    section.holds(
        "headers",
        Written::List(headers.iter().map(|(_, _, shown)| Written::Section(shown.clone().into())).collect()),
    );
    let formats = [("auto", Format::OfPreset), ("json", Format::Json), ("form", Format::Form), ("text", Format::Text)];
    let format = section.choice(
        "format",
        Format::OfPreset,
        &formats,
        doc("正文的形式；`auto` 为 preset 的，否则 json", "the body's form; `auto`: the preset's, or json"),
    );
    let written = section.text("body", BODY_DOC);
    section.holds("body", Written::Text(written.clone()));
    let body = body(section, &written, format, method, preset);
    // The body of a preset may leave its user empty.
    if let Some(own) = body.as_ref().filter(|_| are_valid && !written.trim().is_empty()) {
        for ((key, field), is_there) in placeholders::OF_KEYS.into_iter().zip([token.is_some(), user.is_some()]) {
            if !is_there && placeholders::uses(own, field) {
                section.problem("body", placeholders::without_its_key(key, &written));
            }
        }
    }
    let (rule, shown) = section.section("success", SUCCESS_DOC, success);
    section.holds("success", Written::Section(shown.into()));
    let signing_key = secret_key(section, "signing_key", "key", SIGNING_DOC, key, Secret::to_string);
    let per_minute = section.integer("per_minute", 0, 0..=600, PER_MINUTE_DOC);
    let max_bytes = section.integer("max_bytes", 0, 0..=1024 * 1024, MAX_BYTES_DOC);
    let url = destination(section, preset, url, token.as_ref())?;
    address::warn_if_readable(section, "url", &url);
    for (key, is_there, is_needed) in
        [("token", token.is_some(), preset.needs_token), ("user", user.is_some(), preset.needs_user)]
    {
        if is_needed && !is_there && !(key == "token" && has_token_header(preset, &headers)) {
            section.problem(key, Complaint::new(format!("is missing: {} needs it", preset.name)));
        }
    }
    let mut headers: Vec<(Cow<'static, str>, Secret)> =
        headers.into_iter().map(|(name, value, _)| (name.into(), value)).collect();
    if let (Some((name, before)), Some(token)) = (preset.token_header, &token) {
        headers.push((name.into(), Secret::new(format!("{before}{}", token.expose()))));
    }
    let mut scrubber = Scrubber::of_url(&url);
    let secrets = [&token, &user, &signing_key].into_iter().flatten().chain(headers.iter().map(|(_, value)| value));
    secrets.for_each(|secret| scrubber.learn(secret));
    let (attempts, window) = match per_minute {
        0 => preset.budget,
        per_minute => (usize::try_from(per_minute).unwrap_or(1), Duration::from_secs(60)),
    };
    let part = match max_bytes {
        0 => preset.part,
        bytes => Some(PartLimit::Bytes(usize::try_from(bytes).unwrap_or(usize::MAX))),
    };
    Some(Channel::new(Webhook {
        url,
        method,
        headers,
        body: body?,
        token: token.unwrap_or_default(),
        user: user.unwrap_or_default(),
        signing_key,
        rule,
        preset: preset.clone(),
        budget: Budget { attempts, window, longest_attempt: POST_DEADLINE },
        part,
        scrubber,
    }))
}

fn has_token_header(preset: &Preset, headers: &[(String, Secret, Values)]) -> bool {
    preset.token_header.is_some_and(|(name, _)| headers.iter().any(|(known, ..)| known.eq_ignore_ascii_case(name)))
}

/// The destination is a URL as it stands.
fn url(text: &str) -> Result<Option<Secret>, Complaint> {
    placeholders::refuse(text)?;
    address::url(text)
}

/// A secret of one line; `None`: it is empty.
fn key(text: &str) -> Result<Option<Secret>, Complaint> {
    match text.trim() {
        "" => Ok(None),
        key if key.chars().any(char::is_control) => {
            Err(Complaint::new("is more than one line").expected("the key alone"))
        }
        key => Ok(Some(Secret::new(key))),
    }
}

/// Headers that belong to the request itself: RFC 9110, sections 7 and 8, and the proxy's.
const NOT_FREE: [&str; 5] = ["host", "content-length", "connection", "transfer-encoding", "proxy-authorization"];

/// A header: its name, its value, and both as people may see them.
fn header(item: &mut Item<'_>) -> Option<(String, Secret, Values)> {
    item.section(|entry| {
        let name = entry.parse(
            "name",
            doc("名称，如 `Authorization`", "its name, such as `Authorization`").required(),
            header_name,
        );
        let value = secret_key(
            entry,
            "value",
            "header",
            doc("值，如 `Bearer …`", "its value, such as `Bearer …`").required().values(PLACE[0], PLACE[1]),
            header_value,
            Secret::to_string,
        );
        entry.holds("name", Written::Text(name.clone()));
        if name.is_empty() && !entry.is_written("name") {
            entry.problem("name", Complaint::new("is missing").expected("a header's name"));
        }
        if value.is_none() && !entry.is_written("value") {
            entry.problem("value", Complaint::new("is missing").expected("a header's value"));
        }
        Some((name, value?, entry.values().clone()))
    })
}

fn header_name(text: &str) -> Result<String, Complaint> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match text.trim() {
        name if NOT_FREE.contains(&&*name.to_ascii_lowercase()) => {
            Err(Complaint::new("is a header that the request has already").expected("another one"))
        }
        name if !name.is_empty() && name.bytes().all(is_of_name) => Ok(name.to_owned()),
        _ => Err(Complaint::new("is no header's name").expected("letters, digits and `-`, such as X-Api-Key")),
    }
}

fn header_value(text: &str) -> Result<Option<Secret>, Complaint> {
    placeholders::refuse(text)?;
    match text.trim() {
        "" => Ok(None),
        value if value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => Ok(Some(Secret::new(value))),
        _ => Err(Complaint::new("cannot stand in a header").expected("one line of ASCII characters")),
    }
}

/// The text where none is written.
const TEXT: &str = "{message}";

fn body(section: &mut Section<'_>, written: &str, format: Format, method: Method, preset: &Preset) -> Option<Body> {
    let is_written = !written.trim().is_empty();
    let format = match format {
        Format::OfPreset if method == Method::Get || (preset.is_form && !is_written) => Format::Form,
        Format::OfPreset => Format::Json,
        format => format,
    };
    if method == Method::Get && format != Format::Form {
        section
            .problem("format", Complaint::new("a GET has no body").expected("form: its fields are added to the URL"));
        return None;
    }
    if format == Format::Text && !is_written && !preset.name.is_empty() {
        let complaint = Complaint::new(format!("{} takes no text", preset.name));
        section.problem("format", complaint.expected("no `format` beside this preset, or a `body` of your own"));
        return None;
    }
    let parsed = match (preset.shape, is_written) {
        _ if format == Format::Text => {
            let text = if is_written { written } else { TEXT };
            return complained(section, "body", Text::parse(text)).map(Body::Text);
        }
        (_, true) => complained(section, "body", Json::parse(written))?,
        (Shape::Body(text) | Shape::EachAlert(text), false) => Json::parse(text).ok()?,
        (Shape::Alertmanager, false) if format == Format::Json => return Some(Body::Alertmanager),
        (Shape::Grafana, false) if format == Format::Json => return Some(Body::Grafana),
        (Shape::Alertmanager | Shape::Grafana, false) => return not_flat(section, preset),
    };
    match (format, preset.shape) {
        (Format::Form, _) if !parsed.is_flat() => not_flat(section, preset),
        (Format::Form, _) => Some(Body::Form(parsed)),
        (_, Shape::EachAlert(_)) => Some(Body::EachAlert(parsed)),
        _ => Some(Body::Json(parsed)),
    }
}

fn not_flat(section: &mut Section<'_>, preset: &Preset) -> Option<Body> {
    let whose = if preset.name.is_empty() { "the body".to_owned() } else { format!("the body of {}", preset.name) };
    let complaint = Complaint::new(format!("{whose} holds lists or objects, and a form has single values"));
    section.problem("format", complaint.expected("json, or a `body` such as {\"text\": \"{message}\"}"));
    None
}

fn complained<T>(section: &mut Section<'_>, key: &str, read: Result<T, Vec<Complaint>>) -> Option<T> {
    read.map_err(|complaints| complaints.into_iter().for_each(|complaint| section.problem(key, complaint))).ok()
}

fn destination(
    section: &mut Section<'_>,
    preset: &Preset,
    url: Option<Secret>,
    token: Option<&Secret>,
) -> Option<Secret> {
    let known = match (preset.address, url, token) {
        (Address::WithPath(path), Some(url), _) => Some(with_path(&url, path)),
        (_, Some(url), _) => Some(url),
        (Address::At(url), None, _) => Some(Secret::new(url)),
        (Address::OfToken(url), None, Some(token)) => {
            let url = url(&token.expose()).filter(|url| Target::of(url).is_some());
            if url.is_none() {
                section.problem("token", Complaint::new(format!("is no key of {}", preset.name)));
                return None;
            }
            url.map(Secret::new)
        }
        _ => None,
    };
    if known.is_none() && !preset.name.is_empty() {
        let key = if matches!(preset.address, Address::OfToken(_)) { "token" } else { "url" };
        section.problem(key, Complaint::new(format!("is missing: {} needs it", preset.name)));
    }
    known
}

/// `url` with `path` at its end.
fn with_path(url: &Secret, path: &str) -> Secret {
    let text = url.expose();
    let (address, query) = text.split_once('?').map_or((&*text, None), |(address, query)| (address, Some(query)));
    let address = address.trim_end_matches('/');
    let address = if address.ends_with(path) { address.to_owned() } else { format!("{address}{path}") };
    Secret::new(query.map_or(address.clone(), |query| format!("{address}?{query}")))
}

/// The rule, and its keys as people see them.
fn success(section: &mut Section<'_>) -> (Rule, Values) {
    let mut status = String::new();
    let statuses = section.parse("status", STATUS_DOC, |text| {
        text.trim().clone_into(&mut status);
        statuses(text)
    });
    section.holds("status", Written::Text(status));
    let path = section.text("field", FIELD_DOC);
    let equals = section.text("equals", EQUALS_DOC);
    if path.is_empty() && !equals.is_empty() {
        section.problem("equals", Complaint::new("belongs to a field").expected("`field` beside it, such as `code`"));
    }
    section.holds("field", Written::Text(path.clone()));
    section.holds("equals", Written::Text(equals.clone()));
    (Rule { statuses, field: (!path.is_empty()).then_some(Field { path, equals }) }, section.values().clone())
}

/// `200, 3xx`
fn statuses(text: &str) -> Result<Vec<(u16, u16)>, Complaint> {
    let one = |text: &str| {
        let (from, to) = match text.trim().strip_suffix("xx") {
            Some(hundred) => (format!("{hundred}00"), format!("{hundred}99")),
            None => (text.trim().to_owned(), text.trim().to_owned()),
        };
        Some((from.parse().ok()?, to.parse().ok()?)).filter(|(from, to)| (100..=599).contains(from) && *to <= 599)
    };
    let all = text.split(',').filter(|part| !part.trim().is_empty() || text.contains(',')).map(one);
    all.collect::<Option<Vec<_>>>()
        .ok_or_else(|| Complaint::new("is no list of statuses").expected("such as 2xx, or 200, 202"))
}
