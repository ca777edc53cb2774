//! How often a robot is sent to.

use std::collections::VecDeque;

use super::clock::MINUTE;
use super::oracle::wrong;
use super::robot::HOLD;

pub struct Pace {
    /// The most arrivals in a minute.
    budget: usize,
    arrivals: VecDeque<i64>,
    /// The robot asked to be left alone until then, as far as the agent knows.
    pub held_until: i64,
}

impl Pace {
    pub fn new(budget: usize) -> Pace {
        Pace { budget, arrivals: VecDeque::new(), held_until: 0 }
    }

    /// Something arrived; an orphan was on its way before the robot asked for anything, or is for the robot of a former key.
    pub fn arrived(&mut self, time: i64, is_orphan: bool) {
        if time < self.held_until && !is_orphan {
            wrong("the robot asked to be left alone for a minute (45009), and was not");
        }
        while self.arrivals.front().is_some_and(|first| time - first >= MINUTE) {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(time);
        if self.arrivals.len() > self.budget {
            wrong(format!("{} messages reached the robot within a minute", self.arrivals.len()));
        }
    }

    pub fn throttled(&mut self, time: i64) {
        self.held_until = time + HOLD;
    }

    /// The agent is made to forget the robot.
    pub fn forget(&mut self) {
        *self = Pace::new(self.budget);
    }
}
