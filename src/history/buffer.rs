//! Rows that are not written yet, within bounds: a store that is stuck costs the oldest of them, which are counted.

use std::collections::VecDeque;

use crate::snapshot::{Key, Reading, Value};

use super::MAX_SERIES;

/// So many values are a batch, though its time has not come: 32 KB.
pub const BATCH_VALUES: usize = 8_000;

/// More are not kept while nothing can be written.
const MAX_VALUES: usize = 2 * BATCH_VALUES;

/// The bound of a batch's rows as text. An order is to fit into a pipe's 64 KiB, with the names of its series.
const MAX_TEXT_BYTES: usize = 44 * 1024;

/// About the length of a value, and of a row without its values.
const VALUE_TEXT_BYTES: usize = 7;
const ROW_TEXT_BYTES: usize = 14;

/// Rows in the order in which they were measured.
#[derive(Debug, Default)]
pub struct Buffer {
    /// The series of each place in a row.
    keys: Vec<Key>,
    rows: VecDeque<Row>,
    values: usize,
    lost: u64,
}

/// The values of a check; NaN where there is none.
#[derive(Debug)]
struct Row {
    second: i64,
    values: Box<[f32]>,
}

impl Buffer {
    /// Takes in the readings of a check.
    pub fn take(&mut self, second: i64, readings: &[Reading]) {
        let mut values = Vec::with_capacity(self.keys.len().max(readings.len().min(MAX_SERIES)));
        values.resize(self.keys.len(), f32::NAN);
        let (mut next, mut found) = (0, 0);
        for reading in readings {
            let Some(number) = number(&reading.value) else { continue };
            // Readings come in the same order at each check. A crowd of containers is not searched for one by one.
            let Some(place) = self.place(&reading.key, next) else {
                if found >= MAX_SERIES {
                    break;
                }
                continue;
            };
            next = place + 1;
            found += 1;
            if place >= values.len() {
                values.resize(place + 1, f32::NAN);
            }
            values[place] = number as f32;
        }
        if found > 0 {
            self.values += values.len();
            self.rows.push_back(Row { second, values: values.into() });
        }
        while self.values > MAX_VALUES && self.rows.len() > 1 {
            self.drop_first();
            self.lost += 1;
        }
    }

    /// The place of a series, which is likely to be `expected`; `None`: there are too many.
    fn place(&mut self, key: &Key, expected: usize) -> Option<usize> {
        if self.keys.get(expected) == Some(key) {
            return Some(expected);
        }
        if let Some(place) = self.keys.iter().position(|known| known == key) {
            return Some(place);
        }
        (self.keys.len() < MAX_SERIES).then(|| {
            self.keys.push(key.clone());
            self.keys.len() - 1
        })
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a batch is full.
    pub fn is_full(&self) -> bool {
        self.values >= BATCH_VALUES
    }

    /// The number of rows that were given up since the last call.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Metric, target and unit of each place in a row.
    pub fn series(&self) -> Vec<(String, String, Option<String>)> {
        let unit = |key: &Key| key.metric.unit.name().map(str::to_owned);
        self.keys.iter().map(|key| (key.metric.name.to_owned(), key.target.to_string(), unit(key))).collect()
    }

    /// The oldest rows, as many as an order holds.
    pub fn oldest(&self) -> Vec<(i64, Vec<Option<f64>>)> {
        let mut bytes = 0;
        let fits = |row: &&Row| {
            let is_first = bytes == 0;
            bytes += ROW_TEXT_BYTES + row.values.len() * VALUE_TEXT_BYTES;
            is_first || bytes <= MAX_TEXT_BYTES
        };
        let rows = self.rows.iter().take_while(fits);
        rows.map(|row| (row.second, row.values.iter().map(|value| rounded(*value)).collect())).collect()
    }

    /// These of the oldest rows are written: those up to the second of the last one.
    pub fn written(&mut self, count: usize) {
        for _ in 0..count.min(self.rows.len()) {
            self.drop_first();
        }
        // The next rows find the series of their own time.
        if self.rows.is_empty() {
            *self = Buffer { lost: self.lost, ..Buffer::default() };
        }
    }

    fn drop_first(&mut self) {
        self.values -= self.rows.pop_front().map_or(0, |row| row.values.len());
    }
}

/// A condition is 1 while it is well and 0 while it is not; undecided, it is unknown.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Container(word) => word.well.map(|well| f64::from(u8::from(well))),
        value => value.number(),
    }
}

/// Two decimals are more than anybody reads.
fn rounded(value: f32) -> Option<f64> {
    value.is_finite().then(|| (f64::from(value) * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;
    use crate::snapshot::ContainerWord;

    fn memory(percent: f64) -> Reading {
        Reading::new(Key::whole(metric::MEMORY), Value::Number(percent))
    }

    fn container(name: &str, well: Option<bool>) -> Reading {
        let word = ContainerWord { well, ..ContainerWord::new("running", "running") };
        Reading::new(Key::new(metric::CONTAINER_STATE, name), word.into())
    }

    #[test]
    fn a_row_has_what_was_measured_and_nothing_where_nothing_was() {
        let mut buffer = Buffer::default();
        buffer.take(60, &[memory(21.834_567), container("web", Some(true))]);
        buffer.take(120, &[container("db", None), container("web", Some(false))]);
        buffer.take(180, &[]);
        assert_eq!(buffer.oldest(), [(60, vec![Some(21.83), Some(1.0)]), (120, vec![None, Some(0.0)])]);
        assert_eq!(buffer.series()[1], ("container_state".to_owned(), "web".to_owned(), None));
        buffer.written(2);
        assert!(buffer.is_empty() && buffer.series().is_empty());
    }

    #[test]
    fn of_more_than_two_batches_the_oldest_rows_are_given_up_and_counted() {
        let mut buffer = Buffer::default();
        for second in 0..20_000 {
            buffer.take(second, &[memory(1.0)]);
        }
        assert_eq!((buffer.len(), buffer.take_lost(), buffer.take_lost()), (MAX_VALUES, 4_000, 0));
        assert!(buffer.is_full());
        let oldest = buffer.oldest();
        assert_eq!(oldest[0].0, 4_000);
        assert!(serde_json::to_string(&oldest).unwrap().len() <= MAX_TEXT_BYTES);
    }

    #[test]
    fn of_a_crowd_of_containers_the_first_are_kept() {
        let crowd: Vec<Reading> = (0..10_000).map(|number| container(&number.to_string(), Some(true))).collect();
        let mut buffer = Buffer::default();
        buffer.take(0, &crowd);
        buffer.take(60, &crowd);
        assert_eq!((buffer.series().len(), buffer.oldest()[1].1.len()), (MAX_SERIES, MAX_SERIES));
    }
}
