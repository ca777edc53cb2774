//! Judges a container's state: makes its reading from the observations. Pure.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::config::Expected;
use super::health_output;
use super::interner::Interner;
use super::run::{self, End, UnseenEnd};
use super::status_text;
use crate::docker::{Inspected, Signal};
use crate::snapshot::{Cause, ContainerWord, Restarted};

/// The state of a container that is named and missing.
const MISSING: &str = "missing";

/// The state of a container that was removed.
pub const REMOVED: &str = "removed";

/// One container, as the engine described it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    pub state: Rc<str>,
    /// Only if it runs and has a health check.
    pub health: Option<Rc<str>>,
    pub uptime: Option<Duration>,
    pub exit_code: Option<i64>,
    /// Known only from inspect.
    pub details: Option<Box<Details>>,
}

/// Known only from inspect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    pub oom_killed: bool,
    pub health_output: Option<String>,
    /// The longest time for which its health may be `starting`.
    pub longest_start: Option<Duration>,
    pub restart_count: u64,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub stop_signal: Option<Signal>,
}

/// The observations over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    pub reason: DownReason,
    /// Restarts by the engine within the window.
    pub restarts: u32,
}

/// The reason why a container does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownReason {
    /// It was so when it was first seen. Unless it is named, nobody asked for it to run.
    AsItIs,
    /// Another container took its place when it was stopped on purpose.
    Replaced,
    /// It ended since, with this exit code if the engine's event told one.
    Ended { how: End, exit_code: Option<i64> },
}

/// The expectations of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchPolicy {
    pub expected: Expected,
    /// It is named in the configuration, and not by a pattern.
    pub is_named: bool,
    pub check_health: bool,
    /// Its trouble is critical.
    pub is_critical: bool,
    pub loop_times: u32,
    pub loop_window: Duration,
}

impl WatchPolicy {
    fn reading_of(self, word: Rc<str>, interner: &mut Interner) -> ContainerWord {
        let expected = interner.get(self.expected.word());
        ContainerWord { is_critical: self.is_critical, ..ContainerWord::new(word, expected) }
    }
}

impl Observation {
    /// `state` and `status` are the list's.
    pub fn listed(state: &str, status: &str, interner: &mut Interner) -> Observation {
        Observation {
            state: interner.get(state),
            health: status_text::health(status).map(|word| interner.get(word)),
            uptime: status_text::uptime(status),
            exit_code: status_text::exit_code(status),
            details: None,
        }
    }

    /// Inspect knows more than the list, and knows it better.
    pub fn inspected(inspected: &Inspected, now: Timestamp, interner: &mut Interner) -> Observation {
        let state = interner.get(&inspected.state.status);
        let health = inspected.health().filter(|_| &*state == "running");
        let running_since = inspected.state.started_at.filter(|_| &*state == "running");
        Observation {
            health: health.map(|health| interner.get(&health.status)),
            uptime: running_since.map(|time| now.duration_since(time).try_into().unwrap_or_default()),
            exit_code: inspected.state.exit_code.filter(|_| matches!(&*state, "exited" | "restarting")),
            details: Some(Box::new(Details {
                oom_killed: inspected.state.oom_killed,
                health_output: health.and_then(|health| health.output.as_deref()).and_then(health_output::reason),
                longest_start: inspected.health_check().map(|check| check.longest_start()),
                restart_count: inspected.restart_count,
                started: inspected.state.started_at,
                finished: inspected.state.finished_at,
                stop_signal: inspected.stop_signal(),
            })),
            state,
        }
    }

    /// It ended, and neither well nor because it was asked to.
    pub fn is_failed(&self) -> bool {
        let ended_well = [Some(0), Some(Signal::TERM.exit_code())].contains(&self.exit_code);
        matches!(&*self.state, "exited" | "dead") && !ended_well
    }

    /// The number of restarts, if inspect was asked.
    fn restarts(&self) -> Option<Restarted> {
        let details = self.details.as_ref().filter(|details| details.restart_count > 0)?;
        Some(Restarted { count: details.restart_count, last: details.started })
    }

