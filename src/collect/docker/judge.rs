//! What is to be thought of a container: from what is known of it, its readings. Pure.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::config::Expected;
use super::status;
use crate::docker::{Inspected, Listed};
use crate::snapshot::{Cause, ContainerWord};

/// `starting` is neither good nor bad for so long; a health check that has not passed by then is not going to.
const LONGEST_START: Duration = Duration::from_secs(10 * 60);

/// Engines keep 4 KiB of a health check's output (moby, `daemon/health.go`, maxOutputLen); no more is taken.
const MAX_OUTPUT_CHARS: usize = 4096;

/// The state of a container that is named and not there.
const MISSING: &str = "missing";

/// What the engine said of one container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub state: Rc<str>,
    /// Only of one that runs and has a health check.
    pub health: Option<Rc<str>>,
    pub uptime: Option<Duration>,
    pub exit_code: Option<i64>,
    /// What inspect alone tells.
    pub details: Option<Box<Details>>,
}

/// What only inspect tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    pub oom_killed: bool,
    pub health_output: Option<String>,
    pub restart_count: u64,
    pub started: Option<Timestamp>,
}

/// What was seen of it over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub stopped_by_hand: bool,
    /// Restarts by the engine within the window.
    pub restarts: u32,
}

/// What is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub expected: Expected,
    pub check_health: bool,
    pub loop_times: u32,
    pub loop_window: Duration,
}

impl Facts {
    pub fn listed(listed: &Listed, words: &mut Words) -> Facts {
        Facts {
            state: words.get(&listed.state),
            health: status::health(&listed.status).map(|word| words.get(word)),
            uptime: status::uptime(&listed.status),
            exit_code: status::exit_code(&listed.status),
            details: None,
        }
    }

    /// Inspect knows better and more than the list.
    pub fn inspected(inspected: &Inspected, now: Timestamp, words: &mut Words) -> Facts {
        let state = words.get(&inspected.state.status);
        let health = inspected.health().filter(|_| &*state == "running");
        let running_since = inspected.state.started_at.filter(|_| &*state == "running");
        Facts {
            health: health.map(|health| words.get(&health.status)),
            uptime: running_since.map(|time| now.duration_since(time).try_into().unwrap_or_default()),
            exit_code: inspected.state.exit_code.filter(|_| matches!(&*state, "exited" | "restarting")),
            details: Some(Box::new(Details {
                oom_killed: inspected.state.oom_killed,
                health_output: health.and_then(|health| health.output.as_deref()).and_then(one_line),
                restart_count: inspected.restart_count,
                started: inspected.state.started_at,
            })),
            state,
        }
    }

    fn oom_killed(&self) -> bool {
        self.details.as_ref().is_some_and(|details| details.oom_killed)
    }
}

