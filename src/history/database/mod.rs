//! Writes a batch to the database, in a child that may be killed at any instant.
//!
//! One transaction a batch. `journal_mode=DELETE` because anybody with read permission alone can read it then, and
//! `synchronous=EXTRA` because the journal's removal must reach the disk before a batch is called written
//! (sqlite.org/pragma.html#pragma_synchronous).

mod place;
mod prune;
mod reader;
mod rollup;
mod schema;
mod slots;
mod values;

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};

use super::{Batch, FILE_NAME, Spell};
use crate::files::RealFolder;
use crate::worker::Recorded;

pub use reader::{Level, ReadError, Reader, Row, Series};
pub use values::Summary;

/// A reader may hold a lock for so long. The child's deadline is far longer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A batch touches a tenth of these pages, and the daily look for damage would keep 2 MB, SQLite's default. Changed pages
/// stay in memory beyond it: written before the commit, they would cost more syncs.
const CACHE_KIB: usize = 512;

/// A file that is full is pruned by a tenth, so often at most.
const PRUNINGS: usize = 3;

/// The reason why a batch is not written.
#[derive(Debug)]
enum Fault {
    /// The file is no database any more.
    Damaged(String),
    /// The file has reached its largest size.
    TooLarge,
    Failed(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Damaged(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Fault::Failed(format!("{FILE_NAME} is locked: another program reads it for longer than 5 s"))
            }
            _ => Fault::Failed(format!("{FILE_NAME}: {error}")),
        }
    }
}

/// Writes `batch` to the file in `folder`. A damaged file is set aside, and a new one begun.
///
/// # Errors
/// One line, with the remedy where there is one; nothing of the batch is written then.
pub fn write(folder: &mut RealFolder, batch: &Batch) -> Result<Recorded, String> {
    place::enter(folder)?;
    match attempt(batch) {
        Ok(dropped) => Ok(Recorded { dropped, set_aside: None }),
        Err(Fault::Damaged(why)) => {
            let kept_as = place::set_aside(folder, batch.now)?;
            place::enter(folder)?;
            let dropped = attempt(batch).map_err(told)?;
            Ok(Recorded { dropped, set_aside: Some(format!("{why}; kept as {kept_as}, a new one is begun")) })
        }
        Err(fault) => Err(told(fault)),
    }
}

fn told(fault: Fault) -> String {
    match fault {
        Fault::Damaged(why) | Fault::Failed(why) => why,
        Fault::TooLarge => format!("{FILE_NAME} is as large as history.max_size lets it be: give it more"),
    }
}

/// The number of series without a slot.
fn attempt(batch: &Batch) -> Result<usize, Fault> {
    let mut connection = open(batch)?;
    for _ in 0..PRUNINGS {
        match write_all(&mut connection, batch) {
            Err(Fault::TooLarge) => prune::a_tenth(&mut connection)?,
            written => return written,
        }
    }
    write_all(&mut connection, batch)
}

fn open(batch: &Batch) -> Result<Connection, Fault> {
    // The working folder is the state's. A link in the file's place is not followed.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(FILE_NAME, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA cache_size=-{CACHE_KIB}; PRAGMA cache_spill=OFF;"
    ))?;
    schema::examine(&connection)?;
    if batch.is_checked {
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(Fault::Damaged(found.replace('\n', " ")));
        }
    }
    if let Some(bytes) = batch.limits.max_bytes {
        let page_bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = bytes / u64::from(page_bytes.max(1));
        connection.query_row(&format!("PRAGMA max_page_count={pages}"), [], |_| Ok(()))?;
    }
    Ok(connection)
}

fn write_all(connection: &mut Connection, batch: &Batch) -> Result<usize, Fault> {
    match write_once(connection, batch) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            let count = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
            let is_bound = count("PRAGMA page_count")? + 16 >= count("PRAGMA max_page_count")?;
            Err(if is_bound { Fault::TooLarge } else { error.into() })
        }
        written => Ok(written?),
    }
}

fn write_once(connection: &mut Connection, batch: &Batch) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::create_if_new(&transaction)?;
    let slots = slots::assign(&transaction, batch)?;
    let times: Vec<i64> = batch.rows.iter().map(|(time, _)| *time).collect();
    let mut insert = transaction.prepare("INSERT OR REPLACE INTO raw(t, v) VALUES(?1, ?2)")?;
    for (time, row) in &batch.rows {
        insert.execute(params![time, values::in_slots(row, &slots)])?;
    }
    drop(insert);
    let touched = rollup::renew(&transaction, &times)?;
    write_alerts(&transaction, batch)?;
    prune::what_is_old(&transaction, batch, touched)?;
    transaction.commit()?;
    Ok(slots.iter().filter(|slot| slot.is_none()).count())
}

/// Alerts that the agent does not know any more are over: it may have been killed before it could say so.
fn write_alerts(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare(
        "INSERT INTO alert(metric, target, since, until, level, value) VALUES(?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET until = coalesce(excluded.until, until), level = excluded.level,
         value = coalesce(excluded.value, value)",
    )?;
    for Spell { metric, target, since, until, level, value } in &batch.alerts {
        insert.execute(params![metric, target, since, until, level, value])?;
    }
    let mut select = transaction.prepare("SELECT metric, target, since FROM alert WHERE until IS NULL")?;
    let open = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let open: Vec<(String, String, i64)> = open.collect::<rusqlite::Result<_>>()?;
    let mut end =
        transaction.prepare("UPDATE alert SET until = ?4 WHERE metric = ?1 AND target = ?2 AND since = ?3")?;
    for (metric, target, since) in open {
        let is_it = |spell: &Spell| spell.metric == metric && spell.target == target && spell.since == since;
        if batch.has_every_alert && !batch.alerts.iter().any(is_it) {
            end.execute(params![metric, target, since, batch.now.max(since)])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
