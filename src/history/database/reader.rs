//! Reads the store, for a command or for a child that draws. It writes nothing, and it waits for a writer for as long as
//! that waits for a reader.

use std::io;

use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::super::{FILE_NAME, Spell};
use super::rollup::{FIVE_MINUTES, HOUR};
use super::values::{Summary, of_row};
use super::{BUSY_TIMEOUT, Fault, place, schema};
use crate::files::RealFolder;

/// The reason why nothing is read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no store, or nothing was written to it yet.
    #[error("there is no history yet")]
    Absent,
    /// Only its owner may read it.
    #[error("{0}")]
    Denied(io::Error),
    /// With the remedy, where there is one.
    #[error("{0}")]
    Failed(String),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> ReadError {
        ReadError::Failed(match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => format!(
                "{FILE_NAME} is damaged ({error}): the agent sets it aside at its next daily check and begins a new one"
            ),
            Some(ErrorCode::NotADatabase) => {
                format!(
                    "{FILE_NAME} is damaged ({error}): the agent sets it aside at its next batch and begins a new one"
                )
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                format!("{FILE_NAME} is being written for longer than 5 s: try again")
            }
            // An unfinished batch is rolled back by whoever may write.
            Some(ErrorCode::ReadOnly) => {
                format!("{FILE_NAME} has an unfinished batch, which only its owner can take back: read it as root")
            }
            _ => format!("{FILE_NAME}: {error}"),
        })
    }
}

/// The tables, from the finest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Raw,
    FiveMinutes,
    Hour,
}

impl Level {
    const ALL: [Level; 3] = [Level::Raw, Level::FiveMinutes, Level::Hour];

    /// How long a row is of; of a single check nothing.
    pub const fn seconds(self) -> i64 {
        match self {
            Level::Raw => 0,
            Level::FiveMinutes => FIVE_MINUTES,
            Level::Hour => HOUR,
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Level::Raw => "raw",
            Level::FiveMinutes => "m5",
            Level::Hour => "h1",
        }
    }
}

/// One series for as long as it had its slot.
#[derive(Clone, Debug)]
pub struct Series {
    pub metric: String,
    pub target: String,
    pub unit: Option<String>,
    slot: usize,
    since: i64,
    until: i64,
}

/// All values of a check, or of a summary that begins at `time`.
#[derive(Debug)]
pub struct Row {
    pub time: i64,
    seconds: i64,
    slots: Vec<Option<Summary>>,
}

impl Row {
    /// `None`: it was not measured.
    pub fn value(&self, series: &Series) -> Option<Summary> {
        let is_of_it = series.since - (self.seconds - 1).max(0) <= self.time && self.time <= series.until;
        self.slots.get(series.slot).copied().flatten().filter(|_| is_of_it)
    }
}

/// An open store.
pub struct Reader {
    connection: Connection,
    series: Vec<Series>,
}

