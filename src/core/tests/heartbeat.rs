//! The heartbeat: after a check whose state is saved, and by default only while messages get through.

use super::*;

fn config(require: &str) -> Resolved {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 60}}\nwechat: {{webhook_url: '{KEY}'}}\n\
         system: {{disk: {{enabled: false}}, cpu: {{enabled: false}}}}\nnetwork: {{traffic: {{enabled: false}}}}\n\
         scheduled_report: {{enabled: false}}\nhistory: {{enabled: false}}\nheartbeat: {{url: 'http://127.0.0.1:1/ping/abc', require: {require}}}\n"
    );
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

/// The heartbeats since the last call, each with its line.
fn beats(agent: &mut Driven) -> Vec<(Ticket, String)> {
    let mut beats = Vec::new();
    agent.effects.retain(|effect| match effect {
        Effect::Post { ticket, request } if request.url.expose().ends_with("/ping/abc") => {
            beats.push((*ticket, String::from_utf8(request.body.clone()).unwrap()));
            false
        }
        _ => true,
    });
    beats
}

fn taken(agent: &mut Driven, ticket: Ticket, now: Now) {
    agent.step(Input::Posted { ticket, answer: Ok(http::Response::new(200, "OK")) }, now);
}

#[test]
fn it_waits_for_the_save_of_its_check_and_a_save_that_fails_silences_it() {
    let mut agent = Driven::new(config("check"), Mode::default());
    agent.disk_is_slow = true;
    agent.check(90.0, at(0));
    assert_eq!(beats(&mut agent), []);
    agent.step(Input::Saved(Err("No space left on device".to_owned())), at(100));
    assert_eq!(beats(&mut agent), []);
    agent.step(Input::Time, at(6_000)).step(Input::Saved(Ok(())), at(6_100));
    let told = beats(&mut agent);
    assert_eq!(told.iter().map(|(_, line)| &**line).collect::<Vec<_>>(), ["web-1: 1 alert, 1 message waiting"]);
}

#[test]
fn messages_that_are_stuck_for_ten_minutes_silence_it_unless_only_checks_count() {
    for (require, in_trouble) in [("delivery", 0), ("check", 1)] {
        let mut agent = Driven::new(config(require), Mode::default());
        agent.check(90.0, at(0));
        let (message, ..) = agent.post().expect("a message");
        let [(first, _)] = beats(&mut agent)[..] else { panic!("a heartbeat") };
        taken(&mut agent, first, at(1000));
        agent.check(90.0, at(9 * 60_000));
        let [(second, _)] = beats(&mut agent)[..] else { panic!("another one") };
        taken(&mut agent, second, at(9 * 60_000 + 1000));
        agent.check(90.0, at(10 * 60_000));
        assert_eq!(beats(&mut agent).len(), in_trouble, "{require}");
        agent.answered(message, 0, at(11 * 60_000)).check(90.0, at(12 * 60_000));
        // One that is on its way is not followed by another.
        assert_eq!(beats(&mut agent).len(), 1 - in_trouble, "{require}");
    }
}

/// On purpose: its key is dead, and a fallback mends that as little as it hides it.
#[test]
fn a_channel_that_is_stuck_silences_it_while_its_fallback_delivers() {
    let mut config = config("delivery");
    let entry = format!("channels: [{{wechat: {{webhook_url: '{KEY}'}}, name: spare, fallback_for: wechat}}]\n");
    let spare = Resolved::new(
        &Config::parse("test", format!("wechat: {{webhook_url: '{KEY}'}}\n{entry}").as_bytes()).unwrap().value,
    );
    config.channels = spare.channels;
    let mut agent = Driven::new(config, Mode::default());
    agent.check(90.0, at(0));
    let [(ticket, _)] = beats(&mut agent)[..] else { panic!("a heartbeat") };
    taken(&mut agent, ticket, at(100));
    // The robot refuses everything.
    let (refused, ..) = agent.post().expect("a message");
    agent.answered(refused, 93000, at(200)).step(Input::Time, at(10 * 60_000));
    let (by_fallback, ..) = agent.post().expect("the fallback's");
    agent.answered(by_fallback, 0, at(10 * 60_000 + 100)).check(90.0, at(11 * 60_000));
    assert_eq!(beats(&mut agent), []);
}

