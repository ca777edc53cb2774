//! Typed access to one mapping of the file. A fault is reported, and the default takes the value's place.

mod typed;

use std::ops::Range;
use std::rc::Rc;

use super::confusable::{self, Confusable};
use super::diagnostics::{Diagnostics, in_path};
use super::doc::{Described, Doc, ValueKind, doc};
use super::item::Item;
use super::nearest::{meant, nearest};
use super::node::{Entry, Node, Value};
use super::problem::Complaint;
use super::scalar::{Scalar, quoted};
use super::stored::{Exposure, exposure};
use super::written::{Values, Written};
use crate::text::counted;

/// The bound of a list: nobody writes a longer one by hand, and a component that looks for duplicates compares each
/// item with all others.
pub const MAX_ITEMS: usize = 1_000;

/// For the keys of an item that have the values around it.
const INHERITED: Doc = doc("留空则与上层同名项相同", "empty: that of the section around");

/// One mapping of the file, or the absence of one: then every key has its default.
pub struct Section<'a> {
    diagnostics: &'a mut Diagnostics,
    entries: &'a [Entry],
    /// The section around it; empty for the document and for an item of a list.
    around: &'a [Entry],
    /// The place of a problem of the section itself: its key, or its beginning in a list; `None`: it is absent.
    span: Option<Range<usize>>,
    /// Another value is in its place, which was reported: then missing keys are not reported.
    is_refused: bool,
    /// The single value in its place, and the first key that would take it.
    stand_in: Option<&'a Scalar>,
    taker: Option<&'static str>,
    /// `system.memory`; empty for the document.
    path: String,
    /// The keys that were read: all others are unknown.
    known: Vec<&'static str>,
    values: Values,
    /// The defaults of its keys are the values around it.
    is_inheriting: bool,
}

