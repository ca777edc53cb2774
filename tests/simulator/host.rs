//! The host: readings that are over their limits, under them, or cannot be taken, as chance has it.

use std::ops::Range;

use vps_monitor::clock::Now;
use vps_monitor::collect::systemd::UNIT_STATE;
use vps_monitor::metric::{self, Metric};
use vps_monitor::snapshot::{Failure, Key, Snapshot, Value, Watched};

use super::clock::{HOUR, MINUTE};
use super::filling::Filling;
use super::model::forecast::WITHIN;
use super::random::Random;
use super::settings::Settings;
use super::units::{STATES, Units};

/// The watched quantities, in the order of their lines.
pub const WATCHED: [Quantity; 10] = [
    Quantity { metric: metric::MEMORY, target: "", label: "📊 内存使用率", threshold: 80.0 },
    Quantity { metric: metric::DISK, target: "/a", label: "💾 磁盘使用率(/a)", threshold: 80.0 },
    Quantity { metric: metric::DISK, target: "/b", label: "💾 磁盘使用率(/b)", threshold: 80.0 },
    Quantity { metric: metric::DISK, target: "/c", label: "💾 磁盘使用率(/c)", threshold: 80.0 },
    Quantity { metric: metric::DISK_FORECAST, target: "/c", label: "⏳ 磁盘预测(/c)", threshold: -WITHIN },
    Quantity { metric: metric::CPU, target: "", label: "🔥 CPU 使用率", threshold: 80.0 },
    Quantity { metric: metric::SWAP, target: "", label: "🔄 Swap 使用率", threshold: 80.0 },
    Quantity { metric: metric::CONNECTIONS, target: "", label: "🔗 连接数", threshold: 1000.0 },
    Quantity { metric: UNIT_STATE, target: "u0.service", label: "u0.service", threshold: 1.0 },
    Quantity { metric: UNIT_STATE, target: "u1.service", label: "u1.service", threshold: 1.0 },
];

/// A disk that fills and is cleared, and when it is full. Of a forecast a number is the hours, below zero: the greater the
/// worse, as all else.
pub const FILLING: usize = 3;
pub const FORECAST: usize = 4;
/// Units of systemd, which one key watches all. The number of each is its state among [`STATES`].
pub const UNITS: Range<usize> = 8..WATCHED.len();

pub struct Quantity {
    pub metric: &'static Metric,
    pub target: &'static str,
    pub label: &'static str,
    pub threshold: f64,
}

impl Quantity {
    /// It is counted, where all others are percentages.
    pub fn is_counted(&self) -> bool {
        self.metric.name == "connections"
    }

    /// It is measured over a short sample.
    pub fn is_rate(&self) -> bool {
        self.metric.name == "cpu"
    }

    /// It tells when something is full.
    pub fn is_forecast(&self) -> bool {
        self.metric.name == metric::DISK_FORECAST.name
    }

    /// It has a state and no number.
    pub fn is_word(&self) -> bool {
        self.metric.name == UNIT_STATE.name
    }

    /// How long it must be well, though nobody asks for it.
    pub fn release(&self) -> i64 {
        if self.is_forecast() { 6 * HOUR } else { 0 }
    }

    /// As messages tell a number of it.
    pub fn shown(&self, number: f64) -> String {
        if self.is_word() {
            return STATES[number as usize].to_owned();
        }
        if self.is_forecast() {
            return about(-number);
        }
        if self.is_counted() { format!("{number:.0}") } else { format!("{number:.1}%") }
    }

    /// As messages tell a limit of it.
    pub fn shown_limit(&self, limit: f64) -> String {
        format!("{limit}{}", if self.is_counted() { "" } else { "%" })
    }
}

/// A check's finding on one of [`WATCHED`]; nothing, where it could not be measured.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub place: usize,
    pub number: Option<f64>,
    /// Of a rate: its mean since the check before, where that is known.
    pub mean: Option<f64>,
}

/// So many hours, in minutes: below an hour these are told, else whole hours.
fn about(hours: f64) -> String {
    let minutes = (hours * 60.0).round().max(1.0);
    format!("{}m", if minutes < 60.0 { minutes } else { hours.round() * 60.0 })
}

struct Subject {
    over: bool,
    /// From 0, at the threshold, to 160, where nothing is left.
    severity: i64,
    changes_at: i64,
    /// It cannot be measured until then.
    unknown_until: i64,
}

pub struct Host {
    subjects: Vec<Subject>,
    filling: Filling,
    /// How often readings change, as a divisor: the higher the wilder.
    wildness: i64,
    /// Nothing changes by chance.
    is_still: bool,
}

/// A share is told in tenths; eighths of a point are exact in binary, so that a mean of them is.
const STEPS: i64 = 160;

impl Host {
    pub fn new(random: &mut Random) -> Host {
        let subjects =
            WATCHED.iter().map(|_| Subject { over: false, severity: 0, changes_at: 0, unknown_until: 0 }).collect();
        Host { subjects, filling: Filling::new(), wildness: random.magnitude(1, 60), is_still: false }
    }

