//! Properties over arbitrary sequences of looks, with quiet hours in between, restarts and reloads.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::alert::{News, Transition};
use crate::hold::ALL;
use crate::message::{About, Kind};
use crate::rule::Level;
use crate::snapshot::Key;
use crate::tap::{Job, Judged, Setup, Tap};

/// Notes every transition, told or held.
#[derive(Clone, Debug, Default)]
struct Notes(Rc<RefCell<Vec<Transition>>>);

impl Setup for Notes {
    fn open(&self) -> Box<dyn Tap> {
        Box::new(self.clone())
    }
}

impl Tap for Notes {
    fn name(&self) -> String {
        "notes".to_owned()
    }

    fn take(&mut self, judged: &Judged<'_>, _now: Now) -> Vec<Job> {
        self.0.borrow_mut().extend(judged.transitions.iter().cloned());
        Vec::new()
    }

    fn answered(&mut self, _answer: &http::Answer, _now: Now) -> Vec<Job> {
        Vec::new()
    }
}

/// The event after so many minutes.
#[derive(Clone, Debug)]
enum Event {
    Check(u8),
    Look(bool),
    /// Other quiet hours, by their place in [`WINDOWS`].
    Reload(usize),
    /// Of memory or of everything, for so many minutes.
    Silence(bool, i64),
    Restart,
}

const WINDOWS: [&str; 4] = [
    "[]",
    "[{from: '03:00', to: '05:00'}]",
    "[{from: '23:00', to: '07:00', let_through: none}, {from: '06:30', to: '08:00'}]",
    "[{from: '02:50', to: '02:55'}, {from: '12:00', to: '18:00', days: 'mon,tue', let_through: none}]",
];

fn events() -> impl Strategy<Value = Vec<(i64, Event)>> {
    let event = prop_oneof![
        8 => prop_oneof![40u8..80, 80u8..95, 95u8..=100].prop_map(Event::Check),
        3 => any::<bool>().prop_map(Event::Look),
        1 => (0..WINDOWS.len()).prop_map(Event::Reload),
        1 => (any::<bool>(), 1i64..600).prop_map(|(all, minutes)| Event::Silence(all, minutes)),
        1 => Just(Event::Restart),
    ];
    prop::collection::vec((prop_oneof![1i64..20, 20i64..300], event), 1..60)
}

struct World {
    agent: Driven,
    notes: Notes,
    windows: usize,
    minute: i64,
    settles: bool,
    restarts: bool,
    messages: Vec<(i64, message::Message)>,
}

impl World {
    fn new(windows: usize, settles: bool, restarts: bool) -> World {
        let notes = Notes::default();
        let config = World::config(&notes, windows, settles);
        let agent = super::agent(config);
        World { agent, notes, windows, minute: 0, settles, restarts, messages: Vec::new() }
    }

    fn config(notes: &Notes, windows: usize, settles: bool) -> Resolved {
        let mut config = quiet(WINDOWS[windows]);
        config.taps = vec![Rc::new(notes.clone())];
        if settles { config } else { every_change_is_told(config) }
    }

    fn happens(&mut self, minutes: i64, event: &Event) {
        self.minute += minutes;
        let now = at(self.minute * MINUTE);
        match event {
            Event::Check(percent) => {
                let mut snapshot = watched();
                let percent = f64::from(*percent);
                snapshot.push(metric::MEMORY, "", Value::Usage { percent, used_bytes: 1, total_bytes: 2 });
                self.check(snapshot, now);
            }
            Event::Look(runs) => {
                let word = ContainerWord::new(if *runs { "running" } else { "exited" }, "running");
                self.agent.look(word, now);
            }
            Event::Reload(windows) => {
                self.windows = *windows;
                self.agent.reload(World::config(&self.notes, self.windows, self.settles), now);
            }
            Event::Silence(all, minutes) => {
                let target = if *all { ALL } else { "mem*" };
                let lasts = Duration::from_secs(60 * minutes.unsigned_abs());
                self.agent.core.state.change().silences.begin(target.to_owned(), lasts, None, now);
                self.agent.step(Input::Time, now);
            }
            Event::Restart if self.restarts => {
                self.agent = self.agent.reread(World::config(&self.notes, self.windows, self.settles), now);
            }
            Event::Restart => {}
        }
        let made = self.agent.messages();
        self.messages.extend(made.into_iter().map(|message| (self.minute, message)));
    }

