//! The reading of a quota, made of a check's counters and of the ledger.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::calendar::Calendar;
use super::{Ledger, Period, earlier};
use crate::bounds::seconds_between;
use crate::clock::Now;
use crate::collect::QuotaPlan;
use crate::collect::traffic::QUOTA_USE;
use crate::snapshot::{Key, Quota, Reading, Snapshot, Value};

/// While traffic passes, the count is saved this often, if it grew by more than that part of the limit.
const SAVED_EVERY: Duration = Duration::from_secs(15 * 60);
const WORTH_SAVING: u64 = 1000;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A shorter time that was not counted is not told: every restart of a machine has one.
const MIN_UNCOUNTED_SECONDS: u64 = 3600;

/// How far the ledger is from the one in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Nothing,
    /// By some traffic, which the next save takes along.
    Grown,
    /// By much, or by something that does not come again.
    News,
}

/// The outcome of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derived {
    pub change: Change,
    /// The provider's number was taken now: the use before and after.
    pub corrected: Option<[u64; 2]>,
    /// The provider's number is of a time that is not yet.
    pub is_correction_ahead: bool,
}

impl Ledger {
    /// Takes in the counters of a check, and adds the reading. `None`: the check has none.
    pub fn derive(
        &mut self,
        snapshot: &mut Snapshot,
        plan: &QuotaPlan,
        zone: &TimeZone,
        boot_id: &str,
        now: Now,
    ) -> Option<Derived> {
        let totals = snapshot.totals.take()?;
        let calendar = Calendar::new(&plan.reset, zone);
        let began = self.period.as_ref().map(|period| (period.begins, period.since));
        self.look(&totals, &calendar, boot_id, now)?;
        let used = |ledger: &Ledger| ledger.period.as_ref().map_or(0, |period| period.used(plan.count));
        let before = used(self);
        let is_corrected =
            plan.correction.is_some_and(|correction| self.correct_by(correction, plan.count, &calendar, now.wall));
        let is_correction_ahead = plan.correction.is_some_and(|correction| calendar.instant(correction.at) > now.wall);
        let period = self.period.as_ref()?;
        let quota = self.quota(period, plan, &calendar, now.wall);
        let is_news = began != Some((period.begins, period.since)) || is_corrected;
        let note = Some(note(&quota, is_correction_ahead).into());
        let value = Value::Quota(Box::new(quota));
        snapshot.readings.push(Reading { note, ..Reading::new(Key::whole(QUOTA_USE), value) });
        let corrected = is_corrected.then(|| [before, used(self)]);
        Some(Derived { change: self.change(is_news, plan, now), corrected, is_correction_ahead })
    }

    fn change(&mut self, is_news: bool, plan: &QuotaPlan, now: Now) -> Change {
        let used = self.period.as_ref().map_or(0, |period| period.used(plan.count));
        // The first look of a process is one at what it has read from the file.
        let (saved, at) = *self.saved.get_or_insert((used, now.boot));
        let grown = used.saturating_sub(saved);
        let is_much = grown > plan.limit.bytes / WORTH_SAVING && now.boot - at >= SAVED_EVERY;
        if is_news || is_much {
            self.saved = Some((used, now.boot));
            return Change::News;
        }
        if grown > 0 { Change::Grown } else { Change::Nothing }
    }

    fn quota(&self, period: &Period, plan: &QuotaPlan, calendar: &Calendar, now: Timestamp) -> Quota {
        let (used_bytes, limit_bytes) = (period.used(plan.count), plan.limit.bytes);
        let [today_received, today_sent] = self.days.of(calendar.date(now));
        Quota {
            percent: used_bytes as f64 / limit_bytes as f64 * 100.0,
            used_bytes,
            limit_bytes,
            is_binary: plan.limit.is_binary,
            count: plan.count,
            received_bytes: period.bytes[0],
            sent_bytes: period.bytes[1],
            today_bytes: plan.count.of(today_received, today_sent),
            begins: calendar.civil(period.begins),
            ends: calendar.civil(period.ends),
            seconds_left: seconds_between(now, period.ends),
            counted_since: (period.since > period.begins).then(|| calendar.civil(period.since)),
            uncounted_seconds: period.uncounted_seconds,
            runs_out: self.runs_out(period, plan, calendar, now).map(|at| calendar.date(at)),
            warn_at: plan.warn_at.clone(),
        }
    }

    /// When the rest of the quota is used up, if the traffic goes on as in the last seven days.
    fn runs_out(&self, period: &Period, plan: &QuotaPlan, calendar: &Calendar, now: Timestamp) -> Option<Timestamp> {
        let rest = plan.limit.bytes.checked_sub(period.used(plan.count)).filter(|rest| *rest > 0)?;
        let counted_from = self.counted_from?;
        let from = earlier(now, WEEK).max(counted_from);
        let length = now.duration_since(from);
        if length < DAY {
            return None;
        }
        let [received, sent] = self.days.after(from, counted_from, now, calendar);
        let seconds = rest as f64 / plan.count.of(received, sent) as f64 * length.as_secs_f64();
        let left = period.ends.duration_since(now).as_secs_f64();
        (seconds < left).then(|| now.checked_add(SignedDuration::from_secs_f64(seconds)).ok()).flatten()
    }
}

/// For `check` and `status`: `out 812.4GB of 1TB, begins anew 2026-12-01 00:00`, and the gaps of the count.
fn note(quota: &Quota, is_correction_ahead: bool) -> String {
    let volume = |bytes| crate::message::volume(bytes, quota.is_binary);
    let mut facts = vec![
        format!("{} {} of {}", quota.count.name(), volume(quota.used_bytes), volume(quota.limit_bytes)),
        format!("begins anew {}", quota.ends.strftime("%Y-%m-%d %H:%M")),
    ];
    facts.extend(quota.runs_out.map(|date| format!("used up by {date} at this rate")));
    facts.extend(quota.counted_since.map(|since| format!("counted since {}", since.strftime("%Y-%m-%d %H:%M"))));
    if quota.uncounted_seconds >= MIN_UNCOUNTED_SECONDS {
        facts.push(format!("up to {} h before a restart of the machine not counted", quota.uncounted_seconds / 3600));
    }
    if is_correction_ahead {
        facts.push("used_at is in the future: not taken yet".to_owned());
    }
    facts.join(", ")
}
