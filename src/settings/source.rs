//! The text of a configuration file: its decoding, and the names of places in it.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::excerpt::Excerpt;
use super::file::{self, MAX_FILE_BYTES};
use super::mask::{holds_secret, mask};
use super::node::{Node, Value};
use super::problem::{Problem, Problems, Severity};
use crate::text;

/// The bound of a problem's text: only one that names many keys is longer.
const MAX_TEXT_BYTES: usize = 2048;

/// A longer line is not shown.
const MAX_LINE_BYTES: usize = 4096;

/// A decoded file, with the starts of its lines.
pub(super) struct Source {
    name: String,
    text: String,
    /// The start of each line, in bytes; the first is 0.
    line_starts: Vec<usize>,
    /// It is a file, and every user of this machine may read it.
    others_may_read: bool,
}

impl Source {
    /// Reads and decodes the file at `path`, for `wait` at most.
    pub(super) fn open(path: &Path, wait: Duration) -> Result<Source, Problems> {
        let name = path.display().to_string();
        let content = file::read(path, wait).map_err(|error| {
            let problem = Problem { line: 0, column: 0, ..refused(&name, &format!("cannot be read: {error}")) };
            Problems { is_passing: error.kind() == io::ErrorKind::ResourceBusy, ..problem.into() }
        })?;
        let source = Source::decode(&name, &content.bytes)?;
        Ok(Source { others_may_read: content.others_may_read, ..source })
    }

    pub(super) fn decode(name: &str, bytes: &[u8]) -> Result<Source, Problems> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(refused(name, "the file is larger than 1 MiB, the limit of a configuration").into());
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(refused(name, "the file is UTF-16 text; save it as UTF-8").into());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Source::new(name, text.strip_prefix('\u{feff}').unwrap_or(text))),
            Err(error) => {
                let at = error.valid_up_to();
                let message = format!("not UTF-8: the byte 0x{:02x}; save the file as UTF-8", bytes[at]);
                let source = Source::new(name, &String::from_utf8_lossy(bytes));
                Err(source.problem(at..at, Severity::Error, &message, "").into())
            }
        }
    }

    /// No file.
    pub(super) fn absent() -> Source {
        Source::new("", "")
    }

    fn new(name: &str, text: &str) -> Source {
        let bytes = text.as_bytes();
        // As in YAML, a carriage return alone ends a line, but together with the line feed behind it they end only one.
        let ends_line = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let line_starts = std::iter::once(0).chain((0..bytes.len()).filter(ends_line).map(|at| at + 1)).collect();
        Source { name: text::shown(name), text: text.to_owned(), line_starts, others_may_read: false }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn others_may_read(&self) -> bool {
        self.others_may_read
    }

    /// The 1-based line of a byte.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// A problem at `span`, a range of bytes; the carets stop at the end of its first line.
    pub(super) fn problem(&self, span: Range<usize>, severity: Severity, message: &str, expected: &str) -> Problem {
        let (start, end) = self.within(&span);
        let line = self.line_of(start);
        let line_text = self.line(line);
        let line_start = self.line_starts[line - 1];
        let before = self.text[line_start..start].chars().count();
        let marked = self.text[start..end.min(line_start + line_text.len()).max(start)].trim_end().chars().count();
        // A line that is too long was not written by hand, and looking for secrets in it would cost too much.
        let lines = || (1..=line).rev().map(|number| self.line(number)).take_while(|line| line.len() <= MAX_LINE_BYTES);
        let is_shown = line_text.len() <= MAX_LINE_BYTES && !holds_secret(lines());
        Problem {
            file: self.name.clone(),
            line,
            column: before + 1,
            severity,
            message: text::shown_within(&mask(message), MAX_TEXT_BYTES),
            expected: text::shown_within(expected, MAX_TEXT_BYTES),
            excerpt: is_shown.then(|| Excerpt::new(line_text, before, marked)),
        }
    }

    /// A problem of the file as a whole, such as a missing part: at its beginning, without a line.
    pub(super) fn problem_of_all(&self, severity: Severity, message: &str, expected: &str) -> Problem {
        Problem { excerpt: None, ..self.problem(0..0, severity, message, expected) }
    }

    /// The bytes of the characters `at` of a text value, if its source is the same text: on one line, unescaped.
    pub(super) fn part_of_text(&self, node: &Node, at: &Range<usize>) -> Option<Range<usize>> {
        let Value::Scalar(scalar) = &*node.value else { return None };
        let written = self.text.get(node.span.clone())?;
        let quote = usize::from(!scalar.plain);
        if written.get(quote..written.len().checked_sub(quote)?)? != scalar.text {
            return None;
        }
        let byte = |index: usize| scalar.text.char_indices().map(|(at, _)| at).chain([scalar.text.len()]).nth(index);
        let offset = node.span.start + quote;
        Some(offset + byte(at.start)?..offset + byte(at.end)?)
    }

    /// The line of that 1-based number, without its end.
    fn line(&self, number: usize) -> &str {
        let end = self.line_starts.get(number).copied().unwrap_or(self.text.len());
        self.text[self.line_starts[number - 1]..end].trim_end_matches(['\r', '\n'])
    }

    /// The range's ends, moved into the text and onto the beginning of a character.
    fn within(&self, span: &Range<usize>) -> (usize, usize) {
        let boundary = |at: usize| (0..=at.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at));
        let start = boundary(span.start).unwrap_or(0);
        (start, boundary(span.end).unwrap_or(0).max(start))
    }
}

/// A problem of the file that does not need its text.
fn refused(name: &str, message: &str) -> Problem {
    Source::new(name, "").problem_of_all(Severity::Error, message, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(bytes: &[u8]) -> String {
        Source::decode("c.yaml", bytes).map(|_| "decoded".to_owned()).unwrap_or_else(|problems| problems.to_string())
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_shown_on_its_line() {
        let shown = error_of(b"a: 1\nb: \xff\xfe\n");
        assert_eq!(
            shown,
            "c.yaml:2:4: error: not UTF-8: the byte 0xff; save the file as UTF-8\n  | b: \u{fffd}\u{fffd}\n  |    ^"
        );
    }

    #[test]
    fn a_line_that_nobody_wrote_by_hand_is_not_shown() {
        let shown = |length: usize| {
            let source = Source::new("c.yaml", &"a".repeat(length));
            source.problem(0..1, Severity::Error, "", "").excerpt.is_some()
        };
        assert_eq!((shown(4096), shown(4097)), (true, false));
    }

    #[test]
    fn utf16_is_named() {
        assert_eq!(error_of(b"\xff\xfea\0"), "c.yaml:1:1: error: the file is UTF-16 text; save it as UTF-8");
    }

    #[test]
    fn a_mebibyte_is_read_and_one_byte_more_is_not() {
        assert_eq!(error_of(&vec![b' '; 1024 * 1024]), "decoded");
        assert_eq!(
            error_of(&vec![b' '; 1024 * 1024 + 1]),
            "c.yaml:1:1: error: the file is larger than 1 MiB, the limit of a configuration"
        );
    }

    #[test]
    fn every_line_end_of_yaml_counts_once() {
        let source = Source::new("c.yaml", "a\nb\r\nc\rd");
        assert_eq!((1..=4).map(|line| source.line(line)).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(source.line_of(source.text().len()), 4);
    }
}
