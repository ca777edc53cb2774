//! The known containers: the name of each, its history, and the part of it that outlives the agent.

mod list;

use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Now;
use crate::collect::docker::config::DockerConfig;
use crate::collect::docker::id::{ById, Id, Lookup};
use crate::collect::docker::judge::{History, Observation};
use crate::collect::docker::known::{self, Known, Life};
use crate::collect::docker::memory::{self, Memory, facet};
use crate::collect::docker::names::{Place, Watch};
use crate::collect::docker::run::UnseenEnd;
use crate::collect::docker::running::RunningContainers;
use crate::docker::Inspected;
use crate::docker::events::Event;

/// The bound of events of containers that are not known yet.
const MAX_UNHEARD: usize = 10_000;

/// The known containers.
#[derive(Debug)]
pub struct Inventory {
    watch: Watch,
    grace: Duration,
    loop_window: Duration,
    known: ById<Known>,
    /// The memory of earlier agents; `None`: there is none.
    memory: Option<Memory>,
    /// Events of containers that are not known yet.
    unheard: Vec<Event>,
    /// Ends of runs that no look saw and nobody meant: to be told.
    deaths: Vec<(Place, UnseenEnd)>,
    /// When the engine was last found to be away, if that was since the last survey.
    away_until: Option<Timestamp>,
    /// The beginning of the agent's absence; only of containers that were not looked at since.
    absent_since: Option<Timestamp>,
    /// The events of that time, as far as the engine remembers them; `None`: it is to be asked.
    past: Option<Vec<Event>>,
    /// The latest stamp of an event.
    newest_event: Option<Timestamp>,
    /// The number of changes of the memory.
    revision: u64,
}

