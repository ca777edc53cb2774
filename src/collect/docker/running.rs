//! The containers that run, by their names and services: a container that is gone may be replaced by one of them.

use std::collections::HashSet;
use std::rc::Rc;

use super::known::{Known, Life};

/// The names and services of the containers that run.
#[derive(Debug, Default)]
pub struct RunningContainers {
    names: HashSet<Rc<str>>,
    services: HashSet<Rc<str>>,
}

impl<'a> FromIterator<&'a Known> for RunningContainers {
    fn from_iter<I: IntoIterator<Item = &'a Known>>(known: I) -> RunningContainers {
        let mut alive = RunningContainers::default();
        for known in known.into_iter().filter(|known| known.life() == Life::Alive) {
            alive.names.extend([known.name.clone(), known.place.target.clone()]);
            alive.services.extend(known.service.clone());
        }
        alive
    }
}

impl RunningContainers {
    pub fn has_name(&self, name: &Rc<str>) -> bool {
        self.names.contains(name)
    }

    pub fn has_service(&self, service: &Rc<str>) -> bool {
        self.services.contains(service)
    }
}
