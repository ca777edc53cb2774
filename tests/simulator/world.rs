//! The world that is all model: the clock, the host, the disk, the robot, the weather, and the oracle that watches.

use std::collections::BTreeMap;
use std::io;
use std::panic::resume_unwind;
use std::rc::Rc;

use vps_monitor::clock::Now;
use vps_monitor::store::FILE_NAME;

use super::clock::{Clock, HOUR, MINUTE, SECOND};
use super::containers::Containers;
use super::disk::{Content, Disk};
use super::engine::Engine;
use super::host::Host;
use super::mishap::{CALM_BEFORE_JUDGEMENT, DiskFault, Mishap, Weather};
use super::model::{Rules, Saved};
use super::oracle::{Oracle, wrong};
use super::random::Random;
use super::robot::{Fate, Flight, Robot, Sender, answer};
use super::save::Save;
use super::trace;

/// The agent is gone: killed, or the machine with it.
pub struct Crash {
    pub machine: bool,
}

pub struct World {
    pub random: Random,
    pub clock: Clock,
    pub host: Host,
    pub engine: Engine,
    pub containers: Containers,
    pub disk: Disk,
    pub robot: Robot,
    pub weather: Weather,
    pub oracle: Oracle,
    /// What the agent posted last, while it waits for what becomes of it.
    pub flight: Option<Flight>,
    /// What agents that are gone posted.
    orphans: Vec<Flight>,
    /// When the run ends.
    pub end: i64,
    /// The agent was told to stop because of that.
    is_over: bool,
    /// Waits since the time last went on.
    idle_waits: u32,
    /// When the agent's turn under way began: the time by which it decides.
    pub turn: Now,
    /// The save under way.
    pub save: Option<Save>,
    /// When a save or a step that took seconds last ended.
    pub slow_ended: i64,
    /// When something last was not on the disk that others know of: a save failed, or a message went out before its save
    /// had ended.
    pub unsaved: Option<i64>,
    /// A disk that lied has lost the state, which is whole again when it is replaced.
    pub torn_by_lie: bool,
}

/// How long the agent lets a message wait for its save.
const SAVE_PATIENCE: i64 = 5 * SECOND;

/// A timer is late by a little, so an agent that waits for the right thing is idle once in a while at most.
const MAX_IDLE_WAITS: u32 = 1000;

/// What ends a wait.
pub enum Next {
    Time,
    Answered(Flight),
    /// What became of the save.
    Saved(io::Result<()>),
    Mishap(Mishap),
    End,
}

impl World {
    pub fn new(seed: u64, end: i64, rules: Rules) -> World {
        let mut random = Random::new(seed);
        World {
            clock: Clock::default(),
            host: Host::new(&mut random),
            engine: Engine::new(&mut random),
            containers: Containers::default(),
            disk: Disk::default(),
            robot: Robot::new(),
            weather: Weather::new(&mut random),
            oracle: Oracle::new(rules),
            random,
            flight: None,
            orphans: Vec::new(),
            end,
            is_over: false,
            idle_waits: 0,
            turn: Clock::default().now(),
            save: None,
            slow_ended: i64::MIN / 2,
            unsaved: None,
            torn_by_lie: false,
        }
    }

    pub fn note(&self, what: impl FnOnce() -> String) {
        trace::add(|| {
            let seconds = self.clock.true_time as f64 / SECOND as f64;
            format!("{seconds:>13.3} {} {}", self.clock.now().wall.strftime("%m-%d %H:%M:%S"), what())
        });
    }

    pub fn faults(&mut self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut self.weather.faults)
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Lets the time pass, up to `until` at the longest, until something happens.
    pub fn wait(&mut self, until: i64) -> Next {
        let began = self.clock.true_time;
        let end = if self.is_over { i64::MAX } else { self.end };
        loop {
            let answered = self.flight.as_ref().map_or(i64::MAX, |flight| flight.answered);
            let arrives = self.flights().filter_map(|flight| flight.arrives).min().unwrap_or(i64::MAX);
            let saving = self.save.as_ref().map_or(i64::MAX, |save| save.next);
            let engine = self.engine.next_change();
            let next = [until, answered, arrives, saving, engine, self.weather.next_change(), end].into_iter().min();
            self.pass_to(next.unwrap_or(until).max(self.clock.true_time));
            self.let_arrive();
            let time = self.clock.true_time;
            self.weather.change(time, self.end, &mut self.random);
            self.robot.change_mood(time, self.weather.calm, &mut self.random);
            self.engine.change(time, self.clock.now().wall, self.weather.calm, &mut self.random);
            self.judge();
            self.idle_waits = if time > began { 0 } else { self.idle_waits + 1 };
            if self.idle_waits > MAX_IDLE_WAITS {
                wrong("the loop turns and turns, and the time does not go on");
            }
            if let Some(result) = self.go_on_saving() {
                return Next::Saved(result);
            }
            if time >= end {
                self.is_over = true;
                return Next::End;
            }
            if let Some(flight) = self.flight.take_if(|flight| flight.answered <= time) {
                return Next::Answered(flight);
            }
            if self.engine.has_events() {
                return Next::Time;
            }
            if let Some(mishap) = self.weather.mishap(time, &mut self.random) {
                return Next::Mishap(mishap);
            }
            if time >= until {
                return Next::Time;
            }
        }
    }

