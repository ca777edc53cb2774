//! Finds the causes of alerts: reads the control groups, and gives containers their names.

use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use nix::poll::PollFlags;

use super::disk_causes::DockerShare;
use crate::cause::{Amount, Causes, Holder, Share, Wanted, burned};
use crate::clock::Boot;
use crate::collect::docker::{Enabled, Engine};
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
    /// A search that waits for the end of [`WINDOW`], or for the engine.
    asked: Option<Asked>,
    docker: DockerShare,
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
    /// The engine has not told yet what it holds.
    awaits_docker: bool,
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
        if let Some(cgroups) = &host.cgroups {
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
        }
        let mut due = now;
        if wanted.cpu && self.counted.as_ref().is_none_or(|count| now - count.at < WINDOW / 2) {
            self.count_cpu(host, now);
            due = now.after(WINDOW);
        }
        let config = engine.config();
        let asks_docker = !wanted.disks.is_empty() && config.enabled != Enabled::Never;
        let awaits_docker = asks_docker && self.docker.ask(&config.socket, now);
        self.asked = Some(Asked { wanted, found, due, awaits_docker });
        self.advance(host, engine, now)
    }

    /// When [`CauseFinder::advance`] has something to do though no descriptor is ready.
    pub fn due(&self) -> Option<Boot> {
        let asked = self.asked.as_ref().filter(|asked| !asked.awaits_docker).map(|asked| asked.due);
        asked.into_iter().chain(self.docker.due()).min()
    }

    /// The descriptor of the question for Docker's share, with its events.
    pub fn fd(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        self.docker.fd()
    }

    pub fn advance(&mut self, host: &mut Host, engine: &Engine, now: Boot) -> Option<Input> {
        let is_told = self.docker.advance(now);
        if let Some(asked) = &mut self.asked {
            asked.awaits_docker &= !is_told;
        }
        let ready = self.asked.take_if(|asked| asked.due <= now && !asked.awaits_docker);
        Some(Input::CausesFound(self.found(ready?, host, engine, now)))
    }

    #[inline(never)]
    fn found(&mut self, ready: Asked, host: &mut Host, engine: &Engine, now: Boot) -> Causes {
        let Asked { wanted, mut found, .. } = ready;
        if !wanted.disks.is_empty() {
            found.disks = self.docker.causes(&wanted.disks, host);
        }
        if wanted.cpu
            && let Some(before) = self.counted.take()
            && let Some(cgroups) = &host.cgroups
        {
            let after = cgroups.cpu_micros();
            let owners = burned(&before.micros, &after, now - before.at, host.cpus(), wanted.most);
            found.cpu = owners.iter().map(|(owner, percent)| share(owner, Amount::Percent(*percent), engine)).collect();
        }
        found
    }
}

/// A container's name, or the beginning of its id.
pub fn container_name(id: &str, engine: &Engine) -> Rc<str> {
    engine.name_of(id).unwrap_or_else(|| id.get(..SHORT_ID_DIGITS).unwrap_or(id).into())
}

fn share(owner: &Owner, amount: Amount, engine: &Engine) -> Share {
    let holder = match owner {
        Owner::Container(id) => Holder::Container(container_name(id, engine)),
        Owner::Named(name) => Holder::Container(name.as_str().into()),
        Owner::User(name) | Owner::Unit(name) | Owner::Other(name) => Holder::Group(name.as_str().into()),
    };
    Share { holder, amount }
}
