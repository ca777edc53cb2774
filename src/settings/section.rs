//! Typed access to one mapping of the file. Whatever is wrong is reported, and the default stands in for it.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::duration::duration_text;
use super::item::Item;
use super::nearest::nearest;
use super::node::{Entry, Node, Value};
use super::problem::Complaint;
use super::report::{Report, in_path};
use super::scalar::{Scalar, quoted};
use super::time_zone::{self, time_zone};

/// Nobody lists more by hand; and a component that looks for an item listed twice compares each with all others.
const MAX_ITEMS: usize = 1_000;

/// One mapping of the file, or the absence of one: then every key has its default.
pub struct Section<'a> {
    report: &'a mut Report,
    entries: &'a [Entry],
    /// Where a problem of the section itself is shown: its key, or where it begins in a list; `None`: it is absent.
    span: Option<Range<usize>>,
    /// Something else stands in its place, which was reported: then nothing is said of the keys it lacks.
    is_refused: bool,
    /// `system.memory`; empty for the document.
    path: String,
    /// The keys that were asked for: all others are unknown.
    known: Vec<&'static str>,
}

impl Section<'_> {
    /// The section under `key`; an absent or null one is empty, so that everything in it has its default.
    pub fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let path = self.path_of(key);
        match self.ask(key) {
            Some(entry) => read_mapping(self.report, &entry.value, Some(entry.key_span.clone()), path, read),
            None => read(&mut Section::of(self.report, &[], None, path)),
        }
    }

    pub fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        self.value(key, default, "true or false", Scalar::boolean)
    }

    /// A whole number in `range`.
    pub fn integer(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.value(key, default, &expected, |scalar| scalar.integer(&range))
    }

    /// A number that is above `above` and at most `up_to`.
    pub fn number(&mut self, key: &'static str, default: f64, above: f64, up_to: f64) -> f64 {
        let expected = format!("a number above {above}, up to {up_to}");
        self.value(key, default, &expected, |scalar| scalar.number(above, up_to))
    }

    /// A percentage above 0, up to 100. One below 1 is warned of: elsewhere 0.8 stands for 80 %.
    pub fn percent(&mut self, key: &'static str, default: f64) -> f64 {
        let percent = self.number(key, default, 0.0, 100.0);
        if percent < 1.0 {
            let meant = (percent * 10_000.0).round() / 100.0;
            self.warning(
                key,
                format!("{percent} is less than one percent; if {meant} percent is meant, write {meant}"),
            );
        }
        percent
    }

    /// A duration in `range`: seconds, fractions allowed, or a text such as `15m`, `1h30m`, `500ms`, `2d`.
    pub fn duration(&mut self, key: &'static str, default: Duration, range: RangeInclusive<Duration>) -> Duration {
        let (from, to) = (duration_text(*range.start()), duration_text(*range.end()));
        let expected = format!("from {from} to {to}, in seconds or as a text such as 15m or 1h30m");
        self.value(key, default, &expected, |scalar| scalar.duration(&range))
    }

    /// A text; a number or a boolean without quotes is one, too.
    pub fn text(&mut self, key: &'static str, default: &str) -> String {
        self.parse(key, default.to_owned(), |text| Ok(text.to_owned()))
    }

    /// A text, converted by `parse`.
    pub fn parse<T>(
        &mut self,
        key: &'static str,
        default: T,
        mut parse: impl FnMut(&str) -> Result<T, Complaint>,
    ) -> T {
        self.value(key, default, "", |scalar| parse(&scalar.text))
    }

    /// A time zone by its IANA name; `None`: absent or empty.
    pub fn time_zone(&mut self, key: &'static str) -> Option<TimeZone> {
        let zone = self.parse(key, None, time_zone);
        if let Some(text) = zone.as_ref().and_then(time_zone::oddity) {
            self.warning(key, text);
        }
        zone
    }

    /// One of the words in `options`, in upper or lower case; `true` and `false` may be among them.
    pub fn choice<T: Clone>(&mut self, key: &'static str, default: T, options: &[(&str, T)]) -> T {
        let words: Vec<&str> = options.iter().map(|(word, _)| *word).collect();
        self.value(key, default, &words.join(", "), |scalar| {
            let chosen = options.iter().find(|(word, _)| word.eq_ignore_ascii_case(&scalar.text));
            let unknown = || Complaint::new(format!("{} is none of the values", quoted(&scalar.text)));
            chosen.map(|(_, value)| value.clone()).ok_or_else(unknown)
        })
    }

    /// A list, each item read by `item`, which leaves one out by returning `None`. `None`: absent, null, or no list.
    pub fn list<T>(&mut self, key: &'static str, mut item: impl FnMut(&mut Item<'_>) -> Option<T>) -> Option<Vec<T>> {
        let node = &self.ask(key).filter(|entry| !entry.value.is_null())?.value;
        let path = self.path_of(key);
        let Value::List(nodes) = &*node.value else {
            let complaint = Complaint::new(format!("{} where a list belongs", node.kind()));
            self.report.complain(node, &path, &complaint.expected("a list, such as [a, b] or a line `- a` for each"));
            return None;
        };
        if nodes.len() > MAX_ITEMS {
            let complaint = Complaint::new(format!("a list of {} items", nodes.len()));
            self.report.complain(node, &path, &complaint.expected(format!("at most {MAX_ITEMS}")));
            return None;
        }
        let mut items = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            items.extend(item(&mut Item::new(self.report, node, format!("{path}[{index}]"))));
        }
        Some(items)
    }

    /// Whether `key` is there and not null.
    pub fn is_written(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|entry| !entry.value.is_null())
    }

    /// A warning if every user of this machine may read the file, in which the key's value is a secret.
    pub fn warn_if_others_may_read(&mut self, key: &str) {
        if let Some(file) = self.report.readable_by_others() {
            let text = readable_by_others(file);
            self.warning(key, text);
        }
    }

    /// An error at the key's value; at the section when the key is absent.
    pub fn problem(&mut self, key: &str, complaint: Complaint) {
        let path = self.path_of(key);
        match self.entry(key) {
            Some(entry) => self.report.complain(&entry.value, &path, &complaint),
            None if self.is_refused => {}
            None => self.report.error(self.span.clone(), &in_path(&path, &complaint.message), &complaint.expected),
        }
    }

    /// A warning at the key's value; at the section when the key is absent.
    pub fn warning(&mut self, key: &str, text: impl Into<String>) {
        let span = self.entry(key).map(|entry| entry.value.span.clone()).or_else(|| self.span.clone());
        self.report.warning(span, &in_path(&self.path_of(key), &text.into()));
    }
}

