//! The effects of the agent: everything that [`Core::step`](super::Core::step) gives out, to be performed in its order.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use jiff::Timestamp;

use super::End;
use crate::cause::Wanted;
use crate::clock::Boot;
use crate::collect::Plan;
use crate::collect::docker::Memory;
use crate::drawing::Recipe;
use crate::host::KnownKills;
use crate::http;
use crate::worker::{Illustrated, Program};

/// The purpose of a measurement. The two have collectors of their own, so that neither waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Check,
    Report,
}

/// Identifies one attempt to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// An effect: something to do.
#[derive(Debug)]
pub enum Effect {
    /// Measure this from now on. A measurement that is under way is given up. The first one brings the remembered
    /// containers and kills, since when logins may have been missed, and when the sources of alerts were last there.
    Watch {
        plan: Box<Plan>,
        memory: Option<Box<Memory>>,
        kills: Option<Box<KnownKills>>,
        logins_since: Option<Timestamp>,
        seen: Vec<(&'static str, Boot)>,
    },
    /// Begin a measurement, which ends with [`Input::Measured`](super::Input::Measured).
    Measure(Purpose),
    /// Find the causes of alerts, of CPU since [`Effect::CountCpu`], which ends with
    /// [`Input::CausesFound`](super::Input::CausesFound).
    FindCauses(Wanted),
    /// Count the CPU time of each owner from now on.
    CountCpu,
    /// Look at all containers, which ends with [`Input::Looked`](super::Input::Looked).
    LookAtContainers,
    /// Replace the state file, which ends with [`Input::Saved`](super::Input::Saved). There is one at a time.
    Save(Vec<u8>),
    /// Write a batch of the history, which ends with [`Input::Recorded`](super::Input::Recorded). There is one at a time.
    Record(Vec<u8>),
    /// Post a message, which ends with [`Input::Posted`](super::Input::Posted).
    Post { ticket: Ticket, request: http::Request },
    /// Draw a picture of the history and post it, which ends with [`Input::Posted`](super::Input::Posted).
    Draw { ticket: Ticket, job: Illustrated, recipe: Box<Recipe> },
    /// Run a program, which ends with [`Input::Posted`](super::Input::Posted) too.
    Run { ticket: Ticket, program: Program },
    /// Replace a file that others may read, or without a content remove it, which ends with
    /// [`Input::Done`](super::Input::Done).
    File { ticket: Ticket, path: PathBuf, content: Option<String> },
    /// Answer with this text whoever asks there for metrics, which ends with [`Input::Done`](super::Input::Done).
    Serve { ticket: Ticket, address: SocketAddr, text: Rc<str> },
    /// Answer nobody any more.
    StopServing,
    /// Print to standard output; with a ticket, it ends with [`Input::Printed`](super::Input::Printed).
    Print { ticket: Option<Ticket>, text: String },
    /// Tell the service manager that the agent is ready, or is stopping.
    Announce(Readiness),
    /// The line that `systemctl status` shows has changed.
    ShowStatus(String),
    /// The answer to the first request that was not answered yet.
    Answer(String),
    /// The loop is over.
    End(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    Stopping,
}
