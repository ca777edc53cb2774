//! `run --once` waits for breaches that must last before they are told, a minute in all.

use super::*;

fn once(memory: &str) -> Driven {
    Driven::new(config_with(KEY, memory), Mode { once: true, ..Mode::default() })
}

fn ended(agent: &mut Driven) -> bool {
    agent.count(|effect| matches!(effect, Effect::End(_))) > 0
}

/// Delivers the one message there is, and gives its text.
fn deliver(agent: &mut Driven, now: Now) -> String {
    let (ticket, told, _) = agent.post().expect("a message");
    agent.answered(ticket, 0, now);
    told
}

#[test]
fn a_breach_is_looked_at_again_when_its_for_ends_and_told_if_it_lasts() {
    for (wait, millis) in [("30s", 30_000), ("1m", 60_000)] {
        let mut agent = once(&format!("{{for: {wait}}}"));
        agent.measurements();
        assert!(!ended(agent.check(90.0, at(0))), "{wait}");
        assert_eq!(agent.core.next_due(at(0)), Some(at(millis).boot), "{wait}");
        assert!(!ended(agent.step(Input::Time, at(millis))));
        assert_eq!(agent.measurements(), 1);
        agent.check(91.0, at(millis + 100));
        assert!(deliver(&mut agent, at(millis + 200)).contains("91.0%"));
        assert!(ended(&mut agent) && agent.measurements() == 0, "{wait}");
    }
}

#[test]
fn a_breach_that_does_not_last_is_told_to_nobody() {
    let mut agent = once("{for: 30s}");
    agent.check(90.0, at(0)).step(Input::Time, at(30_000)).check(10.0, at(30_100));
    assert!(ended(&mut agent) && agent.core.waiting_count() == 0 && agent.core.alerts().active_count() == 0);
}

#[test]
fn nothing_is_waited_for_but_a_for_that_ends_within_a_minute() {
    // Neither a cooldown, nor a settling, nor a told alert, nor a reading within its limit.
    let mut agent = once("{for: 0}");
    assert!(ended(agent.check(10.0, at(0))));
    let mut agent = once("{for: 61s}");
    assert!(ended(agent.check(90.0, at(0))));
    // It goes on where it was.
    let state = Box::new(agent.core.state.get().clone());
    let config = || config_with(KEY, "{for: 61s}");
    let mode = || Mode { once: true, ..Mode::default() };
    let mut next = Driven::from(Loaded::State(state), config(), mode(), at(20_000));
    assert!(!ended(next.check(90.0, at(20_000))), "41 seconds are left");
    let state = Box::new(next.core.state.get().clone());
    let mut next = Driven::from(Loaded::State(state), config(), mode(), at(61_000));
    next.check(92.0, at(61_000));
    assert!(deliver(&mut next, at(61_100)).contains("92.0%") && ended(&mut next));
    let state = Box::new(next.core.state.get().clone());
    let mut next = Driven::from(Loaded::State(state), config(), mode(), at(70_000));
    assert!(ended(next.check(93.0, at(70_000))), "it is told and lasts");
}

#[test]
fn all_waits_together_take_a_minute_at_most() {
    let mut agent = once("{for: 40s}");
    let stopped = ContainerWord { on_purpose: true, ..ContainerWord::new("exited", "running") };
    agent.check(90.0, at(0)).look(stopped, at(35_000)).step(Input::Time, at(40_000));
    let mut snapshot = Snapshot { watched: vec![Watched::Every(metric::CONTAINER_STATE)], ..Snapshot::default() };
    snapshot.push(metric::MEMORY, "", Value::Usage { percent: 90.0, used_bytes: 1, total_bytes: 2 });
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(40_100));
    deliver(&mut agent, at(40_200));
    assert!(!ended(&mut agent), "a grace ends within the minute");
    agent.step(Input::Time, at(45_000));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::LookAtContainers)), 1);
    assert!(!ended(&mut agent), "it waits for what the look finds");
    let gone = Input::Looked { snapshot: Snapshot::default(), scope: Scope::Everything };
    assert!(ended(agent.step(gone, at(45_100))));
}

#[test]
fn a_stop_ends_the_wait_at_once() {
    let mut agent = once("{for: 30s}");
    agent.check(90.0, at(0)).step(Input::Stop, at(1000));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::End(End::Stopped))), 1);
    assert_eq!(agent.core.alerts().active_count(), 1);
}

