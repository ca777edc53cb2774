//! The description of a section's keys by their reader: values, defaults and meaning.
//!
//! A reader names each key once, with its default, its range and its [`Doc`]. Over a file it is a reader.
//! [`describe`](super::describe) runs it without a file: then it is the description of its section, and the template,
//! the reference pages, the man page and the JSON Schema are made from that.

use std::time::Duration;

use super::size::{Volume, size_text};

/// The most durations in a value that may be several.
pub const MAX_DURATIONS: usize = 8;

/// The most numbers in such a value.
pub const MAX_NUMBERS: usize = 8;

/// A text in the two languages of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    pub zh: &'static str,
    pub en: &'static str,
}

/// The documents' text about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doc {
    /// The key's purpose, without a full stop; literal text is in backquotes.
    pub meaning: Text,
    /// The texts that the key takes, if its type does not say it.
    pub values: Option<Text>,
    /// Those texts as a regular expression (of JSON Schema).
    pub pattern: Option<&'static str>,
    /// The default of a text; for a list its items, one a line.
    pub default: &'static str,
    /// The value in the template, in place of the default.
    pub template: Option<&'static str>,
    /// Lines of comment above the key in the template.
    pub above: &'static [Text],
    /// The same below it, each on one line.
    pub below: &'static [Text],
    /// A number or `true` without quotes counts as a text too, though there is a pattern.
    pub may_be_number: bool,
    /// No item of the list is there twice.
    pub is_unique: bool,
    /// The key must be there.
    pub is_required: bool,
}

/// A key's purpose, in Chinese and in English.
pub const fn doc(zh: &'static str, en: &'static str) -> Doc {
    Doc {
        meaning: Text { zh, en },
        values: None,
        pattern: None,
        default: "",
        template: None,
        above: &[],
        below: &[],
        may_be_number: false,
        is_unique: false,
        is_required: false,
    }
}

/// For a section, and for an item of a list that has the meaning of the list.
pub const NO_DOC: Doc = doc("", "");

impl Doc {
    #[must_use]
    pub const fn values(self, zh: &'static str, en: &'static str) -> Doc {
        Doc { values: Some(Text { zh, en }), ..self }
    }

    #[must_use]
    pub const fn pattern(self, pattern: &'static str) -> Doc {
        Doc { pattern: Some(pattern), ..self }
    }

    #[must_use]
    pub const fn default(self, default: &'static str) -> Doc {
        Doc { default, ..self }
    }

    #[must_use]
    pub const fn template(self, written: &'static str) -> Doc {
        Doc { template: Some(written), ..self }
    }

    #[must_use]
    pub const fn above(self, above: &'static [Text]) -> Doc {
        Doc { above, ..self }
    }

    #[must_use]
    pub const fn below(self, below: &'static [Text]) -> Doc {
        Doc { below, ..self }
    }

    #[must_use]
    pub const fn or_number(self) -> Doc {
        Doc { may_be_number: true, ..self }
    }

    #[must_use]
    pub const fn unique(self) -> Doc {
        Doc { is_unique: true, ..self }
    }

    #[must_use]
    pub const fn required(self) -> Doc {
        Doc { is_required: true, ..self }
    }
}

/// A key as its section's reader has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// `system.memory.threshold`; the keys of a list's item are behind `docker.containers[]`.
    pub path: String,
    pub kind: ValueKind,
    /// In the form of the file, a text without quotes; empty for a section, and for a list (its items are in the doc).
    pub default: String,
    pub doc: Doc,
}

/// The values that a key takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    Section,
    List,
    Boolean,
    Integer {
        from: u64,
        to: u64,
    },
    Number {
        above: f64,
        up_to: f64,
    },
    Percent,
    /// The same, or 0, which turns it off.
    OrOff(Box<ValueKind>),
    Duration {
        from: Duration,
        to: Duration,
    },
    /// Bytes, with a unit.
    Size {
        from: u64,
        to: u64,
    },
    /// Bytes of traffic, with a unit of 10^9 or of 2^30.
    Volume {
        from: u64,
        to: u64,
    },
    /// One duration, or several of which the n-th time takes the n-th; none if the word is there instead.
    Durations {
        from: Duration,
        to: Duration,
        none: Option<&'static str>,
    },
    /// One number, or several.
    Numbers {
        above: f64,
        up_to: f64,
    },
    /// One of some words.
    Choice(Vec<&'static str>),
    Text,
}

impl Described {
    /// The key itself, without the sections that it is in.
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// The values that the key takes, in words; empty for a section.
    pub fn values(&self) -> [String; 2] {
        if let Some(Text { zh, en }) = self.doc.values {
            return [zh.to_owned(), en.to_owned()];
        }
        self.kind.values()
    }
}

