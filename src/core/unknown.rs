//! Keys that cannot be measured: told once after an hour, and once when they can be measured again.
//!
//! It goes by the state machine of alerts, in a book of its own: a key without a reading is over its limit, and one with
//! a reading is not. So a restart, a key that comes back and one that is no longer watched are as they are for
//! alerts, too. An engine that cannot be asked has an alert of its own: of its containers nothing is told here.

use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::Core;
use crate::alert::{Alert, Alerts, Extent, News, Policy, Steps, Transition};
use crate::clock::Now;
use crate::message;
use crate::metric::{self, Limits, Unit};
use crate::route::Route;
use crate::rule::{Finding, Level, Verdict};
use crate::snapshot::{ContainerWord, Failure, Key, Reading, Snapshot, Watched};
use crate::store::State;
use crate::text;

/// A failure that lasts for less is in the log, in `status` and in the report.
const UNTOLD_FOR: Duration = Duration::from_secs(3600);

/// The reason is cut here.
const MAX_REASON_BYTES: usize = 200;

/// The word that is expected of everything here.
const MEASURED: &str = "measured";

impl Core {
    /// Takes in which keys of a look could be measured.
    pub(super) fn take_unknown(&mut self, snapshot: &Snapshot, extent: Extent, now: Now) {
        if !(snapshot.failures.is_empty() && self.state.get().unknown.is_empty()) {
            self.judge_unknown(snapshot, extent, now);
        }
    }

    #[inline(never)]
    fn judge_unknown(&mut self, snapshot: &Snapshot, extent: Extent, now: Now) {
        let seen = Seen::new(snapshot, &self.state.get().unknown);
        let policy = Policy { repeat: Steps::default(), ..self.config.policy.clone() };
        let transitions = self.state.update().unknown.step(&seen.findings(), &seen.watched, extent, now, &policy);
        if transitions.is_empty() {
            return;
        }
        let holds = self.holds(now);
        let State { unknown, held_unknown, .. } = self.state.change();
        let told = held_unknown.sort(&transitions, &holds, unknown, now, &policy).told;
        let style = self.config.style.clone();
        let word = |route: &Route| message::unknown(&route.of(&told), &style, now.wall);
        let covers = |one: &Route, other: &Route| told.iter().all(|t| one.takes(t) || !other.takes(t));
        self.push_by_route(word, covers, now);
        transitions.iter().for_each(|transition| log(transition, holds.of(transition)));
    }

    /// Since when a key that a failure explains cannot be measured, if that is known from before the failure was met.
    pub(super) fn unknown_since(&self, failure: &Failure) -> Option<Timestamp> {
        let unknown = self.state.get().unknown.active();
        unknown.into_iter().filter(|alert| failure.explains(&alert.key)).map(Alert::since).min()
    }
}

#[inline(never)]
fn log(transition: &Transition, held_until: Option<Timestamp>) {
    let what = text::subject(transition.key.metric.name, &transition.key.target);
    let state = if held_until.is_some() { "held" } else { "told" };
    let held = held_until.map_or_else(String::new, |until| format!(" held_until={until:.0}"));
    match transition.news {
        News::Fired => log::warn!("unknown={what} state={state} since={:.0}{held}", transition.since),
        News::Recovered | News::RecoveredMuted => log::info!("unknown={what} state=measured_again{held}"),
        _ => {}
    }
}

/// The keys of a look, measured or not.
struct Seen {
    /// Each unknown key with the reason, and each key that was unknown and is measured.
    readings: Vec<(Reading, Verdict)>,
    /// The watched keys, without readings.
    watched: Snapshot,
}

impl Seen {
    fn new(snapshot: &Snapshot, book: &Alerts) -> Seen {
        // Tens of thousands of readings are gone through only where something is unknown, or was.
        let is_asked = !snapshot.failures.is_empty() || book.active_count() > 0;
        let measured: HashSet<&Key> =
            snapshot.readings.iter().filter(|_| is_asked).map(|reading| &reading.key).collect();
        let mut watched = Snapshot::default();
        let mut readings = Vec::new();
        for key in snapshot.watched_keys().filter(|key| !key.metric.is_of_docker()) {
            watched.watched.push(Watched::One(key.clone()));
            // A forecast is made of earlier readings, and is silent at first.
            if !measured.contains(key)
                && key.metric.unit != Unit::Hours
                && let Some(failure) = snapshot.failures.iter().find(|failure| failure.explains(key))
            {
                readings.push(reading(key.clone(), &failure.error));
            }
        }
        let mut is_engine_gone = false;
        for failure in snapshot.failures.iter().filter(|failure| failure.is_of_docker()) {
            match (&failure.target, failure.metrics.contains(&metric::CONTAINER_STATE)) {
                (None, true) => is_engine_gone = true,
                (target, _) => {
                    let target: Rc<str> = target.clone().unwrap_or_default();
                    readings.extend(
                        failure.metrics.first().map(|metric| reading(Key::new(metric, target), &failure.error)),
                    );
                }
            }
        }
        for alert in book.active() {
            if measured.contains(&alert.key) {
                readings.push((reading(alert.key.clone(), MEASURED).0, Verdict::Clear));
            } else if is_engine_gone && alert.key.metric.is_of_docker() {
                watched.watched.push(Watched::One(alert.key.clone()));
            }
        }
        Seen { readings, watched }
    }

    fn findings(&self) -> Vec<Finding<'_>> {
        const LIMITS: &Limits = &Limits { lasts: UNTOLD_FOR, ..Limits::NONE };
        let all = self.readings.iter();
        all.map(|(reading, verdict)| Finding { reading, verdict: *verdict, limits: LIMITS, wait: UNTOLD_FOR }).collect()
    }
}

/// An unknown key, and the reason.
fn reading(key: Key, reason: &str) -> (Reading, Verdict) {
    let word = ContainerWord::new(text::beginning(reason, MAX_REASON_BYTES), MEASURED);
    (Reading::new(key, word.into()), Verdict::Breach(Level::Warning))
}
