//! What the group knows of the containers, and whether that is true.
//!
//! Judged apart from the agent's code, by what was told and what happened alone: nothing is invented, a recovery follows
//! its alert, and in a calm that has lasted the last word about each container is the truth.

use std::collections::BTreeMap;

use super::clock::MINUTE;
use super::engine::{Engine, NAMES, Truth};
use super::oracle::wrong;

/// The last word about one container's state, or its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Nothing is known to have been told: all is well, or the word was lost with a message or a state.
    Any,
    Well,
    Ill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    State,
    Health,
}

/// What was told of one thing.
#[derive(Clone, Copy, Debug)]
struct Told {
    word: Word,
    recoveries: u64,
}

#[derive(Default)]
pub struct Containers {
    told: BTreeMap<(&'static str, About), Told>,
}

impl Containers {
    fn told(&mut self, name: &'static str, about: About) -> &mut Told {
        self.told.entry((name, about)).or_insert(Told { word: Word::Well, recoveries: 0 })
    }

    /// The agent does not know any more what it told, or a message is lost for good.
    pub fn forget(&mut self) {
        for name in NAMES {
            for about in [About::State, About::Health] {
                self.told(name, about).word = Word::Any;
            }
        }
    }

    /// The group reads a message.
    pub fn read(&mut self, text: &str, engine: &Engine) {
        if text.contains("另有 ") || text.contains(" 次): ") {
            return self.forget();
        }
        let mut block = None;
        for line in text.lines() {
            let whole = line.starts_with("🟢");
            for part in line.split("📦 容器: ").enumerate().map(|(place, part)| (place > 0, part)) {
                let (names_one, part) = part;
                if names_one {
                    block = NAMES.into_iter().find(|name| part.split_whitespace().next() == Some(name));
                }
                if let Some(name) = block {
                    self.read_marks(name, part, whole, engine);
                }
            }
            // From four on each is one line.
            for (mark, ill) in [("❌ ", true), ("✅ ", false)] {
                let one = line.split_once(mark).map(|(_, rest)| rest);
                let found =
                    NAMES.into_iter().find(|name| one.is_some_and(|rest| rest.starts_with(&format!("{name}: "))));
                if let (Some(name), Some(rest)) = (found, one) {
                    let facts = &rest[name.len() + 2..];
                    let is_of_health = facts.contains("healthy");
                    let is_of_state = !facts.starts_with("unhealthy") && !facts.starts_with("healthy");
                    for (about, is_there) in [(About::State, is_of_state), (About::Health, is_of_health)] {
                        if is_there {
                            self.hear(name, about, ill, whole, engine);
                        }
                    }
                }
            }
        }
    }

    fn read_marks(&mut self, name: &'static str, part: &str, whole: bool, engine: &Engine) {
        let marks = [
            ("❌ 状态: ", About::State, true),
            ("✅ 状态: ", About::State, false),
            ("❌ 健康: ", About::Health, true),
            ("✅ 健康: ", About::Health, false),
        ];
        for (mark, about, ill) in marks {
            if part.contains(mark) {
                self.hear(name, about, ill, whole, engine);
            }
        }
    }

    /// A word about one thing; `whole`: a digest's line that tells of its beginning and of its end.
    fn hear(&mut self, name: &'static str, about: About, ill: bool, whole: bool, engine: &Engine) {
        let truth = truth(engine, name);
        let troubles = if about == About::State { truth.troubles + truth.aways } else { truth.health_troubles };
        let told = self.told(name, about);
        if ill && !whole && told.word != Word::Any && troubles <= told.recoveries {
            wrong(format!("an alert of {name} is told, and nothing has happened to it since its last recovery"));
        }
        if !ill && !whole && told.word == Word::Well {
            wrong(format!("a recovery of {name} is told, and no alert was before it"));
        }
        if whole {
            // A digest tells the worst first, so what it says of one container is not in order.
            (told.word, told.recoveries) = (Word::Any, told.recoveries + 1);
            return;
        }
        told.recoveries += u64::from(!ill);
        // What is not known any more is known again from here.
        if told.word == Word::Any {
            told.recoveries = told.recoveries.min(troubles.saturating_sub(u64::from(ill)));
        }
        told.word = if ill { Word::Ill } else { Word::Well };
    }

    /// In a calm that has lasted since `before`: the last word is the truth.
    pub fn all_is_told(&mut self, engine: &Engine, before: i64, recoveries_are_told: bool) {
        for (name, runs, healthy, truth) in engine.truths() {
            if truth.since > before {
                continue;
            }
            let of_state = (About::State, runs);
            // Nothing can be said of the health of what does not run.
            let of_health = runs.then_some((About::Health, healthy));
            for (about, is_well) in [Some(of_state), of_health].into_iter().flatten() {
                let told = *self.told(name, about);
                match (told.word, is_well) {
                    (Word::Ill, true) if recoveries_are_told => {
                        wrong(format!("{name} is well for {} min, and its {about:?} alert is open", before / MINUTE))
                    }
                    (Word::Well, false) if about == About::State || recoveries_are_told => wrong(format!(
                        "{name} is in trouble since {} s, and its {about:?} was not told",
                        truth.since / 1_000_000
                    )),
                    _ => {}
                }
            }
        }
    }
}

fn truth(engine: &Engine, name: &str) -> Truth {
    engine.truths().find(|(one, ..)| *one == name).map(|(.., truth)| truth).unwrap_or_default()
}
