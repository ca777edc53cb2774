//! Delivers a message while a person waits: at once, with the quick retries, and keeps nothing for later.

use std::thread;
use std::time::Duration;

use super::output;
use crate::http;
use crate::message::Message;
use crate::notify::{Channel, Job};
use crate::outbox::Outcome;
use crate::worker::Worker;

/// Pauses between attempts that failed for a passing reason.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// The answer to a message that was not delivered.
pub struct Refused {
    pub outcome: Outcome,
    /// The remedy, if it is known.
    pub advice: Option<&'static str>,
}

/// Delivers all parts of a message in order, or gives the reason why the first failed that did.
pub fn deliver(channel: &Channel, message: Message, worker: &Worker) -> anyhow::Result<Result<(), Refused>> {
    for part in channel.split(message) {
        for job in channel.encode(&part) {
            match job {
                Job::Print(text) => output::print(&text)?,
                Job::Post(request) => {
                    if let Err(refused) = post(channel, &request, worker)? {
                        return Ok(Err(refused));
                    }
                }
            }
        }
    }
    Ok(Ok(()))
}

fn post(channel: &Channel, request: &http::Request, worker: &Worker) -> anyhow::Result<Result<(), Refused>> {
    let mut pauses = PAUSES.into_iter();
    loop {
        let answer = worker.post(request)?.wait();
        let outcome = channel.classify(&answer);
        match (&outcome, pauses.next()) {
            (Outcome::Delivered, _) => return Ok(Ok(())),
            (Outcome::Retry { reason } | Outcome::Rejected { reason }, Some(pause)) => {
                output::complain(&format!("{channel}: {reason}; trying again in {} s", pause.as_secs()));
                thread::sleep(pause);
            }
            _ => return Ok(Err(Refused { advice: channel.advice(&answer), outcome })),
        }
    }
}

impl Refused {
    /// The reason, and the remedy.
    pub fn explain(&self) -> String {
        let reason = match &self.outcome {
            Outcome::Delivered => "delivered",
            Outcome::Retry { reason }
            | Outcome::Rejected { reason }
            | Outcome::Throttled { reason, .. }
            | Outcome::MessageRefused { reason }
            | Outcome::ChannelRefused { reason } => reason,
        };
        match self.advice {
            Some(advice) => format!("{reason}\n  what to do: {advice}"),
            None => reason.to_owned(),
        }
    }
}
