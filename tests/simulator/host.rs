//! The host: readings that are over their thresholds, under them, or cannot be taken, by chance. Every value occurs
//! once in a run, so that a line in a message tells which check it comes from.

use vps_monitor::metric::{self, Metric};
use vps_monitor::snapshot::{Failure, Key, Snapshot, Value, Watched};

use super::clock::{HOUR, MINUTE};
use super::random::Random;
use super::settings::Settings;

/// The watched keys, with the label of each in an alert.
pub const WATCHED: [(&Metric, &str, &str); 5] = [
    (metric::DISK, "/a", "💾 磁盘使用率(/a)"),
    (metric::DISK, "/b", "💾 磁盘使用率(/b)"),
    (metric::MEMORY, "", "📊 内存使用率"),
    (metric::SWAP, "", "🔄 Swap 使用率"),
    (metric::CONNECTIONS, "", "🔗 连接数"),
];

/// The threshold of connections in the simulation; of all others it is 80.
pub const CONNECTIONS_THRESHOLD: u64 = 5_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Over,
    Under,
    Unknown,
}

/// A check's finding on one of [`WATCHED`]: its health, and its value as messages tell it.
#[derive(Clone, Debug)]
pub struct Found {
    pub place: usize,
    pub health: Health,
    pub shown: String,
}

struct Subject {
    over: bool,
    changes_at: i64,
}

pub struct Host {
    subjects: Vec<Subject>,
    /// The next value's number, high enough for every level of an alert.
    serial: u64,
    /// How often readings change, as a divisor: the higher the wilder.
    wildness: i64,
    /// One reading in so many cannot be taken.
    unknown_in: u64,
}

impl Host {
    pub fn new(random: &mut Random) -> Host {
        let subjects = WATCHED.iter().map(|_| Subject { over: false, changes_at: 0 }).collect();
        Host { subjects, serial: 1000, wildness: random.magnitude(1, 60), unknown_in: 40 }
    }

    /// All is well, and nothing changes by chance.
    pub fn be_still(&mut self) {
        self.unknown_in = u64::MAX;
        self.subjects.iter_mut().for_each(|subject| subject.changes_at = i64::MAX);
    }

    /// From now on the quantity of this label is over its threshold, or under it.
    pub fn set(&mut self, label: &str, over: bool) {
        let place = WATCHED.iter().position(|(_, _, other)| *other == label).expect("it is watched");
        self.subjects[place].over = over;
    }

    /// A measurement at `time` of the watched keys.
    pub fn measure(&mut self, time: i64, settings: &Settings, random: &mut Random) -> (Snapshot, Vec<Found>) {
        let (mut snapshot, mut found) = (Snapshot::default(), Vec::new());
        for (place, subject) in self.subjects.iter_mut().enumerate() {
            while subject.changes_at <= time {
                subject.over = !subject.over && random.once_in(2);
                subject.changes_at = time.max(subject.changes_at) + random.magnitude(MINUTE, 10 * HOUR) / self.wildness;
            }
            let (metric, target, _) = WATCHED[place];
            let health = match subject.over {
                _ if random.once_in(self.unknown_in) => Health::Unknown,
                true => Health::Over,
                false => Health::Under,
            };
            self.serial += 1;
            if !settings.is_watched(place) {
                continue;
            }
            snapshot.watched.push(Watched::One(Key::new(metric, target)));
            let (value, shown) = value(metric, health == Health::Over, self.serial);
            match health {
                Health::Unknown => snapshot.failures.push(failure(&Key::new(metric, target))),
                _ => snapshot.push(metric, target, value),
            }
            found.push(Found { place, health, shown });
        }
        snapshot.readings.sort_by_key(|reading| reading.key.metric.order);
        (snapshot, found)
    }
}

/// A value that nothing else in the run has, and how it is shown.
fn value(metric: &'static Metric, over: bool, serial: u64) -> (Value, String) {
    let sign = if over { 1.0 } else { -1.0 };
    let number = sign * (80.0 + serial as f64 / 10.0);
    match metric.name {
        "connections" => {
            let count = if over { CONNECTIONS_THRESHOLD + serial } else { serial };
            (Value::Number(count as f64), count.to_string())
        }
        _ => (Value::Number(number), format!("{number:.1}%")),
    }
}

fn failure(key: &Key) -> Failure {
    let metrics: &'static [&'static Metric] = match key.metric.name {
        "disk" => &[metric::DISK],
        "memory" => &[metric::MEMORY],
        "swap" => &[metric::SWAP],
        _ => &[metric::CONNECTIONS],
    };
    let target = (!key.target.is_empty()).then(|| key.target.clone());
    Failure { collector: "simulated", metrics, target, error: "chance".to_owned() }
}
