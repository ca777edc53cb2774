//! The monthly quota for a command that measures by itself: by the count that the agent has saved, which is left as it is.

use super::options::SERVICE_STATE;
use super::status::{ensure_answer, read_state};
use super::{Error, Options};
use crate::clock::Now;
use crate::collect::traffic::QUOTA;
use crate::config::Resolved;
use crate::host;
use crate::quota::Ledger;
use crate::snapshot::Snapshot;

/// Adds the reading of the quota, if there is one. Without any agent's count it is that of the machine's counters.
pub fn count_traffic(snapshot: &mut Snapshot, config: &Resolved, options: &Options, now: Now) {
    let Some(plan) = config.plan.quota() else { return };
    match saved_count(options, now) {
        Ok(mut ledger) => {
            ledger.derive(snapshot, plan, &config.style.zone, &host::boot_id(), now);
            snapshot.in_order();
        }
        Err(error) => snapshot.failures.push(QUOTA.failure(format!("the agent's count cannot be read: {error}"))),
    }
}

/// Of this user's agent, else of the service's.
fn saved_count(options: &Options, now: Now) -> Result<Ledger, Error> {
    let own = options.state_folder()?;
    ensure_answer(&own)?;
    let state = match read_state(&own, now)? {
        None if options.named_state_folder().is_none() => read_state(SERVICE_STATE.as_ref(), now)?,
        state => state,
    };
    Ok(state.map(|state| state.quota).unwrap_or_default())
}
