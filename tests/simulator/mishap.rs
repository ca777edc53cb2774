//! Mishaps, and their frequency: each run has its own weather.

use std::collections::BTreeMap;

use super::clock::{HOUR, MINUTE, SECOND};
use super::random::Random;

/// How a disk operation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    None,
    Full,
    Broken,
    /// It says that it is done, and it is not.
    Lie,
    CrashBefore,
    CrashAfter,
    /// As the operation is half done.
    CrashWithin,
    PowerLoss,
}

/// An event between two turns of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    Crash,
    PowerLoss,
    Stop,
    Reload,
    CheckNow,
    ClockStep,
    Sleep,
    StatusAsked,
    /// Somebody asks for a silence, or for its end.
    SilenceAsked,
    /// The kernel kills processes.
    Happens,
    /// The service manager says that the machine's start has settled.
    StartSettles,
    DiskChanges,
    /// Nobody reaches the pager for some time, up to a day.
    PagerDown,
    /// Somebody gives the agent a channel again.
    Restore,
}

impl Mishap {
    pub const fn name(self) -> &'static str {
        match self {
            Mishap::Crash => "kill",
            Mishap::PowerLoss => "power lost",
            Mishap::Stop => "stop",
            Mishap::Reload => "reload",
            Mishap::CheckNow => "check now",
            Mishap::ClockStep => "clock step",
            Mishap::Sleep => "sleep",
            Mishap::StatusAsked => "status asked",
            Mishap::SilenceAsked => "silence asked",
            Mishap::Happens => "kills by the kernel",
            Mishap::StartSettles => "start settled",
            Mishap::DiskChanges => "disk changes",
            Mishap::PagerDown => "pager down for hours",
            Mishap::Restore => "channel restored",
        }
    }
}

const MISHAPS: [Mishap; 22] = [
    Mishap::Happens,
    Mishap::Happens,
    Mishap::Happens,
    Mishap::StartSettles,
    Mishap::SilenceAsked,
    Mishap::SilenceAsked,
    Mishap::Crash,
    Mishap::Crash,
    Mishap::PowerLoss,
    Mishap::Stop,
    Mishap::Reload,
    Mishap::Reload,
    Mishap::Reload,
    Mishap::PagerDown,
    Mishap::CheckNow,
    Mishap::ClockStep,
    Mishap::Sleep,
    Mishap::StatusAsked,
    Mishap::DiskChanges,
    Mishap::DiskChanges,
    Mishap::DiskChanges,
    Mishap::Reload,
];

/// Storms, in which anything may happen, and calms, in which nothing does, so that owed messages can be told.
pub struct Weather {
    pub calm: bool,
    changes_at: i64,
    /// Since when it is as it is.
    pub since: i64,
    next_mishap: i64,
    /// One mishap in about so many microseconds.
    mishap_pause: i64,
    /// While it is there, every operation of the disk ends so.
    disk_state: DiskFault,
    /// While it is, every operation of the disk takes seconds.
    disk_is_slow: bool,
    operation_time: Option<i64>,
    /// One operation of the disk in so many ends otherwise.
    disk_fault_in: u64,
    lies: bool,
    /// Nothing happens by chance.
    is_still: bool,
    pub faults: BTreeMap<&'static str, u64>,
}

/// A refused key is tried again every hour; then everything that waits goes out at the robot's pace.
pub const CALM_BEFORE_JUDGEMENT: i64 = 100 * MINUTE;
pub const CALM: i64 = 150 * MINUTE;

/// A disk that can be neither read nor written is mended after about so many starts that failed.
const MENDED_IN: u64 = 20;

impl Weather {
    pub fn new(random: &mut Random) -> Weather {
        Weather {
            calm: false,
            changes_at: random.magnitude(MINUTE, 12 * HOUR),
            since: 0,
            next_mishap: 0,
            mishap_pause: random.magnitude(2 * MINUTE, 6 * HOUR),
            disk_state: DiskFault::None,
            disk_is_slow: false,
            operation_time: None,
            disk_fault_in: random.magnitude(10, 3000) as u64,
            lies: random.once_in(4),
            is_still: false,
            faults: BTreeMap::new(),
        }
    }

