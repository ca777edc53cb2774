//! The tables, and the views for people.

use rusqlite::{Connection, Transaction};

use super::super::FILE_NAME;
use super::Fault;

/// `vpsm`, for file(1): the file is this program's.
const APPLICATION_ID: i64 = 0x7670_736d;

/// The version of the tables. A file of a newer one is refused.
const VERSION: i64 = 1;

/// A row a check: its values as a JSON array, each in the slot of its series. A summary has `[min, average, max]` in a slot,
/// and the number of its values behind that where it is not `n`, that of the checks.
const TABLES: &str = "
CREATE TABLE series(id INTEGER PRIMARY KEY, slot INTEGER NOT NULL, metric TEXT NOT NULL, target TEXT NOT NULL,
    unit TEXT, since INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE TABLE raw(t INTEGER PRIMARY KEY, v TEXT NOT NULL);
CREATE TABLE m5(t INTEGER PRIMARY KEY, n INTEGER NOT NULL, v TEXT NOT NULL);
CREATE TABLE h1(t INTEGER PRIMARY KEY, n INTEGER NOT NULL, v TEXT NOT NULL);
CREATE TABLE alert(metric TEXT NOT NULL, target TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, level TEXT NOT NULL,
    value REAL, PRIMARY KEY(metric, target, since)) WITHOUT ROWID;
CREATE VIEW reading AS
    SELECT t, datetime(t, 'unixepoch') AS utc, metric, target, unit, json_extract(v, '$[' || slot || ']') AS value
    FROM series CROSS JOIN raw ON t BETWEEN since AND until
    WHERE json_extract(v, '$[' || slot || ']') IS NOT NULL;
";

fn summary_view(name: &str, table: &str, seconds: i64) -> String {
    let at = |place: u8| format!("json_extract(v, '$[' || slot || '][{place}]')");
    format!(
        "CREATE VIEW {name} AS SELECT t, datetime(t, 'unixepoch') AS utc, metric, target, unit, {} AS min, {} AS avg, \
         {} AS max, coalesce({}, n) AS count FROM series CROSS JOIN {table} ON t BETWEEN since - {seconds} + 1 AND until \
         WHERE {} IS NOT NULL;",
        at(0),
        at(1),
        at(2),
        at(3),
        at(0)
    )
}

/// Refuses another program's file, and a newer version's: neither is touched.
pub(super) fn examine(connection: &Connection) -> Result<(), Fault> {
    let (application, version) = ids(connection)?;
    if application != APPLICATION_ID && (application != 0 || version != 0 || has_tables(connection)?) {
        return Err(Fault::Failed(format!("{FILE_NAME} is another program's database: move it away")));
    }
    if version > VERSION {
        let why =
            format!("{FILE_NAME} is of a newer vps-monitor (version {version}): install that again, or move it away");
        return Err(Fault::Failed(why));
    }
    Ok(())
}

/// Whether the tables are there: a file is empty until its first batch.
pub(super) fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(ids(connection)?.1 > 0)
}

pub(super) fn create_if_new(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    if ids(transaction)?.1 >= VERSION {
        return Ok(());
    }
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(&summary_view("reading_5min", "m5", 300))?;
    transaction.execute_batch(&summary_view("reading_hour", "h1", 3600))?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)
}

fn ids(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((pragma("application_id")?, pragma("user_version")?))
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) > 0 FROM sqlite_schema", [], |row| row.get(0))
}
