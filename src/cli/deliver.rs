//! Delivers a message while a person waits: at once, with the quick retries, and keeps nothing for later.

use std::borrow::Cow;
use std::thread;
use std::time::Duration;

use super::output;
use crate::clock;
use crate::message::Message;
use crate::notify::{Channel, Form, Job, Lack};
use crate::outbox::{Moved, Outcome};
use crate::worker::Worker;

/// Pauses between attempts that failed for a passing reason.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// The answer to a message that was not delivered.
pub struct Refused {
    pub outcome: Outcome,
    /// The remedy, if it is known.
    pub advice: Option<Cow<'static, str>>,
}

/// Delivers all parts of a message in order, or gives the reason why the first failed that did. A delivery may lack
/// something all the same.
pub fn deliver(channel: &Channel, message: Message, worker: &Worker) -> anyhow::Result<Result<Vec<Lack>, Refused>> {
    let mut way = Way { channel, worker, moved: None, pauses: Vec::new(), lacks: Vec::new() };
    for part in channel.split(message) {
        if let Err(refused) = way.deliver(&part)? {
            return Ok(Err(refused));
        }
    }
    Ok(Ok(way.lacks))
}

/// The way to one channel, as its answers teach it.
struct Way<'a> {
    channel: &'a Channel,
    worker: &'a Worker,
    moved: Option<Moved>,
    /// That are left for the part.
    pauses: Vec<Duration>,
    lacks: Vec<Lack>,
}

impl Way<'_> {
    fn deliver(&mut self, part: &Message) -> anyhow::Result<Result<(), Refused>> {
        self.pauses = PAUSES.to_vec();
        let (mut done, mut is_plain) = (0, false);
        loop {
            let jobs = self.channel.encode(part, Form { is_plain, moved: self.moved.as_ref(), now: clock::now().wall });
            let Some(job) = jobs.into_iter().nth(done) else { return Ok(Ok(())) };
            let answer = match job {
                Job::Print(text) => {
                    output::print(&text)?;
                    done += 1;
                    continue;
                }
                Job::Post(request) => self.worker.post(&request)?.wait(),
                Job::Run(program) => self.worker.run(&program)?.wait(),
            };
            let outcome = self.channel.classify(&answer);
            self.lacks.extend(self.channel.lacks(&answer));
            match &outcome {
                Outcome::Delivered => done += 1,
                Outcome::FormRefused { reason } if !is_plain => {
                    output::complain(&format!("{}: {reason}; sending it without markup", self.channel));
                    is_plain = true;
                }
                Outcome::Moved { moved, .. } if self.moved.is_none() => {
                    let setting = self.channel.address_setting();
                    output::complain(&format!("{}: it has moved: write {} into {setting}", self.channel, moved.to));
                    self.moved = Some(moved.clone());
                }
                Outcome::Retry { reason } | Outcome::Rejected { reason } if !self.pauses.is_empty() => {
                    let pause = self.pauses.remove(0);
                    output::complain(&format!("{}: {reason}; trying again in {} s", self.channel, pause.as_secs()));
                    thread::sleep(pause);
                }
                _ => return Ok(Err(Refused { advice: self.channel.advice(&answer), outcome })),
            }
        }
    }
}

impl Refused {
    /// The reason, and the remedy.
    pub fn explain(&self) -> String {
        match &self.advice {
            Some(advice) => format!("{}\n  what to do: {advice}", self.outcome.reason()),
            None => self.outcome.reason().to_owned(),
        }
    }
}
