//! Characters that only look right: full-width punctuation of an input method, curly quotes of a text processor, unusual
//! spaces, and invisible characters.
//!
//! The error names such a character with its number, because no eye tells it from the intended one.

use std::ops::Range;

use super::problem::Complaint;
use crate::text;

/// ASCII's visible characters, in its order. Their full-width forms are U+FF01 to U+FF5E.
const VISIBLE: &str =
    r##"!"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~"##;

/// Other characters that pass for one of ASCII, with the intended one.
const OTHERS: [(&str, &str); 11] = [
    ("︰﹕∶꞉", ":"),
    ("、﹐‚،", ","),
    ("“”„‟″〝〞〟「」『』«»", "\""),
    ("‘’‛′´", "'"),
    ("【〔", "["),
    ("】〕", "]"),
    ("‐‑‒–—―−﹣", "-"),
    ("﹟", "#"),
    ("∗⁎﹡", "*"),
    ("。｡․", "."),
    ("∕⁄", "/"),
];

/// A character that is not what it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Confusable {
    pub(super) character: char,
    /// Its bytes in the text.
    pub(super) bytes: Range<usize>,
    /// The intended character: one of ASCII, a space, or nothing.
    pub(super) meant: &'static str,
}

/// The complaint about the first character of `text` that only looks right; `None`: there is none.
pub fn confusable(text: &str) -> Option<Complaint> {
    let found = all(text).next()?;
    let at = text[..found.bytes.start].chars().count();
    Some(Complaint::new(found.message()).expected(found.expected()).at(at..at + 1))
}

/// The characters of `text` that are not what they look like, in their order.
pub(super) fn all(text: &str) -> impl Iterator<Item = Confusable> {
    let mut at = 0;
    text::characters(text).filter_map(move |(character, is_hidden)| {
        let bytes = at..at + character.len_utf8();
        at = bytes.end;
        let is_layout = matches!(character, '\n' | '\r' | '\t');
        let meant = if is_hidden && !is_layout { Some("") } else { meant_by(character) };
        meant.map(|meant| Confusable { character, bytes, meant })
    })
}

/// `text` with the intended characters in place of all of them.
pub(super) fn corrected(text: &str) -> String {
    replaced(text, |found| Some(found.meant))
}

/// `text` with `right`'s character in place of each of them, if it gives one.
pub(super) fn replaced(text: &str, right: impl Fn(&Confusable) -> Option<&'static str>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = 0;
    for found in all(text) {
        if let Some(right) = right(&found) {
            replaced.push_str(&text[rest..found.bytes.start]);
            replaced.push_str(right);
            rest = found.bytes.end;
        }
    }
    replaced + &text[rest..]
}

/// Names the first letter of `text` that is Greek, Cyrillic or Armenian: many look like one of ASCII.
pub(super) fn foreign_letter(text: &str) -> Option<String> {
    let letter = text.chars().find(|c| c.is_alphabetic() && ('\u{370}'..'\u{590}').contains(c));
    letter.map(|c| format!("`{c}` (U+{:04X}) is a letter of another alphabet", u32::from(c)))
}

/// The intended character for a visible one; `None`: itself.
fn meant_by(c: char) -> Option<&'static str> {
    if c.is_ascii() {
        return None;
    }
    if c.is_whitespace() {
        return Some(" ");
    }
    if ('\u{ff01}'..='\u{ff5e}').contains(&c) {
        let index = u32::from(c) as usize - 0xff01;
        return VISIBLE.get(index..=index);
    }
    OTHERS.iter().find(|(like, _)| like.contains(c)).map(|(_, meant)| *meant)
}

impl Confusable {
    /// Whether an accepted value does not show the difference: invisible characters, and punctuation that was meant for
    /// YAML. (Parentheses and the like are part of many names.)
    pub(super) fn passes_unnoticed(&self) -> bool {
        self.meant.trim().is_empty() || "，、“”‘’＂＇＊＃".contains(self.character)
    }

    /// The fault, without a full stop.
    pub(super) fn message(&self) -> String {
        let number = format!("U+{:04X}", u32::from(self.character));
        match self.meant {
            "" => format!("{number} ({}) is invisible", name(self.character)),
            " " => format!("{number} ({}) is not a plain space", name(self.character)),
            meant => format!("`{}` is {number}, which only looks like `{meant}`", self.character),
        }
    }

