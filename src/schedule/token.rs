//! Pieces of a cron expression that know their place, so that an error can point at them.

use std::ops::Range;

/// A piece of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub text: &'a str,
    /// The number of characters before it.
    start: usize,
    /// The characters to point at when the piece itself has none.
    around: (usize, usize),
}

impl<'a> Token<'a> {
    /// The expression's words. Only ASCII white space separates them, as in croniter.
    pub(super) fn words(expression: &'a str) -> Vec<Token<'a>> {
        let whole = Token { text: expression, start: 0, around: (0, 0) };
        whole.parts(|c| c.is_ascii_whitespace()).filter(|word| !word.text.is_empty()).collect()
    }

    /// The items of a list; an empty one points at the comma beside it.
    pub(super) fn items(self) -> impl Iterator<Item = Token<'a>> {
        self.parts(|c| c == ',').map(move |item| {
            let comma = if item.start > self.start { item.start - 1 } else { item.start };
            Token { around: (comma, comma + 1), ..item }
        })
    }

    /// The parts before and after the first `separator`; an empty half points at the whole.
    pub(super) fn split_once(self, separator: char) -> Option<(Token<'a>, Token<'a>)> {
        let (before, after) = self.text.split_once(separator)?;
        let around = (self.range().start, self.range().end);
        let after_start = self.start + before.chars().count() + 1;
        Some((Token { text: before, start: self.start, around }, Token { text: after, start: after_start, around }))
    }

    /// The part after the letter `prefix`, in either case.
    pub(super) fn strip_prefix(self, prefix: char) -> Option<Token<'a>> {
        let text = self.text.strip_prefix([prefix.to_ascii_uppercase(), prefix.to_ascii_lowercase()])?;
        Some(Token { text, start: self.start + 1, around: (self.range().start, self.range().end) })
    }

    /// The part before the letter `suffix`, in either case.
    pub(super) fn strip_suffix(self, suffix: char) -> Option<Token<'a>> {
        let text = self.text.strip_suffix([suffix.to_ascii_uppercase(), suffix.to_ascii_lowercase()])?;
        Some(Token { text, around: (self.range().start, self.range().end), ..self })
    }

    /// Whether this is `word`, in upper or lower case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    /// Its characters in the expression, counted from 0.
    pub(super) fn range(&self) -> Range<usize> {
        match self.text.chars().count() {
            0 => self.around.0..self.around.1,
            length => self.start..self.start + length,
        }
    }

    fn parts(self, is_separator: impl Fn(char) -> bool) -> impl Iterator<Item = Token<'a>> {
        let mut next_start = self.start;
        self.text.split(is_separator).map(move |text| {
            let start = next_start;
            next_start += text.chars().count() + 1;
            Token { text, start, ..self }
        })
    }
}
