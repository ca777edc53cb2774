//! Quiet hours: the held news, the news that passes, and the one message at the end.

mod bounded;
mod properties;
mod silences;
mod unmeasured;

use super::*;
use crate::alert::Moment;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// The instant at `at(0)`, 2026-02-02T02:40Z, and quiet hours around the one that follows.
const QUIET: &str = "[{from: '03:00', to: '05:00'}]";
const BEGINS: i64 = 20 * MINUTE;
const ENDS: i64 = BEGINS + 2 * HOUR;

fn with(quiet_hours: &str, others: &str) -> Resolved {
    let text = format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 900, language: en}}\n\
         system: {{memory: {{critical: 95}}, disk: {{enabled: false}}, cpu: {{enabled: false}}}}\n\
         network: {{traffic: {{enabled: false}}}}\nhistory: {{enabled: false}}\nquiet_hours: {quiet_hours}\n{others}\n"
    );
    Resolved::new(&Config::parse("test", text.as_bytes()).unwrap().value)
}

fn quiet(quiet_hours: &str) -> Resolved {
    with(quiet_hours, "scheduled_report: {enabled: false}")
}

/// A service whose messages wait to be looked at.
fn agent(config: Resolved) -> Driven {
    Driven::new(config, Mode { is_service: true, ..Mode::default() })
}

impl Driven {
    /// The messages that were made since the last call, as text without rule and time lines.
    fn told(&mut self) -> Vec<String> {
        let text = |message: &message::Message| {
            let lines = message.lines.iter().map(|line| line.plain());
            std::iter::once(message.title.plain()).chain(lines).collect::<Vec<_>>().join("\n")
        };
        self.messages().iter().map(text).collect()
    }

    fn messages(&mut self) -> Vec<message::Message> {
        let outboxes = std::mem::take(&mut self.core.state.change().outboxes);
        outboxes.values().flat_map(|outbox| outbox.waiting()).map(|entry| entry.message.clone()).collect()
    }

    /// As a restart finds it in the file.
    fn reread(&self, config: Resolved, now: Now) -> Driven {
        let state = serde_json::to_vec(self.core.state.get()).unwrap();
        let state = serde_json::from_slice(&state).unwrap();
        let mode = Mode { is_service: true, ..Mode::default() };
        Driven::from(Loaded::State(Box::new(state)), config, mode, now)
    }

    fn memory(&self) -> &crate::alert::Alert {
        self.core.alerts().active().into_iter().find(|alert| alert.key.metric == metric::MEMORY).expect("it fires")
    }
}

/// The time on the wall clock alone, as somebody sets it.
fn set(now: Now, millis: i64) -> Now {
    Now { wall: at(millis).wall, ..now }
}

#[test]
fn what_fires_in_quiet_hours_is_told_at_their_end_in_one_message_with_what_came_and_went() {
    let mut agent = agent(quiet(QUIET));
    agent.check(50.0, at(BEGINS));
    agent.check(91.25, at(BEGINS + 10 * MINUTE));
    agent.look(ContainerWord::new("exited", "running"), at(BEGINS + 20 * MINUTE));
    agent.look(ContainerWord::new("running", "running"), at(BEGINS + 50 * MINUTE));
    agent.look_at(&["db"], &ContainerWord::new("exited", "running"), at(BEGINS + HOUR));
    agent.check(85.0, at(ENDS - 1));
    assert_eq!(agent.told(), [""; 0]);
    // It wakes up at the end, whatever the interval is, and measures once.
    agent.effects.clear();
    agent.core.checks.is_measuring = false;
    agent.core.checks.next = at(10 * HOUR).boot;
    assert_eq!(agent.core.next_due(at(ENDS - 1)), Some(at(ENDS).boot.shifted(1)));
    agent.step(Input::Time, at(ENDS));
    assert_eq!((agent.measurements(), agent.told()), (1, vec![]));
    agent.step(Input::Time, at(ENDS + 1));
    assert_eq!(agent.measurements(), 0);
    agent.check(85.0, at(ENDS + 5000));
    let told = "🔔 VPS Alerts Held Back [web-1]\n\
                📊 Memory usage: 85.0% (threshold: 80%)\n\
                ⏳ since 03:10, for 1 h 50 min, at most 91.2%\n\
                📦 Container: db\n\
                ❌ State: exited (expected: running)\n\
                ⏳ since 04:00, for 1 h\n\
                🟢 2026-02-02 03:20:00 → 2026-02-02 03:50:00 (30 min): 📦 Container: web ❌ State: exited (expected: running)";
    assert_eq!(agent.told(), [told]);
    assert!(agent.core.state.get().held.is_empty());
    assert_eq!(agent.memory().last_told, Some(Moment::from(at(ENDS + 5000))));
    assert_eq!(agent.check(85.0, at(ENDS + 10 * MINUTE)).told(), [""; 0]);
}

