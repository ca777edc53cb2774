//! Forecasts by the running agent: the message, a restart before it, `status`, and how often the state is saved for them.

use super::*;
use crate::metric::{DISK, DISK_FORECAST};

const HOUR: i64 = 3_600_000;

fn with_disks(keys: &str) -> Resolved {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC}}\nwechat: {{webhook_url: '{KEY}'}}\n\
         system: {{disk: {{threshold: 100{keys}}}}}\nscheduled_report: {{enabled: false}}\n"
    );
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

/// A check that finds so much of `/` in use.
fn check(agent: &mut Driven, percent: f64, now: Now) {
    let mut snapshot = Snapshot::default();
    snapshot.watch(DISK, "/");
    snapshot.watch(DISK_FORECAST, "/");
    snapshot.push(DISK, "/", Value::Usage { percent, used_bytes: 1, total_bytes: 2 });
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, now);
}

fn readings(agent: &Driven, now: Now) -> Vec<(String, Option<String>, serde_json::Value)> {
    let readings = agent.core.status(&LoopFacts::default(), now).readings.into_iter();
    readings.map(|reading| (reading.metric, reading.unit, reading.value)).collect()
}

#[test]
fn a_disk_that_fills_is_told_of_by_the_agent_that_goes_on_after_a_restart() {
    let mut agent = Driven::new(with_disks(""), Mode::default());
    for hour in 0..20 {
        check(&mut agent, 60.0 + hour as f64, at(hour * HOUR));
    }
    agent = agent.restarted(with_disks(""), at(20 * HOUR));
    for hour in 20..23 {
        check(&mut agent, 60.0 + hour as f64, at(hour * HOUR));
        assert!(agent.post().is_none());
    }
    check(&mut agent, 83.0, at(23 * HOUR));
    let (_, told, _) = agent.post().unwrap();
    assert!(told.contains("⏳ 磁盘预测(/): 约 17 小时后写满 (现 83.0%，近 24 小时 +23.0%)"), "{told}");
    let [_, (metric, unit, hours)] = &readings(&agent, at(23 * HOUR))[..] else { panic!("two readings") };
    assert_eq!((metric.as_str(), unit.as_deref(), hours.as_f64()), ("disk_forecast", Some("hours"), Some(17.0)));
}

#[test]
fn a_disk_that_holds_still_is_not_in_the_status_and_one_whose_forecast_is_off_has_none() {
    for keys in ["", ", forecast: 0"] {
        let mut agent = Driven::new(with_disks(keys), Mode::default());
        (0..30).for_each(|hour| check(&mut agent, 70.0, at(hour * HOUR)));
        assert_eq!(readings(&agent, at(30 * HOUR)).len(), 1);
        assert_eq!(agent.core.state.get().forecasts.is_empty(), !keys.is_empty());
    }
}

#[test]
fn the_hours_are_saved_once_an_hour_and_at_the_end() {
    let mut agent = Driven::new(with_disks(""), Mode::default());
    let begun = agent.core.state.revision();
    for quarter in 0..=24 {
        check(&mut agent, 50.0 + quarter as f64 / 10.0, at(quarter * HOUR / 4));
    }
    assert_eq!(agent.core.state.revision() - begun, 6);
    assert!(agent.core.state.is_saved());
    check(&mut agent, 60.0, at(24 * HOUR / 4 + 1));
    assert_eq!(agent.core.state.revision() - begun, 6);
    agent.step(Input::Stop, at(24 * HOUR / 4 + 2));
    assert_eq!(agent.core.state.revision() - begun, 7, "with the last quarters of an hour");
}
