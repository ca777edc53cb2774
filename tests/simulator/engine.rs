//! An engine and its containers: they crash, are stopped, killed, made anew, loop and fall ill, and the engine itself
//! hangs, goes away and comes back, or loses its events.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::json;
use vps_monitor::docker::events::{Event, Kind};
use vps_monitor::docker::{Answer, Error, Inspected, Labels, Listed, Question, Signal};

use super::clock::{HOUR, MINUTE, SECOND};
use super::random::Random;
use super::trace;

/// The containers, each named exactly in the configuration; the last one has a health check.
pub const NAMES: [&str; 4] = ["c0", "c1", "c2", "c3"];
const WITH_HEALTH: usize = 3;

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

/// How a container is, and what happens to it next.
struct Container {
    id: u64,
    running: bool,
    exit_code: i64,
    oom: bool,
    restart_count: u64,
    created: i64,
    started: i64,
    finished: i64,
    /// `None`: it has no health check.
    healthy: Option<bool>,
    removed: bool,
    next: i64,
    plan: Plan,
    truth: Truth,
}

/// What happens to a container at its next instant.
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
}

/// What a group that was told everything would know.
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

pub struct Engine {
    containers: Vec<Container>,
    pub mood: Mood,
    mood_until: i64,
    made: u64,
    /// How often something happens, as a divisor.
    wildness: i64,
    events: VecDeque<Event>,
}

impl Engine {
    pub fn new(random: &mut Random) -> Engine {
        let wildness = random.magnitude(1, 60);
        let mut engine = Engine {
            containers: Vec::new(),
            mood: Mood::Up,
            mood_until: 0,
            made: 0,
            wildness,
            events: VecDeque::new(),
        };
        for number in 0..NAMES.len() {
            let container = engine.make(number, 0);
            engine.containers.push(container);
        }
        engine
    }

    fn make(&mut self, number: usize, time: i64) -> Container {
        self.made += 1;
        Container {
            id: self.made,
            running: true,
            exit_code: 0,
            oom: false,
            restart_count: 0,
            created: time,
            started: time,
            finished: 0,
            healthy: (number == WITH_HEALTH).then_some(true),
            removed: false,
            next: time,
            plan: Plan::Misfortune,
            truth: Truth { since: time, ..Truth::default() },
        }
    }

    /// When something happens next.
    pub fn next_change(&self) -> i64 {
        self.containers.iter().map(|container| container.next).chain([self.mood_until]).min().unwrap_or(i64::MAX)
    }

    /// What happened up to `time`. In a calm nothing new does: who is away on purpose may stay so, and the rest is mended.
    pub fn change(&mut self, time: i64, wall: Timestamp, calm: bool, random: &mut Random) {
        if self.mood_until <= time || (calm && self.mood != Mood::Up) {
            self.mood = if calm || random.once_in(2) {
                Mood::Up
            } else {
                random.pick(&[Mood::Up, Mood::Hung, Mood::Gone, Mood::Gone, Mood::Deaf])
            };
            self.mood_until = if calm { time + HOUR } else { time + random.magnitude(SECOND, 3 * HOUR) };
        }
        for number in 0..self.containers.len() {
            while self.containers[number].next <= time {
                self.happen(number, time, wall, calm, random);
            }
        }
    }

