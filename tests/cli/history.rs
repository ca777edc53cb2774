//! `history`, `chart`, `licenses`, and `replay` of the agent's own history.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rusqlite::Connection;
use serde_json::Value as Json;
use vps_monitor::history::{Batch, FILE_NAME, Limits, Spell};

use crate::history::{LIMITS, record};
use crate::support::agent::{Finished, Place, finish, quick};

/// 2026-02-02T03:00:00Z.
const T: i64 = 1_770_001_200;
pub const DAY: [&str; 4] = ["--since", "2026-02-01T03:00:00Z", "--until", "2026-02-02T03:00:00Z"];

fn spell(metric: &str, target: &str, since: i64, until: Option<i64>, value: Option<f64>) -> Spell {
    let [metric, target, level] = [metric, target, "warning"].map(str::to_owned);
    Spell { metric, target, since, until, level, value }
}

/// A day of checks each five minutes: memory rises, a container stops in the last hour.
fn batch() -> Batch {
    let series = [("memory", "", Some("percent")), ("disk", "/a, \"b\"", Some("percent"))];
    let conditions = [("container_state", "web", None), ("disk_state", "/", None)];
    let series = series
        .into_iter()
        .chain(conditions)
        .map(|(metric, target, unit)| (metric.to_owned(), target.to_owned(), unit.map(str::to_owned)));
    let row = |check: i64| {
        let values = [Some(40.0 + check as f64 / 6.0), (check % 2 == 0).then_some(50.0)];
        let conditions = [Some(if check > 276 { 0.0 } else { 1.0 }), Some(1.0)];
        (T - 86_400 + (check + 1) * 300, values.into_iter().chain(conditions).collect())
    };
    Batch {
        now: T,
        is_checked: true,
        limits: LIMITS,
        series: series.collect(),
        rows: (0..288).map(row).collect(),
        alerts: vec![
            spell("memory", "", T - 90 * 60, None, Some(87.8)),
            spell("container_state", "web", T - 3600, None, None),
        ],
        has_every_alert: true,
    }
}

pub fn place() -> Place {
    let yaml = quick("http://127.0.0.1:9/send?key=none").replace("check_interval: 1h", "check_interval: 5m");
    let place = Place::configured("this-vm", &yaml.replace("general: {", "general: {language: en, "));
    record(&place.state(), &batch());
    place
}

fn run(place: &Place, arguments: &[&str], more: &[&str]) -> Finished {
    finish(place.command(&[arguments, more].concat()).env("LC_ALL", "C.UTF-8"))
}

#[test]
fn the_day_is_drawn_in_the_terminal() {
    let place = place();
    let drawn = run(&place, &["history"], &DAY);
    assert_eq!((drawn.code, drawn.stderr.as_str()), (0, ""));
    let text = &drawn.stdout;
    assert!(text.starts_with("web-1  24 h   02-01 03:00 to 02-02 03:00") && text.contains("[Alert 2]\n"), "{text}");
    assert!(text.contains("Memory         87.8% ! 100|") && text.contains("alert 90 min"), "{text}");
    // A disk with a reading every ten minutes has no gaps that are not there.
    let container = text.lines().find(|line| line.starts_with("web ")).unwrap();
    assert!(container.contains("96.2%") && container.ends_with("===xx"), "{text}");
    assert!(text.lines().count() <= 24 && text.contains('⣿'), "{text}");
    // Conditions of the host are drawn where they are named.
    let named = run(&place, &["history", "disk_state", "memory"], &DAY).stdout;
    assert!(named.contains("\nDisk state /") && !named.contains("\nweb "), "{named}");
}

#[test]
fn ascii_is_drawn_on_request_and_where_the_locale_is_not_utf_8() {
    let place = place();
    assert!(run(&place, &["history", "--ascii"], &DAY).stdout.is_ascii());
    place.configure(&quick("").replace("wechat: {}\n", ""));
    let mut other = place.command(&[&["history"][..], &DAY].concat());
    let drawn = finish(other.env("LC_ALL", "C"));
    assert!(drawn.stdout.is_ascii() && drawn.stdout.contains("Memory"), "{drawn:?}");
}

