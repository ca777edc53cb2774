//! One look at everything: the list, then inspect for details that the list does not have.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use jiff::Timestamp;

use super::health;
use super::id::{Id, Lookup};
use super::judge::{self, Observation};
use super::names::{Listing, NameMatch, Place};
use super::{Docker, NAME, Next, Step, reading};
use crate::clock::Now;
use crate::docker::{Answer, Error, Inspected, Listed, Question};
use crate::metric;
use crate::snapshot::{ContainerWord, Failure, Key, Reading, Snapshot, Watched};

/// The most containers that one survey inspects; the words of the list stand for the others. At 0.2 to 0.4 ms each
/// (engines 20.10 and 26.1) these take a tenth of a second, and a busy engine ten times that.
pub(super) const MAX_INSPECTED: usize = 256;

/// If the health of more containers than this is unknown, one failure covers them all.
const MAX_FAILURES: usize = 3;

/// The least number of containers that a list of them grows by.
const GROWS_BY: usize = 64;

/// Room beside the readings of containers: for those of the engine and of the host.
const MAX_OTHERS: usize = 64;

/// A survey that is under way.
#[derive(Debug)]
pub(super) struct Survey {
    /// Inspected in any case: for a moment after an event an engine's list is older than the event (20.10: up to 90
    /// ms).
    named: BTreeSet<Id>,
    found: Vec<Found>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The events of the agent's absence.
    Past {
        since: Timestamp,
        until: Timestamp,
    },
    List,
    /// Those of `found` that are still to be inspected, and why, each with its id as the engine writes it.
    Inspections(VecDeque<(Need, usize, String)>),
}

/// A watched container of the list.
#[derive(Debug)]
struct Found {
    id: Id,
    /// Where the inventory has it.
    known_at: usize,
    name: Rc<str>,
    name_match: NameMatch,
    /// When it was made, in seconds since 1970.
    created: i64,
    /// `None`: it is not watched after all.
    place: Option<Place>,
    observed: Rc<Observation>,
    /// The engine has it no more, as inspect found.
    gone: bool,
    /// The reason why its health, which the list does not have, is not known.
    health_error: Option<Rc<str>>,
}

/// A container that is found and has its place: all that its readings need.
struct Placed {
    place: Place,
    id: Id,
    known_at: usize,
    observed: Rc<Observation>,
}

impl Survey {
    /// Thousands may be added: a list that doubles takes three times its memory for a moment.
    fn add(&mut self, found: Option<Found>) {
        let count = self.found.len();
        if count == self.found.capacity() {
            self.found.reserve_exact(count / 8 + GROWS_BY);
        }
        self.found.extend(found);
    }

    pub fn question(&self) -> Option<Question<'_>> {
        match &self.stage {
            Stage::Past { since, until } => Some(Question::Past { since: *since, until: *until }),
            Stage::List => Some(Question::List),
            Stage::Inspections(left) => left.front().map(|(.., id)| Question::Inspect(id)),
        }
    }
}

impl Docker {
    /// Begins to look at every watched container.
    pub(super) fn begin_survey(&mut self, named: BTreeSet<Id>, now: Now) -> Survey {
        // As many as last time, and some more.
        let found = Vec::with_capacity(self.inventory.len() + GROWS_BY);
        let past = self.inventory.absence(now).map(|since| Stage::Past { since, until: now.wall });
        Survey { named, found, stage: past.unwrap_or(Stage::List) }
    }

