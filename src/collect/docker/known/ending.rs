//! How a container's run ended: by itself, by somebody, with its engine, or with its removal.

use std::time::Duration;

use jiff::Timestamp;

use super::{Known, Life, signed};
use crate::clock::{Boot, Now};
use crate::collect::docker::judge::Observation;
use crate::collect::docker::run::{End, InspectedEnd, Run, UnseenEnd, is_on_purpose};

/// An engine that starts finds out within this time which of its containers died without it, and counts them as ended
/// by then.
const RESTORED_WITHIN: Duration = Duration::from_secs(5);

impl Known {
    /// Takes in its present state. `engine_was_away_until`: the engine was found to be away since the container was
    /// last looked at. Returns the end of a run that was followed by another one meanwhile.
    pub fn settle(
        &mut self,
        observed: &Observation,
        engine_was_away_until: Option<Timestamp>,
        now: Now,
    ) -> Option<UnseenEnd> {
        let inspected = inspected(observed);
        let restored = std::mem::take(&mut self.is_restored).then(|| engines_start(now));
        let engine_was_away_until = engine_was_away_until.max(restored);
        if observed.is_alive() && !(observed.is_paused() && self.life == Life::AsItIs) {
            self.life = Life::Alive;
            let last_alive = self.last_alive.replace(now.boot);
            if &*observed.state == "restarting" {
                // The reading tells this end.
                self.forget_run_before();
                self.end_was_seen = true;
                return None;
            }
            let end_was_seen = std::mem::take(&mut self.end_was_seen);
            let is_new_run = last_alive.is_some_and(|alive| observed.uptime.is_some_and(|up| up < now.boot - alive));
            let ran_before = self.incidents.as_mut()?.run_again(observed.details.as_deref(), end_was_seen, is_new_run);
            // This run's flag says nothing about the one before.
            return ran_before.map(|run| run.unseen_end(InspectedEnd { oom_killed: false, ..inspected }));
        }
        self.forget_run_before();
        // A container that is being removed is mostly gone before anything is told of it: its end is told once it is.
        self.end_was_seen |= &*observed.state != "removing";
        let UnseenEnd { mut how, exit_code } = self.run().unwrap_or(&Run::default()).unseen_end(inspected);
        match self.life {
            Life::Alive => {
                let finished = observed.details.as_ref().and_then(|details| details.finished);
                if engine_was_away_until.is_some_and(|until| self.ended_with_engine(how, finished, until)) {
                    how = End::Engine;
                }
                self.life = Life::Ended { how, exit_code, since: Some(now.boot) };
            }
            // Events may tell of the cause after the end.
            Life::Ended { how: before, since, .. } if how != End::Itself && before != End::Engine => {
                self.life = Life::Ended { how, exit_code, since };
            }
            Life::AsItIs | Life::Replaced | Life::Ended { .. } => {}
            Life::Removed { .. } => self.life = Life::Ended { how, exit_code, since: Some(now.boot) },
        }
        None
    }

    /// Whether it ended because the engine stopped: while that was away, or (its events tell) just before.
    fn ended_with_engine(&self, how: End, finished: Option<Timestamp>, away_until: Timestamp) -> bool {
        match how {
            End::Stopped => self.run().is_some_and(|run| run.ended_by(away_until)),
            End::Itself if self.death().is_none() => {
                finished.is_some_and(|finished| finished.duration_since(away_until) <= signed(RESTORED_WITHIN))
            }
            _ => false,
        }
    }

    /// It is no longer in the list. Returns its end, if no look saw that, and whether it is to be remembered as one
    /// that ran until it was removed.
    pub fn vanish(&mut self, grace: Duration, now: Now) -> (Option<UnseenEnd>, bool) {
        let unseen = self.run().filter(|run| run.death().is_some() && !self.end_was_seen);
        let run_before = self.incidents.as_ref().and_then(|incidents| incidents.run_before.as_ref());
        let death = unseen.or(run_before).map(|run| run.unseen_end(InspectedEnd::default()));
        let ran = match self.life {
            Life::Removed { .. } => return (None, true),
            Life::Alive => death.is_none_or(UnseenEnd::is_on_purpose),
            Life::Ended { how, exit_code, since: Some(since) } => {
                is_on_purpose(how, exit_code) && now.boot < since.after(grace)
            }
            Life::AsItIs | Life::Replaced | Life::Ended { since: None, .. } => false,
        };
        if ran {
            self.life = Life::Removed { since: now.wall };
        }
        (death, ran)
    }
}

/// An engine does not outlive its machine. It is there again within this time after the machine's start.
const ENGINE_STARTS_WITHIN: Duration = Duration::from_secs(2 * 60);

pub fn engines_start(now: Now) -> Timestamp {
    let up = now.boot - Boot::from_micros(0);
    now.wall.checked_sub(up).and_then(|start| start.checked_add(ENGINE_STARTS_WITHIN)).unwrap_or(now.wall)
}

fn inspected(observed: &Observation) -> InspectedEnd {
    let details = observed.details.as_ref();
    InspectedEnd {
        exit_code: observed.exit_code,
        oom_killed: details.is_some_and(|details| details.oom_killed),
        stop_signal: details.and_then(|details| details.stop_signal),
    }
}
