//! One agent after another over one host's counters: the count over restarts, gaps, resets and other clocks.

mod properties;

use jiff::civil::{Time, date};
use jiff::tz::TimeZone;

use super::*;
use crate::collect::{QuotaPlan, Reset};
use crate::settings::Volume;
use crate::snapshot::{InterfaceTotals, Quota, Snapshot, Total, Value};

const MB: u64 = 1_000_000;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn plan() -> QuotaPlan {
    QuotaPlan {
        limit: Volume { bytes: 1000 * MB, is_binary: false },
        count: Direction::Out,
        reset: Reset { day: 15, time: Time::midnight(), zone: None },
        warn_at: vec![80.0, 90.0, 100.0],
        correction: None,
    }
}

/// A host with its counters, its two clocks, and the state of its agent.
struct World {
    plan: QuotaPlan,
    ledger: Ledger,
    wall: Timestamp,
    /// Since the machine's start, in seconds.
    boot: i64,
    starts: u32,
    interfaces: Vec<InterfaceTotals>,
    /// The ledger in the file.
    saved: Option<String>,
}

impl World {
    /// The machine was started at this time, with one interface.
    fn started(at: &str) -> World {
        World {
            plan: plan(),
            ledger: Ledger::default(),
            wall: format!("{at}:00Z").parse().unwrap(),
            boot: 0,
            starts: 1,
            interfaces: vec![interface("eth0", 2)],
            saved: None,
        }
    }

    fn pass(&mut self, seconds: i64) -> &mut World {
        self.boot += seconds;
        self.set_clock(seconds)
    }

    fn set_clock(&mut self, seconds: i64) -> &mut World {
        self.wall = self.wall.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        self
    }

    /// The first interface sends so many megabytes, and receives a tenth of them.
    fn send(&mut self, megabytes: u64) -> &mut World {
        let InterfaceTotals { received, sent, .. } = &mut self.interfaces[0];
        for (total, bytes) in [(received, megabytes * MB / 10), (sent, megabytes * MB)] {
            (total.bytes, total.packets) = (total.bytes + bytes, total.packets + bytes / 1000);
        }
        self
    }

    fn look(&mut self) -> (Quota, Derived) {
        let totals = Some(Totals { counted: self.interfaces.clone(), others: Vec::new() });
        let mut snapshot = Snapshot { totals, ..Snapshot::default() };
        let now = Now { wall: self.wall, boot: Boot::from_millis(self.boot * 1000) };
        let boot_id = format!("start-{}", self.starts);
        let derived = self.ledger.derive(&mut snapshot, &self.plan, &TimeZone::UTC, &boot_id, now).unwrap();
        if derived.change == Change::News {
            self.save();
        }
        let Some(Value::Quota(quota)) = snapshot.readings.pop().map(|reading| reading.value) else { panic!() };
        (*quota, derived)
    }

    /// Used megabytes, as a check finds them.
    fn used(&mut self) -> u64 {
        self.look().0.used_bytes / MB
    }

    fn save(&mut self) -> &mut World {
        self.saved = Some(serde_json::to_string(&self.ledger).unwrap());
        self
    }

    /// The agent ends without a word, and another one goes on from the file.
    fn restart_agent(&mut self) -> &mut World {
        self.ledger = self.saved.as_ref().map(|saved| serde_json::from_str(saved).unwrap()).unwrap_or_default();
        assert_eq!(self.ledger.correct(), 0);
        self
    }

    fn restart_machine(&mut self, seconds_down: i64) -> &mut World {
        self.set_clock(seconds_down);
        (self.boot, self.starts) = (0, self.starts + 1);
        for interface in &mut self.interfaces {
            (interface.received, interface.sent) = (Total::default(), Total::default());
        }
        self.restart_agent()
    }
}

fn interface(name: &str, index: u32) -> InterfaceTotals {
    InterfaceTotals { name: name.to_owned(), index: Some(index), received: Total::default(), sent: Total::default() }
}

#[test]
fn it_begins_with_the_traffic_since_the_machines_start_if_that_was_in_this_period() {
    let mut world = World::started("2026-11-20T08:00");
    let (quota, derived) = world.pass(HOUR).send(50).look();
    assert_eq!((quota.used_bytes, quota.received_bytes), (50 * MB, 5 * MB));
    assert_eq!(quota.counted_since, Some(date(2026, 11, 20).at(8, 0, 0, 0)));
    assert_eq!([quota.begins, quota.ends], [date(2026, 11, 15).at(0, 0, 0, 0), date(2026, 12, 15).at(0, 0, 0, 0)]);
    assert_eq!((quota.seconds_left, derived.change), ((24 * DAY + 15 * HOUR) as u64, Change::News));
}

