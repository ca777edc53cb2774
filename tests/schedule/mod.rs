//! Schedules as a user meets them: refusals with their places, firing times, and the effect of clock changes.

mod croniter;
mod oracle;
mod refusals;
mod zones;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use vps_monitor::schedule::Schedule;

/// The zones of the comparisons: no clock changes, changes of an hour on both sides of the Atlantic, one of half an hour
/// in the south.
const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|error| panic!("{error}: install tzdata"))
}

fn parse(expression: &str) -> Schedule {
    Schedule::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// As the command `schedule` prints it.
fn rfc3339(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[test]
fn the_examples_of_the_configuration_fire_when_its_comments_say() {
    for (expression, expected) in [
        ("0 9 * * *", ["2026-02-05T09:00:00+08:00", "2026-02-06T09:00:00+08:00"]),
        ("0 9,18 * * *", ["2026-02-04T18:00:00+08:00", "2026-02-05T09:00:00+08:00"]),
        ("0 */6 * * *", ["2026-02-04T12:00:00+08:00", "2026-02-04T18:00:00+08:00"]),
        ("0 9 * * 1", ["2026-02-09T09:00:00+08:00", "2026-02-16T09:00:00+08:00"]),
        ("0 0 1 * *", ["2026-03-01T00:00:00+08:00", "2026-04-01T00:00:00+08:00"]),
    ] {
        let shanghai = zone("Asia/Shanghai");
        let schedule = parse(expression);
        let times: Vec<String> =
            schedule.upcoming(instant("2026-02-04T01:00:00Z"), &shanghai).take(2).map(|time| rfc3339(&time)).collect();
        assert_eq!(times, expected, "{expression}");
    }
}

#[test]
fn expressions_mean_what_croniter_takes_them_to_mean() {
    // 2026-02-01 is a Sunday.
    for (expression, expected) in [
        ("@hourly", "2026-02-01T01:00Z 2026-02-01T02:00Z"),
        ("@daily", "2026-02-02T00:00Z 2026-02-03T00:00Z"),
        ("@MIDNIGHT", "2026-02-02T00:00Z 2026-02-03T00:00Z"),
        ("@weekly", "2026-02-08T00:00Z 2026-02-15T00:00Z"),
        ("@monthly", "2026-03-01T00:00Z 2026-04-01T00:00Z"),
        ("@yearly", "2027-01-01T00:00Z 2028-01-01T00:00Z"),
        (" @annually ", "2027-01-01T00:00Z 2028-01-01T00:00Z"),
        ("5/20 1 * * *", "2026-02-01T01:05Z 2026-02-01T01:25Z 2026-02-01T01:45Z"),
        ("59/15 * * * *", "2026-02-01T00:59Z 2026-02-01T01:59Z"),
        ("*/90 3 * * *", "2026-02-01T03:00Z 2026-02-02T03:00Z"),
        ("0 17-17 * * *", "2026-02-01T17:00Z 2026-02-02T17:00Z"),
        ("0 0 * * sun-sun", "2026-02-08T00:00Z 2026-02-15T00:00Z"),
        ("0 0 * * 7", "2026-02-08T00:00Z 2026-02-15T00:00Z"),
        ("0 0 * * Sat-Sun", "2026-02-07T00:00Z 2026-02-08T00:00Z 2026-02-14T00:00Z"),
        ("0 0 * * 5-7/2", "2026-02-06T00:00Z 2026-02-08T00:00Z 2026-02-13T00:00Z"),
        ("0 0 * feb-apr/2 mon", "2026-02-02T00:00Z 2026-02-09T00:00Z"),
        ("0 0 13 * fri", "2026-02-06T00:00Z 2026-02-13T00:00Z 2026-02-20T00:00Z"),
        // A step restricts: the days are joined by OR.
        ("0 0 */20 * tue", "2026-02-03T00:00Z 2026-02-10T00:00Z 2026-02-17T00:00Z 2026-02-21T00:00Z"),
        ("0 0 29 2 *", "2028-02-29T00:00Z 2032-02-29T00:00Z"),
        ("0 0 30 2 mon", "2026-02-02T00:00Z 2026-02-09T00:00Z"),
        ("0 0 L * *", "2026-02-28T00:00Z 2026-03-31T00:00Z 2026-04-30T00:00Z"),
        ("0 0 30-l * ?", "2026-03-30T00:00Z 2026-03-31T00:00Z 2026-04-30T00:00Z"),
        // 15 February is a Sunday, 15 August a Saturday, 31 May a Sunday.
        ("0 0 15W 2,8 *", "2026-02-16T00:00Z 2026-08-14T00:00Z"),
        ("0 0 w31 5,6 *", "2026-05-29T00:00Z 2026-06-30T00:00Z"),
        ("0 0 ? * fri#2,1#5", "2026-02-13T00:00Z 2026-03-13T00:00Z 2026-03-30T00:00Z"),
        ("0 0 * * l5", "2026-02-27T00:00Z 2026-03-27T00:00Z"),
    ] {
        let schedule = parse(expression);
        let times: Vec<String> = schedule
            .upcoming(instant("2026-02-01T00:00:00Z"), &TimeZone::UTC)
            .take(expected.split(' ').count())
            .map(|time| time.strftime("%Y-%m-%dT%H:%MZ").to_string())
            .collect();
        assert_eq!(times.join(" "), expected, "{expression}");
    }
}

#[test]
fn the_given_instant_is_left_out_to_the_nanosecond() {
    let schedule = parse("0 9 * * *");
    let nine = instant("2026-02-04T09:00:00Z");
    let next = |after: &str| schedule.next_after(instant(after), &TimeZone::UTC).unwrap();
    assert_eq!(next("2026-02-04T08:59:59.999999999Z"), nine);
    assert_eq!(next("2026-02-04T09:00:00Z"), instant("2026-02-05T09:00:00Z"));
    assert_eq!(next("2026-02-04T09:00:00.000000001Z"), instant("2026-02-05T09:00:00Z"));
}

#[test]
fn a_schedule_ends_with_the_calendar() {
    assert_eq!(parse("* * * * *").next_after(Timestamp::MAX, &TimeZone::UTC), None);
    assert_eq!(parse("0 0 29 2 *").next_after(instant("9996-03-01T00:00:00Z"), &zone("Europe/Berlin")), None);
}
