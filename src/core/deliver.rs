//! From the outboxes to the channels: save first, then send, then judge the answer.
//!
//! Each channel has a sender of its own: an outbox with its order and its budget, and at most one message on its way. A
//! channel that is down holds up no other. The channel that sent a message judges the answer to it, whatever was
//! reloaded meanwhile.

use std::io;
use std::time::Duration;

use super::sender::{Flight, Sender, Stage, Work};
use super::{Core, Effect, Ticket};
use crate::clock::{Boot, Now};
use crate::http;
use crate::logging::LINE_BYTES_MAX;
use crate::message;
use crate::notify::{Channel, Form, Job};
use crate::outbox::{self, Conclusion, Outbox, Outcome};
use crate::text;
use crate::worker;

/// How long a message waits for the save that holds it. Then it is sent all the same: a disk that hangs is no reason
/// for silence. The next agent does not know of such an attempt, but that there is no more than one in so long a time.
pub(super) const SAVE_PATIENCE: Duration = Duration::from_secs(5);

/// `run --once` gives up after the three quick retries; the messages that are left stay in the state.
const ATTEMPTS_ONCE: u32 = 4;

/// The logged length of a message that is given up: more than a channel takes, and less than a log line holds.
const MAX_LOGGED_MESSAGE_BYTES: usize = 6 * 1024;

const _: () = assert!(MAX_LOGGED_MESSAGE_BYTES < LINE_BYTES_MAX);
const _: () =
    assert!(SAVE_PATIENCE.as_millis() < worker::SAVE_DEADLINE.as_millis(), "a save outlasts who waits for it");

/// A channel that asks for a longer pause than this takes so many messages a day: the log says until when.
const LONG_HOLD: Duration = Duration::from_secs(3600);

/// The subject of log lines about a channel that takes no messages.
const CHANNEL: &str = "channel";

/// The outbox for messages while there is no channel.
pub(super) const NO_CHANNEL: &str = "";

