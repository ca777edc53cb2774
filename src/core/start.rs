//! After the machine's start: findings are told together, once the start has settled.
//!
//! Services are late, disks are mounted, caches are cold: half of the first findings are over a minute later. They wait
//! as if they had a `for` until the start has settled. A critical one is told at once, and so is a container that dies
//! after the first check.

use std::time::Duration;

use super::Core;
use crate::alert::Alert;
use crate::clock::{Boot, Now};
use crate::collect::Source;
use crate::rule::{Finding, Level, Verdict};
use crate::store::State;

/// A start has settled by then, whatever the service manager says.
pub const SETTLED_AFTER: Duration = Duration::from_secs(5 * 60);

/// Until when the machine starts, if its uptime tells that it does.
pub(super) fn starts_until(uptime: Option<Duration>, now: Boot) -> Option<Boot> {
    let left = SETTLED_AFTER.checked_sub(uptime?)?;
    (!left.is_zero()).then(|| now.after(left))
}

impl Core {
    /// The service manager says that the start has settled: the waiting findings are looked at and told now.
    pub(super) fn start_settled(&mut self, now: Now) {
        if self.starting.take_if(|until| now.boot < *until).is_some() {
            log::info!("start=settled");
            self.checks.next = self.checks.next.min(now.boot);
        }
    }

    /// When the sources of alerts were last there, for an agent that goes on: one that is gone now is missed, and its alert
    /// stays. One that was missed already is so from then on, or a restart a day would keep an alert for ever.
    #[inline(never)]
    pub(super) fn seen(&self, now: Now) -> Vec<(&'static str, Boot)> {
        let State { alerts, unknown, .. } = self.state.get();
        let (alerts, unknown) = (alerts.active(), unknown.active());
        let last_seen = |source: &Source| {
            let is_of = |alert: &&&Alert| source.metrics().any(|metric| metric == alert.key.metric);
            let unknown = unknown.iter().find(is_of).filter(|unknown| unknown.well_since().is_none());
            let missed = unknown.map(|unknown| now.wall.duration_since(unknown.since()).try_into().unwrap_or_default());
            missed.or_else(|| alerts.iter().any(|alert| is_of(&alert)).then_some(Duration::ZERO))
        };
        let sources = self.config.plan.sources.iter().map(|configured| configured.source);
        sources.filter_map(|source| Some((source.name, now.boot.before(last_seen(source)?)))).collect()
    }

    /// Lets the breaches among `findings` wait until the start has settled. The first look of an agent `is_first`.
    pub(super) fn gather(&self, findings: &mut [Finding<'_>], is_first: bool, now: Boot) {
        let Some(until) = self.starting.filter(|until| now < *until) else { return };
        for finding in findings.iter_mut().filter(|finding| finding.verdict == Verdict::Breach(Level::Warning)) {
            let key = &finding.reading.key;
            let since = self.alerts().pending_since(key);
            if is_first || since.is_some() || !key.metric.is_of_docker() {
                finding.wait = finding.wait.max(until - since.unwrap_or(now));
            }
        }
    }
}
