//! One look at everything: the list, then inspect for what the list cannot tell.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::judge::{self, Facts};
use super::known::Known;
use super::names::{Claim, Place};
use super::{Docker, Expected, reading};
use crate::clock::Now;
use crate::docker::{Error, Listed, Patience, Session};
use crate::snapshot::{Failure, Metric, Reading, Snapshot};

/// The most containers that one survey inspects; the words of the list stand for the others. At 0.2 to 0.4 ms each
/// (engines 20.10 and 26.1) these take a tenth of a second, and a busy engine ten times that.
pub(super) const MAX_INSPECTED: usize = 256;

/// A watched container of the list.
struct Found {
    id: Rc<str>,
    name: Rc<str>,
    claim: Claim,
    /// `None`: it is not watched after all.
    place: Option<Place>,
    facts: Facts,
    /// The engine has it no more, as inspect found.
    gone: bool,
    /// Why its health, which the list does not tell, is not known.
    health_error: Option<Box<str>>,
}

impl Docker {
    /// The readings of every watched container, and a failure for each health that is not known. Those of `named` are
    /// inspected in any case: for a moment after an event an engine's list is older than the event (20.10: up to
    /// 90 ms).
    ///
    /// # Errors
    /// Any [`Error`]: one that cannot be asked to the end is not believed halfway.
    pub(super) fn survey(
        &mut self,
        patience: Patience<'_>,
        named: &BTreeSet<&str>,
        now: Now,
    ) -> Result<Snapshot, Error> {
        let socket = self.config.socket.clone();
        let mut session = Session::new(&socket, patience);
        // As many as last time: a list that grows step by step leaves holes in the heap.
        let mut found = Vec::with_capacity(self.known.len());
        session.list(|listed| {
            if let Some(claim) = self.watch.claim(listed.name(), &listed.compose) {
                let (id, name) = kept(&self.known, &listed);
                found.push(Found {
                    id,
                    name,
                    claim,
                    place: None,
                    facts: Facts::listed(&listed, &mut self.words),
                    gone: false,
                    health_error: None,
                });
            }
        })?;
        self.take_places(&mut found);
        self.inspect(&mut session, &mut found, named, now)?;
        if found.iter().any(|container| container.gone) {
            found.retain(|container| !container.gone);
            self.take_places(&mut found);
        }
        Ok(self.readings(found, now))
    }

    /// Gives every container that was found its place, and forgets those that were not. What is known is changed where
    /// it is: thousands of containers need not be known twice.
    fn take_places(&mut self, found: &mut [Found]) {
        self.known.values_mut().for_each(|known| known.listed = false);
        let places = self.watch.places(found.iter().map(|container| (&container.name, container.claim)));
        for (container, place) in found.iter_mut().zip(places) {
            if let Some(place) = &place {
                let known = self.known.entry(container.id.clone()).or_insert_with(|| Known::new(place.clone()));
                known.place = place.clone();
                known.listed = true;
            }
            container.place = place;
        }
        self.known.retain(|_, known| known.listed);
    }

    fn inspect(
        &mut self,
        session: &mut Session<'_>,
        found: &mut [Found],
        named: &BTreeSet<&str>,
        now: Now,
    ) -> Result<(), Error> {
        let podman = session.is_podman();
        let mut order: Vec<(Need, usize)> = Vec::new();
        for (index, container) in found.iter().enumerate() {
            let need =
                if named.contains(&*container.id) { Some(Need::Named) } else { self.need(container, podman, now) };
            order.extend(need.map(|need| (need, index)));
        }
        order.sort_unstable();
        for (asked, (need, index)) in order.into_iter().enumerate() {
            let container = &mut found[index];
            if asked >= MAX_INSPECTED {
                let unasked = format!("not asked: a check inspects {MAX_INSPECTED} containers at most").into();
                container.health_error = Some(unasked).filter(|_| need == Need::Health);
                continue;
            }
            match session.inspect(&container.id) {
                Ok(Some(inspected)) => {
                    container.facts = Facts::inspected(&inspected, now.wall, &mut self.words);
                    if let Some(known) = self.known.get_mut(&container.id) {
                        known.see(&inspected, now, self.config.restart_loop_window);
                    }
                }
                Ok(None) => container.gone = true,
                // An engine that answers, but not of this one, has said in its list what there is to say.
                Err(error @ Error::Api { .. }) => {
                    container.health_error = Some(error.to_string().into()).filter(|_| need == Need::Health);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
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
        found.sort_unstable_by(|one, other| one.place.cmp(&other.place));
        let missing = self.watch.missing(found.iter().filter_map(|container| container.place.as_ref()));
        let mut missing = missing.into_iter().peekable();
        let mut snapshot = Snapshot { readings: Vec::with_capacity(found.len()), ..Snapshot::default() };
        for container in found {
            let Some(place) = container.place else { continue };
            while let Some(absent) = missing.next_if(|absent| *absent < place) {
                snapshot.readings.push(self.missing(&absent));
            }
            self.read(&container.id, &container.facts, now, &mut snapshot.readings);
            snapshot.failures.extend(container.health_error.map(|error| Failure {
                collector: "docker",
                metrics: &[Metric::ContainerHealth],
                target: Some(place.target),
                error: error.into(),
            }));
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

/// Why a container is inspected; the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Named,
    Trouble,
    Health,
    Loop,
}
