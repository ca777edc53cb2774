//! Finds the character that keeps YAML from being read, if it is one that only looks right.
//!
//! The parser stumbles at a later place: a full-width colon turns its line into a text, and the error points to the
//! next line. Trying finds the character: with the intended one in its place the file can be read beyond the mistake.

use serde_saphyr::granit_parser::{ErrorKind, Parser};

use super::confusable::{self, Confusable};
use super::tree;

/// The bound of a file for this: a longer one was not written by hand, and is not tried.
const MAX_TRIED_BYTES: usize = 64 * 1024;

/// The most attempts to read the file again.
const MAX_TRIALS: usize = 24;

/// The character that made the parser stumble at byte `at`; `None`: the reason is another.
pub(super) fn culprit(text: &str, at: usize) -> Option<Confusable> {
    if text.len() > MAX_TRIED_BYTES {
        return None;
    }
    let at = (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    let goes_on = |before: &str, line: &str, after: &str| is_read_beyond(&[before, line, after].concat(), &text[end..]);
    // Lines may need one another: two lines that were meant as keys are both mere texts.
    let mut corrected_below = String::new();
    let mut line_end = end;
    let mut trials = 0;
    while trials < MAX_TRIALS {
        let line_start = text[..line_end].rfind('\n').map_or(0, |end| end + 1);
        let (before, line, below) = (&text[..line_start], &text[line_start..line_end], &text[line_end..end]);
        for wrong in suspects(line) {
            trials += 1;
            let right = corrected(line, &wrong);
            if goes_on(before, &right, below) || (corrected_below != below && goes_on(before, &right, &corrected_below))
            {
                let first = confusable::all(line).find(|found| wrong.contains(&found.meant))?;
                let bytes = line_start + first.bytes.start..line_start + first.bytes.end;
                return Some(Confusable { bytes, ..first });
            }
        }
        let all_of_it = suspects(line).pop().unwrap_or_default();
        line_end = line_start.checked_sub(1)?;
        corrected_below = ["\n", &corrected(line, &all_of_it), &corrected_below].concat();
    }
    None
}

/// Whether `text` can be read beyond the line before `rest`. A quote or a bracket that is not closed takes in
/// everything behind it: that does not count.
fn is_read_beyond(text: &str, rest: &str) -> bool {
    let text = text.to_owned() + rest;
    let error = Parser::new_from_str_with_options(&text, tree::options()).find_map(Result::err);
    error.is_none_or(|error| {
        let is_unclosed = matches!(
            error.kind(),
            ErrorKind::UnclosedQuotedScalar
                | ErrorKind::UnclosedFlowCollection { .. }
                | ErrorKind::UnexpectedEofFlowSequence
                | ErrorKind::UnexpectedEofFlowMapping
                | ErrorKind::UnexpectedEofImplicitFlowMapping
        );
        !is_unclosed && text.len().saturating_sub(tree::offset(*error.marker())) < rest.len()
    })
}

/// The suspects in a line: one kind of character, each by itself, or several together.
fn suspects(line: &str) -> Vec<Vec<&'static str>> {
    let mut kinds: Vec<&str> = Vec::new();
    let code_end = if line.trim_start().starts_with('#') { 0 } else { line.find(" #").unwrap_or(line.len()) };
    for found in confusable::all(&line[..code_end]) {
        if !kinds.contains(&found.meant) {
            kinds.push(found.meant);
        }
    }
    let mut suspects: Vec<Vec<&str>> = kinds.iter().map(|kind| vec![*kind]).collect();
    if kinds.len() > 1 {
        suspects.push(kinds);
    }
    suspects
}

/// A line with YAML's characters in place of the `wrong` ones.
fn corrected(line: &str, wrong: &[&str]) -> String {
    confusable::replaced(line, |found| {
        let right = match found.meant {
            ":" => ": ",
            "#" => " #",
            "-" if line[..found.bytes.start].trim().is_empty() => "- ",
            meant => meant,
        };
        wrong.contains(&found.meant).then_some(right)
    })
}

