//! The core's decisions, step by step: a test looks at effects, and answers them as it likes.

mod alertmanager;
mod causes;
mod channels;
mod events;
mod forecast;
mod heartbeat;
mod hold;
mod listed;
mod logins;
mod once;
mod pictures;
mod quota;
mod reboot;
mod recording;
mod report;
mod routes;
mod start;
mod taps;
mod unknown;
mod waits;

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::alert::Steps;
use crate::cause::{Causes, Wanted};
use crate::collect::docker::Scope;
use crate::config::Config;
use crate::http;
use crate::message;
use crate::metric;
use crate::snapshot::{ContainerWord, Snapshot, Value, Watched};

const KEY: &str = "0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f";
const OTHER_KEY: &str = "1f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f";

fn at(millis: i64) -> Now {
    Now {
        wall: Timestamp::from_millisecond(1_770_000_000_000 + millis).unwrap(),
        boot: Boot::from_millis(1_000_000 + millis),
    }
}

fn config(wechat: &str) -> Resolved {
    config_with(wechat, "{}")
}

fn config_with(wechat: &str, memory: &str) -> Resolved {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 60, alert_cooldown: 300}}\n\
         wechat: {{webhook_url: '{wechat}'}}\nsystem: {{memory: {memory}, disk: {{enabled: false}}, cpu: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}}}\nscheduled_report: {{enabled: false}}\nhistory: {{enabled: false}}\n"
    );
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

/// A return is told once its cooldown is over, and its recovery at once.
fn every_change_is_told(mut config: Resolved) -> Resolved {
    config.policy.settle = Steps::new([Duration::ZERO]);
    config
}

/// A core whose saves succeed at once, unless it is told otherwise.
struct Driven {
    core: Core,
    disk_is_slow: bool,
    /// Effects that no test has looked at.
    effects: Vec<Effect>,
}

impl Driven {
    fn new(config: Resolved, mode: Mode) -> Driven {
        Driven::from(Loaded::Nothing, config, mode, at(0))
    }

    fn from(loaded: Loaded, config: Resolved, mode: Mode, now: Now) -> Driven {
        let mut core = Core::new(config, loaded, mode, now);
        let effects = core.start(now);
        let mut driven = Driven { core, disk_is_slow: false, effects };
        driven.answer_saves(now);
        driven
    }

    /// Another agent that goes on from the state of this one.
    fn restarted(&self, config: Resolved, now: Now) -> Driven {
        Driven::from(Loaded::State(Box::new(self.core.state.get().clone())), config, Mode::default(), now)
    }

    fn step(&mut self, input: Input, now: Now) -> &mut Driven {
        self.effects.extend(self.core.step(input, now));
        self.answer_saves(now);
        self
    }

    fn answer_saves(&mut self, now: Now) {
        while !self.disk_is_slow
            && let Some(place) = self.effects.iter().position(|effect| matches!(effect, Effect::Save(_)))
        {
            self.effects.remove(place);
            self.effects.extend(self.core.step(Input::Saved(Ok(())), now));
        }
    }

    /// A check that finds this much memory in use.
    fn check(&mut self, percent: f64, now: Now) -> &mut Driven {
        let mut snapshot = Snapshot::default();
        snapshot.push(metric::MEMORY, "", Value::Usage { percent, used_bytes: 1, total_bytes: 2 });
        self.core.checks.is_measuring = true;
        self.step(Input::Measured { purpose: Purpose::Check, snapshot }, now)
    }

    fn look(&mut self, word: ContainerWord, now: Now) -> &mut Driven {
        self.look_at(&["web"], &word, now)
    }

    fn look_at(&mut self, names: &[&str], word: &ContainerWord, now: Now) -> &mut Driven {
        let mut snapshot = Snapshot::default();
        names.iter().for_each(|name| snapshot.push(metric::CONTAINER_STATE, *name, Value::from(word.clone())));
        self.step(Input::Looked { snapshot, scope: Scope::Some }, now)
    }

