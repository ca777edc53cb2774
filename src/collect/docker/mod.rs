//! Containers: state and health of every one that is watched.
//!
//! [`Docker`] is the knowledge of containers, without I/O: it is told the extent of a look, asks its questions one
//! after the other, is answered, and returns its findings. A look at everything asks for the list once, and inspects
//! containers that are in trouble or may be. A batch of events makes it inspect the containers that they name, through
//! the same evaluation: events wake, they do not decide. The knowledge between two looks (`inventory.rs`) is that which
//! no single answer gives: who ran, who stopped a container, restarts over time. [`Memory`] is the part of it that
//! outlives the agent. [`Engine`] puts the questions to a real engine.

mod availability;
mod config;
mod engine;
mod health;
mod health_output;
mod id;
mod identity;
mod incidents;
mod interner;
mod inventory;
mod judge;
mod known;
mod memory;
mod names;
mod own_limits;
mod own_share;
mod recorded;
mod revisit;
mod run;
mod running;
mod status_text;
mod survey;
mod told_end;

use std::collections::BTreeSet;
use std::rc::Rc;

pub use config::{AlertUnavailable, DockerConfig, Enabled, Entry, Expected, LONGEST_GRACE};
pub use engine::{Engine, EngineUpdate};
pub use memory::Memory;
pub use memory::REMOVED_IS_KEPT;
pub use own_share::OwnShares;
pub use recorded::RecordedWords;

use availability::{Availability, Presence};
use id::{Id, Lookup};
use interner::Interner;
use inventory::Inventory;
use judge::{Observation, WatchPolicy};

use names::Place;
use revisit::Revisit;
use run::UnseenEnd;
use survey::{MAX_INSPECTED, Survey};

use jiff::Timestamp;

use crate::clock::Now;
use crate::docker::events::{Event, Kind};
use crate::docker::{Answer, Error, EventBatch, Question};
use crate::metric::{self, Metric};
use crate::snapshot::{ContainerWord, Failure, Key, Reading, Snapshot, Value, Watched};

/// The collector's name, and that of its section.
pub const NAME: &str = "docker";

/// The metrics that are unknown while the engine does not answer.
const METRICS: &[&Metric] = &[metric::CONTAINER_STATE, metric::CONTAINER_HEALTH];

/// The name in the readings of the engine itself.
const ENGINE: &str = "Docker";

/// The word of a present engine.
const ENGINE_EXPECTED: &str = "available";

/// The scope of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    Everything,
    /// The containers that these events are about.
    Events(EventBatch),
}

/// The containers that a look covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every watched container, as a check does: a container without a reading is no longer watched.
    Everything,
    /// Some containers; nothing is said about the others.
    Some,
}

/// The result of a look.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Looked {
    /// The readings of every container that was looked at, sorted as configured, then by name, each one's state before
    /// its health; or one failure. Empty if Docker is switched off or, on `auto`, is not there.
    pub snapshot: Snapshot,
    pub scope: Scope,
}

/// The watched containers of one engine.
#[derive(Debug)]
pub struct Docker {
    config: DockerConfig,
    inventory: Inventory,
    interner: Interner,
    availability: Availability,
    /// How often the engine told of a container without memory.
    oom_events: u64,
    under_way: Option<CurrentLook>,
}

/// A look that waits for answers.
#[derive(Debug)]
struct CurrentLook {
    step: Step,
    /// Events made it.
    of_batch: bool,
    began: Timestamp,
}

#[derive(Debug)]
enum Step {
    Survey(Survey),
    Revisit(Revisit),
}

/// The step after an answer.
enum Next {
    Ask(Step),
    Found(Snapshot),
}

impl Docker {
    /// With an earlier agent's memory; `None`: this is a look of its own, and the first one that sees anything.
    pub fn new(config: &DockerConfig, memory: Option<Memory>) -> Docker {
        Docker {
            inventory: Inventory::new(config, memory),
            config: config.clone(),
            interner: Interner::default(),
            availability: Availability::default(),
            oom_events: 0,
            under_way: None,
        }
    }

    /// The knowledge that outlives the agent.
    pub fn memory(&self) -> Memory {
        self.inventory.memory()
    }

    /// The number of changes of the memory since this was made.
    pub fn revision(&self) -> u64 {
        self.inventory.revision()
    }

    /// How often the engine told of a watched container that memory ran out in it.
    pub fn oom_events(&self) -> u64 {
        self.oom_events
    }

