//! The one poll(2): the list of descriptors, and the owners of those that are ready.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::Daemon;
use super::start_watch::StartWatch;
use super::zone_watch::ZoneWatch;

/// A poll(2) that fails (ENOMEM) is not tried again at once.
const POLL_FAILED_PAUSE: Duration = Duration::from_millis(100);

/// The owner of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Signals,
    Clock,
    Zone,
    Start,
    Errand,
    Save,
    Record,
    Engine,
    Bus,
    Oom,
    Control,
    Configuration,
}

impl Daemon {
    fn watched(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let readable = |fd| (fd, PollFlags::POLLIN);
        let [look, events, question] = self.measuring.fds();
        let [bus, files] = self.measuring.bus_fds();
        let single = [
            (Source::Signals, Some(readable(self.signals.fd()))),
            (Source::Clock, Some(readable(self.clock_watch.fd()))),
            (Source::Zone, self.zone_watch.as_ref().map(ZoneWatch::fd).map(readable)),
            (Source::Start, self.start_watch.as_ref().and_then(StartWatch::fd).map(readable)),
            (Source::Save, self.saver.fd().map(readable)),
            (Source::Record, self.recorder.fd().map(readable)),
            (Source::Engine, look),
            (Source::Engine, events),
            (Source::Engine, question),
            (Source::Bus, bus),
            (Source::Bus, files),
            (Source::Oom, self.measuring.oom_fd().map(readable)),
            (Source::Configuration, self.loader.fd().map(readable)),
        ];
        let mut watched = Vec::with_capacity(8);
        for (source, fd) in single {
            watched.extend(fd.map(|(fd, flags)| (source, fd, flags)));
        }
        watched.extend(self.errands.fds().map(|(fd, flags)| (Source::Errand, fd, flags)));
        if let Some(control) = &self.control {
            watched.extend(control.fds().map(|(fd, flags)| (Source::Control, fd, flags)));
        }
        watched
    }

    /// The owners of the ready descriptors. If poll(2) fails, all of them are handled after a pause: none waits.
    pub(super) fn poll(&mut self, timeout: Option<Duration>) -> Vec<Source> {
        let mut turns = std::mem::take(&mut self.turns);
        let watched = self.watched();
        let mut fds: Vec<PollFd<'_>> = watched.iter().map(|(_, fd, flags)| PollFd::new(*fd, *flags)).collect();
        turns.end();
        let polled = match ppoll(&mut fds, timeout.map(TimeSpec::from), None) {
            Err(Errno::EINTR) => Ok(0),
            polled => polled,
        };
        turns.begin();
        let mut sources = Vec::new();
        if polled != Ok(0) {
            let ready = watched.iter().zip(&fds).filter(|(_, fd)| polled.is_err() || fd.any().unwrap_or(true));
            sources.extend(ready.map(|((source, ..), _)| *source));
            sources.dedup();
        }
        self.turns = turns;
        let failed_before = std::mem::replace(&mut self.poll_fails, polled.is_err());
        if let Err(error) = polled {
            if !failed_before {
                log::error!("poll: {}", error.desc());
            }
            std::thread::sleep(POLL_FAILED_PAUSE);
        }
        sources
    }
}
