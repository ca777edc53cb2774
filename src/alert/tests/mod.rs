//! The state machine, a sentence a test. These tests have the pauses of version 0.1: reminders after the cooldown,
//! recoveries at once. The files beside this one test returns, reminders and levels, and properties over arbitrary
//! sequences of checks.

mod containers;
mod lasting;
mod properties;
mod saved;
mod waits;

use jiff::Timestamp;

use super::*;
use crate::metric::Limits;
use crate::metric::{self, Metric};
use crate::rule::Level;
use crate::snapshot::{Reading, Value, Watched};

/// The two keys that bring the behaviour of version 0.1 back.
fn as_before() -> Policy {
    let at_once = Steps::new([Duration::ZERO]);
    Policy { repeat: at_once.clone(), settle: at_once, ..Policy::default() }
}

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

/// A check's verdict on one target.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Check {
    Over,
    Under,
    Failed,
    Unwatched,
}
use Check::{Failed, Over, Under, Unwatched};

fn at(seconds: u32) -> Now {
    Now {
        wall: Timestamp::from_second(1_770_000_000 + i64::from(seconds)).unwrap(),
        boot: Boot::from_millis(i64::from(seconds) * 1000),
    }
}

fn finding(reading: &Reading, verdict: Verdict) -> Finding<'_> {
    const LIMITS: &Limits = &Limits::warning(LIMIT);
    Finding { reading, verdict, limits: LIMITS, wait: Duration::ZERO }
}

fn step(book: &mut Alerts, checks: &[(&str, Check)], now: Now, policy: &Policy) -> Vec<Transition> {
    let mut snapshot = Snapshot::default();
    let mut findings = Vec::new();
    for (target, check) in checks {
        match check {
            Over | Under => {
                snapshot.push(metric::DISK, *target, Value::Number(if *check == Over { 90.0 } else { 10.0 }))
            }
            // Even if its source says that it is one.
            Failed => snapshot.watched.push(Watched::One(Key::new(metric::DISK, *target))),
            Unwatched => {}
        }
    }
    for reading in &snapshot.readings {
        let verdict =
            if reading.value == Value::Number(90.0) { Verdict::Breach(Level::Warning) } else { Verdict::Clear };
        findings.push(finding(reading, verdict));
    }
    book.step(&findings, &snapshot, Extent::Check, now, policy)
}

/// One quantity of a host, and the looks at it.
struct Watch {
    book: Alerts,
    policy: Policy,
    metric: &'static Metric,
    critical: Option<f64>,
    wait: Duration,
}

/// Its limit.
const LIMIT: f64 = 80.0;

impl Watch {
    fn of(metric: &'static Metric) -> Watch {
        Watch { book: Alerts::default(), policy: Policy::default(), metric, critical: None, wait: Duration::ZERO }
    }

    /// Takes in a check that measured `number`, or could not measure.
    fn see(&mut self, second: u32, number: Option<f64>) -> Option<Transition> {
        self.see_rate(second, number, None)
    }

    /// The same of a rate, with its mean since the check before.
    fn see_rate(&mut self, second: u32, number: Option<f64>, mean: Option<f64>) -> Option<Transition> {
        let mut snapshot = Snapshot::default();
        match number {
            Some(number) => snapshot.push_rate(self.metric, number, mean),
            None => snapshot.watched.push(Watched::Every(self.metric)),
        }
        let limits = Limits { critical: self.critical, ..Limits::warning(LIMIT) };
        let judge = |reading| {
            let number = number.unwrap_or_default();
            let is_critical = self.critical.is_some_and(|critical| number >= critical);
            let level = if is_critical { Level::Critical } else { Level::Warning };
            let verdict = if number >= LIMIT { Verdict::Breach(level) } else { Verdict::Clear };
            Finding { reading, verdict, limits: &limits, wait: self.wait }
        };
        let findings: Vec<Finding<'_>> = snapshot.readings.iter().map(judge).collect();
        let mut transitions = self.book.step(&findings, &snapshot, Extent::Check, at(second), &self.policy);
        assert!(transitions.len() <= 1, "{transitions:?}");
        transitions.pop()
    }

    /// The news of looks at given seconds.
    fn news(&mut self, looks: &[(u32, f64)]) -> Vec<Option<News>> {
        looks.iter().map(|(second, number)| Some(self.see(*second, Some(*number))?.news)).collect()
    }

    /// The next time for a look, in seconds.
    fn due(&self, after: u32) -> Option<u32> {
        let due = self.book.due(self.metric.is_of_docker(), at(after).boot, &self.policy).min()?;
        Some(u32::try_from(due.as_micros() / 1_000_000).unwrap())
    }
}

/// Plays checks of one target at given seconds, and names the outcome of each.
fn play(policy: &Policy, script: &[(u32, Check)]) -> Vec<Option<News>> {
    let mut book = Alerts::default();
    script
        .iter()
        .map(|(second, check)| step(&mut book, &[("/", *check)], at(*second), policy).first().map(|t| t.news))
        .collect()
}

#[test]
fn the_first_check_that_finds_a_breach_fires() {
    assert_eq!(play(&as_before(), &[(0, Over)]), [Some(News::Fired)]);
    assert_eq!(play(&as_before(), &[(0, Under), (60, Over)]), [None, Some(News::Fired)]);
}

#[test]
fn a_firing_alert_is_told_again_by_the_first_check_after_the_cooldown() {
    assert_eq!(
        play(&as_before(), &[(0, Over), (299, Over), (300, Over), (500, Over), (601, Over)]),
        [Some(News::Fired), None, Some(News::Reminded), None, Some(News::Reminded)]
    );
}

