//! The configuration as a JSON Schema (draft 2020-12), made from the readers' descriptions of their keys. Editors use
//! it to check and to complete.
//!
//! It accepts every configuration that the agent accepts, in YAML 1.2. Some rules no schema can state: that a time zone
//! exists, that a cron expression fires, quotes, keys that depend on one another. Those only the agent checks.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::Config;
use crate::settings::{Described, MAX_DURATIONS, MAX_ITEMS, MAX_NUMBERS, ValueKind};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A duration with its units; without quotes, a number alone is seconds.
const DURATION: &str = r"^((\d+\.?\d*|\.\d+)(ms|s|m|h|d))+$";

/// A size with its unit.
const SIZE: &str = r"^(\d+\.?\d*|\.\d+) ?([TtGgMm][Ii]?[Bb])$";

/// The schema, as it is printed.
pub fn schema() -> String {
    let mut document = section(&Config::describe());
    document.insert("$schema".to_owned(), json!(DRAFT));
    document.insert("title".to_owned(), json!("vps-monitor"));
    let mut text = format!("{:#}", Json::Object(document));
    text.push('\n');
    text
}

/// A section with those keys; the keys inside a key follow it in the list.
fn section(keys: &[Described]) -> Map<String, Json> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut rest = keys;
    while let Some((key, behind)) = rest.split_first() {
        let is_inside =
            |inner: &&Described| inner.path.strip_prefix(&key.path).is_some_and(|rest| rest.starts_with(['.', '[']));
        let (inside, after) = behind.split_at(behind.iter().take_while(is_inside).count());
        properties.insert(key.name().to_owned(), property(key, inside));
        if key.doc.is_required {
            required.push(json!(key.name()));
        }
        rest = after;
    }
    let mut section = Map::new();
    section.insert("type".to_owned(), json!(["object", "null"]));
    section.insert("properties".to_owned(), Json::Object(properties));
    section.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        // A container without a name has no meaning.
        section.insert("type".to_owned(), json!("object"));
        section.insert("required".to_owned(), Json::Array(required));
    }
    section
}

fn property(key: &Described, inside: &[Described]) -> Json {
    let mut property = values(&key.kind, key, inside);
    if let Some(description) = description(key) {
        property.insert("description".to_owned(), json!(description));
    }
    if let Some(default) = default(key) {
        property.insert("default".to_owned(), default);
    }
    Json::Object(property)
}

/// The values of a key of this kind.
fn values(kind: &ValueKind, key: &Described, inside: &[Described]) -> Map<String, Json> {
    match kind {
        ValueKind::Section => section(inside),
        ValueKind::List => list(key, inside),
        ValueKind::Boolean => object(json!({"type": ["boolean", "null"]})),
        ValueKind::Integer { from, to } => object(json!({"type": ["integer", "null"], "minimum": from, "maximum": to})),
        ValueKind::Number { above, up_to } => number(*above, *up_to),
        ValueKind::Percent => number(0.0, 100.0),
        ValueKind::OrOff(kind) => object(json!({"anyOf": [{"const": 0}, values(kind, key, inside)]})),
        ValueKind::Duration { from, to } => object(json!({"anyOf": duration(*from, *to, true)})),
        ValueKind::Size { .. } | ValueKind::Volume { .. } => {
            object(json!({"type": ["string", "null"], "pattern": SIZE}))
        }
        ValueKind::Numbers { above, up_to } => {
            let item = json!({"type": "number", "exclusiveMinimum": above, "maximum": up_to});
            let list = json!({"type": "array", "items": item, "minItems": 1, "maxItems": MAX_NUMBERS});
            object(json!({"anyOf": [number(*above, *up_to), list]}))
        }
        ValueKind::Durations { from, to, none } => durations(*from, *to, *none),
        ValueKind::Choice(words) => choice(words),
        ValueKind::Text => text(key, true),
    }
}

/// The forms of one duration.
fn duration(from: Duration, to: Duration, may_be_null: bool) -> [Json; 2] {
    let types = if may_be_null { json!(["number", "null"]) } else { json!("number") };
    [
        json!({"type": types, "minimum": seconds(from), "maximum": seconds(to)}),
        json!({"type": "string", "pattern": DURATION}),
    ]
}

