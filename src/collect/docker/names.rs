//! Which containers are watched, as what, and which ones are missing.
//!
//! An exact entry wins over a pattern and the first of several patterns wins, so a container has one place. An exact
//! entry also names a compose service: `web` is met by `shop-web-1` or `shop_web_1`, where the labels say that these
//! are project `shop`, service `web`, and where no container is called `web` itself. A container whose owner gave it
//! another name (`web-running`) goes by that name alone, whatever its labels say.

use std::rc::Rc;

use super::config::Entry;
use crate::docker::Compose;
use crate::pattern;

/// The containers that the configuration names.
#[derive(Clone, Debug)]
pub struct Watch {
    entries: Vec<Entry>,
}

/// How a container's name fits the configuration. Numbers are those of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
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

/// What a container is watched as. Places are ordered as readings are: as configured, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The entry that it is watched for; `None` where every container is.
    pub entry: Option<usize>,
    /// The name that its readings go by.
    pub target: Rc<str>,
}

impl Watch {
    pub fn new(entries: &[Entry]) -> Watch {
        Watch { entries: entries.to_vec() }
    }

    pub fn entry(&self, place: &Place) -> Option<&Entry> {
        place.entry.and_then(|index| self.entries.get(index))
    }

    /// Whether and how a container is watched.
    pub fn claim(&self, name: &str, compose: &Compose) -> Option<Claim> {
        if self.entries.is_empty() {
            return Some(Claim::Every);
        }
        let exact = |fits: &dyn Fn(&str) -> bool| self.entries.iter().position(|e| !e.is_pattern() && fits(&e.name));
        if let Some(entry) = exact(&|entry| entry == name) {
            return Some(Claim::Name(entry));
        }
        let pattern = self.entries.iter().position(|e| e.is_pattern() && pattern::matches(&e.name, name));
        match exact(&|entry| is_service(entry, name, compose)) {
            Some(entry) => Some(Claim::Service { entry, otherwise: pattern }),
            None => pattern.map(Claim::Pattern),
        }
    }

    /// The places of all containers that have a claim; `None` for a service's container whose entry is met by another
    /// one's name.
    pub fn places<'n>(&self, containers: impl Iterator<Item = (&'n Rc<str>, Claim)> + Clone) -> Vec<Option<Place>> {
        let mut named = vec![false; self.entries.len()];
        // The container that stands for the service: the first by name, so that it stays the same from check to check.
        let mut first: Vec<Option<&str>> = vec![None; self.entries.len()];
        for (name, claim) in containers.clone() {
            match claim {
                Claim::Name(entry) => named[entry] = true,
                Claim::Service { entry, .. } => first[entry] = Some(first[entry].map_or(name, |one| one.min(name))),
                Claim::Pattern(_) | Claim::Every => {}
            }
        }
        let place = |(name, claim): (&'n Rc<str>, Claim)| {
            let (entry, target) = match claim {
                Claim::Name(entry) | Claim::Pattern(entry) => (Some(entry), name.clone()),
                Claim::Every => (None, name.clone()),
                Claim::Service { entry, otherwise } if named[entry] => (Some(otherwise?), name.clone()),
                Claim::Service { entry, .. } if first[entry] == Some(name) => {
                    (Some(entry), self.entries[entry].name.as_str().into())
                }
                Claim::Service { entry, .. } => (Some(entry), name.clone()),
            };
            Some(Place { entry, target })
        };
        containers.map(place).collect()
    }

    /// The places of exact entries that nothing in `places` is watched for.
    pub fn missing<'p>(&self, places: impl Iterator<Item = &'p Place>) -> Vec<Place> {
        let mut met = vec![false; self.entries.len()];
        places.filter_map(|place| place.entry).for_each(|entry| met[entry] = true);
        let entries = self.entries.iter().enumerate();
        let missing = entries.filter(|(index, entry)| !met[*index] && !entry.is_pattern());
        missing.map(|(index, entry)| Place { entry: Some(index), target: entry.name.as_str().into() }).collect()
    }
}

/// Whether `entry` is the service, or the other spelling of the container's name, of a container that compose named:
/// `PROJECT-SERVICE-NUMBER` since version 2, with underscores before.
fn is_service(entry: &str, name: &str, Compose { project, service }: &Compose) -> bool {
    if project.is_empty() || service.is_empty() {
        return false;
    }
    let number = ['-', '_'].iter().find_map(|by| name.strip_prefix(&format!("{project}{by}{service}{by}")));
    let Some(number) = number.filter(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit())) else {
        return false;
    };
    entry == service || ['-', '_'].iter().any(|by| entry == format!("{project}{by}{service}{by}{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(names: &[&str]) -> Watch {
        Watch::new(&names.iter().map(|name| Entry::new(*name)).collect::<Vec<_>>())
    }

    fn shop(service: &str) -> Compose {
        Compose { project: "shop".to_owned(), service: service.to_owned() }
    }

    /// Each container's target, or `-`, with the index of its entry; then what is missing.
    fn watched(watch: &Watch, containers: &[(&str, Compose)]) -> String {
        let claim = |(name, compose): &(&str, Compose)| Some((Rc::from(*name), watch.claim(name, compose)?));
        let claims: Vec<(Rc<str>, Claim)> = containers.iter().filter_map(claim).collect();
        let places = watch.places(claims.iter().map(|(name, claim)| (name, *claim)));
        let missing = watch.missing(places.iter().flatten());
        let shown = |place: &Place| format!("{}@{}", place.target, place.entry.map_or(-1, |entry| entry as i64));
        let mut words: Vec<String> = places.iter().map(|p| p.as_ref().map_or("-".to_owned(), shown)).collect();
        words.extend(missing.iter().map(|place| format!("missing {}", place.target)));
        words.join(", ")
    }

    fn plain<'n>(names: &[&'n str]) -> Vec<(&'n str, Compose)> {
        names.iter().map(|name| (*name, Compose::default())).collect()
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
    fn a_service_is_met_by_the_containers_that_compose_named() {
        let web = watch(&["web"]);
        for name in ["shop-web-1", "shop_web_1"] {
            assert_eq!(watched(&web, &[(name, shop("web"))]), "web@0", "{name}");
            assert_eq!(watched(&web, &plain(&[name])), "missing web", "{name} without labels");
        }
        for name in ["web-running", "shop-web-", "shop-web-x", "shop-db-1"] {
            assert_eq!(watched(&web, &[(name, shop("web"))]), "missing web", "{name}");
        }
        assert_eq!(watched(&watch(&["shop_web_1"]), &[("shop-web-1", shop("web"))]), "shop_web_1@0");
    }

    #[test]
    fn of_several_containers_of_a_service_the_first_goes_by_its_name() {
        let containers = [("shop-web-2", shop("web")), ("shop-web-1", shop("web"))];
        assert_eq!(watched(&watch(&["web"]), &containers), "shop-web-2@0, web@0");
    }

    #[test]
    fn a_container_of_that_very_name_wins_over_a_service() {
        let containers = [("shop-web-1", shop("web")), ("web", Compose::default())];
        assert_eq!(watched(&watch(&["web"]), &containers), "-, web@0");
        assert_eq!(watched(&watch(&["web", "*"]), &containers), "shop-web-1@1, web@0");
    }
}
