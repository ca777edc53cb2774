//! The state file: alerts, undelivered messages and the last report in one file, replaced atomically.
//!
//! One file, so that no crash can part an alert from its message: it is either the old one or the new one, whole.

mod lock;
mod place;
mod saver;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{AlertBook, Tally};
use crate::clock::{Boot, Now};
use crate::collect::docker::Memory;
use crate::files::{self, Folder};
use crate::host::HeldMounts;
use crate::outbox::Outbox;
use crate::schedule::ReportState;

pub use lock::{Lock, LockError, holder};
pub use place::Place;
pub use saver::Saver;

pub const FILE_NAME: &str = "alert_state.json";

/// The state of this version. A file of a newer one is refused, so that a downgrade destroys nothing.
pub const VERSION: u32 = 2;

/// The name under which the one outbox of version 1 goes on.
const ROBOT: &str = "wechat";

/// The outbox holds 1 MiB of text at most; escaped and with what is around it, it stays under this.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// All that outlives the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    #[serde(default)]
    pub alerts: AlertBook,
    /// What waits for each channel, by the channel's name.
    #[serde(default)]
    pub outboxes: BTreeMap<String, Outbox>,
    /// The one outbox of version 1, which was the robot's.
    #[serde(default, skip_serializing)]
    outbox: Option<Outbox>,
    #[serde(default)]
    pub report: Option<ReportState>,
    /// What is remembered of containers.
    #[serde(default)]
    pub containers: Memory,
    /// What was told since the last report.
    #[serde(default)]
    pub since_report: Tally,
    /// The disks that the watched paths were on.
    #[serde(default, skip_serializing_if = "HeldMounts::is_empty")]
    pub mounts: HeldMounts,
}

impl State {
    /// Moves every instant to the clock of another start of the machine: by what is likely, and where the robot would
    /// mind, by what is certain.
    fn shift(&mut self, likely_micros: i64, certain_micros: i64) {
        self.alerts.shift(likely_micros);
        self.outboxes.values_mut().for_each(|outbox| outbox.shift(likely_micros, certain_micros));
    }
}

/// What stands in the file: the state, and what its instants mean.
#[derive(Serialize, Deserialize)]
struct Document<S> {
    version: u32,
    /// When it was saved, on both clocks.
    saved: Timestamp,
    saved_boot: Boot,
    /// On which start of the machine the instants of the state are.
    boot_id: String,
    #[serde(flatten)]
    state: S,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

/// What was found in the folder.
#[derive(Debug, PartialEq)]
pub enum Loaded {
    /// There was no state yet.
    Nothing,
    State(Box<State>),
    /// It could not be read, and is set aside (under this name, if that was possible).
    Damaged {
        why: String,
        kept_as: Option<String>,
    },
}

/// Why the agent must not go on with this folder.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(
        "{path} was written by a newer version of vps-monitor (its version is {found}, this one reads {VERSION}); \
             it is left as it is: install the newer version again, or move the file away"
    )]
    Newer { path: PathBuf, found: u32 },
}

/// The bytes of the file for `state`; `boot_id` tells this start of the machine from others.
///
/// # Errors
/// None, for any state that there can be.
pub fn encode(state: &State, boot_id: &str, now: Now) -> io::Result<Vec<u8>> {
    let document =
        Document { version: VERSION, saved: now.wall, saved_boot: now.boot, boot_id: boot_id.to_owned(), state };
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Replaces the state file by what [`Store::encode`] gave: after this, either the old or the new one is there, whole,
/// whatever happens.
///
/// # Errors
/// Those of the folder.
pub fn replace(folder: &mut impl Folder, bytes: &[u8]) -> io::Result<()> {
    files::replace(folder, FILE_NAME, bytes)
}

/// Reads and replaces the state file of one folder.
pub struct Store<F> {
    folder: F,
    boot_id: String,
}

impl<F: Folder> Store<F> {
    /// `boot_id` tells this start of the machine from others.
    pub fn new(folder: F, boot_id: String) -> Store<F> {
        Store { folder, boot_id }
    }

    /// Reads the state, its instants on this start's clock. A file that is no state is set aside.
    ///
    /// # Errors
    /// A file of a newer version, which is not touched.
    pub fn load(&mut self, now: Now, path: &Path) -> Result<Loaded, LoadError> {
        let bytes = match self.folder.read(FILE_NAME, MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            // Where the folder is no folder, the first attempt to save says so.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Loaded::Nothing);
            }
            Err(error) => return Ok(self.set_aside(&error.to_string(), now)),
        };
        match serde_json::from_slice::<VersionOnly>(&bytes) {
            Ok(VersionOnly { version }) if version > VERSION => {
                return Err(LoadError::Newer { path: path.join(FILE_NAME), found: version });
            }
            Ok(_) => {}
            Err(error) => return Ok(self.set_aside(&error.to_string(), now)),
        }
        match serde_json::from_slice::<Document<State>>(&bytes) {
            Ok(document) => Ok(Loaded::State(Box::new(self.on_this_start(document, now)))),
            Err(error) => Ok(self.set_aside(&error.to_string(), now)),
        }
    }

    /// Reads the state without a change to any file, as a bystander; `None`: there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn peek(&mut self, now: Now) -> io::Result<Option<State>> {
        let bytes = match self.folder.read(FILE_NAME, MAX_FILE_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let document: Document<State> = serde_json::from_slice(&bytes)?;
        Ok(Some(self.on_this_start(document, now)))
    }

    /// What stands in the file for `state`.
    ///
    /// # Errors
    /// None, for any state that there can be.
    pub fn encode(&self, state: &State, now: Now) -> io::Result<Vec<u8>> {
        encode(state, &self.boot_id, now)
    }

    /// Replaces the state file and waits for the disk.
    ///
    /// # Errors
    /// Those of [`replace`].
    pub fn save(&mut self, state: &State, now: Now) -> io::Result<()> {
        let bytes = self.encode(state, now)?;
        replace(&mut self.folder, &bytes)
    }

    /// After another start of the machine its clock began anew: what had passed when the state was saved, and the time
    /// since then by the wall clock, have passed on this clock too. A machine that starts may have a wrong wall clock, so
    /// all that is certain to have passed is the time since this start.
    fn on_this_start(&self, document: Document<State>, now: Now) -> State {
        let mut state = document.state;
        if let Some(outbox) = state.outbox.take() {
            log::info!("the state of version {} is taken over", document.version);
            state.outboxes.insert(ROBOT.to_owned(), outbox);
        }
        // A clock that is behind the saved one is another's too, whatever the id says (time_namespaces(7)).
        let is_another = document.boot_id != self.boot_id || self.boot_id.is_empty() || now.boot < document.saved_boot;
        if is_another {
            let away = now.wall.as_microsecond().saturating_sub(document.saved.as_microsecond()).max(0);
            let since_start = now.boot.as_micros();
            let certain = 0i64.saturating_sub(document.saved_boot.as_micros());
            let likely = since_start.saturating_sub(away.max(since_start)).saturating_add(certain);
            state.shift(likely, certain);
        }
        state
    }

    fn set_aside(&mut self, why: &str, now: Now) -> Loaded {
        let name = format!("{FILE_NAME}.damaged-{}", now.wall.as_second());
        let kept = self.folder.rename(FILE_NAME, &name).is_ok();
        Loaded::Damaged { why: why.to_owned(), kept_as: kept.then_some(name) }
    }
}

#[cfg(test)]
mod tests;
