//! Messages that wait for one channel: a bounded queue with order, backoff and a budget.
//!
//! It is a value, saved with the alerts before the first byte of a message is sent, and again once the message is
//! delivered. It reads no clock and does no I/O; the core asks it for the next message.

mod entry;
mod handover;
mod outcome;
mod pictures;
mod refused;
mod validate;
mod window;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::is_zero;
use crate::clock::{self, Boot, Now};
use crate::message::{self, Kind, Message, Picture};

pub use entry::Entry;
pub use outcome::{Moved, Outcome};
pub use refused::SetAside;
use refused::{MAX_SET_ASIDE, REJECTED_PAUSE};
pub use window::Budget;
use window::Window;

/// More messages than this are folded into a digest: a robot's budget carries as many in five minutes.
pub const MAX_MESSAGES: usize = 100;
/// Upper bound of the queue's total text, in bytes; beyond it the queue is folded.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The longest pause between two attempts at one message.
const MAX_PAUSE: Duration = Duration::from_secs(300);
/// The pause between attempts at a channel that refuses everything.
const REFUSED_PAUSE: Duration = Duration::from_secs(3600);
/// The longest pause that a channel may ask for: until tomorrow, for one that takes so many messages a day.
pub const LONGEST_HOLD: Duration = Duration::from_secs(24 * 3600);

/// A channel is stuck once a message has waited for it for this long.
pub const STUCK_AFTER: Duration = Duration::from_secs(10 * 60);

const _: () = assert!(message::MAX_TEXT_BYTES <= MAX_BYTES, "one message fits");

/// The messages that wait for a channel, in the order of their sending, and the channel's limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outbox {
    waiting: VecDeque<Entry>,
    /// Messages that the channel rejected too often to hold up others, tried from time to time.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    rejected: VecDeque<Entry>,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    set_aside: VecDeque<SetAside>,
    /// The number of set-aside messages that no message has reported yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    set_aside_untold: u32,
    /// Pictures that follow the messages.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pictures: VecDeque<Picture>,
    /// The attempts of the last minute.
    window: Window,
    /// The channel takes nothing before this instant.
    #[serde(default)]
    hold: Option<Hold>,
    /// The destination has another address at its vendor by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Moved>,
    /// Whether the first message is on its way. A restart forgets this, and sends the message again.
    #[serde(skip)]
    on_its_way: bool,
    /// A picture is, and no message. A restart forgets it.
    #[serde(skip)]
    is_picture_on_its_way: bool,
}

/// Why a channel is left alone, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub until: Boot,
    pub reason: String,
    /// Ends when the configuration changes.
    pub refused: bool,
}

/// The end of the message that was on its way.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Conclusion {
    Delivered(Entry),
    /// Given up: the channel does not take it.
    SetAside(Entry),
    Waits,
}

impl Outbox {
    /// Puts a message behind all others.
    pub fn push(&mut self, message: Message, now: Boot) {
        self.push_shared(message, Vec::new(), now);
    }

    /// The same for a message that the channels `also` were given, too.
    pub fn push_shared(&mut self, message: Message, also: Vec<String>, queued: Boot) {
        self.waiting.push_back(Entry { also, ..Entry::new(message, queued) });
    }

    /// Whether so much waits that it is to be folded.
    pub fn is_overfull(&self) -> bool {
        let bytes = self.waiting.iter().map(|entry| entry.message.bytes());
        self.waiting.len() > MAX_MESSAGES || bytes.sum::<usize>() > MAX_BYTES
    }

    /// Replaces the waiting messages by the digest that `digest` makes of them. A message on its way stays until its
    /// outcome is known, and one that `digest` leaves as it is keeps its age and its picture. A digest has none. Returns the
    /// number of folded messages.
    pub fn fold(&mut self, digest: impl FnOnce(Vec<Message>) -> Vec<Message>) -> usize {
        let folded = self.waiting.split_off(usize::from(self.on_its_way).min(self.waiting.len()));
        let Some(mut first) = folded.front().cloned() else { return 0 };
        first.queued = folded.iter().map(|entry| entry.queued).min().unwrap_or(first.queued);
        let count = folded.len();
        let identity = |message: &Message| (message.kind, message.created, message.part);
        let known: Vec<_> =
            folded.iter().map(|entry| (identity(&entry.message), entry.queued, entry.picture.clone())).collect();
        // Another channel knows a digest if it was given all of it.
        let was_given = |name: &&String| folded.iter().all(|entry| entry.also.contains(name));
        let also: Vec<String> = first.also.iter().filter(was_given).cloned().collect();
        let digest = digest(folded.into_iter().map(|entry| entry.message).collect());
        for message in digest {
            let is_it = |(known, ..): &&(_, Boot, Option<Picture>)| *known == identity(&message);
            let kept = known.iter().find(is_it).filter(|_| message.kind != Kind::Digest);
            let (queued, picture) =
                kept.map_or((first.queued, None), |(_, queued, picture)| (*queued, picture.clone()));
            self.waiting.push_back(Entry { also: also.clone(), picture, ..Entry::new(message, queued) });
        }
        // The channel is no more ready for a digest than for the messages in it.
        if let Some(entry) = self.waiting.get_mut(usize::from(self.on_its_way)) {
            (entry.attempts, entry.not_before, entry.last_error) = (first.attempts, first.not_before, first.last_error);
        }
        debug_assert!(self.is_consistent(None));
        count
    }

