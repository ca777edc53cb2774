//! A line of a message: our own words, and foreign text between them, kept apart until a channel writes it.
//!
//! Foreign text (a host's name, a path, a container's name, the output of a health check, an error from elsewhere) is
//! bounded and harmless from the start, the same for every channel. Each channel escapes both as its markup needs.

use std::fmt;
use std::ops::{Add, Range};

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::text;

/// A piece of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span<'a> {
    Own(&'a str),
    Foreign(&'a str),
}

/// A channel's way to write a character so that it means nothing but itself, in our own words and in foreign text.
/// Empty for a character that the channel does not take.
#[derive(Clone, Copy, Debug)]
pub struct Escape {
    pub own: fn(char, &mut String),
    pub foreign: fn(char, &mut String),
}

impl Escape {
    /// For a channel without any markup.
    pub const NONE: Escape = Escape { own: as_it_is, foreign: as_it_is };

    pub fn write(&self, span: Span<'_>, into: &mut String) {
        let (put, text) = self.of(span);
        text.chars().for_each(|c| put(c, into));
    }

    fn of<'a>(&self, span: Span<'a>) -> (fn(char, &mut String), &'a str) {
        match span {
            Span::Own(text) => (self.own, text),
            Span::Foreign(text) => (self.foreign, text),
        }
    }
}

fn as_it_is(c: char, into: &mut String) {
    into.push(c);
}

/// One line. In JSON it is a string, or with foreign texts an array of strings: own, foreign, own, and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// The foreign bytes of the text, in order.
    foreign: Vec<Range<usize>>,
}

impl Line {
    /// A text from outside, on one line of at most [`text::MAX_BYTES`], with a space for each hidden character.
    pub fn foreign(text: &str) -> Line {
        let mut line = Line::default();
        line.push(Span::Foreign(&text::harmless(text, text::MAX_BYTES)));
        line
    }

    /// The plain text, own and foreign.
    pub fn plain(&self) -> &str {
        &self.text
    }

    /// The text as a channel writes it.
    pub fn escaped(&self, escape: &Escape) -> String {
        let mut text = String::with_capacity(self.text.len());
        self.spans().for_each(|span| escape.write(span, &mut text));
        text
    }

    /// As many of its bytes as a channel writes in at most `limit` units, which `count` counts; they end with a
    /// character.
    pub fn fitting(&self, escape: &Escape, limit: usize, count: fn(&str) -> usize) -> usize {
        let (mut end, mut units, mut written) = (0, 0, String::new());
        for span in self.spans() {
            let (put, text) = escape.of(span);
            for c in text.chars() {
                written.clear();
                put(c, &mut written);
                units += count(&written);
                if units > limit {
                    return end;
                }
                end += c.len_utf8();
            }
        }
        end
    }

    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn spans(&self) -> impl Iterator<Item = Span<'_>> {
        let mut end = 0;
        let foreign = self.foreign.iter().flat_map(move |range| {
            let own = std::mem::replace(&mut end, range.end)..range.start;
            [Span::Own(&self.text[own]), Span::Foreign(&self.text[range.clone()])]
        });
        let rest = self.foreign.last().map_or(0, |range| range.end);
        let spans = foreign.chain([Span::Own(&self.text[rest..])]);
        spans.filter(|(Span::Own(text) | Span::Foreign(text))| !text.is_empty())
    }

    /// As many of its characters as fit into `max_bytes`.
    #[must_use]
    pub fn beginning(mut self, max_bytes: usize) -> Line {
        self.split_off(text::beginning(&self.text, max_bytes).len());
        self
    }

    /// Its first `count` characters.
    #[must_use]
    pub fn first_chars(mut self, count: usize) -> Line {
        let end = self.text.char_indices().nth(count).map_or(self.text.len(), |(end, _)| end);
        self.split_off(end);
        self
    }

    /// Splits off the rest from `at` on, where a character begins.
    pub fn split_off(&mut self, at: usize) -> Line {
        let mut rest = Line { text: self.text.split_off(at), foreign: Vec::new() };
        for Range { start, end } in std::mem::take(&mut self.foreign) {
            if start < at {
                self.foreign.push(start..end.min(at));
            }
            if end > at {
                rest.foreign.push(start.max(at) - at..end - at);
            }
        }
        rest
    }

    /// All of `lines`, with `between` in between.
    pub fn join(lines: impl IntoIterator<Item = Line>, between: &'static str) -> Line {
        let joined = lines.into_iter().reduce(|joined, line| joined + between + line);
        joined.unwrap_or_default()
    }

    fn push(&mut self, span: Span<'_>) {
        let start = self.text.len();
        let (Span::Own(text) | Span::Foreign(text)) = span;
        self.text.push_str(text);
        if matches!(span, Span::Foreign(_)) && !text.is_empty() {
            self.foreign.push(start..self.text.len());
        }
    }
}

// Our own words are literals, or were made on purpose: a borrowed text could be anybody's.
impl From<&'static str> for Line {
    fn from(own: &'static str) -> Line {
        Line::from(own.to_owned())
    }
}

impl From<String> for Line {
    fn from(own: String) -> Line {
        Line { text: own, foreign: Vec::new() }
    }
}

impl<T: Into<Line>> Add<T> for Line {
    type Output = Line;

