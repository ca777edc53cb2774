//! Keys that cannot be measured for an hour in quiet hours: in the one message at their end.

use super::super::unknown::disks;
use super::*;

const DISKS: [&str; 3] = ["/", "/data", "/old"];

fn check(agent: &mut Driven, failing: &[&str], now: i64) {
    let mut snapshot = disks(&DISKS, failing);
    let percent = if now < BEGINS { 50.0 } else { 90.0 };
    snapshot.push(metric::MEMORY, "", Value::Usage { percent, used_bytes: 1, total_bytes: 2 });
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(now));
}

#[test]
fn what_cannot_be_measured_and_what_could_not_are_told_at_the_end_beside_the_alerts() {
    let mut agent = agent(quiet(QUIET));
    // /old is told before.
    check(&mut agent, &["/old"], -HOUR);
    check(&mut agent, &["/old"], 0);
    assert_eq!(agent.told().len(), 1);
    check(&mut agent, &DISKS, BEGINS - MINUTE);
    check(&mut agent, &DISKS, BEGINS + HOUR);
    // A restart in the middle changes nothing.
    let mut agent = agent.reread(quiet(QUIET), at(BEGINS + 90 * MINUTE));
    check(&mut agent, &["/data"], BEGINS + 90 * MINUTE);
    check(&mut agent, &["/data"], ENDS - 1);
    assert_eq!(agent.told(), [""; 0]);
    // They wake it up.
    agent.step(Input::Time, at(ENDS - 1));
    assert_eq!(agent.core.hold_ends(at(ENDS - 1)), Some(at(ENDS).boot.shifted(1)));
    check(&mut agent, &["/data"], ENDS);
    let told = [
        "🔔 VPS Alerts Held Back [web-1]",
        "📊 Memory usage: 90.0% (threshold: 80%)",
        "⏳ since 04:00, for 1 h, at most 90.0%",
        "unknown: Disk(/data) could not be measured for 2 h 1 min (statvfs: Connection timed out)",
        "🟢 2026-02-02 02:59:00 → 2026-02-02 04:30:00 (1 h 31 min): unknown: Disk(/) could not be measured (statvfs: \
         Connection timed out)",
        "🟢 2026-02-02 01:40:00 → 2026-02-02 04:30:00 (2 h 50 min): unknown: Disk(/old) could not be measured",
    ];
    assert_eq!(agent.told(), [told.join("\n")]);
    assert!(agent.core.state.get().held_unknown.is_empty());
    // It is known, and its end is told as ever.
    check(&mut agent, &["/data"], ENDS + MINUTE);
    assert_eq!(agent.told(), [""; 0]);
    check(&mut agent, &[], ENDS + 10 * MINUTE);
    let told = agent.told();
    assert!(told.len() == 1 && told[0].ends_with("Disk(/data): measured again, after 2 h 11 min"), "{told:?}");
}

#[test]
fn a_silence_of_a_disk_holds_this_too() {
    let mut agent = agent(quiet("[]"));
    check(&mut agent, &["/data", "/"], 0);
    agent.told();
    let state = agent.core.state.change();
    state.silences.begin("disk(/data)".to_owned(), Duration::from_secs(90 * 60), None, at(MINUTE));
    check(&mut agent, &["/data", "/"], HOUR);
    let told = agent.told();
    assert!(told.len() == 2 && told.concat().contains("(/) could") && !told.concat().contains("/data"), "{told:?}");
    check(&mut agent, &["/data", "/"], HOUR + 31 * MINUTE);
    let told = agent.told();
    assert!(
        told.len() == 1 && told[0].starts_with("🔔 VPS Alerts Held Back") && told[0].contains("(/data)"),
        "{told:?}"
    );
}
