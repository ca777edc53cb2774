//! Between the agent and the robots: messages on their way, their outcomes, and their readers.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use vps_monitor::http::{Error, Response};
use vps_monitor::store::FILE_NAME;

use super::clock::SECOND;
use super::group::{Group, Reads, group_of};
use super::happenings::Heard;
use super::judgement::as_timestamp;
use super::language::in_chinese;
use super::message::{Kind, Message};
use super::mishap::CALM_BEFORE_JUDGEMENT;
use super::oracle::{Arrived, SAID_OF_OTHERS, wrong};
use super::pager::{OPS, PAGER, SPARE, answer_of_slack, is_of_slack};
use super::robot::{Fate, Flight, NEVER, Posted, Sender, answer};
use super::settings::Webhook;
use super::world::World;

/// A robot takes no longer message (developer.work.weixin.qq.com, document path 91770).
const MAX_CONTENT_BYTES: usize = 4096;

/// How long the agent lets a message wait for its save.
const SAVE_PATIENCE: i64 = 5 * SECOND;

/// A picture instead of a message's text: it counts, and nobody reads it.
pub const PICTURE: &str = "picture";

impl World {
    /// The readers of a robot's messages.
    pub fn group_of(&mut self, robot: usize) -> &mut Group {
        &mut self.groups[group_of(robot)]
    }

    /// When something comes to a robot next.
    pub fn next_arrival(&self) -> i64 {
        let all = self.flights.iter().chain(&self.orphans);
        all.filter_map(|flight| flight.arrives).min().unwrap_or(i64::MAX)
    }

    /// The robots get all that has come by now.
    pub fn let_arrive(&mut self) {
        let time = self.clock.true_time;
        if self.next_arrival() > time {
            return;
        }
        let has_come = |flight: &Flight| flight.arrives.is_some_and(|arrives| arrives <= time);
        let mut come: Vec<(i64, Flight)> = Vec::new();
        for flight in self.flights.iter_mut().chain(&mut self.orphans).filter(|flight| has_come(flight)) {
            come.push((flight.arrives.take().unwrap_or(time), flight.clone()));
        }
        self.orphans.retain(|flight| flight.arrives.is_some());
        come.sort_by_key(|(arrived, _)| *arrived);
        for (arrived, flight) in come {
            self.arrive(arrived, &flight);
        }
    }

    fn arrive(&mut self, arrived: i64, flight: &Flight) {
        let Flight { content, fate, sender, posted, .. } = flight;
        let robot = &flight.webhook.robot;
        self.note(|| format!("robot {robot}: {fate:?}: {}", content.lines().collect::<Vec<_>>().join(" | ")));
        if *fate == Fate::Garbage {
            return;
        }
        let is_orphan = *sender != Sender::There;
        let is_of_now = !is_orphan && self.is_in_force(flight.webhook);
        let is_forgotten = matches!(sender, Sender::Forgotten | Sender::Lost);
        if *sender != Sender::Lost {
            self.paces[*robot].arrived(arrived, !is_of_now);
        }
        if matches!(fate, Fate::Accepted | Fate::AcceptedUnheard) && content != PICTURE {
            let is_heard = *fate == Fate::Accepted && !is_orphan;
            if let Some(script) = self.script.as_mut().filter(|_| *robot < PAGER) {
                script.hear(arrived, content);
            }
            let created = self.true_time_of(Message::read(content).created);
            let message = Message::read(content);
            if created.is_some_and(|created| created > self.quiet_since)
                && let Some(at) = as_timestamp(message.created)
            {
                Heard::must_be_let_through(content, at, &self.settings.quiet);
            }
            self.must_not_step_in(*robot, created, content);
            if *robot == PAGER {
                self.group_of(SPARE).needs_no_fallback(content, created);
            }
            let group = &mut self.groups[group_of(*robot)];
            group.must_take(&message, content);
            if message.kind != Kind::Report {
                group.heard.read(content, is_orphan);
            }
            let arrival = Arrived { content, is_heard, is_orphan, is_forgotten, posted: *posted, created };
            let is_new = group.oracle.accepted(&arrival, self.settings.rules());
            if group.reads != Reads::Everything {
                return;
            }
            if is_new {
                let created = created.filter(|_| !is_forgotten && !group.oracle.was_rejected(content));
                group.unmeasured.read(&message, created, &self.measured, &self.settings);
            }
            if group.oracle.was_rejected(content) {
                // Others went first, so it is no last word: its own time says how old it is.
                group.containers.lose(content, arrived);
            } else if is_new {
                group.containers.read(content, created, &self.engine, !is_forgotten, arrived);
            }
        }
    }

    /// While a channel takes everything at once, nobody steps in for it.
    fn must_not_step_in(&self, robot: usize, created: Option<i64>, content: &str) {
        let pager = &self.robots[PAGER];
        let calm_since = pager.well_since.max(self.weather.since) + CALM_BEFORE_JUDGEMENT;
        let is_well = self.weather.calm && pager.takes_all();
        if robot == SPARE && is_well && created.is_some_and(|created| created > calm_since) {
            wrong(format!("a fallback steps in for a channel that takes everything: {content}"));
        }
    }

