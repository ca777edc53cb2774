//! The history: rows wait for their batch, within bounds, and nothing waits for them.

use super::*;
use crate::worker::Recorded;

const MINUTES: i64 = 60_000;

fn recorded() -> Resolved {
    let text = "general: {check_interval: 60}\nscheduled_report: {enabled: false}\nwechat: {webhook_url: ''}\n";
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

/// The batches that were to be written.
fn batches(agent: &mut Driven) -> Vec<serde_json::Value> {
    let mut batches = Vec::new();
    agent.effects.retain(|effect| match effect {
        Effect::Record(order) => {
            batches.push(serde_json::from_slice(order).unwrap());
            false
        }
        _ => true,
    });
    batches
}

fn rows(batch: &serde_json::Value) -> usize {
    batch["rows"].as_array().unwrap().len()
}

#[test]
fn rows_are_written_after_five_minutes_and_sent_again_until_they_are() {
    let mut agent = Driven::new(recorded(), Mode::default());
    for minute in 0..5 {
        agent.check(50.0, at(minute * MINUTES));
        assert_eq!(batches(&mut agent), Vec::<serde_json::Value>::new());
    }
    agent.step(Input::Time, at(5 * MINUTES));
    let first = batches(&mut agent).remove(0);
    assert_eq!((rows(&first), &first["is_checked"]), (5, &serde_json::json!(true)));
    // Nothing else is begun beside it.
    agent.check(51.0, at(11 * MINUTES));
    assert!(batches(&mut agent).is_empty());
    agent.step(Input::Recorded(Err("disk full".to_owned())), at(11 * MINUTES));
    agent.step(Input::Time, at(15 * MINUTES));
    assert!(batches(&mut agent).is_empty(), "it is tried again after a while");
    agent.step(Input::Time, at(16 * MINUTES));
    let again = batches(&mut agent).remove(0);
    assert_eq!(again["rows"].as_array().unwrap()[..5], first["rows"].as_array().unwrap()[..]);
    assert_eq!((rows(&again), &again["is_checked"]), (6, &serde_json::json!(true)));
    agent.step(Input::Recorded(Ok(Recorded::default())), at(16 * MINUTES));
    agent.check(52.0, at(17 * MINUTES)).step(Input::Time, at(22 * MINUTES));
    let next = batches(&mut agent).remove(0);
    assert_eq!((rows(&next), &next["is_checked"]), (1, &serde_json::json!(false)));
}

#[test]
fn a_history_that_cannot_be_written_holds_up_nothing_and_is_said_once() {
    let mut agent = Driven::new(recorded(), Mode::default());
    for minute in 0..20_000 {
        agent.check(50.0, at(minute * MINUTES));
        // Each child hangs for hours, and fails then.
        if minute % 500 == 499 {
            batches(&mut agent);
            agent.step(Input::Recorded(Err("read-only".to_owned())), at(minute * MINUTES));
        }
    }
    assert_eq!(agent.core.checks.count, 20_000);
    agent.step(Input::Time, at(20_005 * MINUTES));
    let batch = batches(&mut agent).pop().unwrap();
    assert_eq!(batch["rows"][0][0], at(4_000 * MINUTES).wall.as_second(), "two batches of values wait");
}

#[test]
fn at_the_end_the_rest_is_written_and_waited_for_within_the_time_of_a_stop() {
    let mut agent = Driven::new(recorded(), Mode::default());
    agent.check(50.0, at(0)).step(Input::Stop, at(10));
    assert_eq!(batches(&mut agent).len(), 1);
    assert_eq!(agent.count(|effect| matches!(effect, Effect::End(_))), 0);
    agent.step(Input::Recorded(Ok(Recorded::default())), at(20));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::End(_))), 1);

    let mut agent = Driven::new(recorded(), Mode::default());
    agent.check(50.0, at(0)).step(Input::Stop, at(10)).step(Input::Time, at(1000));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::End(_))), 1, "a disk that hangs is left alone");
}

#[test]
fn an_alert_is_in_the_history_from_its_beginning_to_its_end() {
    let mut agent = Driven::new(every_change_is_told(recorded()), Mode::default());
    agent.check(95.0, at(0)).check(96.0, at(MINUTES)).step(Input::Time, at(5 * MINUTES));
    let batch = batches(&mut agent).remove(0);
    let began = at(0).wall.as_second();
    let alert = serde_json::json!({"metric": "memory", "target": "", "since": began, "until": null,
        "level": batch["alerts"][0]["level"], "value": 96.0});
    assert_eq!(batch["alerts"], serde_json::json!([alert]));
    agent.step(Input::Recorded(Ok(Recorded::default())), at(5 * MINUTES));
    agent.check(10.0, at(6 * MINUTES)).step(Input::Time, at(11 * MINUTES));
    let batch = batches(&mut agent).remove(0);
    assert_eq!(batch["alerts"][0]["until"], at(6 * MINUTES).wall.as_second());
}
