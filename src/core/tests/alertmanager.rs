//! Alerts for Alertmanager: while they fire each minute with an end ahead, and after their end for a quarter of an hour.

use serde_json::Value as Json;

use super::*;

const URL: &str = "http://127.0.0.1:1/api/v2/alerts";

fn config(critical: &str, quiet: &str) -> Resolved {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 900, alert_cooldown: 300, alert_settle: 0}}\n\
         wechat: {{webhook_url: '{KEY}'}}\n\
         system: {{memory: {{threshold: 80{critical}}}, disk: {{enabled: false}}, cpu: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}}}\nscheduled_report: {{enabled: false}}\n\
         alertmanager: {{urls: ['http://127.0.0.1:1/']}}\n{quiet}"
    );
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

/// The alerts that were posted since the last call, each answered.
fn posted(agent: &mut Driven, now: Now) -> Vec<Json> {
    let mut alerts = Vec::new();
    let is_it = |effect: &Effect| matches!(effect, Effect::Post { request, .. } if request.url.expose() == URL);
    while let Some(place) = agent.effects.iter().position(is_it) {
        let Effect::Post { ticket, request } = agent.effects.remove(place) else { break };
        let body: Json = serde_json::from_slice(&request.body).unwrap();
        assert!(body.as_array().unwrap().len() <= 256);
        alerts.extend(body.as_array().unwrap().iter().cloned());
        agent.step(Input::Posted { ticket, answer: Ok(http::Response::new(200, "")) }, now);
    }
    alerts
}

/// How long after `now` an alert ends, in seconds.
fn ends_in(alert: &Json, now: Now) -> f64 {
    let ends: Timestamp = alert["endsAt"].as_str().unwrap().parse().unwrap();
    ends.duration_since(now.wall).as_secs_f64()
}

#[test]
fn an_alert_is_posted_each_minute_until_it_is_over_and_for_a_quarter_of_an_hour_more() {
    let mut agent = Driven::new(config("", ""), Mode::default());
    agent.check(50.0, at(0));
    assert_eq!(posted(&mut agent, at(0)), Vec::<Json>::new());
    agent.check(85.0, at(900_000));
    let fired = posted(&mut agent, at(900_000));
    let [alert] = &fired[..] else { panic!("{fired:?}") };
    let labels = serde_json::json!({"alertname": "VpsMemory", "instance": "web-1", "job": "vps-monitor",
        "metric": "memory", "severity": "warning"});
    let annotations =
        serde_json::json!({"summary": "内存使用率: 85.0% (阈值: 80%)", "value": "85.0", "threshold": "80"});
    assert_eq!((&alert["labels"], &alert["annotations"]), (&labels, &annotations));
    assert_eq!((alert["startsAt"].as_str(), ends_in(alert, at(900_000))), (Some("2026-02-02T02:55:00.000Z"), 240.0));

    for minute in 16..20 {
        let now = at(minute * 60_000);
        assert_eq!(agent.core.next_due(at(minute * 60_000 - 1)), Some(now.boot));
        agent.step(Input::Time, now);
        let again = posted(&mut agent, now);
        assert_eq!((again.len(), &again[0]["labels"], ends_in(&again[0], now)), (1, &labels, 240.0));
        assert_eq!(again[0]["startsAt"], alert["startsAt"]);
    }
    let over = at(20 * 60_000);
    agent.check(50.0, over);
    let ended = posted(&mut agent, over);
    assert_eq!((ended.len(), &ended[0]["labels"], ends_in(&ended[0], over)), (1, &labels, 0.0));
    let later: Vec<usize> = (21..40)
        .map(|minute| {
            let now = at(minute * 60_000);
            agent.step(Input::Time, now);
            let again = posted(&mut agent, now);
            assert!(again.iter().all(|alert| alert["endsAt"] == ended[0]["endsAt"]));
            again.len()
        })
        .collect();
    assert_eq!(later, [vec![1; 14], vec![0; 5]].concat());
}

#[test]
fn a_rise_to_critical_is_another_alert_and_the_warning_is_over() {
    let mut agent = Driven::new(config(", critical: 95", ""), Mode::default());
    agent.check(85.0, at(0));
    posted(&mut agent, at(0));
    agent.check(97.0, at(60_000));
    let mut severities: Vec<(String, bool)> = posted(&mut agent, at(60_000))
        .iter()
        .map(|alert| (alert["labels"]["severity"].as_str().unwrap().to_owned(), ends_in(alert, at(60_000)) > 0.0))
        .collect();
    severities.sort();
    assert_eq!(severities, [("critical".to_owned(), true), ("warning".to_owned(), false)]);
}

#[test]
fn quiet_hours_and_cooldown_keep_nothing_back_and_a_restart_goes_on() {
    let config = config("", "quiet_hours: [{from: '00:00', to: '23:59'}]\n");
    let mut agent = Driven::new(config.clone(), Mode::default());
    agent.check(85.0, at(0));
    assert_eq!((posted(&mut agent, at(0)).len(), agent.post().is_none()), (1, true));
    agent.check(50.0, at(60_000));
    posted(&mut agent, at(60_000));
    // Its cooldown runs, so no message is made.
    agent.check(85.0, at(120_000));
    let again = posted(&mut agent, at(120_000));
    assert!(again.iter().any(|alert| ends_in(alert, at(120_000)) == 240.0), "{again:?}");
    let mut agent = agent.restarted(config, at(180_000));
    agent.check(85.0, at(185_000));
    assert_eq!(posted(&mut agent, at(185_000)).len(), 1);
}

#[test]
fn many_are_posted_in_parts_one_after_another() {
    let mut agent = Driven::new(config("", ""), Mode::default());
    let names: Vec<String> = (0..600).map(|number| format!("job-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    agent.look_at(&names, &ContainerWord::new("exited", "running"), at(0));
    let under_way = agent
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Post { request, .. } if request.url.expose() == URL));
    assert_eq!(under_way.count(), 1);
    let alerts = posted(&mut agent, at(0));
    assert_eq!(alerts.len(), 600);
    assert_eq!(alerts[0]["annotations"]["summary"], "容器 job-0: 状态: exited (期望: running)");
}
