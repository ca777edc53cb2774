//! The questions for an engine, and its answers: the only interface between the knowledge of containers and the
//! transport.

use super::container::{Inspected, Listed};
use super::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// Every container there is, running or not.
    List,
    /// One container, by its id.
    Inspect(&'a str),
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
    /// The question was not answered, or the list not to its end.
    Failed(Error),
}

impl Answer {
    /// Whether the question has been answered.
    pub fn is_last(&self) -> bool {
        !matches!(self, Answer::Listed(_))
    }
}
