//! A real Alertmanager with a webhook receiver: fire, re-post, silence, resolve, and the end of an agent that died.

use std::fs;
use std::process::Command;

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::Value as Json;

use crate::support::agent::{Place, finish, quick};
use crate::support::peer::{Peer, program};
use crate::support::robot::{Received, Robot};
use crate::support::wait_until;

fn start(webhook: &Robot) -> Option<Peer> {
    Peer::start("prometheus-alertmanager", "/-/ready", |port, folder| {
        let config = folder.join("alertmanager.yml");
        let text = format!(
            "route: {{receiver: team, group_by: [instance], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\n\
             receivers: [{{name: team, webhook_configs: [{{url: 'http://{}/hook'}}]}}]\n",
            webhook.address()
        );
        fs::write(&config, text).unwrap();
        vec![
            format!("--config.file={}", config.display()),
            format!("--storage.path={}", folder.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--cluster.listen-address=".to_owned(),
        ]
    })
}

fn configure(place: &Place, urls: &[String]) {
    place.configure(&format!("{}alertmanager: {{urls: {urls:?}}}\n", quick("")));
}

fn alerts(received: &[Received]) -> Vec<Json> {
    let body = |received: &Received| serde_json::from_str::<Json>(&received.body).unwrap();
    received.iter().flat_map(|received| body(received)["alerts"].as_array().unwrap().clone()).collect()
}

fn known(alertmanager: &Peer) -> Vec<Json> {
    serde_json::from_str(&alertmanager.get("/api/v2/alerts")).unwrap()
}

fn time(alert: &Json, key: &str) -> Timestamp {
    alert[key].as_str().unwrap().parse().unwrap()
}

#[test]
fn an_alert_goes_through_a_real_alertmanager_to_its_receiver_and_so_does_its_end() {
    let webhook = Robot::start([]);
    let Some(alertmanager) = start(&webhook) else { return };
    let place = Place::on("no-swap");
    // One of two is down: the other one gets everything.
    configure(&place, &["http://127.0.0.1:1".to_owned(), alertmanager.url("/")]);
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    let [alert] = &alerts(&webhook.wait_for(1))[..] else { panic!("{:?}", webhook.received()) };
    assert_eq!(alert["status"], "firing");
    let labels = serde_json::json!({"alertname": "VpsMemory", "instance": "web-1", "job": "vps-monitor",
        "metric": "memory", "severity": "warning"});
    assert_eq!(alert["labels"], labels);
    assert_eq!(alert["annotations"]["summary"], "内存使用率: 80.4% (阈值: 80%)");

    // If the agent dies, this is when it is over by itself.
    let [alert] = &known(&alertmanager)[..] else { panic!("one alert") };
    let ahead = time(alert, "endsAt").duration_since(time(alert, "updatedAt")).as_secs_f64();
    assert!((230.0..=241.0).contains(&ahead), "{ahead} s");

    let amtool = program("amtool").expect("it is in Alertmanager's package");
    let url = format!("--alertmanager.url={}", alertmanager.url(""));
    let silence = ["silence", "add", "--author=test", "--comment=test", "alertname=VpsMemory"];
    let silenced = finish(Command::new(&amtool).arg(&url).args(silence));
    assert_eq!(silenced.code, 0, "{silenced:?}");
    wait_until("it is silenced", || known(&alertmanager)[0]["status"]["state"] == "suppressed");
    let expired = finish(Command::new(&amtool).arg(&url).args(["silence", "expire", silenced.stdout.trim()]));
    assert_eq!(expired.code, 0, "{expired:?}");

    place.become_host("no-swap");
    agent.signal(Signal::SIGUSR1);
    wait_until("its end is told", || alerts(&webhook.received()).iter().any(|alert| alert["status"] == "resolved"));
    let log = agent.stop(Signal::SIGTERM).stderr;
    assert_eq!(log.matches("alertmanager http://127.0.0.1:1: ").count(), 1, "{log}");
}

/// Where `ours` lacks a field of `theirs`, or has another kind of value there.
fn differences(theirs: &Json, ours: &Json, at: &str) -> Vec<String> {
    match (theirs, ours) {
        (Json::Object(theirs), Json::Object(ours)) => theirs
            .iter()
            .flat_map(|(name, value)| match ours.get(name) {
                Some(own) => differences(value, own, &format!("{at}.{name}")),
                None => vec![format!("{at}.{name} is missing")],
            })
            .collect(),
        (Json::Array(theirs), Json::Array(ours)) => {
            theirs.iter().zip(ours).flat_map(|(theirs, ours)| differences(theirs, ours, &format!("{at}[]"))).collect()
        }
        (Json::String(_), Json::String(_)) | (Json::Number(_), Json::Number(_)) => Vec::new(),
        (theirs, ours) => vec![format!("{at}: {theirs} and {ours}")],
    }
}

#[test]
fn a_webhook_with_its_preset_posts_what_a_real_alertmanager_posts() {
    let (theirs, ours) = (Robot::start([]), Robot::start([]));
    let Some(alertmanager) = start(&theirs) else { return };
    let place = Place::on("no-swap");
    let preset = format!("channels: [{{webhook: {{preset: alertmanager, url: 'http://{}/hook'}}}}]", ours.address());
    place.configure(&format!("{}alertmanager: {{urls: ['{}']}}\n{preset}\n", quick(""), alertmanager.url("/")));
    let agent = place.start(&["run"]);
    agent.wait_for_checks(1);
    place.become_host("small-vps");
    agent.signal(Signal::SIGUSR1);
    let body = |robot: &Robot| serde_json::from_str::<Json>(&robot.wait_for(1)[0].body).unwrap();
    let (theirs, ours) = (body(&theirs), body(&ours));
    assert_eq!(differences(&theirs, &ours, ""), Vec::<String>::new(), "{theirs}\n{ours}");
    for key in ["version", "status", "groupLabels", "commonLabels", "truncatedAlerts"] {
        assert_eq!(theirs[key], ours[key], "{key}");
    }
    let [theirs, ours] = [theirs, ours].map(|body| body["alerts"][0].clone());
    for key in ["status", "labels", "endsAt"] {
        assert_eq!(theirs[key], ours[key], "{key}");
    }
    agent.stop(Signal::SIGTERM);
}

#[test]
fn a_url_that_is_none_is_refused_with_the_form_of_one() {
    let place = Place::on("no-swap");
    configure(&place, &["alertmanager:9093".to_owned(), String::new()]);
    let refused = place.run(&["config", "check"]);
    assert_eq!(refused.code, 78, "{refused:?}");
    let said = refused.stdout + &refused.stderr;
    assert!(said.contains("alertmanager.urls[0]: is not an http or https URL"), "{said}");
    assert!(
        said.contains("alertmanager.urls[1]: is empty") && said.contains("such as http://alertmanager:9093"),
        "{said}"
    );
}
