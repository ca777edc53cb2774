//! Gathers a batch of events, so that simultaneous ones need one look and make one message.

use std::time::Duration;

use super::allowance::AT_ONCE_BYTES;
use super::events::Event;
use crate::clock::Boot;

/// The wait for the rest of a batch, from its first event.
pub const WINDOW: Duration = Duration::from_millis(200);

/// The bound of one batch in bytes: some 35,000 events, which is more than the stream lets through before it takes them
/// for a flood, unless they are very short.
const MAX_BYTES: usize = 16 * 1024 * 1024;

const _: () = assert!(MAX_BYTES as u64 >= 2 * AT_ONCE_BYTES);

/// Events that wait for the end of their window.
#[derive(Clone, Debug, Default)]
pub struct Gatherer {
    batch: EventBatch,
    bytes: usize,
    due: Option<Boot>,
}

/// The events that one window gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventBatch {
    /// In the order of their arrival.
    pub events: Vec<Event>,
    /// There were more: look at everything.
    pub overflowed: bool,
}

impl Gatherer {
    /// Adds an event; the first one opens the window.
    pub fn push(&mut self, event: Event, now: Boot) {
        self.due.get_or_insert(now.after(WINDOW));
        let bytes = self.bytes + event.bytes();
        if bytes <= MAX_BYTES {
            self.bytes = bytes;
            self.batch.events.push(event);
        } else {
            if self.bytes < MAX_BYTES {
                log::warn!("more happens to containers at once than is kept: some ends are told without their cause");
            }
            // Logged once for each batch.
            self.bytes = MAX_BYTES;
            self.batch.overflowed = true;
        }
    }

    /// Anything may have happened: the batch asks for a look at everything.
    pub fn push_unknown(&mut self, now: Boot) {
        self.due.get_or_insert(now.after(WINDOW));
        self.batch.overflowed = true;
    }

    /// When the window ends; `None` while nothing waits.
    pub fn due(&self) -> Option<Boot> {
        self.due
    }

    /// The gathered events, once the window has ended.
    pub fn take(&mut self, now: Boot) -> Option<EventBatch> {
        self.due.filter(|due| *due <= now)?;
        self.take_at_once()
    }

    /// The gathered events, though the window has not ended.
    pub fn take_at_once(&mut self) -> Option<EventBatch> {
        self.due.take()?;
        self.bytes = 0;
        Some(std::mem::take(&mut self.batch))
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
        let batch = EventBatch { events: vec![event("a"), event("b")], overflowed: false };
        assert_eq!((gatherer.take(at(1200)), gatherer.due()), (Some(batch), None));
        gatherer.push(event("c"), at(1300));
        assert_eq!(gatherer.due(), Some(at(1500)));
    }

    #[test]
    fn thousands_of_containers_that_end_together_are_each_kept() {
        let mut gatherer = Gatherer::default();
        (0..10_000).for_each(|_| gatherer.push(event("shop-web-1"), at(0)));
        let batch = gatherer.take(at(200)).unwrap();
        assert_eq!((batch.events.len(), batch.overflowed), (10_000, false));
    }

    #[test]
    fn a_flood_is_bounded_and_says_so() {
        let mut gatherer = Gatherer::default();
        let long = "a".repeat(1000);
        (0..20_000).for_each(|_| gatherer.push(event(&long), at(0)));
        let batch = gatherer.take(at(200)).unwrap();
        let bytes: usize = batch.events.iter().map(Event::bytes).sum();
        assert!(batch.overflowed && bytes <= MAX_BYTES && bytes > MAX_BYTES - 10_000, "{bytes}");
        gatherer.push(event("a"), at(300));
        assert!(!gatherer.take(at(500)).unwrap().overflowed);
    }
}
