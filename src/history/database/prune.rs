//! Removes old rows, a few rows more than a batch adds: after a long downtime no batch takes long, and a clock that was
//! wrong for an hour costs no more than some hours at the old end.

use rusqlite::{Connection, Transaction, params};

use super::super::Batch;

/// The most names, of containers that came and went, and of alerts that are over.
const MAX_NAMES: i64 = 4_096;
const MAX_ALERTS: i64 = 10_000;

pub(super) fn what_is_old(transaction: &Transaction<'_>, batch: &Batch, summaries: usize) -> rusqlite::Result<()> {
    let limits = &batch.limits;
    let steps = |added: usize| i64::try_from(4 * added + 8).unwrap_or(i64::MAX);
    for (table, kept, added) in [
        ("raw", limits.raw_seconds, batch.rows.len()),
        ("m5", limits.five_minutes_seconds, summaries),
        ("h1", limits.hours_seconds, summaries),
    ] {
        let delete = format!("DELETE FROM {table} WHERE t IN (SELECT t FROM {table} WHERE t < ?1 ORDER BY t LIMIT ?2)");
        transaction.execute(&delete, params![batch.now.saturating_sub(kept), steps(added)])?;
    }
    let oldest = batch.now.saturating_sub(limits.hours_seconds);
    transaction.execute(
        "DELETE FROM series WHERE id IN (SELECT id FROM series WHERE until < ?1 LIMIT 1000) OR id IN \
         (SELECT id FROM series ORDER BY until DESC LIMIT 1000 OFFSET ?2)",
        params![oldest, MAX_NAMES],
    )?;
    transaction.execute(
        "DELETE FROM alert WHERE until < ?1 OR (metric, target, since) IN \
         (SELECT metric, target, since FROM alert ORDER BY since DESC LIMIT 1000 OFFSET ?2)",
        params![oldest, MAX_ALERTS],
    )?;
    Ok(())
}

/// Removes the oldest tenth of everything.
pub(super) fn a_tenth(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for table in ["raw", "m5", "h1"] {
        transaction.execute_batch(&format!(
            "DELETE FROM {table} WHERE t IN (SELECT t FROM {table} ORDER BY t LIMIT (SELECT count(*) / 10 + 1 FROM {table}))"
        ))?;
    }
    transaction.commit()
}
