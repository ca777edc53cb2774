//! The state file: alerts, undelivered messages and the last report in one file, replaced atomically.
//!
//! One file, so that no crash can part an alert from its message: it is either the old one or the new one, whole.

mod damage;
mod encode;
mod folder;
mod load;
mod lock;
mod logins;
mod path_lock;
mod saver;
mod starts;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Alerts, Events, Happened, Known, MessageCounts};
use crate::clock::{Boot, Now};
use crate::collect::docker::Memory;
use crate::files::{self, Folder};
use crate::forecast::Forecasts;
use crate::hold::{Held, Silences};
use crate::host::{DiskIds, ErrorRecords, KnownKills, KnownMounts, LastMounts, MissingDisks, Mounts, Paths};
use crate::message::Delays;
use crate::notify;
use crate::outbox::{self, Outbox};
use crate::quota::Ledger;
use crate::schedule::ReportState;
use crate::worker::MAX_ORDER_BYTES;

pub use damage::{Damage, Lost};
pub use encode::{Encoded, encode};
pub use folder::{FolderError, StateFolder};
pub use load::{LoadError, Loaded, load, peek};
pub use lock::{Holder, holder};
pub use logins::Logins;
pub use saver::Saver;
pub use starts::{Restarted, Starts};

pub const FILE_NAME: &str = "alert_state.json";

/// The version of this state. A file of a newer one is refused, so that a downgrade destroys nothing.
pub const VERSION: u32 = 2;

/// The name under which the one outbox of version 1 goes on.
const ROBOT: &str = notify::FIRST_CHANNEL;

/// The outbox holds 1 MiB of text at most; escaped and with its JSON it stays below this.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

const _: () = assert!(6 * outbox::MAX_BYTES < MAX_FILE_BYTES, "JSON escapes a byte by six at most");
const _: () = assert!((MAX_FILE_BYTES as u64) < MAX_ORDER_BYTES, "a child takes any state");

/// Everything that outlives the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    #[serde(default)]
    pub alerts: Alerts,
    /// The news of alerts that quiet hours and silences hold back.
    #[serde(default, skip_serializing_if = "Held::is_empty")]
    pub held: Held,
    /// The same of the keys that cannot be measured.
    #[serde(default, skip_serializing_if = "Held::is_empty")]
    pub held_unknown: Held,
    /// Somebody asked to have these alerts held for a while.
    #[serde(default, skip_serializing_if = "Silences::is_new")]
    pub silences: Silences,
    /// The keys that cannot be measured, by the state machine of alerts.
    #[serde(default, skip_serializing_if = "Alerts::is_empty")]
    pub unknown: Alerts,
    /// Things that happened, and are told soon or were told lately.
    #[serde(default, skip_serializing_if = "Events::is_empty")]
    pub events: Events,
    /// The messages that wait for each channel, by the channel's name.
    #[serde(default)]
    pub outboxes: BTreeMap<String, Outbox>,
    /// The channels' destinations, by their names: a number, of which no secret comes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub destinations: BTreeMap<String, u64>,
    /// The one outbox of version 1, which was the robot's.
    #[serde(default, skip_serializing)]
    outbox: Option<Outbox>,
    #[serde(default)]
    pub report: Option<ReportState>,
    /// The memory of containers.
    #[serde(default)]
    pub containers: Memory,
    /// The messages since the last report.
    #[serde(default)]
    pub since_report: MessageCounts,
    /// The alerts since the last report.
    #[serde(default, skip_serializing_if = "Happened::is_empty")]
    pub happened: Happened,
    /// The deliveries since the last report that waited.
    #[serde(default)]
    pub delays: Delays,
    /// The growth of disks in the last hours.
    #[serde(default, skip_serializing_if = "Forecasts::is_empty")]
    pub forecasts: Forecasts,
    /// The traffic of this month.
    #[serde(default, skip_serializing_if = "Ledger::is_empty")]
    pub quota: Ledger,
    /// The disks that the watched paths were on.
    #[serde(default, skip_serializing_if = "LastMounts::is_empty")]
    pub mounts: LastMounts,
    /// The watched paths whose file systems could be written once.
    #[serde(default, skip_serializing_if = "Paths::is_empty")]
    pub writable: Paths,
    /// The watched paths that were found, not named.
    #[serde(default, skip_serializing_if = "Paths::is_empty")]
    pub found_disks: Paths,
    /// The disks themselves, by the watched path.
    #[serde(default, skip_serializing_if = "DiskIds::is_empty")]
    pub disk_ids: DiskIds,
    /// Of the disks that were found those that are missing, and since when.
    #[serde(default, skip_serializing_if = "MissingDisks::is_empty")]
    pub missing_disks: MissingDisks,
    /// The records of disks that may shut themselves at an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_errors: Option<ErrorRecords>,
    /// Earlier events, of kinds of which more is no news.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub known: Known,
    /// The logins since the last report.
    #[serde(default, skip_serializing_if = "Logins::is_empty")]
    pub logins: Logins,
    /// The kills for want of memory since the machine's start that are told, or were there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kills: Option<Box<KnownKills>>,
    /// The machine's starts and ends.
    #[serde(default, skip_serializing_if = "Starts::is_empty")]
    pub starts: Starts,
    /// Of a state that was read: from its save to the end of the agent that wrote it, at the latest. A message that was
    /// sent meanwhile without a save is not in it.
    #[serde(skip)]
    pub gap: Option<Range<Boot>>,
    /// Of a state that was read: when it was saved.
    #[serde(skip)]
    pub saved: Option<Timestamp>,
}