#[test]
fn where_nothing_happened_nothing_is_told_and_nothing_is_measured_for_it() {
    let mut agent = agent(quiet(QUIET));
    agent.check(50.0, at(0)).check(50.0, at(BEGINS + HOUR)).check(50.0, at(ENDS));
    assert_eq!((agent.told(), agent.core.hold_ends(at(ENDS - 1))), (vec![], None));
}

#[test]
fn a_recovery_of_what_was_told_before_is_told_at_the_end() {
    let mut agent = agent(quiet(QUIET));
    assert_eq!(agent.check(90.0, at(BEGINS - MINUTE)).told().len(), 1);
    agent.check(50.0, at(BEGINS + HOUR));
    assert_eq!((agent.told().len(), agent.core.alerts().active_count()), (0, 0));
    let told = "🔔 VPS Alerts Held Back [web-1]\n\
                🟢 2026-02-02 02:59:00 → 2026-02-02 04:00:00 (1 h 1 min): 📊 Memory usage: 90.0% (threshold: 80%)";
    assert_eq!(agent.check(50.0, at(ENDS)).told(), [told]);
    // With `send_recovery` off nobody waits for it.
    let mut muted = quiet(QUIET);
    muted.policy.send_recovery = false;
    let mut agent = self::agent(muted);
    agent.check(90.0, at(0)).told();
    assert_eq!(agent.check(50.0, at(BEGINS + HOUR)).check(50.0, at(ENDS)).told(), [""; 0]);
    // But for an alert that began and ended unheard.
    agent.check(90.0, at(BEGINS + HOUR)).check(50.0, at(ENDS - 1));
    assert_eq!(agent.check(50.0, at(ENDS)).told().len(), 1);
}

#[test]
fn what_is_critical_passes_with_its_end_and_all_else_waits() {
    let mut agent = agent(quiet(QUIET));
    agent.check(85.0, at(BEGINS));
    assert_eq!(agent.told(), [""; 0]);
    // Nobody knows of the 85 %: it is news, and not a rise.
    let told = agent.check(97.0, at(BEGINS + MINUTE)).told();
    assert_eq!(told, ["🚨 VPS Critical [web-1]\n📊 Memory usage: 97.0% (threshold: 95%)"]);
    assert!(agent.core.state.get().held.is_empty());
    // Below the critical limit it is no business of the night; its end is.
    agent.check(90.0, at(BEGINS + 80 * MINUTE));
    assert_eq!((agent.told().len(), agent.core.state.get().held.is_empty()), (0, false));
    let told = agent.check(50.0, at(BEGINS + 90 * MINUTE)).told();
    assert!(told.len() == 1 && told[0].starts_with("✅ VPS Recovery [web-1]\n"), "{told:?}");
    assert_eq!(agent.check(50.0, at(ENDS)).told(), [""; 0]);
}

