//! A line of the file for an error, with carets under the wrong characters.
//!
//! Columns on a terminal are not characters: wide ones take two, combining ones none, and the width of a tab depends on
//! its place. The padding before the carets therefore mirrors the line: a tab for a tab, spaces for the rest.

use std::fmt;

use super::mask::mask;
use crate::text;

/// A longer line is cropped to this many characters around the wrong ones.
const MAX_SHOWN_CHARS: usize = 120;

/// A line of the file for an error, secrets masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    pub line: String,
    /// The text before the carets.
    pub padding: String,
    /// The number of carets: the width of the marked text, at least 1.
    pub carets: usize,
}

impl Excerpt {
    /// The excerpt of `line` with `marked` wrong characters behind the first `before`.
    pub(super) fn new(line: &str, before: usize, marked: usize) -> Excerpt {
        let chars: Vec<char> = visible(&mask(line)).chars().collect();
        let before = before.min(chars.len());
        let marked_end = before.saturating_add(marked).min(chars.len());

        let window_start = if chars.len() <= MAX_SHOWN_CHARS {
            0
        } else {
            before.saturating_sub(MAX_SHOWN_CHARS / 2).min(chars.len() - MAX_SHOWN_CHARS)
        };
        let window_end = chars.len().min(window_start + MAX_SHOWN_CHARS);
        let (lead, tail) = (cut(window_start > 0), cut(window_end < chars.len()));

        let part = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
        let padding = part(window_start, before);
        let blank = |piece: &str| " ".repeat(text::width(piece));
        Excerpt {
            line: format!("{lead}{}{tail}", part(window_start, window_end)),
            padding: blank(lead) + &padding.split('\t').map(blank).collect::<Vec<_>>().join("\t"),
            carets: text::width(&part(before, marked_end.min(window_end).max(before))).max(1),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  | {}", self.line)?;
        write!(f, "  | {}{}", self.padding, "^".repeat(self.carets))
    }
}

/// `line` with a visible character in place of each hidden one, tabs aside.
fn visible(line: &str) -> String {
    text::characters(line).map(|(c, is_hidden)| if is_hidden && c != '\t' { '\u{fffd}' } else { c }).collect()
}

fn cut(is_cut: bool) -> &'static str {
    if is_cut { "…" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, before: usize, marked: usize) -> String {
        Excerpt::new(line, before, marked).to_string()
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
        let excerpt = Excerpt::new(&line, 200, 1);
        assert_eq!(excerpt.line, format!("…{}X{}…", "a".repeat(60), "b".repeat(59)));
        assert_eq!(excerpt.padding.len(), 61);
    }

    #[test]
    fn an_escape_sequence_cannot_reach_the_terminal() {
        assert_eq!(shown("a: \u{1b}[31m\u{202e}", 0, 1), "  | a: \u{fffd}[31m\u{fffd}\n  | ^");
    }
}
