//! Facts brought together: one for each episode of an alert, and no more of them than a digest lists.
//!
//! Each episode counts once, however often it was told of and however often digests are folded again. Of those that are
//! only counted a number is kept while they go on, by which their end is known.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::super::{About, Fact, Line};

/// As many things are told line by line.
pub const MAX_FACTS: usize = 1000;

/// As many episodes that are not listed are known again. What is told of further ones counts anew.
const MAX_UNLISTED_OPEN: usize = 50_000;

/// One fact for each episode of an alert, whatever was told of it: its beginning, reminders, its end. At most
/// [`MAX_FACTS`]: the oldest of what is over are told together, first those of one alert, then all; what is not over comes
/// last to that.
pub fn merged(facts: Vec<Fact>) -> Vec<Fact> {
    let mut merge = Merge::default();
    facts.into_iter().for_each(|fact| merge.take_in(fact));
    merge.bounded()
}

#[derive(Default)]
struct Merge {
    facts: Vec<Fact>,
    /// Where in `facts` an episode is.
    places: HashMap<u64, usize>,
    /// The one fact that stands for all that is not listed.
    unlisted: Option<Fact>,
    /// Which episodes among these are not over.
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
            // Two episodes may have one number: then the later one is told by itself.
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

    /// Lets what is not listed stand for this one too.
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
