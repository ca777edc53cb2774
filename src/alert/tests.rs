//! What the state machine must do, one sentence a test; then properties over arbitrary sequences of checks.

use proptest::prelude::*;

use super::*;
use crate::metric::{self, Metric};
use crate::rule::Level;
use crate::snapshot::{ContainerWord, Reading, Watched};

const BREACH: Verdict = Verdict::Breach(Level::Warning);

const POLICY: Policy = Policy { cooldown: Duration::from_secs(300), send_recovery: true };

/// What a check says of one target.
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

fn step(book: &mut AlertBook, checks: &[(&str, Check)], now: Now, policy: Policy) -> Vec<Transition> {
    let mut snapshot = Snapshot::default();
    let mut findings = Vec::new();
    for (target, check) in checks {
        match check {
            Over | Under => {
                snapshot.push(metric::DISK, *target, Value::Number(if *check == Over { 90.0 } else { 10.0 }))
            }
            // Whether its source says so or not.
            Failed => snapshot.watched.push(Watched::One(Key::new(metric::DISK, *target))),
            Unwatched => {}
        }
    }
    for reading in &snapshot.readings {
        let verdict = if reading.value == Value::Number(90.0) { BREACH } else { Verdict::Clear };
        findings.push(Finding { reading, limit: Some(Limit::Threshold(80.0)), verdict, wait: Duration::ZERO });
    }
    book.step(&findings, &snapshot, Extent::Check, now, policy)
}

/// Plays checks of one target at given seconds, and names what came of each.
fn play(policy: Policy, script: &[(u32, Check)]) -> Vec<Option<News>> {
    let mut book = AlertBook::default();
    script
        .iter()
        .map(|(second, check)| step(&mut book, &[("/", *check)], at(*second), policy).first().map(|t| t.news))
        .collect()
}

#[test]
fn the_first_check_that_finds_a_breach_fires() {
    assert_eq!(play(POLICY, &[(0, Over)]), [Some(News::Fired)]);
    assert_eq!(play(POLICY, &[(0, Under), (60, Over)]), [None, Some(News::Fired)]);
}

#[test]
fn a_firing_alert_is_told_again_by_the_first_check_after_the_cooldown() {
    assert_eq!(
        play(POLICY, &[(0, Over), (299, Over), (300, Over), (500, Over), (601, Over)]),
        [Some(News::Fired), None, Some(News::Reminded), None, Some(News::Reminded)]
    );
}

#[test]
fn a_recovery_is_told_once() {
    assert_eq!(play(POLICY, &[(0, Over), (60, Under), (120, Under)]), [Some(News::Fired), Some(News::Recovered), None]);
}

#[test]
fn a_firing_inside_the_cooldown_is_kept_back_and_told_if_it_lasts() {
    assert_eq!(
        play(POLICY, &[(0, Over), (60, Under), (120, Over), (200, Over), (300, Over), (360, Under)]),
        [
            Some(News::Fired),
            Some(News::Recovered),
            Some(News::HeldBack),
            None,
            Some(News::Reminded),
            Some(News::Recovered)
        ]
    );
}

