//! Summaries of five minutes and of an hour, computed anew from the level below for all times that a batch touches.

use std::collections::BTreeSet;

use rusqlite::{Transaction, params};

use super::values::{Summary, of_row, summaries};

pub(super) const FIVE_MINUTES: i64 = 300;
pub(super) const HOUR: i64 = 3600;

/// Returns the number of summaries.
pub(super) fn renew(transaction: &Transaction<'_>, times: &[i64]) -> rusqlite::Result<usize> {
    let begins = |seconds: i64| -> BTreeSet<i64> { times.iter().map(|time| time - time.rem_euclid(seconds)).collect() };
    let mut count = 0;
    for (table, from, seconds) in [("m5", "raw", FIVE_MINUTES), ("h1", "m5", HOUR)] {
        let checks = if from == "raw" { "1" } else { "n" };
        let mut select = transaction.prepare(&format!("SELECT {checks}, v FROM {from} WHERE t >= ?1 AND t < ?2"))?;
        // After a jump of the clock some rows of a time may be gone, whose summary says more than the rest would.
        let mut insert = transaction.prepare(&format!(
            "INSERT INTO {table}(t, n, v) VALUES(?1, ?2, ?3) \
             ON CONFLICT(t) DO UPDATE SET n = excluded.n, v = excluded.v WHERE excluded.n >= n"
        ))?;
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

/// Adds a row, whose slots have a number or a summary over `checks` checks.
fn add(slots: &mut Vec<Option<Summary>>, checks: u32, text: &str) {
    let row = of_row(text, checks);
    if slots.len() < row.len() {
        slots.resize(row.len(), None);
    }
    for (slot, value) in slots.iter_mut().zip(row) {
        if let Some(value) = value {
            Summary::add(slot, value);
        }
    }
}
