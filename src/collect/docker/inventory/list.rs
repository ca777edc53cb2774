//! A list of all containers is taken in: each gets its place, new ones are admitted, and those that are gone are seen off.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::Inventory;
use crate::clock::Now;
use crate::collect::docker::id::Id;
use crate::collect::docker::known::{Known, Life};
use crate::collect::docker::memory::{REMOVED_IS_KEPT, Recalled, facet};
use crate::collect::docker::names::{Candidate, Listing, NameMatch, Place, Rank};
use crate::docker::events::{Event, Kind};

/// A container that is in no list, and how it is watched.
type Unlisted = (Id, Known, NameMatch);

impl Inventory {
    /// Gives every container of a list its place, `None` if another one speaks for its name, and forgets those that are
    /// no longer in the list.
    pub fn take_places(&mut self, listings: &[Listing<'_>], now: Now) -> Vec<Option<Place>> {
        self.recall_all(listings, now);
        let places = self.watch.places(listings.iter().map(|listing| self.candidate(listing, now)));
        self.known.values_mut().for_each(|known| known.listed = false);
        let ran = self.names_that_ran(listings);
        let unheard = std::mem::take(&mut self.unheard);
        let mut of_newcomers: HashMap<Id, Vec<&Event>> = HashMap::new();
        unheard.iter().for_each(|event| of_newcomers.entry(event.id.as_str().into()).or_default().push(event));
        let mut forgotten = HashSet::new();
        self.known.reserve(listings.len().saturating_sub(self.known.len()));
        for (listing, place) in listings.iter().zip(&places) {
            match place {
                Some(place) if self.is_known(listing, place, now) => {}
                Some(place) => {
                    let unheard = of_newcomers.get(listing.key.id).map_or(&[][..], Vec::as_slice);
                    let known = self.admit(listing, place, &ran, unheard);
                    self.known.push(listing.key.id.clone(), known);
                }
                // Another one speaks for its name.
                None => drop(forgotten.insert(listing.key.id)),
            }
        }
        self.known.sort();
        self.forget(&forgotten);
        self.meet_strangers(listings, unheard, now);
        self.see_off(now);
        places
    }

    /// Takes over the memory of earlier containers: those in the list under their ids, the others as gone.
    fn recall_all(&mut self, listings: &[Listing<'_>], now: Now) {
        let Some(memory) = self.memory.as_mut().filter(|memory| memory.has_containers()) else { return };
        self.known.reserve(listings.len());
        for listing in listings {
            if let Some(recalled) = memory.take(listing.key.id, &self.watch) {
                self.known.push(listing.key.id.clone(), recalled.known);
            }
        }
        let gone: Vec<(Id, Recalled)> = memory.take_rest(&self.watch).collect();
        self.known.sort();
        let gone = gone.into_iter().map(|(id, Recalled { known, name_match })| (id, known, name_match));
        let ran = Rank { is_meant_to_run: true, created: 0, is_alive: true };
        self.place_unlisted(gone.collect(), ran, listings, now);
        // Whoever made a container in the agent's absence was there to see how that went: it is taken as it is found.
        for event in self.past.iter_mut().flat_map(std::mem::take) {
            let id = Id::from(event.id.as_str());
            let short = Id::from(id.beginning());
            let known = if self.known.contains(&id) { self.known.get_mut(&id) } else { self.known.get_mut(&short) };
            known.into_iter().for_each(|known| known.take_in(&event));
        }
    }

    /// Takes in containers that are in no list, by the names that they have beside those that are: whether one stands for
    /// its service depends on the others.
    fn place_unlisted(&mut self, unlisted: Vec<Unlisted>, rank: Rank, listings: &[Listing<'_>], now: Now) {
        if unlisted.is_empty() {
            return;
        }
        let listed = listings.iter().map(|listing| self.candidate(listing, now));
        let unlisted_too =
            unlisted.iter().map(|(_, known, name_match)| Candidate { name: &known.name, name_match, rank });
        let places = self.watch.places_of_each(listed.chain(unlisted_too));
        for ((id, mut known, _), place) in unlisted.into_iter().zip(places.into_iter().skip(listings.len())) {
            if let Some(place) = place {
                known.place = place;
                self.known.push(id, known);
            }
        }
        self.known.sort();
    }

    fn candidate<'a>(&self, listing: &Listing<'a>, now: Now) -> Candidate<'a> {
        let Listing { key, name, name_match, observed, created } = *listing;
        let is_meant_to_run = match self.known.get(key) {
            Some(known) => known.is_meant_to_run(observed),
            None => observed.is_alive() || (!self.remembers() && observed.is_failed()),
        };
        let (created, is_alive) = (Rank::made(created, now.wall), observed.is_alive());
        Candidate { name, name_match, rank: Rank { is_meant_to_run, created, is_alive } }
    }

    /// The names whose containers ran, if there is a new container that does not run and may be meant to follow one of
    /// them.
    fn names_that_ran(&self, listings: &[Listing<'_>]) -> HashSet<Rc<str>> {
        let is_new = |listing: &&Listing<'_>| !listing.observed.is_alive() && !self.known.contains(listing.key);
        match listings.iter().find(is_new) {
            Some(_) => self.known.values().flat_map(Known::ran_as).cloned().collect(),
            None => HashSet::new(),
        }
    }

    /// Whether it is known; then it takes over its name and its place.
    fn is_known(&mut self, listing: &Listing<'_>, place: &Place, now: Now) -> bool {
        let Some(known) = self.known.get_mut(listing.key) else { return false };
        let before = facet(known);
        let is_renamed = known.rename(listing.name, place, self.grace, now);
        known.listed = true;
        self.revision += u64::from(is_renamed || facet(known) != before);
        true
    }

    fn admit(&mut self, listing: &Listing<'_>, place: &Place, ran: &HashSet<Rc<str>>, unheard: &[&Event]) -> Known {
        let Listing { name, name_match, observed, .. } = *listing;
        let is_expected = !self.remembers() || ran.contains(name) || ran.contains(&place.target);
        let mut known = Known::new(place.clone(), name.clone(), name_match.service.clone(), observed, is_expected);
        unheard.iter().for_each(|event| known.take_in(event));
        self.revision += u64::from(facet(&known).is_some());
        known
    }

    /// Containers that started and ended before any list had them: only events tell of them.
    fn meet_strangers(&mut self, listings: &[Listing<'_>], unheard: Vec<Event>, now: Now) {
        if unheard.is_empty() {
            return;
        }
        let listed: HashSet<&Id> = listings.iter().map(|listing| listing.key.id).collect();
        let mut strangers: HashMap<Id, (Known, NameMatch)> = HashMap::new();
        for event in unheard {
            let id = Id::from(event.id.as_str());
            if listed.contains(&id) {
                continue;
            }
            let known = self.known.get_mut(&id).or_else(|| strangers.get_mut(&id).map(|(known, _)| known));
            if let Some(known) = known {
                known.take_in(&event);
            } else if matches!(event.kind, Kind::Start | Kind::Die)
                && let Some(name_match) = self.watch.match_name(&event.name, &event.labels)
            {
                let mut known = Known::stranger(event.name.as_str().into());
                known.take_in(&event);
                strangers.insert(id, (known, name_match));
            }
        }
        let strangers = strangers.into_iter().map(|(id, (known, name_match))| (id, known, name_match));
        let ended = Rank { is_meant_to_run: true, created: 0, is_alive: false };
        self.place_unlisted(strangers.collect(), ended, listings, now);
    }

    /// Forgets those that are not in the list, and reports their ends.
    fn see_off(&mut self, now: Now) {
        let Inventory { known, watch, grace, deaths, revision, .. } = self;
        if known.values().all(|known| known.listed) {
            return;
        }
        let spoken_for: HashSet<Rc<str>> =
            known.values().filter(|known| known.listed).map(|known| known.place.target.clone()).collect();
        known.retain(|_, known| {
            if known.listed {
                return true;
            }
            let before = facet(known);
            let (death, is_kept) = known.vanish(*grace, now);
            *revision += u64::from(death.is_some());
            deaths.extend(death.map(|death| (known.place.clone(), death)));
            let is_old =
                matches!(known.life(), Life::Removed { since } if now.wall.duration_since(since) > REMOVED_IS_KEPT);
            let is_kept = is_kept && !is_old && !spoken_for.contains(&known.place.target) && !watch.names(&known.place);
            *revision += u64::from(facet(known).filter(|_| is_kept) != before);
            is_kept
        });
    }

    fn forget(&mut self, ids: &HashSet<&Id>) {
        if ids.is_empty() {
            return;
        }
        let Inventory { known, revision, .. } = self;
        known.retain(|id, known| {
            let is_kept = known.listed || !ids.contains(id);
            *revision += u64::from(!is_kept && facet(known).is_some());
            is_kept
        });
    }
}
