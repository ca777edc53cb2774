//! Draws a host's history: in a terminal, as a picture, as a page.
//!
//! Everything here is pure: a [`Chart`] goes in, a text or the bytes of a picture come out. It reads no store and no clock,
//! and its content was measured and judged elsewhere. Labels, units and number formats are the catalogue's.

mod apart;
mod font;
pub mod html;
pub mod picture;
#[cfg(test)]
mod sample;
mod scale;
mod series;
pub mod terminal;
mod ticks;
mod words;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::message::{Language, Line};
use crate::snapshot::Key;

/// Everything that a drawing shows.
#[derive(Clone, Debug)]
pub struct Chart {
    /// As messages call the host.
    pub host: String,
    /// The system's own name of the host, for a picture whose font lacks most of the other one.
    pub system_host: String,
    pub zone: TimeZone,
    pub language: Language,
    pub from: Timestamp,
    pub to: Timestamp,
    pub made_at: Timestamp,
    /// Between two checks.
    pub interval: Duration,
    /// The alerts that last now, each in a few words: `内存 88.5%，超过阈值 80%`. The gravest first.
    pub wrong: Vec<Line>,
    /// From the top downward.
    pub panels: Vec<Panel>,
    /// In any order: a drawing puts troubled ones first.
    pub containers: Vec<ContainerRow>,
    /// The alerts of this time, for a page's table. The latest first.
    pub episodes: Vec<Episode>,
}

/// One row over the common time axis.
#[derive(Clone, Debug)]
pub enum Panel {
    Strip(Strip),
    /// Two directions of one quantity: a picture mirrors them on one scale.
    Mirrored {
        title: Line,
        inward: Strip,
        outward: Strip,
    },
}

/// The course of one quantity. Its title and unit are those of its metric.
#[derive(Clone, Debug)]
pub struct Strip {
    pub key: Key,
    /// In a few words beside the title: `2 核`, `3.4 / 3.8 GB`.
    pub note: Line,
    /// Equal steps from the beginning to the end of the chart, none shorter than the interval of the checks. A step in
    /// which nothing was measured is `None`, never zero.
    pub steps: Vec<Option<Step>>,
    /// `None`: unknown now.
    pub now: Option<f64>,
    /// The lowest limit.
    pub threshold: Option<f64>,
    /// The times in which an alert of it lasted.
    pub alerts: Vec<Span>,
}

/// The values of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub min: f64,
    pub avg: f64,
    pub max: f64,
}

/// From a time on, up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A container over the time of the chart.
#[derive(Clone, Debug)]
pub struct ContainerRow {
    pub name: String,
    /// Its short id, for a picture whose font lacks most of its name.
    pub id: String,
    /// Equal steps, as those of a [`Strip`]. A step has the worst state that was seen in it.
    pub states: Vec<State>,
    pub now: State,
    /// The share of the known time in which it was well; `None`: nothing is known.
    pub well_percent: Option<f64>,
}

/// A container's state, the worse the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Unknown,
    Running,
    Unhealthy,
    Stopped,
}

/// One alert, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Episode {
    /// `内存`; of a container its name.
    pub subject: Line,
    pub began: Timestamp,
    /// `None`: it lasts.
    pub ended: Option<Timestamp>,
    /// Its worst value: `89.5%`.
    pub worst: Line,
}

impl Chart {
    /// All strips, in their order.
    fn strips(&self) -> impl Iterator<Item = &Strip> {
        self.panels.iter().flat_map(|panel| match panel {
            Panel::Strip(strip) => vec![strip],
            Panel::Mirrored { inward, outward, .. } => vec![inward, outward],
        })
    }

    /// Whether the history had nothing for it.
    pub fn is_empty(&self) -> bool {
        self.panels.is_empty() && self.containers.is_empty()
    }

    /// Nothing is wrong as far as anything is known.
    fn is_known(&self) -> bool {
        self.strips().any(|strip| strip.now.is_some())
            || self.containers.iter().any(|container| container.now != State::Unknown)
    }

    /// At most `count` containers, troubled ones first, and the others.
    fn containers_first(&self, count: usize) -> (Vec<&ContainerRow>, Vec<&ContainerRow>) {
        let mut rows: Vec<&ContainerRow> = self.containers.iter().collect();
        let place = |row: &&ContainerRow| {
            let share = row.well_percent.map_or(100_000, |percent| (percent * 1000.0) as u32);
            (std::cmp::Reverse(row.now), share)
        };
        rows.sort_by_key(place);
        let others = rows.split_off(count.min(rows.len()));
        (rows, others)
    }
}

impl ContainerRow {
    /// Whether it was well whenever it was seen.
    fn was_well(&self) -> bool {
        self.now <= State::Running && self.states.iter().all(|state| *state <= State::Running)
    }
}

impl Strip {
    /// Whether it is over its limit now.
    fn is_over(&self) -> bool {
        self.now.zip(self.threshold).is_some_and(|(now, limit)| self.key.metric.unit.reaches(now, limit))
    }
}
