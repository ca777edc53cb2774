//! The count of a monthly quota: from the interfaces' counters to the use of this period. Pure.
//!
//! It is kept in the state, because counters begin anew with the machine. What the counters of one start of the machine
//! say is counted, however long the agent was away; what passed between the last save and a restart of the machine is
//! lost, and said to be. Nothing is counted twice: each look adds the growth since the look before, together with the
//! counters that it was taken from.
//!
//! The wall clock decides which period it is, and how time passed between two looks is decided by the clock that never
//! steps.

mod calendar;
mod days;
mod derive;
mod devices;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bounds::{MAX_COUNT, keep, seconds_between};
use crate::clock::{Boot, Now};
use crate::collect::Correction;
use crate::snapshot::{Direction, Totals};

use calendar::{Calendar, Span, passed_by};
use days::{Days, minus, plus};
use devices::Devices;

pub use derive::{Change, Derived};

/// A clock that was set back over a reset by less is corrected: the reset is not undone, and does not happen twice.
const ONCE_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// The longest rule: two numbers and the name of a zone.
const MAX_RULE_BYTES: usize = 128;

/// All knowledge of the traffic of this period, and of the last days.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// How time is divided into periods.
    #[serde(default)]
    rule: String,
    /// The start of the machine that the counters belong to.
    #[serde(default)]
    boot_id: String,
    #[serde(default)]
    seen: Option<Seen>,
    #[serde(default)]
    devices: Devices,
    #[serde(default)]
    days: Days,
    /// The days have all traffic since then.
    #[serde(default)]
    counted_from: Option<Timestamp>,
    #[serde(default)]
    period: Option<Period>,
    /// The period before, for a clock that was ahead and is set back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Period>,
    /// The use that is in the state file for certain, and the time of that save.
    #[serde(skip)]
    saved: Option<(u64, Boot)>,
}

/// The last look, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    wall: Timestamp,
    boot: Boot,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Period {
    begins: Timestamp,
    ends: Timestamp,
    /// The count has all traffic since then.
    since: Timestamp,
    /// Received and sent.
    bytes: [u64; 2],
    /// Of the time since then, so much before restarts of the machine is not.
    #[serde(default)]
    uncounted_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corrected: Option<Corrected>,
}

/// The provider's number that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Corrected {
    used_bytes: u64,
    at: jiff::civil::DateTime,
    /// It is in this direction that bytes are added to the count.
    count: Direction,
    added: i64,
}

impl Ledger {
    pub fn is_empty(&self) -> bool {
        self.period.is_none()
    }

    /// Takes in a look at the counters. `None`: the calendar ends.
    fn look(&mut self, totals: &Totals, calendar: &Calendar, boot_id: &str, now: Now) -> Option<()> {
        let current = calendar.span(now.wall)?;
        let started = earlier(now.wall, now.boot.since(Boot::from_micros(0)));
        let is_new = self.seen.is_none();
        let (mut bytes, mut from) = match self.seen {
            Some(seen) if self.boot_id == boot_id => {
                (self.devices.follow(totals), earlier(now.wall, now.boot.since(seen.boot)))
            }
            _ => (self.devices.begin(totals), started),
        };
        // Of counters that are older than the period nobody knows the part that is in it.
        if is_new && started < current.begins {
            (bytes, from) = ([0; 2], now.wall);
        }
        // A clock that is set back leaves none behind that is still to come.
        self.counted_from = Some(self.counted_from.map_or(from, |counted| counted.min(from)));
        self.divide_by(calendar, current, now.wall);
        let is_restarted = !is_new && self.boot_id != boot_id;
        let lost_from = self.seen.filter(|_| is_restarted).map(|seen| seen.wall);
        self.add(bytes, from, lost_from, current, now.wall);
        self.days.add(bytes, from, now.wall, calendar);
        self.seen = Some(Seen { wall: now.wall, boot: now.boot });
        boot_id.clone_into(&mut self.boot_id);
        Some(())
    }

