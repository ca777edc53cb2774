//! Reads recorded readings, check by check: CSV or objects of `check --json`, told apart by the first byte.
//!
//! It streams: only one check is in memory, and the name of each series. Any fault ends it, with its line.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Read};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;

use super::csv::{self, HEADER, shown};
use super::objects::{Cut, Objects};
use super::words::Words;
use crate::collect::Plan;
use crate::core::ReadingDocument;
use crate::metric::{Metric, Unit};
use crate::settings::nearest;
use crate::snapshot::{Key, Reading, Value};

const MAX_LINE_BYTES: u64 = 64 * 1024;

/// The longest path (PATH_MAX in limits.h).
const MAX_TARGET_BYTES: usize = 4096;

/// The most different targets.
const MAX_SERIES: usize = 50_000;

/// The reason why the rest of a history cannot be read, with its file and line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadHistory(String);

/// The readings that were recorded at one time.
#[derive(Debug)]
pub struct RecordedCheck {
    pub time: Timestamp,
    pub readings: Vec<Recorded>,
}

/// A reading, and the time that it stands for: since the one before it.
#[derive(Debug)]
pub struct Recorded {
    pub reading: Reading,
    pub stands_for: Duration,
}

/// A history that is read.
pub struct History<R> {
    input: R,
    /// In errors.
    name: String,
    series: AllSeries,
    form: Option<Form>,
    last: Option<Timestamp>,
    /// The line, or the object, that was read last.
    bytes: Vec<u8>,
}

enum Form {
    Csv {
        /// The number of the line that was read last.
        line: u64,
        /// The row behind those of the last check.
        ahead: Option<(Timestamp, Option<Recorded>)>,
    },
    Objects(Objects),
}

impl<R: BufRead> History<R> {
    /// `input` under the name that errors show. The plan says which quantities exist, which of them are measured, and
    /// the expected states of containers.
    pub fn new(input: R, name: impl Into<String>, plan: &Plan) -> History<R> {
        History { input, name: name.into(), series: AllSeries::new(plan), form: None, last: None, bytes: Vec::new() }
    }

    /// The next check; `None` at the end.
    ///
    /// # Errors
    /// Something cannot be read, or is not understood.
    pub fn next_check(&mut self) -> Result<Option<RecordedCheck>, BadHistory> {
        let form = match self.form.take() {
            Some(form) => form,
            None => self.begin()?,
        };
        match form {
            Form::Csv { line, ahead } => self.next_rows(line, ahead),
            Form::Objects(objects) => self.next_object(objects),
        }
    }

    fn begin(&mut self) -> Result<Form, BadHistory> {
        let first = match self.input.fill_buf() {
            Ok(bytes) => bytes.first().copied(),
            Err(error) => return Err(self.unreadable(&error)),
        };
        if first == Some(b'{') {
            return Ok(Form::Objects(Objects::default()));
        }
        if !self.read_line(0)? {
            return Err(BadHistory(format!("{}: it is empty; expected {HEADER}", self.name)));
        }
        let header = self.line(1)?;
        // Spreadsheets begin a file with a byte order mark.
        if header.trim_start_matches('\u{feff}').trim_end().replace(' ', "") != HEADER {
            return Err(self.wrong(1, format!("expected {HEADER}, or objects of `check --json`")));
        }
        Ok(Form::Csv { line: 1, ahead: None })
    }

    fn next_rows(
        &mut self,
        mut line: u64,
        ahead: Option<(Timestamp, Option<Recorded>)>,
    ) -> Result<Option<RecordedCheck>, BadHistory> {
        let mut check: Option<RecordedCheck> =
            ahead.map(|(time, first)| RecordedCheck { time, readings: first.into_iter().collect() });
        while self.read_line(line)? {
            line += 1;
            if self.line(line)?.trim().is_empty() {
                continue;
            }
            let (time, recorded) = self.row(line)?;
            match &mut check {
                Some(check) if check.time == time => check.readings.extend(recorded),
                Some(_) => {
                    self.form = Some(Form::Csv { line, ahead: Some((time, recorded)) });
                    return Ok(check);
                }
                None => check = Some(RecordedCheck { time, readings: recorded.into_iter().collect() }),
            }
        }
        self.form = Some(Form::Csv { line, ahead: None });
        Ok(check)
    }

