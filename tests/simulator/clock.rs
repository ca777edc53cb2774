//! The machine's clocks, and the true time behind them, which no program can read.

use jiff::Timestamp;
use vps_monitor::clock::{Boot, Now};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

/// 2026-02-04 00:00:00 UTC, when every run begins.
const BEGINNING: i64 = 1_770_163_200 * SECOND;

/// In microseconds.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// The true time since the beginning of the run.
    pub true_time: i64,
    /// How far the wall clock is ahead of the truth.
    pub wall_ahead: i64,
    /// When the machine was started.
    started: i64,
    /// Which start of the machine it is.
    starts: u32,
}

impl Clock {
    pub fn now(&self) -> Now {
        let wall = Timestamp::from_microsecond(BEGINNING + self.true_time + self.wall_ahead).expect("a near year");
        Now { wall, boot: Boot::from_micros(self.true_time - self.started) }
    }

    /// The true time of an instant of the running machine's clock.
    pub fn true_time_of(&self, boot: Boot) -> i64 {
        self.started.saturating_add(boot.as_micros())
    }

    pub fn boot_id(&self) -> String {
        format!("start-{}", self.starts)
    }

    pub fn restart_machine(&mut self) {
        self.started = self.true_time;
        self.starts += 1;
    }
}