    fn happen(&mut self, number: usize, time: i64, wall: Timestamp, calm: bool, random: &mut Random) {
        let soon = |random: &mut Random| time + random.magnitude(SECOND / 10, 2 * MINUTE);
        let later = time + random.magnitude(MINUTE, 20 * HOUR) / self.wildness + SECOND;
        let (plan, mood) = (self.containers[number].plan, self.mood);
        trace::add(|| format!("{:>13.3} engine is {mood:?}, {}: {plan:?}", time as f64 / SECOND as f64, NAMES[number]));
        match self.containers[number].plan {
            Plan::Misfortune if calm => self.containers[number].next = time + MINUTE,
            Plan::Misfortune => match random.range(0, 8) {
                0 | 1 => {
                    self.die(number, time, wall, random.pick(&[0, 1, 3, 139]), None);
                    self.plan(number, Plan::Start { by_engine: random.once_in(2) }, soon(random));
                }
                2 => {
                    self.tell(number, Kind::Oom, wall);
                    self.containers[number].oom = true;
                    self.die(number, time, wall, 137, None);
                    self.plan(number, Plan::Start { by_engine: true }, soon(random));
                }
                3 => {
                    self.die(number, time, wall, 0, Some("15"));
                    let back = time + random.magnitude(SECOND, 2 * HOUR);
                    self.plan(number, Plan::Start { by_engine: false }, back);
                }
                4 => {
                    self.die(number, time, wall, 137, Some("9"));
                    self.plan(number, Plan::Remove, time + random.range(1000, SECOND));
                }
                5 => {
                    let event = Event { signal: Some(signal("1")), ..self.event(number, Kind::Kill, wall) };
                    self.push(event);
                    self.plan(number, Plan::Crash, soon(random));
                }
                _ => {
                    let container = &mut self.containers[number];
                    if let Some(healthy) = &mut container.healthy {
                        *healthy = !*healthy;
                        container.truth.health_troubles += u64::from(!*healthy);
                        container.truth.since = time;
                        self.tell(number, Kind::Health, wall);
                    }
                    self.plan(number, Plan::Misfortune, later);
                }
            },
            Plan::Crash => {
                self.die(number, time, wall, 3, None);
                self.plan(number, Plan::Start { by_engine: true }, soon(random));
            }
            Plan::Start { by_engine } => {
                let container = &mut self.containers[number];
                container.restart_count = if by_engine { container.restart_count + 1 } else { 0 };
                self.start(number, time, wall);
                self.plan(number, Plan::Misfortune, later);
            }
            Plan::Remove => {
                self.tell(number, Kind::Destroy, wall);
                self.containers[number].removed = true;
                let back = time + random.magnitude(SECOND / 100, 2 * MINUTE);
                self.plan(number, Plan::Recreate, back);
            }
            Plan::Recreate => {
                let truth = self.containers[number].truth;
                self.containers[number] = self.make(number, time);
                self.containers[number].truth = truth;
                self.start(number, time, wall);
                self.plan(number, Plan::Misfortune, later);
            }
        }
    }

    fn plan(&mut self, number: usize, plan: Plan, at: i64) {
        (self.containers[number].plan, self.containers[number].next) = (plan, at);
    }

    fn die(&mut self, number: usize, time: i64, wall: Timestamp, exit_code: i64, killed_by: Option<&str>) {
        if let Some(number_of_signal) = killed_by {
            let event = Event { signal: Some(signal(number_of_signal)), ..self.event(number, Kind::Kill, wall) };
            self.push(event);
        }
        let container = &mut self.containers[number];
        (container.running, container.exit_code, container.finished) = (false, exit_code, time);
        container.truth.since = time;
        match killed_by {
            Some(_) => container.truth.aways += 1,
            None => container.truth.troubles += 1,
        }
        let event = Event { exit_code: Some(exit_code), ..self.event(number, Kind::Die, wall) };
        self.push(event);
        if killed_by == Some("15") {
            self.tell(number, Kind::Stop, wall);
        }
    }

    fn start(&mut self, number: usize, time: i64, wall: Timestamp) {
        let container = &mut self.containers[number];
        (container.running, container.started, container.oom) = (true, time, false);
        container.healthy = container.healthy.map(|_| true);
        container.truth.since = time;
        self.tell(number, Kind::Start, wall);
    }

    fn tell(&mut self, number: usize, kind: Kind, wall: Timestamp) {
        let event = self.event(number, kind, wall);
        self.push(event);
    }

    fn push(&mut self, event: Event) {
        trace::add(|| format!("{:>13} event: {:?} of {}", "", event.kind, event.name));
        if self.mood == Mood::Up {
            self.events.push_back(event);
        }
    }

