//! The end of a container's last run, once everything was told of it and the container runs again.
//!
//! A look and the events of one end may cross: inspect shows that it ended and runs again, and the events come afterwards. A
//! clock that is set back brings the stamp of an end that was told after the last look. So an end is known again by its own
//! stamps: by their order among other instants it would be told twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::judge::Details;
use crate::docker::events::{Event, Kind};

/// By inspect's stamps, which are the engine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldEnd {
    ended: Timestamp,
    /// The start of the next run.
    started: Timestamp,
}

impl ToldEnd {
    /// The end before the present run; `None` if this is the first.
    pub fn before(running: &Details) -> Option<ToldEnd> {
        let (ended, started) = (running.finished?, running.started?);
        Some(ToldEnd { ended, started }).filter(|_| ended < started)
    }

    /// Whether the event is this end. An engine writes down the end, then tells of it, then starts the next run (moby's
    /// daemon/monitor.go).
    pub fn is_told_by(&self, event: &Event) -> bool {
        let at = i128::from(event.at_nanos);
        event.kind == Kind::Die && (self.ended.as_nanosecond()..self.started.as_nanosecond()).contains(&at)
    }

    pub fn is_at(&self, ended: Timestamp) -> bool {
        self.ended == ended
    }

    pub fn is_after(&self, looked: Option<Timestamp>) -> bool {
        Some(self.ended) > looked
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::interner::Interner;
    use super::super::judge::Observation;
    use super::super::known::{Known, Life};
    use super::super::names::Place;
    use super::super::run::{self, End, UnseenEnd};
    use super::*;
    use crate::clock::{Boot, Now};
    use crate::docker::Inspected;

    const WINDOW: Duration = Duration::from_secs(600);

    fn wall(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + seconds).unwrap()
    }

    fn now(seconds: i64) -> Now {
        Now { wall: wall(seconds), boot: Boot::from_millis((100_000 + seconds) * 1000) }
    }

    /// A moment after it happened.
    fn event(kind: Kind, seconds: i64) -> Event {
        let exit_code = (kind == Kind::Die).then_some(3);
        let at_nanos = wall(seconds).as_second() * 1_000_000_000 + 1_000_000;
        Event { exit_code, at_nanos, ..run::tests::event(kind, 0) }
    }

    /// Inspect at `at`: it ended at `ended`, started at `started` after that or not, and was restarted so often.
    fn look(
        known: &mut Known,
        at: i64,
        (ended, started): (i64, i64),
        restarts: u64,
        absent: Option<i64>,
    ) -> Option<UnseenEnd> {
        let status = if started > ended { "running" } else { "exited" };
        let inspected = json!({
            "Id": "b8dc", "Name": "/web", "Created": wall(-5000), "RestartCount": restarts,
            "State": {
                "Status": status, "OOMKilled": false, "ExitCode": 3,
                "StartedAt": wall(started), "FinishedAt": wall(ended),
            },
            "Config": {},
        });
        let inspected: Inspected = serde_json::from_value(inspected).unwrap();
        known.see(&inspected, absent.map(wall), now(at), WINDOW);
        known.settle(&Observation::inspected(&inspected, wall(at), &mut Interner::default()), None, now(at))
    }

    fn place() -> Place {
        Place { entry: None, target: "web".into() }
    }

    /// One that was looked at at 0, and ran.
    fn running() -> Known {
        let observed = Observation { state: "running".into(), ..Observation::default() };
        let mut known = Known::new(place(), "web".into(), None, &observed, false);
        assert_eq!(look(&mut known, 0, (-900, -800), 0, None), None);
        known
    }

    fn restored(life: Life, told_end: Option<ToldEnd>) -> Known {
        Known::restored(place(), "web".into(), None, life).with_told_end(told_end)
    }

    const SEEN: Life = Life::Ended { how: End::Itself, exit_code: None, since: None };

    fn hear(known: &mut Known, ended: i64, started: i64) {
        known.take_in(&event(Kind::Die, ended));
        known.take_in(&event(Kind::Start, started));
    }

    #[test]
    fn events_that_come_after_the_look_bring_the_same_end_no_second_time() {
        let mut known = running();
        assert!(look(&mut known, 60, (50, 55), 1, None).is_some());
        hear(&mut known, 50, 55);
        assert_eq!(look(&mut known, 61, (50, 55), 1, None), None);
        // Seen as it was down, and as it ran again.
        assert_eq!(look(&mut known, 120, (110, 55), 1, None), None);
        assert_eq!(look(&mut known, 121, (110, 120), 2, None), None);
        hear(&mut known, 110, 120);
        assert_eq!(look(&mut known, 122, (110, 120), 2, None), None);
        // The next one is another one.
        hear(&mut known, 150, 151);
        assert_eq!(look(&mut known, 152, (150, 151), 3, None).unwrap().exit_code, Some(3));
    }

    #[test]
    fn an_end_that_only_later_events_tell_of_is_told() {
        let mut known = running();
        // Somebody else starts it again, so the engine counts nothing.
        assert_eq!(look(&mut known, 60, (50, 55), 0, None), None);
        hear(&mut known, 50, 55);
        assert!(look(&mut known, 61, (50, 55), 0, None).is_some());
        hear(&mut known, 50, 55);
        assert_eq!(look(&mut known, 62, (50, 55), 0, None), None);
    }

    #[test]
    fn a_count_that_rose_by_an_end_that_was_seen_is_no_other_end() {
        let mut known = running();
        known.take_in(&event(Kind::Die, 50));
        assert_eq!(look(&mut known, 51, (50, -800), 0, None), None);
        known.take_in(&event(Kind::Start, 55));
        assert_eq!(look(&mut known, 56, (50, 55), 1, None), None);
    }

    #[test]
    fn an_end_that_the_agent_before_this_one_saw_is_not_told_by_the_engines_memory() {
        let mut known = restored(SEEN, None);
        hear(&mut known, 50, 55);
        assert_eq!(look(&mut known, 60, (50, 55), 0, Some(49)), None);
        // One more in the absence is.
        let mut known = restored(SEEN, None);
        hear(&mut known, 50, 55);
        hear(&mut known, 57, 58);
        assert!(look(&mut known, 60, (57, 58), 0, Some(49)).is_some());
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_old_end_a_new_one() {
        let mut before = running();
        assert!(look(&mut before, 3600, (3590, 3595), 1, None).is_some());
        let told_end = before.told_end();
        assert!(told_end.is_some_and(|told_end| told_end.is_after(Some(wall(3580)))));
        // The clock is set back, and comes to that time again in an absence.
        assert_eq!(look(&mut restored(Life::Alive, told_end), 3610, (3590, 3595), 1, Some(3580)), None);
        assert!(look(&mut restored(Life::Alive, told_end), 3610, (3600, 3605), 2, Some(3580)).is_some());
        // It has not come there yet.
        assert_eq!(look(&mut restored(Life::Alive, None), 1800, (3590, 3595), 1, Some(1790)), None);
    }
}