    /// The message to be posted, if there is one.
    fn post(&mut self) -> Option<(Ticket, String, String)> {
        let place = self.effects.iter().position(|effect| matches!(effect, Effect::Post { .. }))?;
        let Effect::Post { ticket, request } = self.effects.remove(place) else { return None };
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        Some((ticket, body["markdown"]["content"].as_str().unwrap().to_owned(), request.url.expose()))
    }

    fn answered(&mut self, ticket: Ticket, errcode: i64, now: Now) -> &mut Driven {
        let body = format!(r#"{{"errcode":{errcode},"errmsg":"m"}}"#);
        self.step(Input::Posted { ticket, answer: Ok(http::Response::new(200, body)) }, now)
    }

    fn reload(&mut self, config: Resolved, now: Now) -> &mut Driven {
        self.step(Input::Reloaded { config: Box::new(config), is_empty: false }, now)
    }

    fn count(&mut self, is_it: impl Fn(&Effect) -> bool) -> usize {
        let count = self.effects.iter().filter(|effect| is_it(effect)).count();
        self.effects.retain(|effect| !is_it(effect));
        count
    }

    fn measurements(&mut self) -> usize {
        self.count(|effect| matches!(effect, Effect::Measure(_)))
    }
}

#[test]
fn a_message_is_sent_once_its_save_has_ended_and_not_before() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.disk_is_slow = true;
    assert!(agent.check(90.0, at(0)).post().is_none());
    assert_eq!(agent.count(|effect| matches!(effect, Effect::Save(_))), 1);
    // The save under way may be older than the message, so the next one counts.
    agent.step(Input::Saved(Ok(())), at(1000));
    agent.step(Input::Saved(Ok(())), at(2000));
    assert!(agent.post().is_some());
}

#[test]
fn a_message_waits_five_seconds_for_a_disk_that_hangs_and_for_one_that_refuses_if_it_is_not_the_first() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.disk_is_slow = true;
    assert!(agent.check(90.0, at(0)).post().is_none());
    assert!(agent.step(Input::Time, at(4999)).post().is_none());
    assert_eq!(agent.core.next_due(at(4999)), Some(at(5000).boot));
    let (ticket, ..) = agent.step(Input::Time, at(5000)).post().unwrap();
    agent.answered(ticket, 0, at(5100));
    // It is delivered, and saved as soon as the disk answers.
    assert_eq!(agent.core.waiting_count(), 0);
    agent.effects.clear();
    agent.step(Input::Saved(Ok(())), at(9000));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::Save(_))), 1);

    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.disk_is_slow = true;
    let refused = || Input::Saved(Err("disk full".to_owned()));
    let (ticket, ..) = agent.check(90.0, at(6000)).step(refused(), at(6010)).post().unwrap();
    agent.answered(ticket, 0, at(6100)).check(10.0, at(6200)).step(refused(), at(6300)).step(refused(), at(6310));
    // A restart would know of neither.
    assert_eq!((agent.post(), agent.core.next_due(at(6310))), (None, Some(at(11_100).boot)));
    assert!(agent.step(Input::Time, at(11_100)).post().is_some());
}

#[test]
fn a_save_that_failed_is_tried_again_by_itself() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.disk_is_slow = true;
    agent.step(Input::NotReloaded { problem: "p".to_owned() }, at(0));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::Save(_))), 1);
    agent.step(Input::Saved(Err("disk full".to_owned())), at(10));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::Save(_))), 0);
    agent.step(Input::Time, at(5010));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::Save(_))), 1);
}

/// It came back, was below its limit for a moment, and is over it again: of that nothing is told, and a restart must not
/// take it for well since then.
#[test]
fn a_settling_that_ended_is_known_to_the_next_agent() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.check(90.0, at(0)).check(50.0, at(60_000)).check(90.0, at(120_000)).check(50.0, at(180_000));
    agent.effects.clear();
    agent.disk_is_slow = true;
    agent.check(90.0, at(240_000));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::Save(_))), 1);
    agent.step(Input::Saved(Ok(())), at(240_000)).check(90.0, at(300_000));
    assert_eq!(agent.count(|effect| matches!(effect, Effect::Save(_))), 0);
}