#[test]
fn of_counters_that_are_older_than_the_period_nothing_is_known_and_it_says_since_when_it_counts() {
    let mut world = World::started("2026-11-01T08:00");
    let (quota, _) = world.pass(19 * DAY + HOUR).send(700).look();
    assert_eq!((quota.used_bytes, quota.counted_since), (0, Some(date(2026, 11, 20).at(9, 0, 0, 0))));
    assert_eq!(world.pass(60).send(3).used(), 3);
}

#[test]
fn the_counters_of_one_start_are_counted_however_long_the_agent_was_away() {
    let mut world = World::started("2026-11-16T00:00");
    world.send(10).pass(HOUR).look();
    assert_eq!(world.pass(5 * DAY).send(400).restart_agent().used(), 410);
    assert_eq!(world.restart_agent().used(), 410);
}

#[test]
fn a_restart_of_the_machine_begins_counters_anew_and_costs_what_passed_after_the_last_save() {
    let mut world = World::started("2026-11-16T00:00");
    assert_eq!(world.pass(HOUR).send(100).used(), 100);
    world.pass(600).send(7).look();
    // The 7 are not in the file: too few of them, and too soon.
    world.restart_machine(120).pass(60).send(5);
    let (quota, _) = world.look();
    assert_eq!((quota.used_bytes, quota.uncounted_seconds, quota.counted_since.is_some()), (105 * MB, 720, true));
    // Even if it counts more than before by the time of the next look.
    world.save();
    assert_eq!(world.restart_machine(60).pass(DAY).send(300).used(), 405);
}

#[test]
fn the_count_begins_anew_with_each_period_and_shares_out_by_time_what_passed_over_its_beginning() {
    let mut world = World::started("2026-11-16T00:00");
    world.pass(28 * DAY + 23 * HOUR).send(500).look();
    // An hour before and three hours after.
    let (quota, derived) = world.pass(4 * HOUR).send(40).look();
    assert_eq!((quota.used_bytes, quota.received_bytes), (30 * MB, 3 * MB));
    assert_eq!((quota.counted_since, quota.begins), (None, date(2026, 12, 15).at(0, 0, 0, 0)));
    assert_eq!(derived.change, Change::News);
    assert_eq!(world.ledger.before.as_ref().unwrap().bytes[1], 510 * MB);
}

#[test]
fn a_restart_before_the_reset_leaves_the_new_period_only_what_passed_since() {
    let mut world = World::started("2026-11-16T00:00");
    world.pass(HOUR).send(900).look();
    // Down over the reset, and started a day after it.
    world.restart_machine(29 * DAY + 23 * HOUR).pass(HOUR).send(8);
    let (quota, _) = world.look();
    assert_eq!((quota.used_bytes, quota.uncounted_seconds), (8 * MB, DAY as u64));
}

#[test]
fn a_clock_that_is_set_back_over_the_reset_does_not_undo_it_nor_does_it_happen_twice() {
    let mut world = World::started("2026-12-14T00:00");
    world.pass(DAY - 10).send(900).look();
    assert_eq!(world.pass(20).send(2).used(), 1);
    assert_eq!(world.set_clock(-15).pass(1).send(3).used(), 4);
    assert_eq!(world.pass(30).send(5).used(), 9);
}

#[test]
fn a_clock_that_was_a_month_ahead_for_a_while_costs_no_count() {
    let mut world = World::started("2026-11-16T00:00");
    world.pass(HOUR).send(300).look();
    assert_eq!(world.set_clock(40 * DAY).pass(60).send(10).used(), 10);
    assert_eq!(world.set_clock(-40 * DAY).pass(60).send(1).used(), 311);
    // One that was ahead when the agent was installed.
    let mut world = World::started("2027-11-16T00:00");
    world.pass(HOUR).send(300).look();
    let (quota, _) = world.set_clock(-365 * DAY).pass(60).send(1).look();
    assert_eq!((quota.used_bytes, quota.begins), (301 * MB, date(2026, 11, 15).at(0, 0, 0, 0)));
}

#[test]
fn another_day_of_the_reset_divides_the_days_that_are_known() {
    let mut world = World::started("2026-11-16T00:00");
    for _ in 0..10 {
        world.pass(DAY).send(10).look();
    }
    world.plan.reset.day = 20;
    let (quota, _) = world.look();
    assert_eq!((quota.used_bytes, quota.counted_since), (60 * MB, None));
    world.plan.reset.day = 1;
    let (quota, _) = world.look();
    // The days from the 16th on are known, the ones before never were.
    assert_eq!(quota.begins, date(2026, 11, 1).at(0, 0, 0, 0));
    assert!(quota.used_bytes >= 60 * MB && quota.counted_since.is_some());
}

fn corrected(world: &mut World, megabytes: u64, at: &str) -> (Quota, Derived) {
    world.plan.correction = Some(Correction { used_bytes: megabytes * MB, at: at.parse().unwrap() });
    world.look()
}

