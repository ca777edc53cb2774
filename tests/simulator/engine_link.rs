//! Between the agent's knowledge of containers and the simulated engine: gathers events, asks one question after the other,
//! and gives an answer its time, as `collect::docker::Engine` does over a socket.

use std::time::Duration;

use vps_monitor::clock::Now;
use vps_monitor::collect::docker::{Docker, DockerConfig, Enabled, Look, Memory, Scope};
use vps_monitor::core::Input;
use vps_monitor::docker::events::Event;
use vps_monitor::docker::{Answer, Error, EventBatch};
use vps_monitor::snapshot::Snapshot;

use super::clock::SECOND;
use super::engine::Mood;
use super::world::World;

/// As `docker::gather` has it.
const BATCH: i64 = SECOND / 5;
/// As `docker::TIMEOUT` has it.
const TIMEOUT: i64 = 5 * SECOND;
/// How often a stream of events that is lost is tried again.
const STREAM_PAUSE: i64 = 4 * SECOND;

pub struct EngineLink {
    docker: Docker,
    remembered: u64,
    /// When the look under way began, whether it is a survey, and when its question is answered.
    look: Option<(i64, bool, i64)>,
    survey_is_wanted: bool,
    events: Vec<Event>,
    batch_due: Option<i64>,
    overflowed: bool,
    stream_is_open: bool,
    stream_due: i64,
}

/// The engine's outcomes.
pub enum Brought {
    Input(Input),
    Surveyed(Snapshot),
}

impl EngineLink {
    pub fn new(config: &DockerConfig, memory: Memory) -> EngineLink {
        EngineLink {
            docker: Docker::new(config, Some(memory)),
            remembered: 0,
            look: None,
            survey_is_wanted: false,
            events: Vec::new(),
            batch_due: None,
            overflowed: false,
            stream_is_open: false,
            stream_due: i64::MIN,
        }
    }

    pub fn memory(&self) -> Memory {
        self.docker.memory()
    }

    pub fn config(&self) -> &DockerConfig {
        self.docker.config()
    }

    pub fn survey(&mut self) {
        self.survey_is_wanted = true;
    }

    pub fn due(&self) -> i64 {
        let look = match self.look {
            Some((began, _, answered)) => answered.min(began + TIMEOUT),
            None if self.survey_is_wanted => i64::MIN,
            None => self.batch_due.unwrap_or(i64::MAX),
        };
        look.min(self.stream_due)
    }

    /// Does the work that is due.
    pub fn advance(&mut self, world: &mut World) -> Vec<Brought> {
        let (time, now) = (world.clock.true_time, world.clock.now());
        let mut brought = Vec::new();
        self.follow_events(world, time, &mut brought);
        if self.look.is_none() {
            self.begin_look(world, time, &mut brought);
        }
        if let Some((began, is_survey, answered)) = self.look
            && answered.min(began + TIMEOUT) <= time
        {
            self.go_on(world, began, is_survey, now, &mut brought);
        }
        brought
    }

    fn follow_events(&mut self, world: &mut World, time: i64, brought: &mut Vec<Brought>) {
        let events = world.engine.take_events();
        if self.stream_is_open && world.engine.mood != Mood::Gone {
            for event in events {
                self.events.push(event);
                self.batch_due.get_or_insert(time + BATCH);
            }
        }
        if self.stream_due > time {
            return;
        }
        self.stream_due = time + STREAM_PAUSE;
        let is_off = self.docker.config().enabled == Enabled::Never;
        let can_be_followed = !is_off && !matches!(world.engine.mood, Mood::Gone | Mood::Hung);
        if can_be_followed == self.stream_is_open {
            return;
        }
        self.stream_is_open = can_be_followed;
        let error = (!can_be_followed).then(|| "simulated".to_owned());
        brought.push(Brought::Input(Input::EngineEvents(error)));
        self.overflowed = true;
        self.batch_due.get_or_insert(time + BATCH);
    }

    fn begin_look(&mut self, world: &mut World, time: i64, brought: &mut Vec<Brought>) {
        let burst_is_due = self.batch_due.is_some_and(|due| due <= time);
        if !burst_is_due && !self.survey_is_wanted {
            return;
        }
        let is_survey = self.survey_is_wanted;
        let overflowed = std::mem::take(&mut self.overflowed) || is_survey;
        let batch = EventBatch { events: std::mem::take(&mut self.events), overflowed };
        let look = if is_survey && batch.events.is_empty() { Look::Everything } else { Look::Events(batch) };
        self.batch_due = None;
        self.survey_is_wanted = false;
        match self.docker.begin(look, world.clock.now()) {
            None => self.look = Some((time, is_survey, time + latency(world))),
            Some(looked) if is_survey => brought.push(Brought::Surveyed(looked.snapshot)),
            Some(_) => {}
        }
    }

    fn go_on(&mut self, world: &mut World, began: i64, is_survey: bool, now: Now, brought: &mut Vec<Brought>) {
        let time = world.clock.true_time;
        let question = self.docker.question().expect("a look that has not ended asks");
        let answers = if time >= began + TIMEOUT {
            let path = "/run/docker.sock".into();
            vec![Answer::Failed(Error::NoAnswer { path, timeout: Duration::from_secs(5) })]
        } else {
            match world.engine.answers(question, time) {
                Some(answers) => answers,
                None => {
                    self.look = Some((began, is_survey, i64::MAX));
                    return;
                }
            }
        };
        let mut looked = None;
        for answer in answers {
            looked = self.docker.answer(answer, now);
        }
        let Some(looked) = looked else {
            self.look = Some((began, is_survey, time + latency(world)));
            return;
        };
        self.look = None;
        if std::mem::replace(&mut self.remembered, self.docker.revision()) != self.docker.revision() {
            brought.push(Brought::Input(Input::ContainersRemembered(Box::new(self.docker.memory()))));
        }
        if let Some(deaths) = self.docker.take_deaths(now) {
            brought.push(Brought::Input(Input::Looked { snapshot: deaths.snapshot, scope: Scope::Some }));
        }
        brought.push(if is_survey {
            Brought::Surveyed(looked.snapshot)
        } else {
            Brought::Input(Input::Looked { snapshot: looked.snapshot, scope: looked.scope })
        });
    }
}

fn latency(world: &mut World) -> i64 {
    if world.weather.is_wild() { world.random.magnitude(500, 3 * SECOND) } else { world.random.range(500, 20_000) }
}
