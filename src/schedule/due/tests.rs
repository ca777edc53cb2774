//! A reporter under scripted clocks.

use proptest::prelude::*;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn config(cron: &str) -> ReportConfig {
    ReportConfig { cron: Schedule::parse(cron).unwrap(), ..ReportConfig::default() }
}

fn reporter(cron: &str, now: &str) -> Reporter {
    Reporter::new(&config(cron), TimeZone::UTC, "web-1", None, at(now))
}

/// As after a crash: only the saved state is left.
fn restarted(reporter: &Reporter, cron: &str, now: &str) -> Reporter {
    let saved = serde_json::to_string(reporter.state()).unwrap();
    Reporter::new(&config(cron), TimeZone::UTC, "web-1", serde_json::from_str(&saved).unwrap(), at(now))
}

/// The step's outcome in a few words.
fn step(reporter: &mut Reporter, now: &str) -> String {
    match reporter.step(at(now)) {
        Due::NotYet { next: Some(next) } => format!("next {next}"),
        Due::NotYet { next: None } => "never".to_owned(),
        Due::Send { due, late_by: None } => format!("send {}", due.timestamp()),
        Due::Send { due, late_by: Some(late_by) } => format!("send {}, {late_by:?} late", due.timestamp()),
        Due::Skipped { due, late_by } => format!("skip {}, {late_by:?} late", due.timestamp()),
    }
}

#[test]
fn a_report_is_sent_once_at_its_time() {
    let mut reporter = reporter("0 9 * * *", "2026-02-04T08:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T08:59:59.9Z"), "next 2026-02-04T09:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T09:00:00Z"), "send 2026-02-04T09:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T09:00:00.5Z"), "next 2026-02-05T09:00:00Z");
    assert_eq!(reporter.state().last_sent, Some(at("2026-02-04T09:00:00Z")));
}

#[test]
fn nothing_is_due_in_retrospect_at_the_first_start() {
    let mut reporter = reporter("0 9 * * *", "2026-02-04T09:00:10Z");
    assert_eq!(step(&mut reporter, "2026-02-04T09:00:10Z"), "next 2026-02-05T09:00:00Z");
}

#[test]
fn a_restart_in_the_same_minute_sends_none_twice() {
    let mut before = reporter("0 9 * * *", "2026-02-04T08:00:00Z");
    assert_eq!(step(&mut before, "2026-02-04T09:00:00Z"), "send 2026-02-04T09:00:00Z");
    let mut after = restarted(&before, "0 9 * * *", "2026-02-04T09:00:20Z");
    assert_eq!(step(&mut after, "2026-02-04T09:00:20Z"), "next 2026-02-05T09:00:00Z");
}

#[test]
fn a_crash_before_the_state_was_saved_sends_the_report_after_all() {
    let saved = reporter("0 9 * * *", "2026-02-04T08:00:00Z");
    let mut crashed = saved.clone();
    assert_eq!(step(&mut crashed, "2026-02-04T09:00:00Z"), "send 2026-02-04T09:00:00Z");
    let mut after = restarted(&saved, "0 9 * * *", "2026-02-04T09:00:05Z");
    assert_eq!(step(&mut after, "2026-02-04T09:00:05Z"), "send 2026-02-04T09:00:00Z");
}

#[test]
fn what_was_missed_is_sent_late_within_the_grace_and_skipped_beyond_it() {
    let before = reporter("0 9 * * *", "2026-02-04T08:00:00Z");
    for (now, outcome) in [
        ("2026-02-04T09:00:59Z", "send 2026-02-04T09:00:00Z"),
        ("2026-02-04T09:01:00Z", "send 2026-02-04T09:00:00Z, 60s late"),
        ("2026-02-04T09:59:59Z", "send 2026-02-04T09:00:00Z, 3599s late"),
        ("2026-02-04T10:00:00Z", "skip 2026-02-04T09:00:00Z, 3600s late"),
        ("2031-02-04T08:00:00Z", "skip 2031-02-03T09:00:00Z, 82800s late"),
    ] {
        let mut after = restarted(&before, "0 9 * * *", now);
        assert_eq!(step(&mut after, now), outcome, "{now}");
        assert!(step(&mut after, now).starts_with("next"), "{now}: told again");
    }
}

#[test]
fn without_grace_a_report_is_still_sent_within_its_minute() {
    let config = ReportConfig { misfire_grace: Duration::ZERO, ..ReportConfig::default() };
    let start = Reporter::new(&config, TimeZone::UTC, "web-1", None, at("2026-02-04T08:00:00Z"));
    assert_eq!(step(&mut start.clone(), "2026-02-04T09:00:02Z"), "send 2026-02-04T09:00:00Z");
    assert_eq!(step(&mut start.clone(), "2026-02-04T09:01:00Z"), "skip 2026-02-04T09:00:00Z, 60s late");
}

