//! The history, written by real children of the real binary.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use rusqlite::{Connection, OpenFlags};
use vps_monitor::files;
use vps_monitor::history::{Batch, FILE_NAME, Limits};

use crate::mounts::Mounted;
use crate::simulator::random::Random;
use crate::support::agent::{BINARY, Place, quick};
use crate::support::robot::{Answer as RobotAnswer, Robot};
use crate::support::{is_ci, setting};

pub const LIMITS: Limits =
    Limits { raw_seconds: 1 << 30, five_minutes_seconds: 1 << 30, hours_seconds: 1 << 30, max_bytes: None };

/// Has a child write a batch to the history in `folder`.
pub fn record(folder: &Path, batch: &Batch) {
    fs::create_dir_all(folder).unwrap();
    let answer = child(&File::open(folder).unwrap(), batch).wait_with_output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&answer).contains("\"Ok\""), "{answer:?}");
}

fn child(folder: &File, batch: &Batch) -> Child {
    let order = files::in_memory(&serde_json::to_vec(batch).unwrap()).unwrap();
    let mut child = Command::new(BINARY);
    child.args(["worker", "record"]).stdin(order).stdout(Stdio::piped()).stderr(folder.try_clone().unwrap());
    child.spawn().unwrap()
}

/// Starts a child that writes 50 checks of 20 series to `folder`.
fn writer(folder: &File, number: i64) -> Child {
    let row = |check: i64| (1_770_000_000 + (number * 50 + check) * 60, vec![Some(check as f64 / 4.0); 20]);
    let batch = Batch {
        now: row(49).0,
        is_checked: true,
        limits: LIMITS,
        series: (0..20).map(|place| ("disk".to_owned(), format!("/{place}"), None)).collect(),
        rows: (0..50).map(row).collect(),
        alerts: Vec::new(),
        has_every_alert: true,
    };
    child(folder, &batch)
}

fn times(path: &Path) -> BTreeSet<i64> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let Ok(mut select) = connection.prepare("SELECT t FROM raw") else { return BTreeSet::new() };
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// `CRASH_KILLS` and `CRASH_SEED` repeat a run.
#[test]
fn sigkill_of_the_writer_at_any_instant_damages_nothing_and_loses_nothing_acknowledged() {
    let kills = setting("CRASH_KILLS").unwrap_or(if is_ci() { 200 } else { 60 });
    let mut random = Random::new(setting("CRASH_SEED").unwrap_or(7));
    let place = tempfile::tempdir().unwrap();
    let (folder, path) = (File::open(place.path()).unwrap(), place.path().join(FILE_NAME));
    let mut written = BTreeSet::new();
    let (mut killed, mut longest) = (0, Duration::from_millis(20));
    for number in 0..kills.cast_signed() {
        let mut child = writer(&folder, number);
        std::thread::sleep(Duration::from_micros(random.range(0, longest.as_micros() as i64).cast_unsigned()));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let was_acknowledged = String::from_utf8_lossy(&output.stdout).contains("\"Ok\"");
        killed += u64::from(!was_acknowledged);
        longest = if was_acknowledged { longest * 9 / 10 } else { longest * 11 / 10 };
        if !path.exists() {
            continue;
        }
        let times = times(&path);
        let of_batch: BTreeSet<i64> = (0..50).map(|check| 1_770_000_000 + (number * 50 + check) * 60).collect();
        if was_acknowledged {
            written.extend(&of_batch);
        }
        assert!(times.is_superset(&written), "a batch that was acknowledged is gone after kill {number}");
        let part = times.intersection(&of_batch).count();
        assert!(part == 0 || part == 50, "half a batch: {part} rows after kill {number}");
    }
    println!("{kills} children, {killed} killed before they had answered");
    assert!(killed >= kills / 8 && killed < kills, "{killed} of {kills} were killed in time");
}

