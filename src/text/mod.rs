//! Makes text from outside (names, an engine's errors, a check's output, a server's answer) fit to be printed.
//!
//! One rule for the terminal, the log and `status`: a character that is invisible, or moves its neighbours, is shown as
//! `\u{…}`; the text stays on one line and within a bound. In a message such a character is a space ([`harmless`]), and
//! each channel escapes its markup. Everything here is pure.

mod plural;

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

pub use plural::{are, by, counted, were};

/// The bound of a printed text in bytes, and thereby in columns: no character is wider than it is long in UTF-8.
pub const MAX_BYTES: usize = 512;

/// The mark in place of a cut end.
const CUT: char = '…';

/// Turns the character before it into an emoji, or into plain text.
const VARIATION_SELECTORS: [char; 2] = ['\u{fe0e}', '\u{fe0f}'];
/// Joins two emoji to one.
const JOINER: char = '\u{200d}';

/// `text` on one line of at most [`MAX_BYTES`]: for a terminal.
pub fn shown(text: &str) -> String {
    shown_within(text, MAX_BYTES)
}

/// `text` on one line of at most `max_bytes`.
pub fn shown_within(text: &str, max_bytes: usize) -> String {
    bounded(text, max_bytes, |line, c, hidden| if hidden { escape(line, c) } else { line.push(c) })
}

/// `text` as the value of a field in the log: unchanged if it cannot be misread, else quoted.
pub fn field(text: &str) -> String {
    let misleads = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '=' | '(' | ')');
    if text.is_empty() || text.contains(misleads) { quoted(text) } else { shown(text) }
}

/// The subject of a line: `memory`, or `disk(/data)` if it has a target.
pub fn subject(name: &str, target: &str) -> String {
    if target.is_empty() { name.to_owned() } else { format!("{name}({})", field(target)) }
}

/// `text` inside a sentence of the log. It holds no `key=value`, so that a search for a field does not find foreign
/// text.
pub fn in_log(text: &str) -> String {
    in_log_within(text, MAX_BYTES)
}

/// The same with at most `max_bytes`.
pub fn in_log_within(text: &str, max_bytes: usize) -> String {
    bounded(text, max_bytes, |line, c, hidden| if hidden || c == '=' { escape(line, c) } else { line.push(c) })
}

/// `text` in quotes, as the value of a field in the log. It neither ends the quotes nor holds `key=value`.
pub fn quoted(text: &str) -> String {
    let inner = bounded(text, MAX_BYTES, |line, c, hidden| match c {
        '"' | '\\' => line.extend(['\\', c]),
        c if hidden || c == '=' => escape(line, c),
        c => line.push(c),
    });
    format!("\"{inner}\"")
}

/// `text` on one line of at most `max_bytes`, with a space for each hidden character.
pub fn harmless(text: &str, max_bytes: usize) -> String {
    bounded(text, max_bytes, |line, c, hidden| line.push(if hidden { ' ' } else { c }))
}

