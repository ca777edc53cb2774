//! The longest turn of the loop: the time for which nothing that came was seen.

use std::time::Duration;

use crate::clock::Stopwatch;

#[derive(Debug, Default)]
pub struct Turns {
    /// Runs while a turn does.
    current: Option<Stopwatch>,
    longest: Duration,
}

impl Turns {
    /// The wait is over.
    pub fn begin(&mut self) {
        self.current = Some(Stopwatch::start());
    }

    /// The loop waits again.
    pub fn end(&mut self) {
        let turn = self.current.take().map(|turn| turn.elapsed());
        self.longest = self.longest.max(turn.unwrap_or_default());
    }

    /// Of those that have ended.
    pub fn longest(&self) -> Duration {
        self.longest
    }
}
