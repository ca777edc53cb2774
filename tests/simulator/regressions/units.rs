//! Scripts about units of systemd.

use super::super::clock::{MINUTE, SECOND};
use super::super::engine::Mood;
use super::super::hold::Quiet;
use super::super::script::{Act, Script};

const MINUTES: i64 = MINUTE / SECOND;

/// The check of the second minute has its list, and waits for an engine that hangs.
pub fn failure_while_a_check_waits_for_the_engine() -> Script {
    Script::new(30 * MINUTES, |_| {})
        .at(110, Act::Engine(Mood::Hung))
        .at(123, Act::Unit(1))
        .at(140, Act::Engine(Mood::Up))
        .at(600, Act::Unit(0))
        .told(&["VPS 告警", "❌ u0.service: failed"], 123..125)
        .told_times(&["✅ u0.service"], 0..600, 0..1)
        .told(&["VPS 恢复", "✅ u0.service: 已恢复正常"], 600..603)
}

pub fn failure_in_quiet_hours() -> Script {
    Script::new(30 * MINUTES, |settings| settings.quiet = vec![Quiet::new(1, 10)])
        .at(123, Act::Unit(1))
        .at(300, Act::Unit(0))
        .told(&["静默期间的告警", "): ❌ u0.service: failed"], 10 * MINUTES..12 * MINUTES)
        .told_times(&["u0.service"], 0..10 * MINUTES, 0..1)
}
