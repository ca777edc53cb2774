//! Writes values back as YAML, in the form that people write: durations and numbers without a needless `.0`.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// A key's present value.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    Boolean(bool),
    Integer(u64),
    Number(f64),
    Duration(Duration),
    Text(String),
    List(Vec<Written>),
    /// An item of a list that has keys of its own.
    Section(Box<Values>),
    Nothing,
}

/// The values of a section's keys, in the order in which they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    all: Vec<(&'static str, Written)>,
    judging: Vec<&'static str>,
}

impl Values {
    /// The value of a key, in place of an earlier one.
    pub(super) fn set(&mut self, key: &'static str, value: Written) {
        match self.all.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => self.all.push((key, value)),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Written> {
        self.all.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Keys that decide how readings are judged, and not how they are measured.
    pub(super) fn mark_as_judging(&mut self, keys: &[&'static str]) {
        self.judging.extend_from_slice(keys);
    }

    /// Whether all keys have the same values, except those that decide how to judge.
    pub fn agree_on_work(&self, other: &Values) -> bool {
        let work = |values: &'_ Values| -> Vec<(&'static str, Written)> {
            values.all.iter().filter(|(key, _)| !values.judging.contains(key)).cloned().collect()
        };
        let (one, other) = (work(self), work(other));
        one.len() == other.len()
            && one
                .iter()
                .zip(&other)
                .all(|((key, one), (other_key, other))| key == other_key && one.agrees_on_work(other))
    }
}

impl Written {
    pub fn texts(texts: impl IntoIterator<Item = impl ToString>) -> Written {
        Written::List(texts.into_iter().map(|text| Written::Text(text.to_string())).collect())
    }

    fn agrees_on_work(&self, other: &Written) -> bool {
        match (self, other) {
            (Written::Section(one), Written::Section(other)) => one.agree_on_work(other),
            (Written::List(one), Written::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.agrees_on_work(other))
            }
            (one, other) => one == other,
        }
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.all.iter().map(|(key, value)| (key, value)))
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Written::Boolean(value) => serializer.serialize_bool(*value),
            Written::Integer(value) => serializer.serialize_u64(*value),
            Written::Number(value) => number(value, serializer),
            Written::Duration(value) => seconds(value, serializer),
            Written::Text(text) => serializer.serialize_str(text),
            Written::List(items) => serializer.collect_seq(items),
            Written::Section(values) => values.serialize(serializer),
            Written::Nothing => serializer.serialize_none(),
        }
    }
}

/// Serialises a duration as seconds, without a fraction if it has none.
///
/// # Errors
/// Those of the serializer.
pub fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if duration.subsec_nanos() == 0 {
        serializer.serialize_u64(duration.as_secs())
    } else {
        serializer.serialize_f64(duration.as_secs_f64())
    }
}

/// Serialises a number: a whole one without its fraction.
///
/// # Errors
/// Those of the serializer.
pub fn number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // Whole numbers up to 2^53 are exact.
    if number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(number) {
        serializer.serialize_u64(*number as u64)
    } else {
        serializer.serialize_f64(*number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lists_items_agree_on_work_if_they_differ_in_how_to_judge_alone() {
        let values = |threshold: f64, inodes: f64| {
            let mut item = Values::default();
            item.set("threshold", Written::Number(threshold));
            item.set("inodes", Written::Number(inodes));
            item.mark_as_judging(&["threshold"]);
            let mut values = Values::default();
            values.set("paths", Written::List(vec![Written::Text("/".to_owned()), Written::Section(item.into())]));
            values
        };
        assert!(values(80.0, 90.0).agree_on_work(&values(98.0, 90.0)) && values(80.0, 90.0) != values(98.0, 90.0));
        assert!(!values(80.0, 90.0).agree_on_work(&values(80.0, 0.0)));
    }

    #[test]
    fn whole_values_are_written_without_a_fraction() {
        let mut values = Values::default();
        values.set("whole", Written::Duration(Duration::from_secs(900)));
        values.set("number", Written::Number(80.0));
        values.set("parts", Written::Duration(Duration::from_millis(500)));
        values.set("number", Written::Number(12.5));
        values.set("zero", Written::Number(0.0));
        assert_eq!(
            serde_json::to_value(&values).unwrap(),
            serde_json::json!({"whole": 900, "number": 12.5, "parts": 0.5, "zero": 0})
        );
    }
}
