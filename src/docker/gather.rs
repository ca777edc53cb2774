//! Gathers a burst of events, so that what happens together is looked at once and told in one message.

use std::time::Duration;

use super::events::Event;
use crate::clock::Boot;

/// The wait for the rest of a burst, from its first event.
pub const WINDOW: Duration = Duration::from_millis(200);

/// More events than this in one window are not kept one by one.
const MAX_EVENTS: usize = 1000;

/// Events that wait for the end of their window.
#[derive(Clone, Debug, Default)]
pub struct Gatherer {
    burst: Burst,
    due: Option<Boot>,
}

/// The events that one window gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Burst {
    /// In the order in which they came.
    pub events: Vec<Event>,
    /// There were more: look at everything.
    pub overflowed: bool,
}

impl Gatherer {
    /// Adds an event; the first one opens the window.
    pub fn push(&mut self, event: Event, now: Boot) {
        self.due.get_or_insert(now.after(WINDOW));
        if self.burst.events.len() < MAX_EVENTS {
            self.burst.events.push(event);
        } else {
            self.burst.overflowed = true;
        }
    }

    /// Anything may have happened: the burst asks for a look at everything.
    pub fn push_unknown(&mut self, now: Boot) {
        self.due.get_or_insert(now.after(WINDOW));
        self.burst.overflowed = true;
    }

    /// When the window ends; `None` while nothing waits.
    pub fn due(&self) -> Option<Boot> {
        self.due
    }

    /// The gathered events, once the window has ended.
    pub fn take(&mut self, now: Boot) -> Option<Burst> {
        self.due.take_if(|due| *due <= now)?;
        Some(std::mem::take(&mut self.burst))
    }

    /// The gathered events, though the window has not ended.
    pub fn take_at_once(&mut self) -> Option<Burst> {
        self.due.take()?;
        Some(std::mem::take(&mut self.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::events::Kind;

    fn at(millis: i64) -> Boot {
        Boot::from_millis(millis)
    }

    fn event(name: &str) -> Event {
        Event {
            kind: Kind::Die,
            id: "aaaa".to_owned(),
            name: name.to_owned(),
            old_name: None,
            labels: Default::default(),
            signal: None,
            exit_code: None,
            at_nanos: 0,
        }
    }

    #[test]
    fn a_window_begins_with_its_first_event_and_is_not_prolonged_by_others() {
        let mut gatherer = Gatherer::default();
        assert_eq!((gatherer.due(), gatherer.take(at(5000))), (None, None));
        gatherer.push(event("a"), at(1000));
        gatherer.push(event("b"), at(1150));
        assert_eq!((gatherer.due(), gatherer.take(at(1199))), (Some(at(1200)), None));
        let burst = Burst { events: vec![event("a"), event("b")], overflowed: false };
        assert_eq!((gatherer.take(at(1200)), gatherer.due()), (Some(burst), None));
        gatherer.push(event("c"), at(1300));
        assert_eq!(gatherer.due(), Some(at(1500)));
    }

    #[test]
    fn a_flood_is_bounded_and_says_so() {
        let mut gatherer = Gatherer::default();
        (0..5000).for_each(|_| gatherer.push(event("a"), at(0)));
        let burst = gatherer.take(at(200)).unwrap();
        assert_eq!((burst.events.len(), burst.overflowed), (MAX_EVENTS, true));
        gatherer.push(event("a"), at(300));
        assert!(!gatherer.take(at(500)).unwrap().overflowed);
    }
}
