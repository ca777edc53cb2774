//! A real engine's containers: puts the questions of [`Docker`] to the engine, follows its events, and never waits.
//!
//! The driver polls [`Engine::fds`] until [`Engine::due`], and then calls [`Engine::advance`]. One look is under way at
//! a time. Events meanwhile are gathered, and a requested survey waits for its turn or joins the one that is under way.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use nix::poll::PollFlags;

use super::own_share::Measured;
use super::{Docker, DockerConfig, Enabled, Look, Looked, Memory};
use crate::clock::{self, Boot, Now};
use crate::docker::events::{Stream, StreamEvent};
use crate::docker::{Error, EventBatch, Gatherer, SHARE_BYTES, Session};
use crate::snapshot::Snapshot;

/// An engine that hangs is asked again after this pause, so that it is looked at within 5 s of its return.
const AGAIN: Duration = Duration::from_secs(4);

const _: () = assert!(AGAIN.as_millis() < 5000);

/// One engine, its containers and its events.
#[derive(Debug)]
pub struct Engine {
    docker: Docker,
    look: Option<Exchange>,
    /// A survey was asked for and has not begun.
    survey_is_wanted: bool,
    /// The last look was for a batch: a requested survey goes first.
    burst_was_last: bool,
    /// The events, once an engine is expected.
    stream: Option<Stream>,
    gatherer: Gatherer,
    /// The engine did not answer, and no event reports its return: the time of the next look.
    again: Option<Boot>,
    /// Results that the caller has not taken yet.
    queue: VecDeque<EngineUpdate>,
}

#[derive(Debug)]
struct Exchange {
    session: Session,
    is_survey: bool,
}

/// A result from an engine.
#[derive(Debug)]
pub enum EngineUpdate {
    /// The survey that was asked for.
    Surveyed(Snapshot),
    /// Something happened to containers, and they were looked at.
    Looked(Looked),
    /// Events cannot be followed, or (`None`) they can again.
    EventsLost(Option<Error>),
}

impl Engine {
    /// See [`Docker::new`].
    pub fn new(config: &DockerConfig, memory: Option<Memory>) -> Engine {
        Engine {
            docker: Docker::new(config, memory),
            look: None,
            survey_is_wanted: false,
            burst_was_last: false,
            stream: None,
            gatherer: Gatherer::default(),
            again: None,
            queue: VecDeque::new(),
        }
    }

    /// See [`Docker::memory`].
    pub fn memory(&self) -> Memory {
        self.docker.memory()
    }

    /// See [`Docker::revision`].
    pub fn revision(&self) -> u64 {
        self.docker.revision()
    }

    /// See [`Docker::measured`].
    pub fn measured(&self) -> Vec<Measured> {
        self.docker.measured()
    }

    /// See [`Docker::oom_events`].
    pub fn oom_events(&self) -> u64 {
        self.docker.oom_events()
    }

    /// The name of a watched container.
    pub fn name_of(&self, id: &str) -> Option<Rc<str>> {
        self.docker.name_of(id)
    }

    pub fn config(&self) -> &DockerConfig {
        self.docker.config()
    }

    /// Asks for a look at everything, which ends with [`EngineUpdate::Surveyed`]. Returns its findings if they are
    /// there at once: containers are not watched, or the engine cannot be reached.
    pub fn survey(&mut self, now: Now) -> Option<Snapshot> {
        if self.config().enabled == Enabled::Never {
            return Some(Snapshot::default());
        }
        match &self.look {
            Some(look) => {
                self.survey_is_wanted |= !look.is_survey;
                None
            }
            None => match self.begin(Look::Everything, now) {
                Some(EngineUpdate::Surveyed(snapshot)) => Some(snapshot),
                other => {
                    self.queue.extend(other);
                    None
                }
            },
        }
    }

