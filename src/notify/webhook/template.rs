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
    /// A whole body. `Err`: every mistake in it, with its line if there are several.
    pub fn parse(text: &str) -> Result<Text, Vec<Complaint>> {
        let is_long = text.trim_end().contains('\n');
        let line = |at: usize| format!(" in line {}", text[..at].matches('\n').count() + 1);
        let mut mistakes = Vec::new();
        let parsed = Text::read(text, |at| if is_long { line(at) } else { String::new() }, &mut mistakes);
        if mistakes.is_empty() { Ok(parsed) } else { Err(located(mistakes, text)) }
    }

    /// `place` names the place of a byte for people.
    fn read(text: &str, place: impl Fn(usize) -> String, mistakes: &mut Vec<Mistake>) -> Text {
        let mut pieces = Vec::new();
        let mut own = String::new();
        let mut begin = 0;
        while let Some(at) = text[begin..].find(['{', '}']).map(|at| begin + at) {
            own.push_str(&text[begin..at]);
            let (brace, behind) = text[at..].split_at(1);
            if behind.starts_with(brace) {
                own.push_str(brace);
                begin = at + 2;
                continue;
            }
            let end = behind.find(['{', '}']).filter(|end| brace == "{" && behind[*end..].starts_with('}'));
            let Some(end) = end else {
                mistakes.push(Mistake::of_brace(brace, &place(at)));
                begin = at + 1;
                continue;
            };
            if !own.is_empty() {
                pieces.push(Piece::Own(std::mem::take(&mut own)));
            }
            match field(&behind[..end]) {
                Some(field) => pieces.push(Piece::Field(field)),
                None => mistakes.push(Mistake::of_name(&behind[..end], &place(at))),
            }
            begin = at + 1 + end + 1;
        }
        own.push_str(&text[begin..]);
        if !own.is_empty() {
            pieces.push(Piece::Own(own));
        }
        Text(pieces)
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

fn field(name: &str) -> Option<Field> {
    FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
}

/// A mistake, and the written text that is one.
struct Mistake {
    complaint: Complaint,
    written: String,
}

impl Mistake {
    fn of_brace(brace: &str, place: &str) -> Mistake {
        let complaint = Complaint::new(format!("a `{brace}` belongs to no placeholder{place}"));
        let complaint = complaint.expected("a placeholder such as {title}, or {{ and }} for braces themselves");
        Mistake { complaint, written: brace.to_owned() }
    }

    /// A key is sent as it is written.
    fn of_key(key: &str, path: &str) -> Option<Mistake> {
        let mut found = Vec::new();
        Text::read(key, |_| String::new(), &mut found);
        let known = FIELDS.iter().map(|(name, _)| format!("{{{name}}}")).find(|it| key.replace("{{", "").contains(it));
        let written = known.or_else(|| found.into_iter().map(|mistake| mistake.written).find(|it| it.len() > 1))?;
        let complaint = Complaint::new(format!("a key takes no placeholders: {written}{}", in_path(path)));
        Some(Mistake { complaint: complaint.expected("the placeholder in a value"), written })
    }

    fn of_name(name: &str, place: &str) -> Mistake {
        let names = || FIELDS.iter().map(|(name, _)| *name);
        let word = name.trim().to_lowercase();
        let of_others = OF_OTHERS.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours);
        let all = || format!("one of {}", names().collect::<Vec<_>>().join(", "));
        let numbers = || format!("one of {}, alone", NUMBERS.map(|name| format!("{{#{name}}}")).join(" "));
        let unknown = format!("there is no placeholder {{{name}}}{place}");
        let (message, expected) = match of_others.or_else(|| nearest(&word, names())) {
            _ if name.starts_with('#') => (format!("{{{name}}} is no number alone in its string{place}"), numbers()),
            Some(meant) => (format!("{unknown}; did you mean {{{meant}}}?"), all()),
            None => (unknown, all()),
        };
        Mistake { complaint: Complaint::new(message).expected(expected), written: format!("{{{name}}}") }
    }
}

fn in_path(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" in {path}") }
}

