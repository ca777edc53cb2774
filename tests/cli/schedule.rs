//! `schedule`: the times, and refusals.

use crate::support::agent::{Place, quick};

const CRON: &str = "scheduled_report: {cron: \"30 7 * * *\", timezone: Asia/Shanghai}";
const AFTER: [&str; 2] = ["--after", "2026-02-04T00:00:00Z"];

fn place() -> Place {
    Place::configured("this-vm", &quick("").replace("scheduled_report: {enabled: false}", CRON))
}

fn times(arguments: &[&str]) -> Vec<String> {
    let finished = place().run(&[&["schedule"], arguments].concat());
    assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{arguments:?}");
    finished.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn the_configurations_reports_are_listed_in_their_zone() {
    let expected = [5, 6, 7, 8, 9].map(|day| format!("2026-02-0{day}T07:30:00+08:00"));
    assert_eq!(times(&AFTER), expected);
}

#[test]
fn after_is_exclusive_and_n_says_how_many() {
    let listed = times(&["--after", "2026-02-05T07:30:00+08:00", "-n", "2"]);
    assert_eq!(listed, ["2026-02-06T07:30:00+08:00", "2026-02-07T07:30:00+08:00"]);
}

#[test]
fn another_expression_and_another_zone_take_the_configurations_place() {
    let listed = times(&[&["--cron", "0 9 * * 1-5", "--timezone", "Europe/Berlin", "-n", "3"], &AFTER[..]].concat());
    let expected = ["2026-02-04T09:00:00+01:00", "2026-02-05T09:00:00+01:00", "2026-02-06T09:00:00+01:00"];
    assert_eq!(listed, expected);
}

#[test]
fn without_after_the_times_are_still_to_come() {
    let now = jiff::Timestamp::now();
    let listed = times(&[]);
    assert_eq!(listed.len(), 5);
    assert!(listed.iter().all(|time| time.parse::<jiff::Timestamp>().unwrap() > now), "{listed:?}");
}

#[test]
fn what_is_no_schedule_is_a_command_line_that_cannot_be_understood() {
    let bad = [
        (["--cron", "0 25 * * *"], "hour 25"),
        (["--cron", "0 9 * *"], "4 fields"),
        (["--timezone", "Asia/Shangai"], "Asia/Shanghai"),
        (["--after", "yesterday"], "yesterday"),
        (["-n", "many"], "many"),
        (["-n", "0"], "1..=100000"),
        (["-n", "100001"], "100000"),
    ];
    for (arguments, what) in bad {
        let refused = place().run(&[&["schedule"], &arguments[..]].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (64, ""), "{refused:?}");
        assert!(refused.stderr.contains(arguments[0]) && refused.stderr.contains(what), "{refused:?}");
    }
}
