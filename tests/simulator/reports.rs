//! The scheduled reports that are due: one for each time that the clock passes while nothing disturbs the agent, and
//! never two for one time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::clock::{HOUR, MINUTE, SECOND};

/// A report is due every four hours.
pub const CRON: &str = "0 */4 * * *";
const PERIOD: i64 = 4 * HOUR;

/// Around a due time, this much must be undisturbed for its report to be owed.
const UNDISTURBED: i64 = 2 * MINUTE;

/// In microseconds: due times on the wall clock, the rest in true time.
#[derive(Default)]
pub struct Reports {
    /// Due times that were passed, and when.
    passed: BTreeMap<i64, i64>,
    disturbed: i64,
    /// When the reports that were told were made, by due time.
    told: BTreeMap<i64, BTreeSet<String>>,
}

impl Reports {
    /// The wall clock ran from one time to another by itself.
    pub fn pass(&mut self, from: Timestamp, to: Timestamp, true_time: i64) {
        let due = to.as_microsecond().div_euclid(PERIOD) * PERIOD;
        // A clock that was set back passes times again, whose reports were told.
        let is_new = from.as_microsecond() < due && !self.told.contains_key(&due);
        if is_new && true_time - self.disturbed > UNDISTURBED {
            self.passed.insert(due, true_time);
        }
    }

    /// Something happened that may delay a report or make it unnecessary.
    pub fn disturb(&mut self, true_time: i64) {
        self.disturbed = true_time;
        self.passed.retain(|_, passed| true_time - *passed > UNDISTURBED);
    }

    /// The agent was made to forget its reports.
    pub fn forget(&mut self) {
        self.passed.clear();
        self.told.values_mut().for_each(BTreeSet::clear);
    }

    /// A report, or a digest's line about one or several, that was made at `created` as it is shown. Returns its fault.
    pub fn tell(&mut self, created: &str) -> Result<(), String> {
        if let Some((first, rest)) = created.split_once(" → ") {
            // Of several that a digest tells together the first and the last are known, and how many they were.
            let last = rest.split(" (").next().unwrap_or(rest);
            let (first, last) = (due_of(first)?, due_of(last)?);
            let between: Vec<i64> = self.passed.range(first..=last).map(|(due, _)| *due).collect();
            for due in between {
                self.passed.remove(&due);
                self.told.entry(due).or_default();
            }
            return Ok(());
        }
        let due = due_of(created)?;
        self.passed.remove(&due);
        let told = self.told.entry(due).or_default();
        told.insert(created.to_owned());
        if told.len() > 1 { Err(format!("two reports for one time: {told:?}")) } else { Ok(()) }
    }

    /// A due time that passed before `before`, and no report of it was told.
    pub fn overdue(&self, before: i64) -> Option<String> {
        let (due, _) = self.passed.iter().find(|(_, passed)| **passed < before)?;
        Some(format!("the report due at {} second", due / SECOND))
    }
}

/// The due time of a report that was made at `created`, as it is shown.
fn due_of(created: &str) -> Result<i64, String> {
    let text = format!("{}Z", created.replacen(' ', "T", 1));
    let time: Timestamp = text.parse().map_err(|error| format!("a report's time {created:?}: {error}"))?;
    Ok(time.as_microsecond().div_euclid(PERIOD) * PERIOD)
}
