//! Quiet hours and silences as people know them, worked out apart from the agent's own code: is the news of a quantity held
//! now?

use jiff::Timestamp;
use vps_monitor::clock::Now;

use super::clock::{MINUTE, SECOND};
use super::host::WATCHED;
use super::random::Random;

/// A window of each day, in minutes of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    from: i64,
    to: i64,
    lets_critical_through: bool,
}

/// `vps-monitor silence`. Times are in microseconds, on the machine's clock.
#[derive(Clone, Debug)]
pub struct Silence {
    pub number: u64,
    pub target: &'static str,
    pub until: i64,
}

/// The targets of silences.
pub const TARGETS: [&str; 8] =
    ["all", "memory", "disk(*)", "disk(/a)", "cpu", "connections", CONTAINERS, "container(c0)"];

const CONTAINERS: &str = "container";

impl Quiet {
    /// From one minute of the day to another, for everything.
    pub fn new(from: i64, to: i64) -> Quiet {
        Quiet { from, to, lets_critical_through: false }
    }

    pub fn chosen(random: &mut Random) -> Quiet {
        let from = random.range(0, 24 * 60);
        let lasts = random.magnitude(2, 9 * 60);
        Quiet { from, to: (from + lasts) % (24 * 60), lets_critical_through: random.once_in(2) }
    }

    /// Whether it holds news at this time.
    pub fn holds(self, now: Timestamp, is_critical: bool) -> bool {
        self.is_on(now) && !(is_critical && self.lets_critical_through)
    }

    fn is_on(self, now: Timestamp) -> bool {
        let minute = now.as_microsecond().rem_euclid(24 * 60 * MINUTE) / MINUTE;
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// As the configuration has it.
impl std::fmt::Display for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let let_through = if self.lets_critical_through { "critical" } else { "none" };
        write!(f, "{{from: \"{}\", to: \"{}\", let_through: {let_through}}}", time(self.from), time(self.to))
    }
}

/// The holds of one moment.
pub struct Holds<'a> {
    pub quiet: &'a [Quiet],
    pub silences: &'a [Silence],
    pub now: Now,
}

impl Holds<'_> {
    fn lasting(&self) -> impl Iterator<Item = &Silence> {
        let boot = self.now.boot.as_micros();
        self.silences.iter().filter(move |silence| silence.until > boot)
    }

    pub fn hold(&self, place: usize, is_critical: bool) -> bool {
        let covers = |silence: &Silence| silence.target == "all" || is_meant(place, silence.target);
        self.quiet.iter().any(|quiet| quiet.holds(self.now.wall, is_critical)) || self.lasting().any(covers)
    }

    /// Whether the news of anything that happens once may be held.
    pub fn hold_happenings(&self) -> bool {
        self.quiet.iter().any(|quiet| quiet.is_on(self.now.wall))
            || self.lasting().any(|silence| silence.target == "all")
    }

    /// Whether the news of any container may be held.
    pub fn hold_containers(&self) -> bool {
        self.quiet.iter().any(|quiet| quiet.is_on(self.now.wall))
            || self.lasting().any(|silence| silence.target == "all" || silence.target.starts_with(CONTAINERS))
    }
}

/// Whether a silence or a route means one of [`WATCHED`] by this name or pattern.
pub fn is_meant(place: usize, meant: &str) -> bool {
    let quantity = &WATCHED[place];
    let target = quantity.target;
    // Who silences a disk means its forecast too.
    let names = [quantity.metric.name, if quantity.is_forecast() { "disk" } else { quantity.metric.name }];
    let is_name = |name: &&str| meant == *name || meant == format!("{name}({target})") || meant == format!("{name}(*)");
    names.iter().any(is_name)
}

/// Somebody's request, until the agent answers it.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    Begin { target: &'static str, lasts: i64 },
    End(u64),
}

impl Asked {
    pub fn chosen(silences: &[Silence], random: &mut Random) -> Asked {
        match silences.last() {
            Some(silence) if random.once_in(3) => Asked::End(silence.number),
            _ => Asked::Begin {
                target: random.pick(&TARGETS),
                lasts: random.magnitude(5 * SECOND, 240 * MINUTE) / SECOND * SECOND,
            },
        }
    }
}
