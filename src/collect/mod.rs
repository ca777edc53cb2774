//! Collectors: each reads one source, parses it, and makes readings of it. None knows another, nor alerts or messages.
//!
//! Adding one: its file here, a field in [`Plan`], and a line in [`Check::new`]. Containers are apart ([`docker`]): they
//! are looked at between checks too, so one [`docker::Engine`] outlives the checks and is asked at the end of each.

pub mod connections;
pub mod cpu;
pub mod disk;
pub mod docker;
pub mod memory;
pub mod parse;
pub mod traffic;

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::clock::{Boot, Now};
use crate::host::Host;
use crate::metric::Metric;
use crate::settings::{Section, doc};
use crate::snapshot::{Key, Snapshot, Watched};

/// How far apart the two readings of a rate may be taken.
const SAMPLE_INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// The key `sample_interval` of a section. That it fits between two checks is seen to where both are known.
fn sample_interval(section: &mut Section<'_>, default: Duration) -> Duration {
    let doc =
        doc("采样间隔（秒），不长于 `check_interval`", "between the two readings; no longer than `check_interval`");
    section.duration("sample_interval", default, SAMPLE_INTERVAL, doc)
}

/// What is to be measured: each collector's own configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub memory: memory::Config,
    pub swap: memory::Config,
    pub disk: disk::Config,
    pub cpu: cpu::Config,
    pub traffic: traffic::Config,
    pub connections: connections::Config,
    pub docker: docker::Config,
}

impl Plan {
    /// How long a check takes: its longest sampling window.
    pub fn window(&self) -> Duration {
        let cpu = self.cpu.enabled.then_some(self.cpu.sample_interval);
        let traffic = self.traffic.enabled.then_some(self.traffic.sample_interval);
        cpu.max(traffic).unwrap_or_default()
    }
}

/// One source of readings.
pub trait Collector {
    /// Adds all that it reads to `into`: where a check brings no reading of it, it is unknown.
    fn watch(&self, into: &mut Vec<Watched>);

    /// Takes the first of two readings where a rate needs two, or starts what takes its time; says how long after this
    /// [`Collector::collect`] is to be called. Zero: whenever the check ends.
    fn begin(&mut self, _host: &mut Host, _now: Boot) -> Duration {
        Duration::ZERO
    }

    /// Adds its readings to `into`, and a failure for each thing that could not be measured.
    fn collect(&mut self, host: &mut Host, now: Now, into: &mut Snapshot) -> Progress;
}

/// What a host has once.
fn whole(metric: &'static Metric) -> Watched {
    Watched::One(Key::new(metric, ""))
}

/// Whether a collector is done with this check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    Done,
    /// It waits for something that takes its time, and is to be called again at this instant.
    Again(Boot),
}

/// One check after another: the collectors, and how far the check that is under way has come.
///
/// The sampling windows of all collectors run side by side, so a check takes as long as its longest one.
pub struct Check {
    slots: Vec<Slot>,
    /// What all collectors read.
    watched: Vec<Watched>,
    snapshot: Snapshot,
}

struct Slot {
    collector: Box<dyn Collector>,
    /// When it is to be called next; `None` when it is done.
    due: Option<Boot>,
}

impl Check {
    pub fn new(plan: &Plan, host: &Host) -> Check {
        let mut slots = Vec::new();
        let mut add = |collector: Option<Box<dyn Collector>>| {
            slots.extend(collector.map(|collector| Slot { collector, due: None }));
        };
        add(memory::Memory::new(&plan.memory, &plan.swap, host).map(|c| Box::new(c) as _));
        add(disk::Disk::new(&plan.disk).map(|c| Box::new(c) as _));
        add(cpu::Cpu::new(&plan.cpu, host).map(|c| Box::new(c) as _));
        add(traffic::Traffic::new(&plan.traffic, host).map(|c| Box::new(c) as _));
        add(connections::Connections::new(&plan.connections, host).map(|c| Box::new(c) as _));
        let mut watched = Vec::new();
        slots.iter().for_each(|slot| slot.collector.watch(&mut watched));
        Check { slots, watched, snapshot: Snapshot::default() }
    }

    /// Takes the first readings.
    pub fn begin(&mut self, host: &mut Host, now: Boot) {
        let readings = Vec::with_capacity(self.watched.len());
        self.snapshot = Snapshot { watched: self.watched.clone(), readings, failures: Vec::new() };
        let mut end = now;
        for slot in &mut self.slots {
            let due = now.after(slot.collector.begin(host, now));
            slot.due = Some(due);
            end = end.max(due);
        }
        // What needs no window is measured at the end, together with what needs the longest.
        for slot in &mut self.slots {
            slot.due = slot.due.map(|due| if due == now { end } else { due });
        }
    }

    /// When [`Check::advance`] has something to do; `None` when no check is under way.
    pub fn next_due(&self) -> Option<Boot> {
        self.slots.iter().filter_map(|slot| slot.due).min()
    }

    /// Collects what is due, and gives the snapshot once all is there, readings in the order of lines in a message.
    pub fn advance(&mut self, host: &mut Host, now: Now) -> Option<Snapshot> {
        for slot in &mut self.slots {
            if slot.due.is_some_and(|due| due <= now.boot) {
                slot.due = match slot.collector.collect(host, now, &mut self.snapshot) {
                    Progress::Done => None,
                    Progress::Again(due) => Some(due),
                };
            }
        }
        if self.next_due().is_some() {
            return None;
        }
        let mut snapshot = std::mem::take(&mut self.snapshot);
        snapshot.readings.sort_by_key(|reading| reading.key.metric.order);
        Some(snapshot)
    }
}