#[test]
fn of_several_missed_reports_the_newest_is_sent() {
    let mut reporter = reporter("0 * * * *", "2026-02-04T08:30:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T11:05:00Z"), "send 2026-02-04T11:00:00Z, 300s late");
    assert_eq!(step(&mut reporter, "2026-02-04T11:05:01Z"), "next 2026-02-04T12:00:00Z");
}

#[test]
fn a_clock_set_back_repeats_no_report() {
    let mut reporter = reporter("0 * * * *", "2026-02-04T07:30:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T08:00:00Z"), "send 2026-02-04T08:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T09:00:00Z"), "send 2026-02-04T09:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T07:59:00Z"), "next 2026-02-04T10:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T08:00:00Z"), "next 2026-02-04T10:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T09:00:01Z"), "next 2026-02-04T10:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T10:00:00Z"), "send 2026-02-04T10:00:00Z");
}

#[test]
fn a_clock_that_was_years_ahead_loses_no_report_once_it_is_right() {
    let mut ahead = reporter("0 9 * * *", "2026-02-04T08:00:00Z");
    assert_eq!(step(&mut ahead, "2038-01-19T08:00:00Z"), "skip 2038-01-18T09:00:00Z, 82800s late");
    assert_eq!(step(&mut ahead, "2038-01-19T09:00:00Z"), "send 2038-01-19T09:00:00Z");
    let mut right = restarted(&ahead, "0 9 * * *", "2026-02-04T08:01:00Z");
    assert_eq!(step(&mut right, "2026-02-04T08:01:00Z"), "next 2026-02-04T09:00:00Z");
    assert_eq!(step(&mut right, "2026-02-04T09:00:00Z"), "send 2026-02-04T09:00:00Z");
}

#[test]
fn a_clock_set_forward_over_a_report_sends_it_late() {
    let mut reporter = reporter("0 9 * * *", "2026-02-04T08:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T08:58:00Z"), "next 2026-02-04T09:00:00Z");
    assert_eq!(step(&mut reporter, "2026-02-04T09:03:00Z"), "send 2026-02-04T09:00:00Z, 180s late");
    assert_eq!(step(&mut reporter, "2026-02-04T08:59:00Z"), "next 2026-02-05T09:00:00Z");
}

#[test]
fn a_new_schedule_begins_where_the_old_one_stopped_and_repeats_nothing() {
    let mut old = reporter("0 9 * * *", "2026-02-04T08:00:00Z");
    assert_eq!(step(&mut old, "2026-02-04T09:00:00Z"), "send 2026-02-04T09:00:00Z");
    let mut new = restarted(&old, "0 8,9,18 * * *", "2026-02-04T18:10:00Z");
    assert_eq!(step(&mut new, "2026-02-04T18:10:00Z"), "next 2026-02-05T08:00:00Z");
    assert_eq!(step(&mut new, "2026-02-04T08:59:59Z"), "next 2026-02-04T18:00:00Z");
}

#[test]
fn another_zone_is_another_schedule() {
    let shanghai = TimeZone::get("Asia/Shanghai").expect("install tzdata");
    let utc = reporter("0 9 * * *", "2026-02-04T00:30:00Z");
    let saved = Some(utc.state().clone());
    let now = at("2026-02-04T01:30:00Z");
    let mut moved = Reporter::new(&ReportConfig::default(), shanghai, "web-1", saved, now);
    assert_eq!(step(&mut moved, "2026-02-04T01:30:00Z"), "next 2026-02-05T01:00:00Z");
}

#[test]
fn reports_that_were_switched_off_are_not_made_up_for() {
    let mut on = reporter("0 9 * * *", "2026-02-04T08:00:00Z");
    assert_eq!(step(&mut on, "2026-02-04T08:30:00Z"), "next 2026-02-04T09:00:00Z");
    let config = ReportConfig { enabled: false, ..ReportConfig::default() };
    let mut off = Reporter::new(&config, TimeZone::UTC, "", Some(on.state().clone()), at("2026-02-04T08:40:00Z"));
    assert_eq!(step(&mut off, "2026-02-04T09:00:00Z"), "never");
    let mut again = restarted(&off, "0 9 * * *", "2026-02-04T09:10:00Z");
    assert_eq!(step(&mut again, "2026-02-04T09:10:00Z"), "next 2026-02-05T09:00:00Z");
}

