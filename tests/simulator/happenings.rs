//! Things that happen once: each is told, by one message, and not inside quiet hours.
//!
//! Each has a name of its own, by which messages tell of it. Those that the agent took in go with its state: one that it
//! could not save is not owed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use vps_monitor::collect::oom::OOM_KILL;
use vps_monitor::snapshot::{EventDetail, Key, Occurrence, Part};

use super::clock::SECOND;
use super::hold::Quiet;
use super::message::{Kind, Message};
use super::oracle::wrong;
use super::random::Random;

/// The beginning of their names.
const NAME: &str = "job-";

/// Some things that happen at one moment; the first of them is this number.
pub fn happen(first: usize, now: Timestamp, random: &mut Random) -> Vec<Occurrence> {
    let count = random.range(1, 4) as usize;
    let occurrence = |number| {
        let parts = vec![Part::own("一个进程", "a process")];
        let detail = if is_critical(number) { EventDetail::critical(parts) } else { EventDetail::new(parts) };
        Occurrence { key: Key::new(OOM_KILL, format!("{NAME}{number}")), at: now, detail }
    };
    (first..first + count).map(occurrence).collect()
}

/// Every fifth is.
fn is_critical(number: usize) -> bool {
    number.is_multiple_of(5)
}

/// A group's knowledge of them.
#[derive(Debug, Default)]
pub struct Heard {
    told: BTreeSet<usize>,
    /// The agent knows that these were told.
    known: BTreeSet<usize>,
    /// Until when news may have been held.
    held_until: i64,
}

impl Heard {
    /// A message has arrived, of an agent that is there (`is_orphan` is false), or is gone.
    pub fn read(&mut self, content: &str, is_orphan: bool) {
        if content.contains("另有 ") {
            // Past a digest's bound messages are only counted.
            self.told.extend(0..MANY);
        }
        for number in numbers(content) {
            if self.known.contains(&number) && !is_orphan {
                wrong(format!("{NAME}{number} is told again: {content}"));
            }
            self.told.insert(number);
        }
    }

    /// Inside quiet hours only a critical one is told. The message was made `at`.
    pub fn must_be_let_through(content: &str, at: Timestamp, quiet: &[Quiet]) {
        let message = Message::read(content);
        let is_held = |number: &usize| quiet.iter().any(|quiet| quiet.holds(at, is_critical(*number)));
        if message.kind == Kind::Notice
            && content.contains("事件 [")
            && let Some(number) = numbers(content).find(is_held)
        {
            wrong(format!("{NAME}{number} is told inside quiet hours: {content}"));
        }
    }

    /// The agent hears that a message was taken.
    pub fn heard(&mut self, content: &str) {
        self.known.extend(numbers(content));
    }

    /// The robot does not take the message.
    pub fn lose(&mut self, content: &str) {
        self.told.extend(numbers(content));
    }

    /// The agent goes on from a state in which it knew of these.
    pub fn started(&mut self, known: BTreeSet<usize>) {
        self.known = known;
    }

    pub fn known(&self) -> BTreeSet<usize> {
        self.known.clone()
    }

    /// News is held at this time.
    pub fn hold(&mut self, time: i64) {
        self.held_until = time;
    }

    /// All that happened before that time, of what an agent took in, must have been told.
    pub fn all_is_told(&self, happened: &[(usize, i64)], before: i64) {
        if self.held_until > before {
            return;
        }
        if let Some((number, at)) = happened.iter().find(|(number, at)| *at < before && !self.told.contains(number)) {
            wrong(format!("{NAME}{number} happened at {} s, and nobody was told", at / SECOND));
        }
    }
}

/// More than there are in one run.
const MANY: usize = 100_000;

/// Whether a message tells of any.
pub fn is_told_in(content: &str) -> bool {
    numbers(content).next().is_some()
}

/// The names in a message.
fn numbers(content: &str) -> impl Iterator<Item = usize> {
    content.split(NAME).skip(1).filter_map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
        digits.parse().ok()
    })
}
