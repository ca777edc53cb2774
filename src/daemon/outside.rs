//! What the loop needs of the world: the one seam behind which a test, or a simulation, can put another world.

use std::io;
use std::time::Duration;

use crate::clock::{Boot, Now};
use crate::collect::Plan;
use crate::collect::docker::Looked;
use crate::config::Config;
use crate::http;
use crate::service::Phase;
use crate::settings::{Problems, Read};
use crate::signals::Wish;
use crate::snapshot::Snapshot;

/// What a measurement is made for. The two have collectors of their own, so that neither waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Check,
    Report,
}

/// Why a wait ended.
#[derive(Debug)]
pub enum Event {
    /// The instant has come, or may have.
    Time,
    /// The wall clock was set.
    ClockSet,
    Signal(Wish),
    /// What became of the message that was being posted.
    Posted(Result<http::Response, http::Error>),
    /// Something happened to containers, and they were looked at.
    Looked(Looked),
    /// The engine's events cannot be followed, or (`None`) they can again.
    EngineLost(Option<String>),
    /// Somebody asks for the agent's status; the answer is to be given by [`Outside::answer_status`].
    StatusAsked,
}

/// The world around the loop.
pub trait Outside {
    fn now(&mut self) -> Now;

    /// Waits until an instant (`None`: for ever), or until something happens. That the wall clock is set is something
    /// that happens: what is due by it is due at another instant then.
    fn wait(&mut self, until: Option<Boot>) -> Event;

    /// Takes over what is to be measured. A measurement that is under way is given up.
    fn watch(&mut self, plan: &Plan);

    /// How long a measurement takes, its longest sampling window.
    fn window(&self) -> Duration;

    fn begin(&mut self, purpose: Purpose, now: Now);

    /// When [`Outside::advance`] has something to do; `None`: nothing is being measured.
    fn due(&self, purpose: Purpose) -> Option<Boot>;

    /// Goes on with a measurement, and gives what was found once it is complete.
    fn advance(&mut self, purpose: Purpose, now: Now) -> Option<Snapshot>;

    /// Starts posting a message, which ends with [`Event::Posted`].
    fn post(&mut self, request: &http::Request, now: Now) -> io::Result<()>;

    /// Prints to standard output.
    fn print(&mut self, text: &str) -> io::Result<()>;

    /// Reads the configuration again.
    fn load(&mut self) -> Result<Read<Config>, Problems>;

    fn tell_service(&mut self, phase: Phase<'_>);

    fn answer_status(&mut self, json: &str);
}