    /// Changes with the time; `end` is when the run ends, which it does in a calm.
    pub fn change(&mut self, time: i64, end: i64, random: &mut Random) {
        let last_calm = time >= end - CALM;
        if time < self.changes_at && (self.calm || !last_calm) {
            return;
        }
        self.calm = !self.calm || last_calm;
        self.since = time;
        self.changes_at = if last_calm {
            i64::MAX
        } else if self.calm {
            time + CALM
        } else {
            time + random.magnitude(MINUTE, 30 * HOUR)
        };
        (self.disk_state, self.disk_is_slow, self.operation_time) = (DiskFault::None, false, None);
        self.next_mishap = time;
    }

    /// Weather changes while no agent runs, and somebody mends a disk that keeps every agent from its start.
    pub fn pass_unseen(&mut self, time: i64, end: i64, random: &mut Random) {
        self.change(time, end, random);
        if !self.is_still && random.once_in(MENDED_IN) {
            self.disk_state = DiskFault::None;
        }
    }

    pub fn count(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// When something happens next, if anything does.
    pub fn next_change(&self) -> i64 {
        if self.calm { self.changes_at } else { self.changes_at.min(self.next_mishap) }
    }

    pub fn mishap(&mut self, time: i64, random: &mut Random) -> Option<Mishap> {
        if self.calm || time < self.next_mishap {
            return None;
        }
        self.next_mishap = time + random.magnitude(self.mishap_pause / 20 + 1, self.mishap_pause * 4);
        let mishap = random.pick(&MISHAPS);
        if mishap == Mishap::DiskChanges {
            self.disk_state = random.pick(&[DiskFault::None, DiskFault::None, DiskFault::Full, DiskFault::Broken]);
            self.disk_is_slow = random.once_in(3);
            if self.disk_is_slow {
                self.count("slow disk");
            }
            return None;
        }
        Some(mishap)
    }

    /// Nothing happens by chance, and calm is from `until` on.
    pub fn be_still(&mut self, until: i64) {
        (self.is_still, self.changes_at, self.next_mishap) = (true, until, i64::MAX);
        (self.disk_fault_in, self.lies) = (u64::MAX, false);
    }

    /// Whether anything may happen by chance.
    pub fn is_wild(&self) -> bool {
        !self.calm && !self.is_still
    }

    pub fn set_disk(&mut self, state: DiskFault) {
        self.disk_state = state;
    }

    /// Every operation of the disk takes so long.
    pub fn slow_down_disk(&mut self, operation_time: i64) {
        self.operation_time = Some(operation_time);
    }

    /// How long an operation of the disk takes.
    pub fn operation_time(&self, random: &mut Random) -> i64 {
        match self.operation_time {
            Some(time) => time,
            None if self.disk_is_slow => random.magnitude(SECOND, 20 * SECOND),
            None => random.range(100, 20_000),
        }
    }

    pub fn disk_is_slow(&self) -> bool {
        self.disk_is_slow || self.operation_time.is_some()
    }

    pub fn disk_fault(&mut self, random: &mut Random) -> DiskFault {
        use DiskFault::*;
        if self.calm {
            return None;
        }
        let fault = match self.disk_state {
            None if !random.once_in(self.disk_fault_in) => return None,
            None => random.pick(&[Full, Broken, Lie, CrashBefore, CrashAfter, CrashWithin, PowerLoss]),
            lasting => lasting,
        };
        let fault = if fault == Lie && !self.lies { None } else { fault };
        self.count(match fault {
            None => return None,
            Full => "disk full (ENOSPC)",
            Broken => "disk broken (EIO)",
            Lie => "sync that lied",
            CrashBefore | CrashAfter => "crash at a disk operation",
            CrashWithin => "crash within a disk operation",
            PowerLoss => "power lost at a disk operation",
        });
        fault
    }
}
