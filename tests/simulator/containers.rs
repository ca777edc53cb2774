//! What the group knows of the containers, and whether that is true.
//!
//! Judged apart from the agent's code, by what was told and what happened alone: nothing is invented, a recovery follows
//! its alert, and in a calm that has lasted the last word about each container is the truth.

use std::collections::{BTreeMap, BTreeSet};

use super::clock::MINUTE;
use super::engine::{Engine, NAMES, Truth};
use super::oracle::wrong;
use super::said::{About, Said, said};

/// The last word about one container's state, or its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Nothing is known to have been told: all is well, or the word was lost with a message or a state.
    Any,
    Well,
    Ill,
}

/// What was told of one thing.
#[derive(Debug)]
struct Told {
    word: Word,
    recoveries: u64,
    /// The times that they were told with. A message whose answer was lost may be told again in a digest: however many
    /// tell of a recovery, it is one.
    recovered: BTreeSet<String>,
}

#[derive(Default)]
pub struct Containers {
    told: BTreeMap<(&'static str, About), Told>,
}

impl Containers {
    fn told(&mut self, name: &'static str, about: About) -> &mut Told {
        self.told.entry((name, about)).or_insert(Told { word: Word::Well, recoveries: 0, recovered: BTreeSet::new() })
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
    ///
    /// Where the agent that sent it is gone with all that it knew of it (`is_known` is false), the next one cannot know
    /// that there was this word, and may say it again.
    pub fn read(&mut self, text: &str, engine: &Engine, is_known: bool) {
        let Some(all) = said(text, &NAMES) else { return self.forget() };
        for word in &all {
            self.hear(word, engine);
        }
        for word in all.iter().filter(|_| !is_known) {
            self.told(word.name, word.about).word = Word::Any;
        }
    }

    /// A message will never come: of what it says nothing is known any more.
    pub fn lose(&mut self, text: &str) {
        let Some(all) = said(text, &NAMES) else { return self.forget() };
        for word in all {
            self.told(word.name, word.about).word = Word::Any;
        }
    }

    fn hear(&mut self, said: &Said, engine: &Engine) {
        let Said { name, about, is_ill, is_whole, .. } = *said;
        let truth = truth(engine, name);
        let troubles = if about == About::State { truth.troubles + truth.aways } else { truth.health_troubles };
        let told = self.told(name, about);
        if is_ill && !is_whole && told.word != Word::Any && troubles <= told.recoveries {
            wrong(format!("an alert of {name} is told, and nothing has happened to it since its last recovery"));
        }
        if !is_ill && !is_whole && told.word == Word::Well {
            wrong(format!("a recovery of {name} is told, and no alert was before it"));
        }
        if is_whole || !is_ill {
            told.recoveries += u64::from(told.recovered.insert(said.time.clone()));
        }
        // A digest tells the worst first, so what it says of one container is not in order.
        if is_whole {
            told.word = Word::Any;
            return;
        }
        // What is not known any more is known again from here.
        if told.word == Word::Any {
            told.recoveries = told.recoveries.min(troubles.saturating_sub(u64::from(is_ill)));
        }
        told.word = if is_ill { Word::Ill } else { Word::Well };
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
                let told = self.told(name, about);
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
