//! Alerts in the state file.

use super::*;

#[test]
fn an_alert_in_any_phase_is_read_back_as_it_was_saved() {
    let mut watch = Watch { critical: Some(95.0), wait: Duration::from_secs(60), ..Watch::of(metric::CPU) };
    for (second, number) in [(0, 99.0), (30, 90.0), (60, 97.0), (70, 10.0), (100, 96.0), (5000, 97.0), (6000, 10.0)] {
        watch.see(second, Some(number));
        let json = serde_json::to_string(&watch.book).unwrap();
        assert_eq!(serde_json::from_str::<Alerts>(&json).unwrap(), watch.book, "{json}");
    }
}

fn of_version_1(fields: &str) -> Alert {
    let json = format!(
        r#"[{{"metric":"memory","target":"","since":"2026-02-04T07:30:00Z","value":{{"percent":85.2}},
            "limit":{{"threshold":80.0}},{fields}}}]"#
    );
    let book: Alerts = serde_json::from_str(&json).unwrap();
    book.alerts.values().next().unwrap().clone()
}

#[test]
fn of_version_1_the_value_is_taken_for_the_one_that_was_told() {
    let told = r#""last_told":{"wall":"2026-02-04T07:30:00Z","boot":5}"#;
    let firing = of_version_1(&format!(r#""firing":true,"told":true,{told}"#));
    let Phase::Firing(state) = &firing.phase else { panic!("{firing:?}") };
    assert_eq!((state.told_value, state.reminders, firing.returns), (Some(85.2), 0, 0));
    assert_eq!(firing.since().to_string(), "2026-02-04T07:30:00Z");

    let over = of_version_1(&format!(r#""firing":false,"told":true,{told}"#));
    assert!(over.is_clear() && over.last_told.is_some());
}

#[test]
fn an_alert_of_version_1_that_was_kept_back_is_told_when_its_cooldown_is_over() {
    let alert = of_version_1(
        r#""firing":true,"told":false,"last_told":{"wall":"2026-02-04T07:30:00Z","boot":5000000},"told_from":7"#,
    );
    assert_eq!(alert.state(), "pending");
    let policy = Policy::default();
    assert_eq!(alert.next_due(Boot::EARLIEST, &policy), Some(Boot::from_millis(305_000)));
}

#[test]
fn an_alert_that_was_told_at_no_time_is_not_taken_for_a_told_one() {
    assert_eq!(of_version_1(r#""firing":true,"told":true,"last_told":null"#).state(), "pending");
}
