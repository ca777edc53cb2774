//! One look at everything: the list, then inspect for what the list cannot tell.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::judge::{self, Facts};
use super::known::Known;
use super::names::{Claim, Place};
use super::{Docker, Expected, Next, Step, reading};
use crate::clock::Now;
use crate::docker::{Answer, Error, Inspected, Listed, Question};
use crate::snapshot::{Failure, Metric, Reading, Snapshot};

/// The most containers that one survey inspects; the words of the list stand for the others. At 0.2 to 0.4 ms each
/// (engines 20.10 and 26.1) these take a tenth of a second, and a busy engine ten times that.
pub(super) const MAX_INSPECTED: usize = 256;

/// Of more containers than this whose health is not known one failure tells.
const MAX_FAILURES: usize = 3;

/// A survey that is under way.
#[derive(Debug)]
pub(super) struct Survey {
    /// Inspected in any case: for a moment after an event an engine's list is older than the event (20.10: up to 90 ms).
    named: BTreeSet<Rc<str>>,
    found: Vec<Found>,
    /// Those of `found` that are inspected yet, and why; `None` while the list is read.
    left: Option<VecDeque<(Need, usize)>>,
}

/// A watched container of the list.
#[derive(Debug)]
struct Found {
    id: Rc<str>,
    name: Rc<str>,
    claim: Claim,
    /// When it was made, in seconds since 1970.
    created: i64,
    /// `None`: it is not watched after all.
    place: Option<Place>,
    facts: Facts,
    /// The engine has it no more, as inspect found.
    gone: bool,
    /// Why its health, which the list does not tell, is not known.
    health_error: Option<Rc<str>>,
}

impl Survey {
    pub fn question(&self) -> Option<Question<'_>> {
        match &self.left {
            None => Some(Question::List),
            Some(left) => left.front().map(|(_, index)| Question::Inspect(&self.found[*index].id)),
        }
    }
}

impl Docker {
    /// Begins to look at every watched container.
    pub(super) fn begin_survey(&self, named: BTreeSet<Rc<str>>) -> Survey {
        // As many as last time: a list that grows step by step leaves holes in the heap.
        Survey { named, found: Vec::with_capacity(self.known.len()), left: None }
    }

    /// # Errors
    /// Any [`Error`]: one that cannot be asked to the end is not believed halfway.
    pub(super) fn answer_survey(&mut self, mut survey: Survey, answer: Answer, now: Now) -> Result<Next, Error> {
        match (answer, survey.left.as_mut().and_then(VecDeque::pop_front)) {
            (Answer::Listed(listed), None) => survey.found.extend(self.find(&listed)),
            (Answer::ListEnd { podman }, None) => {
                self.take_places(&mut survey.found);
                survey.left = Some(self.plan_inspections(&mut survey, podman, now));
            }
            (Answer::Inspected(Some(inspected)), Some((_, index))) => {
                self.take_in(&mut survey.found[index], &inspected, now);
            }
            (Answer::Inspected(None), Some((_, index))) => survey.found[index].gone = true,
            // An engine that answers, but not of this one, has said in its list what there is to say.
            (Answer::Failed(error @ (Error::Api { .. } | Error::TooLarge { .. })), Some((need, index))) => {
                survey.found[index].health_error = Some(error.to_string().into()).filter(|_| need == Need::Health);
            }
            (Answer::Failed(error), _) => return Err(error),
            // Nobody asked for these.
            (Answer::Listed(_) | Answer::ListEnd { .. }, Some(asked)) => {
                survey.left.iter_mut().for_each(|left| left.push_front(asked));
            }
            (Answer::Inspected(_), None) => {}
        }
        if survey.left.as_ref().is_none_or(|left| !left.is_empty()) {
            return Ok(Next::Ask(Step::Survey(survey)));
        }
        let mut found = survey.found;
        if found.iter().any(|container| container.gone) {
            found.retain(|container| !container.gone);
            self.take_places(&mut found);
        }
        Ok(Next::Found(self.readings(found, now)))
    }

    fn find(&mut self, listed: &Listed) -> Option<Found> {
        let claim = self.watch.claim(listed.name(), &listed.compose)?;
        let (id, name) = kept(&self.known, listed);
        Some(Found {
            id,
            name,
            claim,
            created: listed.created,
            place: None,
            facts: Facts::listed(listed, &mut self.words),
            gone: false,
            health_error: None,
        })
    }

    /// Gives every container that was found its place, and forgets those that were not. What is known is changed where
    /// it is: thousands of containers need not be known twice.
    fn take_places(&mut self, found: &mut [Found]) {
        self.known.values_mut().for_each(|known| known.listed = false);
        let places = self.watch.places(found.iter().map(|container| (&container.name, container.claim)));
        for (container, place) in found.iter_mut().zip(places) {
            container.place = place;
        }
        leave_one_of_a_name(found);
        for container in found {
            let Some(place) = &container.place else { continue };
            let known = self.known.entry(container.id.clone()).or_insert_with(|| Known::new(place.clone()));
            known.place = place.clone();
            known.listed = true;
        }
        self.known.retain(|_, known| known.listed);
    }

