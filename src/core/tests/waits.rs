//! When the agent looks again by itself: at the end of a `for`, a grace or a cooldown.

use super::*;

#[test]
fn a_breach_is_pending_and_told_when_its_for_ends_whatever_the_interval_is() {
    let mut config = config_with(KEY, "{for: 5m}");
    config.check_interval = Duration::from_secs(86_400);
    let mut agent = Driven::new(config, Mode::default());
    agent.measurements();
    assert!(agent.check(90.0, at(0)).post().is_none());
    assert_eq!(agent.core.status(&LoopFacts::default(), at(1000)).alerts[0].state, "pending");
    assert_eq!(agent.core.next_due(at(1000)), Some(at(300_000).boot));
    agent.step(Input::Time, at(300_000));
    assert_eq!(agent.measurements(), 1);
    assert!(agent.check(91.0, at(300_010)).post().unwrap().1.contains("91.0%"));
    assert_eq!(agent.core.status(&LoopFacts::default(), at(301_000)).alerts[0].state, "firing");
}

#[test]
fn a_container_that_is_away_on_purpose_is_looked_at_when_its_grace_ends() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.check(10.0, at(0));
    let stopped = ContainerWord { on_purpose: true, ..ContainerWord::new("exited", "running") };
    assert!(agent.look(stopped.clone(), at(1000)).post().is_none());
    assert_eq!(agent.core.next_due(at(1000)), Some(at(11_000).boot));
    agent.step(Input::Time, at(11_000));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::LookAtContainers)), 1);
    assert!(agent.look(stopped, at(11_100)).post().is_some());
}

#[test]
fn what_is_taken_down_within_two_seconds_is_one_message() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.check(10.0, at(0));
    let stopped = ContainerWord { on_purpose: true, ..ContainerWord::new("exited", "running") };
    for (name, stopped_at, told_at) in [("web", 1000, 11_000), ("db", 3000, 13_000), ("cache", 4000, 13_000)] {
        agent.look_at(&[name], &stopped, at(stopped_at));
        // Neither put off for ever, nor told before its grace.
        assert_eq!(agent.core.next_due(at(stopped_at)), Some(at(told_at).boot), "{name}");
    }
    let (_, told, _) = agent.look_at(&["web", "db", "cache"], &stopped, at(13_000)).post().unwrap();
    assert!(["web", "db"].iter().all(|name| told.contains(name)) && !told.contains("cache"), "{told}");
}

#[test]
fn what_was_held_back_is_measured_when_the_cooldown_ends_and_not_again_and_again() {
    let mut agent = Driven::new(every_change_is_told(config(KEY)), Mode::default());
    agent.core.config.check_interval = Duration::from_secs(3600);
    agent.core.checks.next = at(3_600_000).boot;
    agent.check(90.0, at(0)).check(10.0, at(60_000)).check(90.0, at(120_000));
    agent.effects.clear();
    let ticket = agent.core.delivery.ticket_on_its_way();
    agent.answered(ticket, 0, at(120_100)).effects.clear();
    agent.step(Input::Time, at(299_000));
    assert_eq!(agent.measurements(), 0);
    agent.step(Input::Time, at(300_000));
    assert_eq!(agent.measurements(), 1);
    // That look cannot measure: the next check decides.
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot: unknown() }, at(300_100));
    assert_eq!((agent.measurements(), agent.core.check_due(at(300_100))), (0, Some(at(3_600_000).boot)));
}

fn unknown() -> Snapshot {
    Snapshot { watched: vec![Watched::Every(metric::MEMORY)], ..Snapshot::default() }
}
