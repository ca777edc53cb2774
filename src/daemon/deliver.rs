//! From the outbox to the channel: save first, then send, then take in what became of it.

use std::time::Duration;

use super::{Daemon, Event, Orders, Outside};
use crate::clock::Now;
use crate::files::Folder;
use crate::http;
use crate::message;
use crate::notify::Encoded;
use crate::outbox::Outcome;
use crate::text;

/// How long a stop waits for the answer to a message that is on its way: mostly it comes, and nothing is sent twice.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// After the three quick retries `run --once` gives up; what is left stays in the state.
const ATTEMPTS_ONCE: u32 = 4;

/// Of a message that is given up this much is logged: more than a channel takes, and less than a log line holds.
const MAX_LOGGED_MESSAGE_BYTES: usize = 6 * 1024;

impl<O: Outside, F: Folder> Daemon<O, F> {
    /// Starts the delivery of the next message, if one is due and none is on its way.
    pub(super) fn deliver_if_due(&mut self, now: Now) {
        while !self.posting {
            let Some((message, waited)) = self.state.outbox.begin(now.boot) else { return };
            let message = message::late(message, waited, self.orders.style.language);
            let encoded = self.orders.channel.encode(&message);
            // The attempt, and all that was decided until now, before the first byte.
            self.unsaved = true;
            self.save_if_changed(now);
            match encoded {
                Encoded::Print(text) => {
                    let printed = self.print(&text);
                    let outcome = match printed {
                        Ok(()) => Outcome::Delivered,
                        Err(error) => Outcome::Retry { reason: error.to_string() },
                    };
                    self.settle(&outcome, now);
                }
                Encoded::Post(request) => match self.outside.post(&request, now) {
                    Ok(()) => self.posting = true,
                    Err(error) => {
                        let reason = format!("no worker process: {error}");
                        self.settle(&Outcome::Retry { reason }, now);
                    }
                },
            }
        }
    }

    pub(super) fn settle_posted(&mut self, answer: &Result<http::Response, http::Error>, now: Now) {
        self.posting = false;
        let outcome = match self.orders.channel.classify(answer) {
            Outcome::ChannelRefused { reason } if self.posting_to_former => Outcome::Retry { reason },
            outcome => outcome,
        };
        self.posting_to_former = false;
        self.settle(&outcome, now);
    }

    fn settle(&mut self, outcome: &Outcome, now: Now) {
        self.unsaved = true;
        let gone = self.state.outbox.settle(outcome, now.boot);
        match (outcome, gone) {
            (Outcome::Delivered, Some(entry)) => {
                log::info!("delivered kind={} attempts={}", entry.message.kind.name(), entry.attempts + 1);
                self.log_ongoing("channel", None, "");
            }
            (Outcome::MessageRefused { reason }, Some(entry)) => {
                log::error!(
                    "refused for good: {}; the message was: {}",
                    text::in_log(reason),
                    text::in_log_within(&entry.message.text().replace('\n', " | "), MAX_LOGGED_MESSAGE_BYTES)
                );
            }
            (Outcome::Retry { reason } | Outcome::Throttled { reason, .. }, _) => {
                self.log_ongoing("channel", Some(reason), "not delivered, it is tried again");
            }
            (Outcome::ChannelRefused { reason }, _) => {
                let what =
                    "the channel refuses everything: correct wechat.webhook_url and reload; nothing is lost meanwhile";
                self.log_ongoing("channel", Some(reason), what);
            }
            (Outcome::Delivered | Outcome::MessageRefused { .. }, None) => {}
        }
    }

    /// What is more than the channel takes in a few minutes is told in short.
    pub(super) fn fold_if_overfull(&mut self, now: Now) {
        if !self.state.outbox.is_overfull() {
            return;
        }
        let Orders { style, channel, .. } = &self.orders;
        let folded = self.state.outbox.fold(|messages| {
            let digest = message::digest(messages, style, now.wall);
            digest.into_iter().flat_map(|page| channel.split(page)).collect()
        });
        log::warn!("{folded} messages wait, they are folded into {}", self.state.outbox.len());
    }

    /// Whether `run --once` is done, and if so, whether everything was delivered.
    pub(super) fn is_done_once(&self, now: Now) -> Option<bool> {
        let outbox = &self.state.outbox;
        let Some(first) = outbox.waiting().next() else { return Some(true) };
        let quick = first.attempts < ATTEMPTS_ONCE && outbox.hold().is_none();
        let soon = outbox.next_attempt().is_some_and(|next| next - now.boot <= Duration::from_secs(60));
        if quick && soon { None } else { Some(false) }
    }

    /// Gives the message that is on its way a last moment.
    pub(super) fn await_posting(&mut self, now: Now) {
        let until = now.boot.after(LAST_ANSWER);
        loop {
            let event = self.outside.wait(Some(until));
            let now = self.outside.now();
            match event {
                Event::Posted(answer) => return self.settle_posted(&answer, now),
                _ if now.boot >= until => return,
                _ => {}
            }
        }
    }
}