    /// Which containers are inspected, in which order. Of those beyond the bound whose health the list does not tell,
    /// that is said.
    fn plan_inspections(&self, survey: &mut Survey, podman: bool, now: Now) -> VecDeque<(Need, usize)> {
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
        order.into()
    }

    fn take_in(&mut self, container: &mut Found, inspected: &Inspected, now: Now) {
        container.facts = Facts::inspected(inspected, now.wall, &mut self.words);
        if let Some(known) = self.known.get_mut(&container.id) {
            known.see(inspected, now, self.config.restart_loop_window);
        }
    }

    /// Why a container of the list must be inspected, if it must.
    fn need(&self, container: &Found, podman: bool, now: Now) -> Option<Need> {
        let known = self.known.get(&container.id)?;
        let terms = self.terms(&known.place);
        let facts = &container.facts;
        let as_expected = match terms.expected {
            Expected::Running => &*facts.state == "running",
            Expected::Exited => &*facts.state == "exited" && facts.exit_code == Some(0),
        };
        let unhealthy = terms.check_health && facts.health.as_deref() == Some("unhealthy");
        let health_unknown = podman
            && terms.check_health
            && &*facts.state == "running"
            && facts.health.is_none()
            && !known.has_no_health_check;
        if !as_expected || unhealthy {
            Some(Need::Trouble)
        } else if health_unknown {
            Some(Need::Health)
        } else if known.may_be_looping(facts, now, self.config.restart_loop_window) {
            Some(Need::Loop)
        } else {
            None
        }
    }

    /// In the order of the configuration, then of names.
    fn readings(&mut self, mut found: Vec<Found>, now: Now) -> Snapshot {
        found.retain(|container| container.place.is_some());
        found.sort_unstable_by(|one, other| one.place.cmp(&other.place));
        let missing = self.watch.missing(found.iter().filter_map(|container| container.place.as_ref()));
        let mut missing = missing.into_iter().peekable();
        let mut snapshot = Snapshot {
            readings: Vec::with_capacity(found.len()),
            failures: health_failures(&found),
            ..Snapshot::default()
        };
        for container in found {
            let Some(place) = container.place else { continue };
            while let Some(absent) = missing.next_if(|absent| *absent < place) {
                snapshot.readings.push(self.missing(&absent));
            }
            self.read(&container.id, &container.facts, now, &mut snapshot.readings);
        }
        snapshot.readings.extend(missing.map(|absent| self.missing(&absent)));
        snapshot
    }

    fn missing(&mut self, place: &Place) -> Reading {
        let word = judge::missing(self.terms(place).expected, &mut self.words);
        reading(Metric::ContainerState, &place.target, word)
    }
}

/// A container's id and name: those that are known already, rather than the same ones again for thousands of them.
fn kept(known: &BTreeMap<Rc<str>, Known>, listed: &Listed) -> (Rc<str>, Rc<str>) {
    let (id, name) = (listed.id.as_str(), listed.name());
    match known.get_key_value(id) {
        Some((id, known)) if *known.place.target == *name => (id.clone(), known.place.target.clone()),
        Some((id, _)) => (id.clone(), name.into()),
        None => (id.into(), name.into()),
    }
}

/// Where several containers go by one name (an engine's list in the middle of a rename, an engine that does not mind),
/// the newest that is meant to run speaks, and the others are not watched: two readings of one name would take back what
/// the other one said.
fn leave_one_of_a_name(found: &mut [Found]) {
    let mut order: Vec<usize> = (0..found.len()).filter(|index| found[*index].place.is_some()).collect();
    let rank = |index: &usize| {
        let container = &found[*index];
        let meant_to_run = !matches!(&*container.facts.state, "created" | "removing" | "dead");
        (meant_to_run, container.created, container.id.clone())
    };
    let target = |index: usize| found[index].place.as_ref().map(|place| &place.target);
    order.sort_by(|one, other| target(*one).cmp(&target(*other)).then_with(|| rank(other).cmp(&rank(one))));
    let silent: Vec<usize> =
        order.windows(2).filter(|pair| target(pair[0]) == target(pair[1])).map(|pair| pair[1]).collect();
    silent.into_iter().for_each(|index| found[index].place = None);
}

/// A failure for each container whose health is not known, or one for all where these are many.
fn health_failures(found: &[Found]) -> Vec<Failure> {
    let unknown = || found.iter().filter_map(|c| Some((&c.place.as_ref()?.target, c.health_error.as_ref()?)));
    let failure = |target, error| Failure { collector: "docker", metrics: &[Metric::ContainerHealth], target, error };
    if unknown().nth(MAX_FAILURES).is_none() {
        return unknown().map(|(target, error)| failure(Some(target.clone()), error.to_string())).collect();
    }
    let names: Vec<&str> = unknown().take(MAX_FAILURES).map(|(target, _)| &**target).collect();
    let error = unknown().next().map_or("", |(_, error)| error);
    vec![failure(None, format!("health of {} and others: {error}", names.join(", ")))]
}

/// Why a container is inspected; the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Named,
    Trouble,
    Health,
    Loop,
}