impl Core {
    /// Starts the delivery of each sender's next message, if one is due and none is on its way.
    pub(super) fn deliver_if_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.let_fallbacks_step_in(now.boot);
        for place in 0..self.delivery.senders.len() {
            if self.delivery.senders[place].flight.is_none() {
                self.begin(place, now);
            }
            if self.delivery.senders[place].flight.is_none() {
                self.begin_picture(place, now);
            }
            self.send_if_saved(place, now, effects);
        }
    }

    fn begin(&mut self, place: usize, now: Now) {
        let channel = &self.delivery.senders[place].channel;
        let budget = channel.budget();
        let Some(outbox) = self.state.get().outboxes.get(channel.name()) else { return };
        if outbox.next_attempt(budget).is_some_and(|due| due <= now.boot) {
            self.begin_attempt(place, now);
        }
    }

    #[inline(never)]
    fn begin_attempt(&mut self, place: usize, now: Now) {
        let channel = &self.delivery.senders[place].channel;
        let budget = channel.budget();
        let Some(outbox) = self.state.get().outboxes.get(channel.name()) else { return };
        let (aside, moved) = (outbox.set_aside_untold(), outbox.moved().cloned());
        // The attempt is counted in the state before it is made.
        let outboxes = &mut self.state.change().outboxes;
        let Some((entry, waited)) = outboxes
            .get_mut(channel.name())
            .and_then(|outbox| outbox.begin(now.boot, budget, |message| channel.split(message)))
        else {
            return;
        };
        let (done, picture) = (entry.jobs_done as usize, entry.picture.clone());
        let message = message::as_told_now(&entry.message, waited, aside, self.config.style.language);
        let form = Form { is_plain: entry.is_plain, moved: moved.as_ref(), now: now.wall };
        let mut jobs = channel.encode(&message, form).into_iter().skip(done);
        let Some(job) = jobs.next() else {
            // A channel with another configuration may have fewer parts.
            let channel = channel.clone();
            return self.settle(&channel, &Outcome::Delivered, None, now);
        };
        let is_last = jobs.next().is_none();
        let channel = channel.clone();
        let drawn = picture.and_then(|picture| self.draw_into(&channel, &message, form, &picture, now));
        let work = drawn.unwrap_or(Work::Job(job));
        let stage = Stage::Saving { revision: self.state.revision(), until: now.boot.after(SAVE_PATIENCE), work };
        let ticket = self.delivery.next_ticket();
        self.delivery.senders[place].flight = Some(Flight { ticket, channel, is_last, is_picture: false, stage });
    }

    /// Sends a message that is in the saved state, or has waited long enough for that.
    fn send_if_saved(&mut self, place: usize, now: Now, effects: &mut Vec<Effect>) {
        if let Some(unsaved_from) = self.delivery.senders[place].unsaved_from(&self.state) {
            self.send_from(unsaved_from, place, now, effects);
        }
    }

    #[inline(never)]
    fn send_from(&mut self, unsaved_from: Boot, place: usize, now: Now, effects: &mut Vec<Effect>) {
        let Some(flight) = &mut self.delivery.senders[place].flight else { return };
        let Stage::Saving { revision, work, .. } = &flight.stage else { return };
        let is_saved = self.state.has(*revision);
        // A picture behind a message has waited for its rows already.
        let waits_for_rows = matches!(work, Work::Draw(..)) && !flight.is_picture && self.recording.has_rows();
        if (!is_saved || waits_for_rows) && now.boot < unsaved_from {
            return;
        }
        let Stage::Saving { work, .. } = std::mem::replace(&mut flight.stage, Stage::Sent) else { return };
        let (ticket, budget, name) = (flight.ticket, flight.channel.budget(), flight.channel.name());
        // It arrives later than assumed when the attempt was counted.
        if let Some(outbox) = self.state.update().outboxes.get_mut(name) {
            outbox.delay(now.boot, budget);
        }
        if !is_saved && self.state.is_under_way() {
            self.log_ongoing("disk", Some("a save takes longer than 5 s"), "messages are sent all the same");
        } else if is_saved {
            self.log_ongoing("disk", None, "");
        }
        effects.push(match work {
            Work::Job(Job::Print(text)) => Effect::Print { ticket: Some(ticket), text },
            Work::Job(Job::Post(request)) => Effect::Post { ticket, request },
            Work::Draw(job, recipe) => Effect::Draw { ticket, job, recipe },
            Work::Job(Job::Run(program)) => Effect::Run { ticket, program },
        });
    }

    #[inline(never)]
    pub(super) fn posted(&mut self, ticket: Ticket, answer: &http::Answer, now: Now) {
        if !self.answer_tap(ticket, answer, now) {
            if answer.as_ref().is_err_and(worker::is_of_drawing) {
                self.take_picture_out(ticket);
            }
            self.landed(ticket, now, |channel| {
                for lack in channel.lacks(answer) {
                    log::warn!("{}{}: {}", lack.what, channel.field_in_log(), lack.why);
                }
                (channel.classify(answer), channel.receipt(answer))
            });
        }
    }

    #[inline(never)]
    pub(super) fn printed(&mut self, ticket: Ticket, printed: io::Result<()>, now: Now) {
        let outcome = match printed {
            Ok(()) => Outcome::Delivered,
            Err(error) => Outcome::Retry { reason: error.to_string() },
        };
        self.landed(ticket, now, |_| (outcome, None));
    }

    /// The outcome of an attempt, and the server's word for a delivery.
    fn landed(&mut self, ticket: Ticket, now: Now, judge: impl FnOnce(&Channel) -> (Outcome, Option<String>)) {
        let Some(sender) = self.delivery.sender_of(ticket) else { return };
        let Some(flight) = sender.flight.take() else { return };
        sender.unsaved_from = now.boot.after(SAVE_PATIENCE);
        let (outcome, receipt) = judge(&flight.channel);
        let outcome = match outcome {
            // A channel with a new configuration has nothing to do with the answer to its former one.
            Outcome::ChannelRefused { reason }
            | Outcome::MessageRefused { reason }
            | Outcome::Rejected { reason }
            | Outcome::FormRefused { reason }
            | Outcome::Moved { reason, .. }
            | Outcome::Throttled { reason, .. }
                if flight.channel != sender.channel =>
            {
                Outcome::Retry { reason }
            }
            outcome => outcome,
        };
        let outcome = outcome.map_reason(|reason| self.delivery.scrubber.scrub(reason));
        if flight.is_picture {
            self.picture_landed(&flight.channel, &outcome, now);
        } else if outcome == Outcome::Delivered && !flight.is_last {
            self.state
                .change()
                .outboxes
                .get_mut(flight.channel.name())
                .into_iter()
                .for_each(|outbox| outbox.go_on(now.boot));
        } else {
            let receipt = receipt.map(|words| self.delivery.scrubber.scrub(&words));
            self.settle(&flight.channel, &outcome, receipt.as_deref(), now);
        }
        if self.delivery.senders.iter().any(|sender| sender.is_retired && sender.flight.is_none()) {
            self.delivery.senders.retain(|sender| !sender.is_retired || sender.flight.is_some());
            self.give_orphans_a_channel(now.boot);
        }
    }

    #[inline(never)]
    fn settle(&mut self, channel: &Channel, outcome: &Outcome, receipt: Option<&str>, now: Now) {
        let Some(outbox) = self.state.change().outboxes.get_mut(channel.name()) else { return };
        match outbox.settle(outcome, now.boot) {
            Conclusion::Delivered(entry) => {
                // The rejected message made room for this one.
                let ended = message::Ended::told_by(&entry.message);
                for rejected in outbox.rejected_mut() {
                    ended.mark(&mut rejected.message, &self.config.style);
                }
                self.state.update().delays.take_in(&entry.message, now.boot - entry.queued);
                let to = channel.field_in_log();
                let reply = receipt.map_or_else(String::new, |words| format!(" reply={}", text::quoted(words)));
                log::info!("delivered kind={}{to} attempts={}{reply}", entry.message.kind.name(), entry.attempts + 1);
            }
            Conclusion::SetAside(entry) => {
                log::error!(
                    "refused for good{}: {}; the message was: {}",
                    channel.field_in_log(),
                    text::in_log(entry.last_error.as_deref().unwrap_or_default()),
                    text::in_log_within(&channel.text(&entry.message).replace('\n', " | "), MAX_LOGGED_MESSAGE_BYTES)
                );
            }
            Conclusion::Waits => {}
        }
        self.log_outcome(channel, outcome, now);
    }

    /// An error that lasts is logged when it begins, changes and ends.
    fn log_outcome(&mut self, channel: &Channel, outcome: &Outcome, now: Now) {
        let (name, setting) = (channel.name_in_log(), channel.setting());
        let subject = text::subject(CHANNEL, name);
        let (to, of) = if name.is_empty() {
            (String::new(), "the channel".to_owned())
        } else {
            (format!(" to {name}"), format!("the channel {name}"))
        };
        let what = match outcome {
            Outcome::Delivered => return self.log_change(&subject, None, ""),
            Outcome::MessageRefused { .. } => return,
            Outcome::Throttled { hold, .. } if *hold >= LONG_HOLD => {
                let until = message::time(outbox::on_the_wall(now.boot.after(*hold), now), &self.config.style.zone);
                format!("{of} takes nothing until {until}; nothing is lost meanwhile")
            }
            Outcome::Retry { .. } | Outcome::Rejected { .. } | Outcome::Throttled { .. } => {
                format!("not delivered{to}, it is tried again")
            }
            Outcome::ChannelRefused { .. } => {
                format!("{of} refuses everything: correct {setting} and reload; nothing is lost meanwhile")
            }
            Outcome::FormRefused { reason } => {
                let reason = text::in_log(reason);
                return log::error!("{of} refused the markup of a message, it is sent without: {reason}");
            }
            Outcome::Moved { moved, .. } => {
                let to = text::in_log(&moved.to);
                let setting = channel.address_setting();
                return log::warn!("{of} has moved, it goes on with {to}: write that into {setting}");
            }
        };
        self.log_change(&subject, Some(outcome.reason()), &what);
    }

    /// Since when the oldest message waits for a channel that is there.
    pub(super) fn oldest_message(&self) -> Option<Boot> {
        self.messages().map(|entry| entry.queued).min()
    }

    /// The messages that wait for a channel that is there. Where there is none, others may decide who is told.
    pub(super) fn messages(&self) -> impl Iterator<Item = &outbox::Entry> {
        let outboxes = self.state.get().outboxes.iter().filter(|(name, _)| *name != NO_CHANNEL);
        outboxes.flat_map(|(_, outbox)| outbox.waiting())
    }

    /// `text` without the secrets of any channel that there ever was.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        self.delivery.scrubber.scrub(text)
    }

    /// Whether `run --once` is done, and if so, whether everything was delivered.
    pub(super) fn is_done_once(&self, now: Now) -> Option<bool> {
        if !self.is_checked_once() || self.is_posting() || self.is_tapping() {
            return None;
        }
        if self.waiting_count() == 0 {
            return Some(true);
        }
        // It goes on while a sender still makes its quick retries.
        let is_at_it = |sender: &Sender| {
            let Some(outbox) = self.state.get().outboxes.get(sender.channel.name()) else { return false };
            let quick = outbox.waiting().next().is_some_and(|first| first.attempts < ATTEMPTS_ONCE);
            let next = outbox.next_attempt(sender.channel.budget());
            let soon = next.is_some_and(|next| next - now.boot <= Duration::from_secs(60));
            quick && soon && outbox.hold().is_none()
        };
        if self.delivery.senders.iter().any(is_at_it) { None } else { Some(false) }
    }

    /// Whether a message is on its way.
    pub(super) fn is_posting(&self) -> bool {
        self.delivery.senders.iter().any(|sender| sender.flight.is_some())
    }

    /// When a sender has something to do.
    pub(super) fn delivery_due(&self) -> Option<Boot> {
        let due = |sender: &Sender| match &sender.flight {
            None if sender.is_retired => None,
            None => {
                let outbox = self.state.get().outboxes.get(sender.channel.name())?;
                outbox.next_attempt(sender.channel.budget()).or_else(|| self.picture_due(&sender.channel))
            }
            Some(_) => sender.unsaved_from(&self.state),
        };
        self.delivery.senders.iter().filter_map(due).chain(self.fallback_due()).min()
    }

    /// The invariant: each channel has at most one message on its way, and its outbox knows.
    pub(super) fn flights_are_known(&self) -> bool {
        let senders = &self.delivery.senders;
        let flies = |name: &str| {
            senders.iter().filter_map(|sender| sender.flight.as_ref()).filter(|f| f.channel.name() == name).count()
        };
        self.state.get().outboxes.iter().all(|(name, outbox)| flies(name) == usize::from(outbox.is_on_its_way()))
    }

    pub(super) fn waiting_count(&self) -> usize {
        self.state.get().outboxes.values().map(Outbox::len).sum()
    }

    /// The channels' names in the log and in `status`.
    pub(super) fn channel_names(&self) -> String {
        let names: Vec<String> = self.delivery.channels().map(Channel::described).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}
