//! The one place that reads clocks. Everywhere else time is a value, [`Now`], that the caller passes in.
//!
//! Durations (intervals, cooldowns, retries) run on CLOCK_BOOTTIME, which goes on while the machine sleeps and never
//! steps; schedules and the times that people read are on the wall clock.

use std::env;
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Sub;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// An instant on CLOCK_BOOTTIME, in microseconds since the machine was started.
///
/// It may be negative: an instant that was saved before a restart of the machine lies before its start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Boot(i64);

impl Boot {
    /// The first instant of the clock: an action that is due then is due at once.
    pub const EARLIEST: Boot = Boot(i64::MIN);

    pub const fn from_micros(micros: i64) -> Boot {
        Boot(micros)
    }

    pub const fn from_millis(millis: i64) -> Boot {
        Boot(millis.saturating_mul(1000))
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant `duration` later; durations beyond the clock's range stop at its end.
    #[must_use]
    pub fn after(self, duration: Duration) -> Boot {
        Boot(self.0.saturating_add(micros(duration)))
    }

    /// The instant `duration` earlier.
    #[must_use]
    pub fn before(self, duration: Duration) -> Boot {
        Boot(self.0.saturating_sub(micros(duration)))
    }

    /// The time since `earlier`; zero if this is not after it.
    #[must_use]
    pub fn since(self, earlier: Boot) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same instant on another machine start's clock.
    #[must_use]
    pub fn shifted(self, micros: i64) -> Boot {
        Boot(self.0.saturating_add(micros))
    }
}

impl Sub for Boot {
    type Output = Duration;

    fn sub(self, earlier: Boot) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Debug for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boot+{}us", self.0)
    }
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub wall: Timestamp,
    pub boot: Boot,
}

/// Reads both clocks of the running system.
pub fn now() -> Now {
    Now { wall: Timestamp::now(), boot: boot_now() }
}

/// Reads CLOCK_BOOTTIME.
pub fn boot_now() -> Boot {
    // clock_gettime(2) fails for an unknown clock alone, and Linux has had this one since 2.6.39.
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default();
    Boot(micros(time))
}

/// The first of several instants, of which each may never come.
pub fn earliest(instants: &[Option<Boot>]) -> Option<Boot> {
    instants.iter().flatten().min().copied()
}

/// Measures how long something takes while the machine is awake.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// The whole microseconds of a duration, up to the clock's range.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The zone of this system at the moment: the one that `TZ` names, else /etc/localtime, else UTC.
pub fn system_zone() -> TimeZone {
    if is_named() { TimeZone::system() } else { zone_in(Path::new(LOCALTIME)).unwrap_or(TimeZone::UTC) }
}

/// Another number once the system's zone is another: the hash of its name and content; of a zone that `TZ` names, always
/// the same. To compare the zones themselves takes jiff's table of all names: 19 KB of private memory in each process.
pub fn system_zone_mark() -> u64 {
    if is_named() { 0 } else { mark_of(Path::new(LOCALTIME)) }
}

/// Whether `TZ` names a zone.
fn is_named() -> bool {
    env::var_os("TZ").is_some_and(|named| named != LOCALTIME && named != ":/etc/localtime")
}

fn mark_of(file: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    (fs::read_link(file).ok(), fs::read(file).ok()).hash(&mut hasher);
    hasher.finish()
}

const LOCALTIME: &str = "/etc/localtime";

/// The zone in a file, under the name by which a link refers to it. jiff would remember it for minutes after the file
/// has changed, and to find a zone by its name it first reads all of /usr/share/zoneinfo.
fn zone_in(file: &Path) -> Option<TimeZone> {
    let target = fs::read_link(file).unwrap_or_default();
    let name = target.to_str().and_then(|target| Some(target.split_once("/zoneinfo/")?.1));
    TimeZone::tzif(name.unwrap_or("localtime"), &fs::read(file).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn boot_time_never_goes_backwards_and_durations_are_never_negative() {
        let first = boot_now();
        let second = boot_now();
        assert!(second >= first);
        assert_eq!(first.since(first.after(Duration::from_secs(5))), Duration::ZERO);
        assert_eq!(first.after(Duration::from_millis(1500)) - first, Duration::from_millis(1500));
    }

    #[test]
    fn a_zone_of_another_name_or_content_has_another_mark() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("localtime");
        let linked = |zone: &str| {
            let _ = fs::remove_file(&file);
            symlink(Path::new("/usr/share/zoneinfo").join(zone), &file).expect("a link");
            mark_of(&file)
        };
        let mut marks = vec![mark_of(&file), linked("Asia/Shanghai"), linked("PRC"), linked("Europe/Berlin")];
        fs::remove_file(&file).expect("the link");
        fs::copy("/usr/share/zoneinfo/Europe/Berlin", &file).expect("install tzdata");
        marks.push(mark_of(&file));
        assert_eq!(marks.iter().collect::<HashSet<_>>().len(), 5, "{marks:?}");
        assert_eq!(linked("PRC"), marks[2]);
    }

    #[test]
    fn the_systems_zone_is_read_anew_and_has_the_name_that_a_link_gives_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("localtime");
        let linked = |target: &str| {
            let _ = fs::remove_file(&file);
            symlink(target, &file).expect("a link");
            zone_in(&file)
        };
        let shanghai = linked("/usr/share/zoneinfo/Asia/Shanghai").expect("install tzdata");
        assert_eq!(shanghai.iana_name(), Some("Asia/Shanghai"));
        let noon: Timestamp = "2026-02-04T12:00:00Z".parse().expect("a time");
        assert_eq!(noon.to_zoned(shanghai.clone()).to_string(), "2026-02-04T20:00:00+08:00[Asia/Shanghai]");
        assert_eq!(shanghai, TimeZone::get("Asia/Shanghai").expect("install tzdata"));
        for other in ["/usr/share/zoneinfo/Asia/Nowhere", "/usr/share/zoneinfo/zone.tab", "/etc/passwd"] {
            assert_eq!(linked(other), None, "{other}");
        }
        fs::remove_file(&file).expect("the link");
        assert_eq!(zone_in(&file), None);
        for (zone, hour) in [("America/New_York", 7), ("Asia/Tokyo", 21)] {
            fs::copy(Path::new("/usr/share/zoneinfo").join(zone), &file).expect("install tzdata");
            let zone = zone_in(&file).expect("a zone");
            assert_eq!((zone.iana_name(), noon.to_zoned(zone.clone()).hour()), (Some("localtime"), hour));
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_the_clock() {
        let end = Boot::from_micros(i64::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(Boot::from_micros(i64::MIN).shifted(-1), Boot::from_micros(i64::MIN));
    }
}