impl Section<'_> {
    /// The section under `key`; an absent or null one is empty, so that everything in it has its default.
    pub fn section<T>(&mut self, key: &'static str, doc: Doc, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        self.describe(key, ValueKind::Section, String::new(), doc);
        let path = self.path_of(key);
        match self.ask(key) {
            Some(entry) => {
                let span = Some(entry.key_span.clone());
                read_mapping_within(self.entries, self.diagnostics, &entry.value, span, path, read)
            }
            None => read(&mut Section::of(self.diagnostics, &[], None, path)),
        }
    }

    /// A list, each item read by `item`, which leaves one out by returning `None`. `None`: absent, null, or no list.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        doc: Doc,
        mut item: impl FnMut(&mut Item<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.describe(key, ValueKind::List, String::new(), doc);
        if self.diagnostics.is_describing() {
            let path = format!("{}[]", self.path_of(key));
            item(&mut Item::new(self.diagnostics, &Node::null(), path));
        }
        let node = &self.ask(key).filter(|entry| !entry.value.is_null())?.value;
        let path = self.path_of(key);
        let Value::List(nodes) = &*node.value else {
            if !self.diagnostics.confusable_in_scalar(node, &path) {
                let complaint = Complaint::new(format!("{} where a list belongs", node.kind()));
                self.diagnostics.complain(
                    node,
                    &path,
                    &complaint.expected("a list, such as [a, b] or a line `- a` for each"),
                );
            }
            return None;
        };
        if nodes.len() > MAX_ITEMS {
            let complaint = Complaint::new(format!("a list of {}", counted(nodes.len(), "item")));
            self.diagnostics.complain(node, &path, &complaint.expected(format!("at most {MAX_ITEMS}")));
            return None;
        }
        let mut items = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            items.extend(item(&mut Item::new(self.diagnostics, node, format!("{path}[{index}]"))));
        }
        Some(items)
    }

    /// The texts of a list in a section beside this one, whose own reader reports its problems.
    pub fn list_beside(&self, section: &str, key: &str) -> Vec<String> {
        let value = |entries: &'_ [Entry], key: &str| {
            Some(Rc::clone(&entries.iter().find(|entry| entry.key == key)?.value.value))
        };
        let list = value(self.around, section).and_then(|section| match &*section {
            Value::Mapping(entries) => value(entries, key),
            _ => None,
        });
        let Some(Value::List(nodes)) = list.as_deref() else { return Vec::new() };
        let text = |node: &Node| match &*node.value {
            Value::Scalar(scalar) => Some(scalar.text.clone()),
            _ => None,
        };
        nodes.iter().filter_map(text).collect()
    }

    /// The values of the keys that were read so far.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Marks keys that decide how readings are judged, and not how they are measured.
    pub fn mark_as_judging(&mut self, keys: &[&'static str]) {
        self.values.mark_as_judging(keys);
    }

    /// From here on a key that is not written has the value of the section around: its default is none of its own.
    pub fn inherit(&mut self) {
        self.is_inheriting = true;
    }

    /// A key's value, if it is not the one that was read, or was a list.
    pub fn holds(&mut self, key: &'static str, value: Written) {
        self.values.set(key, value);
    }

    /// Whether `key` is there and not null.
    pub fn is_written(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|entry| !entry.value.is_null())
    }

    /// A warning if every user of this machine may read the key's secret; `written` is the configuration's text, which is
    /// the secret or names its place.
    pub fn warn_if_exposed(&mut self, key: &str, written: &str) {
        let file = match exposure(written) {
            Exposure::None => None,
            Exposure::Configuration => self.diagnostics.readable_by_others().map(str::to_owned),
            Exposure::File(path) => Some(path),
        };
        if let Some(file) = file {
            let text =
                format!("every user of this machine can read this secret in {file}; close it with `chmod o-r {file}`");
            self.warning(key, text);
        }
    }

    /// An error at the key's value; at the section when the key is absent, or empty.
    pub fn problem(&mut self, key: &str, complaint: Complaint) {
        let path = self.path_of(key);
        match self.entry(key) {
            Some(entry) => self.diagnostics.complain(&entry.value, &path, &complaint),
            None if self.is_refused => {}
            None => self.diagnostics.error(self.span.clone(), &in_path(&path, &complaint.message), &complaint.expected),
        }
    }

    /// The place of a key's value, for a problem that is found later.
    pub fn place_of(&self, key: &str) -> Place {
        Place { span: self.entry(key).map(|entry| entry.value.span.clone()), path: self.path_of(key) }
    }

    /// An error at a place that was read before.
    pub fn problem_at(&mut self, place: &Place, complaint: &Complaint) {
        self.diagnostics.error(place.span.clone(), &in_path(&place.path, &complaint.message), &complaint.expected);
    }

    /// The number of problems so far, of the whole file.
    pub fn problem_count(&self) -> usize {
        self.diagnostics.error_count()
    }

    /// A warning at the key's value; at the section when the key is absent.
    pub fn warning(&mut self, key: &str, text: impl Into<String>) {
        let span = self.entry(key).map(|entry| entry.value.span.clone()).or_else(|| self.span.clone());
        self.diagnostics.warning(span, &in_path(&self.path_of(key), &text.into()));
    }
}

/// A value's place in the file.
pub struct Place {
    span: Option<Range<usize>>,
    path: String,
}