#[test]
fn what_was_kept_back_and_recovered_is_told_neither_way() {
    assert_eq!(
        play(POLICY, &[(0, Over), (60, Under), (120, Over), (180, Under), (400, Under), (420, Over)]),
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
    let policy = Policy { cooldown: Duration::ZERO, ..POLICY };
    assert_eq!(
        play(policy, &[(0, Over), (1, Over), (2, Under), (3, Over)]),
        [Some(News::Fired), Some(News::Reminded), Some(News::Recovered), Some(News::Fired)]
    );
}

#[test]
fn recoveries_can_be_switched_off() {
    let policy = Policy { send_recovery: false, ..POLICY };
    assert_eq!(play(policy, &[(0, Over), (60, Under)]), [Some(News::Fired), Some(News::RecoveredMuted)]);
}

#[test]
fn a_failed_collector_keeps_its_alert_firing() {
    assert_eq!(
        play(POLICY, &[(0, Over), (60, Failed), (400, Failed), (460, Under)]),
        [Some(News::Fired), None, None, Some(News::Recovered)]
    );
    assert_eq!(play(POLICY, &[(0, Failed), (60, Failed)]), [None, None]);
}

#[test]
fn a_target_that_is_not_watched_any_more_is_dropped_quietly() {
    assert_eq!(
        play(POLICY, &[(0, Over), (60, Unwatched), (120, Unwatched), (400, Over)]),
        [Some(News::Fired), Some(News::Dropped), None, Some(News::Fired)]
    );
    assert!(!News::Dropped.is_firing_message() && !News::Dropped.is_recovery_message());
}

#[test]
fn a_target_that_comes_back_inside_its_cooldown_is_kept_back() {
    assert_eq!(
        play(POLICY, &[(0, Over), (60, Unwatched), (120, Over), (300, Over)]),
        [Some(News::Fired), Some(News::Dropped), Some(News::HeldBack), Some(News::Reminded)]
    );
}

#[test]
fn the_cooldown_belongs_to_one_target() {
    let mut book = AlertBook::default();
    assert_eq!(step(&mut book, &[("/", Over), ("/data", Under)], at(0), POLICY).len(), 1);
    let second = step(&mut book, &[("/", Over), ("/data", Over)], at(60), POLICY);
    assert_eq!(second.iter().map(|t| (&*t.key.target, t.news)).collect::<Vec<_>>(), [("/data", News::Fired)]);
}

#[test]
fn findings_about_some_targets_leave_the_others_alone() {
    let mut book = AlertBook::default();
    let _ = step(&mut book, &[("/", Over), ("/data", Over)], at(0), POLICY);
    let reading = Reading { key: Key::new(metric::DISK, "/data"), value: Value::Number(10.0), note: None };
    let finding = Finding {
        reading: &reading,
        limit: Some(Limit::Threshold(80.0)),
        verdict: Verdict::Clear,
        wait: Duration::ZERO,
    };
    let transitions = book.step(&[finding], &Snapshot::default(), Extent::Named, at(10), POLICY);
    assert_eq!(transitions.iter().map(|t| t.news).collect::<Vec<_>>(), [News::Recovered]);
    assert_eq!(book.firing().iter().map(|alert| &*alert.key.target).collect::<Vec<_>>(), ["/"]);
}

#[test]
fn a_quantity_that_a_state_file_names_is_known_again_as_soon_as_it_is_read() {
    static QUEUE: Metric = Metric { name: "mail_queue", order: 15, ..*metric::DISK };
    let (mut book, mut snapshot) = (AlertBook::default(), Snapshot::default());
    snapshot.push(&QUEUE, "", Value::Number(90.0));
    let (reading, limit, wait) = (&snapshot.readings[0], Some(Limit::Threshold(80.0)), Duration::ZERO);
    let over = Finding { reading, limit, verdict: BREACH, wait };
    let _ = book.step(&[over.clone()], &snapshot, Extent::Check, at(0), POLICY);
    let mut loaded: AlertBook = serde_json::from_str(&serde_json::to_string(&book).unwrap()).unwrap();
    assert_eq!(loaded.firing()[0].key.metric.order, u16::MAX);
    let recovered =
        loaded.step(&[Finding { verdict: Verdict::Clear, ..over }], &snapshot, Extent::Check, at(1), POLICY);
    assert_eq!((recovered[0].news, recovered[0].key.metric.order), (News::Recovered, QUEUE.order));
}

/// What a look at containers says of `web`.
#[derive(Clone, Copy)]
enum Web {
    Runs,
    Crashed,
    Stopped,
    NotThere,
    Unknown,
}

const GRACE: Duration = Duration::from_secs(10);

fn look(book: &mut AlertBook, web: Web, extent: Extent, second: u32) -> Vec<News> {
    let mut snapshot = Snapshot::default();
    let word = |word: &str| Value::Container(ContainerWord::new(word, "running"));
    match web {
        Web::Runs => snapshot.push(metric::CONTAINER_STATE, "web", word("running")),
        Web::Crashed | Web::Stopped => snapshot.push(metric::CONTAINER_STATE, "web", word("exited")),
        Web::NotThere => {}
        Web::Unknown => snapshot.watched.push(Watched::Every(metric::CONTAINER_STATE)),
    }
    let finding = |reading| Finding {
        reading,
        limit: Some(Limit::Expected("running".into())),
        verdict: if matches!(web, Web::Runs) { Verdict::Clear } else { BREACH },
        wait: if matches!(web, Web::Stopped) { GRACE } else { Duration::ZERO },
    };
    let findings: Vec<_> = snapshot.readings.iter().map(finding).collect();
    book.step(&findings, &snapshot, extent, at(second), POLICY).iter().map(|transition| transition.news).collect()
}

fn looks(script: &[(u32, Web)]) -> Vec<Option<News>> {
    let mut book = AlertBook::default();
    script.iter().map(|(second, web)| look(&mut book, *web, Extent::Docker, *second).first().copied()).collect()
}

#[test]
fn what_was_stopped_on_purpose_is_told_after_its_grace_and_not_at_all_where_it_runs_again() {
    let pending = Some(News::Pending);
    assert_eq!(looks(&[(0, Web::Stopped), (9, Web::Stopped), (10, Web::Stopped)]), [pending, None, Some(News::Fired)]);
    assert_eq!(looks(&[(0, Web::Stopped), (9, Web::Runs)]), [pending, Some(News::RecoveredUntold)]);
    assert_eq!(looks(&[(0, Web::Stopped), (3, Web::Crashed)]), [pending, Some(News::Fired)]);
    assert_eq!(looks(&[(0, Web::Stopped), (3, Web::NotThere)]), [pending, Some(News::Dropped)]);
}

#[test]
fn a_told_container_is_waited_for_under_its_name_for_a_day() {
    let day = 24 * 60 * 60;
    let fired = Some(News::Fired);
    assert_eq!(
        looks(&[(0, Web::Crashed), (60, Web::NotThere), (day, Web::Runs)]),
        [fired, None, Some(News::Recovered)]
    );
    assert_eq!(
        looks(&[(0, Web::Crashed), (60, Web::NotThere), (day + 60, Web::NotThere), (day + 61, Web::Runs)]),
        [fired, None, Some(News::Dropped), None]
    );
}

#[test]
fn an_engine_that_is_away_or_not_there_yet_drops_nothing() {
    let year = 365 * 24 * 60 * 60;
    assert_eq!(
        looks(&[(0, Web::Crashed), (60, Web::Unknown), (year, Web::Unknown), (year + 1, Web::Runs)]),
        [Some(News::Fired), None, None, Some(News::Recovered)]
    );
}

#[test]
fn an_event_tells_no_lasting_alert_again_and_a_check_does() {
    let mut book = AlertBook::default();
    assert_eq!(look(&mut book, Web::Crashed, Extent::Docker, 0), [News::Fired]);
    assert_eq!(look(&mut book, Web::Crashed, Extent::Docker, 1000), []);
    assert_eq!(look(&mut book, Web::Crashed, Extent::Named, 1000), []);
    assert_eq!(look(&mut book, Web::Crashed, Extent::Check, 1000), [News::Reminded]);
}

#[test]
fn the_end_of_a_grace_and_of_a_cooldown_are_when_to_look_again() {
    let due = |book: &AlertBook, after: u32| book.next_due(at(after).boot, POLICY).map(|(due, _)| due);
    let mut book = AlertBook::default();
    look(&mut book, Web::Stopped, Extent::Docker, 0);
    assert_eq!(due(&book, 0), Some(at(10).boot));
    // It was looked at then, and could not be seen.
    assert_eq!(due(&book, 10), None);
    look(&mut book, Web::Stopped, Extent::Docker, 10);
    assert_eq!(due(&book, 0), None);
    look(&mut book, Web::Runs, Extent::Docker, 20);
    assert_eq!(look(&mut book, Web::Crashed, Extent::Docker, 30), [News::HeldBack]);
    assert_eq!(due(&book, 30), Some(at(310).boot));
    assert_eq!(look(&mut book, Web::Crashed, Extent::Docker, 310), [News::Reminded]);
}

#[test]
fn what_is_over_is_remembered_within_a_bound_the_newest_longest() {
    let mut book = AlertBook::default();
    let targets: Vec<String> = (0..MAX_COOLING_DOWN + 100).map(|number| format!("/{number}")).collect();
    for (second, target) in targets.iter().enumerate() {
        let second = at(u32::try_from(second / 20).unwrap());
        let _ = step(&mut book, &[(target, Over)], second, POLICY);
        let _ = step(&mut book, &[(target, Under)], second, POLICY);
    }
    assert_eq!(book.alerts.len(), MAX_COOLING_DOWN);
    let last = Key::new(metric::DISK, targets.last().unwrap().as_str());
    assert!(book.alerts.contains_key(&last) && !book.alerts.contains_key(&Key::new(metric::DISK, "/0")));
}

#[test]
fn a_restart_of_the_machine_keeps_the_cooldown_running() {
    let mut book = AlertBook::default();
    let _ = step(&mut book, &[("/", Over)], at(1000), POLICY);
    // 100 s later in all, on a clock that began anew 40 s ago.
    book.shift(-1_060_000_000);
    let restarted = |seconds: i64| Now { wall: at(1100).wall, boot: Boot::from_millis(seconds * 1000) };
    assert_eq!(step(&mut book, &[("/", Over)], restarted(40), POLICY), []);
    assert_eq!(step(&mut book, &[("/", Over)], restarted(240), POLICY)[0].news, News::Reminded);
}

#[test]
fn what_is_saved_is_what_is_read_back() {
    let mut book = AlertBook::default();
    let _ = step(&mut book, &[("/", Over), ("/data", Over)], at(0), POLICY);
    let _ = step(&mut book, &[("/", Under), ("/data", Failed)], at(10), POLICY);
    let json = serde_json::to_string(&book).unwrap();
    assert_eq!(serde_json::from_str::<AlertBook>(&json).unwrap(), book);
}

const TARGETS: [&str; 3] = ["/", "/data", "/var"];

fn history() -> impl Strategy<Value = Vec<(u32, [Check; 3])>> {
    let check = prop_oneof![4 => Just(Over), 4 => Just(Under), 2 => Just(Failed), 1 => Just(Unwatched)];
    prop::collection::vec((0u32..200, prop::array::uniform3(check)), 1..60)
}

/// Runs a history, and gives what came of each check with the second at which it ran.
fn run(history: &[(u32, [Check; 3])], policy: Policy) -> Vec<(u32, [Check; 3], Vec<Transition>)> {
    let mut book = AlertBook::default();
    let mut second = 0;
    history
        .iter()
        .map(|(pause, checks)| {
            second += pause;
            let checks_of: Vec<_> = TARGETS.into_iter().zip(*checks).collect();
            (second, *checks, step(&mut book, &checks_of, at(second), policy))
        })
        .collect()
}

proptest! {
    #[test]
    fn never_two_firing_messages_inside_the_cooldown(history in history(), cooldown in 0u64..400) {
        let policy = Policy { cooldown: Duration::from_secs(cooldown), send_recovery: true };
        let mut told: [Option<u32>; 3] = [None; 3];
        for (second, _, transitions) in run(&history, policy) {
            for (place, target) in TARGETS.into_iter().enumerate() {
                if transitions.iter().any(|t| &*t.key.target == target && t.news.is_firing_message()) {
                    if let Some(earlier) = told[place] {
                        prop_assert!(u64::from(second - earlier) >= cooldown);
                    }
                    told[place] = Some(second);
                }
            }
        }
    }

    #[test]
    fn a_recovery_is_told_only_after_its_firing_was(history in history()) {
        let mut open = [false; 3];
        for (_, checks, transitions) in run(&history, POLICY) {
            for (place, target) in TARGETS.into_iter().enumerate() {
                for news in transitions.iter().filter(|t| &*t.key.target == target).map(|t| t.news) {
                    prop_assert!(!news.is_recovery_message() || open[place]);
                    open[place] = news.is_firing_message() || (open[place] && news == News::HeldBack);
                }
                open[place] &= checks[place] != Unwatched;
            }
        }
    }

    #[test]
    fn unknown_changes_nothing(history in history(), pause in 0u32..1000) {
        let mut book = AlertBook::default();
        let mut second = 0;
        for (pause, checks) in &history {
            second += pause;
            let checks: Vec<_> = TARGETS.into_iter().zip(*checks).collect();
            let _ = step(&mut book, &checks, at(second), POLICY);
        }
        let firing: Vec<Alert> = book.firing().into_iter().cloned().collect();
        let unknown = TARGETS.map(|target| (target, Failed));
        prop_assert_eq!(step(&mut book, &unknown, at(second + pause), POLICY), []);
        prop_assert_eq!(book.firing().into_iter().cloned().collect::<Vec<_>>(), firing);
    }

    #[test]
    fn the_same_input_gives_the_same_output(history in history()) {
        prop_assert_eq!(run(&history, POLICY), run(&history, POLICY));
    }

    #[test]
    fn every_breach_that_lasts_is_told(history in history()) {
        let mut book = AlertBook::default();
        let mut second = 0;
        for (pause, checks) in &history {
            second += pause;
            let checks: Vec<_> = TARGETS.into_iter().zip(*checks).collect();
            let _ = step(&mut book, &checks, at(second), POLICY);
        }
        let _ = step(&mut book, &TARGETS.map(|target| (target, Over)), at(second + 300), POLICY);
        prop_assert!(book.firing().len() == 3 && book.firing().iter().all(|alert| alert.told));
    }
}
