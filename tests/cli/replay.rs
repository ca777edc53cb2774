//! `replay`: recorded readings in, messages out; and refusals.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value as Json;

use crate::support::agent::{Finished, Place, finish, quick};

const ROWS: &str = "time,metric,target,value\n\
                    2026-02-04T15:00:00Z,memory,,42.0\n\
                    2026-02-04T15:15:00Z,memory,,85.2\n\
                    2026-02-04T15:30:00Z,memory,,40.5\n";

const SUMMARY: &str = "3 checks from 2026-02-04T15:00:00+00:00 to 2026-02-04T15:30:00+00:00: 2 messages (1 alert, \
                       1 recovery), 0 alerts still firing\n";

fn place(history: &str) -> Place {
    let place = Place::configured("this-vm", &quick("http://127.0.0.1:9/send?key=none"));
    fs::write(place.path("history.csv"), history).unwrap();
    place
}

fn piped(place: &Place, arguments: &[&str], input: &[u8]) -> Finished {
    let file = place.path("piped");
    fs::File::create(&file).unwrap().write_all(input).unwrap();
    finish(place.command(arguments).stdin(Stdio::from(fs::File::open(file).unwrap())))
}

#[test]
fn messages_are_json_lines_and_the_summary_is_on_standard_error() {
    let place = place(ROWS);
    let replayed = place.run(&["replay", "history.csv"]);
    assert_eq!((replayed.code, replayed.stderr.as_str()), (0, SUMMARY));
    let lines: Vec<Json> = replayed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{replayed:?}");
    let alert = &lines[0]["alerts"][0];
    assert_eq!((&lines[0]["time"], &lines[0]["kind"]), (&"2026-02-04T15:15:00+00:00".into(), &"alert".into()));
    assert_eq!((&alert["value"], &alert["threshold"], &alert["news"]), (&85.2.into(), &80.into(), &"fired".into()));
    assert_eq!((&lines[1]["kind"], &lines[1]["alerts"][0]["news"]), (&"recovery".into(), &"recovered".into()));
    // No state, and no channel was asked: its address answers nobody.
    assert!(!place.state().exists());
}

#[test]
fn text_shows_messages_as_people_see_them() {
    let replayed = place(ROWS).run(&["replay", "--text", "history.csv"]);
    assert_eq!((replayed.code, replayed.stderr.as_str()), (0, SUMMARY));
    let expected = "⚠️ VPS 告警 [web-1]\n━━━━━━━━━━━━━━━━\n📊 内存使用率: 85.2% (阈值: 80%)\n⏰ 时间: 2026-02-04 15:15:00\n\n\
                    ✅ VPS 恢复 [web-1]\n━━━━━━━━━━━━━━━━\n📊 内存使用率: 40.5% (已恢复正常)\n⏰ 时间: 2026-02-04 15:30:00\n\n";
    assert_eq!(replayed.stdout, expected);
}

#[test]
fn standard_input_is_read_where_no_file_or_a_dash_is_named() {
    let place = place("");
    for arguments in [&["replay"][..], &["replay", "-"]] {
        let replayed = piped(&place, arguments, ROWS.as_bytes());
        assert_eq!((replayed.code, replayed.stderr.as_str()), (0, SUMMARY), "{arguments:?}");
    }
    let refused = piped(&place, &["replay"], b"time,metric,target,value\n0,memory,,high\n");
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.starts_with("vps-monitor: standard input:2: `high` is no value"), "{refused:?}");
}

#[test]
fn the_objects_of_check_can_be_replayed_as_they_are() {
    let place = place("");
    let checked = place.run(&["check", "--json"]);
    let mut history = String::new();
    for minute in [10, 20] {
        let mut object: Json = serde_json::from_str(&checked.stdout).unwrap();
        object["time"] = format!("2026-02-04T15:{minute}:00Z").into();
        object["readings"][0]["value"] = 97.into();
        history += &serde_json::to_string_pretty(&object).unwrap();
    }
    let replayed = piped(&place, &["replay"], history.as_bytes());
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(replayed.stderr.starts_with("2 checks from 2026-02-04T15:10:00+00:00"), "{replayed:?}");
    assert!(replayed.stdout.contains("\"metric\":\"memory\",\"target\":\"\",\"value\":97.0"), "{replayed:?}");
}

#[test]
fn what_is_wrong_is_named_by_file_and_line() {
    let place = place(&format!("{ROWS}2026-02-04T15:29:00Z,memory,,1\n"));
    let refused = place.run(&["replay", "history.csv"]);
    assert_eq!((refused.code, refused.stdout.lines().count()), (1, 1));
    assert!(refused.stderr.starts_with("vps-monitor: history.csv:5: out of order: "), "{refused:?}");
    for (name, why) in [("nothing.csv", "nothing.csv: No such file"), ("state", "state: No such file"), (".", ".: ")] {
        let refused = place.run(&["replay", name]);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{name}");
        assert!(refused.stderr.starts_with(&format!("vps-monitor: {why}")), "{refused:?}");
    }
    assert_eq!(place.run(&["replay", "--texts"]).code, 64);
    place.configure("system: {memory: {threshold: 180}}\n");
    assert_eq!(place.run(&["replay", "history.csv"]).code, 78);
}

#[test]
fn at_a_terminal_without_a_file_it_says_what_to_name() {
    let place = place("");
    let Some(shown) = place.run_in_terminal(&["replay"]) else { return };
    assert!(
        shown.code == 1
            && shown.stdout.contains("there is no history yet in ")
            && shown.stdout.contains("or name a CSV file"),
        "{shown:?}"
    );
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let rows: String = (0..200_000u64).map(|nth| format!("{},memory,,9{}\n", nth * 90_000, nth % 9)).collect();
    let place = place(&format!("time,metric,target,value\n{rows}"));
    let command = place.command(&["replay", "history.csv"]);
    let mut shell = std::process::Command::new("sh");
    let piped = shell.args(["-c", "{ \"$@\"; echo $? >&2; } | head -n 1", "sh"]).arg(command.get_program());
    let piped = finish(piped.args(command.get_args()).current_dir(place.path("")));
    assert_eq!((piped.stdout.lines().count(), piped.stderr.as_str()), (1, "0\n"));
}

/// The most memory that a process has held so far, in KiB (VmHWM of proc_pid_status(5)).
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_history_of_any_size_takes_as_much_memory_as_a_short_one() {
    let place = place(ROWS);
    let mut command = place.command(&["replay", "-"]);
    let mut replay = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut history = replay.stdin.take().unwrap();
    history.write_all(b"time,metric,target,value\n").unwrap();
    let long = "x".repeat(4000);
    let mut peaks = [0; 2];
    for (part, peak) in peaks.iter_mut().enumerate() {
        // Some 2 MB, then some 100 MB. Of all but a pipe's content the program has taken in what was written.
        let rows = [0..500, 500..25_000][part].clone();
        rows.for_each(|row| writeln!(history, "{row},disk,/{long},10").unwrap());
        *peak = peak_kib(replay.id());
    }
    drop(history);
    let ended = replay.wait_with_output().unwrap();
    let summary = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && summary.starts_with("25000 checks from "), "{summary}");
    assert!(peaks[1] < peaks[0] + 1024, "{peaks:?} KiB");
}
