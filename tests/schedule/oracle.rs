//! Schedules against an oracle that walks minute by minute over real time without any cleverness: it looks at the
//! zone's clock, and at its reading a minute before.
//!
//! The expressions are made together with the sets that they mean, so that the oracle does not depend on the parser.

use std::collections::BTreeSet;
use std::fmt::Write;

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::{ZONES, instant, parse, zone};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// One field: its text, and the numbers it means.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    values: BTreeSet<i8>,
}

#[derive(Clone, Debug)]
struct Expression {
    minute: Field,
    hour: Field,
    day_of_month: Field,
    month: Field,
    day_of_week: Field,
}

impl Expression {
    fn text(&self) -> String {
        let fields = [&self.minute, &self.hour, &self.day_of_month, &self.month, &self.day_of_week];
        fields.map(|field| field.text.as_str()).join(" ")
    }

    fn fits(&self, civil: DateTime) -> bool {
        let weekday = civil.weekday().to_sunday_zero_offset();
        let of_week =
            self.day_of_week.values.contains(&weekday) || weekday == 0 && self.day_of_week.values.contains(&7);
        let of_month = self.day_of_month.values.contains(&civil.day());
        let day = match (self.day_of_month.text == "*", self.day_of_week.text == "*") {
            (true, _) => of_week,
            (_, true) => of_month,
            (false, false) => of_month || of_week,
        };
        let time = self.minute.values.contains(&civil.minute()) && self.hour.values.contains(&civil.hour());
        time && day && self.month.values.contains(&civil.month())
    }

    fn fits_some_day(&self) -> bool {
        let mut leap_year = date(2024, 1, 1).series(1.day()).take(366);
        self.day_of_week.text != "*"
            || leap_year
                .any(|day| self.month.values.contains(&day.month()) && self.day_of_month.values.contains(&day.day()))
    }

    fn follows_real_hours(&self) -> bool {
        self.hour.text.starts_with('*') && !self.hour.text.contains(',')
    }

    /// All instants after `from` and up to `until`.
    fn walk(&self, from: Timestamp, until: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let mut fired = Vec::new();
        let mut shown_before = zone.to_datetime(from);
        let mut latest_shown = (0..180).map(|back| zone.to_datetime(from - MINUTE * back)).max().unwrap();
        let mut now = from + MINUTE;
        while now <= until {
            let shown = zone.to_datetime(now);
            let repeated = shown <= latest_shown;
            let skipped = (1..)
                .map(|minutes| shown_before + minutes.minutes())
                .take_while(|civil| *civil < shown)
                .any(|civil| self.fits(civil));
            let fires =
                if self.follows_real_hours() { self.fits(shown) } else { !repeated && self.fits(shown) || skipped };
            if fires {
                fired.push(now);
            }
            latest_shown = latest_shown.max(shown);
            shown_before = shown;
            now += MINUTE;
        }
        fired
    }
}

/// `*`, `*/n`, or a list of values, ranges and ranges with steps; names where the field has them.
fn field(low: i8, high: i8, names: &'static [&'static str]) -> impl Strategy<Value = Field> {
    let item = (low..=high, low..=high, 1_i8..8, 0..4_u8, any::<bool>()).prop_map(move |(a, b, step, shape, named)| {
        let name = |value: i8| match names.get(usize::try_from(value - low).unwrap()) {
            Some(name) if named => (*name).to_owned(),
            _ => value.to_string(),
        };
        let (first, last) = (a.min(b), a.max(b));
        match shape {
            0 => (name(a), BTreeSet::from([a])),
            1 => (format!("{}-{}", name(first), name(last)), (first..=last).collect()),
            2 => {
                let values = (first..=last).step_by(usize::try_from(step).unwrap()).collect();
                (format!("{}-{}/{step}", name(first), name(last)), values)
            }
            _ => (format!("{a:02}"), BTreeSet::from([a])),
        }
    });
    let list = proptest::collection::vec(item, 1..4).prop_map(|items| {
        let mut field = Field { text: String::new(), values: BTreeSet::new() };
        for (index, (text, values)) in items.into_iter().enumerate() {
            write!(field.text, "{}{text}", if index == 0 { "" } else { "," }).unwrap();
            field.values.extend(values);
        }
        field
    });
    let every = Just(Field { text: "*".to_owned(), values: (low..=high).collect() });
    let stepped = (1_usize..15).prop_map(move |step| Field {
        text: format!("*/{step}"),
        values: (low..=if high == 7 { 6 } else { high }).step_by(step).collect(),
    });
    prop_oneof![2 => every, 1 => stepped, 3 => list]
}

fn expression() -> impl Strategy<Value = Expression> {
    let months = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let weekdays = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    (field(0, 59, &[]), field(0, 23, &[]), field(1, 31, &[]), field(1, 12, months), field(0, 7, weekdays)).prop_map(
        |(minute, hour, day_of_month, month, day_of_week)| Expression {
            minute,
            hour,
            day_of_month,
            month,
            day_of_week,
        },
    )
}

/// An expression of times around a clock change: nights in the seasons of the changes.
fn night() -> impl Strategy<Value = Expression> {
    (expression(), field(0, 4, &[])).prop_map(|(expression, hour)| {
        let every = |low, high| Field { text: "*".to_owned(), values: (low..=high).collect() };
        // A step here went through 0 to 4 alone; `*` means all hours.
        let hour = if hour.text.starts_with('*') { every(0, 23) } else { hour };
        Expression { hour, month: every(1, 12), day_of_month: every(1, 31), ..expression }
    })
}

/// Half a day before each of a year's clock changes in the zones, and days without one.
const STARTS: [&str; 8] = [
    "2026-03-28T13:00:00Z",
    "2026-10-24T13:00:00Z",
    "2026-03-07T13:00:00Z",
    "2026-10-31T13:00:00Z",
    "2026-10-03T05:00:00Z",
    "2026-04-04T05:00:00Z",
    "2026-07-15T00:00:00Z",
    "2027-12-30T00:00:00Z",
];

fn assert_agrees(expression: &Expression, start: Timestamp, days: i64, zone_name: &str) {
    let zone = zone(zone_name);
    let until = start + SignedDuration::from_hours(24 * days);
    let schedule = parse(&expression.text());
    let found: Vec<Timestamp> =
        schedule.upcoming(start, &zone).map(|time| time.timestamp()).take_while(|time| *time <= until).collect();
    let expected = expression.walk(start, until, &zone);
    assert_eq!(found, expected, "{} in {zone_name} after {start}", expression.text());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_expression_fires_as_a_walk_over_the_minutes_says(
        expression in expression(),
        start in proptest::sample::select(&STARTS),
        zone in proptest::sample::select(&ZONES),
        seconds in 0_i64..86_400,
    ) {
        // An expression that never fires is refused, and has a test of its own.
        prop_assume!(expression.fits_some_day());
        let start = instant(start) + SignedDuration::from_mins(seconds / 60);
        assert_agrees(&expression, start, 10, zone);
    }

    #[test]
    fn nights_of_clock_changes_are_as_a_walk_over_the_minutes_says(
        expression in night(),
        start in proptest::sample::select(&STARTS),
        zone in proptest::sample::select(&ZONES),
        minutes in 0_i64..1440,
    ) {
        assert_agrees(&expression, instant(start) + SignedDuration::from_mins(minutes), 2, zone);
    }
}
