//! An engine and its containers: they crash, are stopped, killed, made anew, loop and fall ill, compose and a swarm put
//! others in their place, and the engine itself hangs, goes away and comes back, or loses its events.

mod acts;
mod misfortune;

use std::collections::VecDeque;

use jiff::Timestamp;
use vps_monitor::docker::events::{Event, Kind};
use vps_monitor::docker::{Answer, Error, Labels, Question, Signal};

use super::clock::{HOUR, MINUTE, SECOND};
use super::container::{Container, Health, Run, START_PERIOD, Stamps};
use super::mishap::CALM_BEFORE_JUDGEMENT;
use super::random::Random;
use super::trace;

/// The names that alerts tell: one with a health check, one of compose, the one slot of a swarm's service.
pub const NAMES: [&str; 6] = ["c0", "c1", "c2", "c3", "shop-web-1", "stack_web.1"];
pub const WITH_HEALTH: usize = 3;
pub const OF_COMPOSE: usize = 4;
pub const OF_SWARM: usize = 5;
/// The service of that slot.
pub const SERVICE: &str = "stack_web";

/// How many events an engine remembers: few here, so that some are forgotten.
const REMEMBERED: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Up,
    /// It takes connections and answers nothing.
    Hung,
    /// There is no socket.
    Gone,
    /// It answers, and its events do not arrive.
    Deaf,
}

/// The containers of one name, the newest last, and their next event.
struct Subject {
    containers: Vec<Container>,
    next: i64,
    plan: Plan,
    truth: Truth,
}

/// The event of the next instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Misfortune,
    /// The engine, or somebody, starts it again.
    Start {
        by_engine: bool,
    },
    /// It is made anew under its name.
    Recreate,
    Remove,
    /// It ends by itself, after a signal that was no reason to.
    Crash,
    /// It ends again soon after it was started, so many times.
    Loop {
        left: u32,
    },
    /// Compose puts another one in its place, one step after the other.
    Compose(Step),
    /// A swarm starts the slot's next task; then it stops the one before, if that runs.
    NextTask,
    StopFormerTask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    StopFormer,
    RemoveFormer,
    Start,
}

/// The knowledge of a group that was told everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Truth {
    /// Ends that nobody meant.
    pub troubles: u64,
    pub health_troubles: u64,
    /// Since when it is as it is.
    pub since: i64,
    /// Stops on purpose: told at once where nobody heard who did it, else once the grace is over.
    pub aways: u64,
}

/// How a name stands.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    pub runs: bool,
    /// `None`: nothing can be said of it.
    pub healthy: Option<bool>,
}

/// A death in a calm.
#[derive(Clone, Copy, Debug)]
pub struct Drill {
    pub number: usize,
    pub at: i64,
}

pub struct Engine {
    subjects: Vec<Subject>,
    pub mood: Mood,
    mood_until: i64,
    made: u64,
    /// How often something happens, as a divisor.
    wildness: i64,
    events: VecDeque<Event>,
    /// The last of them.
    past: VecDeque<Event>,
    drill: Option<Drill>,
    /// Containers beside those of the names.
    crowd: Vec<Container>,
    stamps: Stamps,
}

impl Engine {
    pub fn new(random: &mut Random) -> Engine {
        let mut engine = Engine {
            subjects: Vec::new(),
            mood: Mood::Up,
            mood_until: 0,
            made: 0,
            wildness: random.magnitude(1, 60),
            events: VecDeque::new(),
            past: VecDeque::new(),
            drill: None,
            crowd: Vec::new(),
            stamps: Stamps::default(),
        };
        for number in 0..NAMES.len() {
            let mut container = engine.make(number, 0);
            container.run = Run::Running;
            let (containers, plan, truth) = (vec![container], Plan::Misfortune, Truth::default());
            engine.subjects.push(Subject { containers, next: 0, plan, truth });
        }
        engine
    }

    /// One that was created, and not started.
    fn make(&mut self, number: usize, time: i64) -> Container {
        self.made += 1;
        let mut labels = Labels::default();
        let mut name = NAMES[number].to_owned();
        if number == OF_COMPOSE {
            labels.compose_project = "shop".to_owned();
            labels.compose_service = "web".to_owned();
            labels.compose_number = "1".to_owned();
        }
        if number == OF_SWARM {
            name = format!("{name}.{:025}", self.made);
            labels.swarm_service = SERVICE.to_owned();
            labels.swarm_task = name.clone();
        }
        Container {
            id: format!("{:016x}{:048}", self.made, 0),
            name,
            labels,
            run: Run::Created,
            exit_code: 0,
            oom: false,
            restart_count: 0,
            created: time,
            started: time,
            finished: 0,
            health: (number == WITH_HEALTH).then_some(Health::Healthy),
        }
    }

