//! Encodes a state for its file: never longer than the bound for reading it again.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::PrettyFormatter;

use super::{Document, MAX_FILE_BYTES, State, VERSION};
use crate::clock::Now;
use crate::message;

/// A state with more alerts is not laid out for people.
const MAX_READABLE_ALERTS: usize = 1000;

/// As many alerts with held news are kept as a message has lines: it only counts the others, too.
const MAX_HELD_IN_SHORT: usize = message::MAX_LINES;

/// The content of a state file.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    /// The number of alerts, and of parts of messages, beyond the bound for reading: they are left out, and a restart
    /// forgets them.
    pub left_out: usize,
}

/// The bytes of the file for `state`; `boot_id` identifies this start of the machine.
///
/// # Errors
/// None, for any state that there can be.
pub fn encode(state: &State, boot_id: &str, now: Now) -> io::Result<Encoded> {
    encode_within(MAX_FILE_BYTES, state, boot_id, now)
}

#[inline(never)]
fn encode_within(limit: usize, state: &State, boot_id: &str, now: Now) -> io::Result<Encoded> {
    let document =
        Document { version: VERSION, saved: now.wall, saved_boot: now.boot, boot_id: boot_id.to_owned(), state };
    // One for people to read, unless that were long: a third of it would be blanks.
    let indent: &[u8] = if state.alerts.len() <= MAX_READABLE_ALERTS { b"  " } else { b"" };
    // Counted first: a list that grows step by step takes three times its memory for a moment.
    let mut length = Length(1);
    write(&mut length, &document, indent)?;
    if length.0 <= limit {
        let mut bytes = Vec::with_capacity(length.0);
        write(&mut bytes, &document, indent)?;
        bytes.push(b'\n');
        return Ok(Encoded { bytes, left_out: 0 });
    }
    let mut state = state.clone();
    let mut left_out = 0;
    loop {
        let document = Document { state: &state, boot_id: document.boot_id.clone(), ..document };
        let mut bytes = Vec::new();
        write(&mut bytes, &document, b"")?;
        if bytes.len() <= limit {
            return Ok(Encoded { bytes, left_out });
        }
        left_out += match state.give_up() {
            0 => return Err(io::ErrorKind::FileTooLarge.into()),
            given_up => given_up,
        };
    }
}

/// To any writer and in any layout by one copy of the code, which is large.
fn write(to: &mut dyn Write, document: &Document<&State>, indent: &[u8]) -> serde_json::Result<()> {
    document.serialize(&mut Serializer::with_formatter(to, PrettyFormatter::with_indent(indent)))
}