    fn flights(&self) -> impl Iterator<Item = &Flight> {
        self.flight.iter().chain(&self.orphans)
    }

    /// The clocks run, undisturbed.
    fn pass_to(&mut self, time: i64) {
        let from = self.clock.now().wall;
        self.clock.true_time = time;
        self.oracle.passed(from, self.clock.now().wall, time);
    }

    /// What has come to the robot by now.
    fn let_arrive(&mut self) {
        let time = self.clock.true_time;
        let has_come = |flight: &Flight| flight.arrives.is_some_and(|arrives| arrives <= time);
        let mut come: Vec<(String, Fate, i64, Sender)> = Vec::new();
        for flight in self.flight.iter_mut().chain(&mut self.orphans) {
            if has_come(flight) {
                let arrived = flight.arrives.take().unwrap_or(time);
                come.push((flight.content.clone(), flight.fate, arrived, flight.sender));
            }
        }
        self.orphans.retain(|flight| flight.arrives.is_some());
        for (content, fate, arrived, sender) in come {
            self.note(|| format!("robot: {fate:?}: {}", content.lines().take(40).collect::<Vec<_>>().join(" | ")));
            if fate == Fate::Garbage {
                continue;
            }
            let is_orphan = sender != Sender::There;
            if sender != Sender::Forgotten {
                self.oracle.arrived(arrived, is_orphan);
            }
            match fate {
                Fate::Accepted | Fate::AcceptedUnheard => {
                    let is_heard = fate == Fate::Accepted && !is_orphan;
                    if self.oracle.accepted(&content, is_heard, is_orphan) {
                        self.containers.read(&content, &self.engine, sender != Sender::Forgotten);
                    }
                }
                Fate::Errcode(_) | Fate::Lost | Fate::Garbage => {}
            }
        }
    }

    pub fn post(&mut self, content: String) {
        self.must_be_saved(&content);
        let flight = self.robot.post(content, self.clock.true_time, &mut self.random);
        self.weather.count(match flight.fate {
            Fate::Accepted => "deliveries",
            Fate::AcceptedUnheard => "answer lost",
            Fate::Lost => "robot unreachable",
            Fate::Garbage => "wrong answer",
            Fate::Errcode(45009) => "robot throttled (45009)",
            Fate::Errcode(93000) => "robot refused (93000)",
            Fate::Errcode(40058) => "message refused (40058)",
            Fate::Errcode(_) => "robot busy (-1)",
        });
        self.flight = Some(flight);
    }

    /// The agent hears what became of its message.
    pub fn hear(&mut self, flight: &Flight) -> Result<vps_monitor::http::Response, vps_monitor::http::Error> {
        match flight.fate {
            Fate::Accepted => self.oracle.heard(&flight.content),
            Fate::Errcode(45009) => self.oracle.throttled(self.clock.true_time),
            Fate::Errcode(40058) => {
                self.oracle.refused(&flight.content);
                self.containers.lose(&flight.content);
            }
            _ => {}
        }
        answer(flight.fate)
    }

