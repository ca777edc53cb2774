//! Containers: state and health of every one that is watched.
//!
//! [`Docker`] is what is known of them, and no I/O: it is told what to look at, asks its questions one after the other,
//! is answered, and gives what it found. A look at everything asks for the list once, and inspects what is in trouble or
//! may be. A burst of events makes it inspect the containers that they name, through the same evaluation: events wake,
//! they do not decide. What is remembered between two looks (`known.rs`) is what no single answer tells: restarts over
//! time, and who stopped a container. [`Engine`] puts the questions to a real engine.

mod config;
mod engine;
mod judge;
mod known;
mod names;
mod restarts;
mod revisit;
mod status;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub use config::{Config, Enabled, Entry, Expected};
pub use engine::{Engine, Happened};

use judge::{Facts, Terms, Words};
use known::Known;
use names::{Place, Watch};
use revisit::Revisit;
use survey::{MAX_INSPECTED, Survey};

use crate::clock::Now;
use crate::docker::events::{Event, Kind};
use crate::docker::{Answer, Burst, Error, Question};
use crate::snapshot::{ContainerWord, Failure, Metric, Reading, Snapshot, Value};

/// What is unknown while the engine does not answer.
const METRICS: &[Metric] = &[Metric::ContainerState, Metric::ContainerHealth];

/// The name that the readings of the engine itself go by.
const ENGINE: &str = "Docker";

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    Everything,
    /// The containers that these events are about.
    Burst(Burst),
}

/// What a look took in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every watched container, as a check does: what has no reading is not watched any more.
    Everything,
    /// Some containers; nothing is said of the others.
    Some,
}

/// What a look found.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Looked {
    /// The readings of every container that was looked at, sorted as configured, then by name, each one's state before its
    /// health; or one failure. Nothing, where Docker is switched off or, on `auto`, is not there.
    pub snapshot: Snapshot,
    pub scope: Scope,
}

/// The watched containers of one engine.
#[derive(Debug)]
pub struct Docker {
    config: Config,
    watch: Watch,
    words: Words,
    /// By id, those of the last survey.
    known: BTreeMap<Rc<str>, Known>,
    /// Whether the engine has answered since this program started.
    was_there: bool,
    under_way: Option<UnderWay>,
}

/// A look that waits for answers.
#[derive(Debug)]
struct UnderWay {
    step: Step,
    /// Events made it.
    of_burst: bool,
}

#[derive(Debug)]
enum Step {
    Survey(Survey),
    Revisit(Revisit),
}

/// What comes of an answer.
enum Next {
    Ask(Step),
    Found(Snapshot),
}

impl Docker {
    pub fn new(config: &Config) -> Docker {
        Docker {
            watch: Watch::new(&config.containers),
            config: config.clone(),
            words: Words::default(),
            known: BTreeMap::new(),
            was_there: false,
            under_way: None,
        }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether there is an engine to wait for: the configuration says so, or one answered since this was made. On `auto`
    /// a host without Docker is not to be woken again and again for nothing.
    pub fn is_expected(&self) -> bool {
        self.was_there || self.config.enabled == Enabled::Always
    }

    /// Begins to look, in place of any look that is under way. What was found, if nothing needs to be asked for it.
    pub fn begin(&mut self, look: Look) -> Option<Looked> {
        self.under_way = None;
        let of_burst = look != Look::Everything;
        let step = match look {
            _ if self.config.enabled == Enabled::Never => None,
            Look::Everything => Some(Step::Survey(self.begin_survey(BTreeSet::new()))),
            Look::Burst(burst) => self.begin_burst(&burst),
        };
        self.under_way = step.map(|step| UnderWay { step, of_burst });
        let nothing = self.under_way.is_none();
        nothing.then(|| Looked { snapshot: Snapshot::default(), scope: Scope::Some })
    }

    /// What the look under way asks next; `None` when there is none. The same question until it is answered.
    pub fn question(&self) -> Option<Question<'_>> {
        match &self.under_way.as_ref()?.step {
            Step::Survey(survey) => survey.question(),
            Step::Revisit(revisit) => revisit.question(),
        }
    }

    /// Takes in an answer, and gives what the look found once it was the last.
    pub fn answer(&mut self, answer: Answer, now: Now) -> Option<Looked> {
        let UnderWay { step, of_burst } = self.under_way.take()?;
        let (scope, next) = match step {
            Step::Survey(survey) => (Scope::Everything, self.answer_survey(survey, answer, now)),
            Step::Revisit(revisit) => (Scope::Some, self.answer_revisit(revisit, answer, now)),
        };
        let found = match next {
            Ok(Next::Ask(step)) => {
                self.under_way = Some(UnderWay { step, of_burst });
                return None;
            }
            Ok(Next::Found(found)) => Ok(found),
            Err(error) => Err(error),
        };
        let mut snapshot = self.tell(found);
        if of_burst {
            snapshot.readings.iter_mut().for_each(leave_open_while_removing);
        }
        Some(Looked { snapshot, scope })
    }

