//! Conditions in words: a container's state, a unit's, a disk's, with the causes that are known of it.

use std::borrow::Cow;
use std::rc::Rc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Value;

/// A container's state or health in the engine's word, with its known causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerWord {
    /// `running`, `exited`, `missing`, …; `healthy`, `unhealthy`, `starting`.
    pub word: Rc<str>,
    pub expected: Rc<str>,
    /// Whether the word is the expected one; `None` while that is not decided (`starting`).
    pub well: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Somebody meant it: the container was stopped or removed on purpose, or is missing. It is told after
    /// `docker.grace`, and never if the container is well by then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_purpose: bool,
    /// Its trouble is critical.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_critical: bool,
    /// For the report, and only for a container that had to be inspected and was started again.
    #[serde(skip)]
    pub restarts: Option<Box<Restarted>>,
}

/// A container that the engine itself started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarted {
    /// How often, since it was last started by hand.
    pub count: u64,
    /// When it was last started.
    pub last: Option<Timestamp>,
}

impl ContainerWord {
    /// A condition that is well if `word` is the expected one; nothing else is known.
    pub fn new(word: impl Into<Rc<str>>, expected: impl Into<Rc<str>>) -> ContainerWord {
        let (word, expected) = (word.into(), expected.into());
        let well = Some(word == expected);
        ContainerWord {
            word,
            expected,
            well,
            causes: Vec::new(),
            on_purpose: false,
            is_critical: false,
            restarts: None,
        }
    }
}

impl ContainerWord {
    /// The word as people read it: `exited 3` for a job that failed.
    pub fn shown(&self) -> Cow<'_, str> {
        let exit_code = self.causes.iter().find_map(|cause| match cause {
            Cause::ExitCode(code) => Some(code),
            _ => None,
        });
        match exit_code {
            Some(code) if *self.expected == *EXITED && *self.word == *EXITED => format!("{EXITED} {code}").into(),
            _ => Cow::Borrowed(&self.word),
        }
    }

    /// The expected state in people's words: a job is to end, and to end well.
    pub fn shown_expected(expected: &str) -> &str {
        if expected == EXITED { "exited 0" } else { expected }
    }
}

impl From<ContainerWord> for Value {
    fn from(word: ContainerWord) -> Value {
        Value::Container(word.into())
    }
}

const EXITED: &str = "exited";

/// The cause of a container's trouble, as far as the engine tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    OomKilled,
    ExitCode(i64),
    RestartLoop {
        times: u32,
        window_minutes: u32,
    },
    StoppedByHand,
    /// SIGTERM ended it, and nobody asked the engine for that.
    Terminated,
    EngineStopped,
    Removed,
    /// How a unit of systemd ended, as far as systemd tells.
    UnitEnded {
        result: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
        #[serde(default)]
        restarts: u64,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        description: String,
    },
    /// It was so when the agent was installed.
    AsFound,
    /// The settings name it as one that must run.
    Named,
    /// The host has to be started again for these packages, and has had to for so many days.
    RebootNeeded {
        packages: String,
        days: u64,
    },
    /// The end of the last health check's output, one line.
    HealthOutput(String),
}

impl Cause {
    /// Somebody meant it.
    pub const fn is_on_purpose(&self) -> bool {
        matches!(self, Cause::StoppedByHand | Cause::Terminated | Cause::EngineStopped | Cause::Removed)
    }
}