#[test]
fn a_service_without_a_channel_keeps_its_messages_for_the_next_one() {
    let mode = Mode { is_service: true, ..Mode::default() };
    let mut agent = Driven::new(config(""), mode);
    agent.check(90.0, at(0)).step(Input::Time, at(1000));
    assert!(agent.count(|effect| matches!(effect, Effect::Print { .. })) == 0 && agent.core.waiting_count() == 1);
    let (ticket, content, _) = agent.reload(config(KEY), at(2000)).post().unwrap();
    assert!(content.contains("90.0%"), "{content}");
    agent.answered(ticket, 0, at(2100));
    assert_eq!(agent.core.waiting_count(), 0);
}

#[test]
fn the_terminal_takes_as_many_messages_as_there_are() {
    let mut agent = Driven::new(every_change_is_told(config("")), Mode::default());
    let mut printed = 0;
    for number in 0..50 {
        let word = ContainerWord::new(if number % 2 == 0 { "exited" } else { "running" }, "running");
        agent.look(word, at(number * 400_000));
        while let Some(place) = agent.effects.iter().position(|effect| matches!(effect, Effect::Print { .. })) {
            let Effect::Print { ticket: Some(ticket), .. } = agent.effects.remove(place) else { panic!() };
            printed += 1;
            agent.step(Input::Printed { ticket, printed: Ok(()) }, at(number * 400_000));
        }
    }
    assert_eq!((printed, agent.core.waiting_count()), (50, 0));
}

#[test]
fn a_message_for_the_terminal_is_split_for_the_robot_that_takes_its_place() {
    let mut agent = Driven::new(config(""), Mode { is_service: true, ..Mode::default() });
    let mut snapshot = Snapshot::default();
    for number in 0..300 {
        let word = ContainerWord::new("exited", "running");
        snapshot.push(metric::CONTAINER_STATE, format!("container-number-{number}"), Value::from(word));
    }
    agent.step(Input::Looked { snapshot, scope: Scope::Everything }, at(0));
    agent.reload(config(KEY), at(1000));
    let mut told = String::new();
    let mut now = 1000;
    while let Some((ticket, content, _)) = agent.post() {
        assert!(content.len() <= 4096, "{} bytes", content.len());
        told.push_str(&content);
        now += 4000;
        agent.answered(ticket, 0, at(now)).step(Input::Time, at(now));
    }
    let all = (0..300).all(|number| told.contains(&format!("container-number-{number}")));
    assert!(all && agent.core.waiting_count() == 0);
}

#[test]
fn a_reload_that_measures_the_same_does_not_begin_a_check_anew() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    assert_eq!((agent.count(|effect| matches!(effect, Effect::Watch { .. })), agent.measurements()), (1, 1));
    for second in 1..4 {
        agent.reload(config(KEY), at(second * 1000));
    }
    assert_eq!((agent.count(|effect| matches!(effect, Effect::Watch { .. })), agent.measurements()), (0, 0));
    // The look ends, and the one that was asked for meanwhile follows.
    agent.check(10.0, at(5000));
    assert_eq!((agent.core.checks.count, agent.measurements()), (1, 1));

    agent.reload(config_with(KEY, "{enabled: false}"), at(6000));
    assert_eq!((agent.count(|effect| matches!(effect, Effect::Watch { .. })), agent.measurements()), (1, 1));
}

