//! Merges facts: one for each episode of an alert, and no more than a digest lists.
//!
//! Each episode counts once, however often it is told, and however often digests are folded again. An open episode that
//! is only counted is remembered by a number, so that its end is recognized.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::super::{About, Fact, Line};

/// The number of facts that are listed line by line.
pub const MAX_FACTS: usize = 1000;

/// The number of unlisted episodes that are recognized later. Facts about further ones count as new.
const MAX_UNLISTED_OPEN: usize = 50_000;

/// One fact for each episode of an alert, made from all its facts: its beginning, reminders, its end. If there are more
/// than [`MAX_FACTS`], the oldest of those that are over are merged, first those of one alert, then all; open ones are
/// merged last.
pub fn merged(facts: Vec<Fact>) -> Vec<Fact> {
    let mut merge = Merge::default();
    facts.into_iter().for_each(|fact| merge.take_in(fact));
    merge.bounded()
}

#[derive(Default)]
struct Merge {
    facts: Vec<Fact>,
    /// The place of an episode in `facts`.
    places: HashMap<u64, usize>,
    /// The one fact that stands for all unlisted ones.
    unlisted: Option<Fact>,
    /// The open episodes among these.
    open: HashSet<u64>,
}

impl Merge {
    fn take_in(&mut self, fact: Fact) {
        let Some(id) = fact.episode() else {
            return if fact.about == About::Unlisted { self.take_in_unlisted(fact) } else { self.facts.push(fact) };
        };
        if self.open.contains(&id) {
            if fact.ended.is_some() {
                self.open.remove(&id);
                self.count(Fact { times: 0, ..fact });
            }
            return;
        }
        match self.places.entry(id) {
            // Two episodes may have one number: then the later one is told separately.
            Entry::Occupied(place) if self.facts[*place.get()].is_same_episode(&fact) => {
                self.facts[*place.get()].follow(fact);
            }
            Entry::Occupied(_) => self.facts.push(fact),
            Entry::Vacant(place) => {
                place.insert(self.facts.len());
                self.facts.push(fact);
            }
        }
    }

    /// Counts those of its episodes that are not known yet.
    fn take_in_unlisted(&mut self, mut fact: Fact) {
        let mut known = 0;
        for id in std::mem::take(&mut fact.open) {
            known += u64::from(self.places.contains_key(&id) || !self.open.insert(id));
        }
        for id in std::mem::take(&mut fact.over) {
            let listed = self.places.get(&id).and_then(|place| self.facts.get_mut(*place));
            known += u64::from(listed.is_some() || self.open.contains(&id));
            self.open.remove(&id);
            if let Some(listed) = listed {
                listed.ended = listed.ended.or(fact.ended);
            }
        }
        fact.times = fact.times.saturating_sub(known);
        self.count(fact);
    }

    /// Lets the fact for all unlisted ones stand for this one too.
    fn count(&mut self, fact: Fact) {
        match &mut self.unlisted {
            Some(unlisted) => unlisted.absorb(&fact),
            None if fact.times > 0 => {
                let fact = Fact { about: About::Unlisted, line: Line::default(), ended: Some(fact.last()), ..fact };
                self.unlisted = Some(fact);
            }
            None => {}
        }
    }

    fn bounded(mut self) -> Vec<Fact> {
        let room = MAX_FACTS - usize::from(self.unlisted.is_some());
        if self.facts.len() > room {
            self.facts.sort_by_key(|fact| (fact.is_open(), fact.began));
            let over = self.facts.iter().filter(|fact| !fact.is_open()).count();
            let newer = self.facts.split_off(over.div_ceil(2));
            self.facts = alike_together(std::mem::take(&mut self.facts));
            self.facts.extend(newer);
        }
        if self.facts.len() > room {
            let listed = self.facts.split_off(self.facts.len() + 1 - MAX_FACTS);
            for fact in std::mem::replace(&mut self.facts, listed) {
                self.open.extend(fact.episode().filter(|_| fact.is_open()));
                self.count(fact);
            }
        }
        if let Some(mut unlisted) = self.unlisted {
            unlisted.open = self.open.into_iter().take(MAX_UNLISTED_OPEN).collect();
            unlisted.open.sort_unstable();
            self.facts.push(unlisted);
        }
        self.facts
    }
}

/// One fact for each alert, and one for other things of one text.
fn alike_together(facts: Vec<Fact>) -> Vec<Fact> {
    let mut places = HashMap::new();
    let mut together: Vec<Fact> = Vec::new();
    for fact in facts {
        let alike = match &fact.about {
            About::Other => (fact.about.clone(), fact.line.plain().to_owned()),
            about => (about.clone(), String::new()),
        };
        match places.entry(alike) {
            Entry::Occupied(place) => {
                let place: &usize = place.get();
                together[*place].absorb(&fact);
            }
            Entry::Vacant(place) => {
                place.insert(together.len());
                together.push(fact);
            }
        }
    }
    together
}
