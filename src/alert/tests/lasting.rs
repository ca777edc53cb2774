//! Alerts that last, get worse, or come back.

use super::*;

#[test]
fn a_lasting_alert_is_told_again_after_an_hour_and_then_once_a_day() {
    let mut memory = Watch::of(metric::MEMORY);
    let told: Vec<u32> = (0..7 * 24 * 4)
        .map(|quarter| quarter * 900)
        .filter(|second| memory.see(*second, Some(85.0)).is_some_and(|transition| transition.news.is_firing_message()))
        .collect();
    let days = (1..=6).map(|day| HOUR + day * DAY);
    assert_eq!(told, [0, HOUR].into_iter().chain(days).collect::<Vec<_>>());
}

#[test]
fn a_lasting_alert_is_never_told_again_where_that_is_the_wish() {
    let mut memory = Watch::of(metric::MEMORY);
    memory.policy.repeat = Steps::default();
    assert_eq!(memory.news(&[(0, 90.0), (400 * HOUR, 90.0)]), [Some(News::Fired), None]);
}

#[test]
fn a_reminder_knows_the_worst_value_since_the_alert_began() {
    let mut memory = Watch::of(metric::MEMORY);
    memory.news(&[(0, 85.0), (900, 89.0)]);
    let reminded = memory.see(HOUR, Some(86.0)).unwrap();
    assert_eq!((reminded.news, reminded.episode.peak), (News::Reminded, Some(89.0)));
}

#[test]
fn half_way_worse_is_told_as_soon_as_the_cooldown_is_over() {
    let mut memory = Watch::of(metric::MEMORY);
    assert_eq!(
        memory.news(&[(0, 80.0), (100, 90.0), (300, 89.9), (400, 90.0), (800, 94.9), (900, 95.0), (1300, 99.9)]),
        [Some(News::Fired), None, None, Some(News::Worse), None, Some(News::Worse), None]
    );
    assert_eq!(memory.see(1400, Some(100.0)).unwrap().episode.told_before, Some(95.0));

    let mut traffic = Watch::of(metric::TRAFFIC_IN);
    assert_eq!(traffic.news(&[(0, 100.0), (400, 149.0), (800, 150.0)]), [Some(News::Fired), None, Some(News::Worse)]);
}

#[test]
fn the_first_critical_reading_ignores_the_cooldown_once_an_alert() {
    let mut memory = Watch { critical: Some(95.0), ..Watch::of(metric::MEMORY) };
    assert_eq!(
        memory.news(&[(0, 90.0), (10, 96.0), (20, 90.0), (30, 99.0)]),
        [Some(News::Fired), Some(News::Critical), None, None]
    );
    // It recovers, comes back inside the cooldown, and its settling is off.
    memory.policy.settle = Steps::new([Duration::ZERO]);
    assert_eq!(
        memory.news(&[(40, 10.0), (50, 90.0), (60, 96.0)]),
        [Some(News::Recovered), Some(News::HeldBack), Some(News::Fired)]
    );
}

#[test]
fn an_alert_that_comes_back_is_told_at_once_and_called_over_once_it_has_settled() {
    let mut cpu = Watch::of(metric::MEMORY);
    assert_eq!(cpu.news(&[(0, 90.0), (60, 10.0)]), [Some(News::Fired), Some(News::Recovered)]);
    let back = cpu.see(120, Some(90.0)).unwrap();
    assert_eq!((back.news, back.episode.returns, back.reason()), (News::Fired, 1, "came_back"));
    assert_eq!(cpu.news(&[(180, 10.0), (180 + HOUR - 1, 10.0)]), [Some(News::Settling), None]);
    let over = cpu.see(180 + HOUR, Some(10.0)).unwrap();
    assert_eq!((over.news, over.episode.well_since), (News::Recovered, Some(at(180).wall)));
}

#[test]
fn a_breach_while_it_settles_begins_the_settling_anew() {
    let mut memory = Watch::of(metric::MEMORY);
    memory.news(&[(0, 90.0), (60, 10.0), (120, 90.0)]);
    assert_eq!(
        memory.news(&[(180, 10.0), (2000, 90.0), (2060, 10.0), (180 + HOUR, 10.0), (2060 + HOUR, 10.0)]),
        [Some(News::Settling), None, Some(News::Settling), None, Some(News::Recovered)]
    );
}

#[test]
fn a_return_more_than_a_day_after_the_recovery_is_a_new_alert() {
    let mut memory = Watch::of(metric::MEMORY);
    memory.news(&[(0, 90.0), (60, 10.0)]);
    let fired = memory.see(60 + DAY, Some(90.0)).unwrap();
    assert_eq!((fired.episode.returns, fired.reason()), (0, "began"));
}

#[test]
fn without_recoveries_a_return_waits_for_the_cooldown() {
    let mut memory = Watch::of(metric::MEMORY);
    memory.policy.send_recovery = false;
    assert_eq!(
        memory.news(&[(0, 90.0), (60, 10.0), (120, 90.0), (300, 90.0)]),
        [Some(News::Fired), Some(News::RecoveredMuted), Some(News::HeldBack), Some(News::Fired)]
    );
}