    /// When something happens next.
    pub fn next_change(&self) -> i64 {
        let starts = self.subjects.iter().filter_map(|subject| match subject.containers.last()? {
            Container { run: Run::Running, health: Some(Health::Starting { until }), .. } => Some(*until),
            _ => None,
        });
        self.subjects
            .iter()
            .map(|subject| subject.next)
            .chain(starts)
            .chain([self.mood_until])
            .min()
            .unwrap_or(i64::MAX)
    }

    /// The events up to `time`. In a calm, which began at `calm`, nothing new happens: a container that is away on
    /// purpose may stay so, and the rest is mended; once the calm has lasted, one container dies, which is to be told.
    pub fn change(&mut self, time: i64, wall: Timestamp, calm: Option<i64>, random: &mut Random) {
        self.stamps.keep(time, wall);
        if self.mood_until <= time || (calm.is_some() && self.mood != Mood::Up) {
            self.mood = if calm.is_some() || random.once_in(2) {
                Mood::Up
            } else {
                random.pick(&[Mood::Up, Mood::Hung, Mood::Gone, Mood::Gone, Mood::Deaf])
            };
            self.mood_until = if calm.is_some() { time + HOUR } else { time + random.magnitude(SECOND, 3 * HOUR) };
        }
        for number in 0..self.subjects.len() {
            self.end_start(number, time, wall);
            while self.subjects[number].next <= time {
                self.happen(number, time, wall, calm, random);
            }
        }
    }

    /// Its start is over, and it is well.
    fn end_start(&mut self, number: usize, time: i64, wall: Timestamp) {
        let subject = &mut self.subjects[number];
        let Some(container) = subject.containers.last_mut().filter(|container| container.is_running()) else { return };
        if matches!(container.health, Some(Health::Starting { until }) if until <= time) {
            container.health = Some(Health::Healthy);
            subject.truth.since = time;
            self.tell(number, Kind::Health, wall);
        }
    }

    fn happen(&mut self, number: usize, time: i64, wall: Timestamp, calm: Option<i64>, random: &mut Random) {
        let soon = |random: &mut Random| time + random.magnitude(SECOND / 10, 2 * MINUTE);
        let later = time + random.magnitude(MINUTE, 20 * HOUR) / self.wildness + SECOND;
        let (plan, mood) = (self.subjects[number].plan, self.mood);
        if plan != Plan::Misfortune || calm.is_none() {
            let seconds = time as f64 / SECOND as f64;
            trace::add(|| format!("{seconds:>13.3} engine is {mood:?}, {}: {plan:?}", NAMES[number]));
        }
        match plan {
            Plan::Misfortune => match calm {
                Some(since) if self.is_to_be_drilled(number, since, time) => {
                    self.drill = Some(Drill { number, at: time });
                    self.die(number, time, wall, 3, None);
                    let back = time + random.magnitude(SECOND / 20, 25 * SECOND);
                    self.plan(number, Plan::Start { by_engine: true }, back);
                }
                Some(_) => self.subjects[number].next = time + MINUTE,
                None => self.befall(number, time, wall, later, random),
            },
            Plan::Crash => {
                self.die(number, time, wall, 3, None);
                self.plan(number, Plan::Start { by_engine: true }, soon(random));
            }
            Plan::Loop { left } => {
                if self.newest(number).is_running() {
                    self.die(number, time, wall, 1, None);
                    self.plan(number, Plan::Loop { left }, time + random.magnitude(SECOND / 20, 30 * SECOND));
                } else {
                    self.newest(number).restart_count += 1;
                    self.start(number, time, wall, random);
                    let next = if left > 0 { Plan::Loop { left: left - 1 } } else { Plan::Misfortune };
                    self.plan(number, next, if left > 0 { soon(random) } else { later });
                }
            }
            Plan::Start { by_engine } => {
                let container = self.newest(number);
                container.restart_count = if by_engine { container.restart_count + 1 } else { 0 };
                self.start(number, time, wall, random);
                self.plan(number, Plan::Misfortune, later);
            }
            Plan::Remove => {
                self.tell(number, Kind::Destroy, wall);
                self.subjects[number].containers.clear();
                self.plan(number, Plan::Recreate, time + random.magnitude(SECOND / 100, 2 * MINUTE));
            }
            Plan::Recreate => {
                let made = self.make(number, time);
                self.subjects[number].containers.push(made);
                self.start(number, time, wall, random);
                self.plan(number, Plan::Misfortune, later);
            }
            Plan::Compose(step) => self.compose(number, step, time, wall, later, random),
            Plan::NextTask => {
                let made = self.make(number, time);
                self.subjects[number].containers.push(made);
                self.start(number, time, wall, random);
                self.forget_tasks(number, wall);
                self.plan(number, Plan::StopFormerTask, time + random.magnitude(SECOND / 10, 30 * SECOND));
            }
            Plan::StopFormerTask => {
                self.stop_former_task(time, wall);
                self.plan(number, Plan::Misfortune, later);
            }
        }
    }