    /// The descriptors to watch, each with its events: as soon as one is ready, [`Engine::advance`] has work.
    pub fn fds(&self) -> [Option<(BorrowedFd<'_>, PollFlags)>; 2] {
        let events = self.stream.as_ref().and_then(Stream::fd);
        let look = self.look.as_ref().and_then(|look| look.session.fd());
        [look, events.map(|fd| (fd, PollFlags::POLLIN))]
    }

    /// When [`Engine::advance`] has something to do even if nothing is ready.
    pub fn due(&self) -> Option<Boot> {
        if !self.queue.is_empty() {
            return Some(Boot::EARLIEST);
        }
        let events = self.stream.as_ref().and_then(Stream::due);
        let look = match &self.look {
            Some(look) => look.session.due(),
            None => clock::earliest(&[self.gatherer.due(), self.again]),
        };
        clock::earliest(&[events, look])
    }

    /// Does a bounded share of the work, and never waits; call it again until it returns nothing.
    pub fn advance(&mut self, now: Now) -> Option<EngineUpdate> {
        if let Some(happened) = self.queue.pop_front() {
            return Some(happened);
        }
        if let Some(lost) = self.follow_events(now.boot) {
            return Some(EngineUpdate::EventsLost(lost));
        }
        if self.look.is_some() {
            return self.get_on(now);
        }
        let look = self.next_look(now.boot)?;
        self.begin(look, now)
    }

    /// Takes in the engine's events; returns a change of whether it can be heard.
    fn follow_events(&mut self, now: Boot) -> Option<Option<Error>> {
        let mut news = None;
        for happening in self.stream.as_mut()?.read(now) {
            match happening {
                StreamEvent::Event(event) => self.gatherer.push(event, now),
                StreamEvent::Connected => self.gatherer.push_unknown(now),
                StreamEvent::Settled => news = Some(None),
                StreamEvent::Lost(error) => {
                    self.gatherer.push_unknown(now);
                    news = Some(Some(error));
                }
            }
        }
        news
    }

    /// Goes on with the look that is under way.
    fn get_on(&mut self, now: Now) -> Option<EngineUpdate> {
        let Exchange { session, is_survey } = self.look.as_mut()?;
        let is_survey = *is_survey;
        let mut share_bytes = SHARE_BYTES;
        let looked = loop {
            if !session.is_asked() {
                session.ask(self.docker.question()?);
            }
            let answer = session.advance(now.boot, &mut share_bytes)?;
            if let Some(looked) = self.docker.answer(answer, now) {
                break looked;
            }
        };
        Some(self.end(looked, is_survey, now))
    }

    /// The next look. A survey and batches take turns, so that neither waits for ever for the other.
    fn next_look(&mut self, now: Boot) -> Option<Look> {
        if self.survey_is_wanted && self.burst_was_last {
            return Some(Look::Everything);
        }
        if self.again.take_if(|again| *again <= now).is_some() {
            self.gatherer.push_unknown(now);
            return self.gatherer.take_at_once().map(Look::Events);
        }
        match self.gatherer.take(now) {
            Some(batch) => Some(Look::Events(batch)),
            None => self.survey_is_wanted.then_some(Look::Everything),
        }
    }

    /// Begins to look; returns the outcome if it is there at once. A batch of events of containers that are not watched
    /// needs no look.
    fn begin(&mut self, look: Look, now: Now) -> Option<EngineUpdate> {
        let is_survey = look == Look::Everything;
        self.survey_is_wanted &= !is_survey;
        // A survey takes along the events that wait for their batch: they give the causes of ends.
        let look = match is_survey.then(|| self.gatherer.take_at_once()).flatten() {
            Some(batch) => Look::Events(EventBatch { overflowed: true, ..batch }),
            None => look,
        };
        if self.docker.begin(look, now).is_some() {
            return None;
        }
        let session = Session::new(self.config().socket.clone(), now.boot);
        self.look = Some(Exchange { session, is_survey });
        self.get_on(now)
    }

    fn end(&mut self, looked: Looked, is_survey: bool, now: Now) -> EngineUpdate {
        self.look = None;
        self.burst_was_last = !is_survey;
        if self.stream.is_none() && self.docker.is_expected() {
            self.stream = Some(Stream::new(self.config().socket.clone()));
        }
        // A stream that is lost is opened again, and that causes a look. A stream that stays open beside an engine that
        // hangs reports nothing.
        let is_heard = self.stream.as_ref().is_some_and(|stream| stream.fd().is_some());
        self.again = (is_heard && self.docker.is_gone()).then(|| now.boot.after(AGAIN));
        let found = if is_survey { EngineUpdate::Surveyed(looked.snapshot) } else { EngineUpdate::Looked(looked) };
        match self.docker.take_deaths(now) {
            Some(deaths) => {
                self.queue.push_back(found);
                EngineUpdate::Looked(deaths)
            }
            None => found,
        }
    }
}
