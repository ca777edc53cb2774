//! Status reports: measured so that they are ready at their time, and separate from alerts, whose cooldowns they leave
//! alone.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Core, Effect, Purpose};
use crate::clock::{Boot, Now};
use crate::message::{self, Sections};
use crate::schedule::Due;
use crate::snapshot::Snapshot;
use crate::store::State;

/// An older measurement is made anew: the clock was set between it and the report's time.
const FRESH: Duration = Duration::from_secs(60);

/// The progress of the next report.
#[derive(Debug, Default)]
pub(super) struct Reporting {
    /// When it is due.
    due: Option<Timestamp>,
    is_measuring: bool,
    /// The measurement for it, and its time.
    measured: Option<(Snapshot, Boot)>,
}

/// The part of a report that comes from `state`, beside the readings.
pub fn sections(state: &State, now: Now) -> Sections {
    Sections {
        late: None,
        on: state.alerts.lasting_at(now.boot).cloned().collect(),
        happened: state.happened.clone(),
        since_report: state.since_report,
        silences: state.silences.summary(now),
        delays: state.delays,
        logins: state.logins.summary(),
    }
}

impl Reporting {
    pub fn take(&mut self, snapshot: Snapshot, now: Boot) {
        if std::mem::take(&mut self.is_measuring) {
            self.measured = Some((snapshot, now));
        }
    }
}

impl Core {
    /// Finds the next report: at the start, after a reload, after the clock was set.
    pub(super) fn look_at_clock(&mut self, now: Now) {
        self.hold_end.forget();
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

    /// Measures for a report in time, and sends it when it is due.
    pub(super) fn report_if_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Some(due) = self.reporting.due else { return };
        let measure_from = self.measure_from(due);
        let reporting = &mut self.reporting;
        reporting.measured.take_if(|(_, at)| now.boot - *at > FRESH);
        if !reporting.is_measuring && reporting.measured.is_none() && now.wall >= measure_from {
            reporting.is_measuring = true;
            effects.push(Effect::Measure(Purpose::Report));
        }
        if now.wall >= due
            && let Some((snapshot, _)) = reporting.measured.take()
        {
            self.send_report(&snapshot, now);
        }
    }

    /// When there is something to do for the next report: begin to measure, or send it.
    pub(super) fn report_due(&self, now: Now) -> Option<Boot> {
        let due = self.reporting.due?;
        let wall = match (&self.reporting.measured, self.reporting.is_measuring) {
            (Some(_), _) => due,
            (None, true) => return None,
            (None, false) => self.measure_from(due),
        };
        let left = wall.as_microsecond().saturating_sub(now.wall.as_microsecond()).max(0);
        // Rounded up: an instant too early would waste a turn of the loop.
        Some(now.boot.shifted(left + 1))
    }

    fn measure_from(&self, due: Timestamp) -> Timestamp {
        let window = SignedDuration::try_from(self.config.plan.window()).unwrap_or_default();
        due.checked_sub(window).unwrap_or(due)
    }

    #[inline(never)]
    fn send_report(&mut self, snapshot: &Snapshot, now: Now) {
        match self.reporter.step(now.wall) {
            Due::Send { due, late_by } => {
                if let Some(late_by) = late_by {
                    log::warn!("report=late due={} late_seconds={}", due.timestamp(), late_by.as_secs());
                }
                let late = late_by.map(|_| due.strftime("%H:%M").to_string());
                let state = self.state.change();
                let sections = Sections { late, ..sections(state, now) };
                state.begin_anew_after_report();
                let config = &self.config;
                let report = message::report(snapshot, &sections, &config.style, now.wall);
                self.push(report, now);
                self.picture_of_report(now);
            }
            Due::Skipped { due, late_by } => {
                let _ = self.state.change();
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
