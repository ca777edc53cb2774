//! The memory of a container from one look to the next: that it ran, and the cause of its end.
//!
//! A container that is not named in the configuration is watched from the first time that it was seen to run. Its state
//! at first sight is accepted, and so is a deliberate end after another container had taken its place.

mod ending;
mod replacement;

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Boot, Now};
use crate::collect::docker::config::Expected;
use crate::collect::docker::incidents::Incidents;
use crate::collect::docker::judge::{self, History, Observation, WatchPolicy};
use crate::collect::docker::names::Place;
use crate::collect::docker::run::{Death, End, Run, is_on_purpose};
use crate::collect::docker::told_end::ToldEnd;
use crate::collect::restarts::Restarts;
use crate::docker::events::{Event, Kind};
use crate::docker::{Inspected, Signal};

pub use ending::engines_start;

/// One watched container's past. Kept small: there may be thousands.
#[derive(Clone, Debug)]
pub struct Known {
    pub place: Place,
    /// Its name.
    pub name: Rc<str>,
    /// Its service.
    pub service: Option<Rc<str>>,
    /// Whether the last list had it.
    pub listed: bool,
    /// It has not been looked at since this program started.
    is_restored: bool,
    /// On podman: inspect said that it has no health check. That never changes.
    pub has_no_health_check: bool,
    /// A look has seen the present end of the run.
    end_was_seen: bool,
    life: Life,
    last_alive: Option<Boot>,
    incidents: Option<Box<Incidents>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    AsItIs,
    Replaced,
    /// `since`: when that was seen; `None`: before this program started.
    Ended {
        how: End,
        exit_code: Option<i64>,
        since: Option<Boot>,
    },
    /// It ran until it was removed, and nothing has taken its place.
    Removed {
        since: Timestamp,
    },
}

impl Known {
    /// A container that is seen for the first time. `is_expected`: a container of its name ran, so that this one is
    /// meant to run too.
    pub fn new(
        place: Place,
        name: Rc<str>,
        service: Option<Rc<str>>,
        observed: &Observation,
        is_expected: bool,
    ) -> Known {
        let runs = observed.is_alive() && !observed.is_paused();
        let life = if runs || is_expected { Life::Alive } else { Life::AsItIs };
        Known { listed: true, is_restored: false, ..Known::restored(place, name, service, life) }
    }

    /// One that was never listed: only events told of it.
    pub fn stranger(name: Rc<str>) -> Known {
        let place = Place { entry: None, target: name.clone() };
        Known { is_restored: false, ..Known::restored(place, name, None, Life::Alive) }
    }

    /// One that was known before this program started. What ended it by then was seen.
    pub fn restored(place: Place, name: Rc<str>, service: Option<Rc<str>>, life: Life) -> Known {
        Known {
            place,
            name,
            service,
            listed: false,
            is_restored: true,
            has_no_health_check: false,
            end_was_seen: matches!(life, Life::Ended { .. }),
            life,
            last_alive: None,
            incidents: None,
        }
    }

    fn incidents(&mut self) -> &mut Incidents {
        self.incidents.get_or_insert_default()
    }

    fn former(&self) -> Option<&Rc<str>> {
        self.incidents.as_ref()?.former.as_ref()
    }

    fn run(&self) -> Option<&Run> {
        self.incidents.as_ref().map(|incidents| &incidents.run)
    }

    /// The end of its run, if events told of it.
    fn death(&self) -> Option<Death> {
        self.run()?.death()
    }

    /// With the end that an earlier program told last.
    pub fn with_told_end(mut self, told_end: Option<ToldEnd>) -> Known {
        if told_end.is_some() {
            self.incidents().told_end = told_end;
        }
        self
    }

    pub fn told_end(&self) -> Option<ToldEnd> {
        self.incidents.as_ref()?.told_end
    }

    fn forget_run_before(&mut self) {
        if let Some(incidents) = &mut self.incidents {
            incidents.run_before = None;
        }
    }

    pub fn life(&self) -> Life {
        self.life
    }

    /// Takes in an event, but only for the cause of a death: the state itself comes from the engine's answer.
    pub fn take_in(&mut self, event: &Event) {
        if self.told_end().is_some_and(|told_end| told_end.is_told_by(event)) {
            return;
        }
        if event.kind == Kind::Start {
            let end_was_seen = std::mem::take(&mut self.end_was_seen);
            if let Some(incidents) = &mut self.incidents {
                incidents.start(end_was_seen);
            }
        } else {
            self.incidents().run.take_in(event);
        }
        // A container that is seen to start, or to end, is no longer as it was found.
        let is_seen_to_end = event.kind == Kind::Die && matches!(self.life, Life::AsItIs | Life::Replaced);
        if event.kind == Kind::Start || is_seen_to_end {
            self.life = Life::Alive;
        }
    }

