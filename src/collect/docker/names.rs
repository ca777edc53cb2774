//! Matches containers with the configuration: the watched ones, their entries, and the missing ones.
//!
//! An exact entry wins over a pattern and the first of several patterns wins, so a container has one place. An exact
//! entry also names a service of compose or a swarm: `web` fits `shop-web-1`, `shop_web_1` or `web.1.q9w8…`, if the
//! labels say that these are of service `web`, and if no container is called `web` itself. A container whose owner gave
//! it another name (`web-running`) goes by that name alone, whatever its labels say.
//!
//! If several containers would go by one name (a replacement beside its predecessor, the tasks of a swarm's slot) one
//! speaks: the newest that is meant to run.

use std::collections::HashMap;
use std::rc::Rc;

use jiff::Timestamp;

use super::config::Entry;
use super::id::Lookup;
use super::identity::{self, Identity};
use super::judge::Observation;
use crate::docker::Labels;
use crate::pattern;

/// The containers that the configuration names.
#[derive(Clone, Debug)]
pub struct Watch {
    entries: Vec<Entry>,
    /// The places of exact entries in that list, by name: there may be a thousand, and ten thousand containers.
    exact: HashMap<String, usize>,
    /// Patterns of containers that are left out.
    exclude: Vec<String>,
}

/// The way in which a container is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMatch {
    how: Match,
    /// The name of its readings, if that is not its own.
    stable: Option<Rc<str>>,
    /// Its name is temporary: it speaks only while it runs.
    is_temporary: bool,
    /// If another container of this service runs, this one is not missed.
    pub service: Option<Rc<str>>,
}

/// The match of a container's name with the configuration. Numbers are those of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Name(usize),
    /// It is one of this service's containers; `otherwise` is a pattern that it fits as well.
    Service {
        entry: usize,
        otherwise: Option<usize>,
    },
    Pattern(usize),
    /// Every container is watched.
    Every,
}

/// A watched container of the engine's list.
pub struct Listing<'a> {
    pub key: Lookup<'a>,
    pub name: &'a Rc<str>,
    pub name_match: &'a NameMatch,
    pub observed: &'a Observation,
    /// In seconds since 1970.
    pub created: i64,
}

/// A container that is to be given its place.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub name: &'a Rc<str>,
    pub name_match: &'a NameMatch,
    pub rank: Rank,
}

/// The rank of a container among several of one name: the greatest speaks, and the first of equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// It runs, or ended without being meant to.
    pub is_meant_to_run: bool,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    pub is_alive: bool,
}

/// How far the engine's clock may be ahead of the agent's.
const AHEAD_SECONDS: i64 = 60;

impl Rank {
    /// A stamp that is yet to come is of a clock that was set back: what was made since is newer.
    pub fn made(created: i64, now: Timestamp) -> i64 {
        if created > now.as_second() + AHEAD_SECONDS { i64::MIN } else { created }
    }
}

/// The entry under which a container is watched. Places are ordered as readings are: as configured, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The entry that it is watched for; `None` if every container is watched.
    pub entry: Option<usize>,
    /// The name of its readings.
    pub target: Rc<str>,
}

