//! Reads a cron expression; for a wrong one it gives the fault, the place, and the right form.
//!
//! The language is croniter's five-field one, its `L`, `W`, `#` and `?` included. It is stricter than croniter where
//! croniter would guess: reversed ranges (`fri-mon`, but for Sunday as the last day of `sat-sun`) and expressions that
//! never fire are refused, and a range of one is that one value, where croniter takes all of them.

use std::ops::Range;

use super::fields::{DaysOfMonth, DaysOfWeek, Fields, Set};
use super::token::Token;
use crate::settings::{self, Complaint};
use crate::text::counted;

/// A fault of a cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (characters {} to {}); expected: {expected}", at.start + 1, at.end)]
pub struct CronError {
    /// A sentence without a full stop.
    pub message: String,
    /// The right form.
    pub expected: String,
    /// The wrong characters of the expression, counted from 0; empty only if the expression is.
    pub at: Range<usize>,
}

impl CronError {
    fn new(token: &Token<'_>, message: impl Into<String>, expected: impl Into<String>) -> CronError {
        CronError { message: message.into(), expected: expected.into(), at: token.range() }
    }
}

/// One of the five fields: its name, and the numbers that it takes.
struct Field {
    name: &'static str,
    /// `name` with its article.
    a_name: &'static str,
    lowest: i8,
    /// The end of `*` and `5/2`.
    highest: i8,
    /// One more than `highest`, but only for days of the week: 7 is Sunday again.
    highest_accepted: i8,
    /// In the order of their numbers, from `lowest`.
    names: &'static [&'static str],
    values: &'static str,
}

const MINUTE: Field = Field {
    name: "minute",
    a_name: "a minute",
    lowest: 0,
    highest: 59,
    highest_accepted: 59,
    names: &[],
    values: "0 to 59",
};
const HOUR: Field = Field {
    name: "hour",
    a_name: "an hour",
    lowest: 0,
    highest: 23,
    highest_accepted: 23,
    names: &[],
    values: "0 to 23",
};
const DAY_OF_MONTH: Field = Field {
    name: "day of the month",
    a_name: "a day of the month",
    lowest: 1,
    highest: 31,
    highest_accepted: 31,
    names: &[],
    values: "1 to 31",
};
const MONTH: Field = Field {
    name: "month",
    a_name: "a month",
    lowest: 1,
    highest: 12,
    highest_accepted: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    values: "1 to 12, or jan to dec",
};
const DAY_OF_WEEK: Field = Field {
    name: "day of the week",
    a_name: "a day of the week",
    lowest: 0,
    highest: 6,
    highest_accepted: SUNDAY_AGAIN,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    values: "0 to 7 (0 and 7 are Sunday), or sun to sat",
};

const SUNDAY_AGAIN: i8 = 7;

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

const FIVE_FIELDS: &str = "minute, hour, day of the month, month, day of the week, such as `0 9 * * *`";

pub(super) fn parse(expression: &str) -> Result<Fields, CronError> {
    if let Some(Complaint { message, expected, at: Some(at) }) = settings::confusable(expression) {
        return Err(CronError { message, expected, at });
    }
    let words = Token::words(expression);
    if let [word] = words[..]
        && word.text.starts_with('@')
    {
        let known = NICKNAMES.iter().find(|(nickname, _)| word.is(nickname));
        let (_, meaning) = known.ok_or_else(|| {
            let nicknames: Vec<&str> = NICKNAMES.iter().map(|(nickname, _)| *nickname).collect();
            CronError::new(&word, format!("`{}` is not known", word.text), nicknames.join(", "))
        })?;
        return parse(meaning);
    }
    let [minute, hour, day_of_month, month, day_of_week] = words[..] else {
        return Err(wrong_count(expression, &words));
    };
    let fields = Fields {
        minutes: set(&MINUTE, minute)?,
        hours: set(&HOUR, hour)?,
        follows_real_hours: hour.text.starts_with('*') && !hour.text.contains(','),
        days_of_month: days_of_month(day_of_month)?,
        months: set(&MONTH, month)?,
        days_of_week: days_of_week(day_of_week)?,
    };
    if fields.ever_fires() {
        Ok(fields)
    } else {
        let message = "the expression never fires: none of its months has such a day";
        let at = day_of_month.range().start..month.range().end;
        Err(CronError { message: message.to_owned(), expected: "a day that one of the months has".to_owned(), at })
    }
}

