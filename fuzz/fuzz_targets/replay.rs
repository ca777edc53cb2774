//! Any history is replayed to its end, or to an error that names it; every message is a line of JSON and a text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vps_monitor::config::{Config, Resolved};
use vps_monitor::replay::{History, Replay};

thread_local! {
    static CONFIG: Resolved = Resolved::new(&Config::default());
}

fuzz_target!(|bytes: &[u8]| {
    CONFIG.with(|config| {
        let mut history = History::new(bytes, "history", &config.plan);
        let mut replay = Replay::new(config);
        loop {
            match history.next_check() {
                Ok(Some(check)) => {
                    for told in replay.check(check) {
                        let line = told.json(&config.style).expect("JSON");
                        assert_eq!(line.matches('\n').count(), 1);
                        assert!(!told.text(&config.style).is_empty());
                    }
                }
                Ok(None) => break assert!(!replay.summary().is_empty()),
                Err(error) => break assert!(error.to_string().starts_with("history")),
            }
        }
    });
});
