//! The world that is all model: the clock, the host, the disk, the robot, the weather, and the oracle that watches.

use std::collections::{BTreeMap, HashMap};
use std::io;

use vps_monitor::clock::Now;
use vps_monitor::core::Input;

use super::clock::{Clock, HOUR, SECOND};
use super::disk::Disk;
use super::engine::Engine;
use super::group::Group;
use super::hold::Asked;
use super::host::{Found, Host, WATCHED};
use super::mishap::{DiskFault, Mishap, Weather};
use super::model::Model;
use super::oracle::wrong;
use super::pace::Pace;
use super::pager::{SPARE, budget};
use super::random::Random;
use super::recorder::Recorder;
use super::robot::{Flight, Robot};
use super::save::Save;
use super::script::Script;
use super::settings::Settings;
use super::trace;
use super::units::Units;
use super::unmeasured::Measured;

/// The agent is gone: killed, or the machine with it.
pub struct Crash {
    pub machine: bool,
}

pub struct World {
    pub random: Random,
    pub clock: Clock,
    pub host: Host,
    pub engine: Engine,
    pub disk: Disk,
    /// The robots of the first channel, and those of the others.
    pub robots: Vec<Robot>,
    pub paces: Vec<Pace>,
    pub weather: Weather,
    /// Those who read the first channel, and those who read each of the others.
    pub groups: Vec<Group>,
    /// The alerts that are to be told.
    pub model: Model,
    /// A request for a silence that the agent has not answered.
    pub asked: Option<Asked>,
    /// Since when nothing holds some news any more that was held.
    pub release_due: Option<i64>,
    pub measured: Measured,
    /// The agent whose time is over has run.
    pub has_run: bool,
    /// The agent makes one check; with it, until when it waits for others.
    pub once: bool,
    pub once_until: Option<i64>,
    /// When the agent began, or its last check was complete.
    pub last_check: i64,
    /// When the agent was told to stop.
    pub stopped: Option<i64>,
    /// When it was started, on the machine's clock.
    pub agent_began: i64,
    pub recorder: Recorder,
    pub units: Units,
    /// The findings of the look at units that is under way.
    pub units_found: Vec<Found>,
    /// How many things happened that happen once.
    pub happened: usize,
    /// Until when the machine starts, on its clock, as the agent knows.
    pub starting: Option<i64>,
    /// Since when the quiet hours are as they are.
    pub quiet_since: i64,
    /// When each of the host was last found over its threshold.
    pub last_over: [i64; WATCHED.len()],
    /// The configuration in force.
    pub settings: Settings,
    /// Since when there is a channel.
    pub channel_since: i64,
    /// The agent's posts, while it waits for their outcome.
    pub flights: Vec<Flight>,
    /// Posts of agents that are gone.
    pub orphans: Vec<Flight>,
    /// The script of a world that is not left to chance.
    pub script: Option<Script>,
    /// When the run ends.
    pub end: i64,
    /// The agent was told to stop because of that.
    is_over: bool,
    /// Waits since the time last went on.
    idle_waits: u32,
    /// When the agent's turn under way began: the time by which it decides.
    pub turn: Now,
    /// The first and the last turn of each second of the wall clock, in true time.
    pub turns: HashMap<i64, (i64, i64)>,
    /// When something last happened that may hold the agent up.
    pub disturbed: i64,
    pub saves: u64,
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

/// A timer is late by a little, so an agent that waits for the right thing is idle once in a while at most.
const MAX_IDLE_WAITS: u32 = 1000;

/// The end of a wait.
pub enum Next {
    Time,
    Answered(Flight),
    /// The outcome of the save.
    Saved(io::Result<()>),
    /// The outcome of the history's batch.
    Recorded(Result<(), String>),
    Mishap(Mishap),
    /// A script has this for the agent.
    Input(Input),
    End,
}

impl World {
    pub fn new(seed: u64, end: i64, settings: Settings) -> World {
        let mut random = Random::new(seed);
        World {
            clock: Clock::default(),
            host: Host::new(&mut random),
            engine: Engine::new(&mut random),
            disk: Disk::default(),
            robots: (0..=SPARE).map(|_| Robot::new(&mut random)).collect(),
            paces: (0..=SPARE).map(|robot| Pace::new(budget(robot))).collect(),
            weather: Weather::new(&mut random),
            groups: Group::all(&settings),
            model: Model::default(),
            asked: None,
            release_due: None,
            measured: Measured::default(),
            has_run: false,
            once: false,
            once_until: None,
            last_check: 0,
            stopped: None,
            agent_began: 0,
            recorder: Recorder::new(),
            units: Units::new(&mut random),
            units_found: Vec::new(),
            happened: 0,
            starting: None,
            quiet_since: 0,
            last_over: [i64::MIN / 2; WATCHED.len()],
            settings,
            channel_since: 0,
            random,
            flights: Vec::new(),
            orphans: Vec::new(),
            script: None,
            end,
            is_over: false,
            idle_waits: 0,
            turn: Clock::default().now(),
            turns: HashMap::new(),
            disturbed: 0,
            saves: 0,
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
            let answered = self.flights.iter().map(|flight| flight.answered).min().unwrap_or(i64::MAX);
            let arrives = self.next_arrival();
            let saving = self.save.as_ref().map_or(i64::MAX, |save| save.next);
            let engine = self.engine.next_change().min(self.recorder.next_change());
            let world = self.weather.next_change().min(self.next_act()).min(self.units.next_change());
            let next = [until, answered, arrives, saving, engine, world, end].into_iter().min();
            self.pass_to(next.unwrap_or(until).max(self.clock.true_time));
            self.let_arrive();
            let time = self.clock.true_time;
            self.weather.change(time, self.end, &mut self.random);
            for robot in &mut self.robots {
                robot.change_mood(time, self.weather.calm, &mut self.random);
            }
            let calm = self.weather.calm.then_some(self.weather.since);
            self.engine.change(time, self.clock.now().wall, calm, &mut self.random);
            self.units.change(time, self.weather.calm, &mut self.random);
            if let Some(next) = self.act() {
                return next;
            }
            self.judge();
            self.idle_waits = if time > began { 0 } else { self.idle_waits + 1 };
            if self.idle_waits > MAX_IDLE_WAITS {
                wrong("the loop turns and turns, and the time does not go on");
            }
            if let Some(result) = self.go_on_saving() {
                return Next::Saved(result);
            }
            if let Some(result) = self.recorded() {
                return Next::Recorded(result);
            }
            if time >= end {
                self.is_over = true;
                return Next::End;
            }
            if let Some(place) = self.flights.iter().position(|flight| flight.answered <= time) {
                return Next::Answered(self.flights.remove(place));
            }
            if self.weather.calm && self.settings.webhook.is_none() {
                return Next::Mishap(Mishap::Restore);
            }
            if self.engine.has_events() {
                return Next::Time;
            }
            if let Some(look) = self.look_at_units() {
                return Next::Input(look);
            }
            if let Some(mishap) = self.weather.mishap(time, &mut self.random) {
                return Next::Mishap(mishap);
            }
            if time >= until {
                return Next::Time;
            }
        }
    }

