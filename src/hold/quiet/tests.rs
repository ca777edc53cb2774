//! Windows over midnight, over changes of the clock, side by side and over each other.

use proptest::prelude::*;

use super::*;
use crate::settings::{self, Read};

const SHANGHAI: &str = "Asia/Shanghai";
const BERLIN: &str = "Europe/Berlin";

fn read(text: &str) -> Result<Read<QuietHours>, String> {
    settings::read("c", text.as_bytes(), QuietHours::read).map_err(|problems| problems.to_string())
}

fn quiet(items: &str) -> QuietHours {
    read(&format!("quiet_hours: [{items}]\n")).unwrap().value
}

fn time(text: &str, zone: &TimeZone) -> Timestamp {
    text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone.clone()).unwrap().timestamp()
}

/// The end of the quiet at a time of the zone's clock, as its clock shows it, for warnings and for critical alerts.
fn ends(quiet_hours: &QuietHours, zone: &str, at: &str) -> [String; 2] {
    let zone = TimeZone::get(zone).unwrap();
    [Level::Warning, Level::Critical].map(|level| {
        let until = quiet_hours.until(level, time(at, &zone), &zone);
        until.map_or_else(|| "-".to_owned(), |until| zone.to_datetime(until).strftime("%m-%d %H:%M").to_string())
    })
}

fn end(quiet_hours: &QuietHours, zone: &str, at: &str) -> String {
    let [warning, _] = ends(quiet_hours, zone, at);
    warning
}

#[test]
fn a_window_over_midnight_begins_on_its_days_and_ends_on_the_next_ones() {
    let weekdays = quiet("{from: '23:00', to: '07:30', days: mon-fri}");
    for (at, until) in [
        ("2026-02-04T22:59:59", "-"),
        ("2026-02-04T23:00", "02-05 07:30"),
        ("2026-02-05T00:00", "02-05 07:30"),
        ("2026-02-05T07:29:59", "02-05 07:30"),
        ("2026-02-05T07:30", "-"),
        // Friday night ends on Saturday, and Sunday's morning belongs to no Saturday night.
        ("2026-02-07T03:00", "02-07 07:30"),
        ("2026-02-08T03:00", "-"),
        ("2026-02-09T03:00", "-"),
    ] {
        assert_eq!(end(&weekdays, SHANGHAI, at), until, "{at}");
    }
}

#[test]
fn critical_alerts_pass_where_the_window_lets_them() {
    let at = "2026-02-05T02:00";
    assert_eq!(ends(&quiet("{from: '23:00', to: '07:30'}"), SHANGHAI, at), ["02-05 07:30", "-"]);
    let both = quiet("{from: '23:00', to: '07:30'}, {from: '01:00', to: '03:00', let_through: none}");
    assert_eq!(ends(&both, SHANGHAI, at), ["02-05 07:30", "02-05 03:00"]);
}

#[test]
fn windows_that_meet_or_overlap_are_one() {
    let at = "2026-02-05T22:30";
    for items in [
        "{from: '22:00', to: '24:00'}, {from: '00:00', to: '07:30'}",
        "{from: '22:00', to: '23:00'}, {from: '22:45', to: '07:30'}",
        "{from: '23:00', to: '07:30'}, {from: '22:00', to: '23:00'}",
    ] {
        assert_eq!(end(&quiet(items), SHANGHAI, at), "02-06 07:30", "{items}");
    }
    // A weekend from Friday evening to Monday morning.
    let weekend = quiet("{from: '18:00', to: '24:00', days: fri}, {from: '00:00', to: '24:00', days: 'sat,sun'}");
    assert_eq!(end(&weekend, SHANGHAI, "2026-02-06T18:00"), "02-09 00:00");
    assert_eq!(end(&weekend, SHANGHAI, "2026-02-06T17:59"), "-");
}

#[test]
fn a_clock_that_is_put_forward_or_back_neither_loses_a_window_nor_repeats_it() {
    let night = quiet("{from: '01:30', to: '02:30'}");
    // In spring 02:00 to 03:00 is skipped: the window ends with the gap.
    assert_eq!(end(&night, BERLIN, "2026-03-29T01:45"), "03-29 03:00");
    assert_eq!(end(&night, BERLIN, "2026-03-29T03:00"), "-");
    // In autumn the hour from 02:00 comes twice: the window ends the first time.
    let zone = TimeZone::get(BERLIN).unwrap();
    let first = time("2026-10-25T02:00", &zone);
    let until = |minutes| night.until(Level::Warning, first + SignedDuration::from_mins(minutes), &zone);
    assert_eq!(until(29), Some(first + SignedDuration::from_mins(30)));
    assert_eq!([until(30), until(60), until(89)], [None; 3]);
    // The long night lasts as long as the wall clock says.
    let long = quiet("{from: '23:00', to: '07:30'}");
    for (eve, hours) in [("2026-03-28T23:00", 15), ("2026-10-24T23:00", 19), ("2026-07-01T23:00", 17)] {
        let begins = time(eve, &zone);
        let until = long.until(Level::Warning, begins, &zone).unwrap();
        assert_eq!(until.duration_since(begins), SignedDuration::from_mins(30 * hours), "{eve}");
    }
    // A window inside the gap is none.
    assert_eq!(end(&quiet("{from: '02:10', to: '02:50'}"), BERLIN, "2026-03-29T03:00"), "-");
    // A zone that skipped a whole day.
    assert_eq!(end(&long, "Pacific/Apia", "2011-12-31T01:00"), "12-31 07:30");
}

