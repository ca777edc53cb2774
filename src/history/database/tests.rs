//! Batches in a real file: repeated, of many names, with clocks that jump, beside faults of the file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::super::Limits;
use super::*;
use crate::history::MAX_SERIES;

const LIMITS: Limits = Limits {
    raw_seconds: 48 * 3600,
    five_minutes_seconds: 60 * 86_400,
    hours_seconds: 730 * 86_400,
    max_bytes: Some(64 << 20),
};

/// A multiple of 300 and of 3600.
const T: i64 = 1_770_001_200;

fn batch(series: &[&str], rows: &[(i64, &[Option<f64>])]) -> Batch {
    let series = series.iter().map(|target| ("disk".to_owned(), (*target).to_owned(), Some("percent".to_owned())));
    Batch {
        now: rows.last().map_or(T, |(time, _)| *time),
        is_checked: true,
        limits: LIMITS,
        series: series.collect(),
        rows: rows.iter().map(|(time, row)| (*time, row.to_vec())).collect(),
        alerts: Vec::new(),
        has_every_alert: true,
    }
}

/// The work of one child. It enters the folder, so one test does so at a time.
fn write_in(folder: &Path, batch: &Batch) -> Result<Recorded, String> {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = std::env::current_dir().unwrap();
    let written = write(&mut RealFolder::open(folder).unwrap(), batch);
    std::env::set_current_dir(before).unwrap();
    written
}

/// The working folder is the process's.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn read(folder: &TempDir) -> Connection {
    Connection::open_with_flags(folder.path().join(FILE_NAME), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn rows(folder: &TempDir, query: &str) -> Vec<String> {
    let connection = read(folder);
    let mut select = connection.prepare(query).unwrap();
    let count = select.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let value = |place| match row.get_ref(place)? {
            rusqlite::types::ValueRef::Null => Ok("-".to_owned()),
            rusqlite::types::ValueRef::Integer(number) => Ok(number.to_string()),
            rusqlite::types::ValueRef::Real(number) => Ok(number.to_string()),
            other => Ok(other.as_str().unwrap().to_owned()),
        };
        Ok((0..count).map(value).collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
    };
    select.query_map([], row).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_batch_that_is_repeated_changes_nothing_and_its_averages_are_weighed_by_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let first = batch(
        &["/", "/data"],
        &[(T, &[Some(10.0), None]), (T + 60, &[Some(20.0), Some(1.5)]), (T + 300, &[Some(60.0), None])],
    );
    let all = |folder: &TempDir| {
        ["SELECT * FROM raw", "SELECT * FROM m5", "SELECT * FROM h1", "SELECT * FROM series"]
            .map(|query| rows(folder, query))
    };
    assert_eq!(write_in(folder.path(), &first), Ok(Recorded::default()));
    let once = all(&folder);
    assert_eq!(write_in(folder.path(), &first), Ok(Recorded::default()));
    assert_eq!(all(&folder), once);
    assert_eq!(once[1], [format!("{T} 2 [[10,15,20],[1.5,1.5,1.5,1]]"), format!("{} 1 [[60,60,60]]", T + 300)]);
    assert_eq!(once[2], [format!("{T} 3 [[10,30,60],[1.5,1.5,1.5,1]]")]);
    let query = "SELECT target, t, value FROM reading ORDER BY target, t";
    assert_eq!(rows(&folder, query).last().unwrap(), &format!("/data {} 1.5", T + 60));
    let query = "SELECT target, unit, min, avg, max, count FROM reading_hour ORDER BY target";
    assert_eq!(rows(&folder, query), ["/ percent 10 30 60 3", "/data percent 1.5 1.5 1.5 1"]);
    assert_eq!(rows(&folder, "SELECT count(*) FROM reading_5min"), ["3"]);
}

#[test]
fn a_summary_of_rows_that_are_gone_stays() {
    let folder = tempfile::tempdir().unwrap();
    let steady = |time: i64, value: f64| batch(&["/"], &[(time, &[Some(value)])]);
    for batch in [steady(T, 10.0), steady(T + 60, 20.0), steady(T + 3 * 86_400, 5.0), steady(T + 120, 30.0)] {
        write_in(folder.path(), &batch).unwrap();
    }
    let raw = format!("SELECT count(*) FROM raw WHERE t <= {}", T + 60);
    assert_eq!(rows(&folder, &raw), ["0"], "the clock was three days ahead");
    for table in ["m5", "h1"] {
        let summary = format!("SELECT n, v FROM {table} WHERE t = {T}");
        assert_eq!(rows(&folder, &summary), ["2 [[10,15,20]]"], "{table}");
    }
}

#[test]
fn python_reads_the_views() {
    let folder = tempfile::tempdir().unwrap();
    write_in(folder.path(), &batch(&["/"], &[(T, &[Some(63.85)])])).unwrap();
    let program = "import sqlite3, sys\nfor row in sqlite3.connect(sys.argv[1]).execute(\
                   'SELECT utc, metric, target, value FROM reading'): print(*row)";
    let Ok(output) = Command::new("python3").args(["-c", program]).arg(folder.path().join(FILE_NAME)).output() else {
        return println!("left out: no python3");
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2026-02-02 03:00:00 disk / 63.85\n");
}

#[test]
fn ten_thousand_names_in_a_day_have_the_slots_one_after_another_and_none_is_taken_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut dropped = 0;
    for hour in 0..24 {
        let names: Vec<String> = (0..417).map(|number| format!("job-{hour}-{number}")).collect();
        for (part, names) in names.chunks(200).enumerate() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let row: Vec<Option<f64>> = (0..names.len())
                .map(|number| Some(f64::from(hour * 1000 + part as i32 * 200 + number as i32)))
                .collect();
            let time = T + i64::from(hour) * 3600 + part as i64 * 60;
            dropped += write_in(folder.path(), &batch(&names, &[(time, &row)])).unwrap().dropped;
        }
    }
    assert_eq!(dropped, 24 * (417 - MAX_SERIES), "what has no slot is counted");
    assert_eq!(rows(&folder, "SELECT count(*), max(slot) FROM series"), ["4096 255"], "the oldest names are forgotten");
    assert_eq!(rows(&folder, "SELECT target, value FROM reading WHERE target = 'job-23-7'"), ["job-23-7 23007"]);
    let wrong = "SELECT count(*) FROM reading WHERE target <> 'job-' || (value / 1000) || '-' || (value % 1000)";
    assert_eq!(rows(&folder, wrong), ["0"]);
}

