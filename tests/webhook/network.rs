//! A robot whose name has addresses that lead nowhere: whatever the network does with these, the message arrives, once,
//! by the one that works.

use std::net::UdpSocket;
use std::time::Duration;

use super::{channel, post, worker};
use crate::support::network::isolated;
use crate::support::robot::{Answer, KEY, Robot};
use vps_monitor::http;
use vps_monitor::outbox::Outcome;

/// The robot is at this address.
const LIVE: &str = "10.9.9.9";
const LIVE_IS_HERE: &str = "ip addr add 10.9.9.9/32 dev lo";

/// Addresses of which the first is dead, the same one for all.
const DEAD_V6: &str = "fd00:dead::1";
const DEAD_V6_IS_HERE: &str = "ip -6 addr add fd00:dead::1/128 dev lo nodad";
const DEAD_V4: &str = "10.9.9.1";

fn url(robot: &Robot) -> String {
    format!("http://robot.test:{}/cgi-bin/webhook/send?key={KEY}", robot.address().port())
}

fn hosts(addresses: &[&str]) -> String {
    addresses.iter().map(|address| format!("{address} robot.test\n")).collect()
}

fn is_delivered(answer: &http::Answer) -> bool {
    channel("http://127.0.0.1/send?key=k").classify(answer) == Outcome::Delivered
}

