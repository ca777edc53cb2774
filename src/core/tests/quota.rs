//! The monthly quota by the running agent: each step once, restarts, resets, quiet hours, and how often it is saved.

use super::*;
use crate::collect::traffic::QUOTA_USE;
use crate::snapshot::{InterfaceTotals, Total, Totals};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The instant at `at(0)` is 2026-02-02T02:40Z; the machine was started a quarter of an hour before.
fn with(quota: &str, others: &str) -> Resolved {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC}}\nwechat: {{webhook_url: '{KEY}'}}\n\
         network: {{quota: {{{quota}}}}}\nscheduled_report: {{enabled: false}}\n{others}"
    );
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

fn gigabyte() -> Resolved {
    with("limit: 1GB", "")
}

/// A check at which an interface has sent so many megabytes, and received a tenth; the message that is told of it.
fn check(agent: &mut Driven, megabytes: u64, now: Now) -> Option<String> {
    let total = |bytes| Total { bytes, packets: bytes / 1000 };
    let (received, sent) = (total(megabytes * 100_000), total(megabytes * 1_000_000));
    let eth0 = InterfaceTotals { name: "eth0".to_owned(), index: Some(2), received, sent };
    let totals = Some(Totals { counted: vec![eth0], others: Vec::new() });
    let mut snapshot = Snapshot { totals, ..Snapshot::default() };
    snapshot.watch(QUOTA_USE, "");
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, now);
    let (ticket, text, _) = agent.post()?;
    agent.answered(ticket, 0, now);
    Some(text)
}

/// As another agent finds it in the file.
fn reread(agent: &Driven, config: Resolved, now: Now) -> Driven {
    let state = serde_json::to_vec(agent.core.state.get()).unwrap();
    Driven::from(Loaded::State(serde_json::from_slice(&state).unwrap()), config, Mode::default(), now)
}

#[test]
fn each_step_is_told_once_in_a_period_and_several_at_once_are_one_message() {
    let mut agent = Driven::new(gigabyte(), Mode::default());
    assert_eq!(check(&mut agent, 100, at(0)), None);
    let told = check(&mut agent, 810, at(HOUR)).unwrap();
    assert!(told.contains("⚠️ VPS 告警"), "{told}");
    let lines = "📶 月流量: 81.0% (出站约 810MB / 1GB，阈值: 80%)\n📅 今日 810MB，26 天 20 小时后重置，入站 81MB 不计，自 02-02 02:23 起统计";
    assert!(told.contains(lines), "{told}");
    for day in 1..10 {
        assert_eq!(check(&mut agent, 810 + day as u64, at(day * DAY)), None, "it is no news that it lasts");
    }
    let told = check(&mut agent, 1010, at(10 * DAY)).unwrap();
    assert!(told.contains("📶 月流量: 101.0% (出站约 1GB / 1GB，阈值: 100%)"), "{told}");
    assert_eq!(check(&mut agent, 1500, at(11 * DAY)), None);
    // The first check after the reset.
    let told = check(&mut agent, 1500, at(27 * DAY)).unwrap();
    assert!(told.contains("✅ VPS 恢复") && told.contains("📶 月流量: 0.0% (已恢复正常)"), "{told}");
    assert!(check(&mut agent, 2400, at(28 * DAY)).unwrap().contains("90.0%"));
}

#[test]
fn in_english_it_says_the_same() {
    let mut config = with("limit: 1GiB, count: both, used: 500MB, used_at: '2026-02-02 02:40'", "");
    config.style.language = message::Language::English;
    let mut agent = Driven::new(config, Mode::default());
    assert_eq!(check(&mut agent, 100, at(0)), None);
    let told = check(&mut agent, 500, at(HOUR)).unwrap();
    let lines = "📶 Traffic quota: 87.5% (in and out, about 896.5MiB of 1GiB, threshold: 80%)\n\
                 📅 today 524.5MiB, begins anew in 26 d 20 h";
    assert!(told.contains(lines), "{told}");
}

#[test]
fn a_restart_tells_no_step_again_and_the_next_one_all_the_same() {
    let mut agent = Driven::new(gigabyte(), Mode::default());
    check(&mut agent, 820, at(0)).unwrap();
    let mut agent = reread(&agent, gigabyte(), at(HOUR));
    assert_eq!(check(&mut agent, 830, at(HOUR)), None);
    assert!(check(&mut agent, 905, at(2 * HOUR)).unwrap().contains("阈值: 90%"));
}