    /// Takes in the restarts from inspect. A restart without an event ended a run, too.
    pub fn see(&mut self, inspected: &Inspected, absent_since: Option<Timestamp>, now: Now, window: Duration) {
        let age = inspected.created.map_or(0, |created| now.wall.as_microsecond() - created.as_microsecond());
        let counted = self.restarts().and_then(Restarts::last_count).unwrap_or(0);
        let up = inspected.state.started_at.map(|time| now.wall.duration_since(time));
        let is_new_run = match self.last_alive {
            Some(last_alive) => up.is_some_and(|up| up < signed(now.boot - last_alive)),
            // A start by hand or at the engine's own start begins the count anew: this was a crash, mended by the engine.
            // A stamp that is yet to come is of a clock that was set back since.
            None => {
                self.is_restored
                    && inspected.state.finished_at.zip(absent_since).is_some_and(|(ended, since)| {
                        let is_told = self.told_end().is_some_and(|told_end| told_end.is_at(ended));
                        ended > since && ended <= now.wall && !is_told
                    })
            }
        };
        let was_restarted = inspected.restart_count > counted && is_new_run && self.life == Life::Alive;
        let incidents = self.incidents();
        incidents.see_restart(was_restarted);
        incidents.restarts.see(inspected.restart_count, now.boot.shifted(-age), now.boot, window);
        self.has_no_health_check = inspected.health().is_none() && inspected.health_check().is_none();
    }

    /// Whether it is meant to run: it runs, or ended without anybody having meant it.
    pub fn is_meant_to_run(&self, observed: &Observation) -> bool {
        let ended_well = observed.exit_code == Some(0) || observed.exit_code == Some(Signal::TERM.exit_code());
        let was_given_up = match self.life {
            Life::AsItIs | Life::Replaced | Life::Removed { .. } => true,
            Life::Ended { how, exit_code, .. } => is_on_purpose(how, exit_code),
            Life::Alive => false,
        };
        observed.is_alive() || !(ended_well || was_given_up || matches!(&*observed.state, "created" | "removing"))
    }

    /// Whether the reason matters why it does not run: a container that was accepted as found, and one that finished,
    /// are asked no further.
    pub fn is_in_question(&self, observed: &Observation, policy: WatchPolicy) -> bool {
        let is_finished = &*observed.state == "exited" && observed.exit_code == Some(0);
        match self.life {
            Life::Replaced | Life::Removed { .. } => false,
            Life::AsItIs => policy.is_named && !(is_finished && policy.expected == Expected::Exited),
            Life::Ended { how: End::Itself, .. } if is_finished => {
                policy.is_named && policy.expected == Expected::Running
            }
            Life::Alive | Life::Ended { .. } => true,
        }
    }

    /// Whether a running container was started since it was last inspected, or was never inspected: then it may be in a
    /// restart loop, and only inspect can tell.
    pub fn may_be_looping(&self, observed: &Observation, now: Now, window: Duration) -> bool {
        let up = observed.uptime.unwrap_or_default();
        &*observed.state == "running"
            && up < window
            && self.restarts().and_then(Restarts::last_seen).is_none_or(|seen| up <= now.boot - seen)
    }

    /// Whether a running container that an earlier agent knew may have been started again in this one's absence.
    pub fn may_have_been_restarted(&self, observed: &Observation, absent_since: Option<Timestamp>, now: Now) -> bool {
        let up = signed(observed.uptime.unwrap_or_default());
        self.is_restored
            && &*observed.state == "running"
            && absent_since.is_some_and(|since| up < now.wall.duration_since(since))
    }

    fn restarts(&self) -> Option<&Restarts> {
        self.incidents.as_ref().map(|incidents| &incidents.restarts)
    }

    /// The number of restarts by the engine in the window that ends now.
    pub fn restart_count(&self, now: Now, window: Duration) -> u32 {
        self.restarts().map_or(0, |restarts| restarts.within(window, now.boot))
    }

    pub fn history(&self, now: Now, window: Duration) -> History {
        let reason = match self.life {
            Life::AsItIs => judge::DownReason::AsItIs,
            Life::Replaced => judge::DownReason::Replaced,
            Life::Ended { how, exit_code, .. } => judge::DownReason::Ended { how, exit_code },
            Life::Alive | Life::Removed { .. } => {
                let exit_code = self.death().and_then(|death| death.exit_code);
                judge::DownReason::Ended { how: End::Itself, exit_code }
            }
        };
        History { reason, restarts: self.restart_count(now, window) }
    }
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
