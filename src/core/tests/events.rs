//! Things that happen once: told once, with others of their kind, held by quiet hours, and in the next report.

use super::*;
use crate::metric::Metric;
use crate::snapshot::{EventDetail, Key, Occurrence, Part};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

fn killed(unit: &str, millis: i64) -> Occurrence {
    let parts = vec![Part::own("上限 ", "limit "), Part::Bytes(64 << 20), Part::own(": ", ": "), Part::foreign("a\nb")];
    let key = Key::new(Metric::named("mishap"), unit);
    Occurrence { key, at: at(millis).wall, detail: EventDetail::new(parts) }
}

fn agent(quiet_hours: &str) -> Driven {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 3600, language: en}}\n\
         system: {{disk: {{enabled: false}}, cpu: {{enabled: false}}}}\nnetwork: {{traffic: {{enabled: false}}}}\n\
         scheduled_report: {{enabled: false}}\nquiet_hours: {quiet_hours}\n"
    );
    let config = Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value);
    Driven::new(config, Mode { is_service: true, ..Mode::default() })
}

impl Driven {
    fn happens(&mut self, occurrences: Vec<Occurrence>, now: Now) -> &mut Driven {
        self.step(Input::Happened(occurrences), now)
    }

    /// The messages in the outbox since the last call, as text.
    fn texts(&mut self) -> Vec<String> {
        let outboxes = std::mem::take(&mut self.core.state.change().outboxes);
        let entries = outboxes.values().flat_map(|outbox| outbox.waiting());
        entries.map(|entry| entry.message.text(&message::Escape::NONE)).collect()
    }
}

fn text(lines: &str, time: &str) -> String {
    format!("🔔 VPS Event [web-1]\n━━━━━━━━━━━━━━━━\n{lines}\n⏰ Time: 2026-02-02 {time}")
}

