//! The group's knowledge of the containers, and whether it is true.
//!
//! Judged apart from the agent's code, by messages and events alone: nothing is invented, a recovery follows
//! its alert, and in a calm that has lasted the last word about each container is the truth.

use std::collections::{BTreeMap, BTreeSet};

use super::clock::{MINUTE, SECOND};
use super::engine::{Drill, Engine, NAMES, Truth};
use super::message::{Kind, Message};
use super::oracle::wrong;
use super::said::{About, Said, said};
use super::settings::Settings;

/// The last word about one container's state, or its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Nothing is known to have been told: all is well, or the word was lost with a message or a state.
    Any,
    Well,
    Ill,
}

/// All messages about one thing.
#[derive(Debug)]
struct Told {
    word: Word,
    recoveries: u64,
    /// The times that they were told with. A message whose answer was lost may be told again in a digest: however many
    /// tell of a recovery, it is one.
    recovered: BTreeSet<String>,
    /// When an alert last arrived, and a recovery.
    alerted: i64,
    well_told: i64,
    /// How often it had come back by then.
    returns: u32,
}

#[derive(Default)]
pub struct Containers {
    told: BTreeMap<(&'static str, About), Told>,
    /// Since when each is watched as it is.
    watched_since: [i64; NAMES.len()],
    /// Since when the rules are in force.
    rules_since: i64,
    /// Until when news may have been held.
    held_until: i64,
}

/// More returns than any list of settlings has.
const UNKNOWN: u32 = 1000;

/// A death is told within this time.
const AT_ONCE: i64 = 2 * MINUTE;

impl Containers {
    fn told(&mut self, name: &'static str, about: About) -> &mut Told {
        let never = i64::MIN / 2;
        let nothing = || Told {
            word: Word::Well,
            recoveries: 0,
            recovered: BTreeSet::new(),
            alerted: never,
            well_told: never,
            returns: 0,
        };
        self.told.entry((name, about)).or_insert_with(nothing)
    }

    /// The agent forgot its messages, or one is lost for good.
    pub fn forget(&mut self) {
        for name in NAMES {
            self.forget_one(name);
        }
    }

    /// Quiet hours or a silence hold news back until now at least: what people know is open.
    pub fn hold(&mut self, time: i64) {
        self.held_until = time;
        self.forget();
    }

    fn forget_one(&mut self, name: &'static str) {
        for about in [About::State, About::Health] {
            self.told(name, about).word = Word::Any;
        }
    }

    /// Of a container that is not watched any more, or is again, or by other terms, alerts may end or begin unsaid.
    pub fn configure(&mut self, old: &Settings, new: &Settings, time: i64) {
        for (number, name) in NAMES.into_iter().enumerate() {
            if !old.judges_alike(new, number) {
                self.watched_since[number] = time;
                self.forget_one(name);
            }
        }
        // By other rules alerts end or last unsaid.
        if old.rules() != new.rules() {
            self.rules_since = time;
            self.forget();
        }
    }

    /// The group reads a message.
    ///
    /// An alert that was made by other rules, or watched by other terms, may have ended unsaid since.
    ///
    /// Where the agent that sent it is gone with all that it knew of it (`is_known` is false), the next one cannot know
    /// that there was this word, and may say it again.
    pub fn read(&mut self, text: &str, created: Option<i64>, engine: &Engine, is_known: bool, time: i64) {
        let Some(all) = said(text, &NAMES) else { return self.forget() };
        let is_digested = matches!(Message::read(text).kind, Kind::Digest | Kind::Held { .. });
        for word in &all {
            self.hear(word, is_digested, engine, time);
        }
        for word in all {
            let number = NAMES.iter().position(|name| *name == word.name).unwrap_or_default();
            let since = self.rules_since.max(self.watched_since[number]);
            if !is_known || created.is_none_or(|created| created < since) {
                self.told(word.name, word.about).word = Word::Any;
            }
        }
    }