    /// All is well, and nothing changes by chance.
    pub fn be_still(&mut self) {
        self.is_still = true;
        self.filling.be_still();
        self.subjects.iter_mut().for_each(|subject| subject.severity = STEPS / 4);
    }

    /// From now on the quantity of this label is over its threshold, or under it.
    pub fn set(&mut self, label: &str, over: bool) {
        let place = WATCHED.iter().position(|quantity| quantity.label == label).expect("it is watched");
        self.subjects[place].over = over;
    }

    /// From now on the disk grows by so many percent an hour, from this share on.
    pub fn fill(&mut self, time: i64, share: f64, an_hour: f64) {
        self.filling.go_on_from(time, share, an_hour);
    }

    /// A measurement at `time`, which is `now`, of the watched quantities.
    pub fn measure(
        &mut self,
        time: i64,
        now: Now,
        settings: &Settings,
        units: &Units,
        random: &mut Random,
    ) -> (Snapshot, Vec<Found>) {
        let (mut snapshot, mut found) = (Snapshot::default(), Vec::new());
        self.filling.change(time, random);
        for (place, subject) in self.subjects.iter_mut().enumerate() {
            let quantity = &WATCHED[place];
            if !self.is_still {
                subject.go_on(time, self.wildness, random);
            }
            let is_other = !self.is_still && quantity.is_rate() && random.once_in(5);
            let number = subject.number(quantity, is_other, random);
            if !self.is_still && random.once_in(1500) {
                subject.unknown_until = time + random.magnitude(MINUTE, 8 * HOUR);
            }
            let is_unknown = !self.is_still && (random.once_in(40) || time < subject.unknown_until);
            if !settings.is_watched(place) {
                continue;
            }
            if UNITS.contains(&place) {
                if place == UNITS.start {
                    found.extend(units.list(now.boot, &mut snapshot));
                }
                continue;
            }
            let key = Key::new(quantity.metric, quantity.target);
            if place == FORECAST {
                snapshot.watched.push(Watched::One(key));
                found.push(Found { place, number: None, mean: None });
                continue;
            }
            let number = if place == FILLING { self.filling.share(time) } else { number };
            snapshot.watched.push(Watched::One(key.clone()));
            if is_unknown {
                snapshot.failures.push(failure(&key));
            } else {
                snapshot.push(quantity.metric, quantity.target, Value::Number(number));
            }
            // A spike and a dip of a sample are in no mean.
            let mean = is_other.then(|| subject.usual(quantity));
            snapshot.readings.iter_mut().filter(|reading| reading.key == key).for_each(|reading| reading.mean = mean);
            found.push(Found { place, number: (!is_unknown).then_some(number), mean });
        }
        snapshot.readings.sort_by_key(|reading| reading.key.metric.order);
        (snapshot, found)
    }
}

impl Subject {
    fn go_on(&mut self, time: i64, wildness: i64, random: &mut Random) {
        while self.changes_at <= time {
            self.over = !self.over && random.once_in(2);
            self.severity = random.range(0, STEPS + 1);
            self.changes_at = time.max(self.changes_at) + random.magnitude(MINUTE, 10 * HOUR) / wildness;
        }
        if random.once_in(20) {
            self.severity = random.range(self.severity / 2, STEPS + 1);
        }
    }

    /// The mean of a rate.
    fn usual(&self, quantity: &Quantity) -> f64 {
        let eighths = if self.over { self.severity } else { -1 - self.severity / 2 };
        quantity.threshold + eighths as f64 / 8.0
    }

    /// A reading: a rate has spikes and dips, all else goes up and down a little.
    fn number(&self, quantity: &Quantity, is_other: bool, random: &mut Random) -> f64 {
        let over = self.over ^ is_other;
        let step = (self.severity + random.range(-4, 5)).clamp(0, STEPS);
        match (over, quantity.is_counted()) {
            (true, true) => quantity.threshold + (step * 25 + random.range(0, 25)) as f64,
            (true, false) => quantity.threshold + step as f64 / 8.0,
            (false, false) if quantity.is_rate() => quantity.threshold - random.range(1, STEPS / 2) as f64 / 8.0,
            (false, true) => random.range(1, quantity.threshold as i64) as f64,
            (false, false) => random.range(0, quantity.threshold as i64 * 8) as f64 / 8.0,
        }
    }
}

fn failure(key: &Key) -> Failure {
    let metrics: &'static [&'static Metric] = match key.metric.name {
        "disk" => &[metric::DISK],
        "memory" => &[metric::MEMORY],
        "swap" => &[metric::SWAP],
        "cpu" => &[metric::CPU],
        _ => &[metric::CONNECTIONS],
    };
    let target = (!key.target.is_empty()).then(|| key.target.clone());
    Failure { collector: "simulated", metrics, target, error: "chance".to_owned() }
}