    /// When the next message may be sent; `None` when none waits, or one is on its way.
    pub fn next_attempt(&self, budget: Option<Budget>) -> Option<Boot> {
        if self.is_on_its_way() {
            return None;
        }
        let rejected = self.rejected.iter().filter_map(|entry| entry.not_before).min();
        let waiting = self.waiting.front().map(|first| first.not_before.unwrap_or(Boot::EARLIEST));
        let message = clock::earliest(&[rejected, waiting])?;
        let hold = self.hold.as_ref().map(|hold| hold.until);
        let window = budget.and_then(|budget| self.window.free_at(budget));
        [Some(message), hold, window].into_iter().flatten().max()
    }

    /// The next message, if one is due, and how long it has waited. `split` cuts it into parts that the channel takes,
    /// the first of which is sent. The attempt is counted before it is made, so that a crash does not make the budget
    /// larger.
    pub fn begin(
        &mut self,
        now: Boot,
        budget: Option<Budget>,
        split: impl FnOnce(Message) -> Vec<Message>,
    ) -> Option<(&Entry, Duration)> {
        if self.next_attempt(budget).is_none_or(|due| due > now) {
            return None;
        }
        let is_due = |entry: &Entry| entry.not_before.is_some_and(|instant| instant <= now);
        if let Some(entry) = self.rejected.iter().position(is_due).and_then(|place| self.rejected.remove(place)) {
            self.waiting.push_front(entry);
        }
        let mut first = self.waiting.pop_front()?;
        let mut parts = split(first.message).into_iter();
        first.message = parts.next()?;
        // Only the first part was tried before.
        let part = |message| Entry { also: first.also.clone(), ..Entry::new(message, first.queued) };
        let rest: Vec<Entry> = parts.map(part).collect();
        first.jobs_done = if rest.is_empty() { first.jobs_done } else { 0 };
        rest.into_iter().rev().for_each(|entry| self.waiting.push_front(entry));
        self.waiting.push_front(first);
        if let Some(budget) = budget {
            self.window.begin(now, budget);
        }
        self.on_its_way = true;
        debug_assert!(self.is_consistent(budget));
        self.waiting.front().map(|entry| (entry, now - entry.queued))
    }

    /// The message that was begun is sent only now, because it waited for something else.
    pub fn delay(&mut self, now: Boot, budget: Option<Budget>) {
        if let Some(budget) = budget {
            self.window.delay(now, budget);
        }
    }

    /// The state that this comes from does not know of attempts within `gap`, of which there may be one in each `pause`.
    pub fn presume(&mut self, gap: &Range<Boot>, pause: Duration, budget: Budget) {
        self.window.presume(gap, pause, budget);
    }

    /// A job of the message that was on its way is done, and the next one is due.
    pub fn go_on(&mut self, now: Boot) {
        debug_assert!(self.on_its_way && !self.waiting.is_empty(), "nothing is on its way");
        self.window.settle(now);
        self.on_its_way = false;
        self.hold = None;
        if let Some(first) = self.waiting.front_mut() {
            (first.jobs_done, first.not_before) = (first.jobs_done.saturating_add(1), None);
        }
    }

    /// The message that was begun is not sent after all, and waits again.
    pub fn call_back(&mut self) {
        (self.on_its_way, self.is_picture_on_its_way) = (false, false);
    }

    /// Takes in the outcome of the message that was on its way.
    pub fn settle(&mut self, outcome: &Outcome, now: Boot) -> Conclusion {
        debug_assert!(self.on_its_way && !self.waiting.is_empty(), "nothing is on its way");
        self.window.settle(now);
        self.on_its_way = false;
        if !matches!(outcome, Outcome::ChannelRefused { .. } | Outcome::Throttled { .. }) {
            self.hold = None;
        }
        match outcome {
            Outcome::Delivered => {
                self.set_aside_untold = 0;
                return self.waiting.pop_front().map_or(Conclusion::Waits, Conclusion::Delivered);
            }
            Outcome::MessageRefused { reason } => {
                return self.waiting.pop_front().map_or(Conclusion::Waits, |entry| self.give_up(entry, reason));
            }
            Outcome::Rejected { reason } => return self.reject(reason, now),
            Outcome::Retry { reason } => {
                if let Some(first) = self.waiting.front_mut() {
                    first.fail(reason, now.after(pause(first.attempts + 1)));
                }
            }
            Outcome::Throttled { reason, hold } => {
                self.hold_until(now.after((*hold).min(LONGEST_HOLD)), reason, false);
            }
            Outcome::FormRefused { reason } => return self.make_plain(reason),
            Outcome::Moved { reason, moved } => self.move_to(moved, reason, now),
            Outcome::ChannelRefused { reason } => self.hold_until(now.after(REFUSED_PAUSE), reason, true),
        }
        debug_assert!(self.is_consistent(None));
        Conclusion::Waits
    }