/// The complaints, each once, with the characters of `body` that they are about where these stand there as they are.
fn located(mistakes: Vec<Mistake>, body: &str) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = Vec::new();
    for Mistake { complaint, written } in mistakes {
        let found = if written.len() > 1 { body.find(&written) } else { None };
        let at = found.map(|at| body[..at].chars().count()).map(|at| at..at + written.chars().count());
        let complaint = Complaint { at, ..complaint };
        if !complaints.contains(&complaint) {
            complaints.push(complaint);
        }
    }
    complaints
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
    /// A whole body. `Err`: it is no JSON, or every mistake in its strings, each with the place of that.
    pub fn parse(text: &str) -> Result<Json, Vec<Complaint>> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let complaint = Complaint::new(format!("is no JSON: {error}"));
            vec![complaint.expected(r#"a JSON value, its placeholders in strings, such as {"text": "{message}"}"#)]
        })?;
        let mut mistakes = Vec::new();
        let parsed = Json::of(value, "", &mut mistakes);
        if mistakes.is_empty() { Ok(parsed) } else { Err(located(mistakes, text)) }
    }

    /// `path` is that of the value, such as `embeds[0].title`.
    fn of(value: Value, path: &str, mistakes: &mut Vec<Mistake>) -> Json {
        match value {
            Value::String(text) => {
                number(&text).map_or_else(|| Json::Text(Text::read(&text, |_| in_path(path), mistakes)), Json::Number)
            }
            Value::Array(values) => {
                let values = values.into_iter().enumerate();
                Json::List(values.map(|(at, value)| Json::of(value, &format!("{path}[{at}]"), mistakes)).collect())
            }
            Value::Object(fields) => {
                let dot = if path.is_empty() { "" } else { "." };
                let fields = fields.into_iter().map(|(name, value)| {
                    mistakes.extend(Mistake::of_key(&name, path));
                    (name.clone(), Json::of(value, &format!("{path}{dot}{name}"), mistakes))
                });
                Json::Object(fields.collect())
            }
            value => Json::Plain(value),
        }
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
    NUMBERS.contains(&name).then(|| field(name))?
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

    fn complaints(body: &str) -> Vec<String> {
        let told = |complaint: Complaint| {
            let all: Vec<char> = body.chars().collect();
            let at = complaint.at.map(|at| all[at].iter().collect::<String>()).unwrap_or_default();
            format!("{} [{}] at {at}", complaint.message, complaint.expected)
        };
        Json::parse(body).unwrap_err().into_iter().map(told).collect()
    }

    #[test]
    fn a_value_stays_inside_its_string_whatever_it_holds() {
        let body =
            r##"{"a": "<{title}>", "{{title}}": [1, null, "{{{level}}}"], "n": "{#priority}", "c": "#{color}"}"##;
        let filled = Json::parse(body).unwrap().fill(&Names);
        assert_eq!(
            filled,
            json!({"a": "<\"}, {\"a\": {text}\n>", "{{title}}": [1, null, "{LEVEL}"], "n": 7, "c": "#COLOR"})
        );
    }

    #[test]
    fn a_mistake_is_told_with_its_place_or_with_what_was_meant() {
        for (body, told) in [
            (
                "{\"a\": }",
                "is no JSON: expected value at line 1 column 7 [a JSON value, its placeholders in strings, such as",
            ),
            (r#"{"a": "{tite}"}"#, "there is no placeholder {tite} in a; did you mean {title}?"),
            (r#"["{ Level }"]"#, "there is no placeholder { Level } in [0]; did you mean {level}?"),
            (r#"{"a": {"b": ["", "{titel}"]}}"#, "there is no placeholder {titel} in a.b[1]; did you mean {title}?"),
            (r#""{Severity}""#, "there is no placeholder {Severity}; did you mean {level}?"),
            (r#"["{nothing_like_it}"]"#, "there is no placeholder {nothing_like_it} in [0] [one of title, text"),
            (r#"["{#color} "]"#, "[one of {#time_unix} {#since_unix} {#color} {#priority}, alone] at {#color}"),
            (r#"["a { b"]"#, "a `{` belongs to no placeholder in [0] [a placeholder such as {title}, or {{ and }}"),
            (
                r#"{"a": {"{title}": 1}}"#,
                "a key takes no placeholders: {title} in a [the placeholder in a value] at {title}",
            ),
            (r#"{"{tite}": 1}"#, "a key takes no placeholders: {tite} ["),
            (r#"["a } b"]"#, "a `}` belongs to no placeholder"),
            (r#"["{a{title}"]"#, "a `{` belongs to no placeholder"),
        ] {
            let all = complaints(body);
            assert!(all.len() == 1 && all[0].contains(told), "{body}: {all:?}");
        }
    }

    #[test]
    fn every_mistake_of_a_body_is_told_once_with_its_place_and_with_what_was_meant() {
        let body = r#"{"a": "告警 {tite} {tite} {severity}", "b": [{"c": "{ {hosst}"}], "x": "{{tite}}"}"#;
        let told = complaints(body);
        for (place, expected) in [
            "there is no placeholder {tite} in a; did you mean {title}?",
            "there is no placeholder {severity} in a; did you mean {level}?",
            "a `{` belongs to no placeholder in b[0].c",
            "there is no placeholder {hosst} in b[0].c; did you mean {host}?",
        ]
        .iter()
        .enumerate()
        {
            assert!(told[place].starts_with(expected), "{place}: {told:?}");
        }
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[3].ends_with(" at {hosst}"), "{told:?}");
        let lines = Text::parse("{title}\n{tite}\n\n{txt} {").unwrap_err();
        let lines: Vec<&str> = lines.iter().map(|complaint| &*complaint.message).collect();
        assert_eq!(
            lines,
            [
                "there is no placeholder {tite} in line 2; did you mean {title}?",
                "there is no placeholder {txt} in line 4; did you mean {text}?",
                "a `{` belongs to no placeholder in line 4"
            ]
        );
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