/// Counts the bytes that are written to it.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    /// Gives up a part of the state, the least valuable first. Returns how much; nothing, if there is nothing left.
    ///
    /// Alerts that are over are forgotten within a day anyway, and the next report can do without them. A message without
    /// its facts can no longer be told in short. Of held news that a message has no room for only the number is told
    /// anyway. An alert that fires and was forgotten is told anew; held news is not, and its number is kept. Messages come
    /// last, because nobody would know their content.
    fn give_up(&mut self) -> usize {
        let mut steps: [&mut dyn FnMut(&mut State) -> usize; 9] = [
            &mut |state| state.alerts.forget_over(),
            &mut |state| state.forecasts.forget(),
            &mut |state| state.happened.forget(),
            &mut |state| state.unknown.forget_half(),
            &mut |state| state.outboxes.values_mut().map(|outbox| outbox.drop_facts()).sum(),
            &mut |state| state.count_held(|_| MAX_HELD_IN_SHORT),
            &mut |state| state.alerts.forget_half(),
            &mut |state| state.count_held(|held| held / 2),
            &mut |state| state.outboxes.values_mut().map(|outbox| outbox.forget_half()).sum(),
        ];
        steps.iter_mut().map(|step| step(self)).find(|given_up| *given_up > 0).unwrap_or(0)
    }

    /// Of held news beyond as many alerts as `most` makes of their number only counts the others.
    fn count_held(&mut self, most: fn(usize) -> usize) -> usize {
        let books = [&mut self.held, &mut self.held_unknown];
        books.into_iter().map(|held| held.count_all_but(most(held.len()))).sum()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::clock::Boot;

    fn now() -> Now {
        Now { wall: Timestamp::from_second(1_770_000_000).unwrap(), boot: Boot::from_millis(1_000_000) }
    }

    /// Alerts by number, each of which fires or is over, and messages by their text's length, each with as many facts.
    fn state(alerts: &[bool], messages: &[usize]) -> State {
        let alert = |(number, firing): (usize, &bool)| {
            let since = now().wall.checked_sub(jiff::SignedDuration::from_secs(number as i64)).unwrap();
            let told = json!({"wall": since, "boot": 5});
            json!({"metric": "container_state", "target": format!("a-container-with-a-name-{number}"), "firing": firing,
                   "since": since, "told": firing, "last_told": told, "value": {"percent": 1.5}, "limit": {"threshold": 1.0}})
        };
        let entry = |(number, bytes): (usize, &usize)| {
            let fact = json!({"about": "other", "line": "x".repeat(*bytes), "began": now().wall});
            let message = json!({"kind": "alert", "title": format!("message {number}"), "rule_width": 16,
                "lines": ["\"\n".repeat(*bytes)], "footer": "", "created": now().wall, "facts": [fact]});
            json!({"message": message, "queued": 5, "attempts": 0, "not_before": null, "last_error": null})
        };
        let alerts: Vec<_> = alerts.iter().enumerate().map(alert).collect();
        let waiting: Vec<_> = messages.iter().enumerate().map(entry).collect();
        let outbox = json!({"waiting": waiting, "window": [], "hold": null});
        serde_json::from_value(json!({"alerts": alerts, "outboxes": {"wechat": outbox}})).unwrap()
    }

    /// The state that a start reads from it.
    fn decoded(encoded: &Encoded) -> State {
        serde_json::from_slice::<Document<State>>(&encoded.bytes).unwrap().state
    }

    #[test]
    fn of_more_alerts_than_are_read_the_newest_are_kept_with_all_messages() {
        let state = state(&[true; 4000], &[100; 20]);
        let encoded = encode_within(700_000, &state, "boot", now()).unwrap();
        assert!(encoded.bytes.len() <= 700_000);
        let kept = decoded(&encoded);
        assert_eq!((kept.alerts.active_count(), kept.outboxes["wechat"].len()), (2000, 20));
        assert_eq!(kept.alerts.active(), state.alerts.active()[2000..]);
        // The facts of the messages too.
        assert_eq!(encoded.left_out, 2000 + 20);
    }

    /// Alerts that came and went in quiet hours.
    fn held(count: usize) -> serde_json::Value {
        let over = json!({"since": now().wall, "ended": now().wall, "times": 1, "value": {"percent": 1.5},
            "limit": {"threshold": 1.0}, "level": "warning"});
        let entry = |number| json!({"metric": "container_state", "target": format!("held-{number}"), "over": over});
        json!({"alerts": (0..count).map(entry).collect::<Vec<_>>()})
    }

    #[test]
    fn held_news_is_counted_before_any_message_is_given_up() {
        let mut state = state(&[true; 10], &[100; 20]);
        state.held = serde_json::from_value(held(3000)).unwrap();
        for (limit, most) in [(300_000, 1000), (100_000, 500)] {
            let encoded = encode_within(limit, &state, "boot", now()).unwrap();
            let kept = decoded(&encoded);
            assert!(encoded.bytes.len() <= limit && (1..=most).contains(&kept.held.len()), "{}", kept.held.len());
            assert_eq!(kept.outboxes["wechat"].len(), 20);
            let counted = serde_json::to_value(&kept.held).unwrap()["unlisted"]["count"].as_u64();
            assert_eq!(counted, Some(3000 - kept.held.len() as u64));
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_within_its_bound_and_can_be_read(
            alerts in proptest::collection::vec(any::<bool>(), 0..300),
            messages in proptest::collection::vec(0usize..2000, 0..30),
            held_count in 0usize..300,
            limit in 1000usize..200_000,
        ) {
            let mut state = state(&alerts, &messages);
            state.held = serde_json::from_value(held(held_count)).unwrap();
            let encoded = encode_within(limit, &state, "boot", now()).unwrap();
            prop_assert!(encoded.bytes.len() <= limit);
            let kept = decoded(&encoded);
            if encoded.left_out == 0 {
                prop_assert_eq!(&kept, &state);
            }
            // Alerts that nobody would know of go last.
            if kept.outboxes["wechat"].len() < messages.len() {
                prop_assert_eq!((kept.alerts.active_count(), kept.held.len()), (0, 0));
            }
        }
    }
}