impl<'a> Section<'a> {
    /// An absent section: everything in it has its default.
    pub(super) fn absent(diagnostics: &'a mut Diagnostics) -> Section<'a> {
        Section::of(diagnostics, &[], None, String::new())
    }

    /// Reads the document as a section.
    #[inline(never)]
    pub(super) fn read_document<T>(
        diagnostics: &mut Diagnostics,
        document: &Node,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        read_mapping(diagnostics, document, None, String::new(), read)
    }

    fn of(diagnostics: &'a mut Diagnostics, entries: &'a [Entry], span: Option<Range<usize>>, path: String) -> Self {
        let (is_refused, stand_in, taker) = (false, None, None);
        let (known, values, is_inheriting, around) = (Vec::new(), Values::default(), false, &[]);
        Section { diagnostics, entries, around, span, is_refused, stand_in, taker, path, known, values, is_inheriting }
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entry of a key, which is known from then on.
    fn ask(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        self.entry(key)
    }

    fn path_of(&self, key: &str) -> String {
        match (&*self.path, key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// Notes the reader's description of a key, if descriptions are wanted.
    fn describe(&mut self, key: &str, kind: ValueKind, default: String, doc: Doc) {
        if self.diagnostics.is_describing() {
            let path = self.path_of(key);
            let (default, doc) = if self.is_inheriting { (String::new(), INHERITED) } else { (default, doc) };
            self.diagnostics.describe(Described { path, kind, default, doc });
        }
    }

    /// A scalar, converted; `expected` is for complaints that name no right form themselves.
    fn value<T>(
        &mut self,
        key: &'static str,
        default: T,
        expected: &str,
        mut convert: impl FnMut(&Scalar) -> Result<T, Complaint>,
    ) -> T {
        // A text would take anything, and may be a secret.
        if self.taker.is_none() && !expected.is_empty() && self.stand_in.is_some_and(|scalar| convert(scalar).is_ok()) {
            self.taker = Some(key);
        }
        let Some(entry) = self.ask(key).filter(|entry| !entry.value.is_null()) else { return default };
        let path = self.path_of(key);
        self.diagnostics.convert(&entry.value, &path, expected, convert).unwrap_or(default)
    }

    /// A warning about an oversight in an accepted value.
    fn warn_of_confusable(&mut self, key: &str, is_oversight: impl Fn(&Confusable) -> bool) {
        if let Some(entry) = self.entry(key) {
            self.diagnostics.warn_of_confusable(&entry.value, &self.path_of(key), is_oversight);
        }
    }

    /// Reports the keys that no reader has asked for.
    fn finish(self) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let likely = nearest(confusable::corrected(&entry.key).trim(), self.known.iter().copied());
            // A letter of another alphabet can look like one of ours, too.
            let unlike = |found: &Confusable| match likely {
                Some(likely) if found.meant != ":" => format!("`{likely}`"),
                _ => found.expected(),
            };
            if self.diagnostics.confusable(&entry.key_span, &self.path, unlike) {
                continue;
            }
            let message = format!("unknown key {}{}", quoted(&entry.key), meant(likely));
            let expected = match likely {
                Some(likely) => of_another_alphabet(&entry.key, likely),
                None => self.known.join(", "),
            };
            self.diagnostics.error(entry.key_span.clone(), &in_path(&self.path, &message), &expected);
        }
    }
}

/// Reads a node that should be a mapping; `span`: the place for problems of the section itself.
pub(super) fn read_mapping<T>(
    diagnostics: &mut Diagnostics,
    node: &Node,
    span: Option<Range<usize>>,
    path: String,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> T {
    read_mapping_within(&[], diagnostics, node, span, path, read)
}

/// The same, within the section `around` it.
fn read_mapping_within<T>(
    around: &[Entry],
    diagnostics: &mut Diagnostics,
    node: &Node,
    span: Option<Range<usize>>,
    path: String,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> T {
    let (mut is_refused, mut is_explained) = (false, false);
    let entries: &[Entry] = match &*node.value {
        Value::Mapping(entries) => entries,
        _ if node.is_null() => &[],
        _ => {
            is_explained = diagnostics.confusable_in_scalar(node, &path);
            is_refused = true;
            &[]
        }
    };
    let stand_in = match &*node.value {
        Value::Scalar(scalar) if is_refused => Some(scalar),
        _ => None,
    };
    let mut section = Section { around, is_refused, stand_in, ..Section::of(diagnostics, entries, span, path) };
    let value = read(&mut section);
    if is_refused && !is_explained {
        let complaint = Complaint::new(format!("{} where a section belongs", node.kind()));
        let expected = match (stand_in, section.taker) {
            (Some(scalar), Some(key)) => in_its_section(&section.path, key, &scalar.text),
            _ => expected_of_a_mapping(node).to_owned(),
        };
        section.diagnostics.complain(node, &section.path, &complaint.expected(expected));
    }
    section.finish();
    value
}

/// Names a letter that looks like one of the likely key; empty if there is none.
fn of_another_alphabet(key: &str, likely: &str) -> String {
    confusable::foreign_letter(key).map(|named| format!("`{likely}`; {named}")).unwrap_or_default()
}

/// `memory: {threshold: 80}`: a value that stood in a section's place, under the key that takes it.
fn in_its_section(path: &str, key: &str, value: &str) -> String {
    let section = path.rsplit('.').next().filter(|name| !name.is_empty() && !name.ends_with(']'));
    let before = section.map(|name| format!("{name}: ")).unwrap_or_default();
    format!("`{before}{{{key}: {value}}}`")
}

/// A line that was meant as a key and its value is a mere text to YAML if its colon is not YAML's.
fn expected_of_a_mapping(node: &Node) -> &'static str {
    match &*node.value {
        Value::Scalar(scalar) if scalar.text.contains(':') => "a space after the colon",
        _ => "keys, each with a colon and a value",
    }
}

#[cfg(test)]
mod tests;
