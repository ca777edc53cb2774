//! Which channel is given which message: routes and fallbacks.
//!
//! A message is given to each channel whose route takes it. Its copies know of one another: if a channel goes, only those
//! that no other channel was given find a new one.

use std::rc::Rc;

use super::Core;
use super::deliver::NO_CHANNEL;
use crate::clock::{Boot, Now};
use crate::message::{self, Kind, Message};
use crate::outbox::STUCK_AFTER;
use crate::route::Route;
use crate::text;

/// The channels that are given one message.
#[derive(Clone, Debug)]
struct Receivers {
    route: Rc<Route>,
    names: Vec<String>,
}

impl Core {
    /// The channels that are there and are no fallbacks, by their routes. There is always one.
    fn receivers(&self) -> Vec<Receivers> {
        let mut all: Vec<Receivers> = Vec::new();
        for channel in self.delivery.channels().filter(|channel| channel.fallback_for().is_none()) {
            match all.iter_mut().find(|receivers| receivers.route == *channel.route()) {
                Some(receivers) => receivers.names.push(channel.name().to_owned()),
                None => {
                    let names = vec![channel.name().to_owned()];
                    all.push(Receivers { route: Rc::clone(channel.route()), names });
                }
            }
        }
        if all.is_empty() {
            all.push(Receivers { route: Rc::default(), names: vec![NO_CHANNEL.to_owned()] });
        }
        all
    }

    /// Gives a message that is about no alert to each channel that takes it. A notice that none takes goes to all.
    pub(super) fn push(&mut self, message: Message, now: Now) {
        let all = self.receivers();
        let takes = |receivers: &&Receivers| receivers.route.takes_message(message.kind);
        let is_for_all = message.kind == Kind::Notice && !all.iter().any(|receivers| takes(&receivers));
        let names: Vec<String> = all
            .iter()
            .filter(|receivers| is_for_all || takes(receivers))
            .flat_map(|receivers| receivers.names.clone())
            .collect();
        self.give(message, &names, &names, now);
    }

    /// Gives each route's channels the messages that `word` makes of its part of some news. `covers` says whether the
    /// first route's part holds all that is in the second one's.
    #[inline(never)]
    pub(super) fn push_by_route(
        &mut self,
        word: impl Fn(&Route) -> Vec<Message>,
        covers: impl Fn(&Route, &Route) -> bool,
        now: Now,
    ) {
        let all = self.receivers();
        // All are worded by one state: a message that is given may change an outbox, but no news.
        let worded: Vec<Vec<Message>> = all.iter().map(|receivers| word(&receivers.route)).collect();
        for (receivers, messages) in all.iter().zip(worded) {
            let told_too =
                |other: &&Receivers| other.route == receivers.route || covers(&other.route, &receivers.route);
            let also: Vec<String> = all.iter().filter(told_too).flat_map(|other| other.names.clone()).collect();
            for message in messages {
                self.give(message, &receivers.names, &also, now);
            }
        }
    }

    /// Puts a message into the outboxes of `names`; `also` are given the same.
    fn give(&mut self, message: Message, names: &[String], also: &[String], now: Now) {
        for name in names {
            let also = also.iter().filter(|other| *other != name).cloned().collect();
            self.state.change().outboxes.entry(name.clone()).or_default().push_shared(message.clone(), also, now.boot);
            self.share_if_stuck(name, now.boot);
            self.fold_if_overfull(name, now);
        }
    }

    fn fold_if_overfull(&mut self, name: &str, now: Now) {
        let style = &self.config.style;
        let Some(outbox) = self.state.change().outboxes.get_mut(name).filter(|outbox| outbox.is_overfull()) else {
            return;
        };
        let folded = outbox.fold(|messages| message::digest(messages, style, now.wall));
        log::warn!("{} waited, folded into {}", text::counted(folded, "message"), outbox.len());
    }

    /// The fallbacks that are there, each with the channel that it steps in for.
    fn fallbacks(&self) -> impl Iterator<Item = (&str, &str)> {
        self.delivery.channels().filter_map(|channel| Some((channel.fallback_for()?, channel.name())))
    }

    /// Gives the messages of channels that are stuck to their fallbacks.
    pub(super) fn let_fallbacks_step_in(&mut self, now: Boot) {
        self.share_stuck(|_| true, now);
    }

    fn share_if_stuck(&mut self, name: &str, now: Boot) {
        self.share_stuck(|of| of == name, now);
    }

    /// Gives the messages of those that are stuck to their fallbacks.
    fn share_stuck(&mut self, is_meant: impl Fn(&str) -> bool, now: Boot) {
        let steps_in = |(of, fallback): &(&str, &str)| {
            let outbox = self.state.get().outboxes.get(*of).filter(|_| is_meant(of));
            outbox.is_some_and(|outbox| {
                outbox.waits_since().is_some_and(|since| since.after(STUCK_AFTER) <= now) && outbox.has_untold(fallback)
            })
        };
        let pairs: Vec<(String, String)> =
            self.fallbacks().filter(steps_in).map(|(of, fallback)| (of.to_owned(), fallback.to_owned())).collect();
        for (name, fallback) in pairs {
            self.share(&name, fallback);
        }
    }

    #[inline(never)]
    fn share(&mut self, name: &str, fallback: String) {
        let outboxes = &mut self.state.change().outboxes;
        let shared = outboxes.get_mut(name).map(|outbox| outbox.share_with(&fallback)).unwrap_or_default();
        log::warn!("{name} is stuck, {fallback} steps in for {}", text::counted(shared.len(), "message"));
        let outbox = outboxes.entry(fallback).or_default();
        for entry in shared {
            let also = entry.also.into_iter().chain([name.to_owned()]).collect();
            outbox.push_shared(entry.message, also, entry.queued);
        }
    }

    /// When the next fallback steps in.
    pub(super) fn fallback_due(&self) -> Option<Boot> {
        let due = |(of, fallback): (&str, &str)| {
            let outbox = self.state.get().outboxes.get(of).filter(|outbox| outbox.has_untold(fallback))?;
            Some(outbox.waits_since()?.after(STUCK_AFTER))
        };
        self.fallbacks().filter_map(due).min()
    }
}