#[test]
fn where_nothing_is_let_through_what_is_critical_waits_too_and_has_its_title() {
    let mut agent = agent(quiet("[{from: '03:00', to: '05:00', let_through: none}]"));
    agent.check(97.0, at(BEGINS));
    assert_eq!(agent.told(), [""; 0]);
    let told = agent.check(97.0, at(ENDS)).told();
    assert!(told.len() == 1 && told[0].starts_with("🚨 VPS Critical, Held Back [web-1]\n"), "{told:?}");
}

#[test]
fn a_reminder_that_is_due_in_quiet_hours_is_told_once_at_their_end_and_the_next_one_after_it() {
    let mut agent = agent(quiet(QUIET));
    assert_eq!(agent.check(90.0, at(0)).told().len(), 1);
    // The first one is due after an hour, the next ones after a day each.
    agent.check(92.0, at(HOUR)).check(90.0, at(2 * HOUR));
    assert_eq!(agent.told(), [""; 0]);
    let told = agent.check(90.0, at(ENDS)).told();
    let line = "🔔 VPS Alerts Held Back [web-1]\n📊 Memory usage: 90.0% (threshold: 80%)\n\
                ⏳ since 02:40, for 2 h 20 min, at most 92.0%";
    assert_eq!(told, [line]);
    let next = agent.memory().next_reminder(&agent.core.config.policy);
    assert_eq!(next, Some(at(ENDS + 24 * HOUR).boot));
    // An alert that began in them and is told for the first time is repeated after the first step.
    let mut agent = self::agent(quiet(QUIET));
    agent.check(90.0, at(BEGINS)).check(90.0, at(BEGINS + 90 * MINUTE)).check(90.0, at(ENDS)).told();
    let next = agent.memory().next_reminder(&agent.core.config.policy);
    assert_eq!(next, Some(at(ENDS + HOUR).boot));
    assert_eq!(agent.check(90.0, at(ENDS + HOUR)).told().len(), 1);
}

#[test]
fn what_came_back_often_is_one_line_and_what_settles_says_so() {
    let mut agent = agent(every_change_is_told(quiet(QUIET)));
    for round in 0..4 {
        agent.check(90.0, at(BEGINS + round * 20 * MINUTE)).check(50.0, at(BEGINS + (round * 20 + 10) * MINUTE));
    }
    let told = agent.check(50.0, at(ENDS)).told();
    let line = "🟢 2026-02-02 03:00:00 → 2026-02-02 04:10:00 (4 times): 📊 Memory usage: 90.0% (threshold: 80%)";
    assert_eq!(told[0].lines().skip(1).collect::<Vec<_>>(), [line]);
    let mut agent = self::agent(quiet(QUIET));
    for (percent, minutes) in [(90.0, 0), (50.0, 10), (91.0, 20), (60.0, 80)] {
        agent.check(percent, at(BEGINS + minutes * MINUTE));
    }
    let told = agent.check(60.0, at(ENDS)).told();
    let lines = [
        "📊 Memory usage: 60.0% (threshold: 80%)",
        "⏳ since 03:20, at most 91.0%, well since 04:20, called over after 1 h below",
        "🟢 2026-02-02 03:00:00 → 2026-02-02 03:10:00 (10 min): 📊 Memory usage: 90.0% (threshold: 80%)",
    ];
    assert_eq!(told[0].lines().skip(1).collect::<Vec<_>>(), lines);
    // Its all-clear is told when it is due.
    let told = agent.check(60.0, at(BEGINS + 3 * HOUR)).told();
    assert!(told.len() == 1 && told[0].starts_with("✅ VPS Recovery"), "{told:?}");
}

