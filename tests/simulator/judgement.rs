//! The moments at which the world judges the agent.

use jiff::Timestamp;
use vps_monitor::clock::Now;
use vps_monitor::core::End;
use vps_monitor::store::FILE_NAME;

use super::clock::{MINUTE, SECOND};
use super::group::{Group, Reads};
use super::hold::{Asked, Holds, Silence};
use super::host::{Found, UNITS};
use super::mishap::CALM_BEFORE_JUDGEMENT;
use super::model::{Looking, News};
use super::oracle::wrong;
use super::pager::{PAGER, STEPS_IN_AFTER};
use super::save::{Saved, SavedGroup};
use super::units::LOOP_WINDOW;
use super::world::World;

/// In a calm a decision is told within this time.
const TOLD_WITHIN: i64 = 2 * MINUTE;

/// A check takes no longer, however the engine is.
const LONGEST_LOOK: i64 = 15 * SECOND;

/// As long `run --once` waits for breaches to last, after its check.
const ONCE: i64 = MINUTE;

/// A stop takes no longer, whatever is under way.
const LONGEST_STOP: i64 = SECOND;

/// A time as messages tell it.
pub fn as_timestamp(told: &str) -> Option<Timestamp> {
    format!("{}Z", told.replacen(' ', "T", 1)).parse().ok()
}

impl World {
    pub fn begin_turn(&mut self) -> Now {
        let (now, time) = (self.now(), self.clock.true_time);
        self.turns.entry(now.wall.as_second()).or_insert((time, time)).1 = time;
        self.turn = now;
        now
    }

    /// The true time of a message that was made at a time as messages tell it, unless the wall clock had that time twice.
    pub fn true_time_of(&self, told: &str) -> Option<i64> {
        let (first, last) = self.turns.get(&as_timestamp(told)?.as_second())?;
        (last - first <= SECOND).then_some(*first)
    }

    /// The agent judges a check's findings; the model does at the same moment.
    pub fn judge_check(&mut self, found: &[Found]) {
        let (now, time) = (self.now(), self.clock.true_time);
        self.must_have_looked(now);
        self.last_check = time;
        if self.once {
            self.once_until.get_or_insert(now.boot.as_micros() + ONCE);
        }
        self.measured.look(found, time);
        let found: Vec<Found> = found.iter().map(|found| self.as_known(*found)).collect();
        let (told, released) = self.model.check(&found, &self.looking(now));
        self.take_note_of_over();
        for told in told.iter().filter(|told| told.ahead.is_some()) {
            self.weather.count(if told.news == News::Recovered { "forecast withdrawn" } else { "forecast told" });
        }
        if !released.is_empty() {
            self.weather.count("hold that ended with news");
        }
        for group in &mut self.groups {
            group.owe(&told, &self.last_over, now.wall, time);
            group.owe_held(&released, now.wall, time);
        }
    }

    /// When the wait of an alert ends, the agent looks, and does not wait for the next check.
    fn must_have_looked(&self, now: Now) {
        let Some(end) = self.model.wait_ends else { return };
        let late = now.boot.as_micros() - end;
        if late > LONGEST_LOOK && self.clock.true_time - self.disturbed > late + LONGEST_LOOK {
            wrong(format!("the wait of an alert ended {} s ago, and nobody looked", late / SECOND));
        }
    }

    /// Checks come one after the other, whatever else the agent waits for.
    fn judge_pace(&self) {
        let late = self.clock.true_time - self.last_check.max(self.disturbed).max(self.slow_ended);
        if !self.once && self.stopped.is_none() && late > self.settings.check_interval * SECOND + LONGEST_LOOK {
            wrong(format!("there was no check for {} s", late / SECOND));
        }
    }

    /// A stop is quick, and `run --once` waits for breaches to last.
    pub fn must_end_so(&self, end: End) {
        let (time, boot) = (self.clock.true_time, self.now().boot.as_micros());
        match (end, self.stopped) {
            (End::Stopped, Some(at)) if time - at.max(self.disturbed) > LONGEST_STOP => {
                wrong(format!("a stop took {} ms", (time - at) * 1000 / SECOND));
            }
            (End::CheckedOnce { .. }, _) if self.model.wait_ends.is_some_and(|wait| wait > boot) => {
                wrong("`run --once` is over before a breach has lasted");
            }
            _ => {}
        }
    }

    /// The agent judges a look between two checks; the findings of one at units are given back.
    pub fn judge_look(&mut self) -> Vec<Found> {
        let (now, time) = (self.now(), self.clock.true_time);
        let found = std::mem::take(&mut self.units_found);
        let known: Vec<Found> = found.iter().map(|found| self.as_known(*found)).collect();
        let looking = self.looking(now);
        let told = self.model.look(&known, &looking);
        self.take_note_of_over();
        for group in &mut self.groups {
            group.owe(&told, &self.last_over, now.wall, time);
        }
        found
    }