    /// A message will never come: nothing is known any more of its subjects.
    pub fn lose(&mut self, text: &str, time: i64) {
        let Some(all) = said(text, &NAMES) else { return self.forget() };
        for word in all {
            let told = self.told(word.name, word.about);
            told.word = Word::Any;
            told.alerted = time;
        }
    }

    fn hear(&mut self, said: &Said, is_digested: bool, engine: &Engine, time: i64) {
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
        if !is_ill || is_whole {
            told.well_told = time;
        }
        if is_ill {
            told.alerted = time;
            told.returns = match said.past.as_deref() {
                Some(past) if past.starts_with('🔁') => {
                    past.trim_start_matches("🔁 ").parse::<u32>().map_or(UNKNOWN, |nth| nth - 1)
                }
                // A digest and the end of a hold do not tell how often it came back meanwhile.
                _ if is_digested => UNKNOWN,
                Some(_) if told.word == Word::Ill => told.returns,
                Some(_) => UNKNOWN,
                // It is critical now, or began.
                None => match told.word {
                    Word::Well => 0,
                    Word::Ill => told.returns,
                    Word::Any => UNKNOWN,
                },
            };
        }
        if is_whole || !is_ill {
            told.recoveries += u64::from(told.recovered.insert(said.time.clone()));
        }
        // A digest tells the worst first, so its lines about one container are not in order.
        if is_whole {
            told.word = Word::Any;
            return;
        }
        // From here on it is known again.
        if told.word == Word::Any {
            told.recoveries = told.recoveries.min(troubles.saturating_sub(u64::from(is_ill)));
        }
        told.word = if is_ill { Word::Ill } else { Word::Well };
    }

    /// In a calm that has lasted since `before`: the last word is the truth.
    pub fn all_is_told(&mut self, engine: &Engine, before: i64, settings: &Settings) {
        let recoveries_are_told = settings.rules().send_recovery;
        for (number, (name, condition, truth)) in engine.truths().enumerate() {
            if truth.since.max(self.watched_since[number]) > before || !settings.watches_container(number) {
                continue;
            }
            // By a pattern, a container that was stopped at first sight, or ended well, is taken as it is.
            let is_owed = settings.names(number);
            let of_state = (About::State, Some(condition.runs));
            // Nothing can be said of health where nothing runs, or one starts.
            let of_health = (About::Health, condition.healthy.filter(|_| condition.runs));
            for (about, is_well) in [of_state, of_health] {
                let told = self.told(name, about);
                let is_settled = truth.since + settings.rules().settling(told.returns) <= before;
                match (told.word, is_well) {
                    (Word::Ill, Some(true)) if recoveries_are_told && is_settled => {
                        wrong(format!("{name} is well for {} min, and its {about:?} alert is open", before / MINUTE))
                    }
                    (Word::Well, Some(false)) if is_owed && (about == About::State || recoveries_are_told) => {
                        wrong(format!(
                            "{name} is in trouble since {} s, and its {about:?} was not told",
                            truth.since / SECOND
                        ))
                    }
                    _ => {}
                }
            }
        }
    }

    /// A container that dies in a calm is told of at once, however soon it runs again, unless it was told of a moment ago.
    pub fn drill_is_told(&mut self, drill: Drill, now: i64, settings: &Settings) {
        let Drill { number, at } = drill;
        let cooldown = settings.rules().cooldown;
        let told = self.told(NAMES[number], About::State);
        let alerted = told.alerted;
        // While it settles it goes on firing: that it is ill again is no news.
        let is_open = match told.word {
            Word::Ill => true,
            Word::Any => settings.rules().settles(),
            Word::Well => told.well_told > at,
        };
        let since = self.watched_since[number].max(self.rules_since).max(self.held_until);
        let is_owed = settings.names(number) && since < at && !is_open;
        if is_owed && now - at > AT_ONCE && alerted < at - cooldown - MINUTE {
            wrong(format!("{} died {} s ago, and nothing was told of it", NAMES[number], (now - at) / SECOND));
        }
    }
}

fn truth(engine: &Engine, name: &str) -> Truth {
    engine.truths().find(|(one, ..)| *one == name).map(|(.., truth)| truth).unwrap_or_default()
}
