//! Days of the week, as people write them: `mon-fri`, `sat,sun`.

use std::fmt;

use jiff::civil::Weekday;
use serde::{Serialize, Serializer};

use crate::settings::{Complaint, nearest};

/// Some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// From Monday on.
    is_one: [bool; 7],
}

const NAMES: [[&str; 2]; 7] = [
    ["mon", "monday"],
    ["tue", "tuesday"],
    ["wed", "wednesday"],
    ["thu", "thursday"],
    ["fri", "friday"],
    ["sat", "saturday"],
    ["sun", "sunday"],
];

const EXPECTED: &str = "days such as mon-fri or sat,sun";

impl Default for Days {
    fn default() -> Days {
        Days { is_one: [true; 7] }
    }
}

impl Days {
    /// Names and ranges, separated by commas. A range may go over the end of the week: `fri-mon`.
    pub fn parse(text: &str) -> Result<Days, Complaint> {
        if text.trim().is_empty() {
            return Ok(Days::default());
        }
        let mut is_one = [false; 7];
        for part in text.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to) = (day(from)?, day(to)?);
            let length = (to + 7 - from) % 7;
            (from..=from + length).for_each(|day| is_one[day % 7] = true);
        }
        Ok(Days { is_one })
    }

    pub fn contains(self, day: Weekday) -> bool {
        self.is_one[usize::from(day.to_monday_zero_offset().unsigned_abs())]
    }

    /// Counted from Monday, which is 0.
    pub fn numbers(self) -> impl Iterator<Item = u16> {
        (0..7).filter(move |day| self.is_one[usize::from(*day)])
    }
}

fn day(name: &str) -> Result<usize, Complaint> {
    let name = name.trim();
    let is_it = |names: &[&str; 2]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if let Some(day) = NAMES.iter().position(is_it) {
        return Ok(day);
    }
    let complaint = Complaint::new(format!("`{name}` is no day of the week"));
    Err(match nearest(name, NAMES.into_iter().flatten()) {
        Some(meant) => complaint.expected(format!("`{meant}`; {EXPECTED}")),
        None => complaint.expected(EXPECTED),
    })
}

/// `mon-fri`, `sat,sun`
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for day in self.numbers() {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == day => *last = day,
                _ => runs.push((day, day)),
            }
        }
        let name = |day: u16| NAMES[usize::from(day)][0];
        let text: Vec<String> = runs
            .into_iter()
            .map(|(from, to)| if from == to { name(from).to_owned() } else { format!("{}-{}", name(from), name(to)) })
            .collect();
        f.write_str(&text.join(","))
    }
}

impl Serialize for Days {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lists_and_ranges_are_days() {
        for (text, meant) in [
            ("mon-fri", "mon-fri"),
            ("sat,sun", "sat-sun"),
            ("Mon, wed , FRIDAY", "mon,wed,fri"),
            ("fri-mon", "mon,fri-sun"),
            ("sun", "sun"),
            ("", "mon-sun"),
            ("mon-sun", "mon-sun"),
            ("tue-tue", "tue"),
        ] {
            assert_eq!(Days::parse(text).unwrap().to_string(), meant, "{text}");
        }
        assert!(Days::parse("sat").unwrap().contains(Weekday::Saturday));
        assert!(!Days::parse("sat").unwrap().contains(Weekday::Sunday));
    }

    proptest! {
        #[test]
        fn days_are_read_as_they_are_shown(text in "\\PC{0,30}|((mon|Tue|fri|sat|SUN|x)[,-]? ?){1,6}") {
            if let Ok(days) = Days::parse(&text) {
                prop_assert_eq!(Days::parse(&days.to_string()).unwrap(), days);
            }
        }
    }

    #[test]
    fn an_unknown_day_is_told_with_the_nearest_one() {
        for (text, nearest) in
            [("tues", "`tue`"), ("mon-wendesday", "`wednesday`"), ("workdays", EXPECTED), ("mon,", EXPECTED)]
        {
            let complaint = Days::parse(text).unwrap_err();
            assert!(complaint.expected.starts_with(nearest), "{text}: {complaint:?}");
        }
    }
}