impl Reader {
    /// Opens the store in `folder`, which becomes the working folder.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(folder: &RealFolder) -> Result<Reader, ReadError> {
        place::enter_to_read(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ReadError::Absent,
            io::ErrorKind::PermissionDenied => ReadError::Denied(error),
            _ => ReadError::Failed(error.to_string()),
        })?;
        // Who may write takes an unfinished batch back.
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(FILE_NAME, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute_batch("PRAGMA query_only=ON")?;
        schema::examine(&connection).map_err(|fault| match fault {
            Fault::Damaged(why) => {
                ReadError::Failed(format!("{FILE_NAME} is damaged ({why}): the agent sets it aside at its next batch"))
            }
            fault => ReadError::Failed(super::told(fault)),
        })?;
        if !schema::is_there(&connection)? {
            return Err(ReadError::Absent);
        }
        let series = read_series(&connection)?;
        Ok(Reader { connection, series })
    }

    /// The series in the order in which they were first seen; one that had several slots several times.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The time of the last check.
    pub fn newest(&self) -> Result<Option<i64>, ReadError> {
        Ok(self.connection.query_row("SELECT max(t) FROM raw", [], |row| row.get(0))?)
    }

    /// The last check up to `time`.
    pub fn last_check(&self, time: i64) -> Result<Option<Row>, ReadError> {
        let at: Option<i64> =
            self.connection.query_row("SELECT max(t) FROM raw WHERE t <= ?1", params![time], |row| row.get(0))?;
        let Some(at) = at else { return Ok(None) };
        Ok(self.rows(Level::Raw, at - 1, at, 1)?.pop())
    }

    /// The finest level that reaches back to `from`, or as far as any does; a span longer than `longest_raw` is not read
    /// check by check, nor one that is longer than `longest_five_minutes` by five minutes.
    pub fn level(&self, from: i64, to: i64, longest_raw: i64, longest_five_minutes: i64) -> Result<Level, ReadError> {
        let mut begins = [None; 3];
        for (begin, level) in begins.iter_mut().zip(Level::ALL) {
            let select = format!("SELECT min(t) FROM {}", level.table());
            *begin = self.connection.query_row(&select, [], |row| row.get::<_, Option<i64>>(0))?;
        }
        let earliest = begins.iter().flatten().min().copied().unwrap_or(from);
        let longest = [longest_raw, longest_five_minutes, i64::MAX];
        let reaches = |(begin, longest): (Option<i64>, i64)| {
            // A summary begins up to an hour before its first check.
            begin.is_some_and(|begin| begin <= from.max(earliest + HOUR)) && to - from <= longest
        };
        let found = begins.into_iter().zip(longest).position(reaches);
        Ok(found.map_or(Level::Hour, |place| Level::ALL[place]))
    }

    /// At most `count` rows of a level after `from` and up to `to`, the oldest first.
    pub fn rows(&self, level: Level, from: i64, to: i64, count: usize) -> Result<Vec<Row>, ReadError> {
        let mut rows = Vec::new();
        self.each_row(level, [from, to], count, &mut |row| rows.push(row))?;
        Ok(rows)
    }

    /// Gives the same rows one by one: all of a day can be many megabytes.
    pub fn each_row(
        &self,
        level: Level,
        [from, to]: [i64; 2],
        count: usize,
        take: &mut dyn FnMut(Row),
    ) -> Result<(), ReadError> {
        let checks = if level == Level::Raw { "1" } else { "n" };
        let select =
            format!("SELECT t, v, {checks} FROM {} WHERE t > ?1 AND t <= ?2 ORDER BY t LIMIT ?3", level.table());
        let mut select = self.connection.prepare(&select)?;
        let mut found = select.query(params![from, to, i64::try_from(count).unwrap_or(i64::MAX)])?;
        while let Some(row) = found.next()? {
            let slots = of_row(row.get_ref(1)?.as_str().unwrap_or_default(), row.get(2)?);
            take(Row { time: row.get(0)?, seconds: level.seconds(), slots });
        }
        Ok(())
    }

    /// The times of the rows of a level after `from` and up to `to`, the oldest first.
    pub fn times(&self, level: Level, from: i64, to: i64) -> Result<Vec<i64>, ReadError> {
        let select = format!("SELECT t FROM {} WHERE t > ?1 AND t <= ?2 ORDER BY t", level.table());
        let mut select = self.connection.prepare(&select)?;
        let times = select.query_map(params![from, to], |row| row.get(0))?;
        Ok(times.collect::<rusqlite::Result<_>>()?)
    }

    /// The alerts that lasted at some time in between, the latest first.
    pub fn alerts(&self, from: i64, to: i64) -> Result<Vec<Spell>, ReadError> {
        let mut select = self.connection.prepare(
            "SELECT metric, target, since, until, level, value FROM alert
             WHERE since <= ?2 AND (until IS NULL OR until >= ?1) ORDER BY since DESC, metric, target",
        )?;
        let spells = select.query_map(params![from, to], |row| {
            let (metric, target, since) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Spell { metric, target, since, until: row.get(3)?, level: row.get(4)?, value: row.get(5)? })
        })?;
        Ok(spells.collect::<rusqlite::Result<_>>()?)
    }
}

fn read_series(connection: &Connection) -> rusqlite::Result<Vec<Series>> {
    let mut select = connection.prepare("SELECT metric, target, unit, slot, since, until FROM series ORDER BY id")?;
    let series = select.query_map([], |row| {
        let slot = usize::from(row.get::<_, u16>(3)?);
        let (metric, target, unit) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Series { metric, target, unit, slot, since: row.get(4)?, until: row.get(5)? })
    })?;
    series.collect()
}