impl ValueKind {
    fn values(&self) -> [String; 2] {
        match self {
            ValueKind::Section => [String::new(), String::new()],
            ValueKind::List => both("列表", "list"),
            ValueKind::Boolean => both("true、false", "true, false"),
            ValueKind::Integer { from, to } => range(&from.to_string(), &grouped(*to), &to.to_string()),
            ValueKind::Number { above, up_to } => above_up_to(*above, *up_to),
            ValueKind::Percent => above_up_to(0.0, 100.0),
            ValueKind::OrOff(kind) => {
                let [zh, en] = kind.values();
                [format!("{zh}，0 为关闭"), format!("{en}, or 0: off")]
            }
            ValueKind::Duration { from, to } => {
                let ([from_zh, from_en], [to_zh, to_en]) = (duration_words(*from), duration_words(*to));
                [format!("{from_zh}至 {to_zh}"), format!("{from_en} to {to_en}")]
            }
            ValueKind::Size { from, to } => {
                let (from, to) = (size_text(*from), size_text(*to));
                [format!("{from} 至 {to}"), format!("{from} to {to}")]
            }
            ValueKind::Volume { from, to } => {
                let [from, to] = [*from, *to].map(|bytes| Volume { bytes, is_binary: false }.to_string());
                let [zh, en] = range(&from, &to, &to);
                [format!("{zh}，也可用 GiB、TiB"), format!("{en}, or in GiB, TiB")]
            }
            ValueKind::Durations { from, to, none } => {
                let ([from_zh, from_en], [to_zh, to_en]) = (duration_words(*from), duration_words(*to));
                let or = |or: &str| none.map(|none| format!("{or}{none}")).unwrap_or_default();
                [
                    format!("{from_zh}至 {to_zh}，可列出至多 {MAX_DURATIONS} 个{}", or("，或 ")),
                    format!("{from_en} to {to_en}, up to {MAX_DURATIONS} in a list{}", or(", or ")),
                ]
            }
            ValueKind::Numbers { above, up_to } => {
                let [zh, en] = above_up_to(*above, *up_to);
                [format!("{zh}，可列出至多 {MAX_NUMBERS} 个"), format!("{en}, up to {MAX_NUMBERS} in a list")]
            }
            ValueKind::Choice(words) => [words.join("、"), words.join(", ")],
            ValueKind::Text => both("文本", "text"),
        }
    }
}

fn both(zh: &str, en: &str) -> [String; 2] {
    [zh.to_owned(), en.to_owned()]
}

fn range(from: &str, to_en: &str, to_zh: &str) -> [String; 2] {
    [format!("{from} 至 {to_zh}"), format!("{from} to {to_en}")]
}

fn above_up_to(above: f64, up_to: f64) -> [String; 2] {
    let grouped = if up_to.fract() == 0.0 { grouped(up_to as u64) } else { up_to.to_string() };
    [format!("大于 {above}、不超过 {up_to}"), format!("above {above}, up to {grouped}")]
}

/// A number with separated thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration in its largest whole unit: `5 分钟`, `1 day`, `0.1 s`.
fn duration_words(duration: Duration) -> [String; 2] {
    let seconds = duration.as_secs_f64();
    for (unit, zh, one, many) in
        [(86_400.0, "天", "day", "days"), (3_600.0, "小时", "hour", "hours"), (60.0, "分钟", "minute", "minutes")]
    {
        let count = seconds / unit;
        if count >= 1.0 && count.fract() == 0.0 {
            return [format!("{count} {zh}"), format!("{count} {}", if count == 1.0 { one } else { many })];
        }
    }
    [format!("{seconds} 秒"), format!("{seconds} s")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_as_people_say_them() {
        let values = |kind| Described { path: String::new(), kind, default: String::new(), doc: NO_DOC }.values();
        let seconds = Duration::from_secs_f64;
        for (kind, zh, en) in [
            (ValueKind::Integer { from: 1, to: 10_000_000 }, "1 至 10000000", "1 to 10,000,000"),
            (ValueKind::Number { above: 0.0, up_to: 1e6 }, "大于 0、不超过 1000000", "above 0, up to 1,000,000"),
            (ValueKind::Percent, "大于 0、不超过 100", "above 0, up to 100"),
            (
                ValueKind::OrOff(Box::new(ValueKind::Percent)),
                "大于 0、不超过 100，0 为关闭",
                "above 0, up to 100, or 0: off",
            ),
            (ValueKind::Duration { from: seconds(0.1), to: seconds(300.0) }, "0.1 秒至 5 分钟", "0.1 s to 5 minutes"),
            (ValueKind::Duration { from: seconds(0.0), to: seconds(86_400.0) }, "0 秒至 1 天", "0 s to 1 day"),
            (ValueKind::Duration { from: seconds(90.0), to: seconds(7_200.0) }, "90 秒至 2 小时", "90 s to 2 hours"),
        ] {
            assert_eq!(values(kind), [zh, en]);
        }
    }
}
