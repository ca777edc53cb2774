//! The text of metrics, scraped by a real Prometheus and pushed to VictoriaMetrics and to a Pushgateway.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use super::metrics::{assert_clean, value};
use crate::support::agent::{Place, quick};
use crate::support::peer::{Peer, ask, free_port};
use crate::support::robot::{Answer, KEY, Robot};
use crate::support::wait_until;

fn configure(place: &Place, metrics: &str) {
    place.configure(&format!("{}metrics: {{{metrics}}}\n", quick("")));
}

/// The series that a query finds.
pub fn results(server: &Peer, query: &str) -> Vec<Json> {
    let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut answer: Json = serde_json::from_str(&server.get(&format!("/api/v1/query?query={query}"))).unwrap();
    serde_json::from_value(answer["data"]["result"].take()).unwrap()
}

/// The value of a query; `None`: no series.
fn query(server: &Peer, query: &str) -> Option<f64> {
    results(server, query).first()?["value"][1].as_str()?.parse().ok()
}

/// A Prometheus that scrapes the agents at these ports.
pub fn prometheus(ports: &[u16]) -> Option<Peer> {
    Peer::start("prometheus", "/-/ready", |own, folder| {
        let config = folder.join("prometheus.yml");
        let targets: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: vps-monitor, static_configs: [{{targets: {targets:?}}}]}}]\n"
        );
        fs::write(&config, text).unwrap();
        vec![
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{own}"),
        ]
    })
}

pub fn victoria_metrics() -> Option<Peer> {
    Peer::start("victoria-metrics", "/health", |port, folder| {
        vec![
            format!("-storageDataPath={}", folder.join("data").display()),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-memory.allowedBytes=200MB".to_owned(),
            "-search.latencyOffset=0s".to_owned(),
        ]
    })
}

#[test]
fn the_page_is_answered_from_the_last_check_and_gone_when_it_is_no_longer_wanted() {
    let place = Place::on("no-swap");
    let port = free_port();
    configure(&place, &format!("listen: {port}"));
    let agent = place.start(&["run"]);
    let get = |method: &str, path: &str| ask(port, method, path, "");
    wait_until("the page is there", || get("GET", "/metrics").is_some());
    let (status, text) = get("GET", "/metrics").unwrap();
    assert_eq!((status, value(&text, "vps_monitor_checks_total")), (200, Some(1.0)), "{text}");
    assert_clean(&text);
    assert_eq!(get("GET", "/metrics").unwrap().1, text, "nothing is measured for a scrape");
    assert_eq!(get("HEAD", "/metrics"), Some((200, String::new())));
    assert_eq!((get("GET", "/").unwrap().0, get("POST", "/metrics").unwrap().0), (404, 405));
    agent.signal(Signal::SIGUSR1);
    wait_until("the next check is shown", || {
        value(&get("GET", "/metrics").unwrap().1, "vps_monitor_checks_total") == Some(2.0)
    });
    configure(&place, "");
    agent.signal(Signal::SIGHUP);
    wait_until("nobody listens any more", || get("GET", "/metrics").is_none());
    assert_eq!(agent.stop(Signal::SIGTERM).code, 0);
}

#[test]
fn a_port_that_is_taken_is_told_once_and_had_as_soon_as_it_is_free() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::on("no-swap");
    configure(&place, &format!("listen: {}", taken.local_addr().unwrap().port()));
    let agent = place.start(&["run"]);
    agent.wait_for_log("another program listens there");
    for check in 2..4 {
        agent.signal(Signal::SIGUSR1);
        agent.wait_for_checks(check);
    }
    drop(taken);
    agent.signal(Signal::SIGUSR1);
    agent.wait_for_log("works again");
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("another program listens there").count(), 1, "{log}");
}

