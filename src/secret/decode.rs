//! Undoes one layer of what programs do to text on its way: percent-encoding (RFC 3986), the escapes of JSON and of
//! shells, HTML's entities. Each character keeps the place of what it was made of.

use std::ops::Range;

/// A character, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Character {
    pub c: char,
    /// In the text that was written.
    pub bytes: Range<usize>,
    /// Whether something was left out before it.
    pub follows_gap: bool,
}

/// The entities that a URL's characters have names for.
const ENTITIES: [(&str, char); 20] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("sol", '/'),
    ("bsol", '\\'),
    ("colon", ':'),
    ("period", '.'),
    ("quest", '?'),
    ("equals", '='),
    ("lowbar", '_'),
    ("hyphen", '-'),
    ("dash", '-'),
    ("minus", '-'),
    ("num", '#'),
    ("percnt", '%'),
    ("plus", '+'),
    ("commat", '@'),
    ("nbsp", ' '),
];

/// No entity is longer: `&#x10ffff;`.
const MAX_ENTITY: usize = 10;

pub fn characters(text: &str) -> Vec<Character> {
    let character = |(at, c): (usize, char)| Character { c, bytes: at..at + c.len_utf8(), follows_gap: false };
    text.char_indices().map(character).collect()
}

/// `written` with one layer undone; `None` where there is none.
pub fn decoded(written: &[Character]) -> Option<Vec<Character>> {
    let mut bare = Vec::with_capacity(written.len());
    let mut at = 0;
    while at < written.len() {
        let rest = &written[at..];
        let read = match rest[0].c {
            '%' => percent(rest),
            '\\' => backslash(rest),
            '&' => entity(rest),
            _ => None,
        };
        let (text, length) = read.unwrap_or_else(|| (rest[0].c.to_string(), 1));
        let bytes = rest[0].bytes.start..rest[length - 1].bytes.end;
        bare.extend(text.chars().map(|c| Character { c, bytes: bytes.clone(), follows_gap: false }));
        at += length;
    }
    (bare.len() < written.len()).then_some(bare)
}

/// A run of `%XX`: UTF-8, or else a byte a character. What it says, and how much of `rest` that is.
fn percent(rest: &[Character]) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    while let [Character { c: '%', .. }, high, low, ..] = &rest[bytes.len() * 3..] {
        let (Some(high), Some(low)) = (high.c.to_digit(16), low.c.to_digit(16)) else { break };
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    let length = bytes.len() * 3;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|&byte| char::from(byte)).collect());
    (length > 0).then_some((text, length))
}

/// `\u002d`, a pair of surrogates of that kind, `\u{2d}`, `\x2d`, or any character behind a backslash.
fn backslash(rest: &[Character]) -> Option<(String, usize)> {
    let text: String = rest.iter().take(12).map(|character| character.c).collect();
    let hex = |from: usize, to: usize| u32::from_str_radix(text.get(from..to)?, 16).ok();
    let one = |code: u32, length| Some((char::from_u32(code)?.to_string(), length));
    match rest.get(1)?.c {
        'u' if rest.get(2).is_some_and(|third| third.c == '{') => {
            let close = text.find('}')?;
            one(hex(3, close)?, close + 1)
        }
        'u' => match (hex(2, 6), hex(8, 12)) {
            (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) if text.get(6..8) == Some("\\u") => {
                one(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
            }
            (Some(code), _) => one(code, 6),
            _ => None,
        },
        'x' => one(hex(2, 4)?, 4),
        // A line's end, a tab: a gap.
        'n' | 'r' | 't' => Some((" ".to_owned(), 2)),
        c => Some((c.to_string(), 2)),
    }
}

/// `&amp;`, `&#45;`, `&#x2d;`.
fn entity(rest: &[Character]) -> Option<(String, usize)> {
    let text: String = rest.iter().take(MAX_ENTITY).map(|character| character.c).collect();
    let (name, _) = text.strip_prefix('&')?.split_once(';')?;
    let c = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
        None => ENTITIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1,
    };
    Some((c.to_string(), name.chars().count() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(text: &str) -> String {
        decoded(&characters(text))
            .map_or_else(|| text.to_owned(), |bare| bare.iter().map(|character| character.c).collect())
    }

    #[test]
    fn each_way_of_writing_a_character_is_undone() {
        for text in
            ["a%2Db", "a\\u002db", "a\\u002Db", "a\\u{2d}b", "a\\x2db", "a\\-b", "a&#45;b", "a&#x2D;b", "a&hyphen;b"]
        {
            assert_eq!(bare(text), "a-b", "{text}");
        }
        assert_eq!(bare("%E4%B8%AD%ff"), "ä¸\u{ad}ÿ");
        assert_eq!(bare("%E4%B8%AD \\ud83d\\ude00 \\/ &AMP;"), "中 😀 / &");
        assert_eq!(bare("%2525"), "%25");
        for text in ["100%", "%zz", "a & b", "&unknown;", "&#xd800;", "no;"] {
            assert_eq!(bare(text), text, "{text}");
        }
    }

    #[test]
    fn each_character_knows_what_it_was_made_of() {
        let places: Vec<_> =
            decoded(&characters("a%2Db")).unwrap().into_iter().map(|character| character.bytes).collect();
        assert_eq!(places, [0..1, 1..4, 4..5]);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_can_be_undone(text in "([%\\\\&#xu{};0-9a-fA-F]|\\PC){0,40}") {
            for character in decoded(&characters(&text)).unwrap_or_default() {
                proptest::prop_assert!(text.get(character.bytes).is_some());
            }
        }
    }
}
