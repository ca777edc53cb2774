//! The state that an agent has saved, for a command that measures by itself: that of this user's agent, else of the
//! service's. It is read once, and left as it is.
//!
//! A state that cannot be read is no reason to measure nothing: an ordinary user may not read the service's.

use super::options::SERVICE_STATE;
use super::status::{ensure_answer, read_state};
use super::{Error, Options, output};
use crate::clock::{self, Now};
use crate::collect::disk;
use crate::collect::traffic::QUOTA;
use crate::config::Resolved;
use crate::host::{self, Host};
use crate::settings::Written;
use crate::snapshot::Snapshot;
use crate::store::State;

pub struct Saved {
    state: State,
    /// The reason why it is not the agent's.
    error: Option<Error>,
}

impl Saved {
    /// An empty one where the measurement needs nothing of the state. To read it takes a process that asks whether its folder
    /// answers, and more time than all the rest of a command.
    pub fn for_measuring(options: &Options, config: &Resolved) -> Saved {
        if config.plan.quota().is_some() || can_lose_a_disk(config) {
            return Saved::read(options);
        }
        Saved { state: State::default(), error: None }
    }

    pub fn read(options: &Options) -> Saved {
        match find(options, clock::now()) {
            Ok(state) => Saved { state: state.unwrap_or_default(), error: None },
            Err(error) => Saved { state: State::default(), error: Some(error) },
        }
    }

    /// Tells the host which disk each watched path was on. Where that is not known, a disk that is gone is measured as the
    /// file system around it.
    pub fn remember_mounts(&self, config: &Resolved, host: &mut Host) {
        self.state.remind(&mut host.mounts);
        if let Some(error) = self.error.as_ref().filter(|_| can_lose_a_disk(config)) {
            output::complain(&format!(
                "the agent's state cannot be read, so a disk that is gone is not missed: {error}"
            ));
        }
    }

    /// Adds the reading of the quota, if there is one. Without any agent's count it is that of the machine's counters.
    pub fn count_traffic(&mut self, snapshot: &mut Snapshot, config: &Resolved, now: Now) {
        let Some(plan) = config.plan.quota() else { return };
        match &self.error {
            None => {
                self.state.quota.derive(snapshot, plan, &config.style.zone, &host::boot_id(), now);
                snapshot.in_order();
            }
            Some(error) => snapshot.failures.push(QUOTA.failure(format!("the agent's count cannot be read: {error}"))),
        }
    }

    /// An empty one where it cannot be read.
    pub fn into_state(self) -> State {
        self.state
    }
}

fn find(options: &Options, now: Now) -> Result<Option<State>, Error> {
    // A user without a home has no agent of their own.
    if let Ok(own) = options.state_folder() {
        ensure_answer(&own)?;
        let state = read_state(&own, now)?;
        if state.is_some() || options.named_state_folder().is_some() {
            return Ok(state);
        }
    }
    Ok(read_state(SERVICE_STATE.as_ref(), now)?)
}

/// Whether other disks than that of `/` are watched.
fn can_lose_a_disk(config: &Resolved) -> bool {
    let disks = config.plan.sources.iter().find(|source| source.source.name == disk::SOURCE.name && source.is_enabled);
    disks.is_some_and(|disks| disks.values().get("paths") != Some(&Written::texts(["/"])))
}