#[test]
fn one_is_told_at_once_more_within_a_minute_together_and_more_of_one_unit_within_ten_minutes_are_counted() {
    let mut agent = agent("[]");
    agent.happens(vec![killed("a", 0)], at(0));
    assert_eq!(agent.texts(), [text("mishap(a): limit 64MB: a b", "02:40:00")]);
    agent.happens(vec![killed("b", SECOND)], at(SECOND)).happens(vec![killed("c", 2 * SECOND)], at(2 * SECOND));
    agent.happens(vec![killed("a", 3 * SECOND)], at(3 * SECOND)).step(Input::Time, at(59 * SECOND));
    assert_eq!(agent.texts(), [""; 0]);
    assert_eq!(agent.core.next_due(at(59 * SECOND)), Some(at(MINUTE).boot));
    agent.step(Input::Time, at(MINUTE));
    let together = "mishap(b): limit 64MB: a b\nmishap(c): limit 64MB: a b";
    assert_eq!(agent.texts(), [text(together, "02:41:00")]);
    agent.happens(vec![killed("a", 5 * MINUTE)], at(5 * MINUTE)).step(Input::Time, at(10 * MINUTE - 1));
    assert_eq!(agent.texts(), [""; 0]);
    agent.step(Input::Time, at(10 * MINUTE));
    assert_eq!(agent.texts(), [text("mishap(a): limit 64MB: a b (2 times, 02:40–02:45)", "02:50:00")]);
    // Nothing is remembered for longer.
    agent.happens(vec![killed("d", HOUR)], at(HOUR));
    assert_eq!(agent.texts().len(), 1);
    assert!(!serde_json::to_string(&agent.core.state.get().events).unwrap().contains(r#""target":"a""#));
}

#[test]
fn one_that_waits_outlives_the_agent_and_is_told_once() {
    let mut first = agent("[]");
    first.happens(vec![killed("a", 0)], at(0)).happens(vec![killed("a", SECOND)], at(SECOND));
    first.texts();
    let mut next = first.restarted(first.core.config.clone(), at(2 * MINUTE));
    next.step(Input::Time, at(10 * MINUTE));
    let told: Vec<String> = next.texts();
    assert_eq!(told, [text("mishap(a): limit 64MB: a b (02:40)", "02:50:00")]);
    let mut last = next.restarted(next.core.config.clone(), at(11 * MINUTE));
    last.step(Input::Time, at(HOUR));
    assert_eq!(last.texts(), [""; 0]);
}

#[test]
fn it_is_saved_before_it_is_posted() {
    let mut agent = Driven::new(config(KEY), Mode::default());
    agent.disk_is_slow = true;
    agent.happens(vec![killed("a", 0)], at(0));
    assert!(agent.post().is_none());
    agent.disk_is_slow = false;
    agent.answer_saves(at(0));
    assert!(agent.post().is_some());
}

#[test]
fn quiet_hours_hold_it_and_a_critical_one_passes_as_they_say() {
    let mut agent = agent("[{from: '02:30', to: '05:00'}]");
    agent.happens(vec![killed("a", 0)], at(0)).happens(vec![killed("a", HOUR)], at(HOUR));
    assert_eq!(agent.texts(), [""; 0]);
    let mut critical = killed("b", 61 * MINUTE);
    critical.detail.is_critical = true;
    agent.happens(vec![critical], at(HOUR + MINUTE));
    let told = agent.texts();
    assert!(told.len() == 1 && told[0].starts_with("🚨 VPS Critical Event [web-1]\n"), "{told:?}");
    agent.check(10.0, at(140 * MINUTE));
    let told = agent.texts();
    assert_eq!(told.len(), 1);
    let line = "\n✉️ 2026-02-02 02:40:00: mishap(a): limit 64MB: a b (2 times, 02:40–03:40)\n";
    assert!(told[0].contains("Held") && told[0].contains(line), "{}", told[0]);
}

#[test]
fn a_single_check_tells_all_of_it_before_it_ends() {
    let mode = Mode { once: true, ..Mode::default() };
    let mut agent = Driven::new(config(KEY), mode);
    let mut snapshot = Snapshot { happened: vec![killed("a", 0), killed("a", 1)], ..Snapshot::default() };
    snapshot.push(metric::MEMORY, "", Value::Usage { percent: 1.0, used_bytes: 1, total_bytes: 2 });
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, at(0));
    let (_, text, _) = agent.post().expect("it is told");
    assert!(text.contains("(共 2 次)") || text.contains("\\(共 2 次\\)"), "{text}");
    assert_eq!(agent.core.state.get().events.due(), None);
}

#[test]
fn thousands_of_names_are_bounded_and_all_are_counted() {
    let mut agent = agent("[]");
    agent.happens(vec![killed("first", 0)], at(0));
    agent.texts();
    agent.happens((0..5000).map(|number| killed(&format!("unit-{number}"), SECOND)).collect(), at(SECOND));
    assert!(serde_json::to_string(&agent.core.state.get().events).unwrap().len() < 64 * 1024);
    agent.step(Input::Time, at(MINUTE));
    let told = agent.texts().remove(0);
    assert_eq!(told.matches("mishap(unit-").count(), 63);
    assert!(told.contains("\nmishap: limit 64MB: a b (4937 times)\n"), "{told}");
}

#[test]
fn the_next_report_tells_it_with_its_time() {
    let mut agent = agent("[]");
    agent.happens(vec![killed("a", 0), killed("a", SECOND), killed("b", SECOND)], at(SECOND));
    let happened = &agent.core.state.get().happened;
    let of = |unit: &str| happened.get(&killed(unit, 0).key).map(|past| (past.times, past.last));
    assert_eq!((of("a"), of("b")), (Some((2, Some(at(SECOND).wall))), Some((1, Some(at(SECOND).wall)))));
    agent.core.state.change().begin_anew_after_report();
    assert!(agent.core.state.get().happened.is_empty());
}