    /// The channel's configuration was read again: refused messages are tried at once.
    pub fn reopen(&mut self) {
        self.end_refusal();
        for entry in self.waiting_mut() {
            entry.not_before = None;
        }
        let on_its_way = usize::from(self.on_its_way).min(self.waiting.len());
        let rejected = std::mem::take(&mut self.rejected);
        let behind = self.waiting.split_off(on_its_way);
        self.waiting.extend(rejected.into_iter().chain(behind));
    }

    /// The channel may be another one, or have been mended: its refusal of everything may be over. A rate limit still
    /// holds.
    pub fn end_refusal(&mut self) {
        self.hold.take_if(|hold| hold.refused);
    }

    /// The channel is another one.
    pub fn end_hold(&mut self) {
        self.hold = None;
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn len(&self) -> usize {
        self.waiting.len() + self.rejected.len()
    }

    /// Every message that waits: in the order of their sending, then those that were rejected.
    pub fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.waiting.iter().chain(&self.rejected)
    }

    /// The same, mutable.
    pub fn waiting_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.waiting.iter_mut().chain(&mut self.rejected)
    }

    /// Those that were rejected and let others go first, mutable.
    pub fn rejected_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.rejected.iter_mut()
    }

    /// The last messages that were given up, oldest first.
    pub fn set_aside(&self) -> impl Iterator<Item = &SetAside> {
        self.set_aside.iter()
    }

    /// The number of given-up messages that no message has reported yet.
    pub fn set_aside_untold(&self) -> u32 {
        self.set_aside_untold
    }

    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }

    /// See [`Outcome::Moved`].
    pub fn moved(&self) -> Option<&Moved> {
        self.moved.as_ref()
    }

    /// Since when the oldest message waits for its turn, or for the channel; `None`: none does.
    pub fn waits_since(&self) -> Option<Boot> {
        self.waiting.iter().map(|entry| entry.queued).min()
    }

    /// The messages that wait for their turn and that `channel` was not given. From now on it was.
    pub fn share_with(&mut self, channel: &str) -> Vec<Entry> {
        let untold = self.waiting.iter_mut().filter(|entry| !entry.also.iter().any(|name| name == channel));
        let share = |entry: &mut Entry| {
            let shared = entry.clone();
            entry.also.push(channel.to_owned());
            shared
        };
        untold.map(share).collect()
    }

    /// Whether a message waits for its turn that `channel` was not given.
    pub fn has_untold(&self, channel: &str) -> bool {
        self.waiting.iter().any(|entry| !entry.also.iter().any(|name| name == channel))
    }

    /// Moves every instant to the clock of another start of the machine: to the most likely one, and pauses that
    /// protect the channel to the latest possible one.
    pub fn shift(&mut self, micros: i64, certain_micros: i64) {
        self.window.shift(certain_micros);
        for entry in self.waiting_mut() {
            entry.queued = entry.queued.shifted(micros);
            entry.not_before = entry.not_before.map(|instant| instant.shifted(micros));
            entry.rejected_since = entry.rejected_since.map(|instant| instant.shifted(micros));
        }
        if let Some(hold) = &mut self.hold {
            hold.until = hold.until.shifted(if hold.refused { micros } else { certain_micros });
        }
    }

    /// The first message is sent to the new address at once; if that has moved as well, after a pause.
    fn move_to(&mut self, moved: &Moved, reason: &str, now: Boot) {
        if let (Some(_), Some(first)) = (self.moved.replace(moved.clone()), self.waiting.front_mut()) {
            first.fail(reason, now.after(pause(first.attempts + 1)));
        }
    }

    fn hold_until(&mut self, until: Boot, reason: &str, refused: bool) {
        if let Some(first) = self.waiting.front_mut() {
            first.last_error = Some(reason.to_owned());
        }
        self.hold = Some(Hold { until, reason: reason.to_owned(), refused });
    }
}

/// When `due` comes, on the wall clock.
pub fn on_the_wall(due: Boot, now: Now) -> Timestamp {
    now.wall.checked_add(due - now.boot).unwrap_or(Timestamp::MAX)
}

/// 1, 2 and 4 seconds after the first three failures, then twice as long each time, up to five minutes.
fn pause(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    Duration::from_secs(1 << doublings).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests;
