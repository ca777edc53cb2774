//! Looks between two checks, which signals of the system bus call for: of the sources that follow these signals.

use std::time::Duration;

use crate::clock::{Boot, Now};
use crate::collect::{Check, Plan};
use crate::host::Host;
use crate::snapshot::Snapshot;

/// The time between two looks: a restart loop sends signals many times a second, and a session of a script may be over
/// in a tenth of one.
const PAUSE: Duration = Duration::from_millis(50);

pub struct BusLooks {
    check: Check,
    /// The objects whose signals call for a look.
    paths: Vec<&'static str>,
    is_looking: bool,
    is_wanted: bool,
    next: Boot,
}

impl BusLooks {
    pub fn new(plan: &Plan, host: &mut Host) -> BusLooks {
        let sources: Vec<_> = plan.sources.iter().filter(|source| source.follows().is_some()).cloned().collect();
        let mut paths = Vec::new();
        for follow in sources.iter().filter_map(|source| source.follows()) {
            paths.push(follow.path);
            // Without a connection they are asked for by the next one.
            let _ = host.bus.follow(*follow);
        }
        let check = Check::new(&sources, host);
        BusLooks { check, paths, is_looking: false, is_wanted: false, next: Boot::EARLIEST }
    }

    /// When [`BusLooks::advance`] has something to do.
    pub fn due(&self) -> Option<Boot> {
        if self.is_looking { self.check.next_due() } else { self.is_wanted.then_some(self.next) }
    }

    /// The bus has news.
    pub fn wake(&mut self, host: &mut Host, now: Boot) {
        self.check.wake(now);
        let paths = &self.paths;
        self.is_wanted |= host.bus.take_signals().any(|signal| paths.contains(&&*signal.path));
    }

    /// Begins a look that is due, or goes on with one; returns its findings.
    pub fn advance(&mut self, host: &mut Host, now: Now) -> Option<Snapshot> {
        if !self.is_looking && self.is_wanted && self.next <= now.boot {
            (self.is_wanted, self.is_looking, self.next) = (false, true, now.boot.after(PAUSE));
            self.check.begin(host, now.boot);
        }
        if !self.is_looking {
            return None;
        }
        let mut found = self.check.advance(host, now)?;
        self.is_looking = false;
        // A failure is the next check's to tell.
        found.failures.clear();
        Some(found)
    }
}
