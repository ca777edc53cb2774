//! The rules of alerts as people are told them (docs/alerts), one row after the other: the news of each
//! look at the host, worked out apart from the agent's own code.
//!
//! The model goes with the state: a save remembers it, and an agent that goes on from that save goes on with it.

mod alert;
pub mod held;
mod over;

use jiff::Timestamp;
use vps_monitor::clock::Now;

use super::clock::HOUR;
use super::hold::{Holds, Quiet, Silence};
use super::host::{Found, WATCHED};
use super::rules::Rules;
use alert::{Alert, Change, Phase};
use held::{Held, Released};

const DAY: i64 = 24 * HOUR;

/// Something that is to be told of one alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub place: usize,
    pub news: News,
    /// The number that is told, and the limit that it is told with.
    pub number: f64,
    pub limit: f64,
    pub is_critical: bool,
    /// When the alert began, on the wall clock.
    pub since: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub enum News {
    Fired { returns: u32 },
    Worse { told: f64 },
    Reminded { most: f64 },
    Recovered,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    alerts: [Alert; WATCHED.len()],
    held: [Held; WATCHED.len()],
    pub silences: Vec<Silence>,
    /// The numbers of the things that happened once, and their true times.
    pub happened: Vec<(usize, i64)>,
    /// Grows with everything that is decided.
    pub decisions: u64,
    /// The first instant after the last look at which a wait ends.
    pub wait_ends: Option<i64>,
}

impl Model {
    /// Takes in a check's findings, and gives the news that is to be told, in the order of lines, and the news that was
    /// held until now. The machine starts until `starting`; `run --once` waits until `once_until`.
    pub fn look(
        &mut self,
        found: &[Found],
        rules: &Rules,
        quiet: &[Quiet],
        starting: Option<i64>,
        once_until: Option<i64>,
        now: Now,
    ) -> (Vec<Told>, Vec<Released>) {
        let boot = now.boot.as_micros();
        self.drop_unwatched(found, now);
        let silences = self.silences.clone();
        let holds = Holds { quiet, silences: &silences, now };
        let mut all = Vec::new();
        for Found { place, number, mean } in found {
            let (alert, mut limits) = (&mut self.alerts[*place], rules.limits[*place]);
            // Unknown changes nothing, no wait either.
            let Some(number) = *number else { continue };
            // While the machine starts a warning waits, whatever its `for`.
            let is_critical = limits.critical.is_some_and(|critical| number >= critical);
            if let Some(until) = starting.filter(|until| boot < *until && number >= limits.threshold && !is_critical) {
                limits.lasts = limits.lasts.max(until - alert.pending_since().unwrap_or(boot));
            }
            alert.lasts = limits.lasts;
            let (waits, known) = (alert.began(), alert.told);
            let change = alert.look(*place, (number, *mean), limits, rules, now);
            self.decisions += u64::from(change.is_some() || alert.began() != waits);
            alert.last = (number, limits.named(number, alert.is_critical(boot, limits)));
            match change {
                Some(Change::Told(news)) => {
                    let is_critical = alert.is_critical(boot, limits);
                    let (number, limit) = match news {
                        News::Recovered => (number, limits.threshold),
                        _ => alert.judged,
                    };
                    let told = Told { place: *place, news, number, limit, is_critical, since: alert.since };
                    all.extend(self.hold_back(told, known, &holds));
                }
                Some(Change::Ended) => self.ends(*place, false),
                Some(Change::Silent) | None => {}
            }
        }
        let released = self.release(&holds);
        self.forget(rules, now);
        let ends = self.alerts.iter().flat_map(|alert| match once_until {
            None => alert.waits(rules),
            Some(until) => alert.lasting(rules, boot).map(|end| end.filter(|end| *end <= until)),
        });
        self.wait_ends = ends.flatten().filter(|end| *end > boot).min();
        (all, released)
    }

    /// Of a quantity that is not watched any more no end is told.
    fn drop_unwatched(&mut self, found: &[Found], now: Now) {
        for place in 0..WATCHED.len() {
            let alert = &mut self.alerts[place];
            if matches!(alert.phase, Phase::Clear) || found.iter().any(|one| one.place == place) {
                continue;
            }
            self.decisions += 1;
            if alert.well_since.is_none() {
                alert.well_since_wall = now.wall;
            }
            alert.phase = Phase::Clear;
            self.ends(place, false);
        }
    }

    /// An alert that is over is remembered for a day, and for as long as its cooldown runs.
    pub fn forget(&mut self, rules: &Rules, now: Now) {
        let boot = now.boot.as_micros();
        for alert in self.alerts.iter_mut().filter(|alert| matches!(alert.phase, Phase::Clear)) {
            let recovered_lately = alert.recovered.is_some_and(|(at, _)| boot - at < DAY);
            if !recovered_lately && !alert.cools_down(boot, rules) {
                *alert = Alert::default();
            }
        }
    }

    /// The same on the clock of another start of the machine.
    pub fn shift(&mut self, by: i64, now: i64) {
        for alert in &mut self.alerts {
            let over = match &mut alert.phase {
                Phase::Pending(over) => Some(&mut over.since),
                Phase::Clear | Phase::Firing => None,
            };
            let recovered = alert.recovered.as_mut().map(|(at, _)| at);
            let critical = alert.critical.as_mut().map(|over| &mut over.since);
            let all = [over, recovered, critical, alert.last_told.as_mut(), alert.well_since.as_mut()];
            all.into_iter().flatten().for_each(|instant| *instant = (*instant + by).min(now));
        }
        self.silences.iter_mut().for_each(|silence| silence.until += by);
    }
}