#[test]
fn what_came_and_went_shows_its_own_worst_value_and_limit() {
    let mut agent = agent(every_change_is_told(quiet("[{from: '03:00', to: '05:00', let_through: none}]")));
    // 92 % is no news of its own; it is the worst of the first episode all the same. The second one is critical.
    for (percent, minutes) in [(90.0, 0), (92.0, 10), (85.0, 20), (50.0, 30), (97.0, 40)] {
        agent.check(percent, at(BEGINS + minutes * MINUTE));
    }
    let mut again = agent.reread(every_change_is_told(quiet("[]")), at(BEGINS + 50 * MINUTE));
    let told = again.check(96.0, at(BEGINS + 50 * MINUTE)).told();
    let lines = [
        "🚨 VPS Critical, Held Back [web-1]",
        "📊 Memory usage: 96.0% (threshold: 95%)",
        "⏳ since 03:40, for 10 min, at most 97.0%",
        "🟢 2026-02-02 03:00:00 → 2026-02-02 03:30:00 (30 min): 📊 Memory usage: 92.0% (threshold: 80%)",
    ];
    assert_eq!(told[0].lines().collect::<Vec<_>>(), lines);
    // The other way round: the one that burns is no critical one.
    for (percent, minutes) in [(50.0, 60), (97.0, 70), (50.0, 80), (85.0, 90)] {
        agent.check(percent, at(BEGINS + minutes * MINUTE));
    }
    let told = agent.check(85.0, at(ENDS)).told();
    let lines: Vec<_> = told[0].lines().collect();
    assert_eq!(lines[0], "🔔 VPS Alerts Held Back [web-1]");
    assert!(
        lines[2].ends_with("at most 85.0%") && lines[3].ends_with("(3 times): 📊 Memory usage: 97.0% (threshold: 95%)")
    );
}

#[test]
fn what_was_told_as_critical_before_and_is_over_shows_its_critical_limit() {
    let mut agent = agent(quiet("[{from: '03:00', to: '05:00', let_through: none}]"));
    assert_eq!(agent.check(97.0, at(0)).told().len(), 1);
    let mut agent = agent.reread(quiet("[{from: '03:00', to: '05:00', let_through: none}]"), at(1));
    let told = agent.check(90.0, at(BEGINS)).check(50.0, at(BEGINS + HOUR)).check(50.0, at(ENDS)).told();
    let line = "🟢 2026-02-02 02:40:00 → 2026-02-02 04:00:00 (1 h 20 min): 📊 Memory usage: 97.0% (threshold: 95%)";
    assert_eq!(told, [format!("🔔 VPS Alerts Held Back [web-1]\n{line}")]);
}

/// A silence held both; the quiet hours in which it ends let the critical one through.
#[test]
fn of_one_alert_the_critical_that_came_and_went_passes_and_the_warning_that_burns_waits() {
    let mut agent = agent(every_change_is_told(quiet(QUIET)));
    let state = agent.core.state.change();
    state.silences.begin("memory".to_owned(), Duration::from_secs(40 * 60), None, at(BEGINS));
    for (percent, minutes) in [(97.0, 0), (50.0, 10), (85.0, 20)] {
        agent.check(percent, at(BEGINS + minutes * MINUTE));
    }
    let told = agent.check(86.0, at(BEGINS + 41 * MINUTE)).told();
    let line = "🟢 2026-02-02 03:00:00 → 2026-02-02 03:10:00 (10 min): 📊 Memory usage: 97.0% (threshold: 95%)";
    assert_eq!(told, [format!("🔔 VPS Alerts Held Back [web-1]\n{line}")]);
    let status = agent.core.status(&LoopFacts::default(), at(BEGINS + 42 * MINUTE));
    assert_eq!(status.alerts[0].held_until.as_deref(), Some("2026-02-02T05:00:00+00:00"));
    assert!(status.held.is_empty());
    let told = agent.check(85.0, at(ENDS)).told();
    assert!(told.len() == 1 && told[0].ends_with("⏳ since 03:20, for 1 h 40 min, at most 86.0%"), "{told:?}");
    assert!(agent.core.state.get().held.is_empty());
}

