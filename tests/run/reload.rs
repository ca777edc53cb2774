//! SIGHUP: all of a new configuration, or none of it.

use nix::sys::signal::Signal;

use super::MEMORY_ALERT;
use crate::support::agent::{Place, quick};
use crate::support::robot::{Answer, Robot, refusing_url};

fn with_threshold(url: &str, threshold: &str) -> String {
    quick(url).replace("threshold: 80", &format!("threshold: {threshold}"))
}

#[test]
fn a_new_threshold_is_in_force_at_once() {
    let robot = Robot::start([]);
    let place = Place::configured("small-vps", &with_threshold(&robot.url(), "90"));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    assert!(robot.received().is_empty());
    place.configure(&with_threshold(&robot.url(), "80"));
    agent.signal(Signal::SIGHUP);
    assert!(robot.wait_for(1)[0].content().starts_with(MEMORY_ALERT));
    agent.wait_for_log("reloaded");
}

#[test]
fn an_invalid_configuration_is_logged_once_with_its_place_and_the_old_one_stays() {
    let robot = Robot::start([]);
    let place = Place::configured("no-swap", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    place.configure(&with_threshold(&robot.url(), "30").replace("1h, alert_cooldown", "soon, alert_cooldown"));
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("not reloaded");
    // It checks at once all the same, by the old threshold: 40.2% would be over the new one.
    agent.wait_for_checks(2);
    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    // The first message is about the configuration: tests/run/status.rs.
    assert!(robot.wait_for(2)[1].content().starts_with(MEMORY_ALERT));
    let log = agent.stop(Signal::SIGTERM).stderr;
    let place_of_error = format!("{}:1:", place.config().display());
    assert_eq!(log.matches(&place_of_error).count(), 1, "{log}");
    assert!(log.contains(&format!("{place_of_error}59: error: general.check_interval")), "{log}");
}

#[test]
fn a_configuration_that_is_gone_changes_nothing() {
    let place = Place::configured("no-swap", &quick(""));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    std::fs::remove_file(place.config()).unwrap();
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("not reloaded");
    agent.wait_for_checks(2);
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}

/// An editor that empties the file before it writes it anew, a full disk, a slip of the hand.
#[test]
fn a_configuration_that_says_nothing_is_refused_while_a_channel_is_in_force_and_taken_by_a_restart() {
    let robot = Robot::start([]);
    let place = Place::configured("no-swap", &quick(&robot.url()));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    for (checks, nothing) in [(2, ""), (3, "# later\n"), (4, "general:\nwechat: {}\n")] {
        place.configure(nothing);
        agent.signal(Signal::SIGHUP);
        agent.wait_for_checks(checks);
    }
    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    // The group is told once of the file, however often it is read.
    let received = robot.wait_for(2);
    assert!(received[0].content().contains("the configuration is empty"), "{}", received[0].content());
    assert!(received[1].content().starts_with(MEMORY_ALERT));
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("not reloaded: the configuration is empty").count(), 3, "{log}");
    let agent = place.start(&["run"]);
    agent.wait_for_log("started ");
    assert!(agent.stop(Signal::SIGTERM).stderr.contains("channel=\"terminal\""));
}

#[test]
fn a_standard_configuration_that_comes_after_the_start_is_found_by_a_reload() {
    let place = Place::on("no-swap");
    let own_etc = "mkdir -p \"$PLACE/etc\" && mount --bind \"$PLACE/etc\" /etc";
    if !place.can(own_etc) {
        return;
    }
    let agent = place.start_after(own_etc, &["run"]);
    agent.wait_for_log("started ");
    let folder = place.path("etc/vps-monitor");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config.yaml"), quick("")).unwrap();
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("reloaded channel=\"terminal\" interval=3600s");
}

#[test]
fn a_corrected_webhook_delivers_what_waited_for_it() {
    let old = Robot::start([Answer::Errcode(93000)]);
    let new = Robot::start([]);
    for wrong in [old.url(), refusing_url()] {
        let place = Place::configured("small-vps", &quick(&wrong));
        let agent = place.start(&["run"]);
        agent.wait_for_log(" ERROR ");
        place.configure(&quick(&new.url()));
        let delivered = new.received().len();
        agent.signal(Signal::SIGHUP);
        assert!(new.wait_for(delivered + 1)[delivered].content().starts_with(MEMORY_ALERT));
        agent.wait_for_log("delivered kind=alert");
    }
    assert_eq!(old.received().len(), 1);
}