#[test]
fn what_is_printed_as_csv_is_what_replay_reads_and_so_is_the_history_itself() {
    let place = place();
    let printed = run(&place, &["history", "--csv"], &DAY);
    let lines: Vec<&str> = printed.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 288 * 3 + 144, "{printed:?}");
    assert_eq!(
        lines[..3],
        ["time,metric,target,value", "1769915100,memory,,40", "1769915100,disk,\"/a, \"\"b\"\"\",50"]
    );
    fs::write(place.path("printed.csv"), &printed.stdout).unwrap();
    let of_file = place.run(&["replay", "printed.csv"]);
    let of_history = run(&place, &["replay"], &DAY);
    assert_eq!((of_file.code, &of_file.stdout, &of_file.stderr), (0, &of_history.stdout, &of_history.stderr));
    assert!(of_history.stderr.starts_with("288 checks from 2026-02-01T03:05:00+00:00"), "{of_history:?}");
    assert!(of_history.stdout.contains("\"kind\":\"alert\""), "{of_history:?}");
    // Standard input that is no terminal is read as ever.
    let piped =
        finish(place.command(&["replay"]).stdin(Stdio::from(fs::File::open(place.path("printed.csv")).unwrap())));
    assert_eq!(piped.stdout, of_history.stdout);
    let refused = place.run(&["replay", "printed.csv", "--since", "1h"]);
    assert_eq!(refused.code, 64, "{refused:?}");
}

#[test]
fn a_condition_that_was_recorded_without_its_word_is_judged_by_whether_it_was_well() {
    let place = place();
    let docker =
        quick("http://127.0.0.1:9/send?key=none").replace("docker: {enabled: false}", "docker: {enabled: true}");
    place.configure(&docker.replace("general: {", "general: {language: en, "));
    let replayed = run(&place, &["replay", "--text"], &DAY);
    assert!(replayed.stdout.contains("web") && replayed.stdout.contains("not well"), "{replayed:?}");
}

#[test]
fn json_is_an_object_for_each_check_or_summary() {
    let place = place();
    let printed = run(&place, &["history", "--json", "memory", "disk(/a*)"], &DAY);
    let objects: Vec<Json> = printed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 288);
    let first = serde_json::json!({"schema": 1, "host": "web-1", "time": "2026-02-01T03:05:00+00:00", "readings": [
        {"metric": "memory", "target": "", "unit": "percent", "value": 40.0},
        {"metric": "disk", "target": "/a, \"b\"", "unit": "percent", "value": 50.0},
    ]});
    assert_eq!(objects[0], first);

    // Older checks than those that are kept are told by summaries.
    let mut later = batch();
    later.limits = Limits { raw_seconds: 3600, ..LIMITS };
    for step in 1..40 {
        (later.now, later.rows) = (T + step * 300, vec![(T + step * 300, vec![Some(70.0)])]);
        record(&place.state(), &later);
    }
    let printed = run(&place, &["history", "--json", "memory"], &DAY).stdout;
    let first: Json = serde_json::from_str(printed.lines().next().unwrap()).unwrap();
    assert_eq!((&first["seconds"], &first["readings"][0]["count"]), (&300.into(), &1.into()), "{printed}");
}

