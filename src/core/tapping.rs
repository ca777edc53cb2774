//! Hands every judged look to the taps, and posts for them. No save and no message waits for a tap.

use std::collections::BTreeMap;

use super::{Core, Effect, Ticket};
use crate::clock::Now;
use crate::http::{self, Answer};
use crate::tap::{Judged, Tap};

/// The most posts of taps on their way at once: each is a process, and messages need some, too.
const MAX_POSTS: usize = 8;

/// The most requests in the queue. Of more the oldest fail.
const MAX_QUEUED: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Tapping {
    taps: Vec<Box<dyn Tap>>,
    /// The tap of each post on its way.
    posts: BTreeMap<Ticket, usize>,
    /// Requests in the queue.
    requests: Vec<(usize, http::Request)>,
}

impl Core {
    /// Opens the taps of the configuration. Answers to posts of the former taps are dropped.
    pub(super) fn open_taps(&mut self) {
        let taps = self.config.taps.iter().map(|setup| setup.open()).collect();
        self.tapping = Tapping { taps, ..Tapping::default() };
    }

    pub(super) fn tap(&mut self, judged: &Judged<'_>, now: Now) {
        let Tapping { taps, requests, .. } = &mut self.tapping;
        for (place, tap) in taps.iter_mut().enumerate() {
            requests.extend(tap.take(judged, now).into_iter().map(|request| (place, request)));
        }
    }

    /// Whether a post was a tap's; then the tap is told the answer.
    pub(super) fn answer_tap(&mut self, ticket: Ticket, answer: &Answer, now: Now) -> bool {
        let Tapping { taps, posts, requests } = &mut self.tapping;
        let Some(place) = posts.remove(&ticket) else { return false };
        if let Some(tap) = taps.get_mut(place) {
            requests.extend(tap.answered(answer, now).into_iter().map(|request| (place, request)));
        }
        true
    }

    /// Fails the oldest requests beyond the bound. Requests that follow from that wait for their turn, or fail later.
    fn shorten_queue(&mut self, now: Now) {
        let Tapping { taps, requests, .. } = &mut self.tapping;
        let surplus = requests.len().saturating_sub(MAX_QUEUED);
        let failed: Vec<usize> = requests.drain(..surplus).map(|(place, _)| place).collect();
        let error = Err(http::Error("too many requests wait".to_owned()));
        for place in failed {
            let following = taps.get_mut(place).map(|tap| tap.answered(&error, now));
            requests.extend(following.into_iter().flatten().map(|request| (place, request)));
        }
    }

    /// Begins as many posts as may be on their way at once, the oldest first.
    pub(super) fn post_for_taps(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.shorten_queue(now);
        let Tapping { posts, requests, .. } = &mut self.tapping;
        let room = MAX_POSTS.saturating_sub(posts.len()).min(requests.len());
        for (place, request) in requests.drain(..room).collect::<Vec<_>>() {
            let ticket = self.delivery.next_ticket();
            self.tapping.posts.insert(ticket, place);
            effects.push(Effect::Post { ticket, request });
        }
    }
}
