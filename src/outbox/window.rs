//! The budget: how much a channel was sent in the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Boot;

/// A WeChat Work robot takes 20 messages a minute (developer.work.weixin.qq.com, document path 91770). A failed attempt
/// counts: the robot counted it too, if it came that far.
pub const MAX_IN_WINDOW: usize = 20;
pub const WINDOW: Duration = Duration::from_secs(60);

/// An attempt may reach the robot this long after it began, and no later (see `worker::POST_DEADLINE`).
const LONGEST_ATTEMPT: Duration = Duration::from_secs(10);

/// The instants at which the last attempts reached the channel at the latest, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Window {
    latest_arrivals: VecDeque<Boot>,
}

impl Window {
    /// When one more may be sent; `None`: at once.
    pub fn free_at(&self) -> Option<Boot> {
        let over = self.latest_arrivals.len().checked_sub(MAX_IN_WINDOW)?;
        self.latest_arrivals.get(over).map(|arrival| arrival.after(WINDOW))
    }

    /// Counts an attempt that is about to be made: until it is known better, it may arrive as late as it can.
    pub fn begin(&mut self, now: Boot) {
        while self.latest_arrivals.len() >= MAX_IN_WINDOW {
            self.latest_arrivals.pop_front();
        }
        self.latest_arrivals.push_back(now.after(LONGEST_ATTEMPT));
    }

    /// The last attempt is over: it has not arrived later than now.
    pub fn settle(&mut self, now: Boot) {
        if let Some(last) = self.latest_arrivals.back_mut() {
            *last = now.min(*last);
        }
    }

    pub fn shift(&mut self, micros: i64) {
        for arrival in &mut self.latest_arrivals {
            *arrival = arrival.shifted(micros);
        }
    }
}