    pub fn post(&mut self, posted: Posted) {
        let webhook = posted.webhook;
        if !self.is_in_force(webhook) {
            wrong(format!("a message is posted to a channel that is not in force: {webhook:?}"));
        }
        if !is_of_slack(webhook.robot) && posted.content.len() > MAX_CONTENT_BYTES {
            wrong(format!("a message of {} bytes is posted", posted.content.len()));
        }
        self.must_be_saved(&posted.content);
        let content = if posted.content == PICTURE { posted.content } else { in_chinese(&posted.content) };
        let posted = Posted { content, ..posted };
        let flight = self.robots[webhook.robot].post(posted, self.clock.true_time, &mut self.random);
        self.weather.count(match flight.fate {
            Fate::Accepted => "deliveries",
            Fate::AcceptedUnheard => "answer lost",
            Fate::Lost => "robot unreachable",
            Fate::Garbage => "wrong answer",
            Fate::Errcode(45009) => "robot throttled (45009)",
            Fate::Errcode(93000) => "robot refused (93000)",
            Fate::Errcode(40058) => "message refused (40058)",
            Fate::Errcode(NEVER) => "message that is never taken",
            Fate::Errcode(_) => "robot busy (-1)",
        });
        self.flights.push(flight);
    }

    fn is_in_force(&self, webhook: Webhook) -> bool {
        match webhook.robot {
            PAGER => self.settings.has_pager,
            OPS => self.settings.has_ops,
            SPARE => self.settings.has_spare,
            _ => self.settings.webhook == Some(webhook),
        }
    }

    /// The agent hears the outcome of its message.
    pub fn hear(&mut self, flight: &Flight) -> Result<Response, Error> {
        let time = self.clock.true_time;
        match flight.fate {
            Fate::Accepted | Fate::Errcode(40058 | NEVER) if flight.content == PICTURE => {}
            Fate::Accepted => {
                let group = self.group_of(flight.webhook.robot);
                group.oracle.heard(&flight.content);
                if Message::read(&flight.content).kind != Kind::Report {
                    group.heard.heard(&flight.content);
                }
            }
            // A robot that had another key meanwhile said so of that one.
            Fate::Errcode(45009) if !self.is_in_force(flight.webhook) => {}
            Fate::Errcode(45009) => self.paces[flight.webhook.robot].throttled(time),
            // It is tried again, and given up in the end.
            Fate::Errcode(40058 | NEVER) => {
                if flight.webhook.robot == PAGER {
                    let spare = self.group_of(SPARE);
                    spare.needs_no_fallback(&flight.content, None);
                    // Others go first, to the fallback as well.
                    spare.oracle.disorder(time);
                }
                let group = self.group_of(flight.webhook.robot);
                group.oracle.refused(&flight.content, time);
                group.containers.lose(&flight.content, time);
                group.heard.lose(&flight.content);
                group.unmeasured.forget(time);
            }
            _ => {}
        }
        if is_of_slack(flight.webhook.robot) { answer_of_slack(flight.fate) } else { answer(flight.fate) }
    }

    /// A message is in the state on the disk, unless the disk refuses, or takes too long.
    fn must_be_saved(&mut self, content: &str) {
        let state = self.disk.files.get(FILE_NAME);
        if state.and_then(|state| lines_of(&state.bytes)).is_some_and(|lines| holds(&lines, content)) {
            return;
        }
        let time = self.clock.true_time;
        // After a save that failed nothing waits for the next one.
        let slow = self.unsaved.is_some()
            || self.save.as_ref().is_some_and(|save| time - save.began >= SAVE_PATIENCE - SECOND);
        // It may have waited for a slow save or step before this one.
        if !slow && time - self.slow_ended > SAVE_PATIENCE {
            wrong("a message is on its way, and it is not saved");
        }
        self.unsaved = Some(time);
    }
}

/// All lines of the messages that wait in a state.
fn lines_of(state: &[u8]) -> Option<String> {
    let state: State = serde_json::from_slice(state).ok()?;
    let lists = state.outboxes.into_values().flat_map(|outbox| [outbox.waiting, outbox.rejected]);
    let messages = lists.flatten().map(|entry| entry.message);
    let lines = messages.flat_map(|message| message.lines.into_iter().chain([message.footer]));
    Some(lines.fold(String::new(), |all, Words(line)| all + &line + "\n"))
}

/// A state, as far as messages wait in it: read so, it costs a run little.
#[derive(Deserialize)]
struct State {
    outboxes: BTreeMap<String, Waiting>,
}

#[derive(Deserialize)]
struct Waiting {
    waiting: Vec<Entry>,
    #[serde(default)]
    rejected: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    message: Lines,
}

#[derive(Deserialize)]
struct Lines {
    lines: Vec<Words>,
    footer: Words,
}

/// A line's words; its foreign parts are separate.
struct Words(String);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Words, D::Error> {
        struct Spans;
        impl<'de> Visitor<'de> for Spans {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a line")
            }

            fn visit_str<E>(self, line: &str) -> Result<Words, E> {
                Ok(Words(line.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut spans: A) -> Result<Words, A::Error> {
                let mut line = String::new();
                while let Some(span) = spans.next_element::<String>()? {
                    line += &span;
                }
                Ok(Words(line))
            }
        }
        deserializer.deserialize_any(Spans)
    }
}

/// Whether a message is among them. Its title, and its words about other messages, are made as it is sent.
fn holds(state: &str, content: &str) -> bool {
    let said_of_others = |line: &&str| line.starts_with(SAID_OF_OTHERS) || line.contains(" refused and set aside");
    // Foreign text is written as the channel's markup needs it.
    let plain = |line: &str| line.replace('［', "[").replace('］', "]");
    content.lines().skip(2).filter(|line| !said_of_others(line)).all(|line| state.contains(&plain(line)))
}
