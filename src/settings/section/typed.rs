//! The values of a section, by their type: each accessor reads a key, checks it, and describes it.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Section;
use crate::settings::confusable::Confusable;
use crate::settings::doc::{Doc, MAX_DURATIONS, MAX_NUMBERS, ValueKind};
use crate::settings::duration::duration_text;
use crate::settings::nearest::{meant, nearest};
use crate::settings::node::{Entry, Value};
use crate::settings::problem::Complaint;
use crate::settings::scalar::{Scalar, quoted};
use crate::settings::size::{Volume, size_text};
use crate::settings::time_zone::{self, time_zone};
use crate::settings::written::Written;
use crate::text::counted;

impl Section<'_> {
    pub fn boolean(&mut self, key: &'static str, default: bool, doc: Doc) -> bool {
        self.describe(key, ValueKind::Boolean, default.to_string(), doc);
        let value = self.value(key, default, "true or false", Scalar::boolean);
        self.holds(key, Written::Boolean(value));
        value
    }

    /// A whole number in `range`.
    pub fn integer(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>, doc: Doc) -> u64 {
        let (from, to) = (*range.start(), *range.end());
        self.describe(key, ValueKind::Integer { from, to }, default.to_string(), doc);
        let expected = format!("a whole number from {from} to {to}");
        let value = self.value(key, default, &expected, |scalar| scalar.integer(&range));
        self.holds(key, Written::Integer(value));
        value
    }

    /// A list of names, each once. The list `contrary` says the contrary of this one, so no name is in both.
    pub fn names(
        &mut self,
        key: &'static str,
        docs: [Doc; 2],
        noun: &str,
        contrary: (&str, &[String]),
        mut parse: impl FnMut(&str) -> Result<String, Complaint>,
    ) -> Vec<String> {
        let [doc, doc_of_item] = docs;
        let mut names: Vec<String> = Vec::new();
        self.list(key, doc, |item| {
            let name = item.parse(doc_of_item, &mut parse)?;
            if names.contains(&name) {
                item.named_twice(&name, noun);
            } else if contrary.1.contains(&name) {
                let complaint =
                    Complaint::new(format!("`{name}` is in `{}`, too, which says the contrary", contrary.0));
                item.problem(complaint.expected("it in one of the two lists"));
            } else {
                names.push(name);
            }
            Some(())
        });
        self.holds(key, Written::texts(&names));
        names
    }

    /// A number that is above `above` and at most `up_to`.
    pub fn number(&mut self, key: &'static str, default: f64, above: f64, up_to: f64, doc: Doc) -> f64 {
        self.describe(key, ValueKind::Number { above, up_to }, default.to_string(), doc);
        let value = self.value(key, default, &number_expected(above, up_to), |scalar| scalar.number(above, up_to));
        self.holds(key, Written::Number(value));
        value
    }

    /// The same for an optional number.
    pub fn optional_number(
        &mut self,
        key: &'static str,
        default: Option<f64>,
        above: f64,
        up_to: f64,
        doc: Doc,
    ) -> Option<f64> {
        self.describe(key, ValueKind::Number { above, up_to }, String::new(), doc);
        let expected = number_expected(above, up_to);
        let value = self.value(key, default, &expected, |scalar| scalar.number(above, up_to).map(Some));
        self.holds(key, value.map_or(Written::Nothing, Written::Number));
        value
    }

    /// A percentage above 0, up to 100. One below 1 is warned of: elsewhere 0.8 stands for 80 %.
    pub fn percent(&mut self, key: &'static str, default: f64, doc: Doc) -> f64 {
        self.describe(key, ValueKind::Percent, default.to_string(), doc);
        let percent = self.value(key, default, &number_expected(0.0, 100.0), |scalar| scalar.number(0.0, 100.0));
        self.take_percent(key, percent);
        percent
    }

    /// The same, or 0, which is `None`.
    pub fn percent_or_off(&mut self, key: &'static str, default: Option<f64>, doc: Doc) -> Option<f64> {
        let kind = ValueKind::OrOff(Box::new(ValueKind::Percent));
        self.describe(key, kind, default.unwrap_or_default().to_string(), doc);
        let expected = format!("{}{OR_OFF}", number_expected(0.0, 100.0));
        let percent = self.value(key, default, &expected, |scalar| match scalar.number(0.0, 100.0) {
            Err(_) if scalar.is_zero() => Ok(None),
            number => number.map(Some),
        });
        match percent {
            Some(percent) => self.take_percent(key, percent),
            None => self.holds(key, Written::Number(0.0)),
        }
        percent
    }

    fn take_percent(&mut self, key: &'static str, percent: f64) {
        if percent < 1.0 {
            let meant = (percent * 10_000.0).round() / 100.0;
            let text = format!("{percent} is less than one percent; if {meant} percent is meant, write {meant}");
            self.warning(key, text);
        }
        self.holds(key, Written::Number(percent));
    }

    /// A duration in `range`: seconds, fractions allowed, or a text such as `15m`, `1h30m`, `500ms`, `2d`.
    pub fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
        doc: Doc,
    ) -> Duration {
        let (from, to) = (*range.start(), *range.end());
        self.describe(key, ValueKind::Duration { from, to }, default.as_secs_f64().to_string(), doc);
        let (from, to) = (duration_text(from), duration_text(to));
        let expected = format!("from {from} to {to}, in seconds or as a text such as 15m or 1h30m");
        let value = self.value(key, default, &expected, |scalar| scalar.duration(&range));
        self.holds(key, Written::Duration(value));
        value
    }

    /// The same for an optional duration: absent or empty, it is `None`.
    pub fn optional_duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        doc: Doc,
    ) -> Option<Duration> {
        let (from, to) = (*range.start(), *range.end());
        self.describe(key, ValueKind::Duration { from, to }, String::new(), doc);
        let expected = format!("from {} to {}, such as 5m", duration_text(from), duration_text(to));
        let value = self.value(key, None, &expected, |scalar| scalar.duration(&range).map(Some));
        self.holds(key, value.map_or(Written::Nothing, Written::Duration));
        value
    }

    /// The same, or 0, which is `None`.
    pub fn duration_or_off(
        &mut self,
        key: &'static str,
        default: Option<Duration>,
        range: RangeInclusive<Duration>,
        doc: Doc,
    ) -> Option<Duration> {
        let (from, to) = (*range.start(), *range.end());
        let kind = ValueKind::OrOff(Box::new(ValueKind::Duration { from, to }));
        self.describe(key, kind, default.unwrap_or_default().as_secs_f64().to_string(), doc);
        let (from, to) = (duration_text(from), duration_text(to));
        let expected = format!("from {from} to {to}, such as 12h{OR_OFF}");
        let value = self.value(key, default, &expected, |scalar| match scalar.duration(&range) {
            Err(_) if scalar.is_zero() => Ok(None),
            duration => duration.map(Some),
        });
        self.holds(key, Written::Duration(value.unwrap_or_default()));
        value
    }

    /// A size in `range` such as `5GB`, or 0, which is `None`.
    pub fn size_or_off(
        &mut self,
        key: &'static str,
        default: Option<u64>,
        range: RangeInclusive<u64>,
        doc: Doc,
    ) -> Option<u64> {
        let (from, to) = (*range.start(), *range.end());
        let kind = ValueKind::OrOff(Box::new(ValueKind::Size { from, to }));
        self.describe(key, kind, size_text(default.unwrap_or_default()), doc);
        let expected = format!("from {} to {}, such as 5GB{OR_OFF}", size_text(from), size_text(to));
        let value = self.value(key, default, &expected, |scalar| match scalar.size(&range) {
            Err(_) if scalar.is_zero() => Ok(None),
            size => size.map(Some),
        });
        self.holds(key, value.map_or(Written::Integer(0), |bytes| Written::Text(size_text(bytes))));
        value
    }

    /// An optional volume of traffic in `range`: `1TB` is 10^12 bytes, `1TiB` 2^40. Absent or empty, it is `None`.
    pub fn optional_volume(&mut self, key: &'static str, range: RangeInclusive<u64>, doc: Doc) -> Option<Volume> {
        let (from, to) = (*range.start(), *range.end());
        self.describe(key, ValueKind::Volume { from, to }, String::new(), doc);
        let shown = |bytes| Volume { bytes, is_binary: false };
        let expected = format!("from {} to {}, such as 1TB (10^12 bytes) or 1TiB (2^40)", shown(from), shown(to));
        let value = self.value(key, None, &expected, |scalar| scalar.volume(&range).map(Some));
        self.holds(key, value.map_or(Written::Nothing, |volume| Written::Text(volume.to_string())));
        value
    }

    /// One duration in `range`, or a list of up to [`MAX_DURATIONS`]; none if the word `none` is there instead.
    pub fn durations(
        &mut self,
        key: &'static str,
        default: &[Duration],
        range: RangeInclusive<Duration>,
        none: Option<&'static str>,
        doc: Doc,
    ) -> Vec<Duration> {
        let (from, to) = (*range.start(), *range.end());
        let texts: Vec<String> = default.iter().map(|duration| duration_text(*duration)).collect();
        self.describe(key, ValueKind::Durations { from, to, none }, format!("[{}]", texts.join(", ")), doc);
        let (from, to) = (duration_text(from), duration_text(to));
        let or = none.map(|none| format!(", or `{none}`")).unwrap_or_default();
        let expected = format!("from {from} to {to}, such as 1h, or a list such as [1h, 1d]{or}");
        let is_none = |entry: &Entry| match (&*entry.value.value, none) {
            (Value::Scalar(scalar), Some(none)) => scalar.text.eq_ignore_ascii_case(none),
            _ => false,
        };
        if self.entry(key).is_some_and(is_none) {
            self.ask(key);
            return Vec::new();
        }
        let read = self.one_or_more(key, MAX_DURATIONS, &expected, |scalar| scalar.duration(&range));
        read.unwrap_or_else(|| default.to_vec())
    }

    /// One number above `above` and at most `up_to`, or a list of up to [`MAX_NUMBERS`].
    pub fn numbers(&mut self, key: &'static str, default: &[f64], above: f64, up_to: f64, doc: Doc) -> Vec<f64> {
        let texts: Vec<String> = default.iter().map(f64::to_string).collect();
        self.describe(key, ValueKind::Numbers { above, up_to }, format!("[{}]", texts.join(", ")), doc);
        let expected = format!("{}, or a list of up to {MAX_NUMBERS}", number_expected(above, up_to));
        let read = self.one_or_more(key, MAX_NUMBERS, &expected, |scalar| scalar.number(above, up_to));
        let numbers = read.unwrap_or_else(|| default.to_vec());
        self.holds(key, Written::List(numbers.iter().copied().map(Written::Number).collect()));
        numbers
    }

    /// One value, or a list of at least one and at most `most`; `None`: absent, null, or a list of another length.
    fn one_or_more<T>(
        &mut self,
        key: &'static str,
        most: usize,
        expected: &str,
        mut convert: impl FnMut(&Scalar) -> Result<T, Complaint>,
    ) -> Option<Vec<T>> {
        let entry = self.ask(key).filter(|entry| !entry.value.is_null())?;
        let path = self.path_of(key);
        let Value::List(nodes) = &*entry.value.value else {
            return Some(vec![self.diagnostics.convert(&entry.value, &path, expected, convert)?]);
        };
        if !(1..=most).contains(&nodes.len()) {
            let complaint = Complaint::new(format!("a list of {}", counted(nodes.len(), "item")));
            self.diagnostics.complain(&entry.value, &path, &complaint.expected(expected));
            return None;
        }
        let item = |(place, node)| {
            self.diagnostics.convert(node, &format!("{path}[{place}]"), expected, |scalar| convert(scalar))
        };
        Some(nodes.iter().enumerate().filter_map(item).collect())
    }

    /// A text, empty by default; a number or a boolean without quotes counts as one, too.
    pub fn text(&mut self, key: &'static str, doc: Doc) -> String {
        self.describe(key, ValueKind::Text, doc.default.to_owned(), doc);
        let text = self.value(key, String::new(), "", |scalar| Ok(scalar.text.clone()));
        // The name of a chat may contain a wide space or comma.
        self.warn_of_confusable(key, |found| found.passes_unnoticed() && ![" ", ","].contains(&found.meant));
        text
    }

    /// A text, converted by `parse`. Its default is its type's, which the doc has as a text.
    pub fn parse<T: Default>(
        &mut self,
        key: &'static str,
        doc: Doc,
        mut parse: impl FnMut(&str) -> Result<T, Complaint>,
    ) -> T {
        self.describe(key, ValueKind::Text, doc.default.to_owned(), doc);
        let value = self.value(key, T::default(), "", |scalar| parse(&scalar.text));
        self.warn_of_confusable(key, Confusable::passes_unnoticed);
        value
    }

    /// A time zone by its IANA name; `None`: absent or empty.
    pub fn time_zone(&mut self, key: &'static str, doc: Doc) -> Option<TimeZone> {
        let doc = doc.values("IANA 时区名", "IANA name").pattern("^([A-Za-z][A-Za-z0-9_+/-]*)?$");
        let zone = self.parse(key, doc, time_zone);
        if let Some(text) = zone.as_ref().and_then(time_zone::oddity) {
            self.warning(key, text);
        }
        zone
    }

    /// One of the words in `options`, in upper or lower case; `true` and `false` may be among them.
    pub fn choice<T: Clone + PartialEq>(
        &mut self,
        key: &'static str,
        default: T,
        options: &[(&'static str, T)],
        doc: Doc,
    ) -> T {
        let words: Vec<&'static str> = options.iter().map(|(word, _)| *word).collect();
        let default_word = options.iter().find(|(_, value)| *value == default).map_or("", |(word, _)| word);
        self.describe(key, ValueKind::Choice(words.clone()), default_word.to_owned(), doc);
        let value = self.value(key, default, &words.join(", "), |scalar| {
            let chosen = options.iter().find(|(word, _)| word.eq_ignore_ascii_case(&scalar.text));
            let meant = || meant(nearest(&scalar.text, words.iter().copied()));
            let unknown = || Complaint::new(format!("{} is none of the values{}", quoted(&scalar.text), meant()));
            chosen.map(|(_, value)| value.clone()).ok_or_else(unknown)
        });
        let word = options.iter().find(|(_, option)| *option == value).map_or("", |(word, _)| word);
        self.holds(
            key,
            match word {
                "true" => Written::Boolean(true),
                "false" => Written::Boolean(false),
                word => Written::Text(word.to_owned()),
            },
        );
        value
    }
}

/// Behind the other values of a key.
const OR_OFF: &str = ", or 0: off";

fn number_expected(above: f64, up_to: f64) -> String {
    format!("a number above {above}, up to {up_to}")
}
