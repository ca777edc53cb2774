//! Silences: somebody asks that the alerts of a target be held for a while. Each has an end.
//!
//! A silence runs on the boot clock, like every wait: whoever sets the wall clock makes none longer.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::keep;
use crate::clock::{Boot, Now};
use crate::outbox::on_the_wall;
use crate::pattern;
use crate::snapshot::Key;

/// The longest silence.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// As many silences there are at once.
pub const MAX_SILENCES: usize = 100;

/// A target is a metric and a path (PATH_MAX), or a pattern of them.
pub const MAX_TARGET_BYTES: usize = 4200;

/// The reason for a silence is a line.
pub const MAX_WHY_BYTES: usize = 200;

/// The target of all alerts.
pub const ALL: &str = "all";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Silences {
    /// The number of the last one: none is given twice.
    #[serde(default)]
    last: u64,
    #[serde(default)]
    list: Vec<Silence>,
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    pub number: u64,
    /// `memory`, `disk(/backup)`, `container(nginx)`, a pattern, or [`ALL`].
    pub target: String,
    pub since: Timestamp,
    pub until: Boot,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Silences {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether there never was one.
    pub fn is_new(&self) -> bool {
        self.last == 0 && self.list.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.list.len() >= MAX_SILENCES
    }

    /// Those that last, in the order in which they began.
    pub fn lasting(&self, now: Boot) -> impl Iterator<Item = &Silence> {
        self.list.iter().filter(move |silence| silence.until > now)
    }

    /// How many last, and when the last of them ends by the wall clock of now.
    pub fn summary(&self, now: Now) -> Option<(usize, Timestamp)> {
        let last = self.lasting(now.boot).map(|silence| silence.until).max()?;
        Some((self.lasting(now.boot).count(), on_the_wall(last, now)))
    }

    pub fn begin(&mut self, target: String, lasts: Duration, why: Option<String>, now: Now) -> &Silence {
        self.last = self.last.saturating_add(1);
        let until = now.boot.after(lasts.min(LONGEST));
        self.list.push(Silence { number: self.last, target, since: now.wall, until, why });
        &self.list[self.list.len() - 1]
    }

    /// Ends a silence early. `None`: there is none of this number.
    pub fn end(&mut self, number: u64) -> Option<Silence> {
        let place = self.list.iter().position(|silence| silence.number == number)?;
        Some(self.list.remove(place))
    }

    /// Whether one is over and still here.
    pub fn has_ended(&self, now: Boot) -> bool {
        self.list.iter().any(|silence| silence.until <= now)
    }

    /// Takes out those that are over.
    pub fn take_ended(&mut self, now: Boot) -> Vec<Silence> {
        let (ended, lasting) = std::mem::take(&mut self.list).into_iter().partition(|silence| silence.until <= now);
        self.list = lasting;
        ended
    }

    /// Moves every end to the clock of another start of the machine.
    pub fn shift(&mut self, micros: i64) {
        self.list.iter_mut().for_each(|silence| silence.until = silence.until.shifted(micros));
    }

    /// Corrects values that no agent wrote into a file. How many values that were.
    pub fn correct(&mut self, now: Now) -> usize {
        let surplus = self.list.len().saturating_sub(MAX_SILENCES);
        self.list.truncate(MAX_SILENCES);
        let latest = now.boot.after(LONGEST);
        surplus + self.list.iter_mut().map(|silence| keep(&mut silence.until, Boot::EARLIEST..=latest)).sum::<usize>()
    }
}

impl Silence {
    pub fn covers(&self, names: &Names) -> bool {
        names.are_meant_by(&self.target)
    }
}

/// The names by which a target can mean the alerts of a key: its own in the log, a container's, of a forecast those of its disk,
/// and those of all of a kind.
#[derive(Debug)]
pub struct Names(Vec<String>);

impl Names {
    pub fn new(key: &Key) -> Names {
        let mut names = vec![key.metric.name.to_owned(), key.to_string()];
        if is_of_container(key) {
            names.extend([CONTAINER.to_owned(), name(key)]);
        }
        if let Some(share) = key.metric.forecast_of() {
            names.extend([share.name.to_owned(), Key::new(share, key.target.clone()).to_string()]);
        }
        Names(names)
    }

    pub fn are_meant_by(&self, target: &str) -> bool {
        target == ALL || self.0.iter().any(|name| pattern::matches(target, name))
    }
}

/// The target of the alerts of `key` alone: `disk(/backup)`, `container(nginx)`.
pub fn name(key: &Key) -> String {
    match &*key.target {
        target if is_of_container(key) => format!("{CONTAINER}({target})"),
        // There is one of it.
        _ if key.metric.is_of_docker() => key.metric.name.to_owned(),
        _ => key.to_string(),
    }
}

/// State and health of one container are one target.
const CONTAINER: &str = "container";

fn is_of_container(key: &Key) -> bool {
    key.metric.name.starts_with("container_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;

    #[test]
    fn a_target_is_a_name_of_the_log_or_a_pattern() {
        let memory = Key::new(metric::MEMORY, "");
        let disk = Key::new(metric::DISK, "/backup");
        let [state, health] =
            [metric::CONTAINER_STATE, metric::CONTAINER_HEALTH].map(|metric| Key::new(metric, "nginx"));
        let engine = Key::new(metric::DOCKER_ENGINE, "Docker");
        let forecast = Key::new(metric::DISK_FORECAST, "/backup");
        for (target, covered) in [
            ("all", vec![&memory, &disk, &state, &health, &engine, &forecast]),
            ("*", vec![&memory, &disk, &state, &health, &engine, &forecast]),
            ("memory", vec![&memory]),
            ("mem*", vec![&memory]),
            ("disk(/backup)", vec![&disk, &forecast]),
            ("disk(*)", vec![&disk, &forecast]),
            ("disk", vec![&disk, &forecast]),
            ("disk_forecast(/backup)", vec![&forecast]),
            ("disk(/)", vec![]),
            ("container(nginx)", vec![&state, &health]),
            ("container(n*)", vec![&state, &health]),
            ("container", vec![&state, &health]),
            ("container_health(nginx)", vec![&health]),
            ("nginx", vec![]),
            ("docker_engine", vec![&engine]),
            ("", vec![]),
        ] {
            let keys = [&memory, &disk, &state, &health, &engine, &forecast];
            assert_eq!(
                keys.into_iter().filter(|key| Names::new(key).are_meant_by(target)).collect::<Vec<_>>(),
                covered,
                "{target}"
            );
        }
        let names = [&memory, &disk, &state, &engine].map(name);
        assert_eq!(names, ["memory", "disk(/backup)", "container(nginx)", "docker_engine"]);
    }

    #[test]
    fn a_silence_ends_by_the_boot_clock_or_by_its_number() {
        let at = |seconds: i64| Now {
            wall: Timestamp::from_second(1_770_000_000).unwrap(),
            boot: Boot::from_millis(seconds * 1000),
        };
        let mut silences = Silences::default();
        let minute = Duration::from_secs(60);
        assert_eq!(silences.begin("memory".to_owned(), minute, None, at(0)).number, 1);
        assert_eq!(silences.begin("cpu".to_owned(), 40 * LONGEST, None, at(0)).until, at(0).boot.after(LONGEST));
        assert!(!silences.has_ended(at(59).boot) && silences.has_ended(at(60).boot));
        assert_eq!(silences.take_ended(at(60).boot).len(), 1);
        assert_eq!((silences.end(1), silences.end(2).map(|silence| silence.target)), (None, Some("cpu".to_owned())));
        // A number is never given twice.
        assert_eq!(silences.begin("memory".to_owned(), minute, None, at(60)).number, 3);
        // An end beyond the bound, as a file may have it, is not believed.
        silences.list[0].until = Boot::from_micros(i64::MAX);
        assert_eq!((silences.correct(at(60)), silences.list[0].until), (1, at(60).boot.after(LONGEST)));
    }
}