    /// The name of a watched container.
    pub fn name_of(&self, id: &str) -> Option<Rc<str>> {
        self.inventory.get(&Id::from(id)).map(|known| known.name.clone())
    }

    pub fn config(&self) -> &DockerConfig {
        &self.config
    }

    /// Whether there is an engine to wait for.
    pub fn is_expected(&self) -> bool {
        self.availability.is_expected(&self.config, &self.inventory)
    }

    /// Whether an engine that is expected did not answer.
    pub fn is_gone(&self) -> bool {
        self.availability.is_gone()
    }

    /// Begins to look, in place of any look that is under way. Returns the findings, if no question is needed for them.
    pub fn begin(&mut self, look: Look, now: Now) -> Option<Looked> {
        self.under_way = None;
        let of_batch = look != Look::Everything;
        let step = match look {
            _ if self.config.enabled == Enabled::Never => None,
            Look::Everything => Some(Step::Survey(self.begin_survey(BTreeSet::new(), now))),
            Look::Events(batch) => self.begin_batch(&batch, now),
        };
        self.under_way = step.map(|step| CurrentLook { step, of_batch, began: now.wall });
        let nothing = self.under_way.is_none();
        nothing.then(|| Looked { snapshot: Snapshot::default(), scope: Scope::Some })
    }