fn wrong_count(expression: &str, words: &[Token<'_>]) -> CronError {
    let message = match words {
        [] => "the expression is empty".to_owned(),
        [_] => "there is 1 field instead of five".to_owned(),
        [.., _] if words.len() > 5 => {
            format!("there are {} instead of five (no seconds, no years)", counted(words.len(), "field"))
        }
        _ => format!("there are {} instead of five", counted(words.len(), "field")),
    };
    let at = match words {
        [_, _, _, _, _, first_surplus, .., last] => first_surplus.range().start..last.range().end,
        [_, _, _, _, _, surplus] => surplus.range(),
        [first, .., last] => first.range().start..last.range().end,
        [only] => only.range(),
        [] => 0..expression.chars().count(),
    };
    CronError { message, expected: FIVE_FIELDS.to_owned(), at }
}

fn set(field: &Field, word: Token<'_>) -> Result<Set, CronError> {
    word.items().try_fold(Set::default(), |set, item| Ok(set.union(values(field, item)?)))
}

fn days_of_month(word: Token<'_>) -> Result<Option<DaysOfMonth>, CronError> {
    if word.is("*") || word.is("?") {
        return Ok(None);
    }
    let mut days = DaysOfMonth::default();
    for item in word.items() {
        if item.is("L") {
            days.last = true;
        } else if let Some(day) = item.strip_prefix('W').or_else(|| item.strip_suffix('W')) {
            if word.text.contains(',') {
                return Err(CronError::new(
                    &item,
                    format!("`{}` stands in a list", item.text),
                    "a day with W by itself",
                ));
            }
            days.nearest_weekday = Some(value(&DAY_OF_MONTH, day)?);
        } else {
            days.days = days.days.union(values(&DAY_OF_MONTH, item)?);
        }
    }
    Ok(Some(days))
}

fn days_of_week(word: Token<'_>) -> Result<Option<DaysOfWeek>, CronError> {
    if word.is("*") || word.is("?") {
        return Ok(None);
    }
    let mut days = DaysOfWeek::default();
    for item in word.items() {
        if let Some((weekday, nth)) = item.split_once('#') {
            let index = ["1", "2", "3", "4", "5"]
                .iter()
                .position(|digit| nth.is(digit))
                .ok_or_else(|| CronError::new(&nth, format!("`{}` is not a week of the month", nth.text), "1 to 5"))?;
            days.nth[index] = days.nth[index].union(values(&DAY_OF_WEEK, weekday)?);
        } else if let Some(weekday) = item.strip_prefix('L') {
            days.last = days.last.union(values(&DAY_OF_WEEK, weekday)?);
        } else {
            days.every = days.every.union(values(&DAY_OF_WEEK, item)?);
        }
    }
    for set in days.nth.iter_mut().chain([&mut days.every, &mut days.last]) {
        if set.contains(SUNDAY_AGAIN) {
            set.remove(SUNDAY_AGAIN);
            set.insert(0);
        }
    }
    Ok(Some(days))
}

/// `*`, `5`, `1-5`, each with a `/step` or without.
fn values(field: &Field, item: Token<'_>) -> Result<Set, CronError> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(parse_step(item, step)?)),
        None => (item, None),
    };
    let (low, high) = if range.is("*") {
        (field.lowest, field.highest)
    } else if let Some((low, high)) = range.split_once('-') {
        bounds(field, range, low, high)?
    } else {
        match (value(field, range)?, step) {
            // croniter: `10/20` is `10-59/20`, and a Sunday written as 7 starts the week.
            (SUNDAY_AGAIN, Some(_)) if field.highest < SUNDAY_AGAIN => (field.lowest, field.highest),
            (low, Some(_)) => (low, field.highest),
            (low, None) => (low, low),
        }
    };
    Ok((low..=high).step_by(step.unwrap_or(1)).collect())
}

fn bounds(field: &Field, range: Token<'_>, low: Token<'_>, high: Token<'_>) -> Result<(i8, i8), CronError> {
    let first = value(field, low)?;
    let last = match field.name {
        _ if high.is(low.text) => first,
        _ if field.highest_accepted == SUNDAY_AGAIN && high.is("sun") => SUNDAY_AGAIN,
        _ if field.name == DAY_OF_MONTH.name && high.is("L") => field.highest,
        _ => value(field, high)?,
    };
    if first > last {
        let message = format!("the range `{}` runs backwards", range.text);
        return Err(CronError::new(&range, message, format!("`{}-{}`", high.text, low.text)));
    }
    Ok((first, last))
}

fn value(field: &Field, token: Token<'_>) -> Result<i8, CronError> {
    let error = |message| CronError::new(&token, message, field.values);
    if token.text.is_empty() {
        return Err(error(format!("{} is missing", field.a_name)));
    }
    if let Some((number, _)) = (field.lowest..).zip(field.names).find(|(_, name)| token.is(name)) {
        return Ok(number);
    }
    if !token.text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(error(format!("`{}` is not {}", token.text, field.a_name)));
    }
    let number = token.text.parse().ok().filter(|number| (field.lowest..=field.highest_accepted).contains(number));
    number.ok_or_else(|| error(format!("{} {} is out of range", field.name, token.text)))
}

/// The bound of a list: a longer one is a slip, because no field has as many values.
const LONGEST_STEP: usize = 9_999;

/// A step longer than its range is allowed, as in croniter, and then means the range's first value alone.
fn parse_step(item: Token<'_>, step: Token<'_>) -> Result<usize, CronError> {
    let expected = format!("a step from 1 to {LONGEST_STEP}, such as `*/15`");
    if step.text.is_empty() {
        return Err(CronError::new(&item, "a step is missing", expected));
    }
    if !step.text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CronError::new(&step, format!("`{}` is not a step", step.text), expected));
    }
    match step.text.parse().unwrap_or(usize::MAX) {
        0 => Err(CronError::new(&step, "the step is zero", expected)),
        length if length > LONGEST_STEP => {
            Err(CronError::new(&step, format!("the step {} is out of range", step.text), expected))
        }
        length => Ok(length),
    }
}