    /// The clocks run, undisturbed.
    pub fn pass_to(&mut self, time: i64) {
        let from = self.clock.now().wall;
        self.clock.true_time = time;
        let to = self.clock.now().wall;
        self.groups.iter_mut().for_each(|group| group.oracle.passed(from, to, time));
    }

    /// Something happened that may delay a report or make it unnecessary.
    pub fn disturbed(&mut self) {
        let time = self.clock.true_time;
        self.disturbed = time;
        self.groups.iter_mut().for_each(|group| group.oracle.disturbed(time));
    }

    /// Time passes while the agent is busy.
    pub fn let_pass(&mut self, time: i64) {
        self.pass_to((self.clock.true_time + time).min(self.end));
        self.let_arrive();
        self.disturbed();
    }

    /// The configuration is another one from now on.
    pub fn configure(&mut self, new: Settings) {
        let time = self.clock.true_time;
        if new.webhook != self.settings.webhook {
            self.channel_since = time;
        }
        if new.quiet != self.settings.quiet {
            self.quiet_since = time;
        }
        if let Some(webhook) = new.webhook {
            // A robot of another key is another one.
            if Some(webhook) != self.settings.webhook {
                self.paces[webhook.robot].held_until = i64::MIN;
            }
            self.robots[webhook.robot].set_secret(webhook.secret);
        }
        for group in &mut self.groups {
            if new.rules() != self.settings.rules() {
                group.oracle.pairs.forget(time);
            }
            group.containers.configure(&self.settings, &new, time);
            if new.rules() != self.settings.rules() || !new.watches_the_same(&self.settings) {
                group.unmeasured.forget(time);
            }
        }
        self.settings = new;
    }

    pub fn step_clock(&mut self) {
        let days = 24 * HOUR;
        let step = self.random.magnitude(SECOND, 3 * days) * self.random.pick(&[-1, 1]);
        // Not ever further from the truth.
        self.clock.wall_ahead = if self.clock.wall_ahead.abs() > days { 0 } else { self.clock.wall_ahead + step };
        self.disturbed();
    }

    /// The machine sleeps; its clocks go on.
    pub fn sleep(&mut self) {
        let asleep = self.random.magnitude(SECOND, 10 * HOUR).min((self.end - self.clock.true_time).max(0));
        self.pass_to(self.clock.true_time + asleep);
        // A message that was about to be sent says nothing of this time.
        let time = self.clock.true_time;
        self.groups.iter_mut().for_each(|group| group.oracle.disorder(time));
        self.disturbed();
        self.let_arrive();
    }

    /// Begins an operation of the disk: `half` does half of it.
    pub fn operate(&mut self, name: &str, half: impl FnOnce(&mut Disk)) -> io::Result<DiskFault> {
        let fault = match self.weather.disk_fault(&mut self.random) {
            // A full disk can be read.
            DiskFault::Full if name == "read" => DiskFault::None,
            fault => fault,
        };
        if fault != DiskFault::None {
            self.note(|| format!("disk: {name}: {fault:?}"));
            self.disturbed();
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
}
