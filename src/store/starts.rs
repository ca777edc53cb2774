//! The machine's starts and ends, as the state knows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The machine's ends and starts, as far as the agent saw them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starts {
    /// The service manager was shutting the machine down when the agent was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shut_down: Option<Timestamp>,
    /// A start that nobody was told of yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted: Option<Restarted>,
}

/// The machine was started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarted {
    /// When the agent last ran for certain.
    pub last_alive: Timestamp,
    pub started: Timestamp,
    /// Its end was a shutdown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_clean: bool,
}

impl Starts {
    pub fn is_empty(&self) -> bool {
        *self == Starts::default()
    }

    /// The state is from another start of the machine; this one was at `started`, by the machine's clock.
    pub fn begin(&mut self, saved: Timestamp, started: Timestamp, now: Timestamp) {
        let shut_down = self.shut_down.take();
        let last_alive = shut_down.unwrap_or(saved);
        // A container has its host's clock.
        let started = if started > last_alive { started } else { now.max(last_alive) };
        self.restarted = Some(Restarted { last_alive, started, is_clean: shut_down.is_some() });
    }
}

impl Restarted {
    pub fn down_seconds(&self) -> u64 {
        u64::try_from(self.started.duration_since(self.last_alive).as_secs()).unwrap_or_default()
    }
}
