//! Taps: each sees every look with its verdicts, to keep it or to pass it on (a history, a push, a text file). A tap
//! changes nothing: neither rules, alerts nor messages know it, and it holds up none of them.
//!
//! A tap hands over the present state, and no message: a sample that failed is dropped, and the next one is
//! truer. So a tap needs no outbox.
//!
//! Another one is a file that implements [`Tap`] and [`Setup`], and the line of its [`TapKind`] in [`TAP_KINDS`].

mod alertmanager;
mod endpoint;
mod heartbeat;
pub mod metrics;
mod section;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use crate::alert::{Alerts, Extent, Transition};
use crate::clock::{Boot, Now};
use crate::http::{self, Answer};
use crate::message::Style;
use crate::rule::Finding;
use crate::secret::Secret;
use crate::snapshot::Failure;

pub use section::{TapKind, TapSection, read};

/// All kinds, in the order of their sections in the configuration.
pub const TAP_KINDS: &[&TapKind] = &[metrics::KIND, heartbeat::KIND, alertmanager::KIND];

/// One look, judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Whether it was a check, or a look at containers between two checks.
    pub extent: Extent,
    pub findings: &'a [Finding<'a>],
    pub failures: &'a [Failure],
    /// The changes of alerts, told or not.
    pub transitions: &'a [Transition],
    /// All alerts, after these changes.
    pub alerts: &'a Alerts,
    /// Quantities that could not be measured for an hour, as alerts of their own.
    pub unknown: &'a Alerts,
    pub agent: Agent<'a>,
}

/// The agent itself, at the moment.
#[derive(Clone, Copy, Debug)]
pub struct Agent<'a> {
    pub style: &'a Style,
    /// Checks since it was started.
    pub checks: u64,
    pub last_check: Option<Timestamp>,
    pub check_took: Option<Duration>,
    pub interval: Duration,
    /// Alerts that fire.
    pub alerts: usize,
    /// Messages that a channel has not delivered yet.
    pub waiting: usize,
    /// Since when the oldest of them waits.
    pub waits_since: Option<Boot>,
}

/// Something to do for a tap. Each ends with an answer.
#[derive(Clone, Debug)]
pub enum Job {
    Post(http::Request),
    /// Replace a file that others may read; without a content, remove it.
    File {
        path: PathBuf,
        content: Option<String>,
    },
    /// Answer with this text from now on whoever asks there for metrics.
    Serve {
        address: SocketAddr,
        text: Rc<str>,
    },
}

pub trait Tap {
    /// The name in the log, without a secret.
    fn name(&self) -> String;

    /// Takes in a look, and returns what to do. A tap that wants to do one thing after another keeps the rest until the
    /// answer comes.
    fn take(&mut self, judged: &Judged<'_>, now: Now) -> Vec<Job>;

    /// Takes in the answer to one of its requests, and returns what follows.
    fn answered(&mut self, answer: &Answer, now: Now) -> Vec<Job>;

    /// Takes in that a check is complete and its state saved, and returns what to do.
    fn saved(&mut self, _agent: &Agent<'_>, _now: Now) -> Vec<Job> {
        Vec::new()
    }

    /// When it has something to do though there is no look.
    fn due(&self) -> Option<Boot> {
        None
    }

    /// Does its due work.
    fn advance(&mut self, _agent: &Agent<'_>, _now: Now) -> Vec<Job> {
        Vec::new()
    }

    /// Takes in whether a file of its own was replaced, or its text is served, and returns what follows.
    fn done(&mut self, _result: &Result<(), String>, _now: Now) -> Vec<Job> {
        Vec::new()
    }

    /// Its last word when the service is stopped. The stop waits for the answer half a second at most.
    fn leave(&self, _agent: &Agent<'_>) -> Option<http::Request> {
        None
    }

    /// Why the last sample was not taken.
    fn error(&self) -> Option<&str> {
        None
    }

    /// Whether it has a text served.
    fn serves(&self) -> bool {
        false
    }

    /// The file that it leaves: it is removed at the end, as it would lie from then on.
    fn file(&self) -> Option<&Path> {
        None
    }
}

impl fmt::Debug for dyn Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A tap as the configuration has it.
pub trait Setup {
    fn open(&self) -> Box<dyn Tap>;

    /// A secret that no error may show.
    fn secret(&self) -> Option<&Secret> {
        None
    }
}

impl fmt::Debug for dyn Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.open().name())
    }
}
