//! When to check, and when to look again at what was kept back.

use std::time::Duration;

use super::{Core, Effect, Purpose};
use crate::clock::{self, Boot, Now};

#[derive(Debug)]
pub(super) struct Checks {
    /// When the next one is due. Checks stay on their grid: however long one takes, the next is due where it would have
    /// been.
    pub next: Boot,
    pub is_measuring: bool,
    /// Checks that were completed.
    pub count: u64,
    pub last: Option<jiff::Timestamp>,
    /// Alerts that were kept back until here have been looked at.
    kept_back_seen: Boot,
}

impl Checks {
    pub fn new(now: Boot) -> Checks {
        Checks { next: now, is_measuring: false, count: 0, last: None, kept_back_seen: now }
    }

    /// The grid's next instant. Those that were missed (the machine slept) are not made up for.
    fn advance(&mut self, now: Boot, interval: Duration) {
        let missed = clock::micros(now - self.next) / clock::micros(interval).max(1);
        let steps = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
        self.next = self.next.after(interval.saturating_mul(steps));
    }
}

impl Core {
    pub(super) fn check_if_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.is_checked_once() {
            return;
        }
        let kept_back = self.kept_back_due();
        if let Some((due, is_of_docker)) = kept_back
            && due <= now.boot
        {
            self.checks.kept_back_seen = now.boot;
            if is_of_docker {
                effects.push(Effect::LookAtContainers);
            } else if !self.checks.is_measuring {
                self.checks.is_measuring = true;
                effects.push(Effect::Measure(Purpose::Check));
            }
        }
        if !self.checks.is_measuring && now.boot >= self.checks.next {
            self.checks.is_measuring = true;
            self.checks.advance(now.boot, self.config.check_interval);
            effects.push(Effect::Measure(Purpose::Check));
        }
    }

    pub(super) fn check_due(&self) -> Option<Boot> {
        let next = Some(self.checks.next).filter(|_| !self.checks.is_measuring);
        let kept_back = self.kept_back_due().map(|(due, _)| due);
        [next, kept_back].into_iter().flatten().min()
    }

    /// When an alert that was kept back may be told, and whether a look at containers is enough to know how it stands.
    fn kept_back_due(&self) -> Option<(Boot, bool)> {
        let (due, key) = self.alerts().next_due(self.checks.kept_back_seen, self.config.policy)?;
        Some((due, key.metric.is_of_docker()))
    }

    pub(super) fn is_checked_once(&self) -> bool {
        self.mode.once && self.checks.count > 0
    }
}
