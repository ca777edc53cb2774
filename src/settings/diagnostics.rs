//! Collects the problems of one source while it is read.

use std::ops::Range;
use std::rc::Rc;

use super::doc::Described;
use super::node::Node;
use super::problem::{Complaint, Problem, Problems, Severity};
use super::source::Source;

/// The bound of problems: a hostile file must not fill the memory with them. Nobody writes so many by hand, and whoever
/// mends a file wants to see them all.
const MAX_PROBLEMS: usize = 1_000;

pub(super) struct Diagnostics {
    source: Rc<Source>,
    errors: Vec<Problem>,
    unlisted: usize,
    warnings: Vec<Problem>,
    /// The keys as their readers describe them, if no file is read but the description is wanted.
    described: Option<Vec<Described>>,
}

impl Diagnostics {
    pub(super) fn new(source: Rc<Source>) -> Self {
        Diagnostics { source, errors: Vec::new(), unlisted: 0, warnings: Vec::new(), described: None }
    }

    /// Collects, without a file, the readers' descriptions of their keys.
    pub(super) fn describing() -> Self {
        Diagnostics { described: Some(Vec::new()), ..Diagnostics::new(Rc::new(Source::absent())) }
    }

    pub(super) fn is_describing(&self) -> bool {
        self.described.is_some()
    }

    pub(super) fn describe(&mut self, key: Described) {
        self.described.get_or_insert_default().push(key);
    }

    pub(super) fn into_described(self) -> Vec<Described> {
        self.described.unwrap_or_default()
    }

    /// An error at `span`, a range of bytes of the source; `None`: at a key that is missing.
    pub(super) fn error(&mut self, span: impl Into<Option<Range<usize>>>, message: &str, expected: &str) {
        if self.errors.len() < MAX_PROBLEMS {
            self.errors.push(self.problem(span.into(), Severity::Error, message, expected));
        } else {
            self.unlisted += 1;
        }
    }

    /// An error at `node`, or at the characters of it that the complaint names.
    pub(super) fn complain(&mut self, node: &Node, path: &str, complaint: &Complaint) {
        let part = complaint.at.as_ref().and_then(|at| self.source.part_of_text(node, at));
        let message = in_path(path, &complaint.message);
        self.error(part.unwrap_or_else(|| node.span.clone()), &message, &complaint.expected);
    }

    pub(super) fn error_count(&self) -> usize {
        self.errors.len() + self.unlisted
    }

    pub(super) fn warning(&mut self, span: Option<Range<usize>>, message: &str) {
        if self.warnings.len() < MAX_PROBLEMS {
            self.warnings.push(self.problem(span, Severity::Warning, message, ""));
        }
    }

    fn problem(&self, span: Option<Range<usize>>, severity: Severity, message: &str, expected: &str) -> Problem {
        match span {
            Some(span) => self.source.problem(span, severity, message, expected),
            None => self.source.problem_of_all(severity, message, expected),
        }
    }

    /// The file's name, if every user of this machine may read it.
    pub(super) fn readable_by_others(&self) -> Option<&str> {
        self.source.others_may_read().then(|| self.source.name())
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.source.line_of(offset)
    }

    /// All problems, sorted by position.
    pub(super) fn into_problems(self) -> Problems {
        let position = |problem: &Problem| (problem.line, problem.column);
        let mut list = self.errors;
        // A refused value is replaced by its default, and a warning about that default would only puzzle.
        let refused: Vec<_> = list.iter().map(position).collect();
        list.extend(self.warnings.into_iter().filter(|warning| !refused.contains(&position(warning))));
        list.sort_by_key(position);
        Problems { list, unlisted: self.unlisted, is_passing: false }
    }

    /// The warnings, sorted by position, if there is nothing worse.
    pub(super) fn into_warnings(self) -> Result<Vec<Problem>, Problems> {
        let valid = self.errors.is_empty();
        let problems = self.into_problems();
        if valid { Ok(problems.list) } else { Err(problems) }
    }
}

/// `path: message`; the document itself has no path.
pub(super) fn in_path(path: &str, message: &str) -> String {
    if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
}

#[cfg(test)]
mod tests {
    use crate::settings::{self, Complaint, NO_DOC};

    #[test]
    fn problems_beyond_the_limit_are_counted() {
        let text: String = (0..1_010).map(|number| format!("key{number}: 1\n")).collect();
        let problems = settings::read("c", text.as_bytes(), |_| ()).unwrap_err();
        assert_eq!((problems.list.len(), problems.unlisted), (1_000, 10));
        assert!(problems.to_string().ends_with("\n… and 10 more"));
    }

    #[test]
    fn what_is_refused_is_not_warned_of_too() {
        let problems = settings::read("c", b"a: 1\n", |document| {
            document.parse::<()>("a", NO_DOC, |_| Err(Complaint::new("refused")));
            document.warning("a", "stands as its default");
        });
        assert_eq!(problems.unwrap_err().list.len(), 1);
    }
}