#[test]
fn a_recovery_is_told_once() {
    assert_eq!(
        play(&as_before(), &[(0, Over), (60, Under), (120, Under)]),
        [Some(News::Fired), Some(News::Recovered), None]
    );
}

#[test]
fn a_firing_inside_the_cooldown_is_kept_back_and_told_if_it_lasts() {
    assert_eq!(
        play(&as_before(), &[(0, Over), (60, Under), (120, Over), (200, Over), (300, Over), (360, Under)]),
        [
            Some(News::Fired),
            Some(News::Recovered),
            Some(News::HeldBack),
            None,
            Some(News::Fired),
            Some(News::Recovered)
        ]
    );
}

#[test]
fn what_was_kept_back_and_recovered_is_told_neither_way() {
    assert_eq!(
        play(&as_before(), &[(0, Over), (60, Under), (120, Over), (180, Under), (400, Under), (420, Over)]),
        [
            Some(News::Fired),
            Some(News::Recovered),
            Some(News::HeldBack),
            Some(News::RecoveredUntold),
            None,
            Some(News::Fired)
        ]
    );
}

#[test]
fn without_a_cooldown_every_check_that_finds_a_breach_tells() {
    let policy = Policy { cooldown: Duration::ZERO, ..as_before() };
    assert_eq!(
        play(&policy, &[(0, Over), (1, Over), (2, Under), (3, Over)]),
        [Some(News::Fired), Some(News::Reminded), Some(News::Recovered), Some(News::Fired)]
    );
}

#[test]
fn recoveries_can_be_switched_off() {
    let policy = Policy { send_recovery: false, ..as_before() };
    assert_eq!(play(&policy, &[(0, Over), (60, Under)]), [Some(News::Fired), Some(News::RecoveredMuted)]);
}

#[test]
fn a_failed_collector_keeps_its_alert_firing() {
    assert_eq!(
        play(&as_before(), &[(0, Over), (60, Failed), (400, Failed), (460, Under)]),
        [Some(News::Fired), None, None, Some(News::Recovered)]
    );
    assert_eq!(play(&as_before(), &[(0, Failed), (60, Failed)]), [None, None]);
}

#[test]
fn a_target_that_is_not_watched_any_more_is_dropped_quietly() {
    assert_eq!(
        play(&as_before(), &[(0, Over), (60, Unwatched), (120, Unwatched), (400, Over)]),
        [Some(News::Fired), Some(News::Dropped), None, Some(News::Fired)]
    );
    assert!(!News::Dropped.is_firing_message() && !News::Dropped.is_recovery_message());
}

#[test]
fn a_target_that_comes_back_inside_its_cooldown_is_kept_back() {
    assert_eq!(
        play(&as_before(), &[(0, Over), (60, Unwatched), (120, Over), (300, Over)]),
        [Some(News::Fired), Some(News::Dropped), Some(News::HeldBack), Some(News::Fired)]
    );
}

#[test]
fn the_cooldown_belongs_to_one_target() {
    let mut book = Alerts::default();
    assert_eq!(step(&mut book, &[("/", Over), ("/data", Under)], at(0), &as_before()).len(), 1);
    let second = step(&mut book, &[("/", Over), ("/data", Over)], at(60), &as_before());
    assert_eq!(second.iter().map(|t| (&*t.key.target, t.news)).collect::<Vec<_>>(), [("/data", News::Fired)]);
}

#[test]
fn findings_about_some_targets_leave_the_others_alone() {
    let mut book = Alerts::default();
    let _ = step(&mut book, &[("/", Over), ("/data", Over)], at(0), &as_before());
    let reading = Reading::new(Key::new(metric::DISK, "/data"), Value::Number(10.0));
    let finding = finding(&reading, Verdict::Clear);
    let transitions = book.step(&[finding], &Snapshot::default(), Extent::Named, at(10), &as_before());
    assert_eq!(transitions.iter().map(|t| t.news).collect::<Vec<_>>(), [News::Recovered]);
    assert_eq!(book.active().iter().map(|alert| &*alert.key.target).collect::<Vec<_>>(), ["/"]);
}

#[test]
fn what_is_over_is_remembered_within_a_bound_the_newest_longest() {
    let mut book = Alerts::default();
    let targets: Vec<String> = (0..MAX_REMEMBERED + 100).map(|number| format!("/{number}")).collect();
    for (second, target) in targets.iter().enumerate() {
        let second = at(u32::try_from(second / 20).unwrap());
        let _ = step(&mut book, &[(target, Over)], second, &as_before());
        let _ = step(&mut book, &[(target, Under)], second, &as_before());
    }
    assert_eq!(book.alerts.len(), MAX_REMEMBERED);
    let last = Key::new(metric::DISK, targets.last().unwrap().as_str());
    assert!(book.alerts.contains_key(&last) && !book.alerts.contains_key(&Key::new(metric::DISK, "/0")));
}

#[test]
fn a_restart_of_the_machine_keeps_the_cooldown_running() {
    let mut book = Alerts::default();
    let _ = step(&mut book, &[("/", Over)], at(1000), &as_before());
    // 100 s later in all, on a clock that began anew 40 s ago.
    book.shift(-1_060_000_000);
    let restarted = |seconds: i64| Now { wall: at(1100).wall, boot: Boot::from_millis(seconds * 1000) };
    assert_eq!(step(&mut book, &[("/", Over)], restarted(40), &as_before()), []);
    assert_eq!(step(&mut book, &[("/", Over)], restarted(240), &as_before())[0].news, News::Reminded);
}
