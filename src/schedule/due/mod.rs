//! Is a report due? The due times themselves decide, so that no change of the clock repeats a report or loses one.
//!
//! Two facts are kept from step to step, and over restarts in the state file: the wall clock's time of the last look,
//! and the due times that were sent. If the clock goes back, it is simply looked at again from there; a report that was
//! sent is not sent again. If it jumps ahead, because it was set or the machine was asleep or off, it has passed over
//! due times: the newest of them counts. Reading clocks, measuring and sending are left to the caller, who must save
//! the state before it sends.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::{ReportConfig, Schedule};

/// Whether a report is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Due {
    /// Nothing to send before `next`; `None`: never, as far as is known.
    NotYet { next: Option<Timestamp> },
    /// Send the report that the schedule has for `due`. `late_by` is set if people should be told that it is late.
    Send { due: Zoned, late_by: Option<Duration> },
    /// The report for `due` is later than the configuration's `misfire_grace`: log that, and send nothing.
    Skipped { due: Zoned, late_by: Duration },
}

/// The part that must outlive a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportState {
    /// The schedule and the zone of the other fields. For another one nothing is due in retrospect.
    schedule: String,
    /// The due times up to here were dealt with, as far as the clock can be believed.
    seen: Timestamp,
    /// The due times of the last reports, in the order in which they were sent.
    sent: VecDeque<Timestamp>,
    /// When the last report was sent.
    pub last_sent: Option<Timestamp>,
}

/// Times for people have minutes, so a shorter delay is none.
const ON_TIME: SignedDuration = SignedDuration::from_secs(60);

/// The number of due times that are remembered. A clock that is set back over more reports than these repeats one.
const REMEMBERED: usize = 64;

/// The state machine of the reports.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// `None`: reports are switched off.
    schedule: Option<Schedule>,
    zone: TimeZone,
    grace: SignedDuration,
    delay: SignedDuration,
    state: ReportState,
}

impl Reporter {
    /// Goes on from `saved`: this process's state before its configuration was reloaded, or an earlier one's.
    ///
    /// `zone` is the schedule's zone, whether or not `config` names it; `host_name` decides this host's place in the
    /// jitter.
    pub fn new(
        config: &ReportConfig,
        zone: TimeZone,
        host_name: &str,
        saved: Option<ReportState>,
        now: Timestamp,
    ) -> Reporter {
        let schedule = config.enabled.then(|| config.cron.clone());
        let delay = host_delay(host_name, config.jitter);
        let name = schedule.as_ref().map_or_else(String::new, |schedule| {
            format!("{schedule} {}", zone.iana_name().unwrap_or("in the system's time zone"))
        });
        let start = earlier(now, delay);
        let state = match saved {
            Some(saved) if saved.schedule == name => saved,
            Some(saved) => ReportState { schedule: name, seen: start, ..saved },
            None => ReportState { schedule: name, seen: start, sent: VecDeque::new(), last_sent: None },
        };
        let mut reporter = Reporter { schedule, zone, grace: signed(config.misfire_grace), delay, state };
        reporter.forget_oldest();
        reporter
    }

    /// The decision at `now`, the wall clock's time. A report that is to be sent counts as sent from here on.
    pub fn step(&mut self, now: Timestamp) -> Due {
        let at = earlier(now, self.delay);
        let seen = std::mem::replace(&mut self.state.seen, at);
        let Some(due) = self.newest_due(seen, at) else { return Due::NotYet { next: self.next_after(now) } };
        let late_by = at.duration_since(due);
        let shown_due = due.to_zoned(self.zone.clone());
        if late_by >= self.grace.max(ON_TIME) {
            return Due::Skipped { due: shown_due, late_by: late_by.unsigned_abs() };
        }
        self.state.sent.push_back(due);
        self.state.last_sent = Some(now);
        self.forget_oldest();
        Due::Send { due: shown_due, late_by: (late_by >= ON_TIME).then(|| late_by.unsigned_abs()) }
    }

    /// When the next report is due after `now`, this host's delay included.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let at = earlier(now, self.delay);
        let next = self.schedule.as_ref()?.upcoming(at, &self.zone).find(|due| !self.was_sent(due.timestamp()))?;
        next.timestamp().checked_add(self.delay).ok()
    }

    /// The state to save after each step.
    pub fn state(&self) -> &ReportState {
        &self.state
    }

    /// The newest due time after `seen` and up to `at`, unless it was sent already.
    fn newest_due(&self, seen: Timestamp, at: Timestamp) -> Option<Timestamp> {
        let newest = newest_between(self.schedule.as_ref()?, &self.zone, seen, at)?;
        (!self.was_sent(newest)).then_some(newest)
    }

    fn was_sent(&self, due: Timestamp) -> bool {
        self.state.sent.contains(&due)
    }

    fn forget_oldest(&mut self) {
        let surplus = self.state.sent.len().saturating_sub(REMEMBERED);
        self.state.sent.drain(..surplus);
    }
}

/// The newest due time after `after` and up to `until`.
///
/// A schedule is searched forwards only, and there may be years between the two, so this looks into the last day first,
/// then into the last two, four, and so on.
fn newest_between(schedule: &Schedule, zone: &TimeZone, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let mut window = SignedDuration::from_hours(24);
    loop {
        let start = earlier(until, window).max(after);
        let in_window = schedule.upcoming(start, zone).map(|due| due.timestamp()).take_while(|due| *due <= until);
        match in_window.last() {
            Some(newest) => return Some(newest),
            None if start == after => return None,
            None => window = window.saturating_mul(2),
        }
    }
}

/// A delay of whole seconds, up to `jitter`, that depends on the host's name alone: stable over restarts, and spread
/// evenly over a fleet by the FNV-1a hash of 64 bits (draft-eastlake-fnv).
fn host_delay(host_name: &str, jitter: Duration) -> SignedDuration {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = host_name.bytes().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    signed(Duration::from_secs(hash % (jitter.as_secs() + 1)))
}

fn earlier(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