    fn looking(&self, now: Now) -> Looking {
        let World { settings, starting, once_until, .. } = self;
        Looking {
            rules: settings.rules().clone(),
            quiet: settings.quiet.clone(),
            starting: *starting,
            once_until: *once_until,
            now,
        }
    }

    fn take_note_of_over(&mut self) {
        let over = self.last_over.iter_mut().zip(self.model.over_now());
        over.filter(|(_, is_over)| *is_over).for_each(|(last, _)| *last = self.clock.true_time);
    }

    /// As an agent knows it that has not run for long: that a restart loop is over.
    fn as_known(&self, found: Found) -> Found {
        let is_young = self.now().boot.as_micros() - self.agent_began < LOOP_WINDOW && !self.once;
        let is_of_unit = UNITS.contains(&found.place);
        let is_known = !is_of_unit || !is_young || found.number != Some(0.0) || !self.model.is_in_loop(found.place);
        Found { number: found.number.filter(|_| is_known), ..found }
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
        let saved = |group: &Group| SavedGroup {
            owed: group.oracle.debts.owed.clone(),
            answers: group.oracle.answers(),
            known: group.heard.known(),
        };
        Saved {
            model: self.model.clone(),
            last_over: self.last_over,
            measured: self.measured.clone(),
            groups: self.groups.iter().map(saved).collect(),
            now: self.turn,
            boot_id: self.clock.boot_id(),
            wall_ahead: self.clock.wall_ahead,
            held_until: self.paces.iter().map(|pace| pace.held_until).collect(),
        }
    }

    /// The agent answered a request.
    pub fn answered(&mut self, json: &str) {
        let answer: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|error| wrong(error.to_string()));
        let Some(asked) = self.asked.take() else {
            assert!(answer["running"] == true, "{json}");
            return;
        };
        let number = |kind: &str| answer[kind]["number"].as_u64();
        match (asked, number("begun"), number("ended")) {
            (Asked::Begin { target, lasts }, Some(number), _) => {
                let until = self.turn.boot.as_micros() + lasts;
                self.model.silences.push(Silence { number, target, until });
                self.model.decisions += 1;
            }
            (Asked::End(_), _, Some(number)) => {
                self.model.silences.retain(|silence| silence.number != number);
                self.model.decisions += 1;
            }
            _ if answer["refused"].is_string() => {}
            _ => wrong(format!("{asked:?} is answered with {json}")),
        }
        self.note(|| format!("{asked:?}: {json}"));
    }

    /// Held news is told once nothing holds it any more.
    fn judge_holds(&mut self) {
        let time = self.clock.true_time;
        let holds = Holds { quiet: &self.settings.quiet, silences: &self.model.silences, now: self.now() };
        let (is_due, are_containers_held) = (self.model.is_due(&holds), holds.hold_containers());
        let are_happenings_held = holds.hold_happenings();
        self.release_due = if is_due { self.release_due.or(Some(time)) } else { None };
        let since = self.release_due.map_or(time, |due| due.max(self.disturbed));
        if time - since > TOLD_WITHIN {
            wrong(format!("a hold ended {} s ago, and nobody looked", (time - since) / SECOND));
        }
        if are_happenings_held {
            self.groups.iter_mut().for_each(|group| {
                group.heard.hold(time);
                group.unmeasured.forget(time);
            });
        }
        if are_containers_held {
            self.groups.iter_mut().for_each(|group| group.containers.hold(time));
        }
    }

    /// In a calm that has lasted, nothing is left to tell.
    pub fn judge(&mut self) {
        self.judge_holds();
        self.judge_pace();
        self.judge_recorder();
        let before = self.clock.true_time - CALM_BEFORE_JUDGEMENT;
        if !self.weather.calm || self.weather.since >= before {
            return;
        }
        for (number, group) in self.groups.iter_mut().enumerate() {
            let since = if number == 0 { self.channel_since } else { self.robots[PAGER + number - 1].well_since };
            if since >= before || group.reads == Reads::Nothing {
                continue;
            }
            let told_by = self.clock.true_time - TOLD_WITHIN;
            if group.reads == Reads::Late {
                if self.robots[PAGER].is_down(self.clock.true_time) {
                    group.oracle.debts.must_be_paid(told_by - STEPS_IN_AFTER);
                }
                continue;
            }
            group.oracle.all_is_told(told_by);
            if group.reads != Reads::Everything {
                continue;
            }
            group.containers.all_is_told(&self.engine, before, &self.settings);
            if number == 0 {
                group.unmeasured.all_is_told(&self.measured, &self.settings, before);
                group.heard.all_is_told(&self.model.happened, before.max(self.channel_since));
            }
            if let Some(drill) = self.engine.drill() {
                group.containers.drill_is_told(drill, self.clock.true_time, &self.settings);
            }
        }
    }
}
