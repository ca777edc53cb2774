//! Rows as JSON arrays, with numbers as short as they can be.

use std::fmt::Write;

/// The values of a row, each in its slot; one without a slot is left out.
pub(super) fn in_slots(row: &[Option<f64>], slots: &[Option<usize>]) -> String {
    let placed = || row.iter().zip(slots).filter_map(|(value, slot)| Some(((*value)?, (*slot)?)));
    let mut values = vec![None; placed().map(|(_, slot)| slot + 1).max().unwrap_or(0)];
    placed().for_each(|(value, slot)| values[slot] = Some(value));
    array(&values, |text, value| number(text, *value))
}

/// The summary of one slot over some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    pub count: u32,
}

impl Summary {
    pub fn of(values: [f64; 3], count: u32) -> Summary {
        Summary { min: values[0], max: values[2], sum: values[1] * f64::from(count), count }
    }

    pub fn add(into: &mut Option<Summary>, other: Summary) {
        *into = Some(into.map_or(other, |known| Summary {
            min: known.min.min(other.min),
            max: known.max.max(other.max),
            sum: known.sum + other.sum,
            count: known.count + other.count,
        }));
    }
}

/// The summaries of all slots over `checks` checks.
pub(super) fn summaries(slots: &[Option<Summary>], checks: u32) -> String {
    array(slots, |text, summary| {
        let average = (summary.sum / f64::from(summary.count) * 100.0).round() / 100.0;
        text.push('[');
        for value in [summary.min, average, summary.max] {
            number(text, value);
            text.push(',');
        }
        if summary.count != checks {
            let _ = write!(text, "{},", summary.count);
        }
        text.pop();
        text.push(']');
    })
}

fn array<T>(values: &[Option<T>], write: impl Fn(&mut String, &T)) -> String {
    let mut text = String::with_capacity(2 + values.len() * 6);
    text.push('[');
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        match value {
            Some(value) => write(&mut text, value),
            None => text.push_str("null"),
        }
    }
    text.push(']');
    text
}

fn number(text: &mut String, value: f64) {
    // Writing to a text does not fail. Unlike serde_json's, a whole number has no fraction.
    let _ = write!(text, "{value}");
}
