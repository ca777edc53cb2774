//! When to check, and when to look again at the end of an alert's wait.

use std::time::Duration;

use super::{Core, Effect};
use crate::clock::{self, Boot, Now};

/// The longest wait of `run --once`, in all, for breaches that must last before they are told.
const LONGEST_WAIT_ONCE: Duration = Duration::from_secs(60);

/// The graces of containers that one `compose down` stopped end together.
const TAKEN_DOWN_TOGETHER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Checks {
    /// When this agent was started.
    pub began: Boot,
    /// There was no state: no agent was here before.
    pub is_new: bool,
    /// When the next check is due. Checks stay on their grid, however long one takes.
    pub next: Boot,
    pub is_measuring: bool,
    /// When the last measurement began, and how long its check took.
    pub measuring_since: Boot,
    pub took: Option<Duration>,
    /// The number of completed checks.
    pub count: u64,
    pub last: Option<jiff::Timestamp>,
    /// Alerts whose wait ended up to here have been looked at.
    containers_looked_at: Boot,
    host_looked_at: Boot,
    /// [`Core::waits_end`] as of the last step: nobody looks through thousands of alerts at each turn of the loop.
    pub waits_end: [Option<Boot>; 2],
    /// A look at all containers was asked for.
    is_looking: bool,
    /// Of `run --once`: when it waits no longer; none before its check.
    once_until: Option<Boot>,
}

impl Checks {
    pub fn new(is_new: bool, now: Boot) -> Checks {
        Checks {
            began: now,
            is_new,
            next: now,
            is_measuring: false,
            measuring_since: now,
            took: None,
            count: 0,
            last: None,
            containers_looked_at: now,
            host_looked_at: now,
            waits_end: [None; 2],
            is_looking: false,
            once_until: None,
        }
    }

    /// A check is complete.
    pub fn complete(&mut self, now: Now) {
        self.is_measuring = false;
        self.took = Some(now.boot - self.measuring_since);
        self.last = Some(now.wall);
        self.count += 1;
        self.once_until.get_or_insert(now.boot.after(LONGEST_WAIT_ONCE));
    }

    /// All containers were looked at.
    pub fn looked(&mut self) {
        self.is_looking = false;
    }

    /// The work that is under way measures another plan, and is given up.
    pub fn give_up(&mut self) {
        (self.is_measuring, self.is_looking) = (false, false);
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
        let [containers, host] = self.checks.waits_end;
        if containers.is_some_and(|due| due <= now.boot) {
            self.checks.containers_looked_at = now.boot;
            self.checks.waits_end = self.waits_end();
            self.checks.is_looking = true;
            effects.push(Effect::LookAtContainers);
        }
        if !self.checks.is_measuring && host.is_some_and(|due| due <= now.boot) {
            self.checks.host_looked_at = now.boot.after(self.config.plan.window());
            self.checks.waits_end = self.waits_end();
            self.begin_check(now.boot, effects);
        }
        if self.next_check().is_some_and(|next| next <= now.boot) {
            self.checks.advance(now.boot, self.config.check_interval);
            self.begin_check(now.boot, effects);
        }
        if !self.checks.is_measuring && self.hold_ends(now).is_some_and(|end| end <= now.boot) {
            self.begin_check(now.boot, effects);
        }
    }

    pub(super) fn check_due(&self, now: Now) -> Option<Boot> {
        let [containers, host] = self.checks.waits_end;
        let host = clock::earliest(&[host, self.hold_ends(now)]).filter(|_| !self.checks.is_measuring);
        clock::earliest(&[self.next_check(), containers, host])
    }

    /// When the next check of the grid begins, which `run --once` has one of.
    fn next_check(&self) -> Option<Boot> {
        let is_last = self.mode.once && self.checks.count > 0;
        (!self.checks.is_measuring && !is_last).then_some(self.checks.next)
    }

    /// When to begin a look at containers, and a check of the host, at the end of an alert's wait: its `for`, its
    /// grace, its cooldown or its settling. A check begins earlier by its sampling window, so that it is complete by
    /// then.
    pub(super) fn waits_end(&self) -> [Option<Boot>; 2] {
        let of_containers = || self.due(true, self.checks.containers_looked_at);
        let together = of_containers().min().map(|first| first.after(TAKEN_DOWN_TOGETHER));
        let containers = of_containers().filter(|due| Some(*due) <= together).max();
        let looked_at = self.checks.host_looked_at;
        let host = self.due(false, looked_at).chain(self.unknown_due(looked_at)).min();
        [containers, host.map(|due| due.before(self.config.plan.window()))]
    }

    /// The ends of waits after `after`. `run --once` waits for breaches to last, and for nothing else.
    fn due(&self, of_docker: bool, after: Boot) -> impl Iterator<Item = Boot> {
        let (once, until, policy) = (self.mode.once, self.checks.once_until, &self.config.policy);
        let all = (!once).then(|| self.alerts().due(of_docker, after, policy));
        let lasting = once.then(|| self.alerts().lasting(of_docker, after, policy));
        all.into_iter().flatten().chain(lasting.into_iter().flatten().filter(move |due| Some(*due) <= until))
    }

    /// The ends of waits after `after` for keys that cannot be measured.
    fn unknown_due(&self, after: Boot) -> impl Iterator<Item = Boot> {
        let (book, policy) = (&self.state.get().unknown, &self.config.policy);
        let of = move |of_docker| book.due(of_docker, after, policy);
        let is_once = self.mode.once;
        of(false).chain(of(true)).filter(move |_| !is_once)
    }

    /// Whether `run --once` has looked at all that it is to look at.
    pub(super) fn is_checked_once(&self) -> bool {
        let Checks { count, is_measuring, is_looking, .. } = self.checks;
        self.mode.once && count > 0 && !is_measuring && !is_looking && self.waits_end() == [None, None]
    }
}