#[test]
fn a_for_a_grace_and_a_cooldown_keep_their_meaning() {
    let mut config = quiet(QUIET);
    let limits = crate::metric::Limits { lasts: Duration::from_secs(60), ..crate::metric::Limits::warning(80.0) };
    let rules: crate::rule::Rules = [crate::rule::Rule::for_every(metric::MEMORY, limits)].into_iter().collect();
    config.rules = rules.into();
    let mut agent = agent(config);
    // A spike that did not last is owed to nobody.
    agent.check(90.0, at(BEGINS)).check(50.0, at(BEGINS + 30_000));
    assert!(agent.core.state.get().held.is_empty());
    // One that lasts past the end is told when its `for` is over.
    agent.check(90.0, at(ENDS - 30_000));
    assert_eq!(agent.check(90.0, at(ENDS)).told(), [""; 0]);
    assert_eq!(agent.check(90.0, at(ENDS + 30_000)).told().len(), 1);
    // The cooldown runs from the message at the end.
    let mut agent = self::agent(every_change_is_told(quiet(QUIET)));
    agent.check(90.0, at(BEGINS)).check(90.0, at(ENDS)).told();
    agent.check(50.0, at(ENDS + MINUTE)).check(90.0, at(ENDS + 2 * MINUTE));
    assert_eq!(agent.told().len(), 1, "the recovery");
    assert_eq!(agent.check(90.0, at(ENDS + 5 * MINUTE)).told().len(), 1);
}

#[test]
fn reports_are_never_held_and_a_message_that_waits_goes_on_its_way() {
    let mut agent = agent(with(QUIET, "scheduled_report: {cron: '0 4 * * *'}"));
    agent.check(90.0, at(BEGINS + MINUTE));
    let due = BEGINS + HOUR;
    agent.step(Input::Time, at(due));
    agent.step(Input::Measured { purpose: Purpose::Report, snapshot: Snapshot::default() }, at(due + 10));
    let told = agent.told();
    assert!(told.len() == 1 && told[0].contains("Status Report") && told[0].contains("Memory: 90.0%"), "{told:?}");
    let mut config = quiet(QUIET);
    config.channels = super::config(KEY).channels;
    let mut agent = Driven::new(config, Mode::default());
    let (ticket, ..) = agent.check(90.0, at(BEGINS - 1000)).post().unwrap();
    agent.step(Input::Posted { ticket, answer: Ok(http::Response::new(502, "")) }, at(BEGINS));
    assert!(agent.step(Input::Time, at(BEGINS + MINUTE)).post().is_some());
}

#[test]
fn a_restart_or_a_reload_in_the_middle_loses_nothing_and_repeats_nothing() {
    let mut agent = agent(quiet(QUIET));
    agent.check(90.0, at(BEGINS)).look(ContainerWord::new("exited", "running"), at(BEGINS + 1));
    agent.look(ContainerWord::new("running", "running"), at(BEGINS + MINUTE));
    let mut agent = agent.reread(quiet(QUIET), at(BEGINS + HOUR));
    assert_eq!(agent.check(90.0, at(BEGINS + HOUR)).told(), [""; 0]);
    // It ran across the end.
    let mut late = agent.reread(quiet(QUIET), at(ENDS + HOUR));
    let told = late.check(90.0, at(ENDS + HOUR)).told();
    assert!(told.len() == 1 && told[0].contains("Memory usage: 90.0%") && told[0].contains("web"), "{told:?}");
    assert_eq!(late.check(90.0, at(ENDS + HOUR + MINUTE)).told(), [""; 0]);
    // A reload takes the quiet hours away: it is told with the check that follows.
    agent.reload(quiet("[]"), at(BEGINS + HOUR + MINUTE));
    let told = agent.check(90.0, at(BEGINS + HOUR + MINUTE)).told();
    assert!(told.len() == 1 && told[0].starts_with("🔔"), "{told:?}");
    // Another one brings them back, later.
    agent.reload(quiet("[{from: '03:00', to: '06:00'}]"), at(BEGINS + HOUR + 2 * MINUTE));
    assert_eq!(agent.check(50.0, at(ENDS)).told(), [""; 0]);
    assert_eq!(agent.check(50.0, at(ENDS + HOUR)).told().len(), 1);
}

