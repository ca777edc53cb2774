//! The senders of the configuration's channels: opened at the start and at a reload, with the messages that wait for them.

use std::collections::BTreeMap;

use super::Core;
use super::deliver::{NO_CHANNEL, SAVE_PATIENCE};
use super::sender::{Flight, Sender, Stage};
use crate::clock::Boot;
use crate::notify::Channel;
use crate::outbox::Outbox;

impl Core {
    /// Opens the channels of an agent that begins.
    pub(super) fn open_first_channels(&mut self, now: Boot) {
        self.rename_saved_outboxes();
        self.open_channels(now);
        self.presume_unsaved_attempts();
        self.end_refusals();
    }

    /// A channel that was renamed while no agent ran goes on with the outbox of its former name. Of several with one
    /// destination nobody knows which is which.
    fn rename_saved_outboxes(&mut self) {
        let named: BTreeMap<&str, u64> =
            self.config.channels.iter().map(|channel| (channel.name(), channel.destination())).collect();
        let saved = &self.state.get().destinations;
        let to = |destination: u64| {
            let mut new = named.iter().filter(|(name, of)| **of == destination && !saved.contains_key(**name));
            new.next().filter(|_| new.next().is_none()).map(|(name, _)| (*name).to_owned())
        };
        let gone = saved.iter().filter(|(name, destination)| {
            let is_one = saved.values().filter(|of| of == destination).count() == 1;
            is_one && !named.contains_key(name.as_str())
        });
        let renamed: Vec<(String, String)> =
            gone.filter_map(|(name, destination)| Some((name.clone(), to(*destination)?))).collect();
        for (from, to) in renamed {
            self.rename_outbox(&from, &to);
        }
    }

    fn rename_outbox(&mut self, from: &str, to: &str) {
        let outboxes = &mut self.state.change().outboxes;
        if let Some(outbox) = outboxes.remove(from) {
            outboxes.insert(to.to_owned(), outbox);
        }
    }

    /// Remembers where each name leads.
    fn save_destinations(&mut self) {
        let channels = self.delivery.channels();
        let destinations: BTreeMap<String, u64> =
            channels.map(|channel| (channel.name().to_owned(), channel.destination())).collect();
        if self.state.get().destinations != destinations {
            self.state.change().destinations = destinations;
        }
    }

    /// Makes a sender for each channel of the configuration.
    pub(super) fn open_channels(&mut self, now: Boot) {
        let channels = if self.config.channels.is_empty() && !self.mode.is_service {
            vec![Channel::terminal()]
        } else {
            self.config.channels.clone()
        };
        channels.iter().flat_map(Channel::secrets).for_each(|secret| self.delivery.scrubber.learn(secret));
        let names: Vec<String> = channels.iter().map(|channel| channel.name().to_owned()).collect();
        let mut former: Vec<Sender> = std::mem::take(&mut self.delivery.senders);
        for channel in channels {
            let same = former.iter().position(|sender| sender.channel.name() == channel.name());
            let is_renamed =
                |former: &Channel| former.leads_where(&channel) && !names.iter().any(|name| name == former.name());
            let same = same.or_else(|| former.iter().position(|sender| is_renamed(&sender.channel)));
            let mut same = same.map(|place| former.swap_remove(place));
            if let Some(sender) = &mut same {
                self.take_name(sender, channel.name());
            }
            // The new channel need not observe a pause that its predecessor asked for.
            if same.as_ref().is_some_and(|sender| sender.channel != channel)
                && let Some(outbox) = self.state.change().outboxes.get_mut(channel.name())
            {
                outbox.end_hold();
            }
            let unsaved_from = same.as_ref().map_or(now.after(SAVE_PATIENCE), |sender| sender.unsaved_from);
            let flight = same.and_then(|sender| sender.flight);
            self.delivery.senders.push(Sender { channel, flight, unsaved_from, is_retired: false });
        }
        let retired = former.into_iter().filter(|sender| sender.flight.is_some());
        self.delivery.senders.extend(retired.map(|sender| Sender { is_retired: true, ..sender }));
        self.call_back();
        self.save_destinations();
        self.give_orphans_a_channel(now);
    }

    /// A channel that was renamed goes on with its outbox.
    fn take_name(&mut self, sender: &mut Sender, name: &str) {
        if sender.channel.name() == name {
            return;
        }
        self.rename_outbox(sender.channel.name(), name);
        let channels =
            [&mut sender.channel].into_iter().chain(sender.flight.as_mut().map(|flight| &mut flight.channel));
        channels.for_each(|channel| *channel = channel.clone().named(name));
    }

    /// Counts the attempts of which the state does not know.
    fn presume_unsaved_attempts(&mut self) {
        let state = self.state.update();
        let Some(gap) = state.gap.take() else { return };
        for Sender { channel, .. } in &self.delivery.senders {
            if let Some(budget) = channel.budget() {
                state.outboxes.entry(channel.name().to_owned()).or_default().presume(&gap, SAVE_PATIENCE, budget);
            }
        }
    }

    /// A message that was not sent yet goes out as the new configuration has it.
    fn call_back(&mut self) {
        for sender in &mut self.delivery.senders {
            let is_unsent = |flight: &mut Flight| matches!(flight.stage, Stage::Saving { .. });
            let Some(flight) = sender.flight.take_if(is_unsent) else { continue };
            if let Some(outbox) = self.state.change().outboxes.get_mut(flight.channel.name()) {
                outbox.call_back();
            }
        }
        self.delivery.senders.retain(|sender| !sender.is_retired || sender.flight.is_some());
    }

    /// Messages for a channel that is gone wait for the first one that is there, unless another one was given them.
    pub(super) fn give_orphans_a_channel(&mut self, now: Boot) {
        let senders = &self.delivery.senders;
        let mut there = self.delivery.channels();
        let first = there.find(|channel| channel.fallback_for().is_none()).map_or(NO_CHANNEL, Channel::name);
        let there: Vec<String> = self.delivery.channels().map(|channel| channel.name().to_owned()).collect();
        let is_orphan = |name: &str| name != first && !senders.iter().any(|sender| sender.channel.name() == name);
        if !self.state.get().outboxes.keys().any(|name| is_orphan(name)) {
            return;
        }
        let outboxes = &mut self.state.change().outboxes;
        let mut first_outbox = outboxes.remove(first).unwrap_or_default();
        for (_, orphan) in outboxes.iter_mut().filter(|(name, _)| is_orphan(name)) {
            first_outbox.take_over(orphan.hand_over(), &there);
        }
        outboxes.retain(|name, outbox| !is_orphan(name) || !outbox.is_of_no_use(now));
        outboxes.insert(first.to_owned(), first_outbox);
    }

    /// The configuration was read again: refused messages are tried at once.
    pub(super) fn reopen_outboxes(&mut self) {
        self.state.change().outboxes.values_mut().for_each(Outbox::reopen);
    }

    /// A restart reads the configuration as a reload does: a user who corrected it need not wait for a pause.
    fn end_refusals(&mut self) {
        self.state.update().outboxes.values_mut().for_each(Outbox::end_refusal);
    }
}
