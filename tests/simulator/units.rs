//! A unit of systemd: it runs, has failed, or is in a restart loop; and the system bus, which may be silent.
//!
//! systemd tells at once of each failure, and nobody hears it while the bus is silent or no agent runs.

use vps_monitor::collect::docker::Scope;
use vps_monitor::collect::systemd::{FAILED_UNITS, UNIT_STATE};
use vps_monitor::core::Input;
use vps_monitor::metric::Metric;
use vps_monitor::snapshot::{Cause, ContainerWord, Failure, Listed, Snapshot, Value, Watched};

use super::clock::{HOUR, MINUTE, SECOND};
use super::host::{Found, UNIT, WATCHED};
use super::random::Random;
use super::world::World;

/// The numbers of its states; from the second on it is in trouble.
pub const STATES: [&str; 3] = ["active", "failed", "restarting"];
pub const RESTARTING: usize = 2;

/// For so long restarts are counted: an agent that is younger cannot know that a loop is over.
pub const LOOP_WINDOW: i64 = 10 * MINUTE;

const CANNOT_BE_LISTED: &[&Metric] = &[FAILED_UNITS];

pub struct Units {
    state: usize,
    changes_at: i64,
    /// How often it changes, as a divisor.
    wildness: i64,
    is_bus_silent: bool,
    bus_changes_at: i64,
    /// systemd has told of a change.
    is_news: bool,
}

impl Units {
    pub fn new(random: &mut Random) -> Units {
        let wildness = random.magnitude(1, 60);
        Units { state: 0, changes_at: 0, wildness, is_bus_silent: false, bus_changes_at: 0, is_news: false }
    }

    /// Nothing changes by chance.
    pub fn be_still(&mut self) {
        (self.changes_at, self.bus_changes_at) = (i64::MAX, i64::MAX);
    }

    /// It has this state from now on.
    pub fn set(&mut self, state: usize) {
        (self.state, self.is_news) = (state, true);
    }

    pub fn next_change(&self) -> i64 {
        self.changes_at.min(self.bus_changes_at)
    }

    pub fn change(&mut self, time: i64, is_calm: bool, random: &mut Random) {
        if self.bus_changes_at <= time {
            self.is_bus_silent = !is_calm && random.once_in(4);
            self.bus_changes_at = time + random.magnitude(SECOND, 6 * HOUR);
        }
        if self.changes_at <= time {
            let state = match self.state {
                _ if is_calm => 0,
                0 => 1 + usize::from(random.once_in(3)),
                _ if random.once_in(4) => random.range(1, 3) as usize,
                _ => 0,
            };
            let longest = if state == 0 { 20 * HOUR } else { 5 * HOUR };
            // Messages tell whole seconds: no two of one unit are of the same.
            self.changes_at = time + random.magnitude(SECOND, longest) / self.wildness + 2 * SECOND;
            if state != self.state {
                self.set(state);
            }
        }
    }

    /// A list of the units in trouble, if the bus gives one.
    pub fn list(&self, at: vps_monitor::clock::Boot, into: &mut Snapshot) -> Found {
        into.watched.push(Watched::Every(UNIT_STATE));
        if self.is_bus_silent {
            let error = "simulated".to_owned();
            into.failures.push(Failure { collector: "systemd", metrics: CANNOT_BE_LISTED, target: None, error });
            return Found { place: UNIT, number: None, mean: None };
        }
        let times = Cause::RestartLoop { times: 5, window_minutes: (LOOP_WINDOW / MINUTE) as u32 };
        let causes = if self.state == RESTARTING { vec![times] } else { Vec::new() };
        if self.state > 0 {
            let word = ContainerWord { causes, ..ContainerWord::new(STATES[self.state], STATES[0]) };
            into.push(UNIT_STATE, WATCHED[UNIT].target, Value::from(word));
        }
        into.listed.push(Listed { metric: UNIT_STATE, at });
        Found { place: UNIT, number: Some(self.state as f64), mean: None }
    }
}

impl World {
    /// The look that systemd's news calls for, if there is news and somebody to hear it.
    pub fn look_at_units(&mut self) -> Option<Input> {
        if !std::mem::take(&mut self.units.is_news) || self.once || !self.settings.is_watched(UNIT) {
            return None;
        }
        self.weather.count(if self.units.is_bus_silent {
            "news of a unit that nobody hears"
        } else {
            "news of a unit"
        });
        if self.units.is_bus_silent {
            return None;
        }
        let mut snapshot = Snapshot::default();
        let now = self.now();
        self.unit_found = Some(self.units.list(now.boot, &mut snapshot));
        Some(Input::Looked { snapshot, scope: Scope::Some })
    }
}
