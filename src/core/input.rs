//! The inputs of the agent: everything that [`Core::step`](super::Core::step) takes in.

use std::io;

use super::{LoopFacts, Purpose, SilenceRequest, Ticket};
use crate::cause::Causes;
use crate::collect::docker::{Memory, Scope};
use crate::config::Resolved;
use crate::host::{KnownKills, MountsChange};
use crate::http;
use crate::snapshot::{Occurrence, Snapshot};
use crate::worker::Recorded;

/// An input: an event.
#[derive(Debug)]
pub enum Input {
    /// Only time has passed.
    Time,
    /// The wall clock was set: actions that are due by it are due at another instant.
    ClockSet,
    /// A measurement is complete.
    Measured {
        purpose: Purpose,
        snapshot: Snapshot,
    },
    /// The outcome of [`Effect::FindCauses`](super::Effect::FindCauses).
    CausesFound(Causes),
    /// Containers were looked at between two checks.
    Looked {
        snapshot: Snapshot,
        scope: Scope,
    },
    /// The watched paths are on other disks than before.
    Mounts(Box<MountsChange>),
    /// The memory of containers has changed.
    ContainersRemembered(Box<Memory>),
    /// The engine's events cannot be followed, or (`None`) they can again.
    EngineEvents(Option<String>),
    /// The outcome of [`Effect::Post`](super::Effect::Post) and [`Effect::Run`](super::Effect::Run).
    Posted {
        ticket: Ticket,
        answer: http::Answer,
    },
    /// The outcome of [`Effect::File`](super::Effect::File) and [`Effect::Serve`](super::Effect::Serve); the error has
    /// the place and the reason.
    Done {
        ticket: Ticket,
        result: Result<(), String>,
    },
    /// The outcome of [`Effect::Print`](super::Effect::Print) with a ticket.
    Printed {
        ticket: Ticket,
        printed: io::Result<()>,
    },
    /// The reader of standard output is gone.
    OutputClosed,
    /// The outcome of [`Effect::Save`](super::Effect::Save); the error has the place and the reason.
    Saved(Result<(), String>),
    /// The outcome of [`Effect::Record`](super::Effect::Record).
    Recorded(Result<Recorded, String>),
    /// Somebody asks for a check now.
    CheckNow,
    /// Something happened between two checks.
    Happened(Vec<Occurrence>),
    /// The kills that are known now; `None`: they are not watched. Those that are news follow.
    KillsKnown(Option<Box<KnownKills>>),
    /// The machine's start has settled.
    StartSettled,
    /// The configuration was read again, on request. One without any key `is_empty`.
    Reloaded {
        config: Box<Resolved>,
        is_empty: bool,
    },
    /// The configuration was read again and is not valid; the first problem, with its place.
    NotReloaded {
        problem: String,
    },
    /// The same configuration has another meaning: the system's time zone was changed.
    Changed(Box<Resolved>),
    /// Somebody asks for a silence, or for its end, which [`Effect::Answer`](super::Effect::Answer) answers.
    SilenceAsked(SilenceRequest),
    /// Somebody asks for the agent's status, which [`Effect::Answer`](super::Effect::Answer) gives.
    StatusAsked(LoopFacts),
    /// The machine goes down, and the agent with it: a stop follows.
    MachineStops,
    Stop,
}

impl Input {
    /// Whether an alert, or a wait for one, may be another one by it.
    pub(super) const fn concerns_alerts(&self) -> bool {
        !matches!(
            self,
            Input::Saved(_)
                | Input::Recorded(_)
                | Input::Posted { .. }
                | Input::Done { .. }
                | Input::Printed { .. }
                | Input::StatusAsked(_)
                | Input::EngineEvents(_)
                | Input::ContainersRemembered(_)
                | Input::KillsKnown(_)
                | Input::Time
        )
    }
}