    /// Adds to the period that it is, which may be a new one.
    fn add(&mut self, bytes: [u64; 2], from: Timestamp, lost_from: Option<Timestamp>, current: Span, now: Timestamp) {
        let mut period = match self.period.take() {
            None => Period::new(current, from.max(current.begins)),
            Some(period) if current.begins > period.begins => {
                let mut over = period;
                let by_then = bytes.map(|bytes| passed_by(current.begins, bytes, from, now));
                over.bytes = plus(over.bytes, by_then);
                self.before = Some(over);
                let mut period = Period::new(current, current.begins);
                period.bytes = minus(bytes, by_then);
                period.lose(lost_from, from);
                self.period = Some(period);
                return;
            }
            // The clock was ahead by far.
            Some(ahead) if ahead.begins.duration_since(now) > ONCE_WITHIN => {
                let real = self.before.take_if(|before| before.begins == current.begins);
                let mut real = real.unwrap_or_else(|| Period::new(current, from.max(current.begins)));
                real.bytes = plus(real.bytes, ahead.bytes);
                real
            }
            Some(period) => period,
        };
        period.bytes = plus(period.bytes, bytes);
        period.lose(lost_from, from);
        self.period = Some(period);
    }

    /// If time is divided in another way than before, the period that it is by now is made of the days.
    fn divide_by(&mut self, calendar: &Calendar, current: Span, now: Timestamp) {
        let rule = calendar.rule();
        if self.rule == rule {
            return;
        }
        self.rule = rule;
        self.before = None;
        let Some(known) = self.period.take() else { return };
        let since = known.since.max(current.begins);
        let mut period = Period::new(current, since);
        period.bytes = self.days.after(since, self.counted_from.unwrap_or(since), now, calendar);
        period.uncounted_seconds = known.uncounted_seconds;
        self.period = Some(period);
    }

    /// Takes over the provider's number, once. Whether it was taken now.
    fn correct_by(&mut self, correction: Correction, count: Direction, calendar: &Calendar, now: Timestamp) -> bool {
        let at = calendar.instant(correction.at);
        let Some((period, counted_from)) = self.period.as_mut().zip(self.counted_from) else { return false };
        let Correction { used_bytes, at: civil } = correction;
        let is_taken = |taken: Corrected| (taken.used_bytes, taken.at, taken.count) == (used_bytes, civil, count);
        if at < period.begins || at > now || period.corrected.is_some_and(is_taken) {
            return false;
        }
        let after = self.days.after(at, counted_from, now, calendar);
        let counted = count.of(period.bytes[0], period.bytes[1]);
        let by_then = count.of(period.bytes[0].saturating_sub(after[0]), period.bytes[1].saturating_sub(after[1]));
        debug_assert!(by_then <= counted);
        let added = i128::from(used_bytes) - i128::from(by_then);
        let added = i64::try_from(added).unwrap_or(if added < 0 { i64::MIN } else { i64::MAX });
        period.corrected = Some(Corrected { used_bytes, at: civil, count, added });
        // The provider has counted all the time.
        (period.since, period.uncounted_seconds) = (period.begins, 0);
        true
    }

    /// Corrects values that no agent wrote. How many that were.
    pub fn correct(&mut self) -> usize {
        let mut corrected = self.devices.correct() + self.days.correct();
        if self.rule.len() > MAX_RULE_BYTES {
            self.rule.clear();
            corrected += 1;
        }
        for period in [&mut self.period, &mut self.before].into_iter().flatten() {
            corrected += keep(&mut period.uncounted_seconds, 0..=MAX_COUNT);
            corrected += keep(&mut period.since, period.begins..=Timestamp::MAX);
        }
        corrected
    }
}

impl Period {
    fn new(Span { begins, ends }: Span, since: Timestamp) -> Period {
        Period { begins, ends, since, bytes: [0; 2], uncounted_seconds: 0, corrected: None }
    }

    /// Between the last look and a restart of the machine nobody counted.
    fn lose(&mut self, from: Option<Timestamp>, to: Timestamp) {
        let lost = from.map_or(0, |from| seconds_between(from.max(self.begins), to));
        self.uncounted_seconds = self.uncounted_seconds.saturating_add(lost);
    }

    /// The bytes that are billed.
    fn used(&self, count: Direction) -> u64 {
        let counted = count.of(self.bytes[0], self.bytes[1]);
        let added = self.corrected.filter(|corrected| corrected.count == count).map_or(0, |corrected| corrected.added);
        counted.saturating_add_signed(added)
    }
}

fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    time.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
