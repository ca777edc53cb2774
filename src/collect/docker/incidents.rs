//! The ends of one container's runs, and their events: the part of a past that most containers do not have.

use std::rc::Rc;

use super::judge::Details;
use super::run::Run;
use super::told_end::ToldEnd;
use crate::collect::restarts::Restarts;

#[derive(Clone, Debug, Default)]
pub struct Incidents {
    /// Its former name, if it had another one: if a container of that name runs, this one is replaced.
    pub former: Option<Rc<str>>,
    pub restarts: Restarts,
    pub run: Run,
    /// A run that ended and was followed by another one before it was looked at.
    pub run_before: Option<Run>,
    /// Events told of a start after an end that is known: no count has to tell of that end.
    start_was_heard: bool,
    pub told_end: Option<ToldEnd>,
}

impl Incidents {
    /// An event tells of a start.
    pub fn start(&mut self, end_was_seen: bool) {
        let run = std::mem::take(&mut self.run);
        let has_ended = run.death().is_some();
        self.start_was_heard |= end_was_seen || has_ended;
        self.run_before = Some(run).filter(|_| has_ended && !end_was_seen);
    }

    /// Inspect was asked; its count tells of a restart, or of none.
    pub fn see_restart(&mut self, was_restarted: bool) {
        let end_is_known = std::mem::take(&mut self.start_was_heard);
        if was_restarted && !end_is_known && self.run_before.is_none() && self.run.death().is_none() {
            self.run_before = Some(std::mem::take(&mut self.run));
        }
    }

    /// It is seen to run. Returns the run before, where its end is to be told.
    pub fn run_again(&mut self, details: Option<&Details>, end_was_seen: bool, is_new_run: bool) -> Option<Run> {
        if end_was_seen {
            // This is another run, though no event told of its start.
            self.run = Run::default();
        } else if self.run.death().is_some() {
            self.run_before = Some(std::mem::take(&mut self.run));
        }
        // Of a run that is new since the last look, the events of the end before it may be yet to come, and to be told.
        if !is_new_run || end_was_seen || self.run_before.is_some() {
            self.told_end = details.and_then(ToldEnd::before).or(self.told_end);
        }
        self.run_before.take()
    }
}