    /// # Errors
    /// Any [`Error`]: one that cannot be asked to the end is not believed halfway.
    pub(super) fn answer_survey(&mut self, mut survey: Survey, answer: Answer, now: Now) -> Result<Next, Error> {
        let asked = match &mut survey.stage {
            Stage::Inspections(left) => left.pop_front(),
            Stage::Past { .. } => {
                self.answer_past(answer)?;
                survey.stage = Stage::List;
                return Ok(Next::Ask(Step::Survey(survey)));
            }
            Stage::List => None,
        };
        match (answer, asked) {
            (Answer::Listed(listed), None) => survey.add(self.find(&listed)),
            (Answer::ListEnd { podman }, None) => {
                self.take_places(&mut survey.found, now);
                survey.stage = Stage::Inspections(self.plan_inspections(&mut survey, podman, now));
            }
            (Answer::Inspected(Some(inspected)), Some((_, index, _))) => {
                self.take_in(&mut survey.found[index], &inspected, now);
            }
            (Answer::Inspected(None), Some((_, index, _))) => survey.found[index].gone = true,
            // If the engine answers, but not about this one, its list has told everything.
            (Answer::Failed(error @ (Error::Api { .. } | Error::TooLarge { .. })), Some((need, index, _))) => {
                survey.found[index].health_error = Some(error.to_string().into()).filter(|_| need == Need::Health);
            }
            (Answer::Failed(error), _) => return Err(error),
            // Nobody asked for these.
            (Answer::Listed(_) | Answer::ListEnd { .. } | Answer::Happened(_) | Answer::Document(_), Some(asked)) => {
                if let Stage::Inspections(left) = &mut survey.stage {
                    left.push_front(asked);
                }
            }
            (Answer::Inspected(_) | Answer::Happened(_) | Answer::Document(_), None) => {}
        }
        if !matches!(&survey.stage, Stage::Inspections(left) if left.is_empty()) {
            return Ok(Next::Ask(Step::Survey(survey)));
        }
        let mut found = survey.found;
        if found.iter().any(|container| container.gone) {
            found.retain(|container| !container.gone);
            self.take_places(&mut found, now);
        }
        for container in found.iter().filter(|container| container.place.is_some()) {
            self.inventory.settle(container.key(), &container.observed, now);
        }
        self.inventory.replace(now);
        self.inventory.end_survey();
        Ok(Next::Found(self.readings(found, now)))
    }

    /// Takes in the events of the agent's absence. They are asked for once: an engine that cannot tell them tells the rest.
    ///
    /// # Errors
    /// The engine is not there, or does not answer at all.
    fn answer_past(&mut self, answer: Answer) -> Result<(), Error> {
        match answer {
            Answer::Failed(error) if error.is_absence() => return Err(error),
            Answer::Happened(events) => self.inventory.recall_past(events),
            Answer::Failed(error @ (Error::NoAnswer { .. } | Error::CutOff { .. })) => {
                self.inventory.recall_past(Vec::new());
                return Err(error);
            }
            _ => self.inventory.recall_past(Vec::new()),
        }
        Ok(())
    }

    fn find(&mut self, listed: &Listed) -> Option<Found> {
        let name_match = self.inventory.watch().match_name(listed.name(), &listed.labels)?;
        let id = Id::from(listed.id.as_str());
        let known_at = self.inventory.find(&id);
        Some(Found {
            name: self.inventory.name(Lookup { id: &id, place: known_at }, listed.name()),
            id,
            known_at,
            name_match,
            created: listed.created,
            place: None,
            observed: self.interner.observe(listed),
            gone: false,
            health_error: None,
        })
    }

    /// Gives every container that was found its place.
    fn take_places(&mut self, found: &mut [Found], now: Now) {
        let listings: Vec<Listing<'_>> = found.iter().map(Found::listing).collect();
        let places = self.inventory.take_places(&listings, now);
        for (container, place) in found.iter_mut().zip(places) {
            container.place = place;
        }
    }

    /// Decides which containers are inspected, in which order. Containers beyond the bound whose health the list does
    /// not tell are reported.
    fn plan_inspections(&self, survey: &mut Survey, podman: bool, now: Now) -> VecDeque<(Need, usize, String)> {
        let Survey { named, found, .. } = survey;
        let mut order: Vec<(Need, usize)> = Vec::new();
        for (index, container) in found.iter().enumerate().filter(|(_, container)| container.place.is_some()) {
            let need =
                if named.contains(&container.id) { Some(Need::Named) } else { self.need(container, podman, now) };
            order.extend(need.map(|need| (need, index)));
        }
        order.sort_unstable();
        let beyond = order.split_off(order.len().min(MAX_INSPECTED));
        let not_asked: Rc<str> = format!("not asked: a check inspects {MAX_INSPECTED} containers at most").into();
        for (_, index) in beyond.into_iter().filter(|(need, _)| *need == Need::Health) {
            found[index].health_error = Some(not_asked.clone());
        }
        order.into_iter().map(|(need, index)| (need, index, found[index].id.to_string())).collect()
    }

    fn take_in(&mut self, container: &mut Found, inspected: &Inspected, now: Now) {
        container.observed = Observation::inspected(inspected, now.wall, &mut self.interner).into();
        self.inventory.see(&container.id, inspected, now);
    }

