//! The configuration was read again: it is taken over, or refused and the one before stays in force.

use super::report::Reporting;
use super::{Core, Effect, Readiness};
use crate::clock::Now;
use crate::config::Resolved;
use crate::message;
use crate::schedule::{ReportState, Reporter};

impl Core {
    /// Takes over a changed configuration.
    #[inline(never)]
    pub(super) fn reloaded(&mut self, config: Resolved, now: Now, effects: &mut Vec<Effect>) {
        self.config_problem = None;
        self.adopt(config, now, effects);
        self.reopen_outboxes();
        self.checks.next = now.boot;
        log::info!(
            "reloaded channel=\"{}\" interval={}s",
            self.channel_names(),
            self.config.check_interval.as_secs_f64()
        );
        effects.push(Effect::Announce(Readiness::Ready));
    }

    /// Uses `config` from now on. A measurement goes on if the new plan measures the same.
    pub(super) fn adopt(&mut self, config: Resolved, now: Now, effects: &mut Vec<Effect>) {
        if !config.plan.measures_the_same(&self.config.plan) {
            effects.push(Effect::Watch {
                plan: Box::new(config.plan.clone()),
                memory: None,
                kills: None,
                logins_since: None,
                seen: Vec::new(),
            });
            self.checks.give_up();
            self.forget_waiting(now, effects);
            self.reporting = Reporting::default();
        }
        self.config = config;
        self.open_channels(now.boot);
        self.open_taps();
        self.reporter = new_reporter(&self.config, Some(self.reporter.state().clone()), now);
        self.look_at_clock(now);
    }

    /// The group is told once that the file cannot be taken over; the agent goes on as before.
    pub(super) fn not_reloaded(&mut self, problem: String, why: &str, now: Now, effects: &mut Vec<Effect>) {
        log::error!("not reloaded: {why}, the one before stays in force");
        // The group is told once, however often an invalid file is read.
        if self.config_problem.is_none() {
            self.push(message::configuration_refused(&problem, &self.config.style, now.wall), now);
        }
        self.config_problem = Some(problem);
        // With a check at once, as after a reload.
        self.checks.next = now.boot;
        effects.push(Effect::Announce(Readiness::Ready));
    }
}

pub(super) fn new_reporter(config: &Resolved, saved: Option<ReportState>, now: Now) -> Reporter {
    Reporter::new(&config.reports, config.report_zone.clone(), &config.style.host, saved, now.wall)
}
