//! What messages tell, as values: from them a digest can be made when there is too much to be told message by message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::Transition;
use crate::snapshot::Key;
use crate::text;

/// One thing that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub about: About,
    /// It as one line of at most `MAX_LINE_BYTES`, without its times.
    pub line: String,
    pub began: Timestamp,
    /// When an alert was over; `None`: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// For how many such things it stands.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// One episode of an alert, known by its key and by when it began.
    Alert(Key),
    /// A message that tells of no alert.
    Other,
    /// What is not listed one by one any more.
    Unlisted,
}

/// A fact's line is cut here; names that are longer than this are nobody's reading.
pub const MAX_LINE_BYTES: usize = 160;

impl Fact {
    /// What a transition's message tells in `lines`.
    pub fn of_alert(transition: &Transition, lines: &[String], ended: Option<Timestamp>) -> Fact {
        Fact {
            about: About::Alert(transition.key.clone()),
            line: cut(&lines.join(" ")),
            began: transition.since,
            ended,
            times: 1,
        }
    }

    pub fn other(line: &str, at: Timestamp) -> Fact {
        Fact { about: About::Other, line: cut(line), began: at, ended: None, times: 1 }
    }

    /// An alert that is not over.
    pub fn is_open(&self) -> bool {
        matches!(self.about, About::Alert(_)) && self.ended.is_none()
    }

    /// Whether both are about one episode of one alert.
    pub fn is_same_episode(&self, other: &Fact) -> bool {
        matches!(self.about, About::Alert(_)) && self.about == other.about && self.began == other.began
    }

    /// Takes in what was told later of the same episode. How bad it was is worth more than how good it is again.
    pub fn follow(&mut self, later: Fact) {
        if later.is_open() {
            self.line = later.line;
        }
        self.ended = later.ended.or(self.ended);
        self.times = self.times.max(later.times);
    }

    /// Stands for another one too.
    pub fn absorb(&mut self, other: &Fact) {
        let end = |fact: &Fact| fact.ended.unwrap_or(fact.began);
        self.ended = Some(end(self).max(end(other)));
        self.began = self.began.min(other.began);
        self.times = self.times.saturating_add(other.times);
    }
}

fn cut(line: &str) -> String {
    text::beginning(line, MAX_LINE_BYTES).to_owned()
}

const fn once() -> u64 {
    1
}

fn is_once(times: &u64) -> bool {
    *times == 1
}
