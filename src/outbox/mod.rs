//! Messages that wait to be delivered: a bounded queue with order, backoff and a budget.
//!
//! It is a value: the store saves it in one piece with the alerts, before the first byte of a message is sent and again
//! once the message is delivered. It reads no clock and does no I/O; the loop asks it what is due.

mod window;

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::{Boot, Now};
use crate::message::Message;

use window::{MAX_IN_WINDOW, Window};

/// What became of one attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// A passing fault: try this message again, first soon, then with growing pauses.
    Retry {
        reason: String,
    },
    /// The channel takes nothing for a while; not counted against the message.
    Throttled {
        reason: String,
        hold: Duration,
    },
    /// This message will never be taken, as it is; those behind it may be.
    MessageRefused {
        reason: String,
    },
    /// The channel takes nothing until its configuration changes.
    ChannelRefused {
        reason: String,
    },
}

/// As many messages may wait as the budget carries in five minutes; more are folded into a digest.
pub const MAX_MESSAGES: usize = 5 * MAX_IN_WINDOW;
/// As long may all that wait be together, in bytes of text; more is folded into a digest, which is far shorter.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The longest pause between two attempts at one message.
const MAX_PAUSE: Duration = Duration::from_secs(300);
/// How often a channel that refuses everything is tried all the same.
const REFUSED_PAUSE: Duration = Duration::from_secs(3600);

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub message: Message,
    /// Since when it waits, or the oldest of what it is a digest of.
    pub queued: Boot,
    /// Attempts that failed.
    pub attempts: u32,
    /// Not before this instant; `None`: as soon as its turn comes.
    pub not_before: Option<Boot>,
    pub last_error: Option<String>,
}

/// What is waiting, in the order in which it will be sent, and what the channel allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outbox {
    waiting: VecDeque<Entry>,
    /// What the channel was sent in the last minute.
    window: Window,
    /// The channel takes nothing before this instant.
    #[serde(default)]
    hold: Option<Hold>,
    /// Whether the first message is on its way. A restart knows nothing of it any more, and sends the message again.
    #[serde(skip)]
    on_its_way: bool,
}

/// Why a channel is left alone, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub until: Boot,
    pub reason: String,
    /// Ends when the configuration changes.
    pub refused: bool,
}

impl Entry {
    fn new(message: Message, queued: Boot) -> Entry {
        Entry { message, queued, attempts: 0, not_before: None, last_error: None }
    }
}

impl Outbox {
    /// Puts a message behind all others.
    pub fn push(&mut self, message: Message, now: Boot) {
        self.waiting.push_back(Entry::new(message, now));
    }

    /// Whether so much waits that it is to be folded.
    pub fn is_overfull(&self) -> bool {
        self.waiting.len() > MAX_MESSAGES || self.bytes() > MAX_BYTES
    }

    /// Puts what `digest` makes of the waiting messages in their place. One that is on its way stays until it is known
    /// what became of it. Gives the number of those that were folded.
    pub fn fold(&mut self, digest: impl FnOnce(Vec<Message>) -> Vec<Message>) -> usize {
        let folded = self.waiting.split_off(usize::from(self.on_its_way).min(self.waiting.len()));
        let Some(mut first) = folded.front().cloned() else { return 0 };
        first.queued = folded.iter().map(|entry| entry.queued).min().unwrap_or(first.queued);
        let count = folded.len();
        let digest = digest(folded.into_iter().map(|entry| entry.message).collect());
        self.waiting.extend(digest.into_iter().map(|message| Entry::new(message, first.queued)));
        // The channel is no more ready for a digest than for what it stands for.
        if let Some(entry) = self.waiting.get_mut(usize::from(self.on_its_way)) {
            (entry.attempts, entry.not_before, entry.last_error) = (first.attempts, first.not_before, first.last_error);
        }
        count
    }

    /// When the first message may be sent; `None` when none waits, or one is on its way.
    pub fn next_attempt(&self) -> Option<Boot> {
        let first = self.waiting.front().filter(|_| !self.on_its_way)?;
        let hold = self.hold.as_ref().map(|hold| hold.until);
        [first.not_before, hold, self.window.free_at()]
            .into_iter()
            .flatten()
            .max()
            .or(Some(Boot::from_micros(i64::MIN)))
    }

    /// The message to be sent now, if one is due, and how long it has waited. Its attempt is counted before it is made,
    /// so that a crash does not make the budget larger.
    pub fn begin(&mut self, now: Boot) -> Option<(&Message, Duration)> {
        if self.next_attempt().is_none_or(|due| due > now) {
            return None;
        }
        self.window.begin(now);
        self.on_its_way = true;
        self.waiting.front().map(|entry| (&entry.message, now - entry.queued))
    }

    /// Takes in what became of the message that was on its way. Gives it back if it waits no longer.
    pub fn settle(&mut self, outcome: &Outcome, now: Boot) -> Option<Entry> {
        self.window.settle(now);
        self.on_its_way = false;
        if !matches!(outcome, Outcome::ChannelRefused { .. } | Outcome::Throttled { .. }) {
            self.hold = None;
        }
        match outcome {
            Outcome::Delivered | Outcome::MessageRefused { .. } => return self.waiting.pop_front(),
            Outcome::Retry { reason } => {
                if let Some(first) = self.waiting.front_mut() {
                    first.attempts = first.attempts.saturating_add(1);
                    first.not_before = Some(now.after(pause(first.attempts)));
                    first.last_error = Some(reason.clone());
                }
            }
            Outcome::Throttled { reason, hold } => {
                self.hold_until(now.after(*hold), reason, false);
            }
            Outcome::ChannelRefused { reason } => {
                self.hold_until(now.after(REFUSED_PAUSE), reason, true);
            }
        }
        None
    }

    /// The channel's configuration was read again: what was refused is tried at once. A rate limit still holds.
    pub fn reopen(&mut self) {
        self.hold.take_if(|hold| hold.refused);
        for entry in &mut self.waiting {
            entry.not_before = None;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.waiting.iter()
    }

    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }

    /// When the first message's next attempt is due, on the wall clock.
    pub fn next_attempt_wall(&self, now: Now) -> Option<Timestamp> {
        self.next_attempt().map(|due| now.wall.checked_add(due - now.boot).unwrap_or(Timestamp::MAX))
    }

    /// Moves every instant to the clock of another start of the machine: by what is likely to be right, and what keeps
    /// the channel from being sent too much by what is certain not to let it end early.
    pub fn shift(&mut self, micros: i64, certain_micros: i64) {
        self.window.shift(certain_micros);
        for entry in &mut self.waiting {
            entry.queued = entry.queued.shifted(micros);
            entry.not_before = entry.not_before.map(|instant| instant.shifted(micros));
        }
        if let Some(hold) = &mut self.hold {
            hold.until = hold.until.shifted(if hold.refused { micros } else { certain_micros });
        }
    }

    fn hold_until(&mut self, until: Boot, reason: &str, refused: bool) {
        if let Some(first) = self.waiting.front_mut() {
            first.last_error = Some(reason.to_owned());
        }
        self.hold = Some(Hold { until, reason: reason.to_owned(), refused });
    }

    fn bytes(&self) -> usize {
        self.waiting.iter().map(|entry| entry.message.bytes()).sum()
    }
}

/// 1, 2 and 4 seconds after the first three failures, then twice as long each time, up to five minutes.
fn pause(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    Duration::from_secs(1 << doublings).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests;