#[test]
fn a_clock_that_jumps_costs_few_old_rows_and_takes_no_value_for_anothers() {
    let folder = tempfile::tempdir().unwrap();
    for hour in 0..40 {
        write_in(folder.path(), &batch(&["/"], &[(T + hour * 3600, &[Some(hour as f64)])])).unwrap();
    }
    // A year ahead, and back.
    write_in(folder.path(), &batch(&["/", "new"], &[(T + 365 * 86_400, &[Some(99.0), Some(7.0)])])).unwrap();
    let kept = rows(&folder, "SELECT count(*) FROM raw");
    assert_eq!(kept, ["29"], "the step of one batch is 12 rows");
    write_in(folder.path(), &batch(&["/", "new"], &[(T + 39 * 3600, &[Some(40.0), Some(8.0)])])).unwrap();
    let query = format!("SELECT target, value FROM reading WHERE t = {} ORDER BY target", T + 39 * 3600);
    assert_eq!(rows(&folder, &query), ["/ 40", "new 8"], "the row of the same time is the later one");
}

#[test]
fn what_is_in_its_place_is_refused_with_words_and_left_alone() {
    let one = batch(&["/"], &[(T, &[Some(1.0)])]);
    let refused = |make: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        make(&folder.path().join(FILE_NAME));
        let error = write_in(folder.path(), &one).unwrap_err();
        (error, folder)
    };
    let (error, folder) = refused(&|path| symlink("elsewhere", path).unwrap());
    assert_eq!(error, "history.db is not a regular file: move it away");
    assert!(!folder.path().join("elsewhere").exists());
    let (error, _) = refused(&|path| fs::create_dir(path).unwrap());
    assert!(error.starts_with("history.db: "), "{error}");
    let mode = nix::sys::stat::Mode::S_IRWXU;
    assert!(refused(&|path| nix::unistd::mkfifo(path, mode).unwrap()).0.contains("not a regular file"));
    let journal = |path: &Path| nix::unistd::mkfifo(&path.with_extension("db-journal"), mode).unwrap();
    assert_eq!(refused(&journal).0, "history.db-journal is not a regular file: move it away");
    let other = |path: &Path| Connection::open(path).unwrap().execute_batch("CREATE TABLE mine(x)").unwrap();
    let (error, folder) = refused(&other);
    assert_eq!(error, "history.db is another program's database: move it away");
    assert_eq!(rows(&folder, "SELECT name FROM sqlite_schema"), ["mine"]);

    let folder = tempfile::tempdir().unwrap();
    write_in(folder.path(), &one).unwrap();
    Connection::open(folder.path().join(FILE_NAME)).unwrap().pragma_update(None, "user_version", 2).unwrap();
    assert!(write_in(folder.path(), &one).unwrap_err().contains("of a newer vps-monitor (version 2)"));
}

