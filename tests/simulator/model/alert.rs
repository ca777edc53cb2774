//! One alert, from look to look.

use jiff::Timestamp;
use vps_monitor::clock::Now;

use super::super::host::WATCHED;
use super::super::rules::{Limits, Rules, nth};
use super::forecast::Ahead;
use super::over::{Over, Seen};
use super::{DAY, News};

/// The change of one alert at a look.
pub enum Change {
    Told(News),
    /// It was told, is over, and nothing is told of that.
    Ended,
    /// Written in the log only: it began and is not told yet, settles, or is over and was never told.
    Silent,
}

#[derive(Clone, Debug, Default)]
pub enum Phase {
    #[default]
    Clear,
    /// Over, and not told.
    Pending(Over),
    Firing,
}

#[derive(Clone, Debug, Default)]
pub struct Alert {
    pub phase: Phase,
    pub since: Timestamp,
    pub critical: Option<Over>,
    pub is_critical_told: bool,
    pub last_told: Option<i64>,
    /// The number of the last message, and its limit.
    pub judged: (f64, f64),
    /// The number that people know.
    pub told: f64,
    pub most: f64,
    pub reminders: u32,
    pub well_since: Option<i64>,
    /// The same on the wall clock.
    pub well_since_wall: Timestamp,
    /// The last number, and its limit.
    pub last: (f64, f64),
    /// How long it was to last, by the last look.
    pub lasts: i64,
    /// Its level at the last look that found it over its threshold.
    pub is_at_critical: bool,
    /// When it was over, and whether that was told.
    pub recovered: Option<(i64, bool)>,
    pub returns: u32,
    /// How long it must be well, though nobody asks for it.
    release: i64,
    /// The last look found it over its threshold.
    pub is_over_now: bool,
    /// The last forecast.
    pub ahead: Option<Ahead>,
}

impl Alert {
    pub fn look(
        &mut self,
        place: usize,
        seen: Seen,
        is_check: bool,
        limits: Limits,
        rules: &Rules,
        now: Now,
    ) -> Option<Change> {
        let (number, _) = seen;
        self.release = WATCHED[place].release();
        let (boot, quantity) = (now.boot.as_micros(), &WATCHED[place]);
        let is_over = number >= limits.threshold;
        self.is_over_now = is_over;
        let rate = quantity.is_rate();
        self.critical = Over::follow(self.critical, seen, limits.critical, rate, boot);
        match &mut self.phase {
            Phase::Clear if !is_over => None,
            Phase::Clear => {
                (self.phase, self.since) = (Phase::Pending(Over::new(boot, number)), now.wall);
                // The log tells of it in either case.
                Some(self.fire(place, number, limits, rules, boot).unwrap_or(Change::Silent))
            }
            Phase::Pending(over) => match Over::follow(Some(*over), seen, Some(limits.threshold), rate, boot) {
                None => {
                    (self.phase, self.critical) = (Phase::Clear, None);
                    Some(Change::Silent)
                }
                Some(longer) => {
                    *over = longer;
                    self.fire(place, number, limits, rules, boot)
                }
            },
            Phase::Firing if is_over => {
                self.well_since = None;
                self.most = self.most.max(number);
                self.tell_again(place, number, is_check, limits, rules, boot)
            }
            Phase::Firing => {
                self.critical = None;
                let began = self.well_since.is_none();
                let well_since = *self.well_since.get_or_insert(boot);
                if began {
                    self.well_since_wall = now.wall;
                }
                if boot - well_since < self.settling(rules) {
                    return began.then_some(Change::Silent);
                }
                (self.phase, self.recovered) = (Phase::Clear, Some((boot, rules.send_recovery)));
                Some(if rules.send_recovery { Change::Told(News::Recovered) } else { Change::Ended })
            }
        }
    }

    /// It was not told yet: is it now?
    fn fire(&mut self, place: usize, number: f64, limits: Limits, rules: &Rules, boot: i64) -> Option<Change> {
        let Phase::Pending(over) = self.phase else { return None };
        let is_critical = self.is_critical(boot, limits);
        let has_lasted = boot - over.since >= limits.lasts;
        if !is_critical && (!has_lasted || self.is_held_back(boot, rules)) {
            return None;
        }
        let came_back = self.recovered.is_some_and(|(at, _)| boot - at < DAY);
        self.returns = if came_back { self.returns + 1 } else { 0 };
        self.phase = Phase::Firing;
        (self.reminders, self.is_critical_told, self.well_since) = (0, is_critical, None);
        self.is_at_critical = is_critical;
        self.judged = match self.critical.filter(|_| is_critical) {
            Some(critical) => critical.judged(place, number, limits.critical),
            None => over.judged(place, number, Some(limits.threshold)),
        };
        if !WATCHED[place].is_rate() {
            self.judged.1 = limits.named(number, is_critical);
        }
        self.told = self.judged.0;
        (self.most, self.last_told) = (number.max(self.told), Some(boot));
        Some(Change::Told(News::Fired { returns: self.returns }))
    }

