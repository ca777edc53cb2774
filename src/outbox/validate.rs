//! Checks an outbox from a file: corrects instants and counts that no agent wrote, forgets messages beyond the bound,
//! and holds the invariant.

use std::time::Duration;

use super::{Budget, Entry, LONGEST_HOLD, MAX_SET_ASIDE, Outbox, REFUSED_PAUSE, REJECTED_PAUSE};
use crate::bounds::keep;
use crate::clock::{self, Boot, Now};

/// The longest wait of a message.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// More attempts, and more messages, than there ever were.
const MAX_COUNT: u32 = 1_000_000;

impl Outbox {
    /// The invariant, whatever the state file held. An attempt that is under way is counted, and no more attempts than
    /// the channel takes.
    pub(super) fn is_consistent(&self, budget: Option<Budget>) -> bool {
        let is_first_there = !self.on_its_way || !self.waiting.is_empty();
        is_first_there && self.set_aside.len() <= MAX_SET_ASIDE && budget.is_none_or(|budget| self.window.keeps(budget))
    }

    /// Whether a message, or a picture, is on its way.
    pub fn is_on_its_way(&self) -> bool {
        self.on_its_way || self.is_picture_on_its_way
    }

    /// Corrects values that cannot be true at `now`; returns how many there were.
    pub fn correct(&mut self, now: Now) -> usize {
        let entries = self.waiting.iter_mut().chain(&mut self.rejected);
        let mut corrected: usize = entries.map(|entry| entry.correct(now)).sum();
        corrected += self.window.correct(now.boot);
        corrected += keep(&mut self.set_aside_untold, 0..=MAX_COUNT);
        if let Some(hold) = &mut self.hold {
            let longest = if hold.refused { REFUSED_PAUSE } else { LONGEST_HOLD };
            if hold.until > now.boot.after(longest) {
                // Nobody knows when it ends: the channel is asked in an hour.
                (hold.until, corrected) = (now.boot.after(REFUSED_PAUSE), corrected + 1);
            }
            corrected += keep(&mut hold.until, Boot::EARLIEST..=now.boot.after(LONGEST_HOLD));
        }
        let surplus = self.set_aside.len().saturating_sub(MAX_SET_ASIDE);
        self.set_aside.drain(..surplus);
        corrected + surplus
    }
}

impl Outbox {
    /// Forgets everything but the text of all messages; returns the number of facts.
    pub fn drop_facts(&mut self) -> usize {
        let entries = self.waiting.iter_mut().chain(&mut self.rejected);
        entries.map(|entry| std::mem::take(&mut entry.message.facts).len()).sum()
    }

    /// Forgets half of all messages, rounded up: first those that were rejected, then the oldest. Returns how many.
    pub fn forget_half(&mut self) -> usize {
        let messages = if self.rejected.is_empty() { &mut self.waiting } else { &mut self.rejected };
        messages.drain(..messages.len().div_ceil(2)).count()
    }
}

impl Entry {
    fn correct(&mut self, now: Now) -> usize {
        let mut corrected = self.message.correct();
        corrected += keep(&mut self.queued, now.boot.shifted(-clock::micros(LONGEST_WAIT))..=now.boot);
        for count in [&mut self.attempts, &mut self.rejections, &mut self.jobs_done] {
            corrected += keep(count, 0..=MAX_COUNT);
        }
        let latest = now.boot.after(REJECTED_PAUSE);
        corrected += self.not_before.as_mut().map_or(0, |instant| keep(instant, Boot::EARLIEST..=latest));
        corrected + self.rejected_since.as_mut().map_or(0, |instant| keep(instant, Boot::EARLIEST..=now.boot))
    }
}
