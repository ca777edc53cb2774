//! Messages that could not be delivered: nothing is lost, nothing is sent twice, and the robot is left alone when it
//! asks for that.

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use super::MEMORY_ALERT;
use crate::support::agent::{Agent, Place, quick};
use crate::support::robot::{Answer, Robot, refusing_url};
use crate::support::wait_until;

fn kill(agent: Agent) {
    agent.signal(Signal::SIGKILL);
    assert_eq!(agent.finish().code, 128 + Signal::SIGKILL as i32);
}

#[test]
fn a_message_outlives_sigkill_and_is_delivered_once() {
    let place = Place::configured("small-vps", &quick(&refusing_url()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("not delivered, it is tried again");
    kill(agent);

    let robot = Robot::start([]);
    place.configure(&quick(&robot.url()));
    let agent = place.start(&["run"]);
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    agent.wait_for_log("delivered kind=alert");
    wait_until("the delivery is saved", || place.status()["pending"].as_array().is_some_and(Vec::is_empty));
    kill(agent);
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    agent.stop(Signal::SIGTERM);
    assert_eq!(robot.received().len(), 1);
}

#[test]
fn a_message_that_was_on_its_way_at_sigkill_is_sent_again() {
    let robot = Robot::start([Answer::Hang]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    robot.wait_for(1);
    kill(agent);
    let agent = place.start(&["run"]);
    let received = robot.wait_for(2);
    assert_eq!(received[0].content(), received[1].content());
    agent.wait_for_log("delivered kind=alert");
}

#[test]
fn a_rate_limit_is_honoured_and_outlives_a_restart() {
    let robot = Robot::start([Answer::Errcode(45009)]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("errcode 45009");
    let held_until = |status: &Json| -> jiff::Timestamp {
        let pending = &status["pending"][0];
        assert!(pending["last_error"].as_str().is_some_and(|error| error.contains("45009")), "{status:#}");
        assert_eq!(pending["attempts"], 0, "the rate limit is not the message's fault");
        pending["next_attempt"].as_str().unwrap().parse().unwrap()
    };
    let before = held_until(&place.status());
    let now = jiff::Timestamp::now();
    assert!(before > now && before.duration_since(now).as_secs() <= 60, "{before}");
    kill(agent);

    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    let after = held_until(&place.status());
    // The two are printed in whole seconds.
    assert!(after.duration_since(before).as_secs().abs() <= 1, "{before}, {after} after the restart");
    // A reload does not lift it either.
    agent.signal(Signal::SIGHUP);
    agent.wait_for_checks(2);
    held_until(&place.status());
    agent.stop(Signal::SIGTERM);
    assert_eq!(robot.received().len(), 1);
}

#[test]
fn quick_retries_deliver_what_a_short_fault_kept_back() {
    let robot = Robot::start([Answer::Reset, Answer::Http(500, "")]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    let received = robot.wait_for(3);
    assert!(received.iter().all(|request| request.content() == received[0].content()));
    agent.wait_for_log("delivered kind=alert attempts=3");
}

#[test]
fn one_of_several_channels_is_named_in_the_log_and_in_the_status() {
    let (day, night) = (Robot::start([]), Robot::start([Answer::Errcode(40058)]));
    let more = format!("channels: [{{wechat: {{webhook_url: '{}'}}, name: night}}]\n", night.url());
    let place = Place::configured("small-vps", &(quick(&day.url()) + &more));
    let agent = place.start(&["run"]);
    agent.wait_for_log("refused for good channel=night: errcode 40058");
    let status = place.status();
    assert_eq!(status["set_aside"][0]["channel"], "night", "{status}");
    let channels = status["channel"].as_str().unwrap();
    assert!(channels.starts_with("WeChat Work robot") && channels.contains(", night (WeChat Work robot"), "{status}");
    agent.wait_for_log(&format!("channel=\"{channels}\""));
}

#[test]
fn a_message_that_is_refused_for_good_does_not_hold_up_the_next() {
    let robot = Robot::start([Answer::Errcode(40058)]);
    let place = Place::configured("small-vps", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    robot.wait_for(1);
    agent.wait_for_log("refused for good: errcode 40058");
    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    let recovery = robot.wait_for(2)[1].content();
    let set_aside = "\n📭 此前有 1 条消息被拒收，已搁置，详见日志\n⏰ 时间: ";
    assert!(recovery.starts_with(&super::MEMORY_RECOVERY.replace("\n⏰ 时间: ", set_aside)), "{recovery}");
    agent.wait_for_log("delivered kind=recovery");
    let status = place.status();
    assert!(status["set_aside"][0]["reason"].as_str().unwrap().starts_with("errcode 40058"), "{status}");
}
