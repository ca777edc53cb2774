//! The parts of the configuration that the state machine goes by.

use std::rc::Rc;
use std::time::Duration;

/// How long the past of an alert is remembered: a return within this time counts as one.
pub const RETURNS_ARE_REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// The configuration of alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The minimum time between two firing messages of one alert. Exceptions: its first critical one, and a return
    /// after a recovery that was told.
    pub cooldown: Duration,
    pub send_recovery: bool,
    /// The time from its last message until a lasting alert is told again. No step: never.
    pub repeat: Steps,
    /// How long an alert that came back must be below its limit until it is over: the first return takes the first
    /// step.
    pub settle: Steps,
}

impl Default for Policy {
    fn default() -> Policy {
        let hour = Duration::from_secs(3600);
        let hour_then_day = Steps::new([hour, 24 * hour]);
        Policy {
            cooldown: Duration::from_secs(300),
            send_recovery: true,
            repeat: hour_then_day.clone(),
            settle: hour_then_day,
        }
    }
}

impl Policy {
    /// How long an alert that came back `returns` times must be below its limit before it is over.
    pub fn settling(&self, returns: u32) -> Duration {
        returns.checked_sub(1).and_then(|nth| self.settle.nth(nth)).unwrap_or_default()
    }

    /// Whether a return is told at once, because the settling limits the number of messages that follow.
    pub fn returns_at_once(&self) -> bool {
        self.settle.nth(0).is_some_and(|first| !first.is_zero())
    }
}

/// A list of durations: the n-th time takes the n-th, and every time after the end of the list takes the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps(Rc<[Duration]>);

impl Steps {
    pub fn new(steps: impl Into<Rc<[Duration]>>) -> Steps {
        Steps(steps.into())
    }

    /// Counted from 0; `None` where there is no step at all.
    pub fn nth(&self, nth: u32) -> Option<Duration> {
        let nth = usize::try_from(nth).unwrap_or(usize::MAX);
        self.0.get(nth).or(self.0.last()).copied()
    }

    pub fn as_slice(&self) -> &[Duration] {
        &self.0
    }
}