    /// A check without quiet hours, after all.
    fn ends(&mut self) {
        // Every silence is over.
        self.happens(600, &Event::Reload(0));
        self.check(watched(), at(self.minute * MINUTE));
        self.happens(1, &Event::Restart);
    }

    fn check(&mut self, snapshot: Snapshot, now: Now) {
        self.agent.core.checks.is_measuring = true;
        self.agent.step(Input::Measured { purpose: Purpose::Check, snapshot }, now);
    }

    fn is_held(&self, metric: &'static metric::Metric, level: Level) -> bool {
        self.agent.core.holds(at(self.minute * MINUTE)).until(&Key::new(metric, ""), level).is_some()
    }
}

/// Memory and containers are watched, and neither could be measured.
fn watched() -> Snapshot {
    let watched = [metric::MEMORY, metric::CONTAINER_STATE].map(Watched::Every).into();
    Snapshot { watched, ..Snapshot::default() }
}

fn run(windows: usize, settles: bool, restarts: bool, events: &[(i64, Event)]) -> World {
    let mut world = World::new(windows, settles, restarts);
    for (minutes, event) in events {
        world.happens(*minutes, event);
    }
    world.ends();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Every episode that began is told once as one that began, or as one that came and went; and of each the end.
    #[test]
    fn what_is_told_after_the_last_hold_is_what_is_owed(
        windows in 0..WINDOWS.len(), settles in any::<bool>(), events in events(),
    ) {
        let world = run(windows, settles, true, &events);
        prop_assert!(world.agent.core.state.get().held.is_empty());
        for metric in [metric::MEMORY, metric::CONTAINER_STATE] {
            let of_this = |transition: &&Transition| transition.key.metric == metric;
            let notes = world.notes.0.borrow();
            let count = |news: News| notes.iter().filter(of_this).filter(|t| t.news == news).count() as u64;
            let facts = || world.messages.iter().flat_map(|(_, message)| message.facts.iter()).filter(
                |fact| matches!(&fact.about, About::Alert(key) if key.metric == metric)
            );
            let ends: u64 = facts().filter(|fact| fact.ended.is_some()).map(|fact| fact.times).sum();
            prop_assert_eq!(ends, count(News::Recovered), "ends of {}", metric);
            // The alerts that burn are known, and nobody was told of a beginning that was none.
            let open: std::collections::BTreeSet<_> =
                facts().filter(|fact| fact.ended.is_none()).map(|fact| fact.began).collect();
            let fired: std::collections::BTreeSet<_> =
                notes.iter().filter(of_this).filter(|t| t.news == News::Fired).map(|t| t.since).collect();
            prop_assert!(open.is_subset(&fired));
            if let Some(alert) = world.agent.core.alerts().active().iter().find(|a| a.key.metric == metric && a.is_told()) {
                prop_assert!(open.contains(&alert.since()));
            }
        }
    }

    #[test]
    fn nothing_is_told_inside_a_hold_but_what_it_lets_through(
        windows in 0..WINDOWS.len(), settles in any::<bool>(), events in events(),
    ) {
        let mut world = World::new(windows, settles, true);
        for (minutes, event) in &events {
            let before = world.messages.len();
            world.happens(*minutes, event);
            for (_, message) in &world.messages[before..] {
                let abouts = message.facts.iter().filter_map(|fact| match &fact.about {
                    About::Alert(key) => Some(key.metric),
                    _ => None,
                });
                let is_any_held = |level| abouts.clone().any(|metric| world.is_held(metric, level));
                prop_assert!(!is_any_held(Level::Critical), "{:?}", message);
                let holds = is_any_held(Level::Warning);
                // The end of a critical alert, and alerts that came and went while nothing was let through.
                let is_over = message.facts.iter().all(|fact| fact.ended.is_some());
                let is_critical = message.title.plain().starts_with('🚨') || is_over;
                prop_assert!(!holds || is_critical, "{:?}", message);
            }
            // And one message at most tells the held news.
            let held = world.messages[before..].iter().filter(|(_, message)| message.kind == Kind::Held).count();
            prop_assert!(held <= 1);
        }
    }

    #[test]
    fn a_restart_at_any_instant_changes_nothing(
        windows in 0..WINDOWS.len(), settles in any::<bool>(), events in events(),
    ) {
        let texts = |world: World| {
            let text = |(minute, message): &(i64, message::Message)| (*minute, message.text(&message::Escape::NONE));
            world.messages.iter().map(text).collect::<Vec<_>>()
        };
        prop_assert_eq!(texts(run(windows, settles, true, &events)), texts(run(windows, settles, false, &events)));
    }
}
