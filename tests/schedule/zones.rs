//! Clock changes, case by case, in four zones.
//!
//! Berlin: at 2026-03-29 02:00 it is 03:00, at 2026-10-25 03:00 it is 02:00. New York: 2026-03-08 02:00 to 03:00 and
//! 2026-11-01 02:00 to 01:00. Lord Howe, half an hour: 2026-10-04 02:00 to 02:30 and 2026-04-05 02:00 to 01:30.
//! Havana, at midnight: 2024-03-10 00:00 to 01:00 and 2024-11-03 01:00 to 00:00 (from 2026 on it stays on summer time).

use super::{instant, parse, rfc3339, zone};

struct Case {
    zone: &'static str,
    after: &'static str,
    expression: &'static str,
    /// One after the other, without any between them.
    times: &'static [&'static str],
}

const SPRING: &[Case] = &[
    // A skipped time comes at the first instant after the gap, and the day before and after at its own.
    Case {
        zone: "Europe/Berlin",
        after: "2026-03-28T00:00:00Z",
        expression: "30 2 * * *",
        times: &["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
    },
    // A list whose first time is skipped loses neither that one nor the day.
    Case {
        zone: "Europe/Berlin",
        after: "2026-03-29T00:30:00Z",
        expression: "30 2,9 * * *",
        times: &["2026-03-29T03:00:00+02:00", "2026-03-29T09:30:00+02:00", "2026-03-30T02:30:00+02:00"],
    },
    // Several skipped times come together, and so does the one that is due at that instant anyway.
    Case {
        zone: "Europe/Berlin",
        after: "2026-03-29T00:00:00Z",
        expression: "*/20 1-3 * * *",
        times: &[
            "2026-03-29T01:20:00+01:00",
            "2026-03-29T01:40:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:20:00+02:00",
        ],
    },
    // Real hours: none is skipped, because the skipped one never was.
    Case {
        zone: "Europe/Berlin",
        after: "2026-03-29T00:00:00Z",
        expression: "30 * * * *",
        times: &["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-29T04:30:00+02:00"],
    },
    Case {
        zone: "Europe/Berlin",
        after: "2026-03-28T22:30:00Z",
        expression: "0 */2 * * *",
        times: &["2026-03-29T00:00:00+01:00", "2026-03-29T04:00:00+02:00", "2026-03-29T06:00:00+02:00"],
    },
    // The weekly report of the Sunday.
    Case {
        zone: "America/New_York",
        after: "2026-03-01T12:00:00Z",
        expression: "15 2 * * sun",
        times: &["2026-03-08T03:00:00-04:00", "2026-03-15T02:15:00-04:00"],
    },
    Case {
        zone: "America/New_York",
        after: "2026-03-08T06:59:59Z",
        expression: "0 2,3 * * *",
        times: &["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00", "2026-03-09T03:00:00-04:00"],
    },
    Case {
        zone: "Australia/Lord_Howe",
        after: "2026-10-03T15:00:00Z",
        expression: "0,15,45 2 * * *",
        times: &["2026-10-04T02:30:00+11:00", "2026-10-04T02:45:00+11:00", "2026-10-05T02:00:00+11:00"],
    },
    Case {
        zone: "Australia/Lord_Howe",
        after: "2026-10-03T14:45:00Z",
        expression: "*/15 * * * *",
        times: &["2026-10-04T01:30:00+10:30", "2026-10-04T01:45:00+10:30", "2026-10-04T02:30:00+11:00"],
    },
    // A day that begins with a gap is still a day.
    Case {
        zone: "America/Havana",
        after: "2024-03-09T06:00:00Z",
        expression: "@daily",
        times: &["2024-03-10T01:00:00-04:00", "2024-03-11T00:00:00-04:00"],
    },
];

const AUTUMN: &[Case] = &[
    // A repeated time comes the first time only.
    Case {
        zone: "Europe/Berlin",
        after: "2026-10-24T12:00:00Z",
        expression: "30 2 * * *",
        times: &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
    },
    // From within the second pass on, nothing of the first is made up for.
    Case {
        zone: "Europe/Berlin",
        after: "2026-10-25T01:10:00Z",
        expression: "*/15 2 * * *",
        times: &["2026-10-26T02:00:00+01:00"],
    },
    Case {
        zone: "Europe/Berlin",
        after: "2026-10-25T00:40:00Z",
        expression: "*/15 2,3 * * *",
        times: &["2026-10-25T02:45:00+02:00", "2026-10-25T03:00:00+01:00", "2026-10-25T03:15:00+01:00"],
    },
    // Real hours: the repeated one counts twice.
    Case {
        zone: "Europe/Berlin",
        after: "2026-10-24T23:30:00Z",
        expression: "0 * * * *",
        times: &["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"],
    },
    Case {
        zone: "America/New_York",
        after: "2026-11-01T05:00:00Z",
        expression: "30 1 1 * *",
        times: &["2026-11-01T01:30:00-04:00", "2026-12-01T01:30:00-05:00"],
    },
    Case {
        zone: "America/New_York",
        after: "2026-11-01T05:00:00Z",
        expression: "*/30 */1 * * *",
        times: &[
            "2026-11-01T01:30:00-04:00",
            "2026-11-01T01:00:00-05:00",
            "2026-11-01T01:30:00-05:00",
            "2026-11-01T02:00:00-05:00",
        ],
    },
    Case {
        zone: "Australia/Lord_Howe",
        after: "2026-04-04T14:00:00Z",
        expression: "15,45 1,2 * * *",
        times: &[
            "2026-04-05T01:15:00+11:00",
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T02:15:00+10:30",
            "2026-04-05T02:45:00+10:30",
        ],
    },
    // Midnight comes twice that day, the report once.
    Case {
        zone: "America/Havana",
        after: "2024-11-02T12:00:00Z",
        expression: "@midnight",
        times: &["2024-11-03T00:00:00-04:00", "2024-11-04T00:00:00-05:00"],
    },
];

fn assert_times(cases: &[Case]) {
    for case in cases {
        let times: Vec<String> = parse(case.expression)
            .upcoming(instant(case.after), &zone(case.zone))
            .take(case.times.len())
            .map(|time| rfc3339(&time))
            .collect();
        assert_eq!(times, case.times, "{} in {} after {}", case.expression, case.zone, case.after);
    }
}

#[test]
fn what_spring_skips_fires_once_at_the_first_instant_after_the_gap() {
    assert_times(SPRING);
}

#[test]
fn what_autumn_repeats_fires_the_first_time_only() {
    assert_times(AUTUMN);
}

/// Samoa went from 29 to 31 December 2011: its 30 December is one gap of a day.
#[test]
fn a_whole_day_that_is_skipped_fires_once() {
    let times: Vec<String> = parse("0 6,18 30 12 *")
        .upcoming(instant("2011-01-01T00:00:00Z"), &zone("Pacific/Apia"))
        .take(2)
        .map(|time| rfc3339(&time))
        .collect();
    assert_eq!(times, ["2011-12-31T00:00:00+14:00", "2012-12-30T06:00:00+14:00"]);
}