#[test]
fn jitter_delays_each_host_by_its_own_stable_part() {
    let config = ReportConfig { jitter: HOUR, ..ReportConfig::default() };
    let start = at("2026-02-04T08:00:00Z");
    let nine = at("2026-02-04T09:00:00Z");
    let delays: Vec<SignedDuration> = (0..200)
        .map(|number| Reporter::new(&config, TimeZone::UTC, &format!("web-{number}"), None, start))
        .map(|reporter| reporter.next_after(start).unwrap().duration_since(nine))
        .collect();
    assert!(delays.iter().all(|delay| (0..=3600).contains(&delay.as_secs())), "{delays:?}");
    for quarter in 0..4 {
        let count = delays.iter().filter(|delay| delay.as_secs() / 900 == quarter).count();
        assert!((25..=75).contains(&count), "{count} of 200 hosts in quarter {quarter}");
    }
    // FNV-1a of "a" is published as 0xaf63dc4c8601ec8c.
    assert_eq!(host_delay("a", HOUR).as_secs(), i64::try_from(0xaf63_dc4c_8601_ec8c_u64 % 3601).unwrap());
    assert_eq!(host_delay("a", Duration::ZERO), SignedDuration::ZERO);
}

#[test]
fn a_delayed_report_is_that_of_its_scheduled_time_and_not_late() {
    let config = ReportConfig { jitter: HOUR, ..ReportConfig::default() };
    let start = at("2026-02-04T08:00:00Z");
    let mut reporter = Reporter::new(&config, TimeZone::UTC, "web-1", None, start);
    let next = reporter.next_after(start).unwrap();
    assert!(next > at("2026-02-04T09:00:00Z"));
    assert_eq!(reporter.step(next - SignedDuration::from_millis(1)), Due::NotYet { next: Some(next) });
    assert_eq!(step(&mut reporter, &next.to_string()), "send 2026-02-04T09:00:00Z");
    let without = ReportConfig::default();
    let reloaded = Reporter::new(&without, TimeZone::UTC, "web-1", Some(reporter.state().clone()), next);
    assert_eq!(reloaded.next_after(next), Some(at("2026-02-05T09:00:00Z")));
}

#[test]
fn the_memory_of_what_was_sent_is_bounded() {
    let mut reporter = reporter("* * * * *", "2026-02-04T08:00:00Z");
    let start = at("2026-02-04T08:00:00Z");
    for minute in 1..=1000 {
        let outcome = reporter.step(start + SignedDuration::from_mins(minute));
        assert!(matches!(outcome, Due::Send { late_by: None, .. }), "{outcome:?}");
    }
    assert_eq!(reporter.state().sent.len(), REMEMBERED);
}

/// The next move of a test's clock.
#[derive(Clone, Debug)]
enum Tick {
    Runs { seconds: i64 },
    IsSet { by_seconds: i64 },
    Restart,
}

fn tick() -> impl Strategy<Value = Tick> {
    prop_oneof![
        8 => (1_i64..59).prop_map(|seconds| Tick::Runs { seconds }),
        1 => (-40_000_i64..40_000).prop_map(|by_seconds| Tick::IsSet { by_seconds }),
        1 => (-3_i64..3).prop_map(|by_seconds| Tick::IsSet { by_seconds }),
        1 => Just(Tick::Restart),
    ]
}

proptest! {
    #[test]
    fn whatever_the_clock_does_no_report_is_repeated_and_none_it_runs_over_is_lost(
        ticks in proptest::collection::vec(tick(), 1..400),
        cron in prop_oneof![Just("*/30 * * * *"), Just("0 * * * *"), Just("7 3,9 * * *")],
    ) {
        let mut now = at("2026-02-04T08:00:00Z");
        let mut reporter = Reporter::new(&config(cron), TimeZone::UTC, "web-1", None, now);
        let mut sent = Vec::new();
        for tick in ticks {
            let before = now;
            match &tick {
                Tick::Runs { seconds } => now += SignedDuration::from_secs(*seconds),
                Tick::IsSet { by_seconds } => now += SignedDuration::from_secs(*by_seconds),
                Tick::Restart => reporter = restarted(&reporter, cron, &now.to_string()),
            }
            let outcome = reporter.step(now);
            if let Due::Send { due, .. } = &outcome {
                prop_assert!(!sent.contains(&due.timestamp()), "{} was sent twice", due);
                sent.push(due.timestamp());
            }
            if let (Tick::Runs { .. }, Some(due)) = (&tick, reporter.schedule.as_ref().and_then(|schedule| {
                schedule.next_after(before, &TimeZone::UTC).filter(|due| *due <= now)
            })) {
                prop_assert!(sent.contains(&due), "{} was lost: {:?}", due, outcome);
            }
        }
    }
}
