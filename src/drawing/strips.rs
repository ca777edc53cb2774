//! The strips of a chart, and their order.

use super::courses::Course;
use super::{Past, Subject, is_condition, is_named};
use crate::chart::{Panel, Span, Step, Strip};
use crate::history::{Spell, Summary};
use crate::message::Line;
use crate::metric::{self, MessageSection};
use crate::snapshot::Key;

/// A taller picture is not read on a phone. Those with an alert stay.
const MOST_STRIPS: usize = 12;

/// The panels, in the order of a report.
pub(super) fn panels(past: &Past<'_>, alerts: &[Spell]) -> Vec<Panel> {
    let quantities = past.courses.iter().filter(|course| !is_condition(&course.key));
    let mut strips: Vec<Strip> = quantities
        .map(|course| strip(past, course, alerts))
        .filter(|strip| !matches!(past.recipe.subject, Subject::Report) || is_worth_it(strip))
        .collect();
    strips.sort_by_key(|strip| {
        let metric = strip.key.metric;
        let section = [MessageSection::System, MessageSection::Network, MessageSection::Docker];
        (section.iter().position(|section| *section == metric.section), metric.report_order.unwrap_or(metric.order))
    });
    if matches!(past.recipe.subject, Subject::Report) {
        let mut surplus = strips.len().saturating_sub(MOST_STRIPS);
        for number in (0..strips.len()).rev() {
            if surplus > 0 && strips[number].alerts.is_empty() {
                strips.remove(number);
                surplus -= 1;
            }
        }
        strips.truncate(MOST_STRIPS);
    }
    mirrored(past, strips)
}

pub(super) fn is_shown(subject: &Subject, alerts: &[Spell], key: &Key) -> bool {
    let has_alert = || alerts.iter().any(|alert| is_of(alert, key));
    match subject {
        Subject::Report => {
            has_alert() || key.metric.report_order.is_some() && key.metric.section != MessageSection::Docker
        }
        Subject::Named(names) => is_named(names, key),
        Subject::Alert(wanted) => key == wanted,
    }
}

pub(super) fn is_of(alert: &Spell, key: &Key) -> bool {
    alert.metric == key.metric.name && alert.target == *key.target
}

/// A share that was never above nothing says nothing: swap on a host without any.
fn is_worth_it(strip: &Strip) -> bool {
    strip.steps.iter().flatten().any(|step| step.max > 0.0 || step.min < 0.0) || !strip.alerts.is_empty()
}

fn strip(past: &Past<'_>, course: &Course, alerts: &[Spell]) -> Strip {
    let key = &course.key;
    let step = |summary: Summary| Step { min: summary.min, avg: summary.average(), max: summary.max };
    let known = past.known(key);
    Strip {
        note: known.map(|known| Line::foreign(&known.note)).unwrap_or_default(),
        threshold: past.limit(key),
        now: past.value_now(key),
        steps: course.steps.iter().map(|summary| summary.map(step)).collect(),
        alerts: alerts.iter().filter(|alert| is_of(alert, key)).map(|alert| span(past, alert)).collect(),
        key: key.clone(),
    }
}

/// The part of an alert within the chart.
fn span(past: &Past<'_>, alert: &Spell) -> Span {
    let (from, to) = (past.recipe.from, past.recipe.to);
    let time = |second: i64| jiff::Timestamp::from_second(second).unwrap_or(to).clamp(from, to);
    Span { from: time(alert.since), to: alert.until.map_or(to, time) }
}

/// Both directions of the traffic are one panel.
fn mirrored(past: &Past<'_>, strips: Vec<Strip>) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for strip in strips {
        match panels.last_mut() {
            Some(Panel::Strip(inward))
                if inward.key.metric == metric::TRAFFIC_IN
                    && strip.key.metric == metric::TRAFFIC_OUT
                    && inward.key.target == strip.key.target =>
            {
                let title = past.said("流量", "Traffic").into();
                let inward = inward.clone();
                panels.pop();
                panels.push(Panel::Mirrored { title, inward, outward: strip });
            }
            _ => panels.push(Panel::Strip(strip)),
        }
    }
    panels
}
