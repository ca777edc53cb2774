//! The agent without the world: inputs and the time go in, effects come out.
//!
//! [`Core::step`] takes in an event and returns the effects to perform; [`Core::next_due`] gives the time of the next
//! call if nothing happens before. The core does no I/O and reads no clock. Its driver (the daemon, a simulation)
//! performs the effects in their order, and brings back their outcomes.
//!
//! A message is saved before its first byte is sent: [`Effect::Save`] comes before [`Effect::Post`], which waits for
//! [`Input::Saved`], but only for some seconds.

mod causes;
mod channels;
mod checks;
mod deliver;
mod disks;
mod effect;
mod events;
mod hold;
mod input;
mod judge;
mod listed;
mod mode;
mod pictures;
mod quota;
mod reading;
mod reboot;
mod recording;
mod reload;
mod report;
mod routes;
mod save;
mod sender;
mod silence;
mod start;
mod status;
mod stop;
mod tapping;
mod transition_log;
mod unknown;

use std::collections::BTreeMap;

use crate::alert::Alerts;
use crate::clock::{self, Boot, Now};
use crate::config::Resolved;
use crate::logging::{Change, Ongoing};
use crate::schedule::Reporter;
use crate::store::{Loaded, State};
use crate::text;

pub use effect::{Effect, Purpose, Readiness, Ticket};
pub use input::Input;
pub use mode::Mode;
pub use reading::{ReadingDocument, limit, rfc3339, value_json};
pub use report::sections;
pub use silence::{Request, SilenceAnswer, SilenceRequest, SilenceStatus};
pub use start::SETTLED_AFTER;
pub use status::{
    AlertStatus, FailureStatus, HeldAlertStatus, LoopFacts, PendingStatus, SetAsideStatus, Status, TroubleStatus,
};
pub use stop::End;

use causes::Waiting;
use checks::Checks;
use hold::HoldEnd;
use judge::Failing;
use listed::NewerLists;
use pictures::Pictures;
use recording::Recording;
use reload::new_reporter;
use report::Reporting;
use save::Saving;
use sender::Delivery;
use status::LastReadings;
use stop::Stopping;
use tapping::Tapping;

/// The reason to refuse an empty configuration on a reload while messages go to a channel.
pub const EMPTY_CONFIGURATION: &str = "the configuration is empty (a restart takes it)";

/// The agent's decisions, and its whole memory.
#[derive(Debug)]
pub struct Core {
    mode: Mode,
    config: Resolved,
    state: Saving,
    checks: Checks,
    waiting: Option<Waiting>,
    delivery: Delivery,
    tapping: Tapping,
    recording: Recording,
    pictures: Pictures,
    reporter: Reporter,
    reporting: Reporting,
    failing: Failing,
    hold_end: HoldEnd,
    last_readings: LastReadings,
    newer_lists: NewerLists,
    /// Errors that last are logged when they begin, change and end.
    ongoing: Ongoing,
    /// Those of them that `status` shows beside messages and readings, by subject.
    troubles: BTreeMap<String, String>,
    /// The problem of a configuration that was not taken over because it is not valid.
    config_problem: Option<String>,
    stopping: Option<Stopping>,
    /// Until when the machine starts.
    starting: Option<Boot>,
    shown_status: String,
}

impl Core {
    /// An agent that goes on from the content of the state's folder.
    pub fn new(config: Resolved, loaded: Loaded, mode: Mode, now: Now) -> Core {
        let is_new = matches!(loaded, Loaded::Nothing);
        // One that was set aside, or never there, is written at once: a restart can tell a report that was missed since.
        let (state, unsaved, damage) = match loaded {
            Loaded::State(state) => (state, false, None),
            Loaded::Nothing => (Box::default(), true, None),
            Loaded::Damaged(damage) => (Box::new(State::in_place_of_lost(now.boot)), true, Some(damage)),
        };
        let reporter = new_reporter(&config, state.report.clone(), now);
        let starting = start::starts_until(mode.uptime, now.boot);
        let mut core = Core {
            checks: Checks::new(is_new, now.boot),
            waiting: None,
            delivery: Delivery::default(),
            tapping: Tapping::default(),
            recording: Recording::default(),
            pictures: Pictures::default(),
            state: Saving::new(state, unsaved),
            mode,
            config,
            reporter,
            reporting: Reporting::default(),
            failing: Failing::default(),
            hold_end: HoldEnd::default(),
            last_readings: LastReadings::default(),
            newer_lists: NewerLists::default(),
            ongoing: Ongoing::default(),
            troubles: BTreeMap::new(),
            config_problem: None,
            stopping: None,
            starting,
            shown_status: String::new(),
        };
        core.open_first_channels(now.boot);
        core.open_taps();
        core.look_at_clock(now);
        if let Some(damage) = damage {
            core.tell_of_damage(&damage, now);
        }
        core
    }

    /// The agent's first effects.
    #[must_use]
    pub fn start(&mut self, now: Now) -> Vec<Effect> {
        log::info!(
            "started version={} channel=\"{}\" interval={}s waiting={}",
            env!("CARGO_PKG_VERSION"),
            self.channel_names(),
            self.config.check_interval.as_secs_f64(),
            self.waiting_count()
        );
        let mut effects = vec![
            Effect::Watch {
                plan: Box::new(self.config.plan.clone()),
                memory: Some(Box::new(self.state.get().containers.clone())),
                kills: self.state.get().kills.clone(),
                logins_since: self.state.get().saved.filter(|_| self.state.get().logins.has_seen_any()),
                seen: self.seen(now),
            },
            Effect::Announce(Readiness::Ready),
        ];
        self.checks.waits_end = self.waits_end();
        self.go_on(now, &mut effects);
        effects
    }

