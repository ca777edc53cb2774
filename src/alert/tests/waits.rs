//! `for`, and the time of the next look.

use super::*;
use crate::rule::Limit;

fn for_a_minute(metric: &'static Metric) -> Watch {
    Watch { wait: Duration::from_secs(60), ..Watch::of(metric) }
}

#[test]
fn a_breach_is_told_once_it_has_lasted_and_the_agent_looks_again_then() {
    let mut memory = for_a_minute(metric::MEMORY);
    assert_eq!(memory.news(&[(0, 90.0), (59, 90.0)]), [Some(News::Pending), None]);
    assert_eq!(memory.due(0), Some(60));
    // The look at that time could not measure: the next check decides.
    assert_eq!(memory.see(60, None), None);
    assert_eq!(memory.due(60), None);
    assert_eq!(memory.news(&[(61, 90.0)]), [Some(News::Fired)]);
}

#[test]
fn a_level_must_be_over_at_each_look() {
    let news = for_a_minute(metric::MEMORY).news(&[(0, 99.0), (30, 79.0), (60, 99.0), (120, 99.0)]);
    assert_eq!(news, [Some(News::Pending), Some(News::RecoveredUntold), Some(News::Pending), Some(News::Fired)]);
}

#[test]
fn of_a_rate_the_mean_since_the_first_look_must_be_over() {
    // A dip does not cancel it.
    let news = for_a_minute(metric::CPU).news(&[(0, 99.0), (30, 70.0), (60, 90.0)]);
    assert_eq!(news, [Some(News::Pending), None, Some(News::Fired)]);
    // A spike does not carry it.
    let news = for_a_minute(metric::CPU).news(&[(0, 99.0), (60, 20.0), (120, 81.0)]);
    assert_eq!(news, [Some(News::Pending), Some(News::RecoveredUntold), Some(News::Pending)]);
}

/// Between two looks the counters know more than the samples at both.
#[test]
fn of_a_rate_the_counters_mean_counts_and_not_its_samples() {
    let told = |looks: &[(u32, f64, Option<f64>)]| {
        let mut cpu = for_a_minute(metric::CPU);
        let news: Vec<_> =
            looks.iter().map(|(second, number, mean)| cpu.see_rate(*second, Some(*number), *mean)).collect();
        let last = news.into_iter().next_back().flatten()?;
        Some((last.news, last.value.number()?))
    };
    // Two samples hit spikes between which it is idle; and a burst that samples miss.
    assert_eq!(told(&[(0, 99.0, None), (60, 98.0, Some(12.0))]), Some((News::RecoveredUntold, 98.0)));
    assert_eq!(told(&[(0, 81.0, Some(5.0)), (60, 10.0, Some(95.0))]), Some((News::Fired, 95.0)));
    // Each mean counts for its time.
    let looks = [(0, 99.0, None), (10, 99.0, Some(100.0)), (60, 99.0, Some(82.0))];
    assert_eq!(told(&looks), Some((News::Fired, 85.0)));
    // A counter that began anew has none: the samples at both ends stand for that time.
    let looks = [(0, 99.0, None), (30, 80.0, Some(90.0)), (60, 84.0, None)];
    assert_eq!(told(&looks), Some((News::Fired, 86.0)));
}

#[test]
fn of_a_rate_the_mean_that_was_judged_is_told_and_not_the_dip_of_that_moment() {
    let mut cpu = Watch { critical: Some(95.0), ..for_a_minute(metric::CPU) };
    cpu.news(&[(0, 99.0), (30, 98.0)]);
    let fired = cpu.see(60, Some(70.0)).unwrap();
    assert_eq!((fired.news, fired.value, fired.limit), (News::Fired, Value::Number(91.25), Limit::Threshold(LIMIT)));
    // People know the number of the message.
    cpu.see(120, Some(98.0));
    let critical = cpu.news(&[(150, 99.0), (179, 99.0)]);
    assert_eq!(critical, [None, None]);
    let mut cpu = Watch { critical: Some(95.0), ..for_a_minute(metric::CPU) };
    cpu.news(&[(0, 99.0), (30, 99.0)]);
    let critical = cpu.see(60, Some(90.0)).unwrap();
    assert_eq!((critical.episode.level, critical.value), (Level::Critical, Value::Number(96.75)));
    assert_eq!((critical.limit, critical.episode.peak), (Limit::Threshold(95.0), Some(96.75)));
    // The critical mean of an alert that is told already, likewise.
    let mut cpu = Watch { critical: Some(95.0), ..for_a_minute(metric::CPU) };
    cpu.news(&[(0, 85.0), (30, 85.0), (60, 85.0), (90, 99.0), (120, 99.0)]);
    let critical = cpu.see(150, Some(90.0)).unwrap();
    assert_eq!(
        (critical.news, critical.value, critical.limit),
        (News::Critical, Value::Number(96.75), Limit::Threshold(95.0))
    );
    assert_eq!(critical.episode.told_before, Some(85.0));
}