fn durations(from: Duration, to: Duration, none: Option<&str>) -> Map<String, Json> {
    let mut forms = duration(from, to, true).to_vec();
    let item = json!({"anyOf": duration(from, to, false)});
    forms.push(json!({"type": "array", "items": item, "minItems": 1, "maxItems": MAX_DURATIONS}));
    forms.extend(none.map(|none| Json::Object(choice(&[none]))));
    object(json!({"anyOf": forms}))
}

fn list(key: &Described, inside: &[Described]) -> Map<String, Json> {
    let mut list = object(json!({"type": ["array", "null"], "items": item(inside), "maxItems": MAX_ITEMS}));
    if key.doc.is_unique {
        list.insert("uniqueItems".to_owned(), json!(true));
    }
    list
}

/// An item of a list: a text, a section with keys of its own, or either.
fn item(inside: &[Described]) -> Json {
    let Some((item, keys)) = inside.split_first() else { return json!({}) };
    if !item.path.ends_with("[]") {
        return Json::Object(section(inside));
    }
    let text = Json::Object(text(item, false));
    if keys.is_empty() { text } else { json!({"anyOf": [text, section(keys)]}) }
}

fn text(key: &Described, may_be_null: bool) -> Map<String, Json> {
    let mut types = vec!["string"];
    if key.doc.pattern.is_none() || key.doc.may_be_number {
        types.extend(["number", "boolean"]);
    }
    if may_be_null && !key.doc.is_required {
        types.push("null");
    }
    let mut text = object(json!({"type": types}));
    if let Some(pattern) = key.doc.pattern {
        text.insert("pattern".to_owned(), json!(pattern));
    }
    text
}

/// Words in upper or lower case; editors offer those of the list.
fn choice(words: &[&str]) -> Map<String, Json> {
    let value = |word: &&str| match *word {
        "true" => json!(true),
        "false" => json!(false),
        word => json!(word),
    };
    let values: Vec<Json> = words.iter().map(value).chain([Json::Null]).collect();
    let in_any_case = |c: char| {
        if c.is_ascii_alphabetic() {
            format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase())
        } else {
            c.to_string()
        }
    };
    let pattern: Vec<String> = words.iter().map(|word| word.chars().map(in_any_case).collect()).collect();
    object(json!({"anyOf": [{"enum": values}, {"type": "string", "pattern": format!("^({})$", pattern.join("|"))}]}))
}

fn number(above: f64, up_to: f64) -> Map<String, Json> {
    object(json!({"type": ["number", "null"], "exclusiveMinimum": above, "maximum": up_to}))
}

fn description(key: &Described) -> Option<String> {
    let (meaning, [values_zh, values_en]) = (key.doc.meaning, key.values());
    let line = |meaning: &str, separator: &str, values: &str| match (meaning, &key.kind) {
        (meaning, ValueKind::Section | ValueKind::Boolean | ValueKind::Choice(_)) => meaning.to_owned(),
        ("", _) => values.to_owned(),
        (meaning, _) => format!("{meaning}{separator}{values}"),
    };
    let text = format!("{}\n{}", line(meaning.en, ": ", &values_en), line(meaning.zh, "：", &values_zh));
    Some(text).filter(|text| text.trim() != "")
}

fn default(key: &Described) -> Option<Json> {
    match key.kind {
        ValueKind::Section => None,
        _ if key.default.is_empty() && key.kind != ValueKind::List && key.kind != ValueKind::Text => Some(Json::Null),
        ValueKind::Durations { .. } => Some(key.default.trim_matches(['[', ']']).split(", ").collect()),
        ValueKind::List => Some(key.doc.default.lines().collect()),
        ValueKind::Text if key.doc.is_required => None,
        ValueKind::Text => Some(json!(key.default)),
        // Numbers and `true` are the same in YAML and JSON.
        _ => Some(serde_json::from_str(&key.default).unwrap_or_else(|_| json!(key.default))),
    }
}

/// Seconds; whole ones are written without a fraction.
fn seconds(duration: Duration) -> Json {
    if duration.subsec_nanos() == 0 { json!(duration.as_secs()) } else { json!(duration.as_secs_f64()) }
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}