    /// It runs, is paused, or is about to be started again by the engine.
    pub fn is_alive(&self) -> bool {
        matches!(&*self.state, "running" | "restarting" | "paused")
    }

    pub fn is_paused(&self) -> bool {
        &*self.state == "paused"
    }
}

/// The reading of a container's state.
pub fn state(observed: &Observation, history: History, policy: WatchPolicy, interner: &mut Interner) -> ContainerWord {
    let in_loop = is_loop(history, policy) && matches!(&*observed.state, "running" | "restarting");
    let word = if in_loop { interner.get("restarting") } else { observed.state.clone() };
    let well = is_well(&word, observed.exit_code, history.reason, policy);
    let mut causes = Vec::new();
    if well == Some(false) {
        if in_loop {
            let window_minutes = u32::try_from(policy.loop_window.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
            causes.push(Cause::RestartLoop { times: history.restarts, window_minutes });
        }
        causes.extend(why(observed, history.reason));
    }
    ContainerWord {
        well,
        on_purpose: is_between(&word) || causes.iter().any(Cause::is_on_purpose),
        causes,
        restarts: observed.restarts().map(Box::new),
        ..policy.reading_of(word, interner)
    }
}

/// It neither runs nor has ended: somebody is working on it.
fn is_between(word: &str) -> bool {
    matches!(word, "created" | "paused" | "removing")
}

/// Whether a bad state is a deliberate one, as far as its word tells.
pub fn is_on_purpose(word: &str) -> bool {
    is_between(word) || [MISSING, REMOVED].contains(&word)
}

pub fn is_loop(history: History, policy: WatchPolicy) -> bool {
    history.restarts >= policy.loop_times
}

fn is_well(word: &str, exit_code: Option<i64>, reason: DownReason, policy: WatchPolicy) -> Option<bool> {
    let is_finished = word == "exited" && exit_code == Some(0);
    let was_stopped = matches!(reason, DownReason::Ended { how: End::Stopped | End::Engine, .. });
    match reason {
        _ if word == "running" => Some(true),
        _ if is_finished && (policy.expected == Expected::Exited || !(policy.is_named || was_stopped)) => Some(true),
        DownReason::Replaced => Some(true),
        DownReason::AsItIs if !policy.is_named && word != "restarting" => None,
        DownReason::AsItIs | DownReason::Ended { .. } => Some(false),
    }
}

/// The causes of its end, as far as they are known.
fn why(observed: &Observation, reason: DownReason) -> Vec<Cause> {
    let (how, told_code) = match reason {
        DownReason::Ended { how, exit_code } => (how, exit_code),
        DownReason::AsItIs | DownReason::Replaced => (End::Itself, None),
    };
    let exit_code = match (&*observed.state, observed.exit_code) {
        // Between two attempts engines reset the code to 0.
        ("restarting", None | Some(0)) => told_code.filter(|code| *code != 0),
        ("exited" | "dead" | "restarting", code) => code.or(told_code),
        ("removing", _) => told_code,
        _ => return Vec::new(),
    };
    let stop_signal = observed.details.as_ref().and_then(|details| details.stop_signal);
    ended(how, exit_code, stop_signal)
}

/// The causes of an end. An exit code that follows from the cause is left out.
fn ended(how: End, exit_code: Option<i64>, stop_signal: Option<Signal>) -> Vec<Cause> {
    let (cause, is_explained): (_, fn(i64, Option<Signal>) -> bool) = match how {
        End::OutOfMemory => (Cause::OomKilled, |code, _| code == Signal::KILL.exit_code()),
        End::Stopped => (Cause::StoppedByHand, run::is_left_by_a_stop),
        End::Engine => {
            (Cause::EngineStopped, |code, signal| code == UNKNOWN_EXIT || run::is_left_by_a_stop(code, signal))
        }
        End::Itself if exit_code == Some(Signal::TERM.exit_code()) => (Cause::Terminated, |_, _| true),
        End::Itself => return exit_code.map(Cause::ExitCode).into_iter().collect(),
    };
    let code = exit_code.filter(|code| !is_explained(*code, stop_signal)).map(Cause::ExitCode);
    std::iter::once(cause).chain(code).collect()
}

/// The exit code that an engine writes for a container that died unobserved: containerd's UnknownExitStatus.
const UNKNOWN_EXIT: i64 = 255;

/// The reading of a run that ended unobserved: the container runs again, or is gone with its end.
pub fn death(death: UnseenEnd, policy: WatchPolicy, interner: &mut Interner) -> ContainerWord {
    ContainerWord {
        well: Some(false),
        causes: ended(death.how, death.exit_code, None),
        ..policy.reading_of(interner.get("exited"), interner)
    }
}

/// The reading of a container that is named and missing.
pub fn missing(policy: WatchPolicy, interner: &mut Interner) -> ContainerWord {
    ContainerWord { on_purpose: true, ..policy.reading_of(interner.get(MISSING), interner) }
}

/// The reading of one that ran until it was removed.
pub fn removed(policy: WatchPolicy, interner: &mut Interner) -> ContainerWord {
    ContainerWord {
        on_purpose: true,
        causes: vec![Cause::Removed],
        ..policy.reading_of(interner.get(REMOVED), interner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const POLICY: WatchPolicy = WatchPolicy {
        expected: Expected::Running,
        is_named: true,
        check_health: true,
        is_critical: false,
        loop_times: 3,
        loop_window: Duration::from_secs(600),
    };
    const JOB: WatchPolicy = WatchPolicy { expected: Expected::Exited, ..POLICY };
    const UNNAMED: WatchPolicy = WatchPolicy { is_named: false, ..POLICY };

    const ENDED: History = ended_by(End::Itself);

    const fn ended_by(how: End) -> History {
        History { reason: DownReason::Ended { how, exit_code: None }, restarts: 0 }
    }

    fn observed(state: &str, exit_code: Option<i64>) -> Observation {
        Observation { state: state.into(), exit_code, ..Observation::default() }
    }

    fn judge(observed: &Observation, history: History, policy: WatchPolicy) -> ContainerWord {
        state(observed, history, policy, &mut Interner::default())
    }

    fn judged(observed: &Observation, history: History, policy: WatchPolicy) -> (String, Option<bool>, Vec<Cause>) {
        let word = judge(observed, history, policy);
        (word.word.to_string(), word.well, word.causes)
    }

    #[test]
    fn running_alone_is_well_for_what_is_named_and_expected_to_run() {
        assert_eq!(judged(&observed("running", None), ENDED, POLICY), ("running".to_owned(), Some(true), vec![]));
        for word in ["created", "paused", "restarting", "removing", "dead", "some new word"] {
            for reason in [DownReason::AsItIs, ENDED.reason] {
                let history = History { reason, restarts: 0 };
                assert_eq!(judged(&observed(word, None), history, POLICY), (word.to_owned(), Some(false), vec![]));
            }
        }
        let exited = |code| judged(&observed("exited", Some(code)), ENDED, POLICY);
        assert_eq!(exited(3), ("exited".to_owned(), Some(false), vec![Cause::ExitCode(3)]));
        assert_eq!(exited(0).2, [Cause::ExitCode(0)]);
    }

    #[test]
    fn a_job_is_well_while_it_works_and_when_it_ended_with_0() {
        let well = |state: &str, code| judged(&observed(state, code), ENDED, JOB).1;
        assert_eq!([well("exited", Some(0)), well("running", None)], [Some(true); 2]);
        for (state, code) in [("exited", Some(3)), ("exited", None), ("created", None), ("dead", None)] {
            assert_eq!(well(state, code), Some(false), "{state}");
        }
    }

    #[test]
    fn what_is_not_named_is_taken_as_it_is_first_seen_and_well_when_it_finished() {
        let as_it_is = History { reason: DownReason::AsItIs, restarts: 0 };
        for (state, code) in [("exited", Some(3)), ("created", None), ("dead", None), ("paused", None)] {
            assert_eq!(judged(&observed(state, code), as_it_is, UNNAMED), (state.to_owned(), None, vec![]));
        }
        let well = |state: &str, code, history| judged(&observed(state, code), history, UNNAMED).1;
        assert_eq!(well("restarting", Some(1), as_it_is), Some(false));
        assert_eq!(well("exited", Some(0), as_it_is), Some(true));
        assert_eq!(well("exited", Some(0), ENDED), Some(true));
        assert_eq!(well("exited", Some(3), ENDED), Some(false));
        for how in [End::Stopped, End::Engine] {
            assert_eq!(well("exited", Some(0), ended_by(how)), Some(false), "{how:?}");
        }
        assert_eq!(well("exited", Some(143), History { reason: DownReason::Replaced, restarts: 0 }), Some(true));
    }

    #[test]
    fn who_stopped_it_is_told_and_the_exit_code_where_it_says_more() {
        let causes = |how, code| judged(&observed("exited", Some(code)), ended_by(how), POLICY).2;
        for code in [0, 137, 143] {
            assert_eq!(causes(End::Stopped, code), [Cause::StoppedByHand]);
            assert_eq!(causes(End::Engine, code), [Cause::EngineStopped]);
        }
        assert_eq!(causes(End::Stopped, 3), [Cause::StoppedByHand, Cause::ExitCode(3)]);
        assert_eq!(causes(End::Engine, 255), [Cause::EngineStopped]);
        assert_eq!(causes(End::OutOfMemory, 137), [Cause::OomKilled]);
        assert_eq!(causes(End::OutOfMemory, 1), [Cause::OomKilled, Cause::ExitCode(1)]);
        assert_eq!(causes(End::Itself, 137), [Cause::ExitCode(137)]);
        assert_eq!(causes(End::Itself, 143), [Cause::Terminated]);
    }

    #[test]
    fn what_somebody_meant_waits_for_its_grace_and_a_crash_does_not() {
        let on_purpose = |state: &str, code, how| judge(&observed(state, code), ended_by(how), POLICY).on_purpose;
        assert!(on_purpose("exited", Some(0), End::Stopped) && on_purpose("exited", Some(3), End::Stopped));
        assert!(on_purpose("exited", Some(0), End::Engine) && on_purpose("exited", Some(143), End::Itself));
        for state in ["created", "paused", "removing"] {
            assert!(on_purpose(state, None, End::Itself), "{state}");
        }
        assert!(!on_purpose("exited", Some(1), End::Itself) && !on_purpose("exited", Some(137), End::OutOfMemory));
        assert!(!on_purpose("restarting", Some(1), End::Itself) && !on_purpose("dead", None, End::Itself));
        assert!(missing(POLICY, &mut Interner::default()).on_purpose);
        assert!(removed(POLICY, &mut Interner::default()).on_purpose);
    }

    #[test]
    fn a_restart_loop_is_restarting_even_while_the_engine_says_running() {
        let history = History { restarts: 4, ..ENDED };
        let looping = Cause::RestartLoop { times: 4, window_minutes: 10 };
        for policy in [POLICY, UNNAMED] {
            let told = judged(&observed("running", None), history, policy);
            assert_eq!(told, ("restarting".to_owned(), Some(false), vec![looping.clone()]));
        }
        assert_eq!(judged(&observed("restarting", Some(7)), history, POLICY).2, [looping.clone(), Cause::ExitCode(7)]);
        let died = DownReason::Ended { how: End::Itself, exit_code: Some(7) };
        let between = judged(&observed("restarting", Some(0)), History { reason: died, restarts: 4 }, POLICY);
        assert_eq!(between.2, [looping, Cause::ExitCode(7)]);
        let twice = History { restarts: 2, ..ENDED };
        assert_eq!(judged(&observed("running", None), twice, POLICY), ("running".to_owned(), Some(true), vec![]));
        assert_eq!(judged(&observed("exited", Some(1)), history, POLICY).0, "exited");
    }
}
