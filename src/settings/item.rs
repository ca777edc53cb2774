//! One item of a list: a text or a section.

use super::confusable::Confusable;
use super::diagnostics::Diagnostics;
use super::doc::{Described, Doc, ValueKind};
use super::node::{Node, Value};
use super::problem::Complaint;
use super::section::{Section, read_mapping};

/// One item of a list.
pub struct Item<'a> {
    diagnostics: &'a mut Diagnostics,
    node: &'a Node,
    /// `docker.containers[0]`
    path: String,
}

impl<'a> Item<'a> {
    pub(super) fn new(diagnostics: &'a mut Diagnostics, node: &'a Node, path: String) -> Self {
        Item { diagnostics, node, path }
    }

    /// The item's text, converted by `parse`; `None`, and an error, when it is empty, a list or a section, or refused.
    pub fn parse<T>(&mut self, doc: Doc, mut parse: impl FnMut(&str) -> Result<T, Complaint>) -> Option<T> {
        if self.diagnostics.is_describing() {
            self.diagnostics.describe(Described {
                path: self.path.clone(),
                kind: ValueKind::Text,
                default: String::new(),
                doc,
            });
            return None;
        }
        if self.node.is_null() || !self.is_text() {
            self.problem(Complaint::new(format!("{} where a text belongs", self.node.kind())));
            return None;
        }
        let value = self.diagnostics.convert(self.node, &self.path, "", |scalar| parse(&scalar.text))?;
        self.diagnostics.warn_of_confusable(self.node, &self.path, Confusable::passes_unnoticed);
        Some(value)
    }

    #[cfg(test)]
    pub fn text(&mut self) -> Option<String> {
        self.parse(super::NO_DOC, |text| Ok(text.to_owned()))
    }

    /// The item, which is a text or a section.
    pub fn text_or_section<T>(
        &mut self,
        doc: Doc,
        parse: impl FnMut(&str) -> Result<T, Complaint>,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Option<T> {
        let text = if self.is_text() { self.parse(doc, parse) } else { None };
        if self.is_text() && !self.diagnostics.is_describing() { text } else { self.section(read) }
    }

    /// The item as a section.
    pub fn section<T>(&mut self, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let start = self.node.span.start;
        read_mapping(self.diagnostics, self.node, Some(start..start), self.path.clone(), read)
    }

    /// Whether the item is a text (a number, too), not a list or a section.
    fn is_text(&self) -> bool {
        matches!(&*self.node.value, Value::Scalar(_))
    }

    /// An error at an item that names the same as an earlier one.
    pub fn named_twice(&mut self, name: &str, noun: &str) {
        self.problem(Complaint::new(format!("`{name}` is named twice")).expected(format!("each {noun} once")));
    }

    /// An error at the item.
    pub fn problem(&mut self, complaint: Complaint) {
        self.diagnostics.complain(self.node, &self.path, &complaint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{self, NO_DOC, Problem, Problems, Read};

    fn read(text: &str) -> Result<Read<Option<Vec<String>>>, Problems> {
        let text_or_name = |item: &mut Item<'_>| {
            if item.is_text() { item.text() } else { Some(item.section(|entry| entry.text("name", NO_DOC))) }
        };
        settings::read("c", text.as_bytes(), |document| document.list("l", NO_DOC, text_or_name))
    }

    #[test]
    fn items_are_texts_or_sections() {
        let items = read("l: [a, {name: b}, 3]\n").unwrap().value;
        assert_eq!(items, Some(vec!["a".to_owned(), "b".to_owned(), "3".to_owned()]));
    }

    #[test]
    fn a_problem_of_an_item_names_its_place_in_the_list() {
        let problems = read("l: [~, {nam: b}]\n").unwrap_err();
        let messages: Vec<&str> = problems.list.iter().map(|problem: &Problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["l[0]: nothing where a text belongs", "l[1]: unknown key `nam`; did you mean `name`?"]);
    }
}