/// The agent is killed while it stops, when its last batch is on its way. `CRASH_KILLS` and `CRASH_SEED` repeat a run.
#[test]
fn sigkill_of_the_agent_at_its_last_batch_damages_nothing_and_what_was_there_stays() {
    let kills = setting("CRASH_KILLS").unwrap_or(if is_ci() { 200 } else { 20 });
    let mut random = Random::new(setting("CRASH_SEED").unwrap_or(7));
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let path = place.state().join(FILE_NAME);
    let mut kept = BTreeSet::new();
    let (mut killed, mut longest) = (0, Duration::from_millis(20));
    for number in 0..kills {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
        let agent = place.start(&["run"]);
        agent.wait_for_checks(1);
        agent.signal(Signal::SIGTERM);
        std::thread::sleep(Duration::from_micros(random.range(0, longest.as_micros() as i64).cast_unsigned()));
        agent.signal(Signal::SIGKILL);
        let was_killed = agent.finish().code != 0;
        killed += u64::from(was_killed);
        longest = if was_killed { longest * 11 / 10 } else { longest * 9 / 10 };
        if !path.exists() {
            continue;
        }
        let times = times(&path);
        assert!(times.is_superset(&kept), "rows that were there are gone after kill {number}");
        assert!(was_killed || times.range(since..).next().is_some(), "a stop has not written its row");
        kept = times;
    }
    println!("{kills} agents, {killed} killed before their end");
    assert!(killed > 0 && killed < kills, "{killed} of {kills} were killed in time");
}

#[test]
fn a_disk_that_fills_up_keeps_what_it_has_and_takes_the_batch_once_there_is_room() {
    let place = tempfile::tempdir().unwrap();
    let point = place.path().join("state");
    let Some(_mounted) = Mounted::on(&point, &["-t", "tmpfs", "-o", "size=200k", "none"]) else { return };
    let (folder, path) = (File::open(&point).unwrap(), point.join(FILE_NAME));
    let written = |number| String::from_utf8(writer(&folder, number).wait_with_output().unwrap().stdout).unwrap();
    let full = (0..100).map(written).position(|answer| {
        let is_full = answer.contains("history.db: database or disk is full");
        assert!(is_full || answer.contains("\"Ok\""), "{answer}");
        is_full
    });
    let full = full.unwrap();
    assert!(
        full > 0 && times(&path).len() == full * 50,
        "{full} batches are there as a whole, and nothing of the next"
    );
    let more = Command::new("mount").args(["-o", "remount,size=2m"]).arg(&point).status().unwrap();
    assert!(more.success() && written(full as i64).contains("\"Ok\""));
    assert_eq!(times(&path).len(), full * 50 + 50);
}

#[test]
fn a_reader_that_holds_a_lock_costs_the_writer_its_batch_and_an_answer_says_so() {
    let place = tempfile::tempdir().unwrap();
    let folder = File::open(place.path()).unwrap();
    writer(&folder, 0).wait_with_output().unwrap();
    let reader = Connection::open(place.path().join(FILE_NAME)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM raw").unwrap();
    let answer = writer(&folder, 1).wait_with_output().unwrap().stdout;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("history.db is locked: another program reads it for longer than 5 s"), "{answer}");
    reader.execute_batch("COMMIT").unwrap();
    assert!(String::from_utf8(writer(&folder, 1).wait_with_output().unwrap().stdout).unwrap().contains("\"Ok\""));
}

#[test]
fn the_agent_keeps_what_it_read_for_its_owner_alone() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    agent.stop(Signal::SIGTERM);
    let path = place.state().join(FILE_NAME);
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let read: f64 =
        connection.query_row("SELECT value FROM reading WHERE metric = 'memory'", [], |row| row.get(0)).unwrap();
    assert!((0.0..=100.0).contains(&read));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_store_that_cannot_be_written_is_logged_and_the_agent_goes_on() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    fs::create_dir_all(place.state()).unwrap();
    let mut other = File::create(place.state().join(FILE_NAME)).unwrap();
    other.write_all(b"").unwrap();
    Connection::open(place.state().join(FILE_NAME)).unwrap().execute_batch("CREATE TABLE mine(x)").unwrap();
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    let finished = agent.stop(Signal::SIGTERM);
    assert_eq!(finished.code, 0);
    assert!(finished.stderr.contains("history.db is another program's database: move it away"), "{}", finished.stderr);
}

