//! Any text in the place of an expression is refused, or fires in the future.
#![no_main]

use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use vps_monitor::schedule::Schedule;

fuzz_target!(|text: &str| {
    if let Ok(schedule) = Schedule::parse(text) {
        let after = Timestamp::UNIX_EPOCH;
        assert!(schedule.next_after(after, &TimeZone::UTC).is_some_and(|next| next > after));
    }
});
