//! The rules that the configuration gives for alerts.

use super::host::WATCHED;

/// The keys of alerts. Times are in microseconds, on the machine's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    pub cooldown: i64,
    pub send_recovery: bool,
    /// Empty: never.
    pub repeat: Vec<i64>,
    pub settle: Vec<i64>,
    pub limits: [Limits; WATCHED.len()],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub threshold: f64,
    pub critical: Option<f64>,
    /// `for`
    pub lasts: i64,
}

impl Rules {
    /// How long an alert that came back so many times is to be well before it is called over.
    pub fn settling(&self, returns: u32) -> i64 {
        if returns == 0 { 0 } else { nth(&self.settle, returns - 1).unwrap_or(0) }
    }

    /// The same for one of [`WATCHED`], of which one has a time of its own.
    pub fn settling_of(&self, place: usize, returns: u32) -> i64 {
        self.settling(returns).max(WATCHED[place].release())
    }

    pub fn longest_settling(&self) -> i64 {
        self.settle.iter().copied().max().unwrap_or(0)
    }

    /// A return is told at once, because its settling bounds the messages that follow.
    pub fn settles(&self) -> bool {
        self.settling(1) > 0
    }
}

/// The n-th takes the n-th, and every later one the last.
pub fn nth(steps: &[i64], n: u32) -> Option<i64> {
    steps.get(n as usize).or(steps.last()).copied()
}

impl Limits {
    /// The limit that a number is told with: the critical one where it is over that for long enough.
    pub fn named(&self, number: f64, is_critical: bool) -> f64 {
        self.critical.filter(|critical| is_critical && number >= *critical).unwrap_or(self.threshold)
    }
}
