//! The rules of alerts as people are told them (docs/alerts), one row after the other: the news of each
//! look at the host, worked out apart from the agent's own code.
//!
//! The model goes with the state: a save remembers it, and an agent that goes on from that save goes on with it.

use jiff::Timestamp;
use vps_monitor::clock::Now;

use super::clock::HOUR;
use super::host::{Found, WATCHED};

const DAY: i64 = 24 * HOUR;

/// The keys of alerts. Times are in microseconds, on the machine's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    pub cooldown: i64,
    pub send_recovery: bool,
    /// Empty: never.
    pub repeat: Vec<i64>,
    pub settle: Vec<i64>,
    pub limits: [Limits; WATCHED.len()],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub critical: Option<f64>,
    /// `for`
    pub lasts: i64,
}

impl Rules {
    /// How long an alert that came back so many times is to be well before it is called over.
    pub fn settling(&self, returns: u32) -> i64 {
        if returns == 0 { 0 } else { nth(&self.settle, returns - 1).unwrap_or(0) }
    }

    /// A return is told at once, because its settling bounds the messages that follow.
    pub fn settles(&self) -> bool {
        self.settling(1) > 0
    }
}

/// The n-th takes the n-th, and every later one the last.
fn nth(steps: &[i64], n: u32) -> Option<i64> {
    steps.get(n as usize).or(steps.last()).copied()
}

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

/// The change of one alert at a look.
enum Change {
    Told(News),
    /// Written in the log only: it began and is not told yet, settles, or is over and nothing is told of that.
    Silent,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    alerts: [Alert; WATCHED.len()],
    /// Grows with everything that is decided.
    pub decisions: u64,
    /// The first instant after the last look at which a wait ends.
    pub wait_ends: Option<i64>,
}

/// A sample, and the mean since the look before if that is known.
type Seen = (f64, Option<f64>);

/// An unbroken time over one limit.
#[derive(Clone, Copy, Debug)]
struct Over {
    since: i64,
    /// Of a rate: the time to the last look, the sum over it, and the sample at the last look.
    micros: i64,
    sum: f64,
    sample: f64,
}

#[derive(Clone, Debug, Default)]
enum Phase {
    #[default]
    Clear,
    /// Over, and not told.
    Pending(Over),
    Firing,
}

#[derive(Clone, Debug, Default)]
struct Alert {
    phase: Phase,
    since: Timestamp,
    critical: Option<Over>,
    is_critical_told: bool,
    last_told: Option<i64>,
    /// The number of the last message, and its limit.
    judged: (f64, f64),
    /// The number that people know.
    told: f64,
    most: f64,
    reminders: u32,
    well_since: Option<i64>,
    /// When it was over, and whether that was told.
    recovered: Option<(i64, bool)>,
    returns: u32,
}

impl Model {
    /// Takes in a check's findings, and gives the news that is to be told, in the order of lines.
    pub fn look(&mut self, found: &[Found], rules: &Rules, now: Now) -> Vec<Told> {
        let boot = now.boot.as_micros();
        self.drop_unwatched(found);
        let mut all = Vec::new();
        for Found { place, number, mean } in found {
            let (alert, limits) = (&mut self.alerts[*place], rules.limits[*place]);
            // Unknown changes nothing, no wait either.
            let Some(number) = *number else { continue };
            let waits = alert.began();
            let change = alert.look(*place, (number, *mean), limits, rules, now);
            self.decisions += u64::from(change.is_some() || alert.began() != waits);
            if let Some(Change::Told(news)) = change {
                let is_critical = alert.is_critical(boot, limits);
                let (number, limit) = match news {
                    News::Recovered => (number, WATCHED[*place].threshold),
                    _ => alert.judged,
                };
                all.push(Told { place: *place, news, number, limit, is_critical, since: alert.since });
            }
        }
        self.forget(rules, now);
        let ends = self.alerts.iter().enumerate();
        let ends = ends.flat_map(|(place, alert)| alert.waits(rules.limits[place].lasts, rules));
        self.wait_ends = ends.flatten().filter(|end| *end > boot).min();
        all
    }

