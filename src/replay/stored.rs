//! The agent's own history as the CSV that a replay reads, in pieces: only some rows are in memory.

use std::fmt::Write;
use std::io::{self, BufRead, Read};

use super::csv::HEADER;
use crate::history::{Level, ReadError, Reader, Series};

/// Checks, or summaries, that are read at once.
const ROWS: usize = 500;

/// The text of a history from one time up to another.
pub struct Stored<'a> {
    reader: &'a Reader,
    level: Level,
    /// Of those that were asked for.
    series: Vec<&'a Series>,
    /// The rows so far reach up to here.
    at: i64,
    to: i64,
    text: String,
    taken: usize,
}

impl<'a> Stored<'a> {
    /// At the finest level that reaches back to `from`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn new(
        reader: &'a Reader,
        is_wanted: impl Fn(&Series) -> bool,
        from: i64,
        to: i64,
    ) -> Result<Stored<'a>, ReadError> {
        let level = reader.level(from, to, i64::MAX, i64::MAX)?;
        let series = reader.series().iter().filter(|series| is_wanted(series)).collect();
        // A row at the beginning itself is one of them.
        Ok(Stored { reader, level, series, at: from - 1, to, text: format!("{HEADER}\n"), taken: 0 })
    }

    /// Reads on when all was taken.
    fn fill(&mut self) -> Result<(), ReadError> {
        while self.taken == self.text.len() && self.at < self.to {
            (self.taken, self.at) = (0, self.read_on()?);
        }
        Ok(())
    }

    /// Returns the time up to which the text is.
    fn read_on(&mut self) -> Result<i64, ReadError> {
        self.text.clear();
        let rows = self.reader.rows(self.level, self.at, self.to, ROWS)?;
        for row in &rows {
            for series in &self.series {
                if let Some(value) = row.value(series) {
                    let number = (value.average() * 100.0).round() / 100.0;
                    // Writing to a text does not fail.
                    let _ = writeln!(
                        self.text,
                        "{},{},{},{number}",
                        row.time,
                        field(&series.metric),
                        field(&series.target)
                    );
                }
            }
        }
        Ok(if rows.len() < ROWS { self.to } else { rows.last().map_or(self.to, |row| row.time) })
    }
}

/// A field as RFC 4180 has it. A line break, which a replay does not read inside quotes, is a blank.
fn field(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.contains([',', '"']) || text != text.trim() { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

impl BufRead for Stored<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill().map_err(io::Error::other)?;
        Ok(&self.text.as_bytes()[self.taken..])
    }

    fn consume(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.text.len());
    }
}

impl Read for Stored<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
