//! The state, and how much of it is saved.
//!
//! A save takes as long as the disk takes. Only the messages in it wait for it, and only for some seconds. Changes
//! during a save are in the next one.

use std::time::Duration;

use super::{Core, Effect};
use crate::clock::{Boot, Now};
use crate::message::{self, LostState};
use crate::store::{self, Damage, Encoded, State};
use crate::text;

/// The pause after a failed save, if nothing changes.
const RETRY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Saving {
    state: Box<State>,
    /// The number of changes.
    revision: u64,
    /// Something changed that is saved with whatever changes next, and at the end.
    has_more: bool,
    /// The last revision that is known to be in the file.
    saved: u64,
    /// The revision that is being saved.
    under_way: Option<u64>,
    /// The last save failed: its revision, and the time of the next attempt.
    failed: Option<(u64, Boot)>,
}

impl Saving {
    pub fn new(state: Box<State>, unsaved: bool) -> Saving {
        Saving { state, revision: u64::from(unsaved), has_more: false, saved: 0, under_way: None, failed: None }
    }

    pub fn get(&self) -> &State {
        &self.state
    }

    /// The state, for a change that must outlive the process.
    pub fn change(&mut self) -> &mut State {
        self.revision += 1;
        self.update()
    }

    /// The state, for a change that a restart may forget, such as the last value of an alert.
    pub fn update(&mut self) -> &mut State {
        &mut self.state
    }

    /// Updates are to be saved with the next change, and at the end.
    pub fn save_in_the_end(&mut self) {
        self.has_more = true;
    }

    /// It is the end.
    pub fn end(&mut self) {
        self.revision += u64::from(std::mem::take(&mut self.has_more));
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn has(&self, revision: u64) -> bool {
        self.saved >= revision
    }

    /// Whether the last attempt to save this revision, or a newer one, failed.
    pub fn failed(&self, revision: u64) -> bool {
        self.failed.is_some_and(|(failed, _)| failed >= revision)
    }

    pub fn is_saved(&self) -> bool {
        self.has(self.revision)
    }

    pub fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether a save is to begin.
    fn is_due(&self, now: Boot) -> bool {
        let failed = self.failed.filter(|(revision, _)| *revision == self.revision);
        !self.is_saved() && self.under_way.is_none() && failed.is_none_or(|(_, again)| again <= now)
    }

    fn due(&self) -> Option<Boot> {
        self.failed.filter(|_| self.under_way.is_none() && !self.is_saved()).map(|(_, again)| again)
    }
}

impl Core {
    pub(super) fn save_if_changed(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if !self.state.is_due(now.boot) {
            return;
        }
        self.state.state.report = Some(self.reporter.state().clone());
        match store::encode(&self.state.state, &self.mode.boot_id, now) {
            Ok(Encoded { bytes, left_out }) => {
                let error = (left_out > 0).then_some("more alerts and messages than a file is to hold");
                self.log_ongoing("size of the state", error, "a restart would forget the oldest");
                self.state.under_way = Some(self.state.revision);
                self.state.has_more = false;
                effects.push(Effect::Save(bytes));
            }
            Err(error) => {
                self.state.under_way = Some(self.state.revision);
                self.saved(Err(error.to_string()), now);
            }
        }
    }

    pub(super) fn saved(&mut self, result: Result<(), String>, now: Now) {
        let Some(revision) = self.state.under_way.take() else { return };
        match &result {
            Ok(()) => (self.state.saved, self.state.failed) = (revision, None),
            Err(_) => self.state.failed = Some((revision, now.boot.after(RETRY))),
        }
        let folder = self.mode.state_folder.display();
        let error = result.err().map(|error| format!("{folder}: {error}"));
        self.log_ongoing("state", error.as_deref(), "the state cannot be saved, messages are sent all the same");
    }

    pub(super) fn save_due(&self) -> Option<Boot> {
        self.state.due()
    }

    /// The state file was damaged: the log says so, and the group is told the known losses.
    pub(super) fn tell_of_damage(&mut self, damage: &Damage, now: Now) {
        let Damage { why, kept_as, lost } = damage;
        let (folder, why) = (self.mode.state_folder.display(), text::in_log(why));
        match kept_as {
            Some(name) => log::error!("{folder}: the state cannot be read ({why}); kept as {name}, starting afresh"),
            None => log::error!("{folder}: the state cannot be read ({why}), nor set aside; starting afresh"),
        }
        let kept_as = kept_as.as_deref();
        let lost = LostState { kept_as, saved: lost.saved, titles: &lost.titles, messages: lost.messages };
        self.push(message::state_lost(lost, &self.config.style, now.wall), now);
    }
}
