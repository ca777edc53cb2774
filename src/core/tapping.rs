//! Hands every judged look to the taps, and posts for them. No save and no message waits for a tap.

use std::collections::BTreeMap;

use super::{Core, Effect, Ticket};
use crate::clock::Now;
use crate::http::{self, Answer};
use crate::tap::{Judged, Tap};

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

    pub(super) fn post_for_taps(&mut self, effects: &mut Vec<Effect>) {
        for (place, request) in std::mem::take(&mut self.tapping.requests) {
            let ticket = self.delivery.next_ticket();
            self.tapping.posts.insert(ticket, place);
            effects.push(Effect::Post { ticket, request });
        }
    }
}