#[test]
fn a_new_period_tells_its_steps_though_the_one_before_never_ended_in_between() {
    let mut agent = Driven::new(gigabyte(), Mode::default());
    assert!(check(&mut agent, 1020, at(0)).unwrap().contains("阈值: 100%"));
    // The agent was away for four weeks: of 250 GB over 27 days 1029 MB passed in the last 160 minutes.
    let told = check(&mut agent, 251_020, at(27 * DAY)).unwrap();
    assert!(told.contains("📶 月流量: 102.9%") && told.contains("阈值: 100%"), "{told}");
}

#[test]
fn a_limit_that_rises_clears_the_steps_that_are_not_reached_any_more() {
    let mut agent = Driven::new(gigabyte(), Mode::default());
    check(&mut agent, 950, at(0)).unwrap();
    // 86 % now: no news.
    agent.reload(with("limit: 1100MB", ""), at(HOUR));
    assert_eq!(check(&mut agent, 950, at(HOUR)), None);
    assert!(check(&mut agent, 1000, at(2 * HOUR)).unwrap().contains("90.9%"), "its step of 90 % was reached anew");
    agent.reload(with("limit: 2GB", ""), at(3 * HOUR));
    assert!(check(&mut agent, 1000, at(3 * HOUR)).unwrap().contains("50.0% (已恢复正常)"));
}

#[test]
fn a_critical_percentage_is_told_as_one_and_quiet_hours_hold_what_is_not() {
    let quiet = "quiet_hours: [{from: '02:00', to: '05:00'}]\n";
    let mut agent = Driven::new(with("limit: 1GB, critical: 100", quiet), Mode::default());
    assert_eq!(check(&mut agent, 850, at(0)), None);
    let told = check(&mut agent, 1000, at(HOUR)).unwrap();
    assert!(told.contains("🚨 VPS 严重告警") && told.contains("阈值: 100%"), "{told}");
    let mut agent = Driven::new(with("limit: 1GB", quiet), Mode::default());
    assert_eq!(check(&mut agent, 850, at(0)), None);
    assert!(check(&mut agent, 860, at(3 * HOUR)).unwrap().contains("📶 月流量: 86.0%"));
}

#[test]
fn a_month_of_little_traffic_is_saved_at_the_end_alone() {
    let mut agent = Driven::new(gigabyte(), Mode::default());
    assert_eq!(check(&mut agent, 0, at(0)), None);
    let begun = agent.core.state.revision();
    for hour in 1..240 {
        check(&mut agent, u64::from(hour > 200), at(hour * HOUR));
    }
    assert_eq!(agent.core.state.revision(), begun);
    agent.step(Input::Stop, at(240 * HOUR));
    assert_eq!(agent.core.state.revision(), begun + 1);
    let mut agent = reread(&agent, gigabyte(), at(240 * HOUR));
    check(&mut agent, 1, at(240 * HOUR));
    assert_eq!(
        agent.core.state.get().quota,
        Driven::restarted(&agent, gigabyte(), at(240 * HOUR)).core.state.get().quota
    );
}

#[test]
fn the_status_has_its_details_and_without_a_limit_the_count_is_forgotten() {
    let mut agent = Driven::new(gigabyte(), Mode::default());
    check(&mut agent, 100, at(0));
    let readings = agent.core.status(&LoopFacts::default(), at(0)).readings;
    let [reading] = &readings[..] else { panic!("{readings:?}") };
    assert_eq!((reading.metric.as_str(), reading.value.as_f64()), ("traffic_quota", Some(10.0)));
    assert_eq!((reading.used_bytes, reading.total_bytes), (Some(100_000_000), Some(1_000_000_000)));
    let quota = reading.quota.as_ref().unwrap();
    assert_eq!((quota.count.as_str(), quota.received_bytes, quota.sent_bytes), ("out", 10_000_000, 100_000_000));
    assert_eq!((quota.begins.as_str(), quota.ends.as_str()), ("2026-02-01T00:00:00", "2026-03-01T00:00:00"));
    let note = reading.note.as_deref().unwrap();
    assert_eq!(note, "out 100MB of 1GB, begins anew 2026-03-01 00:00, counted since 2026-02-02 02:23");
    agent.reload(with("", ""), at(HOUR));
    check(&mut agent, 200, at(HOUR));
    assert!(agent.core.state.get().quota.is_empty());
}