#[cfg(test)]
mod tests {
    use crate::settings::{self, NO_DOC, Severity};

    fn problem(text: &str) -> String {
        let problems = settings::read("c", text.as_bytes(), |document| {
            document.section("general", NO_DOC, |general| {
                general.text("hostname", NO_DOC);
                general.integer("check_interval", 900, 1..=9_999, NO_DOC);
                general.list("paths", NO_DOC, |item| item.text());
            });
        });
        let list = problems.err().map(|problems| problems.list).unwrap_or_default();
        let error = list.iter().find(|problem| problem.severity == Severity::Error);
        error.map(|p| format!("{}:{} {}", p.line, p.column, p.message)).unwrap_or_default()
    }

    #[test]
    fn a_full_width_colon_is_named_in_its_own_line() {
        let like_colon = "`：` is U+FF1A, which only looks like `:`";
        for (text, place) in [
            ("general：\n  check_interval: 900\n", "1:8"),
            ("general：\n\n  # a comment\n  check_interval: 900\n", "1:8"),
            ("general:\n  hostname： web\n  check_interval: 900\n", "2:11"),
            ("general:\n  hostname：web\n  check_interval： 900\n  paths: []\n", "2:11"),
            ("general:\n  check_interval: 900\n  hostname： web\n", "3:11"),
            ("general:\n  check_interval: 900\n  paths：\n    - /\n", "3:8"),
            ("general: {check_interval： 900, hostname: web}\n", "1:25"),
        ] {
            let told = problem(text);
            assert!(told.starts_with(place) && told.ends_with(like_colon), "{text}{told}");
        }
    }

    #[test]
    fn quotes_brackets_and_spaces_of_another_kind_are_named() {
        for (text, told) in [
            ("general:\n  hostname: \"web”\n  check_interval: 900\n", "2:17 `”` is U+201D"),
            ("general:\n  hostname: \"web＂\n", "2:17 `＂` is U+FF02"),
            ("general:\n  hostname: “a: b”\n", "2:13 `“` is U+201C"),
            ("general:\n  paths: [/, /data］\n  check_interval: 900\n", "2:19 `］` is U+FF3D"),
            ("general: ｛check_interval: 900｝\n", "1:10 `｛` is U+FF5B"),
            ("general:\u{a0}\n  check_interval: 900\n", "1:9 U+00A0"),
            ("general:\n  check_interval:\u{a0}900\n  hostname: a\n", "2:18 U+00A0"),
            ("general:\n  check_interval:\u{3000}900\n  hostname: a\n", "2:18 U+3000"),
            ("general:\n  check_interval: 900\n\u{3000}\u{3000}hostname: a\n", "3:1 U+3000"),
            ("general:\n  \u{feff}check_interval: 900\n", "2:3 U+FEFF"),
        ] {
            let said = problem(text);
            assert!(said.contains(told), "{text}{said}");
        }
    }

    #[test]
    fn a_character_that_is_not_the_reason_is_not_named() {
        for text in [
            "general:\n  hostname: 香港，一区: a\n",
            "general:\n  hostname: 香港，一区\n\tcheck_interval: 900\n",
            "general:\n  hostname: 张“三\n\tcheck_interval: 900\n",
            "general: # 常规：\n  check_interval: 900\n   hostname: a\n",
        ] {
            let said = problem(text);
            assert!(!said.is_empty() && !said.contains("U+"), "{text}{said}");
        }
    }

    #[test]
    fn a_long_file_is_not_tried() {
        let began = crate::clock::boot_now();
        let said = problem(&("，".repeat(300_000) + "\n\tx: y\n"));
        assert!(
            !said.contains("U+") && crate::clock::boot_now() - began < std::time::Duration::from_secs(10),
            "{said}"
        );
    }
}