    /// The right text.
    pub(super) fn expected(&self) -> String {
        match self.meant {
            "" => "the same without it".to_owned(),
            " " => "a plain space (U+0020)".to_owned(),
            ":" => "`:` and a space after it".to_owned(),
            "~" => "`~`, or `-` for a range".to_owned(),
            "\"" | "'" => format!("plain quotes, `{}`", self.meant),
            meant => format!("`{meant}`"),
        }
    }
}

/// Unicode's name of an invisible character, or of its kind.
fn name(c: char) -> &'static str {
    match c {
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{34f}' => "combining grapheme joiner",
        '\u{61c}' => "Arabic letter mark",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "Hangul filler",
        '\u{180b}'..='\u{180f}' => "Mongolian selector or separator",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{202a}'..='\u{202e}' => "bidirectional embedding or override",
        '\u{202f}' => "narrow no-break space",
        '\u{2060}' => "word joiner",
        '\u{2061}'..='\u{2064}' => "invisible operator",
        '\u{2066}'..='\u{2069}' => "bidirectional isolate",
        '\u{2800}' => "Braille pattern blank",
        '\u{3000}' => "ideographic space",
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => "variation selector",
        '\u{feff}' => "byte order mark",
        '\u{e0001}' | '\u{e0020}'..='\u{e007f}' => "tag character",
        c if c.is_control() => "control character",
        c if c.is_whitespace() => "a space of another width",
        _ => "format character, or one that Unicode does not assign",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(text: &str) -> Confusable {
        all(text).next().unwrap_or_else(|| panic!("nothing is found in {text:?}"))
    }

    #[test]
    fn what_looks_like_ascii_is_told_what_to_write() {
        for (text, message, expected) in [
            ("a：1", "`：` is U+FF1A, which only looks like `:`", "`:` and a space after it"),
            ("“a”", "`“` is U+201C, which only looks like `\"`", "plain quotes, `\"`"),
            ("0，9", "`，` is U+FF0C, which only looks like `,`", "`,`"),
            ("８０", "`８` is U+FF18, which only looks like `8`", "`8`"),
            ("app-＊", "`＊` is U+FF0A, which only looks like `*`", "`*`"),
            ("1–5", "`–` is U+2013, which only looks like `-`", "`-`"),
            ("9～18", "`～` is U+FF5E, which only looks like `~`", "`~`, or `-` for a range"),
        ] {
            let found = first(text);
            assert_eq!((&*found.message(), &*found.expected()), (message, expected), "{text}");
        }
    }

    #[test]
    fn what_nobody_sees_is_named_by_its_number() {
        for (c, named) in [
            ('\u{200b}', "U+200B (zero width space) is invisible"),
            ('\u{feff}', "U+FEFF (byte order mark) is invisible"),
            ('\u{ad}', "U+00AD (soft hyphen) is invisible"),
            ('\u{202e}', "U+202E (bidirectional embedding or override) is invisible"),
            ('\u{e0041}', "U+E0041 (tag character) is invisible"),
            ('\u{a0}', "U+00A0 (no-break space) is not a plain space"),
            ('\u{3000}', "U+3000 (ideographic space) is not a plain space"),
            ('\u{2009}', "U+2009 (a space of another width) is not a plain space"),
        ] {
            let found = first(&format!("ab{c}c"));
            assert_eq!((found.bytes.start, found.message()), (2, named.to_owned()));
        }
    }

    #[test]
    fn all_of_them_are_put_right() {
        assert_eq!(corrected("ｃｒｏｎ：\u{a0}“0\u{200b}，9”"), "cron: \"0,9\"");
        for right in ["threshold: 80", "香港 (备用) naïve", "⚠️ 👨‍💻", "\t\r\n"] {
            assert_eq!((all(right).count(), &*corrected(right)), (0, right));
        }
    }

    proptest! {
        #[test]
        fn no_format_character_and_no_space_of_unicode_is_missed(c in "[\\p{Cf}\\p{Zs}\\p{Zl}\\p{Zp}\\p{Cc}&&[^ \t\r\n]]") {
            prop_assert_eq!(all(&format!("80{c}%")).count(), 1, "{:?}", c);
        }

        #[test]
        fn what_is_put_right_holds_none_any_more(text in "\\PC{0,20}|[\\p{Cf}\\p{Zs}\u{ff01}-\u{ff5e}“”，a]{0,20}") {
            let right = corrected(&text);
            prop_assert!(all(&right).all(|found| found.meant.is_empty()), "{:?}", right);
        }
    }
}