    /// Takes in an input, and returns the effects.
    #[must_use]
    pub fn step(&mut self, input: Input, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut concerns_alerts = input.concerns_alerts();
        self.take_in(input, now, &mut effects);
        concerns_alerts |= self.give_up_causes(now, &mut effects);
        if concerns_alerts {
            self.checks.waits_end = self.waits_end();
        }
        self.go_on(now, &mut effects);
        effects
    }

    /// When [`Core::step`] has something to do though nothing happens. Times of the wall clock count from its present
    /// value.
    pub fn next_due(&self, now: Now) -> Option<Boot> {
        if let Some(due) = self.stop_due(now.boot) {
            return Some(due);
        }
        let report = self.report_due(now).filter(|_| !self.mode.once);
        let causes = self.causes_due();
        let events = self.state.get().events.due();
        clock::earliest(&[
            self.check_due(now),
            causes,
            report,
            self.delivery_due(),
            self.save_due(),
            events,
            self.taps_due(),
            self.record_due(),
        ])
    }

    fn take_in(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        match input {
            Input::Time => {}
            Input::ClockSet => self.look_at_clock(now),
            Input::Measured { purpose: Purpose::Check, snapshot } => self.measured(snapshot, now, effects),
            Input::Measured { purpose: Purpose::Report, mut snapshot } => {
                self.count_traffic(&mut snapshot, now);
                self.reporting.take(snapshot, now.boot);
            }
            Input::CausesFound(causes) => self.take_causes(&causes, now, effects),
            look @ (Input::Looked { .. } | Input::ContainersRemembered(_) | Input::Mounts(_))
                if self.waits_for_causes() =>
            {
                self.take_in_later(look);
            }
            Input::Looked { mut snapshot, scope } => self.looked(&mut snapshot, scope, now),
            Input::Mounts(change) => self.mounts_changed(*change),
            Input::ContainersRemembered(memory) => self.state.change().containers = *memory,
            Input::EngineEvents(error) => self.log_ongoing(
                "docker events",
                error.as_deref(),
                "Docker's events cannot be followed, it is tried again",
            ),
            Input::Posted { ticket, answer } => self.posted(ticket, &answer, now),
            Input::Done { ticket, result } => self.tap_is_done(ticket, &result, now),
            Input::Printed { ticket, printed } => self.printed(ticket, printed, now),
            Input::MachineStops => self.state.change().starts.shut_down = Some(now.wall),
            Input::OutputClosed | Input::Stop => self.stop(now, effects),
            Input::Saved(result) => self.saved(result, now),
            Input::Recorded(result) => self.recorded(result, now),
            Input::Happened(occurrences) => self.happened(occurrences),
            Input::KillsKnown(known) => self.kills_known(known),
            Input::StartSettled => self.start_settled(now),
            Input::CheckNow => self.checks.next = self.checks.next.min(now.boot),
            // An editor empties a file before it writes it anew, a full disk leaves it empty, and so does an unmounted
            // disk.
            Input::Reloaded { is_empty: true, .. } if !self.config.channels.is_empty() => {
                self.not_reloaded(EMPTY_CONFIGURATION.to_owned(), EMPTY_CONFIGURATION, now, effects);
            }
            Input::Reloaded { config, .. } => self.reloaded(*config, now, effects),
            Input::NotReloaded { problem } => {
                self.not_reloaded(problem, "the configuration is not valid", now, effects)
            }
            Input::Changed(config) => {
                let zone = config.style.zone.iana_name().unwrap_or("unknown").to_owned();
                self.adopt(*config, now, effects);
                log::info!("time_zone={zone}");
            }
            Input::SilenceAsked(request) => {
                let answer = self.silence_asked(request, now).to_json();
                effects.push(Effect::Answer(answer));
            }
            Input::StatusAsked(facts) => effects.push(Effect::Answer(self.status(&facts, now).to_json())),
        }
    }

    /// Does everything that is due.
    fn go_on(&mut self, now: Now, effects: &mut Vec<Effect>) {
        debug_assert_eq!(self.checks.waits_end, self.waits_end());
        self.look_at_holds(now);
        if self.stopping.is_none() {
            self.tell_events(now);
            self.check_if_due(now, effects);
            if !self.mode.once {
                self.report_if_due(now, effects);
            }
            self.deliver_if_due(now, effects);
            self.advance_taps(now);
        }
        self.tell_taps_of_save(now);
        self.work_for_taps(now, effects);
        self.save_if_changed(now, effects);
        self.record_if_due(now, effects);
        self.end_if_over(now, effects);
        self.show_status(now, effects);
        debug_assert!(self.flights_are_known());
    }

    fn alerts(&self) -> &Alerts {
        &self.state.get().alerts
    }

    /// Logs an error that lasts when it begins, changes and ends. `status` shows it meanwhile.
    fn log_ongoing(&mut self, subject: &str, error: Option<&str>, what: &str) {
        match error {
            Some(error) => drop(self.troubles.insert(subject.to_owned(), error.to_owned())),
            None => drop(self.troubles.remove(subject)),
        }
        self.log_change(subject, error, what);
    }

    /// The same for an error that `status` shows elsewhere.
    fn log_change(&mut self, subject: &str, error: Option<&str>, what: &str) {
        match self.ongoing.report(subject, error) {
            Some(Change::Began | Change::Changed) => log::error!("{what}: {}", text::in_log(error.unwrap_or_default())),
            Some(Change::Ended) => log::info!("{subject} works again"),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
