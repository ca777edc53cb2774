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
    assert_eq!((recipe.known[0].limit, recipe.known[0].note.as_str()), (Some(80.0), "0 / 0 MB"));
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

/// A mail has its picture in it.
fn mailing() -> Driven {
    let mail = "channels: [{email: {url: 'smtp://localhost', from: a@b.example, to: [ops@c.example]}}]\n";
    let text = "general: {check_interval: 60, alert_picture: true, alert_settle: 0}\n".to_owned()
        + "scheduled_report: {enabled: false}\n"
        + mail;
    let config = Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value);
    Driven::new(every_change_is_told(config), Mode::default())
}

fn is_posted(agent: &mut Driven) -> Option<Ticket> {
    agent.effects.iter().find_map(|effect| match effect {
        Effect::Post { ticket, .. } => Some(*ticket),
        _ => None,
    })
}

#[test]
fn a_message_with_its_picture_in_it_waits_a_moment_for_its_rows_and_goes_once() {
    let mut agent = mailing();
    agent.check(95.0, at(0));
    assert!(drawn(&mut agent).is_none() && is_posted(&mut agent).is_none(), "its rows wait");
    recorded(&mut agent, at(200));
    let (ticket, recipe) = drawn(&mut agent).unwrap();
    assert!(matches!(recipe.subject, Subject::Alert(ref key) if key.metric == metric::MEMORY));
    let headers = vec![("stage".to_owned(), "data".to_owned())];
    let answer = Ok(http::Response { headers, ..http::Response::new(250, "queued as 1") });
    agent.step(Input::Posted { ticket, answer }, at(300)).step(Input::Time, at(MINUTES));
    assert!(drawn(&mut agent).is_none() && is_posted(&mut agent).is_none());
    assert_eq!(agent.core.waiting_count(), 0);
}

#[test]
fn a_store_that_takes_no_rows_holds_up_no_message_for_more_than_five_seconds() {
    let mut agent = mailing();
    agent.check(95.0, at(0)).step(Input::Time, at(4_900));
    assert!(drawn(&mut agent).is_none());
    assert!(agent.core.next_due(at(4_900)).unwrap() <= at(5_000).boot);
    agent.step(Input::Time, at(5_000));
    assert!(drawn(&mut agent).is_some());
}

#[test]
fn a_message_whose_picture_is_not_drawn_in_time_goes_without_and_one_that_is_not_taken_keeps_it() {
    for (error, has_picture) in [
        ("timed out while drawing the picture", false),
        ("the worker process ended without an answer (x)", false),
        ("no route", true),
    ] {
        let mut agent = mailing();
        agent.check(95.0, at(0));
        recorded(&mut agent, at(200));
        let (ticket, _) = drawn(&mut agent).unwrap();
        agent.step(Input::Posted { ticket, answer: Err(http::Error(error.to_owned())) }, at(300));
        agent.step(Input::Time, at(MINUTES - 1));
        assert_eq!(
            (drawn(&mut agent).is_some(), is_posted(&mut agent).is_some()),
            (has_picture, !has_picture),
            "{error}"
        );
    }
    // Nobody wants it any more after an hour.
    let mut agent = mailing();
    agent.check(95.0, at(0));
    recorded(&mut agent, at(200));
    let (ticket, _) = drawn(&mut agent).unwrap();
    agent.step(Input::Posted { ticket, answer: Err(http::Error("no route".to_owned())) }, at(300));
    agent.step(Input::Time, at(61 * MINUTES));
    assert!(drawn(&mut agent).is_none() && is_posted(&mut agent).is_some());
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