    /// A message is in the state on the disk, unless the disk refuses, or takes too long.
    fn must_be_saved(&mut self, content: &str) {
        let state = self.disk.files.get(FILE_NAME).map(|state| String::from_utf8_lossy(&state.bytes).into_owned());
        if state.is_some_and(|state| holds(&state, content)) {
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

    /// Between two turns, what was decided is on the disk, or on its way to it.
    pub fn must_be_saving(&self) {
        let saved = self.disk.files.get(FILE_NAME).and_then(|content| content.saved.as_ref());
        let decisions = saved.map_or(0, |saved| saved.model.decisions);
        if self.save.is_none() && self.unsaved.is_none() && decisions != self.oracle.model.decisions {
            wrong(format!(
                "a turn is over, and what was decided is not being saved: {decisions} of {}",
                self.oracle.model.decisions
            ));
        }
    }

    /// Time passes while the agent is busy.
    pub fn let_pass(&mut self, time: i64) {
        self.pass_to((self.clock.true_time + time).min(self.end));
        self.let_arrive();
        self.oracle.disturbed(self.clock.true_time);
    }

    /// In a calm that has lasted, nothing is left to tell.
    fn judge(&mut self) {
        if self.weather.calm && self.clock.true_time - self.weather.since > CALM_BEFORE_JUDGEMENT {
            self.oracle.all_is_told(self.clock.true_time - 20 * MINUTE);
            let before = self.clock.true_time - CALM_BEFORE_JUDGEMENT;
            self.containers.all_is_told(&self.engine, before, self.oracle.recoveries_are_told());
        }
    }

    pub fn crash(&mut self, machine: bool) -> ! {
        self.note(|| if machine { "the power is lost" } else { "the agent is killed" }.to_owned());
        resume_unwind(Box::new(Crash { machine }))
    }

    /// Time passes without an agent.
    pub fn restart(&mut self, machine: bool) {
        self.oracle.disturbed(self.clock.true_time);
        // Behind a slow disk, what was told of containers last may not be saved: it is told again, or not known.
        if self.weather.disk_is_slow() || self.clock.true_time - self.slow_ended < MINUTE {
            self.containers.forget();
        }
        if machine {
            self.save = None;
        } else {
            self.finish_orphaned_save();
        }
        if let Some(flight) = self.flight.take() {
            self.oracle.excuse(&flight.content);
            // What was sent is on its way, or died with the machine.
            if !machine || self.random.once_in(2) {
                self.orphans.push(Flight { sender: Sender::Gone, ..flight });
            }
        }
        if machine {
            self.torn_by_lie |= self.disk.lied;
            self.disk.lose_power(&mut self.random);
            self.must_be_whole();
            if self.torn_by_lie {
                self.forgets();
            }
        }
        let longest = if machine { HOUR } else { 2 * MINUTE };
        let away = self.random.magnitude(SECOND / 10, longest);
        self.pass_to(self.clock.true_time + away);
        self.let_arrive();
        if machine {
            self.clock.restart_machine();
            if self.random.once_in(3) {
                self.clock.wall_ahead = self.random.range(-HOUR, HOUR);
            }
        }
        self.oracle.disturbed(self.clock.true_time);
        if self.unsaved.take().is_some() {
            self.forgets();
        }
        self.note(|| "a new agent starts".to_owned());
    }

    /// The agent could not save what it knew, or what it saved was destroyed: it is not to blame for what it forgets.
    pub fn forgets(&mut self) {
        self.oracle.forgets();
        self.containers.forget();
        self.orphans.iter_mut().for_each(|flight| flight.sender = Sender::Forgotten);
    }

    /// The state file is the old one or the new one, whole.
    pub fn must_be_whole(&self) {
        if self.disk.files.get(FILE_NAME).is_some_and(|content| content.saved.is_none()) && !self.torn_by_lie {
            wrong("the state file is not whole");
        }
    }

    pub fn step_clock(&mut self) {
        let days = 24 * HOUR;
        let step = self.random.magnitude(SECOND, 3 * days) * self.random.pick(&[-1, 1]);
        // Not ever further from the truth.
        self.clock.wall_ahead = if self.clock.wall_ahead.abs() > days { 0 } else { self.clock.wall_ahead + step };
        self.oracle.disturbed(self.clock.true_time);
    }

    /// The machine sleeps; its clocks go on.
    pub fn sleep(&mut self) {
        let asleep = self.random.magnitude(SECOND, 10 * HOUR).min((self.end - self.clock.true_time).max(0));
        self.pass_to(self.clock.true_time + asleep);
        self.oracle.disturbed(self.clock.true_time);
        self.let_arrive();
    }

    /// Begins an operation of the disk: `half` does half of it.
    pub fn operate(&mut self, name: &str, half: impl FnOnce(&mut Disk)) -> io::Result<DiskFault> {
        let fault = self.weather.disk_fault(&mut self.random);
        if fault != DiskFault::None {
            self.note(|| format!("disk: {name}: {fault:?}"));
            self.oracle.disturbed(self.clock.true_time);
        }
        match fault {
            DiskFault::None | DiskFault::Lie | DiskFault::CrashAfter => Ok(fault),
            DiskFault::Full | DiskFault::Broken => {
                half(&mut self.disk);
                if name != "read" {
                    self.unsaved = Some(self.clock.true_time);
                }
                Err(if fault == DiskFault::Full {
                    io::ErrorKind::StorageFull.into()
                } else {
                    io::Error::from_raw_os_error(5)
                })
            }
            DiskFault::CrashBefore => self.crash(false),
            DiskFault::CrashWithin => {
                half(&mut self.disk);
                self.crash(false)
            }
            DiskFault::PowerLoss => {
                half(&mut self.disk);
                self.crash(true)
            }
        }
    }

    /// The agent reads its state, and goes on from there.
    pub fn start_from(&mut self, content: Option<&Content>) {
        let saved: Option<Rc<Saved>> = content.and_then(|content| content.saved.clone());
        let (now, boot_id) = (self.clock.now(), self.clock.boot_id());
        self.oracle.started(saved.as_deref(), now, &boot_id);
    }
}

/// Whether a message waits in the state. Its title and what is said of others with it are made as it is sent.
fn holds(state: &str, content: &str) -> bool {
    let said_of_others = |line: &&str| line.starts_with("📭 此前有 ");
    content.lines().skip(2).filter(|line| !said_of_others(line)).all(|line| state.contains(line))
}
