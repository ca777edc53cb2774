//! The sign of life: after each check, for fakes of healthchecks and Uptime Kuma.

use nix::sys::signal::Signal;

use crate::support::agent::{Place, quick};
use crate::support::robot::{Answer, KEY, Robot};

const KUMA_OK: Answer = Answer::Http(200, r#"{"ok":true}"#);

fn configure(place: &Place, url: &str) {
    place.configure(&format!("{}heartbeat: {{url: \"{url}\"}}\n", quick("")));
}

/// The robot as a service that is known by this path.
fn at(robot: &Robot, path: &str) -> String {
    format!("http://{}/{path}/{KEY}", robot.address())
}

#[test]
fn each_service_is_posted_to_in_its_own_way_by_one_check_alone_too() {
    let robot = Robot::start([Answer::Http(200, "OK"), KUMA_OK, Answer::Http(204, "")]);
    let place = Place::on("no-swap");
    for path in ["ping", "api/push", "elsewhere"] {
        configure(&place, &at(&robot, path));
        let finished = place.run(&["run", "--once"]);
        assert_eq!(finished.code, 0, "{finished:?}");
        assert!(!finished.stderr.contains("heartbeat"), "{finished:?}");
    }
    let [healthchecks, kuma, other] = &robot.received()[..] else { panic!("{:?}", robot.received()) };
    let line = "web-1: 0 alerts, 0 messages waiting";
    for received in [healthchecks, other] {
        assert_eq!((&*received.method, &*received.body), ("POST", line));
        assert_eq!(received.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    assert_eq!((&*healthchecks.path, &*other.path), (&*format!("/ping/{KEY}"), &*format!("/elsewhere/{KEY}")));
    let query = "status=up&msg=web%2D1%3A%200%20alerts%2C%200%20messages%20waiting";
    assert_eq!(kuma.path, format!("/api/push/{KEY}?{query}"));
}

#[test]
fn an_answer_that_is_none_is_told_once_and_never_with_the_url() {
    let not_found = || Answer::Http(200, "OK (not found)");
    let robot = Robot::start([not_found(), not_found(), Answer::Http(200, "OK")]);
    let place = Place::on("no-swap");
    configure(&place, &at(&robot, "ping"));
    let agent = place.start(&["run"]);
    for count in 1..=3 {
        robot.wait_for(count);
        agent.signal(Signal::SIGHUP);
    }
    agent.wait_for_log("works again");
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("HTTP 200: OK (not found); is heartbeat.url").count(), 1, "{log}");
}

#[test]
fn a_url_that_is_none_is_refused_without_being_shown_and_a_masked_one_is() {
    let place = Place::on("no-swap");
    configure(&place, &format!("hc-ping.com/{KEY}"));
    let refused = place.run(&["config", "check"]);
    assert_eq!(refused.code, 78);
    assert!(
        refused.stdout.contains("heartbeat.url: is not an http or https URL")
            || refused.stderr.contains("heartbeat.url: is not an http or https URL"),
        "{refused:?}"
    );
    configure(&place, &format!("https://hc-ping.com/{KEY}"));
    let shown = place.run(&["config", "show"]);
    assert!(shown.stdout.contains("url: https://hc-ping.com/…7e6f"), "{shown:?}");
}
