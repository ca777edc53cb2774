//! Causes of alerts: looked for when one is about to be told, and at no other time.
//!
//! A check waits for them with all that it found, so an alert is saved together with its message as ever. It waits for
//! [`PATIENCE`] at most, and then its alerts are told without causes. A look at containers or units that comes in between
//! waits with it: the check's readings are older, and taken in later they would take back the look's news.

use std::time::Duration;

use super::{Core, Effect, Input, Purpose};
use crate::alert::{Extent, News, Transition};
use crate::cause::{Causes, Resource, Wanted};
use crate::clock::{Boot, Now};
use crate::rule;
use crate::snapshot::Snapshot;

/// The longest that a check waits for causes: those of CPU take a second where no earlier count is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// A check that waits for the causes of its alerts.
#[derive(Debug)]
pub(super) struct Waiting {
    snapshot: Snapshot,
    until: Boot,
    /// Looks that came after it, and the memory of containers that belongs to them: saved without them, a crash would lose
    /// their news.
    later: Vec<Input>,
}

impl Core {
    /// A check is measured: it is taken in now, or once the causes of its alerts are found.
    pub(super) fn measured(&mut self, snapshot: Snapshot, now: Now, effects: &mut Vec<Effect>) {
        // A report that was given up may still get its measurement.
        if !self.checks.is_measuring || self.waiting.is_some() {
            return;
        }
        let wanted = self.wanted(&snapshot, now);
        if wanted.is_empty() {
            return self.checked(snapshot, &Causes::default(), now, effects);
        }
        effects.push(Effect::FindCauses(wanted));
        self.waiting = Some(Waiting { snapshot, until: now.boot.after(PATIENCE), later: Vec::new() });
    }

    /// Takes in the check that waits for causes, if one does.
    pub(super) fn take_causes(&mut self, causes: &Causes, now: Now, effects: &mut Vec<Effect>) {
        if let Some(Waiting { snapshot, later, .. }) = self.waiting.take() {
            self.checked(snapshot, causes, now, effects);
            self.take_in_all(later, now, effects);
        }
    }

    /// Gives the check up that waits for causes.
    pub(super) fn forget_waiting(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if let Some(Waiting { later, .. }) = self.waiting.take() {
            self.take_in_all(later, now, effects);
        }
    }

    fn take_in_all(&mut self, inputs: Vec<Input>, now: Now, effects: &mut Vec<Effect>) {
        inputs.into_iter().for_each(|input| self.take_in(input, now, effects));
    }

    /// Goes on without causes, if they are late. Whether they were.
    pub(super) fn give_up_causes(&mut self, now: Now, effects: &mut Vec<Effect>) -> bool {
        let are_late = self.causes_due().is_some_and(|due| due <= now.boot);
        if are_late {
            log::debug!("causes state=late");
            self.take_causes(&Causes::default(), now, effects);
        }
        are_late
    }

    /// Takes in a look, or its memory, once the check that waits is taken in.
    pub(super) fn take_in_later(&mut self, input: Input) {
        if let Some(waiting) = &mut self.waiting {
            waiting.later.push(input);
        }
    }

    /// Whether a check waits for the causes of its alerts.
    pub fn waits_for_causes(&self) -> bool {
        self.waiting.is_some()
    }

    pub(super) fn causes_due(&self) -> Option<Boot> {
        self.waiting.as_ref().map(|waiting| waiting.until)
    }

    /// The causes that the alerts ask for which this check is about to tell.
    fn wanted(&self, snapshot: &Snapshot, now: Now) -> Wanted {
        if !self.tells_causes() {
            return Wanted::default();
        }
        let readings = snapshot.readings.iter().filter(|reading| !reading.key.metric.is_of_docker());
        let findings = readings.map(|reading| rule::judge(reading, snapshot, &self.config.rules));
        let over = findings.filter(|finding| finding.verdict.is_breach());
        let mut over: Vec<_> = over.filter(|finding| Resource::of(finding.reading.key.metric).is_some()).collect();
        if over.is_empty() {
            return Wanted::default();
        }
        self.gather(&mut over, self.checks.count == 0, now.boot);
        let holds = self.holds(now);
        over.retain(|finding| {
            let news = self.alerts().preview(finding, Extent::Check, now, &self.config.policy);
            let level = finding.verdict.level().unwrap_or_default();
            news.is_some_and(News::is_firing_message) && holds.until(&finding.reading.key, level).is_none()
        });
        Wanted::by(over.iter().map(|finding| &finding.reading.key), self.config.causes)
    }

    fn tells_causes(&self) -> bool {
        self.mode.finds_causes && self.config.causes > 0
    }

    /// Begins a check. Of an alert that people know the CPU time is counted from the same moment on.
    pub(super) fn begin_check(&mut self, now: Boot, effects: &mut Vec<Effect>) {
        (self.checks.is_measuring, self.checks.measuring_since) = (true, now);
        if self.tells_causes() && self.alerts().is_told_of(|metric| Resource::of(metric) == Some(Resource::Cpu)) {
            effects.push(Effect::CountCpu);
        }
        effects.push(Effect::Measure(Purpose::Check));
    }

    /// An alert that must last is told with the causes of that time.
    pub(super) fn count_cpu_from_now(&self, transitions: &[Transition], effects: &mut Vec<Effect>) {
        let begins = |transition: &Transition| {
            matches!(transition.news, News::Pending | News::HeldBack)
                && Resource::of(transition.key.metric) == Some(Resource::Cpu)
        };
        if self.tells_causes() && transitions.iter().any(begins) {
            effects.push(Effect::CountCpu);
        }
    }
}