#[test]
fn a_chart_is_a_picture_or_a_page_and_replaces_a_file_as_a_whole() {
    let place = place();
    fs::write(place.path("day.png"), "old").unwrap();
    for (name, beginning, end) in [
        ("day.png", &b"\x89PNG"[..], &b"IEND\xaeB`\x82"[..]),
        ("day.html", b"<!DOCTYPE html>", b"</html>\n"),
        ("day.SVG", b"<svg xmlns=", b"</svg>\n"),
    ] {
        let drawn = run(&place, &["chart", "--output", name], &DAY);
        assert_eq!((drawn.code, drawn.stdout.as_str(), drawn.stderr.as_str()), (0, &*format!("{name}\n"), ""));
        let bytes = fs::read(place.path(name)).unwrap();
        assert!(bytes.starts_with(beginning) && bytes.ends_with(end), "{name}");
        assert_eq!(fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o600, 0o600);
        assert!(!place.path(&format!("{name}.new")).exists());
    }
    let light = fs::read(place.path("day.png")).unwrap();
    run(&place, &["chart", "--dark", "--output", "day.png"], &DAY);
    assert_ne!(fs::read(place.path("day.png")).unwrap(), light);
    let svg = fs::read_to_string(place.path("day.SVG")).unwrap();
    assert!(svg.contains(">web-1</text>") && svg.matches("http").count() == 1, "only its name space: {svg}");
}

#[test]
fn where_no_chart_can_be_written_the_reason_is_told_and_nothing_is_there() {
    let place = place();
    fs::create_dir(place.path("folder.png")).unwrap();
    for (output, code, why) in [
        ("folder.png", 1, "folder.png: it is a folder; name a file"),
        ("absent/day.png", 1, "absent: make the folder first"),
        ("day.gif", 64, "--output day.gif: the ending says the form; expected FILE.png, FILE.html or FILE.svg"),
        ("/dev/null/x.png", 1, "/dev/null"),
    ] {
        let refused = run(&place, &["chart", "--output", output], &DAY);
        assert_eq!(refused.code, code, "{refused:?}");
        assert!(refused.stderr.contains(why) && refused.stdout.is_empty(), "{refused:?}");
    }
    assert!(place.path("folder.png").is_dir());
}

#[test]
fn each_thing_that_is_no_history_is_told_with_what_to_do() {
    let place = place();
    let path = place.state().join(FILE_NAME);
    let refused = |arguments: &[&str], code: u8, why: &str| {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (i32::from(code), ""), "{refused:?}");
        assert!(refused.stderr.contains(why), "{arguments:?}: {refused:?}");
    };
    refused(&["history", "memroy"], 64, "there is no metric `memroy`; did you mean `memory`?");
    refused(&["history", "teapots"], 64, "the history has container_state, disk, disk_state, memory");
    refused(&["history", "disk(/x)"], 1, "the history has no reading of disk(/x); there is disk(/a, \"b\")");
    refused(&["history", "--since", "2099-01-01"], 64, "--since 2099-01-01: it is in the future");
    refused(&["history", "--csv", "--json"], 64, "cannot be used with");
    let nothing = "the history has no readings of that time: its last one is of 2026-02-02T03:00:00+00:00";
    refused(&["history", "--since", "2h", "--until", "2026-01-01"], 1, nothing);
    refused(&["chart", "--since", "2h", "--until", "2026-01-01"], 1, nothing);

    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version=99").unwrap();
    refused(&["history"], 1, "is of a newer vps-monitor (version 99): install that again, or move it away");
    connection.execute_batch("PRAGMA user_version=1; PRAGMA application_id=7").unwrap();
    refused(&["chart"], 1, "history.db is another program's database: move it away");
    drop(connection);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&[0; 4096], &whole[4096..]].concat()).unwrap();
    refused(&["history"], 1, "history.db is damaged");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    refused(&["replay", "--since", "1h"], 1, "history.db");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&["history"], 1, "history.db is not a regular file: move it away");
    fs::remove_dir(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused(&["history"], 1, "history.db is not a regular file: move it away");
    fs::remove_file(&path).unwrap();
    refused(&["history"], 1, "there is no history yet in ");
    fs::write(&path, "").unwrap();
    refused(&["chart"], 1, "there is no history yet in ");
}

#[test]
fn the_licences_are_printed() {
    let printed = Place::on("this-vm").run(&["licenses"]);
    for text in ["MIT License", "Copyright 2014-2021 Adobe", "SIL OPEN FONT LICENSE Version 1.1"] {
        assert!(printed.stdout.contains(text), "{text}: {printed:?}");
    }
    assert_eq!(printed.code, 0);
}