impl<'a> Section<'a> {
    /// Reads the document as a section.
    pub(super) fn read_document<T>(
        report: &mut Report,
        document: &Node,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        read_mapping(report, document, None, String::new(), read)
    }

    fn of(report: &'a mut Report, entries: &'a [Entry], span: Option<Range<usize>>, path: String) -> Self {
        Section { report, entries, span, is_refused: false, path, known: Vec::new() }
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entry of a key, which thereby is a known one.
    fn ask(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        self.entry(key)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A scalar, converted; `expected` is for complaints that name nothing themselves.
    fn value<T>(
        &mut self,
        key: &'static str,
        default: T,
        expected: &str,
        convert: impl FnOnce(&Scalar) -> Result<T, Complaint>,
    ) -> T {
        let Some(entry) = self.ask(key).filter(|entry| !entry.value.is_null()) else { return default };
        let node = &entry.value;
        let converted = match &*node.value {
            Value::Scalar(scalar) => convert(scalar),
            _ => Err(Complaint::new(format!("{} where a single value belongs", node.kind()))),
        };
        converted.unwrap_or_else(|complaint| {
            let complaint = if complaint.expected.is_empty() { complaint.expected(expected) } else { complaint };
            self.report.complain(node, &self.path_of(key), &complaint);
            default
        })
    }

    /// Reports the keys that nobody asked for.
    fn finish(self) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let unknown = format!("unknown key {}", quoted(&entry.key));
            let (message, expected) = match nearest(&entry.key, self.known.iter().copied()) {
                Some(likely) => (format!("{unknown}; did you mean `{likely}`?"), String::new()),
                None => (unknown, self.known.join(", ")),
            };
            self.report.error(entry.key_span.clone(), &in_path(&self.path, &message), &expected);
        }
    }
}