#[test]
fn a_real_prometheus_scrapes_it() {
    let place = Place::on("no-swap");
    let port = free_port();
    configure(&place, &format!("listen: {port}"));
    let agent = place.start(&["run"]);
    wait_until("the page is there", || ask(port, "GET", "/metrics", "").is_some());
    let Some(prometheus) = prometheus(&[port]) else { return };
    wait_until("it is scraped", || query(&prometheus, "vps_monitor_checks_total") == Some(1.0));
    assert_eq!(query(&prometheus, "up"), Some(1.0));
    let share = query(&prometheus, "vps_monitor_memory_used_ratio{job=\"vps-monitor\"}");
    assert!(share.is_some_and(|share| share > 0.0 && share < 1.0), "{share:?}");
    agent.stop(Signal::SIGTERM);
}

#[test]
fn victoria_metrics_takes_what_is_pushed_and_gives_it_back_under_the_hosts_name() {
    let Some(server) = victoria_metrics() else { return };
    let place = Place::on("no-swap");
    configure(&place, &format!("push: [{}]", server.url("/api/v1/import/prometheus")));
    let finished = place.run(&["run", "--once"]);
    assert_eq!((finished.code, finished.stderr.contains("metrics push")), (0, false), "{finished:?}");
    wait_until("it is there", || {
        query(&server, "vps_monitor_checks_total{instance=\"web-1\",job=\"vps-monitor\"}") == Some(1.0)
    });
    assert_eq!(value(&server.get("/metrics"), "vm_rows_invalid_total{type=\"prometheus\"}"), Some(0.0));
}

#[test]
fn a_pushgateway_has_the_last_check_of_each_host_in_a_group_of_its_own() {
    let gateway = Peer::start("prometheus-pushgateway", "/-/ready", |port, _| {
        vec![format!("--web.listen-address=127.0.0.1:{port}")]
    });
    let Some(gateway) = gateway else { return };
    let place = Place::on("small-vps");
    configure(&place, &format!("push: [{}]", gateway.url("/metrics/job/vps-monitor")));
    let of = |series: &str| value(&gateway.get("/metrics"), series);
    let ratio = "vps_monitor_swap_used_ratio{instance=\"web-1\",job=\"vps-monitor\"}";
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert!(of(ratio).is_some(), "{}", gateway.get("/metrics"));
    // A quantity that is no longer measured is gone: the group is replaced.
    place.become_host("no-swap");
    assert_eq!(place.run(&["run", "--once"]).code, 0);
    assert_eq!(
        (of(ratio), of("vps_monitor_swap_total_bytes{instance=\"web-1\",job=\"vps-monitor\"}")),
        (None, Some(0.0))
    );
}

#[test]
fn a_push_that_is_refused_is_told_once_without_the_url_and_holds_up_no_check() {
    let refusal = || Answer::Http(401, "no entry for /api/v1/import/prometheus/0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f");
    let robot = Robot::start([refusal(), refusal(), Answer::Http(204, "")]);
    let place = Place::on("no-swap");
    configure(&place, &format!("push: [\"http://{}/api/v1/import/prometheus/{KEY}\"]", robot.address()));
    let agent = place.start(&["run"]);
    for count in 1..=3 {
        robot.wait_for(count);
        agent.wait_for_checks(count);
        agent.signal(Signal::SIGUSR1);
    }
    agent.wait_for_log("works again");
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("correct the login in the URL").count(), 1, "{log}");
}

#[test]
fn a_url_or_a_port_that_is_none_is_refused_with_the_form_of_one() {
    let place = Place::on("no-swap");
    configure(&place, "push: [\"http://vm:8428\"], listen: 99999, textfile: node.prom");
    let refused = place.run(&["config", "check"]);
    let said = refused.stdout + &refused.stderr;
    for problem in [
        "metrics.push[0]: has not the path of anything that takes metrics",
        "/api/v1/import/prometheus (VictoriaMetrics, vmagent) or …/metrics/job/vps-monitor (Pushgateway)",
        "metrics.listen: is neither a port nor an address with one",
        "metrics.textfile: this is not an absolute path",
    ] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
    assert_eq!(refused.code, 78);
}