    /// The row in the line that was read last.
    fn row(&mut self, line: u64) -> Result<(Timestamp, Option<Recorded>), BadHistory> {
        let bytes = std::mem::take(&mut self.bytes);
        let found = std::str::from_utf8(&bytes).map_err(|error| error.to_string()).and_then(|text| {
            let row = csv::row(text.trim_end_matches(['\n', '\r']))?;
            follows(self.last, row.time)?;
            let value = if row.value.is_empty() { Written::Nothing } else { Written::Text(&row.value) };
            Ok((row.time, self.series.take(row.time, &row.metric, &row.target, value)?))
        });
        self.bytes = bytes;
        let (time, recorded) = found.map_err(|error| self.wrong(line, error))?;
        self.last = Some(time);
        Ok((time, recorded))
    }

    fn next_object(&mut self, mut objects: Objects) -> Result<Option<RecordedCheck>, BadHistory> {
        let first_line = match objects.next(&mut self.input, &mut self.bytes) {
            Ok(Some(line)) => line,
            Ok(None) => {
                self.form = Some(Form::Objects(objects));
                return Ok(None);
            }
            Err(Cut::Malformed(line, what)) => return Err(self.wrong(line, what)),
            Err(Cut::Unreadable(error)) => return Err(self.unreadable(&error)),
        };
        let document: Document = serde_json::from_slice(&self.bytes).map_err(|error| {
            let text = error.to_string();
            let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
            self.wrong(first_line + (error.line() as u64).saturating_sub(1), what)
        })?;
        let check = self.check(&document).map_err(|error| self.wrong(first_line, error))?;
        self.form = Some(Form::Objects(objects));
        Ok(Some(check))
    }

    fn check(&mut self, document: &Document) -> Result<RecordedCheck, String> {
        if document.schema != SCHEMA {
            return Err(format!("its schema is {}, and this version reads {SCHEMA}", document.schema));
        }
        let time = csv::time(&document.time)?;
        follows(self.last, time)?;
        self.last = Some(time);
        let mut readings = Vec::new();
        for reading in &document.readings {
            readings.extend(self.series.take(time, &reading.metric, &reading.target, Written::Json(reading))?);
        }
        Ok(RecordedCheck { time, readings })
    }

    /// Reads the line behind the one of this number; `false` at the end.
    fn read_line(&mut self, line: u64) -> Result<bool, BadHistory> {
        self.bytes.clear();
        let read = (&mut self.input).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut self.bytes);
        if let Err(error) = read {
            return Err(self.unreadable(&error));
        }
        if self.bytes.len() as u64 > MAX_LINE_BYTES {
            return Err(self.wrong(line + 1, "the line is longer than 64 KiB"));
        }
        Ok(!self.bytes.is_empty())
    }

    fn line(&self, line: u64) -> Result<&str, BadHistory> {
        std::str::from_utf8(&self.bytes)
            .map_err(|error| self.wrong(line, format!("it is not UTF-8 from byte {} on", error.valid_up_to() + 1)))
    }

    fn wrong(&self, line: u64, what: impl AsRef<str>) -> BadHistory {
        BadHistory(format!("{}:{line}: {}", self.name, what.as_ref()))
    }

    fn unreadable(&self, error: &io::Error) -> BadHistory {
        BadHistory(format!("{}: {error}", self.name))
    }
}

fn follows(last: Option<Timestamp>, time: Timestamp) -> Result<(), String> {
    match last {
        Some(last) if time < last => Err(format!("out of order: {time} comes after {last}")),
        _ => Ok(()),
    }
}

/// The schema of `check --json`.
const SCHEMA: u32 = 1;

/// The fields of an object of `check --json` that a replay needs.
#[derive(Deserialize)]
struct Document {
    schema: u32,
    time: String,
    readings: Vec<ReadingDocument>,
}