#[test]
fn a_reload_that_changes_a_limit_alone_lets_a_check_end_and_judges_it_by_the_new_one() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    assert_eq!((agent.count(|effect| matches!(effect, Effect::Watch { .. })), agent.measurements()), (1, 1));
    agent.reload(config_with(KEY, "{threshold: 95}"), at(1000));
    assert_eq!((agent.count(|effect| matches!(effect, Effect::Watch { .. })), agent.measurements()), (0, 0));
    assert!(agent.check(90.0, at(2000)).post().is_none());
    agent.reload(config_with(KEY, "{threshold: 85}"), at(3000));
    assert!(agent.check(90.0, at(4000)).post().is_some());
}

#[test]
fn a_stop_waits_for_an_answer_and_a_save_and_never_for_a_second() {
    let ended = |agent: &mut Driven| agent.count(|effect| matches!(effect, Effect::End(End::Stopped))) == 1;
    let mut idle = Driven::new(config(KEY), Mode::default());
    assert!(ended(idle.step(Input::Stop, at(0))));

    let mut agent = Driven::new(config(KEY), Mode::default());
    let (ticket, ..) = agent.check(90.0, at(0)).post().unwrap();
    agent.disk_is_slow = true;
    assert!(!ended(agent.step(Input::Stop, at(100))));
    assert!(!ended(agent.answered(ticket, 0, at(200))));
    let mut hanging = agent.core.next_due(at(300)).unwrap();
    assert!(hanging <= at(1100).boot);
    hanging = hanging.max(at(300).boot);
    let millis = i64::try_from((hanging - at(0).boot).as_millis()).unwrap();
    assert!(ended(agent.step(Input::Time, at(millis))));
}

#[test]
fn an_empty_configuration_is_not_taken_over_while_there_is_a_channel() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.check(90.0, at(0));
    let before = agent.core.waiting_count();
    for seconds in [100, 200] {
        agent.step(Input::Reloaded { config: Box::new(config("")), is_empty: true }, at(seconds));
    }
    assert_eq!(agent.core.config.channels, config(KEY).channels);
    assert!(agent.core.config_problem.is_some());
    // The group is told, once.
    assert_eq!(agent.core.waiting_count(), before + 1);
}

#[test]
fn an_alert_that_is_over_without_a_message_is_over_in_a_digest() {
    let mut muted = config(KEY);
    muted.policy.send_recovery = false;
    let mut agent = Driven::new(muted, Mode::default());
    let (ticket, ..) = agent.check(90.0, at(0)).post().unwrap();
    agent.step(Input::Posted { ticket, answer: Ok(http::Response::new(502, "")) }, at(100)).check(20.0, at(60_000));
    let outboxes = agent.core.state.get().outboxes.values();
    let waiting: Vec<_> = outboxes.flat_map(|outbox| outbox.waiting()).map(|entry| entry.message.clone()).collect();
    let [page] = message::digest(waiting, &agent.core.config.style, at(70_000).wall).try_into().unwrap();
    assert!(page.lines[1].plain().starts_with("🟢 ") && page.lines[1].plain().contains("(1 分钟)"), "{page:?}");
}

#[test]
fn an_alert_whose_recovery_went_before_it_is_over_in_a_digest() {
    let mut agent = Driven::new(every_change_is_told(config(KEY)), Mode::default());
    agent.check(90.0, at(0));
    // The robot takes the alert never: after five refusals the recovery goes first.
    for minute in 0..5 {
        let (ticket, ..) = agent.step(Input::Time, at(minute * 60_000)).post().unwrap();
        agent.answered(ticket, 7, at(minute * 60_000));
    }
    let (ticket, content, _) = agent.check(20.0, at(300_000)).post().unwrap();
    assert!(content.contains("已恢复正常"), "{content}");
    agent.answered(ticket, 0, at(301_000));
    let outboxes = agent.core.state.get().outboxes.values();
    let waiting: Vec<_> = outboxes.flat_map(|outbox| outbox.waiting()).map(|entry| entry.message.clone()).collect();
    let [page] = message::digest(waiting, &agent.core.config.style, at(400_000).wall).try_into().unwrap();
    assert!(page.lines[1].plain().starts_with("🟢 "), "{page:?}");
}
