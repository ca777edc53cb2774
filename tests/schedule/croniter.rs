//! Schedules against croniter's answers, which `tests/croniter/compare.py` wrote down.
//!
//! A difference between the two must be of a kind that is known and named here: the contract decides otherwise, or
//! croniter contradicts itself. `SCHEDULE_CASES` names another file of cases, `--nocapture` shows the number of each
//! kind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use vps_monitor::schedule::Schedule;

use super::{instant, zone};

#[derive(Debug, Deserialize)]
struct Case {
    cron: String,
    zone: String,
    after: Timestamp,
    /// `None`: croniter refuses the expression, or knows no time at which it fires.
    next: Option<Vec<Timestamp>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Agreed,
    /// Neither takes the expression, or neither finds a time.
    BothRefuse,
    /// `nov-feb`: croniter goes around the end.
    ReversedRange,
    /// `17-17`: croniter takes all values.
    RangeOfOne,
    /// `*/1` or `1-31` beside a restricted other day field: croniter takes it for `*` if that one has a `*` in it.
    EveryDayButNotStar,
    /// `L5`, `fri#2` or `15W` beside other days: croniter refuses some, and takes others to be joined by AND.
    ExtensionBesideOtherDays,
    /// The skipped hour: croniter makes up for one that `*/2` names, and leaves out that of `*/1,5`.
    SkippedHour,
    /// The repeated hour: croniter repeats times of day, and leaves out some real hours of a half-hour change.
    RepeatedHour,
    Unknown,
}

#[test]
fn differences_from_croniter_are_known_ones() {
    let fixture = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/schedule/croniter.json");
    let path = std::env::var_os("SCHEDULE_CASES").map_or_else(fixture, PathBuf::from);
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for case in &cases {
        let verdict = case.verdict();
        assert_ne!(verdict, Verdict::Unknown, "{case:?}\nours: {:?}", case.ours());
        *counts.entry(verdict).or_default() += 1;
    }
    println!("{} cases: {counts:#?}", cases.len());
    assert!(counts[&Verdict::Agreed] * 100 > cases.len() * 80, "{counts:?}");
}

impl Case {
    fn ours(&self) -> Option<Vec<Timestamp>> {
        let times = self.next.as_ref().map_or(4, Vec::len);
        let schedule = Schedule::parse(&self.cron).ok()?;
        Some(schedule.upcoming(self.after, &zone(&self.zone)).take(times).map(|time| time.timestamp()).collect())
    }

    fn verdict(&self) -> Verdict {
        let ours = self.ours();
        match (&ours, &self.next) {
            (None, None) => Verdict::BothRefuse,
            (ours, theirs) if ours == theirs => Verdict::Agreed,
            _ if self.has_reversed_range() => Verdict::ReversedRange,
            _ if self.has_range_of_one() => Verdict::RangeOfOne,
            _ if self.has_extension_beside_other_days() => Verdict::ExtensionBesideOtherDays,
            _ if self.has_every_day_but_not_star() => Verdict::EveryDayButNotStar,
            (Some(ours), Some(theirs)) => self.clock_change(ours, theirs).unwrap_or(Verdict::Unknown),
            _ => Verdict::Unknown,
        }
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        self.cron.split(' ')
    }

    fn has_reversed_range(&self) -> bool {
        Schedule::parse(&self.cron).is_err_and(|error| error.message.ends_with("runs backwards"))
    }

    fn has_range_of_one(&self) -> bool {
        let items = self.cron.split([' ', ',']);
        items
            .filter_map(|item| item.split('/').next()?.split_once('-'))
            .any(|(low, high)| number(low) == number(high) || (low, high) == ("7", "sun"))
    }

    fn has_extension_beside_other_days(&self) -> bool {
        self.cron.contains(['#', 'L', 'W'])
    }

    fn has_every_day_but_not_star(&self) -> bool {
        let fields: Vec<&str> = self.fields().collect();
        let (of_month, of_week) = (fields[2], fields[4]);
        let daily = |expression: String| {
            let schedule = Schedule::parse(&expression).unwrap();
            schedule.upcoming(instant("2024-12-31T00:00:00Z"), &TimeZone::UTC).nth(30).unwrap().date()
                == jiff::civil::date(2025, 1, 31)
        };
        of_month != "*"
            && of_week != "*"
            && (daily(format!("0 0 {of_month} * *")) || daily(format!("0 0 * * {of_week}")))
    }

    /// The clock change at the point where the two differ; `None` if there is none. Past the end of either list it is not
    /// known whether they differ.
    fn clock_change(&self, ours: &[Timestamp], theirs: &[Timestamp]) -> Option<Verdict> {
        let both_known_until = ours.last().min(theirs.last())?;
        let only_in = |these: &[Timestamp], those: &[Timestamp]| -> Vec<Timestamp> {
            these.iter().filter(|time| *time <= both_known_until && !those.contains(time)).copied().collect()
        };
        let differing = [only_in(ours, theirs), only_in(theirs, ours)].concat();
        let verdicts: Option<Vec<Verdict>> =
            differing.into_iter().map(|time| clock_change_near(time, &self.zone)).collect();
        verdicts?.first().copied()
    }
}

/// The clock change within an hour of `time`.
fn clock_change_near(time: Timestamp, zone_name: &str) -> Option<Verdict> {
    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    let zone = zone(zone_name);
    let (before, after) = (zone.to_offset(time - HOUR), zone.to_offset(time + HOUR));
    match after.seconds() - before.seconds() {
        0 => None,
        1.. => Some(Verdict::SkippedHour),
        _ => Some(Verdict::RepeatedHour),
    }
}

/// The number of a value that may be a name; months and days of the week have no name in common.
fn number(value: &str) -> Option<usize> {
    const NAMES: [&str; 19] = [
        "sun", "mon", "tue", "wed", "thu", "fri", "sat", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",
        "oct", "nov", "dec",
    ];
    match NAMES.iter().position(|name| *name == value) {
        Some(weekday @ 0..7) => Some(weekday),
        Some(month) => Some(month - 6),
        None => value.parse().ok(),
    }
}
