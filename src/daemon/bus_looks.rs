//! Looks between two checks, which signals of the system bus call for: of the sources that follow these signals. A file
//! that is written calls for one as well.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

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
    /// The files, and who tells that they are written.
    files: Vec<&'static str>,
    inotify: Option<Inotify>,
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
        let files: Vec<_> = sources.iter().filter_map(|source| source.follows()?.file).collect();
        let is_watching = !files.is_empty() && host.is_this_system();
        let inotify = is_watching.then(|| Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok()).flatten();
        let check = Check::new(&sources, host);
        let looks =
            BusLooks { check, paths, files, inotify, is_looking: false, is_wanted: false, next: Boot::EARLIEST };
        looks.watch_files();
        looks
    }

    /// Readable when a file was written.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Watches the files that are there now. One that is watched already stays; one that was rotated is another one.
    pub fn watch_files(&self) {
        let changes = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_DELETE_SELF;
        for file in &self.files {
            let _ = self.inotify.as_ref().map(|inotify| inotify.add_watch(*file, changes));
        }
    }

    /// A file may have been written.
    pub fn wake_by_files(&mut self) {
        let read = self.inotify.as_ref().and_then(|inotify| inotify.read_events().ok());
        if read.is_some_and(|events| !events.is_empty()) {
            self.is_wanted = true;
            self.watch_files();
        }
    }

    /// When [`BusLooks::advance`] has something to do.
    pub fn due(&self) -> Option<Boot> {
        if self.is_looking { self.check.next_due() } else { self.is_wanted.then_some(self.next) }
    }

    /// The bus has news.
    #[inline(never)]
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
