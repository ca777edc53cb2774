//! Rows as JSON arrays, with numbers as short as they can be.

use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// The values of a row, each in its slot; one without a slot is left out.
pub(super) fn in_slots(row: &[Option<f64>], slots: &[Option<usize>]) -> String {
    let placed = || row.iter().zip(slots).filter_map(|(value, slot)| Some(((*value)?, (*slot)?)));
    let mut values = vec![None; placed().map(|(_, slot)| slot + 1).max().unwrap_or(0)];
    placed().for_each(|(value, slot)| values[slot] = Some(value));
    array(&values, |text, value| number(text, *value))
}

/// The values of one slot over some time; of a single check its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    pub count: u32,
}

impl Summary {
    pub(super) fn of(values: [f64; 3], count: u32) -> Summary {
        Summary { min: values[0], max: values[2], sum: values[1] * f64::from(count), count }
    }

    pub fn average(&self) -> f64 {
        self.sum / f64::from(self.count)
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
        let average = (summary.average() * 100.0).round() / 100.0;
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

/// The slots of a row over `checks` checks. One that somebody else wrote counts for nothing.
pub(super) fn of_row(text: &str, checks: u32) -> Vec<Option<Summary>> {
    let slots: Vec<Option<Slot>> = serde_json::from_str(text).unwrap_or_default();
    let summary = |slot: Slot| match slot {
        Slot { numbers, count: 1 } => Some(Summary::of([numbers[0]; 3], 1)),
        Slot { numbers: [min, average, max, _], count: 3 } => Some(Summary::of([min, average, max], checks.max(1))),
        Slot { numbers: [min, average, max, n], count: 4 } => Some(Summary::of([min, average, max], (n as u32).max(1))),
        Slot { .. } => None,
    };
    slots.into_iter().map(|slot| slot.and_then(summary)).collect()
}

/// A number, or the numbers of a summary, without memory of their own: there are hundreds of thousands.
struct Slot {
    numbers: [f64; 4],
    count: usize,
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Slot, D::Error> {
        deserializer.deserialize_any(SlotVisitor)
    }
}

struct SlotVisitor;

impl<'de> Visitor<'de> for SlotVisitor {
    type Value = Slot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or an array of numbers")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Slot, E> {
        Ok(Slot { numbers: [number; 4], count: 1 })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Slot, E> {
        Ok(Slot { numbers: [number as f64; 4], count: 1 })
    }

    fn visit_i64<E>(self, number: i64) -> Result<Slot, E> {
        Ok(Slot { numbers: [number as f64; 4], count: 1 })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Slot, A::Error> {
        let mut slot = Slot { numbers: [0.0; 4], count: 0 };
        while let Some(number) = numbers.next_element::<f64>()? {
            if let Some(place) = slot.numbers.get_mut(slot.count) {
                *place = number;
            }
            slot.count += 1;
        }
        // An array of one number is no summary.
        slot.count = if slot.count == 1 { 0 } else { slot.count };
        Ok(slot)
    }
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
