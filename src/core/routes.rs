//! Which channel is given which message: routes and fallbacks.
//!
//! A message is given to each channel whose route takes it. Its copies know of one another: if a channel goes, only those
//! that no other channel was given find a new one.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::Core;
use super::deliver::NO_CHANNEL;
use crate::clock::{Boot, Now};
use crate::message::{self, Kind, Message};
use crate::notify::Channel;
use crate::outbox::Outbox;
use crate::route::Route;
use crate::text;

/// A fallback steps in once a message of its channel has waited for this long.
const STUCK_AFTER: Duration = Duration::from_secs(10 * 60);

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
        for channel in self.channels() {
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

    fn channels(&self) -> impl Iterator<Item = &Channel> {
        let there = self.delivery.senders.iter().filter(|sender| !sender.is_retired).map(|sender| &sender.channel);
        there.filter(|channel| channel.fallback_for().is_none())
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

    /// The fallbacks of each channel that has some.
    fn fallbacks(&self) -> BTreeMap<String, Vec<String>> {
        let mut fallbacks: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for sender in self.delivery.senders.iter().filter(|sender| !sender.is_retired) {
            if let Some(of) = sender.channel.fallback_for() {
                fallbacks.entry(of.to_owned()).or_default().push(sender.channel.name().to_owned());
            }
        }
        fallbacks
    }

    /// Gives the messages of channels that are stuck to their fallbacks.
    pub(super) fn let_fallbacks_step_in(&mut self, now: Boot) {
        for name in self.fallbacks().into_keys() {
            self.share_if_stuck(&name, now);
        }
    }

    fn share_if_stuck(&mut self, name: &str, now: Boot) {
        let fallbacks = self.fallbacks().remove(name).unwrap_or_default();
        let is_stuck = |outbox: &Outbox| outbox.waits_since().is_some_and(|since| since.after(STUCK_AFTER) <= now);
        for fallback in fallbacks {
            let Some(outbox) = self.state.get().outboxes.get(name) else { return };
            if !is_stuck(outbox) || !outbox.has_untold(&fallback) {
                continue;
            }
            let outboxes = &mut self.state.change().outboxes;
            let shared = outboxes.get_mut(name).map(|outbox| outbox.share_with(&fallback)).unwrap_or_default();
            log::warn!("{name} is stuck, {fallback} steps in for {}", text::counted(shared.len(), "message"));
            let outbox = outboxes.entry(fallback).or_default();
            for entry in shared {
                let also = entry.also.into_iter().chain([name.to_owned()]).collect();
                outbox.push_shared(entry.message, also, entry.queued);
            }
        }
    }

    /// When the next fallback steps in.
    pub(super) fn fallback_due(&self) -> Option<Boot> {
        let due = |(name, fallbacks): (String, Vec<String>)| {
            let outbox = self.state.get().outboxes.get(&name)?;
            let is_untold = fallbacks.iter().any(|fallback| outbox.has_untold(fallback));
            outbox.waits_since().filter(|_| is_untold).map(|since| since.after(STUCK_AFTER))
        };
        self.fallbacks().into_iter().filter_map(due).min()
    }
}