/// The reading of a container's state.
pub fn state(facts: &Facts, history: History, terms: Terms, words: &mut Words) -> ContainerWord {
    let in_loop = history.restarts >= terms.loop_times && matches!(&*facts.state, "running" | "restarting");
    let word = if in_loop { words.get("restarting") } else { facts.state.clone() };
    let well = match terms.expected {
        Expected::Running => &*word == "running",
        Expected::Exited => &*word == "running" || (&*word == "exited" && facts.exit_code == Some(0)),
    };
    let mut causes = Vec::new();
    if !well {
        if in_loop {
            let window_minutes = u32::try_from(terms.loop_window.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
            causes.push(Cause::RestartLoop { times: history.restarts, window_minutes });
        }
        causes.extend(end(facts, history));
    }
    ContainerWord {
        well: Some(well),
        causes,
        restart_count: facts.details.as_ref().map(|details| details.restart_count),
        started: facts.details.as_ref().and_then(|details| details.started),
        ..ContainerWord::new(word, words.get(terms.expected.word()))
    }
}

/// How it ended: the most that is known. The exit code of what was killed says no more than that it was killed.
fn end(facts: &Facts, history: History) -> Option<Cause> {
    match (&*facts.state, facts.exit_code) {
        ("exited" | "dead" | "restarting", _) if facts.oom_killed() => Some(Cause::OomKilled),
        ("exited" | "dead" | "removing", _) if history.stopped_by_hand => Some(Cause::StoppedByHand),
        // Between two attempts engines reset the code to 0.
        ("restarting", Some(0)) => None,
        (_, Some(code)) => Some(Cause::ExitCode(code)),
        _ => None,
    }
}

/// The reading of a container's health; `None` where it has none, or it is not asked for.
pub fn health(facts: &Facts, terms: Terms, words: &mut Words) -> Option<ContainerWord> {
    let word = facts.health.as_ref().filter(|_| terms.check_health)?;
    let well = match &**word {
        "healthy" => Some(true),
        "starting" if facts.uptime.is_none_or(|uptime| uptime < LONGEST_START) => None,
        _ => Some(false),
    };
    let output = facts.details.as_ref().and_then(|details| details.health_output.clone());
    Some(ContainerWord {
        well,
        causes: output.filter(|_| well == Some(false)).map(Cause::HealthOutput).into_iter().collect(),
        ..ContainerWord::new(word.clone(), words.get("healthy"))
    })
}

/// The reading of a container that is named and not there.
pub fn missing(expected: Expected, words: &mut Words) -> ContainerWord {
    ContainerWord::new(words.get(MISSING), words.get(expected.word()))
}

/// Words that are said of many containers, each kept once.
#[derive(Debug, Default)]
pub struct Words(Vec<Rc<str>>);

/// More different words than engines have are not kept.
const MAX_WORDS: usize = 32;

impl Words {
    pub fn get(&mut self, word: &str) -> Rc<str> {
        if let Some(known) = self.0.iter().find(|known| &***known == word) {
            return known.clone();
        }
        let new: Rc<str> = word.into();
        if self.0.len() < MAX_WORDS {
            self.0.push(new.clone());
        }
        new
    }
}

/// Blanks and line ends joined to single spaces; `None` when nothing is left.
fn one_line(text: &str) -> Option<String> {
    let bounded: String = text.chars().take(MAX_OUTPUT_CHARS).collect();
    let line = bounded.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(line).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms =
        Terms { expected: Expected::Running, check_health: true, loop_times: 3, loop_window: Duration::from_secs(600) };
    const JOB: Terms = Terms { expected: Expected::Exited, ..TERMS };
    const BY_HAND: History = History { stopped_by_hand: true, restarts: 0 };

    fn facts(state: &str, exit_code: Option<i64>) -> Facts {
        Facts { state: state.into(), exit_code, ..Facts::default() }
    }

    fn judged(facts: &Facts, history: History, terms: Terms) -> (String, bool, Vec<Cause>) {
        let word = state(facts, history, terms, &mut Words::default());
        (word.word.to_string(), word.well.unwrap(), word.causes)
    }

    fn health_of(word: &str, uptime_seconds: u64, terms: Terms) -> Option<(Option<bool>, Vec<Cause>)> {
        let facts = Facts {
            health: Some(word.into()),
            uptime: Some(Duration::from_secs(uptime_seconds)),
            details: Some(Box::new(Details { health_output: Some("no answer".to_owned()), ..Details::default() })),
            ..facts("running", None)
        };
        health(&facts, terms, &mut Words::default()).map(|word| (word.well, word.causes))
    }

    #[test]
    fn running_alone_is_well_for_what_is_expected_to_run() {
        let none = History::default();
        assert_eq!(judged(&facts("running", None), none, TERMS), ("running".to_owned(), true, vec![]));
        for word in ["created", "paused", "restarting", "removing", "dead", "some new word"] {
            assert_eq!(judged(&facts(word, None), none, TERMS), (word.to_owned(), false, vec![]));
        }
        assert_eq!(
            judged(&facts("exited", Some(3)), none, TERMS),
            ("exited".to_owned(), false, vec![Cause::ExitCode(3)])
        );
        assert_eq!(judged(&facts("exited", Some(0)), none, TERMS).2, [Cause::ExitCode(0)]);
    }

    #[test]
    fn a_job_is_well_while_it_works_and_when_it_ended_with_0() {
        let well = |state: &str, code| judged(&facts(state, code), History::default(), JOB).1;
        assert!(well("exited", Some(0)) && well("running", None));
        assert!(!well("exited", Some(3)) && !well("exited", None) && !well("created", None) && !well("dead", None));
    }

    #[test]
    fn what_killed_it_is_told_instead_of_the_code_that_it_left() {
        let details = Some(Box::new(Details { oom_killed: true, ..Details::default() }));
        let oom = Facts { details, ..facts("exited", Some(137)) };
        assert_eq!(judged(&oom, BY_HAND, TERMS).2, [Cause::OomKilled]);
        assert_eq!(judged(&facts("exited", Some(137)), BY_HAND, TERMS).2, [Cause::StoppedByHand]);
        assert_eq!(judged(&facts("exited", Some(137)), History::default(), TERMS).2, [Cause::ExitCode(137)]);
    }

    #[test]
    fn a_restart_loop_is_restarting_even_while_the_engine_says_running() {
        let history = History { restarts: 4, ..History::default() };
        let looping = Cause::RestartLoop { times: 4, window_minutes: 10 };
        let (word, well, causes) = judged(&facts("running", None), history, TERMS);
        assert_eq!((word.as_str(), well, causes), ("restarting", false, vec![looping.clone()]));
        assert_eq!(judged(&facts("restarting", Some(7)), history, TERMS).2, [looping, Cause::ExitCode(7)]);
        let twice = History { restarts: 2, ..History::default() };
        assert_eq!(judged(&facts("running", None), twice, TERMS), ("running".to_owned(), true, vec![]));
        assert_eq!(judged(&facts("exited", Some(1)), history, TERMS).0, "exited");
    }

    #[test]
    fn starting_is_neither_good_nor_bad_for_ten_minutes_and_bad_after_them() {
        assert_eq!(health_of("starting", 599, TERMS), Some((None, vec![])));
        assert_eq!(health_of("starting", 600, TERMS).unwrap().0, Some(false));
    }

    #[test]
    fn an_unhealthy_container_tells_its_last_checks_output() {
        let output = Cause::HealthOutput("no answer".to_owned());
        assert_eq!(health_of("unhealthy", 5, TERMS), Some((Some(false), vec![output])));
        assert_eq!(health_of("healthy", 5, TERMS), Some((Some(true), vec![])));
        assert_eq!(health_of("unhealthy", 5, Terms { check_health: false, ..TERMS }), None);
    }

    #[test]
    fn a_health_checks_output_is_one_bounded_line() {
        assert_eq!(one_line(" a\r\n\tb  c\n"), Some("a b c".to_owned()));
        assert_eq!(one_line(" \n"), None);
        assert_eq!(one_line(&"é".repeat(9999)).unwrap().chars().count(), MAX_OUTPUT_CHARS);
    }
}