#[test]
fn an_alert_names_the_limit_of_its_level() {
    let mut memory = Watch { critical: Some(95.0), ..for_a_minute(metric::MEMORY) };
    memory.see(0, Some(85.0));
    memory.see(30, Some(96.75));
    // Over its critical limit, but not for long enough.
    let named = |transition: Transition| (transition.news, transition.episode.level, transition.limit);
    let fired = memory.see(60, Some(96.75)).map(named);
    assert_eq!(fired, Some((News::Fired, Level::Warning, Limit::Threshold(LIMIT))));
    let critical = memory.see(90, Some(96.75)).map(named);
    assert_eq!(critical, Some((News::Critical, Level::Critical, Limit::Threshold(95.0))));
    // A change for the worse, likewise.
    let mut memory = Watch { critical: Some(95.0), ..for_a_minute(metric::MEMORY) };
    memory.news(&[(0, 85.0), (60, 85.0)]);
    let worse = memory.see(400, Some(96.75)).map(named);
    assert_eq!(worse, Some((News::Worse, Level::Warning, Limit::Threshold(LIMIT))));
}

#[test]
fn a_critical_reading_must_last_too_and_is_judged_by_its_own_limit() {
    let mut cpu = Watch { critical: Some(95.0), ..for_a_minute(metric::CPU) };
    assert_eq!(cpu.news(&[(0, 85.0), (30, 99.0)]), [Some(News::Pending), None]);
    let fired = cpu.see(60, Some(99.0)).unwrap();
    assert_eq!((fired.news, fired.episode.level), (News::Fired, Level::Warning));
    assert_eq!(cpu.due(60), Some(90));
    let critical = cpu.see(90, Some(99.0)).unwrap();
    assert_eq!(
        (critical.news, critical.episode.level, critical.episode.told_before),
        (News::Critical, Level::Critical, Some(95.5))
    );
}

#[test]
fn a_value_that_goes_straight_beyond_its_critical_limit_is_one_message() {
    for metric in [metric::MEMORY, metric::CPU] {
        for wait in [0, 60] {
            let wait = Duration::from_secs(wait);
            let mut watch = Watch { critical: Some(95.0), wait, ..Watch::of(metric) };
            let told: Vec<_> = [0, 30, 60, 90, 120, 400].map(|second| watch.see(second, Some(99.0))).into();
            let told: Vec<_> = told.into_iter().flatten().filter(|told| told.news.is_firing_message()).collect();
            let [only] = told.as_slice() else { panic!("{metric}: {told:?}") };
            assert_eq!((only.news, only.episode.level), (News::Fired, Level::Critical), "{metric}");
        }
    }
}

#[test]
fn the_end_of_a_cooldown_and_of_a_settling_are_when_to_look_again() {
    let mut memory = Watch { policy: as_before(), ..Watch::of(metric::MEMORY) };
    memory.news(&[(0, 90.0), (20, 10.0)]);
    assert_eq!(memory.news(&[(30, 90.0)]), [Some(News::HeldBack)]);
    assert_eq!(memory.due(30), Some(300));
    assert_eq!(memory.news(&[(300, 90.0)]), [Some(News::Fired)]);

    let mut memory = Watch::of(metric::MEMORY);
    memory.news(&[(0, 90.0), (20, 10.0), (30, 90.0)]);
    assert_eq!((memory.due(30), memory.news(&[(40, 10.0)])), (None, vec![Some(News::Settling)]));
    assert_eq!(memory.due(40), Some(40 + HOUR));
}

#[test]
fn unknown_stops_no_wait() {
    let mut memory = for_a_minute(metric::MEMORY);
    memory.see(0, Some(90.0));
    memory.see(30, None);
    assert_eq!(memory.news(&[(60, 90.0)]), [Some(News::Fired)]);
}
