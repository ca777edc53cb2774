//! More held news than a state file takes.

use super::*;
use crate::hold::Held;
use crate::store;

const NOTHING_PASSES: &str = "[{from: '03:00', to: '05:00', let_through: none}]";

/// Of these containers.
fn look(agent: &mut Driven, names: &[String], word: &str, now: i64) {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    agent.look_at(&names, &ContainerWord::new(word, "running"), at(now));
}

#[test]
fn forty_thousand_held_alerts_are_saved_and_counted_in_the_message_at_the_end() {
    let mut agent = agent(quiet(NOTHING_PASSES));
    let names: Vec<String> = (0..40_000).map(|number| format!("a-container-with-a-name-{number}")).collect();
    let (over, burning) = names.split_at(15_000);
    look(&mut agent, over, "exited", BEGINS);
    look(&mut agent, over, "running", BEGINS + MINUTE);
    agent.look(ContainerWord { is_critical: true, ..ContainerWord::new("exited", "running") }, at(BEGINS + MINUTE));
    look(&mut agent, burning, "exited", BEGINS + 2 * MINUTE);
    let encoded = store::encode(agent.core.state.get(), "boot", at(BEGINS + HOUR)).unwrap();
    let kept: store::State = serde_json::from_slice(&encoded.bytes).unwrap();
    // Nothing that burns is forgotten, and of the news what a message has room for is kept.
    assert_eq!(kept.alerts.active_count(), 25_001);
    assert_eq!(kept.held.len(), message::MAX_LINES);
    let critical: Vec<_> = kept.held.iter().filter(|held| held.level == crate::rule::Level::Critical).collect();
    assert_eq!(&*critical[0].key.target, "web");

    let mode = Mode { is_service: true, ..Mode::default() };
    let mut again = Driven::from(Loaded::State(Box::new(kept)), quiet(NOTHING_PASSES), mode, at(BEGINS + HOUR));
    again.check(50.0, at(ENDS - 1));
    assert_eq!(again.told(), [""; 0]);
    let told = again.check(50.0, at(ENDS)).told();
    let counted = "🗂️ 2026-02-02 03:00:00 → 2026-02-02 03:02:00: 39001 older ones are not listed one by one";
    assert!(told.len() == 1 && told[0].lines().nth(1) == Some(counted), "{:?}", told[0].lines().nth(1));
    assert_eq!(again.core.state.get().held, Held::default());
}
