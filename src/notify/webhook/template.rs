//! Templates: a JSON value, or a text, with placeholders in its strings.
//!
//! A body is parsed once, with the configuration, and filled string by string: whatever a message holds, it stays inside
//! its string. `{name}` is a placeholder, `{{` and `}}` are braces. `{#name}`, alone in its string, becomes a number.

use serde_json::{Map, Value};

use crate::settings::{Complaint, nearest};

/// A placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Title,
    Text,
    Message,
    Line1,
    Kind,
    Level,
    Status,
    Host,
    Metric,
    Target,
    Value,
    Threshold,
    Since,
    SinceUnix,
    Id,
    EventId,
    Time,
    TimeUnix,
    Color,
    Priority,
    State,
    Token,
    User,
}

pub const FIELDS: [(&str, Field); 23] = [
    ("title", Field::Title),
    ("text", Field::Text),
    ("message", Field::Message),
    ("line1", Field::Line1),
    ("kind", Field::Kind),
    ("level", Field::Level),
    ("status", Field::Status),
    ("host", Field::Host),
    ("metric", Field::Metric),
    ("target", Field::Target),
    ("value", Field::Value),
    ("threshold", Field::Threshold),
    ("since", Field::Since),
    ("since_unix", Field::SinceUnix),
    ("id", Field::Id),
    ("event_id", Field::EventId),
    ("time", Field::Time),
    ("time_unix", Field::TimeUnix),
    ("color", Field::Color),
    ("priority", Field::Priority),
    ("state", Field::State),
    ("token", Field::Token),
    ("user", Field::User),
];

/// The placeholders that can be numbers.
const NUMBERS: [&str; 4] = ["time_unix", "since_unix", "color", "priority"];

/// The values of one message, or of one of its alerts.
pub trait Values {
    fn text(&self, field: Field) -> String;

    /// Of one of the placeholders that can be numbers.
    fn number(&self, field: Field) -> i64;
}

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Own(String),
    Field(Field),
}

impl Text {
    /// # Errors
    /// A brace is not closed, or stands for nothing that is known.
    pub fn parse(text: &str) -> Result<Text, Complaint> {
        let mut pieces = Vec::new();
        let mut own = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            own.push_str(&rest[..at]);
            let (brace, behind) = rest[at..].split_at(1);
            if let Some(behind) = behind.strip_prefix(brace) {
                own.push_str(brace);
                rest = behind;
                continue;
            }
            let end = behind.find(['{', '}']).filter(|end| brace == "{" && behind[*end..].starts_with('}'));
            let Some(end) = end else {
                let complaint = Complaint::new(format!("a `{brace}` belongs to no placeholder"));
                return Err(complaint.expected("a placeholder such as {title}, or {{ and }} for braces themselves"));
            };
            if !own.is_empty() {
                pieces.push(Piece::Own(std::mem::take(&mut own)));
            }
            pieces.push(Piece::Field(field(&behind[..end])?));
            rest = &behind[end + 1..];
        }
        own.push_str(rest);
        if !own.is_empty() {
            pieces.push(Piece::Own(own));
        }
        Ok(Text(pieces))
    }

    pub fn fill(&self, values: &dyn Values) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Own(text) => text.clone(),
            Piece::Field(field) => values.text(*field),
        };
        self.0.iter().map(text).collect()
    }
}

/// The words of other programs for our fields.
const OF_OTHERS: [(&str, &str); 11] = [
    ("severity", "level"),
    ("hostname", "host"),
    ("instance", "host"),
    ("server", "host"),
    ("msg", "message"),
    ("body", "text"),
    ("content", "text"),
    ("subject", "title"),
    ("limit", "threshold"),
    ("timestamp", "time"),
    ("name", "metric"),
];

fn field(name: &str) -> Result<Field, Complaint> {
    if let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) {
        return Ok(*field);
    }
    let names = FIELDS.iter().map(|(name, _)| *name);
    let word = name.trim().to_lowercase();
    let of_others = OF_OTHERS.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours);
    let complaint = match of_others.or_else(|| nearest(&word, names.clone())) {
        Some(meant) if !name.starts_with('#') => {
            Complaint::new(format!("there is no placeholder {{{name}}}; did you mean {{{meant}}}?"))
        }
        _ if name.starts_with('#') => Complaint::new(format!("{{{name}}} is no number alone in its string"))
            .expected(format!("one of {}, alone in its string", NUMBERS.map(|name| format!("{{#{name}}}")).join(" "))),
        _ => Complaint::new(format!("there is no placeholder {{{name}}}")),
    };
    Err(if complaint.expected.is_empty() {
        complaint.expected(format!("one of {}", names.collect::<Vec<_>>().join(", ")))
    } else {
        complaint
    })
}

