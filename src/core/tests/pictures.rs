//! Pictures behind messages: after the text, once, and never in anybody's way.

use super::*;
use crate::drawing::{Recipe, Subject};
use crate::worker::Recorded;

const MINUTES: i64 = 60_000;

fn with(alert_picture: bool, more: &str) -> Resolved {
    let text = format!(
        "general: {{check_interval: 60, alert_picture: {alert_picture}, alert_settle: 0}}\n\
         scheduled_report: {{enabled: false}}\n\
         wechat: {{webhook_url: '0f9e8d7c-6b5a-4c3d-9e2f-000000000001'}}\n{more}"
    );
    every_change_is_told(Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value))
}

/// The picture to be drawn, if there is one.
fn drawn(agent: &mut Driven) -> Option<(Ticket, Recipe)> {
    let place = agent.effects.iter().position(|effect| matches!(effect, Effect::Draw { .. }))?;
    let Effect::Draw { ticket, recipe, .. } = agent.effects.remove(place) else { return None };
    Some((ticket, *recipe))
}

fn recorded(agent: &mut Driven, now: Now) {
    assert_eq!(agent.count(|effect| matches!(effect, Effect::Record(_))), 1);
    agent.step(Input::Recorded(Ok(Recorded::default())), now);
}

#[test]
fn a_picture_follows_the_text_once_the_rows_are_written_and_is_not_tried_again() {
    let mut agent = Driven::new(with(true, ""), Mode::default());
    agent.check(95.0, at(0));
    let (ticket, text, _) = agent.post().unwrap();
    assert!(text.contains("95.0%"));
    assert!(drawn(&mut agent).is_none(), "the text first");
    agent.answered(ticket, 0, at(100));
    assert!(drawn(&mut agent).is_none(), "its rows wait");
    recorded(&mut agent, at(200));
    let (ticket, recipe) = drawn(&mut agent).unwrap();
    assert!(matches!(recipe.subject, Subject::Alert(ref key) if key.metric == metric::MEMORY));
    assert_eq!((recipe.to, recipe.to.as_second() - recipe.from.as_second()), (at(0).wall, 6 * 3600));
    assert_eq!((recipe.known[0].limit, recipe.known[0].note.as_str()), (Some(80.0), "0MB / 0MB"));
    agent.step(Input::Posted { ticket, answer: Err(http::Error("no picture can be drawn".to_owned())) }, at(300));
    agent.check(96.0, at(MINUTES)).check(96.0, at(2 * MINUTES));
    assert!(drawn(&mut agent).is_none());
    assert_eq!(agent.core.waiting_count(), 0);
}

#[test]
fn a_robot_without_time_has_it_after_the_pause_and_texts_go_first() {
    let mut agent = Driven::new(with(true, ""), Mode::default());
    agent.check(95.0, at(0));
    let (ticket, ..) = agent.post().unwrap();
    agent.answered(ticket, 0, at(100));
    recorded(&mut agent, at(200));
    let (ticket, _) = drawn(&mut agent).unwrap();
    // While it is on its way nothing else is sent, and then it is the turn of the recovery.
    agent.check(10.0, at(MINUTES));
    assert!(agent.post().is_none());
    agent.answered(ticket, 45009, at(MINUTES + 100));
    assert!(agent.post().is_none(), "the robot is left alone");
    agent.step(Input::Time, at(3 * MINUTES));
    assert!(agent.post().is_some_and(|(_, text, _)| text.contains("10.0%")));
}

#[test]
fn a_store_that_takes_no_rows_is_waited_for_for_half_a_minute() {
    let mut agent = Driven::new(with(true, ""), Mode::default());
    agent.check(95.0, at(0));
    let (ticket, ..) = agent.post().unwrap();
    agent.answered(ticket, 0, at(100)).step(Input::Time, at(20_000));
    assert!(drawn(&mut agent).is_none());
    let due = agent.core.next_due(at(20_000)).unwrap();
    assert!(due <= at(31_000).boot, "{due:?}");
    agent.step(Input::Time, at(31_000));
    assert!(drawn(&mut agent).is_some());
}

#[test]
fn after_an_hour_without_the_channel_the_text_goes_alone() {
    let mut agent = Driven::new(with(true, ""), Mode::default());
    agent.check(95.0, at(0));
    let (ticket, ..) = agent.post().unwrap();
    agent.step(Input::Posted { ticket, answer: Err(http::Error("no route".to_owned())) }, at(100));
    let state = agent.core.state.get().clone();
    let saved = serde_json::to_string(&state.outboxes).unwrap();
    assert!(saved.contains("\"pictures\":[{\"key\":{\"metric\":\"memory\""), "the recipe is saved: {saved}");
    agent.step(Input::Time, at(61 * MINUTES));
    let (ticket, ..) = agent.post().unwrap();
    agent.answered(ticket, 0, at(61 * MINUTES + 100)).step(Input::Time, at(62 * MINUTES));
    assert!(drawn(&mut agent).is_none());
    assert!(!serde_json::to_string(&agent.core.state.get().outboxes).unwrap().contains("pictures"));
}

#[test]
fn the_day_follows_a_report_unless_it_is_switched_off() {
    for (picture, is_drawn) in [("auto", true), ("false", false)] {
        let text = format!(
            "general: {{timezone: UTC, check_interval: 60}}\nwechat: {{webhook_url: '{KEY}'}}\n\
             scheduled_report: {{cron: '45 2 * * *', picture: {picture}}}\n"
        );
        let config = Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value);
        let mut agent = Driven::new(config, Mode::default());
        let now = at(5 * MINUTES);
        agent.step(Input::Time, now);
        agent.step(Input::Measured { purpose: Purpose::Report, snapshot: Snapshot::default() }, now);
        let (ticket, text, _) = agent.post().unwrap();
        assert!(text.contains("报告"), "{text}");
        agent.answered(ticket, 0, now);
        let recipe = drawn(&mut agent).map(|(_, recipe)| recipe);
        assert_eq!(recipe.is_some(), is_drawn);
        if let Some(recipe) = recipe {
            assert!(matches!(recipe.subject, Subject::Report));
            assert_eq!((recipe.to, recipe.to.as_second() - recipe.from.as_second()), (now.wall, 86_400));
        }
    }
}

#[test]
fn nothing_is_drawn_by_default_for_alerts_without_a_history_and_for_conditions() {
    for config in [with(false, ""), with(true, "history: {enabled: false}\n")] {
        let mut agent = Driven::new(config, Mode::default());
        agent.check(95.0, at(0));
        let (ticket, ..) = agent.post().unwrap();
        agent.answered(ticket, 0, at(100)).step(Input::Time, at(MINUTES));
        agent.count(|effect| matches!(effect, Effect::Record(_)));
        assert!(drawn(&mut agent).is_none());
    }
    let mut agent = Driven::new(with(true, ""), Mode::default());
    let word = ContainerWord { well: Some(false), ..ContainerWord::new("exited", "running") };
    agent.check(10.0, at(0)).look(word.clone(), at(100)).look(word, at(MINUTES));
    while let Some((ticket, ..)) = agent.post() {
        agent.answered(ticket, 0, at(MINUTES + 100));
    }
    assert!(agent.core.state.get().outboxes.values().all(|outbox| outbox.next_picture().is_none()));
}
