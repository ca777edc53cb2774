//! What is remembered of a container from one look to the next.

use std::time::Duration;

use super::judge::{Facts, History};
use super::names::Place;
use super::restarts::Restarts;
use crate::clock::Now;
use crate::docker::Inspected;
use crate::docker::events::{Event, Kind};

/// A death within this time after a kill is the kill's. `docker stop` asks first and waits 10 s by default; when it
/// waits longer, the `stop` event that follows the death tells.
const KILL_LASTS_NANOS: i64 = 60 * 1_000_000_000;

/// One watched container's past.
#[derive(Clone, Debug)]
pub struct Known {
    pub place: Place,
    /// Whether the last list had it.
    pub listed: bool,
    /// On podman: inspect said that it has no health check. That never changes.
    pub has_no_health_check: bool,
    restarts: Restarts,
    killed_at_nanos: Option<i64>,
    stopped_by_hand: bool,
}

impl Known {
    pub fn new(place: Place) -> Known {
        Known {
            place,
            listed: true,
            has_no_health_check: false,
            restarts: Restarts::default(),
            killed_at_nanos: None,
            stopped_by_hand: false,
        }
    }

    /// Takes in an event, for what is known of a death's cause alone: how the container is, the engine is asked.
    pub fn take_in(&mut self, event: &Event) {
        match event.kind {
            Kind::Kill => self.killed_at_nanos = Some(event.at_nanos),
            Kind::Stop => self.stopped_by_hand = true,
            Kind::Die => {
                let since_kill = self.killed_at_nanos.map(|at| event.at_nanos.saturating_sub(at));
                self.stopped_by_hand |= since_kill.is_some_and(|nanos| nanos <= KILL_LASTS_NANOS);
            }
            Kind::Start => {
                self.killed_at_nanos = None;
                self.stopped_by_hand = false;
            }
            Kind::Oom | Kind::Pause | Kind::Unpause | Kind::Health | Kind::Destroy | Kind::Rename => {}
        }
    }

    /// Takes in what inspect says.
    pub fn see(&mut self, inspected: &Inspected, now: Now, window: Duration) {
        let age = inspected.created.map_or(0, |created| now.wall.as_microsecond() - created.as_microsecond());
        self.restarts.see(inspected.restart_count, now.boot.shifted(-age), now.boot, window);
        self.has_no_health_check = inspected.health().is_none() && !inspected.has_health_check();
    }

    /// Whether a running container was started since it was last inspected, or was never inspected: then it may be in a
    /// restart loop, and only inspect can tell.
    pub fn may_be_looping(&self, facts: &Facts, now: Now, window: Duration) -> bool {
        let up = facts.uptime.unwrap_or_default();
        &*facts.state == "running" && up < window && self.restarts.last_seen().is_none_or(|seen| up <= now.boot - seen)
    }

    pub fn history(&self, now: Now, window: Duration) -> History {
        History { stopped_by_hand: self.stopped_by_hand, restarts: self.restarts.within(window, now.boot) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped_by_hand(events: &[(Kind, i64)]) -> bool {
        let mut known = Known::new(Place { entry: None, target: "web".into() });
        for (kind, seconds) in events {
            known.take_in(&Event {
                kind: *kind,
                id: "b8dc".to_owned(),
                name: "web".to_owned(),
                old_name: None,
                compose: Default::default(),
                at_nanos: seconds * 1_000_000_000,
            });
        }
        known.stopped_by_hand
    }

    #[test]
    fn a_kill_before_the_death_is_a_stop_by_hand() {
        assert!(stopped_by_hand(&[(Kind::Kill, 10), (Kind::Die, 11)]));
        assert!(stopped_by_hand(&[(Kind::Kill, 10), (Kind::Kill, 20), (Kind::Die, 20)]));
        assert!(!stopped_by_hand(&[(Kind::Die, 10)]));
        assert!(!stopped_by_hand(&[(Kind::Kill, 10)]));
        assert!(!stopped_by_hand(&[(Kind::Kill, 10), (Kind::Die, 1000)]));
        assert!(!stopped_by_hand(&[(Kind::Oom, 10), (Kind::Die, 10)]));
    }

    #[test]
    fn a_long_stop_is_told_by_the_event_behind_the_death_and_a_start_ends_it() {
        assert!(stopped_by_hand(&[(Kind::Kill, 10), (Kind::Die, 310), (Kind::Stop, 310)]));
        assert!(!stopped_by_hand(&[(Kind::Kill, 10), (Kind::Die, 11), (Kind::Start, 12)]));
        assert!(!stopped_by_hand(&[(Kind::Kill, 10), (Kind::Start, 12), (Kind::Die, 13)]));
    }
}