/// A JSON value with placeholders in its strings.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Text(Text),
    Number(Field),
    Plain(Value),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// # Errors
    /// It is no JSON, or a string has a placeholder that does not exist.
    pub fn parse(text: &str) -> Result<Json, Complaint> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Complaint::new(format!("is no JSON: {error}"))
                .expected(r#"a JSON value, its placeholders in strings, such as {"text": "{message}"}"#)
        })?;
        Json::of(value)
    }

    fn of(value: Value) -> Result<Json, Complaint> {
        Ok(match value {
            Value::String(text) => match number(&text) {
                Some(field) => Json::Number(field),
                None => Json::Text(Text::parse(&text)?),
            },
            Value::Array(values) => Json::List(values.into_iter().map(Json::of).collect::<Result<_, _>>()?),
            Value::Object(fields) => {
                let field = |(name, value)| Ok((name, Json::of(value)?));
                Json::Object(fields.into_iter().map(field).collect::<Result<_, Complaint>>()?)
            }
            value => Json::Plain(value),
        })
    }

    /// Whether it is an object of single values, as a form is.
    pub fn is_flat(&self) -> bool {
        let is_single = |value: &Json| !matches!(value, Json::List(_) | Json::Object(_));
        matches!(self, Json::Object(fields) if fields.iter().all(|(_, value)| is_single(value)))
    }

    pub fn fill(&self, values: &dyn Values) -> Value {
        match self {
            Json::Text(text) => Value::String(text.fill(values)),
            Json::Number(field) => values.number(*field).into(),
            Json::Plain(value) => value.clone(),
            Json::List(list) => list.iter().map(|value| value.fill(values)).collect(),
            Json::Object(fields) => {
                let filled = fields.iter().map(|(name, value)| (name.clone(), value.fill(values)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
        }
    }
}

fn number(text: &str) -> Option<Field> {
    let name = text.strip_prefix("{#")?.strip_suffix('}')?;
    NUMBERS.contains(&name).then(|| field(name).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Each placeholder is its name, with a hostile text behind the title's.
    struct Names;

    impl Values for Names {
        fn text(&self, field: Field) -> String {
            let name = FIELDS.iter().find(|(_, known)| *known == field).unwrap().0;
            if field == Field::Title { "\"}, {\"a\": {text}\n".to_owned() } else { name.to_uppercase() }
        }

        fn number(&self, _: Field) -> i64 {
            7
        }
    }

    fn complaint(body: &str) -> String {
        let complaint = Json::parse(body).unwrap_err();
        format!("{} [{}]", complaint.message, complaint.expected)
    }

    #[test]
    fn a_value_stays_inside_its_string_whatever_it_holds() {
        let body = r##"{"a": "<{title}>", "{title}": [1, null, "{{{level}}}"], "n": "{#priority}", "c": "#{color}"}"##;
        let filled = Json::parse(body).unwrap().fill(&Names);
        assert_eq!(
            filled,
            json!({"a": "<\"}, {\"a\": {text}\n>", "{title}": [1, null, "{LEVEL}"], "n": 7, "c": "#COLOR"})
        );
    }

    #[test]
    fn a_mistake_is_told_with_its_place_or_with_what_was_meant() {
        for (body, told) in [
            (
                "{\"a\": }",
                "is no JSON: expected value at line 1 column 7 [a JSON value, its placeholders in strings, such as",
            ),
            (r#"{"a": "{tite}"}"#, "there is no placeholder {tite}; did you mean {title}?"),
            (r#"["{ Level }"]"#, "there is no placeholder { Level }; did you mean {level}?"),
            (r#"{"a": "{titel}"}"#, "there is no placeholder {titel}; did you mean {title}?"),
            (r#"{"a": "{Severity}"}"#, "there is no placeholder {Severity}; did you mean {level}?"),
            (r#"["{nothing_like_it}"]"#, "there is no placeholder {nothing_like_it} [one of title, text"),
            (r#"["{#color} "]"#, "[one of {#time_unix} {#since_unix} {#color} {#priority}, alone in its string]"),
            (r#"["a { b"]"#, "a `{` belongs to no placeholder [a placeholder such as {title}, or {{ and }}"),
            (r#"["a } b"]"#, "a `}` belongs to no placeholder"),
            (r#"["{a{title}"]"#, "a `{` belongs to no placeholder"),
        ] {
            assert!(complaint(body).contains(told), "{body}: {}", complaint(body));
        }
    }

    #[test]
    fn a_form_has_single_values_alone() {
        for (body, is_flat) in [(r#"{"a": "{text}", "b": 1}"#, true), (r#"{"a": []}"#, false), ("[]", false)] {
            assert_eq!(Json::parse(body).unwrap().is_flat(), is_flat, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_template_or_refused(text in "([{}]|#|title|\\PC){0,60}") {
            if let Ok(template) = Text::parse(&text) {
                template.fill(&Names);
            }
            let _ = Json::parse(&text);
        }
    }
}
