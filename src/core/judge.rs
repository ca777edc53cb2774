//! From a snapshot to messages in the outboxes: judges findings, selects the news, words it.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;

use super::{Core, Effect, transition_log};
use crate::alert::{self, Alerts, Extent, News, Transition, Unsaved};
use crate::cause::Causes;
use crate::clock::Now;
use crate::collect::LONGEST_FOR;
use crate::collect::docker::{self, Scope};
use crate::forecast::Change;
use crate::logging;
use crate::message;
use crate::outbox::Outbox;
use crate::route::Route;
use crate::rule;
use crate::snapshot::{Failure, Snapshot};
use crate::store::State;
use crate::text;

const _: () = assert!(alert::NAME_IS_KEPT.as_secs() as i64 == docker::REMOVED_IS_KEPT.as_secs());
const _: () = assert!(docker::LONGEST_GRACE.as_secs() <= alert::LONGEST_WAIT.as_secs());
const _: () = assert!(LONGEST_FOR.as_secs() <= alert::LONGEST_WAIT.as_secs());

/// The measurements that failed at the last look, and the beginning of each failure.
#[derive(Debug, Default)]
pub(super) struct Failing(BTreeMap<Source, (Failure, Timestamp)>);

/// A collector, and its one target.
type Source = (&'static str, Option<Rc<str>>);

impl Failing {
    pub fn iter(&self) -> impl Iterator<Item = &(Failure, Timestamp)> {
        self.0.values()
    }
}

impl Core {
    /// Takes in the findings of a check, with the causes of the alerts that it tells.
    pub(super) fn checked(&mut self, mut snapshot: Snapshot, causes: &Causes, now: Now, effects: &mut Vec<Effect>) {
        self.count_traffic(&mut snapshot, now);
        self.forecast(&mut snapshot, now);
        self.happened(std::mem::take(&mut snapshot.happened));
        self.replace_older_lists(&mut snapshot);
        self.mark_as_found(&mut snapshot);
        self.complete(&mut snapshot, now);
        let snapshot = &snapshot;
        let rules = Rc::clone(&self.config.rules);
        let mut findings = rule::evaluate(snapshot, &rules);
        self.gather(&mut findings, self.checks.count == 0, now.boot);
        self.tell_restart(&findings, now);
        self.checks.complete(now);
        self.last_readings.take(&findings, snapshot);
        let policy = &self.config.policy;
        let transitions = self.state.update().alerts.step(&findings, snapshot, Extent::Check, now, policy);
        self.record(snapshot, &transitions, now);
        let over = findings.iter().filter(|finding| finding.verdict.is_breach()).count();
        log::debug!("checked readings={} over={over} failures={}", findings.len(), snapshot.failures.len());
        if self.mode.print_checks {
            let brief = self.checks.count > 1;
            let text = message::table(&findings, &snapshot.failures, &self.config.style, now.wall, brief);
            effects.push(Effect::Print { ticket: None, text });
        }
        self.take_failures(&snapshot.failures, |_| true, now.wall);
        self.take_unknown(snapshot, Extent::Check, now);
        self.save_waits();
        self.tap(Extent::Check, &findings, &snapshot.failures, &transitions, now);
        self.count_cpu_from_now(&transitions, effects);
        self.tell(&transitions, causes, Extent::Check, now);
        self.await_save_for_taps();
    }

    /// Adds the forecasts by the growth of the last hours. An hour that is over is saved, and a crash costs no more than one.
    fn forecast(&mut self, snapshot: &mut Snapshot, now: Now) {
        let plan = &self.config.plan;
        let change =
            self.state.update().forecasts.derive(snapshot, |metric, target| plan.is_on(metric, target), now.boot);
        snapshot.in_order();
        match change {
            Change::Nothing => {}
            Change::Higher => self.state.save_in_the_end(),
            Change::Hour => drop(self.state.change()),
        }
    }

    /// Takes in a look at containers or units between two checks.
    #[inline(never)]
    pub(super) fn looked(&mut self, snapshot: &mut Snapshot, scope: Scope, now: Now) {
        self.happened(std::mem::take(&mut snapshot.happened));
        self.keep_lists(snapshot);
        self.complete(snapshot, now);
        let rules = Rc::clone(&self.config.rules);
        let mut findings = rule::evaluate(snapshot, &rules);
        self.gather(&mut findings, self.checks.count == 0, now.boot);
        self.last_readings.take_subjects(&findings, scope == Scope::Everything && snapshot.failures.is_empty());
        let extent = if scope == Scope::Everything { Extent::Docker } else { Extent::Named };
        if scope == Scope::Everything {
            self.checks.looked();
        }
        let policy = &self.config.policy;
        let transitions = self.state.update().alerts.step(&findings, snapshot, extent, now, policy);
        log::debug!("looked readings={} failures={}", findings.len(), snapshot.failures.len());
        if scope == Scope::Everything || !snapshot.failures.is_empty() {
            self.take_failures(&snapshot.failures, Failure::is_of_docker, now.wall);
        }
        self.take_unknown(snapshot, extent, now);
        self.save_waits();
        self.tap(extent, &findings, &snapshot.failures, &transitions, now);
        self.tell(&transitions, &Causes::default(), extent, now);
    }

    /// The beginning or end of a wait that nobody is told of outlives the process, too. Of `run --once`, every look does
    /// while an alert waits: the next run goes on from it. The numbers of a lasting alert are saved in the end.
    fn save_waits(&mut self) {
        let once = self.mode.once;
        let State { alerts, unknown, .. } = self.state.update();
        let unsaved = |book: &mut Alerts| match book.take_unsaved() {
            Unsaved::Nothing | Unsaved::Numbers if once && book.is_waiting() => Unsaved::Wait,
            unsaved => unsaved,
        };
        let [alerts, unknown] = [alerts, unknown].map(unsaved);
        match alerts.max(unknown) {
            Unsaved::Nothing => {}
            Unsaved::Numbers => self.state.save_in_the_end(),
            Unsaved::Wait => drop(self.state.change()),
        }
    }

    /// Words the news, and puts it into the outboxes. Held news is told by the first check after its hold.
    pub(super) fn tell(&mut self, transitions: &[Transition], causes: &Causes, extent: Extent, now: Now) {
        let State { held, held_unknown, .. } = self.state.get();
        if !(transitions.is_empty() && held.is_empty() && held_unknown.is_empty()) {
            self.tell_news(transitions, causes, extent, now);
        }
    }

    #[inline(never)]
    fn tell_news(&mut self, transitions: &[Transition], causes: &Causes, extent: Extent, now: Now) {
        let holds = self.holds(now);
        let sorted = self.hold_back(transitions, &holds, now);
        let held = if extent == Extent::Check { self.release(&holds, now) } else { None };
        if transitions.is_empty() && held.is_none() {
            return;
        }
        let silent = transitions.iter().filter(|t| ends_silently(t)).chain(sorted.ended.iter().copied());
        let ended = message::Ended::new(silent, now.wall);
        let style = &self.config.style;
        let state = self.state.change();
        if !ended.is_empty() {
            for entry in state.outboxes.values_mut().flat_map(Outbox::waiting_mut) {
                ended.mark(&mut entry.message, style);
            }
        }
        state.since_report.count(transitions);
        state.happened.take_in(transitions, now.wall);
        // The messages first: they do not wait for the lines of the log.
        let (told, style) = (&*sorted.told, self.config.style.clone());
        let word = |route: &Route| {
            let told = route.of(told);
            let held = held.as_ref().and_then(|[alerts, unmeasured]| {
                let (alerts, unmeasured) = (route.of_held(alerts), route.of_held(unmeasured));
                let is_empty = alerts.is_empty() && unmeasured.is_empty();
                (!is_empty).then(|| message::held(&alerts, &unmeasured, &style, now.wall))
            });
            let alerts = message::alerts_with_causes(&told, causes, &style, now.wall);
            held.into_iter().chain(alerts).chain(message::recovery(&told, &style, now.wall)).collect()
        };
        let covers = |one: &Route, other: &Route| {
            one.takes_everything() || (held.is_none() && told.iter().all(|t| one.takes(t) || !other.takes(t)))
        };
        self.push_by_route(word, covers, now);
        self.pictures_of_alerts(&sorted.told, now);
        transition_log::log(transitions, |transition| holds.of(transition));
    }

    /// Remembers since when something cannot be measured, and logs the changes. A subject that was `looked_at` and is
    /// not among `failures` works again.
    fn take_failures(&mut self, failures: &[Failure], looked_at: impl Fn(&Failure) -> bool, now: Timestamp) {
        if !(failures.is_empty() && self.failing.0.is_empty()) {
            self.take_changed_failures(failures, looked_at, now);
        }
    }

    #[inline(never)]
    fn take_changed_failures(&mut self, failures: &[Failure], looked_at: impl Fn(&Failure) -> bool, now: Timestamp) {
        let key = |failure: &Failure| (failure.collector, failure.target.clone());
        let found: BTreeMap<_, _> = failures.iter().map(|failure| (key(failure), failure)).collect();
        let mut over = Vec::new();
        self.failing.0.retain(|place, (known, _)| {
            let is_over = looked_at(known) && !found.contains_key(place);
            if is_over && self.ongoing.report(&subject(known), None).is_some() {
                over.push(known.clone());
            }
            !is_over
        });
        log_several(log::Level::Info, "works_again", &over.iter().collect::<Vec<_>>(), |_| String::new());
        let mut news = Vec::new();
        for (place, failure) in found {
            self.failing.0.entry(place).or_insert_with(|| (failure.clone(), now)).0.clone_from(failure);
            if let Some(logging::Change::Began | logging::Change::Changed) =
                self.ongoing.report(&subject(failure), Some(&failure.error))
            {
                news.push(failure);
            }
        }
        let error = |failure: &Failure| format!(" error={}", text::quoted(&failure.error));
        log_several(log::Level::Warn, "failed", &news, error);
    }
}

/// The most failures, begun or ended at once, that have a line each.
const MAX_FAILURE_LINES: usize = 10;

/// Logs the beginnings or ends of several failures: the first ones by name, the others by their number. `status` names
/// all.
#[inline(never)]
fn log_several(level: log::Level, state: &str, failures: &[&Failure], detail: impl Fn(&Failure) -> String) {
    let (named, others) = failures.split_at(failures.len().min(MAX_FAILURE_LINES));
    for failure in named {
        log::log!(level, "collector={} state={state}{}", subject(failure), detail(failure));
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    others.iter().for_each(|failure| *counts.entry(failure.collector).or_default() += 1);
    for (collector, count) in counts {
        log::log!(level, "collector={collector} state={state} others={count}");
    }
}

/// Whether an alert that people may know is over without a message about it.
fn ends_silently(transition: &Transition) -> bool {
    matches!(transition.news, News::RecoveredUntold | News::RecoveredMuted | News::Dropped)
}

fn subject(failure: &Failure) -> String {
    text::subject(failure.collector, failure.target.as_deref().unwrap_or_default())
}
