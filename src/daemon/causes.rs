//! Finds the causes of alerts: reads the control groups, and gives containers their names.

use std::time::Duration;

use crate::cause::{Amount, Causes, Holder, Share, Wanted, burned};
use crate::clock::Boot;
use crate::collect::docker::Engine;
use crate::core::Input;
use crate::host::{Host, Owner};

/// How long CPU time is counted where no earlier count is there.
const WINDOW: Duration = Duration::from_secs(1);

/// A container that no list has is told by so many digits of its id, as `docker ps` shows it.
const SHORT_ID_DIGITS: usize = 12;

/// The search for causes.
#[derive(Default)]
pub struct CauseFinder {
    counted: Option<Count>,
    /// A search that waits for the end of [`WINDOW`].
    asked: Option<Asked>,
}

/// The CPU time of each owner at an instant, in microseconds.
struct Count {
    at: Boot,
    micros: Vec<(Owner, u64)>,
}

struct Asked {
    wanted: Wanted,
    found: Causes,
    due: Boot,
}

impl CauseFinder {
    /// Counts CPU time from now on.
    pub fn count_cpu(&mut self, host: &Host, now: Boot) {
        self.counted = host.cgroups.as_ref().map(|cgroups| Count { at: now, micros: cgroups.cpu_micros() });
    }

    /// Begins to search; a search that is under way is given up. Returns the causes if they are there at once.
    pub fn begin(&mut self, wanted: Wanted, host: &mut Host, engine: &Engine, now: Boot) -> Option<Input> {
        self.asked = None;
        let mut found = Causes::default();
        let Some(cgroups) = &host.cgroups else { return Some(Input::CausesFound(found)) };
        let in_bytes = |owners: Vec<(Owner, u64)>| {
            let shares = owners.into_iter().map(|(owner, bytes)| share(&owner, Amount::Bytes(bytes), engine));
            shares.collect::<Vec<Share>>()
        };
        if wanted.memory {
            found.memory = in_bytes(cgroups.memory(wanted.most));
        }
        if wanted.swap {
            found.swap = in_bytes(cgroups.swap(wanted.most));
        }
        let mut due = now;
        if wanted.cpu && self.counted.as_ref().is_none_or(|count| now - count.at < WINDOW / 2) {
            self.count_cpu(host, now);
            due = now.after(WINDOW);
        }
        self.asked = Some(Asked { wanted, found, due });
        self.advance(host, engine, now)
    }

    /// When [`CauseFinder::advance`] has the causes.
    pub fn due(&self) -> Option<Boot> {
        self.asked.as_ref().map(|asked| asked.due)
    }

    pub fn advance(&mut self, host: &mut Host, engine: &Engine, now: Boot) -> Option<Input> {
        let Asked { wanted, mut found, .. } = self.asked.take_if(|asked| asked.due <= now)?;
        if wanted.cpu
            && let Some(before) = self.counted.take()
            && let Some(cgroups) = &host.cgroups
        {
            let after = cgroups.cpu_micros();
            let owners = burned(&before.micros, &after, now - before.at, host.cpus(), wanted.most);
            found.cpu = owners.iter().map(|(owner, percent)| share(owner, Amount::Percent(*percent), engine)).collect();
        }
        Some(Input::CausesFound(found))
    }
}

fn share(owner: &Owner, amount: Amount, engine: &Engine) -> Share {
    let holder = match owner {
        Owner::Container(id) => {
            Holder::Container(engine.name_of(id).unwrap_or_else(|| id.get(..SHORT_ID_DIGITS).unwrap_or(id).into()))
        }
        Owner::Named(name) => Holder::Container(name.as_str().into()),
        Owner::User(name) | Owner::Unit(name) | Owner::Other(name) => Holder::Group(name.as_str().into()),
    };
    Share { holder, amount }
}
