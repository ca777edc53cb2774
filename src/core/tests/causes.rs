//! Causes under alerts: asked for when one is about to be told, and never waited for long.

use super::*;
use crate::cause::{Amount, Holder, Share};

fn driven(memory: &str) -> Driven {
    Driven::new(every_change_is_told(config_with(KEY, memory)), Mode { finds_causes: true, ..Mode::default() })
}

fn causes() -> Causes {
    let share = Share { holder: Holder::Group("mysql.service".into()), amount: Amount::Bytes(812 << 20) };
    Causes { memory: vec![share], ..Causes::default() }
}

fn asked(agent: &mut Driven) -> Vec<Wanted> {
    let (asked, others) =
        std::mem::take(&mut agent.effects).into_iter().partition(|e| matches!(e, Effect::FindCauses(_)));
    agent.effects = others;
    let wanted = |effect| if let Effect::FindCauses(wanted) = effect { Some(wanted) } else { None };
    Vec::into_iter(asked).filter_map(wanted).collect()
}

#[test]
fn an_alert_is_told_with_its_causes_and_saved_together_with_its_message() {
    let mut agent = driven("{}");
    agent.disk_is_slow = true;
    agent.effects.clear();
    agent.check(85.2, at(0));
    assert_eq!(asked(&mut agent), [Wanted { memory: true, most: 3, ..Wanted::default() }]);
    assert!(agent.core.alerts().is_empty(), "nothing is known of it until its message is there");
    agent.disk_is_slow = false;
    let (_, text, _) = agent.step(Input::CausesFound(causes()), at(5)).post().unwrap();
    assert!(text.contains("\n📊 内存使用率: 85.2% (阈值: 80%)\n↳ mysql.service 812MB\n⏰ "), "{text}");
}

#[test]
fn without_an_answer_it_is_told_two_seconds_later_and_a_late_answer_changes_nothing() {
    let mut agent = driven("{}");
    agent.check(85.2, at(0));
    assert_eq!(agent.core.next_due(at(0)), Some(at(2000).boot));
    assert!(agent.step(Input::Time, at(1999)).post().is_none());
    let (ticket, text, _) = agent.step(Input::Time, at(2000)).post().unwrap();
    assert!(text.contains("85.2%") && !text.contains('↳'), "{text}");
    agent.answered(ticket, 0, at(2100));
    assert!(agent.step(Input::CausesFound(causes()), at(2200)).post().is_none());
}

#[test]
fn a_check_that_waits_takes_no_news_back_of_a_look_that_was_after_it() {
    let mut agent = driven("{}");
    let mut snapshot = Snapshot::default();
    snapshot.push(metric::MEMORY, "", Value::Usage { percent: 85.2, used_bytes: 1, total_bytes: 2 });
    snapshot.push(metric::CONTAINER_STATE, "web", Value::from(ContainerWord::new("running", "running")));
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(0));
    agent.look(ContainerWord::new("exited", "running"), at(500)).step(Input::Time, at(2500));
    for metric in [metric::MEMORY, metric::CONTAINER_STATE] {
        assert!(agent.core.alerts().is_told_of(|of| of == metric));
    }
    assert_eq!(agent.core.waiting_count(), 2, "an alert each, and no all-clear");
}

#[test]
fn a_look_in_between_takes_no_causes_away_and_is_taken_in_right_after_the_check() {
    let mut agent = driven("{}");
    agent.check(85.2, at(0)).look(ContainerWord::new("exited", "running"), at(500));
    agent.step(Input::ContainersRemembered(Box::default()), at(500));
    assert_eq!(agent.core.waiting_count(), 0, "the look's alert is saved no sooner than the memory of it");
    let (ticket, text, _) = agent.step(Input::CausesFound(causes()), at(1000)).post().unwrap();
    assert!(text.contains("\n↳ mysql.service 812MB\n"), "{text}");
    agent.answered(ticket, 0, at(1100));
    assert!(agent.core.alerts().is_told_of(|of| of == metric::CONTAINER_STATE));
    // A stop, and a configuration that watches something else, lose no look.
    for stops in [true, false] {
        let mut agent = driven("{}");
        agent.check(85.2, at(0)).look(ContainerWord::new("exited", "running"), at(500));
        if stops {
            agent.step(Input::Stop, at(510));
        } else {
            agent.reload(config_with(KEY, "{enabled: false}"), at(510));
        }
        assert!(agent.core.alerts().is_told_of(|of| of == metric::CONTAINER_STATE), "{stops}");
    }
}

#[test]
fn a_stop_tells_what_waits() {
    let mut agent = driven("{}");
    agent.check(85.2, at(0)).step(Input::Stop, at(10));
    assert!(agent.core.alerts().is_told_of(|of| of == metric::MEMORY));
    assert_eq!(agent.core.waiting_count(), 1);
}

#[test]
fn a_reload_that_watches_something_else_gives_the_check_up_and_checks_anew() {
    let mut agent = driven("{}");
    agent.check(85.2, at(0)).effects.clear();
    agent.reload(config_with(KEY, "{enabled: false}"), at(10));
    assert_eq!(agent.measurements(), 1);
    assert!(agent.step(Input::CausesFound(causes()), at(20)).post().is_none());
    assert!(agent.step(Input::Time, at(3000)).post().is_none());
}

#[test]
fn what_is_not_told_asks_for_nothing() {
    let mut agent = driven("{for: 10m}");
    // It must last, it is below its limit, it is told and not due again.
    for (percent, millis) in [(85.2, 0), (50.0, 60_000), (50.0, 120_000)] {
        assert!(asked(agent.check(percent, at(millis))).is_empty());
    }
    let mut agent = driven("{}");
    agent.check(85.2, at(0)).step(Input::CausesFound(causes()), at(1));
    asked(&mut agent);
    assert!(asked(agent.check(85.2, at(60_000))).is_empty());
    let mut config = config_with(KEY, "{}");
    config.causes = 0;
    let mut agent = Driven::new(config, Mode { finds_causes: true, ..Mode::default() });
    assert!(asked(agent.check(85.2, at(0))).is_empty() && agent.post().is_some());
    let mut agent = Driven::new(config_with(KEY, "{}"), Mode::default());
    assert!(asked(agent.check(85.2, at(0))).is_empty() && agent.post().is_some());
}

#[test]
fn cpu_time_is_counted_from_when_its_alert_begins_and_at_each_check_of_one_that_is_told() {
    let mut agent = Driven::new(config_with(KEY, "{}"), Mode { finds_causes: true, ..Mode::default() });
    let mut check = |percent: f64, millis| {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::CPU, "", Value::Number(percent));
        agent.core.checks.is_measuring = true;
        agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(millis));
        let asked = asked(&mut agent).len();
        if asked > 0 {
            agent.step(Input::CausesFound(Causes::default()), at(millis));
        }
        (asked, agent.count(|effect| matches!(effect, Effect::CountCpu)))
    };
    assert_eq!(check(95.0, 0), (0, 1));
    assert_eq!(check(95.0, 30_000), (0, 0));
    assert_eq!(check(95.0, 60_001).0, 1);
    agent.core.checks.is_measuring = false;
    agent.effects.clear();
    agent.step(Input::CheckNow, at(70_000));
    let begun = agent.effects.iter().take_while(|effect| !matches!(effect, Effect::Measure(Purpose::Check)));
    assert_eq!(begun.filter(|effect| matches!(effect, Effect::CountCpu)).count(), 1, "{:?}", agent.effects);
}
