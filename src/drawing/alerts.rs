//! The alerts in a chart: those that last in words, all of them for a page's table.

use jiff::Timestamp;

use super::strips::is_of;
use super::{Past, Recipe, Subject, is_condition};
use crate::chart::Episode;
use crate::history::{ReadError, Reader, Spell};
use crate::message::{Language, Line};
use crate::metric::Metric;
use crate::rule::Level;
use crate::snapshot::Key;

/// The alerts of the chart's time and subject, the latest first.
pub(super) fn of(reader: &Reader, recipe: &Recipe) -> Result<Vec<Spell>, ReadError> {
    let mut alerts = reader.alerts(recipe.from.as_second(), recipe.to.as_second())?;
    if let Subject::Alert(key) = &recipe.subject {
        alerts.retain(|alert| is_of(alert, key));
    }
    Ok(alerts)
}

fn key(alert: &Spell) -> Key {
    Key::new(Metric::named(&alert.metric), alert.target.as_str())
}

/// Those that last at the end, the gravest first. Where nothing is known of that time, nothing is.
pub(super) fn lasting(past: &Past<'_>, alerts: &[Spell]) -> Vec<Line> {
    let to = past.recipe.to.as_second();
    let is_on = |alert: &&Spell| past.now.is_some() && alert.until.is_none_or(|until| until > to);
    let mut lasting: Vec<&Spell> = alerts.iter().filter(is_on).collect();
    lasting.sort_by_key(|alert| (alert.level != Level::Critical.name(), alert.since));
    lasting.into_iter().map(|alert| line(past, alert)).collect()
}

/// `内存 88.5%，超过阈值 80%，已持续 1 小时 35 分`
fn line(past: &Past<'_>, alert: &Spell) -> Line {
    let key = key(alert);
    let words = past.recipe.language.words();
    let subject = past.subject(&key);
    let seconds = past.recipe.to.as_second() - alert.since;
    let lasting = words.duration(u64::try_from(seconds).unwrap_or(0));
    let lasting = match past.recipe.language {
        Language::Chinese => format!("，已持续 {lasting}"),
        Language::English => format!(", for {lasting}"),
    };
    if is_condition(&key) {
        return subject + past.said(" 异常", " is not well") + lasting;
    }
    let number = past.value_now(&key).or(alert.value);
    let number = number.map_or_else(|| words.unknown.to_owned(), |number| key.metric.unit.show(number));
    let limit = past.limit(&key).map(|limit| format!("{} {}", words.threshold, key.metric.unit.show_limit(limit)));
    subject + " " + number + limit.map(|limit| format!("{}{limit}", words.comma)).unwrap_or_default() + lasting
}

pub(super) fn episodes(past: &Past<'_>, alerts: &[Spell]) -> Vec<Episode> {
    let time = |second: i64| Timestamp::from_second(second).unwrap_or(past.recipe.to);
    let episode = |alert: &Spell| {
        let key = key(alert);
        let worst = alert.value.filter(|_| !is_condition(&key)).map(|worst| key.metric.unit.show(worst));
        Episode {
            subject: past.subject(&key),
            began: time(alert.since),
            ended: alert.until.map(time),
            worst: worst.unwrap_or_default().into(),
        }
    };
    alerts.iter().map(episode).collect()
}
