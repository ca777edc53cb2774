//! The script of a day: events with their times.
//!
//! One event a line, `2026-02-04 08:10 host small-vps`; `#` begins a comment.
//!
//! | event | effect |
//! |---|---|
//! | `host NAME` | the readings are those of fixtures/hosts/NAME from here on |
//! | `disk PATH USED of TOTAL` | a file system's size, in GB |
//! | `disk PATH gone` | it cannot be asked any more |
//! | `container NAME STATE [HEALTH]` | the engine's next answer about it |
//! | `container NAME gone` | it is not watched any more |
//! | `event` | the engine tells of it now |
//! | `robot down`, `robot up` | connections are refused, or taken again |
//! | `robot answers ERRCODE` | to the next message, instead of 0 |
//! | `restart` | the agent is stopped, and started again |
//! | `end` | the agent is stopped, and the day is over |

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The time zone of the scripts' days.
pub fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").expect("the time zone is known")
}

#[derive(Clone, Debug)]
pub struct Line {
    pub at: Timestamp,
    /// As it stands in the script.
    pub text: String,
}

impl Line {
    /// The event and its arguments.
    pub fn words(&self) -> Vec<&str> {
        self.text.split_whitespace().skip(2).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Script {
    lines: VecDeque<Line>,
}

impl Script {
    pub fn parse(text: &str) -> Script {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let lines: VecDeque<Line> = lines.filter(|line| !line.is_empty()).map(parse_line).collect();
        assert!(lines.iter().zip(lines.iter().skip(1)).all(|(a, b)| a.at <= b.at), "the script goes back in time");
        assert!(lines.back().is_some_and(|line| line.words() == ["end"]), "the script has no end");
        Script { lines }
    }

    /// When the next event is.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.lines.front().map(|line| line.at)
    }

    /// The next event, if it is due.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Line> {
        if self.next_at()? <= now { self.lines.pop_front() } else { None }
    }
}

fn parse_line(line: &str) -> Line {
    let time: Vec<&str> = line.split_whitespace().take(2).collect();
    let civil: DateTime = time.join("T").parse().unwrap_or_else(|error| panic!("`{line}`: {error}"));
    let at = civil.to_zoned(zone()).unwrap_or_else(|error| panic!("`{line}`: {error}")).timestamp();
    Line { at, text: line.to_owned() }
}
