//! Undoes one layer of the encodings that programs apply to text: percent-encoding (RFC 3986), the escapes of JSON, of
//! C and of shells, HTML's entities. Each character remembers its place in the original.

use std::ops::Range;

/// A character, and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Character {
    pub c: char,
    /// In the text that was written.
    pub bytes: Range<usize>,
    /// Whether something before it was left out.
    pub follows_gap: bool,
}

/// HTML's entities for the characters of a URL.
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

/// A run of `%XX`, or JavaScript's `%uXXXX`. Returns the decoded bytes, and how much of `rest` they took.
fn percent(rest: &[Character]) -> Option<(String, usize)> {
    match rest {
        [_, Character { c: 'u' | 'U', .. }, ..] => {
            let code = number(rest.get(2..6)?, 16)?;
            Some((char::from_u32(code)?.to_string(), 6))
        }
        _ => bytes(rest, &['%'], 2, 16),
    }
}

/// A run of bytes, each written with a fixed number of digits behind `mark`: UTF-8, or else a byte a character.
fn bytes(rest: &[Character], mark: &[char], digits: usize, radix: u32) -> Option<(String, usize)> {
    let length = mark.len() + digits;
    let byte = |written: &[Character]| {
        let (before, digits) = written.split_at(mark.len());
        let is_marked = before.iter().zip(mark).all(|(character, mark)| character.c.eq_ignore_ascii_case(mark));
        number(digits, radix).filter(|_| is_marked).and_then(|byte| u8::try_from(byte).ok())
    };
    let bytes: Vec<u8> = rest.chunks_exact(length).map_while(byte).collect();
    let length = bytes.len() * length;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|&byte| char::from(byte)).collect());
    (length > 0).then_some((text, length))
}

fn number(digits: &[Character], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0, |number: u32, digit| number.checked_mul(radix)?.checked_add(digit.c.to_digit(radix)?))
}

/// `\u002d`, a pair of surrogates of that kind, `\u{2d}`, `\U0000002d`, `\x2d`, `\055`, or any character behind a backslash.
fn backslash(rest: &[Character]) -> Option<(String, usize)> {
    let hex = |from: usize, to: usize| number(rest.get(from..to)?, 16);
    let one = |code: u32, length| Some((char::from_u32(code)?.to_string(), length));
    match rest.get(1)?.c {
        'u' if rest.get(2).is_some_and(|third| third.c == '{') => {
            let close = rest.iter().take(12).position(|character| character.c == '}')?;
            one(hex(3, close)?, close + 1)
        }
        'u' => match (hex(2, 6), hex(8, 12)) {
            (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) if rest[6].c == '\\' && rest[7].c == 'u' => {
                one(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
            }
            (Some(code), _) => one(code, 6),
            _ => None,
        },
        'U' if hex(2, 10).is_some() => one(hex(2, 10)?, 10),
        'x' | 'X' => bytes(rest, &['\\', 'x'], 2, 16),
        '0'..='7' if bytes(rest, &['\\'], 3, 8).is_some() => bytes(rest, &['\\'], 3, 8),
        // A line's end, a tab: a gap.
        'n' | 'r' | 't' => Some((" ".to_owned(), 2)),
        c => Some((c.to_string(), 2)),
    }
}

/// `&amp;`, `&#45;`, `&#x2d;`; a number may do without the semicolon, as browsers take it.
fn entity(rest: &[Character]) -> Option<(String, usize)> {
    let text: String = rest.iter().take(MAX_ENTITY).map(|character| character.c).collect();
    let text = text.strip_prefix('&')?;
    if let Some(number) = text.strip_prefix('#') {
        let (number, radix) = number.strip_prefix(['x', 'X']).map_or((number, 10), |hex| (hex, 16));
        let digits = number.chars().take_while(|c| c.is_digit(radix)).count();
        let c = char::from_u32(u32::from_str_radix(&number[..digits], radix).ok()?)?;
        let length = 2 + usize::from(radix == 16) + digits;
        return Some((c.to_string(), length + usize::from(number[digits..].starts_with(';'))));
    }
    let (name, _) = text.split_once(';')?;
    let c = ENTITIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1;
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
        for text in [
            "a%2Db",
            "a%u002db",
            "a\\u002db",
            "a\\u002Db",
            "a\\u{2d}b",
            "a\\U0000002db",
            "a\\x2db",
            "a\\X2Db",
            "a\\055b",
            "a\\-b",
            "a&#45;b",
            "a&#045b",
            "a&#x2D;b",
            "a&hyphen;b",
        ] {
            assert_eq!(bare(text), "a-b", "{text}");
        }
        assert_eq!(bare("%E4%B8%AD%ff"), "ä¸\u{ad}ÿ");
        assert_eq!(bare("%E4%B8%AD \\ud83d\\ude00 \\/ &AMP;"), "中 😀 / &");
        assert_eq!(bare("\\xe4\\xb8\\xad \\344\\270\\255"), "中 中");
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
