//! The machine was started again: told once, when the start has settled, with the number of units and containers that are not back.

use super::Core;
use crate::clock::Now;
use crate::collect::boot::REBOOT;
use crate::collect::systemd::UNIT_STATE;
use crate::metric;
use crate::rule::Finding;
use crate::snapshot::{EventDetail, Key, Occurrence, Part};
use crate::store::Restarted;

impl Core {
    /// Tells of a start that nobody was told of, by the findings of a check.
    pub(super) fn tell_restart(&mut self, findings: &[Finding<'_>], now: Now) {
        if self.state.get().starts.restarted.is_none() || self.starting.is_some_and(|until| now.boot < until) {
            return;
        }
        let Some(restarted) = self.state.change().starts.restarted.take() else { return };
        if !self.config.plan.is_on(REBOOT, "") {
            return;
        }
        let in_trouble = |metric: &metric::Metric| {
            let of_it = findings.iter().filter(|finding| finding.reading.key.metric == metric);
            of_it.filter(|finding| finding.verdict.is_breach()).count() as u64
        };
        let missing = [in_trouble(metric::CONTAINER_STATE), in_trouble(UNIT_STATE)];
        let detail = EventDetail::new(parts(&restarted, missing, self.mode.sees_shutdowns));
        self.happened(vec![Occurrence { key: Key::new(REBOOT, ""), at: restarted.started, detail }]);
    }
}

/// `计划内重启，停机约 4 分钟 (02:10–02:14)；未恢复：2 个容器、1 个单元`
fn parts(restarted: &Restarted, [containers, units]: [u64; 2], sees_shutdowns: bool) -> Vec<Part> {
    let mut parts = match (restarted.is_clean, sees_shutdowns) {
        (true, _) => vec![Part::own("计划内重启，停机约 ", "planned, down for about ")],
        (false, true) => vec![Part::own("没有正常关机的记录，停机不超过 ", "no shutdown was seen, down for at most ")],
        (false, false) => vec![Part::own("停机不超过 ", "down for at most ")],
    };
    parts.extend([
        Part::Seconds(restarted.down_seconds()),
        Part::own(" (", " ("),
        Part::At(restarted.last_alive),
        Part::own("–", "–"),
        Part::At(restarted.started),
        Part::own(")", ")"),
    ]);
    if containers + units > 0 {
        parts.push(Part::own("；未恢复：", "; not back: "));
    }
    if containers > 0 {
        parts.push(Part::counted(containers, "个容器", "container"));
    }
    if containers > 0 && units > 0 {
        parts.push(Part::own("、", ", "));
    }
    if units > 0 {
        parts.push(Part::counted(units, "个单元", "unit"));
    }
    parts
}