    fn is_to_be_drilled(&mut self, number: usize, calm_since: i64, time: i64) -> bool {
        let has_lasted = time - calm_since > CALM_BEFORE_JUDGEMENT + 10 * MINUTE;
        let was = self.drill.is_some_and(|drill| drill.at >= calm_since);
        has_lasted && number == 0 && !was && self.newest(number).is_running()
    }

    fn newest(&mut self, number: usize) -> &mut Container {
        self.subjects[number].containers.last_mut().expect("there is one")
    }

    fn plan(&mut self, number: usize, plan: Plan, at: i64) {
        (self.subjects[number].plan, self.subjects[number].next) = (plan, at);
    }

    fn die(&mut self, number: usize, time: i64, wall: Timestamp, exit_code: i64, killed_by: Option<&str>) {
        if let Some(by) = killed_by {
            let kill = Event { signal: Some(signal(by)), ..self.newest(number).event(Kind::Kill, wall) };
            self.push(kill);
        }
        let container = self.newest(number);
        (container.run, container.exit_code, container.finished) = (Run::Exited, exit_code, time);
        let die = Event { exit_code: Some(exit_code), ..container.event(Kind::Die, wall) };
        let truth = &mut self.subjects[number].truth;
        truth.since = time;
        match killed_by {
            Some(_) => truth.aways += 1,
            None => truth.troubles += 1,
        }
        self.push(die);
        if killed_by == Some("15") {
            self.tell(number, Kind::Stop, wall);
        }
    }

    fn start(&mut self, number: usize, time: i64, wall: Timestamp, random: &mut Random) {
        let container = self.newest(number);
        (container.run, container.started, container.oom) = (Run::Running, time, false);
        let until = time + random.magnitude(SECOND, START_PERIOD);
        container.health = container.health.map(|_| Health::Starting { until });
        self.subjects[number].truth.since = time;
        self.tell(number, Kind::Start, wall);
    }

    fn tell(&mut self, number: usize, kind: Kind, wall: Timestamp) {
        let event = self.newest(number).event(kind, wall);
        self.push(event);
    }

    fn push(&mut self, event: Event) {
        trace::add(|| format!("{:>13} event: {:?} of {}", "", event.kind, event.name));
        if self.mood == Mood::Gone {
            // An engine that was away remembers nothing.
            return self.past.clear();
        }
        self.past.push_back(event.clone());
        if self.past.len() > REMEMBERED {
            self.past.pop_front();
        }
        if self.mood == Mood::Up {
            self.events.push_back(event);
        }
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// The events that have come since the last call.
    pub fn take_events(&mut self) -> VecDeque<Event> {
        std::mem::take(&mut self.events)
    }

    /// The answers to a question; `None`: it does not answer.
    pub fn answers(&self, question: Question<'_>, time: i64) -> Option<Vec<Answer>> {
        match self.mood {
            Mood::Hung => return None,
            Mood::Gone => return Some(vec![Answer::Failed(Error::NoSocket { path: "/run/docker.sock".into() })]),
            Mood::Up | Mood::Deaf => {}
        }
        let mut there = self.subjects.iter().flat_map(|subject| &subject.containers).chain(&self.crowd);
        Some(match question {
            Question::Document(_) => unreachable!("nobody looks for causes in here"),
            Question::List => {
                let listed = there.map(|container| Answer::Listed(container.listed(time, &self.stamps)));
                listed.chain([Answer::ListEnd { podman: false }]).collect()
            }
            Question::Past { since, until } => {
                let span = since.as_nanosecond()..=until.as_nanosecond();
                let past = self.past.iter().filter(|event| span.contains(&i128::from(event.at_nanos)));
                vec![Answer::Happened(past.cloned().collect())]
            }
            Question::Inspect(id) => {
                let found = there.find(|container| container.id == id);
                vec![Answer::Inspected(found.map(|container| Box::new(container.inspected(&self.stamps))))]
            }
        })
    }

    /// The last death in a calm.
    pub fn drill(&self) -> Option<Drill> {
        self.drill
    }

    /// Each name with its true state.
    pub fn truths(&self) -> impl Iterator<Item = (&'static str, Condition, Truth)> {
        NAMES.iter().zip(&self.subjects).map(|(name, subject)| {
            let runs = subject.containers.iter().any(Container::is_running);
            let healthy = match subject.containers.last().and_then(|newest| newest.health) {
                Some(Health::Starting { .. }) => None,
                health => Some(health != Some(Health::Unhealthy)),
            };
            (*name, Condition { runs, healthy }, subject.truth)
        })
    }
}

fn signal(number: &str) -> Signal {
    Signal::parse(number).expect("a signal's number")
}