impl State {
    /// In place of one that cannot be known any more.
    pub fn in_place_of_lost(now: Boot) -> State {
        State { gap: Some(Boot::EARLIEST..now), ..State::default() }
    }

    /// Has `mounts` go on from the agent's memory of the disks.
    pub fn remind(&self, mounts: &mut Mounts) {
        let known = KnownMounts {
            points: self.mounts.clone(),
            writable: self.writable.clone(),
            found: self.found_disks.clone(),
            ids: self.disk_ids.clone(),
            missing: self.missing_disks.clone(),
            errors: self.disk_errors.clone(),
        };
        mounts.remember(&known, self.gap.as_ref().map(|gap| gap.start));
    }

    /// Moves every instant to the clock of another start of the machine: to the most likely one, and for the robot's
    /// budget to the latest possible one.
    fn shift(&mut self, likely_micros: i64, certain_micros: i64) {
        self.alerts.shift(likely_micros);
        self.forecasts.shift(likely_micros);
        self.silences.shift(likely_micros);
        self.unknown.shift(likely_micros);
        self.events.shift(likely_micros);
        self.outboxes.values_mut().for_each(|outbox| outbox.shift(likely_micros, certain_micros));
    }

    /// A report has told of all alerts until now.
    pub fn begin_anew_after_report(&mut self) {
        (self.since_report, self.delays) = (MessageCounts::default(), Delays::default());
        self.happened.begin_anew(&self.alerts);
        self.logins.begin_anew();
    }

    /// Corrects values that no agent wrote, and that would make it wait for ever, count beyond all bounds, or panic.
    /// Returns how many there were.
    fn correct(&mut self, now: Now) -> usize {
        let outboxes: usize = self.outboxes.values_mut().map(|outbox| outbox.correct(now)).sum();
        self.alerts.correct(now)
            + self.forecasts.correct(now)
            + self.quota.correct()
            + self.held.correct()
            + self.held_unknown.correct()
            + self.silences.correct(now)
            + self.unknown.correct(now)
            + self.events.correct(now)
            + outboxes
            + self.containers.correct(now.wall)
            + self.since_report.correct()
            + self.happened.correct()
            + self.delays.correct()
            + self.known.correct(now.wall)
            + self.logins.correct(now.wall)
    }
}

/// The content of the file: the state, and the meaning of its instants.
#[derive(Serialize, Deserialize)]
struct Document<S> {
    version: u32,
    /// When it was saved, on both clocks.
    saved: Timestamp,
    saved_boot: Boot,
    /// The start of the machine that the state's instants belong to.
    boot_id: String,
    #[serde(flatten)]
    state: S,
}

/// Replaces the state file by the output of [`encode()`]: afterwards either the old or the new one is there, whole,
/// whatever happens.
///
/// # Errors
/// Those of the folder.
pub fn replace(folder: &mut impl Folder, bytes: &[u8]) -> io::Result<()> {
    files::replace(folder, FILE_NAME, bytes)
}

#[cfg(test)]
mod tests;