#[test]
fn a_clock_that_is_set_makes_one_message_at_the_end_and_loses_nothing() {
    let mut agent = agent(quiet(QUIET));
    agent.check(90.0, at(BEGINS + MINUTE));
    // Back, before the quiet hours: they are over as far as anybody can say, and it is told.
    let back = set(at(BEGINS + 2 * MINUTE), 0);
    agent.core.checks.is_measuring = false;
    agent.effects.clear();
    agent.step(Input::ClockSet, back);
    assert_eq!(agent.measurements(), 1);
    assert_eq!(agent.check(90.0, back).told().len(), 1);
    // They come again, and there is nothing to be told at their end.
    let again = set(at(BEGINS + 30 * MINUTE), BEGINS + MINUTE);
    agent.step(Input::ClockSet, again);
    assert_eq!(agent.check(90.0, again).told(), [""; 0]);
    // Forth, over the end.
    agent.check(50.0, set(at(BEGINS + 40 * MINUTE), BEGINS + 11 * MINUTE));
    let forth = set(at(BEGINS + 41 * MINUTE), ENDS + HOUR);
    agent.step(Input::ClockSet, forth);
    assert_eq!(agent.check(50.0, forth).told().len(), 1);
    assert_eq!(agent.check(50.0, forth).told(), [""; 0]);
}

#[test]
fn one_check_from_cron_holds_and_the_next_one_after_the_end_tells() {
    let once = || Mode { once: true, is_service: true, ..Mode::default() };
    let mut first = Driven::new(quiet(QUIET), once());
    first.check(90.0, at(BEGINS));
    assert_eq!(first.count(|effect| matches!(effect, Effect::End(End::CheckedOnce { delivered: true }))), 1);
    let state = Loaded::State(Box::new(first.core.state.get().clone()));
    let mut second = Driven::from(state, quiet(QUIET), once(), at(ENDS + HOUR));
    assert_eq!(second.check(90.0, at(ENDS + HOUR)).told().len(), 1);
}

#[test]
fn what_is_not_watched_any_more_is_told_if_it_began_unheard() {
    let mut agent = agent(quiet(QUIET));
    agent.check(90.0, at(BEGINS));
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot: Snapshot::default() }, at(BEGINS + HOUR));
    agent.core.checks.is_measuring = true;
    agent.step(Input::Measured { purpose: Purpose::Check, snapshot: Snapshot::default() }, at(ENDS));
    let told = agent.told();
    assert!(told.len() == 1 && told[0].contains("🟢 2026-02-02 03:00:00 → 2026-02-02 04:00:00"), "{told:?}");
}

#[test]
fn status_tells_until_when_an_alert_is_held_and_never_that_it_was_told() {
    let mut agent = agent(quiet(QUIET));
    let status = agent.check(90.0, at(BEGINS + MINUTE)).core.status(&LoopFacts::default(), at(BEGINS + MINUTE));
    let [alert] = status.alerts.as_slice() else { panic!("{status:?}") };
    assert_eq!(alert.held_until.as_deref(), Some("2026-02-02T05:00:00+00:00"));
    assert_eq!((alert.last_told.as_deref(), alert.next_reminder.as_deref()), (None, None));
    assert_eq!(status.quiet_until.as_deref(), Some("2026-02-02T05:00:00+00:00"));
    // An end that is held.
    let status = agent.check(50.0, at(BEGINS + 2 * MINUTE)).core.status(&LoopFacts::default(), at(BEGINS + 2 * MINUTE));
    assert!(status.alerts.is_empty());
    let [held] = status.held.as_slice() else { panic!("{status:?}") };
    let times = (held.since.as_str(), held.ended.as_str(), held.held_until.as_deref());
    assert_eq!(times, ("2026-02-02T03:01:00+00:00", "2026-02-02T03:02:00+00:00", Some("2026-02-02T05:00:00+00:00")));
}