/// As many characters of `text` as fit into `max_bytes`.
pub fn beginning(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `document`, in which JSON strings show hidden characters as numbers: the same value for a parser, and nothing that
/// steers a reader's terminal.
pub fn json(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    for c in document.chars() {
        // Control characters below are the document's own line feeds: JSON has none in a string.
        if c > '\u{7e}' && is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// `memory_pressure` is `MemoryPressure`.
pub fn camel_case(name: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    name.split('_').map(capital).collect()
}

/// A number for a text, the same in every version, as the state file keeps it: FNV-1a with 64 bits (RFC 9923).
pub fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The width of `text` in a terminal, in columns.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` with spaces behind it up to `columns`; a longer one as it is.
pub fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", spaces(text, columns))
}

/// `text` with spaces before it up to `columns`; a longer one as it is.
pub fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", spaces(text, columns))
}

fn spaces(text: &str, columns: usize) -> String {
    " ".repeat(columns.saturating_sub(width(text)))
}

/// Whether `c` is invisible or moves its neighbours: control and format characters (zero width, bidi, tags, soft
/// hyphen, byte order mark), line and paragraph separators, and characters that Unicode has not assigned or leaves to
/// private use. Spaces of any width are not hidden.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    match c {
        // Default_Ignorable_Code_Point in Unicode's DerivedCoreProperties.txt, where the general category says letter
        // or mark; the Braille pattern without dots, the null notehead, and the filler of the small Khitan script.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{16fe4}'
        | '\u{1d159}'
        | '\u{e0100}'..='\u{e01ef}' => true,
        '\u{85}' | '\u{2028}' | '\u{2029}' => true,
        c => !c.is_whitespace() && !is_printable(c),
    }
}

/// Whether the general category of `c` is none of Cc, Cf, Cn, Co, Zl and Zp: the table is the standard library's, whose
/// `escape_debug` leaves those characters alone. It escapes a combining mark at the beginning as well, so a letter goes
/// before it.
fn is_printable(c: char) -> bool {
    let mut buffer = [b'a'; 5];
    let end = 1 + c.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..end]).is_ok_and(|text| text.escape_debug().count() == 2)
}

/// The characters of `text`, each with whether it is hidden ([`is_hidden`]). Characters that make an emoji of symbols
/// are not.
pub fn characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    let is_symbol = |c: char| c >= '\u{2000}' && !c.is_alphanumeric() && !is_hidden(c);
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        let c = rest.next()?;
        let is_of_emoji = match c {
            JOINER => {
                let follows_emoji = is_symbol(before) || VARIATION_SELECTORS.contains(&before);
                follows_emoji && rest.peek().is_some_and(|next| is_symbol(*next))
            }
            c => VARIATION_SELECTORS.contains(&c) && is_symbol(before),
        };
        let hidden = !is_of_emoji && is_hidden(c);
        // A hidden character is not printed, so nothing follows it.
        before = if hidden { ' ' } else { c };
        Some((c, hidden))
    })
}

/// Each character as `put` writes it. A result longer than `max_bytes` is cut and ends with `…`.
fn bounded(text: &str, max_bytes: usize, put: impl Fn(&mut String, char, bool)) -> String {
    let mut line = String::new();
    let mut kept = 0;
    for (c, hidden) in characters(text) {
        put(&mut line, c, hidden);
        if line.len() > max_bytes {
            line.truncate(kept);
            line.push(CUT);
            return line;
        }
        if line.len() + CUT.len_utf8() <= max_bytes {
            kept = line.len();
        }
    }
    line
}

fn escape(line: &mut String, c: char) {
    // A String takes everything.
    let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One of each kind that must not reach a terminal or a log as it is.
    const HIDDEN: &str = "\0\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{34f}\u{61c}\u{115f}\u{180e}\u{200b}\u{200c}\u{200d}\
        \u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2065}\u{2066}\u{2069}\u{206f}\u{2800}\u{3164}\
        \u{e000}\u{fdd0}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{ffff}\u{378}\u{16fe4}\u{1d159}\u{1d173}\u{e0001}\u{e0041}\u{e0100}\u{f0000}\u{10ffff}";

    #[test]
    fn what_is_not_seen_or_steers_is_shown_by_its_number() {
        for c in HIDDEN.chars() {
            assert_eq!(shown(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
        assert_eq!(shown("web\u{202e}\u{1b}[2J"), "web\\u{202e}\\u{1b}[2J");
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in
            ["app_web-1.2", "香港　一号 (备用)", "naïve cafe\u{301}", "สวัสดี", "नमस्ते", "⚠️ 🖥️ 👨‍💻 👍🏽", "a\u{a0}b\\c\"d'"]
        {
            assert_eq!(shown(text), text);
            assert_eq!(harmless(text, MAX_BYTES), text);
        }
    }

    #[test]
    fn what_makes_emoji_is_hidden_anywhere_else() {
        assert_eq!(shown("a\u{fe0f}"), "a\\u{fe0f}");
        assert_eq!(shown("⚠\u{fe0f}\u{fe0f}"), "⚠\u{fe0f}\\u{fe0f}");
        assert_eq!(shown("\u{fe0f}\u{200d}⚠"), "\\u{fe0f}\\u{200d}⚠");
        assert_eq!(shown("⚠\u{200d}a ⚠\u{200d}"), "⚠\\u{200d}a ⚠\\u{200d}");
    }

    #[test]
    fn a_field_is_quoted_where_it_could_be_misread() {
        assert_eq!(field("exited"), "exited");
        assert_eq!(field("/数据"), "/数据");
        assert_eq!(field(""), "\"\"");
        assert_eq!(field("a b"), "\"a b\"");
        assert_eq!(field("a=b"), "\"a\\u{3d}b\"");
        assert_eq!(quoted("x\" state=recovered \\"), "\"x\\\" state\\u{3d}recovered \\\\\"");
        assert_eq!(quoted("a\nb"), "\"a\\u{a}b\"");
        assert_eq!(in_log("errcode 1 alert=memory\n\"x\""), "errcode 1 alert\\u{3d}memory\\u{a}\"x\"");
        assert_eq!((subject("memory", ""), subject("disk", "/")), ("memory".to_owned(), "disk(/)".to_owned()));
        assert_eq!(subject("disk", "/ ok)"), "disk(\"/ ok)\")");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_shows_it() {
        assert_eq!(shown_within("abcdef", 6), "abcdef");
        assert_eq!(shown_within("abcdefg", 6), "abc…");
        assert_eq!(shown_within("内内内", 8), "内…");
        assert_eq!(shown_within("ab\u{202e}cd", 9), "ab…");
        let long = shown(&"\u{202e}".repeat(70_000));
        assert!(long.len() <= MAX_BYTES && long.ends_with("}…"), "{long}");
    }

    #[test]
    fn columns_are_those_of_a_terminal() {
        assert_eq!((width("web"), width("主机"), width("cafe\u{301}"), width("⚠️")), (3, 4, 4, 2));
        assert_eq!(left("主机", 6), "主机  ");
        assert_eq!(right("主机", 6), "  主机");
        assert_eq!(left("too long", 3), "too long");
    }

    #[test]
    fn json_holds_the_same_value_and_nothing_hidden() {
        for text in [HIDDEN, "⚠️ 香港 \u{9b}2J"] {
            let document = serde_json::to_string_pretty(&[text]).unwrap();
            let safe = json(&document);
            assert!(!safe.contains(|c: char| c != '\n' && is_hidden(c)), "{safe:?}");
            assert_eq!(serde_json::from_str::<[String; 1]>(&safe).unwrap(), [text]);
        }
    }

    /// Any text, with the characters that matter more often than chance has them.
    fn foreign() -> impl Strategy<Value = String> {
        let odd: Vec<char> = HIDDEN.chars().chain("\"\\'= ⚠内a".chars()).collect();
        let character = prop_oneof![any::<char>(), prop::sample::select(odd)];
        (prop::collection::vec(character, 0..60), 1_usize..40)
            .prop_map(|(characters, times)| characters.into_iter().collect::<String>().repeat(times))
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_one_bounded_line_without_hidden_characters(text in foreign(), max_bytes in 3_usize..600) {
            let lines = [shown_within(&text, max_bytes), harmless(&text, max_bytes)];
            for line in lines {
                prop_assert!(line.len() <= max_bytes && width(&line) <= line.len(), "{line}");
                prop_assert!(!characters(&line).any(|(_, hidden)| hidden), "{line:?}");
            }
        }

        #[test]
        fn a_field_ends_where_it_ends_and_holds_no_other(text in foreign()) {
            let field = field(&text);
            prop_assert!(field.len() <= MAX_BYTES + 2 && !field.contains('='), "{field}");
            match field.strip_prefix('"') {
                Some(rest) => {
                    let inner = rest.strip_suffix('"').unwrap();
                    let unescaped = inner.replace("\\\\", "").replace("\\\"", "");
                    prop_assert!(!unescaped.contains('"') && !unescaped.ends_with('\\'), "{field}");
                }
                None => prop_assert!(!field.contains([' ', '"']), "{field}"),
            }
            prop_assert!(!characters(&field).any(|(_, hidden)| hidden), "{field:?}");
        }
    }
}
