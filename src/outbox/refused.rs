//! Messages that a channel does not take: they are tried again from time to time, in a plainer form, or set aside.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Conclusion, Entry, Outbox, pause};
use crate::clock::Boot;
use crate::message::Kind;

/// After this many rejections a message lets those behind it go first.
pub(super) const MAX_REJECTIONS: u32 = 5;
/// A rejected message is tried again this often, and set aside after this long.
pub(super) const REJECTED_PAUSE: Duration = Duration::from_secs(3600);
const REJECTED_FOR: Duration = Duration::from_secs(24 * 3600);
/// The most rejected messages that are kept; beyond it the oldest is set aside.
const MAX_REJECTED: usize = 20;
/// The number of set-aside messages that `status` remembers.
pub(super) const MAX_SET_ASIDE: usize = 20;

const _: () =
    assert!(REJECTED_PAUSE.as_millis() < REJECTED_FOR.as_millis(), "it is tried again before it is set aside");

/// A message that was given up, as `status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    pub kind: Kind,
    pub title: String,
    pub created: Timestamp,
    pub reason: String,
}

impl Outbox {
    /// The channel does not take the first message as it is marked up: it is sent again at once without that.
    pub(super) fn make_plain(&mut self, reason: &str) -> Conclusion {
        match self.waiting.front_mut() {
            Some(first) if !first.is_plain => {
                (first.is_plain, first.not_before) = (true, None);
                first.last_error = Some(reason.to_owned());
                Conclusion::Waits
            }
            _ => self.waiting.pop_front().map_or(Conclusion::Waits, |entry| self.give_up(entry, reason)),
        }
    }

    /// The first message was rejected: it is tried again soon, then lets others go first, and is given up in the end.
    pub(super) fn reject(&mut self, reason: &str, now: Boot) -> Conclusion {
        let Some(mut first) = self.waiting.pop_front() else { return Conclusion::Waits };
        first.rejections = first.rejections.saturating_add(1);
        if first.rejections < MAX_REJECTIONS {
            // However long an outage was before: those behind it have waited as long.
            first.fail(reason, now.after(pause(first.rejections)));
            self.waiting.push_front(first);
            return Conclusion::Waits;
        }
        let since = *first.rejected_since.get_or_insert(now);
        if now - since >= REJECTED_FOR {
            return self.give_up(first, reason);
        }
        first.fail(reason, now.after(REJECTED_PAUSE));
        self.rejected.push_back(first);
        if self.rejected.len() > MAX_REJECTED
            && let Some(oldest) = self.rejected.pop_front()
        {
            return self.give_up(oldest, reason);
        }
        Conclusion::Waits
    }

    pub(super) fn give_up(&mut self, mut entry: Entry, reason: &str) -> Conclusion {
        entry.attempts = entry.attempts.saturating_add(1);
        entry.last_error = Some(reason.to_owned());
        self.set_aside.push_back(SetAside {
            kind: entry.message.kind,
            title: entry.message.title.plain().to_owned(),
            created: entry.message.created,
            reason: reason.to_owned(),
        });
        self.set_aside_untold = self.set_aside_untold.saturating_add(1);
        self.bound_set_aside();
        Conclusion::SetAside(entry)
    }

    pub(super) fn bound_set_aside(&mut self) {
        let surplus = self.set_aside.len().saturating_sub(MAX_SET_ASIDE);
        self.set_aside.drain(..surplus);
    }
}
