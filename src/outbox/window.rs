//! The budget: the attempts of the last minute. A failed attempt counts: the channel may have counted it too.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bounds::keep;
use crate::clock::Boot;

/// The bounds of any channel's budget, and of the time that an attempt takes to arrive.
const MAX_ATTEMPTS: usize = 1000;
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);
const LONGEST_ATTEMPT: Duration = Duration::from_secs(60);

/// How many attempts a channel takes in any window of time, and how late an attempt can still arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub attempts: usize,
    pub window: Duration,
    /// An attempt reaches the channel this long after it began, and no later.
    pub longest_attempt: Duration,
}

impl Budget {
    /// Whether a state file can hold all attempts that this budget counts, for as long as they count.
    pub const fn is_within_bounds(&self) -> bool {
        self.attempts <= MAX_ATTEMPTS
            && self.window.as_millis() <= LONGEST_WINDOW.as_millis()
            && self.longest_attempt.as_millis() <= LONGEST_ATTEMPT.as_millis()
    }
}

/// The instants at which the last attempts reached the channel at the latest, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Window {
    latest_arrivals: VecDeque<Boot>,
}

impl Window {
    /// When one more may be sent; `None`: at once.
    pub fn free_at(&self, budget: Budget) -> Option<Boot> {
        let over = self.latest_arrivals.len().checked_sub(budget.attempts)?;
        self.latest_arrivals.get(over).map(|arrival| arrival.after(budget.window))
    }

    /// Whether no attempt counts any more, whatever the budget.
    pub fn is_over(&self, now: Boot) -> bool {
        self.latest_arrivals.iter().all(|arrival| arrival.after(LONGEST_WINDOW) <= now)
    }

    /// Counts an attempt that is about to be made: until its end is known, it may arrive as late as possible.
    pub fn begin(&mut self, now: Boot, budget: Budget) {
        while self.latest_arrivals.len() >= budget.attempts {
            self.latest_arrivals.pop_front();
        }
        self.latest_arrivals.push_back(now.after(budget.longest_attempt));
    }

    /// Whether no more attempts are counted than the budget has, oldest first.
    pub fn keeps(&self, budget: Budget) -> bool {
        self.latest_arrivals.len() <= budget.attempts
    }

    /// An attempt was counted, and is only made now.
    pub fn delay(&mut self, now: Boot, budget: Budget) {
        if let Some(last) = self.latest_arrivals.back_mut() {
            *last = now.after(budget.longest_attempt);
        }
    }

    /// The last attempt is over: it has not arrived later than now. It may have begun later than it was counted.
    pub fn settle(&mut self, now: Boot) {
        if let Some(last) = self.latest_arrivals.back_mut() {
            *last = now;
        }
    }

    /// Counts the attempts that an agent which is gone may have made within `gap` and could not save: one in each `pause`,
    /// the last as the gap ends.
    pub fn presume(&mut self, gap: &Range<Boot>, pause: Duration, budget: Budget) {
        let made = std::iter::successors(Some(gap.end), |made| Some(made.before(pause)));
        let presumed = made.take(budget.attempts).take_while(|made| *made - gap.start >= pause);
        self.latest_arrivals.extend(presumed.map(|made| made.after(budget.longest_attempt)));
        self.latest_arrivals.make_contiguous().sort_unstable();
    }

    /// Corrects values from a file that cannot be true; returns how many there were.
    pub fn correct(&mut self, now: Boot) -> usize {
        let surplus = self.latest_arrivals.len().saturating_sub(MAX_ATTEMPTS);
        self.latest_arrivals.drain(..surplus);
        let bounds = Boot::EARLIEST..=now.after(LONGEST_ATTEMPT);
        let arrivals = self.latest_arrivals.iter_mut();
        surplus + arrivals.map(|arrival| keep(arrival, bounds.clone())).sum::<usize>()
    }

    pub fn shift(&mut self, micros: i64) {
        for arrival in &mut self.latest_arrivals {
            *arrival = arrival.shifted(micros);
        }
    }
}