/// What to say of a file that holds a secret and that every user of this machine may read.
pub fn readable_by_others(file: &str) -> String {
    format!("every user of this machine can read this secret in {file}; close it with `chmod o= {file}`")
}

/// Reads a node that should be a mapping; `span`: where a problem of the section itself is shown.
pub(super) fn read_mapping<T>(
    report: &mut Report,
    node: &Node,
    span: Option<Range<usize>>,
    path: String,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> T {
    let mut is_refused = false;
    let entries: &[Entry] = match &*node.value {
        Value::Mapping(entries) => entries,
        _ if node.is_null() => &[],
        _ => {
            let complaint = Complaint::new(format!("{} where a section belongs", node.kind()));
            report.complain(node, &path, &complaint.expected(expected_of_a_mapping(node)));
            is_refused = true;
            &[]
        }
    };
    let mut section = Section { is_refused, ..Section::of(report, entries, span, path) };
    let value = read(&mut section);
    section.finish();
    value
}

/// A line that was meant as a key and its value is a mere text to YAML if its colon is no such colon.
fn expected_of_a_mapping(node: &Node) -> &'static str {
    match &*node.value {
        Value::Scalar(scalar) if scalar.text.contains('：') => "a plain colon after the key; this one is full-width",
        Value::Scalar(scalar) if scalar.text.contains(':') => "a space after the colon",
        _ => "keys, each with a colon and a value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    /// The value and the problems' texts without the lines they show.
    fn read<T>(text: &str, read: impl FnOnce(&mut Section<'_>) -> T) -> Result<T, Vec<String>> {
        settings::read("c", text.as_bytes(), read).map(|read| read.value).map_err(|problems| {
            let line = |p: &settings::Problem| format!("{}:{} {} [{}]", p.line, p.column, p.message, p.expected);
            problems.list.iter().map(line).collect()
        })
    }

    #[test]
    fn what_is_absent_or_null_has_its_default() {
        for text in ["", "# nothing\n", "~", "a:\n", "a: {n: ~, s: null, l:}\n", "---\n...\n"] {
            let value = read(text, |document| {
                document.section("a", |a| {
                    (a.integer("n", 7, 0..=9), a.text("s", "x"), a.list("l", |item| item.text()), a.is_written("n"))
                })
            });
            assert_eq!(value, Ok((7, "x".to_owned(), None, false)), "{text}");
        }
    }

    #[test]
    fn every_problem_is_told_in_the_order_of_the_file() {
        let problems = read("b: on\na: {n: 10, m: x}\nc: 1\n", |document| {
            document.section("a", |a| (a.integer("n", 7, 0..=9), a.number("m", 0.5, 0.0, 1.0)));
            document.boolean("b", false)
        });
        assert_eq!(
            problems.unwrap_err(),
            [
                "1:4 b: `on` is not true or false [true]",
                "2:8 a.n: 10 is out of range [a whole number from 0 to 9]",
                "2:15 a.m: `x` is not a number [a number above 0, up to 1]",
                "3:1 unknown key `c` [a, b]",
            ]
        );
    }

    #[test]
    fn a_misspelt_key_is_told_which_one_was_meant() {
        let problems = read("enabeld: true\n", |document| document.boolean("enabled", false));
        assert_eq!(problems.unwrap_err(), ["1:1 unknown key `enabeld`; did you mean `enabled`? []"]);
    }

    #[test]
    fn a_wrong_kind_of_value_is_named() {
        let problems = read("a: [1]\nb: {c: 1}\nl: x\n", |document| {
            document.section("a", |_| ());
            document.text("b", "");
            document.list("l", |item| item.text())
        });
        assert_eq!(
            problems.unwrap_err(),
            [
                "1:4 a: a list where a section belongs [keys, each with a colon and a value]",
                "2:4 b: a section where a single value belongs []",
                "3:4 l: a single value where a list belongs [a list, such as [a, b] or a line `- a` for each]",
            ]
        );
    }

    #[test]
    fn the_length_of_a_list_is_bounded() {
        let problems =
            read(&format!("l: [{}]\n", "x,".repeat(1001)), |document| document.list("l", |item| item.text()));
        assert_eq!(problems.unwrap_err(), ["1:4 l: a list of 1001 items [at most 1000]"]);
    }

    #[test]
    fn a_part_of_a_text_is_pointed_at_where_it_stands_as_it_is() {
        let at =
            |text: &str| read(text, |document| document.parse("cron", (), |_| Err(Complaint::new("bad").at(2..4))));
        assert_eq!(at("cron: 0 99 * * *\n").unwrap_err(), ["1:9 cron: bad []"]);
        assert_eq!(at("cron: \"0 99 * * *\"\n").unwrap_err(), ["1:10 cron: bad []"]);
        assert_eq!(at("cron: \"0\\x2099 * * *\"\n").unwrap_err(), ["1:7 cron: bad []"]);
    }

    #[test]
    fn a_choice_takes_plain_words_in_any_case() {
        let read = |text| {
            read(text, |d| d.choice("enabled", None, &[("auto", None), ("true", Some(true)), ("false", Some(false))]))
        };
        assert_eq!(read("enabled: TRUE\n"), Ok(Some(true)));
        assert_eq!(read("enabled: Auto\n"), Ok(None));
        assert_eq!(read("enabled: 2\n").unwrap_err(), ["1:10 enabled: `2` is none of the values [auto, true, false]"]);
    }

    #[test]
    fn a_complaint_without_its_key_stands_at_the_section() {
        let problems = read("x: 1\na:\n  b: 1\n", |document| {
            document.integer("x", 0, 0..=9);
            document.section("a", |a| {
                a.integer("b", 0, 0..=9);
                a.problem("c", Complaint::new("is missing"));
            });
        });
        assert_eq!(problems.unwrap_err(), ["2:1 a.c: is missing []"]);
    }

    #[test]
    fn what_is_no_section_is_not_said_to_lack_a_key() {
        let problems =
            read("a: [b]\n", |document| document.section("a", |a| a.problem("c", Complaint::new("is missing"))));
        assert_eq!(problems.unwrap_err().len(), 1);
    }

    #[test]
    fn a_percentage_below_one_is_warned_of() {
        let warnings = |text: &str| {
            let read = settings::read("c", text.as_bytes(), |document| document.percent("p", 80.0)).unwrap();
            read.warnings.iter().map(|warning| warning.message.clone()).collect::<Vec<_>>()
        };
        assert_eq!(warnings("p: 0.8\n"), ["p: 0.8 is less than one percent; if 80 percent is meant, write 80"]);
        assert_eq!(warnings("p: 0.07\n"), ["p: 0.07 is less than one percent; if 7 percent is meant, write 7"]);
        assert_eq!((warnings("p: 1\n"), warnings("")), (Vec::new(), Vec::new()));
    }

    #[test]
    fn warnings_come_with_the_value() {
        let read = settings::read("c", b"a: 1\n", |document| {
            document.warning("a", "is odd");
            document.integer("a", 0, 0..=9)
        });
        let read = read.unwrap();
        assert_eq!(read.value, 1);
        assert_eq!(read.warnings[0].to_string(), "c:1:4: warning: a: is odd\n  | a: 1\n  |    ^");
    }
}
