//! Summaries of five minutes and of an hour, computed anew from the level below for all times that a batch touches.

use std::collections::BTreeSet;

use rusqlite::{Transaction, params};

use super::values::{Summary, summaries};

pub(super) const FIVE_MINUTES: i64 = 300;
pub(super) const HOUR: i64 = 3600;

/// Returns the number of summaries.
pub(super) fn renew(transaction: &Transaction<'_>, times: &[i64]) -> rusqlite::Result<usize> {
    let begins = |seconds: i64| -> BTreeSet<i64> { times.iter().map(|time| time - time.rem_euclid(seconds)).collect() };
    let mut count = 0;
    for (table, from, seconds) in [("m5", "raw", FIVE_MINUTES), ("h1", "m5", HOUR)] {
        let checks = if from == "raw" { "1" } else { "n" };
        let mut select = transaction.prepare(&format!("SELECT {checks}, v FROM {from} WHERE t >= ?1 AND t < ?2"))?;
        let mut insert = transaction.prepare(&format!("INSERT OR REPLACE INTO {table}(t, n, v) VALUES(?1, ?2, ?3)"))?;
        for begin in begins(seconds) {
            let (mut slots, mut checks) = (Vec::new(), 0);
            let mut rows = select.query(params![begin, begin + seconds])?;
            while let Some(row) = rows.next()? {
                let n: u32 = row.get(0)?;
                checks += n;
                add(&mut slots, n, row.get_ref(1)?.as_str().unwrap_or_default());
            }
            insert.execute(params![begin, checks, summaries(&slots, checks)])?;
            count += 1;
        }
    }
    Ok(count)
}

/// Adds a row, whose slots have a number or a summary over `checks`. A row that somebody else wrote counts for nothing.
fn add(slots: &mut Vec<Option<Summary>>, checks: u32, text: &str) {
    let values: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    if slots.len() < values.len() {
        slots.resize(values.len(), None);
    }
    for (slot, value) in slots.iter_mut().zip(&values) {
        if let Some(number) = value.as_f64() {
            Summary::add(slot, Summary::of([number; 3], 1));
        } else if let Some(parts) = value.as_array() {
            let part = |place: usize| parts.get(place)?.as_f64();
            if let (Some(min), Some(average), Some(max)) = (part(0), part(1), part(2)) {
                let count = parts.get(3).and_then(|count| u32::try_from(count.as_u64()?).ok()).unwrap_or(checks);
                Summary::add(slot, Summary::of([min, average, max], count.max(1)));
            }
        }
    }
}