/// A value as it is written.
enum Written<'a> {
    /// It could not be measured.
    Nothing,
    Text(&'a str),
    Json(&'a ReadingDocument),
}

/// Every metric and target that was seen.
struct AllSeries {
    /// Each with whether it is measured.
    metrics: Vec<(&'static Metric, bool)>,
    words: Words,
    seen: BTreeMap<&'static Metric, HashMap<Rc<str>, Series>>,
    count: usize,
}

struct Series {
    last_row: Timestamp,
    last_measured: Option<Timestamp>,
}

impl AllSeries {
    fn new(plan: &Plan) -> AllSeries {
        let metrics = plan.metrics().collect();
        AllSeries { metrics, words: Words::new(&plan.docker), seen: BTreeMap::new(), count: 0 }
    }

    /// Takes in a row; `None` if it could not be measured, or is not to be.
    fn take(
        &mut self,
        time: Timestamp,
        name: &str,
        target: &str,
        value: Written<'_>,
    ) -> Result<Option<Recorded>, String> {
        let found = self.metrics.iter().find(|(metric, _)| metric.name == name);
        let Some((metric, is_measured)) = found.copied() else {
            let names = self.metrics.iter().map(|(metric, _)| metric.name);
            let meant = match nearest(name, names.clone()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("expected one of {}", names.collect::<Vec<_>>().join(", ")),
            };
            return Err(format!("there is no metric `{}`; {meant}", shown(name)));
        };
        // Taken for a reading that failed, a value in the wrong column would be a month without alerts.
        if matches!(value, Written::Nothing) && !metric.is_of_docker() && csv::number(target).is_ok() {
            let target = shown(target);
            return Err(format!("`{target}` is in the column of the target, and the value is empty"));
        }
        if target.len() > MAX_TARGET_BYTES {
            return Err(format!("the target `{}…` is longer than {MAX_TARGET_BYTES} bytes", shown(target)));
        }
        let key = Key::new(metric, self.target(metric, target, time)?);
        let mean = match value {
            Written::Json(ReadingDocument { mean: Some(Json::Number(mean)), .. }) => mean.as_f64(),
            _ => None,
        };
        let mean = mean.map(|mean| possible(&key, mean)).transpose()?;
        let Some(value) = self.value(&key, value)? else { return Ok(None) };
        let series = self.seen.get_mut(metric).and_then(|targets| targets.get_mut(target));
        let before = series.and_then(|series| series.last_measured.replace(time));
        let stands_for = before.and_then(|before| time.duration_since(before).try_into().ok()).unwrap_or_default();
        Ok(is_measured.then_some(Recorded { reading: Reading { mean, ..Reading::new(key, value) }, stands_for }))
    }

    /// The target, under the one copy of its name.
    fn target(&mut self, metric: &'static Metric, target: &str, time: Timestamp) -> Result<Rc<str>, String> {
        let targets = self.seen.entry(metric).or_default();
        if let Some(series) = targets.get_mut(target) {
            if series.last_row == time {
                let key = Key::new(metric, shown(target));
                return Err(format!("{key} is there twice at {time}"));
            }
            series.last_row = time;
            return Ok(targets.get_key_value(target).map_or_else(|| target.into(), |(known, _)| known.clone()));
        }
        if self.count == MAX_SERIES {
            return Err(format!("more than {MAX_SERIES} different targets"));
        }
        self.count += 1;
        let known: Rc<str> = target.into();
        targets.insert(known.clone(), Series { last_row: time, last_measured: None });
        Ok(known)
    }

    fn value(&mut self, key: &Key, value: Written<'_>) -> Result<Option<Value>, String> {
        let is_word = key.metric.unit == Unit::Word;
        let value = match value {
            Written::Nothing => return Ok(None),
            Written::Text(word) if is_word => return Ok(self.words.read(key, word)?.map(Value::from)),
            Written::Text(number) => Value::Number(possible(key, csv::number(number)?)?),
            Written::Json(reading) => match (&reading.value, reading.used_bytes.zip(reading.total_bytes)) {
                (Json::Null, _) => return Ok(None),
                (Json::String(word), _) if is_word => Value::from(self.words.judged(key, word, reading)?),
                (Json::Number(number), sizes) if !is_word => {
                    let number = possible(key, number.as_f64().ok_or("a number is out of range")?)?;
                    sizes.map_or(Value::Number(number), |(used_bytes, total_bytes)| Value::Usage {
                        percent: number,
                        used_bytes,
                        total_bytes,
                    })
                }
                _ => return Err(format!("the value of {key} is {}", if is_word { "no word" } else { "no number" })),
            },
        };
        Ok(Some(value))
    }
}

/// A share is told with one decimal: what a sum of fractions is off by less is rounded away.
const MAX_ROUNDED: f64 = 0.05;

/// A number that its quantity can have. An export with a mistake would make alerts of it, or hide them.
fn possible(key: &Key, number: f64) -> Result<f64, String> {
    let (most, expected) = match key.metric.unit {
        Unit::Percent if !key.metric.can_exceed => (100.0, "0 to 100"),
        Unit::Percent | Unit::Mbps | Unit::Count => (f64::INFINITY, "0 or more"),
        Unit::Hours | Unit::Number | Unit::Word => return Ok(number),
    };
    if (-MAX_ROUNDED..=most + MAX_ROUNDED).contains(&number) {
        return Ok(number.clamp(0.0, most));
    }
    let key = Key::new(key.metric, shown(&key.target));
    Err(format!("{number} is no value of {key}; expected {expected}, or nothing where it is not known"))
}
