//! The messages of one alert beside each other, whatever the agent thinks of them: never two of a firing inside the
//! cooldown, no more reminders than are due, no all-clear before its time, and none of an alert that was not told.

use std::collections::BTreeMap;

use super::clock::{HOUR, SECOND};
use super::host::WATCHED;
use super::oracle::wrong;
use super::rules::Rules;

/// Messages tell whole seconds.
const ROUNDED: i64 = 2 * SECOND;

/// All that is known of the messages of one alert. Times are true ones.
#[derive(Debug, Default)]
struct Past {
    /// Whether its last message was one of a firing; nothing: that is not known.
    is_open: Option<bool>,
    alerted: Option<i64>,
    began: i64,
    recovered: Option<i64>,
    reminders: u32,
    is_critical_told: bool,
    returns: u32,
}

/// A message of a firing.
pub struct Alerted<'a> {
    pub at: i64,
    pub is_critical: bool,
    /// The alert's past, in the line behind it.
    pub past: Option<&'a str>,
}

#[derive(Debug)]
pub struct Pairs {
    pasts: BTreeMap<String, Past>,
    /// Messages made before this are not known any more, not to the agent, or were by other rules; nothing: all are.
    since: Option<i64>,
}

impl Pairs {
    pub fn new() -> Pairs {
        Pairs { pasts: BTreeMap::new(), since: None }
    }

    /// Nothing is known any more of messages made until `now`.
    pub fn forget(&mut self, now: i64) {
        *self = Pairs { pasts: BTreeMap::new(), since: Some(now) };
    }

    /// All that is known of an alert of which a message was made at `at`.
    fn past(&mut self, subject: &str, at: i64) -> Option<&mut Past> {
        let is_open = self.since.is_none().then_some(false);
        if self.since.is_some_and(|since| at <= since + ROUNDED) {
            return None;
        }
        Some(self.pasts.entry(subject.to_owned()).or_insert(Past { is_open, ..Past::default() }))
    }

    pub fn alerted(&mut self, subject: &str, alert: &Alerted<'_>, rules: &Rules) {
        let Alerted { at, is_critical, past: behind } = *alert;
        let Some(past) = self.past(subject, at) else { return };
        let is_reminder = behind.is_some_and(|behind| behind.starts_with('⏳'));
        // It got worse, or lasts; all else is a beginning.
        let is_more = is_reminder || behind.is_some_and(|behind| behind.starts_with('📈'));
        if is_more && past.is_open == Some(false) {
            wrong(format!("{subject} is said to last, and nothing was told of it"));
        }
        if !is_more {
            (past.began, past.reminders, past.is_critical_told, past.returns) = (at, 0, false, 0);
        }
        let is_first_critical = is_critical && !past.is_critical_told;
        if let Some(before) = past.alerted {
            let came_back = past.recovered.is_some_and(|recovered| recovered >= before) && rules.settles();
            if at - before < rules.cooldown - ROUNDED && !is_first_critical && !came_back {
                wrong(format!("{subject} is told of {} s after it was, inside the cooldown", (at - before) / SECOND));
            }
        }
        if let Some(nth) = behind.and_then(|behind| behind.strip_prefix("🔁 ")) {
            past.returns = nth.parse::<u32>().map_or(0, |nth| nth - 1);
        }
        if is_reminder && past.is_open == Some(true) {
            let pause = rules.repeat.get(past.reminders as usize).or(rules.repeat.last());
            if let Some(before) = past.alerted
                && pause.is_none_or(|pause| at - before < pause - ROUNDED)
            {
                wrong(format!("{subject} is told again after {} s", (at - before) / SECOND));
            }
            past.reminders += 1;
            let days = (at - past.began) / (24 * HOUR);
            if rules.is_default() && i64::from(past.reminders) > 2 + days {
                wrong(format!("{subject} was told of {} times in {days} days", past.reminders));
            }
        }
        past.is_critical_told |= is_critical;
        (past.is_open, past.alerted) = (Some(true), Some(at));
    }

    /// An all-clear; `well_since`: when it was last seen to be ill, or began to be well.
    pub fn recovered(&mut self, place: usize, at: i64, well_since: i64, rules: &Rules) {
        let subject = WATCHED[place].label;
        let Some(past) = self.past(subject, at) else { return };
        if past.is_open == Some(false) {
            wrong(format!("{subject} is said to be over, and nothing was told of it"));
        }
        let settling = rules.settling_of(place, past.returns);
        if past.is_open == Some(true) && at - well_since < settling - ROUNDED {
            wrong(format!(
                "{subject} is said to be over after {} s of {}",
                (at - well_since) / SECOND,
                settling / SECOND
            ));
        }
        (past.is_open, past.recovered) = (Some(false), Some(at));
    }
}
