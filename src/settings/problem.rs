//! Problems of a configuration file: the fault, its place, and the right form.

use std::fmt;
use std::ops::Range;

use super::excerpt::Excerpt;
use nix::libc::PATH_MAX;

use crate::text::{self, counted};

/// Room for the longest path (PATH_MAX) and the fault there.
const MAX_LOGGED_BYTES: usize = 6 * 1024;

const _: () = assert!(MAX_LOGGED_BYTES > PATH_MAX as usize);

/// As many problems of one file are lines of the log. `config check` prints all of them.
const MAX_LOGGED: usize = 20;

/// A component's complaint about a value, before the value's place in the file is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The fault, without a full stop: it follows the key's path and a colon.
    pub message: String,
    /// The wrong characters of the text value, such as one field of a cron expression; `None`: all of it.
    pub expected: String,
    /// The characters of the text value that are meant, such as one field of a cron expression; `None`: all of it.
    pub at: Option<Range<usize>>,
}

impl Complaint {
    pub fn new(message: impl Into<String>) -> Self {
        Complaint { message: message.into(), expected: String::new(), at: None }
    }

    #[must_use]
    pub fn expected(self, text: impl Into<String>) -> Self {
        Complaint { expected: text.into(), ..self }
    }

    #[must_use]
    pub fn at(self, range: Range<usize>) -> Self {
        Complaint { at: Some(range), ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One problem, ready to be shown: secrets are masked and control characters replaced in all of its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: String,
    /// 1-based; 0 if the file could not be read.
    pub line: usize,
    /// 1-based, in characters; 0 if the file could not be read.
    pub column: usize,
    pub severity: Severity,
    pub message: String,
    /// The right form; may be empty.
    pub expected: String,
    /// The line for the excerpt; `None` if the problem is the whole file, or the line is too long to be of use.
    pub excerpt: Option<Excerpt>,
}

impl Problem {
    /// `FILE:LINE:COL: error: message`, as a line of the log.
    pub fn in_log(&self) -> String {
        text::in_log_within(self.to_string().lines().next().unwrap_or_default(), MAX_LOGGED_BYTES)
    }
}

/// `FILE:LINE:COL: error: message`, the line, a caret under it, and the expected form; no line feed at the end.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}: {}", self.severity, self.message)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        if !self.expected.is_empty() {
            write!(f, "\n  expected: {}", self.expected)?;
        }
        Ok(())
    }
}

/// The faults of a configuration that cannot be used: at least one error, and the warnings, sorted by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    pub list: Vec<Problem>,
    /// The number of errors beyond those listed.
    pub unlisted: usize,
    /// The file is being written at this moment: another attempt may succeed.
    pub is_passing: bool,
}

impl Problems {
    /// The lines of the log: the first problems, and the number of the others.
    pub fn in_log(&self) -> impl Iterator<Item = String> {
        let others = self.list.len().saturating_sub(MAX_LOGGED) + self.unlisted;
        let of_others = self.list.first().filter(|_| others > 0).map(|problem| {
            let others = counted(others, "problem");
            let line = format!("{}: {others} not shown here: `vps-monitor config check` prints all", problem.file);
            text::in_log_within(&line, MAX_LOGGED_BYTES)
        });
        self.list.iter().take(MAX_LOGGED).map(Problem::in_log).chain(of_others)
    }

    /// The first error, in one line: `FILE:LINE:COL: error: message`.
    pub fn first_error(&self) -> String {
        let error = self.list.iter().find(|problem| problem.severity == Severity::Error);
        let text = error.map(ToString::to_string).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Problems { list: vec![problem], unlisted: 0, is_passing: false }
    }
}

/// One problem after the other; no line feed at the end.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        if self.unlisted > 0 {
            write!(f, "\n… and {} more", self.unlisted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use crate::settings::{self, NO_DOC};

    #[test]
    fn of_many_problems_the_log_has_the_first_and_the_number_of_the_others() {
        let lines = |count: usize| {
            let text: String = (0..count).map(|number| format!("key{number}: 1\n")).collect();
            settings::read("c", text.as_bytes(), |_| ()).unwrap_err().in_log().collect::<Vec<_>>()
        };
        assert_eq!((lines(20).len(), lines(60).len()), (20, 21));
        assert_eq!(lines(60)[20], "c: 40 problems not shown here: `vps-monitor config check` prints all");
        assert!(lines(1_500)[20].starts_with("c: 1480 problems"), "those that are not listed count, too");
    }

    #[test]
    fn the_first_error_is_told_although_a_warning_stands_above_it() {
        let problems = settings::read("c", b"a: true\nb: 1\n", |document| {
            document.boolean("a", true, NO_DOC);
            document.warning("a", "is odd");
        });
        let problems = problems.unwrap_err();
        assert!(problems.list[0].to_string().starts_with("c:1:4: warning:"), "{problems}");
        assert!(problems.first_error().starts_with("c:2:1: error: unknown key `b`"), "{}", problems.first_error());
    }
}
