//! The readers of one channel: the debts to them, and their knowledge of everything that is told.

use jiff::Timestamp;

use super::containers::Containers;
use super::engine::NAMES;
use super::happenings::{self, Heard};
use super::message::{Kind, Message};
use super::model::Told;
use super::model::held::Released;
use super::oracle::{Oracle, wrong};
use super::pager::{OPS, PAGER, SPARE};
use super::route::Route;
use super::said::said;
use super::settings::Settings;
use super::unmeasured;

pub struct Group {
    pub reads: Reads,
    pub oracle: Oracle,
    pub containers: Containers,
    pub heard: Heard,
    pub unmeasured: unmeasured::Told,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Reads {
    /// There is no such channel.
    Nothing,
    Everything,
    Route(Route),
    /// All that waits for another channel for too long.
    Late,
}

/// The readers of a robot's messages.
pub fn group_of(robot: usize) -> usize {
    robot.saturating_sub(PAGER - 1)
}

impl Group {
    /// Those of each channel: the first one, whose robot may be another one any time, and the others.
    pub fn all(settings: &Settings) -> Vec<Group> {
        let reads = |robot| match robot {
            PAGER if !settings.has_pager => Reads::Nothing,
            OPS if !settings.has_ops => Reads::Nothing,
            OPS if !settings.ops_route.takes_everything() => Reads::Route(settings.ops_route),
            SPARE if !settings.has_spare => Reads::Nothing,
            SPARE => Reads::Late,
            _ => Reads::Everything,
        };
        (PAGER - 1..=SPARE).map(|robot| Group::new(reads(robot))).collect()
    }

    fn new(reads: Reads) -> Group {
        Group {
            oracle: Oracle::new(reads == Reads::Everything),
            reads,
            containers: Containers::default(),
            heard: Heard::default(),
            unmeasured: unmeasured::Told::default(),
        }
    }

    /// The news of a look is to be told.
    pub fn owe(&mut self, told: &[Told], last_over: &[i64], now: Timestamp, true_time: i64) {
        let debts = &mut self.oracle.debts;
        match &self.reads {
            Reads::Nothing => {}
            Reads::Everything | Reads::Late => debts.owe(told, last_over, now, true_time),
            Reads::Route(route) => {
                let told: Vec<Told> = told.iter().filter(|told| route.takes(told)).cloned().collect();
                debts.owe(&told, last_over, now, true_time);
            }
        }
    }

    /// A hold is over, and its news is to be told.
    pub fn owe_held(&mut self, released: &[Released], now: Timestamp, true_time: i64) {
        let takes = |one: &&Released| match &self.reads {
            Reads::Nothing => false,
            Reads::Everything | Reads::Late => true,
            Reads::Route(route) => route.takes_released(one),
        };
        let released: Vec<&Released> = released.iter().filter(takes).collect();
        self.oracle.debts.owe_held(released, now, true_time);
    }

    /// A message was taken by the channel that this one may step in for, or is rejected there.
    pub fn needs_no_fallback(&mut self, content: &str, created: Option<i64>) {
        if self.reads == Reads::Late {
            self.oracle.takes_elsewhere(content, created);
        }
    }

    /// Nothing is told that its route does not take. Lines about the host are judged as debts.
    pub fn must_take(&self, message: &Message<'_>, content: &str) {
        let Reads::Route(route) = &self.reads else { return };
        let is_about_containers = || said(content, &NAMES).is_some_and(|words| !words.is_empty());
        if message.kind == Kind::Report
            || happenings::is_told_in(content)
            || (!route.takes_containers() && is_about_containers())
        {
            wrong(format!("a channel is told what its route ({route}) does not take: {content}"));
        }
    }
}