    /// It was told and lasts: is it told again?
    fn tell_again(
        &mut self,
        place: usize,
        number: f64,
        is_check: bool,
        limits: Limits,
        rules: &Rules,
        boot: i64,
    ) -> Option<Change> {
        let since_told = boot - self.last_told.unwrap_or(boot);
        let cools_down = self.cools_down(boot, rules);
        let told = self.told;
        self.judged = (number, limits.named(number, self.is_critical(boot, limits)));
        self.is_at_critical = self.is_critical(boot, limits);
        let news = if self.is_at_critical && !self.is_critical_told {
            self.is_critical_told = true;
            if let Some(critical) = self.critical.filter(|_| WATCHED[place].is_rate()) {
                self.judged = critical.judged(place, number, limits.critical);
            }
            News::Worse { told }
        } else if !cools_down && is_half_way_worse(place, told, number) {
            News::Worse { told }
        } else if is_check && !cools_down && nth(&rules.repeat, self.reminders).is_some_and(|pause| since_told >= pause)
        {
            self.reminders += 1;
            News::Reminded { most: self.most }
        } else {
            return None;
        };
        self.last_told = Some(boot);
        self.told = if matches!(news, News::Worse { .. }) { self.judged.0 } else { told.max(number) };
        Some(Change::Told(news))
    }

    fn settling(&self, rules: &Rules) -> i64 {
        rules.settling(self.returns).max(self.release)
    }

    /// It is told now, by no look: after that many times before.
    pub fn tell_as_it_is(&mut self, is_reminder: bool, reminders: u32, now: Now) {
        let (number, _) = self.last;
        self.reminders = reminders;
        self.told = if is_reminder { self.told.max(number) } else { number };
        self.last_told = Some(now.boot.as_micros());
    }

    /// Since when it is over and not told.
    pub fn pending_since(&self) -> Option<i64> {
        if let Phase::Pending(over) = self.phase { Some(over.since) } else { None }
    }

    /// When its waits began, but for the first: a restart must know.
    pub fn began(&self) -> [Option<i64>; 2] {
        [self.critical.map(|over| over.since), self.well_since]
    }

    pub fn is_critical(&self, boot: i64, limits: Limits) -> bool {
        self.critical.is_some_and(|over| boot - over.since >= limits.lasts)
    }

    pub fn cools_down(&self, boot: i64, rules: &Rules) -> bool {
        self.last_told.is_some_and(|told| boot - told < rules.cooldown)
    }

    /// A firing message within the cooldown, unless a recovery was told since and settlings bound the messages that follow.
    fn is_held_back(&self, boot: i64, rules: &Rules) -> bool {
        self.cools_down(boot, rules) && !self.may_return(rules)
    }

    fn may_return(&self, rules: &Rules) -> bool {
        rules.settles() && self.recovered.is_some_and(|(at, is_told)| is_told && Some(at) >= self.last_told)
    }

    /// The ends of its waits; reminders go with the next check.
    pub fn waits(&self, rules: &Rules) -> [Option<i64>; 2] {
        let critical = self.critical_lasted();
        match &self.phase {
            Phase::Clear => [None, None],
            Phase::Pending(over) => [Some(self.cooled(over.since + self.lasts, rules)), critical],
            Phase::Firing => [self.well_since.map(|well| well + self.settling(rules)), critical],
        }
    }

    /// Of these the ends of a `for` that runs at `boot`, which `run --once` waits for.
    pub fn lasting(&self, rules: &Rules, boot: i64) -> [Option<i64>; 2] {
        let runs = |end: &i64| *end > boot;
        let lasted = self.pending_since().map(|since| since + self.lasts).filter(runs);
        let critical = self.critical_lasted().filter(|end| runs(end) && !matches!(self.phase, Phase::Clear));
        [lasted.map(|end| self.cooled(end, rules)), critical]
    }

    fn critical_lasted(&self) -> Option<i64> {
        self.critical.filter(|_| !self.is_critical_told).map(|over| over.since + self.lasts)
    }

    /// A wait that ends then, or with the cooldown that keeps a firing message back.
    fn cooled(&self, end: i64, rules: &Rules) -> i64 {
        let cooled = self.last_told.filter(|_| !self.may_return(rules)).map(|told| told + rules.cooldown);
        cooled.map_or(end, |cooled| cooled.max(end))
    }
}

/// A share has taken half of the rest and 5 points at least; anything else has grown by half.
fn is_half_way_worse(place: usize, told: f64, number: f64) -> bool {
    if WATCHED[place].is_word() {
        false
    } else if WATCHED[place].is_forecast() {
        number >= told / 2.0
    } else if WATCHED[place].is_counted() {
        number >= told * 1.5
    } else {
        number >= told + 5.0 && 100.0 - number <= (100.0 - told) / 2.0
    }
}
