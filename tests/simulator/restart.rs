//! An agent is gone, and the next one starts: it may have lost what was not on the disk, and nothing else.

use std::panic::resume_unwind;
use std::time::Duration;

use vps_monitor::store::FILE_NAME;

use super::clock::{HOUR, MINUTE, SECOND};
use super::oracle::wrong;
use super::pace::Pace;
use super::robot::{Flight, Sender};
use super::script::Script;
use super::world::{Crash, World};

/// A start of the machine has settled by then.
const START: i64 = 5 * MINUTE;

impl World {
    pub fn crash(&mut self, machine: bool) -> ! {
        self.note(|| if machine { "the power is lost" } else { "the agent is killed" }.to_owned());
        resume_unwind(Box::new(Crash { machine }))
    }

    /// Whether the next agent is `run --once`, after one that was it or was not.
    pub fn is_once_next(&mut self, was: bool) -> bool {
        !was && self.weather.is_wild() && self.settings.webhook.is_some() && self.random.once_in(5)
    }

    /// An agent begins; says for how long the machine has run. A script's machine has for long.
    pub fn begin_agent(&mut self, once: bool) -> Option<Duration> {
        let time = self.clock.true_time;
        (self.has_run, self.once, self.once_until) = (true, once, None);
        (self.last_check, self.stopped) = (time, None);
        self.recorder.forget(time);
        (self.agent_began, self.units_found) = (self.now().boot.as_micros(), Vec::new());
        let boot = self.now().boot.as_micros();
        let is_known = self.script.is_none();
        self.starting = (is_known && boot < START).then_some(START);
        is_known.then(|| Duration::from_micros(boot.unsigned_abs()))
    }

    /// Time passes without an agent.
    pub fn restart(&mut self, machine: bool) {
        self.disturbed();
        // Behind a slow disk, the last messages about containers may not be saved: they are told again, or not known.
        if self.weather.disk_is_slow() || self.clock.true_time - self.slow_ended < MINUTE {
            self.groups.iter_mut().for_each(|group| group.containers.forget());
        }
        if machine {
            self.save = None;
        } else {
            self.finish_orphaned_save();
        }
        for flight in std::mem::take(&mut self.flights) {
            self.group_of(flight.webhook.robot).oracle.excuse(&flight.content);
            // A message that was sent is on its way, or died with the machine.
            if !machine || self.random.once_in(2) {
                self.orphans.push(Flight { sender: Sender::Gone, ..flight });
            }
        }
        if machine {
            self.torn_by_lie |= self.disk.lied;
            self.disk.lose_power(&mut self.random);
            self.must_be_whole();
            if self.torn_by_lie {
                self.forgets(Sender::Lost);
                self.loses_budget();
            }
        }
        let longest = if machine { HOUR } else { 2 * MINUTE };
        let by_chance = self.random.magnitude(SECOND / 10, longest);
        let away = self.script.as_ref().map_or(by_chance, Script::away);
        self.pass_to(self.clock.true_time + away);
        self.weather.pass_unseen(self.clock.true_time, self.end, &mut self.random);
        self.let_arrive();
        self.act_unseen();
        if machine {
            self.clock.restart_machine();
            self.measured.machine_started = self.clock.true_time;
            if self.random.once_in(3) {
                self.clock.wall_ahead = self.random.range(-HOUR, HOUR);
            }
            self.engine.start_with_machine(self.clock.true_time, self.clock.now().wall);
        }
        if std::mem::take(&mut self.has_run)
            && self.weather.is_wild()
            && self.random.once_in(30)
            && self.disk.cut(FILE_NAME, &mut self.random)
        {
            self.weather.count("state file cut");
            self.torn_by_lie = true;
            self.forgets(Sender::Lost);
            self.loses_budget();
        }
        self.disturbed();
        if self.unsaved.take().is_some() {
            self.forgets(Sender::Forgotten);
        }
        self.note(|| "a new agent starts".to_owned());
    }

    /// The agent could not save its state, or the saved one was destroyed: it is not to blame for forgetting anything but
    /// how often it may send.
    fn forgets(&mut self, sender: Sender) {
        let time = self.clock.true_time;
        for group in &mut self.groups {
            group.oracle.forgets(time);
            group.containers.forget();
            group.unmeasured.forget(time);
        }
        let orphans = self.orphans.iter_mut().filter(|flight| flight.sender != Sender::Lost);
        orphans.for_each(|flight| flight.sender = sender);
    }

    /// There is no state any more: how often it may send is forgotten with the rest.
    pub fn loses_budget(&mut self) {
        self.paces.iter_mut().for_each(Pace::forget);
        self.orphans.iter_mut().for_each(|flight| flight.sender = Sender::Lost);
    }

    /// The state file is the old one or the new one, whole.
    pub fn must_be_whole(&self) {
        if self.disk.files.get(FILE_NAME).is_some_and(|content| content.saved.is_none()) && !self.torn_by_lie {
            wrong("the state file is not whole");
        }
    }
}