    /// The reason to inspect a container of the list, if there is one.
    fn need(&self, container: &Found, podman: bool, now: Now) -> Option<Need> {
        let known = self.inventory.get(container.key())?;
        let policy = self.policy(&known.place);
        let observed = &container.observed;
        let runs = &*observed.state == "running";
        let health = observed.health.as_deref().filter(|_| policy.check_health);
        let is_starting_long = || observed.uptime.is_some_and(|uptime| uptime >= health::SHORTEST_START);
        let is_health_unknown = match health {
            Some("starting") => is_starting_long(),
            Some(_) => false,
            None => podman && runs && policy.check_health && !known.has_no_health_check,
        };
        if health == Some("unhealthy") || (!runs && known.is_in_question(observed, policy)) {
            Some(Need::Trouble)
        } else if is_health_unknown {
            Some(Need::Health)
        } else if known.may_be_looping(observed, now, self.config.restart_loop_window)
            || known.may_have_been_restarted(observed, self.inventory.absent_since(), now)
        {
            Some(Need::Loop)
        } else {
            None
        }
    }

    /// In the order of the configuration, then of names.
    fn readings(&mut self, found: Vec<Found>, now: Now) -> Snapshot {
        let unknown_health = unknown_health(&found);
        let mut placed = Vec::with_capacity(found.len());
        placed.extend(found.into_iter().filter_map(Found::placed));
        placed.sort_unstable_by(|one, other| one.place.cmp(&other.place));
        let absent = self.absent(&placed);
        let with_health = placed.iter().filter(|container| container.observed.health.is_some()).count();
        // A list that grows step by step takes twice its memory for a moment.
        let mut snapshot = Snapshot {
            readings: Vec::with_capacity(absent.len() + placed.len() + with_health + MAX_OTHERS),
            failures: health_failures(&unknown_health),
            watched: unknown_health.iter().map(|(place, _)| watched_health(&place.target)).collect(),
            ..Snapshot::default()
        };
        let mut absent = absent.into_iter().peekable();
        for Placed { place, id, known_at, observed } in placed {
            while let Some(reading) = absent.next_if(|(absent, _)| *absent < place) {
                snapshot.readings.push(reading.1);
            }
            self.read(Lookup { id: &id, place: known_at }, &observed, now, &mut snapshot.readings);
        }
        snapshot.readings.extend(absent.map(|(_, reading)| reading));
        snapshot
    }

    /// The readings of containers that are named and missing, and of those that were removed while they ran.
    fn absent(&mut self, placed: &[Placed]) -> Vec<(Place, Reading)> {
        let missing = self.inventory.watch().missing(placed.iter().map(|container| &container.place));
        let missing = missing.into_iter().map(|place| (place, judge::missing as fn(_, &mut _) -> _));
        let removed = self.inventory.removed().into_iter().map(|place| (place, judge::removed as fn(_, &mut _) -> _));
        let mut absent: Vec<(Place, Reading)> = missing
            .chain(removed)
            .map(|(place, word)| {
                let word: ContainerWord = word(self.policy(&place), &mut self.interner);
                let reading = reading(metric::CONTAINER_STATE, &place.target, word.into());
                (place, reading)
            })
            .collect();
        absent.sort_by(|(one, _), (other, _)| one.cmp(other));
        absent
    }
}

impl Found {
    fn listing(&self) -> Listing<'_> {
        let Found { name, name_match, observed, created, .. } = self;
        Listing { key: self.key(), name, name_match, observed, created: *created }
    }

    fn key(&self) -> Lookup<'_> {
        Lookup { id: &self.id, place: self.known_at }
    }

    fn placed(self) -> Option<Placed> {
        let Found { place, id, known_at, observed, .. } = self;
        Some(Placed { place: place?, id, known_at, observed })
    }
}

/// The containers whose health is not known, with the reasons.
fn unknown_health(found: &[Found]) -> Vec<(Place, Rc<str>)> {
    let unknown = |container: &Found| Some((container.place.clone()?, container.health_error.clone()?));
    let mut unknown: Vec<_> = found.iter().filter_map(unknown).collect();
    unknown.sort_unstable();
    unknown
}

fn watched_health(target: &Rc<str>) -> Watched {
    Watched::One(Key::new(metric::CONTAINER_HEALTH, target.clone()))
}

/// A failure for each container whose health is not known, or one for all where these are many.
fn health_failures(unknown: &[(Place, Rc<str>)]) -> Vec<Failure> {
    let failure = |target, error| Failure { collector: NAME, metrics: &[metric::CONTAINER_HEALTH], target, error };
    if unknown.len() <= MAX_FAILURES {
        return unknown.iter().map(|(place, error)| failure(Some(place.target.clone()), error.to_string())).collect();
    }
    let names: Vec<&str> = unknown.iter().take(MAX_FAILURES).map(|(place, _)| &*place.target).collect();
    let error = unknown.first().map_or("", |(_, error)| error);
    vec![failure(None, format!("health of {} and others: {error}", names.join(", ")))]
}

/// The reasons to inspect a container; the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Named,
    Trouble,
    Health,
    Loop,
}
