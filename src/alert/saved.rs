//! An alert in the state file, in today's form and in those of earlier versions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Alert, Firing, Moment, Pending, Phase, Recovery};
use super::streak::Streak;
use crate::bounds::is_zero;
use crate::clock::Boot;
use crate::rule::{Level, Limit};
use crate::snapshot::{Key, Value};

/// An alert as the state file has it.
#[derive(Serialize, Deserialize)]
pub(super) struct SavedAlert {
    #[serde(flatten)]
    key: Key,
    #[serde(default)]
    phase: Option<Phase>,
    value: Value,
    limit: Limit,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_told: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovery: Option<Recovery>,
    #[serde(default, skip_serializing_if = "is_zero")]
    returns: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone_since: Option<Boot>,
    #[serde(flatten, skip_serializing)]
    before: Before,
}

/// Version 0.1 wrote these instead of a phase.
#[derive(Default, Deserialize)]
struct Before {
    #[serde(default)]
    firing: bool,
    #[serde(default)]
    since: Option<Timestamp>,
    #[serde(default)]
    told: bool,
}

impl From<SavedAlert> for Alert {
    fn from(saved: SavedAlert) -> Alert {
        let SavedAlert { key, phase, value, limit, last_told, recovery, returns, gone_since, before } = saved;
        let phase = phase.unwrap_or_else(|| before.phase(last_told, &value));
        // An alert counts as told only if there was a message.
        let phase = match phase {
            Phase::Firing(firing) if last_told.is_none() => Phase::Pending(Pending {
                since: firing.since,
                over: Streak::long_lasting(),
                critical: None,
                wait: firing.wait,
            }),
            phase => phase,
        };
        let gone_since = gone_since.filter(|_| phase != Phase::Clear);
        Alert { key, phase, value, limit, last_told, recovery, returns, gone_since }
    }
}

impl Before {
    /// The phase that the file describes. The value of the last look is taken for the one that was told.
    fn phase(self, last_told: Option<Moment>, value: &Value) -> Phase {
        let since = self.since.or(last_told.map(|told| told.wall)).unwrap_or(Timestamp::UNIX_EPOCH);
        let wait = Default::default();
        match (self.firing, self.told) {
            (false, _) => Phase::Clear,
            (true, false) => Phase::Pending(Pending { since, over: Streak::long_lasting(), critical: None, wait }),
            (true, true) => Phase::Firing(Firing {
                since,
                level: Level::Warning,
                is_critical_told: false,
                critical_limit: None,
                critical: None,
                wait,
                told_value: value.number(),
                peak: value.number(),
                reminders: 0,
                checks: 1,
                well_since: None,
            }),
        }
    }
}

impl From<Alert> for SavedAlert {
    fn from(alert: Alert) -> SavedAlert {
        let Alert { key, phase, value, limit, last_told, recovery, returns, gone_since } = alert;
        let before = Before::default();
        SavedAlert { key, phase: Some(phase), value, limit, last_told, recovery, returns, gone_since, before }
    }
}
