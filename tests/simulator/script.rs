//! A world of its own: nothing happens in it but the acts of a script, each at its second. Then comes a calm, as in
//! every other run, and the same oracle judges all of it.
//!
//! No chance decides, so a script stays the same however much happens in the other worlds.

use std::collections::VecDeque;
use std::ops::Range;

use vps_monitor::core::Input;

use super::clock::SECOND;
use super::container::Health;
use super::engine;
use super::mishap::{CALM, DiskFault};
use super::oracle::wrong;
use super::pager::PAGER;
use super::robot;
use super::settings::{Edited, Settings};
use super::world::{Next, World};

/// An act of a script. Containers go by their number among [`engine::NAMES`].
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// From now on what [`super::host::WATCHED`] has by this label is over its threshold.
    Over(&'static str),
    Under(&'static str),
    Robots(robot::Mood),
    /// From now on an answer comes so many seconds after its message was sent.
    Latency(i64),
    /// The robots never take a message that says this.
    NeverTaken(&'static str),
    /// The disk that fills has this share, and grows by so many percent an hour.
    Fills(f64, f64),
    /// The first unit has this of its states.
    Unit(usize),
    Engine(engine::Mood),
    /// It ends by itself.
    Dies(usize, i64),
    /// `docker kill -s`, which it outlives.
    Signalled(usize, &'static str),
    /// The kernel kills one of its processes for want of memory.
    RunsOutOfMemory(usize),
    /// `docker stop`.
    Stops(usize),
    Starts(usize),
    /// The engine starts it again.
    Restarted(usize),
    Removed(usize),
    /// Another one of its name, which runs.
    MadeAnew(usize),
    /// Another one of its name beside it, which ended with this exit code or runs.
    Beside(usize, Option<i64>),
    /// compose made the next one, under a name of its own.
    ComposeMakes,
    /// The swarm starts the slot's next task.
    NextTask,
    Health(usize, Health),
    /// So many more containers die, all at once.
    CrowdDies(usize),
    /// Somebody sets the wall clock so many seconds ahead.
    SetClock(i64),
    Disk(DiskFault),
    /// Each of a save's four operations takes so many seconds.
    SlowDisk(i64),
    /// Somebody changes the file, and the agent reads it again.
    Reload(fn(&mut Settings)),
    /// The service stops, and is started again so many seconds later.
    Stop {
        away: i64,
    },
    /// It is killed instead.
    Kill {
        away: i64,
    },
}

/// The messages that a group hears: so many messages, within so many seconds from the beginning, that say all of this.
#[derive(Clone, Debug)]
struct Expected {
    says: &'static [&'static str],
    seconds: Range<i64>,
    times: Range<usize>,
}

pub struct Script {
    pub settings: Settings,
    acts: VecDeque<(i64, Act)>,
    expected: Vec<Expected>,
    /// The seconds after which the calm begins.
    seconds: i64,
    /// How long nobody runs after the next stop, in seconds.
    away: i64,
    /// When the first group read which message.
    heard: Vec<(i64, String)>,
    /// How many containers there are beside those of the names.
    crowd: usize,
}

impl Script {
    /// So many seconds with the configuration that `edit` makes of the usual one.
    pub fn new(seconds: i64, edit: fn(&mut Settings)) -> Script {
        let mut settings = Settings::usual();
        edit(&mut settings);
        Script { settings, acts: VecDeque::new(), expected: Vec::new(), seconds, away: 1, heard: Vec::new(), crowd: 0 }
    }

    pub fn with_crowd(self, crowd: usize) -> Script {
        Script { crowd, ..self }
    }

    /// It happens at this second, behind all before it.
    pub fn at(mut self, second: i64, act: Act) -> Script {
        assert!(second < self.seconds && self.acts.back().is_none_or(|(last, _)| *last <= second * SECOND));
        self.acts.push_back((second * SECOND, act));
        self
    }

    /// One message says all of this in that time.
    pub fn told(self, says: &'static [&'static str], seconds: Range<i64>) -> Script {
        self.told_times(says, seconds, 1..2)
    }

    pub fn told_times(mut self, says: &'static [&'static str], seconds: Range<i64>, times: Range<usize>) -> Script {
        self.expected.push(Expected { says, seconds, times });
        self
    }

    /// No message says all of this at any time.
    pub fn never_told(self, says: &'static [&'static str]) -> Script {
        self.told_times(says, 0..i64::MAX / SECOND, 0..1)
    }

    /// When the script is over, and the calm.
    pub fn calm_begins(&self) -> i64 {
        self.seconds * SECOND
    }

    pub fn end(&self) -> i64 {
        self.calm_begins() + CALM
    }

    pub fn away(&self) -> i64 {
        self.away * SECOND
    }

    pub fn hear(&mut self, time: i64, text: &str) {
        self.heard.push((time, text.to_owned()));
    }

    /// The difference between the expected messages and the sent ones.
    pub fn judge(&self) -> Option<String> {
        self.expected.iter().find_map(|expected| {
            let Expected { says, seconds, times } = expected;
            let is_in_time = |time: i64| seconds.contains(&(time / SECOND));
            let says_all = |text: &str| says.iter().all(|part| text.contains(part));
            let count = self.heard.iter().filter(|(time, text)| is_in_time(*time) && says_all(text)).count();
            (!times.contains(&count)).then(|| format!("{count} messages say {says:?} within seconds {seconds:?}"))
        })
    }
}