/// Alertmanager or a dashboard decides who is told then, and a report that nobody is to get is no trouble.
#[test]
fn where_there_is_no_channel_no_message_is_stuck_and_it_goes_on() {
    let mut config = config("delivery");
    config.channels.clear();
    let mut agent = Driven::new(config, Mode { is_service: true, ..Mode::default() });
    for minutes in [0, 9, 11, 60] {
        agent.check(90.0, at(minutes * 60_000));
        let [(ticket, line)] = &beats(&mut agent)[..] else { panic!("a heartbeat after {minutes} minutes") };
        assert_eq!(line, "web-1: 1 alert, 0 messages waiting");
        taken(&mut agent, *ticket, at(minutes * 60_000 + 1000));
    }
}

#[test]
fn a_stop_is_logged_by_its_receiver_and_waits_half_a_second_for_that() {
    let stopped = |agent: &mut Driven| {
        let logged = |effect: &Effect| match effect {
            Effect::Post { ticket, request } if request.url.expose().ends_with("/ping/abc/log") => {
                Some((*ticket, String::from_utf8(request.body.clone()).unwrap()))
            }
            _ => None,
        };
        let logged: Vec<_> = agent.effects.iter().filter_map(logged).collect();
        (logged, agent.effects.iter().any(|effect| matches!(effect, Effect::End(End::Stopped))))
    };
    let checked = || {
        let mut agent = Driven::new(config("check"), Mode::default());
        agent.check(10.0, at(0));
        let [(ticket, _)] = beats(&mut agent)[..] else { panic!("a heartbeat") };
        (agent, ticket)
    };
    for is_answered in [true, false] {
        let (mut agent, ticket) = checked();
        taken(&mut agent, ticket, at(100));
        agent.step(Input::Stop, at(1000));
        let (logged, is_over) = stopped(&mut agent);
        let [(last_word, line)] = &logged[..] else { panic!("one line for the log") };
        assert_eq!((&**line, is_over), ("web-1: stopped", false));
        if is_answered {
            taken(&mut agent, *last_word, at(1100));
        } else {
            agent.step(Input::Time, at(1499));
            assert!(!stopped(&mut agent).1);
            agent.step(Input::Time, at(1500));
        }
        assert!(stopped(&mut agent).1);
    }
    // A receiver that does not take heartbeats holds no stop up.
    let (mut agent, ticket) = checked();
    agent.step(Input::Posted { ticket, answer: Ok(http::Response::new(404, "not found")) }, at(100));
    assert_eq!(stopped(agent.step(Input::Stop, at(1000))), (Vec::new(), true));
}

#[test]
fn it_comes_no_more_often_than_its_receiver_takes_it() {
    let mut agent = Driven::new(config("check"), Mode::default());
    agent.check(10.0, at(0));
    let [(ticket, _)] = beats(&mut agent)[..] else { panic!("a heartbeat") };
    taken(&mut agent, ticket, at(100));
    let counts = [1_000, 12_900, 13_000].map(|millis| beats(agent.check(10.0, at(millis))).len());
    assert_eq!(counts, [0, 0, 1]);
}

#[test]
fn status_has_the_error_of_a_hand_over_until_it_works_again_or_is_gone() {
    let mut agent = Driven::new(config("check"), Mode::default());
    let troubles = |agent: &Driven, now: Now| {
        let status = agent.core.status(&LoopFacts::default(), now);
        status.troubles.into_iter().map(|trouble| (trouble.subject, trouble.error)).collect::<Vec<_>>()
    };
    let fail = |agent: &mut Driven, millis: i64| {
        agent.check(10.0, at(millis));
        let [(ticket, _)] = beats(agent)[..] else { panic!("a heartbeat") };
        agent.step(Input::Posted { ticket, answer: Ok(http::Response::new(404, "not found")) }, at(millis + 100));
    };
    fail(&mut agent, 0);
    let [(subject, error)] = &troubles(&agent, at(200))[..] else { panic!("one trouble") };
    assert!(
        subject.starts_with("heartbeat ") && !subject.contains("abc") && error.contains("404"),
        "{subject}: {error}"
    );
    agent.check(10.0, at(60_000));
    let [(ticket, _)] = beats(&mut agent)[..] else { panic!("another") };
    taken(&mut agent, ticket, at(60_100));
    assert_eq!(troubles(&agent, at(60_200)), []);
    fail(&mut agent, 120_000);
    let without = Resolved { taps: Vec::new(), ..config("check") };
    agent.step(Input::Reloaded { config: Box::new(without), is_empty: false }, at(121_000));
    assert_eq!(troubles(&agent, at(121_100)), [], "it is not in the configuration any more");
}