#[test]
fn what_cannot_be_meant_is_refused_at_its_place() {
    for (items, place, said) in [
        ("{from: '23:00'}", ":1:15:", "quiet_hours[0].to: is missing"),
        ("{from: '25:00', to: '07:30'}", ":1:22:", "`25:00` is no time of day"),
        ("{from: '24:00', to: '07:30'}", ":1:22:", "`24:00` is no time of day"),
        ("{from: 2300, to: '07:30'}", ":1:22:", "`2300` is no time of day"),
        ("{from: '23:00', to: '7.30'}", ":1:35:", "a time of day in quotes"),
        ("{from: '23:00', to: '23:00'}", ":1:35:", "no time at all"),
        ("{from: '23:00', to: '07:30', days: mon-wendesday}", ":1:50:", "`wednesday`; days"),
        ("{from: '23:00', to: '07:30', let_through: critcal}", ":1:57:", "`critcal` is none of the values"),
        ("{from: '23:00', to: '07:30', day: mon}", ":1:44:", "did you mean `days`?"),
        ("{from: '00:00', to: '24:00'}", ":1:14:", "every hour of the week is quiet"),
        ("{from: '12:00', to: '11:00'}, {from: '10:00', to: '13:00'}", ":1:14:", "every hour of the week is quiet"),
        ("'23:00-07:30'", ":1:15:", "where a section belongs"),
    ] {
        let problem = read(&format!("quiet_hours: [{items}]\n")).unwrap_err();
        assert!(problem.contains(place) && problem.contains(said), "{items}\n{problem}");
    }
    let many = "{from: '23:00', to: '07:30'}, ".repeat(MAX_WINDOWS + 1);
    assert!(read(&format!("quiet_hours: [{many}]\n")).unwrap_err().contains("a list of 51 windows"));
}

#[test]
fn windows_that_overlap_are_said_and_both_hold() {
    for (items, overlaps) in [
        ("{from: '23:00', to: '07:30'}, {from: '07:00', to: '08:00', days: sat}", true),
        ("{from: '23:00', to: '07:30', days: sun}, {from: '00:00', to: '01:00', days: mon}", true),
        ("{from: '23:00', to: '07:30'}, {from: '07:30', to: '23:00', days: sat}", false),
        ("{from: '23:00', to: '07:30', days: sun}, {from: '00:00', to: '01:00', days: tue}", false),
    ] {
        let warnings = read(&format!("quiet_hours: [{items}]\n")).unwrap().warnings;
        assert_eq!(warnings.len(), usize::from(overlaps), "{items} {warnings:?}");
        let said = "quiet_hours[1].from: overlaps with quiet_hours[0]; what either holds is held";
        assert!(warnings.iter().all(|warning| warning.to_string().contains(said)), "{warnings:?}");
    }
    // A window that is wrong keeps its place.
    let third = "{from: '25:00', to: '07:30'}, {from: '23:00', to: '07:30'}, {from: '07:00', to: '08:00'}";
    let problems = read(&format!("quiet_hours: [{third}]\n")).unwrap_err();
    assert!(problems.contains("quiet_hours[2].from: overlaps with quiet_hours[1]"), "{problems}");
}

/// A window with at least one day, as it is written, and whether it is quiet at a minute of the week by its definition.
fn window() -> impl Strategy<Value = (u16, u16, Vec<usize>)> {
    let days = prop::collection::vec(0usize..7, 1..4);
    (0..DAY, 1..=DAY, days).prop_filter("some time", |(from, to, _)| from != to)
}

const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

proptest! {
    #[test]
    fn a_minute_is_quiet_where_some_window_has_it(
        windows in prop::collection::vec(window(), 1..5),
        minutes in prop::collection::vec(0i64..i64::from(WEEK), 1..50),
    ) {
        let written = windows.iter().map(|(from, to, days)| {
            let days: Vec<&str> = days.iter().map(|day| DAY_NAMES[*day]).collect();
            format!("{{from: '{}', to: '{}', days: '{}'}}", TimeOfDay(*from), TimeOfDay(*to), days.join(","))
        });
        let written = written.collect::<Vec<_>>().join(", ");
        let Ok(read) = read(&format!("quiet_hours: [{written}]\n")) else { return Ok(()) };
        // A Monday; UTC has no changes.
        let monday: Timestamp = "2026-02-02T00:00:00Z".parse().unwrap();
        let is_quiet = |minute: i64| {
            windows.iter().any(|(from, to, days)| days.iter().any(|day| {
                let begin = *day as i64 * i64::from(DAY) + i64::from(*from);
                let length = (i64::from(*to) - i64::from(*from)).rem_euclid(i64::from(DAY));
                let length = if length == 0 { i64::from(DAY) } else { length };
                (minute - begin).rem_euclid(i64::from(WEEK)) < length
            }))
        };
        for minute in minutes {
            let at = monday + SignedDuration::from_mins(minute);
            let until = read.value.until(Level::Warning, at, &TimeZone::UTC);
            prop_assert_eq!(until.is_some(), is_quiet(minute), "{} at {}", written, at);
            if let Some(until) = until {
                // All of it is quiet, and its end is not.
                let length = until.duration_since(at).as_secs() / 60;
                prop_assert!((0..length).step_by(7).all(|later| is_quiet(minute + later)));
                prop_assert!(!is_quiet(minute + length));
            }
        }
    }
}