    fn add(mut self, behind: T) -> Line {
        behind.into().spans().for_each(|span| self.push(span));
        self
    }
}

/// Whether its text is the same.
impl PartialEq<&str> for Line {
    fn eq(&self, text: &&str) -> bool {
        self.text == *text
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.foreign.is_empty() {
            return serializer.serialize_str(&self.text);
        }
        let mut texts = Vec::with_capacity(2 * self.foreign.len() + 1);
        for span in self.spans() {
            // Own texts are at even places.
            let (text, is_foreign) = match span {
                Span::Own(text) => (text, false),
                Span::Foreign(text) => (text, true),
            };
            if (texts.len() % 2 == 1) != is_foreign {
                texts.push("");
            }
            texts.push(text);
        }
        serializer.collect_seq(texts)
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Line, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a line: a string or an array of strings")
            }

            fn visit_str<E>(self, own: &str) -> Result<Line, E> {
                Ok(Line::from(own.to_owned()))
            }

            fn visit_string<E>(self, own: String) -> Result<Line, E> {
                Ok(Line::from(own))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Line, A::Error> {
                let mut line = Line::default();
                let mut is_foreign = false;
                while let Some(text) = texts.next_element::<String>()? {
                    line = line + if is_foreign { Line::foreign(&text) } else { Line::from(text) };
                    is_foreign = !is_foreign;
                }
                Ok(line)
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// As a channel that writes HTML would have it, and foreign text in capitals.
    const HTML: Escape = Escape { own: entity, foreign: |c, into| entity(c.to_ascii_uppercase(), into) };

    fn entity(c: char, into: &mut String) {
        match c {
            '<' => into.push_str("&lt;"),
            '&' => into.push_str("&amp;"),
            c => into.push(c),
        }
    }

    #[test]
    fn a_channel_tells_foreign_text_from_our_own_words() {
        let line = Line::from("<") + "磁盘(" + Line::foreign("/a<b") + "): " + format!("{}%", 5) + Line::foreign("");
        assert_eq!(line, "<磁盘(/a<b): 5%");
        let spans = [Span::Own("<磁盘("), Span::Foreign("/a<b"), Span::Own("): 5%")];
        assert_eq!(line.spans().collect::<Vec<_>>(), spans);
        assert_eq!(line.escaped(&HTML), "&lt;磁盘(/A&lt;B): 5%");
        assert_eq!(line.escaped(&Escape::NONE), line.plain());
    }

    #[test]
    fn a_foreign_text_is_one_bounded_line_without_what_is_hidden() {
        let line = |text: &str| Line::foreign(text).plain().to_owned();
        assert_eq!(line("app_web-1.2"), "app_web-1.2");
        assert_eq!(line("a\nb\r\tc\u{7f}d\u{2028}e\u{202e}f"), "a b  c d e f");
        assert_eq!(line("a\u{200b}b\u{2066}c\u{feff}d\u{ad}e\u{e0041}f\u{3164}g"), "a b c d e f g");
        assert_eq!(line("⚠️ 香港-1 (备用)"), "⚠️ 香港-1 (备用)");
        let long = line(&"<".repeat(70_000));
        assert!(long.len() <= text::MAX_BYTES && long.ends_with("<…"));
    }

    #[test]
    fn in_the_state_a_line_of_our_own_is_a_string_and_another_an_array_that_begins_with_our_own() {
        let json = |line: Line| serde_json::to_value(line).unwrap();
        assert_eq!(json(Line::from("✅ a")), json!("✅ a"));
        assert_eq!(json(Line::from("a") + Line::foreign("b") + "c"), json!(["a", "b", "c"]));
        assert_eq!(json(Line::foreign("a") + Line::foreign("b")), json!(["", "a", "", "b"]));
        // Versions before 0.2 wrote lines that are already escaped: they are told unchanged.
        let old: Line = serde_json::from_value(json!("容器: ＜a＞")).unwrap();
        assert_eq!(old.spans().collect::<Vec<_>>(), [Span::Own("容器: ＜a＞")]);
        // Whoever wrote the file, foreign text is harmless.
        let forged: Line = serde_json::from_value(json!(["a", "b\nc\u{202e}"])).unwrap();
        assert_eq!(forged, "ab c ");
        assert!(serde_json::from_value::<Line>(json!(5)).is_err());
    }

    fn line() -> impl Strategy<Value = Line> {
        let piece = ("\\PC{0,20}", any::<bool>());
        let of = |(text, is_own): (String, bool)| if is_own { Line::from(text) } else { Line::foreign(&text) };
        prop::collection::vec(piece.prop_map(of), 0..5).prop_map(|pieces| Line::join(pieces, ""))
    }

    proptest! {
        #[test]
        fn a_line_is_read_as_it_was_saved(line in line()) {
            let json = serde_json::to_string(&line).unwrap();
            let read: Line = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.escaped(&HTML), line.escaped(&HTML));
        }

        #[test]
        fn wherever_it_is_cut_each_character_stays_whose_it_was(whole in line(), at in 0usize..200) {
            let mut line = whole.clone();
            let at = text::beginning(whole.plain(), at).len();
            let rest = line.split_off(at);
            prop_assert_eq!(line.len(), at);
            prop_assert_eq!(line.escaped(&HTML) + &rest.escaped(&HTML), whole.escaped(&HTML));
        }
    }
}
