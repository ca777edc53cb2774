//! The end: messages and saves under way get a last moment, then the loop is over.

use std::time::Duration;

use super::{Core, Effect, Readiness};
use crate::cause::Causes;
use crate::clock::{Boot, Now};

/// The end of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A signal asked it to stop.
    Stopped,
    /// The one check was made; whether all its messages were delivered.
    CheckedOnce { delivered: bool },
}

/// How long a stop waits for the answer to a message that is on its way. Mostly the answer comes, and nothing is sent
/// twice.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// How long a stop takes in all: a longer save goes on without the agent.
const LONGEST: Duration = Duration::from_millis(900);

/// Only a schedule waits for the end of `run --once`, so its last save has as long as any other.
const LONGEST_ONCE: Duration = Duration::from_secs(10);

const _: () = assert!(LAST_ANSWER.as_millis() < LONGEST.as_millis(), "what the answer changes is saved");

#[derive(Clone, Copy, Debug)]
pub(super) struct Stopping {
    end: End,
    answer_until: Boot,
    until: Boot,
}

impl Core {
    pub(super) fn stop(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.take_causes(&Causes::default(), now, effects);
        self.end_with(End::Stopped, now, effects);
    }

    fn end_with(&mut self, end: End, now: Now, effects: &mut Vec<Effect>) {
        if self.stopping.is_none() {
            effects.push(Effect::Announce(Readiness::Stopping));
            let longest = if end == End::Stopped { LONGEST } else { LONGEST_ONCE };
            let (answer_until, until) = (now.boot.after(LAST_ANSWER), now.boot.after(longest));
            self.stopping = Some(Stopping { end, answer_until, until });
            self.state.end();
            self.record_the_rest(now.boot);
            self.close_taps(now, effects);
        }
    }

    /// Ends the loop when there is nothing left to wait for.
    pub(super) fn end_if_over(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.stopping.is_none()
            && let Some(delivered) = self.is_done_once(now)
        {
            self.end_with(End::CheckedOnce { delivered }, now, effects);
            self.save_if_changed(now, effects);
            self.record_if_due(now, effects);
        }
        let Some(stopping) = self.stopping else { return };
        if now.boot < stopping.until {
            let awaits_save = self.state.is_under_way() || (!self.state.is_saved() && self.save_due().is_none());
            if self.awaits_answer(stopping, now.boot) || awaits_save || self.is_recording() {
                return;
            }
        }
        self.recording.log_what_is_left();
        log::info!("stopped waiting={}", self.waiting_count());
        effects.push(Effect::End(stopping.end));
    }

    /// While the agent stops, the end of its patience.
    pub(super) fn stop_due(&self, now: Boot) -> Option<Boot> {
        let stopping = self.stopping?;
        Some(if self.awaits_answer(stopping, now) { stopping.answer_until } else { stopping.until })
    }

    fn awaits_answer(&self, stopping: Stopping, now: Boot) -> bool {
        (self.is_posting() || self.is_leaving()) && now < stopping.answer_until
    }
}
