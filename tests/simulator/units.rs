//! Units of systemd: each runs, has failed, or is in a restart loop; and the system bus, which may be silent.
//!
//! systemd tells at once of each failure, and nobody hears it while the bus is silent or no agent runs.

use vps_monitor::collect::docker::Scope;
use vps_monitor::collect::systemd::{FAILED_UNITS, UNIT_STATE};
use vps_monitor::core::Input;
use vps_monitor::metric::Metric;
use vps_monitor::snapshot::{Cause, ContainerWord, Failure, Listed, Snapshot, Value, Watched};

use super::clock::{HOUR, MINUTE, SECOND};
use super::host::{Found, UNITS, WATCHED};
use super::random::Random;
use super::world::World;

/// The numbers of its states; from the second on it is in trouble.
pub const STATES: [&str; 3] = ["active", "failed", "restarting"];
pub const RESTARTING: usize = 2;

/// For so long restarts are counted: an agent that is younger cannot know that a loop is over.
pub const LOOP_WINDOW: i64 = 10 * MINUTE;

const CANNOT_BE_LISTED: &[&Metric] = &[FAILED_UNITS];

/// One of them.
#[derive(Clone, Copy)]
struct Unit {
    state: usize,
    changes_at: i64,
}

pub struct Units {
    units: [Unit; UNITS.end - UNITS.start],
    /// How often each changes, as a divisor.
    wildness: i64,
    is_bus_silent: bool,
    bus_changes_at: i64,
    /// systemd has told of a change.
    is_news: bool,
}

impl Units {
    pub fn new(random: &mut Random) -> Units {
        let wildness = random.magnitude(1, 60);
        let units = [Unit { state: 0, changes_at: 0 }; UNITS.end - UNITS.start];
        Units { units, wildness, is_bus_silent: false, bus_changes_at: 0, is_news: false }
    }

    /// Nothing changes by chance.
    pub fn be_still(&mut self) {
        self.units.iter_mut().for_each(|unit| unit.changes_at = i64::MAX);
        self.bus_changes_at = i64::MAX;
    }

    /// One of them has this state from now on.
    pub fn set(&mut self, number: usize, state: usize) {
        (self.units[number].state, self.is_news) = (state, true);
    }

    pub fn next_change(&self) -> i64 {
        self.units.iter().map(|unit| unit.changes_at).fold(self.bus_changes_at, i64::min)
    }

    pub fn change(&mut self, time: i64, is_calm: bool, random: &mut Random) {
        if self.bus_changes_at <= time {
            self.is_bus_silent = !is_calm && random.once_in(4);
            self.bus_changes_at = time + random.magnitude(SECOND, 6 * HOUR);
        }
        for number in 0..self.units.len() {
            let Unit { state: before, changes_at } = self.units[number];
            if changes_at > time {
                continue;
            }
            let state = match before {
                _ if is_calm => 0,
                0 => 1 + usize::from(random.once_in(3)),
                _ if random.once_in(4) => random.range(1, 3) as usize,
                _ => 0,
            };
            let longest = if state == 0 { 20 * HOUR } else { 5 * HOUR };
            // Messages tell whole seconds: no two of one unit are of the same.
            self.units[number].changes_at = time + random.magnitude(SECOND, longest) / self.wildness + 2 * SECOND;
            if state != before {
                self.set(number, state);
            }
        }
    }

    /// A list of the units in trouble, if the bus gives one.
    pub fn list(&self, at: vps_monitor::clock::Boot, into: &mut Snapshot) -> Vec<Found> {
        into.watched.push(Watched::Every(UNIT_STATE));
        if self.is_bus_silent {
            let error = "simulated".to_owned();
            into.failures.push(Failure { collector: "systemd", metrics: CANNOT_BE_LISTED, target: None, error });
            return UNITS.map(|place| Found { place, number: None, mean: None }).collect();
        }
        let times = Cause::RestartLoop { times: 5, window_minutes: (LOOP_WINDOW / MINUTE) as u32 };
        into.listed.push(Listed { metric: UNIT_STATE, at });
        let list = |(place, unit): (usize, &Unit)| {
            let causes = if unit.state == RESTARTING { vec![times.clone()] } else { Vec::new() };
            if unit.state > 0 {
                let word = ContainerWord { causes, ..ContainerWord::new(STATES[unit.state], STATES[0]) };
                into.push(UNIT_STATE, WATCHED[place].target, Value::from(word));
            }
            Found { place, number: Some(unit.state as f64), mean: None }
        };
        UNITS.zip(&self.units).map(list).collect()
    }
}

impl World {
    /// The look that systemd's news calls for, if there is news and somebody to hear it.
    pub fn look_at_units(&mut self) -> Option<Input> {
        if !std::mem::take(&mut self.units.is_news) || self.once || !self.settings.is_watched(UNITS.start) {
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
        self.units_found = self.units.list(now.boot, &mut snapshot);
        Some(Input::Looked { snapshot, scope: Scope::Some })
    }
}
