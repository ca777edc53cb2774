//! Taps: each sees every look with its verdicts, to keep it or to pass it on (a history, a push, a text file). A tap
//! changes nothing: neither rules, alerts nor messages know it, and it holds up none of them.
//!
//! Another one is a file that implements [`Tap`] and [`Setup`], and a line where the configuration makes taps of its
//! sections.

use std::fmt;

use crate::alert::{Extent, Transition};
use crate::clock::Now;
use crate::http::{self, Answer};
use crate::rule::Finding;
use crate::snapshot::Failure;

/// One look, judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Whether it was a check, or a look at containers between two checks.
    pub extent: Extent,
    pub findings: &'a [Finding<'a>],
    pub failures: &'a [Failure],
    /// The changes of alerts, told or not.
    pub transitions: &'a [Transition],
}

pub trait Tap: fmt::Debug {
    /// Takes in a look, and returns the requests to post. A tap that wants to post one after another keeps the rest
    /// until the answer comes.
    fn take(&mut self, judged: &Judged<'_>, now: Now) -> Vec<http::Request>;

    /// Takes in the answer to one of its requests, and returns the requests that follow.
    fn answered(&mut self, answer: &Answer, now: Now) -> Vec<http::Request>;
}

/// A tap as the configuration has it.
pub trait Setup: fmt::Debug {
    fn open(&self) -> Box<dyn Tap>;
}
