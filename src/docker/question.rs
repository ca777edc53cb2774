//! The questions for an engine, and its answers: the only interface between the knowledge of containers and the
//! transport.

use jiff::Timestamp;

use super::container::{Inspected, Listed};
use super::error::Error;
use super::event::Event;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// Every container there is, running or not.
    List,
    /// One container, by its id.
    Inspect(&'a str),
    /// A document of the engine itself, by its path.
    Document(&'static str),
    /// The events of containers between two instants, as far as the engine remembers them: Docker keeps the last 256, those
    /// of health checks among them.
    Past { since: Timestamp, until: Timestamp },
}

/// One answer, or a part of one: a list is answered container by container.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A container of the list; more follows.
    Listed(Listed),
    /// The list was read to its end.
    ListEnd { podman: bool },
    /// `None`: there is no container of this id.
    Inspected(Option<Box<Inspected>>),
    /// As JSON, which is not parsed yet.
    Document(Vec<u8>),
    /// The events that the engine remembers, in its order.
    Happened(Vec<Event>),
    /// The question was not answered, or the list not to its end.
    Failed(Error),
}

impl Answer {
    /// Whether the question has been answered.
    pub fn is_last(&self) -> bool {
        !matches!(self, Answer::Listed(_))
    }
}
