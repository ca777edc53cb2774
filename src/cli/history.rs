//! `history`: the recorded readings, drawn in the terminal, as CSV or as JSON.

use std::io::BufRead;

use anyhow::Context;
use serde_json::{Value as Json, json};

use super::options::HistoryArgs;
use super::period::Period;
use super::{Error, Options, exit, output, past};
use crate::chart::terminal::{self, Dots, Terminal};
use crate::clock;
use crate::config::Resolved;
use crate::core::rfc3339;
use crate::drawing::{self, Subject};
use crate::history::{Reader, Row, Series};
use crate::message::Language;
use crate::replay::Stored;
use crate::text;

/// Rows of a JSON output that are in memory at once.
const ROWS: usize = 500;

pub fn history(options: &Options, wanted: &HistoryArgs) -> Result<u8, Error> {
    let mut config = Resolved::new(&options.config()?);
    let now = clock::now().wall;
    let period = wanted.period.period("24h", &config.style.zone, now)?;
    let reader = past::open(options)?;
    past::ensure_known(&wanted.metrics, &reader, &config)?;
    let is_wanted =
        |series: &Series| wanted.metrics.is_empty() || drawing::is_named(&wanted.metrics, &drawing::key(series));
    if wanted.csv {
        let (from, to) = (period.from.as_second(), period.to.as_second());
        let mut rows = Stored::new(&reader, is_wanted, from, to).map_err(past::unreadable)?;
        loop {
            let text = std::str::from_utf8(rows.fill_buf().map_err(anyhow::Error::from)?).context("the history")?;
            let length = text.len();
            if length == 0 || !output::print_on(text)? {
                return Ok(exit::DONE);
            }
            rows.consume(length);
        }
    }
    if wanted.json {
        print_objects(&config, &reader, period, is_wanted)?;
        return Ok(exit::DONE);
    }
    let is_utf8 = is_utf8();
    if !is_utf8 {
        config.style.language = Language::English;
    }
    let subject = if wanted.metrics.is_empty() { Subject::Report } else { Subject::Named(wanted.metrics.clone()) };
    let chart = past::chart(&config, &reader, period, subject, now)?;
    let dots = if wanted.ascii || !is_utf8 { Dots::Ascii } else { Dots::Braille };
    output::print(&terminal::draw(&chart, Terminal { dots, ..Terminal::default() }))?;
    Ok(exit::DONE)
}

/// Whether the terminal's locale is UTF-8 (setlocale(3): the first of these that is set).
fn is_utf8() -> bool {
    let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let variable = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(set);
    let locale = variable.and_then(|name| std::env::var(name).ok()).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// An object a line, for each check or summary: as those of `check --json`, without verdicts.
fn print_objects(
    config: &Resolved,
    reader: &Reader,
    period: Period,
    is_wanted: impl Fn(&Series) -> bool,
) -> anyhow::Result<()> {
    let (mut at, to) = (period.from.as_second() - 1, period.to.as_second());
    let level = reader.level(at + 1, to, i64::MAX, i64::MAX).map_err(past::unreadable)?;
    let series: Vec<&Series> = reader.series().iter().filter(|series| is_wanted(series)).collect();
    loop {
        let rows = reader.rows(level, at, to, ROWS).map_err(past::unreadable)?;
        let lines: String = rows.iter().map(|row| object(config, row, level.seconds(), &series)).collect();
        if !output::print_on(&lines)? || rows.len() < ROWS {
            return Ok(());
        }
        at = rows.last().map_or(to, |row| row.time);
    }
}

fn object(config: &Resolved, row: &Row, seconds: i64, series: &[&Series]) -> String {
    let reading = |series: &&Series| {
        let value = row.value(series)?;
        let mut reading = json!({
            "metric": series.metric, "target": series.target, "value": (value.average() * 100.0).round() / 100.0,
        });
        if let Some(unit) = &series.unit {
            reading["unit"] = json!(unit);
        }
        if seconds > 0 {
            (reading["min"], reading["max"], reading["count"]) =
                (json!(value.min), json!(value.max), json!(value.count));
        }
        Some(reading)
    };
    let time =
        jiff::Timestamp::from_second(row.time).map_or(Json::Null, |time| json!(rfc3339(time, &config.style.zone)));
    let mut object = json!({ "schema": 1, "host": config.style.host, "time": time });
    if seconds > 0 {
        object["seconds"] = json!(seconds);
    }
    object["readings"] = series.iter().filter_map(reading).collect();
    format!("{}\n", text::json(&object.to_string()))
}
