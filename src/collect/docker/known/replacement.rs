//! Whether another container stands in for one that was stopped, removed or renamed: then its end is nobody's news.

use std::rc::Rc;
use std::time::Duration;

use super::{Known, Life, signed};
use crate::clock::Now;
use crate::collect::docker::names::Place;
use crate::collect::docker::run::is_on_purpose;
use crate::collect::docker::running::RunningContainers;

impl Known {
    /// Takes over a name, its own or that of its place; returns whether one of them is new. A container that ended and
    /// was then renamed was put aside.
    pub fn rename(&mut self, name: &Rc<str>, place: &Place, grace: Duration, now: Now) -> bool {
        let is_new = self.name != *name || self.place.target != place.target;
        if self.name != *name {
            self.incidents().former = Some(std::mem::replace(&mut self.name, name.clone()));
        }
        if self.place.target != place.target
            && let Life::Ended { how, exit_code, since } = self.life
        {
            let is_untold = since.is_some_and(|since| now.boot < since.after(grace));
            self.life = if is_on_purpose(how, exit_code) && is_untold {
                Life::Ended { how, exit_code, since: Some(now.boot) }
            } else {
                Life::AsItIs
            };
        }
        self.place.clone_from(place);
        is_new
    }

    /// Whether it was stopped or removed on purpose so shortly ago that this was not told: where another container runs
    /// in its stead by now, it never is.
    pub fn may_be_replaced(&self, grace: Duration, now: Now) -> bool {
        match self.life {
            Life::Ended { how, exit_code, since: Some(since) } => {
                is_on_purpose(how, exit_code) && now.boot < since.after(grace)
            }
            Life::Removed { since } => now.wall.duration_since(since) < signed(grace),
            _ => false,
        }
    }

    /// Whether one of those stands in for it.
    pub fn is_replaced_by(&self, alive: &RunningContainers) -> bool {
        let names = [Some(&self.place.target), Some(&self.name), self.former()];
        names.into_iter().flatten().any(|name| alive.has_name(name))
            || self.service.as_ref().is_some_and(|service| alive.has_service(service))
    }

    pub fn be_replaced(&mut self) {
        self.life = Life::Replaced;
    }

    /// The names whose next container is meant to run because this one did.
    pub fn ran_as(&self) -> impl Iterator<Item = &Rc<str>> {
        let ran = matches!(self.life, Life::Alive | Life::Ended { .. } | Life::Removed { .. });
        [Some(&self.place.target), Some(&self.name), self.former()].into_iter().flatten().filter(move |_| ran)
    }
}