#[test]
fn a_damaged_file_is_set_aside_and_kept_and_a_new_one_begun() {
    let many: Vec<Vec<Option<f64>>> = (0..2000).map(|number| vec![Some(f64::from(number)); 10]).collect();
    let times: Vec<(i64, &[Option<f64>])> =
        many.iter().enumerate().map(|(number, row)| (T + number as i64, row.as_slice())).collect();
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes[..4096].fill(0),
        |bytes| *bytes = b"Not a database, but a text that is long enough to be one".repeat(100),
        |bytes| bytes[5 * 4096..6 * 4096].fill(0xa5),
    ];
    for damage in damages {
        let folder = tempfile::tempdir().unwrap();
        write_in(folder.path(), &batch(&["/"; 10], &times)).unwrap();
        let path = folder.path().join(FILE_NAME);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let next = batch(&["/"], &[(T + 9000, &[Some(1.0)])]);
        let recorded = write_in(folder.path(), &next).unwrap();
        let why = recorded.set_aside.unwrap();
        let name = format!("history.db.damaged-{}", T + 9000);
        assert!(why.ends_with(&format!("kept as {name}, a new one is begun")), "{why}");
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), bytes);
        assert_eq!(rows(&folder, "SELECT count(*) FROM raw"), ["1"]);
    }
}

#[test]
fn at_its_largest_size_the_oldest_rows_give_way() {
    let folder = tempfile::tempdir().unwrap();
    let row = vec![Some(12_345.67); 200];
    for part in 0..20 {
        let rows: Vec<(i64, &[Option<f64>])> = (0..30).map(|at| (T + (part * 30 + at) * 60, row.as_slice())).collect();
        let names: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        let mut batch = batch(&names.iter().map(String::as_str).collect::<Vec<_>>(), &rows);
        batch.limits.max_bytes = Some(600_000);
        write_in(folder.path(), &batch).unwrap();
    }
    assert!(fs::metadata(folder.path().join(FILE_NAME)).unwrap().len() <= 600_000);
    let newest = rows(&folder, "SELECT max(t) FROM raw");
    assert_eq!(newest, [(T + 599 * 60).to_string()]);
}

#[test]
fn an_alert_has_one_row_from_its_beginning_to_its_end_whatever_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let spell = |until| Spell {
        metric: "memory".to_owned(),
        target: String::new(),
        since: T,
        until,
        level: "warning".to_owned(),
        value: Some(85.0),
    };
    let with = |alerts: &[Spell], time| Batch { alerts: alerts.to_vec(), ..batch(&["/"], &[(time, &[Some(1.0)])]) };
    for (alerts, time, until) in [
        (vec![spell(None)], T, "-".to_owned()),
        (vec![spell(Some(T + 90))], T + 300, (T + 90).to_string()),
        (vec![spell(None)], T, (T + 90).to_string()),
    ] {
        write_in(folder.path(), &with(&alerts, time)).unwrap();
        assert_eq!(rows(&folder, "SELECT until FROM alert"), [until]);
    }
    // Where not all that last are listed, one that is not may last.
    let folder = tempfile::tempdir().unwrap();
    write_in(folder.path(), &with(&[spell(None)], T)).unwrap();
    write_in(folder.path(), &Batch { has_every_alert: false, ..with(&[], T + 300) }).unwrap();
    assert_eq!(rows(&folder, "SELECT until FROM alert"), ["-"]);
    // Of one whose end was never said, the agent knows nothing any more.
    let folder = tempfile::tempdir().unwrap();
    write_in(folder.path(), &with(&[spell(None)], T)).unwrap();
    write_in(folder.path(), &with(&[], T + 600)).unwrap();
    assert_eq!(rows(&folder, "SELECT until FROM alert"), [(T + 600).to_string()]);
}
