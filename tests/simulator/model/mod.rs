//! The rules of alerts as people are told them (docs/alerts), one row after the other: the news of each
//! look at the host, worked out apart from the agent's own code.
//!
//! The model goes with the state: a save remembers it, and an agent that goes on from that save goes on with it.

mod alert;
pub mod forecast;
pub mod held;
mod over;

use jiff::Timestamp;
use vps_monitor::clock::Now;

use super::clock::HOUR;
use super::hold::{Holds, Quiet, Silence};
use super::host::{FILLING, FORECAST, Found, WATCHED};
use super::rules::Rules;
use super::units::RESTARTING;
use alert::{Alert, Change, Phase};
use forecast::{Ahead, Peaks};
use held::{Held, Released};

const DAY: i64 = 24 * HOUR;

/// Something that is to be told of one alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub place: usize,
    pub news: News,
    pub ahead: Option<Ahead>,
    /// The number that is told, and the limit that it is told with.
    pub number: f64,
    pub limit: f64,
    pub is_critical: bool,
    /// It is, or it is the end of one that was told as that.
    pub is_of_critical: bool,
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

/// The rules and the moment of a look.
pub struct Looking {
    pub rules: Rules,
    pub quiet: Vec<Quiet>,
    /// The machine starts until then.
    pub starting: Option<i64>,
    /// `run --once` waits until then.
    pub once_until: Option<i64>,
    pub now: Now,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    alerts: [Alert; WATCHED.len()],
    peaks: Peaks,
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
    /// held until now.
    pub fn check(&mut self, found: &[Found], looking: &Looking) -> (Vec<Told>, Vec<Released>) {
        self.drop_unwatched(found, looking.now);
        let boot = looking.now.boot.as_micros();
        let disk = found.iter().find(|found| found.place == FILLING);
        // An hour that is over is saved.
        self.decisions += u64::from(self.peaks.pass(disk.is_some(), boot));
        let is_forecast = found.iter().any(|found| found.place == FORECAST);
        let share = disk.and_then(|disk| disk.number).filter(|_| is_forecast);
        let ahead = share.and_then(|share| self.peaks.take(share));
        let told = found.iter().filter_map(|found| self.take_in(*found, ahead, true, looking)).collect();
        let silences = self.silences.clone();
        let released = self.release(&Holds { quiet: &looking.quiet, silences: &silences, now: looking.now });
        self.end(looking);
        (told, released)
    }

    /// The same of a look between two checks, which tells no held news.
    pub fn look(&mut self, found: &[Found], looking: &Looking) -> Vec<Told> {
        let told = found.iter().filter_map(|found| self.take_in(*found, None, false, looking)).collect();
        self.end(looking);
        told
    }

    fn take_in(&mut self, found: Found, ahead: Option<Ahead>, is_check: bool, looking: &Looking) -> Option<Told> {
        let Looking { rules, quiet, starting, now, .. } = looking;
        let (place, boot) = (found.place, now.boot.as_micros());
        let ahead = ahead.filter(|_| place == FORECAST);
        let (alert, mut limits) = (&mut self.alerts[place], rules.limits[place]);
        alert.is_over_now = false;
        // Unknown changes nothing, no wait either; nor does a forecast that is neither over nor well.
        let number = ahead.map_or(found.number, |ahead| ahead.number())?;
        // While the machine starts a warning waits, whatever its `for`.
        let is_critical = limits.critical.is_some_and(|critical| number >= critical);
        if let Some(until) = starting.filter(|until| boot < *until && number >= limits.threshold && !is_critical) {
            limits.lasts = limits.lasts.max(until - alert.pending_since().unwrap_or(boot));
        }
        (alert.lasts, alert.ahead) = (limits.lasts, ahead);
        let (waits, known) = (alert.began(), alert.told);
        let change = alert.look(place, (number, found.mean), is_check, limits, rules, *now);
        self.decisions += u64::from(change.is_some() || alert.began() != waits);
        let last = ahead.map_or(number, |ahead| ahead.known());
        alert.last = (last, limits.named(number, alert.is_critical(boot, limits)));
        match change {
            Some(Change::Told(news)) => {
                let is_critical = alert.is_critical(boot, limits);
                let (number, limit) = match news {
                    News::Recovered => (number, limits.threshold),
                    _ => alert.judged,
                };
                let is_of_critical = if news == News::Recovered { alert.is_critical_told } else { is_critical };
                let told = Told { place, news, number, limit, ahead, is_critical, is_of_critical, since: alert.since };
                let silences = self.silences.clone();
                return self.hold_back(told, known, &Holds { quiet, silences: &silences, now: *now });
            }
            Some(Change::Ended) => self.ends(place, false),
            Some(Change::Silent) | None => {}
        }
        None
    }

    fn end(&mut self, looking: &Looking) {
        let Looking { rules, once_until, now, .. } = looking;
        let boot = now.boot.as_micros();
        self.forget(rules, *now);
        let ends = self.alerts.iter().flat_map(|alert| match *once_until {
            None => alert.waits(rules),
            Some(until) => alert.lasting(rules, boot).map(|end| end.filter(|end| *end <= until)),
        });
        self.wait_ends = ends.flatten().filter(|end| *end > boot).min();
    }

    /// Which of [`WATCHED`] the last look found over its threshold.
    pub fn over_now(&self) -> impl Iterator<Item = bool> {
        self.alerts.iter().map(|alert| alert.is_over_now)
    }

    /// A unit's alert is of a restart loop.
    pub fn is_in_loop(&self, place: usize) -> bool {
        let alert = &self.alerts[place];
        !matches!(alert.phase, Phase::Clear) && alert.last.0 == RESTARTING as f64
    }

    /// Of a quantity that is not watched any more no end is told.
    fn drop_unwatched(&mut self, found: &[Found], now: Now) {
        for place in 0..WATCHED.len() {
            let alert = &mut self.alerts[place];
            if matches!(alert.phase, Phase::Clear) || found.iter().any(|one| one.place == place) {
                continue;
            }
            self.decisions += 1;
            alert.is_over_now = false;
            if alert.well_since.is_none() {
                alert.well_since_wall = now.wall;
            }
            (alert.phase, alert.critical) = (Phase::Clear, None);
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
        self.peaks.shift(by, now);
    }
}