impl Watch {
    pub fn new(entries: &[Entry], exclude: &[String]) -> Watch {
        let mut exact = HashMap::new();
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.is_pattern()) {
            exact.entry(entry.name.clone()).or_insert(index);
        }
        Watch { entries: entries.to_vec(), exact, exclude: exclude.to_vec() }
    }

    pub fn entry(&self, place: &Place) -> Option<&Entry> {
        place.entry.and_then(|index| self.entries.get(index))
    }

    /// The entry that names this very place, and not by a pattern: such a container is never left out.
    pub fn names(&self, place: &Place) -> bool {
        self.entry(place).is_some_and(|entry| !entry.is_pattern() && *entry.name == *place.target)
    }

    /// Whether any container is named exactly.
    pub fn names_any(&self) -> bool {
        !self.exact.is_empty()
    }

    /// Whether and how a container is watched of which only this is known.
    pub fn match_remembered(&self, name: &str, service: Option<&str>) -> Option<NameMatch> {
        self.match_name(name, &service.map(identity::labels_of).unwrap_or_default())
    }

    /// The place of a container that is not listed; `None` if it is not watched.
    pub fn place_of(&self, name: &str, labels: &Labels) -> Option<Place> {
        let name_match = self.match_name(name, labels)?;
        let rank = Rank { is_meant_to_run: true, is_alive: false, created: 0 };
        self.places(std::iter::once(Candidate { name: &name.into(), name_match: &name_match, rank })).pop()?
    }

    /// Whether and how a container is watched.
    pub fn match_name(&self, name: &str, labels: &Labels) -> Option<NameMatch> {
        let Identity { stable, is_temporary, service } = Identity::of(name, labels);
        let exact = |name: &str| self.exact.get(name).copied();
        // An entry with its temporary name means it.
        let by_own_name = exact(name);
        let how = if let Some(entry) = by_own_name.or_else(|| exact(&stable)) {
            Match::Name(entry)
        } else {
            let fits = |pattern: &str| pattern::matches(pattern, name) || pattern::matches(pattern, &*stable);
            let is_left_out = labels.is_ignored() || self.exclude.iter().any(|pattern| fits(pattern));
            let pattern = self.entries.iter().position(|e| e.is_pattern() && fits(&e.name)).filter(|_| !is_left_out);
            let service = || identity::service_names(&stable, labels).iter().filter_map(|name| exact(name)).min();
            match self.names_any().then(service).flatten() {
                Some(entry) => Match::Service { entry, otherwise: pattern },
                None if self.entries.is_empty() && !is_left_out => Match::Every,
                None => Match::Pattern(pattern?),
            }
        };
        let is_own = by_own_name.is_some() || stable == name;
        Some(NameMatch {
            how,
            stable: (!is_own).then(|| stable.into()),
            is_temporary: is_temporary && by_own_name.is_none(),
            service: service.map(Rc::from),
        })
    }

    /// The places of all containers whose name matches; `None` for one that does not speak.
    pub fn places<'a>(&self, containers: impl Iterator<Item = Candidate<'a>> + Clone) -> Vec<Option<Place>> {
        let mut places = self.places_of_each(containers.clone());
        silence_all_but_one(&mut places, containers.map(|container| container.rank));
        places
    }

    /// The same where several of one name have its place.
    pub fn places_of_each<'a>(&self, containers: impl Iterator<Item = Candidate<'a>> + Clone) -> Vec<Option<Place>> {
        let mut named = vec![false; self.entries.len()];
        // The container that stands for the service: the first by name of those that are meant to run, so that it stays
        // the same from check to check.
        let mut first: Vec<Option<(bool, &str)>> = vec![None; self.entries.len()];
        for container in containers.clone() {
            match container.name_match.how {
                Match::Name(entry) => named[entry] = true,
                Match::Service { entry, .. } => {
                    let one = (!container.rank.is_meant_to_run, &**container.stable());
                    first[entry] = Some(first[entry].map_or(one, |other| other.min(one)));
                }
                Match::Pattern(_) | Match::Every => {}
            }
        }
        let place = |container: &Candidate<'a>| {
            let name = container.stable();
            let (entry, target) = match container.name_match.how {
                Match::Name(entry) | Match::Pattern(entry) => (Some(entry), name.clone()),
                Match::Every => (None, name.clone()),
                Match::Service { entry, otherwise } if named[entry] => (Some(otherwise?), name.clone()),
                Match::Service { entry, .. } if first[entry].is_some_and(|(_, first)| first == &**name) => {
                    (Some(entry), self.entries[entry].name.as_str().into())
                }
                Match::Service { entry, .. } => (Some(entry), name.clone()),
            };
            let is_nobody = container.name_match.is_temporary && !container.rank.is_alive;
            Some(Place { entry, target }).filter(|_| !is_nobody)
        };
        containers.map(|container| place(&container)).collect()
    }

    /// The places of exact entries without a container in `places`.
    pub fn missing<'p>(&self, places: impl Iterator<Item = &'p Place>) -> Vec<Place> {
        let mut met = vec![false; self.entries.len()];
        places.filter_map(|place| place.entry).for_each(|entry| met[entry] = true);
        let entries = self.entries.iter().enumerate();
        let missing = entries.filter(|(index, entry)| !met[*index] && !entry.is_pattern());
        missing.map(|(index, entry)| Place { entry: Some(index), target: entry.name.as_str().into() }).collect()
    }
}