    /// The next question of the look under way; `None` without a look. The same question until it is answered.
    pub fn question(&self) -> Option<Question<'_>> {
        match &self.under_way.as_ref()?.step {
            Step::Survey(survey) => survey.question(),
            Step::Revisit(revisit) => revisit.question(),
        }
    }

    /// Takes in an answer, and returns the findings once it was the last.
    pub fn answer(&mut self, answer: Answer, now: Now) -> Option<Looked> {
        let CurrentLook { step, of_batch, began } = self.under_way.take()?;
        let (scope, next) = match step {
            Step::Survey(survey) => (Scope::Everything, self.answer_survey(survey, answer, now)),
            Step::Revisit(revisit) => (Scope::Some, self.answer_revisit(revisit, answer, now)),
        };
        let found = match next {
            Ok(Next::Ask(step)) => {
                self.under_way = Some(CurrentLook { step, of_batch, began });
                return None;
            }
            Ok(Next::Found(found)) => {
                self.inventory.end_look(began);
                Ok(found)
            }
            Err(error) => Err(error),
        };
        let mut snapshot = self.tell(found, now);
        if of_batch {
            snapshot.readings.iter_mut().for_each(leave_open_while_removing);
        }
        Some(Looked { snapshot, scope })
    }

    /// The ends of containers that run again or are gone: nobody meant them, and no look saw them. They are to be told
    /// before the look's own findings, which may already be good again.
    pub fn take_deaths(&mut self, now: Now) -> Option<Looked> {
        let mut deaths = self.inventory.take_deaths();
        if deaths.is_empty() {
            return None;
        }
        // One more turn of a restart loop is told as such.
        let in_loop = self.inventory.in_loop(self.config.restart_loop_times, now);
        deaths.retain(|(place, _)| !in_loop.contains(&place.target));
        let readings: Vec<Reading> =
            deaths.into_iter().filter_map(|(place, death)| self.read_death(&place, death)).collect();
        let snapshot = Snapshot { readings, ..Snapshot::default() };
        (!snapshot.readings.is_empty()).then_some(Looked { snapshot, scope: Scope::Some })
    }

    /// The way to look at the containers that a batch of events names; `None`: none of them is watched. A renamed,
    /// removed or new container changes who is watched as what, so then everything is looked at.
    fn begin_batch(&mut self, batch: &EventBatch, now: Now) -> Option<Step> {
        let watched: Vec<&Event> = batch.events.iter().filter(|event| self.inventory.is_watched(event)).collect();
        if watched.is_empty() && !batch.overflowed {
            return None;
        }
        watched.iter().for_each(|event| self.inventory.hear(event));
        self.oom_events += watched.iter().filter(|event| event.kind == Kind::Oom).count() as u64;
        let moved = |event: &&Event| {
            matches!(event.kind, Kind::Destroy | Kind::Rename)
                || self.inventory.get(&Id::from(event.id.as_str())).is_none()
        };
        let named: BTreeSet<Id> = watched.iter().map(|event| event.id.as_str().into()).collect();
        let few = !batch.overflowed && named.len() <= MAX_INSPECTED;
        Some(if few && !watched.iter().any(moved) {
            Step::Revisit(self.begin_revisit(named))
        } else {
            Step::Survey(self.begin_survey(named, now))
        })
    }

    /// Adds the readings of a known container.
    fn read<'a>(&mut self, key: impl Into<Lookup<'a>>, observed: &Observation, now: Now, readings: &mut Vec<Reading>) {
        let Some(known) = self.inventory.get(key) else { return };
        let policy = self.policy(&known.place);
        let history = self.inventory.history(known, now);
        let target = known.place.target.clone();
        let state = judge::state(observed, history, policy, &mut self.interner);
        readings.push(reading(metric::CONTAINER_STATE, &target, self.interner.share(state)));
        let health = health::health(observed, policy, &mut self.interner);
        readings.extend(health.map(|health| reading(metric::CONTAINER_HEALTH, &target, self.interner.share(health))));
    }

    /// The reading of an end that no look saw; `None` if there is nothing to tell, as for a job that finished.
    fn read_death(&mut self, place: &Place, death: UnseenEnd) -> Option<Reading> {
        let policy = self.policy(place);
        let is_finished = death.exit_code == Some(0) && (policy.expected == Expected::Exited || !policy.is_named);
        if is_finished || death.is_on_purpose() {
            return None;
        }
        let word = judge::death(death, policy, &mut self.interner);
        Some(reading(metric::CONTAINER_STATE, &place.target, word.into()))
    }

    fn policy(&self, place: &Place) -> WatchPolicy {
        let watch = self.inventory.watch();
        let entry = watch.entry(place);
        WatchPolicy {
            expected: entry.map_or(Expected::Running, |entry| entry.expected),
            is_named: watch.names(place),
            check_health: entry.is_none_or(|entry| entry.check_health),
            is_critical: entry.is_some_and(|entry| entry.critical),
            loop_times: self.config.restart_loop_times,
            loop_window: self.config.restart_loop_window,
        }
    }

    /// The outcome of asking the engine: readings, or a failure. The absence of an engine that is not expected is not
    /// reported; that of an expected one leaves its containers unknown.
    fn tell(&mut self, found: Result<Snapshot, Error>, now: Now) -> Snapshot {
        let Docker { config, inventory, availability, .. } = self;
        // Until the engine has listed its containers, every one is watched.
        let mut snapshot =
            Snapshot { watched: METRICS.iter().copied().map(Watched::Every).collect(), ..Snapshot::default() };
        let word = match found {
            Ok(found) => {
                snapshot = found;
                availability.answered(config, inventory, now)
            }
            Err(error) if error.is_absence() && !availability.is_expected(config, inventory) => Presence::Unknown,
            Err(error) => {
                inventory.lose_engine(now);
                let error = error.to_string();
                snapshot.failures.push(Failure { collector: NAME, metrics: METRICS, target: None, error });
                availability.gone(config, inventory, now)
            }
        };
        let engine =
            |word| reading(metric::DOCKER_ENGINE, &ENGINE.into(), ContainerWord::new(word, ENGINE_EXPECTED).into());
        if word != Presence::Nothing {
            snapshot.watch(metric::DOCKER_ENGINE, ENGINE);
        }
        match word {
            Presence::Available => snapshot.readings.push(engine(ENGINE_EXPECTED)),
            Presence::Unavailable => snapshot.readings.push(engine("unavailable")),
            Presence::Unknown | Presence::Nothing => {}
        }
        snapshot
    }
}

/// Right after an event, a container that is being removed is about to be gone, and that is no trouble. If it cannot be
/// removed, the next check finds it.
fn leave_open_while_removing(reading: &mut Reading) {
    if let Value::Container(word) = &mut reading.value
        && &*word.word == "removing"
    {
        Rc::make_mut(word).well = None;
    }
}

fn reading(metric: &'static Metric, target: &Rc<str>, word: Rc<ContainerWord>) -> Reading {
    Reading::new(Key::new(metric, target.clone()), Value::Container(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_to_be_gone_is_no_trouble_yet() {
        let well_after = |word: &str| {
            let word = ContainerWord::new(word, "running");
            let mut reading = reading(metric::CONTAINER_STATE, &"web".into(), word.into());
            leave_open_while_removing(&mut reading);
            match reading.value {
                Value::Container(word) => word.well,
                _ => None,
            }
        };
        assert_eq!(well_after("removing"), None);
        assert_eq!(well_after("exited"), Some(false));
        assert_eq!(well_after("running"), Some(true));
    }
}
