//! Alerts in `status`, and their news that quiet hours and silences hold back.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::reading::{limit, rfc3339, value_json};
use super::{AlertStatus, HeldAlertStatus};
use crate::clock::Now;
use crate::config::Resolved;
use crate::core::SilenceStatus;
use crate::hold::{HeldStatus, Holds};
use crate::outbox;
use crate::rule::Level;
use crate::snapshot::Key;
use crate::store::State;

pub(super) fn alerts(state: &State, config: &Resolved, now: Now) -> Vec<AlertStatus> {
    let (zone, policy) = (&config.style.zone, &config.policy);
    let holds = Holds::new(&config.quiet_hours, &state.silences, now, zone);
    let burning = state.held.iter().filter(|held| held.burning.is_some());
    let held: BTreeMap<&Key, HeldStatus<'_>> = burning.map(|held| (held.key, held)).collect();
    let status = state.alerts.active().into_iter().map(|alert| {
        let firing = alert.firing();
        let (threshold, expected) = limit(&alert.limit);
        let held = held.get(&alert.key);
        // For the state machine held news counts as told; people are shown their last message.
        let last_told = match held.and_then(|held| held.burning) {
            Some(before) => before,
            None => alert.last_told.map(|told| told.wall),
        };
        AlertStatus {
            metric: alert.key.metric.name.to_owned(),
            target: alert.key.target.to_string(),
            state: alert.state().to_owned(),
            since: rfc3339(alert.since(), zone),
            last_told: last_told.map(|told| rfc3339(told, zone)),
            value: value_json(alert.key.metric, &alert.value),
            unit: alert.key.metric.unit.name().map(str::to_owned),
            threshold,
            expected,
            level: firing.map(|firing| firing.level.name().to_owned()),
            returns: alert.returns,
            well_since: firing.and_then(|firing| firing.well_since).map(|well| rfc3339(well.wall, zone)),
            next_reminder: alert
                .next_reminder(policy)
                .filter(|_| held.is_none())
                .map(|due| rfc3339(outbox::on_the_wall(due, now), zone)),
            told_value: firing
                .filter(|_| held.is_none())
                .and_then(|firing| firing.told_value)
                .map(|told| alert.key.metric.unit.json(told)),
            held_until: held.map(|held| rfc3339(held_until(&holds, held, now), zone)),
        }
    });
    status.collect()
}

/// Alerts that came and went.
pub(super) fn over(state: &State, config: &Resolved, now: Now) -> Vec<HeldAlertStatus> {
    let zone = &config.style.zone;
    let holds = Holds::new(&config.quiet_hours, &state.silences, now, zone);
    let status = state.held.iter().filter_map(|held| {
        let (since, ended, times) = held.over?;
        Some(HeldAlertStatus {
            metric: held.key.metric.name.to_owned(),
            target: held.key.target.to_string(),
            since: rfc3339(since, zone),
            ended: rfc3339(ended, zone),
            times,
            held_until: Some(rfc3339(held_until(&holds, &held, now), zone)),
        })
    });
    status.collect()
}

/// The silences that last.
pub(super) fn silences(state: &State, config: &Resolved, now: Now) -> Vec<SilenceStatus> {
    let lasting = state.silences.lasting(now.boot);
    lasting.map(|silence| SilenceStatus::new(silence, &config.style.zone, now)).collect()
}

/// When the present quiet hours end for alerts that are not critical.
pub(super) fn quiet_until(config: &Resolved, now: Now) -> Option<String> {
    let zone = &config.style.zone;
    let until = config.quiet_hours.until(Level::Warning, now.wall, zone);
    until.map(|until| rfc3339(until, zone))
}

/// The next check tells news that nothing holds any more.
fn held_until(holds: &Holds, held: &HeldStatus<'_>, now: Now) -> Timestamp {
    holds.until(held.key, held.level).unwrap_or(now.wall)
}
