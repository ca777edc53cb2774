//! The story of one run, line by line: events of the world, and between them the agent's own log.

use std::cell::RefCell;

use log::{LevelFilter, Log, Metadata, Record};

thread_local! {
    /// The run of this thread, where somebody wants its story.
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From here on the story is kept.
pub fn begin() {
    // Another test of this process may have set one; then the story is without the log.
    if log::set_logger(&AgentsLog).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
    LINES.with_borrow_mut(|lines| *lines = Some(Vec::new()));
}

pub fn add(line: impl FnOnce() -> String) {
    LINES.with_borrow_mut(|lines| {
        if let Some(lines) = lines {
            lines.push(line());
        }
    });
}

/// The story so far; there is none after it.
pub fn take() -> Vec<String> {
    LINES.with_borrow_mut(Option::take).unwrap_or_default()
}

struct AgentsLog;

impl Log for AgentsLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        LINES.with_borrow(Option::is_some)
    }

    fn log(&self, record: &Record<'_>) {
        add(|| format!("{:>13} {}: {}", "", record.level(), record.args()));
    }

    fn flush(&self) {}
}
