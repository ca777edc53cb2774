//! A channel is gone: another one takes over its messages, and what protects it stays, as it may come back at once.

use super::{Entry, Outbox};
use crate::clock::Boot;

impl Outbox {
    /// Hands over all but the attempts of the last minute, and the pause that the channel asked for.
    pub fn hand_over(&mut self) -> Outbox {
        let stays = Outbox { window: std::mem::take(&mut self.window), hold: self.hold.take(), ..Outbox::default() };
        std::mem::replace(self, stays)
    }

    /// Whether what stays of a channel that is gone would stop no message.
    pub fn is_of_no_use(&self, now: Boot) -> bool {
        self.is_empty() && self.window.is_over(now) && self.hold.as_ref().is_none_or(|hold| hold.until <= now)
    }

    /// Takes over the messages of a channel that is gone, in the order in which they were queued. It does not take over
    /// the budget, which was another channel's, nor a message that one of the channels `there` was given, too.
    pub fn take_over(&mut self, other: Outbox, there: &[String]) {
        let on_its_way = if self.on_its_way { self.waiting.pop_front() } else { None };
        let is_known = |entry: &Entry| entry.also.iter().any(|name| there.contains(name));
        let orphans = other.rejected.into_iter().chain(other.waiting).filter(|entry| !is_known(entry));
        let mut all: Vec<Entry> = self.waiting.drain(..).chain(orphans).collect();
        all.sort_by_key(|entry| entry.queued);
        for entry in &mut all {
            (entry.not_before, entry.rejections, entry.rejected_since) = (None, 0, None);
            (entry.jobs_done, entry.is_plain) = (0, false);
        }
        self.waiting = on_its_way.into_iter().chain(all).collect();
        self.set_aside.extend(other.set_aside);
        self.set_aside_untold = self.set_aside_untold.saturating_add(other.set_aside_untold);
        self.bound_set_aside();
        debug_assert!(self.is_consistent(None));
    }
}