/// The message arrives once in spite of `dead`, after the commands that make it dead.
fn arrives(what: &'static str, dead: &'static str, commands: &[&'static str]) {
    let commands = [&[LIVE_IS_HERE], commands].concat();
    isolated(&hosts(&[dead, LIVE]), &commands, move || {
        let robot = Robot::start_at(LIVE, []);
        let answer = post(&worker(), &url(&robot));
        assert!(is_delivered(&answer), "{what}: {answer:?}");
        assert_eq!(robot.received().len(), 1, "{what}");
    });
}

#[test]
fn a_route_that_leads_nowhere_is_no_obstacle() {
    for (kind, family, dead, network) in [
        ("blackhole", "-6", DEAD_V6, "fd00:dead::/64"),
        ("unreachable", "-6", DEAD_V6, "fd00:dead::/64"),
        ("prohibit", "-6", DEAD_V6, "fd00:dead::/64"),
        ("throw", "-6", DEAD_V6, "fd00:dead::/64"),
        ("blackhole", "-4", DEAD_V4, "10.9.9.0/29"),
        ("unreachable", "-4", DEAD_V4, "10.9.9.0/29"),
        ("prohibit", "-4", DEAD_V4, "10.9.9.0/29"),
        ("throw", "-4", DEAD_V4, "10.9.9.0/29"),
    ] {
        arrives(kind, dead, &[&*format!("ip {family} route add {kind} {network}").leak()]);
    }
}

#[test]
fn an_icmp_error_or_a_reset_from_one_address_is_no_obstacle() {
    let v6 =
        ["icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable", "icmp6-port-unreachable", "tcp-reset"];
    for with in v6 {
        let rule = format!("ip6tables -A OUTPUT -d {DEAD_V6} -p tcp -j REJECT --reject-with {with}");
        arrives(with, DEAD_V6, &[DEAD_V6_IS_HERE, &*rule.leak()]);
    }
    let v4 = [
        "icmp-net-unreachable",
        "icmp-host-unreachable",
        "icmp-proto-unreachable",
        "icmp-port-unreachable",
        "icmp-net-prohibited",
        "icmp-host-prohibited",
        "icmp-admin-prohibited",
        "tcp-reset",
    ];
    for with in v4 {
        let rule = format!("iptables -A OUTPUT -d {DEAD_V4} -p tcp -j REJECT --reject-with {with}");
        arrives(with, DEAD_V4, &[&*format!("ip addr add {DEAD_V4}/32 dev lo").leak(), &*rule.leak()]);
    }
}

#[test]
fn an_address_that_is_silent_costs_a_moment_and_not_the_time_of_the_robot() {
    let drop = format!("ip6tables -A OUTPUT -d {DEAD_V6} -p tcp -j DROP");
    let others = ["fd00:dead::2", "fd00:dead::3"]
        .map(|dead| format!("ip -6 addr add {dead}/128 dev lo nodad; ip6tables -A OUTPUT -d {dead} -p tcp -j DROP"));
    let hosts = hosts(&[DEAD_V6, "fd00:dead::2", "fd00:dead::3", LIVE]);
    let commands = [LIVE_IS_HERE, DEAD_V6_IS_HERE, &drop, &others[0], &others[1]];
    isolated(&hosts, &commands, || {
        // Tried one after another, with half of the remaining time for each, they would leave less than that.
        let robot = Robot::start_at(LIVE, [Answer::Late(Duration::from_millis(1500))]);
        let answer = post(&worker(), &url(&robot));
        assert!(is_delivered(&answer), "{answer:?}");
        assert_eq!(robot.received().len(), 1);
    });
}

#[test]
fn all_addresses_count_and_not_the_first_sixteen() {
    let network = "ip addr add 10.8.0.0/16 dev lo; ip route add local 10.8.0.0/16 dev lo || true";
    let dead: Vec<String> = (1..=40).map(|number| format!("10.8.0.{number}")).collect();
    let all: Vec<&str> = dead.iter().map(String::as_str).chain([LIVE]).collect();
    for rule in ["REJECT --reject-with tcp-reset", "DROP"] {
        let rule = format!("iptables -A OUTPUT -d 10.8.0.0/16 -p tcp -j {rule}");
        isolated(&hosts(&all), &[LIVE_IS_HERE, network, &rule], || {
            let robot = Robot::start_at(LIVE, []);
            let answer = post(&worker(), &url(&robot));
            assert!(is_delivered(&answer), "{answer:?}");
            assert_eq!(robot.received().len(), 1);
        });
    }
}

#[test]
fn what_is_dead_is_told_and_the_name_server_is_not_blamed() {
    let rules = [
        LIVE_IS_HERE,
        DEAD_V6_IS_HERE,
        "ip6tables -A OUTPUT -d fd00:dead::1 -p tcp -j DROP",
        "iptables -A OUTPUT -d 10.9.9.9 -p tcp -j REJECT --reject-with icmp-admin-prohibited",
    ];
    isolated(&hosts(&[DEAD_V6, LIVE]), &rules, || {
        let worker = worker().with_deadline(Duration::from_secs(2));
        let told = post(&worker, "http://robot.test:9/send?key=k").unwrap_err().to_string();
        assert!(told.starts_with("timed out while connecting to robot.test: 10.9.9.9: "), "{told}");
        assert!(told.ends_with("; 1 does not answer"), "{told}");
        assert!(!told.contains("resolv.conf"), "{told}");
    });
}

#[test]
fn a_name_server_that_does_not_answer_is_named() {
    isolated("", &[], || {
        let silent = UdpSocket::bind("127.0.0.1:53").unwrap();
        let worker = worker().with_deadline(Duration::from_secs(2));
        let told = post(&worker, "http://robot.test:9/send?key=k").unwrap_err().to_string();
        assert!(told.starts_with("timed out while looking up the name robot.test: does the name server"), "{told}");
        drop(silent);
    });
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing_is_tried_once_and_the_stage_is_named() {
    isolated(&hosts(&[LIVE, "10.9.9.8"]), &[LIVE_IS_HERE, "ip addr add 10.9.9.8/32 dev lo"], || {
        let robot = Robot::start_at("0.0.0.0", [Answer::Hang]);
        let worker = worker().with_deadline(Duration::from_secs(4));
        let told = post(&worker, &url(&robot)).unwrap_err().to_string();
        assert_eq!(told, "timed out: robot.test accepted the request but did not answer");
        assert_eq!(robot.received().len(), 1);
    });
}
