//! The part of the knowledge of containers that outlives the agent: the ones that ran, and the causes of others' ends.
//!
//! A container that ran when it was last seen, and does not run now, ended unobserved, and that is told. A container
//! that is not remembered is accepted as it is found. So only containers that ran, or ended badly since, have to be
//! kept, with the end of the last look: the engine remembers some events after it. A container beyond the
//! bound costs no more than the report of a crash in the agent's absence.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::{Beginning, Id};
use super::known::{Known, Life};
use super::names::{NameMatch, Place, Watch};
use super::run::End;
use super::told_end::ToldEnd;
use crate::bounds::keep;
use crate::docker::events::Event;

/// A removed container is reported for this long: as long as an alert waits for a container of its name.
pub const REMOVED_IS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The most containers that are remembered: some 100 bytes each in the state file.
const MAX_CONTAINERS: usize = 10_000;

/// A part of the agent's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// An engine has answered.
    #[serde(default)]
    pub engine_was_there: bool,
    /// When it was last found to be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_gone: Option<Timestamp>,
    /// The ends of containers up to here were taken in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked: Option<Timestamp>,
    /// The latest stamp of the clock that was set back since: events of up to here may have been taken in already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set_back_from: Option<Timestamp>,
    /// By the beginning of the id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    containers: BTreeMap<Beginning, Remembered>,
}

/// Its texts are those of the container that is known: thousands need not be kept twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Remembered {
    name: Rc<str>,
    /// The name that its readings go by, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Rc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<Rc<str>>,
    /// `None`: it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Ended>,
    /// Kept where its stamp is after the last look, which does not tell then that it was taken in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told_end: Option<ToldEnd>,
}

/// The reason why a container does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    By(End),
    Removed(Timestamp),
}

/// A container that is remembered, and how it is watched by now: the configuration may be another one since.
pub struct Recalled {
    /// By the place that it had.
    pub known: Known,
    pub name_match: NameMatch,
}

impl Memory {
    /// Whether containers were seen before.
    pub fn has_containers(&self) -> bool {
        !self.containers.is_empty()
    }

    /// Corrects values from a file that cannot be true at `now`; returns how many there were.
    pub fn correct(&mut self, now: Timestamp) -> usize {
        self.set_back_from = self.looked.filter(|looked| *looked > now).max(self.set_back_from);
        let removed = self.containers.values_mut().filter_map(|remembered| match &mut remembered.end {
            Some(Ended::Removed(since)) => Some(since),
            _ => None,
        });
        removed
            .chain(&mut self.engine_gone)
            .chain(&mut self.looked)
            .map(|instant| keep(instant, Timestamp::MIN..=now))
            .sum()
    }

    /// A look has ended that began then, with all events that had come by then, of which `newest` is the latest stamp. Returns
    /// whether the clock was set back: what was told by the clock before is kept by its stamps.
    pub fn end_look(&mut self, began: Timestamp, newest: Option<Timestamp>) -> bool {
        let is_set_back = self.looked > Some(began);
        let latest = self.looked.max(self.set_back_from).max(newest);
        self.set_back_from = latest.filter(|latest| *latest > began);
        self.looked = Some(began);
        is_set_back
    }

    /// The engine was started since the last look, and remembers nothing older.
    pub fn lose_past(&mut self) {
        self.set_back_from = None;
    }

    /// Whether an event that the engine remembers is new. Those of a time that the clock shows again were mostly taken in
    /// then: better one is missed than many are told twice.
    pub fn is_new(&self, event: &Event) -> bool {
        stamp(event) > self.set_back_from
    }

    /// With these containers in place of its own; those that run come first, if there are too many.
    pub fn with<'k>(self, known: impl Iterator<Item = (&'k Id, &'k Known)>) -> Memory {
        let mut kept: Vec<_> =
            known.filter_map(|(id, known)| Some((id, known, is_remembered(known.life())?))).collect();
        if kept.len() > MAX_CONTAINERS {
            kept.sort_by_key(|(.., end)| end.is_some());
            kept.truncate(MAX_CONTAINERS);
        }
        let looked = self.looked;
        let remembered = |(id, known, end): (&Id, _, _)| (id.beginning(), Remembered::of(known, end, looked));
        let containers = kept.into_iter().map(remembered).collect();
        Memory { containers, ..self }
    }

    /// Takes out the memory of a container.
    pub fn take(&mut self, id: &Id, watch: &Watch) -> Option<Recalled> {
        self.containers.remove(&id.beginning())?.recalled(watch)
    }

    /// Takes out all that is left, by the beginning of the id: containers that are not there any more.
    pub fn take_rest(&mut self, watch: &Watch) -> impl Iterator<Item = (Id, Recalled)> {
        let rest = std::mem::take(&mut self.containers);
        rest.into_iter().filter_map(|(id, remembered)| Some((id.into(), remembered.recalled(watch)?)))
    }
}

impl Remembered {
    fn of(known: &Known, end: Option<Ended>, looked: Option<Timestamp>) -> Remembered {
        Remembered {
            name: known.name.clone(),
            target: Some(&known.place.target).filter(|target| **target != known.name).cloned(),
            service: known.service.clone(),
            end,
            told_end: known.told_end().filter(|told_end| told_end.is_after(looked)),
        }
    }

    /// `None`: it is no longer watched.
    fn recalled(self, watch: &Watch) -> Option<Recalled> {
        let Remembered { name, target, service, end, told_end } = self;
        let name_match = watch.match_remembered(&name, service.as_deref())?;
        let place = Place { entry: None, target: target.unwrap_or_else(|| name.clone()) };
        let life = match end {
            None => Life::Alive,
            Some(Ended::By(how)) => Life::Ended { how, exit_code: None, since: None },
            Some(Ended::Removed(since)) => Life::Removed { since },
        };
        let known = Known::restored(place, name, service, life).with_told_end(told_end);
        Some(Recalled { known, name_match })
    }
}

/// The memory of a container.
pub fn facet(known: &Known) -> Option<Option<Ended>> {
    is_remembered(known.life())
}

pub fn stamp(event: &Event) -> Option<Timestamp> {
    Timestamp::from_nanosecond(event.at_nanos.into()).ok()
}

/// The part of a container's life that is remembered. One that was accepted as found, or that finished, needs none: it
/// will be judged so again.
fn is_remembered(life: Life) -> Option<Option<Ended>> {
    match life {
        Life::Alive => Some(None),
        Life::Ended { how: End::Itself, exit_code: Some(0), .. } | Life::AsItIs | Life::Replaced => None,
        Life::Ended { how, .. } => Some(Some(Ended::By(how))),
        Life::Removed { since } => Some(Some(Ended::Removed(since))),
    }
}
