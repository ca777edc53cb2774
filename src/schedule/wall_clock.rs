//! Maps a schedule to a time zone, whose clock is put forward and back.
//!
//! Times of day (`30 2 * * *`) happen exactly once a day: a time that spring skips comes at the first instant after the
//! gap, together with all other times in the gap, and a time that autumn repeats comes the first time only.
//! Intervals (`0 * * * *`, `*/20 */2 * * *`: an hour field of `*` or `*/n`) follow real hours: they come whenever the
//! clock shows such a time, twice in the repeated hour and not at all in the skipped one. Vixie cron draws the same
//! line, in cron(8) under "Notes"; there it takes the minute's `*` for an interval as well.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::fields::Fields;

/// The first instant after `after` at which `fields` fires in `zone`; `None` at the end of the calendar.
pub(super) fn next_after(fields: &Fields, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let from = after.checked_add(SignedDuration::from_nanos(1)).ok()?;
    if fields.follows_real_hours { next_reading(fields, from, zone) } else { next_time_of_day(fields, from, zone) }
}

/// Later civil times never map to earlier instants here, so the first that maps to `from` or later is the answer.
///
/// The loop turns more than once only after the repeated hour's second beginning: it passes the times of the first.
fn next_time_of_day(fields: &Fields, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut civil = fields.first_from(zone.to_datetime(from))?;
    loop {
        let instant = first_instant(civil, zone)?;
        if instant >= from {
            return Some(instant);
        }
        civil = fields.first_from(civil.checked_add(SignedDuration::from_secs(1)).ok()?)?;
    }
}

/// When `zone`'s clock first shows `civil`, or, if it never does, the first instant after the gap.
pub fn first_instant(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(civil).ok()
        }
        // By the offset that holds after the gap, the skipped time lies before the gap: the next change is the gap.
        AmbiguousOffset::Gap { after, .. } => {
            zone.following(after.to_timestamp(civil).ok()?).next().map(|change| change.timestamp())
        }
    }
}

/// Walks the stretches of constant offset, in each of which the clock runs evenly.
fn next_reading(fields: &Fields, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    // `from` is a nanosecond past an exclusive bound, so a change at `from` itself holds already.
    let mut offset = zone.to_offset(from);
    let mut changes = zone.following(from).peekable();
    let mut stretch_start = from;
    loop {
        let reading = fields.first_from(offset.to_datetime(stretch_start))?;
        let instant = offset.to_timestamp(reading).ok()?;
        let Some(change) = changes.next_if(|change| change.timestamp() <= instant) else { return Some(instant) };
        (stretch_start, offset) = (change.timestamp(), change.offset());
    }
}