impl Inventory {
    pub fn new(config: &DockerConfig, memory: Option<Memory>) -> Inventory {
        Inventory {
            watch: Watch::new(&config.containers, &config.exclude),
            grace: config.grace,
            loop_window: config.restart_loop_window,
            known: ById::default(),
            absent_since: memory.as_ref().filter(|memory| memory.has_containers()).and_then(|memory| memory.looked),
            past: None,
            memory,
            unheard: Vec::new(),
            deaths: Vec::new(),
            away_until: None,
            newest_event: None,
            revision: 0,
        }
    }

    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    pub fn get<'a>(&self, key: impl Into<Lookup<'a>>) -> Option<&Known> {
        self.known.get(key)
    }

    pub fn running(&self) -> impl Iterator<Item = (&Id, &Known)> {
        self.known.iter().filter(|(_, known)| known.listed && known.life() == Life::Alive)
    }

    /// Where a container is known, for a [`Lookup`] of it.
    pub fn find(&self, id: &Id) -> usize {
        self.known.find(id.into()).unwrap_or(usize::MAX)
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// A container's name: the one copy of it, if there is one already, as there may be thousands.
    pub fn name(&self, key: Lookup<'_>, name: &str) -> Rc<str> {
        match self.known.get(key) {
            Some(known) if *known.name == *name => known.name.clone(),
            _ => name.into(),
        }
    }

    /// Whether the knowledge outlives the agent.
    pub fn remembers(&self) -> bool {
        self.memory.is_some()
    }

    /// The knowledge that outlives the agent.
    pub fn memory(&self) -> Memory {
        let memory = self.memory.clone().unwrap_or_default();
        // Before the first list, the memory is the whole knowledge.
        if memory.has_containers() { memory } else { memory.with(self.known.iter()) }
    }

    /// The number of changes of the part that outlives the agent.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether containers were seen, now or before.
    pub fn has_seen_any(&self) -> bool {
        !self.known.is_empty() || self.memory.as_ref().is_some_and(Memory::has_containers)
    }

    /// Changes the memory of the engine itself.
    pub fn remember<T: PartialEq>(&mut self, field: impl Fn(&mut Memory) -> &mut T, value: T) {
        if let Some(field) = self.memory.as_mut().map(field).filter(|field| **field != value) {
            *field = value;
            self.revision += 1;
        }
    }

    pub fn recall(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// The engine does not answer.
    pub fn lose_engine(&mut self, now: Now) {
        self.away_until = Some(now.wall);
    }

    pub fn is_watched(&self, event: &Event) -> bool {
        self.known.contains(&Id::from(event.id.as_str())) || self.watch.match_name(&event.name, &event.labels).is_some()
    }

    /// Takes in an event of a container that is watched.
    pub fn hear(&mut self, event: &Event) {
        self.newest_event = self.newest_event.max(memory::stamp(event));
        match self.known.get_mut(&Id::from(event.id.as_str())) {
            Some(known) => {
                let before = facet(known);
                known.take_in(event);
                self.revision += u64::from(facet(known) != before);
            }
            None if self.unheard.len() < MAX_UNHEARD => {
                self.unheard.push(event.clone());
                if self.unheard.len() == MAX_UNHEARD {
                    log::warn!("more happens to new containers at once than is kept: some of their ends are not told");
                }
            }
            None => {}
        }
    }

    /// The time whose events the engine is to be asked for, `None` where they are known: from the last look of the agent
    /// before this one. An engine that was started since remembers nothing older, and the ends of containers in its first
    /// minutes belong to its start.
    pub fn absence(&mut self, now: Now) -> Option<Timestamp> {
        let since = self.absent_since.as_mut().filter(|_| self.past.is_none())?;
        let start = known::engines_start(now);
        self.memory.iter_mut().filter(|_| start >= *since).for_each(Memory::lose_past);
        *since = (*since).max(start);
        Some(*since).filter(|since| *since < now.wall)
    }

    /// Takes in the events of the agent's absence; none where the engine does not tell them.
    pub fn recall_past(&mut self, mut events: Vec<Event>) {
        events.retain(|event| self.memory.as_ref().is_none_or(|memory| memory.is_new(event)));
        self.past = Some(events);
    }

    /// Takes in the restarts from inspect.
    pub fn see(&mut self, id: &Id, inspected: &Inspected, now: Now) {
        if let Some(known) = self.known.get_mut(id) {
            known.see(inspected, self.absent_since, now, self.loop_window);
        }
    }

    /// Takes in a container's present state.
    pub fn settle<'a>(&mut self, key: impl Into<Lookup<'a>>, observed: &Observation, now: Now) {
        let Some(known) = self.known.get_mut(key) else { return };
        let before = facet(known);
        let death = known.settle(observed, self.away_until, now);
        self.revision += u64::from(facet(known) != before);
        // With it is remembered how far the ends of containers were taken in.
        self.revision += u64::from(death.is_some());
        self.deaths.extend(death.map(|death| (known.place.clone(), death)));
    }

    /// Once a look is complete: finds out which of the containers that were stopped or removed on purpose are replaced.
    pub fn replace(&mut self, now: Now) {
        let Inventory { known, grace, revision, .. } = self;
        if !known.values().any(|known| known.may_be_replaced(*grace, now)) {
            return;
        }
        let alive: RunningContainers = known.values().collect();
        known.retain(|_, known| {
            if !known.may_be_replaced(*grace, now) || !known.is_replaced_by(&alive) {
                return true;
            }
            *revision += 1;
            let is_removed = matches!(known.life(), Life::Removed { .. });
            known.be_replaced();
            !is_removed
        });
    }

    /// Everything has been looked at.
    pub fn end_survey(&mut self) {
        (self.away_until, self.absent_since, self.past) = (None, None, None);
    }

    /// A look has ended that began then, with all events that had come by then.
    pub fn end_look(&mut self, began: Timestamp) {
        if self.memory.as_mut().is_some_and(|memory| memory.end_look(began, self.newest_event)) {
            self.revision += 1;
        }
    }

    /// The beginning of the agent's absence, until everything was looked at since.
    pub fn absent_since(&self) -> Option<Timestamp> {
        self.absent_since
    }

    /// The ends of runs that no look saw, which are told once.
    pub fn take_deaths(&mut self) -> Vec<(Place, UnseenEnd)> {
        std::mem::take(&mut self.deaths)
    }

    /// The places of those that ran until they were removed.
    pub fn removed(&self) -> Vec<Place> {
        let removed = self.known.values().filter(|known| matches!(known.life(), Life::Removed { .. }));
        removed.map(|known| known.place.clone()).collect()
    }

    pub fn history(&self, known: &Known, now: Now) -> History {
        known.history(now, self.loop_window)
    }

    /// The names of the containers in a restart loop.
    pub fn in_loop(&self, times: u32, now: Now) -> HashSet<Rc<str>> {
        let in_loop = self.known.values().filter(|known| known.restart_count(now, self.loop_window) >= times);
        in_loop.map(|known| known.place.target.clone()).collect()
    }
}
