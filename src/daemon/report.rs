//! Status reports: measured so that they are ready at their time, and told apart from alerts, whose cooldowns they leave
//! alone.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Daemon, Outside, Purpose};
use crate::clock::{Boot, Now};
use crate::files::Folder;
use crate::message::{self, Extras};
use crate::schedule::Due;
use crate::snapshot::Snapshot;

/// A measurement that is older is made anew: the clock was set between it and the report's time.
const FRESH: Duration = Duration::from_secs(60);

/// How far the next report has come.
#[derive(Debug, Default)]
pub(super) struct Reporting {
    /// When it is due.
    due: Option<Timestamp>,
    measuring: bool,
    /// What was measured for it, and when.
    measured: Option<(Snapshot, Boot)>,
}

impl<O: Outside, F: Folder> Daemon<O, F> {
    /// Finds the next report: at the start, after a reload, after the clock was set.
    pub(super) fn look_at_clock(&mut self, now: Now) {
        // A step counts a report as sent, so it is tried on a copy: the report is measured first.
        let mut tried = self.reporter.clone();
        match tried.step(now.wall) {
            Due::NotYet { next } => {
                self.reporter = tried;
                self.reporting.due = next;
            }
            Due::Send { .. } | Due::Skipped { .. } => self.reporting.due = Some(now.wall),
        }
    }

    /// Measures for a report in time, and sends it at its time.
    pub(super) fn report_if_due(&mut self, now: Now) {
        let Some(due) = self.reporting.due else { return };
        if self.reporting.measured.as_ref().is_some_and(|(_, at)| now.boot - *at > FRESH) {
            self.reporting.measured = None;
        }
        if !self.reporting.measuring && self.reporting.measured.is_none() && now.wall >= self.measure_from(due) {
            self.outside.begin(Purpose::Report, now);
            self.reporting.measuring = true;
        }
        if self.reporting.measuring
            && self.outside.due(Purpose::Report).is_none_or(|due| due <= now.boot)
            && let Some(snapshot) = self.outside.advance(Purpose::Report, now)
        {
            self.reporting.measuring = false;
            self.reporting.measured = Some((snapshot, now.boot));
        }
        if now.wall >= due
            && let Some((snapshot, _)) = self.reporting.measured.take()
        {
            self.send_report(&snapshot, now);
        }
    }

    /// When there is something to do for the next report: begin to measure, go on with that, or send it.
    pub(super) fn report_deadline(&self, now: Now) -> Option<Boot> {
        let due = self.reporting.due?;
        let wall = match (&self.reporting.measured, self.reporting.measuring) {
            (Some(_), _) => due,
            (None, true) => return Some(self.outside.due(Purpose::Report).unwrap_or(now.boot)),
            (None, false) => self.measure_from(due),
        };
        let left = wall.as_microsecond().saturating_sub(now.wall.as_microsecond()).max(0);
        // Rounded up: a moment too early would be a turn for nothing.
        Some(now.boot.shifted(left + 1))
    }

    fn measure_from(&self, due: Timestamp) -> Timestamp {
        let window = SignedDuration::try_from(self.outside.window()).unwrap_or_default();
        due.checked_sub(window).unwrap_or(due)
    }

    fn send_report(&mut self, snapshot: &Snapshot, now: Now) {
        match self.reporter.step(now.wall) {
            Due::Send { due, late_by } => {
                if let Some(late_by) = late_by {
                    log::warn!("report=late due={} late_seconds={}", due.timestamp(), late_by.as_secs());
                }
                let extras = Extras {
                    late: late_by.map(|_| due.strftime("%H:%M").to_string()),
                    firing: self.state.alerts.firing().into_iter().cloned().collect(),
                    since_report: self.state.since_report,
                };
                let report = message::report(snapshot, &self.orders.outline, &extras, &self.orders.style, now.wall);
                self.state.since_report = Default::default();
                self.push(report, now);
            }
            Due::Skipped { due, late_by } => {
                self.unsaved = true;
                log::warn!(
                    "report=skipped due={} late_seconds={} reason=later_than_misfire_grace",
                    due.timestamp(),
                    late_by.as_secs()
                );
            }
            Due::NotYet { .. } => {}
        }
        self.reporting.due = self.reporter.next_after(now.wall);
    }
}