#[test]
fn each_look_is_saved_for_the_next_run() {
    let mut agent = once("{for: 2m}");
    agent.check(90.0, at(0));
    let mode = Mode { once: true, ..Mode::default() };
    let state = Box::new(agent.core.state.get().clone());
    let mut next = Driven::from(Loaded::State(state), config_with(KEY, "{for: 2m}"), mode, at(30_000));
    next.disk_is_slow = true;
    next.effects.clear();
    next.check(95.0, at(30_000));
    let saved =
        |effect: &Effect| matches!(effect, Effect::Save(bytes) if String::from_utf8_lossy(bytes).contains("95.0"));
    assert!(next.count(saved) == 1 && !ended(&mut next));
    assert!(ended(next.step(Input::Saved(Ok(())), at(30_100))));
}

/// Runs from cron, each with the file that the one before it left.
#[derive(Default)]
struct Cron {
    file: Option<Vec<u8>>,
}

impl Cron {
    /// How often this run saves, and the message that it sends.
    fn run(&mut self, percent: f64, minute: i64) -> (usize, String) {
        let now = at(minute * 60_000);
        let mode = Mode { once: true, ..Mode::default() };
        let state = self.file.take().map(|bytes| Loaded::State(serde_json::from_slice(&bytes).unwrap()));
        let mut agent = Driven::from(state.unwrap_or(Loaded::Nothing), config_with(KEY, "{for: 0}"), mode, now);
        let before = serde_json::to_vec(agent.core.state.get()).unwrap();
        agent.disk_is_slow = true;
        agent.check(percent, now);
        let (mut saves, mut told, mut file) = (0, String::new(), before);
        loop {
            if let Some(place) = agent.effects.iter().position(|effect| matches!(effect, Effect::Save(_))) {
                let Effect::Save(bytes) = agent.effects.remove(place) else { panic!() };
                (saves, file) = (saves + 1, bytes);
                agent.step(Input::Saved(Ok(())), now);
            } else if let Some((ticket, text, _)) = agent.post() {
                told.push_str(&text);
                agent.answered(ticket, 0, now);
            } else {
                assert!(ended(&mut agent));
                self.file = Some(file);
                return (saves, told);
            }
        }
    }
}

#[test]
fn the_worst_value_and_the_duration_of_an_alert_are_known_over_many_runs() {
    let mut cron = Cron::default();
    assert!(cron.run(85.0, 0).1.contains("85.0%"));
    // No news, and saved for later messages; a value below it changes nothing.
    assert_eq!([(88.0, 5), (86.0, 10), (87.9, 15)].map(|(percent, minute)| cron.run(percent, minute).0), [1, 0, 0]);
    let (_, told) = cron.run(85.0, 65);
    assert!(told.contains("⏳ 已持续 1 小时 5 分，最高 88.0%"), "{told}");
    let (_, told) = cron.run(50.0, 70);
    assert!(told.contains("⏳ 历时 1 小时 10 分"), "{told}");

    // That it lasted is saved once.
    let mut cron = Cron::default();
    assert!(cron.run(85.0, 0).1.contains("85.0%"));
    assert_eq!([5, 10, 15].map(|minute| cron.run(85.0, minute).0), [1, 0, 0]);
    let (_, told) = cron.run(50.0, 20);
    assert!(told.contains("⏳ 历时 20 分钟"), "{told}");
    // One that the next run finds over has the plan's message.
    let mut cron = Cron::default();
    cron.run(85.0, 0);
    assert!(!cron.run(50.0, 5).1.contains("⏳"));
}

/// The same where it goes on: an agent that is stopped and started again.
#[test]
fn a_stop_saves_the_worst_value() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    let (ticket, ..) = agent.check(85.0, at(0)).post().unwrap();
    agent.answered(ticket, 0, at(10)).check(88.0, at(60_000)).effects.clear();
    agent.disk_is_slow = true;
    agent.step(Input::Stop, at(61_000));
    let peak = |effect: &Effect| matches!(effect, Effect::Save(bytes) if String::from_utf8_lossy(bytes).contains("\"peak\": 88.0"));
    assert_eq!(agent.count(peak), 1);
}