/// What the robot got: the text, then the picture of the same alert.
#[test]
fn a_picture_follows_an_alert_from_the_agents_own_rows() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let config = fs::read_to_string(place.config()).unwrap().replace("threshold: 80", "threshold: 1, for: 0");
    place.configure(&config.replace("general: {", "general: {alert_picture: true, "));
    let agent = place.start(&["run"]);
    let received = robot.wait_for(2);
    assert!(received[0].content().contains("内存"), "{received:?}");
    let body: serde_json::Value = serde_json::from_str(&received[1].body).unwrap();
    assert_eq!(body["msgtype"], "image", "{received:?}");
    let file = STANDARD.decode(body["image"]["base64"].as_str().unwrap()).unwrap();
    assert!(file.starts_with(b"\x89PNG\r\n\x1a\n") && file.ends_with(b"IEND\xaeB`\x82"));
    assert_eq!(body["image"]["md5"], format!("{:x}", md5::compute(&file)));
    agent.wait_for_log("delivered kind=picture");
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_picture_that_cannot_be_drawn_or_is_refused_costs_a_line_of_the_log() {
    for (answers, why) in [
        (vec![RobotAnswer::Errcode(0), RobotAnswer::Errcode(40009)], "picture not delivered, it is not tried again: "),
        (vec![], "no picture can be drawn: history.db is another program's database"),
    ] {
        let robot = Robot::start(answers.clone());
        let place = Place::configured("small-vps", &quick(&robot.url()));
        if answers.is_empty() {
            fs::create_dir_all(place.state()).unwrap();
            let other = Connection::open(place.state().join(FILE_NAME)).unwrap();
            other.execute_batch("CREATE TABLE mine(x)").unwrap();
        }
        let config = fs::read_to_string(place.config()).unwrap().replace("threshold: 80", "threshold: 1, for: 0");
        place.configure(&config.replace("general: {", "general: {alert_picture: true, "));
        let agent = place.start(&["run"]);
        robot.wait_for(1);
        agent.wait_for_log(why);
        agent.signal(Signal::SIGUSR1);
        agent.wait_for_checks(2);
        let finished = agent.stop(Signal::SIGTERM);
        assert_eq!(finished.stderr.matches("picture not delivered").count(), 1, "{}", finished.stderr);
        assert_eq!(finished.stderr.contains("history: lost rows=2\n"), answers.is_empty(), "{}", finished.stderr);
        assert_eq!(robot.received().len(), answers.len().max(1));
    }
}

#[test]
fn a_chart_has_the_limit_that_the_value_reaches() {
    for (last, is_critical) in [(70.0, false), (90.0, true)] {
        let place = Place::configured("small-vps", "system: {memory: {threshold: 50, critical: 80}}\n");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
        let batch = Batch {
            now,
            is_checked: true,
            limits: LIMITS,
            series: vec![("memory".to_owned(), String::new(), Some("percent".to_owned()))],
            rows: (1..30).rev().map(|minute| (now - minute * 60, vec![Some(last)])).collect(),
            alerts: Vec::new(),
            has_every_alert: true,
        };
        record(&place.state(), &batch);
        let path = place.path("chart.svg");
        let finished = place.run(&["chart", "--since", "1h", "--output", path.to_str().unwrap()]);
        assert_eq!(finished.code, 0, "{finished:?}");
        assert_eq!(fs::read_to_string(path).unwrap().contains("阈值 80<"), is_critical);
    }
}