impl<'a> Candidate<'a> {
    /// Its name in readings.
    fn stable(&self) -> &'a Rc<str> {
        self.name_match.stable.as_ref().unwrap_or(self.name)
    }
}

/// Leaves one place of each name.
fn silence_all_but_one(places: &mut [Option<Place>], standings: impl Iterator<Item = Rank>) {
    let mut speakers: HashMap<Rc<str>, (usize, Rank)> = HashMap::with_capacity(places.len());
    let mut silent = Vec::new();
    for (index, rank) in standings.enumerate() {
        let Some(Some(place)) = places.get(index) else { continue };
        match speakers.get_mut(&place.target) {
            Some(speaker) if rank > speaker.1 => silent.push(std::mem::replace(speaker, (index, rank)).0),
            Some(_) => silent.push(index),
            None => {
                speakers.insert(place.target.clone(), (index, rank));
            }
        }
    }
    for index in silent {
        places[index] = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(names: &[&str]) -> Watch {
        Watch::new(&names.iter().map(|name| Entry::new(*name)).collect::<Vec<_>>(), &[])
    }

    fn shop(service: &str) -> Labels {
        Labels { compose_project: "shop".to_owned(), compose_service: service.to_owned(), ..Labels::default() }
    }

    fn task(service: &str) -> Labels {
        Labels { swarm_service: service.to_owned(), ..Labels::default() }
    }

    const RUNS: Rank = Rank { is_meant_to_run: true, created: 0, is_alive: true };
    const STOPPED: Rank = Rank { is_meant_to_run: false, created: 0, is_alive: false };

    /// Each container's target, or `-`, with the index of its entry; then the missing ones.
    fn watched(watch: &Watch, containers: &[(&str, Labels)]) -> String {
        let running: Vec<_> = containers.iter().map(|(name, labels)| (*name, labels.clone(), RUNS)).collect();
        rank(watch, &running)
    }

    fn rank(watch: &Watch, containers: &[(&str, Labels, Rank)]) -> String {
        let matches: Vec<(Rc<str>, NameMatch, Rank)> = containers
            .iter()
            .filter_map(|(name, labels, rank)| Some((Rc::from(*name), watch.match_name(name, labels)?, *rank)))
            .collect();
        let places =
            watch.places(matches.iter().map(|(name, name_match, rank)| Candidate { name, name_match, rank: *rank }));
        let missing = watch.missing(places.iter().flatten());
        let shown = |place: &Place| format!("{}@{}", place.target, place.entry.map_or(-1, |entry| entry as i64));
        let mut words: Vec<String> = places.iter().map(|p| p.as_ref().map_or("-".to_owned(), shown)).collect();
        words.extend(missing.iter().map(|place| format!("missing {}", place.target)));
        words.join(", ")
    }

    fn plain<'n>(names: &[&'n str]) -> Vec<(&'n str, Labels)> {
        names.iter().map(|name| (*name, Labels::default())).collect()
    }

    #[test]
    fn names_are_exact_and_a_configured_one_that_is_not_there_is_missing() {
        assert_eq!(watched(&watch(&["web"]), &plain(&["web-running", "webb", "my-web"])), "missing web");
        assert_eq!(watched(&watch(&["web", "db"]), &plain(&["db", "web"])), "db@1, web@0");
    }

    #[test]
    fn an_empty_list_watches_all_and_misses_none() {
        assert_eq!(watched(&watch(&[]), &plain(&["b", "a"])), "b@-1, a@-1");
        assert_eq!(watched(&watch(&[]), &[]), "");
    }

    #[test]
    fn an_exact_entry_wins_over_a_pattern_and_the_first_pattern_wins() {
        let watch = watch(&["app-*", "*", "app-1"]);
        assert_eq!(watched(&watch, &plain(&["app-1", "app-2", "db"])), "app-1@2, app-2@0, db@1");
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_nothing() {
        assert_eq!(watched(&watch(&["app-*"]), &plain(&["web"])), "");
    }

    #[test]
    fn a_service_is_met_by_its_containers_and_by_no_other() {
        let web = watch(&["web"]);
        assert_eq!(watched(&web, &[("shop-web-1", shop("web"))]), "web@0");
        assert_eq!(watched(&web, &[("249662c60a09_shop-web-1", shop("web"))]), "web@0");
        assert_eq!(watched(&web, &[("shop_web_1_910a2a037ba5", shop("web"))]), "web@0");
        assert_eq!(watched(&web, &[("web.1.q9w8e7r6", task("web"))]), "web@0");
        assert_eq!(watched(&web, &[("web-running", shop("web"))]), "missing web");
        assert_eq!(watched(&watch(&["shop_web_1"]), &[("shop-web-1", shop("web"))]), "shop_web_1@0");
    }

    #[test]
    fn of_several_containers_of_a_service_the_first_goes_by_its_name() {
        let containers = [("shop-web-2", shop("web")), ("shop-web-1", shop("web"))];
        assert_eq!(watched(&watch(&["web"]), &containers), "shop-web-2@0, web@0");
    }

    #[test]
    fn a_service_is_not_stood_for_by_what_was_stopped_while_another_of_its_containers_runs() {
        let containers = [("web.1.old", task("web"), STOPPED), ("web.2.new", task("web"), RUNS)];
        assert_eq!(rank(&watch(&["web"]), &containers), "web.1@0, web@0");
    }

    #[test]
    fn a_container_of_that_very_name_wins_over_a_service() {
        let containers = [("shop-web-1", shop("web")), ("web", Labels::default())];
        assert_eq!(watched(&watch(&["web"]), &containers), "-, web@0");
        assert_eq!(watched(&watch(&["web", "*"]), &containers), "shop-web-1@1, web@0");
    }

    #[test]
    fn what_is_left_out_is_watched_only_where_it_is_named() {
        let left_out = |names: &[&str], exclude: &[&str]| {
            let entries: Vec<Entry> = names.iter().map(|name| Entry::new(*name)).collect();
            Watch::new(&entries, &exclude.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>())
        };
        let containers = plain(&["web", "tmp-1", "db"]);
        assert_eq!(watched(&left_out(&[], &["tmp-*", "d*"]), &containers), "web@-1");
        assert_eq!(watched(&left_out(&["*"], &["tmp-*", "d*"]), &containers), "web@0");
        assert_eq!(watched(&left_out(&["*", "tmp-1"], &["tmp-*"]), &containers), "web@0, tmp-1@1, db@0");
        let ignored = [("web", Labels { ignore: "true".to_owned(), ..Labels::default() })];
        assert_eq!(watched(&watch(&[]), &ignored), "");
        assert_eq!(watched(&watch(&["web"]), &ignored), "web@0");
    }

    #[test]
    fn a_temporary_name_is_nobody_until_it_runs_for_its_service() {
        let watch = watch(&[]);
        let temporary = "249662c60a09_shop-web-1";
        let both = |one, other| [(temporary, shop("web"), one), ("shop-web-1", shop("web"), other)];
        assert_eq!(rank(&watch, &both(STOPPED, RUNS)), "-, shop-web-1@-1");
        assert_eq!(rank(&watch, &both(STOPPED, STOPPED)), "-, shop-web-1@-1");
        assert_eq!(rank(&watch, &both(RUNS, STOPPED)), "shop-web-1@-1, -");
        assert_eq!(rank(&watch, &both(STOPPED, RUNS)[..1]), "-");
        assert_eq!(rank(&watch, &both(RUNS, STOPPED)[..1]), "shop-web-1@-1");
    }

    #[test]
    fn of_one_name_the_newest_that_is_meant_to_run_speaks() {
        let at = |created, rank| ("web.1.x", task("web"), Rank { created, ..rank });
        let crashed = Rank { is_alive: false, ..RUNS };
        let all = watch(&[]);
        for (containers, speaker) in [
            ([at(1, RUNS), at(2, RUNS)], "-, web.1@-1"),
            ([at(2, RUNS), at(1, RUNS)], "web.1@-1, -"),
            ([at(1, RUNS), at(2, crashed)], "-, web.1@-1"),
            ([at(1, RUNS), at(2, STOPPED)], "web.1@-1, -"),
            ([at(1, STOPPED), at(2, STOPPED)], "-, web.1@-1"),
            ([at(1, crashed), at(1, RUNS)], "-, web.1@-1"),
        ] {
            assert_eq!(rank(&all, &containers), speaker, "{containers:?}");
        }
    }
}
