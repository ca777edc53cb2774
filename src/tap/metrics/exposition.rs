//! Metrics as text, in Prometheus' format 0.0.4 (exposition_formats.md of prometheus/docs). Pure.
//!
//! Series are sorted, and none is there twice: a reader would drop the whole text. A number that is not finite is no
//! reading, and has no line.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::text;

/// The beginning of every name. Those of other programs cannot be the same.
const PREFIX: &str = "vps_monitor_";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    Counter,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        }
    }
}

/// All metrics of a page, by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Families(BTreeMap<String, Family>);

#[derive(Clone, Debug, PartialEq)]
struct Family {
    help: String,
    kind: Kind,
    /// By target, and the labels as they are written.
    series: BTreeMap<(Rc<str>, String), f64>,
}

impl Families {
    /// Sets the value of a series. `name` comes behind the prefix.
    pub fn set(&mut self, name: &str, help: &str, kind: Kind, labels: &Labels<'_>, value: f64) {
        if !value.is_finite() {
            return;
        }
        let family = self.0.entry(name_of(name)).or_insert_with(|| Family {
            help: help.to_owned(),
            kind,
            series: BTreeMap::new(),
        });
        family.series.insert((labels.target.clone(), labels.written()), value);
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.set(name, help, Kind::Gauge, &Labels::default(), value);
    }

    /// Forgets all series of `target` in the metrics whose name `is_it`.
    pub fn forget(&mut self, target: &str, is_it: impl Fn(&str) -> bool) {
        let of_it = self.0.iter_mut().filter(|(name, _)| is_it(name.strip_prefix(PREFIX).unwrap_or(name)));
        of_it.for_each(|(_, family)| family.series.retain(|(of, _), _| **of != *target));
        self.0.retain(|_, family| !family.series.is_empty());
    }

    /// Appends them to `into`.
    pub fn write(&self, into: &mut String) {
        for (name, Family { help, kind, series }) in &self.0 {
            into.extend(["# HELP ", name, " ", &escaped_help(help), "\n# TYPE ", name, " ", kind.name(), "\n"]);
            for ((_, labels), value) in series {
                into.extend([name, labels, " ", &value.to_string(), "\n"]);
            }
        }
    }
}

/// The labels of a series.
#[derive(Clone, Debug, Default)]
pub struct Labels<'a> {
    /// The subject, if the host has several of its kind; empty: no label.
    pub target: Rc<str>,
    /// Names are fixed words; an empty value is the same as no label.
    pub others: &'a [(&'static str, &'a str)],
}

impl<'a> Labels<'a> {
    pub fn of(target: &Rc<str>) -> Labels<'a> {
        Labels { target: Rc::clone(target), others: &[] }
    }

    #[must_use]
    pub fn with(self, others: &'a [(&'static str, &'a str)]) -> Labels<'a> {
        Labels { others, ..self }
    }

    /// `{target="/",severity="warning"}`, or nothing.
    fn written(&self) -> String {
        let all = [("target", &*self.target)].into_iter().chain(self.others.iter().copied());
        let all: Vec<String> = all
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}=\"{}\"", escaped_value(value)))
            .collect();
        if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
    }
}

/// A name that Prometheus takes, whatever a quantity is called.
fn name_of(name: &str) -> String {
    let fitting = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '_' };
    PREFIX.chars().chain(name.chars().map(fitting)).collect()
}

/// The format takes any character but these three as it is; hidden ones are shown by their numbers, for people and for
/// parsers that end at a zero.
fn escaped_value(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in text::shown(value).chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            c => escaped.push(c),
        }
    }
    escaped
}

fn escaped_help(help: &str) -> String {
    text::shown(help).replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(families: &Families) -> String {
        let mut text = String::new();
        families.write(&mut text);
        text
    }

    #[test]
    fn series_of_one_name_stand_together_below_its_help_and_type() {
        let mut families = Families::default();
        let root = Labels::of(&"/".into());
        families.set("disk_used_ratio", "Disk: the used share", Kind::Gauge, &root, 0.852);
        families.gauge("connections", "Connections", 156.0);
        families.set("disk_used_ratio", "Disk: the used share", Kind::Gauge, &Labels::of(&"/data".into()), 1.0);
        families.set("checks_total", "Checks", Kind::Counter, &Labels::default(), 12.0);
        assert_eq!(
            written(&families),
            "# HELP vps_monitor_checks_total Checks\n\
             # TYPE vps_monitor_checks_total counter\n\
             vps_monitor_checks_total 12\n\
             # HELP vps_monitor_connections Connections\n\
             # TYPE vps_monitor_connections gauge\n\
             vps_monitor_connections 156\n\
             # HELP vps_monitor_disk_used_ratio Disk: the used share\n\
             # TYPE vps_monitor_disk_used_ratio gauge\n\
             vps_monitor_disk_used_ratio{target=\"/\"} 0.852\n\
             vps_monitor_disk_used_ratio{target=\"/data\"} 1\n"
        );
        families.forget("/data", |name| name.starts_with("disk_"));
        families.forget("", |name| name == "connections");
        assert!(!written(&families).contains("/data") && !written(&families).contains("connections"));
        assert!(written(&families).contains("{target=\"/\"} 0.852"));
    }

    #[test]
    fn a_series_is_there_once_and_a_number_that_is_none_never() {
        let mut families = Families::default();
        for value in [1.0, f64::NAN, 2.0, f64::INFINITY] {
            families.gauge("load", "Load", value);
        }
        families.gauge("other", "Other", f64::NAN);
        assert_eq!(written(&families).lines().last(), Some("vps_monitor_load 2"));
        assert!(!written(&families).contains("other"));
    }

    #[test]
    fn foreign_text_changes_neither_a_name_nor_a_label_nor_a_line() {
        let mut families = Families::default();
        let target = Labels::of(&"a\"b\\c\nd\0e} 1".into());
        families.set("mail-queue\n", "a\nb\\c", Kind::Gauge, &target.with(&[("state", ""), ("unit", "组")]), 1.0);
        assert_eq!(
            written(&families).lines().collect::<Vec<_>>(),
            [
                "# HELP vps_monitor_mail_queue_ a\\\\u{a}b\\\\c",
                "# TYPE vps_monitor_mail_queue_ gauge",
                "vps_monitor_mail_queue_{target=\"a\\\"b\\\\c\\\\u{a}d\\\\u{0}e} 1\",unit=\"组\"} 1",
            ]
        );
    }

    proptest! {
        #[test]
        fn whatever_a_target_is_called_it_makes_one_line(target in "\\PC{0,40}|[\"\\\\{}\n\r\0 ]{0,9}", value: f64) {
            let mut families = Families::default();
            families.set("disk", "Disk", Kind::Gauge, &Labels::of(&target.as_str().into()), value);
            let text = written(&families);
            prop_assert_eq!(text.lines().count(), if value.is_finite() { 3 } else { 0 }, "{}", text);
            prop_assert!(text.is_empty() || text.ends_with('\n'));
        }
    }
}
