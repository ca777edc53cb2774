//! Properties over arbitrary sequences of looks: at a level and a rate, with and without a `for`, under any policy.

use proptest::prelude::*;

use super::*;

/// One look: the seconds since the one before it, and the reading. `None`: it could not be measured.
type Look = (u32, Option<f64>);

fn looks() -> impl Strategy<Value = Vec<Look>> {
    let pause = prop_oneof![4 => 1u32..200, 2 => 200u32..2000, 1 => 2000u32..100_000];
    // In tenths: a number of 17 digits loses its last one in JSON.
    let tenths = prop_oneof![3 => 800u16..950, 2 => 950u16..=1000, 5 => 0u16..800];
    let number = tenths.prop_map(|tenths| f64::from(tenths) / 10.0);
    prop::collection::vec((pause, prop::option::weighted(0.9, number)), 1..80)
}

fn steps() -> impl Strategy<Value = Steps> {
    let step = prop_oneof![Just(0), 1u64..10_000];
    prop::collection::vec(step.prop_map(Duration::from_secs), 1..4).prop_map(Steps::new)
}

fn watch() -> impl Strategy<Value = Watch> {
    let policy = (0u64..1000, any::<bool>(), steps(), steps());
    let wait = prop_oneof![Just(0), 1u64..500];
    (any::<bool>(), prop::option::of(Just(95.0)), wait, policy).prop_map(
        |(is_rate, critical, wait, (cooldown, send_recovery, repeat, settle))| Watch {
            book: Alerts::default(),
            policy: Policy { cooldown: Duration::from_secs(cooldown), send_recovery, repeat, settle },
            metric: if is_rate { metric::CPU } else { metric::MEMORY },
            critical,
            wait: Duration::from_secs(wait),
        },
    )
}

/// The transition of each look, with its second.
fn run(mut watch: Watch, looks: &[Look]) -> Vec<(u32, Option<f64>, Option<Transition>)> {
    let mut second = 0;
    looks
        .iter()
        .map(|(pause, number)| {
            second += pause;
            (second, *number, watch.see(second, *number))
        })
        .collect()
}

impl Clone for Watch {
    fn clone(&self) -> Watch {
        Watch { book: self.book.clone(), policy: self.policy.clone(), ..*self }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} critical={:?} wait={:?} {:?}", self.metric, self.critical, self.wait, self.policy)
    }
}

