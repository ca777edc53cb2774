//! The moments at which the world judges the agent.

use jiff::Timestamp;
use vps_monitor::clock::Now;
use vps_monitor::store::FILE_NAME;

use super::clock::{MINUTE, SECOND};
use super::host::{Found, WATCHED};
use super::mishap::CALM_BEFORE_JUDGEMENT;
use super::oracle::wrong;
use super::pager::PAGER;
use super::save::{Saved, SavedGroup};
use super::world::{Group, World};

/// In a calm a decision is told within this time.
const TOLD_WITHIN: i64 = 2 * MINUTE;

/// A check takes no longer, however the engine is.
const LONGEST_LOOK: i64 = 15 * SECOND;

impl World {
    pub fn begin_turn(&mut self) -> Now {
        let (now, time) = (self.now(), self.clock.true_time);
        self.turns.entry(now.wall.as_second()).or_insert((time, time)).1 = time;
        self.turn = now;
        now
    }

    /// The true time of a message that was made at a time as messages tell it, unless the wall clock had that time twice.
    pub fn true_time_of(&self, told: &str) -> Option<i64> {
        let wall: Timestamp = format!("{}Z", told.replacen(' ', "T", 1)).parse().ok()?;
        let (first, last) = self.turns.get(&wall.as_second())?;
        (last - first <= SECOND).then_some(*first)
    }

    /// The agent judges a check's findings; the model does at the same moment.
    pub fn judge_check(&mut self, found: &[Found]) {
        let (now, time) = (self.now(), self.clock.true_time);
        self.must_have_looked(now);
        let rules = self.settings.rules();
        for Found { place, number, .. } in found {
            if number.is_some_and(|number| number >= WATCHED[*place].threshold) {
                self.last_over[*place] = time;
            }
        }
        let told = self.model.look(found, rules, now);
        self.groups.iter_mut().for_each(|group| group.oracle.owe(&told, &self.last_over, now.wall, time));
    }

    /// When the wait of an alert ends, the agent looks, and does not wait for the next check.
    fn must_have_looked(&self, now: Now) {
        let Some(end) = self.model.wait_ends else { return };
        let late = now.boot.as_micros() - end;
        if late > LONGEST_LOOK && self.clock.true_time - self.disturbed > late + LONGEST_LOOK {
            wrong(format!("the wait of an alert ended {} s ago, and nobody looked", late / SECOND));
        }
    }

    pub fn judge_look(&mut self) {
        let now = self.now();
        self.model.forget(self.settings.rules(), now);
    }

    /// Between two turns, all decisions are on the disk, or on their way to it.
    pub fn must_be_saving(&self) {
        let saved = self.disk.files.get(FILE_NAME).and_then(|content| content.saved.as_ref());
        let (saved, decisions) = (saved.map_or(0, |saved| saved.model.decisions), self.model.decisions);
        if self.save.is_none() && self.unsaved.is_none() && saved != decisions {
            wrong(format!("a turn is over, and what was decided is not being saved: {saved} of {decisions}"));
        }
    }

    /// The oracles' knowledge at the turn that wrote a save down.
    pub fn saved(&self) -> Saved {
        let saved = |group: &Group| SavedGroup { owed: group.oracle.owed.clone(), answers: group.oracle.answers() };
        Saved {
            model: self.model.clone(),
            last_over: self.last_over,
            groups: self.groups.iter().map(saved).collect(),
            now: self.turn,
            boot_id: self.clock.boot_id(),
            wall_ahead: self.clock.wall_ahead,
            held_until: self.paces.iter().map(|pace| pace.held_until).collect(),
        }
    }

    /// In a calm that has lasted, nothing is left to tell.
    pub fn judge(&mut self) {
        let before = self.clock.true_time - CALM_BEFORE_JUDGEMENT;
        if !self.weather.calm || self.weather.since >= before {
            return;
        }
        for (number, group) in self.groups.iter_mut().enumerate() {
            let since = if number == 0 { self.channel_since } else { self.robots[PAGER].well_since };
            if since >= before {
                continue;
            }
            group.oracle.all_is_told(self.clock.true_time - TOLD_WITHIN);
            group.containers.all_is_told(&self.engine, before, &self.settings);
            if let Some(drill) = self.engine.drill() {
                group.containers.drill_is_told(drill, self.clock.true_time, &self.settings);
            }
        }
    }
}
