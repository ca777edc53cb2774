//! One run of a container, from its start to its death, by the engine's events: the cause of its end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::docker::Signal;
use crate::docker::events::{Event, Kind};

const SECOND_NANOS: i64 = 1_000_000_000;

/// A death within this time after a kill is the kill's. `docker stop` asks first and waits 10 s by default; when it
/// waits longer, the `stop` event that follows the death tells.
const KILL_LASTS_NANOS: i64 = 60 * SECOND_NANOS;

/// If memory ran out this long before a death, or was reported this long after it, that ended the container: the kernel
/// may have killed one of its processes and left the rest a moment.
const OOM_BEFORE_NANOS: i64 = 5 * SECOND_NANOS;
const OOM_AFTER_NANOS: i64 = SECOND_NANOS;

/// The bound of the kills of one run; the newest count.
const MAX_KILLS: usize = 8;

/// The cause of a run's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Nobody, as far as is known: it ended by itself.
    Itself,
    /// The kernel, for want of memory.
    OutOfMemory,
    /// Somebody asked the engine for it.
    Stopped,
    /// The engine, which went away.
    Engine,
}

/// The engine's events about a run. Most containers have none, and take no memory for them.
#[derive(Clone, Debug, Default)]
pub struct Run(Option<Box<Evidence>>);

#[derive(Clone, Debug, Default)]
struct Evidence {
    kills: Vec<Kill>,
    oom_at_nanos: Option<i64>,
    death: Option<Death>,
    /// It was said to be a stop.
    stopped: bool,
}

#[derive(Clone, Copy, Debug)]
struct Kill {
    /// `None`: the engine did not name it (podman).
    signal: Option<Signal>,
    at_nanos: i64,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    pub exit_code: Option<i64>,
    at_nanos: i64,
}

/// The fields of inspect that decide on an end.
#[derive(Clone, Copy, Debug, Default)]
pub struct InspectedEnd {
    pub exit_code: Option<i64>,
    /// The engine's flag, which stays once it is set, whatever ends the container later.
    pub oom_killed: bool,
    pub stop_signal: Option<Signal>,
}

/// The end of a run that no look saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnseenEnd {
    pub how: End,
    pub exit_code: Option<i64>,
}

impl UnseenEnd {
    pub fn is_on_purpose(self) -> bool {
        is_on_purpose(self.how, self.exit_code)
    }
}

/// Whether somebody meant such an end.
pub fn is_on_purpose(how: End, exit_code: Option<i64>) -> bool {
    match how {
        End::Stopped | End::Engine => true,
        End::Itself => exit_code == Some(Signal::TERM.exit_code()),
        End::OutOfMemory => false,
    }
}

impl Run {
    /// Takes in an event of this run. Its start is the beginning of another one.
    pub fn take_in(&mut self, event: &Event) {
        let Event { kind, at_nanos, signal, exit_code, .. } = *event;
        if !matches!(kind, Kind::Kill | Kind::Oom | Kind::Die | Kind::Stop) {
            return;
        }
        let told = self.0.get_or_insert_default();
        match kind {
            Kind::Kill => {
                if told.kills.len() == MAX_KILLS {
                    told.kills.remove(0);
                }
                told.kills.push(Kill { signal, at_nanos });
            }
            Kind::Oom => told.oom_at_nanos = Some(at_nanos),
            Kind::Die => told.death = Some(Death { exit_code, at_nanos }),
            _ => told.stopped = true,
        }
    }

    pub fn death(&self) -> Option<Death> {
        self.0.as_ref()?.death
    }

    /// Whether it ended before `time` on the wall clock, which is the engine's too.
    pub fn ended_by(&self, time: Timestamp) -> bool {
        self.death().is_some_and(|death| i128::from(death.at_nanos) <= time.as_nanosecond())
    }

    /// Its end, as one that no look saw.
    pub fn unseen_end(&self, inspected: InspectedEnd) -> UnseenEnd {
        UnseenEnd {
            how: self.end(inspected),
            exit_code: self.death().and_then(|death| death.exit_code).or(inspected.exit_code),
        }
    }

    /// The cause of its end.
    fn end(&self, inspected: InspectedEnd) -> End {
        self.0.as_deref().unwrap_or(&Evidence::default()).end(inspected)
    }
}

impl Evidence {
    fn end(&self, inspected: InspectedEnd) -> End {
        let exit_code = self.death.and_then(|death| death.exit_code).or(inspected.exit_code);
        if self.stopped || self.kills.iter().any(|kill| self.was_ended_by(*kill, exit_code, inspected.stop_signal)) {
            End::Stopped
        } else if self.ran_out_of_memory() || (inspected.oom_killed && exit_code == Some(Signal::KILL.exit_code())) {
            End::OutOfMemory
        } else {
            End::Itself
        }
    }