proptest! {
    #[test]
    fn never_two_firing_messages_inside_the_cooldown(watch in watch(), looks in looks()) {
        let policy = watch.policy.clone();
        let (mut told, mut recovered, mut critical) = (None, false, false);
        for (second, _, transition) in run(watch, &looks) {
            let Some(transition) = transition else { continue };
            if transition.news.is_firing_message() {
                let is_first_critical = transition.episode.level == Level::Critical && !critical;
                let came_back = recovered && policy.returns_at_once();
                if let Some(before) = told && !is_first_critical && !came_back {
                    prop_assert!(u64::from(second - before) >= policy.cooldown.as_secs());
                }
                critical |= is_first_critical;
                (told, recovered) = (Some(second), false);
            }
            if matches!(transition.news, News::Recovered | News::RecoveredMuted) {
                (recovered, critical) = (transition.news == News::Recovered, false);
            }
        }
    }

    #[test]
    fn an_alert_that_lasts_is_told_again_at_its_steps_and_no_oftener(watch in watch(), looks in looks()) {
        let policy = watch.policy.clone();
        let (mut last, mut reminders) = (0, 0);
        for (second, _, transition) in run(watch, &looks) {
            let Some(news) = transition.map(|transition| transition.news) else { continue };
            if news == News::Reminded {
                prop_assert!(Duration::from_secs((second - last).into()) >= policy.repeat.nth(reminders).unwrap());
                reminders += 1;
            }
            if news == News::Fired {
                reminders = 0;
            }
            if news.is_firing_message() {
                last = second;
            }
        }
    }

    #[test]
    fn an_alert_that_lasts_has_two_reminders_and_one_a_day_at_most(watch in watch(), looks in looks()) {
        let policy = Policy { cooldown: watch.policy.cooldown, ..Policy::default() };
        let (mut began, mut reminders) = (0, 0);
        for (second, _, transition) in run(Watch { policy, ..watch }, &looks) {
            match transition.map(|transition| transition.news) {
                Some(News::Fired) => (began, reminders) = (second, 0),
                Some(News::Reminded) => reminders += 1,
                _ => {}
            }
            prop_assert!(reminders <= 2 + (second - began) / DAY);
        }
    }

    #[test]
    fn a_recovery_is_told_only_after_its_firing_was_and_its_settling(watch in watch(), looks in looks()) {
        let (policy, mut told, mut well_since) = (watch.policy.clone(), None, None);
        for (second, number, transition) in run(watch, &looks) {
            match number {
                Some(number) if number >= LIMIT => well_since = None,
                Some(_) => { well_since.get_or_insert(second); }
                None => {}
            }
            let Some(transition) = transition else { continue };
            if transition.news == News::Fired {
                prop_assert_eq!(told, None);
                told = Some(transition.episode.returns);
            }
            if matches!(transition.news, News::Recovered | News::RecoveredMuted) {
                let returns = told.take();
                prop_assert!(returns.is_some());
                let below = Duration::from_secs((second - well_since.unwrap()).into());
                prop_assert!(below >= policy.settling(returns.unwrap()));
            }
        }
    }

    #[test]
    fn unknown_changes_nothing_and_stops_no_wait(watch in watch(), looks in looks()) {
        let mut known = Vec::new();
        let mut pause = 0;
        for (since, number) in &looks {
            pause += since;
            if number.is_some() {
                known.push((std::mem::take(&mut pause), *number));
            }
        }
        let news = |looks: &[Look]| -> Vec<_> {
            run(watch.clone(), looks).into_iter().filter(|(_, number, _)| number.is_some()).collect()
        };
        prop_assert_eq!(news(&looks), news(&known));
    }

    #[test]
    fn a_restart_at_any_instant_changes_nothing(watch in watch(), looks in looks(), shift in 0i64..1_000_000) {
        let expected = run(watch.clone(), &looks);
        let (mut restarted, mut second) = (watch, 0);
        for ((pause, number), (.., expected)) in looks.iter().zip(expected) {
            second += pause;
            prop_assert_eq!(restarted.see(second, *number), expected);
            let json = serde_json::to_string(&restarted.book).unwrap();
            restarted.book = serde_json::from_str(&json).unwrap();
            // The clock begins anew, and goes back to where it was.
            restarted.book.shift(shift);
            restarted.book.shift(-shift);
        }
    }

    #[test]
    fn every_breach_that_lasts_is_told(watch in watch(), looks in looks()) {
        let mut watch = watch;
        let mut second = 0;
        for (pause, number) in &looks {
            second += pause;
            watch.see(second, *number);
        }
        // Long enough for a mean, a `for` and a cooldown.
        for _ in 0..200 {
            second += 500;
            watch.see(second, Some(100.0));
        }
        prop_assert!(watch.book.active().iter().all(|alert| alert.is_told()));
        prop_assert_eq!(watch.book.active_count(), 1);
    }

    #[test]
    fn the_agent_looks_again_when_a_look_can_change_something(watch in watch(), looks in looks(), end in 79.0..81.0f64) {
        let mut watch = watch;
        let mut second = 0;
        for (pause, number) in &looks {
            second += pause;
            watch.see(second, *number);
        }
        watch.see(second, Some(end));
        let Some(due) = watch.due(second) else { return Ok(()) };
        // Up to then the same reading changes nothing but reminders.
        let mut early = watch.clone();
        let before = early.see(due - 1, Some(end)).map(|transition| transition.news);
        // The mean of a rate goes below the limit by more readings below it.
        prop_assert!(matches!(before, None | Some(News::Reminded)) || watch.metric.is_rate, "{before:?}");
        let news = watch.see(due, Some(end)).map(|transition| transition.news);
        let is_news = matches!(news, Some(News::Fired | News::Critical | News::Recovered | News::RecoveredMuted));
        prop_assert!(is_news || watch.metric.is_rate, "{news:?}");
    }
}