    fn event(&self, number: usize, kind: Kind, wall: Timestamp) -> Event {
        Event {
            kind,
            id: id(self.containers[number].id),
            name: NAMES[number].to_owned(),
            old_name: None,
            labels: Box::new(Labels::default()),
            signal: None,
            exit_code: None,
            at_nanos: i64::try_from(wall.as_nanosecond()).unwrap_or(i64::MAX),
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
    pub fn answers(&self, question: Question<'_>, time: i64, wall: Timestamp) -> Option<Vec<Answer>> {
        match self.mood {
            Mood::Hung => return None,
            Mood::Gone => return Some(vec![Answer::Failed(Error::NoSocket { path: "/run/docker.sock".into() })]),
            Mood::Up | Mood::Deaf => {}
        }
        let there = || self.containers.iter().enumerate().filter(|(_, container)| !container.removed);
        Some(match question {
            Question::List => {
                let listed = there().map(|(number, container)| Answer::Listed(listed(container, number, time, wall)));
                listed.chain([Answer::ListEnd { podman: false }]).collect()
            }
            Question::Inspect(wanted) => {
                let found = there().find(|(_, container)| id(container.id) == wanted);
                let inspected = found.map(|(number, container)| Box::new(inspected(container, number, time, wall)));
                vec![Answer::Inspected(inspected)]
            }
        })
    }

    /// Each container's name with what is true of it: whether it runs, whether it is healthy, and its troubles.
    pub fn truths(&self) -> impl Iterator<Item = (&'static str, bool, bool, Truth)> {
        NAMES.iter().zip(&self.containers).map(|(name, container)| {
            (*name, container.running && !container.removed, container.healthy.unwrap_or(true), container.truth)
        })
    }
}

fn signal(number: &str) -> Signal {
    Signal::parse(number).expect("a signal's number")
}

fn id(number: u64) -> String {
    format!("{number:016x}{:048}", 0)
}

/// The wall clock's time of a true time, by the clock of now.
fn stamp(at: i64, time: i64, wall: Timestamp) -> String {
    let micros = wall.as_microsecond() - (time - at);
    Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |stamp| stamp.to_string())
}

fn listed(container: &Container, number: usize, time: i64, wall: Timestamp) -> Listed {
    let health = match container.healthy {
        Some(true) => " (healthy)",
        Some(false) => " (unhealthy)",
        None => "",
    };
    let status = if container.running {
        format!("Up {} seconds{health}", (time - container.started) / SECOND)
    } else {
        format!("Exited ({}) 1 second ago", container.exit_code)
    };
    let created = (wall.as_microsecond() - (time - container.created)) / SECOND;
    let state = if container.running { "running" } else { "exited" };
    let json = json!({
        "Id": id(container.id), "Names": [format!("/{}", NAMES[number])], "State": state, "Status": status,
        "Created": created, "Labels": {},
    });
    serde_json::from_value(json).expect("an entry of the list")
}

fn inspected(container: &Container, number: usize, time: i64, wall: Timestamp) -> Inspected {
    let health = container.healthy.map(|healthy| {
        let word = if healthy { "healthy" } else { "unhealthy" };
        json!({"Status": word, "Log": []})
    });
    let state = if container.running { "running" } else { "exited" };
    let json = json!({
        "Id": id(container.id), "Name": format!("/{}", NAMES[number]),
        "Created": stamp(container.created, time, wall), "RestartCount": container.restart_count,
        "State": {
            "Status": state, "OOMKilled": container.oom, "ExitCode": container.exit_code,
            "StartedAt": stamp(container.started, time, wall), "FinishedAt": stamp(container.finished, time, wall),
            "Health": health,
        },
        "Config": {"Healthcheck": container.healthy.map(|_| json!({"Test": ["CMD", "true"]}))},
    });
    serde_json::from_value(json).expect("an inspected container")
}