    /// How to look at the containers that a burst of events names; `None`: none of them is watched. What was renamed, is
    /// gone or is new changes who is watched as what, so then everything is looked at.
    fn begin_burst(&mut self, burst: &Burst) -> Option<Step> {
        let watched: Vec<&Event> = burst.events.iter().filter(|event| self.is_watched(event)).collect();
        if watched.is_empty() && !burst.overflowed {
            return None;
        }
        for event in &watched {
            if let Some(known) = self.known.get_mut(event.id.as_str()) {
                known.take_in(event);
            }
        }
        let moved = |event: &&Event| {
            matches!(event.kind, Kind::Destroy | Kind::Rename) || !self.known.contains_key(event.id.as_str())
        };
        let named: BTreeSet<Rc<str>> = watched.iter().map(|event| self.known_id(&event.id)).collect();
        let few = !burst.overflowed && named.len() <= MAX_INSPECTED;
        Some(if few && !watched.iter().any(moved) {
            Step::Revisit(self.begin_revisit(named))
        } else {
            Step::Survey(self.begin_survey(named))
        })
    }

    /// A container's id, the one that is kept already where there is one.
    fn known_id(&self, id: &str) -> Rc<str> {
        self.known.get_key_value(id).map_or_else(|| id.into(), |(known, _)| known.clone())
    }

    fn is_watched(&self, event: &Event) -> bool {
        self.known.contains_key(event.id.as_str()) || self.watch.claim(&event.name, &event.compose).is_some()
    }

    /// Adds the readings of a known container.
    fn read(&mut self, id: &str, facts: &Facts, now: Now, readings: &mut Vec<Reading>) {
        let Some(known) = self.known.get(id) else { return };
        let terms = self.terms(&known.place);
        let history = known.history(now, self.config.restart_loop_window);
        let target = known.place.target.clone();
        let state = judge::state(facts, history, terms, &mut self.words);
        readings.push(reading(Metric::ContainerState, &target, state));
        let health = judge::health(facts, terms, &mut self.words);
        readings.extend(health.map(|health| reading(Metric::ContainerHealth, &target, health)));
    }

    fn terms(&self, place: &Place) -> Terms {
        let entry = self.watch.entry(place);
        Terms {
            expected: entry.map_or(Expected::Running, |entry| entry.expected),
            check_health: entry.is_none_or(|entry| entry.check_health),
            loop_times: self.config.restart_loop_times,
            loop_window: self.config.restart_loop_window,
        }
    }

    /// What came of asking the engine: readings, or a failure. Of an engine that was never there nothing is said on
    /// `auto`, but that its containers are unknown: those of before a restart are watched still.
    fn tell(&mut self, found: Result<Snapshot, Error>) -> Snapshot {
        match found {
            Ok(mut snapshot) => {
                self.was_there = true;
                self.tell_of_engine("available", &mut snapshot);
                snapshot
            }
            Err(error) if error.is_absence() && self.config.enabled == Enabled::Auto && !self.was_there => {
                Snapshot { unknown: vec![METRICS, &[Metric::DockerEngine]], ..Snapshot::default() }
            }
            Err(error) => {
                let mut snapshot = Snapshot::default();
                let error = error.to_string();
                snapshot.failures.push(Failure { collector: "docker", metrics: METRICS, target: None, error });
                if self.was_there {
                    self.tell_of_engine("unavailable", &mut snapshot);
                }
                snapshot
            }
        }
    }

    fn tell_of_engine(&self, word: &str, into: &mut Snapshot) {
        if self.config.alert_unavailable {
            into.readings.push(reading(Metric::DockerEngine, &ENGINE.into(), ContainerWord::new(word, "available")));
        }
    }
}

/// Right after an event a container that is being removed is about to be gone, and that is no trouble. One that cannot be
/// removed is found by the next check.
fn leave_open_while_removing(reading: &mut Reading) {
    if let Value::Container(word) = &mut reading.value
        && &*word.word == "removing"
    {
        word.well = None;
    }
}

fn reading(metric: Metric, target: &Rc<str>, word: ContainerWord) -> Reading {
    Reading { key: crate::snapshot::Key::new(metric, target.clone()), value: Value::Container(word), note: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_to_be_gone_is_no_trouble_yet() {
        let well_after = |word: &str| {
            let mut reading = reading(Metric::ContainerState, &"web".into(), ContainerWord::new(word, "running"));
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
