//! The process that writes the history: it is quick, takes its time, fails, or hangs until its deadline.
//!
//! Nothing else waits for it: that is judged by the pace of checks and messages. Of itself it is judged that batches come
//! one by one, and that readings reach it again once it works.

use super::clock::{MINUTE, SECOND};
use super::oracle::wrong;
use super::random::Random;
use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    Slow,
    Failing,
    /// It is left alone at its deadline.
    Hung,
}

/// As `worker::SAVE_DEADLINE` has it.
const DEADLINE: i64 = 60 * SECOND;

/// A batch is written at least so often while there are readings.
const BATCH_EVERY: i64 = 5 * MINUTE;

#[derive(Debug)]
pub struct Recorder {
    mood: Mood,
    changes_at: i64,
    /// When the batch on its way was made, when its outcome comes, and whether it is written.
    batch: Option<(i64, i64, bool)>,
    /// When the newest batch was made that was written.
    written: i64,
}

impl Recorder {
    pub fn new() -> Recorder {
        Recorder { mood: Mood::Well, changes_at: 0, batch: None, written: 0 }
    }

    /// When the outcome of the batch on its way comes.
    pub fn next_change(&self) -> i64 {
        self.batch.map_or(i64::MAX, |(_, ends, _)| ends)
    }

    /// The agent is gone, and so is the batch on its way.
    pub fn forget(&mut self, time: i64) {
        (self.batch, self.written) = (None, time);
    }

    fn change_mood(&mut self, time: i64, is_calm: bool, random: &mut Random) {
        if is_calm {
            self.mood = Mood::Well;
        } else if self.changes_at <= time {
            self.mood = random.pick(&[Mood::Well, Mood::Well, Mood::Slow, Mood::Failing, Mood::Hung]);
            self.changes_at = time + random.magnitude(MINUTE, 600 * MINUTE);
        }
    }

    fn outcome(&mut self, time: i64) -> Option<Result<(), String>> {
        let (made, _, is_written) = self.batch.take_if(|(_, ends, _)| *ends <= time)?;
        if is_written {
            self.written = made;
        }
        Some(if is_written { Ok(()) } else { Err("simulated".to_owned()) })
    }
}

impl World {
    /// The agent has a batch written.
    pub fn record(&mut self) {
        let (time, calm) = (self.clock.true_time, self.weather.calm || self.script.is_some());
        let recorder = &mut self.recorder;
        if recorder.batch.is_some() {
            wrong("a batch of the history is to be written beside another one");
        }
        recorder.change_mood(time, calm, &mut self.random);
        let (longest, is_written) = match recorder.mood {
            Mood::Well => (SECOND / 10, true),
            Mood::Slow => (DEADLINE, true),
            Mood::Failing => (SECOND / 10, false),
            Mood::Hung => (DEADLINE, false),
        };
        let lasts = match recorder.mood {
            Mood::Hung => DEADLINE,
            _ => self.random.magnitude(1000, longest),
        };
        recorder.batch = Some((time, time + lasts, is_written));
        let name = match recorder.mood {
            Mood::Well => "history written",
            Mood::Slow => "history written slowly",
            Mood::Failing => "history not written",
            Mood::Hung => "history's writer hangs",
        };
        self.weather.count(name);
    }

    /// The outcome of the batch on its way, once there is one.
    pub fn recorded(&mut self) -> Option<Result<(), String>> {
        self.recorder.outcome(self.clock.true_time)
    }

    /// In a calm the writer works, so readings are written.
    pub fn judge_recorder(&self) {
        let since = self.recorder.written.max(self.weather.since).max(self.disturbed);
        let late = self.clock.true_time - since;
        // Whatever was under way in the storm, and the attempt after it.
        let longest = DEADLINE + 2 * BATCH_EVERY + self.settings.check_interval * SECOND;
        if self.weather.calm && late > longest + MINUTE {
            wrong(format!("no reading was recorded for {} s", late / SECOND));
        }
    }
}