    /// A signal that asks for no end (`docker kill -s HUP`, to read a configuration again) causes none.
    fn was_ended_by(&self, kill: Kill, exit_code: Option<i64>, stop_signal: Option<Signal>) -> bool {
        let left_by_it = exit_code.is_none_or(|code| is_left_by_a_stop(code, stop_signal));
        match kill.signal {
            Some(signal) if ![Some(Signal::KILL), Some(Signal::TERM), stop_signal].contains(&Some(signal)) => {
                return false;
            }
            None if !left_by_it => return false,
            _ => {}
        }
        let Some(death) = self.death else { return true };
        let passed_nanos = death.at_nanos.saturating_sub(kill.at_nanos);
        // An engine reports a kill afterwards, when the container may be dead; but then nothing else killed it.
        if passed_nanos < 0 { left_by_it } else { passed_nanos <= KILL_LASTS_NANOS }
    }

    fn ran_out_of_memory(&self) -> bool {
        let Some(oom_at_nanos) = self.oom_at_nanos else { return false };
        self.death.is_none_or(|death| {
            let passed_nanos = death.at_nanos.saturating_sub(oom_at_nanos);
            (-OOM_AFTER_NANOS..=OOM_BEFORE_NANOS).contains(&passed_nanos)
        })
    }
}

/// Whether a container that was asked to stop leaves this exit code: any other code is worth telling.
pub fn is_left_by_a_stop(exit_code: i64, stop_signal: Option<Signal>) -> bool {
    let signals = [Some(Signal::KILL), Some(Signal::TERM), stop_signal];
    exit_code == 0 || signals.into_iter().flatten().any(|signal| signal.exit_code() == exit_code)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn event(kind: Kind, seconds: i64) -> Event {
        Event {
            kind,
            id: "b8dc".to_owned(),
            name: "web".to_owned(),
            old_name: None,
            labels: Default::default(),
            signal: None,
            exit_code: None,
            at_nanos: seconds * SECOND_NANOS,
        }
    }

    fn kill(signal: &str, seconds: i64) -> Event {
        Event { signal: Signal::parse(signal), ..event(Kind::Kill, seconds) }
    }

    fn die(exit_code: i64, seconds: i64) -> Event {
        Event { exit_code: Some(exit_code), ..event(Kind::Die, seconds) }
    }

    fn end_of(events: &[Event], inspected: InspectedEnd) -> End {
        let mut run = Run::default();
        events.iter().for_each(|event| run.take_in(event));
        run.end(inspected)
    }

    fn end(events: &[Event]) -> End {
        end_of(events, InspectedEnd::default())
    }

    #[test]
    fn a_kill_that_ends_is_a_stop_and_one_that_asks_for_something_else_is_not() {
        for signal in ["9", "15", "SIGTERM"] {
            assert_eq!(end(&[kill(signal, 10), die(137, 11)]), End::Stopped, "{signal}");
        }
        for signal in ["1", "10", "12", "SIGQUIT"] {
            assert_eq!(end(&[kill(signal, 10), die(1, 11)]), End::Itself, "{signal}");
        }
        let quit = InspectedEnd { stop_signal: Signal::parse("SIGQUIT"), ..InspectedEnd::default() };
        assert_eq!(end_of(&[kill("3", 10), die(0, 11)], quit), End::Stopped);
        // A later request does not undo the stop.
        assert_eq!(end(&[kill("15", 10), kill("1", 11), die(0, 12)]), End::Stopped);
    }

    #[test]
    fn a_death_long_after_a_kill_is_not_the_kills_but_the_stop_events() {
        assert_eq!(end(&[kill("15", 10), die(1, 1000)]), End::Itself);
        assert_eq!(end(&[kill("15", 10), die(137, 310), event(Kind::Stop, 310)]), End::Stopped);
        assert_eq!(end(&[die(3, 10)]), End::Itself);
    }

    #[test]
    fn a_kill_that_is_told_after_the_death_is_its_cause_only_where_the_exit_code_says_so() {
        assert_eq!(end(&[die(137, 10), kill("9", 11)]), End::Stopped);
        assert_eq!(end(&[die(0, 10), kill("15", 11)]), End::Stopped);
        assert_eq!(end(&[die(3, 10), kill("15", 11)]), End::Itself);
    }

    #[test]
    fn a_kill_without_a_named_signal_is_judged_by_the_exit_code() {
        assert_eq!(end(&[event(Kind::Kill, 10), die(137, 10)]), End::Stopped);
        assert_eq!(end(&[event(Kind::Kill, 10), die(1, 12)]), End::Itself);
    }

    #[test]
    fn memory_ran_out_where_the_event_or_flag_and_code_say_so_and_nobody_stopped_it() {
        let flag = InspectedEnd { oom_killed: true, ..InspectedEnd::default() };
        assert_eq!(end_of(&[die(137, 10)], flag), End::OutOfMemory);
        assert_eq!(end_of(&[die(3, 10)], flag), End::Itself);
        assert_eq!(end_of(&[kill("9", 10), die(137, 10)], flag), End::Stopped);
        assert_eq!(end(&[event(Kind::Oom, 8), die(1, 10)]), End::OutOfMemory);
        assert_eq!(end(&[die(137, 10), event(Kind::Oom, 10)]), End::OutOfMemory);
        assert_eq!(end(&[event(Kind::Oom, 8), die(1, 100)]), End::Itself);
        // Without events: inspect alone.
        assert_eq!(end_of(&[], InspectedEnd { exit_code: Some(137), ..flag }), End::OutOfMemory);
        assert_eq!(end_of(&[], InspectedEnd { exit_code: Some(0), ..flag }), End::Itself);
    }
}