#[test]
fn the_providers_number_is_taken_once_with_what_passed_since_its_time() {
    let mut world = World::started("2026-11-16T00:00");
    world.pass(2 * DAY).send(100).look();
    world.pass(DAY).send(24).look();
    // Six hours ago: a quarter of that day's traffic has passed since then.
    let (quota, derived) = corrected(&mut world, 500, "2026-11-18 18:00");
    assert_eq!((quota.used_bytes, derived.corrected), (506 * MB, Some([124 * MB, 506 * MB])));
    assert_eq!((quota.counted_since, derived.change), (None, Change::News));
    let (quota, derived) = world.pass(HOUR).send(1).restart_agent().look();
    assert_eq!((quota.used_bytes, derived.corrected), (507 * MB, None));
    // Without the keys the count stays as it is, and a smaller number is taken too.
    world.plan.correction = None;
    assert_eq!(world.used(), 507);
    assert_eq!(corrected(&mut world, 20, "2026-11-19 01:00").0.used_bytes, 20 * MB);
}

#[test]
fn a_number_of_an_earlier_period_or_of_a_time_that_is_not_yet_is_not_taken() {
    let mut world = World::started("2026-11-16T00:00");
    world.pass(DAY).send(100).look();
    let (quota, derived) = corrected(&mut world, 900, "2026-11-14 23:59");
    assert_eq!((quota.used_bytes, derived.corrected, derived.is_correction_ahead), (100 * MB, None, false));
    let (quota, derived) = corrected(&mut world, 900, "2026-11-17 00:05");
    assert_eq!((quota.used_bytes, derived.corrected, derived.is_correction_ahead), (100 * MB, None, true));
    let (quota, derived) = world.pass(300).send(2).look();
    assert_eq!((quota.used_bytes, derived.is_correction_ahead), (900 * MB, false));
    // In the next period the same keys mean nothing any more.
    assert_eq!(world.pass(29 * DAY).send(29).used(), 1);
}

#[test]
fn a_number_for_one_direction_is_not_one_for_another() {
    let mut world = World::started("2026-11-16T00:00");
    world.pass(DAY).send(100).look();
    assert_eq!(corrected(&mut world, 500, "2026-11-17 00:00").0.used_bytes, 500 * MB);
    world.plan.correction = None;
    for (count, used) in [(Direction::In, 10), (Direction::Both, 110), (Direction::Max, 100), (Direction::Out, 500)] {
        world.plan.count = count;
        assert_eq!(world.used(), used);
    }
}

#[test]
fn the_day_on_which_it_runs_out_is_by_the_last_seven_days() {
    let mut world = World::started("2026-11-15T00:00");
    world.pass(HOUR).send(1).look();
    assert_eq!(world.pass(HOUR).send(1).look().0.runs_out, None);
    for _ in 0..9 {
        world.pass(DAY).send(50).look();
    }
    // 452 are used by the 24th, 02:00; 50 a day for the other 548.
    let (quota, _) = world.look();
    assert_eq!((quota.runs_out, quota.today_bytes / MB), (Some(date(2026, 12, 5)), 4));
    world.pass(600).send(600).look();
    assert_eq!(world.look().0.runs_out, None, "it is used up");
    let mut world = World::started("2026-11-15T00:00");
    world.pass(3 * DAY).send(3).look();
    assert_eq!(world.look().0.runs_out, None, "not within the period");
}

#[test]
fn a_little_traffic_is_saved_with_the_next_save_and_much_of_it_every_quarter_of_an_hour() {
    let mut world = World::started("2026-11-16T00:00");
    assert_eq!(world.pass(60).look().1.change, Change::News);
    assert_eq!(world.pass(60).look().1.change, Change::Nothing);
    // A thousandth of the limit is one megabyte.
    assert_eq!(world.pass(DAY).send(1).look().1.change, Change::Grown);
    assert_eq!(world.pass(60).send(1).look().1.change, Change::News);
    assert_eq!(world.pass(840).send(100).look().1.change, Change::Grown);
    assert_eq!(world.pass(60).look().1.change, Change::News);
    // A count that was read from the file need not be written to it.
    assert_eq!(world.restart_agent().look().1.change, Change::Nothing);
}

#[test]
fn a_ledger_that_no_agent_wrote_is_corrected() {
    let mut world = World::started("2026-11-16T00:00");
    world.pass(HOUR).send(5).look();
    let mut json: serde_json::Value = serde_json::to_value(&world.ledger).unwrap();
    json["rule"] = "x".repeat(1000).into();
    json["period"]["uncounted_seconds"] = u64::MAX.into();
    json["period"]["since"] = "0001-01-01T00:00:00Z".into();
    json["period"]["bytes"] = serde_json::json!([u64::MAX, u64::MAX]);
    json["days"] = serde_json::json!(["2026-11-17 1 1", "2026-11-16 1 1"]);
    json["devices"][0]["name"] = "x".repeat(1000).into();
    world.ledger = serde_json::from_value(json).unwrap();
    assert_eq!(world.ledger.correct(), 6);
    world.pass(60).send(5).look();
}
