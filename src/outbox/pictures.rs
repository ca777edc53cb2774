//! Pictures behind messages, and in them. Those behind are sent when no message waits, each of them once at most: it is forgotten as it
//! begins, and whatever becomes of it, no message waits for it longer than for another message.

use super::{Budget, Entry, Outbox, Outcome};
use crate::clock::Boot;
use crate::message::{Kind, Picture};

/// More do not wait.
const MAX_PICTURES: usize = 3;

impl Outbox {
    /// Puts a picture behind all messages.
    pub fn push_picture(&mut self, picture: Picture) {
        self.pictures.push_back(picture);
        let surplus = self.pictures.len().saturating_sub(MAX_PICTURES);
        self.pictures.drain(..surplus);
    }

    /// Puts a picture into the message of this kind that was made at its end, if that waits as it was made.
    pub fn illustrate(&mut self, kind: Kind, picture: &Picture) {
        let is_it = |entry: &&mut Entry| entry.message.kind == kind && entry.message.created == picture.to;
        if let Some(entry) = self.waiting.iter_mut().rev().find(is_it) {
            entry.picture = Some(picture.clone());
        }
    }

    /// The message on its way is sent without its picture from now on.
    pub fn take_picture_out(&mut self) {
        if let Some(first) = self.waiting.front_mut() {
            first.picture = None;
        }
    }

    /// The next picture behind the messages, once none of them waits.
    pub fn next_picture(&self) -> Option<&Picture> {
        let is_idle = !self.is_on_its_way() && self.waiting.is_empty();
        self.pictures.front().filter(|_| is_idle)
    }

    /// When that may be sent.
    pub fn picture_due(&self, budget: Option<Budget>) -> Option<Boot> {
        self.next_picture()?;
        let hold = self.hold.as_ref().map(|hold| hold.until);
        let window = budget.and_then(|budget| self.window.free_at(budget));
        [Some(Boot::EARLIEST), hold, window].into_iter().flatten().max()
    }

    /// Takes the next picture out, and counts the attempt before it is made.
    pub fn begin_picture(&mut self, now: Boot, budget: Option<Budget>) -> Option<Picture> {
        if self.picture_due(budget).is_none_or(|due| due > now) {
            return None;
        }
        let picture = self.pictures.pop_front()?;
        if let Some(budget) = budget {
            self.window.begin(now, budget);
        }
        self.is_picture_on_its_way = true;
        Some(picture)
    }

    /// Forgets the next picture.
    pub fn drop_picture(&mut self) {
        self.pictures.pop_front();
    }

    /// The end of the picture that was on its way.
    pub fn settle_picture(&mut self, outcome: &Outcome, now: Boot) {
        self.window.settle(now);
        self.is_picture_on_its_way = false;
        if let Outcome::Throttled { reason, hold } = outcome {
            self.hold_until(now.after((*hold).min(super::LONGEST_HOLD)), reason, false);
        }
    }
}
