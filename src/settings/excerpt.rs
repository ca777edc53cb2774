//! A line of the file as it is shown, with carets under what is meant.
//!
//! Columns on a terminal are not characters: wide ones take two, combining ones none, and a tab depends on where it
//! stands. The padding before the carets therefore mirrors the line: a tab for a tab, spaces for the rest.

use std::fmt;

use super::mask::{mask_line, mask_value};

/// A longer line is cropped to this many characters around what is meant.
const MAX_SHOWN_CHARS: usize = 120;

/// A line longer than this is not shown at all: it was not written by hand, and masking it would cost too much.
const MAX_LINE_BYTES: usize = 4096;

/// A line of the file as it is shown, secrets masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    pub line: String,
    /// What goes before the carets.
    pub padding: String,
    /// How many carets: the width of what is meant, at least 1.
    pub carets: usize,
}

impl Excerpt {
    /// The excerpt of `line` where `marked` characters are meant, after the first `before`; `secret`: all of the line
    /// belongs to a secret value.
    pub(super) fn new(line: &str, secret: bool, before: usize, marked: usize) -> Option<Excerpt> {
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        let masked = if secret { mask_value(line) } else { mask_line(line) };
        let chars: Vec<char> = printable(&masked).chars().collect();
        let before = before.min(chars.len());
        let marked_end = before.saturating_add(marked).min(chars.len());

        let window_start = if chars.len() <= MAX_SHOWN_CHARS {
            0
        } else {
            before.saturating_sub(MAX_SHOWN_CHARS / 2).min(chars.len() - MAX_SHOWN_CHARS)
        };
        let window_end = chars.len().min(window_start + MAX_SHOWN_CHARS);
        let (lead, tail) = (cut(window_start > 0), cut(window_end < chars.len()));

        let shown: String = chars[window_start..window_end].iter().collect();
        let padding = chars[window_start..before].iter().map(|c| padding_of(*c));
        let carets: usize = chars[before..marked_end.min(window_end)].iter().map(|c| width(*c)).sum();
        Some(Excerpt {
            line: format!("{lead}{shown}{tail}"),
            padding: lead.chars().map(|_| " ".to_owned()).chain(padding).collect(),
            carets: carets.max(1),
        })
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  | {}", self.line)?;
        write!(f, "  | {}{}", self.padding, "^".repeat(self.carets))
    }
}

/// `text` with what could steer a terminal or reorder its text replaced by U+FFFD; tabs stay.
pub(super) fn printable(text: &str) -> String {
    let steers = |c: char| {
        c != '\t' && c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

fn cut(is_cut: bool) -> &'static str {
    if is_cut { "…" } else { "" }
}

fn padding_of(c: char) -> String {
    if c == '\t' { "\t".to_owned() } else { " ".repeat(width(c)) }
}

/// Columns that a terminal gives a character: the wide and fullwidth blocks of Unicode's EastAsianWidth.txt, emoji
/// among them, take two; combining marks, variation selectors and the zero-width joiner none.
fn width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f | 0xfeff => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xa960..=0xa97f
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, before: usize, marked: usize) -> String {
        Excerpt::new(line, false, before, marked).unwrap().to_string()
    }

    #[test]
    fn carets_are_as_wide_as_what_they_point_at() {
        assert_eq!(shown("名: 主机x", 3, 3), "  | 名: 主机x\n  |     ^^^^^");
    }

    #[test]
    fn a_tab_is_padded_with_a_tab() {
        assert_eq!(shown("a:\tb", 3, 1), "  | a:\tb\n  |   \t^");
    }

    #[test]
    fn the_end_of_a_line_gets_one_caret() {
        assert_eq!(shown("a:", 2, 0), "  | a:\n  |   ^");
    }

    #[test]
    fn a_long_line_is_cropped_around_the_caret() {
        let line = format!("{}X{}", "a".repeat(200), "b".repeat(200));
        let excerpt = Excerpt::new(&line, false, 200, 1).unwrap();
        assert_eq!(excerpt.line, format!("…{}X{}…", "a".repeat(60), "b".repeat(59)));
        assert_eq!(excerpt.padding.len(), 61);
        assert_eq!(Excerpt::new(&"a".repeat(4097), false, 0, 1), None);
    }

    #[test]
    fn an_escape_sequence_cannot_reach_the_terminal() {
        assert_eq!(shown("a: \u{1b}[31m\u{202e}", 0, 1), "  | a: \u{fffd}[31m\u{fffd}\n  | ^");
    }
}
