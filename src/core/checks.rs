//! When to check, and when to look again at the end of an alert's wait.

use std::time::Duration;

use super::{Core, Effect, Purpose};
use crate::clock::{self, Boot, Now};

/// The graces of containers that one `compose down` stopped end together.
const TAKEN_DOWN_TOGETHER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Checks {
    /// When the next check is due. Checks stay on their grid, however long one takes.
    pub next: Boot,
    pub is_measuring: bool,
    /// The number of completed checks.
    pub count: u64,
    pub last: Option<jiff::Timestamp>,
    /// Alerts whose wait ended up to here have been looked at.
    containers_looked_at: Boot,
    host_looked_at: Boot,
    /// [`Core::waits_end`] as of the last step: nobody looks through thousands of alerts at each turn of the loop.
    pub waits_end: [Option<Boot>; 2],
}

impl Checks {
    pub fn new(now: Boot) -> Checks {
        Checks {
            next: now,
            is_measuring: false,
            count: 0,
            last: None,
            containers_looked_at: now,
            host_looked_at: now,
            waits_end: [None; 2],
        }
    }

    /// The grid's next instant. Missed checks (the machine slept) are not made up for.
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
        let [containers, host] = self.checks.waits_end;
        if containers.is_some_and(|due| due <= now.boot) {
            self.checks.containers_looked_at = now.boot;
            self.checks.waits_end = self.waits_end();
            effects.push(Effect::LookAtContainers);
        }
        if !self.checks.is_measuring && host.is_some_and(|due| due <= now.boot) {
            self.checks.host_looked_at = now.boot.after(self.config.plan.window());
            self.checks.waits_end = self.waits_end();
            self.checks.is_measuring = true;
            effects.push(Effect::Measure(Purpose::Check));
        }
        if !self.checks.is_measuring && now.boot >= self.checks.next {
            self.checks.is_measuring = true;
            self.checks.advance(now.boot, self.config.check_interval);
            effects.push(Effect::Measure(Purpose::Check));
        }
        if !self.checks.is_measuring && self.hold_ends(now).is_some_and(|end| end <= now.boot) {
            self.checks.is_measuring = true;
            effects.push(Effect::Measure(Purpose::Check));
        }
    }

    pub(super) fn check_due(&self, now: Now) -> Option<Boot> {
        let next = Some(self.checks.next).filter(|_| !self.checks.is_measuring);
        let [containers, host] = self.checks.waits_end;
        let host = host.filter(|_| !self.checks.is_measuring);
        let hold = self.hold_ends(now).filter(|_| !self.checks.is_measuring);
        [next, containers, host, hold].into_iter().flatten().min()
    }

    /// When to begin a look at containers, and a check of the host, at the end of an alert's wait: its `for`, its
    /// grace, its cooldown or its settling. A check begins earlier by its sampling window, so that it is complete by
    /// then.
    pub(super) fn waits_end(&self) -> [Option<Boot>; 2] {
        let policy = &self.config.policy;
        let of_containers = || self.alerts().due(true, self.checks.containers_looked_at, policy);
        let together = of_containers().min().map(|first| first.after(TAKEN_DOWN_TOGETHER));
        let containers = of_containers().filter(|due| Some(*due) <= together).max();
        let host = self.alerts().due(false, self.checks.host_looked_at, policy).min();
        [containers, host.map(|due| due.before(self.config.plan.window()))]
    }

    pub(super) fn is_checked_once(&self) -> bool {
        self.mode.once && self.checks.count > 0
    }
}