impl World {
    /// A world in which nothing happens but what the script says.
    pub fn scripted(script: Script) -> World {
        let mut world = World::new(0, script.end(), script.settings.clone());
        let until = script.calm_begins();
        world.weather.be_still(until);
        world.host.be_still();
        world.engine.be_still(until);
        world.units.be_still();
        world.engine.gather_crowd(script.crowd);
        world.robots.iter_mut().for_each(robot::Robot::be_still);
        world.script = Some(script);
        world
    }

    pub fn next_act(&self) -> i64 {
        self.script.as_ref().and_then(|script| script.acts.front()).map_or(i64::MAX, |(at, _)| *at)
    }

    /// Does what the script says for now; what of it the agent sees of itself.
    pub fn act(&mut self) -> Option<Next> {
        let (time, wall) = (self.clock.true_time, self.clock.now().wall);
        while self.next_act() <= time {
            let (_, act) = self.script_mut().acts.pop_front()?;
            self.note(|| format!("{act:?}"));
            match act {
                Act::Over(label) => self.host.set(label, true),
                Act::Under(label) => self.host.set(label, false),
                Act::Robots(mood) => self.robots[..PAGER].iter_mut().for_each(|robot| robot.mood = mood),
                Act::Latency(seconds) => self.robots.iter_mut().for_each(|robot| robot.answer_after(seconds)),
                Act::NeverTaken(text) => self.robots.iter_mut().for_each(|robot| robot.never_take(text)),
                Act::CrowdDies(count) => self.engine.let_crowd_die(count, time, wall),
                Act::Fills(share, an_hour) => self.host.fill(time, share, an_hour),
                Act::Unit(state) => self.units.set(0, state),
                Act::Disk(fault) => self.weather.set_disk(fault),
                Act::SlowDisk(seconds) => self.weather.slow_down_disk(seconds * SECOND),
                Act::Reload(edit) => {
                    self.disturbed();
                    let mut edited = self.settings.clone();
                    edit(&mut edited);
                    return Some(Next::Input(self.reload(Edited::Settings(Box::new(edited)))));
                }
                Act::SetClock(seconds) => {
                    self.clock.wall_ahead += seconds * SECOND;
                    self.disturbed();
                    return Some(Next::Input(Input::ClockSet));
                }
                Act::Stop { away } => {
                    self.script_mut().away = away;
                    return Some(Next::Input(Input::Stop));
                }
                Act::Kill { away } => {
                    self.script_mut().away = away;
                    self.crash(false)
                }
                act => self.engine.act(act, time, wall, &mut self.random),
            }
        }
        None
    }

    /// The world goes on while no agent runs.
    pub fn act_unseen(&mut self) {
        if let Some(Next::Input(input)) = self.act() {
            wrong(format!("nobody is there for {input:?}"));
        }
    }

    fn script_mut(&mut self) -> &mut Script {
        self.script.as_mut().unwrap_or_else(|| wrong("there is no script"))
    }
}
