//! Containers: state and health of every one that is watched.
//!
//! A check asks for the list once, and inspects what is in trouble or may be. An event makes [`Docker::look`] inspect
//! the containers that it names, through the same evaluation: events wake, they do not decide. What is remembered
//! between two looks (`known.rs`) is what no single answer tells: restarts over time, and who stopped a container.

mod config;
mod judge;
mod known;
mod names;
mod restarts;
mod status;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub use config::{Config, Enabled, Entry, Expected};

use judge::{Facts, Terms, Words};
use known::Known;
use names::{Place, Watch};
use survey::MAX_INSPECTED;

use crate::clock::Now;
use crate::docker::events::{Event, Kind, Stream};
use crate::docker::{Burst, Error, Patience, Session};
use crate::snapshot::{ContainerWord, Failure, Metric, Reading, Snapshot, Value};

/// What is unknown while the engine does not answer.
const METRICS: &[Metric] = &[Metric::ContainerState, Metric::ContainerHealth];

/// The name that the readings of the engine itself go by.
const ENGINE: &str = "Docker";

/// What a look took in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Scope {
    /// Every watched container, as a check does: what has no reading is not watched any more.
    Everything,
    /// Some containers; nothing is said of the others.
    Some,
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
}

impl Docker {
    pub fn new(config: &Config) -> Docker {
        Docker {
            watch: Watch::new(&config.containers),
            config: config.clone(),
            words: Words::default(),
            known: BTreeMap::new(),
            was_there: false,
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

    /// The engine's events, to be watched; `None` where containers are not.
    pub fn events(&self) -> Option<Stream> {
        (self.config.enabled != Enabled::Never).then(|| Stream::new(self.config.socket.clone()))
    }

    /// Adds the readings of every watched container, sorted as configured, then by name, each one's state before its
    /// health; or one failure. Nothing, where Docker is switched off or, on `auto`, is not there.
    pub fn collect(&mut self, patience: Patience<'_>, now: Now, into: &mut Snapshot) {
        if self.config.enabled == Enabled::Never {
            return;
        }
        let surveyed = self.survey(patience, &BTreeSet::new(), now);
        self.tell(surveyed, into);
    }

    /// Looks again at the containers that a burst of events names. What was renamed, is gone or is new changes who is
    /// watched as what, so then it looks at everything.
    pub fn look(&mut self, burst: &Burst, patience: Patience<'_>, now: Now, into: &mut Snapshot) -> Scope {
        let scope = self.look_again(burst, patience, now, into);
        into.readings.iter_mut().for_each(leave_open_while_removing);
        scope
    }

    fn look_again(&mut self, burst: &Burst, patience: Patience<'_>, now: Now, into: &mut Snapshot) -> Scope {
        let watched: Vec<&Event> = burst.events.iter().filter(|event| self.is_watched(event)).collect();
        if self.config.enabled == Enabled::Never || (watched.is_empty() && !burst.overflowed) {
            return Scope::Some;
        }
        let named: BTreeSet<&str> = watched.iter().map(|event| event.id.as_str()).collect();
        for event in &watched {
            if let Some(known) = self.known.get_mut(event.id.as_str()) {
                known.take_in(event);
            }
        }
        let moved = |event: &&Event| {
            matches!(event.kind, Kind::Destroy | Kind::Rename) || !self.known.contains_key(event.id.as_str())
        };
        let few = !burst.overflowed && named.len() <= MAX_INSPECTED;
        if few && !watched.iter().any(moved) {
            let visited = self.revisit(&named, patience, now);
            if let Some(visited) = visited.transpose() {
                self.tell(visited, into);
                return Scope::Some;
            }
        }
        let surveyed = self.survey(patience, &named, now);
        self.tell(surveyed, into);
        Scope::Everything
    }

    fn is_watched(&self, event: &Event) -> bool {
        self.known.contains_key(event.id.as_str()) || self.watch.claim(&event.name, &event.compose).is_some()
    }

    /// The readings of some known containers; `None` when one of them is not there any more.
    fn revisit(&mut self, ids: &BTreeSet<&str>, patience: Patience<'_>, now: Now) -> Result<Option<Snapshot>, Error> {
        let socket = self.config.socket.clone();
        let mut session = Session::new(&socket, patience);
        let mut order: Vec<(Place, &str)> =
            ids.iter().filter_map(|id| Some((self.known.get(*id)?.place.clone(), *id))).collect();
        order.sort();
        let mut snapshot = Snapshot::default();
        for (_, id) in order {
            let Some(inspected) = session.inspect(id)? else { return Ok(None) };
            let Some(known) = self.known.get_mut(id) else { return Ok(None) };
            known.see(&inspected, now, self.config.restart_loop_window);
            let facts = Facts::inspected(&inspected, now.wall, &mut self.words);
            self.read(id, &facts, now, &mut snapshot.readings);
        }
        Ok(Some(snapshot))
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
    /// `auto`; one that was there and is gone leaves its containers unknown.
    fn tell(&mut self, asked: Result<Snapshot, Error>, into: &mut Snapshot) {
        match asked {
            Ok(found) => {
                self.was_there = true;
                into.readings.extend(found.readings);
                into.failures.extend(found.failures);
                self.tell_of_engine("available", into);
            }
            Err(Error::NoSocket { .. }) if self.config.enabled == Enabled::Auto && !self.was_there => {}
            Err(error) => {
                let error = error.to_string();
                into.failures.push(Failure { collector: "docker", metrics: METRICS, target: None, error });
                if self.was_there {
                    self.tell_of_engine("unavailable", into);
                }
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