    /// Of a quantity that is not watched any more no end is told.
    fn drop_unwatched(&mut self, found: &[Found]) {
        for (place, alert) in self.alerts.iter_mut().enumerate() {
            if !matches!(alert.phase, Phase::Clear) && !found.iter().any(|one| one.place == place) {
                self.decisions += 1;
                alert.phase = Phase::Clear;
            }
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
    }
}

impl Alert {
    fn look(&mut self, place: usize, seen: Seen, limits: Limits, rules: &Rules, now: Now) -> Option<Change> {
        let (number, _) = seen;
        let (boot, quantity) = (now.boot.as_micros(), &WATCHED[place]);
        let is_over = number >= quantity.threshold;
        let rate = quantity.is_rate();
        self.critical = Over::follow(self.critical, seen, limits.critical, rate, boot);
        match &mut self.phase {
            Phase::Clear if !is_over => None,
            Phase::Clear => {
                (self.phase, self.since) = (Phase::Pending(Over::new(boot, number)), now.wall);
                // The log tells of it in either case.
                Some(self.fire(place, number, limits, rules, boot).unwrap_or(Change::Silent))
            }
            Phase::Pending(over) => match Over::follow(Some(*over), seen, Some(quantity.threshold), rate, boot) {
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
                self.tell_again(place, number, limits, rules, boot)
            }
            Phase::Firing => {
                self.critical = None;
                let began = self.well_since.is_none();
                let well_since = *self.well_since.get_or_insert(boot);
                if boot - well_since < rules.settling(self.returns) {
                    return began.then_some(Change::Silent);
                }
                (self.phase, self.recovered) = (Phase::Clear, Some((boot, rules.send_recovery)));
                Some(if rules.send_recovery { Change::Told(News::Recovered) } else { Change::Silent })
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
        self.judged = match self.critical.filter(|_| is_critical) {
            Some(critical) => critical.judged(place, number, limits.critical),
            None => over.judged(place, number, Some(WATCHED[place].threshold)),
        };
        if !WATCHED[place].is_rate() {
            self.judged.1 = limits.named(place, number, is_critical);
        }
        self.told = self.judged.0;
        (self.most, self.last_told) = (number.max(self.told), Some(boot));
        Some(Change::Told(News::Fired { returns: self.returns }))
    }

    /// It was told and lasts: is it told again?
    fn tell_again(&mut self, place: usize, number: f64, limits: Limits, rules: &Rules, boot: i64) -> Option<Change> {
        let since_told = boot - self.last_told.unwrap_or(boot);
        let cools_down = self.cools_down(boot, rules);
        let told = self.told;
        self.judged = (number, limits.named(place, number, self.is_critical(boot, limits)));
        let news = if self.is_critical(boot, limits) && !self.is_critical_told {
            self.is_critical_told = true;
            if let Some(critical) = self.critical.filter(|_| WATCHED[place].is_rate()) {
                self.judged = critical.judged(place, number, limits.critical);
            }
            News::Worse { told }
        } else if !cools_down && is_half_way_worse(place, told, number) {
            News::Worse { told }
        } else if !cools_down && nth(&rules.repeat, self.reminders).is_some_and(|pause| since_told >= pause) {
            self.reminders += 1;
            News::Reminded { most: self.most }
        } else {
            return None;
        };
        self.last_told = Some(boot);
        self.told = if matches!(news, News::Worse { .. }) { self.judged.0 } else { told.max(number) };
        Some(Change::Told(news))
    }

    /// When its waits began, but for the first: a restart must know.
    fn began(&self) -> [Option<i64>; 2] {
        [self.critical.map(|over| over.since), self.well_since]
    }

    fn is_critical(&self, boot: i64, limits: Limits) -> bool {
        self.critical.is_some_and(|over| boot - over.since >= limits.lasts)
    }

    fn cools_down(&self, boot: i64, rules: &Rules) -> bool {
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
    fn waits(&self, lasts: i64, rules: &Rules) -> [Option<i64>; 2] {
        let critical = self.critical.filter(|_| !self.is_critical_told).map(|over| over.since + lasts);
        match &self.phase {
            Phase::Clear => [None, None],
            Phase::Pending(over) => {
                let lasted = over.since + lasts;
                let cooled = self.last_told.filter(|_| !self.may_return(rules)).map(|told| told + rules.cooldown);
                [Some(cooled.map_or(lasted, |end| end.max(lasted))), critical]
            }
            Phase::Firing => [self.well_since.map(|well| well + rules.settling(self.returns)), critical],
        }
    }
}

impl Limits {
    /// The limit that a number is told with: the critical one where it is over that for long enough.
    fn named(&self, place: usize, number: f64, is_critical: bool) -> f64 {
        self.critical.filter(|critical| is_critical && number >= *critical).unwrap_or(WATCHED[place].threshold)
    }
}

impl Over {
    /// The number that is told, and its limit: of a rate its mean.
    fn judged(&self, place: usize, number: f64, limit: Option<f64>) -> (f64, f64) {
        let limit = limit.unwrap_or_default();
        let mean = (self.mean() * 100.0).round() / 100.0;
        (if WATCHED[place].is_rate() { mean.max(limit) } else { number }, limit)
    }

    fn new(since: i64, sample: f64) -> Over {
        Over { since, micros: 0, sum: 0.0, sample }
    }

    fn mean(&self) -> f64 {
        if self.micros > 0 { self.sum / self.micros as f64 } else { self.sample }
    }

    /// A level must be over at each look; of a rate the mean since the first look that was.
    fn follow(before: Option<Over>, seen: Seen, limit: Option<f64>, is_rate: bool, boot: i64) -> Option<Over> {
        let (limit, (number, mean)) = (limit?, seen);
        let Some(before) = before.filter(|_| is_rate || number >= limit) else {
            return (number >= limit).then(|| Over::new(boot, number));
        };
        let micros = (boot - before.since).max(before.micros);
        let since_last = mean.unwrap_or((before.sample + number) / 2.0);
        let sum = (before.sum + since_last * (micros - before.micros) as f64).round();
        let over = Over { micros, sum, sample: number, ..before };
        (!is_rate || over.mean() >= limit).then_some(over)
    }
}

/// A share has taken half of the rest and 5 points at least; anything else has grown by half.
fn is_half_way_worse(place: usize, told: f64, number: f64) -> bool {
    if WATCHED[place].is_counted() {
        number >= told * 1.5
    } else {
        number >= told + 5.0 && 100.0 - number <= (100.0 - told) / 2.0
    }
}
