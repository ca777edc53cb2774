//! The sender of each channel: at most one message on its way.

use super::Ticket;
use super::save::Saving;
use crate::clock::Boot;
use crate::drawing::Recipe;
use crate::notify::{Channel, Job};
use crate::secret::{Scrubber, Secret};
use crate::worker::Illustrated;

#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub(super) senders: Vec<Sender>,
    next_ticket: u64,
    /// Knows the secrets of every channel so far.
    pub(super) scrubber: Scrubber,
}

/// One channel, and its work. Its outbox is in the state, under its name.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) channel: Channel,
    pub(super) flight: Option<Flight>,
    /// Not before this instant is a message sent whose save failed.
    pub(super) unsaved_from: Boot,
    /// The configuration no longer has this channel; it only waits for the answer to its last message.
    pub(super) is_retired: bool,
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) ticket: Ticket,
    /// The sender, who judges the answer.
    pub(super) channel: Channel,
    /// No other job is left to deliver the message.
    pub(super) is_last: bool,
    /// It is no message, but a picture behind one.
    pub(super) is_picture: bool,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// It waits until this revision of the state is saved, or until that instant at the latest.
    Saving {
        revision: u64,
        until: Boot,
        work: Work,
    },
    Sent,
}

/// The work of a flight.
#[derive(Debug)]
pub(super) enum Work {
    Job(Job),
    /// A picture by this recipe.
    Draw(Illustrated, Box<Recipe>),
}

impl Sender {
    /// When the message that waits for its save is sent without it.
    pub(super) fn unsaved_from(&self, state: &Saving) -> Option<Boot> {
        match self.flight.as_ref()?.stage {
            // A disk that refuses is not waited for.
            Stage::Saving { revision, .. } if state.failed(revision) => Some(self.unsaved_from),
            Stage::Saving { until, .. } => Some(until),
            Stage::Sent => None,
        }
    }
}

impl Delivery {
    /// The channels of the configuration, without those that only end what they began before a reload.
    pub(super) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.senders.iter().filter(|sender| !sender.is_retired).map(|sender| &sender.channel)
    }

    /// The sender of that attempt.
    pub(super) fn sender_of(&mut self, ticket: Ticket) -> Option<&mut Sender> {
        let is_it = |sender: &&mut Sender| sender.flight.as_ref().is_some_and(|flight| flight.ticket == ticket);
        self.senders.iter_mut().find(is_it)
    }

    /// No error shows this secret.
    pub(super) fn learn(&mut self, secret: &Secret) {
        self.scrubber.learn(secret);
    }

    pub(super) fn next_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }
}

#[cfg(test)]
impl Delivery {
    /// The ticket of the one message on its way.
    pub(super) fn ticket_on_its_way(&self) -> Ticket {
        self.senders[0].flight.as_ref().expect("a message is on its way").ticket
    }
}
